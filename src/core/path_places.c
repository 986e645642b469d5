/*-------------------------------------------------------------------------
 *
 * path_places.c
 *	  Where the values of a path lie in a block in column layout.
 *
 * The texts of a shape are walked as the document that they make with its
 * leaves, each of which is a value that is not looked into.  A block's bytes
 * are not believed: offsets are checked where they are used, also those that
 * make a layout equal to one that is known.
 *
 *-------------------------------------------------------------------------
 */
#include "core/path_places.h"

#include "core/block_vectors.h"
#include "core/json.h"

/* ---------------------------------------------------------------- one shape */

/* What may come next in the document. */
typedef enum WalkState
{
	WALK_VALUE,
	WALK_FIRST_KEY,				/* or the object's end */
	WALK_KEY,
	WALK_AFTER_VALUE
} WalkState;

#define OFF_PATH (-1)

/*
 * A place in a document.  Objects on the path lie one in the other, so the
 * innermost one is on it when as many steps as are open objects around it were
 * taken.
 */
typedef struct Walk
{
	const EsPath *path;
	WalkState	state;
	uint32		depth;			/* open objects */
	uint32		taken;			/* steps to the innermost object on the path */
	int32		next;			/* steps to the value that comes, or OFF_PATH */
	EsPlace		place;			/* so far: a later duplicate may replace it */
} Walk;

static inline void
set_place(Walk *walk, EsPlaceKind kind)
{
	walk->place = (EsPlace)
	{
		.kind = kind
	};
}

static void
take_leaf(Walk *walk, uint8 column)
{
	if (walk->next != OFF_PATH)
	{
		walk->place = (EsPlace)
		{
			ES_PLACE_LEAF, column, (uint8) walk->next
		};
	}
	walk->state = WALK_AFTER_VALUE;
}

static void
open_object(Walk *walk)
{
	if (walk->next != OFF_PATH)
	{
		walk->taken = (uint32) walk->next;
		set_place(walk, walk->taken == walk->path->step_count ? ES_PLACE_OBJECT : ES_PLACE_MISSING);
	}
	walk->depth++;
	walk->state = WALK_FIRST_KEY;
}

static void
close_object(Walk *walk)
{
	walk->depth--;
	if (walk->taken == walk->depth)
	{
		if (walk->state == WALK_FIRST_KEY && walk->taken == walk->path->step_count)
			set_place(walk, ES_PLACE_WORD);
		if (walk->taken > 0)
			walk->taken--;
	}
	walk->state = WALK_AFTER_VALUE;
}

/* Takes `"key" :` at p; NULL when it is not there. */
static const char *
take_key(Walk *walk, const char *p, const char *end)
{
	const EsStep *step = &walk->path->steps[walk->taken];
	bool		escaped;
	const char *after = es_json_scan_string(p, end, &escaped);
	const char *colon;

	if (after == NULL)
		return NULL;
	colon = es_json_skip_space(after, end);
	if (colon == end || *colon != ':')
		return NULL;
	walk->next = walk->taken + 1 == walk->depth && walk->taken < walk->path->step_count &&
		step->kind != ES_STEP_INDEX && es_json_string_equal(es_slice(p, after - p), step->text) ?
		(int32) walk->taken + 1 : OFF_PATH;
	walk->state = WALK_VALUE;
	return colon + 1;
}

/* Takes a bracket, a comma or a key at p < end; NULL when nothing of it fits. */
static const char *
take_token(Walk *walk, const char *p, const char *end)
{
	if (walk->state == WALK_VALUE)
	{
		if (*p != '{')
			return NULL;
		open_object(walk);
		return p + 1;
	}
	if (*p == '"' && walk->state != WALK_AFTER_VALUE)
		return take_key(walk, p, end);
	if (walk->depth == 0 || walk->state == WALK_KEY)
		return NULL;
	if (*p == '}')
	{
		close_object(walk);
		return p + 1;
	}
	if (*p != ',' || walk->state != WALK_AFTER_VALUE)
		return NULL;
	walk->state = WALK_KEY;
	return p + 1;
}

static bool
take_text(Walk *walk, EsSlice text)
{
	const char *end = text.data + text.size;

	for (const char *p = es_json_skip_space(text.data, end); p < end; p = es_json_skip_space(p, end))
	{
		if ((p = take_token(walk, p, end)) == NULL)
			return false;
	}
	return true;
}

/*
 * Finds the place of the path's value in documents of these columns.  False when
 * the list or a text in it makes no sense.
 */
static bool
find_place(const EsBlock *block, EsSlice list, const EsPath *path, EsPlace *place)
{
	Walk		walk = {.path = path};
	uint32		size = 0;

	*place = (EsPlace)
	{
		.kind = ES_PLACE_UNSURE
	};
	for (uint32 i = 0; i < list.size; i++)
	{
		uint8		column = (uint8) list.data[i];
		EsColumnEntry entry;
		EsSlice		text;

		if (ES_LEAF_SLOT(column) >= block->columns.column_count)
			return false;
		entry = es_vector_entry(block, ES_LEAF_SLOT(column));
		if (!es_vector_text(block, entry.text, &text) ||
			(size += text.size) > ES_BLOCK_MAX_BODY_ROOM)
			return false;
		if (!take_text(&walk, text))
			return true;
		if (entry.encoding == ES_COLUMN_NONE)
			continue;
		if (walk.state != WALK_VALUE)
			return true;
		take_leaf(&walk, column);
	}
	if (walk.state == WALK_AFTER_VALUE && walk.depth == 0)
		*place = walk.place;
	return true;
}

/*
 * Finds the place of the path's value for each shape of the block, of which
 * there are columns.shape_count; 'room' is how many places there are.  False
 * when the block is not in column layout or its bytes make no sense.
 */
bool
es_path_places(const EsBlock *block, const EsPath *path, EsPlace *places, uint32 room)
{
	if (!es_block_has_columns(block) || block->columns.shape_count > room)
		return false;
	for (uint32 i = 0; i < block->columns.shape_count; i++)
	{
		EsSlice		list;

		if (!es_columns_find_shape(block, i, &list) ||
			!find_place(block, list, path, &places[i]))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------- layouts */

/* All that places depend on, but for the columns' own offsets: texts, shapes. */
typedef struct Region
{
	uint32		start;			/* of the first column's text */
	uint32		table;			/* the table of shapes */
	uint32		end;
	uint32		column_count;
} Region;

/* Set for columns without leaves; no distance between offsets has it alone. */
#define MARK_NO_LEAF 0x80000000

/* Finds the region of a block whose parts are where writers put them. */
static bool
find_region(const EsBlock *block, Region *region)
{
	const EsColumnsHeader *columns = &block->columns;
	uint32		lists = columns->shapes + columns->shape_count * sizeof(uint16);
	uint32		end = es_columns_end(block);

	region->column_count = columns->column_count - ES_FIXED_SLOTS;
	region->table = columns->shapes;
	if (region->column_count == 0 || columns->shape_count == 0 || lists > end)
		return false;
	region->start = es_vector_entry(block, ES_FIXED_SLOTS).text;
	region->end = lists + es_get_uint16(block->data + lists - sizeof(uint16));
	return region->start >= columns->body_start && region->start <= region->table &&
		region->end <= end;
}

/* What of a column's entry matters to places, wherever the region lies. */
static inline uint32
column_mark(const EsBlock *block, const Region *region, uint32 column)
{
	EsColumnEntry entry = es_vector_entry(block, ES_LEAF_SLOT(column));

	return (entry.text - region->start) | (entry.encoding == ES_COLUMN_NONE ? MARK_NO_LEAF : 0);
}

/* Bytes of a layout's places. */
static inline uint32
places_size(const EsPlaces *places, uint32 shape_count)
{
	return places->path_count * shape_count * sizeof(EsPlace);
}

/*
 * Where the layout keeps its columns' marks; behind them are the bytes of its
 * region.
 */
static inline char *
layout_marks(const EsPlaces *places, const EsLayout *layout)
{
	return places->memory + layout->start + places_size(places, layout->shape_count);
}

/*
 * Has the block this layout?  Every byte that decides about places is compared,
 * since a hash can be forged.
 */
static bool
has_layout(const EsPlaces *places, const EsLayout *layout, const EsBlock *block,
		   const Region *region)
{
	const char *marks = layout_marks(places, layout);
	uint32		different = 0;

	if (!layout->known || layout->column_count != region->column_count ||
		layout->shape_count != block->columns.shape_count ||
		layout->table != region->table - region->start ||
		layout->region_size != region->end - region->start)
		return false;
	for (uint32 i = 0; i < region->column_count; i++)
	{
		uint32		mark;

		memcpy(&mark, marks + i * sizeof(mark), sizeof(mark));
		different |= column_mark(block, region, i) ^ mark;
	}
	return different == 0 &&
		memcmp(marks + region->column_count * sizeof(uint32), block->data + region->start,
			   layout->region_size) == 0;
}

/*
 * Keeps what other blocks are compared with.  A text that does not lie in the
 * region is none that they could be.
 */
static bool
remember(const EsPlaces *places, EsLayout *layout, const EsBlock *block, const Region *region)
{
	char	   *out = layout_marks(places, layout);

	layout->column_count = (uint16) region->column_count;
	layout->table = (uint16) (region->table - region->start);
	layout->region_size = (uint16) (region->end - region->start);
	for (uint32 i = 0; i < region->column_count; i++)
	{
		uint32		offset = es_vector_entry(block, ES_LEAF_SLOT(i)).text;
		uint32		mark = column_mark(block, region, i);
		EsSlice		text;

		if (offset < region->start || !es_vector_text(block, offset, &text) ||
			text.data + text.size > block->data + region->end)
			return false;
		memcpy(out, &mark, sizeof(mark));
		out += sizeof(mark);
	}
	memcpy(out, block->data + region->start, layout->region_size);
	return true;
}

/* ----------------------------------------------------------------- the cache */

/* The largest layout that any block can have. */
static size_t
largest_layout(uint32 path_count)
{
	return (size_t) path_count * ES_MAX_BLOCK_SHAPES * sizeof(EsPlace) +
		ES_MAX_LEAF_COLUMNS * sizeof(uint32) + ES_BLOCK_MAX_SIZE;
}

#define USUAL_LAYOUT_SIZE 2048

/* Bytes of memory that places of so many paths are to be given. */
size_t
es_places_size(uint32 path_count)
{
	return largest_layout(path_count) + ES_PLACES_MAX_LAYOUTS * USUAL_LAYOUT_SIZE;
}

/*
 * Begins with nothing known.  The paths, at most ES_PLACES_MAX_PATHS, and the
 * memory, of es_places_size() bytes, must stay where they are.
 */
void
es_places_init(EsPlaces *places, const EsPath *paths, uint32 path_count, void *memory)
{
	memset(places, 0, sizeof(*places));
	places->paths = paths;
	places->path_count = path_count;
	places->memory = memory;
	places->size = (uint32) es_places_size(path_count);
}

/* Makes room for a layout in the place of the oldest ones. */
static EsLayout *
add_layout(EsPlaces *places, uint32 shape_count, uint32 size)
{
	EsLayout   *layout = &places->layouts[places->next];

	places->current = places->next;
	places->next = (places->next + 1) % ES_PLACES_MAX_LAYOUTS;
	if (places->used + size > places->size)
		places->used = 0;
	for (uint32 i = 0; i < ES_PLACES_MAX_LAYOUTS; i++)
	{
		EsLayout   *old = &places->layouts[i];

		if (old->start < places->used + size && old->end > places->used)
			old->known = false;
	}
	layout->known = false;
	layout->shape_count = (uint16) shape_count;
	layout->start = places->used;
	layout->end = places->used += size;
	return layout;
}

/* Finds the places of all paths; 'region' is NULL when that is for once. */
static bool
learn(EsPlaces *places, const EsBlock *block, const Region *region)
{
	uint32		shape_count = block->columns.shape_count;
	uint32		size;
	EsLayout   *layout;
	EsPlace    *out;

	if (shape_count > ES_MAX_BLOCK_SHAPES)
		return false;
	size = places_size(places, shape_count);
	if (region != NULL)
		size += region->column_count * sizeof(uint32) + (region->end - region->start);
	layout = add_layout(places, shape_count, size);
	out = (EsPlace *) (places->memory + layout->start);
	for (uint32 i = 0; i < places->path_count; i++)
	{
		if (!es_path_places(block, &places->paths[i], out + i * shape_count, shape_count))
			return false;
	}
	places->hashes[places->current] = block->columns.shapes_hash;
	layout->known = region != NULL && remember(places, layout, block, region);
	places->misses++;
	return true;
}

/*
 * Finds out where the values of all paths lie in the block, for
 * es_places_get().  False when the block is not in column layout or its bytes
 * make no sense.
 */
bool
es_places_look_up(EsPlaces *places, const EsBlock *block)
{
	Region		region;

	if (!es_block_has_columns(block))
		return false;
	if (!find_region(block, &region))
		return learn(places, block, NULL);
	for (uint32 i = 0; i < ES_PLACES_MAX_LAYOUTS; i++)
	{
		/* that of the block before comes first */
		uint32		number = (places->current + i) % ES_PLACES_MAX_LAYOUTS;

		if (places->hashes[number] == block->columns.shapes_hash &&
			has_layout(places, &places->layouts[number], block, &region))
		{
			places->current = number;
			places->hits++;
			return true;
		}
	}
	return learn(places, block, &region);
}
