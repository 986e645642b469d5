/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  A batch on its way into the log: its events grouped by entity.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_APPEND_BATCH_H
#define EVENTSTORE_APPEND_BATCH_H

#include "postgres.h"

#include "core/event.h"
#include "index/map.h"

#define ES_NO_EVENT PG_UINT32_MAX

/* An entity's part of a batch. */
typedef struct EsGroup
{
	EsKey		key;
	EsEntityRef found;			/* where the entity was when it was looked for */
	EsEntity   *entity;			/* once it is claimed, and stays */
	uint32		first_event;	/* index into the batch */
	uint32		last_event;
	uint32		event_count;
	uint32		base;			/* the entity's version before the batch */
	uint32		packed;			/* events that have their version */
	uint32		posted;			/* events that have their posting */
	EsPosting  *slots;			/* where the next postings go */
	uint32		slot_count;		/* how many go there */
	bool		duplicate;		/* all of its events are stored already */
} EsGroup;

typedef struct EsBatch
{
	EsEvent    *events;
	uint32		event_count;
	uint32	   *group_of;		/* for each event, its group */
	uint32	   *next_event;		/* for each event, the next of its entity */
	EsGroup    *groups;
	uint32		group_count;
	uint32	   *claim_order;	/* groups, by hash */
	uint32		duplicates;		/* events in groups that are duplicates */
} EsBatch;

/*
 * What became of a batch.  Positions are those of events that were stored now
 * or, as duplicates, before; 0 for an empty batch.
 */
typedef struct EsIngestResult
{
	int64		first_position;
	int64		last_position;
	int64		ingested;
	int64		duplicates;
	int64		last_version;	/* of the batch's last event */
	int64		recorded_at;	/* of what was stored now, 0 for nothing */
} EsIngestResult;

extern void es_batch_group(EsBatch *batch, EsEvent *events, uint32 count);

/* The expected version counts where the entity first appears in the batch. */
static inline const EsEvent *
es_group_first(const EsBatch *batch, const EsGroup *group)
{
	return &batch->events[group->first_event];
}

#endif							/* EVENTSTORE_APPEND_BATCH_H */
