/*-------------------------------------------------------------------------
 *
 * test_fold.c
 *	  Folded range predicates against those on the values.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "kernel/fold.h"
#include "tap.h"

typedef __int128 Wide;

static Wide
value_of(const EsFrame *frame, uint64 distance)
{
	return (Wide) frame->base + (Wide) frame->unit * distance;
}

static bool
has(const EsFold *fold, uint64 distance)
{
	return fold->rows == ES_FOLD_ALL ||
		(fold->rows == ES_FOLD_INSIDE && fold->low <= distance && distance <= fold->high);
}

/* Is it right for a distance, if there can be such a value? */
static bool
is_wrong(const EsFrame *frame, uint64 distance, int64 first, int64 last)
{
	Wide		value = value_of(frame, distance);
	EsFold		fold = es_fold_between(frame, first, last);

	if (value > PG_INT64_MAX || (frame->width < 64 && distance >> frame->width != 0))
		return false;
	return has(&fold, distance) != (first <= value && value <= last);
}

/* Every distance of a few bits, and every constant around the values. */
static void
test_small(void)
{
	static const int64 bases[] = {0, -3, 17, PG_INT64_MIN, PG_INT64_MIN + 2, PG_INT64_MAX - 20, PG_INT64_MAX};
	static const uint64 units[] = {1, 3, 1000};
	int64		wrong = 0;

	for (uint32 width = 0; width <= 4; width++)
	{
		for (size_t b = 0; b < lengthof(bases) * lengthof(units); b++)
		{
			EsFrame		frame = {bases[b / lengthof(units)], units[b % lengthof(units)], width};
			int			step = frame.unit == 1000 ? 499 : 1;

			for (int around = -50 * step; around < 50 * step; around += step)
			{
				int64		constant = (int64) ((uint64) frame.base + (uint64) (int64) around);

				for (uint64 distance = 0; distance >> width == 0; distance++)
				{
					wrong += is_wrong(&frame, distance, constant, constant);
					wrong += is_wrong(&frame, distance, constant, constant + 7 * (constant < 1000));
					wrong += is_wrong(&frame, distance, PG_INT64_MIN, constant);
					wrong += is_wrong(&frame, distance, constant, PG_INT64_MAX);
				}
			}
		}
	}
	is_int(wrong, 0, "all distances of up to 4 bits");
}

static int64
any_base(Random *random)
{
	int64		base = (int64) random_next(random) >> random_below(random, 64);

	switch (random_below(random, 4))
	{
		case 0:
			return PG_INT64_MIN + (int64) random_below(random, 2000);
		case 1:
			return PG_INT64_MAX - (int64) random_below(random, 2000);
	}
	return base;
}

/* A constant near the value of the distance, or anywhere. */
static int64
any_constant(Random *random, const EsFrame *frame, uint64 distance)
{
	Wide		near = value_of(frame, distance) + random_below(random, 2003) - 1001;

	if (random_chance(random, 70) && near >= PG_INT64_MIN && near <= PG_INT64_MAX)
		return (int64) near;
	return any_base(random);
}

static void
test_random(void)
{
	Random		random = {1};
	int64		wrong = 0;

	for (int round = 0; round < 300000; round++)
	{
		EsFrame		frame = {any_base(&random), random_chance(&random, 50) ? 1 : 1000, random_below(&random, 65)};
		uint64		mask = frame.width == 64 ? PG_UINT64_MAX : (UINT64CONST(1) << frame.width) - 1;
		uint64		distance = random_next(&random) >> random_below(&random, 64) & mask;
		int64		constant;

		if (random_chance(&random, 10))
			distance = Min(es_fold_limit(&frame), mask);
		constant = any_constant(&random, &frame, distance);
		wrong += is_wrong(&frame, distance, constant, any_constant(&random, &frame, distance));
		wrong += is_wrong(&frame, distance, PG_INT64_MIN, constant);
		wrong += is_wrong(&frame, distance, constant, PG_INT64_MAX);
	}
	is_int(wrong, 0, "random columns and constants");
}

/* What needs no look at the rows is said without one. */
static void
test_shortcuts(void)
{
	EsFrame		frame = {100, 1000, 8};
	EsFrame		top = {PG_INT64_MAX - 1, 1, 8};

	ok(es_fold_between(&frame, 101, 101).rows == ES_FOLD_NONE, "a constant that is not on the grid is nowhere");
	ok(es_fold_between(&frame, PG_INT64_MIN, 99).rows == ES_FOLD_NONE, "none is less than the base");
	ok(es_fold_between(&frame, 100, PG_INT64_MAX).rows == ES_FOLD_ALL, "all are at least the base");
	ok(es_fold_between(&frame, PG_INT64_MIN, 255100).rows == ES_FOLD_ALL, "all are at most the last one");
	ok(es_fold_between(&frame, 255100, PG_INT64_MAX).rows == ES_FOLD_INSIDE, "only the last one is greater");
	ok(es_fold_between(&frame, 200, 100).rows == ES_FOLD_NONE, "nothing is in an empty range");
	ok(es_fold_between(&top, PG_INT64_MAX - 1, PG_INT64_MAX).rows == ES_FOLD_ALL, "no value is beyond the largest integer");
}

int
main(void)
{
	test_small();
	test_random();
	test_shortcuts();
	return tap_done();
}
