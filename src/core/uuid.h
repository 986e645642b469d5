/*-------------------------------------------------------------------------
 *
 * uuid.h
 *	  Event ids: UUID text and UUIDv7 (RFC 9562).
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_UUID_H
#define EVENTSTORE_CORE_UUID_H

#include "core/base.h"

#include "port/pg_bswap.h"

#define ES_UUID_SIZE		16
#define ES_UUID_TEXT_SIZE	36

/* The two halves as big-endian signed numbers, which is how blocks keep them. */
static inline void
es_uuid_halves(const uint8 *uuid, int64 halves[2])
{
	uint64		half;

	for (int i = 0; i < 2; i++)
	{
		memcpy(&half, uuid + i * sizeof(half), sizeof(half));
		halves[i] = (int64) pg_ntoh64(half);
	}
}

extern bool es_uuid_parse(EsSlice text, uint8 *uuid);
extern void es_uuid_print(const uint8 *uuid, char *out);
extern void es_uuid_v7(int64 timestamp_us, uint32 sequence, uint64 tail,
					   uint8 *uuid);
extern bool es_uuid_v7_time(const uint8 *uuid, int64 *timestamp_us);

#endif							/* EVENTSTORE_CORE_UUID_H */
