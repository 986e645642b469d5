/*-------------------------------------------------------------------------
 *
 * moves.c
 *	  Words of the index that this transaction has led to rows of its own.
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
 * store->moving  odd while words may lead to rows of a transaction that fails: raised by
 *				  one (release) by that transaction before it changes the first word, and
 *				  again after it has committed, or after the last word was set back.  A
 *				  reader loads it (acquire) before it looks at words, and again when it
 *				  has not found what should be there: if it was even and is the same, no
 *				  word has led astray.
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
#define PAUSE_US 200

typedef struct Move
{
	uint64	   *word;
	uint64		before;
	uint64		after;
} Move;

static EsStore *moving_store = NULL;
static bool applied = false;	/* words were changed */
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

/* Other transactions do not change it meanwhile. */
static void
raise_moving(void)
{
	pg_write_barrier();
	pg_atomic_write_u32(&moving_store->moving, pg_atomic_read_u32(&moving_store->moving) + 1);
	pg_write_barrier();
}

/* Changes all words.  The caller commits next. */
void
es_moves_apply(void)
{
	if (move_count == 0)
		return;
	raise_moving();
	applied = true;
	for (uint32 i = 0; i < move_count; i++)
		__atomic_store_n(moves[i].word, moves[i].after, __ATOMIC_RELEASE);
}

/* Sets back what has been changed. */
static void
undo(void)
{
	for (uint32 i = move_count; i-- > 0;)
		__atomic_store_n(moves[i].word, moves[i].before, __ATOMIC_RELEASE);
}

static void
at_end(XactEvent event, void *arg pg_attribute_unused())
{
	if (moving_store == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_ABORT:
			if (applied)
				undo();
			break;
		case XACT_EVENT_COMMIT:
			break;
		default:
			return;
	}
	if (applied)
		raise_moving();
	applied = false;
	moving_store = NULL;
}

void
es_moves_install(void)
{
	RegisterXactCallback(at_end, NULL);
}

/* To be called before words are looked at, for es_moves_passed(). */
uint32
es_moves_count(void)
{
	uint32		count = pg_atomic_read_u32(&es_store_mine()->moving);

	pg_read_barrier();
	return count;
}

/*
 * May words that were looked at since have led astray?  If a transaction is just ending
 * that has moved them, waits a moment for it: they are to be looked at again.
 */
bool
es_moves_passed(uint32 count)
{
	pg_read_barrier();
	if (count % 2 == 0 && pg_atomic_read_u32(&es_store_mine()->moving) == count)
		return false;
	CHECK_FOR_INTERRUPTS();
	if (pg_atomic_read_u32(&es_store_mine()->moving) % 2 != 0)
		pg_usleep(PAUSE_US);
	return true;
}
