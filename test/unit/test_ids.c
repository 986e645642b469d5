/*-------------------------------------------------------------------------
 *
 * test_ids.c
 *	  The index of event ids by one thread: finding, repeated ids, hashes that
 *	  are alike, full memory.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "index/ids.h"
#include "tap.h"

static EsPool *pool;
static EsIndex ids_index;

static void
open_index(size_t index_memory)
{
	void	   *memory;

	if (posix_memalign(&memory, ES_CACHE_LINE, es_pool_bytes(index_memory)) != 0)
		abort();
	memset(memory, 0xA5, es_pool_bytes(index_memory));
	pool = memory;
	es_pool_init(pool, index_memory);
	if (!es_index_init(pool, &ids_index))
		abort();
}

static void
close_index(void)
{
	es_index_reset(pool, &ids_index);
	is_int(es_pool_free_count(pool), es_pool_segment_count(pool), "all memory comes back");
	free(pool);
}

static EsPosting
numbered_posting(uint32 number)
{
	return es_posting(number / 200, 1 + number % 7, number % 200);
}

static void
add(uint64 hash, EsPosting posting)
{
	es_ids_add(pool, &ids_index, &hash, &posting, 1);
}

/* What a search offers. */
typedef struct Offers
{
	EsPosting	wanted;
	uint32		hits;
	uint32		others;
	bool		ends;			/* with a hit */
} Offers;

static bool
note_offer(void *arg, EsPosting posting)
{
	Offers	   *offers = arg;

	if (posting != offers->wanted)
		offers->others++;
	else
		offers->hits++;
	return offers->ends && posting == offers->wanted;
}

static Offers
search(uint64 hash, EsPosting wanted)
{
	Offers		offers = {.wanted = wanted};

	es_ids_search(pool, &ids_index, hash, note_offer, &offers);
	return offers;
}

static uint64
spread_hash(uint32 number)
{
	return (number + 1) * UINT64CONST(0x9E3779B97F4A7C15) ^ UINT64CONST(0xD6E8FEB86659FD93) * (number >> 7);
}

static uint64
one_hash(uint32 number pg_attribute_unused())
{
	return UINT64CONST(0x123456789ABCDEF0);
}

static uint64
last_bits_hash(uint32 number)
{
	return UINT64CONST(0xFEDCBA9876540000) | number;
}

static uint64
shared_hash(uint32 number)
{
	return spread_hash(number / 4);
}

/* Adds many and finds each once; 'others' is how many more may be offered. */
static void
test_many(const char *name, uint64 (*hash) (uint32), uint32 count, double others)
{
	uint32		found = 0;
	uint64		offered = 0;

	open_index(512 * ES_SEGMENT_SIZE);
	for (uint32 i = 0; i < count; i++)
		add(hash(i), numbered_posting(i));
	for (uint32 i = 0; i < count; i++)
	{
		Offers		offers = search(hash(i), numbered_posting(i));

		found += offers.hits == 1;
		offered += offers.others;
	}
	is_int(found, count, "%s: each is found once", name);
	ok(offered <= others * count, "%s: %.2f others are offered", name, (double) offered / count);
	ok(es_ids_complete(&ids_index), "%s: they are complete", name);
	is_int(ids_index.counts.id_bytes, 16 * count + 32768, "%s: 16 bytes each", name);
	for (uint32 i = 0; i < count; i++)
		add(hash(i), numbered_posting(i));
	is_int(ids_index.counts.id_bytes, 16 * count + 32768, "%s: nothing is entered twice", name);
	close_index();
}

/* As many at a time as may be, some of them equal. */
static void
test_window(void)
{
	uint64		hashes[ES_PREFETCH_WINDOW];
	EsPosting	postings[ES_PREFETCH_WINDOW];
	uint32		found = 0;

	open_index(64 * ES_SEGMENT_SIZE);
	es_ids_add(pool, &ids_index, hashes, postings, 0);
	is_int(ids_index.counts.id_bytes, 0, "without ids no memory is taken");
	is_int(search(7, 0).others, 0, "and none is found");
	for (int i = 0; i < ES_PREFETCH_WINDOW; i++)
	{
		hashes[i] = one_hash(0);
		postings[i] = numbered_posting(i / 2);
	}
	es_ids_add(pool, &ids_index, hashes, postings, ES_PREFETCH_WINDOW);
	for (int i = 0; i < ES_PREFETCH_WINDOW; i++)
		found += search(hashes[i], postings[i]).hits;
	is_int(found, ES_PREFETCH_WINDOW, "a window of one id, each place once");
	close_index();
}

/* A search ends where it is told to. */
static void
test_end(void)
{
	Offers		offers = {.ends = true};

	open_index(64 * ES_SEGMENT_SIZE);
	for (uint32 i = 0; i < 1000; i++)
		add(one_hash(0), numbered_posting(i));
	for (uint32 i = 0; i < 1000; i++)
	{
		offers.wanted = numbered_posting(i);
		if (!es_ids_search(pool, &ids_index, one_hash(0), note_offer, &offers))
			break;
	}
	is_int(offers.hits, 1000, "a search that finds says so");
	offers.wanted = numbered_posting(1000);
	ok(!es_ids_search(pool, &ids_index, one_hash(0), note_offer, &offers), "one that finds nothing, too");
	offers.hits = 0;
	for (uint32 i = 0; i < 2000; i++)
		offers.hits += es_ids_contain(pool, &ids_index, one_hash(0), numbered_posting(i));
	is_int(offers.hits, 1000, "each place of a repeated id is known, and no other");
	ok(!es_ids_contain(pool, &ids_index, one_hash(0) ^ 1, numbered_posting(5)), "nor under another hash");
	close_index();
}

/* Every bit of a posting comes back. */
static void
test_postings(void)
{
	static const EsPosting postings[] = {
		1, UINT64CONST(0x7FFFFFFFFFFFFFF), UINT64CONST(0x400000000000000), UINT64CONST(0x2AAAAAAAAAAAAAA)
	};

	open_index(64 * ES_SEGMENT_SIZE);
	is_int(es_posting(PG_UINT32_MAX, 0x7FF, ES_POSTING_MAX_ORDINAL), postings[1], "a posting has 59 bits");
	for (size_t i = 0; i < lengthof(postings); i++)
	{
		add(UINT64_MAX, postings[i]);
		add(0, postings[i]);
		is_int(search(UINT64_MAX, postings[i]).hits, 1, "posting %zu", i);
		is_int(search(0, postings[i]).hits, 1, "posting %zu of another id", i);
	}
	close_index();
}

static void
test_full_memory(void)
{
	uint32		count = 0;
	EsKey		key = {.entity_id = text_slice("entity"),.hash = 1};

	open_index(40 * ES_SEGMENT_SIZE);
	while (count < 1000000 && es_ids_complete(&ids_index))
	{
		add(spread_hash(count), numbered_posting(count));
		count++;
	}
	is_int(es_pool_free_count(pool), 10, "a quarter of the pool is left to entities");
	is_int(search(spread_hash(0), numbered_posting(0)).hits, 1, "what is there is found");
	is_int(search(spread_hash(count - 1), numbered_posting(count - 1)).hits, 0, "the last one is not");
	ok(es_index_find_or_add(pool, &ids_index, &key) != NULL, "entities can be added");
	ok(es_ids_give_up(pool, &ids_index), "ids can be given up");
	is_int(es_pool_free_count(pool), 39, "their memory is free then");
	is_int(ids_index.counts.id_bytes, 0, "and not counted");
	ok(!es_ids_give_up(pool, &ids_index), "once");
	add(spread_hash(0), numbered_posting(0));
	is_int(search(spread_hash(0), numbered_posting(0)).hits, 0, "none is added any more");
	ok(!es_ids_complete(&ids_index), "they are incomplete");
	ok(es_index_find(pool, &ids_index, &key) != NULL, "entities are still there");
	close_index();
}

/* Not even the root fits. */
static void
test_no_memory(void)
{
	open_index(1 * ES_SEGMENT_SIZE);
	add(spread_hash(0), numbered_posting(0));
	ok(!es_ids_complete(&ids_index), "without memory they are incomplete at once");
	is_int(search(spread_hash(0), numbered_posting(0)).hits, 0, "and nothing is found");
	close_index();
}

int
main(void)
{
	test_many("spread hashes", spread_hash, 200000, 0.3);
	test_many("one hash", one_hash, 300, 300);
	test_many("hashes equal but for their end", last_bits_hash, 3000, 10);
	test_many("every hash four times", shared_hash, 100000, 3.3);
	test_window();
	test_end();
	test_postings();
	test_full_memory();
	test_no_memory();
	return tap_done();
}
