/*-------------------------------------------------------------------------
 *
 * envelope.c
 *	  Events from JSON text.
 *
 * An event is a JSON object with the keys of the table below.  One pass finds
 * the fields and validates payload and metadata where they stand; the fields
 * are slices of the text, except strings with escapes and tags, which are put
 * into memory from the hooks.
 *
 * The next event mostly has the same keys in the same order as one before, so
 * that is tried first: the text between values is compared with what was there
 * in earlier events, along a trie.  When that fails the event is parsed key by
 * key, which is also what words all errors; and if it is right, its keys are
 * added to the trie.  Documents are taken apart in the same way, see shape.c.
 *
 *-------------------------------------------------------------------------
 */
#include "core/envelope.h"

#include "core/json.h"
#include "core/timestamp.h"

typedef bool (*FieldReader) (EsParser *parser, EsEvent *event, EsSlice value);

static bool read_entity_id(EsParser *parser, EsEvent *event, EsSlice value);
static bool read_event_type(EsParser *parser, EsEvent *event, EsSlice value);
static bool read_payload(EsParser *parser, EsEvent *event, EsSlice value);
static bool read_metadata(EsParser *parser, EsEvent *event, EsSlice value);
static bool read_event_id(EsParser *parser, EsEvent *event, EsSlice value);
static bool read_tenant_id(EsParser *parser, EsEvent *event, EsSlice value);
static bool read_tags(EsParser *parser, EsEvent *event, EsSlice value);
static bool read_occurred_at(EsParser *parser, EsEvent *event, EsSlice value);
static bool read_expected_version(EsParser *parser, EsEvent *event, EsSlice value);

#define MAX_LEAF_CHUNK	16384	/* leaves allocated at a time */

/* The keys of an event.  A null in a nullable field is a field not given. */
typedef struct Field
{
	EsSlice		name;
	FieldReader read;
	const char *json_type;		/* as error messages name it */
	EsJsonKind	kind;			/* ES_JSON_NONE: any */
	bool		required;
	bool		nullable;
} Field;

#define NAME(text) {text, sizeof(text) - 1}

static const Field fields[] = {
	{NAME("entity_id"), read_entity_id, "a string", ES_JSON_STRING, true, false},
	{NAME("event_type"), read_event_type, "a string", ES_JSON_STRING, true, false},
	{NAME("payload"), read_payload, "a value", ES_JSON_NONE, false, false},
	{NAME("metadata"), read_metadata, "an object", ES_JSON_OBJECT, false, true},
	{NAME("event_id"), read_event_id, "a string", ES_JSON_STRING, false, true},
	{NAME("tenant_id"), read_tenant_id, "a string", ES_JSON_STRING, false, true},
	{NAME("tags"), read_tags, "an array of strings", ES_JSON_ARRAY, false, true},
	{NAME("occurred_at"), read_occurred_at, "a string", ES_JSON_STRING, false, true},
	{NAME("expected_version"), read_expected_version, "an integer", ES_JSON_NUMBER, false, true}
};

/* Fills in the error and returns false. */
static bool
fail(EsParser *parser, EsErrorCode code, const char *at)
{
	parser->error.code = code;
	parser->error.offset = at - parser->start;
	return false;
}

static bool
fail_expected(EsParser *parser, const char *expected, const char *at)
{
	parser->error.expected = expected;
	return fail(parser, ES_ERR_EXPECTED, at);
}

static bool
fail_field(EsParser *parser, EsErrorCode code, const char *field, EsSlice value)
{
	return es_error_field(&parser->error, code, field, value, 0);
}

static bool
fail_type(EsParser *parser, const char *field, const char *expected, EsSlice value)
{
	parser->error.expected = expected;
	return fail_field(parser, ES_ERR_WRONG_TYPE, field, value);
}

static void
skip_space(EsParser *parser)
{
	parser->p = es_json_skip_space(parser->p, parser->end);
}

static bool
at_char(EsParser *parser, char c)
{
	return parser->p < parser->end && *parser->p == c;
}

/* Crosses c and the space after it. */
static bool
take_char(EsParser *parser, char c, const char *expected)
{
	if (!at_char(parser, c))
		return fail_expected(parser, expected, parser->p);
	parser->p++;
	skip_space(parser);
	return true;
}

/* Most values of an envelope are strings. */
static inline const char *
scan_value(const char *p, const char *end)
{
	if (p < end && *p == '"')
	{
		const char *after = es_json_scan_scalar(p, end);

		return after == NULL || after - p > ES_JSON_MAX_VALUE ? NULL : after;
	}
	return es_json_scan(p, end);
}

/*
 * Crosses one JSON value of any kind; what the scanner does not vouch for is
 * put to the judge.
 */
static bool
parse_value(EsParser *parser, EsSlice *value)
{
	const char *start = parser->p;
	const char *after = scan_value(start, parser->end);

	if (after == NULL)
	{
		after = es_json_extent(start, parser->end);
		if (after == NULL)
		{
			/* it has no end, so it is wrong; the judge says best how */
			(void) parser->hooks->judge(parser->hooks->arg, es_slice(start, parser->end - start));
			return fail(parser, ES_ERR_JSON, start);
		}
		if (after == start)
			return fail_expected(parser, "a JSON value", start);
		if (!parser->hooks->judge(parser->hooks->arg, es_slice(start, after - start)))
			return fail(parser, ES_ERR_JSON, start);
	}
	*value = es_slice(start, after - start);
	parser->p = after;
	return true;
}

/* Room for the leaves of one more document; little for the first one. */
static EsLeaf *
reserve_leaves(EsParser *parser)
{
	if (parser->leaf_room < ES_MAX_LEAVES)
	{
		parser->leaf_chunk = Min(Max(parser->leaf_chunk * 4, ES_MAX_LEAVES), MAX_LEAF_CHUNK);
		parser->leaf_room = parser->leaf_chunk;
		parser->leaves = parser->hooks->allocate(parser->hooks->arg,
												 parser->leaf_chunk * sizeof(EsLeaf));
	}
	return parser->leaves;
}

/*
 * Crosses one JSON value and takes it apart, if it is an object of a shape that
 * is known.
 */
bool
es_parse_document(EsParser *parser, EsSlice *value, EsDocument *document)
{
	EsShapes   *shapes;
	const char *after;
	uint32		leaf_count;

	document->shape = 0;
	if (parser->expectations == NULL)
		return parse_value(parser, value);
	shapes = &parser->expectations->shapes;
	document->leaves = reserve_leaves(parser);
	after = es_shape_scan(shapes, parser->p, parser->end, &document->shape, parser->leaves);
	if (after == NULL)
		return parse_value(parser, value);
	*value = es_slice(parser->p, after - parser->p);
	parser->p = after;
	leaf_count = document->shape == 0 ? 0 : shapes->shapes[document->shape].segment_count - 1;
	parser->leaves += leaf_count;
	parser->leaf_room -= leaf_count;
	return true;
}

/* The characters of a string value, quotes and escapes resolved. */
static EsSlice
string_value(EsParser *parser, EsSlice value)
{
	const char *body = value.data + 1;
	uint32		size = value.size - 2;
	char	   *plain;

	if (size == 0 || memchr(body, '\\', size) == NULL)
		return es_slice(body, size);
	plain = parser->hooks->allocate(parser->hooks->arg, size);
	return es_slice(plain, es_json_unescape(body, body + size, plain));
}

/* Names are checked with all other limits, once the event is read. */
static bool
read_entity_id(EsParser *parser, EsEvent *event, EsSlice value)
{
	event->entity_id = string_value(parser, value);
	return true;
}

static bool
read_event_type(EsParser *parser, EsEvent *event, EsSlice value)
{
	event->event_type = string_value(parser, value);
	return true;
}

static bool
read_payload(EsParser *parser pg_attribute_unused(), EsEvent *event, EsSlice value)
{
	event->payload = value;
	return true;
}

static bool
read_metadata(EsParser *parser pg_attribute_unused(), EsEvent *event, EsSlice value)
{
	event->metadata = value;
	event->has |= ES_HAS_METADATA;
	return true;
}

static bool
read_event_id(EsParser *parser, EsEvent *event, EsSlice value)
{
	EsSlice		text = string_value(parser, value);

	if (!es_uuid_parse(text, event->event_id))
		return fail_field(parser, ES_ERR_INVALID_UUID, "event_id", text);
	event->has |= ES_HAS_EVENT_ID;
	return true;
}

static bool
read_tenant_id(EsParser *parser, EsEvent *event, EsSlice value)
{
	return es_event_set_tenant(event, string_value(parser, value), &parser->error);
}

static bool
read_occurred_at(EsParser *parser, EsEvent *event, EsSlice value)
{
	EsSlice		text = string_value(parser, value);
	EsErrorCode code = es_timestamp_parse(text, &event->occurred_at);

	if (code != ES_OK)
		return fail_field(parser, code, "occurred_at", text);
	event->has |= ES_HAS_OCCURRED_AT;
	return true;
}

/* Reads a decimal integer of 64 bits. */
static bool
parse_integer(EsSlice text, int64 *result)
{
	bool		negative = text.data[0] == '-';

	*result = 0;
	if (text.size == (negative ? 1 : 0))
		return false;
	for (uint32 i = negative ? 1 : 0; i < text.size; i++)
	{
		int64		digit = text.data[i] - '0';

		if (digit < 0 || digit > 9 ||
			__builtin_mul_overflow(*result, (int64) 10, result) ||
			__builtin_add_overflow(*result, negative ? -digit : digit, result))
			return false;
	}
	return true;
}

static bool
read_expected_version(EsParser *parser, EsEvent *event, EsSlice value)
{
	if (!parse_integer(value, &event->expected_version))
		return fail_type(parser, "expected_version", "an integer", value);
	event->has |= ES_HAS_EXPECTED_VERSION;
	return es_event_check_expected_version(event->expected_version, &parser->error);
}

/* Reads one tag of the array at parser->p into packed tags. */
static bool
read_tag(EsParser *parser, EsEvent *event, char *packed)
{
	EsSlice		value;
	EsSlice		tag;

	if (!parse_value(parser, &value))
		return false;
	if (value.data[0] != '"')
		return fail_type(parser, "tags", "an array of strings", value);
	if (event->tag_count == ES_MAX_TAGS)
		return es_error_field(&parser->error, ES_ERR_TOO_MANY_TAGS, "tags", value, ES_MAX_TAGS);
	tag = string_value(parser, value);
	if (!es_text_check("tag", tag, ES_MAX_TAG, &parser->error))
		return false;
	packed[event->tags.size] = (char) tag.size;
	memcpy(packed + event->tags.size + 1, tag.data, tag.size);
	event->tags.size += 1 + tag.size;
	event->tag_count++;
	return true;
}

/* Packs tags; the value is valid JSON, so it is only walked here. */
static bool
read_tags(EsParser *parser, EsEvent *event, EsSlice value)
{
	EsParser	inner = *parser;
	char	   *packed = parser->hooks->allocate(parser->hooks->arg, value.size);
	bool		done;

	event->tags = es_slice(packed, 0);
	inner.end = value.data + value.size;
	inner.p = es_json_skip_space(value.data + 1, inner.end);
	for (done = at_char(&inner, ']'); !done; done = at_char(&inner, ']'))
	{
		if (event->tag_count > 0 && !take_char(&inner, ',', "\",\""))
			break;
		if (!read_tag(&inner, event, packed))
			break;
		skip_space(&inner);
	}
	parser->error = inner.error;
	event->has |= ES_HAS_TAGS;
	return done;
}

/* Finds the field of a key; -1 when there is none. */
static int
find_field(EsSlice key)
{
	for (int i = 0; i < (int) lengthof(fields); i++)
	{
		if (es_slice_equal(fields[i].name, key))
			return i;
	}
	return -1;
}

/* Reads a value, checks its JSON type and hands it to the field's reader. */
static bool
parse_field_value(EsParser *parser, EsEvent *event, const Field *field)
{
	EsSlice		value;
	EsJsonKind	kind = es_json_kind(parser->p, parser->end);

	parser->error.key = field->name;
	if (field->read == read_payload || field->read == read_metadata)
	{
		if (!es_parse_document(parser, &value, field->read == read_payload ?
							   &event->payload_document : &event->metadata_document))
			return false;
	}
	else if (!parse_value(parser, &value))
		return false;
	if (kind == ES_JSON_NULL && field->nullable)
		return true;
	if (field->kind != ES_JSON_NONE && field->kind != kind)
		return fail_type(parser, field->name.data, field->json_type, value);
	return field->read(parser, event, value);
}

/* The keys of an event that is parsed, to be expected from then on. */
typedef struct Envelope
{
	int			count;
	EsSlice		texts[lengthof(fields) + 1];	/* up to each value, to the
												 * end */
	int			field_of[lengthof(fields)];
	uint32		seen;			/* a bit for each field that was there */
} Envelope;

/* Reads `"key": value`; the text before the value starts at 'start'. */
static bool
parse_member(EsParser *parser, EsEvent *event, const char *start, Envelope *envelope)
{
	EsSlice		raw;
	EsSlice		key;
	int			field;

	if (!at_char(parser, '"'))
		return fail_expected(parser, "a key", parser->p);
	parser->error.key.size = 0;
	if (!parse_value(parser, &raw))
		return false;
	key = string_value(parser, raw);
	field = find_field(key);
	parser->error.key = key;
	if (field < 0)
		return fail(parser, ES_ERR_UNKNOWN_KEY, raw.data);
	if (envelope->seen & (1U << field))
		return fail(parser, ES_ERR_REPEATED_KEY, raw.data);
	envelope->seen |= 1U << field;
	skip_space(parser);
	if (!take_char(parser, ':', "\":\""))
		return false;
	envelope->texts[envelope->count] = es_slice(start, parser->p - start);
	envelope->field_of[envelope->count++] = field;
	return parse_field_value(parser, event, &fields[field]);
}

static bool
check_required(EsParser *parser, uint32 seen, const char *object)
{
	for (size_t i = 0; i < lengthof(fields); i++)
	{
		if (fields[i].required && !(seen & (1U << i)))
		{
			parser->error.key = fields[i].name;
			return fail(parser, ES_ERR_MISSING_KEY, object);
		}
	}
	return true;
}

/* Reads the object at parser->p key by key. */
static bool
parse_members(EsParser *parser, EsEvent *event, Envelope *envelope)
{
	const char *object = parser->p;
	const char *start = object;

	envelope->count = 0;
	envelope->seen = 0;
	if (!take_char(parser, '{', "an event object"))
		return false;
	while (!at_char(parser, '}'))
	{
		if (envelope->count > 0 && !take_char(parser, ',', "\",\" or \"}\""))
			return false;
		if (!parse_member(parser, event, start, envelope))
			return false;
		start = parser->p;
		skip_space(parser);
	}
	parser->p++;
	envelope->texts[envelope->count] = es_slice(start, parser->p - start);
	return check_required(parser, envelope->seen, object);
}

/* ------------------------------------------------------------ expectations */

/* Does the node's text stand at p, and a value or the end of the event follow? */
static inline bool
matches(const EsEnvelopeNode *node, simde__m128i head, const char *p, const char *end)
{
	return es_is_expected(&node->expected_text, es_slice(node->text, node->size), head, p, end) &&
		(node->field < 0 || (p + node->size < end && !es_json_is_space(p[node->size])));
}

/* Finds the child of a node whose text stands at p; 0 when there is none. */
static inline uint8
find_child(EsExpectations *expectations, EsEnvelopeNode *parent, const char *p,
		   const char *end)
{
	simde__m128i head = es_load_head(p, end);
	uint8		child = parent->expected;

	if (likely(child != 0 && matches(&expectations->nodes[child], head, p, end)))
		return child;
	for (child = parent->first_child; child != 0; child = expectations->nodes[child].next_sibling)
	{
		if (matches(&expectations->nodes[child], head, p, end))
			return parent->expected = child;
	}
	return 0;
}

/* Adds a child of a node; 0 when that is not possible. */
static uint8
add_child(EsExpectations *expectations, EsEnvelopeNode *parent, EsSlice text, int field)
{
	uint8		child = (uint8) expectations->node_count + 1;
	EsEnvelopeNode *node = &expectations->nodes[child];

	if (child == ES_MAX_ENVELOPE_NODES || text.size > ES_MAX_ENVELOPE_TEXT)
		return 0;
	memcpy(node->text, text.data, text.size);
	es_expect(&node->expected_text, text);
	node->size = (uint8) text.size;
	node->field = (int8) field;
	node->next_sibling = parent->first_child;
	parent->first_child = parent->expected = child;
	expectations->node_count++;
	return child;
}

/* Expects further events with these keys. */
static void
expect_envelope(EsParser *parser, const Envelope *envelope)
{
	EsExpectations *expectations = parser->expectations;
	EsEnvelopeNode *node = &expectations->nodes[0];

	for (int i = 0; i <= envelope->count; i++)
	{
		int			field = i == envelope->count ? -1 : envelope->field_of[i];
		EsSlice		text = envelope->texts[i];
		uint8		child = find_child(expectations, node, text.data, parser->end);

		if (child == 0)
			child = add_child(expectations, node, text, field);
		if (child == 0)
			return;
		node = &expectations->nodes[child];
	}
}

/* Reads the event if it has expected keys in an expected order. */
static bool
parse_as_expected(EsParser *parser, EsEvent *event)
{
	EsExpectations *expectations = parser->expectations;
	EsEnvelopeNode *node = &expectations->nodes[0];

	for (;;)
	{
		uint8		child = find_child(expectations, node, parser->p, parser->end);

		if (child == 0)
			return false;
		node = &expectations->nodes[child];
		parser->p += node->size;
		if (node->field < 0)
			return true;
		if (!parse_field_value(parser, event, &fields[node->field]))
			return false;
	}
}

static void
clear_event(EsEvent *event)
{
	memset(event, 0, sizeof(*event));
	event->payload = es_slice("{}", 2);
}

/* Reads the object at parser->p. */
static bool
parse_event(EsParser *parser, EsEvent *event)
{
	const char *start = parser->p;
	Envelope	envelope;

	clear_event(event);
	if (parser->expectations != NULL)
	{
		if (parse_as_expected(parser, event))
			return true;
		parser->p = start;
		memset(&parser->error, 0, sizeof(parser->error));
		clear_event(event);
	}
	if (!parse_members(parser, event, &envelope))
		return false;
	if (parser->expectations != NULL)
		expect_envelope(parser, &envelope);
	return true;
}

/*
 * Forgets what there is no room to add to.  Not while documents that were taken
 * apart are in use.
 */
void
es_expectations_renew(EsExpectations *expectations)
{
	if (expectations->node_count == ES_MAX_ENVELOPE_NODES - 1)
		memset(expectations, 0, offsetof(EsExpectations, shapes));
	es_shapes_renew(&expectations->shapes);
}

/* Begins to expect nothing. */
void
es_expectations_init(EsExpectations *expectations)
{
	memset(expectations, 0, offsetof(EsExpectations, shapes));
	expectations->shapes.generation = 0;
	es_shapes_init(&expectations->shapes);
}

/*
 * Makes a parser; expectations may be NULL.
 */
void
es_parser_init(EsParser *parser, const EsParserHooks *hooks, EsExpectations *expectations)
{
	memset(parser, 0, sizeof(*parser));
	parser->hooks = hooks;
	parser->expectations = expectations;
}

/*
 * Begins with another text.
 */
void
es_parser_begin(EsParser *parser, EsSlice text)
{
	parser->start = parser->p = text.data;
	parser->end = text.data + text.size;
	parser->in_array = false;
	parser->ordinal = 0;
	memset(&parser->error, 0, sizeof(parser->error));
	skip_space(parser);
}

/*
 * Reads the one event that the text is.  Returns false with parser->error.
 */
bool
es_parse_single(EsParser *parser, EsEvent *event)
{
	if (!parse_event(parser, event))
		return false;
	skip_space(parser);
	if (parser->p < parser->end)
		return fail_expected(parser, "the end of the event", parser->p);
	return true;
}

/*
 * Reads the tags of an event, which the text is alone: an array of strings, or
 * null.  Returns false with parser->error.
 */
bool
es_parse_tags(EsParser *parser, EsEvent *event)
{
	static const char name[] = "tags";

	if (!parse_field_value(parser, event, &fields[find_field(es_slice(name, sizeof(name) - 1))]))
		return false;
	skip_space(parser);
	if (parser->p < parser->end)
		return fail_expected(parser, "the end of the tags", parser->p);
	return true;
}

/*
 * Begins a batch: finds out whether the text is an array.
 */
bool
es_parse_batch_start(EsParser *parser)
{
	parser->in_array = at_char(parser, '[');
	return !parser->in_array || take_char(parser, '[', "\"[\"");
}

/* Newline-delimited: the next event is on a line of its own. */
static bool
next_line(EsParser *parser)
{
	const char *after = parser->p;

	skip_space(parser);
	if (parser->ordinal == 0 || parser->p == parser->end ||
		memchr(after, '\n', parser->p - after) != NULL)
		return true;
	return fail(parser, ES_ERR_SAME_LINE, parser->p);
}

/* In an array: the closing bracket, after which the text must end. */
static bool
end_array(EsParser *parser)
{
	parser->p++;
	skip_space(parser);
	if (parser->p < parser->end)
		return fail_expected(parser, "the end of the batch after \"]\"", parser->p);
	return true;
}

/*
 * Reads the next event of a batch.
 */
EsParseResult
es_parse_batch_next(EsParser *parser, EsEvent *event)
{
	if (parser->in_array)
	{
		skip_space(parser);
		if (at_char(parser, ']'))
			return end_array(parser) ? ES_PARSE_END : ES_PARSE_ERROR;
		if (parser->ordinal > 0 && !take_char(parser, ',', "\",\" or \"]\""))
			return ES_PARSE_ERROR;
	}
	else
	{
		if (!next_line(parser))
			return ES_PARSE_ERROR;
		if (parser->p == parser->end)
			return ES_PARSE_END;
	}
	parser->ordinal++;
	return parse_event(parser, event) ? ES_PARSE_EVENT : ES_PARSE_ERROR;
}
