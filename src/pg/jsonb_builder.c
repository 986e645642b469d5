/*-------------------------------------------------------------------------
 *
 * jsonb_builder.c
 *	  Makes jsonb of JSON text.
 *
 * Events are stored as text and read as jsonb, so this is on the way of every
 * event that is read.  The value is the same, byte for byte, as the one that
 * jsonb_in() makes; what the scanner does not vouch for goes to jsonb_in()
 * itself.
 *
 * The text is crossed once, which gives a list of items, and then the jsonb is
 * written from the items, front to back, into memory that is large enough from
 * the start.  An item is a scalar, a key, or a container (an object or array);
 * it points into the text.  Items stand in the order of the text: a container
 * before its contents, a key right before its value.  The elements of an array,
 * and the keys of an object, are also linked; keys are linked in the order that
 * jsonb has, each of them once, with the last of its values.
 *
 * A container in jsonb is a header with the number of its elements or pairs,
 * one JEntry for each (for an object, those of the keys, then those of the
 * values), and their contents in the same order.  A JEntry says the type and
 * the length, or, every JB_OFFSET_STRIDE entries, where the contents end.
 * Numerics and containers are aligned, and the zeros before them belong to
 * their length.
 *
 * No limit of jsonb needs to be checked here: text of ES_JSON_MAX_VALUE bytes
 * makes less than eight times as many bytes of jsonb, which a JEntry can say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "core/json.h"
#include "pg/jsonb_builder.h"
#include "pg/numeric_writer.h"

/* Items that need no allocation. */
#define FEW_ITEMS 128

/* Bytes of jsonb that an item needs at most, beyond those of its text. */
#define ITEM_OVERHEAD (sizeof(JEntry) + 3 + ES_NUMERIC_OVERHEAD)

/* So few keys are sorted fastest by insertion. */
#define FEW_KEYS 8

typedef struct Item
{
	const char *text;			/* of a scalar or key; without quotes */
	uint32		size;			/* bytes of text; pairs or elements */
	uint32		next;			/* next key or element, 0 after the last */
	uint32		first;			/* of a container: first key or element, or 0 */
	uint8		kind;			/* EsJsonKind */
	bool		escaped;		/* text has escapes */
} Item;

typedef struct Builder
{
	const char *p;				/* what is next in the text */
	const char *end;
	Item	   *items;			/* number 0 is the document */
	uint32		count;
	uint32		room;
	int			depth;
	char	   *keys;			/* those that had escapes, or NULL */
	size_t		keys_size;
	char	   *out;			/* what is next in the jsonb */
} Builder;

static bool read_value(Builder *builder);
static JEntry write_value(Builder *builder, const Item *item);

/* ----------------------------------------------------- from text to items */

/* Makes more room.  The first items are not allocated memory. */
static pg_noinline void
grow(Builder *builder)
{
	Item	   *items = palloc(2 * builder->room * sizeof(Item));

	memcpy(items, builder->items, builder->count * sizeof(Item));
	if (builder->room > FEW_ITEMS)
		pfree(builder->items);
	builder->items = items;
	builder->room *= 2;
}

static inline Item *
add_item(Builder *builder, EsJsonKind kind)
{
	Item	   *item;

	if (builder->count == builder->room)
		grow(builder);
	item = &builder->items[builder->count++];
	item->kind = kind;
	return item;
}

static inline bool
at_char(Builder *builder, char c)
{
	return builder->p < builder->end && *builder->p == c;
}

static inline void
skip_space(Builder *builder)
{
	while (builder->p < builder->end && es_json_is_space(*builder->p))
		builder->p++;
}

/* Crosses c and the space after it. */
static inline bool
take_char(Builder *builder, char c)
{
	if (!at_char(builder, c))
		return false;
	builder->p++;
	skip_space(builder);
	return true;
}

/* Reads a string into an item; NULL when it is not one. */
static inline Item *
read_string(Builder *builder)
{
	Item	   *item = add_item(builder, ES_JSON_STRING);
	const char *after;

	item->text = builder->p + 1;
	item->escaped = false;
	after = es_json_scan_string(builder->p, builder->end, &item->escaped);
	if (after == NULL)
		return NULL;
	item->size = (uint32) (after - 1 - item->text);
	builder->p = after;
	return item;
}

/* Keys are compared, so they must be without escapes. */
static pg_noinline void
unescape_key(Builder *builder, Item *key)
{
	char	   *plain;

	if (builder->keys == NULL)
		builder->keys = palloc(builder->end - key->text);
	plain = builder->keys + builder->keys_size;
	key->size = (uint32) es_json_unescape(key->text, key->text + key->size, plain);
	key->text = plain;
	key->escaped = false;
	builder->keys_size += key->size;
}

static inline bool
read_key(Builder *builder)
{
	Item	   *key;

	if (!at_char(builder, '"'))
		return false;
	key = read_string(builder);
	if (key == NULL)
		return false;
	if (key->escaped)
		unescape_key(builder, key);
	skip_space(builder);
	return take_char(builder, ':');
}

/* Numbers with an exponent are left to the server. */
static inline bool
has_exponent(const char *p, const char *end)
{
	while (p < end && *p < 'E')
		p++;
	return p < end;
}

/* Reads a number, true, false or null. */
static inline bool
read_plain(Builder *builder, EsJsonKind kind)
{
	const char *start = builder->p;
	const char *after = es_json_scan_scalar(start, builder->end);
	Item	   *item;

	if (after == NULL || (kind == ES_JSON_NUMBER && has_exponent(start, after)))
		return false;
	item = add_item(builder, kind);
	item->text = start;
	item->size = (uint32) (after - start);
	builder->p = after;
	return true;
}

/* As jsonb orders keys: shorter ones first. */
static inline int
compare_keys(const Item *a, const Item *b)
{
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return memcmp(a->text, b->text, a->size);
}

/* Merges two lists of keys; of equal ones only the later one's stays. */
static uint32
merge_keys(Item *items, uint32 earlier, uint32 later)
{
	uint32		first = 0;
	uint32	   *link = &first;

	while (earlier != 0 && later != 0)
	{
		int			order = compare_keys(&items[earlier], &items[later]);
		uint32	   *least = order < 0 ? &earlier : &later;

		if (order == 0)
			earlier = items[earlier].next;
		*link = *least;
		link = &items[*least].next;
		*least = *link;
	}
	*link = earlier != 0 ? earlier : later;
	return first;
}

/* Puts a key into a sorted list, in the place of an equal one. */
static inline void
insert_key(Item *items, uint32 *first, uint32 key)
{
	uint32	   *link = first;
	int			order = 1;

	while (*link != 0 && (order = compare_keys(&items[key], &items[*link])) > 0)
		link = &items[*link].next;
	items[key].next = order == 0 ? items[*link].next : *link;
	*link = key;
}

/* Sorts count keys from *rest on; *rest becomes the one after them. */
static uint32
sort_keys(Item *items, uint32 *rest, uint32 count)
{
	uint32		earlier = 0;
	uint32		later;

	if (count <= FEW_KEYS)
	{
		while (count-- > 0)
		{
			uint32		key = *rest;

			*rest = items[key].next;
			insert_key(items, &earlier, key);
		}
		return earlier;
	}
	earlier = sort_keys(items, rest, count / 2);
	later = sort_keys(items, rest, count - count / 2);
	return merge_keys(items, earlier, later);
}

static bool
is_sorted(const Item *items, uint32 key)
{
	for (uint32 next = items[key].next; next != 0; key = next, next = items[key].next)
		if (compare_keys(&items[key], &items[next]) >= 0)
			return false;
	return true;
}

/* Brings the keys of an object into the order that jsonb has, each once. */
static void
order_keys(Item *items, Item *object)
{
	uint32		rest = object->first;

	if (object->size < 2 || is_sorted(items, rest))
		return;
	object->first = sort_keys(items, &rest, object->size);
	object->size = 0;
	for (uint32 key = object->first; key != 0; key = items[key].next)
		object->size++;
}

/* Reads the elements or pairs of the container with that number. */
static bool
read_contents(Builder *builder, uint32 container, bool object)
{
	uint32		last = 0;
	uint32		size = 0;

	for (; !at_char(builder, object ? '}' : ']'); size++)
	{
		uint32		child;

		if (size > 0 && !take_char(builder, ','))
			return false;
		child = builder->count;
		if (object && !read_key(builder))
			return false;
		if (!read_value(builder))
			return false;
		if (size > 0)
			builder->items[last].next = child;
		last = child;
		skip_space(builder);
	}
	builder->p++;
	if (size > 0)
		builder->items[last].next = 0;
	builder->items[container].first = size > 0 ? container + 1 : 0;
	builder->items[container].size = size;
	return true;
}

/* Reads an object or array, whose opening bracket is next. */
static bool
read_container(Builder *builder, EsJsonKind kind)
{
	uint32		container = builder->count;
	bool		object = kind == ES_JSON_OBJECT;

	if (++builder->depth > ES_JSON_MAX_DEPTH)
		return false;
	add_item(builder, kind);
	builder->p++;
	skip_space(builder);
	if (!read_contents(builder, container, object))
		return false;
	if (object)
		order_keys(builder->items, &builder->items[container]);
	builder->depth--;
	return true;
}

static bool
read_value(Builder *builder)
{
	EsJsonKind	kind = es_json_kind(builder->p, builder->end);

	switch (kind)
	{
		case ES_JSON_STRING:
			return read_string(builder) != NULL;
		case ES_JSON_OBJECT:
		case ES_JSON_ARRAY:
			return read_container(builder, kind);
		default:
			return read_plain(builder, kind);
	}
}

/* A scalar by itself is an array of one, with a mark that is set later. */
static bool
read_scalar_document(Builder *builder)
{
	Item	   *array = add_item(builder, ES_JSON_ARRAY);

	array->first = 1;
	array->size = 1;
	if (!read_value(builder))
		return false;
	builder->items[1].next = 0;
	return true;
}

static bool
read_document(Builder *builder, bool scalar)
{
	bool		read = scalar ? read_scalar_document(builder) : read_value(builder);

	return read && builder->p == builder->end;
}

/* ---------------------------------------------------- from items to jsonb */

static inline void
pad(Builder *builder)
{
	while (builder->out != (char *) INTALIGN(builder->out))
		*builder->out++ = '\0';
}

static inline JEntry
write_string(Builder *builder, const Item *item)
{
	size_t		size = item->size;

	if (item->escaped)
		size = es_json_unescape(item->text, item->text + size, builder->out);
	else
		memcpy(builder->out, item->text, size);
	builder->out += size;
	return JENTRY_ISSTRING | (JEntry) size;
}

static JEntry
write_number(Builder *builder, const Item *item)
{
	char	   *start = builder->out;

	pad(builder);
	builder->out += es_numeric_write(es_slice(item->text, item->size), builder->out);
	return JENTRY_ISNUMERIC | (JEntry) (builder->out - start);
}

/* The entries of a container, while its contents are written. */
typedef struct Entries
{
	JEntry	   *entry;
	uint32		count;
	const char *contents;
} Entries;

/* Adds the entry of what has just been written. */
static inline void
put_entry(const Builder *builder, Entries *entries, JEntry entry)
{
	if (entries->count % JB_OFFSET_STRIDE == 0)
		entry = (entry & JENTRY_TYPEMASK) | JENTRY_HAS_OFF |
			(JEntry) (builder->out - entries->contents);
	entries->entry[entries->count++] = entry;
}

static JEntry
write_container(Builder *builder, const Item *item)
{
	const Item *items = builder->items;
	bool		object = item->kind == ES_JSON_OBJECT;
	char	   *start = builder->out;
	Entries		entries = {0};

	pad(builder);
	*(uint32 *) builder->out = item->size | (object ? JB_FOBJECT : JB_FARRAY);
	entries.entry = (JEntry *) builder->out + 1;
	builder->out = (char *) (entries.entry + (object ? 2 : 1) * item->size);
	entries.contents = builder->out;
	if (object)
		for (uint32 key = item->first; key != 0; key = items[key].next)
			put_entry(builder, &entries, write_string(builder, &items[key]));
	for (uint32 child = item->first; child != 0; child = items[child].next)
		put_entry(builder, &entries, write_value(builder, &items[child + object]));
	return JENTRY_ISCONTAINER | (JEntry) (builder->out - start);
}

static JEntry
write_value(Builder *builder, const Item *item)
{
	switch (item->kind)
	{
		case ES_JSON_STRING:
			return write_string(builder, item);
		case ES_JSON_NUMBER:
			return write_number(builder, item);
		case ES_JSON_BOOLEAN:
			return *item->text == 't' ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE;
		case ES_JSON_NULL:
			return JENTRY_ISNULL;
		default:
			return write_container(builder, item);
	}
}

static Jsonb *
write_document(Builder *builder, uint32 text_size, bool scalar)
{
	size_t		room = VARHDRSZ + text_size + builder->count * ITEM_OVERHEAD;
	Jsonb	   *jsonb = palloc(room);

	builder->out = (char *) &jsonb->root;
	write_container(builder, builder->items);
	if (scalar)
		jsonb->root.header |= JB_FSCALAR;
	Assert(builder->out <= (char *) jsonb + room);
	SET_VARSIZE(jsonb, builder->out - (char *) jsonb);
	return jsonb;
}

/* Returns NULL for what the scanner does not vouch for. */
static Jsonb *
build(EsSlice json)
{
	Item		few_items[FEW_ITEMS];
	Builder		builder = {
		.p = json.data,.end = json.data + json.size,
		.items = few_items,.room = FEW_ITEMS
	};
	bool		scalar = !at_char(&builder, '{') && !at_char(&builder, '[');
	Jsonb	   *jsonb = NULL;

	if (read_document(&builder, scalar))
		jsonb = write_document(&builder, json.size, scalar);
	if (builder.items != few_items)
		pfree(builder.items);
	if (builder.keys != NULL)
		pfree(builder.keys);
	return jsonb;
}

/* Makes the jsonb value of a JSON text. */
Datum
es_jsonb_datum(EsSlice json)
{
	Jsonb	   *jsonb = json.size <= ES_JSON_MAX_VALUE ? build(json) : NULL;

	if (jsonb == NULL)
		return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(json.data, json.size)));
	return JsonbPGetDatum(jsonb);
}
