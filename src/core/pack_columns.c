/*-------------------------------------------------------------------------
 *
 * pack_columns.c
 *	  Packs events into a block in column layout.
 *
 * In three steps: which shapes of documents are worth keeping as such, which
 * columns their leaves make, and then encoding one column after the other.  The
 * result is in the packer's scratch, however large; the caller sees whether it
 * fits a block.
 *
 *-------------------------------------------------------------------------
 */
#include "core/pack_columns.h"

#include "core/hash.h"
#include "core/integers.h"

#define NO_PLACE PG_UINT32_MAX

/* What an additional column costs about, besides its text. */
#define COLUMN_COST			16

/* Text that is worth a set of symbols, and is enough to learn them from. */
#define MIN_SYMBOLS_TEXT	1024

/* Symbols are learnt anew when they do so much worse than at first ... */
#define SYMBOLS_DECLINE		1.25
/* ... but not within so many blocks, and four times as many each time. */
#define TRAINING_PAUSE		64
#define MAX_TRAINING_PAUSE	1024

/* Symbols that do not make text smaller than this are not used. */
#define MAX_SYMBOLS_RATIO	0.95

static inline const EsEvent *
row_event(const EsPacker *packer, uint32 row)
{
	return packer->job->rows[row].event;
}

/* Does the event have a document of this kind? */
static inline bool
has_document(const EsEvent *event, int kind)
{
	return kind == 0 || (event->has & ES_HAS_METADATA) != 0;
}

static inline EsSlice
document_text(const EsEvent *event, int kind)
{
	return kind == 0 ? event->payload : event->metadata;
}

static inline const EsDocument *
document_of(const EsEvent *event, int kind)
{
	return kind == 0 ? &event->payload_document : &event->metadata_document;
}

/* The use of a shape or segment in this attempt. */
static inline EsPackUse *
touch(EsPacker *packer, EsPackUse *use)
{
	if (use->attempt != packer->attempt)
	{
		use->attempt = packer->attempt;
		use->rows = 0;
		use->place = NO_PLACE;
	}
	return use;
}

/* ----------------------------------------------------------------- shapes */

static int
compare_shapes(const void *a, const void *b)
{
	uint32		left = *(const uint32 *) a;
	uint32		right = *(const uint32 *) b;

	return left < right ? -1 : left > right;
}

/*
 * Counts the documents of each shape.  The shapes are taken in the order of
 * their numbers, so that blocks with the same ones have the same columns:
 * readers of many blocks need not find their way in each.
 */
static void
count_shapes(EsPacker *packer, int kind)
{
	packer->distinct_count = 0;
	for (uint32 row = 0; row < packer->row_count; row++)
	{
		const EsEvent *event = row_event(packer, row);
		uint32		shape = document_of(event, kind)->shape;
		EsPackUse  *use;

		if (!has_document(event, kind))
			continue;
		use = touch(packer, &packer->shape_uses[kind][shape]);
		if (use->rows++ == 0)
			packer->distinct[packer->distinct_count++] = shape;
	}
	qsort(packer->distinct, packer->distinct_count, sizeof(uint32), compare_shapes);
}

static void
count_segments(EsPacker *packer, int kind)
{
	for (uint32 i = 0; i < packer->distinct_count; i++)
	{
		uint32		shape = packer->distinct[i];
		const uint16 *segments;

		if (shape == 0)
			continue;
		segments = es_shape_segments(packer->job->shapes, shape);
		for (uint32 j = 0; j < packer->job->shapes->shapes[shape].segment_count; j++)
			touch(packer, &packer->segment_uses[kind][segments[j]])->rows +=
				packer->shape_uses[kind][shape].rows;
	}
}

/*
 * Is it worth to keep the shape?  What is saved is its text in every row; what
 * it costs is the list of its columns, and those columns that no other has.
 */
static bool
is_worthwhile(EsPacker *packer, int kind, uint32 shape)
{
	const EsShape *entry = &packer->job->shapes->shapes[shape];
	const uint16 *segments = es_shape_segments(packer->job->shapes, shape);
	uint32		rows = packer->shape_uses[kind][shape].rows;
	uint32		cost = 2 + entry->segment_count;

	for (uint32 i = 0; i < entry->segment_count; i++)
	{
		if (packer->segment_uses[kind][segments[i]].rows == rows)
			cost += COLUMN_COST + packer->job->shapes->segments[segments[i]].size;
	}
	return rows * entry->text_size > cost;
}

static bool
add_column(EsPacker *packer, EsSlice text, bool ends, EsColumnMemory *memory, uint32 *place)
{
	if (packer->column_count == ES_MAX_LEAF_COLUMNS)
		return false;
	*place = packer->column_count++;
	packer->columns[*place] = (EsPackColumn)
	{
		.text = text,.ends = ends,.memory = memory
	};
	return true;
}

/* Begins the list of columns of a shape; false when there is no room. */
static bool
begin_shape(EsPacker *packer, uint32 segment_count)
{
	return packer->shape_count < ES_PACK_MAX_SHAPES &&
		packer->lists_size + segment_count <= sizeof(packer->lists);
}

static uint32
end_shape(EsPacker *packer)
{
	packer->shape_ends[packer->shape_count] = packer->lists_size;
	return packer->shape_count++;
}

/* The shape of documents that are one leaf. */
static bool
place_whole(EsPacker *packer, int kind, uint32 *place)
{
	uint32		column;

	if (!begin_shape(packer, 1) ||
		!add_column(packer, es_slice(NULL, 0), false, &packer->documents[kind], &column))
		return false;
	packer->lists[packer->lists_size++] = (uint8) column;
	*place = end_shape(packer);
	return true;
}

/* Takes the shape, and its columns, into the block; false when it cannot. */
static bool
place_shape(EsPacker *packer, int kind, uint32 shape, uint32 *place)
{
	const EsShapes *shapes = packer->job->shapes;
	uint32		count = shapes->shapes[shape].segment_count;
	const uint16 *segments = es_shape_segments(shapes, shape);

	/* one column is left for documents without a shape, of each kind */
	if (!begin_shape(packer, count) ||
		packer->column_count + count + ES_DOCUMENT_KINDS > ES_MAX_LEAF_COLUMNS)
		return false;
	for (uint32 i = 0; i < count; i++)
	{
		uint16		segment = segments[i];
		EsPackUse  *use = &packer->segment_uses[kind][segment];

		if (use->place == NO_PLACE)
			(void) add_column(packer, es_segment_text(shapes, segment), i + 1 == count,
							  &packer->leaves[kind][segment], &use->place);
		packer->lists[packer->lists_size++] = (uint8) use->place;
	}
	*place = end_shape(packer);
	return true;
}

/* Decides about all shapes of documents of this kind. */
static bool
place_shapes(EsPacker *packer, int kind)
{
	uint32		whole = NO_PLACE;

	count_shapes(packer, kind);
	count_segments(packer, kind);
	for (uint32 i = 0; i < packer->distinct_count; i++)
	{
		uint32		shape = packer->distinct[i];
		EsPackUse  *use = &packer->shape_uses[kind][shape];

		if (shape != 0 && is_worthwhile(packer, kind, shape) &&
			place_shape(packer, kind, shape, &use->place))
			continue;
		if (whole == NO_PLACE && !place_whole(packer, kind, &whole))
			return false;
		use->place = whole;
	}
	return true;
}

/* ----------------------------------------------------------------- columns */

static inline const uint8 *
shape_list(const EsPacker *packer, uint32 place, uint32 *count)
{
	uint32		start = place == 0 ? 0 : packer->shape_ends[place - 1];

	*count = packer->shape_ends[place] - start;
	return packer->lists + start;
}

/* Finds out how many values each column has, and so where they go. */
static bool
lay_out_values(EsPacker *packer)
{
	for (int kind = 0; kind < ES_DOCUMENT_KINDS; kind++)
	{
		for (uint32 row = 0; row < packer->row_count; row++)
		{
			const EsEvent *event = row_event(packer, row);
			int64		code = 0;

			if (has_document(event, kind))
			{
				const uint8 *list;
				uint32		count;

				code = packer->shape_uses[kind][document_of(event, kind)->shape].place;
				list = shape_list(packer, (uint32) code, &count);
				for (uint32 i = 0; i < count; i++)
					packer->columns[list[i]].count++;
			}
			packer->shape_codes[kind][row] = code;
		}
	}
	packer->value_count = 0;
	for (uint32 i = 0; i < packer->column_count; i++)
	{
		EsPackColumn *column = &packer->columns[i];

		column->start = packer->value_count;
		packer->value_count += column->ends ? 0 : column->count;
	}
	return packer->value_count <= ES_PACK_MAX_VALUES;
}

static inline void
add_value(EsPacker *packer, uint32 place, EsSlice value, uint32 row)
{
	EsPackColumn *column = &packer->columns[place];
	uint32		i = column->start + column->filled++;

	__builtin_prefetch(value.data);
	packer->values[i] = value;
	packer->value_rows[i] = (uint16) row;
}

/* Hands the leaves of a row's documents to their columns. */
static void
fill_row(EsPacker *packer, uint32 row, int kind)
{
	const EsEvent *event = row_event(packer, row);
	const EsDocument *document = document_of(event, kind);
	EsSlice		text = document_text(event, kind);
	uint32		count;
	const uint8 *list = shape_list(packer, (uint32) packer->shape_codes[kind][row], &count);

	if (!packer->columns[list[count - 1]].ends)
	{
		add_value(packer, list[0], text, row);
		return;
	}
	for (uint32 i = 0; i + 1 < count; i++)
	{
		EsLeaf		leaf = document->leaves[i];

		add_value(packer, list[i], es_slice(text.data + leaf.offset, leaf.size), row);
	}
}

static bool
make_columns(EsPacker *packer)
{
	packer->shape_count = packer->lists_size = packer->column_count = 0;
	for (int kind = 0; kind < ES_DOCUMENT_KINDS; kind++)
	{
		if (!place_shapes(packer, kind))
			return false;
	}
	if (!lay_out_values(packer))
		return false;
	for (uint32 row = 0; row < packer->row_count; row++)
	{
		for (int kind = 0; kind < ES_DOCUMENT_KINDS; kind++)
		{
			if (has_document(row_event(packer, row), kind))
				fill_row(packer, row, kind);
		}
	}
	return true;
}

/* ----------------------------------------------------------------- writing */

static inline uint32
room_left(const EsPacker *packer)
{
	return ES_PACK_SCRATCH - packer->used;
}

static bool
put_bytes(EsPacker *packer, const void *bytes, uint32 size)
{
	if (size > room_left(packer))
		return false;
	if (size > 0)
		memcpy(packer->scratch + packer->used, bytes, size);
	packer->used += size;
	return true;
}

static bool
put_uint16(EsPacker *packer, uint32 value)
{
	uint16		narrow = (uint16) value;

	return put_bytes(packer, &narrow, sizeof(narrow));
}

/*
 * Writes integers as a fixed column.  'param' says in which unit they differ
 * from the least.
 */
static bool
put_integers(EsPacker *packer, uint32 slot, const int64 *values, uint8 param)
{
	EsIntegerRange range = es_integers_range(values, packer->row_count);
	uint32		size = es_integers_size(range.width, packer->row_count);

	packer->entries[slot] = (EsColumnEntry)
	{
		.encoding = ES_COLUMN_INTEGER,.width = range.width,.param = param,
			.data = (uint16) packer->used
	};
	if (size + sizeof(range.base) > room_left(packer))
		return false;
	put_bytes(packer, &range.base, sizeof(range.base));
	es_integers_put(packer->scratch + packer->used, values, packer->row_count, range);
	packer->used += size;
	return true;
}

/* Encodes values as the column of this slot. */
static bool
put_strings(EsPacker *packer, uint32 slot, const EsColumnSource *source,
			EsColumnMemory *memory, EsColumnCode *code)
{
	if (!es_column_encode(&packer->work, source, memory, code,
						  packer->scratch + packer->used, room_left(packer)))
		return false;
	packer->entries[slot].encoding = code->encoding;
	packer->entries[slot].width = code->width;
	packer->entries[slot].param = code->param;
	packer->entries[slot].data = (uint16) packer->used;
	packer->used += code->size;
	return true;
}

/* A string that was not given, as an empty one that has an address. */
static inline EsSlice
given_string(EsSlice string)
{
	return string.data == NULL ? es_slice("", 0) : string;
}

/* Encodes one string a row as a fixed column. */
static bool
put_fixed_strings(EsPacker *packer, uint32 slot, const EsSlice *strings)
{
	EsColumnSource source = {.values = strings,.count = packer->row_count};
	EsColumnCode code;

	packer->work.symbols = NULL;
	return put_strings(packer, slot, &source, &packer->slots[slot], &code);
}

/* -------------------------------------------------------------------- head */

/* The bits of all event types that were just encoded. */
static uint64
summarize_types(const EsPacker *packer)
{
	const EsColumnWork *work = &packer->work;
	uint64		summary = 0;

	if (packer->entries[ES_SLOT_TYPE].encoding == ES_COLUMN_CONSTANT)
		return es_type_bit(packer->strings[0]);
	if (packer->entries[ES_SLOT_TYPE].encoding == ES_COLUMN_DICTIONARY)
	{
		for (uint32 i = 0; i < work->word_count; i++)
			summary |= es_type_bit(work->words[i].text);
		return summary;
	}
	for (uint32 row = 0; row < packer->row_count; row++)
		summary |= es_type_bit(packer->strings[row]);
	return summary;
}

static bool
put_names(EsPacker *packer, EsBlockHeader *header)
{
	for (uint32 row = 0; row < packer->row_count; row++)
	{
		packer->entities[row] = row_event(packer, row)->entity_id;
		packer->strings[row] = row_event(packer, row)->event_type;
	}
	if (!put_fixed_strings(packer, ES_SLOT_ENTITY, packer->entities) ||
		!put_fixed_strings(packer, ES_SLOT_TYPE, packer->strings))
		return false;
	header->type_summary = summarize_types(packer);
	for (uint32 row = 0; row < packer->row_count; row++)
		packer->strings[row] = given_string(row_event(packer, row)->tenant_id);
	return put_fixed_strings(packer, ES_SLOT_TENANT, packer->strings);
}

static bool
put_event_ids(EsPacker *packer)
{
	for (uint32 half = 0; half < 2; half++)
	{
		for (uint32 row = 0; row < packer->row_count; row++)
		{
			uint64		bytes;

			memcpy(&bytes, row_event(packer, row)->event_id + half * sizeof(bytes), sizeof(bytes));
			packer->numbers[row] = (int64) pg_ntoh64(bytes);
		}
		if (!put_integers(packer, ES_SLOT_ID_HIGH + half, packer->numbers, ES_UNIT_ONE))
			return false;
	}
	return true;
}

/* The first event's time that has one; 0 when none has. */
static int64
some_time(const EsPacker *packer)
{
	for (uint32 row = 0; row < packer->row_count; row++)
	{
		if (row_event(packer, row)->has & ES_HAS_OCCURRED_AT)
			return row_event(packer, row)->occurred_at;
	}
	return 0;
}

/* Times differ by whole milliseconds more often than not. */
static bool
put_times(EsPacker *packer)
{
	int64		some = some_time(packer);
	int64		least = some;
	uint8		param = ES_UNIT_THOUSAND;

	for (uint32 row = 0; row < packer->row_count; row++)
	{
		const EsEvent *event = row_event(packer, row);
		int64		time = event->has & ES_HAS_OCCURRED_AT ? event->occurred_at : some;

		if ((time - some) % 1000 != 0)
			param = ES_UNIT_ONE;
		least = Min(least, time);
		packer->numbers[row] = time;
	}
	for (uint32 row = 0; param == ES_UNIT_THOUSAND && row < packer->row_count; row++)
		packer->numbers[row] = least + (packer->numbers[row] - least) / 1000;
	return put_integers(packer, ES_SLOT_OCCURRED, packer->numbers, param);
}

static bool
put_versions_and_flags(EsPacker *packer)
{
	for (uint32 row = 0; row < packer->row_count; row++)
		packer->numbers[row] = packer->job->rows[row].version;
	if (!put_integers(packer, ES_SLOT_VERSION, packer->numbers, ES_UNIT_ONE))
		return false;
	for (uint32 row = 0; row < packer->row_count; row++)
		packer->numbers[row] = row_event(packer, row)->has & ES_HAS_STORED;
	return put_integers(packer, ES_SLOT_FLAGS, packer->numbers, ES_UNIT_ONE);
}

/* Where each event is in the log. */
static bool
put_places(EsPacker *packer)
{
	const EsLogPlace *places = packer->job->places;

	for (uint32 row = 0; row < packer->row_count; row++)
		packer->numbers[row] = places[row].position;
	if (!put_integers(packer, ES_SLOT_POSITION, packer->numbers, ES_UNIT_ONE))
		return false;
	for (uint32 row = 0; row < packer->row_count; row++)
		packer->numbers[row] = places[row].recorded_at;
	return put_integers(packer, ES_SLOT_RECORDED, packer->numbers, ES_UNIT_ONE);
}

static bool
put_head(EsPacker *packer, EsBlockHeader *header)
{
	return put_names(packer, header) && put_event_ids(packer) &&
		put_times(packer) && put_versions_and_flags(packer) &&
		(packer->job->places == NULL || put_places(packer));
}

/* -------------------------------------------------------------------- body */

static bool
put_tags(EsPacker *packer)
{
	for (uint32 row = 0; row < packer->row_count; row++)
		packer->strings[row] = given_string(row_event(packer, row)->tags);
	return put_fixed_strings(packer, ES_SLOT_TAGS, packer->strings);
}

/* The number of the bitmap of a column's rows, which is added if it is new. */
static uint8
find_presence(EsPacker *packer, const EsPackColumn *column)
{
	uint32		bytes = (packer->row_count + 7) / 8;
	uint8	   *bitmap = packer->presence[packer->presence_count];

	if (column->count == packer->row_count)
		return 0;
	memset(bitmap, 0, bytes);
	for (uint32 i = 0; i < column->count; i++)
	{
		uint32		row = packer->value_rows[column->start + i];

		bitmap[row / 8] |= 1U << (row % 8);
	}
	for (uint32 i = 0; i < packer->presence_count; i++)
	{
		if (memcmp(packer->presence[i], bitmap, bytes) == 0)
			return (uint8) (i + 1);
	}
	return (uint8) ++packer->presence_count;
}

/* How much text a column of symbols stands for, and in how much it is kept. */
static void
count_symbols(EsPacker *packer, const EsColumnSource *source, const EsColumnCode *code)
{
	if (code->encoding != ES_COLUMN_SYMBOLS && code->encoding != ES_COLUMN_PLAIN)
		return;
	for (uint32 i = 0; i < source->count; i++)
		packer->text_bytes += source->values[i].size;
	if (code->encoding == ES_COLUMN_SYMBOLS)
		packer->coded_bytes += code->size;
	else
		packer->plain_bytes += code->size;
}

static bool
put_leaf_column(EsPacker *packer, uint32 place)
{
	EsPackColumn *column = &packer->columns[place];
	uint32		slot = ES_FIXED_SLOTS + place;
	EsColumnCode code;
	EsColumnSource source = {
		.values = packer->values + column->start,
		.count = column->count,
		.rows = packer->value_rows + column->start,
		.entities = packer->entities
	};

	packer->entries[slot] = (EsColumnEntry)
	{
		.encoding = ES_COLUMN_NONE,.data = (uint16) packer->used
	};
	if (column->ends)
		return true;
	packer->entries[slot].presence = find_presence(packer, column);
	if (!put_strings(packer, slot, &source, column->memory, &code))
		return false;
	count_symbols(packer, &source, &code);
	return true;
}

static bool
put_texts(EsPacker *packer)
{
	for (uint32 i = 0; i < packer->column_count; i++)
	{
		EsSlice		text = packer->columns[i].text;

		packer->entries[ES_FIXED_SLOTS + i].text = (uint16) packer->used;
		if (!put_uint16(packer, text.size) || !put_bytes(packer, text.data, text.size))
			return false;
	}
	return true;
}

static bool
put_shapes(EsPacker *packer, EsColumnsHeader *columns)
{
	columns->shapes = (uint16) packer->used;
	columns->shape_count = (uint16) packer->shape_count;
	for (uint32 i = 0; i < packer->shape_count; i++)
	{
		if (!put_uint16(packer, packer->shape_ends[i]))
			return false;
	}
	return put_bytes(packer, packer->lists, packer->lists_size);
}

static bool
put_presence(EsPacker *packer, EsColumnsHeader *columns)
{
	columns->presence = (uint16) packer->used;
	columns->presence_count = (uint16) packer->presence_count;
	for (uint32 i = 0; i < packer->presence_count; i++)
	{
		if (!put_bytes(packer, packer->presence[i], (packer->row_count + 7) / 8))
			return false;
	}
	return true;
}

/* Gives the codes in a column of symbols their numbers in the block. */
static void
translate_column(EsPacker *packer, const EsColumnEntry *entry, uint32 count)
{
	char	   *data = packer->scratch + entry->data;
	char	   *ends = data + 2 + (uint8) data[0] + (uint8) data[1];
	uint16		last;

	memcpy(&last, ends + (count - 1) * sizeof(last), sizeof(last));
	es_symbols_translate(&packer->symbols, ends + count * sizeof(last), last);
}

static bool
put_symbols(EsPacker *packer, EsColumnsHeader *columns)
{
	if (packer->coded_bytes == 0)
		return true;
	es_symbols_select(&packer->symbol_table, packer->work.symbols_used, &packer->symbols);
	for (uint32 i = 0; i < packer->column_count; i++)
	{
		EsColumnEntry *entry = &packer->entries[ES_FIXED_SLOTS + i];

		if (entry->encoding == ES_COLUMN_SYMBOLS)
			translate_column(packer, entry, packer->columns[i].count);
	}
	columns->symbols = (uint16) packer->used;
	columns->symbols_size = (uint16) packer->symbols.size;
	return put_bytes(packer, packer->symbols.data, packer->symbols.size);
}

static bool
put_body(EsPacker *packer, EsColumnsHeader *columns, bool with_symbols)
{
	static const char padding[ES_COLUMNS_PADDING];

	columns->body_start = (uint16) packer->used;
	if (!put_tags(packer) ||
		!put_integers(packer, ES_SLOT_PAYLOAD_SHAPE, packer->shape_codes[0], ES_UNIT_ONE) ||
		!put_integers(packer, ES_SLOT_METADATA_SHAPE, packer->shape_codes[1], ES_UNIT_ONE))
		return false;
	packer->presence_count = 0;
	packer->text_bytes = packer->plain_bytes = packer->coded_bytes = 0;
	packer->symbols.size = 0;
	packer->work.symbols = with_symbols ? &packer->symbol_table : NULL;
	memset(packer->work.symbols_used, 0, sizeof(packer->work.symbols_used));
	for (uint32 i = 0; i < packer->column_count; i++)
	{
		if (!put_leaf_column(packer, i))
			return false;
	}
	return put_texts(packer) && put_shapes(packer, columns) &&
		put_presence(packer, columns) && put_symbols(packer, columns) &&
		put_bytes(packer, padding, sizeof(padding));
}

/* ------------------------------------------------------------------- whole */

/* Bytes that hold the body of any event, and may be overwritten beyond it. */
static uint32
body_room(const EsPacker *packer)
{
	uint32		most = 0;

	for (uint32 row = 0; row < packer->row_count; row++)
	{
		const EsEvent *event = row_event(packer, row);

		most = Max(most, event->tags.size + event->payload.size + event->metadata.size);
	}
	return most + ES_BODY_SLACK;
}

/* A hash of what columns there are and what they mean. */
static uint32
hash_shapes(const EsPacker *packer, const EsColumnsHeader *columns)
{
	uint32		start = packer->entries[ES_FIXED_SLOTS].text;

	return (uint32) es_stable_hash(es_slice(packer->scratch + start, columns->presence - start));
}

/* Writes what could only be known at the end. */
static void
put_start(EsPacker *packer, EsBlockHeader *header, EsColumnsHeader *columns)
{
	char	   *data = packer->scratch;
	uint32		start = es_block_start_size(header->inflight_count);
	uint32		directory = start + sizeof(*columns);
	uint32		body_entries = columns->column_count - ES_HEAD_SLOTS;
	uint32		head = directory + body_entries * sizeof(EsColumnEntry);

	memcpy(data + directory, packer->entries + ES_HEAD_SLOTS, body_entries * sizeof(EsColumnEntry));
	memcpy(data + head, packer->entries, ES_HEAD_SLOTS * sizeof(EsColumnEntry));
	memcpy(data + head + ES_HEAD_SLOTS * sizeof(EsColumnEntry), packer->entries + ES_LOG_SLOTS,
		   (es_columns_head_slots(header) - ES_HEAD_SLOTS) * sizeof(EsColumnEntry));
	columns->body_room = body_room(packer);
	columns->shapes_hash = hash_shapes(packer, columns);
	columns->head_checksum = es_columns_checksum(data + head, columns->body_start - head, header);
	columns->body_checksum = es_columns_checksum(data + columns->body_start,
												 packer->used - columns->body_start, header);
	memcpy(data + start, columns, sizeof(*columns));
	es_block_put_inflight(data, header, packer->job->inflight);
	header->crc = es_block_header_crc(header, data + sizeof(*header), head - sizeof(*header), NULL, 0);
	memcpy(data, header, sizeof(*header));
}

/* One attempt; packer->used is then the block's size. */
static bool
pack_once(EsPacker *packer, bool with_symbols)
{
	const EsPackJob *job = packer->job;
	EsColumnsHeader columns = {0};
	EsBlockHeader header = {
		.magic = ES_BLOCK_MAGIC,
		.format = ES_BLOCK_FORMAT,
		.layout = job->places == NULL ? ES_BLOCK_LAYOUT_COLUMNS : ES_BLOCK_LAYOUT_MERGED,
		.event_count = (uint16) packer->row_count,
		.inflight_count = job->inflight->count,
		.first_position = job->first_position,
		.recorded_at = job->recorded_at
	};

	packer->attempt++;
	memset(packer->entries, 0, sizeof(packer->entries));
	if (!make_columns(packer))
		return false;
	columns.column_count = (uint16) (ES_FIXED_SLOTS + packer->column_count);
	packer->used = es_block_start_size(header.inflight_count) + sizeof(columns) +
		(columns.column_count - ES_HEAD_SLOTS + es_columns_head_slots(&header)) * sizeof(EsColumnEntry);
	if (!put_head(packer, &header) || !put_body(packer, &columns, with_symbols))
		return false;
	put_start(packer, &header, &columns);
	return true;
}

/* Learns symbols from the columns of text that were just packed. */
static void
train_symbols(EsPacker *packer)
{
	uint32		count = 0;

	for (uint32 i = 0; i < packer->column_count; i++)
	{
		const EsPackColumn *column = &packer->columns[i];
		uint8		encoding = packer->entries[ES_FIXED_SLOTS + i].encoding;

		if (column->ends || (encoding != ES_COLUMN_PLAIN && encoding != ES_COLUMN_SYMBOLS))
			continue;
		column->memory->encoding = ES_COLUMN_NONE;
		for (uint32 j = 0; j < column->count && count < lengthof(packer->strings); j++)
			packer->strings[count++] = packer->values[column->start + j];
	}
	es_symbols_train(&packer->symbol_table, packer->strings, count);
	packer->next_pause = Min(Max(packer->next_pause * 4, TRAINING_PAUSE), MAX_TRAINING_PAUSE);
	packer->training_pause = packer->next_pause;
}

/* Text's size in the block compared with its own. */
static double
text_ratio(const EsPacker *packer, uint32 symbols_size)
{
	return (double) (packer->plain_bytes + packer->coded_bytes + symbols_size) /
		packer->text_bytes;
}

/* Do symbols make the block smaller, their own size included? */
static bool
symbols_pay(const EsPacker *packer)
{
	return text_ratio(packer, packer->symbols.size) <= MAX_SYMBOLS_RATIO;
}

/* Is the block full enough for its text to say something about symbols? */
static bool
is_telling(const EsPacker *packer)
{
	return packer->text_bytes >= MIN_SYMBOLS_TEXT && packer->used >= ES_BLOCK_MAX_SIZE * 3 / 4;
}

/* Should symbols be learnt from this block? */
static bool
wants_training(EsPacker *packer)
{
	if (packer->training_pause > 0)
		packer->training_pause--;
	if (packer->training_pause > 0 || !is_telling(packer))
		return false;
	return !packer->has_symbols || text_ratio(packer, 0) > packer->symbols_ratio * SYMBOLS_DECLINE;
}

/* Packs with symbols learnt from the block that was just packed. */
static bool
pack_with_training(EsPacker *packer)
{
	train_symbols(packer);
	if (!pack_once(packer, true))
		return false;
	packer->symbols_ratio = text_ratio(packer, 0);
	packer->has_symbols = packer->coded_bytes > 0 && symbols_pay(packer);
	return packer->has_symbols || pack_once(packer, false);
}

/*
 * Packs the first 'count' events of the job as columns, into packer->scratch.
 * Returns the size of the block, which may be more than ES_BLOCK_MAX_SIZE and
 * then is of no use, or 0 when it is very much more.
 */
uint32
es_pack_columns(EsPacker *packer, const EsPackJob *job, uint32 count)
{
	bool		packed;

	packer->job = job;
	packer->row_count = count;
	if (packer->generation != job->shapes->generation)
	{
		memset(packer->leaves, 0, sizeof(packer->leaves));
		packer->generation = job->shapes->generation;
	}
	packed = pack_once(packer, packer->has_symbols);
	if (packed && wants_training(packer))
		packed = pack_with_training(packer);
	else if (packed && packer->coded_bytes > 0 && !symbols_pay(packer))
		packed = pack_once(packer, false);
	return packed ? packer->used : 0;
}
