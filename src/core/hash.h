/*-------------------------------------------------------------------------
 *
 * hash.h
 *	  XXH3 (libxxhash), compiled in, and the CRC-32C of PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_HASH_H
#define EVENTSTORE_CORE_HASH_H

#include "core/base.h"

#include "port/pg_crc32c.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* A hash that is the same everywhere and always: it is stored in blocks. */
static inline uint64
es_stable_hash(EsSlice text)
{
	return XXH3_64bits(text.data, text.size);
}

/* The bit of a block's type summary that stands for an event type. */
static inline uint64
es_type_bit(EsSlice event_type)
{
	return UINT64CONST(1) << (es_stable_hash(event_type) & 63);
}

#endif							/* EVENTSTORE_CORE_HASH_H */
