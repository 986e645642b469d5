/*-------------------------------------------------------------------------
 *
 * modify.c
 *	  INSERT and COPY FROM into the relation.
 *
 * Rows become events, which wait until enough of them are there, and are then
 * ingested as a batch.  How many rows come together is decided by who brings
 * them: the executor has batches of INSERT, and COPY, which brings one row at a
 * time, has its rows wait here.  When something looks at the rows that were
 * stored (RETURNING, a trigger, the check option of a view) each is stored
 * before the next one comes, and goes back as it is stored.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "parser/parsetree.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "append/ingest.h"
#include "append/memory.h"
#include "fdw/fdw.h"
#include "pg/errors.h"
#include "pg/settings.h"
#include "row/input.h"
#include "row/output.h"

#define FIRST_BATCH_ROWS 100	/* rows the executor brings at first */
#define INSERT_BATCH_ROWS 1000	/* and once their size is known, at most */
#define COPY_BATCH_ROWS 10000	/* rows of COPY that wait, at most */
#define BATCH_BYTES ((size_t) 4 * 1024 * 1024)	/* text of events that wait */
#define FIRST_CAPACITY 16		/* events there is room for at first */
#define FEW_EVENTS 2			/* are stored as they are, whatever their
								 * shape */

/* What is kept from row to row of a statement, for one target. */
typedef struct EsModify
{
	bool		is_copy;		/* which says itself in which line an error is */
	bool		rows_wait;
	bool		enlarged;		/* the executor's arrays have room for all
								 * batches */
	int64		rows;			/* that came so far */

	EsEvent    *events;			/* that wait */
	int			count;
	int			capacity;
	size_t		bytes;			/* of their text */
	MemoryContext events_context;	/* their text, and what storing them needs */
	MemoryContext row_context;	/* what one row needs on its way */
} EsModify;

/* ------------------------------------------------------------- the buffer */

/* Puts the event's text where it can wait. */
static void
keep_text(EsModify *modify, EsEvent *event)
{
	size_t		size = es_event_text_size(event);

	es_event_move_text(event, MemoryContextAlloc(modify->events_context, size));
	modify->bytes += size;
}

static EsEvent *
next_event(EsModify *modify)
{
	if (modify->count == modify->capacity)
	{
		modify->capacity *= 2;
		modify->events = repalloc(modify->events, modify->capacity * sizeof(EsEvent));
	}
	return &modify->events[modify->count];
}

/*
 * Has the row wait as an event.  'alone' says that the statement may have no
 * other row, so that an error need not say which one it is about.
 */
static void
take_row(EsModify *modify, EState *estate, ResultRelInfo *relation, TupleTableSlot *slot, bool alone)
{
	Relation	table = relation->ri_RelationDesc;
	EsEvent    *event = next_event(modify);
	MemoryContext before;
	bool		numbered = ++modify->rows > 1 || !alone;

	slot->tts_tableOid = RelationGetRelid(table);

	/* the executor leaves constraints of foreign tables to their wrappers */
	if (RelationGetDescr(table)->constr != NULL)
		ExecConstraints(relation, slot, estate);
	if (table->rd_rel->relispartition)
		ExecPartitionCheck(relation, slot, estate, true);
	before = MemoryContextSwitchTo(modify->row_context);
	es_event_from_row(table, slot, numbered && !modify->is_copy ? modify->rows : 0, event);
	keep_text(modify, event);
	modify->count++;
	MemoryContextSwitchTo(before);
	MemoryContextReset(modify->row_context);
}

/* Stores the events that wait. */
static void
store_events(EsModify *modify, EsIngestResult *result)
{
	MemoryContext before = MemoryContextSwitchTo(modify->events_context);

	if (modify->count <= FEW_EVENTS)
		es_scratch_reset();
	else
	{
		EsEventList list;

		es_list_init(&list, false, true);
		for (int i = 0; i < modify->count; i++)
			es_list_take_apart(&list, &modify->events[i]);
	}
	es_ingest(modify->events, modify->count, result, NULL);
	MemoryContextSwitchTo(before);
}

static void
forget_events(EsModify *modify)
{
	MemoryContextReset(modify->events_context);
	modify->count = 0;
	modify->bytes = 0;
}

static void
flush(EsModify *modify)
{
	EsIngestResult result;

	store_events(modify, &result);
	forget_events(modify);
}

/* Stores the event that waits, and makes the slot the row that it is now. */
static void
store_row(EsModify *modify, TupleTableSlot *slot)
{
	MemoryContext before = MemoryContextSwitchTo(modify->row_context);
	EsIngestResult result;
	EsStoredEvent stored;

	store_events(modify, &result);
	memset(&stored, 0, sizeof(stored));
	stored.event = modify->events[0];
	stored.position = result.last_position;
	stored.version = result.last_version;
	stored.recorded_at = result.recorded_at;
	ExecClearTuple(slot);
	es_recorded_values(&stored, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
	MemoryContextSwitchTo(before);
	MemoryContextReset(modify->row_context);
	forget_events(modify);
}

/* ------------------------------------------------------------- statements */

static EsModify *
begin(EState *estate, ResultRelInfo *relation)
{
	EsModify   *modify = MemoryContextAllocZero(estate->es_query_cxt, sizeof(EsModify));

	es_fdw_check_table(relation->ri_RelationDesc);
	modify->capacity = FIRST_CAPACITY;
	modify->events = MemoryContextAlloc(estate->es_query_cxt, FIRST_CAPACITY * sizeof(EsEvent));
	modify->events_context = AllocSetContextCreate(estate->es_query_cxt, "eventstore events",
												   ALLOCSET_DEFAULT_SIZES);
	modify->row_context = AllocSetContextCreate(estate->es_query_cxt, "eventstore row",
												ALLOCSET_DEFAULT_SIZES);
	relation->ri_FdwState = modify;
	return modify;
}

/* Can nobody tell that a row is not stored yet when the next one comes? */
static bool
rows_may_wait(const ResultRelInfo *relation)
{
	const TriggerDesc *triggers = relation->ri_TrigDesc;

	return relation->ri_projectReturning == NULL &&
		relation->ri_WithCheckOptions == NIL &&
		(triggers == NULL ||
		 !(triggers->trig_insert_before_row || triggers->trig_insert_after_row));
}

static void
refuse_on_conflict(const ModifyTable *plan)
{
	if (plan->onConflictAction != ONCONFLICT_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("INSERT into \"events\" does not support ON CONFLICT"),
				 errhint("To repeat safely, give eventstore.append() or ingest_batch() the expected version and the event's id.")));
}

List *
es_fdw_plan_modify(PlannerInfo *root, ModifyTable *plan,
				   Index relation, int subplan pg_attribute_unused())
{
	es_fdw_check_relid(planner_rt_fetch(relation, root)->relid);
	refuse_on_conflict(plan);
	return NIL;
}

void
es_fdw_begin_modify(ModifyTableState *state, ResultRelInfo *relation,
					List *private pg_attribute_unused(), int subplan pg_attribute_unused(), int flags)
{
	if (!(flags & EXEC_FLAG_EXPLAIN_ONLY))
		(void) begin(state->ps.state, relation);
}

/* Begins COPY, or what is routed to the table as a partition of another. */
void
es_fdw_begin_insert(ModifyTableState *state, ResultRelInfo *relation)
{
	EsModify   *modify = begin(state->ps.state, relation);
	const TriggerDesc *triggers = relation->ri_TrigDesc;

	if (state->ps.plan != NULL)
		refuse_on_conflict((ModifyTable *) state->ps.plan);
	modify->is_copy = state->ps.plan == NULL;

	/*
	 * COPY ends us after its statement triggers; and those of a parent are
	 * not ours to see
	 */
	modify->rows_wait = modify->is_copy && rows_may_wait(relation) &&
		relation->ri_RootResultRelInfo == NULL &&
		(triggers == NULL || !triggers->trig_insert_after_statement);
}

/*
 * How many rows the executor is to bring at a time, to begin with.  COPY brings
 * each row when it has read its line, so that an error can say which; here they
 * wait until there are enough.
 */
int
es_fdw_batch_size(ResultRelInfo *relation)
{
	const EsModify *modify = relation->ri_FdwState;

	if (modify != NULL && modify->is_copy)
		return 1;
	return rows_may_wait(relation) ? FIRST_BATCH_ROWS : 1;
}

static bool
is_full(const EsModify *modify)
{
	return modify->count >= COPY_BATCH_ROWS || modify->bytes >= BATCH_BYTES;
}

TupleTableSlot *
es_fdw_insert(EState *estate, ResultRelInfo *relation, TupleTableSlot *slot,
			  TupleTableSlot *plan_slot pg_attribute_unused())
{
	EsModify   *modify = relation->ri_FdwState;

	take_row(modify, estate, relation, slot, true);
	if (!modify->rows_wait)
		store_row(modify, slot);
	else if (is_full(modify))
		flush(modify);
	return slot;
}

/* Gives an array of the executor's slots the room for the largest batch. */
static TupleTableSlot **
enlarge(EState *estate, const ResultRelInfo *relation, TupleTableSlot **slots)
{
	TupleTableSlot **larger = MemoryContextAlloc(estate->es_query_cxt,
												 INSERT_BATCH_ROWS * sizeof(TupleTableSlot *));

	memcpy(larger, slots, relation->ri_NumSlotsInitialized * sizeof(TupleTableSlot *));
	return larger;
}

/*
 * Sets how many rows come next.  The executor asks but once, keeps them all in
 * memory, and would insert a single one at once, before those that wait.  It
 * still uses its arrays of slots when we return, so they stay as they are.
 */
static void
adapt_batch_size(EsModify *modify, EState *estate, ResultRelInfo *relation, int count, size_t bytes)
{
	if (count < relation->ri_BatchSize)
		return;					/* mostly the last batch, and not full */
	if (!modify->enlarged)
	{
		relation->ri_Slots = enlarge(estate, relation, relation->ri_Slots);
		relation->ri_PlanSlots = enlarge(estate, relation, relation->ri_PlanSlots);
		modify->enlarged = true;
	}
	relation->ri_BatchSize = (int) Max(2, Min(INSERT_BATCH_ROWS, BATCH_BYTES / (bytes / count + 1)));
}

TupleTableSlot **
es_fdw_batch_insert(EState *estate, ResultRelInfo *relation, TupleTableSlot **slots,
					TupleTableSlot **plan_slots pg_attribute_unused(), int *count)
{
	EsModify   *modify = relation->ri_FdwState;
	size_t		bytes = 0;

	for (int i = 0; i < *count; i++)
	{
		take_row(modify, estate, relation, slots[i], *count == 1);
		if (is_full(modify) || i == *count - 1)
		{
			bytes += modify->bytes;
			flush(modify);
		}
	}
	adapt_batch_size(modify, estate, relation, *count, bytes);
	return slots;
}

/* Ends INSERT and COPY.  After an error nobody comes here. */
void
es_fdw_end_modify(EState *estate pg_attribute_unused(), ResultRelInfo *relation)
{
	EsModify   *modify = relation->ri_FdwState;

	if (modify == NULL)
		return;
	if (modify->count > 0)
		flush(modify);
	MemoryContextDelete(modify->events_context);
	MemoryContextDelete(modify->row_context);
	relation->ri_FdwState = NULL;
}
