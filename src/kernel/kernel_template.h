/*-------------------------------------------------------------------------
 *
 * kernel_template.h
 *	  A kernel: its loops, for vectors of any size, and the table of them.
 *
 * The file of an instruction set includes this once, after it has defined
 *
 *	KERNEL			the name of its table
 *	KERNEL_NAME		the value of the setting
 *	Vector			some bytes that are looked at together: lanes of 8, 16, 32 or
 *					64 bits, the first one at the lowest address
 *	Found			which lanes a comparison found: a vector, or bits
 *	Mask			what attention() gives, 0 for no byte
 *	Member			a table of 256 bits, in the form in which bytes are looked up
 *
 * and these, where N is 8, 16, 32 and 64:
 *
 *	load_vector()	the sizeof(Vector) bytes at any address
 *	store_vector()	the inverse
 *	splat_N()		a value that the lanes can have, in all of them
 *	and_vectors(), or_vectors(), and_not_vectors()
 *					bit by bit; the last one: those of a that b has not
 *	add_64()		lane by lane
 *	shift_left_64(), shift_right_64()
 *					each lane of 64 bits
 *	sum_bytes()		sums of bytes that lie side by side, as lanes of 64 bits
 *	lanes_N()		all bits of the lanes whose bits are set in an integer, whose
 *					bits beyond the number of lanes are ignored
 *	equals_N(v, w)	Found: lanes that are equal
 *	within_N(v, low, span)
 *					Found: lanes with v - low <= span, unsigned; span has not
 *					all bits set
 *	narrow_64(a, b), narrow_32(), narrow_16()
 *					Found of two vectors as one for lanes of half the size
 *	bits_N()		as an integer, lane by lane, the Found of N vectors of lanes of
 *					N bits that has been narrowed to lanes of bytes
 *	either()		of two Founds
 *	widen_16(), widen_32()
 *					a half or a quarter as many bytes as a vector has, as
 *					lanes of 16 or 32 bits; no others are read
 *	widen_24()		integers of 24 bits as lanes of 32 bits; sizeof(Vector) bytes
 *					are read
 *	member_of()		the Member of a table
 *	is_member()		Found: bytes whose bit is set in the table
 *	count_word(), expand_word()
 *					popcount and pdep of a word
 *	attention()		the Mask of bytes that a JSON string cannot have as such
 *	first_byte()	number of the first byte in a Mask that is not 0
 *
 * XXH3 comes in vectors of its own, for the instruction set of the file.  All of
 * it is static: what is compiled for one instruction set must not be
 * called by code that runs on machines without it.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/kernel.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#ifdef WORDS_BIGENDIAN
#error "columns are read as little-endian integers"
#endif

/* Rows in a word of a bitmap. */
#define WORD_ROWS 64

#define ALL_BITS PG_UINT64_MAX

/* The bits of the first rows of a word; fewer than all of them. */
static inline uint64
first_bits(uint32 count)
{
	return (UINT64CONST(1) << count) - 1;
}

/* Makes the bitmap of no row or of all. */
static void
set_all(uint64 *bits, uint32 count, bool value)
{
	memset(bits, value ? 0xFF : 0, count / WORD_ROWS * sizeof(uint64));
	if (count % WORD_ROWS != 0)
		bits[count / WORD_ROWS] = value ? first_bits(count % WORD_ROWS) : 0;
}

#include "kernel/kernel_bits.h"
#include "kernel/kernel_text.h"

#include "kernel/kernel_sets.h"

/* How a lane is compared; operands are in vectors. */
typedef Found (*Test) (Vector vector, const Vector *operands);

/* Adds the lanes of 64 bits, shifted to the left. */
static void
add_to_sum(EsKernelSum *sum, Vector lanes, int shift)
{
	uint64		values[VECTOR_WORDS];

	store_vector((char *) values, lanes);
	for (size_t i = 0; i < VECTOR_WORDS; i++)
	{
		uint64		low = values[i] << shift;

		sum->low += low;
		sum->high += (sum->low < low) + (shift > 0 ? values[i] >> (64 - shift) : 0);
	}
}

#define LANE_BITS 8
#include "kernel/kernel_rows.h"
#define LANE_BITS 16
#include "kernel/kernel_rows.h"
#define LANE_BITS 32
#include "kernel/kernel_rows.h"
#define LANE_BITS 64
#include "kernel/kernel_rows.h"

static uint64
hash(const char *p, size_t size)
{
	return XXH3_64bits(p, size);
}

const EsKernel KERNEL = {
	.name = KERNEL_NAME,
	.skip_plain = skip_plain,
	.hash = hash,
	.range = {range_8, range_16, range_32, range_64},
	.equal = {equal_8, equal_16, equal_32, equal_64},
	.in_set = {in_set_8, in_set_16, in_set_32, in_set_64},
	.member = member,
	.unpack = unpack,
	.expand = expand,
	.count_bits = count_bits,
	.and_bits = and_bits,
	.or_bits = or_bits,
	.and_not_bits = and_not_bits,
	.sum = {sum_8, sum_16, sum_32, sum_64}
};
