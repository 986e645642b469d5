/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What all fuzz targets need.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_TEST_FUZZ_H
#define EVENTSTORE_TEST_FUZZ_H

#include "support.h"

/* What libFuzzer calls. */
extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops with the failed condition; libFuzzer then keeps the input. */
#define MUST(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: violated: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* Does the slice lie inside these bytes? */
static inline bool
lies_inside(EsSlice slice, const char *start, const char *end)
{
	return slice.size == 0 || (slice.data >= start && slice.data + slice.size <= end);
}

#endif							/* EVENTSTORE_TEST_FUZZ_H */
