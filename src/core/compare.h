/*-------------------------------------------------------------------------
 *
 * compare.h
 *	  Compares text that is expected with text that is there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_COMPARE_H
#define EVENTSTORE_CORE_COMPARE_H

#include "core/base.h"

#include <simde/x86/sse2.h>

#define ES_COMPARE_SLACK 16		/* bytes that are read after expected text */

/* The first eight bytes at p; zeros after the end. */
static inline uint64
es_load_head(const char *p, const char *end)
{
	uint64		head = 0;

	if (end - p >= (ptrdiff_t) sizeof(head))
		memcpy(&head, p, sizeof(head));
	else
		memcpy(&head, p, end - p);
	return head;
}

/* Compares texts; 'a' may be read ES_COMPARE_SLACK bytes past its end. */
static inline bool
es_same_text(const char *a, const char *b, const char *end, uint32 size)
{
	uint32		done = 0;

	if ((size_t) (end - b) < (size_t) size + ES_COMPARE_SLACK)
		return memcmp(a, b, size) == 0;
	for (; done < size; done += 16)
	{
		int			equal = simde_mm_movemask_epi8(simde_mm_cmpeq_epi8(simde_mm_loadu_si128((const void *) (a + done)),
																	   simde_mm_loadu_si128((const void *) (b + done))));

		if (size - done < 16)
			equal |= (int) (0xFFFFFFFFU << (size - done));
		if ((equal & 0xFFFF) != 0xFFFF)
			return false;
	}
	return true;
}

#endif							/* EVENTSTORE_CORE_COMPARE_H */
