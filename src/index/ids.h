/*-------------------------------------------------------------------------
 *
 * ids.h
 *	  Finds events by id: a lock-free tree of postings, as far as memory allows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_INDEX_IDS_H
#define EVENTSTORE_INDEX_IDS_H

#include "index/map.h"

/* Looks at a place where an event with the id may be; true ends the search. */
typedef bool (*EsIdVisitor) (void *arg, EsPosting posting);

extern void es_ids_add(EsPool *pool, EsIndex *index, const uint64 *hashes,
					   const EsPosting *postings, uint32 count);
extern bool es_ids_search(const EsPool *pool, const EsIndex *index, uint64 hash,
						  EsIdVisitor visit, void *arg);
extern bool es_ids_contain(const EsPool *pool, const EsIndex *index, uint64 hash,
						   EsPosting posting);
extern uint64 *es_ids_word(const EsPool *pool, const EsIndex *index, uint64 hash,
						   EsPosting posting);
extern void es_ids_set_incomplete(EsIndex *index);
extern bool es_ids_complete(const EsIndex *index);
extern bool es_ids_give_up(EsPool *pool, EsIndex *index);

#endif							/* EVENTSTORE_INDEX_IDS_H */
