/*-------------------------------------------------------------------------
 *
 * state.c
 *	  The state of an entity: its payloads merged.
 *
 * jsonb keeps the last of several members with the same key, in whatever
 * object they stand.  So it is enough to write the members of all payloads one
 * after the other, as text, and to make jsonb of it once.  When the text has
 * grown too much that is done in between, and what is left is text again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/json.h"
#include "log/entity_scan.h"
#include "pg/jsonb_builder.h"
#include "query/events_query.h"

#define LEAST_TO_COMPACT (1024 * 1024)	/* bytes of text */

typedef struct State
{
	StringInfoData text;		/* of an object, but for its last brace */
	int			compact_at;		/* size */
	MemoryContext compacting;
} State;

static Datum
state_jsonb(State *state)
{
	appendStringInfoChar(&state->text, '}');
	return es_jsonb_datum(es_slice(state->text.data, state->text.len));
}

/* Leaves each key once; of a small state that can grow to twice its size. */
static void
compact(State *state)
{
	MemoryContext before = MemoryContextSwitchTo(state->compacting);
	Jsonb	   *jsonb = DatumGetJsonbP(state_jsonb(state));
	char	   *text = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));

	resetStringInfo(&state->text);
	appendStringInfoString(&state->text, text);
	state->text.data[--state->text.len] = '\0';
	state->compact_at = Max(LEAST_TO_COMPACT, 2 * state->text.len);
	MemoryContextSwitchTo(before);
	MemoryContextReset(state->compacting);
}

/* Adds the members of a payload, if it is an object and has any. */
static void
add_payload(State *state, EsSlice payload)
{
	const char *end = payload.data + payload.size;
	const char *p = es_json_skip_space(payload.data, end);

	if (p == end || *p != '{')
		return;
	p = es_json_skip_space(p + 1, end);
	while (end > p && *--end != '}')
		 /* space behind the object */ ;
	if (p == end)
		return;
	if (state->text.len > state->compact_at)
		compact(state);
	if (state->text.len > 1)
		appendStringInfoChar(&state->text, ',');
	appendBinaryStringInfo(&state->text, p, end - p);
}

static void
begin_state(State *state)
{
	initStringInfo(&state->text);
	appendStringInfoChar(&state->text, '{');
	state->compact_at = LEAST_TO_COMPACT;
	state->compacting = AllocSetContextCreate(CurrentMemoryContext, "eventstore state",
											  ALLOCSET_DEFAULT_SIZES);
}

/*
 * Merges the payloads that are objects, of the events up to 'last_time', in the
 * order of their versions.  Null when there is no event.
 */
Datum
es_query_state(EsSlice tenant_id, EsSlice entity_id, int64 last_time, bool *isnull)
{
	EsEntityRange range = {
		.one_tenant = true,
		.tenant_id = tenant_id,
		.entity_ids = &entity_id,
		.entity_count = 1,
		.last_version = PG_INT64_MAX,
		.in_time = true,
		.first_time = PG_INT64_MIN,
		.last_time = last_time,
		.heads_only = true
	};
	EsEntityScan scan;
	const EsStoredEvent *stored;
	State		state;

	*isnull = true;
	begin_state(&state);
	es_entity_scan_begin(&scan, GetActiveSnapshot(), &range);
	while ((stored = es_entity_scan_next(&scan)) != NULL)
	{
		es_entity_scan_complete(&scan);
		add_payload(&state, stored->event.payload);
		*isnull = false;
	}
	es_entity_scan_end(&scan);
	MemoryContextDelete(state.compacting);
	return *isnull ? (Datum) 0 : state_jsonb(&state);
}
