/*-------------------------------------------------------------------------
 *
 * shared.h
 *	  What all backends share: a store for each database, and the slots in
 *	  which transactions announce the positions they hold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_SHARED_H
#define EVENTSTORE_LOG_SHARED_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

#include "index/map.h"
#include "kernel/kernel.h"

/* Databases of one server that can use eventstore at a time. */
#define ES_MAX_STORES 128

typedef enum EsStoreState
{
	ES_STORE_EMPTY = 0,			/* the index must be built before it is used */
	ES_STORE_BUILDING,			/* one backend builds it, others wait */
	ES_STORE_READY
} EsStoreState;

/* Work done since the store was made, or the server started, for stat_ingest. */
typedef struct EsIngestCounters
{
	pg_atomic_uint64 batches;
	pg_atomic_uint64 events;
	pg_atomic_uint64 duplicates;
	pg_atomic_uint64 event_bytes;	/* of the events' strings and JSON */
	pg_atomic_uint64 blocks;
	pg_atomic_uint64 block_bytes;
	pg_atomic_uint64 conflicts;
	pg_atomic_uint64 waits;		/* for another transaction's entity */
} EsIngestCounters;

/* Work of compaction, and what is left to do, for stat_compaction and for when to begin. */
typedef struct EsCompactionCounters
{
	pg_atomic_uint64 small_blocks;	/* that were added and not looked at since */
	pg_atomic_uint64 steps;		/* transactions that merged blocks */
	pg_atomic_uint64 events;	/* merged, each time it was */
	pg_atomic_uint64 blocks_before;
	pg_atomic_uint64 blocks_after;
	pg_atomic_uint64 bytes_before;
	pg_atomic_uint64 bytes_after;
	pg_atomic_uint64 last_at;	/* a timestamptz; 0: never */
	pg_atomic_uint64 failures;	/* of workers */
	pg_atomic_uint32 worker;	/* the process that compacts in the
								 * background, or 0 */
	pg_atomic_uint64 dead_rows; /* that it has left to the next one to vacuum */
	pg_atomic_uint32 dead_xid;	/* of who deleted the first of them */
} EsCompactionCounters;

/*
 * A moment of the past: no position from 'position' on was in use when a snapshot
 * with this xmax, as a full xid, was taken.
 */
typedef struct EsPositionSample
{
	uint64		xmax;
	int64		position;
} EsPositionSample;

#define ES_POSITION_SAMPLES 32

/* Positions, from first to last, of which nothing was visible yet. */
typedef struct EsGap
{
	int64		first;
	int64		last;
} EsGap;

#define ES_FOLLOWED_GAPS 64

/* What of the log is in the index of a standby: all up to the end, but for the gaps. */
typedef struct EsFollowed
{
	int64		end;
	uint32		gap_count;
	EsGap		gaps[ES_FOLLOWED_GAPS];
} EsFollowed;

/*
 * What is shared about one database's events.
 *
 * database		  set under shared->lock; while it is set, the store is that
 *				  database's.
 * state		  EMPTY -> BUILDING by compare-and-swap, by the backend that
 *				  builds; BUILDING -> READY or EMPTY by that backend, with
 *				  release; READY -> EMPTY by a backend that holds an
 *				  ACCESS EXCLUSIVE lock on the block table, or under
 *				  shared->lock when the database is gone.
 * relid, storage, damaged, index.root, generation
 *				  written by the builder only, and relid by who holds an
 *				  ACCESS EXCLUSIVE lock on the block table, or under
 *				  shared->lock as long as the database has no store.  Who drops
 *				  a table reads relid without more: only a drop of the table
 *				  that it names, under its lock, counts.  Read after state
 *				  was seen to be READY (acquire) and with a lock on the block
 *				  table held; see store.c for why they cannot change then.
 * index		  its memory is given back by the builder, by who has dropped
 *				  the table, and under shared->lock when the database is gone;
 *				  else it changes as src/index says.
 * next_position, position_limit, last_recorded_at, samples, sample_count
 *				  under position_lock; samples ascend in both.
 * build_wanted	  0 -> 1 by a session that has nobody build the index yet, 1 -> 0 by the
 *				  launcher, which starts a worker then.
 * moving		  see moves.c.
 * merged_through, runs_through, runs_xid, runs_tried, shed_through
 *				  written by who has the lock of compaction, and by the builder;
 *				  runs_xid, with release, before runs_through.
 * runs_changed	  raised after a transaction has ended that changed the list of runs;
 *				  see runs.c.
 * dropping		  set to 1 by who is about to drop the database, which may fail, to 0 by
 *				  a session that begins to use the store, or appends.
 * sheds		  raised by who has the lock of compaction after postings were let go.
 * memory_wanted  set to 1 by who has found memory full, to 0 by who has the lock of
 *				  compaction, when it has been looked for postings to be let go.
 * run_wanted	  0 -> 1 by a session that has found that a run is due, 1 -> 0 by the
 *				  launcher and by who has the lock of compaction.
 * follows		  1: the index was built in recovery.  Set by the builder, cleared as follow.c
 *				  says, as is what is about following.
 * compaction	  added to by appenders and by compaction, in no order with other
 *				  memory; reset like counters.
 * blocks_..., built_us
 *				  written by the builder, read for information.
 * counters		  added to by any appender, in no order with other memory; reset
 *				  by the builder of another table's index, by who has dropped
 *				  the table, and under shared->lock.  Read for information.
 */
typedef struct EsStore
{
	Oid			database;
	pg_atomic_uint32 state;
	Oid			relid;			/* of the block table */
	Oid			storage;		/* its relfilenode */
	uint64		generation;		/* of the index; raised by every build */
	bool		damaged;		/* events are unaccounted for; see build.c */
	EsIndex		index;
	ConditionVariable state_changed;

	slock_t		position_lock;
	int64		next_position;	/* 0: not known yet */
	int64		position_limit; /* positions up to here are durably reserved */
	int64		last_recorded_at;
	int			sample_count;
	EsPositionSample samples[ES_POSITION_SAMPLES];

	pg_atomic_uint64 blocks_read;
	pg_atomic_uint64 blocks_total;
	pg_atomic_uint64 built_us;	/* how long the last build took */
	EsIngestCounters counters;

	pg_atomic_uint32 build_wanted;	/* by a worker; see store.c */
	pg_atomic_uint32 builder;	/* the worker that builds, or 0 */
	pg_atomic_uint32 moving;
	int64		merged_through; /* nothing is left to be merged up to here */
	int64		runs_through;	/* the index knows that runs go up to here */
	uint64		runs_xid;		/* who sees this full xid as committed sees
								 * all that is in those runs */
	int64		runs_tried;		/* where the log ended when none could be
								 * written */
	int64		shed_through;	/* postings of runs up to here were let go */
	pg_atomic_uint32 runs_changed;
	pg_atomic_uint32 run_wanted;
	pg_atomic_uint32 memory_wanted;
	pg_atomic_uint32 sheds;
	pg_atomic_uint32 dropping;
	pg_atomic_uint32 follows;
	pg_atomic_uint64 followed_lsn;
	uint64		followed_runs;	/* the newest of them */
	EsFollowed	followed;
	EsCompactionCounters compaction;
} EsStore;

/*
 * A transaction that may hold positions.  The protocol is in position.c.
 */
typedef struct EsSlot
{
	uint64		xid;			/* full top-level xid */
	int64		lower;			/* none of its positions is lower; 0: no entry */
	Oid			database;
	char		padding[12];
} EsSlot;

/* What all backends did with a loop of the kernels, for stat_kernel. */
typedef struct EsKernelCounters
{
	pg_atomic_uint64 calls;
	pg_atomic_uint64 rows;
} EsKernelCounters;

/*
 * What is without a comment of its own, and hash_secret, is set once, before any
 * backend starts.
 */
typedef struct EsShared
{
	LWLock	   *lock;			/* handing out and taking back stores */
	uint32		cluster;		/* tag of this cluster, in blocks */
	int			backend_slots;
	int			prepared_slots;
	uint8		hash_secret[192];
	pg_atomic_uint32 launcher;	/* its number of process, from 1; see tail.c */
	pg_atomic_uint32 others_wait;	/* a database has no worker since others
									 * have; written by the launcher */
	EsKernelCounters kernel_use[ES_KERNEL_LOOPS];	/* see kernel_use.c */
	EsStore		stores[ES_MAX_STORES];
	EsSlot		slots[FLEXIBLE_ARRAY_MEMBER];	/* backends', then prepared
												 * transactions' */
} EsShared;

extern EsShared *es_shared;
extern EsPool *es_pool;

/* Has this process say when it is in an index; before it is for the first time. */
extern void es_shared_attach_guard(void);

extern void es_shared_install(void);
extern void es_counters_reset(EsStore *store);
extern uint64 es_key_hash(EsSlice tenant_id, EsSlice entity_id);
extern uint64 es_secret_hash(EsSlice text);

#endif							/* EVENTSTORE_LOG_SHARED_H */
