/*-------------------------------------------------------------------------
 *
 * fuzz_pack.c
 *	  Batches: parsing by expectation is the same as without, and what is
 *	  packed comes back.
 *
 * The first byte of the input says what the rest is: the text of a batch, which
 * is repeated; or values for the places of an event; or numbers of random
 * batches.
 *
 *-------------------------------------------------------------------------
 */
#include "batches.h"
#include "fuzz.h"
#include "generate.h"

#include "core/json.h"

#define AS_VALUES		0x01	/* the rest is values */
#define AS_NUMBERS		0x02	/* the rest is numbers */

#define MAX_EVENT_SIZE	(1024 * 1024)
#define MAX_TEXT		(48 * 1024)
#define MAX_PLACES		12
#define MAX_VALUES		64

static EsExpectations expectations;
static EsPacker packer;

/* --------------------------------------------------------------- making text */

/* The text so many times, each on lines of its own. */
static EsSlice
repeat_text(Memory *memory, uint32 times, const uint8_t *data, size_t size)
{
	Writer		writer = {0};

	for (uint32 i = 0; i < times && writer.size + size <= MAX_TEXT; i++)
	{
		put_bytes(&writer, data, size);
		if (times > 1)
			put(&writer, "\n");
	}
	return take_text(&writer, memory);
}

/* The values of a place: lines. */
typedef struct Place
{
	EsSlice		values[MAX_VALUES];
	uint32		count;
} Place;

static void
split_lines(Place *place, const char *p, const char *end)
{
	place->count = 0;
	while (place->count < MAX_VALUES)
	{
		const char *newline = p == end ? NULL : memchr(p, '\n', end - p);
		const char *line_end = newline == NULL ? end : newline;

		place->values[place->count++] = es_slice(p, line_end - p);
		if (newline == NULL)
			break;
		p = newline + 1;
	}
}

/* A value as such, if it is JSON, else as a string. */
static void
put_value(Writer *writer, EsSlice value, bool string)
{
	char	   *escaped;

	if (!string && value.size > 0 && reference_judge(NULL, value))
	{
		put_bytes(writer, value.data, value.size);
		return;
	}
	escaped = malloc(ES_JSON_ESCAPED_SIZE(value.size));
	put_bytes(writer, escaped, es_json_escape(value, escaped));
	free(escaped);
}

/* Row i: the next value of each place, or nothing where a value is "-". */
static void
put_row(Writer *writer, const Place *places, uint32 place_count, uint32 i)
{
	static const char *const fields[] = {
		"entity_id", "event_type", "tenant_id", "tags", "event_id", "occurred_at", "metadata", "payload"
	};

	put(writer, "{");
	for (uint32 j = 0; j < place_count; j++)
	{
		EsSlice		value = places[j].values[i % places[j].count];

		if (j >= 2 && value.size == 1 && value.data[0] == '-')
			continue;
		if (j < 7)
			put(writer, "%s\"%s\":", j > 0 ? "," : "", fields[j]);
		else
			put(writer, "%s\"k%u\":", j == 7 ? ",\"payload\":{\"i\":0," : ",", j);
		put_value(writer, value, j < 3);
		if (j == 7)
			put(writer, ",\"z\":{\"n\":%u", i);
	}
	put(writer, "%s}\n", place_count > 7 ? "}}" : "");
}

/* Rows of values; the places are separated by NULs. */
static EsSlice
rows_of_values(Memory *memory, uint32 rows, const uint8_t *data, size_t size)
{
	static Place places[MAX_PLACES];
	Writer		writer = {0};
	const char *p = (const char *) data;
	const char *end = p + size;
	uint32		count = 0;

	while (count < MAX_PLACES)
	{
		const char *nul = p == end ? NULL : memchr(p, '\0', end - p);

		split_lines(&places[count++], p, nul == NULL ? end : nul);
		if (nul == NULL)
			break;
		p = nul + 1;
	}
	for (uint32 i = 0; i < rows && writer.size <= MAX_TEXT; i++)
		put_row(&writer, places, count, i);
	return take_text(&writer, memory);
}

/* Random batches one after the other: kind, seed, count. */
static EsSlice
random_batches(Memory *memory, const uint8_t *data, size_t size)
{
	Writer		writer = {0};

	for (size_t i = 0; i + 2 < size && writer.size <= MAX_TEXT; i += 3)
	{
		Random		random = {data[i + 1]};
		EsSlice		batch = generate_batch(&random, memory, data[i] % BATCH_SIZES, data[i + 2] % 32);

		if (data[i] >= 128 && batch.size > 0)
			batch = damage_text(&random, memory, batch);
		put_bytes(&writer, batch.data, batch.size);
	}
	return take_text(&writer, memory);
}

static EsSlice
make_text(Memory *memory, const uint8_t *data, size_t size)
{
	uint32		times = 1 << (data[0] >> 4) % 9;

	if (data[0] & AS_VALUES)
		return rows_of_values(memory, times, data + 1, size - 1);
	if (data[0] & AS_NUMBERS)
		return random_batches(memory, data + 1, size - 1);
	return repeat_text(memory, times, data + 1, size - 1);
}

/* ------------------------------------------------------------------ checking */

static void
check_packing(Memory *memory, Batch *batch)
{
	Random		random = {1};
	EsInflightList inflight = {.count = batch->count % 3,.writer_xid = 1000};
	PackTotals	totals = {0};
	EsPackJob	job = {&expectations.shapes, make_rows(&random, memory, batch), batch->count, 7, 0, &inflight, NULL};

	MUST(pack_and_compare(&packer, &job, &totals) == NULL);
	MUST(totals.events == batch->count && totals.bytes <= totals.row_bytes + totals.row_bytes / 50 + 1024);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Memory		memory = {0};
	EsSlice		text;
	Batch		plain;
	Batch		expected;

	if (size == 0)
		return 0;
	text = make_text(&memory, data, size);
	es_expectations_init(&expectations);
	memset(&packer, 0, offsetof(EsPacker, job));	/* the rest is scratch */
	plain = read_batch(&memory, text, NULL);
	for (int i = 0; i < 2; i++)
	{
		expected = read_batch(&memory, text, &expectations);
		MUST(compare_batches(&plain, &expected) == NULL);
		MUST(check_documents(&expectations.shapes, &expected) == NULL);
	}
	keep_storable(&expected, MAX_EVENT_SIZE);
	for (int i = 0; i < 2 && expected.count > 0; i++)
		check_packing(&memory, &expected);
	memory_free(&memory);
	return 0;
}
