/*-------------------------------------------------------------------------
 *
 * fold.h
 *	  Range predicates on a column of integers, as range predicates on what is
 *	  stored.
 *
 * A column is stored with a frame of reference, as distances: its value is base +
 * unit * distance.  Whoever looks for values in a range needn't compute any value:
 * the ends of the range are translated once, and the distances are compared as
 * they are.
 *
 * The translation is exact for every range, also where no distance can express
 * its ends.  Values are taken to fit int64, as those of a valid column do; of a
 * damaged one, whose largest values would not, the rows that are found may be
 * any.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_KERNEL_FOLD_H
#define EVENTSTORE_KERNEL_FOLD_H

#include "core/base.h"

/* A frame of reference: how a column's values are stored. */
typedef struct EsFrame
{
	int64		base;
	uint64		unit;			/* at least 1 */
	uint32		width;			/* of the distances, in bits: 0 to 64 */
} EsFrame;

/* Which rows satisfy the predicate. */
typedef enum EsFoldRows
{
	ES_FOLD_NONE,
	ES_FOLD_ALL,
	ES_FOLD_INSIDE				/* low <= distance <= high */
} EsFoldRows;

typedef struct EsFold
{
	EsFoldRows	rows;
	uint64		low;			/* of INSIDE */
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

/* The predicate first <= value <= last, on distances. */
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

#endif							/* EVENTSTORE_KERNEL_FOLD_H */
