/*-------------------------------------------------------------------------
 *
 * verdict.h
 *	  What a condition may come to, for one value and for the events of a block.
 *
 * A condition is true, false or null, or its evaluation raises an error.  Which
 * of these, is not always known without asking PostgreSQL: so a verdict is the
 * set of all that is possible.  It has exactly one element where the answer is
 * known, and combinations of verdicts never lose a possibility.
 *
 * Errors are part of it because AND and OR skip what need not be evaluated: of
 * two conditions, the second can raise an error only in events in which the first
 * leaves the answer open.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FILTER_VERDICT_H
#define EVENTSTORE_FILTER_VERDICT_H

#include "postgres.h"

#include "core/block_vectors.h"
#include "kernel/kernel.h"

/* A set of these. */
typedef uint8 EsVerdict;

#define ES_MAYBE_TRUE	0x1
#define ES_MAYBE_FALSE	0x2
#define ES_MAYBE_NULL	0x4
#define ES_MAYBE_ERROR	0x8

#define ES_TRUE			ES_MAYBE_TRUE
#define ES_FALSE		ES_MAYBE_FALSE
#define ES_NULL			ES_MAYBE_NULL

/* Whatever PostgreSQL says, which might be an error. */
#define ES_UNDECIDED	(ES_MAYBE_TRUE | ES_MAYBE_FALSE | ES_MAYBE_NULL | ES_MAYBE_ERROR)

/* The same where no error is possible. */
#define ES_UNKNOWN		(ES_MAYBE_TRUE | ES_MAYBE_FALSE | ES_MAYBE_NULL)

/* The possibilities, as indexes of EsVerdicts. */
typedef enum EsPossibility
{
	ES_TRUTH,
	ES_FALSITY,
	ES_NULLITY,
	ES_ERROR,
	ES_POSSIBILITIES
} EsPossibility;

/*
 * The verdicts for the events of a block: for each possibility, in which events
 * it exists.  Only the first words, as many as the block's events need, are set.
 */
typedef struct EsVerdicts
{
	uint64		bits[ES_POSSIBILITIES][ES_BLOCK_BIT_WORDS];
} EsVerdicts;

static inline EsVerdict
es_verdict(bool value)
{
	return value ? ES_TRUE : ES_FALSE;
}

static inline void
es_verdicts_clear(EsVerdicts *verdicts, uint32 words)
{
	for (int i = 0; i < ES_POSSIBILITIES; i++)
		memset(verdicts->bits[i], 0, words * sizeof(uint64));
}

/* Adds the verdict's possibilities for one event, or value. */
static inline void
es_verdicts_add(EsVerdicts *verdicts, uint32 i, EsVerdict verdict)
{
	for (int p = 0; p < ES_POSSIBILITIES; p++)
		verdicts->bits[p][i / 64] |= (uint64) (verdict >> p & 1) << (i % 64);
}

/* Adds them for a set of events. */
static inline void
es_verdicts_add_all(EsVerdicts *verdicts, const uint64 *events, uint32 words, EsVerdict verdict)
{
	for (int p = 0; p < ES_POSSIBILITIES; p++)
	{
		if (verdict >> p & 1)
			es_kernel_or_bits(verdicts->bits[p], events, words);
	}
}

static inline bool
es_bits_any(const uint64 *bits, uint32 words)
{
	uint64		any = 0;

	for (uint32 i = 0; i < words; i++)
		any |= bits[i];
	return any != 0;
}

static inline bool
es_bit(const uint64 *bits, uint32 i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

/* The set of the first count. */
static inline void
es_bits_fill(uint64 *bits, uint32 count)
{
	uint32		full = count / 64;

	memset(bits, 0xFF, full * sizeof(uint64));
	if (count % 64 != 0)
		bits[full] = (UINT64CONST(1) << (count % 64)) - 1;
}

/* Walks the set: for (i = -1; es_bits_next(bits, words, &i); ) */
static inline bool
es_bits_next(const uint64 *bits, uint32 words, int *i)
{
	uint32		next = (uint32) (*i + 1);
	uint32		word = next / 64;
	uint64		left;

	if (word >= words)
		return false;
	left = bits[word] & (PG_UINT64_MAX << (next % 64));
	while (left == 0)
	{
		if (++word >= words)
			return false;
		left = bits[word];
	}
	*i = (int) (word * 64) + __builtin_ctzll(left);
	return true;
}

/* The same backward: for (i = count; es_bits_previous(bits, &i); ) */
static inline bool
es_bits_previous(const uint64 *bits, int *i)
{
	int			word = (*i - 1) / 64;
	uint64		left;

	if (*i <= 0)
		return false;
	left = bits[word] & (PG_UINT64_MAX >> (63 - (*i - 1) % 64));
	while (left == 0)
	{
		if (--word < 0)
			return false;
		left = bits[word];
	}
	*i = word * 64 + 63 - __builtin_clzll(left);
	return true;
}

#endif							/* EVENTSTORE_FILTER_VERDICT_H */
