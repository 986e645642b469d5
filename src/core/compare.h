/*-------------------------------------------------------------------------
 *
 * compare.h
 *	  Finds out whether text that is expected is there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_COMPARE_H
#define EVENTSTORE_CORE_COMPARE_H

#include "core/base.h"

#include <simde/x86/sse2.h>

#define ES_EXPECTED_HEAD 16		/* bytes that are compared at once */

/*
 * Text that is expected.  The first bytes are here, zeros where the mask is
 * zero; the others, if there are more, are kept by the owner.
 */
typedef struct EsExpected
{
	uint8		head[ES_EXPECTED_HEAD];
	uint8		mask[ES_EXPECTED_HEAD];
} EsExpected;

/* The bytes at p that are compared at once; zeros after the end. */
static inline simde__m128i
es_load_head(const char *p, const char *end)
{
	uint8		bytes[ES_EXPECTED_HEAD] = {0};

	if (end - p >= ES_EXPECTED_HEAD)
		return simde_mm_loadu_si128((const void *) p);
	memcpy(bytes, p, end - p);
	return simde_mm_loadu_si128((const void *) bytes);
}

static inline void
es_expect(EsExpected *expected, EsSlice text)
{
	uint32		size = Min(text.size, ES_EXPECTED_HEAD);

	memset(expected, 0, sizeof(*expected));
	memcpy(expected->head, text.data, size);
	memset(expected->mask, 0xFF, size);
}

/*
 * Is 'text', which 'expected' is about, at p?  'head' is es_load_head() of it.
 */
static inline bool
es_is_expected(const EsExpected *expected, EsSlice text, simde__m128i head,
			   const char *p, const char *end)
{
	simde__m128i masked = simde_mm_and_si128(head, simde_mm_loadu_si128((const void *) expected->mask));
	simde__m128i equal = simde_mm_cmpeq_epi8(masked, simde_mm_loadu_si128((const void *) expected->head));

	if (simde_mm_movemask_epi8(equal) != 0xFFFF || (size_t) (end - p) < text.size)
		return false;
	return text.size <= ES_EXPECTED_HEAD ||
		memcmp(text.data + ES_EXPECTED_HEAD, p + ES_EXPECTED_HEAD, text.size - ES_EXPECTED_HEAD) == 0;
}

#endif							/* EVENTSTORE_CORE_COMPARE_H */
