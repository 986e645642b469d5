/*-------------------------------------------------------------------------
 *
 * group.h
 *	  Small blocks that lie next to each other in the log, and their events.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_COMPACT_GROUP_H
#define EVENTSTORE_COMPACT_GROUP_H

#include "postgres.h"

#include "storage/itemptr.h"

#include "core/pack.h"
#include "index/entity.h"
#include "log/block_row.h"
#include "log/shared.h"

/* Events that a group has at most, and bytes of their text. */
#define ES_GROUP_MAX_EVENTS	8192
#define ES_GROUP_MAX_BYTES	(8 * 1024 * 1024)

/* A block of the group. */
typedef struct EsSource
{
	ItemPointerData tid;
	uint32		first;			/* of its events, in the group */
	uint32		count;
	uint32		size;
	int64		first_position;
	bool		is_indexed;		/* the index leads to all of its events */
} EsSource;

/* What leads to an event in the index. */
typedef struct EsSignpost
{
	EsPosting  *slot;			/* that of its version; NULL: runs know it */
	EsPosting	posting;		/* which is there */
	bool		has_entry;		/* its id is in the index, too */
} EsSignpost;

typedef struct EsBlockGroup
{
	EsStore    *store;
	EsShapes   *shapes;			/* the backend's */
	EsSource   *sources;
	uint32		source_count;
	EsEvent    *events;
	EsPackRow  *rows;
	EsLogPlace *places;
	EsSignpost *signposts;		/* set by es_group_find() */
	uint32		event_count;
	size_t		bytes;
	EsLeaf	   *leaves;			/* room for the next document's */
	uint32		leaf_room;
	char	   *strings;		/* ES_BLOCK_HEAD_ROOM bytes */
	char	   *body;			/* ES_BLOCK_MAX_BODY_ROOM bytes */
} EsBlockGroup;

extern void es_group_begin(EsBlockGroup *group, EsStore *store);
extern void es_group_reset(EsBlockGroup *group);
extern bool es_group_add(EsBlockGroup *group, EsBlockRow *row);
extern void es_group_find(EsBlockGroup *group);

#endif							/* EVENTSTORE_COMPACT_GROUP_H */
