/*-------------------------------------------------------------------------
 *
 * moves.c
 *	  Words of the index that this transaction has lead to rows of its own.
 *
 * A transaction that merges rows of the block table into others has the postings of
 * their events, in entities and in the tree of ids, lead to the new rows: all of them as
 * the last thing before it commits.  So a snapshot that sees the new rows finds postings
 * that lead to them; reader.c says how others get from there to the old rows.  If the
 * transaction fails, the words are set back at its end.
 *
 * Shared state and who may do what to it:
 *
 * a word		  is the writer's as long as it does not lead to a committed event, and
 *				  then changes by this file only: by the one transaction that has the
 *				  lock of compaction, with release, after the row that it leads to was
 *				  inserted.  Its lock on the block table keeps the index in place up to
 *				  the end of the callback below.
 * store->moving  0 -> 1 (release) by that transaction before it changes the first word;
 *				  1 -> 0 (release) after it has committed, or after the last word was set
 *				  back.  A reader loads it (acquire) after a word: a word that leads to
 *				  rows of a transaction that has failed is seen with 1, or is another
 *				  when it is loaded again.
 *
 * A backend that dies in between takes shared memory with it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "log/moves.h"
#include "log/stores.h"

/* How long a reader sleeps before it looks again, in microseconds. */
#define PAUSE_US 1000

typedef struct Move
{
	uint64	   *word;
	uint64		before;
	uint64		after;
} Move;

static EsStore *moving_store = NULL;
static Move *moves = NULL;
static uint32 move_room = 0;
static uint32 move_count = 0;

/* Begins to collect at most so many moves; those of a transaction that failed are over. */
void
es_moves_begin(EsStore *store, uint32 room)
{
	Assert(moving_store == NULL);
	if (room > move_room)
	{
		move_room = 0;
		if (moves != NULL)
			pfree(moves);
		moves = NULL;
		moves = MemoryContextAllocHuge(TopMemoryContext, room * sizeof(Move));
		move_room = room;
	}
	move_count = 0;
	moving_store = store;
}

/* The word will lead to another row. */
void
es_moves_add(uint64 *word, uint64 before, uint64 after)
{
	Assert(move_count < move_room);
	moves[move_count++] = (Move)
	{
		word, before, after
	};
}

/* Changes all words.  The caller commits next. */
void
es_moves_apply(void)
{
	if (move_count == 0)
		return;
	pg_atomic_write_u32(&moving_store->moving, 1);
	pg_write_barrier();
	for (uint32 i = 0; i < move_count; i++)
		__atomic_store_n(moves[i].word, moves[i].after, __ATOMIC_RELEASE);
}

/* Sets back what has been changed. */
static void
undo(void)
{
	for (uint32 i = move_count; i-- > 0;)
	{
		if (__atomic_load_n(moves[i].word, __ATOMIC_RELAXED) == moves[i].after)
			__atomic_store_n(moves[i].word, moves[i].before, __ATOMIC_RELEASE);
	}
}

static void
at_end(XactEvent event, void *arg pg_attribute_unused())
{
	if (moving_store == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_ABORT:
			undo();
			break;
		case XACT_EVENT_COMMIT:
			break;
		default:
			return;
	}
	pg_write_barrier();
	pg_atomic_write_u32(&moving_store->moving, 0);
	moving_store = NULL;
}

void
es_moves_install(void)
{
	RegisterXactCallback(at_end, NULL);
}

/* May words of this database's index lead to rows of a transaction that fails? */
bool
es_moves_are_open(void)
{
	pg_read_barrier();
	return pg_atomic_read_u32(&es_store_mine()->moving) != 0;
}

/* Waits a moment for a transaction that is just ending. */
void
es_moves_wait(void)
{
	CHECK_FOR_INTERRUPTS();
	pg_usleep(PAUSE_US);
}
