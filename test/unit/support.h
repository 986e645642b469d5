/*-------------------------------------------------------------------------
 *
 * support.h
 *	  What unit tests and fuzzers share: repeatable random numbers, memory in
 *	  pieces of exact size, a second opinion on JSON, and random events.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_TEST_SUPPORT_H
#define EVENTSTORE_TEST_SUPPORT_H

#include "core/base.h"
#include "core/envelope.h"
#include "core/event.h"

/* The same numbers in every run: SplitMix64 (Steele, Lea, Flood 2014). */
typedef struct Random
{
	uint64		state;
} Random;

extern uint64 random_next(Random *random);
extern uint32 random_below(Random *random, uint32 limit);
extern bool random_chance(Random *random, uint32 percent);

/*
 * Memory that is given back all at once.  Every piece is a malloc() of its
 * own, so that the address sanitizer sees a single byte too many.
 */
typedef struct Memory
{
	void	  **pieces;
	size_t		count;
	size_t		capacity;
} Memory;

extern void *memory_take(void *memory, size_t size);
extern EsSlice memory_copy(Memory *memory, const void *data, size_t size);
extern void memory_free(Memory *memory);

/* A slice of a string constant. */
static inline EsSlice
text_slice(const char *text)
{
	return es_slice(text, strlen(text));
}

/*
 * A strict JSON validator of another make (recursive, byte by byte), which
 * also takes what core's scanner leaves to others: exponents, long numbers,
 * deep nesting.  It has the form of the parser's hook.
 */
extern bool reference_judge(void *arg, EsSlice value);

/* Hooks for a parser: memory_take() and reference_judge(). */
extern EsParserHooks parser_hooks(Memory *memory);

extern EsSlice random_name(Random *random, Memory *memory, uint32 max_size);
extern EsSlice random_json(Random *random, Memory *memory, bool object);
extern void random_event(Random *random, Memory *memory, EsEvent *event);

/* Are these the same event, expected_version aside? */
extern bool events_equal(const EsEvent *a, const EsEvent *b);

#endif							/* EVENTSTORE_TEST_SUPPORT_H */
