/*-------------------------------------------------------------------------
 *
 * test_shedding.c
 *	  Memory that is given back by one thread: pieces, and the postings that
 *	  sorted runs make needless.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "index/map.h"
#include "tap.h"

static EsPool *pool;
static EsIndex entities;		/* the index */

/* How each transaction ended, by its xid. */
static EsFate fates[16];

static void
open_index(uint32 segments)
{
	void	   *memory;

	if (posix_memalign(&memory, ES_CACHE_LINE, es_pool_bytes((size_t) segments * ES_SEGMENT_SIZE)) != 0)
		abort();
	memset(memory, 0xA5, es_pool_bytes((size_t) segments * ES_SEGMENT_SIZE));
	pool = memory;
	es_pool_init(pool, (size_t) segments * ES_SEGMENT_SIZE);
	if (!es_index_init(pool, &entities))
		abort();
	memset(fates, 0, sizeof(fates));
}

static void
close_index(void)
{
	es_index_reset(pool, &entities);
	is_int(es_pool_free_count(pool), es_pool_segment_count(pool), "all memory comes back");
	free(pool);
}

static EsEntity *
numbered_entity(uint32 number)
{
	char		name[32];
	EsKey		key = {.entity_id = es_slice(name, snprintf(name, sizeof(name), "entity-%u", number)),
	.hash = number * UINT64CONST(0x9E3779B97F4A7C15)};

	return es_index_find_or_add(pool, &entities, &key);
}

/* ------------------------------------------------------------------ entities */

static EsFate
fate_of(void *arg pg_attribute_unused(), uint64 xid)
{
	return fates[xid];
}

static EsClaim
claim(EsEntity *entity, uint64 xid)
{
	EsKey		key = {es_entity_tenant_id(entity), es_entity_id(entity), entity->hash};
	EsEntityRef found = {entity, es_index_evictions(&entities)};
	uint64		owner;

	return es_index_claim(pool, &entities, &key, &found, xid, fate_of, NULL, &owner);
}

static void
release(EsEntity *entity, uint64 xid, bool committed)
{
	es_entity_release(entity, xid, committed, &entities.counts);
}

static bool
reserve(EsEntity *entity, uint32 total)
{
	return es_postings_reserve(pool, &entities.arena, &entities.counts, entity, total);
}

/* What the transaction says where its version is. */
static EsPosting
posting_by(uint64 xid, uint32 version)
{
	return xid << 32 | version;
}

/* Appends as an owner does; false when memory is full. */
static bool
append(EsEntity *entity, uint64 xid, uint32 count)
{
	uint32		total = es_entity_total(entity);

	if (!reserve(entity, total + count))
		return false;
	for (uint32 version = total + 1; version <= total + count; version++)
		es_posting_set(pool, entity, version, posting_by(xid, version));
	es_entity_set_total(entity, total + count);
	return true;
}

/* Appends in a transaction of its own, as many as there is memory for. */
static uint32
commit(EsEntity *entity, uint64 xid, uint32 count)
{
	uint32		appended = 0;

	claim(entity, xid);
	while (appended < count && append(entity, xid, 1))
		appended++;
	release(entity, xid, true);
	return appended;
}

static void
note(EsEntity *entity, uint32 first, uint32 last)
{
	es_entity_note_in_runs(entity, first, last, &entities.counts);
}

/* What was taken out and not given back yet. */
static EsLimbo limbo;

/* Takes chunks away; returns whether there were any. */
static bool
shed_to_limbo(EsEntity *entity)
{
	return es_postings_shed(pool, &entities.counts, entity, &limbo, fate_of, NULL);
}

static bool
shed(EsEntity *entity)
{
	bool		any = shed_to_limbo(entity);

	es_limbo_empty(pool, &entities.arena, &limbo);
	return any;
}

static void
shed_up_to(EsEntity *entity, uint32 last)
{
	note(entity, 1, last);
	shed(entity);
}

/* Have these versions, and none before them, postings of the transaction? */
static bool
has_postings(const EsEntity *entity, uint64 xid, uint32 first, uint32 last)
{
	bool		good = true;

	for (uint32 version = 0; version < first; version++)
		good &= es_posting_get(pool, entity, version) == 0;
	for (uint32 version = first; version <= last; version++)
		good &= es_posting_get(pool, entity, version) == posting_by(xid, version);
	return good;
}

/* Bytes of a chunk. */
static uint64
chunk_bytes(uint32 capacity)
{
	return 16 + 8 * (uint64) capacity;
}

/* Bytes that were given out in the arena are in use, or given back. */
static void
is_accounted(uint64 posting_bytes, uint64 piece_bytes, const char *name)
{
	is_int(entities.counts.posting_bytes, posting_bytes, "%s: bytes in use", name);
	is_int(entities.arena.piece_bytes, piece_bytes, "%s: bytes given back", name);
}

/* -------------------------------------------------------------------- pieces */

/* Sizes of chunks. */
#define PIECE_SIZE(i) chunk_bytes(2U << (i))

/* The last one given back is the first one that is allocated again, if it has the size. */
static void
test_pieces(void)
{
	EsArena		arena = {0};
	EsRef		pieces[6][4];
	int			failures = 0;
	uint64		bytes = 0;
	uint64		bump;

	open_index(64);
	for (int i = 0; i < 6; i++)
	{
		for (int j = 0; j < 4; j++)
		{
			pieces[i][j] = es_arena_alloc(pool, &arena, PIECE_SIZE(i));
			memset(es_ref_pointer(pool, pieces[i][j]), 0xFF, PIECE_SIZE(i));
		}
	}
	is_int(arena.piece_bytes, 0, "at first no pieces were given back");
	for (int j = 0; j < 4; j++)
	{
		for (int i = 0; i < 6; i++)
		{
			es_arena_give(pool, &arena, pieces[i][j], PIECE_SIZE(i));
			bytes += PIECE_SIZE(i);
		}
	}
	is_int(arena.piece_bytes, bytes, "pieces are accounted for");
	bump = arena.bump;
	for (int i = 0; i < 6; i++)
	{
		for (int j = 3; j >= 0; j--)
			failures += es_arena_alloc(pool, &arena, PIECE_SIZE(i)) != pieces[i][j];
	}
	is_int(failures, 0, "each comes back once, for what has its size");
	is_int(arena.piece_bytes, 0, "then there are none");
	is_int(arena.bump, bump, "and nothing else was used");
	es_arena_reset(pool, &arena);
	close_index();
}

/* Pieces do not outlive their arena, and no other arena has them. */
static void
test_arenas(void)
{
	EsArena		arena = {0};
	EsArena		other = {0};
	EsRef		piece;
	bool		intact = true;

	open_index(16);
	piece = es_arena_alloc(pool, &arena, PIECE_SIZE(3));
	memset(es_ref_pointer(pool, piece), 0x77, PIECE_SIZE(3));
	es_arena_give(pool, &arena, piece, PIECE_SIZE(3));
	ok(es_arena_alloc(pool, &other, PIECE_SIZE(3)) != piece, "another arena does not have the piece");
	is_int(es_arena_alloc(pool, &arena, PIECE_SIZE(3)), piece, "its own does");
	for (size_t i = sizeof(uint64); i < PIECE_SIZE(3); i++)
		intact &= ((const char *) es_ref_pointer(pool, piece))[i] == 0x77;
	ok(intact, "with what was in it, but for the link");
	es_arena_give(pool, &arena, piece, PIECE_SIZE(3));
	es_arena_reset(pool, &arena);
	is_int(arena.piece_bytes, 0, "an arena that was reset has no bytes of pieces");
	ok(es_arena_alloc(pool, &arena, PIECE_SIZE(3)) != piece || arena.segment_count == 1, "nor any piece");
	es_arena_reset(pool, &arena);
	es_arena_reset(pool, &other);
	close_index();
}

/* ------------------------------------------------------------------ shedding */

/* Chunks of 2, 4, 8 and 16 versions go one by one. */
static void
test_older_chunks(void)
{
	EsEntity   *entity;
	uint64		all = chunk_bytes(2) + chunk_bytes(4) + chunk_bytes(8) + chunk_bytes(16);

	open_index(16);
	entity = numbered_entity(1);
	commit(entity, 1, 30);
	shed(entity);
	ok(has_postings(entity, 1, 1, 30), "without runs all stays");
	shed_up_to(entity, 1);
	ok(has_postings(entity, 1, 1, 30), "so does a chunk that runs know a part of");
	is_accounted(all, 0, "all stays");
	note(entity, 1, 2);
	ok(shed(entity) && has_postings(entity, 1, 3, 30), "the first chunk goes when they know all of it");
	is_accounted(all - chunk_bytes(2), chunk_bytes(2), "without the first");
	ok(!shed(entity), "once");
	is_accounted(all - chunk_bytes(2), chunk_bytes(2), "once");
	shed_up_to(entity, 14);
	ok(has_postings(entity, 1, 15, 30), "two go at a time");
	is_accounted(chunk_bytes(16), all - chunk_bytes(16), "the newest");
	shed_up_to(entity, 29);
	ok(has_postings(entity, 1, 15, 30), "the newest stays while one is in it that runs do not know");
	shed_up_to(entity, 30);
	ok(has_postings(entity, 1, 31, 30), "then it goes");
	is_accounted(0, all, "none");
	ok(es_entity_committed(entity) == 30 && es_entity_known(entity) == 30 && es_entity_in_runs(entity) == 30 &&
	   entities.counts.events == 30, "what there is, is known as before");
	ok(!shed(entity), "then there is nothing to shed");
	is_accounted(0, all, "nothing to shed");
	close_index();
}

/* What was given back serves others. */
static void
test_used_again(void)
{
	EsEntity   *entity;
	EsEntity   *other;
	uint64		bump;
	uint64		all = chunk_bytes(2) + chunk_bytes(4) + chunk_bytes(8) + chunk_bytes(16);

	open_index(16);
	entity = numbered_entity(1);
	other = numbered_entity(2);
	commit(entity, 1, 30);
	shed_up_to(entity, 30);
	bump = entities.arena.bump;
	commit(other, 2, 30);
	is_int(entities.arena.bump, bump, "chunks are used again before new ones are made");
	ok(has_postings(other, 2, 1, 30), "by another entity");
	ok(has_postings(entity, 1, 31, 30), "of which the first one sees nothing");
	is_accounted(all, 0, "used again");
	reserve(other, 31);
	is_accounted(all + chunk_bytes(32), 0, "and one more");
	ok(has_postings(other, 2, 1, 30) && es_posting_get(pool, other, 31) == 0, "which is empty");
	close_index();
}

/* A chunk that is used again has no postings of whoever had it before. */
static void
test_empty_again(void)
{
	EsEntity   *entity;
	EsEntity   *other;
	int			failures = 0;

	open_index(16);
	entity = numbered_entity(1);
	other = numbered_entity(2);
	commit(entity, 1, 2000);
	shed_up_to(entity, 2000);
	claim(other, 2);
	reserve(other, 2000);
	for (uint32 version = 1; version <= 2000; version++)
		failures += es_posting_get(pool, other, version) != 0;
	is_int(failures, 0, "room in chunks that are used again is empty");
	close_index();
}

/* What comes after shedding is found, and nothing is where it was before. */
static void
test_appending_again(void)
{
	EsEntity   *entity;
	uint32		count;

	open_index(16);
	entity = numbered_entity(1);
	for (uint32 round = 0; round < 20; round++)
	{
		uint32		before = es_entity_committed(entity);
		uint32		last = before + 1 + round;

		ok(reserve(entity, before) && es_posting_slots(pool, entity, before, &count) == NULL,
		   "round %u: room for what runs know is not needed", round);
		commit(entity, 1, 1 + round);
		ok(es_entity_committed(entity) == last && has_postings(entity, 1, before + 1, last),
		   "round %u: versions from %u on are found", round, before + 1);
		ok(es_posting_slots(pool, entity, before + 1, &count) != NULL && count == 2,
		   "round %u: and are the first of their chunks", round);
		shed_up_to(entity, last);
		is_int(entities.counts.posting_bytes, 0, "round %u: and are shed", round);
	}
	close_index();
}

/* The newest chunk is its owner's, whatever runs know. */
static void
test_claimed(void)
{
	EsEntity   *entity;

	open_index(16);
	entity = numbered_entity(1);
	commit(entity, 1, 6);
	claim(entity, 2);
	shed_up_to(entity, 6);
	ok(has_postings(entity, 1, 3, 6) && es_entity_owner(entity) == 2, "who owns the entity keeps its newest chunk");
	append(entity, 2, 1);
	shed(entity);
	ok(has_postings(entity, 2, 7, 7), "and appends, and then that is the newest");
	is_accounted(chunk_bytes(8), chunk_bytes(2) + chunk_bytes(4), "the newest");
	release(entity, 2, true);
	shed(entity);
	ok(es_posting_get(pool, entity, 7) == posting_by(2, 7), "it stays when runs do not know what was committed");
	shed_up_to(entity, 7);
	ok(has_postings(entity, 1, 8, 7) && es_entity_owner(entity) == 0, "and goes when they do");
	is_accounted(0, chunk_bytes(2) + chunk_bytes(4) + chunk_bytes(8), "none");
	close_index();
}

/* An owner that has ended and not released, like a prepared one. */
static void
test_ended(EsFate fate)
{
	EsEntity   *entity;
	uint32		total = fate == ES_FATE_COMMITTED ? 4 : 2;

	open_index(16);
	entity = numbered_entity(1);
	commit(entity, 1, 2);
	claim(entity, 2);
	append(entity, 2, 2);
	shed_up_to(entity, 2);
	ok(has_postings(entity, 2, 3, 4) && es_entity_owner(entity) == 2, "the newest chunk of an owner that runs stays");
	fates[2] = fate;
	shed(entity);
	is_int(es_entity_owner(entity), 0, "an owner that has ended (%d) is settled", fate);
	ok(es_entity_committed(entity) == total &&
	   (fate == ES_FATE_COMMITTED ? has_postings(entity, 2, 3, 4) : entities.counts.posting_bytes == 0),
	   "and keeps what runs do not know");
	ok(claim(entity, 3) == ES_CLAIM_NEW && es_entity_total(entity) == total, "for whoever claims it next");
	append(entity, 3, 1);
	release(entity, 3, true);
	ok(es_posting_get(pool, entity, total + 1) == posting_by(3, total + 1) && es_entity_committed(entity) == total + 1,
	   "and appends to it");
	shed_up_to(entity, total + 1);
	is_int(entities.counts.posting_bytes, 0, "then it goes");
	close_index();
}

/* What was rolled back is not known any more, since its postings are gone. */
static void
test_rolled_back(void)
{
	EsEntity   *entity;

	open_index(16);
	entity = numbered_entity(1);
	commit(entity, 1, 3);
	claim(entity, 2);
	append(entity, 2, 10);
	release(entity, 2, false);
	is_int(es_entity_known(entity), 13, "what was rolled back may be known");
	shed_up_to(entity, 3);
	is_int(es_entity_known(entity), 3, "until it was shed");
	is_int(entities.counts.posting_bytes, 0, "with all chunks");
	commit(entity, 3, 2);
	ok(has_postings(entity, 3, 4, 5) && es_entity_committed(entity) == 5, "versions go on from what is committed");
	close_index();
}

/*
 * A reader who came to an entity before its chunks were shed, and is still there: an entity
 * that has the chunks that there were stands for him.  Until he leaves he finds what there
 * was in the chunk that he has come to.
 */
static void
test_late_reader(void)
{
	EsEntity   *entity;
	EsEntity   *next;
	EsEntity	late;
	uint64		all = chunk_bytes(2) + chunk_bytes(4) + chunk_bytes(8) + chunk_bytes(16);
	uint64		bump;

	open_index(16);
	entity = numbered_entity(1);
	next = numbered_entity(3);
	commit(entity, 1, 30);
	late = *entity;
	note(entity, 1, 30);
	ok(shed_to_limbo(entity) && limbo.count == 4 && has_postings(entity, 1, 31, 30), "all chunks are shed");
	is_accounted(0, 0, "not in use, and not given back");
	commit(numbered_entity(2), 2, 40);
	ok(has_postings(&late, 1, 15, 30), "whoever is in the newest finds what was there, whatever others do");
	is_int(es_posting_get(pool, &late, 31), 0, "and nothing else");
	es_limbo_empty(pool, &entities.arena, &limbo);
	is_int(limbo.count, 0, "when he has left they are given back");
	is_accounted(all + chunk_bytes(32), all, "given back");
	bump = entities.arena.bump;
	commit(next, 3, 30);
	is_int(entities.arena.bump, bump, "and serve others");
	ok(has_postings(next, 3, 1, 30), "who have what is theirs");
	close_index();
}

/* Entities that have nothing to shed. */
static void
test_nothing(void)
{
	EsEntity   *entity;

	open_index(16);
	entity = numbered_entity(1);
	shed(entity);
	shed_up_to(entity, 1000);
	is_accounted(0, 0, "no postings");
	ok(es_entity_committed(entity) == 1000 && entities.counts.events == 1000 && entities.counts.entities == 1,
	   "what runs know is committed, as when an index is built");
	ok(has_postings(entity, 1, 1001, 1000), "it has no postings");
	commit(entity, 1, 5);
	ok(has_postings(entity, 1, 1001, 1005), "what comes after it has");
	is_accounted(chunk_bytes(2) + chunk_bytes(4), 0, "in small chunks");
	close_index();
}

/* ---------------------------------------------------------------------- runs */

/* Versions of a run count when all before them are in runs. */
static void
test_gaps(void)
{
	static const struct
	{
		uint32		first;
		uint32		last;
		uint32		wanted;
		const char *name;
	}			cases[] = {
		{2, 4, 0, "without the first version they do not count"},
		{1, 3, 3, "the first ones do"},
		{5, 8, 3, "those after a gap do not"},
		{4, 4, 4, "the next does"},
		{4, 4, 4, "once"},
		{2, 3, 4, "those that are in runs already change nothing"},
		{1, 4, 4, "nor do all of them"},
		{3, 6, 6, "those that overlap add what is new"},
		{8, 8, 6, "a gap of one is a gap"},
		{7, 10, 10, "the next ones fill it"},
		{1, 20, 20, "a run of all"}
	};
	EsEntity   *entity;

	open_index(16);
	entity = numbered_entity(1);
	commit(entity, 1, 20);
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		note(entity, cases[i].first, cases[i].last);
		is_int(es_entity_in_runs(entity), cases[i].wanted, "%s", cases[i].name);
	}
	is_int(entities.counts.events, 20, "they are counted once");
	close_index();
}

/* What a run has is committed, also when nobody has said so, and after a gap. */
static void
test_noted_committed(void)
{
	EsEntity   *entity;

	open_index(16);
	entity = numbered_entity(1);
	claim(entity, 1);
	append(entity, 1, 6);
	fates[1] = ES_FATE_COMMITTED;
	note(entity, 3, 4);
	ok(es_entity_in_runs(entity) == 0 && es_entity_committed(entity) == 4 && entities.counts.events == 4,
	   "versions after a gap are committed");
	note(entity, 1, 4);
	shed(entity);
	ok(es_entity_in_runs(entity) == 4 && has_postings(entity, 1, 3, 6), "the owner's newest chunk stays");
	release(entity, 1, true);
	ok(es_entity_committed(entity) == 6 && entities.counts.events == 6 && entities.counts.entities == 1,
	   "its release settles the rest");
	close_index();
}

/* --------------------------------------------------------------- full memory */

/* Takes all that is left of the arena. */
static void
fill_memory(void)
{
	for (size_t size = ES_SEGMENT_SIZE; size >= ES_REF_UNIT; size /= 2)
	{
		while (es_arena_alloc(pool, &entities.arena, size) != 0)
			;
	}
}

/* Memory is full but for chunks of other capacities: what is larger is cut. */
static void
test_larger_chunks(void)
{
	EsEntity   *entity;
	EsEntity   *others[4];

	open_index(16);
	entity = numbered_entity(1);
	for (int i = 0; i < 4; i++)
		others[i] = numbered_entity(2 + i);
	commit(entity, 1, 30);
	fill_memory();
	is_int(commit(others[0], 2, 1), 0, "memory is full");
	shed_up_to(entity, 14);
	is_accounted(chunk_bytes(16), chunk_bytes(2) + chunk_bytes(4) + chunk_bytes(8), "three chunks");
	is_int(commit(others[0], 2, 2), 2, "an entity takes the one that it would make");
	is_accounted(chunk_bytes(16) + chunk_bytes(2), chunk_bytes(4) + chunk_bytes(8), "one of three");
	is_int(commit(others[1], 3, 4), 4, "the next one takes parts of the others");
	is_accounted(chunk_bytes(16) + 2 * chunk_bytes(2) + chunk_bytes(4), 48, "three of five parts");
	is_int(commit(others[2], 4, 100), 2, "the next one a part that is left");
	is_accounted(chunk_bytes(16) + 3 * chunk_bytes(2) + chunk_bytes(4), 16, "four of five");
	is_int(commit(others[3], 5, 100), 0, "and the last is too small");
	ok(has_postings(others[0], 2, 1, 2) && has_postings(others[1], 3, 1, 4) && has_postings(others[2], 4, 1, 2) &&
	   has_postings(entity, 1, 15, 30), "all have what is theirs");
	for (int i = 0; i < 4; i++)
		shed_up_to(others[i], es_entity_committed(others[i]));
	shed_up_to(entity, 30);
	is_accounted(0, chunk_bytes(2) + chunk_bytes(4) + chunk_bytes(8) + chunk_bytes(16), "none");
	close_index();
}

/* The larger ones first, then the smaller ones, as near as there are. */
static void
test_smaller_chunks(void)
{
	EsEntity   *entity;
	EsEntity   *other;
	uint32		count;

	open_index(16);
	entity = numbered_entity(1);
	other = numbered_entity(2);
	commit(entity, 1, 14);
	commit(other, 2, 30);
	fill_memory();
	shed_up_to(entity, 14);
	is_int(commit(other, 2, 100), 14, "an entity takes all chunks that are smaller");
	ok(has_postings(other, 2, 1, 44), "and has what is its");
	ok(es_posting_slots(pool, other, 31, &count) != NULL && count == 8, "the largest of them first");
	ok(es_posting_slots(pool, other, 39, &count) != NULL && count == 4, "then the next");
	is_accounted(2 * (chunk_bytes(2) + chunk_bytes(4) + chunk_bytes(8)) + chunk_bytes(16), 0, "all");
	shed_up_to(other, 38);
	is_int(entities.counts.posting_bytes, chunk_bytes(2) + chunk_bytes(4), "they are shed like others");
	ok(has_postings(other, 2, 39, 44), "from the oldest on");
	close_index();
}

/* Entities that are shed need hardly more memory, however many events they have. */
static void
test_little_memory(void)
{
	EsEntity   *hot[8];
	uint32		failures = 0;

	open_index(32);
	for (int i = 0; i < 8; i++)
		hot[i] = numbered_entity(i);
	for (int round = 0; round < 2000; round++)
	{
		EsEntity   *entity = hot[round % 8];
		uint32		before = es_entity_committed(entity);

		failures += commit(entity, 1, 500) != 500;
		failures += es_posting_get(pool, entity, before + 1) != posting_by(1, before + 1);
		if (round % 3 == 0)
			shed_up_to(entity, before + 250);
	}
	is_int(failures, 0, "a million events in two megabytes");
	for (int i = 0; i < 8; i++)
		shed_up_to(hot[i], es_entity_committed(hot[i]));
	is_int(entities.counts.posting_bytes, 0, "and all is shed in the end");
	close_index();
}

/* -------------------------------------------------------------------- random */

#define MODEL_ENTITIES 5
#define MODEL_VERSIONS 30000

/* What is known of an entity apart from the index. */
typedef struct Model
{
	EsEntity   *entity;
	uint32		committed;
	uint32		in_runs;
	EsPosting	postings[MODEL_VERSIONS + 1];
} Model;

static Model models[MODEL_ENTITIES];

static void
append_random(Model *model, Random *random, uint64 number)
{
	uint32		count = random_below(random, random_chance(random, 3) ? 3000 : 12);
	bool		commits = random_chance(random, 70);

	count = Min(count, MODEL_VERSIONS - model->committed);
	claim(model->entity, 1);
	reserve(model->entity, model->committed + count);
	for (uint32 version = model->committed + 1; version <= model->committed + count; version++)
	{
		es_posting_set(pool, model->entity, version, posting_by(number, version));
		model->postings[version] = posting_by(number, version);
	}
	es_entity_set_total(model->entity, model->committed + count);
	if (random_chance(random, 30))
		shed(model->entity);
	release(model->entity, 1, commits);
	if (commits)
		model->committed += count;
}

static void
note_random(Model *model, Random *random)
{
	uint32		last = model->in_runs + random_below(random, model->committed - model->in_runs + 1);
	uint32		first = 1 + random_below(random, model->in_runs + 1);

	if (last >= first && last > model->in_runs)
	{
		note(model->entity, first, last);
		model->in_runs = last;
	}
	if (random_chance(random, 80))
		shed(model->entity);
}

/* What runs do not know has its posting; the rest has it or none. */
static int
count_wrong(const Model *model)
{
	int			wrong = es_entity_committed(model->entity) != model->committed ||
	es_entity_in_runs(model->entity) != model->in_runs;

	for (uint32 version = 1; version <= model->committed; version++)
	{
		EsPosting	posting = es_posting_get(pool, model->entity, version);

		wrong += posting != model->postings[version] && (posting != 0 || version > model->in_runs);
	}
	return wrong;
}

static void
test_random(void)
{
	Random		random = {83};
	int			wrong = 0;

	open_index(64);
	memset(models, 0, sizeof(models));
	for (int i = 0; i < MODEL_ENTITIES; i++)
		models[i].entity = numbered_entity(i);
	for (int round = 1; round <= 4000; round++)
	{
		Model	   *model = &models[random_below(&random, MODEL_ENTITIES)];

		if (random_chance(&random, 60))
			append_random(model, &random, round);
		else
			note_random(model, &random);
		if (round % 20 == 0)
			wrong += count_wrong(&models[round / 20 % MODEL_ENTITIES]);
	}
	for (int i = 0; i < MODEL_ENTITIES; i++)
	{
		wrong += count_wrong(&models[i]);
		shed_up_to(models[i].entity, models[i].committed);
	}
	is_int(wrong, 0, "whatever is done, postings are right or given up");
	is_int(entities.counts.posting_bytes, 0, "and all can be given up");
	close_index();
}

int
main(void)
{
	test_pieces();
	test_arenas();
	test_older_chunks();
	test_used_again();
	test_empty_again();
	test_appending_again();
	test_claimed();
	test_ended(ES_FATE_COMMITTED);
	test_ended(ES_FATE_ABORTED);
	test_rolled_back();
	test_late_reader();
	test_nothing();
	test_gaps();
	test_noted_committed();
	test_larger_chunks();
	test_smaller_chunks();
	test_little_memory();
	test_random();
	return tap_done();
}
