/*-------------------------------------------------------------------------
 *
 * fuzz_symbols.c
 *	  Symbols: any values come back, any set and codes are read safely.
 *
 * The first byte of the input says what the rest is: lines, the first of which
 * a table is trained on; or the size of a set, the set, and codes for it, where
 * the counts of the set can be made to agree with its size, so that the fuzzer
 * gets past them.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "core/symbols.h"

#define AS_VALUES		0x01
#define FIX_COUNTS		0x02

#define MAX_VALUES		64
#define SPARE			ES_SYMBOLS_SPARE

static EsSymbolTable table;
static EsSymbolSet set;

/* A copy that may be read a word beyond its end, as sets may. */
static EsSlice
copy_set(Memory *memory, const char *data, uint32 size)
{
	char	   *copy = memory_take(memory, size + SPARE);

	memset(copy, 0, size + SPARE);
	return es_slice(copy, es_put_slice(copy, es_slice(data, size)) - copy);
}

/* ---------------------------------------------------------------------- values */

static uint32
split_lines(Memory *memory, const uint8_t *data, size_t size, EsSlice *values)
{
	const uint8_t *end = data + size;
	uint32		count = 0;

	while (data < end && count < MAX_VALUES)
	{
		const uint8_t *newline = memchr(data, '\n', end - data);
		const uint8_t *line_end = newline == NULL || count == MAX_VALUES - 1 ? end : newline;

		values[count++] = memory_copy(memory, data, line_end - data);
		data = line_end < end ? line_end + 1 : end;
	}
	return count;
}

static void
check_value(Memory *memory, const EsSymbolReader *reader, EsSlice codes, EsSlice value)
{
	char	   *out = memory_take(memory, value.size + SPARE);
	uint32		size;

	codes = memory_copy(memory, codes.data, codes.size);
	es_symbols_translate(&set, unconstify(char *, codes.data), codes.size);
	MUST(es_symbols_decode(reader, codes, out, value.size + SPARE, &size));
	MUST(es_slice_equal(es_slice(out, size), value));
}

static void
check_values(Memory *memory, const uint8_t *data, size_t size)
{
	EsSlice		values[MAX_VALUES];
	EsSlice		codes[MAX_VALUES];
	EsSlice		stored;
	EsSymbolReader reader;
	uint8		used[256] = {0};
	uint32		trained = size > 0 ? data[0] % MAX_VALUES : 0;
	uint32		count = size > 0 ? split_lines(memory, data + 1, size - 1, values) : 0;

	es_symbols_train(&table, values, Min(trained, count));
	es_symbols_encode(&table, values, count, memory_take(memory, 2 * size), codes, used);
	es_symbols_select(&table, used, &set);
	stored = copy_set(memory, set.data, set.size);
	MUST(es_symbols_open(&reader, stored.data, stored.size));
	for (uint32 i = 0; i < count; i++)
	{
		EsSlice		alone;

		es_symbols_encode(&table, &values[i], 1, memory_take(memory, 2 * values[i].size),
						  &alone, used);
		MUST(es_slice_equal(alone, codes[i]));
		check_value(memory, &reader, codes[i], values[i]);
	}
}

/* --------------------------------------------------------- any set, any codes */

/* Lowers counts until so many bytes have all the symbols; returns their size. */
static uint32
fix_counts(char *data, uint32 size)
{
	uint32		place = ES_SYMBOL_MAX_SIZE;
	uint32		left = ES_SYMBOLS_MAX;

	for (uint32 i = 0; i < ES_SYMBOL_MAX_SIZE; i++)
	{
		uint32		count = Min(Min((uint8) data[i], left), (size - place) / (i + 1));

		data[i] = (char) count;
		left -= count;
		place += count * (i + 1);
	}
	return place;
}

static void
check_codes(Memory *memory, const uint8_t *data, size_t size, bool fix)
{
	uint32		set_size;
	EsSlice		stored;
	EsSlice		codes;
	EsSymbolReader reader;
	char	   *out;
	uint32		wanted;
	uint32		got;

	if (size < 2)
		return;
	set_size = Min((uint32) (data[0] | data[1] << 8), size - 2);
	stored = copy_set(memory, (const char *) data + 2, set_size);
	codes = memory_copy(memory, data + 2 + set_size, size - 2 - set_size);
	if (fix && set_size >= ES_SYMBOL_MAX_SIZE)
		stored = copy_set(memory, stored.data, fix_counts(unconstify(char *, stored.data), set_size));
	if (!es_symbols_open(&reader, stored.data, stored.size))
		return;
	out = memory_take(memory, codes.size * ES_SYMBOL_MAX_SIZE + SPARE);
	if (es_symbols_decode(&reader, codes, out, codes.size * ES_SYMBOL_MAX_SIZE + SPARE, &wanted))
	{
		out = memory_take(memory, wanted + SPARE);
		MUST(es_symbols_decode(&reader, codes, out, wanted + SPARE, &got) && got == wanted);
		MUST(got == 0 || !es_symbols_decode(&reader, codes, out, wanted + SPARE - 1, &got));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Memory		memory = {0};

	if (size > 0 && data[0] & AS_VALUES)
		check_values(&memory, data + 1, size - 1);
	else if (size > 0)
		check_codes(&memory, data + 1, size - 1, (data[0] & FIX_COUNTS) != 0);
	memory_free(&memory);
	return 0;
}
