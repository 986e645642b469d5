/*-------------------------------------------------------------------------
 *
 * group.c
 *	  Groups of events by keys.
 *
 * For each block, the distinct values of each key get small numbers, taken from
 * the codes of a dictionary where the column has one; the numbers of several
 * keys are combined to one.  Only then are groups looked up, once for each
 * combination in the block and not for each event.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "log/shared.h"
#include "query/fetch.h"
#include "query/group.h"
#include "row/input.h"
#include "row/output.h"

#define NO_NUMBER PG_UINT16_MAX

/* Places in which a word that was met lately may be. */
#define WORD_PLACES 4

/* The values of a key in a block, and of each event, which one. */
typedef struct KeyValues
{
	uint16	   *numbers;
	uint32		count;
	Datum	   *values;
	bool	   *nulls;
} KeyValues;

StaticAssertDecl(ES_BLOCK_MAX_EVENTS < NO_NUMBER, "an event's number is never NO_NUMBER");

/* -------------------------------------------------------------------- rows */

/* Fills the row with these columns of event i. */
void
es_grouping_fill_row(EsGrouping *grouping, EsView *view, uint32 i, uint32 columns)
{
	TupleTableSlot *row = grouping->row;

	ExecClearTuple(row);
	memset(row->tts_isnull, true, row->tts_tupleDescriptor->natts * sizeof(bool));
	for (int field = 1; field <= ES_FIELDS; field++)
	{
		if (columns >> field & 1)
			row->tts_values[field - 1] = es_fetch_column(view, i, field, &row->tts_isnull[field - 1]);
	}
	ExecStoreVirtualTuple(row);
	grouping->context->ecxt_scantuple = row;
}

/* ------------------------------------------------------------ values, codes */

static uint16
add_value(KeyValues *key, Datum value, bool isnull)
{
	key->values[key->count] = value;
	key->nulls[key->count] = isnull;
	return (uint16) key->count++;
}

static void
make_room(EsView *view, KeyValues *key)
{
	key->count = 0;
	key->numbers = palloc(view->count * sizeof(uint16));
	key->values = palloc(view->count * sizeof(Datum));
	key->nulls = palloc(view->count * sizeof(bool));
}

/* Numbers of words that no event had yet. */
static uint16 *
new_word_numbers(void)
{
	uint16	   *numbers = palloc(ES_COLUMN_MAX_WORDS * sizeof(uint16));

	memset(numbers, 0xFF, ES_COLUMN_MAX_WORDS * sizeof(uint16));
	return numbers;
}

static Datum
column_text(EsField field, EsSlice text)
{
	return field == ES_FIELD_TENANT_ID ? es_tenant_datum(text) : es_text_datum(text);
}

/* Numbers words by the codes of a column's dictionary. */
static void
number_words(EsView *view, const EsStrings *strings, EsField field, const uint64 *rows,
			 KeyValues *key)
{
	const char *codes = es_view_codes(view, strings->data, strings->width, strings->count);
	uint16	   *numbers = new_word_numbers();
	int			row = -1;

	while (es_bits_next(rows, view->words, &row))
	{
		uint8		code = (uint8) codes[row];

		if (numbers[code] == NO_NUMBER)
		{
			if (code >= strings->word_count)
				es_view_damaged(view);
			numbers[code] = add_value(key, column_text(field, es_strings_text(strings, code)), false);
		}
		key->numbers[row] = numbers[code];
	}
}

/* A number for the text of each event. */
static void
number_column(EsView *view, EsField field, const uint64 *rows, KeyValues *key)
{
	uint32		slot = field == ES_FIELD_TENANT_ID ? ES_SLOT_TENANT :
	field == ES_FIELD_ENTITY_ID ? ES_SLOT_ENTITY : ES_SLOT_TYPE;
	EsStrings	strings;
	int			row = -1;

	es_view_strings(view, slot, &strings);
	if (strings.encoding == ES_COLUMN_DICTIONARY)
	{
		number_words(view, &strings, field, rows, key);
		return;
	}
	while (es_bits_next(rows, view->words, &row))
	{
		if (strings.encoding == ES_COLUMN_CONSTANT && key->count > 0)
			key->numbers[row] = 0;
		else
			key->numbers[row] = add_value(key, column_text(field, es_view_value(view, &strings, row, row)),
										  false);
	}
}

/* Times and numbers: the same as in the event before have its number. */
static void
number_integers(EsView *view, EsField field, const uint64 *rows, KeyValues *key)
{
	EsNumberSource source = {.field = field};
	EsNumbers	numbers;
	int			row = -1;

	es_numbers_read(view, &source, rows, &numbers);
	while (es_bits_next(rows, view->words, &row))
	{
		if (key->count > 0 && DatumGetInt64(key->values[key->count - 1]) == numbers.values[row])
			key->numbers[row] = (uint16) (key->count - 1);
		else
			key->numbers[row] = add_value(key, Int64GetDatum(numbers.values[row]), false);
	}
}

/* ----------------------------------------------------------------- documents */

/* The leaf column of a dictionary that has event i's value itself, or -1. */
static int
dictionary_of(EsView *view, uint32 i, EsExtraction *extraction)
{
	EsSlice		json;
	int64		shape;
	const EsPlace *place;

	if (!view->columns || extraction->field != ES_FIELD_PAYLOAD)
		return -1;
	if (extraction->block != view->number)
		(void) es_fetch_json(view, i, extraction, &json);
	shape = es_integers_value(&extraction->shapes, i);
	if (shape < 0 || shape >= view->block->columns.shape_count)
		es_view_damaged(view);
	place = &es_view_places(view, extraction->path_number)[shape];
	if (place->kind != ES_PLACE_LEAF || place->steps != extraction->path.step_count ||
		extraction->column != place->column || extraction->strings.encoding != ES_COLUMN_DICTIONARY)
		return -1;
	return place->column;
}

static uint16
add_extracted(EsView *view, uint32 i, EsExtraction *extraction, KeyValues *key)
{
	bool		isnull;
	Datum		value = es_fetch_extraction(view, i, extraction, &isnull);

	return add_value(key, value, isnull);
}

/*
 * Numbers what is extracted.  Values of a dictionary get theirs by the word's
 * code, as long as events have theirs in the same column.
 */
static void
number_extraction(EsView *view, EsExtraction *extraction, const uint64 *rows, KeyValues *key)
{
	uint16	   *words = NULL;
	int			words_of = -1;
	int			row = -1;

	while (es_bits_next(rows, view->words, &row))
	{
		int			column = dictionary_of(view, row, extraction);
		uint32		code;

		if (column < 0)
		{
			key->numbers[row] = add_extracted(view, row, extraction, key);
			continue;
		}
		if (column != words_of)
		{
			words = new_word_numbers();
			words_of = column;
		}
		code = es_fetch_code(view, row, extraction);
		if (words[code] == NO_NUMBER)
			words[code] = add_extracted(view, row, extraction, key);
		key->numbers[row] = words[code];
	}
}

/* ---------------------------------------------------------------- expressions */

/* Replaces the column's values by those of the expression. */
static void
evaluate_values(EsGrouping *grouping, const EsGroupKey *definition, KeyValues *key)
{
	TupleTableSlot *row = grouping->row;
	ExprContext *context = grouping->context;

	for (uint32 i = 0; i < key->count; i++)
	{
		ExecClearTuple(row);
		memset(row->tts_isnull, true, row->tts_tupleDescriptor->natts * sizeof(bool));
		row->tts_values[definition->field - 1] = key->values[i];
		row->tts_isnull[definition->field - 1] = key->nulls[i];
		ExecStoreVirtualTuple(row);
		context->ecxt_scantuple = row;
		key->values[i] = ExecEvalExpr(definition->expression, context, &key->nulls[i]);
	}
}

static void
number_key(EsGrouping *grouping, const EsGroupKey *definition, EsView *view, const uint64 *rows,
		   KeyValues *key)
{
	int			row = -1;

	make_room(view, key);
	if (definition->extraction != NULL)
		number_extraction(view, definition->extraction, rows, key);
	else if (definition->field != ES_FIELD_TENANT_ID && definition->field != ES_FIELD_ENTITY_ID &&
			 definition->field != ES_FIELD_EVENT_TYPE)
		number_integers(view, definition->field, rows, key);
	else if (view->columns)
		number_column(view, definition->field, rows, key);
	else
	{
		while (es_bits_next(rows, view->words, &row))
		{
			bool		isnull;
			Datum		value = es_fetch_column(view, row, definition->field, &isnull);

			key->numbers[row] = add_value(key, value, isnull);
		}
	}
	if (definition->expression != NULL)
		evaluate_values(grouping, definition, key);
}

/* -------------------------------------------------------------- combinations */

/* Combinations of the keys so far with those of one more. */
typedef struct Combined
{
	uint16	   *numbers;		/* of each event */
	uint32		count;
	uint16	   *parts;			/* of each combination, a number for each key */
} Combined;

/* Gives each pair of numbers a number, by a hash table of the block's own. */
static void
combine(EsView *view, const uint64 *rows, const KeyValues *key, int keys_before, int key_count,
		Combined *combined)
{
	uint32		size = pg_nextpower2_32(view->count * 2);
	uint32	   *pairs = palloc(size * sizeof(uint32));
	uint16	   *numbers = palloc(size * sizeof(uint16));
	uint16	   *parts = palloc((size_t) view->count * key_count * sizeof(uint16));
	uint32		count = 0;
	int			row = -1;

	memset(numbers, 0xFF, size * sizeof(uint16));
	while (es_bits_next(rows, view->words, &row))
	{
		uint32		before = combined->numbers[row];
		uint32		pair = before << 16 | key->numbers[row];
		uint32		place = (pair * 0x9E3779B1U) & (size - 1);

		while (numbers[place] != NO_NUMBER && pairs[place] != pair)
			place = (place + 1) & (size - 1);
		if (numbers[place] == NO_NUMBER)
		{
			uint16	   *part = parts + (size_t) count * key_count;

			memcpy(part, combined->parts + (size_t) before * key_count, keys_before * sizeof(uint16));
			part[keys_before] = key->numbers[row];
			pairs[place] = pair;
			numbers[place] = (uint16) count++;
		}
		combined->numbers[row] = numbers[place];
	}
	combined->parts = parts;
	combined->count = count;
}

/* The first key by itself: no pairs need to be found. */
static void
begin_combining(const KeyValues *key, int key_count, Combined *combined)
{
	combined->numbers = key->numbers;
	combined->count = key->count;
	combined->parts = palloc(Max(key->count, 1) * key_count * sizeof(uint16));
	for (uint32 i = 0; i < key->count; i++)
		combined->parts[(size_t) i * key_count] = (uint16) i;
}

/* -------------------------------------------------------------------- table */

static uint64
hash_value(const EsGroupKey *definition, Datum value, bool isnull)
{
	if (isnull)
		return 0;
	return definition->by_value ? (uint64) value * UINT64CONST(0x9E3779B97F4A7C15) :
		es_secret_hash(es_text_datum_slice(value));
}

static bool
same_value(const EsGroupKey *definition, Datum a, bool a_null, Datum b, bool b_null)
{
	if (a_null || b_null)
		return a_null && b_null;
	return definition->by_value ? a == b : es_slice_equal(es_text_datum_slice(a), es_text_datum_slice(b));
}

static bool
has_keys(const EsGrouping *grouping, const EsGroup *group, const KeyValues *keys,
		 const uint16 *parts)
{
	for (int k = 0; k < grouping->key_count; k++)
	{
		if (!same_value(&grouping->keys[k], group->values[k], group->nulls[k],
						keys[k].values[parts[k]], keys[k].nulls[parts[k]]))
			return false;
	}
	return true;
}

static void
grow_table(EsGrouping *grouping)
{
	uint32		size = Max(grouping->table_size * 2, 64);
	EsGroup   **table = MemoryContextAllocExtended(grouping->memory, size * sizeof(EsGroup *),
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (EsGroup *group = grouping->first; group != NULL; group = group->next)
	{
		uint32		place = (uint32) group->hash & (size - 1);

		while (table[place] != NULL)
			place = (place + 1) & (size - 1);
		table[place] = group;
	}
	if (grouping->table != NULL)
		pfree(grouping->table);
	grouping->table = table;
	grouping->table_size = size;
}

/* A new group without keys' values. */
EsGroup *
es_group_make(EsGrouping *grouping, uint64 hash)
{
	EsGroup    *group = MemoryContextAllocZero(grouping->memory, offsetof(EsGroup, accumulators) +
											   grouping->aggregate_count * sizeof(EsAccumulator));

	group->hash = hash;
	group->values = MemoryContextAlloc(grouping->memory, Max(grouping->key_count, 1) * sizeof(Datum));
	group->nulls = MemoryContextAlloc(grouping->memory, Max(grouping->key_count, 1) * sizeof(bool));
	group->next = grouping->first;
	grouping->first = group;
	grouping->group_count++;
	return group;
}

static void
copy_keys(EsGrouping *grouping, EsGroup *group, const KeyValues *keys, const uint16 *parts)
{
	MemoryContext before = MemoryContextSwitchTo(grouping->memory);

	for (int k = 0; k < grouping->key_count; k++)
	{
		Datum		value = keys[k].values[parts[k]];

		group->nulls[k] = keys[k].nulls[parts[k]];
		group->values[k] = group->nulls[k] || grouping->keys[k].by_value ? value :
			es_text_datum(es_text_datum_slice(value));
	}
	MemoryContextSwitchTo(before);
}

static EsGroup *
find_group(EsGrouping *grouping, const KeyValues *keys, const uint16 *parts)
{
	uint64		hash = 0;
	uint32		place;
	EsGroup    *group;

	for (int k = 0; k < grouping->key_count; k++)
		hash = (hash ^ hash_value(&grouping->keys[k], keys[k].values[parts[k]],
								  keys[k].nulls[parts[k]])) * UINT64CONST(0x9E3779B97F4A7C15);
	hash ^= hash >> 32;
	if (grouping->group_count * 2 >= grouping->table_size)
		grow_table(grouping);
	place = (uint32) hash & (grouping->table_size - 1);
	while ((group = grouping->table[place]) != NULL)
	{
		if (group->hash == hash && has_keys(grouping, group, keys, parts))
			return group;
		place = (place + 1) & (grouping->table_size - 1);
	}
	group = es_group_make(grouping, hash);
	copy_keys(grouping, group, keys, parts);
	grouping->table[place] = group;
	return group;
}

/* ------------------------------------------------------- one key, few words */

/* The place of a word among those that were met lately, or one to put it. */
static EsWordGroup *
place_of_word(EsGrouping *grouping, uint64 hash, EsSlice word)
{
	EsWordGroup *place = NULL;

	for (uint32 i = 0; i < WORD_PLACES; i++)
	{
		place = &grouping->words[(hash + i) % ES_WORD_GROUPS];
		if (place->group == NULL ||
			(place->hash == hash && es_slice_equal(place->word, word)))
			return place;
	}
	place->group = NULL;
	return place;
}

/* The group of a word, which is the only key. */
static EsGroup *
group_of_word(EsGrouping *grouping, EsField field, EsSlice word)
{
	uint64		hash = es_secret_hash(word);
	EsWordGroup *place = place_of_word(grouping, hash, word);
	Datum		value;
	bool		isnull = false;
	KeyValues	key = {.values = &value,.nulls = &isnull};
	uint16		part = 0;

	if (place->group == NULL)
	{
		value = column_text(field, word);
		place->group = find_group(grouping, &key, &part);
		place->word = es_text_datum_slice(place->group->values[0]);
		place->hash = hash;
	}
	return place->group;
}

static void
widen_codes(uint16 *restrict numbers, const uint8 *restrict codes, uint32 count)
{
	for (uint32 i = 0; i < count; i++)
		numbers[i] = codes[i];
}

/* Which codes do these events have? */
static void
mark_words(EsView *view, const uint64 *rows, const uint8 *codes, bool *used)
{
	int			row = -1;

	memset(used, false, ES_COLUMN_MAX_WORDS * sizeof(bool));
	if (es_kernel_count_bits(rows, view->words) == view->count)
	{
		for (uint32 i = 0, count = view->count; i < count; i++)
			used[codes[i]] = true;
		return;
	}
	while (es_bits_next(rows, view->words, &row))
		used[codes[row]] = true;
}

/*
 * Grouping by the words of a column with a dictionary, the commonest case: codes
 * are the numbers.  False when it is not that.
 */
static bool
find_by_words(EsGrouping *grouping, EsView *view, const uint64 *rows, EsBlockGroups *found)
{
	const EsGroupKey *key = &grouping->keys[0];
	EsStrings	strings;
	const uint8 *codes;
	bool		used[ES_COLUMN_MAX_WORDS];

	if (grouping->key_count != 1 || key->extraction != NULL || key->expression != NULL ||
		key->field != ES_FIELD_EVENT_TYPE || !view->columns)
		return false;
	es_view_strings(view, ES_SLOT_TYPE, &strings);
	if (strings.encoding != ES_COLUMN_DICTIONARY || strings.exceptions.count > 0)
		return false;
	codes = (const uint8 *) es_view_codes(view, strings.data, strings.width, strings.count);
	found->count = strings.word_count;
	found->numbers = palloc(view->count * sizeof(uint16));
	found->groups = palloc0(found->count * sizeof(EsGroup *));
	widen_codes(found->numbers, codes, view->count);
	mark_words(view, rows, codes, used);
	if (memchr(used + found->count, true, ES_COLUMN_MAX_WORDS - found->count) != NULL)
		es_view_damaged(view);
	for (uint32 code = 0; code < found->count; code++)
	{
		if (used[code])
			found->groups[code] = group_of_word(grouping, key->field, es_strings_text(&strings, code));
	}
	return true;
}

/* -------------------------------------------------------------------- blocks */

static void
find_by_keys(EsGrouping *grouping, EsView *view, const uint64 *rows, EsBlockGroups *found)
{
	KeyValues  *keys = palloc(grouping->key_count * sizeof(KeyValues));
	Combined	combined = {NULL, 0, NULL};

	for (int k = 0; k < grouping->key_count; k++)
	{
		number_key(grouping, &grouping->keys[k], view, rows, &keys[k]);
		if (k == 0)
			begin_combining(&keys[k], grouping->key_count, &combined);
		else
			combine(view, rows, &keys[k], k, grouping->key_count, &combined);
	}
	found->numbers = combined.numbers;
	found->count = combined.count;
	found->groups = palloc(Max(combined.count, 1) * sizeof(EsGroup *));
	for (uint32 i = 0; i < combined.count; i++)
		found->groups[i] = find_group(grouping, keys, combined.parts + (size_t) i * grouping->key_count);
}

/*
 * Finds the group of each of these events, making those that are new.  What is
 * found lasts as long as the view of the block.
 */
void
es_groups_find(EsGrouping *grouping, EsView *view, const uint64 *rows, EsBlockGroups *found)
{
	MemoryContext before = MemoryContextSwitchTo(view->context);

	if (!find_by_words(grouping, view, rows, found))
		find_by_keys(grouping, view, rows, found);
	MemoryContextSwitchTo(before);
}
