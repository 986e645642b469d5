/*-------------------------------------------------------------------------
 *
 * entity_scan.h
 *	  Reads the events of one or more entities one at a time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_ENTITY_SCAN_H
#define EVENTSTORE_LOG_ENTITY_SCAN_H

#include "postgres.h"

#include "lib/binaryheap.h"
#include "utils/hsearch.h"
#include "utils/snapshot.h"

#include "log/entity_names.h"
#include "log/entity_walk.h"
#include "log/reader.h"
#include "log/store.h"

/* In which order events of several entities come; those of one are always in both. */
typedef enum EsEntityOrder
{
	ES_ENTITY_ONE_BY_ONE,		/* one entity after the other */
	ES_ENTITY_BY_VERSION,
	ES_ENTITY_BY_POSITION
} EsEntityOrder;

/* Is the entity of this name one that is asked for? */
typedef bool (*EsEntityTest) (void *arg, EsSlice entity_id);

/* Which events to read.  The slices must stay until the scan ends. */
typedef struct EsEntityRange
{
	bool		one_tenant;		/* else the entities of that name of all
								 * tenants */
	EsSlice		tenant_id;		/* when one_tenant; empty: the default */
	const EsSlice *entity_ids;	/* each once */
	uint32		entity_count;
	bool		all;			/* instead, all that pass the test */
	EsEntityTest test;			/* NULL: all do */
	void	   *test_arg;
	bool		adjacent;		/* entities of one name are neighbours */
	bool		by_name;		/* of 'all', one name after the other ... */
	EsNameOrder name_order;		/* ... in this order */
	int64		first_version;	/* inclusive, whatever the direction */
	int64		last_version;
	int64		after_position; /* 0: any */
	bool		in_time;		/* only those recorded from first to last_time */
	int64		first_time;
	int64		last_time;
	EsEntityOrder order;
	bool		backward;
	bool		heads_only;		/* es_entity_scan_complete() reads bodies */
	bool		keys_only;		/* only tenant, entity and version are set */
} EsEntityRange;

/* An entity, and the version of it that is next. */
typedef struct EsEntityCursor
{
	EsHandle	handle;
	bool		placed;			/* the others are known, too */
	int64		version;
	int64		last;			/* version, in the direction of the scan */
	int64		key;			/* by which cursors are ordered */
} EsEntityCursor;

typedef struct EsEntityScan
{
	EsEntityRange range;
	EsOpenStore open;
	uint64		generation;		/* of the index that cursors point into */
	MemoryContext context;		/* in which it was begun */
	MemoryContext per_event;	/* emptied at each event; callers may use it */
	EsEntityWalk *walk;			/* over all entities */
	EsEntityNames *names;		/* of all, when they are sorted */
	HTAB	   *tenants;		/* names of those that have been met */
	Buffer		visibility;		/* page of the visibility map, pinned */
	EsEntityCursor *cursors;	/* the first one is 'single', mostly all */
	uint32		cursor_count;
	uint32		cursor_room;
	uint32		current;		/* cursor, when they are read one by one */
	EsEntityCursor single;
	binaryheap *heap;			/* of several cursors in an order, else NULL */
	bool		moved;			/* the heap's first cursor is to be placed
								 * anew */
	EsStoredEvent stored;
	EsReader	reader;
} EsEntityScan;

/* What a snapshot sees of an entity. */
typedef struct EsEntitySummary
{
	EsSlice		tenant_id;		/* as it is stored */
	EsSlice		entity_id;
	int64		events;
	int64		first_time;		/* of recording */
	int64		last_time;
} EsEntitySummary;

/* Which versions of an entity a scan has; its names are good until the next one. */
typedef struct EsEntityVersions
{
	EsSlice		tenant_id;		/* as it is stored */
	EsSlice		entity_id;
	int64		first;
	int64		last;
} EsEntityVersions;

extern void es_entity_scan_begin(EsEntityScan *scan, Snapshot snapshot,
								 const EsEntityRange *range);
extern const EsStoredEvent *es_entity_scan_next(EsEntityScan *scan);
extern bool es_entity_scan_next_entity(EsEntityScan *scan, EsEntityVersions *versions);
extern void es_entity_scan_complete(EsEntityScan *scan);
extern void es_entity_scan_end(EsEntityScan *scan);
extern bool es_entity_scan_summary(EsEntityScan *scan, EsSlice tenant_id, EsSlice entity_id,
								   EsEntitySummary *summary);
extern bool es_entity_has_events(Snapshot snapshot, const EsEntityRange *range);
extern int64 es_entity_last_version(Snapshot snapshot, EsSlice tenant_id, EsSlice entity_id);

#endif							/* EVENTSTORE_LOG_ENTITY_SCAN_H */
