/*-------------------------------------------------------------------------
 *
 * kernel_avx512.c
 *	  The kernel for vectors of 64 bytes; empty where there is no AVX-512.
 *
 * Where an instruction does what kernel_template.h asks for, the latter is
 * another name of it.  Comparisons give bits, so that narrowing is no more than
 * putting them side by side.
 *
 *-------------------------------------------------------------------------
 */
#ifdef __x86_64__

#include "core/base.h"

#include <immintrin.h>

#include "kernel/kernel_words.h"

#define KERNEL es_kernel_avx512
#define KERNEL_NAME "avx512"

typedef __m512i Vector;
typedef uint64 Found;
typedef uint64 Mask;

typedef struct Member
{
	Vector		low;			/* of bytes below 128 */
	Vector		high;
} Member;

static inline Vector
load_vector(const char *p)
{
	return _mm512_loadu_si512((const void *) p);
}

static inline void
store_vector(char *p, Vector vector)
{
	_mm512_storeu_si512((void *) p, vector);
}

#define splat_8(value) _mm512_set1_epi8((char) (value))
#define splat_16(value) _mm512_set1_epi16((int16) (value))
#define splat_32(value) _mm512_set1_epi32((int32) (value))
#define splat_64(value) _mm512_set1_epi64((int64) (value))

#define and_vectors _mm512_and_si512
#define or_vectors _mm512_or_si512
#define and_not_vectors(a, b) _mm512_andnot_si512(b, a)
#define add_64 _mm512_add_epi64
#define shift_left_64 _mm512_slli_epi64
#define shift_right_64 _mm512_srli_epi64
#define sum_bytes(v) _mm512_sad_epu8(v, _mm512_setzero_si512())

/* ---- lanes ------------------------------------------------------------ */

#define equals_8 _mm512_cmpeq_epi8_mask
#define equals_16 _mm512_cmpeq_epi16_mask
#define equals_32 _mm512_cmpeq_epi32_mask
#define equals_64 _mm512_cmpeq_epi64_mask

#define within_8(v, low, span) _mm512_cmple_epu8_mask(_mm512_sub_epi8(v, low), span)
#define within_16(v, low, span) _mm512_cmple_epu16_mask(_mm512_sub_epi16(v, low), span)
#define within_32(v, low, span) _mm512_cmple_epu32_mask(_mm512_sub_epi32(v, low), span)
#define within_64(v, low, span) _mm512_cmple_epu64_mask(_mm512_sub_epi64(v, low), span)

#define lanes_8(bits) _mm512_movm_epi8(bits)
#define lanes_16(bits) _mm512_movm_epi16((__mmask32) (bits))
#define lanes_32(bits) _mm512_movm_epi32((__mmask16) (bits))
#define lanes_64(bits) _mm512_movm_epi64((__mmask8) (bits))

/* ---- what was found --------------------------------------------------- */

static inline Found
either(Found a, Found b)
{
	return a | b;
}

static inline Found
narrow_64(Found a, Found b)
{
	return a | b << 8;
}

static inline Found
narrow_32(Found a, Found b)
{
	return a | b << 16;
}

static inline Found
narrow_16(Found a, Found b)
{
	return a | b << 32;
}

#define bits_8(found) (found)
#define bits_16(found) (found)
#define bits_32(found) (found)
#define bits_64(found) (found)

/* ---- bytes ------------------------------------------------------------ */

static inline Vector
widen_16(const char *p)
{
	return _mm512_cvtepu8_epi16(_mm256_loadu_si256((const void *) p));
}

static inline Vector
widen_32(const char *p)
{
	return _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *) p));
}

/* Each quarter of the integers has 12 bytes. */
static inline Vector
widen_24(const char *p)
{
	Vector		quarters = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 1, 2, 3, 3, 4, 5, 6,
																	  6, 7, 8, 9, 9, 10, 11, 12),
													load_vector(p));
	Vector		order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1,
															 6, 7, 8, -1, 9, 10, 11, -1));

	return _mm512_shuffle_epi8(quarters, order);
}

static inline Member
member_of(const uint64 table[4])
{
	uint64		halves[2][2];
	Member		member;

	split_table(table, halves);
	member.low = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *) halves[0]));
	member.high = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *) halves[1]));
	return member;
}

/* Looking up gives 0 where the top bit of a byte is set. */
static inline Found
is_member(Vector vector, const Member *member)
{
	Vector		low = _mm512_shuffle_epi8(member->low, vector);
	Vector		high = _mm512_shuffle_epi8(member->high, _mm512_xor_si512(vector, splat_8(0x80)));
	Vector		place = and_vectors(_mm512_srli_epi16(vector, 4), splat_8(7));
	Vector		own = _mm512_shuffle_epi8(splat_64(UINT64CONST(0x8040201008040201)), place);

	return _mm512_test_epi8_mask(or_vectors(low, high), own);
}

#define count_word(word) ((uint32) __builtin_popcountll(word))
#define expand_word _pdep_u64

static inline Mask
attention(Vector vector)
{
	return _mm512_cmpeq_epi8_mask(vector, _mm512_set1_epi8('"')) |
		_mm512_cmpeq_epi8_mask(vector, _mm512_set1_epi8('\\')) |
		_mm512_cmplt_epu8_mask(vector, _mm512_set1_epi8(0x20));
}

static inline int
first_byte(Mask mask)
{
	return __builtin_ctzll(mask);
}

#include "kernel/kernel_template.h"

#endif							/* __x86_64__ */
