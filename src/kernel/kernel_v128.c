/*-------------------------------------------------------------------------
 *
 * kernel_v128.c
 *	  The kernel for vectors of 16 bytes: SSE4.2, or by way of SIMDe what
 *	  other machines have, NEON for example.
 *
 *-------------------------------------------------------------------------
 */
#include "core/base.h"

#include <simde/x86/sse4.2.h>

#define KERNEL es_kernel_v128
#define KERNEL_NAME "v128"

typedef simde__m128i Vector;
typedef uint32 Mask;

static inline Vector
load_vector(const char *p)
{
	return simde_mm_loadu_si128((const void *) p);
}

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
