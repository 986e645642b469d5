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

static inline bool
es_slice_equal(EsSlice a, EsSlice b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Copies the slice to out; returns the byte after it. */
static inline char *
es_put_slice(char *out, EsSlice slice)
{
	if (slice.size > 0)
		memcpy(out, slice.data, slice.size);
	return out + slice.size;
}

#endif							/* EVENTSTORE_CORE_BASE_H */
