/*-------------------------------------------------------------------------
 *
 * ids.c
 *	  Event ids: which of them lead to their events by time, and the index of
 *	  the others.
 *
 * An id that has about the time of recording in it needs no entry: the few
 * blocks of that time are looked at.  All others have one as long as there is
 * memory, made after the row was inserted and before the transaction can
 * commit; those of rolled back transactions stay and lead nowhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "core/uuid.h"
#include "log/ids.h"
#include "log/moves.h"

/*
 * Is the event found by the time in its id?  Everyone who writes, builds, reads
 * or verifies asks this one function.
 */
bool
es_id_has_time(const uint8 *event_id, int64 recorded_at)
{
	int64		time;

	return es_uuid_v7_time(event_id, &time) &&
		(uint64) recorded_at - (uint64) (time - ES_ID_TIME_WINDOW_US) <= 2 * ES_ID_TIME_WINDOW_US;
}

/* With this server run's secret, so that nobody can choose ids that collide. */
static uint64
id_hash(const uint8 *event_id)
{
	return es_secret_hash(es_slice((const char *) event_id, ES_UUID_SIZE));
}

/* ---------------------------------------------------------------- entering */

void
es_id_buffer_begin(EsIdBuffer *buffer, EsIndex *index)
{
	buffer->index = index;
	buffer->count = 0;
}

/* Enters the id of an event that was stored there, if it needs to be. */
void
es_id_buffer_add(EsIdBuffer *buffer, const uint8 *event_id, int64 recorded_at, EsPosting posting)
{
	if (es_id_has_time(event_id, recorded_at))
		return;
	buffer->hashes[buffer->count] = id_hash(event_id);
	buffer->postings[buffer->count++] = posting;
	if (buffer->count == ES_PREFETCH_WINDOW)
		es_id_buffer_flush(buffer);
}

void
es_id_buffer_flush(EsIdBuffer *buffer)
{
	es_ids_add(es_pool, buffer->index, buffer->hashes, buffer->postings, buffer->count);
	buffer->count = 0;
}

/*
 * Has an id that is in the index lead to where its event was merged to, once the moves
 * are applied.
 */
void
es_id_buffer_move(EsIdBuffer *buffer, const uint8 *event_id, EsPosting before, EsPosting after)
{
	uint64		hash = id_hash(event_id);
	uint64	   *word = es_ids_word(es_pool, buffer->index, hash, before);

	if (word != NULL)
	{
		es_moves_add(word, *word, *word ^ before ^ after);
		return;
	}
	buffer->hashes[buffer->count] = hash;
	buffer->postings[buffer->count++] = after;
	if (buffer->count == ES_PREFETCH_WINDOW)
		es_id_buffer_flush(buffer);
}

/* ----------------------------------------------------------------- finding */

typedef struct Search
{
	EsReader   *reader;
	const uint8 *event_id;
	EsStoredEvent *stored;
	bool		damaged;		/* a place could not be read */
} Search;

static bool
look_at(void *arg, EsPosting posting)
{
	Search	   *search = arg;
	EsBlockStatus status;

	CHECK_FOR_INTERRUPTS();
	if (!es_reader_any(search->reader, posting, search->stored, &status))
	{
		search->damaged |= status != ES_BLOCK_OK;
		return false;
	}
	return memcmp(search->stored->event.event_id, search->event_id, ES_UUID_SIZE) == 0;
}

/*
 * Finds an event with this id that the reader's snapshot sees, and reads its
 * head.  *complete says whether one that was not found is either found by time
 * or not there at all.
 */
bool
es_id_find(const EsIndex *index, EsReader *reader, const uint8 *event_id, EsStoredEvent *stored,
		   bool *complete)
{
	Search		search = {reader, event_id, stored, false};
	uint32		moves;
	bool		found;

	do
	{
		moves = es_moves_count();
		found = es_ids_search(es_pool, index, id_hash(event_id), look_at, &search);
	} while (!found && es_moves_passed(moves));
	*complete = es_ids_complete(index) && !search.damaged;
	return found;
}

typedef struct Pages
{
	EsReader   *reader;
	EsPageList *list;
	bool		damaged;
} Pages;

static bool
add_page(void *arg, EsPosting posting)
{
	Pages	   *pages = arg;
	EsStoredEvent stored;
	EsBlockStatus status;

	CHECK_FOR_INTERRUPTS();
	if (es_reader_any(pages->reader, posting, &stored, &status))
		es_page_list_add(pages->list, es_reader_page(pages->reader));
	pages->damaged |= status != ES_BLOCK_OK;
	return false;
}

/*
 * Adds the pages of the block table on which the reader's snapshot sees events that may
 * have this id, besides those that are found by its time.  False when ids are missing in
 * the index, or damage hides them.
 */
bool
es_id_pages(const EsIndex *index, EsReader *reader, const uint8 *event_id, EsPageList *list)
{
	Pages		pages = {reader, list, false};
	uint32		moves;

	do
	{
		moves = es_moves_count();
		(void) es_ids_search(es_pool, index, id_hash(event_id), add_page, &pages);
	} while (es_moves_passed(moves));
	return es_ids_complete(index) && !pages.damaged;
}

/* Does the id lead to this place, or need it not? */
bool
es_id_is_indexed(const EsIndex *index, const uint8 *event_id, EsPosting posting)
{
	return es_ids_contain(es_pool, index, id_hash(event_id), posting) ||
		!es_ids_complete(index);
}

typedef struct Way
{
	EsReader   *reader;
	int64		position;
} Way;

static bool
is_at(void *arg, EsPosting posting)
{
	Way		   *way = arg;
	EsStoredEvent stored;
	EsBlockStatus status;

	CHECK_FOR_INTERRUPTS();
	return es_reader_any(way->reader, posting, &stored, &status) &&
		stored.position == way->position;
}

/* Does the id lead to the event at this position, which the reader's snapshot sees? */
bool
es_id_leads_to(const EsIndex *index, EsReader *reader, const uint8 *event_id, int64 position)
{
	Way			way = {reader, position};

	return es_ids_search(es_pool, index, id_hash(event_id), is_at, &way);
}
