/*-------------------------------------------------------------------------
 *
 * kernel.h
 *	  Inner loops that exist once for each instruction set.
 *
 * A kernel is a table of functions that all do the same, each in its own way;
 * callers go through es_kernel.  It is set once when the library is loaded and
 * whenever the setting eventstore.kernel changes, by pg/settings.c, and read
 * by this process only.  Until then, and without a server, it is the scalar
 * kernel, which runs everywhere.
 *
 * Each kernel is a file compiled for its instruction set (flags.mk), from the
 * one source of the loops: kernel_template.h and what it includes.
 *
 * The loops over rows take a column, "data": count unsigned integers of 1, 2, 4
 * or 8 bytes, little-endian, at any address.  Nothing behind them is read.
 * Functions for columns come in fours, by the logarithm of the size in bytes.
 *
 * A set of rows is a bitmap: row i is bit i % 64 of word i / 64.  Bits that no
 * row has are 0 in what is returned, and taken to be 0 in what is given.
 *
 * Callers use the functions es_kernel_range() and so on below, which also count
 * how often a loop was called and for how many rows, in es_kernel_use.  That is
 * this process's own; in a server, log/kernel_use.c adds it to that of the
 * others.  The loops of the parser, skip_plain and hash, are called too often to
 * be counted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_KERNEL_KERNEL_H
#define EVENTSTORE_KERNEL_KERNEL_H

#include "core/base.h"

/* A sum of 128 bits. */
typedef struct EsKernelSum
{
	uint64		high;
	uint64		low;
} EsKernelSum;

/* Words that the bitmap of so many rows has. */
#define ES_BITMAP_WORDS(count) (((count) + UINT64CONST(63)) / 64)

typedef struct EsKernel
{
	const char *name;

	/*
	 * Skips bytes that need no attention inside a JSON string: returns the
	 * first quote, backslash or control character in [p, end), or end.
	 */
	const char *(*skip_plain) (const char *p, const char *end);

	/* XXH3_64bits(): the same in all kernels, and always. */
	uint64		(*hash) (const char *p, size_t size);

	/* The rows with low <= value <= high; none where low is above high. */
	void		(*range[4]) (const char *data, uint32 count, uint64 low, uint64 high,
							 uint64 *bits);

	/* The rows with this value. */
	void		(*equal[4]) (const char *data, uint32 count, uint64 value, uint64 *bits);

	/* The rows with a value of the set, which may be empty or name one twice. */
	void		(*in_set[4]) (const char *data, uint32 count, const uint64 *set,
							  uint32 set_size, uint64 *bits);

	/* The rows whose byte is the number of a bit in the table of 256 bits. */
	void		(*member) (const char *codes, uint32 count, const uint64 table[4],
						   uint64 *bits);

	/*
	 * Makes integers of 1, 2 or 4 bits, the lowest bits first, bytes, or
	 * integers of 24 bits such of 32.  There are no other widths.
	 */
	void		(*unpack) (const char *data, uint32 width, uint32 count, char *out);

	/*
	 * Gives each bit of present, in their order, the next bit of dense, which
	 * has as many; bits has as many words as present.
	 */
	void		(*expand) (const uint64 *dense, const uint64 *present, uint32 words,
						   uint64 *bits);

	uint32		(*count_bits) (const uint64 *bits, uint32 words);
	void		(*and_bits) (uint64 *into, const uint64 *other, uint32 words);
	void		(*or_bits) (uint64 *into, const uint64 *other, uint32 words);
	void		(*and_not_bits) (uint64 *into, const uint64 *other, uint32 words);

	/* The sum of the rows' values. */
	void		(*sum[4]) (const char *data, uint32 count, const uint64 *bits,
						   EsKernelSum *sum);
} EsKernel;

/* Values of the setting, from the narrowest vectors to the widest. */
typedef enum EsKernelChoice
{
	ES_KERNEL_AUTO,
	ES_KERNEL_SCALAR,
	ES_KERNEL_V128,
	ES_KERNEL_AVX2,
	ES_KERNEL_AVX512
} EsKernelChoice;

/* The loops that are counted. */
typedef enum EsKernelLoop
{
	ES_LOOP_RANGE,
	ES_LOOP_EQUAL,
	ES_LOOP_IN_SET,
	ES_LOOP_MEMBER,
	ES_LOOP_UNPACK,
	ES_LOOP_EXPAND,
	ES_LOOP_COUNT,
	ES_LOOP_AND,
	ES_LOOP_OR,
	ES_LOOP_AND_NOT,
	ES_LOOP_SUM
} EsKernelLoop;

#define ES_KERNEL_LOOPS (ES_LOOP_SUM + 1)

/* What this process did with a loop and has not been given to others yet. */
typedef struct EsKernelUse
{
	uint64		calls;
	uint64		rows;			/* of bitmaps 64 a word */
} EsKernelUse;

extern const EsKernel *es_kernel;
extern EsKernelUse es_kernel_use[ES_KERNEL_LOOPS];

extern const EsKernel *es_kernel_choose(EsKernelChoice choice);
extern const char *es_kernel_loop_name(EsKernelLoop loop);

/* Of kernel.c only: of these, the machine may lack all but the first. */
extern const EsKernel es_kernel_scalar;
extern const EsKernel es_kernel_v128;
extern const EsKernel es_kernel_avx2;
extern const EsKernel es_kernel_avx512;

/* ---- the loops as they are called, and counted ------------------------ */

static inline void
es_kernel_count_use(EsKernelLoop loop, uint64 rows)
{
	es_kernel_use[loop].calls++;
	es_kernel_use[loop].rows += rows;
}

static inline void
es_kernel_range(int size_log2, const char *data, uint32 count, uint64 low, uint64 high,
				uint64 *bits)
{
	es_kernel_count_use(ES_LOOP_RANGE, count);
	es_kernel->range[size_log2] (data, count, low, high, bits);
}

static inline void
es_kernel_equal(int size_log2, const char *data, uint32 count, uint64 value, uint64 *bits)
{
	es_kernel_count_use(ES_LOOP_EQUAL, count);
	es_kernel->equal[size_log2] (data, count, value, bits);
}

static inline void
es_kernel_in_set(int size_log2, const char *data, uint32 count, const uint64 *set,
				 uint32 set_size, uint64 *bits)
{
	es_kernel_count_use(ES_LOOP_IN_SET, count);
	es_kernel->in_set[size_log2] (data, count, set, set_size, bits);
}

static inline void
es_kernel_member(const char *codes, uint32 count, const uint64 table[4], uint64 *bits)
{
	es_kernel_count_use(ES_LOOP_MEMBER, count);
	es_kernel->member(codes, count, table, bits);
}

static inline void
es_kernel_unpack(const char *data, uint32 width, uint32 count, char *out)
{
	es_kernel_count_use(ES_LOOP_UNPACK, count);
	es_kernel->unpack(data, width, count, out);
}

static inline void
es_kernel_expand(const uint64 *dense, const uint64 *present, uint32 words, uint64 *bits)
{
	es_kernel_count_use(ES_LOOP_EXPAND, (uint64) words * 64);
	es_kernel->expand(dense, present, words, bits);
}

static inline uint32
es_kernel_count_bits(const uint64 *bits, uint32 words)
{
	es_kernel_count_use(ES_LOOP_COUNT, (uint64) words * 64);
	return es_kernel->count_bits(bits, words);
}

static inline void
es_kernel_and_bits(uint64 *into, const uint64 *other, uint32 words)
{
	es_kernel_count_use(ES_LOOP_AND, (uint64) words * 64);
	es_kernel->and_bits(into, other, words);
}

static inline void
es_kernel_or_bits(uint64 *into, const uint64 *other, uint32 words)
{
	es_kernel_count_use(ES_LOOP_OR, (uint64) words * 64);
	es_kernel->or_bits(into, other, words);
}

static inline void
es_kernel_and_not_bits(uint64 *into, const uint64 *other, uint32 words)
{
	es_kernel_count_use(ES_LOOP_AND_NOT, (uint64) words * 64);
	es_kernel->and_not_bits(into, other, words);
}

static inline void
es_kernel_sum(int size_log2, const char *data, uint32 count, const uint64 *bits,
			  EsKernelSum *sum)
{
	es_kernel_count_use(ES_LOOP_SUM, count);
	es_kernel->sum[size_log2] (data, count, bits, sum);
}

#endif							/* EVENTSTORE_KERNEL_KERNEL_H */
