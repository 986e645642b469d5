/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Who is in an index right now; see guard.h.
 *
 *-------------------------------------------------------------------------
 */
#include <sched.h>
#include <time.h>

#include "index/guard.h"

/* How often others are let run before this process sleeps, and for how long, in nanoseconds. */
#define YIELDS 100
#define PAUSE_NS 50000

ES_PER_THREAD EsGuards *es_guards = NULL;
ES_PER_THREAD EsGuard *es_guard = NULL;
ES_PER_THREAD uint32 es_guard_depth = 0;

/* Shared memory to ask for. */
size_t
es_guards_size(uint32 count)
{
	return offsetof(EsGuards, guards) + count * sizeof(EsGuard);
}

void
es_guards_init(EsGuards *guards, uint32 count)
{
	guards->epoch = 1;
	guards->count = count;
	for (uint32 i = 0; i < count; i++)
		guards->guards[i].epoch = 0;
}

/* From here on the process, or thread, says in this guard when it is in. */
void
es_guard_attach(EsGuards *guards, uint32 number)
{
	es_guards = guards;
	es_guard = &guards->guards[number];
}

/*
 * Waits until all who were in have left; the caller is not.  What they do while they are in
 * is short, but they may have been interrupted by the system.
 */
void
es_guards_wait(void)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	uint64		epoch;

	if (es_guards == NULL)
		return;
	Assert(es_guard_depth == 0);
	epoch = __atomic_add_fetch(&es_guards->epoch, 1, __ATOMIC_SEQ_CST);
	for (uint32 i = 0; i < es_guards->count; i++)
	{
		uint64		since;

		for (uint32 n = 0; (since = __atomic_load_n(&es_guards->guards[i].epoch, __ATOMIC_SEQ_CST)) != 0 &&
			 since < epoch; n++)
		{
			if (n < YIELDS)
				sched_yield();
			else
				(void) nanosleep(&pause, NULL);
		}
	}
}
