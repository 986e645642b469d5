/*-------------------------------------------------------------------------
 *
 * uuid.c
 *	  Event ids: UUID text and UUIDv7 (RFC 9562).
 *
 *-------------------------------------------------------------------------
 */
#include "core/uuid.h"

#include "port/pg_bswap.h"

/* From PostgreSQL's epoch (2000-01-01) back to Unix's, in milliseconds. */
#define UNIX_EPOCH_OFFSET_MS INT64CONST(946684800000)

static const int8 hex_value[256] = {
	['0'] = 1,['1'] = 2,['2'] = 3,['3'] = 4,['4'] = 5,['5'] = 6,['6'] = 7,
	['7'] = 8,['8'] = 9,['9'] = 10,['a'] = 11,['b'] = 12,['c'] = 13,
	['d'] = 14,['e'] = 15,['f'] = 16,['A'] = 11,['B'] = 12,['C'] = 13,
	['D'] = 14,['E'] = 15,['F'] = 16
};

/*
 * Reads the 8-4-4-4-12 form.  Returns false for anything else.
 */
bool
es_uuid_parse(EsSlice text, uint8 *uuid)
{
	const char *p = text.data;

	if (text.size != ES_UUID_TEXT_SIZE)
		return false;
	for (int i = 0; i < ES_UUID_SIZE; i++)
	{
		int			high;
		int			low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
			return false;
		high = hex_value[(unsigned char) *p++] - 1;
		low = hex_value[(unsigned char) *p++] - 1;
		if (high < 0 || low < 0)
			return false;
		uuid[i] = (uint8) (high << 4 | low);
	}
	return true;
}

/* Writes the 36 characters of the 8-4-4-4-12 form, without a NUL. */
void
es_uuid_print(const uint8 *uuid, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; i < ES_UUID_SIZE; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = hex[uuid[i] >> 4];
		*out++ = hex[uuid[i] & 0xF];
	}
}

/*
 * Makes a UUIDv7: milliseconds, then 12 bits of 'sequence' so that the ids of
 * one batch ascend, then the low 62 bits of 'tail', which are the caller's.
 */
void
es_uuid_v7(int64 timestamp_us, uint32 sequence, uint64 tail, uint8 *uuid)
{
	uint64		unix_ms = (uint64) (timestamp_us / 1000 + UNIX_EPOCH_OFFSET_MS) + (sequence >> 12);
	uint64		high = pg_hton64(unix_ms << 16 | 0x7000 | (sequence & 0x0FFF));
	uint64		low = pg_hton64(UINT64CONST(1) << 63 | (tail & (UINT64_MAX >> 2)));

	memcpy(uuid, &high, sizeof(high));
	memcpy(uuid + sizeof(high), &low, sizeof(low));
}

/* Reads the time, of whole milliseconds; false when it is no UUIDv7. */
bool
es_uuid_v7_time(const uint8 *uuid, int64 *timestamp_us)
{
	int64		halves[2];

	es_uuid_halves(uuid, halves);
	*timestamp_us = ((int64) ((uint64) halves[0] >> 16) - UNIX_EPOCH_OFFSET_MS) * 1000;
	return (halves[0] >> 12 & 0xF) == 7;
}
