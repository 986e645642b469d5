/*-------------------------------------------------------------------------
 *
 * shape.h
 *	  The shapes of JSON documents: what is left when the leaves are cut out.
 *
 * A document is fixed text and leaves in turn:
 *
 *		{"a":1,"b":{"c":"x"}}	is	{"a":  1  ,"b":{"c":  "x"  }}
 *
 * A piece of fixed text together with the place it leads to is a segment; it
 * runs from the end of one leaf up to the next, or to the end of the document.
 * Strings, numbers, words and whole arrays are leaves.  Objects are walked.
 * Documents with the same segments have the same shape.
 *
 * The same segment may occur in many shapes: `,"note":` in the object at the
 * root is one segment whatever comes before it.  So what documents of several
 * shapes have in common is stored together; see block_columns.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_SHAPE_H
#define EVENTSTORE_CORE_SHAPE_H

#include "core/base.h"
#include "core/compare.h"

#define ES_MAX_LEAVES		128 /* in a document that has a shape */
#define ES_MAX_SEGMENT_SIZE	1024	/* bytes of text */
#define ES_MAX_SHAPED_SIZE	PG_UINT16_MAX	/* bytes of such a document */

/* What the collection holds at most; see es_shapes_renew(). */
#define ES_MAX_NODES		16384
#define ES_MAX_SEGMENTS		8192
#define ES_MAX_SHAPES		8192
#define ES_MAX_SCOPES		1024
#define ES_SHAPE_TEXT_SIZE	(512 * 1024)
#define ES_SHAPE_LIST_SIZE	(256 * 1024)

/* Segments that were met lately, learnt or not. */
#define ES_MET_BUCKETS		2048
#define ES_MET_WAYS			4

/* A leaf of a document: which bytes of it. */
typedef struct EsLeaf
{
	uint16		offset;
	uint16		size;
} EsLeaf;

/* How a document was taken apart. */
typedef struct EsDocument
{
	const EsLeaf *leaves;
	uint32		shape;			/* 0: it is one leaf itself */
} EsDocument;

/* Fixed text and the place it leads to. */
typedef struct EsSegment
{
	uint32		text;			/* offset into texts */
	uint16		size;
	uint16		scope;			/* the object in which its leaf lies */
	uint64		hash;
} EsSegment;

/* A shape's segments; the last one ends the document and has no leaf. */
typedef struct EsShape
{
	uint32		first_segment;	/* index into lists */
	uint16		segment_count;
	uint16		text_size;		/* of all segments */
} EsShape;

/* A node of the trie of segments, reached by exactly one sequence of them. */
typedef struct EsShapeNode
{
	EsExpected	expected_text;
	uint32		text;
	uint16		size;
	uint16		depth;			/* open objects after the text */
	uint16		scope;			/* the innermost of them */
	uint16		segment;
	uint16		parent;
	uint16		child_count;
	uint16		first_child;	/* 0: none */
	uint16		last_child;
	uint16		next_sibling;
	uint16		expected;		/* the child that matched last */
	uint32		shape;			/* when the document ends here, else 0 */
} EsShapeNode;

/* An object by its place: the keys that lead to it. */
typedef struct EsScope
{
	uint32		key;			/* offset into texts */
	uint16		key_size;
	uint16		parent;
} EsScope;

/*
 * All shapes that are known.  Entry 0 of each array stands for none, but for
 * node 0 and scope 0, which are the root.
 */
typedef struct EsShapes
{
	uint32		node_count;
	uint32		segment_count;
	uint32		shape_count;
	uint32		scope_count;
	uint32		text_size;
	uint32		list_size;
	uint32		generation;		/* of the numbers of segments and shapes */
	bool		full;
	uint32		misses;			/* documents since the last of a known shape */
	uint32		met[ES_MET_BUCKETS][ES_MET_WAYS];	/* hashes of segments, the
													 * latest first */
	uint16		by_hash[2 * ES_MAX_SEGMENTS];	/* segments */
	EsShapeNode nodes[ES_MAX_NODES];
	EsSegment	segments[ES_MAX_SEGMENTS];
	EsShape		shapes[ES_MAX_SHAPES];
	EsScope		scopes[ES_MAX_SCOPES];
	uint16		lists[ES_SHAPE_LIST_SIZE];	/* segments of shapes */
	char		texts[ES_SHAPE_TEXT_SIZE];
} EsShapes;

extern void es_shapes_init(EsShapes *shapes);
extern void es_shapes_renew(EsShapes *shapes);
extern const char *es_shape_scan(EsShapes *shapes, const char *p, const char *end,
								 uint32 *shape, EsLeaf *leaves);

/* The segments of a shape. */
static inline const uint16 *
es_shape_segments(const EsShapes *shapes, uint32 shape)
{
	return shapes->lists + shapes->shapes[shape].first_segment;
}

static inline EsSlice
es_segment_text(const EsShapes *shapes, uint16 segment)
{
	return es_slice(shapes->texts + shapes->segments[segment].text,
					shapes->segments[segment].size);
}

#endif							/* EVENTSTORE_CORE_SHAPE_H */
