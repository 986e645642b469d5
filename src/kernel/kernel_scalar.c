/*-------------------------------------------------------------------------
 *
 * kernel_scalar.c
 *	  The kernel for any machine: eight bytes at a time in an integer.
 *
 * The first byte of a vector is the lowest byte of the integer.  A Mask has the
 * top bit of each byte that was found.  Subtraction borrows from the byte
 * above only where a byte was found, so bytes above the first one may be wrong,
 * but never the first one.
 *
 *-------------------------------------------------------------------------
 */
#include "core/base.h"

#include "port/pg_bswap.h"

#define KERNEL es_kernel_scalar
#define KERNEL_NAME "scalar"

typedef uint64 Vector;
typedef uint64 Mask;

#define ALL_BYTES(byte) (UINT64CONST(0x0101010101010101) * (byte))

static inline Vector
load_vector(const char *p)
{
	Vector		vector;

	memcpy(&vector, p, sizeof(vector));
#ifdef WORDS_BIGENDIAN
	vector = pg_bswap64(vector);
#endif
	return vector;
}

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
