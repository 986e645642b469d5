/*-------------------------------------------------------------------------
 *
 * json.h
 *	  A validating scanner for JSON text (RFC 8259).
 *
 * The scanner vouches for what it accepts: every value that it passes is one
 * that jsonb accepts too.  What it does not vouch for - text that is wrong,
 * and text that is merely unusual, such as very long or large numbers and
 * deep nesting - it leaves to a slower, exact judge.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_JSON_H
#define EVENTSTORE_CORE_JSON_H

#include "core/base.h"

/* Nesting that the scanner follows by itself. */
#define ES_JSON_MAX_DEPTH 256

/* Digits (and point and sign) of a number that the scanner vouches for. */
#define ES_JSON_MAX_NUMBER 256

/* Digits of an exponent: far from what is too large for a numeric. */
#define ES_JSON_MAX_EXPONENT 3

/* A larger value may exceed what jsonb can hold, so its judge is asked. */
#define ES_JSON_MAX_VALUE (16 * 1024 * 1024)

typedef enum EsJsonKind
{
	ES_JSON_OBJECT,
	ES_JSON_ARRAY,
	ES_JSON_STRING,
	ES_JSON_NUMBER,
	ES_JSON_BOOLEAN,
	ES_JSON_NULL,
	ES_JSON_NONE				/* no value starts here */
} EsJsonKind;

static inline bool
es_json_is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

extern const char *es_json_skip_space(const char *p, const char *end);
extern EsJsonKind es_json_kind(const char *p, const char *end);
extern const char *es_json_scan(const char *p, const char *end);
extern const char *es_json_scan_scalar(const char *p, const char *end);
extern const char *es_json_scan_key(const char *p, const char *end);
extern const char *es_json_extent(const char *p, const char *end);
extern int64 es_json_depth(EsSlice json);
extern const char *es_json_scan_string(const char *p, const char *end,
									   bool *escaped);
extern size_t es_json_unescape(const char *p, const char *end, char *out);
extern bool es_json_escaped_string_equal(EsSlice json_string, EsSlice text);
extern size_t es_json_escape(EsSlice text, char *out);

/* Bytes that es_json_escape() may write, quotes included. */
#define ES_JSON_ESCAPED_SIZE(size) (6 * (size_t) (size) + 2)

/* Has a string, which is at least its quotes, no escapes? */
static inline bool
es_json_string_plain(EsSlice json_string)
{
	return memchr(json_string.data, '\\', json_string.size) == NULL;
}

/* Does a string, with its quotes, mean this text? */
static inline bool
es_json_string_equal(EsSlice json_string, EsSlice text)
{
	if (json_string.size < text.size + UINT64CONST(2))
		return false;			/* escapes only make it longer */
	if (json_string.size == text.size + 2)
		return es_bytes_equal(json_string.data + 1, text.data, text.size) &&
			es_json_string_plain(json_string);
	return es_json_escaped_string_equal(json_string, text);
}

#endif							/* EVENTSTORE_CORE_JSON_H */
