/*-------------------------------------------------------------------------
 *
 * timestamp.h
 *	  RFC 3339 timestamps to and from PostgreSQL's microseconds.
 *
 * Times are microseconds since 2000-01-01 00:00:00 UTC, as in timestamptz.
 * An event's time lies in the years 1 to 9999, which RFC 3339 can write.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_TIMESTAMP_H
#define EVENTSTORE_CORE_TIMESTAMP_H

#include "core/base.h"
#include "core/error.h"

/* 0001-01-01 00:00:00 UTC and 10000-01-01 00:00:00 UTC (exclusive) */
#define ES_TIMESTAMP_MIN	INT64CONST(-63082281600000000)
#define ES_TIMESTAMP_END	INT64CONST(252455616000000000)

/* "2026-01-02T03:04:05.678901Z" and a NUL */
#define ES_TIMESTAMP_TEXT_SIZE	28

extern EsErrorCode es_timestamp_parse(EsSlice text, int64 *timestamp_us);
extern bool es_timestamp_scan(EsSlice text, int64 *timestamp_us);
extern size_t es_timestamp_put(int64 timestamp_us, char separator, int digits,
							   char *out);
extern size_t es_timestamp_print(int64 timestamp_us, char *out);

#endif							/* EVENTSTORE_CORE_TIMESTAMP_H */
