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

/* What to read of an entity. */
typedef struct EsEntityQuery
{
	EsSlice		tenant_id;		/* empty: the default tenant */
	EsSlice		entity_id;
	EsSlice		event_type;		/* empty: any */
	int64		from_version;	/* 0: from the first, or backward the last */
	int64		max_count;
	bool		backward;
} EsEntityQuery;

/* What to read of the log. */
typedef struct EsLogQuery
{
	int64		after_position;
	int64		max_count;
	bool		one_tenant;
	EsSlice		tenant_id;		/* when one_tenant; empty: the default */
} EsLogQuery;

extern void es_read_entity(const EsEntityQuery *query, EsSink *sink);
extern int64 es_read_entity_version(EsSlice tenant_id, EsSlice entity_id);
extern void es_read_log(const EsLogQuery *query, EsSink *sink);
extern void es_read_position(int64 position, EsSink *sink);
extern void es_read_everything(EsSink *sink);
extern int64 es_read_safe_position(void);

#endif							/* EVENTSTORE_LOG_READ_H */
