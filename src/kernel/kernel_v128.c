/*-------------------------------------------------------------------------
 *
 * kernel_v128.c
 *	  The kernel for vectors of 16 bytes: SSE4.2, or by way of SIMDe what
 *	  other machines have, NEON for example.
 *
 * Where an instruction does what kernel_template.h asks for, the latter is
 * another name of it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/base.h"

#include <simde/x86/sse4.2.h>

#include "kernel/kernel_words.h"

#define KERNEL es_kernel_v128
#define KERNEL_NAME "v128"

typedef simde__m128i Vector;
typedef simde__m128i Found;
typedef uint32 Mask;

typedef struct Member
{
	Vector		low;			/* of bytes below 128 */
	Vector		high;
} Member;

static inline Vector
load_vector(const char *p)
{
	return simde_mm_loadu_si128((const void *) p);
}

static inline void
store_vector(char *p, Vector vector)
{
	simde_mm_storeu_si128((void *) p, vector);
}

#define splat_8(value) simde_mm_set1_epi8((char) (value))
#define splat_16(value) simde_mm_set1_epi16((int16) (value))
#define splat_32(value) simde_mm_set1_epi32((int32) (value))
#define splat_64(value) simde_mm_set1_epi64x((int64) (value))

#define and_vectors simde_mm_and_si128
#define or_vectors simde_mm_or_si128
#define and_not_vectors(a, b) simde_mm_andnot_si128(b, a)
#define add_64 simde_mm_add_epi64
#define shift_left_64 simde_mm_slli_epi64
#define shift_right_64 simde_mm_srli_epi64
#define sum_bytes(v) simde_mm_sad_epu8(v, simde_mm_setzero_si128())

/* ---- lanes ------------------------------------------------------------ */

#define equals_8 simde_mm_cmpeq_epi8
#define equals_16 simde_mm_cmpeq_epi16
#define equals_32 simde_mm_cmpeq_epi32
#define equals_64 simde_mm_cmpeq_epi64

#define min_8 simde_mm_min_epu8
#define min_16 simde_mm_min_epu16
#define min_32 simde_mm_min_epu32

/* Integers of 64 bits are compared with their signs, so these change. */
static inline Vector
change_sign(Vector vector)
{
	return simde_mm_xor_si128(vector, splat_64(UINT64CONST(1) << 63));
}

#define DEFINE_WITHIN(bits) \
static inline Found \
within_##bits(Vector v, Vector low, Vector span) \
{ \
	Vector		distance = simde_mm_sub_epi##bits(v, low); \
\
	return equals_##bits(min_##bits(distance, span), distance); \
}

DEFINE_WITHIN(8)
DEFINE_WITHIN(16)
DEFINE_WITHIN(32)

/* The operands, which a loop does not change, are made such that v is only subtracted from. */
static inline Found
within_64(Vector v, Vector low, Vector span)
{
	Vector		distance = simde_mm_sub_epi64(v, change_sign(low));
	Vector		limit = simde_mm_add_epi64(change_sign(span), splat_64(1));

	return simde_mm_cmpgt_epi64(limit, distance);
}

/* Which of the bits are set: own has each lane's. */
static inline Vector
lanes_8(uint64 bits)
{
	Vector		own = splat_64(UINT64CONST(0x8040201008040201));
	Vector		bytes = simde_mm_shuffle_epi8(simde_mm_cvtsi32_si128((int32) bits),
											  simde_mm_set_epi64x(ALL_BYTES(1), 0));

	return equals_8(and_vectors(bytes, own), own);
}

static inline Vector
lanes_16(uint64 bits)
{
	Vector		own = simde_mm_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128);

	return equals_16(and_vectors(splat_16(bits), own), own);
}

static inline Vector
lanes_32(uint64 bits)
{
	Vector		own = simde_mm_setr_epi32(1, 2, 4, 8);

	return equals_32(and_vectors(splat_32(bits), own), own);
}

static inline Vector
lanes_64(uint64 bits)
{
	Vector		own = simde_mm_set_epi64x(2, 1);

	return equals_64(and_vectors(splat_64(bits), own), own);
}

/* ---- what was found --------------------------------------------------- */

#define either simde_mm_or_si128
#define narrow_64 simde_mm_packs_epi32
#define narrow_32 simde_mm_packs_epi32
#define narrow_16 simde_mm_packs_epi16
#define bits_8(found) ((uint64) (uint32) simde_mm_movemask_epi8(found))
#define bits_16 bits_8
#define bits_32 bits_8
#define bits_64 bits_8

/* ---- bytes ------------------------------------------------------------ */

static inline Vector
widen_16(const char *p)
{
	return simde_mm_cvtepu8_epi16(simde_mm_loadl_epi64((const void *) p));
}

static inline Vector
widen_32(const char *p)
{
	int32		bytes;

	memcpy(&bytes, p, sizeof(bytes));
	return simde_mm_cvtepu8_epi32(simde_mm_cvtsi32_si128(bytes));
}

static inline Vector
widen_24(const char *p)
{
	return simde_mm_shuffle_epi8(load_vector(p),
								 simde_mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1));
}

static inline Member
member_of(const uint64 table[4])
{
	uint64		halves[2][2];
	Member		member;

	split_table(table, halves);
	member.low = load_vector((const char *) halves[0]);
	member.high = load_vector((const char *) halves[1]);
	return member;
}

/* Looking up gives 0 where the top bit of a byte is set. */
static inline Found
is_member(Vector vector, const Member *member)
{
	Vector		low = simde_mm_shuffle_epi8(member->low, vector);
	Vector		high = simde_mm_shuffle_epi8(member->high, simde_mm_xor_si128(vector, splat_8(0x80)));
	Vector		place = and_vectors(simde_mm_srli_epi16(vector, 4), splat_8(7));
	Vector		own = simde_mm_shuffle_epi8(splat_64(UINT64CONST(0x8040201008040201)), place);

	return equals_8(and_vectors(or_vectors(low, high), own), own);
}

#define count_word(word) ((uint32) __builtin_popcountll(word))
#define expand_word scatter_bits

static inline Mask
attention(Vector vector)
{
	Vector		special = simde_mm_or_si128(simde_mm_cmpeq_epi8(vector, simde_mm_set1_epi8('"')),
											simde_mm_cmpeq_epi8(vector, simde_mm_set1_epi8('\\')));
	Vector		control = simde_mm_cmpeq_epi8(simde_mm_min_epu8(vector, simde_mm_set1_epi8(0x1F)),
											  vector);

	return (Mask) simde_mm_movemask_epi8(simde_mm_or_si128(special, control));
}

static inline int
first_byte(Mask mask)
{
	return __builtin_ctz(mask);
}

#include "kernel/kernel_template.h"
