/*-------------------------------------------------------------------------
 *
 * test_kernel.c
 *	  The parser's loops of every kernel that this machine can run, against the
 *	  obvious ones: all short lengths at all alignments, between pages that
 *	  cannot be read.  The others are in test_kernel_rows.c and test_kernel_bits.c.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "core/hash.h"
#include "fence.h"
#include "kernel/kernel.h"
#include "tap.h"

/* More than four of the widest vectors, and one byte. */
#define MAX_LENGTH 257
#define MAX_ALIGNMENT 64

static const char *
skip_plain_slowly(const char *p, const char *end)
{
	while (p < end && *p != '"' && *p != '\\' && (unsigned char) *p >= 0x20)
		p++;
	return p;
}

/* The bytes at the edges of what is compared, and others like them. */
static char
difficult_byte(Random *random)
{
	static const unsigned char bytes[] = {
		0x00, 0x01, 0x1F, 0x20, 0x21, '"', 0x23, 0x5B, '\\', 0x5D, 0x7F, 0x80, 0x81, 0x9F, 0xA0,
		'"' | 0x80, '\\' | 0x80, 0xFF
	};

	return (char) bytes[random_below(random, lengthof(bytes))];
}

static void
fill(Random *random, char *p, char *end)
{
	uint32		plain_percent = random_below(random, 4) * 33;

	for (; p < end; p++)
	{
		if (random_chance(random, plain_percent))
			*p = (char) (0x23 + random_below(random, '\\' - 0x23));
		else
			*p = random_chance(random, 50) ? difficult_byte(random) : (char) random_next(random);
	}
}

/* Fills with plain bytes that are most like others: 0x20, and the top bit. */
static void
fill_plain(Random *random, char *p, char *end)
{
	static const unsigned char bytes[] = {0x20, 0x21, 0x23, 0x5D, 0x80, 0xA2, 0xDC, 0xFF};

	for (; p < end; p++)
		*p = (char) bytes[random_below(random, lengthof(bytes))];
}

static int64
differences(const EsKernel *kernel, const char *p, const char *end)
{
	return kernel->skip_plain(p, end) != skip_plain_slowly(p, end);
}

/* All lengths, so that the text begins at each alignment or ends at the fence. */
static void
test_lengths(const EsKernel *kernel, Fenced fenced)
{
	Random		random = {1};
	int64		wrong = 0;

	for (int length = 0; length <= MAX_LENGTH; length++)
	{
		for (int shift = 0; shift < MAX_ALIGNMENT; shift++)
		{
			char	   *low = fenced.start + shift;
			char	   *high = fenced.end - shift;

			fill(&random, low, low + length);
			wrong += differences(kernel, low, low + length);
			fill(&random, high - length, high);
			wrong += differences(kernel, high - length, high);
		}
	}
	is_int(wrong, 0, "%s: skip_plain, all lengths and alignments, random bytes", kernel->name);
}

/* One byte that is not plain at each place, or none, and plain ones after it. */
static void
test_places(const EsKernel *kernel, Fenced fenced)
{
	static const char stops[] = {'"', '\\', 0x00, 0x1F};
	Random		random = {2};
	int64		wrong = 0;

	for (int length = 0; length <= MAX_LENGTH; length++)
	{
		char	   *start = fenced.end - length;

		fill_plain(&random, start, fenced.end);
		wrong += kernel->skip_plain(start, fenced.end) != fenced.end;
		for (int place = 0; place < length; place++)
		{
			char		plain = start[place];

			start[place] = stops[place % lengthof(stops)];
			wrong += kernel->skip_plain(start, fenced.end) != start + place;
			start[place] = plain;
		}
	}
	is_int(wrong, 0, "%s: skip_plain stops at each place", kernel->name);
}

/* Every value of a byte, at every place in the widest vector. */
static void
test_values(const EsKernel *kernel, Fenced fenced)
{
	Random		random = {3};
	int64		wrong = 0;

	for (int value = 0; value < 256; value++)
	{
		fill_plain(&random, fenced.end - MAX_ALIGNMENT, fenced.end);
		for (char *p = fenced.end - MAX_ALIGNMENT; p < fenced.end; p++)
		{
			char		plain = *p;

			*p = (char) value;
			wrong += differences(kernel, fenced.end - MAX_ALIGNMENT, fenced.end);
			*p = plain;
		}
	}
	is_int(wrong, 0, "%s: skip_plain knows every byte", kernel->name);
}

/* The bytes before and behind the text do not matter. */
static void
test_surroundings(const EsKernel *kernel, Fenced fenced)
{
	Random		random = {4};
	int64		wrong = 0;

	for (int length = 0; length <= MAX_LENGTH; length++)
	{
		char	   *start = fenced.start + MAX_ALIGNMENT;

		memset(fenced.start, '"', fenced.end - fenced.start);
		fill_plain(&random, start, start + length);
		wrong += kernel->skip_plain(start, start + length) != start + length;
	}
	is_int(wrong, 0, "%s: skip_plain looks at the text only", kernel->name);
}

/* The hash is that of the library, for all sizes up to a page, and reads no more. */
static void
test_hash(const EsKernel *kernel, Fenced fenced)
{
	Random		random = {5};
	int64		wrong = 0;

	for (char *p = fenced.start; p < fenced.end; p++)
		*p = (char) random_below(&random, 256);
	for (size_t size = 0; size <= (size_t) (fenced.end - fenced.start); size++)
	{
		wrong += kernel->hash(fenced.start, size) != es_stable_hash(es_slice(fenced.start, size));
		wrong += kernel->hash(fenced.end - size, size) != es_stable_hash(es_slice(fenced.end - size, size));
	}
	is_int(wrong, 0, "%s: hash", kernel->name);
}

int
main(void)
{
	Fenced		fenced = fenced_pages();

	ok(strcmp(es_kernel->name, "scalar") == 0, "scalar until another one is chosen");
	ok(es_kernel_choose(ES_KERNEL_AUTO) != NULL, "auto is always possible");
	for (int choice = ES_KERNEL_SCALAR; choice <= ES_KERNEL_AVX512; choice++)
	{
		const EsKernel *kernel = es_kernel_choose(choice);

		if (kernel == NULL)
			continue;
		test_lengths(kernel, fenced);
		test_places(kernel, fenced);
		test_values(kernel, fenced);
		test_surroundings(kernel, fenced);
		test_hash(kernel, fenced);
	}
	return tap_done();
}
