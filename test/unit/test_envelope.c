/*-------------------------------------------------------------------------
 *
 * test_envelope.c
 *	  Events from JSON text: batches, every error with its place, values.
 *
 * In the texts of the error table '^' marks the byte at which the error is
 * reported; it is taken out before parsing.  What is wrong with a value is
 * reported by its key alone, so there is no mark.
 *
 * Every batch is parsed by expectation too, of all those before.
 *
 *-------------------------------------------------------------------------
 */
#include "batches.h"

#include "core/timestamp.h"
#include "tap.h"

#define E(rest) "{\"entity_id\":\"e\",\"event_type\":\"t\"" rest "}"
#define OK_EVENT E("")

#define MAX_EVENT_SIZE 4096
#define NO_OFFSET ((size_t) -1)

static EsExpectations expectations;
static int	differences;

/* What came of a text. */
typedef struct Outcome
{
	EsParseResult result;		/* the last */
	EsError		error;
	int64		ordinal;
	int			count;			/* events before */
	EsEvent		last;
} Outcome;

/* Parses and checks limits, as ingesting does. */
static EsParseResult
parse_events(EsParser *parser, Outcome *outcome)
{
	EsParseResult result;
	EsEvent		event;

	if (!es_parse_batch_start(parser))
		return ES_PARSE_ERROR;
	while ((result = es_parse_batch_next(parser, &event)) == ES_PARSE_EVENT)
	{
		if (!es_event_check_limits(&event, MAX_EVENT_SIZE, &parser->error))
			return ES_PARSE_ERROR;
		outcome->count++;
		outcome->last = event;
	}
	return result;
}

/* By expectation, as often as it takes to expect this very text. */
static void
compare_ways(Memory *memory, EsSlice text)
{
	Batch		plain = read_batch(memory, text, NULL);

	for (int i = 0; i < 3; i++)
	{
		Batch		expected = read_batch(memory, text, &expectations);
		const char *problem = compare_batches(&plain, &expected);

		if (problem == NULL)
			continue;
		differences++;
		printf("# %s: %.*s\n", problem, (int) Min(text.size, 1000), text.data);
	}
}

/* Parses a copy of exactly this size; slices live as long as memory. */
static Outcome
parse_batch(Memory *memory, EsSlice text)
{
	EsParserHooks hooks = parser_hooks(memory);
	EsParser	parser;
	Outcome		outcome = {0};
	EsSlice		copy = memory_copy(memory, text.data, text.size);

	es_parser_init(&parser, &hooks, NULL);
	es_parser_begin(&parser, copy);
	outcome.result = parse_events(&parser, &outcome);
	outcome.error = parser.error;
	outcome.ordinal = parser.ordinal;
	compare_ways(memory, copy);
	return outcome;
}

static Outcome
parse_single(Memory *memory, EsSlice text)
{
	EsParserHooks hooks = parser_hooks(memory);
	EsParser	parser;
	Outcome		outcome = {0};

	es_parser_init(&parser, &hooks, NULL);
	es_parser_begin(&parser, memory_copy(memory, text.data, text.size));
	outcome.result = es_parse_single(&parser, &outcome.last) ? ES_PARSE_EVENT : ES_PARSE_ERROR;
	outcome.error = parser.error;
	return outcome;
}

/* -------------------------------------------------------------------- errors */

typedef struct ErrorCase
{
	const char *text;			/* '^' before the byte at fault, if any */
	EsErrorCode code;
	int64		ordinal;
	const char *key;			/* NULL: not looked at */
	const char *expected;		/* NULL: not looked at */
} ErrorCase;

#define TAGS33 "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\"," \
	"\"17\",\"18\",\"19\",\"20\",\"21\",\"22\",\"23\",\"24\",\"25\",\"26\",\"27\",\"28\",\"29\",\"30\",\"31\",\"32\",\"33\"]"

static const ErrorCase error_cases[] = {
	/* the frame of a batch */
	{"^x", ES_ERR_EXPECTED, 1, NULL, "an event object"},
	{"^\"e\"", ES_ERR_EXPECTED, 1, NULL, "an event object"},
	{"[^1]", ES_ERR_EXPECTED, 1, NULL, "an event object"},
	{"[^", ES_ERR_EXPECTED, 1, NULL, "an event object"},
	{"[^,", ES_ERR_EXPECTED, 1, NULL, "an event object"},
	{"[^[]]", ES_ERR_EXPECTED, 1, NULL, "an event object"},
	{"[" OK_EVENT ",^]", ES_ERR_EXPECTED, 2, NULL, "an event object"},
	{"[" OK_EVENT "^", ES_ERR_EXPECTED, 1, NULL, "\",\" or \"]\""},
	{"[" OK_EVENT "\n^" OK_EVENT "]", ES_ERR_EXPECTED, 1, NULL, "\",\" or \"]\""},
	{"[" OK_EVENT "]\n^" OK_EVENT, ES_ERR_EXPECTED, 1, NULL, "the end of the batch after \"]\""},
	{"[]^]", ES_ERR_EXPECTED, 0, NULL, "the end of the batch after \"]\""},
	{OK_EVENT "^" OK_EVENT, ES_ERR_SAME_LINE, 1, NULL, NULL},
	{OK_EVENT " \t\r ^" OK_EVENT, ES_ERR_SAME_LINE, 1, NULL, NULL},
	{OK_EVENT "^,\n" OK_EVENT, ES_ERR_SAME_LINE, 1, NULL, NULL},
	{OK_EVENT "\n^,", ES_ERR_EXPECTED, 2, NULL, "an event object"},
	{OK_EVENT "\n" OK_EVENT "\n^]", ES_ERR_EXPECTED, 3, NULL, "an event object"},
	/* the frame of an event */
	{"{^", ES_ERR_EXPECTED, 1, NULL, "a key"},
	{"{^,", ES_ERR_EXPECTED, 1, NULL, "a key"},
	{"{^1:2}", ES_ERR_EXPECTED, 1, NULL, "a key"},
	{"{\"entity_id\" ^\"e\"}", ES_ERR_EXPECTED, 1, NULL, "\":\""},
	{"{\"entity_id\":^}", ES_ERR_EXPECTED, 1, NULL, "a JSON value"},
	{"{\"entity_id\":^", ES_ERR_EXPECTED, 1, NULL, "a JSON value"},
	{"{\"entity_id\":^,", ES_ERR_EXPECTED, 1, NULL, "a JSON value"},
	{"{\"entity_id\":\"e\" ^\"event_type\":\"t\"}", ES_ERR_EXPECTED, 1, NULL, "\",\" or \"}\""},
	{"{\"entity_id\":\"e\"^", ES_ERR_EXPECTED, 1, NULL, "\",\" or \"}\""},
	{"{\"entity_id\":\"e\",^}", ES_ERR_EXPECTED, 1, NULL, "a key"},
	{"{\"payload\":1^x}", ES_ERR_EXPECTED, 1, NULL, "\",\" or \"}\""},
	/* values that are no JSON */
	{OK_EVENT "\n{\"payload\":^{\"a\":01}}", ES_ERR_JSON, 2, "payload", NULL},
	{"{\"payload\":^{\"a\":1", ES_ERR_JSON, 1, "payload", NULL},
	{"{\"payload\":^\"\\u0000\"}", ES_ERR_JSON, 1, "payload", NULL},
	{"{\"payload\":^tru}", ES_ERR_JSON, 1, "payload", NULL},
	{"{\"metadata\":^{\"a\":\"\\ud800\"}}", ES_ERR_JSON, 1, "metadata", NULL},
	{"{\"entity_id\":^\"a\nb\"}", ES_ERR_JSON, 1, "entity_id", NULL},
	{"{^\"entity_id", ES_ERR_JSON, 1, NULL, NULL},
	{"{^\"\\x\":1}", ES_ERR_JSON, 1, NULL, NULL},
	{E(",\"tags\":^[\"a\",]"), ES_ERR_JSON, 1, "tags", NULL},
	/* keys */
	{OK_EVENT "\n\n" E(",\"colour\":1"), ES_ERR_UNKNOWN_KEY, 2, "colour", NULL},
	{E(",\"\":1"), ES_ERR_UNKNOWN_KEY, 1, "", NULL},
	{E(",\"Payload\":1"), ES_ERR_UNKNOWN_KEY, 1, "Payload", NULL},
	{E(",\"position\":1"), ES_ERR_UNKNOWN_KEY, 1, "position", NULL},
	{"{\"entity_id\\t\":1}", ES_ERR_UNKNOWN_KEY, 1, "entity_id\t", NULL},
	{E(",\"entity_id\":\"f\""), ES_ERR_REPEATED_KEY, 1, "entity_id", NULL},
	{E(",\"entity\\u005fid\":\"f\""), ES_ERR_REPEATED_KEY, 1, "entity_id", NULL},
	{E(",\"tags\":null,\"tags\":null"), ES_ERR_REPEATED_KEY, 1, "tags", NULL},
	{"[" OK_EVENT ",{}]", ES_ERR_MISSING_KEY, 2, "entity_id", NULL},
	{"{\"entity_id\":\"e\"}", ES_ERR_MISSING_KEY, 1, "event_type", NULL},
	{"{\"event_type\":\"e\",\"payload\":{}}", ES_ERR_MISSING_KEY, 1, "entity_id", NULL},
	/* types */
	{"{\"entity_id\":5}", ES_ERR_WRONG_TYPE, 1, "entity_id", "a string"},
	{"{\"entity_id\":null}", ES_ERR_WRONG_TYPE, 1, "entity_id", "a string"},
	{"{\"event_type\":[\"t\"]}", ES_ERR_WRONG_TYPE, 1, "event_type", "a string"},
	{"{\"event_type\":null}", ES_ERR_WRONG_TYPE, 1, "event_type", "a string"},
	{"{\"metadata\":[]}", ES_ERR_WRONG_TYPE, 1, "metadata", "an object"},
	{"{\"metadata\":\"{}\"}", ES_ERR_WRONG_TYPE, 1, "metadata", "an object"},
	{"{\"event_id\":7}", ES_ERR_WRONG_TYPE, 1, "event_id", "a string"},
	{"{\"tenant_id\":true}", ES_ERR_WRONG_TYPE, 1, "tenant_id", "a string"},
	{"{\"tags\":\"a\"}", ES_ERR_WRONG_TYPE, 1, "tags", "an array of strings"},
	{"{\"tags\":{}}", ES_ERR_WRONG_TYPE, 1, "tags", "an array of strings"},
	{"{\"tags\":[\"a\",1]}", ES_ERR_WRONG_TYPE, 1, "tags", "an array of strings"},
	{"{\"tags\":[null]}", ES_ERR_WRONG_TYPE, 1, "tags", "an array of strings"},
	{"{\"tags\":[[\"a\"]]}", ES_ERR_WRONG_TYPE, 1, "tags", "an array of strings"},
	{"{\"occurred_at\":0}", ES_ERR_WRONG_TYPE, 1, "occurred_at", "a string"},
	{"{\"expected_version\":\"1\"}", ES_ERR_WRONG_TYPE, 1, "expected_version", "an integer"},
	{"{\"expected_version\":1.0}", ES_ERR_WRONG_TYPE, 1, "expected_version", "an integer"},
	{"{\"expected_version\":1e3}", ES_ERR_WRONG_TYPE, 1, "expected_version", "an integer"},
	{"{\"expected_version\":9223372036854775808}", ES_ERR_WRONG_TYPE, 1, "expected_version", "an integer"},
	{"{\"expected_version\":-9223372036854775809}", ES_ERR_WRONG_TYPE, 1, "expected_version", "an integer"},
	{"{\"expected_version\":100000000000000000000}", ES_ERR_WRONG_TYPE, 1, "expected_version", "an integer"},
	{"{\"expected_version\":-9223372036854775808}", ES_ERR_EXPECTED_VERSION, 1, "expected_version", NULL},
	{"{\"expected_version\":true}", ES_ERR_WRONG_TYPE, 1, "expected_version", "an integer"},
	/* limits */
	{"{\"entity_id\":\"\",\"event_type\":\"t\"}", ES_ERR_EMPTY, 1, "entity_id", NULL},
	{"{\"entity_id\":\"e\",\"event_type\":\"\"}", ES_ERR_EMPTY, 1, "event_type", NULL},
	{OK_EVENT "\n" E(",\"tenant_id\":\"\""), ES_ERR_EMPTY, 2, "tenant_id", NULL},
	{E(",\"tags\":[\"a\",\"\"]"), ES_ERR_EMPTY, 1, "tag", NULL},
	{"{\"entity_id\":\"a\\nb\",\"event_type\":\"t\"}", ES_ERR_CONTROL_CHARACTER, 1, "entity_id", NULL},
	{"{\"entity_id\":\"a\x7F\",\"event_type\":\"t\"}", ES_ERR_CONTROL_CHARACTER, 1, "entity_id", NULL},
	{OK_EVENT "\n{\"entity_id\":\"e\",\"event_type\":\"\\u0085\"}", ES_ERR_CONTROL_CHARACTER, 2, "event_type", NULL},
	{E(",\"tenant_id\":\"12345678\\u0001\""), ES_ERR_CONTROL_CHARACTER, 1, "tenant_id", NULL},
	{E(",\"tags\":[\"\\t\"]"), ES_ERR_CONTROL_CHARACTER, 1, "tag", NULL},
	{"{\"tags\":" TAGS33 "}", ES_ERR_TOO_MANY_TAGS, 1, "tags", NULL},
	{"{\"event_id\":\"\"}", ES_ERR_INVALID_UUID, 1, "event_id", NULL},
	{"{\"event_id\":\"0123abcd-4567-89ef-0000-fffffffffffg\"}", ES_ERR_INVALID_UUID, 1, "event_id", NULL},
	{"{\"occurred_at\":\"2026-01-31\"}", ES_ERR_INVALID_TIMESTAMP, 1, "occurred_at", NULL},
	{"{\"occurred_at\":\"infinity\"}", ES_ERR_INVALID_TIMESTAMP, 1, "occurred_at", NULL},
	{"{\"occurred_at\":\"0001-01-01T00:00:00+01\"}", ES_ERR_TIMESTAMP_RANGE, 1, "occurred_at", NULL},
	{"{\"expected_version\":-2}", ES_ERR_EXPECTED_VERSION, 1, "expected_version", NULL}
};

/* Takes the '^' out; sets *offset to where it was. */
static EsSlice
take_mark(Memory *memory, const char *marked, size_t *offset)
{
	size_t		size = strlen(marked);
	const char *mark = strchr(marked, '^');
	EsSlice		text = memory_copy(memory, marked, size);

	*offset = NO_OFFSET;
	if (mark == NULL)
		return text;

	*offset = mark - marked;
	memmove(unconstify(char *, text.data) + *offset, mark + 1, size - *offset - 1);
	text.size--;
	return text;
}

static void
test_error(const ErrorCase *wanted)
{
	Memory		memory = {0};
	size_t		offset;
	EsSlice		text = take_mark(&memory, wanted->text, &offset);
	Outcome		outcome = parse_batch(&memory, text);
	EsError    *error = &outcome.error;

	bool		place_right = offset == NO_OFFSET || error->offset == offset;

	ok(outcome.result == ES_PARSE_ERROR && error->code == wanted->code &&
	   place_right && outcome.ordinal == wanted->ordinal &&
	   (wanted->key == NULL || es_slice_equal(error->key, text_slice(wanted->key))) &&
	   (wanted->expected == NULL ||
		(error->expected != NULL && strcmp(error->expected, wanted->expected) == 0)),
	   "error %d: %s", wanted->code, wanted->text);
	if (error->code != wanted->code || !place_right || outcome.ordinal != wanted->ordinal)
		printf("# code %d at %zu of event " INT64_FORMAT ", wanted %d at %zu of " INT64_FORMAT "\n",
			   error->code, error->offset, outcome.ordinal, wanted->code, offset, wanted->ordinal);
	memory_free(&memory);
}

/* Names that are too long do not fit the table. */
static void
test_too_long(const char *key, int size)
{
	Memory		memory = {0};
	char		text[1024];
	size_t		used;
	Outcome		outcome;

	used = snprintf(text, sizeof(text), "{\"entity_id\":\"%0*d\",\"event_type\":\"%0*d\",\"tenant_id\":\"%0*d\",\"tags\":[\"%0*d\"]}",
					strcmp(key, "entity_id") == 0 ? size : 1, 0, strcmp(key, "event_type") == 0 ? size : 1, 0,
					strcmp(key, "tenant_id") == 0 ? size : 1, 0, strcmp(key, "tag") == 0 ? size : 1, 0);
	outcome = parse_batch(&memory, es_slice(text, used));
	ok(outcome.result == ES_PARSE_ERROR && outcome.error.code == ES_ERR_TOO_LONG &&
	   es_slice_equal(outcome.error.key, text_slice(key)) && outcome.error.limit == size - 1,
	   "%s of %d bytes is too long", key, size);
	memory_free(&memory);
}

static void
test_too_large(void)
{
	Memory		memory = {0};
	char		text[MAX_EVENT_SIZE + 256];
	int			size = MAX_EVENT_SIZE - 2;	/* beside "e" and "t" */
	Outcome		outcome;

	for (int more = 0; more <= 1; more++)
	{
		size_t		used = snprintf(text, sizeof(text), OK_EVENT "\n" E(",\"payload\":\"%0*d\""), size - 2 + more, 0);

		outcome = parse_batch(&memory, es_slice(text, used));
		if (more)
			ok(outcome.error.code == ES_ERR_TOO_LARGE && outcome.ordinal == 2 &&
			   outcome.error.limit == MAX_EVENT_SIZE, "one byte more is too large");
		else
			ok(outcome.result == ES_PARSE_END && outcome.count == 2, "an event of the greatest size");
	}
	memory_free(&memory);
}

static void
test_errors(void)
{
	for (size_t i = 0; i < lengthof(error_cases); i++)
		test_error(&error_cases[i]);
	test_too_long("entity_id", 513);
	test_too_long("event_type", 256);
	test_too_long("tenant_id", 65);
	test_too_long("tag", 256);
	test_too_large();
}

static void
test_single(void)
{
	Memory		memory = {0};
	Outcome		outcome = parse_single(&memory, text_slice(" \r\n" OK_EVENT "\n "));

	ok(outcome.result == ES_PARSE_EVENT && outcome.last.entity_id.size == 1, "one event with space around");
	outcome = parse_single(&memory, text_slice(OK_EVENT "\n" OK_EVENT));
	ok(outcome.result == ES_PARSE_ERROR && outcome.error.code == ES_ERR_EXPECTED &&
	   outcome.error.offset == strlen(OK_EVENT) + 1, "two events are not one");
	outcome = parse_single(&memory, text_slice("[" OK_EVENT "]"));
	ok(outcome.result == ES_PARSE_ERROR && outcome.error.code == ES_ERR_EXPECTED, "nor is an array");
	outcome = parse_single(&memory, text_slice(" "));
	ok(outcome.result == ES_PARSE_ERROR && outcome.error.code == ES_ERR_EXPECTED &&
	   outcome.error.offset == 1, "nor is nothing");
	memory_free(&memory);
}

/* ------------------------------------------------------------------- batches */

static void
test_batches(void)
{
	static const struct
	{
		const char *text;
		int			count;
	}			cases[] = {
		{"", 0}, {" \n\r\n\t", 0}, {"[]", 0}, {" [ \n ] \n", 0},
		{OK_EVENT, 1}, {OK_EVENT "\n", 1}, {"\n\n" OK_EVENT "\n\n", 1},
		{OK_EVENT "\n" OK_EVENT, 2}, {OK_EVENT "\r\n" OK_EVENT "\r\n", 2},
		{OK_EVENT "\n\n \t\n" OK_EVENT "\n" OK_EVENT, 3}, {OK_EVENT " \n " OK_EVENT, 2},
		{"[" OK_EVENT "]", 1}, {"[" OK_EVENT "," OK_EVENT "]", 2}, {"[ " OK_EVENT " ,\n" OK_EVENT " ] ", 2},
		{"{\n\"entity_id\"\n:\n\"e\"\n,\n\"event_type\"\n:\n\"t\"\n}\n" OK_EVENT, 2}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		Memory		memory = {0};
		Outcome		outcome = parse_batch(&memory, text_slice(cases[i].text));

		ok(outcome.result == ES_PARSE_END && outcome.count == cases[i].count &&
		   outcome.ordinal == cases[i].count, "%d events: %s", cases[i].count, cases[i].text);
		memory_free(&memory);
	}
}

/* Every prefix of a batch: an error or the end, never more events. */
static void
test_prefixes(void)
{
	static const char text[] = E(",\"payload\":{\"a\":[1,\"\\u20ac\"]},\"tags\":[\"a\",\"b\"],\"metadata\":{\"x\":null},"
								 "\"occurred_at\":\"2026-01-31T12:00:00Z\",\"expected_version\":-1") "\n" OK_EVENT;
	size_t		first_line = strchr(text, '\n') - text;
	int			failures = 0;

	for (size_t size = 0; size <= strlen(text); size++)
	{
		Memory		memory = {0};
		Outcome		outcome = parse_batch(&memory, es_slice(text, size));
		int			wanted = (size >= first_line) + (size == strlen(text));
		bool		whole = size == 0 || size == first_line || size == first_line + 1 || size == strlen(text);

		failures += outcome.count != wanted || whole != (outcome.result == ES_PARSE_END);
		failures += !whole && outcome.error.offset > size;
		memory_free(&memory);
	}
	is_int(failures, 0, "every prefix of a batch is an error, but where a line ends");
}

/* -------------------------------------------------------------------- values */

static void
test_values(void)
{
	Memory		memory = {0};
	EsEvent		event = parse_batch(&memory, text_slice(
														"{\"expected_version\" : -1 , \"occurred_at\":\"2000-01-01T00:00:00.000001Z\",\"tags\":[ \"a\" , \"\\u20ac\\\"\" ],"
														"\"tenant_id\":\"acme\",\"event_id\":\"00000000-0000-0000-0000-0000000000FF\",\"metadata\":{ \"a\" : 1 },"
														"\"payload\":[1, 2e5 ],\"event_type\":\"t\\/u\",\"entity_id\":\"e\\u0041\"}")).last;

	ok(es_slice_equal(event.entity_id, text_slice("eA")), "entity_id, with its escapes resolved");
	ok(es_slice_equal(event.event_type, text_slice("t/u")), "event_type");
	ok(es_slice_equal(event.payload, text_slice("[1, 2e5 ]")), "payload, byte for byte");
	ok(es_slice_equal(event.metadata, text_slice("{ \"a\" : 1 }")), "metadata, byte for byte");
	ok(es_slice_equal(event.tenant_id, text_slice("acme")), "tenant_id");
	ok(event.event_id[15] == 0xFF && event.event_id[0] == 0, "event_id");
	ok(event.tag_count == 2 && es_slice_equal(event.tags, text_slice("\x01" "a\x04\xE2\x82\xAC\"")), "tags");
	is_int(event.occurred_at, 1, "occurred_at");
	is_int(event.expected_version, -1, "expected_version");
	is_int(event.has, ES_HAS_ALL, "and that they are given");
	memory_free(&memory);
}

static void
test_defaults(void)
{
	Memory		memory = {0};
	EsEvent		event = parse_batch(&memory, text_slice(OK_EVENT)).last;

	ok(es_slice_equal(event.payload, text_slice("{}")) && event.has == 0 && event.tenant_id.size == 0,
	   "what is not given");
	event = parse_batch(&memory, text_slice(
											E(",\"payload\":null,\"metadata\":null,\"event_id\":null,\"tenant_id\":null,\"tags\":null,"
											  "\"occurred_at\":null,\"expected_version\":null"))).last;
	ok(es_slice_equal(event.payload, text_slice("null")), "null is a payload");
	ok(event.has == 0 && event.tenant_id.size == 0, "and elsewhere means not given");
	event = parse_batch(&memory, text_slice(E(",\"tenant_id\":\"default\",\"tags\":[ ]"))).last;
	ok(event.tenant_id.size == 0, "the default tenant by name");
	ok(event.has == ES_HAS_TAGS && event.tag_count == 0 && event.tags.size == 0, "tags that are none");
	event = parse_batch(&memory, text_slice(E(",\"expected_version\":9223372036854775807"))).last;
	is_int(event.expected_version, PG_INT64_MAX, "the greatest expected_version");
	event = parse_batch(&memory, text_slice(E(",\"expected_version\":-0"))).last;
	ok(event.expected_version == 0 && event.has == ES_HAS_EXPECTED_VERSION, "and of -0");
	memory_free(&memory);
}

/* A payload of each kind; nothing of the text around it. */
static void
test_payloads(void)
{
	static const char *const payloads[] = {
		"1", "-1.50", "1E400", "\"\"", "\"a\\nb\"", "true", "false", "null", "[]", "[ [ ] ]", "{ }",
		"{\"payload\":{\"entity_id\":1}}", "123456789012345678901234567890.5"
	};

	for (size_t i = 0; i < lengthof(payloads); i++)
	{
		Memory		memory = {0};
		char		text[256];
		size_t		size = snprintf(text, sizeof(text), "{\"payload\": %s ,\"entity_id\":\"e\",\"event_type\":\"t\"}", payloads[i]);
		EsEvent		event = parse_batch(&memory, es_slice(text, size)).last;

		ok(es_slice_equal(event.payload, text_slice(payloads[i])), "payload %s", payloads[i]);
		memory_free(&memory);
	}
}

int
main(void)
{
	es_expectations_init(&expectations);
	test_errors();
	test_single();
	test_batches();
	test_prefixes();
	test_values();
	test_defaults();
	test_payloads();
	is_int(differences, 0, "by expectation all of these are the same");
	return tap_done();
}
