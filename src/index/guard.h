/*-------------------------------------------------------------------------
 *
 * guard.h
 *	  Who is in an index right now, so that memory is not used for something else while
 *	  somebody may be in it.
 *
 * Epoch-based reclamation (Fraser, "Practical lock-freedom", 2004).  A process says in its
 * guard that it is in, and since which epoch, before it loads the first reference, and that
 * it is out when it uses none of them any more.  Who has taken something out of an index
 * waits until all have left who may have come in before (es_guards_wait); then it is
 * nobody's.
 *
 * guards->epoch  raised by who waits.
 * guard->epoch	  written by its process only: the epoch, followed by a full fence, and 0 with
 *				  release.  The fence stands between it and what the process loads next, and
 *				  raising the epoch stands between what was taken out and looking at guards:
 *				  so either the guard is seen, or the process no longer finds what was taken
 *				  out.  Who sees 0, or a later epoch, (acquire) comes after all that the process
 *				  did when it was in before.
 *
 * Nothing may raise an error, wait, or allocate from the server while it is in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_INDEX_GUARD_H
#define EVENTSTORE_INDEX_GUARD_H

#include "core/base.h"

/* A server's process has one thread; tests have more. */
#ifdef FRONTEND
#define ES_PER_THREAD _Thread_local
#else
#define ES_PER_THREAD
#endif

#define ES_GUARD_SIZE 64		/* bytes: a cache line, as each has another
								 * writer */

typedef union EsGuard
{
	uint64		epoch;			/* 0: not in an index */
	char		padding[ES_GUARD_SIZE];
} EsGuard;

typedef struct EsGuards
{
	uint64		epoch;			/* from 1 on */
	uint32		count;
	EsGuard		guards[FLEXIBLE_ARRAY_MEMBER];
} EsGuards;

/* Of this process; NULL: it has the index to itself. */
extern ES_PER_THREAD EsGuards *es_guards;
extern ES_PER_THREAD EsGuard *es_guard;
extern ES_PER_THREAD uint32 es_guard_depth;

/* Comes in; may be called when it is in already. */
static inline void
es_guard_enter(void)
{
	if (es_guard_depth++ > 0 || es_guard == NULL)
		return;
#ifdef __SANITIZE_THREAD__
	/* which knows no fences */
	(void) __atomic_exchange_n(&es_guard->epoch, __atomic_load_n(&es_guards->epoch, __ATOMIC_SEQ_CST),
							   __ATOMIC_SEQ_CST);
#else
	__atomic_store_n(&es_guard->epoch, __atomic_load_n(&es_guards->epoch, __ATOMIC_ACQUIRE),
					 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* Leaves, if this is the last of so many calls. */
static inline void
es_guard_leave(void)
{
	if (--es_guard_depth == 0 && es_guard != NULL)
		__atomic_store_n(&es_guard->epoch, 0, __ATOMIC_RELEASE);
}

extern size_t es_guards_size(uint32 count);
extern void es_guards_init(EsGuards *guards, uint32 count);
extern void es_guard_attach(EsGuards *guards, uint32 number);
extern void es_guards_wait(void);

#endif							/* EVENTSTORE_INDEX_GUARD_H */
