/*-------------------------------------------------------------------------
 *
 * owner_rules.c
 *	  Stores the events of functions as the owner of the relation wants it: with
 *	  the constraints and triggers that are on "events".
 *
 * INSERT and COPY have the executor obey them.  append() and ingest_batch() come
 * here, and do the same in the same order: BEFORE STATEMENT, for each event BEFORE
 * ROW and the constraints, then all is stored, then AFTER ROW for each event that
 * was (a repeated one was not) and AFTER STATEMENT.  Rows are made only when there
 * is something to obey.
 *
 * The relation is locked as INSERT locks it, to the end of the transaction: so what
 * is put on it holds for all events from then on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "append/memory.h"
#include "pg/catalog.h"
#include "pg/errors.h"
#include "row/output.h"
#include "row/owner_rules.h"

/* The statement that an append is, for triggers. */
typedef struct Statement
{
	EState	   *estate;
	ResultRelInfo *target;
	TupleTableSlot *slot;		/* the row of one event */
	EsEventList *list;
} Statement;

static bool
has_rules(Relation events)
{
	const TupleConstr *constraints = RelationGetDescr(events)->constr;
	const TriggerDesc *triggers = events->trigdesc;

	return (constraints != NULL && constraints->num_check > 0) || events->rd_rel->relispartition ||
		(triggers != NULL &&
		 (triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		  triggers->trig_insert_before_statement || triggers->trig_insert_after_statement));
}

/*
 * Makes the slot the row of an event; what is not stored yet has no position.  Its
 * values last until forget_row().
 */
static void
fill_slot(Statement *statement, const EsStoredEvent *stored)
{
	TupleTableSlot *slot = ExecClearTuple(statement->slot);
	const EsEvent *event = &stored->event;
	MemoryContext before = MemoryContextSwitchTo(GetPerTupleMemoryContext(statement->estate));

	es_recorded_values(stored, slot->tts_values, slot->tts_isnull);
	if (stored->position == 0)
	{
		slot->tts_isnull[ES_RECORDED_POSITION] = true;
		slot->tts_isnull[ES_RECORDED_VERSION] = true;
		slot->tts_isnull[ES_RECORDED_RECORDED_AT] = true;
		slot->tts_isnull[ES_RECORDED_EVENT_ID] = !(event->has & ES_HAS_EVENT_ID);
		slot->tts_isnull[ES_RECORDED_OCCURRED_AT] = !(event->has & ES_HAS_OCCURRED_AT);
	}
	slot->tts_tableOid = RelationGetRelid(statement->target->ri_RelationDesc);
	ExecStoreVirtualTuple(slot);
	MemoryContextSwitchTo(before);
}

/* Gives back what the row of an event took, and evaluating something of it. */
static void
forget_row(Statement *statement)
{
	ExecClearTuple(statement->slot);
	ResetPerTupleExprContext(statement->estate);
}

/*
 * Is the column's value still that of the event?  A trigger that changed another
 * column has made a row of all, in which short values have shorter headers.
 */
static bool
is_same(const TupleTableSlot *slot, EsRecordedColumn column, Datum value, bool isnull)
{
	EsSlice		before;
	EsSlice		now;

	if (isnull || slot->tts_isnull[column])
		return isnull == slot->tts_isnull[column];
	before = es_text_datum_slice(value);
	now = es_text_datum_slice(slot->tts_values[column]);
	return es_slice_equal(before, now);
}

/*
 * Takes over what triggers made of a row, which the slot has only until the next
 * one.  Documents that they left alone stay as they were given, byte for byte, and
 * where they are.
 */
static void
take_row(Statement *statement, EsEvent *event, Datum payload, Datum metadata, int64 ordinal)
{
	TupleTableSlot *slot = statement->slot;
	EsEvent		given = *event;
	EsError		error = {0};
	bool		same_payload;
	bool		same_metadata;
	MemoryContext before = MemoryContextSwitchTo(GetPerTupleMemoryContext(statement->estate));

	es_event_from_row(statement->target->ri_RelationDesc, slot, ordinal, event);
	same_payload = is_same(slot, ES_RECORDED_PAYLOAD, payload, false);
	same_metadata = (given.has & ES_HAS_METADATA) &&
		is_same(slot, ES_RECORDED_METADATA, metadata, false);
	if (same_payload)
		event->payload = es_slice(NULL, 0);
	if (same_metadata)
		event->metadata = es_slice(NULL, 0);
	es_event_move_text(event, MemoryContextAlloc(statement->estate->es_query_cxt,
												 es_event_text_size(event)));
	if (same_payload)
	{
		event->payload = given.payload;
		event->payload_document = given.payload_document;
	}
	if (same_metadata)
	{
		event->metadata = given.metadata;
		event->metadata_document = given.metadata_document;
	}
	if (statement->list->checked && !es_event_check_names(event, &error))
		es_error_report(&error, ordinal);
	event->expected_version = given.expected_version;
	event->has |= given.has & ES_HAS_EXPECTED_VERSION;
	MemoryContextSwitchTo(before);
}

/* BEFORE ROW triggers and constraints; false when a trigger skips the event. */
static bool
prepare_event(Statement *statement, EsEvent *event, int64 ordinal)
{
	EState	   *estate = statement->estate;
	ResultRelInfo *target = statement->target;
	TupleTableSlot *slot = statement->slot;
	EsStoredEvent stored = {.event = *event};

	fill_slot(statement, &stored);
	if (target->ri_TrigDesc != NULL && target->ri_TrigDesc->trig_insert_before_row)
	{
		Datum		payload = slot->tts_values[ES_RECORDED_PAYLOAD];
		Datum		metadata = slot->tts_values[ES_RECORDED_METADATA];

		if (!ExecBRInsertTriggers(estate, target, slot))
			return false;
		take_row(statement, event, payload, metadata, ordinal);
	}
	if (RelationGetDescr(target->ri_RelationDesc)->constr != NULL)
		ExecConstraints(target, slot, estate);
	if (target->ri_RelationDesc->rd_rel->relispartition)
		ExecPartitionCheck(target, slot, estate, true);
	return true;
}

/*
 * Prepares all events; those that are skipped leave the list.  What a row is made of on
 * its way does not outlive it.
 */
static void
prepare_events(Statement *statement)
{
	EsEventList *list = statement->list;
	int64		kept = 0;

	for (int64 i = 0; i < list->count; i++)
	{
		list->events[kept] = list->events[i];
		if (prepare_event(statement, &list->events[kept], list->in_batch ? i + 1 : 0))
			kept++;
		forget_row(statement);
	}
	list->count = kept;
}

/*
 * Has all happen that comes before the events are stored.  The list may be in the
 * memory that batches share, and functions of triggers and constraints could
 * begin another one.
 */
static void
prepare_alone(Statement *statement)
{
	es_scratch_hold();
	PG_TRY();
	{
		ExecBSInsertTriggers(statement->estate, statement->target);
		prepare_events(statement);
	}
	PG_FINALLY();
	{
		es_scratch_release();
	}
	PG_END_TRY();
}

static void
queue_after_triggers(Statement *statement, const EsIngestResult *result,
					 const EsPlacement *placements)
{
	ResultRelInfo *target = statement->target;

	if (target->ri_TrigDesc != NULL && target->ri_TrigDesc->trig_insert_after_row)
	{
		for (int64 i = 0; i < statement->list->count; i++)
		{
			EsStoredEvent stored = {
				.event = statement->list->events[i],
				.position = placements[i].position,
				.version = placements[i].version,
				.recorded_at = result->recorded_at
			};

			if (stored.position == 0)
				continue;
			fill_slot(statement, &stored);
			ExecARInsertTriggers(statement->estate, target, statement->slot, NIL, NULL);
			forget_row(statement);
		}
	}
	ExecASInsertTriggers(statement->estate, target, NULL);
}

static void
run(Statement *statement, EsIngestResult *result)
{
	EsEventList *list = statement->list;
	EsPlacement *placements;

	AfterTriggerBeginQuery();
	prepare_alone(statement);
	placements = palloc(Max(list->count, 1) * sizeof(EsPlacement));
	es_ingest(list->events, list->count, result, placements);
	queue_after_triggers(statement, result, placements);
	AfterTriggerEndQuery(statement->estate);
}

/* Stores the events as a statement of its own. */
static void
store_by_rules(Relation events, EsEventList *list, EsIngestResult *result)
{
	Statement	statement = {.estate = CreateExecutorState(),.list = list};
	MemoryContext before = MemoryContextSwitchTo(statement.estate->es_query_cxt);

	statement.estate->es_snapshot = GetActiveSnapshot();
	statement.estate->es_output_cid = GetCurrentCommandId(false);
	statement.target = makeNode(ResultRelInfo);
	InitResultRelInfo(statement.target, events, 0, NULL, 0);
	statement.slot = MakeSingleTupleTableSlot(RelationGetDescr(events), &TTSOpsVirtual);
	run(&statement, result);
	ExecDropSingleTupleTableSlot(statement.slot);
	ExecResetTupleTable(statement.estate->es_tupleTable, false);
	ExecCloseResultRelations(statement.estate);
	MemoryContextSwitchTo(before);
	FreeExecutorState(statement.estate);
}

/*
 * Stores the events of the list.  A BEFORE ROW trigger may change them, or take
 * them out.
 */
void
es_store_events(EsEventList *list, EsIngestResult *result)
{
	Relation	events = table_open(es_events_oid(), RowExclusiveLock);

	if (!list->in_batch)
		es_scratch_reset();		/* a batch has begun with it */
	if (has_rules(events))
		store_by_rules(events, list, result);
	else
		es_ingest(list->events, list->count, result, NULL);
	table_close(events, NoLock);
}
