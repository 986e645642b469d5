/*-------------------------------------------------------------------------
 *
 * kernel_scalar.c
 *	  The kernel for any machine: eight bytes at a time in an integer.
 *
 * The first byte of a vector is the lowest byte of the integer.  Lanes are added
 * and subtracted with their top bits apart, so that nothing is carried or
 * borrowed from one to the next.  Comparisons first set the top bit of each
 * lane that was found; Found has these bits side by side.
 *
 * A Mask has the top bit of each byte that needs attention.  There the
 * subtraction borrows from the byte above, but only where a byte was found, so
 * bytes above the first one may be wrong, but never the first one.
 *
 *-------------------------------------------------------------------------
 */
#include "core/base.h"

#include "kernel/kernel_words.h"

#define KERNEL es_kernel_scalar
#define KERNEL_NAME "scalar"

typedef uint64 Vector;
typedef uint64 Found;
typedef uint64 Mask;

typedef struct Member
{
	const uint64 *table;
} Member;

/* The lowest and the highest bit of each lane. */
#define LANE_ONES_8 ALL_BYTES(1)
#define LANE_ONES_16 UINT64CONST(0x0001000100010001)
#define LANE_ONES_32 UINT64CONST(0x0000000100000001)
#define LANE_TOPS(bits) (LANE_ONES_##bits << ((bits) - 1))

static inline Vector
load_vector(const char *p)
{
	Vector		vector;

	memcpy(&vector, p, sizeof(vector));
	return vector;
}

static inline void
store_vector(char *p, Vector vector)
{
	memcpy(p, &vector, sizeof(vector));
}

static inline Vector
and_vectors(Vector a, Vector b)
{
	return a & b;
}

static inline Vector
or_vectors(Vector a, Vector b)
{
	return a | b;
}

static inline Vector
and_not_vectors(Vector a, Vector b)
{
	return a & ~b;
}

static inline Vector
add_64(Vector a, Vector b)
{
	return a + b;
}

static inline Vector
shift_left_64(Vector vector, int bits)
{
	return vector << bits;
}

static inline Vector
shift_right_64(Vector vector, int bits)
{
	return vector >> bits;
}

static inline Vector
sum_bytes(Vector vector)
{
	uint64		pairs = (vector & (0xFF * LANE_ONES_16)) + (vector >> 8 & (0xFF * LANE_ONES_16));

	return pairs * LANE_ONES_16 >> 48;
}

/* ---- lanes ------------------------------------------------------------ */

/* The top bits of lanes with a <= b: those where b - a borrows nothing. */
static inline uint64
at_most(Vector a, Vector b, uint64 tops)
{
	uint64		difference = ((b | tops) - (a & ~tops)) ^ ((b ^ ~a) & tops);
	uint64		borrow = (~b & a) | (~(b ^ a) & difference);

	return ~borrow & tops;
}

/* The same of lanes with v - low <= span. */
static inline uint64
within(Vector v, Vector low, Vector span, uint64 tops)
{
	return at_most(((v | tops) - (low & ~tops)) ^ ((v ^ ~low) & tops), span, tops);
}

/* The same of lanes that are 0. */
static inline uint64
zero_lanes(Vector v, uint64 tops)
{
	return ~(((v & ~tops) + ~tops) | v) & tops;
}

/* Top bits of lanes side by side; no two products fall on the same bit. */
static inline Found
collect_8(uint64 tops)
{
	return (tops >> 7) * UINT64CONST(0x0102040810204080) >> 56;
}

static inline Found
collect_16(uint64 tops)
{
	return (tops >> 15) * UINT64CONST(0x0001000200040008) >> 48 & 0xF;
}

/* The inverse, as lanes with all bits set. */
static inline Vector
lanes_8(uint64 bits)
{
	return spread_byte(bits) * 0xFF;
}

static inline Vector
lanes_16(uint64 bits)
{
	uint64		lanes = (bits & 0xF) * LANE_ONES_16 & UINT64CONST(0x0008000400020001);

	return ((lanes + 0x7FFF * LANE_ONES_16) >> 15 & LANE_ONES_16) * 0xFFFF;
}

static inline Vector
lanes_32(uint64 bits)
{
	return (0 - (bits & 1)) >> 32 | (0 - (bits >> 1 & 1)) << 32;
}

static inline Vector
lanes_64(uint64 bits)
{
	return 0 - (bits & 1);
}

#define DEFINE_COMPARISONS(bits) \
static pg_attribute_always_inline Found \
equals_##bits(Vector a, Vector b) \
{ \
	return collect_##bits(zero_lanes(a ^ b, LANE_TOPS(bits))); \
} \
static pg_attribute_always_inline Found \
within_##bits(Vector v, Vector low, Vector span) \
{ \
	return collect_##bits(within(v, low, span, LANE_TOPS(bits))); \
}

DEFINE_COMPARISONS(8)
DEFINE_COMPARISONS(16)

/* Two lanes are compared faster one after the other. */
static inline Found
equals_32(Vector a, Vector b)
{
	uint64		difference = a ^ b;

	return ((uint32) difference == 0) | (difference >> 32 == 0) << 1;
}

static inline Found
within_32(Vector v, Vector low, Vector span)
{
	uint32		first = (uint32) v - (uint32) low;
	uint32		second = (uint32) (v >> 32) - (uint32) low;

	return (first <= (uint32) span) | (second <= (uint32) span) << 1;
}

#define DEFINE_SPLAT(bits) \
static inline Vector \
splat_##bits(uint64 value) \
{ \
	return value * LANE_ONES_##bits; \
}

DEFINE_SPLAT(8)
DEFINE_SPLAT(16)
DEFINE_SPLAT(32)

static inline Vector
splat_64(uint64 value)
{
	return value;
}

static inline Found
equals_64(Vector a, Vector b)
{
	return a == b;
}

static inline Found
within_64(Vector v, Vector low, Vector span)
{
	return v - low <= span;
}

/* ---- what was found --------------------------------------------------- */

static inline Found
either(Found a, Found b)
{
	return a | b;
}

static inline Found
narrow_64(Found a, Found b)
{
	return a | b << 1;
}

static inline Found
narrow_32(Found a, Found b)
{
	return a | b << 2;
}

static inline Found
narrow_16(Found a, Found b)
{
	return a | b << 4;
}

#define bits_8(found) (found)
#define bits_16(found) (found)
#define bits_32(found) (found)
#define bits_64(found) (found)

/* ---- bytes ------------------------------------------------------------ */

static inline Vector
widen_16(const char *p)
{
	uint32		bytes;
	uint64		halves;

	memcpy(&bytes, p, sizeof(bytes));
	halves = (bytes | (uint64) bytes << 16) & (0xFFFF * LANE_ONES_32);
	return (halves | halves << 8) & (0xFF * LANE_ONES_16);
}

static inline Vector
widen_32(const char *p)
{
	uint16		bytes;

	memcpy(&bytes, p, sizeof(bytes));
	return (bytes | (uint64) bytes << 24) & (0xFF * LANE_ONES_32);
}

static inline Vector
widen_24(const char *p)
{
	Vector		bytes = load_vector(p);

	return (bytes & 0xFFFFFF) | (bytes << 8 & UINT64CONST(0xFFFFFF00000000));
}

static inline Member
member_of(const uint64 table[4])
{
	Member		member = {table};

	return member;
}

static inline Found
is_member(Vector vector, const Member *member)
{
	Found		found = 0;

	for (int i = 0; i < 8; i++)
	{
		uint32		byte = vector >> i * 8 & 0xFF;

		found |= (member->table[byte / 64] >> byte % 64 & 1) << i;
	}
	return found;
}

static inline uint32
count_word(uint64 word)
{
	word -= word >> 1 & ALL_BYTES(0x55);
	word = (word & ALL_BYTES(0x33)) + (word >> 2 & ALL_BYTES(0x33));
	word = (word + (word >> 4)) & ALL_BYTES(0x0F);
	return (uint32) (word * ALL_BYTES(1) >> 56);
}

#define expand_word scatter_bits

/* Bytes less than limit, which is at most 0x80. */
static inline Mask
less_than(Vector vector, uint8 limit)
{
	return (vector - ALL_BYTES(limit)) & ~vector & ALL_BYTES(0x80);
}

static inline Mask
attention(Vector vector)
{
	return less_than(vector, 0x20) |
		less_than(vector ^ ALL_BYTES('"'), 1) |
		less_than(vector ^ ALL_BYTES('\\'), 1);
}

static inline int
first_byte(Mask mask)
{
	return __builtin_ctzll(mask) / 8;
}

#define XXH_VECTOR 0			/* XXH_SCALAR */

#include "kernel/kernel_template.h"
