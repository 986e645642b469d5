/*-------------------------------------------------------------------------
 *
 * error.h
 *	  What can be wrong with an event, as data.
 *
 * Core only fills in an EsError; pg/errors.c gives it words and a SQLSTATE.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_ERROR_H
#define EVENTSTORE_CORE_ERROR_H

#include "core/base.h"

typedef enum EsErrorCode
{
	ES_OK = 0,

	/* the text is not the JSON that is expected here */
	ES_ERR_EXPECTED,			/* 'expected' says what should stand there */
	ES_ERR_JSON,				/* a value that is no valid JSON */
	ES_ERR_SAME_LINE,			/* two events without a newline between */

	/* the envelope */
	ES_ERR_UNKNOWN_KEY,
	ES_ERR_REPEATED_KEY,
	ES_ERR_MISSING_KEY,
	ES_ERR_WRONG_TYPE,			/* 'expected' names the JSON type */

	/* the limits of section "Events" of the reference */
	ES_ERR_EMPTY,
	ES_ERR_TOO_LONG,			/* 'limit' in bytes */
	ES_ERR_CONTROL_CHARACTER,
	ES_ERR_TOO_MANY_TAGS,		/* 'limit' */
	ES_ERR_TOO_LARGE,			/* the whole event; 'limit' in bytes */
	ES_ERR_INVALID_UUID,
	ES_ERR_INVALID_TIMESTAMP,
	ES_ERR_TIMESTAMP_RANGE,
	ES_ERR_EXPECTED_VERSION,

	/* the naming rules of checked events */
	ES_ERR_TYPE_NAME,
	ES_ERR_ENTITY_NAME,
	ES_ERR_TENANT_NAME
} EsErrorCode;

typedef struct EsError
{
	EsErrorCode code;
	EsSlice		key;			/* the key or field at fault, where there is
								 * one */
	EsSlice		value;			/* the value at fault, where it helps */
	const char *expected;		/* static text */
	int64		limit;
	size_t		offset;			/* into the parsed text, of malformed JSON */
} EsError;

/* Fills in an error about the named field; always returns false. */
static inline bool
es_error_field(EsError *error, EsErrorCode code, const char *field,
			   EsSlice value, int64 limit)
{
	error->code = code;
	error->key = es_slice(field, strlen(field));
	error->value = value;
	error->limit = limit;
	return false;
}

#endif							/* EVENTSTORE_CORE_ERROR_H */
