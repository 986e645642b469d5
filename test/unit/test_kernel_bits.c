/*-------------------------------------------------------------------------
 *
 * test_kernel_bits.c
 *	  The loops over bitmaps, small integers and text of every kernel that this
 *	  machine can run, against the obvious ones, up to a page that cannot be
 *	  read or written.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "fence.h"
#include "kernel/find_linear.h"
#include "kernel/kernel.h"
#include "tap.h"

#define MAX_WORDS 40
#define MAX_LENGTH 257
#define MAX_ALIGNMENT 64

static bool
has_bit(const uint64 *bits, uint64 i)
{
	return bits[i / 64] >> i % 64 & 1;
}

/* Words of few, some, many, all or no bits. */
static uint64
any_word(Random *random)
{
	uint64		word = random_next(random);

	switch (random_below(random, 6))
	{
		case 0:
			return 0;
		case 1:
			return PG_UINT64_MAX;
		case 2:
			return word & random_next(random) & random_next(random);
		case 3:
			return word | random_next(random) | random_next(random);
	}
	return word;
}

static void
fill_words(Random *random, uint64 *words, uint32 count)
{
	for (uint32 i = 0; i < count; i++)
		words[i] = any_word(random);
}

/* A copy of words that ends at the fence. */
static uint64 *
before(Fenced fenced, const uint64 *words, uint32 count)
{
	return memcpy((uint64 *) fenced.end - count, words, count * sizeof(uint64));
}

/* ---- bitmaps ---------------------------------------------------------- */

static void
test_combining(const EsKernel *kernel, Fenced into, Fenced from)
{
	Random		random = {1};
	int64		wrong = 0;

	for (int round = 0; round < 50 * (MAX_WORDS + 1); round++)
	{
		uint32		words = round % (MAX_WORDS + 1);
		uint64		a[MAX_WORDS];
		uint64		b[MAX_WORDS];
		uint64	   *other;
		uint64	   *result;
		uint32		count = 0;

		fill_words(&random, a, words);
		fill_words(&random, b, words);
		other = before(from, b, words);
		result = before(into, a, words);
		kernel->and_bits(result, other, words);
		for (uint32 i = 0; i < words; i++)
			wrong += result[i] != (a[i] & b[i]);
		result = before(into, a, words);
		kernel->or_bits(result, other, words);
		for (uint32 i = 0; i < words; i++)
			wrong += result[i] != (a[i] | b[i]);
		result = before(into, a, words);
		kernel->and_not_bits(result, other, words);
		for (uint32 i = 0; i < words; i++)
			wrong += result[i] != (a[i] & ~b[i]);
		for (uint32 i = 0; i < words * 64; i++)
			count += has_bit(b, i);
		wrong += kernel->count_bits(other, words) != count;
	}
	is_int(wrong, 0, "%s: and, or, and_not, count", kernel->name);
}

static void
test_not(const EsKernel *kernel, Fenced fenced)
{
	Random		random = {2};
	int64		wrong = 0;

	for (uint32 count = 0; count <= MAX_LENGTH; count++)
	{
		uint32		words = ES_BITMAP_WORDS(count);
		uint64		bits[MAX_WORDS];
		uint64	   *result;

		fill_words(&random, bits, words);
		if (count % 64 != 0)
			bits[words - 1] &= (UINT64CONST(1) << count % 64) - 1;
		result = before(fenced, bits, words);
		kernel->not_bits(result, count);
		for (uint32 i = 0; i < words * 64; i++)
			wrong += has_bit(result, i) != (i < count && !has_bit(bits, i));
	}
	is_int(wrong, 0, "%s: not", kernel->name);
}

/* There and back; the packed bits end at the fence, too. */
static void
test_expanding(const EsKernel *kernel, Fenced packed, Fenced whole)
{
	Random		random = {3};
	int64		wrong = 0;

	for (int round = 0; round < 100 * (MAX_WORDS + 1); round++)
	{
		uint32		words = round % (MAX_WORDS + 1);
		uint64		bits[MAX_WORDS];
		uint64		present[MAX_WORDS];
		uint64		wanted[MAX_WORDS] = {0};
		uint32		dense_count = 0;
		uint64	   *dense;
		uint64	   *result;

		fill_words(&random, bits, words);
		fill_words(&random, present, words);
		for (uint32 i = 0; i < words * 64; i++)
		{
			if (!has_bit(present, i))
				continue;
			wanted[dense_count / 64] |= (uint64) has_bit(bits, i) << dense_count % 64;
			dense_count++;
		}
		dense = (uint64 *) packed.end - ES_BITMAP_WORDS(dense_count);
		kernel->compress(bits, present, words, dense);
		wrong += memcmp(dense, wanted, packed.end - (char *) dense) != 0;
		result = (uint64 *) whole.end - words;
		kernel->expand(dense, present, words, result);
		for (uint32 i = 0; i < words; i++)
			wrong += result[i] != (bits[i] & present[i]);
	}
	is_int(wrong, 0, "%s: compress, expand", kernel->name);
}

/* ---- small integers --------------------------------------------------- */

static uint64
small_integer(const char *data, uint32 width, uint32 row)
{
	uint64		value = 0;

	for (uint32 bit = 0; bit < width; bit++)
	{
		uint64		place = (uint64) row * width + bit;

		value |= (uint64) ((unsigned char) data[place / 8] >> place % 8 & 1) << bit;
	}
	return value;
}

static void
test_unpacking(const EsKernel *kernel, uint32 width, Fenced from, Fenced into)
{
	Random		random = {width};
	uint32		size = width == 24 ? 4 : 1;
	int64		wrong = 0;

	for (uint32 count = 0; count <= MAX_LENGTH; count++)
	{
		uint32		bytes = (count * width + 7) / 8;
		uint64		wanted[MAX_LENGTH];
		char	   *data = from.end - bytes;

		for (uint32 i = 0; i < bytes; i++)
			data[i] = (char) random_next(&random);
		for (uint32 i = 0; i < count; i++)
			wanted[i] = small_integer(data, width, i);
		for (int shift = 0; shift < MAX_ALIGNMENT; shift++)
		{
			char	   *out = into.end - (size_t) count * size - (shift + count) % MAX_ALIGNMENT;
			char	   *moved = memmove(data - shift, data, bytes);

			out[-1] = 0x5A;
			kernel->unpack(moved, width, count, out);
			wrong += out[-1] != 0x5A;
			for (uint32 i = 0; i < count; i++)
				wrong += memcmp(out + i * size, &wanted[i], size) != 0;
			memmove(data, moved, bytes);
		}
	}
	is_int(wrong, 0, "%s: unpack, %u bits", kernel->name, width);
}

/* ---- text ------------------------------------------------------------- */

static const char *
find_slowly(const char *text, size_t size, const char *needle, size_t needle_size)
{
	for (size_t i = 0; i + needle_size <= size; i++)
	{
		if (memcmp(text + i, needle, needle_size) == 0)
			return text + i;
	}
	return NULL;
}

/* Few different letters, so that much is nearly found. */
static void
fill_text(Random *random, char *p, size_t size, uint32 letters)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (char) ('a' + random_below(random, letters));
}

static void
test_find(const EsKernel *kernel, Fenced texts, Fenced needles)
{
	Random		random = {5};
	int64		wrong = 0;

	for (size_t size = 0; size <= MAX_LENGTH; size++)
	{
		for (int shift = 0; shift < MAX_ALIGNMENT; shift++)
		{
			size_t		needle_size = random_below(&random, random_chance(&random, 80) ? 8 : size + 3);
			char	   *text = texts.end - shift - size;
			char	   *needle = needles.end - needle_size;
			uint32		letters = 1 + random_below(&random, 4);

			memset(texts.end - shift, 'a', shift);
			fill_text(&random, text, size, letters);
			fill_text(&random, needle, needle_size, letters);
			if (needle_size <= size && random_chance(&random, 30))
				memcpy(needle, text + random_below(&random, size - needle_size + 1), needle_size);
			wrong += kernel->find(text, size, needle, needle_size) !=
				find_slowly(text, size, needle, needle_size);
		}
	}
	is_int(wrong, 0, "%s: find", kernel->name);
}

/* A needle at each place of a text that is nothing but its beginnings. */
static void
test_find_places(const EsKernel *kernel, Fenced fenced)
{
	int64		wrong = 0;

	for (size_t size = 1; size <= MAX_LENGTH; size++)
	{
		for (size_t at = 0; at < size; at++)
		{
			char	   *text = fenced.end - size;

			memset(text, 'a', size);
			text[at] = 'b';
			wrong += kernel->find(text, size, "b", 1) != text + at;
			wrong += kernel->find(text, size, "aab", 3) != (at < 2 ? NULL : text + at - 2);
			wrong += kernel->find(text, size, "", 0) != text;
		}
	}
	is_int(wrong, 0, "%s: find, at each place", kernel->name);
}

/*
 * What takes the square of its length when places are tried one after the other;
 * the needle is nowhere, or at the end.  First those with a 'b' at many places.
 */
static void
test_find_hostile(const EsKernel *kernel)
{
	size_t		needle_size = 100000;
	size_t		size = 2 * needle_size;
	char	   *text = malloc(size);
	char	   *needle = malloc(needle_size);
	int64		wrong = 0;

	for (size_t at = 0; at < needle_size; at += needle_size / 16 + 3)
	{
		memset(text, 'a', size);
		memset(needle, 'a', needle_size);
		needle[at] = 'b';
		wrong += kernel->find(text, size, needle, needle_size) != NULL;
		text[needle_size + at] = 'b';
		wrong += kernel->find(text, size, needle, needle_size) != text + needle_size;
	}
	is_int(wrong, 0, "%s: find, hostile needles", kernel->name);
	free(text);
	free(needle);
}

/* What is for the hostile, with texts of few letters and needles with a period. */
static void
test_find_linear(void)
{
	Random		random = {6};
	int64		wrong = 0;

	for (int round = 0; round < 200000; round++)
	{
		char		text[120];
		char		needle[40];
		size_t		size = 1 + random_below(&random, sizeof(text));
		size_t		needle_size = 1 + random_below(&random, Min(size, sizeof(needle)));
		size_t		period = 1 + random_below(&random, 8);
		uint32		letters = 1 + random_below(&random, 3);

		fill_text(&random, text, size, letters);
		fill_text(&random, needle, needle_size, letters);
		for (size_t i = period; i < needle_size && round % 2 == 0; i++)
			needle[i] = needle[i - period];
		for (size_t i = period; i < size && round % 4 == 0; i++)
			text[i] = random_chance(&random, 97) ? text[i - period] : 'a';
		if (random_chance(&random, 30))
			memcpy(needle, text + random_below(&random, size - needle_size + 1), needle_size);
		wrong += es_find_linear(text, size, needle, needle_size) !=
			find_slowly(text, size, needle, needle_size);
	}
	is_int(wrong, 0, "find_linear");
}

int
main(void)
{
	Fenced		a = fenced_pages();
	Fenced		b = fenced_pages();

	for (int choice = ES_KERNEL_SCALAR; choice <= ES_KERNEL_AVX512; choice++)
	{
		const EsKernel *kernel = es_kernel_choose(choice);

		if (kernel == NULL)
			continue;
		test_combining(kernel, a, b);
		test_not(kernel, a);
		test_expanding(kernel, a, b);
		test_unpacking(kernel, 1, a, b);
		test_unpacking(kernel, 2, a, b);
		test_unpacking(kernel, 4, a, b);
		test_unpacking(kernel, 24, a, b);
		test_find(kernel, a, b);
		test_find_places(kernel, a);
		test_find_hostile(kernel);
	}
	test_find_linear();
	return tap_done();
}
