/*-------------------------------------------------------------------------
 *
 * test_kernel_rows.c
 *	  The loops over columns of every kernel that this machine can run, against
 *	  the obvious ones: all short lengths at all alignments, up to a page that
 *	  cannot be read, with bitmaps that end at another one.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "fence.h"
#include "kernel/kernel.h"
#include "tap.h"

#define MAX_LENGTH 257
#define MAX_WORDS 5
#define MAX_ALIGNMENT 64
#define MAX_SET 40
#define PATTERNS 4

/* A column and everything that is asked about it, with the answers. */
typedef struct Column
{
	int			size_log2;
	uint32		size;			/* of an integer, in bytes */
	uint64		max;			/* of integers of that size */
	uint32		count;
	uint64		values[MAX_LENGTH];
	uint64		chosen[MAX_WORDS];	/* rows to add up */

	uint64		low;
	uint64		high;
	uint64		set[MAX_SET];
	uint32		set_size;
	uint64		table[4];

	uint64		in_range[MAX_WORDS];
	uint64		equal[MAX_WORDS];
	uint64		in_set[MAX_WORDS];
	uint64		member[MAX_WORDS];
	EsKernelSum sum;
} Column;

/* Answers that were wrong. */
typedef struct Wrong
{
	int64		range;
	int64		equal;
	int64		in_set;
	int64		member;
	int64		sum;
} Wrong;

/* ---- columns ---------------------------------------------------------- */

static uint64
edge(Random *random, uint64 max)
{
	static const uint64 edges[] = {0, 1, 2, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF, 0x100};
	uint64		value = edges[random_below(random, lengthof(edges))];

	switch (random_below(random, 4))
	{
		case 0:
			return max - value;
		case 1:
			return (max / 2 + 1) - value;
		case 2:
			return max / 2 + value;
	}
	return value;
}

static uint64
any_value(Random *random, const Column *column, int pattern)
{
	switch (pattern)
	{
		case 0:
			return random_next(random) & column->max;
		case 1:
			return column->low & column->max;
		case 2:
			return edge(random, column->max) & column->max;
	}
	return (random_chance(random, 50) ? column->low : column->high) - 1 + random_below(random, 3);
}

/* Constants: mostly of the column's width, some beyond. */
static uint64
any_constant(Random *random, uint64 max)
{
	uint64		value = random_chance(random, 50) ? random_next(random) : edge(random, max);

	return random_chance(random, 95) ? value & max : random_next(random) >> random_below(random, 64);
}

static void
make_constants(Random *random, Column *column)
{
	column->low = any_constant(random, column->max);
	column->high = any_constant(random, column->max);
	if (column->low > column->high && random_chance(random, 90))
	{
		uint64		low = column->high;

		column->high = column->low;
		column->low = low;
	}
	if (random_chance(random, 10))
		column->high = column->low;
	if (random_chance(random, 5))
		column->low = 0;
	if (random_chance(random, 5))
		column->high = column->max;
	column->set_size = random_below(random, MAX_SET + 1);
	for (uint32 i = 0; i < column->set_size; i++)
		column->set[i] = any_constant(random, column->max);
	for (int i = 0; i < 4; i++)
		column->table[i] = random_next(random);
}

/* Values from the set, so that some are found; all or no rows are also chosen. */
static void
make_values(Random *random, Column *column, int pattern)
{
	uint64		keep = random_next(random);
	bool		whole = random_chance(random, 40);

	for (uint32 i = 0; i < column->count; i++)
	{
		column->values[i] = any_value(random, column, pattern) & column->max;
		if (column->set_size > 0 && random_chance(random, 20))
			column->values[i] = column->set[random_below(random, column->set_size)] & column->max;
	}
	memset(column->chosen, 0, sizeof(column->chosen));
	for (uint32 i = 0; i < column->count; i++)
	{
		bool		word = keep >> i / 64 & 1;

		if (word && (whole || random_chance(random, 50)))
			column->chosen[i / 64] |= UINT64CONST(1) << i % 64;
	}
}

static bool
set_has(const Column *column, uint64 value)
{
	for (uint32 i = 0; i < column->set_size; i++)
	{
		if (column->set[i] == value)
			return true;
	}
	return false;
}

static void
put_bit(uint64 *bits, uint32 row, bool value)
{
	bits[row / 64] |= (uint64) value << row % 64;
}

static void
answer(Column *column)
{
	memset(column->in_range, 0, sizeof(column->in_range));
	memset(column->equal, 0, sizeof(column->equal));
	memset(column->in_set, 0, sizeof(column->in_set));
	memset(column->member, 0, sizeof(column->member));
	column->sum.high = column->sum.low = 0;
	for (uint32 i = 0; i < column->count; i++)
	{
		uint64		value = column->values[i];

		put_bit(column->in_range, i, column->low <= value && value <= column->high);
		put_bit(column->equal, i, value == column->low);
		put_bit(column->in_set, i, set_has(column, value));
		put_bit(column->member, i, column->table[value / 64 % 4] >> value % 64 & 1);
		if ((column->chosen[i / 64] >> i % 64 & 1) == 0)
			continue;
		column->sum.low += value;
		column->sum.high += column->sum.low < value;
	}
}

/* ---- comparing -------------------------------------------------------- */

/* Where a bitmap of the column's rows ends at the fence. */
static uint64 *
bitmap_before(Fenced fenced, const Column *column)
{
	uint64	   *bits = (uint64 *) fenced.end - ES_BITMAP_WORDS(column->count);

	memset(bits, 0xA5, fenced.end - (char *) bits);
	return bits;
}

static bool
differ(const uint64 *bits, const uint64 *wanted, const Column *column)
{
	return memcmp(bits, wanted, ES_BITMAP_WORDS(column->count) * sizeof(uint64)) != 0;
}

static void
check_comparisons(const EsKernel *kernel, const Column *column, const char *data,
				  Fenced fenced, Wrong *wrong)
{
	int			s = column->size_log2;
	uint64	   *bits = bitmap_before(fenced, column);

	kernel->range[s] (data, column->count, column->low, column->high, bits);
	wrong->range += differ(bits, column->in_range, column);
	bits = bitmap_before(fenced, column);
	kernel->equal[s] (data, column->count, column->low, bits);
	wrong->equal += differ(bits, column->equal, column);
	bits = bitmap_before(fenced, column);
	kernel->in_set[s] (data, column->count, column->set, column->set_size, bits);
	wrong->in_set += differ(bits, column->in_set, column);
	if (s != 0)
		return;
	bits = bitmap_before(fenced, column);
	kernel->member(data, column->count, column->table, bits);
	wrong->member += differ(bits, column->member, column);
}

static void
check_aggregates(const EsKernel *kernel, const Column *column, const char *data,
				 Fenced fenced, Wrong *wrong)
{
	uint64	   *chosen = bitmap_before(fenced, column);
	EsKernelSum sum;

	memcpy(chosen, column->chosen, fenced.end - (char *) chosen);
	kernel->sum[column->size_log2] (data, column->count, chosen, &sum);
	wrong->sum += sum.low != column->sum.low || sum.high != column->sum.high;
}

/* Puts the column before the fence, so many bytes from it. */
static const char *
place(const Column *column, Fenced fenced, int shift)
{
	char	   *data = fenced.end - shift - (size_t) column->count * column->size;

	memset(data - 8, 0xFF, 8);
	memset(fenced.end - shift, 0xFF, shift);
	for (uint32 i = 0; i < column->count; i++)
		memcpy(data + (size_t) i * column->size, &column->values[i], column->size);
	return data;
}

static void
report(const char *kernel, int bits, const Wrong *wrong)
{
	is_int(wrong->range, 0, "%s: range, %d bits", kernel, bits);
	is_int(wrong->equal, 0, "%s: equal, %d bits", kernel, bits);
	is_int(wrong->in_set, 0, "%s: in_set, %d bits", kernel, bits);
	is_int(wrong->member, 0, "%s: member, %d bits", kernel, bits);
	is_int(wrong->sum, 0, "%s: sum, %d bits", kernel, bits);
}

/* Each length at each alignment, and with each pattern right before the fence. */
static void
test_columns(const EsKernel *kernel, int size_log2, Fenced memory, Fenced bitmaps)
{
	Random		random = {size_log2};
	Wrong		wrong = {0};
	Column		column = {.size_log2 = size_log2,.size = 1 << size_log2};

	column.max = PG_UINT64_MAX >> (64 - 8 * column.size);
	for (column.count = 0; column.count <= MAX_LENGTH; column.count++)
	{
		for (int pattern = 0; pattern < PATTERNS; pattern++)
		{
			make_constants(&random, &column);
			make_values(&random, &column, pattern);
			answer(&column);
			for (int shift = 0; shift < MAX_ALIGNMENT; shift += shift == 0 ? pattern + 1 : PATTERNS)
			{
				const char *data = place(&column, memory, shift);

				check_comparisons(kernel, &column, data, bitmaps, &wrong);
				check_aggregates(kernel, &column, data, bitmaps, &wrong);
			}
		}
	}
	report(kernel->name, (int) column.size * 8, &wrong);
}

/* ---- large ones ------------------------------------------------------- */

/* Sums beyond 64 bits. */
static void
test_sums(const EsKernel *kernel)
{
	static char data[70000 * sizeof(uint64)];
	static uint64 bits[ES_BITMAP_WORDS(70000)];
	EsKernelSum sum;

	memset(data, 0xFF, sizeof(data));
	memset(bits, 0xFF, 70000 / 8);
	for (int s = 0; s < 4; s++)
	{
		uint64		max = PG_UINT64_MAX >> (64 - (8 << s));
		uint64		low = max * 70000;

		kernel->sum[s] (data, 70000, bits, &sum);
		ok(sum.low == low && sum.high == (s == 3 ? 69999 : 0),
		   "%s: the largest sum of %d bits", kernel->name, 8 << s);
	}
}

/* Sets of more values than are compared, or kept in one table, at a time. */
static void
test_large_sets(const EsKernel *kernel)
{
	static uint64 values[4000];
	static uint64 set[2000];
	uint64		bits[ES_BITMAP_WORDS(lengthof(values))];
	Random		random = {9};
	int64		wrong = 0;

	for (uint32 size = 1; size <= lengthof(set); size += 1 + size / 7)
	{
		for (uint32 i = 0; i < size; i++)
			set[i] = random_next(&random) >> random_below(&random, 60);
		for (uint32 i = 0; i < lengthof(values); i++)
			values[i] = i % 3 != 0 ? random_next(&random) : set[random_below(&random, size)] ^ (i % 2);
		kernel->in_set[3] ((const char *) values, lengthof(values), set, size, bits);
		for (uint32 i = 0; i < lengthof(values); i += 5)
		{
			bool		has = false;

			for (uint32 k = 0; k < size && !has; k++)
				has = set[k] == values[i];
			wrong += (bits[i / 64] >> i % 64 & 1) != has;
		}
	}
	is_int(wrong, 0, "%s: in_set, large sets", kernel->name);
}

/* The functions for callers count and give what the kernel gives. */
static void
test_use(void)
{
	uint64		bits[2];
	char		data[70] = {7};

	es_kernel_use[ES_LOOP_EQUAL].calls = es_kernel_use[ES_LOOP_EQUAL].rows = 0;
	es_kernel_equal(0, data, 70, 7, bits);
	es_kernel_equal(0, data, 70, 7, bits);
	ok(bits[0] == 1 && bits[1] == 0, "es_kernel_equal() compares");
	is_int(es_kernel_use[ES_LOOP_EQUAL].calls, 2, "and counts its calls");
	is_int(es_kernel_use[ES_LOOP_EQUAL].rows, 140, "and rows");
	for (int loop = 0; loop < ES_KERNEL_LOOPS; loop++)
		ok(es_kernel_loop_name(loop) != NULL, "loop %d has a name", loop);
}

int
main(void)
{
	Fenced		memory = fenced_pages();
	Fenced		bitmaps = fenced_pages();

	for (int choice = ES_KERNEL_SCALAR; choice <= ES_KERNEL_AVX512; choice++)
	{
		const EsKernel *kernel = es_kernel_choose(choice);

		if (kernel == NULL)
			continue;
		for (int size_log2 = 0; size_log2 < 4; size_log2++)
			test_columns(kernel, size_log2, memory, bitmaps);
		test_sums(kernel);
		test_large_sets(kernel);
	}
	test_use();
	return tap_done();
}
