/*-------------------------------------------------------------------------
 *
 * fence.h
 *	  Memory between pages that cannot be touched.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_TEST_FENCE_H
#define EVENTSTORE_TEST_FENCE_H

#include "core/base.h"

#include <sys/mman.h>
#include <unistd.h>

/* A page, with one before and one after it that cannot be read or written. */
typedef struct Fenced
{
	char	   *start;
	char	   *end;
} Fenced;

static inline Fenced
fenced_pages(void)
{
	size_t		page = (size_t) sysconf(_SC_PAGESIZE);
	char	   *memory = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	Fenced		result = {memory + page, memory + 2 * page};

	if (memory == MAP_FAILED || mprotect(result.start, page, PROT_READ | PROT_WRITE) != 0)
		abort();
	return result;
}

#endif							/* EVENTSTORE_TEST_FENCE_H */
