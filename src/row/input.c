/*-------------------------------------------------------------------------
 *
 * input.c
 *	  Turns SQL values into events, with all checks.
 *
 * JSON that the scanner does not vouch for is put to the server's own parser,
 * which also words the error when it is wrong.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "append/memory.h"
#include "core/envelope.h"
#include "core/json.h"
#include "pg/catalog.h"
#include "pg/errors.h"
#include "pg/settings.h"
#include "row/input.h"

/* Bytes of text that few events are shorter than. */
#define USUAL_EVENT_SIZE 128

EsSlice
es_text_datum_slice(Datum datum)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(datum);

	return es_slice(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

/* The text of a jsonb value. */
EsSlice
es_jsonb_slice(Datum datum)
{
	Jsonb	   *jsonb = DatumGetJsonbP(datum);
	StringInfo	text = makeStringInfo();

	JsonbToCString(text, &jsonb->root, VARSIZE(jsonb));
	return es_slice(text->data, text->len);
}

/*
 * Reading makes jsonb of the text again, maybe with less stack left than there
 * is now; an event that could be written but not read would stop all readers.
 */
static void
check_depth(EsSlice json)
{
	if (json.size > ES_MAX_JSON_DEPTH && es_json_depth(json) > ES_MAX_JSON_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("JSON is nested too deeply"),
				 errdetail("The limit is %d levels.", ES_MAX_JSON_DEPTH)));
}

/* The text of a jsonb value that is to be a field of an event. */
EsSlice
es_jsonb_field(Datum datum)
{
	EsSlice		json = es_jsonb_slice(datum);

	check_depth(json);
	return json;
}

/* ---------------------------------------------------------- the judge */

/* A value that the server's parser judges. */
typedef struct Judged
{
	const EsParser *parser;
	const char *value;			/* where it begins */
} Judged;

/* Where in the text it stands is said unless it is the text. */
static void
judge_context(void *arg)
{
	const Judged *judged = arg;
	const EsParser *parser = judged->parser;
	EsSlice		key = parser->error.key;
	char	   *what = key.size == 0 ? pstrdup("JSON of a key") :
	psprintf("JSON of \"%.*s\"", (int) key.size, key.data);
	char	   *event = parser->ordinal == 0 ? pstrdup("the event") :
	psprintf("event " INT64_FORMAT, parser->ordinal);

	if (judged->value == parser->start)
		errcontext("%s in %s", what, event);
	else
		errcontext("%s in %s, at byte %zu of the %s", what, event,
				   (size_t) (judged->value - parser->start) + 1,
				   parser->ordinal > 0 ? "batch" : "text");
}

/* Raises the server's error unless the value is valid JSON for it. */
static bool
judge(void *arg, EsSlice value)
{
	EsEventList *list = arg;
	MemoryContext before;
	Judged		judged = {&list->parser, value.data};
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = judge_context,
		.arg = &judged
	};

	if (list->judging == NULL)
		list->judging = AllocSetContextCreate(CurrentMemoryContext, "eventstore JSON",
											  ALLOCSET_DEFAULT_SIZES);
	before = MemoryContextSwitchTo(list->judging);
	error_context_stack = &context;
	check_depth(value);
	(void) DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(value.data, value.size)));
	error_context_stack = context.previous;
	MemoryContextSwitchTo(before);
	MemoryContextReset(list->judging);
	return true;
}

/* A single event leaves the scratch alone: it may be part of some expression. */
static void *
allocate(void *arg, size_t size)
{
	EsEventList *list = arg;

	return list->in_batch ? es_scratch_alloc(size) : palloc_extended(size, MCXT_ALLOC_HUGE);
}

/* --------------------------------------------------------------- the list */

/* A single event needs no memory; its leaves, which nobody wants, go anywhere. */
static void
init_single(EsEventList *list)
{
	static EsLeaf leaves[2 * ES_MAX_LEAVES];

	list->events = &list->single;
	list->capacity = 1;
	list->parser.leaves = leaves;
	list->parser.leaf_room = lengthof(leaves);
}

static void
begin_batch(EsEventList *list)
{
	es_scratch_reset();
	list->parser.expectations = es_backend_expectations();
	es_expectations_renew(list->parser.expectations);
}

void
es_list_init(EsEventList *list, bool checked, bool in_batch)
{
	es_check_encoding();
	memset(list, 0, sizeof(*list));
	list->checked = checked;
	list->in_batch = in_batch;
	list->max_size = (size_t) es_max_event_size_kb * 1024;
	list->hooks = (EsParserHooks)
	{
		allocate, judge, list
	};
	es_parser_init(&list->parser, &list->hooks, NULL);
	if (in_batch)
		begin_batch(list);
	else
		init_single(list);
}

static void
reserve_events(EsEventList *list, int64 capacity)
{
	EsEvent    *events = es_scratch_alloc(capacity * sizeof(EsEvent));

	if (list->count > 0)
		memcpy(events, list->events, list->count * sizeof(EsEvent));
	list->events = events;
	list->capacity = capacity;
}

/* Makes room for one more event. */
EsEvent *
es_list_add(EsEventList *list)
{
	if (list->count == list->capacity)
		reserve_events(list, Max(list->capacity * 2, 64));
	return &list->events[list->count++];
}

/* Raises an error unless the event that was added last keeps the rules. */
void
es_list_check_last(EsEventList *list)
{
	const EsEvent *event = &list->events[list->count - 1];
	EsError		error = {0};

	if (list->count % 4096 == 0)
		CHECK_FOR_INTERRUPTS();
	if (!es_event_check_limits(event, list->max_size, &error) ||
		(list->checked && !es_event_check_names(event, &error)))
		es_error_report(&error, list->in_batch ? list->count : 0);
}

/* Adds the event that the text is. */
void
es_list_parse_single(EsEventList *list, EsSlice text)
{
	list->parser.expectations = es_backend_expectations();
	es_parser_begin(&list->parser, text);
	if (!es_parse_single(&list->parser, es_list_add(list)))
		es_error_report(&list->parser.error, 0);
	es_list_check_last(list);
}

/* Adds all events of newline-delimited objects or an array of objects. */
void
es_list_parse_batch(EsEventList *list, EsSlice text)
{
	EsParser   *parser = &list->parser;
	EsParseResult result = ES_PARSE_ERROR;

	/* memory that is not touched costs nothing, growing does */
	if (text.size / USUAL_EVENT_SIZE > list->capacity)
		reserve_events(list, text.size / USUAL_EVENT_SIZE);
	es_parser_begin(parser, text);
	if (es_parse_batch_start(parser))
	{
		while ((result = es_parse_batch_next(parser, es_list_add(list))) == ES_PARSE_EVENT)
			es_list_check_last(list);
		list->count--;			/* the one added in vain */
	}
	if (result == ES_PARSE_ERROR)
		es_error_report(&parser->error, parser->ordinal);
}

/*
 * Checks the JSON text of a field of the event that was added last, and takes
 * it apart.  Returns it without the white space around it.
 */
EsSlice
es_list_document(EsEventList *list, EsSlice text, const char *field, EsDocument *document)
{
	EsParser   *parser = &list->parser;
	const char *end = text.data + text.size;
	const char *start = es_json_skip_space(text.data, end);
	EsSlice		value;

	if (parser->expectations == NULL)
		parser->expectations = es_backend_expectations();
	while (end > start && es_json_is_space(end[-1]))
		end--;
	es_parser_begin(parser, es_slice(start, end - start));
	parser->ordinal = list->in_batch ? list->count : 0;
	parser->error.key = es_slice(field, strlen(field));
	if (!es_parse_document(parser, &value, document) || parser->p != end)
	{
		document->shape = 0;
		judge(list, es_slice(start, end - start));
	}
	return es_slice(start, end - start);
}

/*
 * Takes the documents of an event of the list apart, which are valid: they are
 * scanned again for their shape.
 */
void
es_list_take_apart(EsEventList *list, EsEvent *event)
{
	event->payload = es_list_document(list, event->payload, "payload", &event->payload_document);
	if (event->has & ES_HAS_METADATA)
		event->metadata = es_list_document(list, event->metadata, "metadata",
										   &event->metadata_document);
}

/* Sets the tags of the event that was added last from JSON text: an array of strings. */
void
es_list_take_tags(EsEventList *list, EsEvent *event, EsSlice text)
{
	EsParser   *parser = &list->parser;

	es_parser_begin(parser, text);
	parser->ordinal = list->in_batch ? list->count : 0;
	if (!es_parse_tags(parser, event))
		es_error_report(&parser->error, parser->ordinal);
}

/* ----------------------------------------------------------------- fields */

void
es_report_null(const char *field, int64 ordinal)
{
	if (ordinal > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("event " INT64_FORMAT ": %s must not be null", ordinal, field)));
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be null", field)));
	pg_unreachable();
}

void
es_event_set_tenant_text(EsEvent *event, EsSlice tenant_id, int64 ordinal)
{
	EsError		error = {0};

	if (!es_event_set_tenant(event, tenant_id, &error))
		es_error_report(&error, ordinal);
}

/* Sets metadata, which is valid JSON and must be an object, or null. */
void
es_event_set_metadata(EsEvent *event, EsSlice metadata, int64 ordinal)
{
	EsJsonKind	kind = es_json_kind(metadata.data, metadata.data + metadata.size);

	if (kind == ES_JSON_NULL)
		return;
	if (kind != ES_JSON_OBJECT)
	{
		EsError		error = {.expected = "an object"};

		es_error_field(&error, ES_ERR_WRONG_TYPE, "metadata", metadata, 0);
		es_error_report(&error, ordinal);
	}
	event->metadata = metadata;
	event->has |= ES_HAS_METADATA;
}

/* The elements of an array of tags, checked; returns how many there are. */
static int
take_tags(ArrayType *tags, EsSlice *slices, int64 ordinal)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	EsError		error = {0};

	if (ARR_NDIM(tags) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("tags must be a one-dimensional array")));
	deconstruct_array(tags, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	if (count > ES_MAX_TAGS)
	{
		es_error_field(&error, ES_ERR_TOO_MANY_TAGS, "tags", es_slice(NULL, 0), ES_MAX_TAGS);
		es_error_report(&error, ordinal);
	}
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			es_report_null("tag", ordinal);
		slices[i] = es_text_datum_slice(elements[i]);
		if (!es_text_check("tag", slices[i], ES_MAX_TAG, &error))
			es_error_report(&error, ordinal);
	}
	return count;
}

/* Packs an array of tags; limits are checked as tags cannot be packed else. */
void
es_event_set_tags(EsEvent *event, ArrayType *tags, int64 ordinal)
{
	EsSlice		slices[ES_MAX_TAGS];
	int			count = take_tags(tags, slices, ordinal);
	size_t		size = 0;
	char	   *out;

	for (int i = 0; i < count; i++)
		size += 1 + slices[i].size;
	out = palloc(size);
	event->tags = es_slice(out, size);
	for (int i = 0; i < count; i++)
	{
		*out++ = (char) slices[i].size;
		out = es_put_slice(out, slices[i]);
	}
	event->tag_count = (uint8) count;
	event->has |= ES_HAS_TAGS;
}

void
es_event_set_id(EsEvent *event, Datum uuid)
{
	memcpy(event->event_id, DatumGetUUIDP(uuid)->data, ES_UUID_SIZE);
	event->has |= ES_HAS_EVENT_ID;
}

void
es_event_set_occurred_at(EsEvent *event, Datum occurred_at)
{
	event->occurred_at = DatumGetTimestampTz(occurred_at);
	event->has |= ES_HAS_OCCURRED_AT;
}

void
es_event_set_expected_version(EsEvent *event, Datum version)
{
	event->expected_version = DatumGetInt64(version);
	event->has |= ES_HAS_EXPECTED_VERSION;
}

static void
set_names(EsEvent *event, const Datum *values, const bool *nulls, int64 ordinal)
{
	if (nulls[ES_RECORDED_ENTITY_ID])
		es_report_null("entity_id", ordinal);
	if (nulls[ES_RECORDED_EVENT_TYPE])
		es_report_null("event_type", ordinal);
	event->entity_id = es_text_datum_slice(values[ES_RECORDED_ENTITY_ID]);
	event->event_type = es_text_datum_slice(values[ES_RECORDED_EVENT_TYPE]);
}

static void
set_payload(EsEvent *event, const Datum *values, const bool *nulls, int64 ordinal)
{
	if (nulls[ES_RECORDED_PAYLOAD])
		es_report_null("payload", ordinal);
	event->payload = es_jsonb_field(values[ES_RECORDED_PAYLOAD]);
}

static void
set_optional(EsEvent *event, const Datum *values, const bool *nulls, int64 ordinal)
{
	if (!nulls[ES_RECORDED_TENANT_ID])
		es_event_set_tenant_text(event, es_text_datum_slice(values[ES_RECORDED_TENANT_ID]), ordinal);
	if (!nulls[ES_RECORDED_EVENT_ID])
		es_event_set_id(event, values[ES_RECORDED_EVENT_ID]);
	if (!nulls[ES_RECORDED_METADATA])
		es_event_set_metadata(event, es_jsonb_field(values[ES_RECORDED_METADATA]), ordinal);
	if (!nulls[ES_RECORDED_TAGS])
		es_event_set_tags(event, DatumGetArrayTypeP(values[ES_RECORDED_TAGS]), ordinal);
	if (!nulls[ES_RECORDED_OCCURRED_AT])
		es_event_set_occurred_at(event, values[ES_RECORDED_OCCURRED_AT]);
}

/* Columns whose values the server makes. */
static void
check_assigned(Relation table, const bool *nulls, EsRecordedColumn column)
{
	if (nulls[column])
		return;
	ereport(ERROR,
			(errcode(ERRCODE_GENERATED_ALWAYS),
			 errmsg("cannot insert into column \"%s\" of \"events\"",
					NameStr(TupleDescAttr(RelationGetDescr(table), column)->attname)),
			 errdetail("The server assigns it.")));
}

/* Makes the event that a row of the relation is, with all checks. */
void
es_event_from_row(Relation table, TupleTableSlot *slot, int64 ordinal, EsEvent *event)
{
	EsError		error = {0};

	slot_getallattrs(slot);
	check_assigned(table, slot->tts_isnull, ES_RECORDED_POSITION);
	check_assigned(table, slot->tts_isnull, ES_RECORDED_VERSION);
	check_assigned(table, slot->tts_isnull, ES_RECORDED_RECORDED_AT);
	memset(event, 0, sizeof(*event));
	set_names(event, slot->tts_values, slot->tts_isnull, ordinal);
	set_payload(event, slot->tts_values, slot->tts_isnull, ordinal);
	set_optional(event, slot->tts_values, slot->tts_isnull, ordinal);
	if (!es_event_check_limits(event, (size_t) es_max_event_size_kb * 1024, &error))
		es_error_report(&error, ordinal);
}

/*
 * Adds the single event of a function's arguments: columns[i] is the column that
 * argument i is for.  JSON text is stored as it is given.
 */
void
es_list_add_arguments(EsEventList *list, const NullableDatum *args, const int *columns, int count)
{
	Datum		values[ES_ARGUMENT_PAYLOAD_TEXT + 1];
	bool		nulls[ES_ARGUMENT_PAYLOAD_TEXT + 1];
	EsEvent    *event = es_list_add(list);

	memset(event, 0, sizeof(*event));
	memset(nulls, true, sizeof(nulls));
	for (int i = 0; i < count; i++)
	{
		values[columns[i]] = args[i].value;
		nulls[columns[i]] = args[i].isnull;
	}
	set_names(event, values, nulls, 0);
	if (!nulls[ES_ARGUMENT_PAYLOAD_TEXT])
	{
		EsDocument	document;	/* a single event is stored as it is */

		event->payload = es_list_document(list,
										  es_text_datum_slice(values[ES_ARGUMENT_PAYLOAD_TEXT]),
										  "payload", &document);
	}
	else
		set_payload(event, values, nulls, 0);
	set_optional(event, values, nulls, 0);
	if (!nulls[ES_ARGUMENT_EXPECTED_VERSION])
		es_event_set_expected_version(event, values[ES_ARGUMENT_EXPECTED_VERSION]);
}
