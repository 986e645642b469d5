/*-------------------------------------------------------------------------
 *
 * read.h
 *	  Reads events: of an entity, along the log, one by one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_READ_H
#define EVENTSTORE_LOG_READ_H

#include "postgres.h"

#include "core/block.h"

/*
 * Receives events.  It runs in a memory context that is emptied after each;
 * the event's fields are good until it returns.
 */
typedef struct EsSink
{
	void		(*receive) (void *arg, const EsStoredEvent *stored);
	void	   *arg;
} EsSink;

/* What to read of the log. */
typedef struct EsLogQuery
{
	int64		after_position;
	int64		max_count;
	bool		one_tenant;
	EsSlice		tenant_id;		/* when one_tenant; empty: the default */
} EsLogQuery;

extern void es_read_log(const EsLogQuery *query, EsSink *sink);

#endif							/* EVENTSTORE_LOG_READ_H */
