/*-------------------------------------------------------------------------
 *
 * events_query.c
 *	  Finds events by what they are: of an entity through the index, else in the
 *	  blocks of the part of the log in question.
 *
 * Either way a filter decides, a block at a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "storage/predicate.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "core/hash.h"
#include "log/ids.h"
#include "pg/jsonb_builder.h"
#include "query/compile.h"
#include "query/events_query.h"

/* ----------------------------------------------------------------- filter */

static EsNode *
compare_integer(EsFilter *filter, EsField field, EsValueType type, StrategyNumber strategy,
				int64 value)
{
	EsOperand	operand = {.field = field,.type = type};
	EsNode	   *node = es_node_test(filter, &operand, ES_TEST_COMPARE, 1);

	node->test.strategy = strategy;
	node->test.constants[0].integer = value;
	return node;
}

static void
set_text(EsConstant *constant, EsSlice text)
{
	constant->text = text;
	constant->type_bit = es_type_bit(text);
}

static EsNode *
tenant_node(EsFilter *filter, EsSlice tenant_id)
{
	EsOperand	operand = {.field = ES_FIELD_TENANT_ID,.type = ES_VALUE_TEXT};
	EsNode	   *node = es_node_test(filter, &operand, ES_TEST_COMPARE, 1);

	node->test.strategy = BTEqualStrategyNumber;
	set_text(&node->test.constants[0], es_tenant_name(tenant_id));
	return node;
}

static EsNode *
id_node(EsFilter *filter, const uint8 *event_id)
{
	EsOperand	operand = {.field = ES_FIELD_EVENT_ID,.type = ES_VALUE_UUID};
	EsNode	   *node = es_node_test(filter, &operand, ES_TEST_COMPARE, 1);

	node->test.strategy = BTEqualStrategyNumber;
	memcpy(node->test.constants[0].uuid, event_id, ES_UUID_SIZE);
	return node;
}

static EsNode *
prefix_node(EsFilter *filter, EsField field, EsSlice prefix)
{
	EsOperand	operand = {.field = field,.type = ES_VALUE_TEXT};
	EsNode	   *node = es_node_test(filter, &operand, ES_TEST_PREFIX, 1);

	set_text(&node->test.constants[0], prefix);
	return node;
}

/* One of the types, or a type with one of the beginnings. */
static EsNode *
types_node(EsFilter *filter, const EsEventsQuery *query)
{
	EsOperand	operand = {.field = ES_FIELD_EVENT_TYPE,.type = ES_VALUE_TEXT};
	EsNode	   *in = es_node_test(filter, &operand, ES_TEST_IN, query->type_count);
	List	   *alternatives = list_make1(in);
	uint32		count = 0;

	for (uint32 i = 0; i < query->type_count; i++)
	{
		if (query->types[i].prefix)
			alternatives = lappend(alternatives, prefix_node(filter, ES_FIELD_EVENT_TYPE, query->types[i].text));
		else
			set_text(&in->test.constants[count++], query->types[i].text);
	}
	in->test.constant_count = count;
	es_test_prepare(&in->test);
	return es_node_make(ES_NODE_OR, alternatives);
}

static EsNode *
tags_node(EsFilter *filter, const EsEventsQuery *query)
{
	EsOperand	operand = {.field = ES_FIELD_TAGS,.type = ES_VALUE_TEXT};
	EsNode	   *node = es_node_test(filter, &operand, ES_TEST_ALL_TAGS, query->tag_count);

	for (uint32 i = 0; i < query->tag_count; i++)
		set_text(&node->test.constants[i], query->tags[i]);
	return node;
}

/* What no program can be made for is left to contains_filter(). */
static EsNode *
payload_node(EsFilter *filter, Jsonb *payload_filter)
{
	EsOperand	operand = {.field = ES_FIELD_PAYLOAD,.in_document = true,.type = ES_VALUE_JSON};
	EsCompiler	compiler = {.filter = filter};
	EsNode	   *node = es_compile_contains(&compiler, &operand, JsonbPGetDatum(payload_filter));

	return node == NULL ? es_node_verdict(ES_UNKNOWN) : node;
}

static void
add_condition(EsFilter *filter, EsNode *node)
{
	filter->conditions = lappend(filter->conditions, node);
}

/*
 * Makes the program, with what is cheapest first.  All of it but the last condition,
 * on the payload, is certain.
 */
static void
make_filter(EsFilter *filter, const EsEventsQuery *query)
{
	memset(filter, 0, sizeof(*filter));
	if (query->first_time > PG_INT64_MIN)
		add_condition(filter, compare_integer(filter, ES_FIELD_RECORDED_AT, ES_VALUE_TIMESTAMPTZ,
											  BTGreaterEqualStrategyNumber, query->first_time));
	if (query->last_time < PG_INT64_MAX)
		add_condition(filter, compare_integer(filter, ES_FIELD_RECORDED_AT, ES_VALUE_TIMESTAMPTZ,
											  BTLessEqualStrategyNumber, query->last_time));
	if (!query->any_type)
		add_condition(filter, types_node(filter, query));
	if (query->after_position > 0)
		add_condition(filter, compare_integer(filter, ES_FIELD_POSITION, ES_VALUE_INT8,
											  BTGreaterStrategyNumber, query->after_position));
	if (query->last_position < PG_INT64_MAX)
		add_condition(filter, compare_integer(filter, ES_FIELD_POSITION, ES_VALUE_INT8,
											  BTLessEqualStrategyNumber, query->last_position));
	if (query->one_tenant)
		add_condition(filter, tenant_node(filter, query->tenant_id));
	if (query->entity_prefix.size > 0)
		add_condition(filter, prefix_node(filter, ES_FIELD_ENTITY_ID, query->entity_prefix));
	if (query->event_id != NULL)
		add_condition(filter, id_node(filter, query->event_id));
	if (query->tag_count > 0)
		add_condition(filter, tags_node(filter, query));
	if (query->payload_filter != NULL)
		add_condition(filter, payload_node(filter, query->payload_filter));
}

/* ----------------------------------------------------------------- events */

/* Does the payload contain what was asked for?  As PostgreSQL says. */
static bool
contains_filter(const EsEventsQuery *query, EsSlice payload)
{
	return query->payload_filter == NULL ||
		DatumGetBool(DirectFunctionCall2(jsonb_contains, es_jsonb_datum(payload),
										 JsonbPGetDatum(query->payload_filter)));
}

/* The event, unless it is one that the filter was not sure of and does not match. */
static const EsStoredEvent *
if_it_matches(EsEventsReader *reader, const EsStoredEvent *stored, bool unsure)
{
	MemoryContext before;
	bool		matches = true;

	if (unsure)
	{
		before = MemoryContextSwitchTo(reader->per_event);
		matches = contains_filter(&reader->query, stored->event.payload);
		MemoryContextSwitchTo(before);
		MemoryContextReset(reader->per_event);
	}
	return matches ? stored : NULL;
}

/* --------------------------------------------------------------- by entity */

static void
begin_entity(EsEventsReader *reader, Snapshot snapshot)
{
	const EsEventsQuery *query = &reader->query;
	EsEntityRange range = {
		.one_tenant = true,
		.tenant_id = query->tenant_id,
		.entity_ids = &query->entity_id,
		.entity_count = 1,
		.last_version = PG_INT64_MAX,
		.after_position = query->after_position,
		.in_time = true,
		.first_time = query->first_time,
		.last_time = query->last_time,
		.backward = query->backward,
		.heads_only = true
	};

	es_view_begin(&reader->scan.view, reader->filter.paths, reader->filter.path_count);
	es_entity_scan_begin(&reader->entity, snapshot, &range);
}

/* Filters the block of the entity scan's event, unless that was done. */
static void
filter_block(EsEventsReader *reader)
{
	EsScan	   *scan = &reader->scan;
	EsBlockRow *row = &reader->entity.reader.row;

	if (reader->in_block && reader->block == row->first_position)
		return;
	es_view_open(&scan->view, row);
	es_bits_fill(scan->sure, scan->view.count);
	if (!es_filter_run(&reader->filter, &scan->view, scan->sure, scan->unsure))
	{
		memset(scan->sure, 0, scan->view.words * sizeof(uint64));
		memset(scan->unsure, 0, scan->view.words * sizeof(uint64));
	}
	reader->block = row->first_position;
	reader->in_block = true;
}

static const EsStoredEvent *
next_of_entity(EsEventsReader *reader)
{
	const EsStoredEvent *stored;

	while ((stored = es_entity_scan_next(&reader->entity)) != NULL)
	{
		uint32		i = reader->entity.reader.ordinal;
		bool		unsure;

		filter_block(reader);
		unsure = es_bit(reader->scan.unsure, i);
		if (!unsure && !es_bit(reader->scan.sure, i))
			continue;
		es_entity_scan_complete(&reader->entity);
		if (if_it_matches(reader, stored, unsure) != NULL)
			return stored;
	}
	return NULL;
}

/* ---------------------------------------------------------------- by block */

static void
begin_blocks(EsEventsReader *reader, Snapshot snapshot, EsOrder order)
{
	const EsEventsQuery *query = &reader->query;
	EsRange		range = es_range_all;

	range.first_position = query->after_position + 1;
	range.last_position = query->last_position;
	range.first_time = query->first_time;
	range.last_time = query->last_time;
	es_scan_begin(&reader->scan, snapshot, &reader->filter, order, &range, NULL);
}

/* Moves to the next event of the current block that may match. */
static bool
next_in_block(EsEventsReader *reader)
{
	EsView	   *view = &reader->scan.view;

	return reader->query.backward ? es_bits_previous(reader->candidates, &reader->event) :
		es_bits_next(reader->candidates, view->words, &reader->event);
}

static bool
next_block(EsEventsReader *reader)
{
	EsScan	   *scan = &reader->scan;

	reader->in_block = es_scan_next(scan);
	if (!reader->in_block)
		return false;
	for (uint32 i = 0; i < scan->view.words; i++)
		reader->candidates[i] = scan->sure[i] | scan->unsure[i];
	reader->event = reader->query.backward ? (int) scan->view.count : -1;
	return true;
}

static const EsStoredEvent *
next_of_blocks(EsEventsReader *reader)
{
	do
	{
		while (reader->in_block && next_in_block(reader))
		{
			const EsStoredEvent *stored = es_view_event(&reader->scan.view, reader->event);

			if (if_it_matches(reader, stored, es_bit(reader->scan.unsure, reader->event)) != NULL)
				return stored;
		}
	} while (next_block(reader));
	return NULL;
}

/* ------------------------------------------------------------------ reader */

/* Can no event be asked for? */
static bool
is_empty(const EsEventsQuery *query)
{
	return query->max_count == 0 || query->after_position >= query->last_position ||
		query->first_time > query->last_time || (!query->any_type && query->type_count == 0);
}

static void
begin(EsEventsReader *reader, Snapshot snapshot, const EsEventsQuery *query, EsOrder order)
{
	reader->query = *query;
	reader->left = query->max_count;
	reader->open = !is_empty(query);
	reader->in_block = false;
	if (!reader->open)
		return;
	make_filter(&reader->filter, query);
	reader->per_event = AllocSetContextCreate(CurrentMemoryContext, "eventstore event",
											  ALLOCSET_DEFAULT_SIZES);
	if (query->one_entity)
		begin_entity(reader, snapshot);
	else
		begin_blocks(reader, snapshot, order);
}

/*
 * Begins to read what is asked for, in the order of the log or backward, in the
 * current memory context.  What the query points to must stay until the end.
 */
void
es_events_begin(EsEventsReader *reader, Snapshot snapshot, const EsEventsQuery *query)
{
	begin(reader, snapshot, query, query->backward ? ES_ORDER_BACKWARD : ES_ORDER_FORWARD);
}

/* The next event, until the next call; NULL after the last. */
const EsStoredEvent *
es_events_next(EsEventsReader *reader)
{
	if (!reader->open || reader->left == 0)
		return NULL;
	reader->left--;
	return reader->query.one_entity ? next_of_entity(reader) : next_of_blocks(reader);
}

void
es_events_end(EsEventsReader *reader)
{
	if (!reader->open)
		return;
	if (reader->query.one_entity)
	{
		es_entity_scan_end(&reader->entity);
		es_view_end(&reader->scan.view);
	}
	else
		es_scan_end(&reader->scan);
	MemoryContextDelete(reader->per_event);
	reader->open = false;
}

/* ------------------------------------------------------------------- by id */

/* How far recorded_at may be from an id's time, in microseconds. */
typedef struct Distance
{
	int64		before;
	int64		after;
} Distance;

/*
 * The server's ids have the time of recording, and go on by a millisecond for
 * every 4096 events of a batch; callers make theirs shortly before they send
 * them, by clocks that differ a little.  The last distance covers all that
 * es_id_has_time() says.
 */
static const Distance distances[] = {
	{0, 999},
	{ES_ID_TIME_WINDOW_US, ES_ID_TIME_WINDOW_US}
};

/* Asks the index.  *complete says whether others can only be found by time. */
static const EsStoredEvent *
find_in_index(EsIdReader *reader, Snapshot snapshot, const uint8 *event_id, bool *complete)
{
	es_store_open(&reader->open, AccessShareLock);
	PredicateLockRelation(reader->open.blocks, snapshot);
	es_reader_begin(&reader->index, reader->open.blocks, snapshot);
	if (!es_id_find(&reader->open.store->index, &reader->index, event_id, &reader->stored,
					complete))
		return NULL;
	es_reader_complete(&reader->index, &reader->stored);
	return &reader->stored;
}

/* Looks through the blocks that were recorded from one time to another. */
static const EsStoredEvent *
find_in_blocks(EsIdReader *reader, Snapshot snapshot, EsEventsQuery *query, int64 first_time,
			   int64 last_time)
{
	const EsStoredEvent *stored;

	query->first_time = first_time;
	query->last_time = last_time;
	begin(&reader->blocks, snapshot, query,
		  first_time == PG_INT64_MIN ? ES_ORDER_NONE : ES_ORDER_FORWARD);
	stored = es_events_next(&reader->blocks);
	if (stored == NULL)
		es_events_end(&reader->blocks);
	return stored;
}

/*
 * An event with this id that the snapshot sees, until the end, or NULL: asks the
 * index, looks where the time in the id points to, and if the index lacks ids,
 * everywhere.
 */
const EsStoredEvent *
es_event_by_id_begin(EsIdReader *reader, Snapshot snapshot, const uint8 *event_id)
{
	EsEventsQuery query = {
		.event_id = event_id,
		.any_type = true,
		.last_position = PG_INT64_MAX,
		.max_count = 1
	};
	bool		complete;
	const EsStoredEvent *stored;
	int64		time;

	reader->blocks.open = false;
	stored = find_in_index(reader, snapshot, event_id, &complete);
	if (stored == NULL && es_uuid_v7_time(event_id, &time))
	{
		for (int i = 0; i < (int) lengthof(distances) && stored == NULL; i++)
			stored = find_in_blocks(reader, snapshot, &query, time - distances[i].before,
									time + distances[i].after);
	}
	if (stored == NULL && !complete)
		stored = find_in_blocks(reader, snapshot, &query, PG_INT64_MIN, PG_INT64_MAX);
	return stored;
}

void
es_event_by_id_end(EsIdReader *reader)
{
	es_events_end(&reader->blocks);
	es_reader_end(&reader->index);
	es_store_close(&reader->open);
}
