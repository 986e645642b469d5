/*-------------------------------------------------------------------------
 *
 * test_symbols.c
 *	  Texts as codes of symbols: round trips, training, damaged sets and codes.
 *
 * Everything lies in a malloc() of exactly the size that is promised, so that
 * the address sanitizer sees a byte too many.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "core/symbols.h"
#include "tap.h"

#define SPARE		ES_SYMBOLS_SPARE

/* Values of some kind. */
typedef struct Texts
{
	Memory		memory;
	EsSlice    *values;
	uint32		count;
} Texts;

/* Fills in a value of the kind, of about this size; returns its size. */
typedef uint32 (*Kind) (Random *random, char *out, uint32 size);

static EsSymbolTable table;

/* ------------------------------------------------------------ kinds of values */

static uint32
put_words(Random *random, char *out, uint32 size, const char *const *words, uint32 count)
{
	uint32		done = 0;

	while (done < size)
	{
		const char *word = words[random_below(random, count)];
		uint32		more = Min(strlen(word), size - done);

		memcpy(out + done, word, more);
		done += more;
	}
	return size;
}

static uint32
kind_words(Random *random, char *out, uint32 size)
{
	static const char *const words[] = {
		"please ", "leave ", "the ", "parcel ", "with ", "neighbour ", "if ",
		"nobody ", "opens ", "door", ". ", "Ring ", "twice, ", "and ", "wait "
	};

	return put_words(random, out, size, words, lengthof(words));
}

static uint32
kind_cyrillic(Random *random, char *out, uint32 size)
{
	static const char *const words[] = {
		"\xD0\xBF\xD1\x80\xD0\xB8", "\xD0\xB2\xD0\xB5\xD1\x82", " ", "\xD0\xBC",
		"\xD0\xB8\xD1\x80", "\xD0\xB4\xD0\xBE", "\xD0\xBC ", "\xD1\x8F"
	};

	return put_words(random, out, size, words, lengthof(words));
}

static uint32
kind_digits(Random *random, char *out, uint32 size)
{
	for (uint32 i = 0; i < size; i++)
		out[i] = '0' + random_below(random, 10);
	return size;
}

static uint32
kind_random(Random *random, char *out, uint32 size)
{
	for (uint32 i = 0; i < size; i++)
		out[i] = (char) random_next(random);
	return size;
}

static uint32
kind_ff(Random *random, char *out, uint32 size)
{
	for (uint32 i = 0; i < size; i++)
		out[i] = random_chance(random, 80) ? '\xFF' : '\xFE';
	return size;
}

static uint32
kind_zeros(Random *random, char *out, uint32 size)
{
	for (uint32 i = 0; i < size; i++)
		out[i] = random_chance(random, 80) ? '\0' : '\1';
	return size;
}

static uint32
kind_same(Random *random, char *out, uint32 size)
{
	memset(out, 'a' + random_below(random, 2), size);
	return size;
}

static uint32
kind_empty(Random *random pg_attribute_unused(), char *out pg_attribute_unused(),
		   uint32 size pg_attribute_unused())
{
	return 0;
}

static const struct
{
	Kind		kind;
	const char *name;
}			kinds[] = {
	{kind_words, "words"}, {kind_cyrillic, "Cyrillic"}, {kind_digits, "digits"},
	{kind_random, "random bytes"}, {kind_ff, "bytes 0xFF"}, {kind_zeros, "zeros"},
	{kind_same, "one byte again and again"}, {kind_empty, "nothing"}
};

/* Sizes around the word, the usual, and such that are cut. */
static uint32
random_size(Random *random)
{
	switch (random_below(random, 8))
	{
		case 0:
			return random_below(random, 20);
		case 1:
			return 400 + random_below(random, 4000);
		default:
			return random_below(random, 200);
	}
}

static void
make_texts(Texts *texts, Random *random, Kind kind, uint32 count)
{
	char		value[4400];

	memset(texts, 0, sizeof(*texts));
	texts->values = memory_take(&texts->memory, count * sizeof(EsSlice));
	texts->count = count;
	for (uint32 i = 0; i < count; i++)
		texts->values[i] = memory_copy(&texts->memory, value, kind(random, value, random_size(random)));
}

static uint64
total_size(const EsSlice *values, uint32 count)
{
	uint64		total = 0;

	for (uint32 i = 0; i < count; i++)
		total += values[i].size;
	return total;
}

/* ------------------------------------------------------------- the other make */

/* The longest symbol at the start of the text, found by looking at them all. */
static uint32
longest_symbol(EsSlice text)
{
	uint32		found = ES_SYMBOL_ESCAPE;

	for (uint32 code = 0; code < table.count; code++)
		if (table.sizes[code] <= text.size && memcmp(&table.texts[code], text.data, table.sizes[code]) == 0)
			found = code;		/* they are ordered by size */
	return found;
}

/* Are these the codes of the value, one longest symbol after the other? */
static bool
is_greedy(EsSlice value, EsSlice codes)
{
	while (value.size > 0)
	{
		uint32		code = longest_symbol(value);
		uint32		size = code == ES_SYMBOL_ESCAPE ? 1 : table.sizes[code];

		if (codes.size == 0 || (uint8) *codes.data++ != code)
			return false;
		codes.size--;
		if (code == ES_SYMBOL_ESCAPE && (codes.size-- == 0 || *codes.data++ != *value.data))
			return false;
		value = es_slice(value.data + size, value.size - size);
	}
	return codes.size == 0;
}

/* A set taken apart byte by byte. */
typedef struct SlowReader
{
	uint32		count;
	uint32		sizes[256];
	const char *texts[256];
} SlowReader;

static bool
slow_open(SlowReader *reader, EsSlice set)
{
	uint32		place = ES_SYMBOL_MAX_SIZE;

	reader->count = 0;
	for (uint32 size = 1; size <= ES_SYMBOL_MAX_SIZE; size++)
		for (uint8 i = 0; set.size >= ES_SYMBOL_MAX_SIZE && i < (uint8) set.data[size - 1]; i++)
		{
			if (place + size > set.size || reader->count == ES_SYMBOLS_MAX)
				return false;
			reader->sizes[reader->count] = size;
			reader->texts[reader->count++] = set.data + place;
			place += size;
		}
	return place == set.size;
}

/* Returns the size of the value, -1 for codes that are none. */
static int
slow_decode(const SlowReader *reader, EsSlice codes, char *out)
{
	char	   *start = out;

	for (uint32 i = 0; i < codes.size; i++)
	{
		uint8		code = (uint8) codes.data[i];

		if (code == ES_SYMBOL_ESCAPE && i + 1 < codes.size)
			*out++ = codes.data[++i];
		else if (code < reader->count)
			out = es_put_slice(out, es_slice(reader->texts[code], reader->sizes[code]));
		else
			return -1;
	}
	return out - start;
}

/* ---------------------------------------------------------------- round trips */

/* A block's set and codes, as they would be stored. */
typedef struct Stored
{
	Memory		memory;
	EsSlice		set;			/* SPARE more bytes can be read */
	EsSlice    *codes;
} Stored;

static EsSlice
copy_set(Memory *memory, const char *data, uint32 size)
{
	char	   *copy = memory_take(memory, size + SPARE);

	memcpy(copy, data, size);
	memset(copy + size, 0x5A, SPARE);
	return es_slice(copy, size);
}

static void
store(Stored *stored, const EsSlice *values, uint32 count)
{
	static EsSymbolSet set;
	Memory		memory = {0};
	uint8		used[256] = {0};
	char	   *out = memory_take(&memory, 2 * total_size(values, count));

	memset(stored, 0, sizeof(*stored));
	stored->codes = memory_take(&stored->memory, count * sizeof(EsSlice));
	es_symbols_encode(&table, values, count, out, stored->codes, used);
	es_symbols_select(&table, used, &set);
	stored->set = copy_set(&stored->memory, set.data, set.size);
	for (uint32 i = 0; i < count; i++)
	{
		EsSlice		codes = stored->codes[i];

		stored->codes[i] = memory_copy(&stored->memory, codes.data, codes.size);
		es_symbols_translate(&set, unconstify(char *, stored->codes[i].data), codes.size);
	}
	memory_free(&memory);
}

/* Decodes into a buffer of this capacity; the value lies in memory. */
static bool
decode(const EsSymbolReader *reader, Memory *memory, EsSlice codes, uint32 capacity, EsSlice *value)
{
	char	   *out = memory_take(memory, capacity);

	*value = es_slice(out, 0);
	return es_symbols_decode(reader, codes, out, capacity, &value->size);
}

static bool
reads_back(const EsSymbolReader *reader, EsSlice codes, EsSlice value)
{
	Memory		memory = {0};
	EsSlice		back;
	bool		good = decode(reader, &memory, codes, value.size + SPARE, &back) && es_slice_equal(back, value);

	for (uint32 room = 0; room < Min(value.size, 20); room++)
		good &= !decode(reader, &memory, codes, value.size - 1 - room + SPARE, &back);
	memory_free(&memory);
	return good;
}

static bool
round_trips(const EsSlice *values, uint32 count)
{
	Stored		stored;
	EsSymbolReader reader;
	uint32		good = 0;

	store(&stored, values, count);
	if (es_symbols_open(&reader, stored.set.data, stored.set.size))
		while (good < count && reads_back(&reader, stored.codes[good], values[good]))
			good++;
	if (good < count)
		printf("# value %u of %u, %u bytes\n", good, count, values[good].size);
	memory_free(&stored.memory);
	return good == count;
}

/* Each value by itself has the codes that it has among others. */
static bool
same_alone(const EsSlice *values, uint32 count)
{
	Memory		memory = {0};
	uint8		used[256] = {0};
	uint8		used_alone[256] = {0};
	EsSlice    *codes = memory_take(&memory, count * sizeof(EsSlice));
	bool		good = true;

	es_symbols_encode(&table, values, count, memory_take(&memory, 2 * total_size(values, count)),
					  codes, used);
	for (uint32 i = 0; i < count; i++)
	{
		char	   *out = memory_take(&memory, 2 * values[i].size);
		EsSlice		alone;

		es_symbols_encode(&table, &values[i], 1, out, &alone, used_alone);
		good &= es_slice_equal(alone, codes[i]);
		if (values[i].size < 500)
			good &= is_greedy(values[i], codes[i]);
	}
	good &= memcmp(used, used_alone, ES_SYMBOLS_MAX) == 0;
	memory_free(&memory);
	return good;
}

/* A table is ordered, and no end of a value can be mistaken for a symbol. */
static bool
is_sound(void)
{
	bool		good = table.count == ES_SYMBOLS_MAX;

	for (uint32 code = 0; code < table.count; code++)
	{
		good &= code == 0 || table.sizes[code] >= table.sizes[code - 1];
		good &= table.sizes[code] >= 1 && table.sizes[code] <= ES_SYMBOL_MAX_SIZE;
		good &= table.sizes[code] == 1 || memchr(&table.texts[code], 0, table.sizes[code]) == NULL;
	}
	return good;
}

static void
test_round_trips(void)
{
	Random		random = {1};

	for (uint32 i = 0; i < lengthof(kinds); i++)
	{
		Texts		sample;

		make_texts(&sample, &random, kinds[i].kind, 100);
		es_symbols_train(&table, sample.values, sample.count);
		ok(is_sound(), "a table trained on %s is sound", kinds[i].name);
		for (uint32 j = 0; j < lengthof(kinds); j++)
		{
			Texts		texts;

			make_texts(&texts, &random, kinds[j].kind, 100);
			ok(round_trips(texts.values, texts.count), "%s with a table trained on %s",
			   kinds[j].name, kinds[i].name);
			ok(same_alone(texts.values, texts.count), "%s one by one, the longest symbols first",
			   kinds[j].name);
			memory_free(&texts.memory);
		}
		memory_free(&sample.memory);
	}
}

/* Any number of values up to more than are encoded at a time. */
static void
test_counts(void)
{
	Random		random = {2};
	Texts		texts;
	bool		good = true;

	make_texts(&texts, &random, kind_words, 600);
	es_symbols_train(&table, texts.values, texts.count);
	for (uint32 count = 0; count <= 20; count++)
		good &= round_trips(texts.values, count);
	ok(good, "0 to 20 values");
	ok(round_trips(texts.values, texts.count), "600 values");
	memory_free(&texts.memory);
}

/* A text of every size that ends right after a symbol, or right before. */
static void
test_sizes(void)
{
	Random		random = {3};
	Texts		texts;
	Memory		memory = {0};
	char		text[1100];
	EsSlice		value;
	bool		good = true;

	make_texts(&texts, &random, kind_words, 100);
	es_symbols_train(&table, texts.values, texts.count);
	kind_words(&random, text, sizeof(text));
	for (uint32 size = 0; size < sizeof(text); size++)
	{
		value = memory_copy(&memory, text, size);
		good &= round_trips(&value, 1);
	}
	ok(good, "values of 0 to 1099 bytes");
	value = es_slice(NULL, 0);
	ok(round_trips(&value, 1), "an empty value without an address");
	memory_free(&memory);
	memory_free(&texts.memory);
}

static void
test_every_byte(void)
{
	Memory		memory = {0};
	EsSlice		values[256];

	for (uint32 i = 0; i < 256; i++)
	{
		uint8		byte = i;

		values[i] = memory_copy(&memory, &byte, 1);
	}
	es_symbols_train(&table, NULL, 0);
	ok(is_sound() && table.sizes[ES_SYMBOLS_MAX - 1] == 1, "a table trained on nothing has single bytes");
	ok(round_trips(values, 256), "every byte, with a table trained on nothing");
	es_symbols_train(&table, values + 'x', 1);
	ok(is_sound(), "a table trained on one byte");
	ok(round_trips(values, 256), "every byte, with a table trained on one");
	memory_free(&memory);
}

/* ------------------------------------------------------------------- training */

static void
test_training(void)
{
	static EsSymbolTable again;
	Random		random = {4};
	Texts		texts;
	Stored		stored;
	uint64		size;

	make_texts(&texts, &random, kind_words, 300);
	memset(&again, 0x5A, sizeof(again));
	es_symbols_train(&table, texts.values, 200);
	es_symbols_train(&again, texts.values, 200);
	ok(memcmp(&table, &again, sizeof(table)) == 0, "the same values make the same table");
	store(&stored, texts.values + 200, 100);
	size = total_size(stored.codes, 100) + stored.set.size;
	ok(size < total_size(texts.values + 200, 100) * 35 / 100, "words are stored in a third of their size");
	memory_free(&stored.memory);
	memory_free(&texts.memory);
}

/* Samples that are far too large, in one value or in many. */
static void
test_large_samples(void)
{
	Random		random = {5};
	Memory		memory = {0};
	char	   *text = memory_take(&memory, 1000000);
	EsSlice    *values = memory_take(&memory, 100000 * sizeof(EsSlice));

	kind_words(&random, text, 1000000);
	values[0] = es_slice(text, 1000000);
	es_symbols_train(&table, values, 1);
	ok(is_sound() && round_trips(values, 1), "one value of a million bytes");
	for (uint32 i = 0; i < 100000; i++)
		values[i] = es_slice(text + i * 10, i % 10);
	es_symbols_train(&table, values, 100000);
	ok(is_sound() && round_trips(values, 2000), "100000 small values");
	memset(values, 0, 100000 * sizeof(EsSlice));
	es_symbols_train(&table, values, 100000);
	ok(is_sound() && round_trips(values, 2000), "100000 empty values");
	memory_free(&memory);
}

/* ------------------------------------------------------------- what is damaged */

/* Opens a set from memory of its own, with a real one or not. */
static bool
opens(const char *data, uint32 size)
{
	Memory		memory = {0};
	EsSlice		set = copy_set(&memory, data, size);
	EsSymbolReader reader;
	SlowReader	slow;
	bool		good = es_symbols_open(&reader, set.data, set.size);

	ok(good == slow_open(&slow, set), "both readers agree on a set of %u bytes", size);
	memory_free(&memory);
	return good;
}

static void
test_damaged_sets(void)
{
	static char data[8 + 255 * 36 + 1];

	ok(!opens(data, 0) && !opens(data, 7), "less than the counts is no set");
	ok(opens(data, 8), "the empty set");
	ok(!opens(data, 9), "the empty set and a byte");
	memset(data, 0xFF, 8);
	ok(!opens(data, 8 + 255 * 36), "255 symbols of each size");
	memset(data, 0, 8);
	data[7] = (char) 255;
	ok(opens(data, 8 + 255 * 8), "255 symbols of 8 bytes");
	ok(!opens(data, 8 + 255 * 8 - 1) && !opens(data, 8 + 255 * 8 + 1), "a byte less, a byte more");
	data[0] = 1;
	ok(!opens(data, 8 + 255 * 8 + 1), "256 symbols");
}

/* Random counts that make a valid set, with whatever bytes. */
static EsSlice
random_set(Random *random, Memory *memory)
{
	char		data[ES_SYMBOL_SET_MAX_SIZE] = {0};
	uint32		left = random_below(random, ES_SYMBOLS_MAX + 1);
	uint32		size = ES_SYMBOL_MAX_SIZE;

	for (uint32 i = 0; i < ES_SYMBOL_MAX_SIZE; i++)
	{
		uint32		count = random_chance(random, 30) ? left : random_below(random, left / 2 + 1);

		data[i] = (char) count;
		left -= count;
		size += count * (i + 1);
	}
	kind_random(random, data + ES_SYMBOL_MAX_SIZE, size - ES_SYMBOL_MAX_SIZE);
	return copy_set(memory, data, size);
}

static EsSlice
random_codes(Random *random, Memory *memory, uint32 count)
{
	char		codes[40];
	uint32		size = random_below(random, sizeof(codes));

	for (uint32 i = 0; i < size; i++)
	{
		codes[i] = count == 0 ? 0 : (char) random_below(random, count);
		if (random_chance(random, 5))
			codes[i] = (char) random_next(random);
		if (random_chance(random, 5))
			codes[i] = '\xFF';
	}
	return memory_copy(memory, codes, size);
}

/* Do both readers make the same of the codes? */
static bool
same_reading(const EsSymbolReader *reader, const SlowReader *slow, Memory *memory, EsSlice codes)
{
	char		wanted[40 * 8];
	int			size = slow_decode(slow, codes, wanted);
	EsSlice		value;
	bool		decoded = decode(reader, memory, codes, codes.size * 8 + SPARE, &value);

	if (size < 0 || !decoded)
		return size < 0 && !decoded;
	return es_slice_equal(value, es_slice(wanted, size));
}

static void
test_random_codes(void)
{
	Random		random = {6};
	int			good = 0;

	for (int i = 0; i < 20000; i++)
	{
		Memory		memory = {0};
		EsSlice		set = random_set(&random, &memory);
		EsSymbolReader reader;
		SlowReader	slow;

		good += es_symbols_open(&reader, set.data, set.size) && slow_open(&slow, set) &&
			same_reading(&reader, &slow, &memory, random_codes(&random, &memory, slow.count));
		memory_free(&memory);
	}
	is_int(good, 20000, "random sets and codes, read in two ways");
}

static void
test_damaged_codes(void)
{
	static const char data[] = "\2\1\0\0\0\0\0\1" "abcd01234567";
	Memory		memory = {0};
	EsSlice		set = copy_set(&memory, data, sizeof(data) - 1);
	EsSymbolReader reader;
	EsSlice		value;

	ok(es_symbols_open(&reader, set.data, set.size), "a set of four symbols");
	ok(decode(&reader, &memory, text_slice("\1\2\3\xFFz"), 100, &value) &&
	   es_slice_equal(value, text_slice("bcd01234567z")), "its codes and an escape");
	ok(!decode(&reader, &memory, text_slice("\1\4"), 100, &value), "a code without a symbol");
	ok(!decode(&reader, &memory, text_slice("\1\xFE"), 100, &value), "the last code that can be one");
	ok(!decode(&reader, &memory, text_slice("\1\xFF"), 100, &value), "an escape at the end");
	ok(decode(&reader, &memory, text_slice("\xFF\xFF\xFF\xFE"), 100, &value) &&
	   es_slice_equal(value, text_slice("\xFF\xFE")), "escapes of the escape");
	ok(decode(&reader, &memory, es_slice(NULL, 0), SPARE, &value) && value.size == 0, "no codes");
	ok(!decode(&reader, &memory, es_slice(NULL, 0), SPARE - 1, &value), "less than the spare bytes");
	ok(!decode(&reader, &memory, text_slice("\xFFz"), SPARE, &value), "no room for a literal byte");
	memory_free(&memory);
}

int
main(void)
{
	test_round_trips();
	test_counts();
	test_sizes();
	test_every_byte();
	test_training();
	test_large_samples();
	test_damaged_sets();
	test_random_codes();
	test_damaged_codes();
	return tap_done();
}
