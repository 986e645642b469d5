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

/*
 * Crosses one JSON value of any kind; what the scanner does not vouch for is
 * put to the judge.
 */
bool
es_parse_value(EsParser *parser, EsSlice *value)
{
	const char *start = parser->p;
	const char *after = es_json_scan(start, parser->end);

	if (after == NULL)
	{
		after = es_json_extent(start, parser->end);
		if (after == NULL)
			return fail(parser, ES_ERR_JSON, start);
		if (after == start)
			return fail_expected(parser, "a JSON value", start);
		if (!parser->hooks->judge(parser->hooks->arg, es_slice(start, after - start)))
			return fail(parser, ES_ERR_JSON, start);
	}
	*value = es_slice(start, after - start);
	parser->p = after;
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

	if (!es_parse_value(parser, &value))
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
	if (!es_parse_value(parser, &value))
		return false;
	if (kind == ES_JSON_NULL && field->nullable)
		return true;
	if (field->kind != ES_JSON_NONE && field->kind != kind)
		return fail_type(parser, field->name.data, field->json_type, value);
	return field->read(parser, event, value);
}

/* Reads `"key": value`; seen has a bit for each field that was there. */
static bool
parse_member(EsParser *parser, EsEvent *event, uint32 *seen)
{
	EsSlice		raw;
	EsSlice		key;
	int			field;

	if (!at_char(parser, '"'))
		return fail_expected(parser, "a key", parser->p);
	parser->error.key.size = 0;
	if (!es_parse_value(parser, &raw))
		return false;
	key = string_value(parser, raw);
	field = find_field(key);
	parser->error.key = key;
	if (field < 0)
		return fail(parser, ES_ERR_UNKNOWN_KEY, raw.data);
	if (*seen & (1U << field))
		return fail(parser, ES_ERR_REPEATED_KEY, raw.data);
	*seen |= 1U << field;
	skip_space(parser);
	return take_char(parser, ':', "\":\"") &&
		parse_field_value(parser, event, &fields[field]);
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

/* Reads the object at parser->p. */
static bool
parse_event(EsParser *parser, EsEvent *event)
{
	const char *object = parser->p;
	uint32		seen = 0;

	memset(event, 0, sizeof(*event));
	event->payload = es_slice("{}", 2);
	if (!take_char(parser, '{', "an event object"))
		return false;
	while (!at_char(parser, '}'))
	{
		if (seen != 0 && !take_char(parser, ',', "\",\" or \"}\""))
			return false;
		if (!parse_member(parser, event, &seen))
			return false;
		skip_space(parser);
	}
	parser->p++;
	return check_required(parser, seen, object);
}

void
es_parser_init(EsParser *parser, EsSlice text, const EsParserHooks *hooks)
{
	memset(parser, 0, sizeof(*parser));
	parser->start = parser->p = text.data;
	parser->end = text.data + text.size;

	parser->hooks = hooks;
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
