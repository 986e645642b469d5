/*-------------------------------------------------------------------------
 *
 * events_query.c
 *	  Finds events by what they are: of an entity through the index, else by
 *	  filter programs over the blocks of the part of the log in question.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "storage/predicate.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/hash.h"
#include "log/entity_scan.h"
#include "log/ids.h"
#include "pg/jsonb_builder.h"
#include "query/compile.h"
#include "query/events_query.h"
#include "filter/scan.h"

/* An answer in progress. */
typedef struct Answer
{
	const EsEventsQuery *query;
	EsSink	   *sink;
	MemoryContext per_event;
	int64		left;			/* events that may still be delivered */
} Answer;

/* --------------------------------------------------------- single events */

static bool
is_of_type(const EsEventsQuery *query, EsSlice event_type)
{
	for (uint32 i = 0; i < query->type_count; i++)
	{
		const EsTypePattern *type = &query->types[i];

		if (type->prefix ? event_type.size >= type->text.size &&
			es_bytes_equal(event_type.data, type->text.data, type->text.size) :
			es_slice_equal(event_type, type->text))
			return true;
	}
	return query->any_type;
}

static bool
has_tags(const EsEventsQuery *query, EsSlice tags)
{
	for (uint32 i = 0; i < query->tag_count; i++)
	{
		EsSlice		rest = tags;
		EsSlice		tag;
		bool		found = false;

		while (!found && es_tag_next(&rest, &tag))
			found = es_slice_equal(tag, query->tags[i]);
		if (!found)
			return false;
	}
	return true;
}

static bool
contains_filter(const EsEventsQuery *query, EsSlice payload)
{
	return query->payload_filter == NULL ||
		DatumGetBool(DirectFunctionCall2(jsonb_contains, es_jsonb_datum(payload),
										 JsonbPGetDatum(query->payload_filter)));
}

/* Is it what is asked for, as far as the head says? */
static bool
head_matches(const EsEventsQuery *query, const EsStoredEvent *stored)
{
	return stored->position > query->after_position &&
		stored->recorded_at >= query->first_time && stored->recorded_at <= query->last_time &&
		is_of_type(query, stored->event.event_type) &&
		(query->event_id == NULL ||
		 memcmp(stored->event.event_id, query->event_id, ES_UUID_SIZE) == 0);
}

static bool
body_matches(const EsEventsQuery *query, const EsStoredEvent *stored)
{
	return has_tags(query, stored->event.tags) && contains_filter(query, stored->event.payload);
}

/* ------------------------------------------------------------ by entity */

/* Delivers the scan's event if it is asked for. */
static void
deliver_from_entity(Answer *answer, EsEntityScan *scan, const EsStoredEvent *stored)
{
	MemoryContext before;

	if (!head_matches(answer->query, stored))
		return;
	es_entity_scan_complete(scan);
	before = MemoryContextSwitchTo(scan->per_event);
	if (body_matches(answer->query, stored))
	{
		answer->sink->receive(answer->sink->arg, stored);
		answer->left--;
	}
	MemoryContextSwitchTo(before);
}

static void
read_entity(Answer *answer)
{
	const EsEventsQuery *query = answer->query;
	EsEntityRange range = {
		.one_tenant = true,
		.tenant_id = query->tenant_id,
		.entity_id = query->entity_id,
		.last_version = PG_INT64_MAX,
		.after_position = query->after_position,
		.in_time = true,
		.first_time = query->first_time,
		.last_time = query->last_time,
		.backward = query->backward,
		.heads_only = true
	};
	EsEntityScan scan;
	const EsStoredEvent *stored;

	es_entity_scan_begin(&scan, GetActiveSnapshot(), &range);
	while (answer->left > 0 && (stored = es_entity_scan_next(&scan)) != NULL)
		deliver_from_entity(answer, &scan, stored);
	es_entity_scan_end(&scan);
}

/* --------------------------------------------------------------- programs */

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

	if (tenant_id.size == 0)
		tenant_id = es_slice(ES_DEFAULT_TENANT, strlen(ES_DEFAULT_TENANT));
	node->test.strategy = BTEqualStrategyNumber;
	set_text(&node->test.constants[0], tenant_id);
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
prefix_node(EsFilter *filter, EsSlice prefix)
{
	EsOperand	operand = {.field = ES_FIELD_EVENT_TYPE,.type = ES_VALUE_TEXT};
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
			alternatives = lappend(alternatives, prefix_node(filter, query->types[i].text));
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

/* What no program can be made for, is left to body_matches(). */
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

/* Makes the program, with what is cheapest first. */
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
	if (query->one_tenant)
		add_condition(filter, tenant_node(filter, query->tenant_id));
	if (query->event_id != NULL)
		add_condition(filter, id_node(filter, query->event_id));
	if (query->tag_count > 0)
		add_condition(filter, tags_node(filter, query));
	if (query->payload_filter != NULL)
		add_condition(filter, payload_node(filter, query->payload_filter));
}

/* ---------------------------------------------------------------- by block */

/* Delivers event i of the scan's block, if it is what is asked for. */
static void
deliver_from_block(Answer *answer, EsScan *scan, uint32 i)
{
	bool		unsure = es_bit(scan->unsure, i);
	const EsStoredEvent *stored;
	MemoryContext before;

	if (!unsure && !es_bit(scan->sure, i))
		return;
	stored = es_view_event(&scan->view, i);
	before = MemoryContextSwitchTo(answer->per_event);
	if (!unsure || (head_matches(answer->query, stored) && body_matches(answer->query, stored)))
	{
		answer->sink->receive(answer->sink->arg, stored);
		answer->left--;
	}
	MemoryContextSwitchTo(before);
	MemoryContextReset(answer->per_event);
}

static void
deliver_block(Answer *answer, EsScan *scan)
{
	uint32		count = scan->view.count;

	for (uint32 i = 0; i < count && answer->left > 0; i++)
		deliver_from_block(answer, scan, answer->query->backward ? count - 1 - i : i);
}

static void
read_blocks(Answer *answer, EsOrder order)
{
	const EsEventsQuery *query = answer->query;
	EsScan	   *scan = palloc(sizeof(EsScan));
	EsRange		range = {
		.first_position = query->after_position + 1,
		.last_position = PG_INT64_MAX,
		.first_time = query->first_time,
		.last_time = query->last_time
	};
	EsFilter	filter;

	make_filter(&filter, query);
	answer->per_event = AllocSetContextCreate(CurrentMemoryContext, "eventstore event",
											  ALLOCSET_DEFAULT_SIZES);
	es_scan_begin(scan, GetActiveSnapshot(), &filter, order, &range, NULL);
	while (answer->left > 0 && es_scan_next(scan))
		deliver_block(answer, scan);
	es_scan_end(scan);
	MemoryContextDelete(answer->per_event);
	pfree(scan);
}

/* Delivers what is asked for, in the order of the log or backward. */
void
es_query_events(const EsEventsQuery *query, EsSink *sink)
{
	Answer		answer = {.query = query,.sink = sink,.left = query->max_count};

	if (query->after_position == PG_INT64_MAX || query->first_time > query->last_time ||
		(!query->any_type && query->type_count == 0))
		return;
	if (query->one_entity)
		read_entity(&answer);
	else
		read_blocks(&answer, query->backward ? ES_ORDER_BACKWARD : ES_ORDER_FORWARD);
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
	{100 * INT64CONST(1000), 999},
	{ES_ID_TIME_WINDOW_US, ES_ID_TIME_WINDOW_US}
};

/*
 * Asks the index.  Returns whether an event that it did not find can only be
 * found by time.
 */
static bool
read_id(Answer *answer)
{
	Snapshot	snapshot = GetActiveSnapshot();
	EsOpenStore open;
	EsReader	reader;
	EsStoredEvent stored;
	bool		complete;

	es_store_open(&open, AccessShareLock);
	PredicateLockRelation(open.blocks, snapshot);
	es_reader_begin(&reader, open.blocks, snapshot);
	if (es_id_find(&open.store->index, &reader, answer->query->event_id, &stored, &complete))
	{
		es_reader_complete(&reader, &stored);
		answer->sink->receive(answer->sink->arg, &stored);
		answer->left--;
	}
	es_reader_end(&reader);
	es_store_close(&open);
	return complete;
}

/*
 * Delivers an event with this id, if there is one: asks the index, looks where
 * the time in the id points to, and if the index lacks ids, everywhere.
 */
void
es_query_event_id(const uint8 *event_id, EsSink *sink)
{
	EsEventsQuery query = {.event_id = event_id,.any_type = true};
	Answer		answer = {.query = &query,.sink = sink,.left = 1};
	bool		complete = read_id(&answer);
	int64		time;

	if (es_uuid_v7_time(event_id, &time))
	{
		for (int i = 0; i < (int) lengthof(distances) && answer.left > 0; i++)
		{
			query.first_time = time - distances[i].before;
			query.last_time = time + distances[i].after;
			read_blocks(&answer, ES_ORDER_FORWARD);
		}
	}
	query.first_time = PG_INT64_MIN;
	query.last_time = PG_INT64_MAX;
	if (answer.left > 0 && !complete)
		read_blocks(&answer, ES_ORDER_NONE);
}
