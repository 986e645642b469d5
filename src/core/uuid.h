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

#define ES_UUID_SIZE		16
#define ES_UUID_TEXT_SIZE	36

extern bool es_uuid_parse(EsSlice text, uint8 *uuid);
extern void es_uuid_print(const uint8 *uuid, char *out);
extern void es_uuid_v7(int64 timestamp_us, uint32 sequence, uint64 tail,
					   uint8 *uuid);

#endif							/* EVENTSTORE_CORE_UUID_H */
