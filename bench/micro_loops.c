/*
 * micro_loops.c
 *		The loops of src/kernel, each with all kernels that this machine can run,
 *		on data that fits into the second level of its caches; and beside them,
 *		what reading the same memory takes.
 */
#include "micro.h"

#include <stdio.h>
#include <string.h>

#include "kernel/kernel.h"

#define DATA_SIZE	(256 * 1024)
#define CHUNK_ROWS	4096		/* that a loop is called for: a block has no
								 * more */
#define PASSES		40			/* over the data, in a round */

/* Rows of a loop, and what it is done with. */
typedef struct Loop
{
	const char *name;
	const char *unit;
	int			size;			/* of a row, in bytes */
	void		(*run) (const EsKernel *kernel, const char *data);	/* a chunk */
} Loop;

static char column[DATA_SIZE];
static uint64 set[8];
static uint64 table[4];
static uint64 some_rows[CHUNK_ROWS / 64];
static uint64 more_rows[CHUNK_ROWS / 64];
static uint64 result[CHUNK_ROWS / 64];
static char unpacked[CHUNK_ROWS * sizeof(uint32)];
static volatile uint64 sink;

/* ------------------------------------------------------------------- loops */

/* Words that any machine reads at once. */
typedef uint64 Words __attribute__((vector_size(16), aligned(1), may_alias));

/* The yardstick: read all words, and nothing else. */
static void
run_read(const EsKernel *kernel, const char *data)
{
	const		Words *words = (const Words *) data;
	Words		a = {0};
	Words		b = {0};

	(void) kernel;
	for (size_t i = 0; i < CHUNK_ROWS / 2; i += 8)
	{
		a |= words[i] | words[i + 1] | words[i + 2] | words[i + 3];
		b |= words[i + 4] | words[i + 5] | words[i + 6] | words[i + 7];
	}
	a |= b;
	sink += a[0] | a[1];
}

/* Compare with an interval, which half of the values are in. */
#define DEFINE_RANGE(bits, size_log2) \
static void \
run_range_##bits(const EsKernel *kernel, const char *data) \
{ \
	uint64		middle = UINT64CONST(1) << (bits - 1); \
\
	kernel->range[size_log2] (data, CHUNK_ROWS, middle / 2, middle / 2 + middle, result); \
}

DEFINE_RANGE(8, 0)
DEFINE_RANGE(16, 1)
DEFINE_RANGE(32, 2)
DEFINE_RANGE(64, 3)

/* Look for one code. */
static void
run_equal_8(const EsKernel *kernel, const char *data)
{
	kernel->equal[0] (data, CHUNK_ROWS, 7, result);
}

/* Look for eight numbers. */
static void
run_in_set_32(const EsKernel *kernel, const char *data)
{
	kernel->in_set[2] (data, CHUNK_ROWS, set, lengthof(set), result);
}

/* Look for any of some codes. */
static void
run_member(const EsKernel *kernel, const char *data)
{
	kernel->member(data, CHUNK_ROWS, table, result);
}

/* Add up half of the rows. */
static void
run_sum_64(const EsKernel *kernel, const char *data)
{
	EsKernelSum sum;

	kernel->sum[3] (data, CHUNK_ROWS, some_rows, &sum);
	sink += sum.low;
}

/* Make codes of four bits bytes. */
static void
run_unpack_4(const EsKernel *kernel, const char *data)
{
	kernel->unpack(data, 4, CHUNK_ROWS, unpacked);
}

/* Make integers of 24 bits such of 32. */
static void
run_unpack_24(const EsKernel *kernel, const char *data)
{
	kernel->unpack(data, 24, CHUNK_ROWS, unpacked);
}

/* Put bits at the places of others. */
static void
run_expand(const EsKernel *kernel, const char *data)
{
	(void) data;
	kernel->expand(more_rows, some_rows, lengthof(some_rows), result);
}

/* Have the rows of two bitmaps. */
static void
run_and(const EsKernel *kernel, const char *data)
{
	(void) data;
	kernel->and_bits(result, some_rows, lengthof(some_rows));
}

/* Count the rows of a bitmap. */
static void
run_count(const EsKernel *kernel, const char *data)
{
	(void) data;
	sink += kernel->count_bits(some_rows, lengthof(some_rows));
}

static const Loop loops[] = {
	{"read memory", "G words/s", 8, run_read},
	{"range, 64 bits", "G rows/s", 8, run_range_64},
	{"range, 32 bits", "G rows/s", 4, run_range_32},
	{"range, 16 bits", "G rows/s", 2, run_range_16},
	{"range, 8 bits", "G rows/s", 1, run_range_8},
	{"equal, 8 bits", "G rows/s", 1, run_equal_8},
	{"member", "G rows/s", 1, run_member},
	{"in a set of 8, 32 bits", "G rows/s", 4, run_in_set_32},
	{"sum, 64 bits", "G rows/s", 8, run_sum_64},
	{"unpack 4 bits", "G rows/s", 1, run_unpack_4},
	{"unpack 24 bits", "G rows/s", 4, run_unpack_24},
	{"expand", "G rows/s", 1, run_expand},
	{"and", "G rows/s", 1, run_and},
	{"count", "G rows/s", 1, run_count}
};

/* --------------------------------------------------------------- measuring */

/* Make the data: random bytes, and bitmaps with half of their bits set. */
static void
fill(void)
{
	Random		random = {.state = 1};

	for (size_t i = 0; i < sizeof(column); i++)
		column[i] = (char) random_next(&random);
	for (size_t i = 0; i < lengthof(set); i++)
		set[i] = random_next(&random) >> 32;
	for (size_t i = 0; i < lengthof(table); i++)
		table[i] = random_next(&random);
	for (size_t i = 0; i < lengthof(some_rows); i++)
	{
		some_rows[i] = random_next(&random);
		more_rows[i] = random_next(&random);
	}
}

/* Tell how many rows a nanosecond a loop does: the median of the rounds. */
static double
measure(const Loop *loop, const EsKernel *kernel, int64_t rounds)
{
	size_t		chunk = (size_t) CHUNK_ROWS * loop->size;
	double		rows = (double) PASSES * (sizeof(column) / chunk) * CHUNK_ROWS;
	Samples		samples = {.count = 0};
	double		median;

	for (int64_t round = 0; round <= rounds; round++)
	{
		double		started = clock_seconds();

		for (int pass = 0; pass < PASSES; pass++)
			for (size_t at = 0; at < sizeof(column); at += chunk)
				loop->run(kernel, column + at);
		if (round > 0)
			samples_add(&samples, rows / (clock_seconds() - started) / 1e9);
	}
	median = samples_percentile(&samples, 50);
	samples_free(&samples);
	return median;
}

/* Print a table of all loops, with a column for each kernel. */
void
measure_loops(int64_t rounds)
{
	fill();
	printf("| %-22s | %-9s |", "loop", "");
	for (int choice = ES_KERNEL_SCALAR; choice <= ES_KERNEL_AVX512; choice++)
		if (es_kernel_choose(choice) != NULL)
			printf(" %7s |", es_kernel_choose(choice)->name);
	printf("\n|------------------------|-----------|");
	for (int choice = ES_KERNEL_SCALAR; choice <= ES_KERNEL_AVX512; choice++)
		if (es_kernel_choose(choice) != NULL)
			printf("--------:|");
	for (size_t i = 0; i < lengthof(loops); i++)
	{
		printf("\n| %-22s | %-9s |", loops[i].name, loops[i].unit);
		for (int choice = ES_KERNEL_SCALAR; choice <= ES_KERNEL_AVX512; choice++)
			if (es_kernel_choose(choice) != NULL)
				printf(" %7.2f |", measure(&loops[i], es_kernel_choose(choice), rounds));
	}
	printf("\n\n");
}
