/*-------------------------------------------------------------------------
 *
 * kernel_avx512.c
 *	  The kernel for vectors of 64 bytes; empty where there is no AVX-512.
 *
 *-------------------------------------------------------------------------
 */
#ifdef __x86_64__

#include "core/base.h"

#include <immintrin.h>

#define KERNEL es_kernel_avx512
#define KERNEL_NAME "avx512"

typedef __m512i Vector;
typedef uint64 Mask;

static inline Vector
load_vector(const char *p)
{
	return _mm512_loadu_si512((const void *) p);
}

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
