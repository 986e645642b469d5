/*-------------------------------------------------------------------------
 *
 * errors.c
 *	  Words and SQLSTATEs for what can be wrong with an event.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/varlena.h"

#include "mb/pg_wchar.h"

#include "pg/errors.h"

/* Longest part of a user's text that a message repeats, in bytes. */
#define MAX_SHOWN 100

char *
es_slice_for_message(EsSlice slice)
{
	int			shown;

	if (slice.size <= MAX_SHOWN)
		return pnstrdup(slice.data, slice.size);
	shown = pg_mbcliplen(slice.data, slice.size, MAX_SHOWN);
	return psprintf("%.*s...", shown, slice.data);
}

static int
sqlstate_of(EsErrorCode code)
{
	switch (code)
	{
		case ES_ERR_EXPECTED:
		case ES_ERR_JSON:
		case ES_ERR_SAME_LINE:
		case ES_ERR_INVALID_UUID:
			return ERRCODE_INVALID_TEXT_REPRESENTATION;
		case ES_ERR_INVALID_TIMESTAMP:
			return ERRCODE_INVALID_DATETIME_FORMAT;
		case ES_ERR_TIMESTAMP_RANGE:
			return ERRCODE_DATETIME_VALUE_OUT_OF_RANGE;
		case ES_ERR_TOO_LONG:
		case ES_ERR_TOO_MANY_TAGS:
		case ES_ERR_TOO_LARGE:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		default:
			return ERRCODE_INVALID_PARAMETER_VALUE;
	}
}

/* The primary message, without the event's ordinal. */
static char *
message_of(const EsError *error, const char *key)
{
	switch (error->code)
	{
		case ES_ERR_EXPECTED:
			return psprintf("expected %s", error->expected);
		case ES_ERR_JSON:
			return pstrdup("invalid or unfinished JSON value");
		case ES_ERR_SAME_LINE:
			return pstrdup("expected a newline between events");
		case ES_ERR_UNKNOWN_KEY:
			return psprintf("unknown key \"%s\"", key);
		case ES_ERR_REPEATED_KEY:
			return psprintf("repeated key \"%s\"", key);
		case ES_ERR_MISSING_KEY:
			return psprintf("missing key \"%s\"", key);
		case ES_ERR_WRONG_TYPE:
			return psprintf("key \"%s\" must be %s", key, error->expected);
		case ES_ERR_EMPTY:
			return psprintf("%s must not be empty", key);
		case ES_ERR_TOO_LONG:
			return psprintf("%s is too long: %u bytes, the limit is " INT64_FORMAT, key,
							error->value.size, error->limit);
		case ES_ERR_CONTROL_CHARACTER:
			return psprintf("%s must not contain control characters", key);
		case ES_ERR_TOO_MANY_TAGS:
			return psprintf("too many tags: the limit is " INT64_FORMAT, error->limit);
		case ES_ERR_TOO_LARGE:
			return psprintf("event is too large: the limit is " INT64_FORMAT " bytes", error->limit);
		case ES_ERR_INVALID_UUID:
			return psprintf("%s is not a UUID: \"%s\"", key, es_slice_for_message(error->value));
		case ES_ERR_INVALID_TIMESTAMP:
			return psprintf("%s is not an RFC 3339 timestamp: \"%s\"", key,
							es_slice_for_message(error->value));
		case ES_ERR_TIMESTAMP_RANGE:
			return psprintf("%s is out of range", key);
		case ES_ERR_EXPECTED_VERSION:
			return psprintf("invalid %s " INT64_FORMAT, key, error->limit);
		case ES_ERR_TYPE_NAME:
		case ES_ERR_ENTITY_NAME:
		case ES_ERR_TENANT_NAME:
			return psprintf("%s breaks the naming rules: \"%s\"", key,
							es_slice_for_message(error->value));
		case ES_OK:
			break;
	}
	return pstrdup("invalid event");
}

/* Where the problem is; NULL when there is no more to say. */
static char *
detail_of(const EsError *error)
{
	switch (error->code)
	{
		case ES_ERR_EXPECTED:
		case ES_ERR_JSON:
		case ES_ERR_SAME_LINE:
			return psprintf("The problem is at byte %zu of the text.", error->offset + 1);
		default:
			return NULL;
	}
}

static const char *const keys[] = {
	"entity_id", "event_type", "payload", "metadata", "event_id", "tenant_id", "tags",
	"occurred_at", "expected_version"
};

/* The most letters that a misspelt key differs in, as PostgreSQL has it for columns. */
#define MAX_MISSPELLING 3

/* The key that was meant, if another one is much like it, else all keys. */
static const char *
hint_of_key(EsSlice key)
{
	StringInfoData all;
	const char *meant = NULL;
	int			least = Min(MAX_MISSPELLING, (int) key.size / 2) + 1;

	initStringInfo(&all);
	for (int i = 0; i < (int) lengthof(keys); i++)
	{
		int			length = strlen(keys[i]);
		int			distance = key.size > NAMEDATALEN ? least :
		varstr_levenshtein_less_equal(key.data, key.size, keys[i], length, 1, 1, 1, least, true);

		if (distance < least)
		{
			least = distance;
			meant = keys[i];
		}
		appendStringInfo(&all, "%s%s", i == 0 ? "" : i == lengthof(keys) - 1 ? " and " : ", ", keys[i]);
	}
	return meant != NULL ? psprintf("Perhaps you meant the key \"%s\".", meant) :
		psprintf("The keys of an event are %s.", all.data);
}

static const char *
hint_of(const EsError *error)
{
	switch (error->code)
	{
		case ES_ERR_UNKNOWN_KEY:
			return hint_of_key(error->key);
		case ES_ERR_INVALID_TIMESTAMP:
			return "Write it with its time zone, as in \"2026-01-31T12:00:00Z\" or \"2026-01-31 13:00:00+01\".";
		case ES_ERR_TIMESTAMP_RANGE:
			return "It must lie in the years 1 to 9999.";
		case ES_ERR_EXPECTED_VERSION:
			return "Use a version, 0 for an entity that must not exist, -1 for one that must exist, or leave it out.";
		case ES_ERR_TOO_LARGE:
			return "The setting \"eventstore.max_event_size\" is the limit.";
		case ES_ERR_TYPE_NAME:
			return "An event type has lower-case letters, digits, \"_\" and \".\", and no leading, trailing or double dot.";
		case ES_ERR_ENTITY_NAME:
			return "An entity_id has no leading or trailing white space.";
		case ES_ERR_TENANT_NAME:
			return "A tenant_id has 1 to 64 letters, digits, \"-\" and \"_\".";
		default:
			return NULL;
	}
}

void
es_error_report(const EsError *error, int64 ordinal)
{
	char	   *key = es_slice_for_message(error->key);
	char	   *message = message_of(error, key);
	char	   *detail = detail_of(error);
	const char *hint = hint_of(error);

	if (ordinal > 0)
		message = psprintf("event " INT64_FORMAT ": %s", ordinal, message);
	ereport(ERROR,
			(errcode(sqlstate_of(error->code)),
			 errmsg_internal("%s", message),
			 detail != NULL ? errdetail_internal("%s", detail) : 0,
			 hint != NULL ? errhint("%s", hint) : 0));
	pg_unreachable();
}
