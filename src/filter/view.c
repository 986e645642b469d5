/*-------------------------------------------------------------------------
 *
 * view.c
 *	  Blocks that are being looked at: their events' columns, whatever the layout.
 *
 * In column layout the columns are read where they lie.  In row layout events are read
 * one by one, when they are first asked for; small blocks of a page are looked at
 * together, so that what is done once for a block is not done for each event.  Blocks
 * are verified before, once while they stay in their buffer (log/verified.c); in row
 * layout that is not worth it for a reader of a single block, which checks each event.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "storage/bufpage.h"
#include "utils/memutils.h"

#include "filter/view.h"
#include "log/page_scan.h"
#include "log/verified.h"

/*
 * Blocks that were opened by this process.  Who keeps something of a block knows
 * by the number whether it is still that of the view's, also after a scan anew.
 */
static uint64 opened = 0;

/* Where the block starts in a row: after the header and first_position. */
#define BLOCK_IN_TUPLE (MAXALIGN(SizeofHeapTupleHeader) + sizeof(int64))

/* Bytes of a column that are worth loading ahead. */
#define MAX_LOADED 768

void
es_view_begin(EsView *view, const EsPath *paths, uint32 path_count)
{
	memset(view, 0, sizeof(*view));
	view->context = AllocSetContextCreate(CurrentMemoryContext, "eventstore block",
										  ALLOCSET_DEFAULT_SIZES);
	view->event_room = ES_BLOCKS_TOGETHER;
	view->events = palloc(view->event_room * sizeof(EsViewedEvent));
	if (path_count == 0)
		return;
	view->places = palloc(sizeof(EsPlaces));
	es_places_init(view->places, paths, path_count, palloc(es_places_size(path_count)));
}

void
es_view_end(EsView *view)
{
	MemoryContextDelete(view->context);
	pfree(view->events);
	if (view->places == NULL)
		return;
	pfree(view->places->memory);
	pfree(view->places);
}

/* Makes a place for each event of a row in row layout. */
static void
add_events(EsView *view, EsBlockRow *row)
{
	uint32		count = row->block.header.event_count;

	if (view->count + count > view->event_room)
	{
		view->event_room = view->count + count;
		view->events = repalloc(view->events, view->event_room * sizeof(EsViewedEvent));
	}
	for (uint32 ordinal = 0; ordinal < count; ordinal++)
	{
		EsViewedEvent *event = &view->events[view->count++];

		event->row = row;
		event->ordinal = ordinal;
		event->has_head = event->complete = false;
	}
}

/* Looks at the block of a row, which must stay where it is meanwhile. */
void
es_view_open(EsView *view, EsBlockRow *row)
{
	MemoryContextReset(view->context);
	if (row->status != ES_BLOCK_OK)
		es_report_damage(row->first_position, row->status);
	view->number = ++opened;
	view->row = row;
	view->block = &row->block;
	view->columns = es_block_has_columns(&row->block);
	view->placed = view->touched = view->whole_events = false;
	view->viewed_count = 0;
	view->strings = view->body = view->value = NULL;
	view->symbols_open = false;
	view->count = view->block_count = 0;
	view->type_summary = 0;
	view->events[0].has_head = false;
	es_view_add(view, row);
}

/*
 * Looks at the block of one more row together with those before it, all of them in row
 * layout.
 */
void
es_view_add(EsView *view, EsBlockRow *row)
{
	if (view->columns)
		view->count = row->block.header.event_count;
	else
		add_events(view, row);
	view->words = ES_BITMAP_WORDS(view->count);
	view->type_summary |= row->block.header.type_summary;
	view->block_count++;
}

/*
 * Has the blocks' checksums computed, unless that was done since the page came into
 * its buffer.  If they are not right, each event is checked when it is read.
 */
static void
verify_rows(EsView *view)
{
	EsBlockRow *row = NULL;

	if (!es_page_is_verified(view->row->blocks, view->row->buffer))
		return;
	for (uint32 i = 0; i < view->count; i++)
	{
		if (view->events[i].row != row)
			(row = view->events[i].row)->block.verified = true;
	}
}

/* Before more than the header is looked at: what is read must be right. */
static void
touch(EsView *view)
{
	if (view->touched)
		return;
	view->touched = true;
	if (view->block->verified)
		return;
	if (view->columns)
		es_row_verify(view->row);
	else if (view->whole_pages)
		verify_rows(view);
}

void
es_view_damaged(const EsView *view)
{
	es_report_damage(view->row->first_position, ES_BLOCK_BAD_STRUCTURE);
}

/* --------------------------------------------------------------- as events */

/*
 * Where event i is kept once it was read.  In row layout that is a place for
 * each, since all conditions look there; else one place for the last event.
 */
static EsViewedEvent *
place_for_event(EsView *view, uint32 i)
{
	EsViewedEvent *event;

	if (!view->columns)
		return &view->events[i];
	event = &view->events[0];
	if (view->strings == NULL)
		view->strings = MemoryContextAlloc(view->context, ES_BLOCK_HEAD_ROOM);
	if (event->has_head && event->ordinal != i)
		event->has_head = false;
	event->row = view->row;
	event->ordinal = i;
	return event;
}

/* Event i, with its head. */
static EsViewedEvent *
read_head(EsView *view, uint32 i)
{
	EsViewedEvent *event = place_for_event(view, i);
	EsBlockStatus status;

	if (event->has_head)
		return event;
	touch(view);
	status = es_block_read_head(&event->row->block, event->ordinal, view->strings, &event->stored);
	if (status != ES_BLOCK_OK)
		es_report_damage(es_row_position(event->row, event->ordinal), status);
	event->has_head = true;
	event->complete = false;
	return event;
}

/* Who and what event i is.  In column layout it lasts until the next call. */
const EsStoredEvent *
es_view_head(EsView *view, uint32 i)
{
	return &read_head(view, i)->stored;
}

static void
read_body(EsView *view, EsViewedEvent *event)
{
	MemoryContext before = MemoryContextSwitchTo(view->context);
	EsBlockStatus status;

	if (view->columns && view->body == NULL)
		view->body = palloc(es_block_body_room(view->block));
	status = es_row_body(event->row, view->body, &event->stored);
	MemoryContextSwitchTo(before);
	if (status != ES_BLOCK_OK)
		es_report_damage(event->stored.position, status);
	event->complete = view->whole_events = true;
}

/* Event i, whole.  In column layout it lasts until the next call. */
const EsStoredEvent *
es_view_event(EsView *view, uint32 i)
{
	EsViewedEvent *event = read_head(view, i);

	if (!event->complete)
		read_body(view, event);
	return &event->stored;
}

/* -------------------------------------------------------------- as columns */

/* Notes that a column was looked at, of which this is a part. */
static void
note_column(EsView *view, uint32 slot, const char *data, const char *end)
{
	if (view->viewed_count < ES_VIEWED_COLUMNS)
		view->viewed[view->viewed_count++] = (EsViewedColumn)
	{
		slot, Min((uint32) (end - data), MAX_LOADED)
	};
}

/* One of the fixed columns of integers. */
void
es_view_integers(EsView *view, uint32 slot, EsIntegers *integers)
{
	touch(view);
	if (!es_vector_integers(view->block, slot, integers))
		es_view_damaged(view);
	note_column(view, slot, integers->data,
				integers->data + es_integers_size(integers->width, integers->count));
}

void
es_view_strings(EsView *view, uint32 slot, EsStrings *strings)
{
	touch(view);
	if (!es_vector_strings(view->block, slot, strings))
		es_view_damaged(view);
	note_column(view, slot, strings->column.data,
				strings->data == NULL ? strings->column.data :
				strings->data + es_integers_size(strings->width, strings->count));
}

/* The places of a path, one for each shape of the block. */
const EsPlace *
es_view_places(EsView *view, uint32 path)
{
	touch(view);
	if (!view->placed && !es_places_look_up(view->places, view->block))
		es_view_damaged(view);
	view->placed = true;
	return es_places_get(view->places, path);
}

/* The distances of a column as a byte each; NULL when they don't fit. */
const char *
es_view_codes(EsView *view, const char *data, uint32 width, uint32 count)
{
	char	   *codes;

	if (width == 8)
		return data;
	if (width > 8)
		return NULL;
	codes = MemoryContextAlloc(view->context, count);
	if (width == 0)
		memset(codes, 0, count);
	else
		es_kernel_unpack(data, width, count, codes);
	return codes;
}

/* The distances of a column in 1, 2, 4 or 8 bytes each, as kernels take them. */
const char *
es_view_wide(EsView *view, const char *data, uint32 width, uint32 count, int *size_log2)
{
	char	   *wide;

	*size_log2 = width == 64 ? 3 : width >= 24 ? 2 : width == 16 ? 1 : 0;
	if (width <= 8)
		return es_view_codes(view, data, width, count);
	if (width != 24)
		return data;
	wide = MemoryContextAlloc(view->context, count * sizeof(uint32));
	es_kernel_unpack(data, width, count, wide);
	return wide;
}

/* The entity_id of an event, as columns that repeat it need it. */
static EsSlice
entity_of(EsView *view, const EsStrings *strings, uint32 row)
{
	if (strings->encoding != ES_COLUMN_ENTITY)
		return es_slice(NULL, 0);
	return es_view_head(view, row)->event.entity_id;
}

/* The block's symbols, for columns that are written with them. */
static const EsSymbolReader *
open_symbols(EsView *view)
{
	if (view->block->columns.symbols == 0)
		return NULL;
	if (!view->symbols_open && !es_columns_open_symbols(view->block))
		es_view_damaged(view);
	view->symbols_open = true;
	return &view->block->symbols;
}

/*
 * Value i of a column, which is that of event 'row'.  It lasts until the next
 * call.
 */
EsSlice
es_view_value(EsView *view, const EsStrings *strings, uint32 i, uint32 row)
{
	uint32		room = Max(es_block_body_room(view->block), ES_BLOCK_HEAD_ROOM) + ES_BODY_SLACK;
	uint32		size;

	if (view->value == NULL)
		view->value = MemoryContextAlloc(view->context, room);
	if (!es_column_get(&strings->column, i, entity_of(view, strings, row),
					   strings->encoding == ES_COLUMN_SYMBOLS ? open_symbols(view) : NULL,
					   view->value, room, &size))
		es_view_damaged(view);
	return es_slice(view->value, size);
}

/* The entity_id of event i; it lasts until the next call. */
EsSlice
es_view_entity(EsView *view, uint32 i)
{
	EsStrings	strings;

	if (!view->columns)
		return es_view_head(view, i)->event.entity_id;
	es_view_strings(view, ES_SLOT_ENTITY, &strings);
	if (strings.encoding == ES_COLUMN_DICTIONARY)
	{
		uint32		code = (uint32) es_integers_get(strings.data, strings.width, i);

		if (code >= strings.word_count)
			es_view_damaged(view);
		return es_strings_text(&strings, code);
	}
	return es_view_value(view, &strings, i, i);
}

/* Bytes of a row, with its headers, that are worth loading ahead, as far as the head. */
#define ROW_HEAD_LOADED (3 * PG_CACHE_LINE_SIZE)

/*
 * Starts loading the rows of a page, or those parts of them that are looked at.  A
 * call of a function that does nothing but prefetch would be optimised away.
 */
static pg_attribute_always_inline void
load_rows(const EsView *view, const char *page)
{
	OffsetNumber lines = Min(PageGetMaxOffsetNumber((Page) page), MaxHeapTuplesPerPage);

	for (OffsetNumber line = FirstOffsetNumber; line <= lines; line++)
	{
		ItemId		item = PageGetItemId((Page) page, line);
		uint32		start = ItemIdGetOffset(item);
		uint32		size = view->whole_events ? ItemIdGetLength(item) : ROW_HEAD_LOADED;

		es_prefetch(page + start, page + Min(start + size, BLCKSZ));
	}
}

/* Starts loading the columns that were looked at, of a block of the same kind. */
static pg_attribute_always_inline void
load_columns(const EsView *view, EsBlock *block)
{
	if (es_columns_open(block) != ES_BLOCK_OK)
		return;
	for (uint32 i = 0; i < view->viewed_count; i++)
	{
		const EsViewedColumn *viewed = &view->viewed[i];
		uint32		offset;

		if (viewed->slot >= block->columns.column_count)
			continue;
		offset = es_vector_entry(block, viewed->slot).data;
		es_prefetch(block->data + offset, block->data + Min(offset + viewed->size + 1, block->size));
	}
	if (view->placed && block->columns.column_count > ES_FIXED_SLOTS)
		es_prefetch(block->data + es_vector_entry(block, ES_FIXED_SLOTS).text,
					block->data + Min(block->columns.presence, block->size));
}

/*
 * Starts loading what was looked at last, of a page that comes soon.  The page is not
 * locked: what is read here may be anything, and leads to nothing but loads.
 */
void
es_view_load_ahead(const EsView *view, const char *page)
{
	uint32		start = ItemIdGetOffset(PageGetItemId((Page) page, FirstOffsetNumber)) + BLOCK_IN_TUPLE;
	EsBlock		block = {.data = page + start};

	if (!view->columns)
	{
		load_rows(view, page);
		return;
	}
	if (start + sizeof(EsBlockHeader) + sizeof(EsColumnsHeader) > BLCKSZ)
		return;
	memcpy(&block.header, block.data, sizeof(block.header));
	if (!es_block_has_columns(&block))
		return;
	block.size = BLCKSZ - start;
	load_columns(view, &block);
}
