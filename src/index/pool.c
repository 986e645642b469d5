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
 * arena->segments	pushed to by the process whose new segment became current.  One process at
 *				a time takes segments out of the list, all of which was given back: the
 *				first by compare-and-swap, which fails when another is pushed; others by
 *				the link before them, which nobody else changes.
 * arena->pieces, lines	heads of stacks like pool->free, of allocations that were given
 *				back.  The link is a piece's first word, its size the second.  A racing
 *				pop may read them when the piece is in use again, for whatever; its
 *				compare-and-swap then fails.  Who gives a piece back has made sure that
 *				nobody else is in it (guard.h).
 *
 * A process that dies between two steps leaks at most one segment; the
 * postmaster then starts shared memory anew anyway.
 *
 *-------------------------------------------------------------------------
 */
#include "index/pool.h"
#include "port/pg_bitutils.h"

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

/* ------------------------------------------------------------------ pieces */

/* What was given back begins with this; loaded and stored atomically. */
typedef struct Piece
{
	EsRef		next;
	uint32		units;
} Piece;

#define EXACT_CLASSES	64		/* of 1 to 64 units */
#define EXACT_BITS		6

StaticAssertDecl(sizeof(Piece) <= ES_REF_UNIT, "the smallest piece has room for it");
StaticAssertDecl(ES_SEGMENT_SIZE / ES_REF_UNIT < (EXACT_CLASSES << (ES_PIECE_CLASSES - EXACT_CLASSES)),
				 "each size has a class");

/* The class of a piece of so many units: 1 to 64 units are classes 0 to 63. */
static int
class_of(uint32 units)
{
	return units <= EXACT_CLASSES ? (int) units - 1 :
		EXACT_CLASSES + pg_leftmost_one_pos32(units) - EXACT_BITS;
}

static void
push_piece(EsPool *pool, EsArena *arena, uint64 *stack, EsRef ref, uint32 units)
{
	Piece	   *piece = es_ref_pointer(pool, ref);
	uint64		head = __atomic_load_n(stack, __ATOMIC_RELAXED);

	__atomic_store_n(&piece->units, units, __ATOMIC_RELAXED);
	do
		__atomic_store_n(&piece->next, LOW_HALF(head), __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(stack, &head, PAIR(HIGH_HALF(head) + 1, ref),
										false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	__atomic_fetch_add(&arena->piece_bytes, (uint64) units * ES_REF_UNIT, __ATOMIC_RELAXED);
}

/* Takes a piece, and in *units how large it is; 0 when there is none. */
static EsRef
pop_piece(EsPool *pool, EsArena *arena, uint64 *stack, uint32 *units)
{
	uint64		head = __atomic_load_n(stack, __ATOMIC_ACQUIRE);

	while (LOW_HALF(head) != 0)
	{
		Piece	   *piece = es_ref_pointer(pool, LOW_HALF(head));
		EsRef		next = __atomic_load_n(&piece->next, __ATOMIC_RELAXED);

		*units = __atomic_load_n(&piece->units, __ATOMIC_RELAXED);
		if (__atomic_compare_exchange_n(stack, &head, PAIR(HIGH_HALF(head) + 1, next),
										false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		{
			__atomic_fetch_sub(&arena->piece_bytes, (uint64) *units * ES_REF_UNIT, __ATOMIC_RELAXED);
			return LOW_HALF(head);
		}
	}
	return 0;
}

static uint64 *
stack_of(EsArena *arena, int piece_class)
{
	return piece_class < ES_PIECE_CLASSES ? &arena->pieces[piece_class] : &arena->lines;
}

/* Takes a piece that is large enough, and gives back what it has more than is wanted. */
static EsRef
cut_piece(EsPool *pool, EsArena *arena, uint32 wanted)
{
	for (int i = class_of(wanted); i <= ES_PIECE_CLASSES; i++)
	{
		uint32		units;
		EsRef		ref = pop_piece(pool, arena, stack_of(arena, i), &units);

		if (ref == 0)
			continue;
		if (units < wanted)
		{
			push_piece(pool, arena, stack_of(arena, i), ref, units);
			continue;
		}
		if (units > wanted)
			push_piece(pool, arena, &arena->pieces[class_of(units - wanted)], ref + wanted, units - wanted);
		return ref;
	}
	return 0;
}

static bool
has_pieces(const EsArena *arena)
{
	return __atomic_load_n(&arena->piece_bytes, __ATOMIC_RELAXED) > 0;
}

/* What was passed over in a segment becomes a piece. */
static void
give_rest(EsPool *pool, EsArena *arena, uint32 segment, size_t from, size_t to)
{
	if (from < to)
		es_arena_give(pool, arena, segment_ref(pool, segment, from), to - from);
}

/* Takes 'size' bytes from the current segment, or from a fresh one; 0 when the pool is empty. */
static EsRef
advance(EsPool *pool, EsArena *arena, size_t size, size_t alignment)
{
	uint64		bump = __atomic_load_n(&arena->bump, __ATOMIC_ACQUIRE);
	uint64		full;

	for (;;)
	{
		uint32		segment = HIGH_HALF(bump);
		size_t		offset = TYPEALIGN(alignment, LOW_HALF(bump));

		if (segment != 0 && offset + size <= ES_SEGMENT_SIZE)
		{
			if (__atomic_compare_exchange_n(&arena->bump, &bump, PAIR(segment, offset + size),
											false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			{
				give_rest(pool, arena, segment, LOW_HALF(bump), offset);
				return segment_ref(pool, segment, offset);
			}
			continue;
		}
		full = bump;
		segment = replace_segment(pool, arena, &bump, size);
		if (segment != 0)
		{
			if (HIGH_HALF(full) != 0)
				give_rest(pool, arena, HIGH_HALF(full), LOW_HALF(full), ES_SEGMENT_SIZE);
			return segment_ref(pool, segment, 0);
		}
		bump = __atomic_load_n(&arena->bump, __ATOMIC_ACQUIRE);
		if (bump == full)
			return 0;
	}
}

/*
 * Allocates 'size' bytes, at most ES_SEGMENT_SIZE: such as were given back, or else new
 * ones, or else a part of what was given back.  The bytes are whatever was there before.
 * Returns 0 when memory is full.
 */
EsRef
es_arena_alloc(EsPool *pool, EsArena *arena, size_t size)
{
	uint32		units = (uint32) ((size + ES_REF_UNIT - 1) / ES_REF_UNIT);
	uint32		had;
	EsRef		ref = 0;

	if (units <= EXACT_CLASSES && has_pieces(arena))
		ref = pop_piece(pool, arena, &arena->pieces[class_of(units)], &had);
	if (ref == 0)
		ref = advance(pool, arena, (size_t) units * ES_REF_UNIT, ES_REF_UNIT);
	if (ref == 0 && has_pieces(arena))
		ref = cut_piece(pool, arena, units);
	return ref;
}

/*
 * The same, of one or more cache lines, and from the start of one on as long as the pool
 * has segments.
 */
EsRef
es_arena_alloc_lines(EsPool *pool, EsArena *arena, size_t size)
{
	uint32		units = (uint32) (size / ES_REF_UNIT);
	uint32		had;
	EsRef		ref = 0;

	if (size == ES_CACHE_LINE && has_pieces(arena))
		ref = pop_piece(pool, arena, &arena->lines, &had);
	if (ref == 0)
		ref = advance(pool, arena, size, ES_CACHE_LINE);
	if (ref == 0 && has_pieces(arena))
		ref = cut_piece(pool, arena, units);
	return ref;
}

/* Gives an allocation of 'size' bytes back, in which nobody is any more. */
void
es_arena_give(EsPool *pool, EsArena *arena, EsRef ref, size_t size)
{
	uint32		units = (uint32) ((size + ES_REF_UNIT - 1) / ES_REF_UNIT);
	bool		line = size == ES_CACHE_LINE && (size_t) ref * ES_REF_UNIT % ES_CACHE_LINE == 0;

	push_piece(pool, arena, line ? &arena->lines : &arena->pieces[class_of(units)], ref, units);
}

/* The segment that a piece is in, and at which unit it begins there. */
static uint32
segment_of(const EsPool *pool, EsRef ref, uint32 *unit)
{
	uint32		units = ref - pool->segments_offset / ES_REF_UNIT;

	*unit = units % ES_SEGMENT_UNITS;
	return units / ES_SEGMENT_UNITS + 1;
}

/* Takes all pieces of a stack and marks their units; returns how many there were. */
static uint64
mark_pieces(EsPool *pool, EsArena *arena, uint64 *stack, uint64 *bitmaps)
{
	uint64		count = 0;
	uint32		units;
	EsRef		ref;

	for (; (ref = pop_piece(pool, arena, stack, &units)) != 0; count++)
	{
		uint32		unit;
		uint64	   *bitmap = bitmaps + (size_t) (segment_of(pool, ref, &unit) - 1) * ES_SEGMENT_WORDS;

		for (uint32 i = unit; i < unit + units; i++)
			bitmap[i / 64] |= UINT64CONST(1) << i % 64;
	}
	return count;
}

static bool
is_marked(const uint64 *bitmap, uint32 unit)
{
	return (bitmap[unit / 64] >> unit % 64 & 1) != 0;
}

/* Gives back what is marked of a segment, what lies side by side as one; returns how many. */
static uint64
give_marked(EsPool *pool, EsArena *arena, uint32 segment, const uint64 *bitmap)
{
	uint64		count = 0;
	uint32		unit = 0;

	while (unit < ES_SEGMENT_UNITS)
	{
		uint32		first = unit;

		if (bitmap[unit / 64] == 0)
		{
			unit = (unit / 64 + 1) * 64;
			continue;
		}
		while (unit < ES_SEGMENT_UNITS && is_marked(bitmap, unit))
			unit++;
		if (unit > first)
		{
			es_arena_give(pool, arena, segment_ref(pool, segment, (size_t) first * ES_REF_UNIT),
						  (size_t) (unit - first) * ES_REF_UNIT);
			count++;
		}
		else
			unit++;
	}
	return count;
}

static bool
is_all_marked(const uint64 *bitmap)
{
	for (int i = 0; i < ES_SEGMENT_WORDS; i++)
	{
		if (bitmap[i] != PG_UINT64_MAX)
			return false;
	}
	return true;
}

/* Takes a segment out of the arena's list, of which 'before' is the one before it; 0: it was the first. */
static void
drop_segment(EsPool *pool, EsArena *arena, uint32 segment, uint32 before)
{
	uint32		after = __atomic_load_n(&pool->next[segment - 1], __ATOMIC_RELAXED);
	uint32		head = segment;

	if (before == 0 &&
		!__atomic_compare_exchange_n(&arena->segments, &head, after, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
	{
		/* others were pushed before it */
		for (before = head; pool->next[before - 1] != segment;)
			before = pool->next[before - 1];
	}
	if (before != 0)
		__atomic_store_n(&pool->next[before - 1], after, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&arena->segment_count, 1, __ATOMIC_RELAXED);
	push_segment(pool, segment);
}

/*
 * Joins pieces that lie side by side, and gives segments back to the pool of which nothing is
 * in use.  'bitmaps' is memory of ES_SEGMENT_WORDS words for each segment of the pool, all 0.
 * One process may do this at a time; others who allocate meanwhile may find nothing.  Returns
 * whether there was anything to join.
 */
bool
es_arena_join_pieces(EsPool *pool, EsArena *arena, uint64 *bitmaps)
{
	uint64		before = mark_pieces(pool, arena, &arena->lines, bitmaps);
	uint64		after = 0;
	uint32		kept = 0;
	uint32		segment = __atomic_load_n(&arena->segments, __ATOMIC_ACQUIRE);

	for (int i = 0; i < ES_PIECE_CLASSES; i++)
		before += mark_pieces(pool, arena, &arena->pieces[i], bitmaps);
	while (segment != 0)
	{
		uint32		next = __atomic_load_n(&pool->next[segment - 1], __ATOMIC_RELAXED);
		uint64	   *bitmap = bitmaps + (size_t) (segment - 1) * ES_SEGMENT_WORDS;

		if (is_all_marked(bitmap))
			drop_segment(pool, arena, segment, kept);
		else
		{
			after += give_marked(pool, arena, segment, bitmap);
			kept = segment;
		}
		segment = next;
	}
	return after < before;
}

/* Adds a piece; there must be room for it. */
void
es_limbo_add(EsLimbo *limbo, EsRef ref, size_t size)
{
	limbo->pieces[limbo->count].ref = ref;
	limbo->pieces[limbo->count++].size = (uint32) size;
}

/* Gives all of it back. */
void
es_limbo_empty(EsPool *pool, EsArena *arena, EsLimbo *limbo)
{
	while (limbo->count > 0)
	{
		limbo->count--;
		es_arena_give(pool, arena, limbo->pieces[limbo->count].ref, limbo->pieces[limbo->count].size);
	}
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
