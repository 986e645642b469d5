/*-------------------------------------------------------------------------
 *
 * pool.c
 *	  The index's memory: a pool of equal segments, and arenas.
 *
 * Shared state and who may do what to it:
 *
 * pool->free	head of the stack of free segments with a counter in its upper
 *				half, which every change raises, so that a compare-and-swap
 *				prepared on an old head fails even when the same segment is
 *				on top again (the ABA problem; Treiber 1986).  Any process.
 * pool->next[] links of that stack and of arenas' segment lists.  Written only
 *				by the process that holds the segment: after popping it, or
 *				before pushing it.  A racing pop may read a stale link; its
 *				compare-and-swap then fails.
 * arena->bump	(segment + 1) << 32 | used.  Advanced by compare-and-swap by any
 *				process that allocates; the winner owns the bytes it crossed.
 * arena->segments	pushed to by the process whose new segment became current.
 * arena->pieces	heads of stacks like pool->free, of allocations that were given back.
 *				The link is a piece's first word.  A piece serves the same purpose for
 *				ever, which leaves its first word a reference or 0: a racing pop may
 *				read it when the piece is in use again, and its compare-and-swap then
 *				fails.
 *
 * A process that dies between two steps leaks at most one segment; the
 * postmaster then starts shared memory anew anyway.
 *
 *-------------------------------------------------------------------------
 */
#include "index/pool.h"

struct EsPool
{
	uint64		free;			/* changes << 32 | segment + 1 */
	uint32		free_count;		/* for information */
	uint32		segment_count;
	uint32		segments_offset;	/* of segment 0, from the pool's start */
	uint32		next[FLEXIBLE_ARRAY_MEMBER];	/* segment + 1; 0 ends */
};

#define LOW_HALF(word)	((uint32) (word))
#define HIGH_HALF(word) ((uint32) ((word) >> 32))
#define PAIR(high, low) ((uint64) (high) << 32 | (low))

static uint32
segments_in(size_t index_memory)
{
	return (uint32) Min(index_memory / ES_SEGMENT_SIZE, ES_POOL_MAX_SEGMENTS);
}

static size_t
header_bytes(uint32 segment_count)
{
	return TYPEALIGN(ES_CACHE_LINE, offsetof(EsPool, next) + segment_count * sizeof(uint32));
}

/* Shared memory to ask for, so that the segments make up index_memory. */
size_t
es_pool_bytes(size_t index_memory)
{
	uint32		count = segments_in(index_memory);

	return header_bytes(count) + (size_t) count * ES_SEGMENT_SIZE;
}

/* Makes all segments free.  pool is aligned to ES_CACHE_LINE. */
void
es_pool_init(EsPool *pool, size_t index_memory)
{
	uint32		count = segments_in(index_memory);

	pool->segment_count = count;
	pool->free_count = count;
	pool->segments_offset = (uint32) header_bytes(count);
	for (uint32 i = 0; i < count; i++)
		pool->next[i] = i + 1 < count ? i + 2 : 0;
	pool->free = PAIR(0, count > 0 ? 1 : 0);
}

uint32
es_pool_segment_count(const EsPool *pool)
{
	return pool->segment_count;
}

uint32
es_pool_free_count(const EsPool *pool)
{
	return __atomic_load_n(&pool->free_count, __ATOMIC_RELAXED);
}

/* Takes a free segment; returns its index + 1, or 0 when there is none. */
static uint32
pop_segment(EsPool *pool)
{
	uint64		head = __atomic_load_n(&pool->free, __ATOMIC_ACQUIRE);

	while (LOW_HALF(head) != 0)
	{
		uint32		next = __atomic_load_n(&pool->next[LOW_HALF(head) - 1], __ATOMIC_RELAXED);

		if (__atomic_compare_exchange_n(&pool->free, &head, PAIR(HIGH_HALF(head) + 1, next),
										false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		{
			__atomic_fetch_sub(&pool->free_count, 1, __ATOMIC_RELAXED);
			return LOW_HALF(head);
		}
	}
	return 0;
}

static void
push_segment(EsPool *pool, uint32 segment)
{
	uint64		head = __atomic_load_n(&pool->free, __ATOMIC_RELAXED);

	do
		__atomic_store_n(&pool->next[segment - 1], LOW_HALF(head), __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&pool->free, &head, PAIR(HIGH_HALF(head) + 1, segment),
										false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	__atomic_fetch_add(&pool->free_count, 1, __ATOMIC_RELAXED);
}

/* Puts a segment on the arena's list, for es_arena_reset() to find. */
static void
keep_segment(EsPool *pool, EsArena *arena, uint32 segment)
{
	uint32		head = __atomic_load_n(&arena->segments, __ATOMIC_RELAXED);

	do
		__atomic_store_n(&pool->next[segment - 1], head, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&arena->segments, &head, segment,
										false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	__atomic_fetch_add(&arena->segment_count, 1, __ATOMIC_RELAXED);
}

/*
 * Makes a fresh segment the arena's current one, with 'size' bytes of it taken.
 * Returns the segment; 0 when the pool is empty or another process was first.
 */
static uint32
replace_segment(EsPool *pool, EsArena *arena, uint64 *bump, size_t size)
{
	uint32		segment;

	if (es_pool_free_count(pool) <= arena->reserve)
		return 0;
	segment = pop_segment(pool);
	if (segment == 0)
		return 0;
	if (__atomic_compare_exchange_n(&arena->bump, bump, PAIR(segment, size),
									false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
	{
		keep_segment(pool, arena, segment);
		return segment;
	}
	push_segment(pool, segment);
	return 0;
}

static EsRef
segment_ref(const EsPool *pool, uint32 segment, size_t offset)
{
	return (EsRef) ((pool->segments_offset +
					 (size_t) (segment - 1) * ES_SEGMENT_SIZE + offset) / ES_REF_UNIT);
}

static EsRef
allocate(EsPool *pool, EsArena *arena, size_t size, size_t alignment)
{
	uint64		bump = __atomic_load_n(&arena->bump, __ATOMIC_ACQUIRE);
	uint64		full;

	size = TYPEALIGN(ES_REF_UNIT, size);
	for (;;)
	{
		uint32		segment = HIGH_HALF(bump);
		size_t		offset = TYPEALIGN(alignment, LOW_HALF(bump));

		if (segment != 0 && offset + size <= ES_SEGMENT_SIZE)
		{
			if (__atomic_compare_exchange_n(&arena->bump, &bump, PAIR(segment, offset + size),
											false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
				return segment_ref(pool, segment, offset);
			continue;
		}
		full = bump;
		segment = replace_segment(pool, arena, &bump, size);
		if (segment != 0)
			return segment_ref(pool, segment, 0);
		bump = __atomic_load_n(&arena->bump, __ATOMIC_ACQUIRE);
		if (bump == full)
			return 0;
	}
}

/*
 * Allocates 'size' bytes, at most ES_SEGMENT_SIZE.  The bytes are whatever was
 * there before.  Returns 0 when memory is full.
 */
EsRef
es_arena_alloc(EsPool *pool, EsArena *arena, size_t size)
{
	return allocate(pool, arena, size, ES_REF_UNIT);
}

/* The same, from the start of a cache line on. */
EsRef
es_arena_alloc_lines(EsPool *pool, EsArena *arena, size_t size)
{
	return allocate(pool, arena, size, ES_CACHE_LINE);
}

/*
 * Takes a piece of this class that was given back, of 'size' bytes; 0 when there is none.
 * What is in it is what was there, but for its first word.
 */
EsRef
es_arena_take_piece(EsPool *pool, EsArena *arena, int piece_class, size_t size)
{
	uint64	   *stack = &arena->pieces[piece_class];
	uint64		head = __atomic_load_n(stack, __ATOMIC_ACQUIRE);

	while (LOW_HALF(head) != 0)
	{
		EsRef	   *first = es_ref_pointer(pool, LOW_HALF(head));
		EsRef		next = __atomic_load_n(first, __ATOMIC_RELAXED);

		if (__atomic_compare_exchange_n(stack, &head, PAIR(HIGH_HALF(head) + 1, next),
										false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		{
			__atomic_fetch_sub(&arena->piece_bytes, size, __ATOMIC_RELAXED);
			return LOW_HALF(head);
		}
	}
	return 0;
}

/*
 * Gives an allocation of the arena back, for others of its class.  Whoever still reads it
 * must stand what he finds.
 */
void
es_arena_give_piece(EsPool *pool, EsArena *arena, int piece_class, size_t size, EsRef piece)
{
	uint64	   *stack = &arena->pieces[piece_class];
	EsRef	   *link = es_ref_pointer(pool, piece);
	uint64		head = __atomic_load_n(stack, __ATOMIC_RELAXED);

	do
		__atomic_store_n(link, LOW_HALF(head), __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(stack, &head, PAIR(HIGH_HALF(head) + 1, piece),
										false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	__atomic_fetch_add(&arena->piece_bytes, size, __ATOMIC_RELAXED);
}

/*
 * Gives all of the arena's segments back.  The caller has the arena to itself
 * and nobody follows a reference into it any more.
 */
void
es_arena_reset(EsPool *pool, EsArena *arena)
{
	uint32		segment = arena->segments;

	while (segment != 0)
	{
		uint32		next = pool->next[segment - 1];

		push_segment(pool, segment);
		segment = next;
	}
	memset(arena, 0, sizeof(*arena));
}
