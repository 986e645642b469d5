/*-------------------------------------------------------------------------
 *
 * accumulator.c
 *	  Sums and extremes of numbers, exactly as numeric has them.
 *
 * Numbers come as integers / 10^scale.  A sum of them is an integer of 128 bits
 * with the largest scale so far, which is the scale that a sum of numerics has;
 * what does not fit is added as numeric.  Of equal extremes the last one counts,
 * as with numeric_larger() and numeric_smaller(), which shows in its scale.
 *
 * Numerics that are kept are in the context that is current; it must be the same
 * one each time, and what is not kept is freed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"

#include "query/accumulator.h"

/* Digits of an int128, sign, point, zeros before it, and the end. */
#define MAX_SCALED_TEXT (40 + 2 + ES_MAX_SCALE + 1)

/* number / 10^scale, with just so many digits after the point. */
static Numeric
scaled_numeric(int128 number, uint32 scale)
{
	char		text[MAX_SCALED_TEXT];
	char	   *p = text + sizeof(text) - 1;
	bool		negative = number < 0;
	uint32		digits = 0;

	*p = '\0';
	while (number != 0 || digits <= scale)
	{
		int			digit = (int) (number % 10);

		*--p = (char) ('0' + (digit < 0 ? -digit : digit));
		number /= 10;
		if (++digits == scale)
			*--p = '.';
	}
	if (negative)
		*--p = '-';
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(p),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static Numeric
add(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(a), NumericGetDatum(b)));
}

/* -------------------------------------------------------------------- sums */

/* Moves the integer to the numeric. */
static void
flush_sum(EsAccumulator *accumulator)
{
	Numeric		sum = scaled_numeric(accumulator->sum, accumulator->scale);

	es_sum_numeric(accumulator, sum);
	pfree(sum);
	accumulator->count--;
	accumulator->sum = 0;
}

static void
raise_scale(EsAccumulator *accumulator, uint32 scale)
{
	int128		sum;

	if (__builtin_mul_overflow(accumulator->sum, es_power_of_ten(scale - accumulator->scale), &sum))
		flush_sum(accumulator);
	else
		accumulator->sum = sum;
	accumulator->scale = (uint8) scale;
}

/* Adds the sum of so many numbers, sum / 10^scale. */
void
es_sum_many(EsAccumulator *accumulator, int64 count, int128 sum, uint32 scale)
{
	int128		term = sum;
	int128		total;

	if (count == 0)
		return;
	accumulator->count += count;
	if (scale > accumulator->scale)
		raise_scale(accumulator, scale);
	else if (scale < accumulator->scale &&
			 __builtin_mul_overflow(sum, es_power_of_ten(accumulator->scale - scale), &term))
	{
		Numeric		numeric = scaled_numeric(sum, scale);

		es_sum_numeric(accumulator, numeric);
		pfree(numeric);
		accumulator->count--;
		return;
	}
	if (__builtin_add_overflow(accumulator->sum, term, &total))
	{
		flush_sum(accumulator);
		total = term;
	}
	accumulator->sum = total;
}

void
es_sum_numeric(EsAccumulator *accumulator, Numeric value)
{
	Numeric		before = accumulator->numeric;

	accumulator->count++;
	accumulator->numeric = before == NULL ?
		DatumGetNumericCopy(NumericGetDatum(value)) : add(before, value);
	if (before != NULL)
		pfree(before);
}

Numeric
es_sum_result(const EsAccumulator *accumulator)
{
	Numeric		sum = scaled_numeric(accumulator->sum, accumulator->scale);

	return accumulator->numeric == NULL ? sum : add(accumulator->numeric, sum);
}

/* ---------------------------------------------------------------- extremes */

static int
compare_scaled(int64 a, uint32 a_scale, int64 b, uint32 b_scale)
{
	int128		x = a;
	int128		y = b;

	if (a_scale < b_scale)
		x *= es_power_of_ten(b_scale - a_scale);
	else if (b_scale < a_scale)
		y *= es_power_of_ten(a_scale - b_scale);
	return x < y ? -1 : x > y;
}

void
es_extreme_scaled(EsAccumulator *accumulator, bool greatest, int64 value, uint32 scale)
{
	int			order;

	if (accumulator->numeric != NULL)
	{
		Numeric		numeric = scaled_numeric(value, scale);

		es_extreme_numeric(accumulator, greatest, numeric);
		pfree(numeric);
		return;
	}
	order = accumulator->count++ == 0 ? 0 :
		compare_scaled(value, scale, accumulator->extreme, accumulator->scale);
	if (greatest ? order < 0 : order > 0)
		return;
	accumulator->extreme = value;
	accumulator->scale = (uint8) scale;
}

void
es_extreme_numeric(EsAccumulator *accumulator, bool greatest, Numeric value)
{
	int			order = 0;

	if (accumulator->count > 0)
	{
		Numeric		extreme = es_extreme_result(accumulator);

		order = DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(value),
												  NumericGetDatum(extreme)));
		if (extreme != accumulator->numeric)
			pfree(extreme);
	}
	accumulator->count++;
	if (greatest ? order < 0 : order > 0)
		return;
	if (accumulator->numeric != NULL)
		pfree(accumulator->numeric);
	accumulator->numeric = DatumGetNumericCopy(NumericGetDatum(value));
}

Numeric
es_extreme_result(const EsAccumulator *accumulator)
{
	if (accumulator->numeric != NULL)
		return accumulator->numeric;
	return scaled_numeric(accumulator->extreme, accumulator->scale);
}
