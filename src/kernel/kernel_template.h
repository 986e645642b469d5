/*-------------------------------------------------------------------------
 *
 * kernel_template.h
 *	  The loops of a kernel, for vectors of any size.
 *
 * The file of an instruction set includes this once, after it has defined
 *
 *	KERNEL			the name of its table
 *	KERNEL_NAME		the value of the setting
 *	Vector			some bytes that are looked at together
 *	Mask			what a comparison of two vectors gives, 0 for no byte
 *	load_vector()	the sizeof(Vector) bytes at any address
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

static const char *
skip_plain(const char *p, const char *end)
{
	for (; end - p >= (ptrdiff_t) sizeof(Vector); p += sizeof(Vector))
	{
		Mask		found = attention(load_vector(p));

		if (found != 0)
			return p + first_byte(found);
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char) *p >= 0x20)
		p++;
	return p;
}

static uint64
hash(const char *p, size_t size)
{
	return XXH3_64bits(p, size);
}

const EsKernel KERNEL = {
	.name = KERNEL_NAME,
	.skip_plain = skip_plain,
	.hash = hash
};
