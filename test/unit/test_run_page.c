/*-------------------------------------------------------------------------
 *
 * test_run_page.c
 *	  Pages of sorted runs: round trips, limits, searching, and damage.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "core/run_page.h"
#include "core/varint.h"
#include "tap.h"

#define HEADER_SIZE		32
#define CHILD_SIZE		16
#define SMALLEST_ENTRY	21		/* one position of a byte, a name of a byte,
								 * an offset */
#define MOST_ENTRIES	((ES_RUN_PAGE_SIZE - HEADER_SIZE) / SMALLEST_ENTRY)
#define MOST_CHILDREN	((ES_RUN_PAGE_SIZE - HEADER_SIZE) / CHILD_SIZE)

#define RUN		INT64CONST(123456789012)
#define NUMBER	17
#define PREVIOUS 9

static EsRunPageWriter writer;
static char letters[ES_MAX_ENTITY_ID + 1];	/* of names */

static EsRunKey
make_key(uint64 hash, uint32 version)
{
	EsRunKey	key = {hash, version};

	return key;
}

/* An entry with names of these sizes. */
static EsRunEntry
make_entry(uint64 hash, uint32 version, uint32 tenant_size, uint32 entity_size, uint32 count)
{
	return (EsRunEntry)
	{
		.key = make_key(hash, version),
			.count = count,
			.tenant_id = es_slice(letters, tenant_size),
			.entity_id = es_slice(letters + ES_MAX_ENTITY_ID - entity_size, entity_size)
	};
}

static bool
add_smallest(uint64 hash, uint32 version)
{
	EsRunEntry	entry = make_entry(hash, version, 0, 1, 1);
	int64		position = 1;

	return es_run_page_add_entry(&writer, &entry, &position);
}

static void
begin(uint8 level)
{
	es_run_page_begin(&writer, level, PREVIOUS);
}

/* The page as a reader has it, in memory of exactly its size. */
static EsSlice
finish(Memory *memory)
{
	EsSlice		bytes = es_run_page_finish(&writer, RUN, NUMBER);

	return memory_copy(memory, bytes.data, bytes.size);
}

static EsRunPage
finish_and_open(Memory *memory)
{
	EsRunPage	page = {0};

	ok(es_run_page_open(&page, finish(memory), RUN, NUMBER, true), "the page can be opened");
	return page;
}

/* Is entry i of the page this one, with these positions? */
static bool
has_entry(const EsRunPage *page, uint32 i, const EsRunEntry *wanted, const int64 *positions)
{
	EsRunEntry	entry;
	Memory		memory = {0};
	int64	   *got = memory_take(&memory, wanted->count * sizeof(int64));
	bool		same = es_run_page_entry(page, i, &entry) &&
	es_run_key_compare(entry.key, wanted->key) == 0 && entry.count == wanted->count &&
	es_slice_equal(entry.tenant_id, wanted->tenant_id) &&
	es_slice_equal(entry.entity_id, wanted->entity_id) && es_run_entry_positions(&entry, got) &&
	memcmp(got, positions, wanted->count * sizeof(int64)) == 0;

	memory_free(&memory);
	return same;
}

/* Does the entry fit an empty page, and come back from it? */
static bool
round_trips(const EsRunEntry *entry, const int64 *positions)
{
	Memory		memory = {0};
	EsRunPage	page;
	bool		same;

	begin(0);
	same = es_run_page_add_entry(&writer, entry, positions) &&
		es_run_page_open(&page, finish(&memory), RUN, NUMBER, true) &&
		page.count == 1 && page.level == 0 && page.previous == PREVIOUS &&
		has_entry(&page, 0, entry, positions);
	memory_free(&memory);
	return same;
}

/* ------------------------------------------------------------- round trips */

typedef enum Distance
{
	NEAR,						/* 1, 2, 3 and so on */
	LATE,						/* near, up to the greatest position */
	FAR,						/* so that they need as many bytes as can be */
	RANDOM
} Distance;

static void
make_positions(Distance distance, uint32 count, int64 *positions)
{
	Random		random = {count};
	int64		position = distance == LATE ? PG_INT64_MAX - count : 0;

	for (uint32 i = 0; i < count; i++)
	{
		if (distance == FAR)
			position += INT64CONST(1) << (i < 124 ? 56 : 49);
		else if (distance == RANDOM)
			position += 1 + (int64) (random_next(&random) >> (11 + random_below(&random, 53)));
		else
			position++;
		positions[i] = position;
	}
}

/* Entries of every kind; returns how many do not come back. */
static int
count_failures(Distance distance)
{
	static const uint32 counts[] = {1, 2, 3, 127, 128, ES_RUN_MAX_POSITIONS - 1, ES_RUN_MAX_POSITIONS};
	static const uint32 tenant_sizes[] = {0, 1, ES_MAX_TENANT_ID};
	static const uint32 entity_sizes[] = {1, 2, 255, 256, ES_MAX_ENTITY_ID};
	int64		positions[ES_RUN_MAX_POSITIONS];
	int			failures = 0;

	for (size_t c = 0; c < lengthof(counts); c++)
	{
		make_positions(distance, counts[c], positions);
		for (size_t t = 0; t < lengthof(tenant_sizes); t++)
		{
			for (size_t e = 0; e < lengthof(entity_sizes); e++)
			{
				EsRunEntry	entry = make_entry(c, 1 + t, tenant_sizes[t], entity_sizes[e], counts[c]);

				failures += !round_trips(&entry, positions);
			}
		}
	}
	return failures;
}

static void
test_round_trips(void)
{
	is_int(count_failures(NEAR), 0, "entries of positions that follow each other come back");
	is_int(count_failures(LATE), 0, "those of the last positions that there are");
	is_int(count_failures(FAR), 0, "those of positions far from each other");
	is_int(count_failures(RANDOM), 0, "those of random ones");
}

static void
test_extreme_keys(void)
{
	static const EsRunKey keys[] = {{0, 1}, {0, PG_UINT32_MAX}, {PG_UINT64_MAX, 1}, {PG_UINT64_MAX, PG_UINT32_MAX}};
	int64		position = PG_INT64_MAX;

	for (size_t i = 0; i < lengthof(keys); i++)
	{
		EsRunEntry	entry = make_entry(keys[i].hash, keys[i].version, 0, 1, 1);

		ok(round_trips(&entry, &position), "key %zu comes back", i);
	}
}

/* Positions at both sides of each size of a varint, as the first and as a step. */
static void
test_extreme_positions(void)
{
	EsRunEntry	one = make_entry(1, 1, 0, 1, 1);
	EsRunEntry	two = make_entry(1, 1, 0, 1, 2);
	int64		both[] = {1, PG_INT64_MAX};

	for (int bits = 7; bits <= 63; bits += 7)
	{
		int64		greatest = (int64) ((UINT64CONST(1) << bits) - 1);
		int64		ends[] = {1, greatest};
		int64		steps[] = {PG_INT64_MAX - greatest, PG_INT64_MAX};

		is_int(es_varint_size(greatest), bits / 7, "%d bits need %d bytes", bits, bits / 7);
		ok(round_trips(&one, &ends[1]) && round_trips(&two, ends), "a position of %d bits", bits);
		if (steps[0] > 0)
			ok(round_trips(&one, steps) && round_trips(&two, steps), "a step of %d bits", bits);
	}
	ok(round_trips(&one, both), "the first position");
	ok(round_trips(&one, both + 1), "the last position");
	ok(round_trips(&two, both), "both");
}

/* Writers cannot go on without this. */
static void
test_largest_entry(void)
{
	EsRunEntry	entry = make_entry(1, 1, ES_MAX_TENANT_ID, ES_MAX_ENTITY_ID, ES_RUN_MAX_POSITIONS);
	int64		positions[ES_RUN_MAX_POSITIONS];
	uint32		size = 0;

	make_positions(FAR, ES_RUN_MAX_POSITIONS, positions);
	for (int i = 0; i < ES_RUN_MAX_POSITIONS; i++)
		size += es_varint_size(positions[i] - (i == 0 ? 0 : positions[i - 1]));
	is_int(size, 124 * 9 + (ES_RUN_MAX_POSITIONS - 124) * 8, "the positions are the longest that there are");
	ok(PG_INT64_MAX - positions[ES_RUN_MAX_POSITIONS - 1] < (INT64CONST(1) << 56) - (INT64CONST(1) << 49),
	   "since none of 8 bytes can be made longer");
	ok(round_trips(&entry, positions), "the largest entry fits an empty page");
}

/* ------------------------------------------------------------------ filling */

/* An entry that the number tells, with its positions. */
static EsRunEntry
random_entry(uint64 number, int64 *positions)
{
	Random		random = {number};
	EsRunEntry	entry = make_entry(random_next(&random), 1 + random_below(&random, 1000),
								   random_below(&random, random_chance(&random, 20) ? ES_MAX_TENANT_ID + 1 : 1),
								   1 + random_below(&random, random_chance(&random, 10) ? ES_MAX_ENTITY_ID : 20),
								   1 + random_below(&random, random_chance(&random, 10) ? ES_RUN_MAX_POSITIONS : 8));
	int64		position = 0;

	for (uint32 i = 0; i < entry.count; i++)
		positions[i] = position += 1 + (int64) (random_next(&random) >> (11 + random_below(&random, 53)));
	return entry;
}

/* A page is filled until it refuses; all that it took is there. */
static bool
fills(uint64 first)
{
	Memory		memory = {0};
	int64		positions[ES_RUN_MAX_POSITIONS];
	EsRunEntry	entry;
	EsRunPage	page = {0};
	EsSlice		bytes;
	uint32		count = 0;
	bool		good;

	begin(0);
	for (;; count++)
	{
		entry = random_entry(first + count, positions);
		if (!es_run_page_add_entry(&writer, &entry, positions))
			break;
	}
	good = writer.count == count && count > 0 && round_trips(&entry, positions);
	begin(0);					/* once more, since that was another page */
	for (uint32 i = 0; i <= count; i++)
	{
		entry = random_entry(first + i, positions);
		good &= es_run_page_add_entry(&writer, &entry, positions) == (i < count);
	}
	bytes = finish(&memory);
	good &= bytes.size <= ES_RUN_PAGE_SIZE && es_run_page_open(&page, bytes, RUN, NUMBER, true) && page.count == count;
	for (uint32 i = 0; good && i < count; i++)
	{
		entry = random_entry(first + i, positions);
		good &= has_entry(&page, i, &entry, positions);
	}
	memory_free(&memory);
	return good;
}

static void
test_filling(void)
{
	int			failures = 0;

	for (uint64 i = 0; i < 200; i++)
		failures += !fills(i * 1000);
	is_int(failures, 0, "pages that are filled have all that they took");
}

static void
test_most_entries(void)
{
	Memory		memory = {0};
	EsRunPage	page;
	uint32		count = 0;

	begin(0);
	while (add_smallest(count, 1))
		count++;
	is_int(count, MOST_ENTRIES, "so many of the smallest entries fit");
	page = finish_and_open(&memory);
	is_int(page.size, HEADER_SIZE + MOST_ENTRIES * SMALLEST_ENTRY, "with as many bytes");
	memory_free(&memory);
}

/* A page may be full to its last byte. */
static void
test_last_byte(void)
{
	Memory		memory = {0};
	int64		position = 1;
	uint32		left = ES_RUN_PAGE_SIZE - HEADER_SIZE - 370 * SMALLEST_ENTRY;
	EsRunEntry	entry;
	EsRunPage	page;

	begin(0);
	for (uint32 i = 0; i < 370; i++)
		add_smallest(i, 1);
	entry = make_entry(400, 1, 0, left - SMALLEST_ENTRY + 2, 1);
	ok(!es_run_page_add_entry(&writer, &entry, &position), "an entry of a byte too many is refused");
	entry = make_entry(400, 1, 0, left - SMALLEST_ENTRY + 1, 1);
	position = 128;
	ok(!es_run_page_add_entry(&writer, &entry, &position), "also when that is in its positions");
	position = 1;
	ok(es_run_page_add_entry(&writer, &entry, &position), "one that fills the page is taken");
	ok(!add_smallest(500, 1), "and then none");
	page = finish_and_open(&memory);
	is_int(page.size, ES_RUN_PAGE_SIZE, "the page is full");
	ok(has_entry(&page, 370, &entry, &position), "and its last entry there");
	memory_free(&memory);
}

/* ------------------------------------------------------------ pages of pages */

static void
test_children(void)
{
	Memory		memory = {0};
	EsRunPage	page;
	uint32		count = 0;
	int			failures = 0;

	begin(ES_RUN_MAX_LEVELS - 1);
	while (es_run_page_add_child(&writer, make_key(count, PG_UINT32_MAX), PG_UINT32_MAX - count))
		count++;
	is_int(count, MOST_CHILDREN, "so many pages fit one above them");
	page = finish_and_open(&memory);
	ok(page.count == count && page.level == ES_RUN_MAX_LEVELS - 1 && page.previous == PREVIOUS, "it says what it is");
	for (uint32 i = 0; i < count; i++)
	{
		uint32		number;

		failures += !es_run_page_child(&page, i, &number) || number != PG_UINT32_MAX - i;
	}
	is_int(failures, 0, "the numbers of the pages below come back");
	begin(1);
	es_run_page_add_child(&writer, make_key(1, 1), 0);
	page = finish_and_open(&memory);
	ok(!es_run_page_child(&page, 0, &count), "page 0 is refused");
	memory_free(&memory);
}

/* ---------------------------------------------------------------- searching */

/* A page of these keys, of entries or of pages below. */
static EsRunPage
page_of_keys(Memory *memory, uint8 level, const EsRunKey *keys, uint32 count)
{
	EsRunPage	page = {0};

	begin(level);
	for (uint32 i = 0; i < count; i++)
	{
		if (level == 0)
			add_smallest(keys[i].hash, keys[i].version);
		else
			es_run_page_add_child(&writer, keys[i], 1 + i);
	}
	es_run_page_open(&page, finish(memory), RUN, NUMBER, true);
	return page;
}

static void
test_search(uint8 level)
{
	static const EsRunKey keys[] = {{10, 5}, {10, 9}, {20, 3}, {20, 3}, {20, 3}, {20, 8}, {30, 1}};
	static const struct
	{
		EsRunKey	key;
		uint32		wanted;
		const char *name;
	}			cases[] = {
		{{0, 0}, 0, "the least key"},
		{{10, 4}, 0, "before the first by its version"},
		{{9, PG_UINT32_MAX}, 0, "before the first by its hash"},
		{{10, 5}, 1, "the first"},
		{{10, 8}, 1, "between versions"},
		{{10, 9}, 2, "the last version of a hash"},
		{{10, PG_UINT32_MAX}, 2, "behind the last version of a hash"},
		{{15, 1}, 2, "between hashes"},
		{{20, 2}, 2, "before equal keys"},
		{{20, 3}, 5, "equal keys"},
		{{20, 4}, 5, "behind equal keys"},
		{{30, 1}, 7, "the last"},
		{{30, 2}, 7, "behind the last by its version"},
		{{PG_UINT64_MAX, PG_UINT32_MAX}, 7, "the greatest key"}
	};
	Memory		memory = {0};
	EsRunPage	page = page_of_keys(&memory, level, keys, lengthof(keys));

	for (size_t i = 0; i < lengthof(cases); i++)
		is_int(es_run_page_search(&page, cases[i].key), cases[i].wanted, "level %d: %s", level, cases[i].name);
	memory_free(&memory);
}

static int
compare_keys(const void *a, const void *b)
{
	return es_run_key_compare(*(const EsRunKey *) a, *(const EsRunKey *) b);
}

static EsRunKey
random_key(Random *random)
{
	return make_key(random_below(random, 40), random_below(random, 10));
}

/* The same as by looking at all keys, for every count of them. */
static void
test_random_search(uint8 level)
{
	Random		random = {81};
	EsRunKey	keys[MOST_ENTRIES];
	int			failures = 0;

	for (uint32 count = 1; count <= MOST_ENTRIES; count++)
	{
		Memory		memory = {0};
		EsRunPage	page;

		for (uint32 i = 0; i < count; i++)
			keys[i] = random_key(&random);
		qsort(keys, count, sizeof(keys[0]), compare_keys);
		page = page_of_keys(&memory, level, keys, count);
		for (int i = 0; i < 20; i++)
		{
			EsRunKey	key = random_key(&random);
			uint32		wanted = 0;

			while (wanted < count && es_run_key_compare(keys[wanted], key) <= 0)
				wanted++;
			failures += es_run_page_search(&page, key) != wanted;
		}
		memory_free(&memory);
	}
	is_int(failures, 0, "level %d: random keys are found", level);
}

/* ------------------------------------------------------------------ opening */

/* Can the page that was begun be opened, with a right checksum? */
static bool
opens_as(uint8 level, uint32 previous, uint32 number, uint32 children)
{
	Memory		memory = {0};
	EsRunPage	page;
	EsSlice		bytes;
	bool		opened;

	es_run_page_begin(&writer, level, previous);
	for (uint32 i = 0; i < children; i++)
		es_run_page_add_child(&writer, make_key(i, 1), 1 + i);
	bytes = es_run_page_finish(&writer, RUN, number);
	opened = es_run_page_open(&page, memory_copy(&memory, bytes.data, bytes.size), RUN, number, true);
	memory_free(&memory);
	return opened;
}

static void
test_wrong_pages(void)
{
	ok(opens_as(1, 0, 1, 1), "the first page of a run, without one before it");
	ok(opens_as(1, PG_UINT32_MAX - 1, PG_UINT32_MAX, 1), "the last that can be");
	ok(!opens_as(1, 0, 1, 0), "a page of no pages is refused");
	ok(!opens_as(0, 0, 1, 0), "as is one of no entries");
	ok(!opens_as(1, 5, 5, 1), "one that comes after itself");
	ok(!opens_as(1, 6, 5, 1), "one that comes after a later one");
	ok(!opens_as(1, 0, 0, 1), "page 0");
	ok(!opens_as(ES_RUN_MAX_LEVELS, 0, 1, 1), "one of a level that cannot be");
}

/* A page of so many entries or pages, if there is room for them. */
static EsSlice
page_of(Memory *memory, uint8 level, uint32 most)
{
	int64		positions[ES_RUN_MAX_POSITIONS];

	begin(level);
	for (uint32 i = 0; i < most; i++)
	{
		EsRunEntry	entry = random_entry(i, positions);

		if (level > 0 ? !es_run_page_add_child(&writer, make_key(i, 1), 1 + i) :
			!es_run_page_add_entry(&writer, &entry, positions))
			break;
	}
	return finish(memory);
}

static EsSlice
filled_page(Memory *memory, uint8 level)
{
	return page_of(memory, level, MOST_CHILDREN + 1);
}

static void
test_wrong_run(void)
{
	Memory		memory = {0};
	EsSlice		bytes = filled_page(&memory, 0);
	EsRunPage	page;

	for (int verify = 0; verify < 2; verify++)
	{
		ok(es_run_page_open(&page, bytes, RUN, NUMBER, verify), "the page of the run (%d)", verify);
		ok(!es_run_page_open(&page, bytes, RUN + 1, NUMBER, verify), "it is no page of another run");
		ok(!es_run_page_open(&page, bytes, RUN, NUMBER + 1, verify), "and not the next page");
		ok(!es_run_page_open(&page, bytes, RUN, NUMBER - 1, verify), "nor the one before");
	}
	memory_free(&memory);
}

/* A page has no byte too few or too many. */
static void
test_sizes(uint8 level)
{
	Memory		memory = {0};
	EsSlice		bytes = filled_page(&memory, level);
	char	   *longer = memory_take(&memory, ES_RUN_PAGE_SIZE + 1);
	EsRunPage	page;
	int			opened = 0;

	for (uint32 size = 0; size < bytes.size; size++)
	{
		EsSlice		part = memory_copy(&memory, bytes.data, size);

		opened += es_run_page_open(&page, part, RUN, NUMBER, true);
	}
	is_int(opened, 0, "level %d: no beginning of a page is one", level);
	memset(longer, 0, ES_RUN_PAGE_SIZE + 1);
	memcpy(longer, bytes.data, bytes.size);
	for (uint32 size = bytes.size + 1; size <= ES_RUN_PAGE_SIZE + 1; size++)
		opened += es_run_page_open(&page, es_slice(longer, size), RUN, NUMBER, true);
	is_int(opened, 0, "level %d: nor is one with more behind it", level);
	ok(!es_run_page_open(&page, es_slice(longer, ES_RUN_PAGE_SIZE + 1), RUN, NUMBER, false),
	   "level %d: what is too large is refused unseen", level);
	memory_free(&memory);
}

/* ------------------------------------------------------------------- damage */

static void
test_bit_flips(uint8 level)
{
	Memory		memory = {0};
	EsSlice		bytes = filled_page(&memory, level);
	char	   *data = unconstify(char *, bytes.data);
	EsRunPage	page;
	int			opened = 0;

	for (uint32 i = 0; i < bytes.size * 8; i++)
	{
		data[i / 8] ^= (char) (1 << (i % 8));
		opened += es_run_page_open(&page, bytes, RUN, NUMBER, true);
		data[i / 8] ^= (char) (1 << (i % 8));
	}
	is_int(opened, 0, "level %d: no bit of %u bytes can change unseen", level, bytes.size);
	ok(es_run_page_open(&page, bytes, RUN, NUMBER, true), "level %d: then the page is as before", level);
	memory_free(&memory);
}

static bool
is_ascending(const int64 *positions, uint32 count)
{
	int64		before = 0;

	for (uint32 i = 0; i < count; i++)
	{
		if (positions[i] <= before)
			return false;
		before = positions[i];
	}
	return true;
}

/* Reads all that a page may have; false when what it says cannot be. */
static bool
read_all(const EsRunPage *page)
{
	bool		good = true;

	for (uint32 i = 0; i < page->count; i++)
	{
		EsRunEntry	entry;
		int64		positions[ES_RUN_MAX_POSITIONS];
		uint32		number;

		if (page->level > 0 && es_run_page_child(page, i, &number))
			good &= number > 0;
		if (!es_run_page_entry(page, i, &entry))
			continue;
		good &= entry.count <= ES_RUN_MAX_POSITIONS && entry.entity_id.size <= ES_MAX_ENTITY_ID &&
			entry.tenant_id.data > page->data + HEADER_SIZE;
		if (es_run_entry_positions(&entry, positions))
			good &= is_ascending(positions, entry.count);
		good &= es_run_page_search(page, entry.key) <= page->count;
	}
	return good && es_run_page_search(page, make_key(PG_UINT64_MAX, PG_UINT32_MAX)) <= page->count;
}

/* Where it hurts most: the header, the offsets at the end, or anywhere. */
static uint32
random_place(Random *random, uint32 size)
{
	switch (random_below(random, 3))
	{
		case 0:
			return random_below(random, Min(size, HEADER_SIZE));
		case 1:
			return size - 1 - random_below(random, Min(size, 100));
		default:
			return random_below(random, size);
	}
}

/* One bit, or any. */
static char
random_bits(Random *random)
{
	return random_chance(random, 50) ? (char) random_next(random) : (char) (1 << random_below(random, 8));
}

/* What is not verified may be anything, and must not lead outside of the page. */
static void
test_damage(uint8 level, uint32 most)
{
	Random		random = {82 + level + most};
	Memory		memory = {0};
	EsSlice		bytes = page_of(&memory, level, most);
	int			opened = 0;
	int			failures = 0;

	for (int round = 0; round < 20000; round++)
	{
		Memory		copies = {0};
		EsRunPage	page;
		EsSlice		copy = memory_copy(&copies, bytes.data, random_chance(&random, 70) ? bytes.size :
									   1 + random_below(&random, bytes.size));
		char	   *data = unconstify(char *, copy.data);

		for (uint32 i = random_below(&random, 10); i > 0; i--)
			data[random_place(&random, copy.size)] ^= random_bits(&random);
		if (es_run_page_open(&page, copy, RUN, NUMBER, false))
		{
			opened++;
			failures += !read_all(&page);
		}
		memory_free(&copies);
	}
	ok(opened > 1000, "level %d: %d damaged pages of up to %u bytes were opened", level, opened, bytes.size);
	is_int(failures, 0, "level %d: and gave nothing that cannot be", level);
	memory_free(&memory);
}

/* Entries of which the writer does not ask whether they can be. */
static void
test_wrong_entries(void)
{
	static const struct
	{
		const char *name;
		uint32		version;
		uint32		tenant_size;
		uint32		entity_size;
		uint32		count;
		bool		right;
	}			cases[] = {
		{"version 0", 0, 0, 1, 1, false},
		{"no entity", 1, 0, 0, 1, false},
		{"the longest entity", 1, 0, ES_MAX_ENTITY_ID, 1, true},
		{"a longer one", 1, 0, ES_MAX_ENTITY_ID + 1, 1, false},
		{"the longest tenant", 1, ES_MAX_TENANT_ID, 1, 1, true},
		{"a longer one", 1, ES_MAX_TENANT_ID + 1, 1, 1, false},
		{"no positions", 1, 0, 1, 0, false},
		{"as many as can be", 1, 0, 1, ES_RUN_MAX_POSITIONS, true},
		{"more", 1, 0, 1, ES_RUN_MAX_POSITIONS + 1, false},
		{"the last version", PG_UINT32_MAX, 0, 1, 1, true},
		{"the last two", PG_UINT32_MAX - 1, 0, 1, 2, true},
		{"one after the last", PG_UINT32_MAX, 0, 1, 2, false}
	};
	int64		positions[ES_RUN_MAX_POSITIONS + 1];

	make_positions(NEAR, lengthof(positions), positions);
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		Memory		memory = {0};
		EsRunEntry	entry = {
			.key = {1, cases[i].version},
			.count = cases[i].count,
			.tenant_id = es_slice(letters, cases[i].tenant_size),
			.entity_id = es_slice(letters, cases[i].entity_size)
		};
		EsRunPage	page;

		begin(0);
		is_int(es_run_page_add_entry(&writer, &entry, positions) &&
			   es_run_page_open(&page, finish(&memory), RUN, NUMBER, true) &&
			   es_run_page_entry(&page, 0, &entry), cases[i].right, "%s: %s", cases[i].name,
			   cases[i].right ? "taken" : "refused");
		memory_free(&memory);
	}
}

/* Positions as an entry has them, and whether they can be. */
static void
test_wrong_positions(void)
{
	static const struct
	{
		const char *name;
		uint32		count;
		const char *bytes;
		uint32		size;
		bool		right;
	}			cases[] = {
		{"two positions", 2, "\x05\x01", 2, true},
		{"bytes behind the last one", 1, "\x05\x01", 2, false},
		{"one too few", 3, "\x05\x01", 2, false},
		{"none", 1, "", 0, false},
		{"position 0", 1, "\x00", 1, false},
		{"a position twice", 2, "\x05\x00", 2, false},
		{"half a position", 1, "\x85", 1, false},
		{"the greatest position", 1, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 9, true},
		{"a greater one", 1, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10, false},
		{"one after the greatest", 2, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x01", 10, false},
		{"a step that leads back", 2, "\x05\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, false},
		{"too many bytes", 1, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, false}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		Memory		memory = {0};
		int64	   *positions = memory_take(&memory, cases[i].count * sizeof(int64));
		EsRunEntry	entry = {
			.count = cases[i].count,
			.positions = memory_copy(&memory, cases[i].bytes, cases[i].size)
		};

		is_int(es_run_entry_positions(&entry, positions), cases[i].right, "%s: %s", cases[i].name,
			   cases[i].right ? "taken" : "refused");
		memory_free(&memory);
	}
}

/* ------------------------------------------------------------------- hashes */

static uint64
hash_of(uint64 seed, const char *tenant, const char *entity)
{
	return es_run_hash(seed, text_slice(tenant), text_slice(entity));
}

static void
test_hash(void)
{
	int			same = 0;

	ok(hash_of(1, "t", "e") == hash_of(1, "t", "e") && hash_of(1, "", "e") == hash_of(1, "", "e"),
	   "the same names have the same hash");
	ok(hash_of(1, "", "e") == es_run_hash(1, es_slice(NULL, 0), text_slice("e")), "wherever no tenant is");
	ok(hash_of(1, "t", "e") != hash_of(1, "t", "f") && hash_of(1, "", "e") != hash_of(1, "", "f"),
	   "the entity makes a difference");
	ok(hash_of(1, "t", "e") != hash_of(1, "u", "e") && hash_of(1, "t", "e") != hash_of(1, "", "e"),
	   "so does the tenant");
	ok(hash_of(1, "t", "e") != hash_of(1, "e", "t") && hash_of(1, "te", "f") != hash_of(1, "t", "ef"),
	   "and which of the two has which letters");
	ok(hash_of(1, "e", "e") != hash_of(1, "", "e") && hash_of(1, "e", "e") != hash_of(1, "f", "f"),
	   "also when they are the same");
	for (int bit = 0; bit < 64; bit++)
	{
		uint64		seed = UINT64CONST(0x5555AAAA5555AAAA) ^ UINT64CONST(1) << bit;

		same += hash_of(seed, "t", "e") == hash_of(UINT64CONST(0x5555AAAA5555AAAA), "t", "e");
		same += hash_of(seed, "", "e") == hash_of(UINT64CONST(0x5555AAAA5555AAAA), "", "e");
	}
	is_int(same, 0, "each bit of the seed makes a difference");
}

/* Entities with names that are alike lie apart, as the search in a run needs it. */
static void
test_spread(void)
{
	uint64		bits = 0;

	for (int i = 0; i < 1000; i++)
	{
		char		name[16];
		uint64		hash;

		snprintf(name, sizeof(name), "e%d", i);
		hash = hash_of(7, "t", name) >> 54;
		bits |= UINT64CONST(1) << (hash & 63);
	}
	ok(bits == PG_UINT64_MAX, "names that are alike are spread");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(letters); i++)
		letters[i] = (char) ('a' + i % 25);
	test_round_trips();
	test_extreme_keys();
	test_extreme_positions();
	test_largest_entry();
	test_filling();
	test_most_entries();
	test_last_byte();
	test_children();
	test_wrong_pages();
	test_wrong_run();
	for (int level = 0; level < 2; level++)
	{
		test_search(level);
		test_random_search(level);
		test_sizes(level);
		test_bit_flips(level);
		test_damage(level, 1);
		test_damage(level, 3);
		test_damage(level, MOST_CHILDREN);
	}
	test_wrong_entries();
	test_wrong_positions();
	test_hash();
	test_spread();
	return tap_done();
}
