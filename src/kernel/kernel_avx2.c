/*-------------------------------------------------------------------------
 *
 * kernel_avx2.c
 *	  The kernel for vectors of 32 bytes; empty where there is no AVX2.
 *
 *-------------------------------------------------------------------------
 */
#ifdef __x86_64__

#include "core/base.h"

#include <immintrin.h>

#define KERNEL es_kernel_avx2
#define KERNEL_NAME "avx2"

typedef __m256i Vector;
typedef uint32 Mask;

static inline Vector
load_vector(const char *p)
{
	return _mm256_loadu_si256((const void *) p);
}

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
