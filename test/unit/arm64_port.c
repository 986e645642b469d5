/*-------------------------------------------------------------------------
 *
 * arm64_port.c
 *	  For programs that are made for another machine: the few functions of
 *	  libpgport that core and its tests use, in the plainest form.
 *
 * They are declared by the headers of the machine that the programs are made on.
 *
 *-------------------------------------------------------------------------
 */
#include "core/base.h"

#include <strings.h>

#include "port/pg_bitutils.h"
#include "port/pg_crc32c.h"

#undef printf
#undef snprintf
#undef sprintf
#undef vprintf
#undef vsprintf
#undef vsnprintf
#undef qsort

int
pg_printf(const char *format,...)
{
	va_list		args;
	int			result;

	va_start(args, format);
	result = vprintf(format, args);
	va_end(args);
	return result;
}

int
pg_vsnprintf(char *out, size_t size, const char *format, va_list args)
{
	return vsnprintf(out, size, format, args);
}

int
pg_snprintf(char *out, size_t size, const char *format,...)
{
	va_list		args;
	int			result;

	va_start(args, format);
	result = vsnprintf(out, size, format, args);
	va_end(args);
	return result;
}

int
pg_sprintf(char *out, const char *format,...)
{
	va_list		args;
	int			result;

	va_start(args, format);
	result = vsprintf(out, format, args);
	va_end(args);
	return result;
}

void
pg_qsort(void *base, size_t count, size_t size, int (*compare) (const void *, const void *))
{
	qsort(base, count, size, compare);
}

int
pg_strncasecmp(const char *a, const char *b, size_t size)
{
	return strncasecmp(a, b, size);
}

static int
popcount64(uint64 word)
{
	return __builtin_popcountll(word);
}

int			(*pg_popcount64) (uint64 word) = popcount64;

/* Bit by bit: the polynomial of Castagnoli, reflected. */
static pg_crc32c
crc32c(pg_crc32c crc, const void *data, size_t size)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < size; i++)
	{
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0x82F63B78 & (0 - (crc & 1)));
	}
	return crc;
}

pg_crc32c	(*pg_comp_crc32c) (pg_crc32c crc, const void *data, size_t size) = crc32c;
