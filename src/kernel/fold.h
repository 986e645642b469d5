/*-------------------------------------------------------------------------
 *
 * fold.h
 *	  Comparisons of a column's values with constants, as comparisons of what
 *	  is stored.
 *
 * A column stores distances: its value is base + unit * distance.  Whoever looks
 * for values that are, say, less than a constant needn't compute any value: the
 * constant is translated once, and the distances are compared as they are.
 *
 * The translation is exact for every constant, also where no distance can
 * express it.  Values are taken to fit int64, as those of a valid column do; of
 * a damaged one, whose largest values would not, the rows that are found may be
 * any.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_KERNEL_FOLD_H
#define EVENTSTORE_KERNEL_FOLD_H

#include "core/base.h"

/* How a column's values are stored. */
typedef struct EsFrame
{
	int64		base;
	uint64		unit;			/* at least 1 */
	uint32		width;			/* of the distances, in bits: 0 to 64 */
} EsFrame;

typedef enum EsFoldOperator
{
	ES_FOLD_EQUAL,
	ES_FOLD_NOT_EQUAL,
	ES_FOLD_LESS,
	ES_FOLD_AT_MOST,
	ES_FOLD_GREATER,
	ES_FOLD_AT_LEAST
} EsFoldOperator;

/* Which rows fulfil the comparison. */
typedef enum EsFoldRows
{
	ES_FOLD_NONE,
	ES_FOLD_ALL,
	ES_FOLD_INSIDE,				/* low <= distance <= high */
	ES_FOLD_OUTSIDE				/* distance < low or high < distance; only of
								 * <> */
} EsFoldRows;

typedef struct EsFold
{
	EsFoldRows	rows;
	uint64		low;			/* of INSIDE and OUTSIDE */
	uint64		high;
} EsFold;

/* The largest distance that there can be. */
static inline uint64
es_fold_limit(const EsFrame *frame)
{
	uint64		by_width = frame->width >= 64 ? PG_UINT64_MAX :
	(UINT64CONST(1) << frame->width) - 1;
	uint64		by_value = ((uint64) PG_INT64_MAX - (uint64) frame->base) / frame->unit;

	return Min(by_width, by_value);
}

/* Folds first <= value <= last. */
static inline EsFold
es_fold_between(const EsFrame *frame, int64 first, int64 last)
{
	uint64		limit = es_fold_limit(frame);
	EsFold		fold = {ES_FOLD_NONE, 0, 0};

	if (first > last || last < frame->base)
		return fold;
	if (first > frame->base)
	{
		uint64		above = (uint64) first - (uint64) frame->base;

		fold.low = above / frame->unit + (above % frame->unit != 0);
	}
	fold.high = ((uint64) last - (uint64) frame->base) / frame->unit;
	fold.high = Min(fold.high, limit);
	if (fold.low == 0 && fold.high == limit)
		fold.rows = ES_FOLD_ALL;
	else if (fold.low <= fold.high)
		fold.rows = ES_FOLD_INSIDE;
	return fold;
}

/* Folds value <> constant: an interval where the constant is an end of it. */
static inline EsFold
es_fold_not_equal(const EsFrame *frame, int64 constant)
{
	EsFold		fold = es_fold_between(frame, constant, constant);
	EsFold		others = {ES_FOLD_INSIDE, 0, es_fold_limit(frame)};

	if (fold.rows == ES_FOLD_NONE)
		others.rows = ES_FOLD_ALL;
	else if (fold.rows == ES_FOLD_ALL)
		others.rows = ES_FOLD_NONE;
	else if (fold.low == 0)
		others.low = 1;
	else if (fold.high == others.high)
		others.high--;
	else
	{
		others.rows = ES_FOLD_OUTSIDE;
		others.low = others.high = fold.low;
	}
	return others;
}

/* Folds value OPERATOR constant. */
static inline EsFold
es_fold_compare(const EsFrame *frame, EsFoldOperator operator, int64 constant)
{
	static const EsFold none = {ES_FOLD_NONE, 0, 0};

	switch (operator)
	{
		case ES_FOLD_EQUAL:
			return es_fold_between(frame, constant, constant);
		case ES_FOLD_NOT_EQUAL:
			return es_fold_not_equal(frame, constant);
		case ES_FOLD_LESS:
			return constant == PG_INT64_MIN ? none :
				es_fold_between(frame, PG_INT64_MIN, constant - 1);
		case ES_FOLD_AT_MOST:
			return es_fold_between(frame, PG_INT64_MIN, constant);
		case ES_FOLD_GREATER:
			return constant == PG_INT64_MAX ? none :
				es_fold_between(frame, constant + 1, PG_INT64_MAX);
		case ES_FOLD_AT_LEAST:
			return es_fold_between(frame, constant, PG_INT64_MAX);
	}
	return none;
}

#endif							/* EVENTSTORE_KERNEL_FOLD_H */
