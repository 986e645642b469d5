/*-------------------------------------------------------------------------
 *
 * run_page.c
 *	  Pages of the sorted runs of the entity index: writing and reading one.
 *
 * What is read may be anything, also when the checksum is right: each offset and size is
 * checked where it is used.
 *
 *-------------------------------------------------------------------------
 */
#include "core/event.h"
#include "core/hash.h"
#include "core/run_page.h"
#include "core/varint.h"

#define PAGE_MAGIC	0x5245		/* "ER" */
#define PAGE_FORMAT	1

typedef struct PageHeader
{
	uint64		checksum;		/* XXH3 of what follows */
	uint16		magic;
	uint8		format;
	uint8		level;
	uint16		count;
	uint16		unused;			/* 0 */
	uint32		number;
	uint32		previous;
	int64		run;
} PageHeader;

StaticAssertDecl(sizeof(PageHeader) == 32, "PageHeader has no padding");

#define CHECKSUM_SIZE sizeof(uint64)
#define KEY_SIZE (8 + 4)

/* Bytes of a page below: key, number. */
#define CHILD_SIZE (KEY_SIZE + 4)

/* Bytes of an entry's start: key, count, sizes. */
#define ENTRY_START_SIZE (KEY_SIZE + 2 + 2 + 1)

/* A leaf ends with the offsets of its entries, the first one's last. */
#define OFFSET_SIZE 2

/* By what entries are sorted: nobody who does not know the seed can choose keys that collide. */
uint64
es_run_hash(uint64 seed, EsSlice tenant_id, EsSlice entity_id)
{
	uint64		hash = XXH3_64bits_withSeed(entity_id.data, entity_id.size, seed);

	return tenant_id.size == 0 ? hash :
		XXH3_64bits_withSeed(tenant_id.data, tenant_id.size, seed ^ hash);
}

/* ----------------------------------------------------------------- writing */

void
es_run_page_begin(EsRunPageWriter *writer, uint8 level, uint32 previous)
{
	PageHeader	header = {
		.magic = PAGE_MAGIC,
		.format = PAGE_FORMAT,
		.level = level,
		.previous = previous
	};

	writer->count = 0;
	writer->used = sizeof(header);
	memcpy(writer->data, &header, sizeof(header));
}

static char *
put_key(char *out, EsRunKey key)
{
	memcpy(out, &key.hash, 8);
	memcpy(out + 8, &key.version, 4);
	return out + KEY_SIZE;
}

/* Adds an entry to a leaf, with its positions in ascending order; false when it has no room. */
bool
es_run_page_add_entry(EsRunPageWriter *writer, const EsRunEntry *entry, const int64 *positions)
{
	uint32		names = ENTRY_START_SIZE + entry->tenant_id.size + entry->entity_id.size;
	uint32		end = ES_RUN_PAGE_SIZE - (writer->count + 1) * OFFSET_SIZE;
	int64		before = 0;
	char	   *out = writer->data + writer->used;

	if (writer->used + names > end)
		return false;
	out = put_key(out, entry->key);
	out = es_put_uint16(out, entry->count);
	out = es_put_uint16(out, entry->entity_id.size);
	*out++ = (char) entry->tenant_id.size;
	out = es_put_slice(out, entry->tenant_id);
	out = es_put_slice(out, entry->entity_id);
	for (uint32 i = 0; i < entry->count; i++)
	{
		uint64		step = (uint64) (positions[i] - before);

		if (out + es_varint_size(step) > writer->data + end)
			return false;
		out = es_varint_put(out, step);
		before = positions[i];
	}
	es_put_uint16(writer->data + end, writer->used);
	writer->used = (uint32) (out - writer->data);
	writer->count++;
	return true;
}

/* Adds a page below; false when there is no room. */
bool
es_run_page_add_child(EsRunPageWriter *writer, EsRunKey first, uint32 number)
{
	char	   *out = writer->data + writer->used;

	if (writer->used + CHILD_SIZE > ES_RUN_PAGE_SIZE)
		return false;
	out = put_key(out, first);
	memcpy(out, &number, 4);
	writer->used += CHILD_SIZE;
	writer->count++;
	return true;
}

/* Completes the page, as one of this run with this number; returns its bytes. */
EsSlice
es_run_page_finish(EsRunPageWriter *writer, int64 run, uint32 number)
{
	PageHeader	header;
	uint32		offsets;

	memcpy(&header, writer->data, sizeof(header));
	header.count = (uint16) writer->count;
	header.number = number;
	header.run = run;
	memcpy(writer->data, &header, sizeof(header));
	offsets = header.level == 0 ? writer->count * OFFSET_SIZE : 0;
	memmove(writer->data + writer->used, writer->data + ES_RUN_PAGE_SIZE - offsets, offsets);
	writer->used += offsets;
	header.checksum = XXH3_64bits(writer->data + CHECKSUM_SIZE, writer->used - CHECKSUM_SIZE);
	memcpy(writer->data, &header.checksum, CHECKSUM_SIZE);
	return es_slice(writer->data, writer->used);
}

/* ----------------------------------------------------------------- reading */

/* Opens this page of the run; false when it is another, or damaged as far as is looked at. */
bool
es_run_page_open(EsRunPage *page, EsSlice data, int64 run, uint32 number, bool verify)
{
	PageHeader	header;

	if (data.size < sizeof(header) || data.size > ES_RUN_PAGE_SIZE)
		return false;
	memcpy(&header, data.data, sizeof(header));
	if (header.magic != PAGE_MAGIC || header.format != PAGE_FORMAT || header.run != run ||
		header.number != number || header.previous >= number ||
		header.level >= ES_RUN_MAX_LEVELS || header.count == 0 ||
		(verify && header.checksum != XXH3_64bits(data.data + CHECKSUM_SIZE, data.size - CHECKSUM_SIZE)) ||
		sizeof(header) + (size_t) header.count * (header.level == 0 ? OFFSET_SIZE : CHILD_SIZE) > data.size)
		return false;
	*page = (EsRunPage)
	{
		.data = data.data,
			.size = data.size,
			.count = header.count,
			.level = header.level,
			.previous = header.previous
	};
	return true;
}

/* Where entry i of a leaf begins; where the last one ends, for the number after it. */
static uint32
entry_offset(const EsRunPage *page, uint32 i)
{
	if (i == page->count)
		return page->size - page->count * OFFSET_SIZE;
	return es_get_uint16(page->data + page->size - (i + 1) * OFFSET_SIZE);
}

static EsRunKey
get_key(const char *in)
{
	EsRunKey	key;

	memcpy(&key.hash, in, 8);
	memcpy(&key.version, in + 8, 4);
	return key;
}

/* Reads entry i of a leaf; false when the page is damaged. */
bool
es_run_page_entry(const EsRunPage *page, uint32 i, EsRunEntry *entry)
{
	uint32		start = entry_offset(page, i);
	uint32		end = entry_offset(page, i + 1);
	const char *in = page->data + start;

	if (start < sizeof(PageHeader) || end > page->size || start > end || end - start < ENTRY_START_SIZE)
		return false;
	entry->key = get_key(in);
	entry->count = es_get_uint16(in + KEY_SIZE);
	entry->entity_id.size = es_get_uint16(in + KEY_SIZE + 2);
	entry->tenant_id.size = (unsigned char) in[KEY_SIZE + 4];
	entry->tenant_id.data = in + ENTRY_START_SIZE;
	entry->entity_id.data = entry->tenant_id.data + entry->tenant_id.size;
	if (entry->entity_id.size == 0 || entry->entity_id.size > ES_MAX_ENTITY_ID ||
		entry->tenant_id.size > ES_MAX_TENANT_ID ||
		ENTRY_START_SIZE + entry->tenant_id.size + entry->entity_id.size > end - start)
		return false;
	in = entry->entity_id.data + entry->entity_id.size;
	entry->positions = es_slice(in, page->data + end - in);
	return entry->key.version > 0 && entry->count > 0 && entry->count <= ES_RUN_MAX_POSITIONS &&
		entry->count - 1 <= PG_UINT32_MAX - entry->key.version;
}

/* The positions of an entry, entry->count of them; false when they are damaged. */
bool
es_run_entry_positions(const EsRunEntry *entry, int64 *positions)
{
	const char *in = entry->positions.data;
	const char *end = in + entry->positions.size;
	uint64		position = 0;

	for (uint32 i = 0; i < entry->count; i++)
	{
		uint64		step;

		if ((in = es_varint_take(in, end, PG_INT64_MAX - position, &step)) == NULL || step == 0)
			return false;
		position += step;
		positions[i] = (int64) position;
	}
	return in == end;
}

/* Reads the number of page i below; false when the page is damaged. */
bool
es_run_page_child(const EsRunPage *page, uint32 i, uint32 *number)
{
	memcpy(number, page->data + sizeof(PageHeader) + (size_t) i * CHILD_SIZE + KEY_SIZE, 4);
	return *number > 0;
}

/* The key of entry or page i; the least one where a leaf is damaged. */
static EsRunKey
key_at(const EsRunPage *page, uint32 i)
{
	uint32		offset = page->level > 0 ? sizeof(PageHeader) + i * CHILD_SIZE : entry_offset(page, i);

	return offset + KEY_SIZE > page->size ? (EsRunKey)
	{
		0, 0
	} : get_key(page->data + offset);
}

/* How many entries, or pages below, have keys up to this one. */
uint32
es_run_page_search(const EsRunPage *page, EsRunKey key)
{
	uint32		low = 0;
	uint32		high = page->count;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (es_run_key_compare(key_at(page, middle), key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
