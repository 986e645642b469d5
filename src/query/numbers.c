/*-------------------------------------------------------------------------
 *
 * numbers.c
 *	  Numbers of the events of a block: columns and values in documents.
 *
 * Columns of integers and decimals are unpacked as a whole.  Other values are
 * read one by one, as text that is a plain number; what is spelt in another way
 * is left to the cast, which may raise an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "filter/test.h"
#include "query/numbers.h"

static void
make_room(EsView *view, EsNumbers *numbers)
{
	numbers->values = MemoryContextAlloc(view->context, view->count * sizeof(int64));
	numbers->scales = MemoryContextAllocZero(view->context, view->count);
	numbers->states = MemoryContextAllocZero(view->context, view->count);
}

/* ----------------------------------------------------------------- columns */

static void
read_integers(EsView *view, uint32 slot, EsNumbers *numbers)
{
	EsIntegers	integers;

	es_view_integers(view, slot, &integers);
	for (uint32 i = 0; i < view->count; i++)
		numbers->values[i] = es_integers_value(&integers, i);
}

static void
read_occurred(EsView *view, EsNumbers *numbers)
{
	EsIntegers	flags;

	read_integers(view, ES_SLOT_OCCURRED, numbers);
	es_view_integers(view, ES_SLOT_FLAGS, &flags);
	for (uint32 i = 0; i < view->count; i++)
	{
		if (!(es_integers_value(&flags, i) & ES_HAS_OCCURRED_AT))
			numbers->values[i] = es_view_recorded_at(view, i);
	}
}

static void
read_event_column(EsView *view, EsField field, const uint64 *rows, EsNumbers *numbers)
{
	int			row = -1;

	while (es_bits_next(rows, view->words, &row))
	{
		const EsStoredEvent *stored = es_view_head(view, row);

		numbers->values[row] = field == ES_FIELD_VERSION ? stored->version :
			es_stored_occurred_at(stored);
	}
}

static void
read_column(EsView *view, EsField field, const uint64 *rows, EsNumbers *numbers)
{
	memset(numbers->states, ES_NUMBER_SCALED, view->count);
	switch (field)
	{
		case ES_FIELD_POSITION:
			for (uint32 i = 0; i < view->count; i++)
				numbers->values[i] = es_view_position(view, i);
			break;
		case ES_FIELD_RECORDED_AT:
			for (uint32 i = 0; i < view->count; i++)
				numbers->values[i] = es_view_recorded_at(view, i);
			break;
		default:
			if (!view->columns)
				read_event_column(view, field, rows, numbers);
			else if (field == ES_FIELD_VERSION)
				read_integers(view, ES_SLOT_VERSION, numbers);
			else
				read_occurred(view, numbers);
			break;
	}
}

/* --------------------------------------------------------------- documents */

/* Does the cast accept all numbers of the column, and change none? */
static bool
fits_type(EsValueType type, int64 value, uint32 scale)
{
	switch (type)
	{
		case ES_VALUE_NUMERIC:
			return true;
		case ES_VALUE_INT8:
			return scale == 0;
		case ES_VALUE_INT4:
			return scale == 0 && value >= PG_INT32_MIN && value <= PG_INT32_MAX;
		default:
			return scale == 0 && value >= PG_INT16_MIN && value <= PG_INT16_MAX;
	}
}

/* Reads a single value. */
static void
read_value(EsView *view, EsNumberSource *source, uint32 i, EsNumbers *numbers)
{
	EsSlice		json;
	EsSlice		text;
	uint32		scale;

	if (es_fetch_json(view, i, source->extraction, &json) == ES_FOUND_MISSING ||
		!es_json_as_text(json, &text))
	{
		numbers->states[i] = ES_NUMBER_NULL;
		return;
	}
	numbers->states[i] = ES_NUMBER_TEXT;
	if (!es_read_scaled(text, &numbers->values[i], &scale) ||
		!fits_type(source->type, numbers->values[i], scale))
		return;
	numbers->scales[i] = scale;
	numbers->states[i] = ES_NUMBER_SCALED;
}

/* The documents of a block, and where the values are in those of each shape. */
typedef struct Documents
{
	EsIntegers	shapes;
	uint32		shape_count;
	const EsPlace *places;
	uint32		steps;			/* of the path */
} Documents;

static void
open_documents(EsView *view, const EsNumberSource *source, Documents *documents)
{
	documents->shape_count = view->block->columns.shape_count;
	documents->places = es_view_places(view, source->extraction->path_number);
	documents->steps = source->extraction->path.step_count;
	es_view_integers(view, ES_SLOT_PAYLOAD_SHAPE, &documents->shapes);
}

static const EsPlace *
place_of(EsView *view, const Documents *documents, uint32 row)
{
	int64		shape = es_integers_value(&documents->shapes, row);

	if (shape < 0 || shape >= documents->shape_count)
		es_view_damaged(view);
	return &documents->places[shape];
}

static bool
is_leaf(const EsPlace *place, uint32 steps)
{
	return place->kind == ES_PLACE_LEAF && place->steps == steps;
}

/*
 * Unpacks a column of numbers to the events whose value it has.  Others may have
 * a value in it too, but at another place, as with a key that is there twice.
 */
static bool
read_leaves(EsView *view, EsNumberSource *source, const Documents *documents, uint8 column,
			EsNumbers *numbers)
{
	EsStrings	strings;
	uint64		presence[ES_BLOCK_BIT_WORDS];
	uint32		scale;
	uint32		value = 0;
	int			row = -1;

	es_view_strings(view, ES_LEAF_SLOT(column), &strings);
	scale = strings.encoding == ES_COLUMN_DECIMAL ? strings.param : 0;
	if ((strings.encoding != ES_COLUMN_DECIMAL && strings.encoding != ES_COLUMN_INTEGER) ||
		strings.exceptions.count > 0)
		return false;
	if (strings.presence == NULL)
		es_bits_fill(presence, view->count);
	else if (!es_vector_presence(view->block, ES_LEAF_SLOT(column), presence))
		es_view_damaged(view);
	for (; es_bits_next(presence, view->words, &row); value++)
	{
		int64		number;

		if (documents->shapes.width > 0 && place_of(view, documents, row)->column != column)
			continue;
		number = (int64) ((uint64) strings.base + es_integers_get(strings.data, strings.width, value));
		numbers->values[row] = number;
		numbers->scales[row] = (uint8) scale;
		numbers->states[row] = fits_type(source->type, number, scale) ? ES_NUMBER_SCALED : ES_NUMBER_TEXT;
	}
	return true;
}

/* Reads the columns that hold values of the path, one after another. */
static void
read_documents(EsView *view, EsNumberSource *source, const uint64 *rows, EsNumbers *numbers)
{
	Documents	documents;
	enum
	{
		NEW, READ, NO_NUMBERS
	}			columns[256] = {NEW};
	int			row = -1;

	open_documents(view, source, &documents);
	for (uint32 shape = 0; shape < documents.shape_count; shape++)
	{
		const EsPlace *place = &documents.places[shape];

		if (is_leaf(place, documents.steps) && columns[place->column] == NEW)
			columns[place->column] = read_leaves(view, source, &documents, place->column, numbers) ?
				READ : NO_NUMBERS;
	}
	while (es_bits_next(rows, view->words, &row))
	{
		const EsPlace *place = place_of(view, &documents, row);

		if (place->kind == ES_PLACE_MISSING)
			numbers->states[row] = ES_NUMBER_NULL;
		else if (!is_leaf(place, documents.steps) || columns[place->column] != READ)
			read_value(view, source, row, numbers);
	}
}

/* Are the values of all events in one leaf column, which no other event has? */
static bool
is_one_column(EsView *view, const Documents *documents, uint8 *column)
{
	const EsPlace *first = place_of(view, documents, 0);

	*column = first->column;
	if (!is_leaf(first, documents->steps))
		return false;
	for (uint32 row = 1; documents->shapes.width > 0 && row < view->count; row++)
	{
		const EsPlace *place = place_of(view, documents, row);

		if (place != first && (!is_leaf(place, documents->steps) || place->column != first->column))
			return false;
	}
	return true;
}

/* Does the cast take all values of the column as they are? */
static bool
is_column_of_type(const EsStrings *strings, EsValueType type)
{
	if (strings->presence != NULL || strings->exceptions.count > 0)
		return false;
	if (strings->encoding == ES_COLUMN_INTEGER)
		return type == ES_VALUE_NUMERIC || type == ES_VALUE_INT8;
	return strings->encoding == ES_COLUMN_DECIMAL && type == ES_VALUE_NUMERIC;
}

/*
 * Is what is asked for one column, which every event has and whose values are all
 * plain numbers of the type?
 */
bool
es_numbers_column(EsView *view, EsNumberSource *source, EsNumberColumn *column)
{
	Documents	documents;
	EsStrings	strings;
	uint8		leaf;

	if (source->extraction == NULL || !view->columns || source->field != ES_FIELD_PAYLOAD)
		return false;
	open_documents(view, source, &documents);
	if (!is_one_column(view, &documents, &leaf))
		return false;
	es_view_strings(view, ES_LEAF_SLOT(leaf), &strings);
	if (!is_column_of_type(&strings, source->type))
		return false;
	column->base = strings.base;
	column->scale = strings.encoding == ES_COLUMN_DECIMAL ? strings.param : 0;
	column->data = es_view_wide(view, strings.data, strings.width, strings.count, &column->size_log2);
	return true;
}

/*
 * Reads the numbers of the block; those of events that are not in 'rows' mean
 * nothing.  The arrays last as long as the view of the block.
 */
void
es_numbers_read(EsView *view, EsNumberSource *source, const uint64 *rows, EsNumbers *numbers)
{
	MemoryContext before = MemoryContextSwitchTo(view->context);
	int			row = -1;

	make_room(view, numbers);
	if (source->extraction == NULL)
		read_column(view, source->field, rows, numbers);
	else if (view->columns && source->field == ES_FIELD_PAYLOAD)
		read_documents(view, source, rows, numbers);
	else
	{
		while (es_bits_next(rows, view->words, &row))
			read_value(view, source, row, numbers);
	}
	MemoryContextSwitchTo(before);
}
