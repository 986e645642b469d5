/*-------------------------------------------------------------------------
 *
 * test_integers.c
 *	  Runs of integers: widths, sizes, round trips at every limit.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "core/integers.h"
#include "tap.h"

#define MAX_COUNT 4096

static void
test_widths(void)
{
	static const struct
	{
		uint64		greatest;
		int			width;
	}			cases[] = {
		{0, 0}, {1, 1}, {2, 2}, {3, 2}, {4, 4}, {15, 4}, {16, 8}, {255, 8}, {256, 16}, {65535, 16}, {65536, 24},
		{0xFFFFFF, 24}, {0x1000000, 32}, {PG_UINT32_MAX, 32}, {(uint64) PG_UINT32_MAX + 1, 64}, {PG_INT64_MAX, 64},
		{PG_UINT64_MAX, 64}
	};
	int			valid = 0;

	for (size_t i = 0; i < lengthof(cases); i++)
		is_int(es_integers_width(cases[i].greatest), cases[i].width, UINT64_FORMAT " needs %d bits", cases[i].greatest,
			   cases[i].width);
	for (int width = 0; width < 256; width++)
		valid += es_integers_width_valid((uint8) width);
	is_int(valid, 9, "nine widths are valid");
	for (size_t i = 0; i < lengthof(cases); i++)
		ok(es_integers_width_valid(cases[i].width), "%d is one of them", cases[i].width);
}

static void
test_sizes(void)
{
	is_int(es_integers_size(0, MAX_COUNT), 0, "no bits need no bytes");
	is_int(es_integers_size(1, 1), 1, "a bit needs a byte");
	is_int(es_integers_size(1, 8), 1, "as do eight");
	is_int(es_integers_size(1, 9), 2, "nine need two");
	is_int(es_integers_size(2, 5), 2, "five values of two bits need two");
	is_int(es_integers_size(4, 3), 2, "as do three of four bits");
	is_int(es_integers_size(24, 3), 9, "three values of 24 bits");
	is_int(es_integers_size(64, MAX_COUNT), 8 * MAX_COUNT, "many of 64 bits");
}

/* Puts a run into memory of exactly its size and reads every value. */
static bool
round_trips(const int64 *values, uint32 count)
{
	Memory		memory = {0};
	EsIntegerRange range = es_integers_range(values, count);
	uint32		size = es_integers_size(range.width, count);
	char	   *data = memory_take(&memory, size);
	bool		same = true;

	memset(data, 0xA5, size);
	es_integers_put(data, values, count, range);
	for (uint32 i = count; i-- > 0;)
		same &= (int64) ((uint64) range.base + es_integers_get(data, range.width, i)) == values[i];
	memory_free(&memory);
	return same;
}

static void
test_extremes(void)
{
	static const int64 extremes[] = {PG_INT64_MIN, PG_INT64_MIN + 1, -1, 0, 1, PG_INT64_MAX - 1, PG_INT64_MAX};

	for (size_t i = 0; i < lengthof(extremes); i++)
	{
		for (size_t j = 0; j < lengthof(extremes); j++)
		{
			int64		values[] = {extremes[i], extremes[j]};

			ok(round_trips(values, 1) && round_trips(values, 2), INT64_FORMAT " and " INT64_FORMAT, values[0], values[1]);
		}
	}
}

/* Runs of each width, with values at both ends, in every length up to many. */
static void
test_runs(void)
{
	static const uint8 bits[] = {0, 1, 2, 3, 4, 7, 8, 15, 16, 23, 24, 31, 32, 33, 63, 64};
	static int64 values[MAX_COUNT];
	Random		random = {80};

	for (size_t i = 0; i < lengthof(bits); i++)
	{
		uint64		mask = bits[i] == 64 ? PG_UINT64_MAX : (UINT64CONST(1) << bits[i]) - 1;
		int64		base = (int64) random_next(&random);
		int			failures = 0;

		for (uint32 count = 1; count <= MAX_COUNT; count += count < 70 ? 1 : 671)
		{
			for (uint32 j = 0; j < count; j++)
				values[j] = (int64) ((uint64) base + (random_next(&random) & mask));
			values[0] = base;
			values[count - 1] = (int64) ((uint64) base + mask);
			failures += !round_trips(values, count);
		}
		is_int(failures, 0, "runs of values that differ by %d bits", bits[i]);
	}
}

int
main(void)
{
	test_widths();
	test_sizes();
	test_extremes();
	test_runs();
	return tap_done();
}
