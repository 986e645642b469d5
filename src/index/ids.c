/*-------------------------------------------------------------------------
 *
 * ids.c
 *	  Finds events by id: a lock-free tree of postings, as far as memory allows.
 *
 * A root of 2^13 slots is indexed by the first bits of the id's hash.  A slot
 * holds 0 or an entry, and each entry has two slots more, between which the
 * next bit decides.  So an entry has its id's path but no id and no hash: only
 * the posting, and in the bits that are left 5 bits of the hash.  A search
 * follows the path to its end and offers each entry with the right 5 bits; one
 * in 32 of the others is offered too, and the caller finds another id there.
 *
 * Ids may be repeated.  Where the hash has no bits left, those of the posting,
 * mixed, decide, and a search goes through all that is below: so a thousand
 * events of one id are as quickly added as others.  Two that have the same
 * posting too are one, as for a line pointer that is used again.
 *
 * Shared state and who may do what to it:
 *
 * slots		  0 -> entry by compare-and-swap (release), by any process; then
 *				  they stay.  What hangs in one was complete before.  A reader
 *				  that follows slots (acquire) finds every entry whose addition
 *				  happened before its search.
 * word			  changes to that of another posting, where the hash alone leads to the
 *				  entry, by log/moves.c; a reader loads it (relaxed) as a hint like
 *				  any posting.
 * index->ids	  0 -> the root by compare-and-swap, with the first entry: a store
 *				  without entries needs none.
 * index->ids_incomplete
 *				  0 -> 1 (release) by who could not add an entry, before the
 *				  event is committed; 0 again with a new index only.  It is read
 *				  (acquire) after a search: while it is 0, what a snapshot from
 *				  before the search sees and the search did not offer, does not
 *				  exist.  Once it is 1 nothing is added any more.
 * index->id_arena
 *				  the entries' own, so that they can be given up while the index
 *				  is built; its reserve keeps a quarter of the pool from them.
 *
 *-------------------------------------------------------------------------
 */
#include "index/ids.h"

#define ROOT_BITS	13
#define ROOT_SIZE	(sizeof(EsRef) << ROOT_BITS)
#define HASH_BITS	64

/* What of a word is the posting; the rest is the hash's last bits. */
#define POSTING_BITS 59
#define POSTING_MASK ((UINT64CONST(1) << POSTING_BITS) - 1)
#define TAG(hash)	((hash) << POSTING_BITS)

StaticAssertDecl(ROOT_SIZE <= ES_SEGMENT_SIZE, "the root fits a segment");

typedef struct EsIdEntry
{
	uint64		word;			/* tag and posting */
	EsRef		next[2];		/* slots */
} EsIdEntry;

StaticAssertDecl(sizeof(EsIdEntry) == ES_REF_UNIT, "an entry is one unit of memory");

/* Odd, so that different postings stay different; nothing else is asked of it. */
#define MIXER		UINT64CONST(0x9E3779B97F4A7C15)

/* Which way a path goes on after 'used' bits. */
static int
branch(uint64 hash, EsPosting posting, int used)
{
	if (used < HASH_BITS)
		return hash >> (HASH_BITS - 1 - used) & 1;
	return (posting * MIXER) >> (2 * HASH_BITS - 1 - used) & 1;
}

static uint64
load_word(const EsIdEntry *entry)
{
	return __atomic_load_n(&entry->word, __ATOMIC_RELAXED);
}

static EsRef
load_slot(const EsRef *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

static EsRef *
root_slot(const EsPool *pool, EsRef root, uint64 hash)
{
	EsRef	   *slots = es_ref_pointer(pool, root);

	return &slots[hash >> (HASH_BITS - ROOT_BITS)];
}

/* ------------------------------------------------------------------ adding */

/* The root, made if need be; 0 when memory is full. */
static EsRef
find_root(EsPool *pool, EsIndex *index)
{
	EsRef		root = load_slot(&index->ids);
	EsRef		made;

	if (root != 0 || (made = es_arena_alloc_lines(pool, &index->id_arena, ROOT_SIZE)) == 0)
		return root;
	__atomic_fetch_add(&index->counts.id_bytes, ROOT_SIZE, __ATOMIC_RELAXED);
	memset(es_ref_pointer(pool, made), 0, ROOT_SIZE);
	if (__atomic_compare_exchange_n(&index->ids, &root, made, false,
									__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return made;
	return root;
}

static EsRef
make_entry(EsPool *pool, EsIndex *index, uint64 word)
{
	EsRef		ref = es_arena_alloc(pool, &index->id_arena, sizeof(EsIdEntry));
	EsIdEntry  *entry;

	if (ref == 0)
		return 0;
	entry = es_ref_pointer(pool, ref);
	*entry = (EsIdEntry)
	{
		.word = word
	};
	return ref;
}

/* An id that is being added, and how far that is. */
typedef struct Path
{
	uint64		hash;
	uint64		word;			/* of the entry to be */
	EsRef	   *slot;			/* where it goes on */
	EsIdEntry  *entry;			/* whose slot that is; NULL for the root's */
} Path;

/* What adds a window of ids. */
typedef struct Adder
{
	EsPool	   *pool;
	EsIndex    *index;
	uint32		made;			/* entries */
	bool		full;			/* there was no memory for another */
} Adder;

/* Moves to the entry that stands in the path's slot. */
static void
follow(const EsPool *pool, Path *path, EsRef value, int used)
{
	path->entry = es_ref_pointer(pool, value);
	path->slot = &path->entry->next[branch(path->hash, path->word & POSTING_MASK, used)];
}

static bool
is_known(const Path *path)
{
	return path->entry != NULL && load_word(path->entry) == path->word;
}

/* Puts an entry at the end of the path, to which 'used' bits have led. */
static void
add_entry(Adder *adder, Path *path, int used)
{
	EsRef		made = make_entry(adder->pool, adder->index, path->word);
	EsRef		value = 0;

	adder->full = made == 0;
	if (adder->full)
		return;
	adder->made++;
	while (!__atomic_compare_exchange_n(path->slot, &value, made, false,
										__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
	{
		follow(adder->pool, path, value, used++);
		if (is_known(path))
			return;
		value = 0;
	}
}

/*
 * Goes one entry further on each path, and starts loading what comes next, so
 * that the waiting is shared.  Paths that ended drop out; returns how many are
 * left.
 */
static uint32
advance_paths(Adder *adder, Path *paths, uint32 count, int used)
{
	uint32		left = 0;

	for (uint32 i = 0; i < count && !adder->full; i++)
	{
		Path	   *path = &paths[i];
		EsRef		value;

		if (is_known(path))
			continue;
		value = load_slot(path->slot);
		if (value == 0)
		{
			add_entry(adder, path, used);
			continue;
		}
		follow(adder->pool, path, value, used);
		__builtin_prefetch(path->slot, 1);
		paths[left++] = *path;
	}
	return left;
}

static void
add_window(Adder *adder, EsRef root, const uint64 *hashes, const EsPosting *postings, uint32 count)
{
	Path		paths[ES_PREFETCH_WINDOW];

	for (uint32 i = 0; i < count; i++)
	{
		paths[i] = (Path)
		{
			.hash = hashes[i],
				.word = TAG(hashes[i]) | postings[i],
				.slot = root_slot(adder->pool, root, hashes[i])
		};
		__builtin_prefetch(paths[i].slot, 1);
	}
	for (int used = ROOT_BITS; count > 0 && !adder->full; used++)
		count = advance_paths(adder, paths, count, used);
}

/*
 * Adds entries for at most ES_PREFETCH_WINDOW ids.  When there is no memory for
 * them the index says from now on that it is incomplete.
 */
void
es_ids_add(EsPool *pool, EsIndex *index, const uint64 *hashes, const EsPosting *postings,
		   uint32 count)
{
	Adder		adder = {.pool = pool,.index = index};
	EsRef		root;

	if (count == 0 || !es_ids_complete(index))
		return;
	root = find_root(pool, index);
	if (root != 0)
		add_window(&adder, root, hashes, postings, count);
	if (root == 0 || adder.full)
		es_ids_set_incomplete(index);
	__atomic_fetch_add(&index->counts.id_bytes, adder.made * sizeof(EsIdEntry), __ATOMIC_RELAXED);
}

/* --------------------------------------------------------------- searching */

/* All that hangs here has the same hash. */
static bool
visit_all(const EsPool *pool, EsRef ref, EsIdVisitor visit, void *arg)
{
	EsIdEntry  *entry;

	if (ref == 0)
		return false;
	entry = es_ref_pointer(pool, ref);
	return visit(arg, load_word(entry) & POSTING_MASK) ||
		visit_all(pool, load_slot(&entry->next[0]), visit, arg) ||
		visit_all(pool, load_slot(&entry->next[1]), visit, arg);
}

/*
 * Calls visit for every place where an event whose id has this hash may be,
 * until it returns true; returns whether it did.
 */
bool
es_ids_search(const EsPool *pool, const EsIndex *index, uint64 hash, EsIdVisitor visit,
			  void *arg)
{
	EsRef		ref = load_slot(&index->ids);

	if (ref != 0)
		ref = load_slot(root_slot(pool, ref, hash));
	for (int used = ROOT_BITS; ref != 0 && used < HASH_BITS; used++)
	{
		EsIdEntry  *entry = es_ref_pointer(pool, ref);
		uint64		word = load_word(entry);

		if (((word ^ TAG(hash)) & ~POSTING_MASK) == 0 && visit(arg, word & POSTING_MASK))
			return true;
		ref = load_slot(&entry->next[branch(hash, 0, used)]);
	}
	return visit_all(pool, ref, visit, arg);
}

/*
 * Is there an entry for this place, under this hash?  It stands on the path that the
 * bits of both are, so equal ids, however many, cost no more than others.
 */
bool
es_ids_contain(const EsPool *pool, const EsIndex *index, uint64 hash, EsPosting posting)
{
	EsRef		ref = load_slot(&index->ids);

	if (ref != 0)
		ref = load_slot(root_slot(pool, ref, hash));
	for (int used = ROOT_BITS; ref != 0 && used < 2 * HASH_BITS; used++)
	{
		EsIdEntry  *entry = es_ref_pointer(pool, ref);

		if (load_word(entry) == (TAG(hash) | posting))
			return true;
		ref = load_slot(&entry->next[branch(hash, posting, used)]);
	}
	return false;
}

/*
 * The word of the entry for this place: its lower bits are the posting, and may be changed
 * to another one.  NULL when there is none to which the hash alone leads: the other place
 * then needs an entry of its own.
 */
uint64	   *
es_ids_word(const EsPool *pool, const EsIndex *index, uint64 hash, EsPosting posting)
{
	EsRef		ref = load_slot(&index->ids);

	if (ref != 0)
		ref = load_slot(root_slot(pool, ref, hash));
	for (int used = ROOT_BITS; ref != 0 && used < HASH_BITS; used++)
	{
		EsIdEntry  *entry = es_ref_pointer(pool, ref);

		if (load_word(entry) == (TAG(hash) | posting))
			return &entry->word;
		ref = load_slot(&entry->next[branch(hash, 0, used)]);
	}
	return NULL;
}

/* ------------------------------------------------------------ completeness */

void
es_ids_set_incomplete(EsIndex *index)
{
	__atomic_store_n(&index->ids_incomplete, 1, __ATOMIC_RELEASE);
}

/* Is every id there?  To be asked after a search that found nothing. */
bool
es_ids_complete(const EsIndex *index)
{
	return __atomic_load_n(&index->ids_incomplete, __ATOMIC_ACQUIRE) == 0;
}

/*
 * Gives the memory of all entries back, for entities, which must have theirs.
 * The caller has the index to itself.  Returns whether there was any.
 */
bool
es_ids_give_up(EsPool *pool, EsIndex *index)
{
	bool		any = index->id_arena.segment_count > 0;

	es_ids_set_incomplete(index);
	es_arena_reset(pool, &index->id_arena);
	index->ids = 0;
	index->counts.id_bytes = 0;
	return any;
}
