/*-------------------------------------------------------------------------
 *
 * fuzz_run_page.c
 *	  Pages of sorted runs of arbitrary bytes: nothing outside is read, nothing
 *	  that is accepted contradicts itself.
 *
 * The first byte of the input says how the rest becomes a page: as it is, or as a list of
 * changes to a valid page.  The page is read as it is, and once more with a header and a
 * checksum that are right.  To make them, this file needs what run_page.c keeps to itself,
 * so it includes it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/run_page.c"

#include "fuzz.h"

#define CHANGE_VALID	0x01

static EsRunPageWriter writer;

/* ---------------------------------------------------------------- making pages */

static void
add_random(Random *random, Memory *memory, uint8 level)
{
	EsRunEntry	entry = {
		.key = {random_below(random, 1000), 1 + random_below(random, 100)},
		.count = 1 + random_below(random, 20),
		.tenant_id = random_name(random, memory, ES_MAX_TENANT_ID),
		.entity_id = random_name(random, memory, ES_MAX_ENTITY_ID)
	};
	int64		positions[20];
	int64		position = 0;

	for (uint32 i = 0; i < entry.count; i++)
		positions[i] = position += 1 + (int64) (random_next(random) >> (6 + random_below(random, 58)));
	if (level > 0)
		es_run_page_add_child(&writer, entry.key, entry.count);
	else
		es_run_page_add_entry(&writer, &entry, positions);
}

/* A valid page of random entries, changed at the places that the input names. */
static EsSlice
changed_page(Memory *memory, const uint8_t *data, size_t size)
{
	Random		random = {size > 0 ? data[0] : 0};
	uint8		level = (uint8) random_below(&random, 3);
	char	   *bytes;
	EsSlice		page;

	es_run_page_begin(&writer, level, 3);
	for (uint32 i = 1 + random_below(&random, 8); i > 0; i--)
		add_random(&random, memory, level);
	page = es_run_page_finish(&writer, 7, 5);
	bytes = writer.data;
	for (size_t i = 1; i + 2 < size; i += 3)
		bytes[(data[i] | data[i + 1] << 8) % page.size] ^= (char) data[i + 2];
	return memory_copy(memory, page.data, page.size);
}

/* The same page, so that it may be opened. */
static EsSlice
made_right(Memory *memory, EsSlice bytes)
{
	EsSlice		copy = memory_copy(memory, bytes.data, bytes.size);
	char	   *data = unconstify(char *, copy.data);
	PageHeader	header;

	if (copy.size < sizeof(header))
		return copy;
	memcpy(&header, data, sizeof(header));
	header.magic = PAGE_MAGIC;
	header.format = PAGE_FORMAT;
	header.level %= ES_RUN_MAX_LEVELS;
	memcpy(data, &header, sizeof(header));
	header.checksum = XXH3_64bits(data + CHECKSUM_SIZE, copy.size - CHECKSUM_SIZE);
	memcpy(data, &header.checksum, CHECKSUM_SIZE);
	return copy;
}

/* -------------------------------------------------------------------- checking */

/* An entry that could be read fits an empty page, and comes back from it. */
static void
check_rewritten(const EsRunEntry *entry, const int64 *positions)
{
	int64		again_positions[ES_RUN_MAX_POSITIONS];
	EsRunEntry	again;
	EsRunPage	page;

	es_run_page_begin(&writer, 0, 0);
	MUST(es_run_page_add_entry(&writer, entry, positions));
	MUST(es_run_page_open(&page, es_run_page_finish(&writer, 1, 1), 1, 1, true));
	MUST(es_run_page_entry(&page, 0, &again) && again.count == entry->count);
	MUST(es_run_key_compare(again.key, entry->key) == 0 && es_slice_equal(again.tenant_id, entry->tenant_id) &&
		 es_slice_equal(again.entity_id, entry->entity_id));
	MUST(es_run_entry_positions(&again, again_positions));
	MUST(memcmp(again_positions, positions, entry->count * sizeof(int64)) == 0);
}

static void
read_entry(const EsRunPage *page, uint32 i)
{
	const char *end = page->data + page->size;
	int64		positions[ES_RUN_MAX_POSITIONS];
	EsRunEntry	entry;

	if (!es_run_page_entry(page, i, &entry))
		return;
	MUST(entry.key.version > 0 && entry.count > 0 && entry.count <= ES_RUN_MAX_POSITIONS);
	MUST(entry.entity_id.size > 0 && entry.entity_id.size <= ES_MAX_ENTITY_ID && entry.tenant_id.size <= ES_MAX_TENANT_ID);
	MUST(entry.count - 1 <= PG_UINT32_MAX - entry.key.version);
	MUST(lies_inside(entry.tenant_id, page->data, end) && lies_inside(entry.entity_id, page->data, end) &&
		 lies_inside(entry.positions, page->data, end));
	if (!es_run_entry_positions(&entry, positions))
		return;
	for (uint32 j = 0; j < entry.count; j++)
		MUST(positions[j] > (j == 0 ? 0 : positions[j - 1]));
	check_rewritten(&entry, positions);
}

/* In a page whose keys are in order, each is found where it is. */
static void
check_search(const EsRunPage *page)
{
	bool		ascending = true;

	for (uint32 i = 1; i < page->count; i++)
		ascending &= es_run_key_compare(key_at(page, i - 1), key_at(page, i)) < 0;
	for (uint32 i = 0; i < page->count; i++)
	{
		uint32		found = es_run_page_search(page, key_at(page, i));

		MUST(ascending ? found == i + 1 : found <= page->count);
	}
}

/* Reads all of a page that its own header says what it is; returns whether that can be. */
static bool
read_page(EsSlice bytes, bool verify)
{
	PageHeader	header = {0};
	EsRunPage	page;
	uint32		number;

	memcpy(&header, bytes.data, Min(bytes.size, sizeof(header)));
	if (!es_run_page_open(&page, bytes, header.run, header.number, verify))
		return false;
	MUST(page.count > 0 && page.level < ES_RUN_MAX_LEVELS && page.previous < header.number);
	for (uint32 i = 0; i < page.count; i++)
	{
		if (page.level == 0)
			read_entry(&page, i);
		else if (es_run_page_child(&page, i, &number))
			MUST(number > 0);
	}
	check_search(&page);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Memory		memory = {0};
	EsSlice		bytes;
	EsSlice		right;
	bool		opened;

	if (size == 0)
		return 0;
	bytes = data[0] & CHANGE_VALID ? changed_page(&memory, data + 1, size - 1) :
		memory_copy(&memory, data + 1, size - 1);
	right = made_right(&memory, bytes);
	opened = read_page(bytes, false);
	MUST(!read_page(bytes, true) || opened);
	opened = read_page(right, false);
	MUST(read_page(right, true) == opened);
	memory_free(&memory);
	return 0;
}
