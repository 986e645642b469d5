/*-------------------------------------------------------------------------
 *
 * shape.c
 *	  Takes documents apart by the shapes of those before.
 *
 * Known shapes are a trie: a node is a piece of fixed text, and after it comes
 * a leaf or the end of the document.  A document is compared with the trie as
 * it is scanned: bytes between leaves are compared with what was found there
 * before, and only leaves are looked at one by one.  That is also the check of
 * the grammar, since a node's text was parsed, in the same state, when it was
 * learnt.
 *
 * Where no child of a node matches, the rest of the document is parsed segment
 * by segment.  It is learnt only if these segments were met before, each of them
 * wherever it stood or all in this order, so that documents which are all
 * different do not fill the trie.  What is parsed but not learnt has no shape.  The trie's size is
 * limited; when it is full nothing is learnt until es_shapes_renew().
 *
 *-------------------------------------------------------------------------
 */
#include "core/shape.h"

#include "core/compare.h"
#include "core/hash.h"
#include "core/json.h"

#define MAX_DEPTH		64		/* of objects in a document that has a shape */
#define MAX_CHILDREN	256		/* of a node */

/*
 * After so many documents without a known shape, only one in so many is still
 * parsed to be learnt.
 */
#define PATIENCE		256
#define PATIENCE_SAMPLE 16

/* A segment that was parsed, not yet learnt. */
typedef struct Parsed
{
	EsSlice		text;
	uint64		hash;
	uint32		depth;
} Parsed;

/* ------------------------------------------------------------ the collection */

void
es_shapes_init(EsShapes *shapes)
{
	memset(shapes->met, 0, sizeof(shapes->met));
	memset(shapes->by_hash, 0, sizeof(shapes->by_hash));
	memset(&shapes->nodes[0], 0, sizeof(shapes->nodes[0]));
	memset(&shapes->scopes[0], 0, sizeof(shapes->scopes[0]));
	shapes->node_count = shapes->segment_count = 1;
	shapes->shape_count = shapes->scope_count = 1;
	shapes->text_size = shapes->list_size = 0;
	shapes->full = false;
	shapes->misses = 0;
	shapes->generation++;
}

/*
 * Forgets everything if the collection is full, so that it can learn again.
 * Not while shapes that it gave out are in use.
 */
void
es_shapes_renew(EsShapes *shapes)
{
	if (shapes->full)
		es_shapes_init(shapes);
}

static uint32
add_text(EsShapes *shapes, EsSlice text)
{
	uint32		offset = shapes->text_size;

	es_put_slice(shapes->texts + offset, text);
	shapes->text_size += text.size;
	return offset;
}

/* -------------------------------------------------------------- comparing */

/* May a leaf start with this byte? */
static inline bool
starts_leaf(char c)
{
	static const bool starts[256] = {
		['"'] = true,['-'] = true,['['] = true,['t'] = true,['f'] = true,['n'] = true,
		['0'] = true,['1'] = true,['2'] = true,['3'] = true,['4'] = true,
		['5'] = true,['6'] = true,['7'] = true,['8'] = true,['9'] = true
	};

	return starts[(unsigned char) c];
}

/* Does the node's text stand at p, and does its place follow? */
static inline bool
matches(const EsShapes *shapes, const EsShapeNode *node, simde__m128i head,
		const char *p, const char *end)
{
	EsSlice		text = es_slice(shapes->texts + node->text, node->size);

	return es_is_expected(&node->expected_text, text, head, p, end) &&
		(node->depth == 0 || (p + node->size < end && starts_leaf(p[node->size])));
}

/*
 * The child of 'parent' whose text stands at p; NULL when there is none.  No
 * two can match, since a text ends where a leaf starts.
 */
static inline EsShapeNode *
find_child(EsShapes *shapes, EsShapeNode *parent, const char *p, const char *end)
{
	simde__m128i head = es_load_head(p, end);
	uint16		child = parent->expected;

	if (likely(child != 0 && matches(shapes, &shapes->nodes[child], head, p, end)))
		return &shapes->nodes[child];
	for (child = parent->first_child; child != 0; child = shapes->nodes[child].next_sibling)
	{
		if (matches(shapes, &shapes->nodes[child], head, p, end))
		{
			parent->expected = child;
			return &shapes->nodes[child];
		}
	}
	return NULL;
}

/* ---------------------------------------------------------------- parsing */

/*
 * Parses the segment at p, in an object at 'depth' (0: before the document).
 * Returns where its leaf starts or the document ends; NULL for anything that
 * is wrong or too deep.
 */
static const char *
parse_segment(const char *p, const char *end, uint32 *depth)
{
	bool		opened = *depth == 0;

	if (opened)
	{
		(*depth)++;
		p++;
	}
	for (;;)
	{
		p = es_json_skip_space(p, end);
		if (p >= end)
			return NULL;
		if (*p == '}')
		{
			p++;
			if (--*depth == 0)
				return p;
			opened = false;
			continue;
		}
		if (!opened)
		{
			if (*p != ',')
				return NULL;
			p = es_json_skip_space(p + 1, end);
		}
		p = es_json_scan_key(p, end);
		if (p == NULL || p >= end)
			return NULL;
		if (*p != '{')
			return starts_leaf(*p) ? p : NULL;
		if (++*depth > MAX_DEPTH)
			return NULL;
		p++;
		opened = true;
	}
}

/* ---------------------------------------------------------------- learning */

/* Finds or adds the object under this key in that one. */
static uint16
find_scope(EsShapes *shapes, uint16 parent, EsSlice key)
{
	EsScope    *scope;

	for (uint32 i = 1; i < shapes->scope_count; i++)
	{
		scope = &shapes->scopes[i];
		if (scope->parent == parent &&
			es_slice_equal(es_slice(shapes->texts + scope->key, scope->key_size), key))
			return (uint16) i;
	}
	scope = &shapes->scopes[shapes->scope_count];
	scope->parent = parent;
	scope->key_size = (uint16) key.size;
	scope->key = add_text(shapes, key);
	return (uint16) shapes->scope_count++;
}

/* The object in which a segment ends that starts in 'scope'. */
static uint16
scope_after(EsShapes *shapes, EsSlice text, uint16 scope, bool at_root)
{
	const char *end = text.data + text.size;
	EsSlice		key = {0};
	bool		escaped;

	for (const char *p = text.data; p < end;)
	{
		const char *start = p;

		if (*p == '"')
		{
			p = es_json_scan_string(p, end, &escaped);
			key = es_slice(start, p - start);
			continue;
		}
		if (*p == '{' && !at_root)
			scope = find_scope(shapes, scope, key);
		else if (*p == '}')
			scope = shapes->scopes[scope].parent;
		if (*p == '{')
			at_root = false;
		p++;
	}
	return scope;
}

static bool
is_before(const EsShapes *shapes, uint16 node, uint16 segment)
{
	for (; node != 0; node = shapes->nodes[node].parent)
	{
		if (shapes->nodes[node].segment == segment)
			return true;
	}
	return false;
}

/*
 * Finds or adds the segment that follows 'node'.  One that already stands
 * before it in the same document is not taken a second time.
 */
static uint16
find_segment(EsShapes *shapes, uint16 node, const Parsed *parsed, uint16 scope)
{
	uint32		slot = (uint32) parsed->hash % lengthof(shapes->by_hash);
	EsSegment  *segment;

	for (; shapes->by_hash[slot] != 0; slot = (slot + 1) % lengthof(shapes->by_hash))
	{
		uint16		number = shapes->by_hash[slot];

		segment = &shapes->segments[number];
		if (segment->hash == parsed->hash && segment->scope == scope &&
			es_slice_equal(es_segment_text(shapes, number), parsed->text) &&
			!is_before(shapes, node, number))
			return number;
	}
	shapes->by_hash[slot] = (uint16) shapes->segment_count;
	segment = &shapes->segments[shapes->segment_count];
	segment->hash = parsed->hash;
	segment->scope = scope;
	segment->size = (uint16) parsed->text.size;
	segment->text = add_text(shapes, parsed->text);
	return (uint16) shapes->segment_count++;
}

static void
link_child(EsShapes *shapes, uint16 parent, uint16 child)
{
	EsShapeNode *node = &shapes->nodes[parent];

	if (node->first_child == 0)
		node->first_child = child;
	else
		shapes->nodes[node->last_child].next_sibling = child;
	node->last_child = node->expected = child;
	node->child_count++;
}

static uint16
add_node(EsShapes *shapes, uint16 parent, const Parsed *parsed)
{
	uint16		number = (uint16) shapes->node_count++;
	EsShapeNode *node = &shapes->nodes[number];
	uint16		scope = scope_after(shapes, parsed->text, shapes->nodes[parent].scope,
									parent == 0);

	memset(node, 0, sizeof(*node));
	node->parent = parent;
	node->depth = (uint16) parsed->depth;
	node->scope = scope;
	node->segment = find_segment(shapes, parent, parsed, scope);
	node->text = shapes->segments[node->segment].text;
	node->size = (uint16) parsed->text.size;
	es_expect(&node->expected_text, parsed->text);
	link_child(shapes, parent, number);
	return number;
}

/* Makes the shape of the document that ends at this node. */
static uint32
add_shape(EsShapes *shapes, uint16 last)
{
	EsShape    *shape = &shapes->shapes[shapes->shape_count];
	uint32		count = 0;
	uint32		at;

	for (uint16 node = last; node != 0; node = shapes->nodes[node].parent)
		count++;
	shape->first_segment = shapes->list_size;
	shape->segment_count = (uint16) count;
	shape->text_size = 0;
	shapes->list_size += count;
	at = shapes->list_size;
	for (uint16 node = last; node != 0; node = shapes->nodes[node].parent)
	{
		shapes->lists[--at] = shapes->nodes[node].segment;
		shape->text_size += shapes->nodes[node].size;
	}
	shapes->nodes[last].shape = shapes->shape_count;
	return shapes->shape_count++;
}

/* At least as many as the segment opens. */
static uint32
count_objects(EsSlice text)
{
	uint32		count = 0;

	for (uint32 i = 0; i < text.size; i++)
		count += text.data[i] == '{';
	return count;
}

/*
 * Is there room for all that learning these segments may add?  Sets *ever when
 * there would be in an empty collection.
 */
static bool
has_room(const EsShapes *shapes, const Parsed *parsed, uint32 count, bool *ever)
{
	uint32		text_size = 0;
	uint32		objects = 0;

	for (uint32 i = 0; i < count; i++)
	{
		text_size += 2 * parsed[i].text.size;	/* the text, and keys in it */
		objects += count_objects(parsed[i].text);
	}
	*ever = 1 + objects <= ES_MAX_SCOPES && text_size <= ES_SHAPE_TEXT_SIZE;
	return shapes->node_count + count <= ES_MAX_NODES &&
		shapes->segment_count + count <= ES_MAX_SEGMENTS &&
		shapes->shape_count < ES_MAX_SHAPES &&
		shapes->scope_count + objects <= ES_MAX_SCOPES &&
		shapes->text_size + text_size <= ES_SHAPE_TEXT_SIZE &&
		shapes->list_size + ES_MAX_LEAVES + 1 <= ES_SHAPE_LIST_SIZE;
}

/* Remembers a segment by its hash; was it met before? */
static bool
meet(EsShapes *shapes, uint64 hash)
{
	uint32	   *met = shapes->met[hash % ES_MET_BUCKETS];
	uint32		tag = (uint32) (hash >> 32);
	uint32		way = 0;

	while (way < ES_MET_WAYS - 1 && met[way] != tag)
		way++;
	if (met[way] == tag)
		return true;
	memmove(met + 1, met, (ES_MET_WAYS - 1) * sizeof(*met));
	met[0] = tag;
	return false;
}

/*
 * Remembers the segments, and that they followed each other; were they met
 * before, each by itself or all in this order?
 */
static bool
met_before(EsShapes *shapes, const Parsed *parsed, uint32 count)
{
	uint64		sequence = 0;
	bool		all = true;

	for (uint32 i = 0; i < count; i++)
	{
		all &= meet(shapes, parsed[i].hash);
		sequence = (sequence ^ parsed[i].hash) * UINT64CONST(0x9E3779B97F4A7C15);
	}
	return meet(shapes, sequence) || all;
}

/* Learns the segments that follow 'node' up to the end of a document. */
static uint32
learn(EsShapes *shapes, uint16 node, const Parsed *parsed, uint32 count)
{
	bool		ever;

	if (shapes->full || !met_before(shapes, parsed, count))
		return 0;
	if (!has_room(shapes, parsed, count, &ever) ||
		shapes->nodes[node].child_count == MAX_CHILDREN)
	{
		shapes->full = ever;
		return 0;
	}
	for (uint32 i = 0; i < count; i++)
		node = add_node(shapes, node, &parsed[i]);
	return add_shape(shapes, node);
}

/* ---------------------------------------------------------------- scanning */

/* Crosses the leaf at p; NULL when the scanner does not vouch for it. */
static inline const char *
scan_leaf(const char *p, const char *end)
{
	if (*p == '[')
		return es_json_scan(p, end);
	return es_json_scan_scalar(p, end);
}

/* Notes where a leaf is; false when there are too many or they are too far. */
static inline bool
note_leaf(EsLeaf *leaves, uint32 *count, const char *start, const char *p, const char *after)
{
	if (*count == ES_MAX_LEAVES || after - start > ES_MAX_SHAPED_SIZE)
		return false;
	leaves[*count].offset = (uint16) (p - start);
	leaves[*count].size = (uint16) (after - p);
	(*count)++;
	return true;
}

/* Is it a waste of time to parse another document of no known shape? */
static bool
is_hopeless(EsShapes *shapes)
{
	return ++shapes->misses > PATIENCE && shapes->misses % PATIENCE_SAMPLE != 0;
}

/* Parses the rest of the document that starts at 'start', from node and p on. */
static const char *
scan_unknown(EsShapes *shapes, const EsShapeNode *node, const char *start, const char *p,
			 const char *end, uint32 *shape, EsLeaf *leaves, uint32 leaf_count)
{
	Parsed		parsed[ES_MAX_LEAVES + 1];
	uint32		count = 0;
	uint32		depth = node->depth;
	bool		small = true;

	do
	{
		const char *leaf = parse_segment(p, end, &depth);

		if (leaf == NULL)
			return NULL;
		parsed[count].text = es_slice(p, leaf - p);
		parsed[count].hash = es_stable_hash(parsed[count].text);
		parsed[count].depth = depth;
		small &= leaf - p <= ES_MAX_SEGMENT_SIZE;
		count++;
		p = leaf;
		if (depth > 0 && ((p = scan_leaf(leaf, end)) == NULL ||
						  !note_leaf(leaves, &leaf_count, start, leaf, p)))
			return NULL;
	} while (depth > 0);
	if (p - start > ES_MAX_SHAPED_SIZE)
		return NULL;
	*shape = small ? learn(shapes, (uint16) (node - shapes->nodes), parsed, count) : 0;
	return p;
}

/*
 * Crosses the JSON object at p.  Sets *shape to its shape, of which leaves (room
 * for ES_MAX_LEAVES) then has the leaves, or to 0 when it has none.  Returns the
 * byte after it, or NULL when it is for the full scanner: anything that is no
 * object, not valid, or too much for a shape, or not worth the time.
 */
const char *
es_shape_scan(EsShapes *shapes, const char *p, const char *end, uint32 *shape,
			  EsLeaf *leaves)
{
	const char *start = p;
	EsShapeNode *node = &shapes->nodes[0];
	uint32		count = 0;

	*shape = 0;
	if (p >= end || *p != '{')
		return NULL;
	for (;;)
	{
		EsShapeNode *child = find_child(shapes, node, p, end);
		const char *after;

		if (child == NULL)
			return is_hopeless(shapes) ? NULL :
				scan_unknown(shapes, node, start, p, end, shape, leaves, count);
		p += child->size;
		if (child->depth == 0)
		{
			*shape = child->shape;
			shapes->misses = 0;
			return p;
		}
		after = scan_leaf(p, end);
		if (after == NULL || !note_leaf(leaves, &count, start, p, after))
			return NULL;
		p = after;
		node = child;
	}
}
