/*-------------------------------------------------------------------------
 *
 * view.h
 *	  Blocks that are being looked at: their events' columns, whatever the layout.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FILTER_VIEW_H
#define EVENTSTORE_FILTER_VIEW_H

#include "postgres.h"

#include "core/fields.h"
#include "core/path_places.h"
#include "filter/verdict.h"
#include "log/block_row.h"

/* A column that was looked at, for those who load the same of other blocks. */
typedef struct EsViewedColumn
{
	uint32		slot;
	uint32		size;			/* in bytes, as far as it is worth to load */
} EsViewedColumn;

#define ES_VIEWED_COLUMNS 8

/* An event in row layout. */
typedef struct EsViewedEvent
{
	EsBlockRow *row;			/* that it is in */
	uint32		ordinal;		/* in the row's block */
	bool		has_head;		/* 'stored' was read */
	bool		complete;		/* with the body */
	EsStoredEvent stored;
} EsViewedEvent;

/*
 * What is looked at: one block, or several of a page in row layout, whose events are
 * counted through.  What depends on it is in 'context', which is emptied when the
 * next one is opened.
 */
typedef struct EsView
{
	MemoryContext context;
	EsPlaces   *places;			/* of the paths that are asked for, or NULL */
	bool		whole_pages;	/* all blocks of a page are looked at */
	uint64		number;			/* of the block, no other one's */
	EsBlockRow *row;			/* of the (first) block */
	EsBlock    *block;			/* of the row */
	uint32		block_count;
	uint32		count;			/* events */
	uint32		words;			/* of a set of them */
	uint64		type_summary;	/* es_type_bit() of all event types */
	bool		columns;		/* it is one block, in column layout */
	bool		placed;			/* places were looked up */
	bool		symbols_open;
	EsViewedColumn viewed[ES_VIEWED_COLUMNS];
	uint32		viewed_count;
	bool		touched;		/* more than the header was looked at */

	EsViewedEvent *events;		/* rows: all of them; columns: the last one */
	uint32		event_room;
	bool		whole_events;	/* bodies were read, too */
	char	   *strings;		/* columns: of the event's head */
	char	   *body;
	char	   *value;			/* the last value of a column */
} EsView;

extern void es_view_begin(EsView *view, const EsPath *paths, uint32 path_count);
extern void es_view_open(EsView *view, EsBlockRow *row);
extern void es_view_add(EsView *view, EsBlockRow *row);
extern void es_view_end(EsView *view);
extern void es_view_load_ahead(const EsView *view, const char *page);

extern const EsStoredEvent *es_view_head(EsView *view, uint32 i);
extern const EsStoredEvent *es_view_event(EsView *view, uint32 i);
extern void es_view_integers(EsView *view, uint32 slot, EsIntegers *integers);
extern void es_view_strings(EsView *view, uint32 slot, EsStrings *strings);
extern const EsPlace *es_view_places(EsView *view, uint32 path);
extern const char *es_view_codes(EsView *view, const char *data, uint32 width,
								 uint32 count);
extern const char *es_view_wide(EsView *view, const char *data, uint32 width, uint32 count,
								int *size_log2);
extern EsSlice es_view_value(EsView *view, const EsStrings *strings, uint32 i, uint32 row);
extern EsSlice es_view_entity(EsView *view, uint32 i);
extern void es_view_damaged(const EsView *view) ES_NORETURN;

/* The position of event i. */
static inline int64
es_view_position(const EsView *view, uint32 i)
{
	return view->columns ? es_block_position(view->block, i) :
		es_block_position(&view->events[i].row->block, view->events[i].ordinal);
}

/* When event i was recorded. */
static inline int64
es_view_recorded_at(const EsView *view, uint32 i)
{
	return view->columns ? es_block_recorded_at(view->block, i) :
		es_block_recorded_at(&view->events[i].row->block, view->events[i].ordinal);
}

#endif							/* EVENTSTORE_FILTER_VIEW_H */
