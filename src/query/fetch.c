/*-------------------------------------------------------------------------
 *
 * fetch.c
 *	  Single values of the events of a block, as SQL has them.
 *
 * A value at a place in a document is read out of its column where it has one of
 * its own; else the document is put together, and the value is looked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "filter/columns.h"
#include "filter/test.h"
#include "pg/jsonb_builder.h"
#include "query/fetch.h"
#include "row/output.h"

/* A column of event i, in the current memory context. */
Datum
es_fetch_column(EsView *view, uint32 i, EsField field, bool *isnull)
{
	*isnull = false;
	if (field == ES_FIELD_POSITION)
		return Int64GetDatum(es_view_position(view, i));
	if (field == ES_FIELD_RECORDED_AT)
		return TimestampTzGetDatum(es_view_recorded_at(view, i));
	return es_stored_value(es_column_forms[field].in_body ? es_view_event(view, i) : es_view_head(view, i),
						   field, isnull);
}

/* -------------------------------------------------------------- extractions */

/* Looks for the value in the whole document. */
static EsFound
find_in_document(const EsStoredEvent *stored, const EsExtraction *extraction, EsSlice *json)
{
	const EsEvent *event = &stored->event;
	EsFound		found;

	if (extraction->field == ES_FIELD_METADATA && !(event->has & ES_HAS_METADATA))
		return ES_FOUND_MISSING;
	found = es_path_find(&extraction->path, 0,
						 extraction->field == ES_FIELD_PAYLOAD ? event->payload : event->metadata,
						 json);
	if (found == ES_FOUND_UNSURE)
		es_report_damage(stored->position, ES_BLOCK_BAD_STRUCTURE);
	return found;
}

/* Notes what is the same for all events of the block. */
static void
open_block(EsView *view, EsExtraction *extraction)
{
	extraction->block = view->number;
	extraction->column = -1;
	es_view_integers(view, extraction->field == ES_FIELD_PAYLOAD ? ES_SLOT_PAYLOAD_SHAPE :
					 ES_SLOT_METADATA_SHAPE, &extraction->shapes);
	es_view_integers(view, ES_SLOT_FLAGS, &extraction->flags);
}

static void
open_column(EsView *view, EsExtraction *extraction, uint8 column)
{
	uint32		slot = ES_LEAF_SLOT(column);

	es_view_strings(view, slot, &extraction->strings);
	if (extraction->strings.presence != NULL &&
		!es_vector_presence(view->block, slot, extraction->presence))
		es_view_damaged(view);
	extraction->column = column;
}

/* Which of the column's values is that of event i? */
static uint32
rank_of(EsView *view, const EsExtraction *extraction, uint32 i)
{
	uint32		rank = 0;

	if (extraction->strings.presence == NULL)
		return i;
	if (!es_bit(extraction->presence, i))
		es_view_damaged(view);
	for (uint32 word = 0; word < i / 64; word++)
		rank += __builtin_popcountll(extraction->presence[word]);
	return rank + __builtin_popcountll(extraction->presence[i / 64] &
									   ((UINT64CONST(1) << (i % 64)) - 1));
}

static EsFound
find_in_column(EsView *view, uint32 i, EsExtraction *extraction, const EsPlace *place,
			   EsSlice *json)
{
	EsSlice		leaf;
	EsFound		found;

	if (extraction->column != place->column)
		open_column(view, extraction, place->column);
	leaf = es_view_value(view, &extraction->strings, rank_of(view, extraction, i), i);
	found = es_path_find(&extraction->path, place->steps, leaf, json);
	if (found == ES_FOUND_UNSURE)
		es_view_damaged(view);
	return found;
}

/*
 * Finds the value at the place in event i, as JSON text that lasts until the
 * next call.
 */
EsFound
es_fetch_json(EsView *view, uint32 i, EsExtraction *extraction, EsSlice *json)
{
	const EsPlace *places;
	int64		shape;

	if (!view->columns)
		return find_in_document(es_view_event(view, i), extraction, json);
	if (extraction->block != view->number)
		open_block(view, extraction);
	if (extraction->field == ES_FIELD_METADATA &&
		!(es_integers_value(&extraction->flags, i) & ES_HAS_METADATA))
		return ES_FOUND_MISSING;
	shape = es_integers_value(&extraction->shapes, i);
	if (shape < 0 || shape >= view->block->columns.shape_count)
		es_view_damaged(view);
	places = es_view_places(view, extraction->path_number);
	switch (places[shape].kind)
	{
		case ES_PLACE_MISSING:
			return ES_FOUND_MISSING;
		case ES_PLACE_LEAF:
			return find_in_column(view, i, extraction, &places[shape], json);
		default:
			return find_in_document(es_view_event(view, i), extraction, json);
	}
}

static Datum
extracted(const EsExtraction *extraction, EsFound found, EsSlice json, bool *isnull)
{
	EsSlice		text;

	*isnull = found == ES_FOUND_MISSING;
	if (*isnull)
		return (Datum) 0;
	if (extraction->type == ES_VALUE_JSON)
		return es_jsonb_datum(json);
	*isnull = !es_json_as_text(json, &text);
	return *isnull ? (Datum) 0 : es_text_datum(text);
}

/* The value at the place in event i, in the current memory context. */
Datum
es_fetch_extraction(EsView *view, uint32 i, EsExtraction *extraction, bool *isnull)
{
	EsSlice		json = {NULL, 0};
	EsFound		found = es_fetch_json(view, i, extraction, &json);

	return extracted(extraction, found, json, isnull);
}

/* The same of an event that was read. */
Datum
es_fetch_stored_extraction(const EsStoredEvent *stored, const EsExtraction *extraction,
						   bool *isnull)
{
	EsSlice		json = {NULL, 0};
	EsFound		found = find_in_document(stored, extraction, &json);

	return extracted(extraction, found, json, isnull);
}

/*
 * The code of the value in event i, after the extraction was found in the
 * column of a dictionary that is open.
 */
uint32
es_fetch_code(EsView *view, uint32 i, const EsExtraction *extraction)
{
	uint32		code = (uint32) es_integers_get(extraction->strings.data, extraction->strings.width,
												rank_of(view, extraction, i));

	if (code >= extraction->strings.word_count)
		es_view_damaged(view);
	return code;
}
