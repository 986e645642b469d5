/*-------------------------------------------------------------------------
 *
 * accumulator.h
 *	  Sums and extremes of numbers, exactly as numeric has them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_ACCUMULATOR_H
#define EVENTSTORE_QUERY_ACCUMULATOR_H

#include "postgres.h"

#include "utils/numeric.h"

#include "filter/test.h"

/*
 * The sum is sum / 10^scale, and 'numeric' where there were numbers that an
 * int64 cannot hold, or too many.  The extreme is that of integer / 10^scale
 * unless numeric is set.
 */
typedef struct EsAccumulator
{
	int64		count;
	int128		sum;
	int64		extreme;
	uint8		scale;			/* of the sum, or of the extreme */
	Numeric		numeric;
} EsAccumulator;

extern void es_sum_many(EsAccumulator *accumulator, int64 count, int128 sum, uint32 scale);
extern void es_sum_numeric(EsAccumulator *accumulator, Numeric value);
extern void es_extreme_scaled(EsAccumulator *accumulator, bool greatest, int64 value,
							  uint32 scale);
extern void es_extreme_numeric(EsAccumulator *accumulator, bool greatest, Numeric value);
extern Numeric es_sum_result(const EsAccumulator *accumulator);
extern Numeric es_extreme_result(const EsAccumulator *accumulator);

/* Adds a number, mostly one of the scale that the others had. */
static inline void
es_sum_scaled(EsAccumulator *accumulator, int64 value, uint32 scale)
{
	int128		sum;

	if (scale != accumulator->scale || __builtin_add_overflow(accumulator->sum, (int128) value, &sum))
	{
		es_sum_many(accumulator, 1, value, scale);
		return;
	}
	accumulator->count++;
	accumulator->sum = sum;
}

#endif							/* EVENTSTORE_QUERY_ACCUMULATOR_H */
