/*-------------------------------------------------------------------------
 *
 * test_kernel_bits.c
 *	  The loops over bitmaps and small integers of every kernel that this machine
 *	  can run, against the obvious ones, up to a page that cannot be read or
 *	  written.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "fence.h"
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

/* The packed bits end at the fence, too. */
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
		uint64		packed_bits[MAX_WORDS] = {0};
		uint32		dense_count = 0;
		uint64	   *dense;
		uint64	   *result;

		fill_words(&random, bits, words);
		fill_words(&random, present, words);
		for (uint32 i = 0; i < words * 64; i++)
		{
			if (!has_bit(present, i))
				continue;
			packed_bits[dense_count / 64] |= (uint64) has_bit(bits, i) << dense_count % 64;
			dense_count++;
		}
		dense = (uint64 *) packed.end - ES_BITMAP_WORDS(dense_count);
		memcpy(dense, packed_bits, packed.end - (char *) dense);
		result = (uint64 *) whole.end - words;
		kernel->expand(dense, present, words, result);
		for (uint32 i = 0; i < words; i++)
			wrong += result[i] != (bits[i] & present[i]);
	}
	is_int(wrong, 0, "%s: expand", kernel->name);
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
		test_expanding(kernel, a, b);
		test_unpacking(kernel, 1, a, b);
		test_unpacking(kernel, 2, a, b);
		test_unpacking(kernel, 4, a, b);
		test_unpacking(kernel, 24, a, b);
	}
	return tap_done();
}
