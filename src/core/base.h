/*-------------------------------------------------------------------------
 *
 * base.h
 *	  What every file of core includes first: PostgreSQL's portable C
 *	  environment, with or without a server, and the slice.
 *
 * Core is plain C: it takes no locks, reads no catalogs, raises no errors
 * (functions return a status) and compiles with -DFRONTEND, so that it is
 * fuzzed and unit-tested without a server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_BASE_H
#define EVENTSTORE_CORE_BASE_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

/* Says of a function that it never returns; PostgreSQL has it by two names. */
#define ES_NORETURN __attribute__((noreturn))

/* A run of bytes that somebody else owns; not terminated by a NUL. */
typedef struct EsSlice
{
	const char *data;
	uint32		size;			/* in bytes */
} EsSlice;

static inline EsSlice
es_slice(const char *data, size_t size)
{
	EsSlice		slice = {data, (uint32) size};

	return slice;
}

/* Compares bytes that are mostly few: two loads each, which may overlap. */
static inline bool
es_bytes_equal(const char *a, const char *b, size_t size)
{
	if (size > 16)
		return memcmp(a, b, size) == 0;
	if (size >= sizeof(uint64))
	{
		uint64		words[4];

		memcpy(&words[0], a, sizeof(uint64));
		memcpy(&words[1], b, sizeof(uint64));
		memcpy(&words[2], a + size - sizeof(uint64), sizeof(uint64));
		memcpy(&words[3], b + size - sizeof(uint64), sizeof(uint64));
		return ((words[0] ^ words[1]) | (words[2] ^ words[3])) == 0;
	}
	if (size >= sizeof(uint32))
	{
		uint32		words[4];

		memcpy(&words[0], a, sizeof(uint32));
		memcpy(&words[1], b, sizeof(uint32));
		memcpy(&words[2], a + size - sizeof(uint32), sizeof(uint32));
		memcpy(&words[3], b + size - sizeof(uint32), sizeof(uint32));
		return ((words[0] ^ words[1]) | (words[2] ^ words[3])) == 0;
	}
	while (size > 0 && a[size - 1] == b[size - 1])
		size--;
	return size == 0;
}

static inline bool
es_slice_equal(EsSlice a, EsSlice b)
{
	return a.size == b.size && es_bytes_equal(a.data, b.data, a.size);
}

/* Copies the slice to out; returns the byte after it. */
static inline char *
es_put_slice(char *out, EsSlice slice)
{
	if (slice.size > 0)
		memcpy(out, slice.data, slice.size);
	return out + slice.size;
}

/* Integers of two bytes, at any address. */
static inline uint16
es_get_uint16(const char *in)
{
	uint16		value;

	memcpy(&value, in, sizeof(value));
	return value;
}

static inline char *
es_put_uint16(char *out, uint32 value)
{
	uint16		narrow = (uint16) value;

	memcpy(out, &narrow, sizeof(narrow));
	return out + sizeof(narrow);
}

static inline bool
es_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

#endif							/* EVENTSTORE_CORE_BASE_H */
