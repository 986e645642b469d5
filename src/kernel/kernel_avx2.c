/*-------------------------------------------------------------------------
 *
 * kernel_avx2.c
 *	  The kernel for vectors of 32 bytes; empty where there is no AVX2.
 *
 * Where an instruction does what kernel_template.h asks for, the latter is
 * another name of it.  Many instructions work on the halves of a vector, each by
 * itself: narrowing leaves lanes in another order, which bits_N() mends.
 *
 *-------------------------------------------------------------------------
 */
#ifdef __x86_64__

#include "core/base.h"

#include <immintrin.h>

#include "kernel/kernel_words.h"

#define KERNEL es_kernel_avx2
#define KERNEL_NAME "avx2"

typedef __m256i Vector;
typedef __m256i Found;
typedef uint32 Mask;

typedef struct Member
{
	Vector		low;			/* of bytes below 128 */
	Vector		high;
} Member;

static inline Vector
load_vector(const char *p)
{
	return _mm256_loadu_si256((const void *) p);
}

static inline void
store_vector(char *p, Vector vector)
{
	_mm256_storeu_si256((void *) p, vector);
}

#define splat_8(value) _mm256_set1_epi8((char) (value))
#define splat_16(value) _mm256_set1_epi16((int16) (value))
#define splat_32(value) _mm256_set1_epi32((int32) (value))
#define splat_64(value) _mm256_set1_epi64x((int64) (value))

#define and_vectors _mm256_and_si256
#define or_vectors _mm256_or_si256
#define and_not_vectors(a, b) _mm256_andnot_si256(b, a)
#define add_64 _mm256_add_epi64
#define shift_left_64 _mm256_slli_epi64
#define shift_right_64 _mm256_srli_epi64
#define sum_bytes(v) _mm256_sad_epu8(v, _mm256_setzero_si256())

/* ---- lanes ------------------------------------------------------------ */

#define equals_8 _mm256_cmpeq_epi8
#define equals_16 _mm256_cmpeq_epi16
#define equals_32 _mm256_cmpeq_epi32
#define equals_64 _mm256_cmpeq_epi64

#define min_8 _mm256_min_epu8
#define min_16 _mm256_min_epu16
#define min_32 _mm256_min_epu32

/* Integers of 64 bits are compared with their signs, so these change. */
static inline Vector
change_sign(Vector vector)
{
	return _mm256_xor_si256(vector, splat_64(UINT64CONST(1) << 63));
}

#define DEFINE_WITHIN(bits) \
static inline Found \
within_##bits(Vector v, Vector low, Vector span) \
{ \
	Vector		distance = _mm256_sub_epi##bits(v, low); \
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
	Vector		distance = _mm256_sub_epi64(v, change_sign(low));
	Vector		limit = _mm256_add_epi64(change_sign(span), splat_64(1));

	return _mm256_cmpgt_epi64(limit, distance);
}

/* Which of the bits are set: own has each lane's. */
static inline Vector
lanes_8(uint64 bits)
{
	Vector		own = splat_64(UINT64CONST(0x8040201008040201));
	Vector		bytes = _mm256_shuffle_epi8(splat_32(bits),
											_mm256_set_epi64x(ALL_BYTES(3), ALL_BYTES(2), ALL_BYTES(1), 0));

	return equals_8(and_vectors(bytes, own), own);
}

static inline Vector
lanes_16(uint64 bits)
{
	Vector		own = _mm256_setr_epi16(0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200,
										0x400, 0x800, 0x1000, 0x2000, 0x4000, (int16) 0x8000);

	return equals_16(and_vectors(splat_16(bits), own), own);
}

static inline Vector
lanes_32(uint64 bits)
{
	Vector		own = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);

	return equals_32(and_vectors(splat_32(bits), own), own);
}

static inline Vector
lanes_64(uint64 bits)
{
	Vector		own = _mm256_setr_epi64x(1, 2, 4, 8);

	return equals_64(and_vectors(splat_64(bits), own), own);
}

/* ---- what was found --------------------------------------------------- */

#define either _mm256_or_si256
#define narrow_64 _mm256_packs_epi32
#define narrow_32 _mm256_packs_epi32
#define narrow_16 _mm256_packs_epi16

static inline uint64
bits_8(Found found)
{
	return (uint32) _mm256_movemask_epi8(found);
}

/* Quarters 0, 2, 1, 3. */
static inline uint64
bits_16(Found found)
{
	return bits_8(_mm256_permute4x64_epi64(found, 0xD8));
}

/* The low half has the first four rows of each vector, the high half the others. */
static inline uint64
bits_32(Found found)
{
	return bits_8(_mm256_permutevar8x32_epi32(found, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
}

/* The same by twos: the halves are brought together, then the twos put in order. */
static inline uint64
bits_64(Found found)
{
	Vector		order = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11,
																  4, 5, 12, 13, 6, 7, 14, 15));

	return bits_8(_mm256_shuffle_epi8(_mm256_permute4x64_epi64(found, 0xD8), order));
}

/* ---- bytes ------------------------------------------------------------ */

static inline Vector
widen_16(const char *p)
{
	return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *) p));
}

static inline Vector
widen_32(const char *p)
{
	return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *) p));
}

/* The second half of the integers begins at byte 12. */
static inline Vector
widen_24(const char *p)
{
	Vector		halves = _mm256_permutevar8x32_epi32(load_vector(p), _mm256_setr_epi32(0, 1, 2, 3, 3, 4, 5, 6));
	Vector		order = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1,
																  6, 7, 8, -1, 9, 10, 11, -1));

	return _mm256_shuffle_epi8(halves, order);
}

static inline Member
member_of(const uint64 table[4])
{
	uint64		halves[2][2];
	Member		member;

	split_table(table, halves);
	member.low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *) halves[0]));
	member.high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *) halves[1]));
	return member;
}

/* Looking up gives 0 where the top bit of a byte is set. */
static inline Found
is_member(Vector vector, const Member *member)
{
	Vector		low = _mm256_shuffle_epi8(member->low, vector);
	Vector		high = _mm256_shuffle_epi8(member->high, _mm256_xor_si256(vector, splat_8(0x80)));
	Vector		place = and_vectors(_mm256_srli_epi16(vector, 4), splat_8(7));
	Vector		own = _mm256_shuffle_epi8(splat_64(UINT64CONST(0x8040201008040201)), place);

	return equals_8(and_vectors(or_vectors(low, high), own), own);
}

#define count_word(word) ((uint32) __builtin_popcountll(word))
#define expand_word _pdep_u64

static inline Mask
attention(Vector vector)
{
	Vector		special = _mm256_or_si256(_mm256_cmpeq_epi8(vector, _mm256_set1_epi8('"')),
										  _mm256_cmpeq_epi8(vector, _mm256_set1_epi8('\\')));
	Vector		control = _mm256_cmpeq_epi8(_mm256_min_epu8(vector, _mm256_set1_epi8(0x1F)),
											vector);

	return (Mask) _mm256_movemask_epi8(_mm256_or_si256(special, control));
}

static inline int
first_byte(Mask mask)
{
	return __builtin_ctz(mask);
}

#include "kernel/kernel_template.h"

#endif							/* __x86_64__ */
