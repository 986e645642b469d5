/*-------------------------------------------------------------------------
 *
 * varint.h
 *	  Unsigned integers of 7 bits a byte, the lowest first (doc/format.md).
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_VARINT_H
#define EVENTSTORE_CORE_VARINT_H

#include "core/base.h"

/* Bytes of the longest one. */
#define ES_VARINT_MAX_SIZE 10

static inline uint32
es_varint_size(uint64 value)
{
	uint32		size = 1;

	while (value >= 0x80)
	{
		value >>= 7;
		size++;
	}
	return size;
}

/* Writes the value; returns the byte after it. */
static inline char *
es_varint_put(char *out, uint64 value)
{
	while (value >= 0x80)
	{
		*out++ = (char) (value | 0x80);
		value >>= 7;
	}
	*out++ = (char) value;
	return out;
}

/* Reads a varint of at most max; NULL when there is none before end. */
static inline const char *
es_varint_take(const char *in, const char *end, uint64 max, uint64 *value)
{
	*value = 0;
	for (int shift = 0; in < end && shift < 64; shift += 7)
	{
		uint64		bits = (unsigned char) *in & 0x7F;

		*value |= bits << shift;
		if (!(*in++ & 0x80))
			return *value <= max ? in : NULL;
	}
	return NULL;
}

#endif							/* EVENTSTORE_CORE_VARINT_H */
