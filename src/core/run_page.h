/*-------------------------------------------------------------------------
 *
 * run_page.h
 *	  Pages of the sorted runs of the entity index.
 *
 * A run is a tree of pages that is written once.  Its leaves have entries in the order
 * of (hash, first version): where the events of an entity are in the log, so many
 * versions at a time.  The pages above say with which key each page below begins.  Pages
 * are numbered from 1 in the order in which they are written, so the last one is the root.
 * doc/format.md describes every byte.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_RUN_PAGE_H
#define EVENTSTORE_CORE_RUN_PAGE_H

#include "core/base.h"

/* The largest page: a bytea that a row of the server's page holds inline. */
#define ES_RUN_PAGE_SIZE 8000

/* Positions of an entry: so few that it fits an empty page, whatever they are. */
#define ES_RUN_MAX_POSITIONS 512

/* Levels of pages; more than there can be. */
#define ES_RUN_MAX_LEVELS 8

/* What entries are sorted by. */
typedef struct EsRunKey
{
	uint64		hash;			/* of tenant and entity, with the seed of the
								 * run */
	uint32		version;
} EsRunKey;

/* An entry, or what of it is needed; it points into its page. */
typedef struct EsRunEntry
{
	EsRunKey	key;			/* with the first version */
	uint32		count;			/* of versions, and of positions */
	EsSlice		tenant_id;
	EsSlice		entity_id;
	EsSlice		positions;		/* packed: see es_run_entry_positions() */
} EsRunEntry;

/* A page that is written. */
typedef struct EsRunPageWriter
{
	uint32		count;			/* of entries, or of pages below */
	uint32		used;			/* bytes */
	char		data[ES_RUN_PAGE_SIZE];
} EsRunPageWriter;

/* A page that is read. */
typedef struct EsRunPage
{
	const char *data;
	uint32		size;
	uint32		count;
	uint8		level;			/* 0: a leaf */
	uint32		previous;		/* number of the page before it on its level;
								 * 0: none */
} EsRunPage;

static inline int
es_run_key_compare(EsRunKey a, EsRunKey b)
{
	if (a.hash != b.hash)
		return a.hash < b.hash ? -1 : 1;
	return a.version < b.version ? -1 : a.version > b.version;
}

extern uint64 es_run_hash(uint64 seed, EsSlice tenant_id, EsSlice entity_id);

extern void es_run_page_begin(EsRunPageWriter *writer, uint8 level, uint32 previous);
extern bool es_run_page_add_entry(EsRunPageWriter *writer, const EsRunEntry *entry,
								  const int64 *positions);
extern bool es_run_page_add_child(EsRunPageWriter *writer, EsRunKey first, uint32 number);
extern EsSlice es_run_page_finish(EsRunPageWriter *writer, int64 run, uint32 number);

extern bool es_run_page_open(EsRunPage *page, EsSlice data, int64 run, uint32 number, bool verify);
extern bool es_run_page_entry(const EsRunPage *page, uint32 i, EsRunEntry *entry);

/* Of a page that is no leaf, with i less than its count. */
extern bool es_run_page_child(const EsRunPage *page, uint32 i, uint32 *number);
extern uint32 es_run_page_search(const EsRunPage *page, EsRunKey key);
extern bool es_run_entry_positions(const EsRunEntry *entry, int64 *positions);

#endif							/* EVENTSTORE_CORE_RUN_PAGE_H */
