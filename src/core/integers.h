/*-------------------------------------------------------------------------
 *
 * integers.h
 *	  Runs of integers in as few bits as they need.
 *
 * Each value is kept as its distance from the least one (frame of reference),
 * all in one width, so that any of them is found by multiplication.  Widths are
 * 0, 1, 2, 4, 8, 16, 24, 32 and 64 bits; bits and bytes are little-endian.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_INTEGERS_H
#define EVENTSTORE_CORE_INTEGERS_H

#include "core/base.h"

/* What a run of integers needs. */
typedef struct EsIntegerRange
{
	int64		base;			/* the least value */
	uint8		width;			/* bits for each distance from it */
} EsIntegerRange;

extern uint8 es_integers_width(uint64 greatest);
extern EsIntegerRange es_integers_range(const int64 *values, uint32 count);
extern void es_integers_put(char *out, const int64 *values, uint32 count,
							EsIntegerRange range);

static inline bool
es_integers_width_valid(uint8 width)
{
	return width <= 64 && ((UINT64CONST(1) << (width & 63)) & UINT64CONST(0x101010117)) != 0;
}

/* Bytes of so many values. */
static inline uint32
es_integers_size(uint8 width, uint32 count)
{
	return (uint32) (((uint64) count * width + 7) / 8);
}

/* The distance of value i; data has es_integers_size() bytes. */
static inline uint64
es_integers_get(const char *data, uint8 width, uint32 i)
{
	uint64		value = 0;

	switch (width)
	{
		case 0:
			return 0;
		case 8:
			return (uint8) data[i];
		case 16:
			memcpy(&value, data + (size_t) i * 2, 2);
			return value;
		case 24:
			memcpy(&value, data + (size_t) i * 3, 3);
			return value;
		case 32:
			memcpy(&value, data + (size_t) i * 4, 4);
			return value;
		case 64:
			memcpy(&value, data + (size_t) i * 8, 8);
			return value;
		default:
			{
				uint32		bit = i * width;

				return ((uint8) data[bit / 8] >> (bit % 8)) & ((1U << width) - 1);
			}
	}
}

/* A column of integers: value i is base + unit * distance i, modulo 2^64. */
typedef struct EsIntegers
{
	int64		base;
	int32		unit;			/* 1 or 1000 */
	uint8		width;			/* bits of a distance */
	uint32		count;			/* events of the block */
	const char *data;			/* the distances */
} EsIntegers;

/* Value i of a column of integers. */
static inline int64
es_integers_value(const EsIntegers *integers, uint32 i)
{
	return (int64) ((uint64) integers->base + (uint64) integers->unit *
					es_integers_get(integers->data, integers->width, i));
}

#endif							/* EVENTSTORE_CORE_INTEGERS_H */
