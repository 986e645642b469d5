/*-------------------------------------------------------------------------
 *
 * test_expectations.c
 *	  Parsing by expectation finds the same events and errors as parsing key by
 *	  key, whatever was expected.
 *
 *-------------------------------------------------------------------------
 */
#include "batches.h"
#include "generate.h"

#include "tap.h"

static EsExpectations expectations;

/* What comparing came to. */
typedef struct Tally
{
	int			texts;
	int			failures;
	int64		events;
	int64		shaped;			/* events whose payload has a shape */
	int			errors;			/* texts that end with one */
} Tally;

static void
note_failure(Tally *tally, const char *problem, EsSlice text)
{
	if (++tally->failures <= 3)
		printf("# %s: %.*s\n", problem, (int) Min(text.size, 2000), text.data);
}

static void
count_events(Tally *tally, const Batch *batch)
{
	tally->texts++;
	tally->events += batch->count;
	tally->errors += batch->result == ES_PARSE_ERROR;
	for (uint32 i = 0; i < batch->count; i++)
		tally->shaped += batch->events[i].payload_document.shape != 0;
}

/* Parses both ways, by expectation more than once: expecting more each time. */
static void
compare(Tally *tally, EsSlice bytes, int times)
{
	Memory		memory = {0};
	EsSlice		text = memory_copy(&memory, bytes.data, bytes.size);
	Batch		plain = read_batch(&memory, text, NULL);

	es_expectations_renew(&expectations);
	for (int i = 0; i < times; i++)
	{
		Batch		expected = read_batch(&memory, text, &expectations);
		const char *problem = compare_batches(&plain, &expected);

		if (problem == NULL)
			problem = check_documents(&expectations.shapes, &expected);
		if (problem != NULL)
			note_failure(tally, problem, text);
		if (i + 1 == times)
			count_events(tally, &expected);
	}
	memory_free(&memory);
}

static const char *const kind_names[] = {"uniform", "mixed", "strange", "of new shapes", "of many sizes"};

static void
test_generated(BatchKind kind)
{
	Random		random = {20 + kind};
	Tally		tally = {0};

	es_expectations_init(&expectations);
	for (int i = 0; i < 60; i++)
	{
		Memory		memory = {0};

		compare(&tally, generate_batch(&random, &memory, kind, random_below(&random, 60)), 2);
		memory_free(&memory);
	}
	is_int(tally.failures, 0, "%s: %d batches with " INT64_FORMAT " events, " INT64_FORMAT " with a shape",
		   kind_names[kind], tally.texts, tally.events, tally.shaped);
	if (kind == BATCH_UNIFORM)
		ok(tally.shaped > tally.events * 9 / 10, "of which nearly all have a shape");
}

/* A batch in the form of an array. */
static EsSlice
generate_array(Random *random, Memory *memory, BatchKind kind, uint32 count)
{
	Writer		writer = {0};

	put(&writer, "[");
	for (uint32 i = 0; i < count; i++)
	{
		EsSlice		event = generate_batch(random, memory, kind, 1);

		if (i > 0)
			put(&writer, random_chance(random, 10) ? " ,\n" : ",");
		put_bytes(&writer, event.data, event.size - 1);
	}
	put(&writer, "]");
	return take_text(&writer, memory);
}

/* Damaged batches, after the undamaged one was learnt. */
static void
test_damaged(BatchKind kind, bool array)
{
	Random		random = {30 + kind};
	Tally		tally = {0};

	es_expectations_init(&expectations);
	for (int i = 0; i < 100; i++)
	{
		Memory		memory = {0};
		uint32		count = 1 + random_below(&random, 4);
		EsSlice		text = array ? generate_array(&random, &memory, kind, count) :
		generate_batch(&random, &memory, kind, count);

		if (text.size > 20000)
			text.size = 20000;
		compare(&tally, text, 3);
		for (int j = 0; j < 100; j++)
			compare(&tally, damage_text(&random, &memory, text), 1 + j % 2);
		memory_free(&memory);
	}
	is_int(tally.failures, 0, "%s, %s: %d damaged texts, %d with an error", kind_names[kind],
		   array ? "in an array" : "in lines", tally.texts, tally.errors);
}

/* Events that show every field. */
static const char full_text[] =
"{\"entity_id\":\"e\",\"event_type\":\"t\",\"payload\":{\"a\":[1,{}],\"b\":{\"c\":\"x\\n\"},\"d\":-1.5},"
"\"metadata\":{\"k\":null},\"event_id\":\"0123abcd-4567-89ef-0000-ffffffffffff\",\"tenant_id\":\"acme\","
"\"tags\":[\"a\",\"b\"],\"occurred_at\":\"2026-01-31T12:00:00Z\",\"expected_version\":-1}\n"
"{\"entity_id\":\"f\",\"event_type\":\"t\"}\n";

static void
test_every_prefix(void)
{
	Tally		tally = {0};

	es_expectations_init(&expectations);
	compare(&tally, text_slice(full_text), 3);
	for (size_t size = 0; size < strlen(full_text); size++)
		compare(&tally, es_slice(full_text, size), 1);
	is_int(tally.failures, 0, "every prefix of an expected batch");
}

/* Every byte of an expected batch changed, left out, and put in twice. */
static void
test_every_byte(void)
{
	static const char bytes[] = {'"', '{', '}', '[', ']', ',', ':', ' ', '\n', '0', '-', 'n', '\\', '\x01', '\xC3'};
	Tally		tally = {0};
	size_t		size = strlen(full_text);
	char		text[1024];

	es_expectations_init(&expectations);
	compare(&tally, text_slice(full_text), 3);
	for (size_t i = 0; i < size; i++)
	{
		memcpy(text, full_text, size);
		for (size_t j = 0; j < lengthof(bytes); j++)
		{
			text[i] = bytes[j];
			compare(&tally, es_slice(text, size), 1);
		}
		memcpy(text + i, full_text + i + 1, size - i - 1);
		compare(&tally, es_slice(text, size - 1), 1);
		memcpy(text + i, full_text + i, 1);
		memcpy(text + i + 1, full_text + i, size - i);
		compare(&tally, es_slice(text, size + 1), 1);
	}
	is_int(tally.failures, 0, "every byte of one changed: %d texts, %d with an error", tally.texts, tally.errors);
}

/* More envelopes than are remembered: fields in any order, spaces, nulls. */
static void
test_many_envelopes(void)
{
	static const char *const fields[] = {
		"\"entity_id\":\"e\"", "\"event_type\":\"t\"", "\"payload\":{\"a\":1}", "\"metadata\":null",
		"\"tags\" :[]", "\"tenant_id\": \"acme\"", "\"entity\\u005fid\":\"f\"", "\"payload\":null",
		"\n                                                    \"occurred_at\":null", "\"expected_version\":3"
	};
	Random		random = {40};
	Tally		tally = {0};

	es_expectations_init(&expectations);
	for (int i = 0; i < 2000; i++)
	{
		Memory		memory = {0};
		Writer		writer = {0};
		uint32		count = 2 + random_below(&random, 5);

		for (uint32 j = 0; j < count; j++)
			put(&writer, "%s%s%s", j == 0 ? "{" : random_chance(&random, 90) ? "," : " , ",
				j < 2 && random_chance(&random, 80) ? fields[j] : fields[random_below(&random, lengthof(fields))],
				j + 1 == count ? "}" : "");
		compare(&tally, take_text(&writer, &memory), 2);
		memory_free(&memory);
	}
	is_int(tally.failures, 0, "2000 envelopes, %d with an error", tally.errors);
	ok(expectations.node_count < ES_MAX_ENVELOPE_NODES, "of which as many are remembered as there is room");
}

/* One parser for several texts; an error in one does not reach the next. */
static void
test_parser_again(void)
{
	Memory		memory = {0};
	EsParserHooks hooks = parser_hooks(&memory);
	EsParser	parser;
	EsEvent		event;

	es_expectations_init(&expectations);
	es_parser_init(&parser, &hooks, &expectations);
	es_parser_begin(&parser, text_slice("{\"entity_id\":\"e\",\"event_type\":5}"));
	ok(!es_parse_single(&parser, &event) && parser.error.code == ES_ERR_WRONG_TYPE, "an event that is wrong");
	es_parser_begin(&parser, text_slice(" {\"entity_id\":\"e\",\"event_type\":\"t\"}"));
	ok(es_parse_single(&parser, &event) && parser.error.code == ES_OK, "and then one that is not");
	es_parser_begin(&parser, text_slice("{\"entity_id\":\"e\",\"event_type\":\"u\"} x"));
	ok(!es_parse_single(&parser, &event) && parser.error.code == ES_ERR_EXPECTED && parser.error.offset == 35,
	   "and then one with something after it");
	memory_free(&memory);
}

int
main(void)
{
	for (int kind = 0; kind < BATCH_KINDS; kind++)
		test_generated(kind);
	for (int kind = 0; kind < BATCH_KINDS; kind++)
	{
		test_damaged(kind, false);
		test_damaged(kind, true);
	}
	test_every_prefix();
	test_every_byte();
	test_many_envelopes();
	test_parser_again();
	return tap_done();
}
