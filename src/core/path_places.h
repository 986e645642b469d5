/*-------------------------------------------------------------------------
 *
 * path_places.h
 *	  Where the values of a path lie in a block in column layout.
 *
 * Documents of one shape have a path's value at the same place: in a leaf, in
 * the fixed text, or nowhere.  So a path is looked for once in each shape of a
 * block, and blocks in a row mostly have the same shapes; EsPlaces remembers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_PATH_PLACES_H
#define EVENTSTORE_CORE_PATH_PLACES_H

#include "core/block.h"
#include "core/path.h"

typedef enum EsPlaceKind
{
	ES_PLACE_MISSING,			/* no document of the shape has a value */
	ES_PLACE_LEAF,				/* what es_path_find() finds in a leaf */
	ES_PLACE_OBJECT,			/* an object with members, in several pieces */
	ES_PLACE_WORD,				/* an object without members: no leaf is in it */
	ES_PLACE_UNSURE				/* the text makes no sense; read the document */
} EsPlaceKind;

/* The place of a path's value in the documents of a shape. */
typedef struct EsPlace
{
	uint8		kind;			/* EsPlaceKind */
	uint8		column;			/* LEAF: number of the leaf column */
	uint8		steps;			/* LEAF: steps that lead to the leaf; the
								 * others are to be taken in its value */
} EsPlace;

/* More shapes than any block has room for. */
#define ES_MAX_BLOCK_SHAPES (ES_BLOCK_MAX_SIZE / 2)

#define ES_PLACES_MAX_PATHS		32
#define ES_PLACES_MAX_LAYOUTS	64

/* What blocks with the same texts and shapes have in common. */
typedef struct EsLayout
{
	uint32		start;			/* of its memory, in bytes */
	uint32		end;
	uint16		column_count;	/* of leaves */
	uint16		shape_count;
	uint16		table;			/* offset of the table of shapes in the region */
	uint16		region_size;
	bool		known;			/* others may be compared with it */
} EsLayout;

/*
 * Places of a set of paths in the blocks of a scan.  The memory is a ring: a
 * new layout takes the place of the oldest ones.
 */
typedef struct EsPlaces
{
	const EsPath *paths;
	uint32		path_count;
	char	   *memory;
	uint32		size;
	uint32		used;			/* where the next layout goes */
	uint32		next;			/* its number */
	uint32		current;		/* that of the block looked up last */
	uint64		hits;
	uint64		misses;
	uint32		hashes[ES_PLACES_MAX_LAYOUTS];	/* shapes_hash */
	EsLayout	layouts[ES_PLACES_MAX_LAYOUTS];
} EsPlaces;

extern bool es_path_places(const EsBlock *block, const EsPath *path,
						   EsPlace *places, uint32 room);

extern size_t es_places_size(uint32 path_count);
extern void es_places_init(EsPlaces *places, const EsPath *paths, uint32 path_count,
						   void *memory);
extern bool es_places_look_up(EsPlaces *places, const EsBlock *block);

/*
 * The places of a path in the block that was looked up last, one for each of
 * its shapes; until the next one is looked up.
 */
static inline const EsPlace *
es_places_get(const EsPlaces *places, uint32 path)
{
	const EsLayout *layout = &places->layouts[places->current];

	return (const EsPlace *) (places->memory + layout->start) + path * layout->shape_count;
}

#endif							/* EVENTSTORE_CORE_PATH_PLACES_H */
