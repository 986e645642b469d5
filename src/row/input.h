/*-------------------------------------------------------------------------
 *
 * input.h
 *	  Turns SQL values into events, with all checks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_ROW_INPUT_H
#define EVENTSTORE_ROW_INPUT_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/array.h"
#include "utils/relcache.h"

#include "core/envelope.h"
#include "core/event.h"
#include "core/fields.h"

/* Events that are collected for one batch. */
typedef struct EsEventList
{
	EsEvent    *events;
	int64		count;
	int64		capacity;
	bool		checked;		/* the naming rules apply */
	bool		in_batch;		/* errors name the event's ordinal */
	size_t		max_size;		/* of an event, in bytes */
	EsParserHooks hooks;
	EsParser	parser;
	EsEvent		single;			/* the event, when it is not a batch */
	MemoryContext judging;		/* what the server's parser allocates */
} EsEventList;

extern EsSlice es_text_datum_slice(Datum datum);
extern EsSlice es_jsonb_slice(Datum datum);
extern EsSlice es_jsonb_field(Datum datum);

extern void es_list_init(EsEventList *list, bool checked, bool in_batch);
extern EsEvent *es_list_add(EsEventList *list);
extern void es_list_check_last(EsEventList *list);
extern void es_list_parse_single(EsEventList *list, EsSlice text);
extern void es_list_parse_batch(EsEventList *list, EsSlice text);
extern EsSlice es_list_document(EsEventList *list, EsSlice text, const char *field,
								EsDocument *document);
extern void es_list_take_tags(EsEventList *list, EsEvent *event, EsSlice text);
extern void es_list_take_apart(EsEventList *list, EsEvent *event);

extern void es_event_from_row(Relation table, TupleTableSlot *slot, int64 ordinal,
							  EsEvent *event);

/* What arguments can be for besides columns. */
#define ES_ARGUMENT_EXPECTED_VERSION	ES_RECORDED_NATTS
#define ES_ARGUMENT_PAYLOAD_TEXT		(ES_RECORDED_NATTS + 1)

extern void es_list_add_arguments(EsEventList *list, const NullableDatum *args,
								  const int *columns, int count);
extern void es_event_set_tags(EsEvent *event, ArrayType *tags, int64 ordinal);
extern void es_event_set_tenant_text(EsEvent *event, EsSlice tenant_id, int64 ordinal);
extern void es_event_set_metadata(EsEvent *event, EsSlice metadata, int64 ordinal);
extern void es_event_set_id(EsEvent *event, Datum uuid);
extern void es_event_set_occurred_at(EsEvent *event, Datum occurred_at);
extern void es_event_set_expected_version(EsEvent *event, Datum version);
extern void es_report_null(const char *field, int64 ordinal) ES_NORETURN;

#endif							/* EVENTSTORE_ROW_INPUT_H */
