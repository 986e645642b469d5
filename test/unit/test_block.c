/*-------------------------------------------------------------------------
 *
 * test_block.c
 *	  Blocks in row layout: round trips, sizes, damage of every kind, in-flight
 *	  lists.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "core/block.h"
#include "core/block_rows.h"
#include "core/hash.h"
#include "core/timestamp.h"
#include "tap.h"

#define RECORDED_AT INT64CONST(830000000000000)
#define VARLENA_SIZE 4			/* bytes that the checksums leave out */

/* A block and what was put in. */
typedef struct Sample
{
	Memory		memory;
	EsInflightList inflight;
	EsEvent		events[ES_BLOCK_MAX_EVENTS];
	int64		versions[ES_BLOCK_MAX_EVENTS];
	bool		large[ES_BLOCK_MAX_EVENTS];
	uint32		count;
	int64		first_position;
	char		data[ES_BLOCK_MAX_SIZE];
	uint32		size;
} Sample;

static EsRowsBuilder builder;

/* Nothing of a block in row layout lies here. */
static char strings[ES_BLOCK_HEAD_ROOM];

static void
begin_sample(Sample *sample, uint16 inflight_count)
{
	memset(sample, 0, sizeof(*sample));
	sample->first_position = 1000001;
	sample->inflight.writer_xid = INT64CONST(5000000123);
	sample->inflight.cluster = 0xC0FFEE;
	sample->inflight.count = inflight_count;
	for (int i = 0; i < inflight_count; i++)
	{
		sample->inflight.entries[i].xid = sample->inflight.writer_xid - 7 * i + 3;
		sample->inflight.entries[i].lower = sample->first_position - 100 * i - 1;
	}
	es_rows_begin(&builder, sample->data, sizeof(sample->data), sample->first_position,
				  RECORDED_AT, &sample->inflight);
}

static bool
add_to_sample(Sample *sample, const EsEvent *event, int64 version, bool large)
{
	if (!es_rows_add(&builder, event, version, large))
		return false;
	sample->events[sample->count] = *event;
	sample->versions[sample->count] = version;
	sample->large[sample->count++] = large;
	return true;
}

static void
finish_sample(Sample *sample)
{
	sample->size = es_rows_finish(&builder);
	memset(sample->data, 0x5A, VARLENA_SIZE);	/* as the caller sets it */
}

/* What the store puts into a block: every event has an id, none a wish. */
static void
stored_event(Random *random, Memory *memory, EsEvent *event)
{
	random_event(random, memory, event);
	event->has &= ~ES_HAS_EXPECTED_VERSION;
	event->expected_version = 0;
	if (!(event->has & ES_HAS_EVENT_ID))
		memset(event->event_id, (int) random_next(random), ES_UUID_SIZE);
	event->has |= ES_HAS_EVENT_ID;
}

static int64
random_version(Random *random)
{
	return 1 + (int64) (random_next(random) & ((UINT64CONST(1) << random_below(random, 33)) - 1));
}

/* Fills a block with up to max_count random events, now and then a large one. */
static void
random_sample(Sample *sample, Random *random, uint32 max_count)
{
	begin_sample(sample, random_chance(random, 40) ? random_below(random, ES_BLOCK_MAX_INFLIGHT + 1) : 0);
	while (sample->count < max_count)
	{
		EsEvent		event;

		stored_event(random, &sample->memory, &event);
		if (!add_to_sample(sample, &event, random_version(random), random_chance(random, 5)))
			break;
	}
	if (sample->count == 0)		/* the first was too long */
	{
		EsEvent		event = {.entity_id = text_slice("e"),.event_type = text_slice("t"),
		.payload = text_slice("{}"),.has = ES_HAS_EVENT_ID};

		add_to_sample(sample, &event, 1, false);
	}
	finish_sample(sample);
}

/* --------------------------------------------------------------- reading back */

/* The body as a large event's second column would have it. */
static EsSlice
outside_body(Memory *memory, const EsEvent *event)
{
	char	   *body = memory_take(memory, event->tags.size + event->payload.size + event->metadata.size);
	char	   *out = body;

	for (int i = 0; i < 3; i++)
	{
		EsSlice		part = i == 0 ? event->tags : i == 1 ? event->payload : event->metadata;

		if (part.size > 0)
			memcpy(out, part.data, part.size);
		out += part.size;
	}
	return es_slice(body, out - body);
}

static EsBlockStatus
read_event(Sample *sample, EsBlock *block, uint32 ordinal, EsStoredEvent *stored)
{
	EsBlockStatus status = es_block_read_head(block, ordinal, strings, stored);
	EsSlice		large = {NULL, 0};

	if (status != ES_BLOCK_OK)
		return status;
	if (stored->large)
		large = outside_body(&sample->memory, &sample->events[ordinal]);
	return es_block_read_body(block, large, NULL, stored);
}

static EsBlockStatus
open_and_check(EsSlice bytes)
{
	EsBlock		block;
	EsBlockStatus status = es_block_open(&block, bytes.data, bytes.size);

	return status == ES_BLOCK_OK ? es_block_check(&block, NULL) : status;
}

/*
 * Is this the event that was put in?  A salvaged block does not vouch for
 * recorded_at, and so not for occurred_at, which is stored relative to it.
 */
static bool
is_event(Sample *sample, uint32 ordinal, const EsStoredEvent *stored, bool salvaged)
{
	EsEvent		event = stored->event;

	if (salvaged)
		event.occurred_at = sample->events[ordinal].occurred_at;
	return ordinal < sample->count && events_equal(&event, &sample->events[ordinal]) &&
		stored->version == sample->versions[ordinal] &&
		stored->large == sample->large[ordinal] &&
		stored->position == sample->first_position + ordinal &&
		(salvaged || stored->recorded_at == RECORDED_AT);
}

static uint64
wanted_summary(const Sample *sample)
{
	uint64		summary = 0;

	for (uint32 i = 0; i < sample->count; i++)
		summary |= es_type_bit(sample->events[i].event_type);
	return summary;
}

static bool
reads_back(Sample *sample)
{
	EsSlice		copy = memory_copy(&sample->memory, sample->data, sample->size);
	EsBlock		block;
	EsStoredEvent stored;

	if (es_block_open(&block, copy.data, copy.size) != ES_BLOCK_OK ||
		es_block_check(&block, NULL) != ES_BLOCK_OK ||
		es_block_body_room(&block) != 0 ||
		block.header.event_count != sample->count ||
		block.header.type_summary != wanted_summary(sample))
		return false;
	for (uint32 i = 0; i < sample->count; i++)
	{
		if (read_event(sample, &block, i, &stored) != ES_BLOCK_OK || !is_event(sample, i, &stored, false))
			return false;
	}
	return es_block_read_head(&block, sample->count, strings, &stored) == ES_BLOCK_BAD_STRUCTURE &&
		es_block_salvage(&block, copy.data, copy.size) == ES_BLOCK_OK;
}

static void
test_round_trips(void)
{
	Random		random = {5};
	int			failures = 0;
	int			events = 0;

	for (int i = 0; i < 500; i++)
	{
		Sample		sample;

		random_sample(&sample, &random, 1 + random_below(&random, 60));
		failures += !reads_back(&sample) || sample.size > sizeof(sample.data);
		events += sample.count;
		memory_free(&sample.memory);
	}
	is_int(failures, 0, "500 random blocks with %d events come back", events);
}

/* --------------------------------------------------------------------- sizes */

static EsEvent
full_event(void)
{
	return (EsEvent)
	{
		.entity_id = text_slice("customer-000000000001"),
			.event_type = text_slice("customer.address_changed"),
			.tenant_id = text_slice("acme"),
			.tags = text_slice("\x03" "abc\x02" "de"),
			.tag_count = 2,
			.payload = text_slice("{\"street\":\"Main Street 1\"}"),
			.metadata = text_slice("{\"correlation_id\":\"x\"}"),
			.occurred_at = RECORDED_AT - INT64CONST(1000000),
			.has = ES_HAS_METADATA | ES_HAS_TAGS | ES_HAS_OCCURRED_AT | ES_HAS_EVENT_ID
	};
}

/* Size of a block that has only this event. */
static uint32
size_of_one(const EsEvent *event, int64 version, const EsInflightList *list)
{
	return es_block_start_size(list->count) + es_rows_event_size(event, version, RECORDED_AT);
}

/* Bytes that a block of one event has beyond its strings, tags' included. */
static int64
overhead(const EsEvent *event, int64 version)
{
	EsInflightList inflight = {0};
	char		data[ES_BLOCK_MAX_SIZE];
	uint32		size;

	es_rows_begin(&builder, data, sizeof(data), 1, RECORDED_AT, &inflight);
	if (!es_rows_add(&builder, event, version, false))
		return -1;
	size = es_rows_finish(&builder);
	if (size != size_of_one(event, version, &inflight))
		return -1;
	return (int64) size - ((int64) es_event_text_size(event) - event->tag_count);
}

static void
test_overhead(void)
{
	Random		random = {6};
	EsEvent		event = full_event();
	int64		worst = 0;

	for (int64 version = 1; version <= 1000000; version = version * 3 + 1)
		worst = Max(worst, overhead(&event, version));
	ok(worst > 0 && worst <= 96, "one event costs at most 96 bytes, here " INT64_FORMAT, worst);
	event.occurred_at = ES_TIMESTAMP_MIN;
	ok(overhead(&event, 1000000) <= 96, "also if it occurred in the year 1");
	event.occurred_at = ES_TIMESTAMP_END - 1;
	ok(overhead(&event, 1000000) <= 96, "or in the year 9999");
	event = (EsEvent)
	{
		.entity_id = text_slice("e"),.event_type = text_slice("t"),.payload = text_slice("{}"),.has = ES_HAS_EVENT_ID
	};
	ok(overhead(&event, 1) <= 72, "a plain one costs " INT64_FORMAT, overhead(&event, 1));
	worst = 0;
	for (int i = 0; i < 3000; i++)
	{
		Memory		memory = {0};

		stored_event(&random, &memory, &event);
		if (event.tag_count <= 3)
			worst = Max(worst, overhead(&event, 1 + random_below(&random, 1000000)));
		memory_free(&memory);
	}
	ok(worst > 0 && worst <= 96, "random ones, with up to three tags, at most " INT64_FORMAT, worst);
}

/* A block that is full refuses, and is as good as before. */
static void
test_full(void)
{
	static Sample sample;
	EsEvent		event = {.entity_id = text_slice("e"),.event_type = text_slice("t"),
	.payload = text_slice("1"),.has = ES_HAS_EVENT_ID};
	EsEvent		large = event;
	static char payload[2 * BLCKSZ];
	uint32		used;

	memset(payload, '1', sizeof(payload));
	large.payload = es_slice(payload, sizeof(payload));
	begin_sample(&sample, 0);
	while (add_to_sample(&sample, &event, sample.count + 1, false))
		;
	used = builder.used;
	ok(!es_rows_add(&builder, &event, 1, false) && !es_rows_add(&builder, &large, 1, false) &&
	   builder.used == used && builder.header.event_count == sample.count,
	   "a full block of %u events takes no more", sample.count);
	finish_sample(&sample);
	ok(sample.size <= ES_BLOCK_MAX_SIZE && sample.size + 35 + 2 > ES_BLOCK_MAX_SIZE, "and has no room left");
	ok(reads_back(&sample), "and reads back");
	memory_free(&sample.memory);
}

/* The largest payload that fits, and one byte more. */
static void
test_exact_fit(void)
{
	static char payload[BLCKSZ];
	EsInflightList inflight = {0};
	char		data[ES_BLOCK_MAX_SIZE];
	EsEvent		event = full_event();

	memset(payload, '1', sizeof(payload));
	event.payload = es_slice(payload, 0);
	event.payload.size = 1000;
	event.payload.size += ES_BLOCK_MAX_SIZE - size_of_one(&event, 1, &inflight);
	is_int(size_of_one(&event, 1, &inflight), ES_BLOCK_MAX_SIZE, "an event that fills a block");
	es_rows_begin(&builder, data, sizeof(data), 1, RECORDED_AT, &inflight);
	ok(es_rows_add(&builder, &event, 1, false) && es_rows_finish(&builder) == ES_BLOCK_MAX_SIZE, "fits");
	is_int(open_and_check(es_slice(data, sizeof(data))), ES_BLOCK_OK, "and is a valid block");
	event.payload.size++;
	es_rows_begin(&builder, data, sizeof(data), 1, RECORDED_AT, &inflight);
	ok(!es_rows_add(&builder, &event, 1, false), "one byte more does not fit");
	ok(es_rows_add(&builder, &event, 1, true), "but its head does");
}

/* ---------------------------------------------------------------- large bodies */

static void
test_large(void)
{
	static Sample sample;
	EsEvent		event = full_event();
	EsStoredEvent stored;
	EsBlock		block;
	EsSlice		body;

	begin_sample(&sample, 0);
	add_to_sample(&sample, &event, 9, true);
	finish_sample(&sample);
	ok(reads_back(&sample), "a large event reads back with its body from outside");
	body = outside_body(&sample.memory, &event);
	es_block_open(&block, sample.data, sample.size);
	es_block_read_head(&block, 0, strings, &stored);
	ok(stored.large && stored.body.data == NULL, "its head says that the body is elsewhere");
	is_int(es_block_read_body(&block, stored.body, NULL, &stored), ES_BLOCK_LARGE_MISSING, "no body");
	is_int(es_block_read_body(&block, es_slice(body.data, body.size - 1), NULL, &stored), ES_BLOCK_LARGE_MISSING, "a body too short");
	unconstify(char *, body.data)[body.size / 2] ^= 1;
	is_int(es_block_read_body(&block, body, NULL, &stored), ES_BLOCK_BAD_BODY_CRC, "a changed body");
	memory_free(&sample.memory);
}

/* --------------------------------------------------------------------- damage */

/* What reading a damaged block came to. */
typedef struct Damage
{
	bool		detected;		/* some step refused */
	bool		wrong;			/* an event came back that is not the one put
								 * in */
} Damage;

static void
read_damaged(Sample *sample, EsBlock *block, bool salvaged, Damage *damage)
{
	for (uint32 i = 0; i < block->header.event_count; i++)
	{
		EsStoredEvent stored;

		if (read_event(sample, block, i, &stored) != ES_BLOCK_OK)
			damage->detected = true;
		else if (!is_event(sample, i, &stored, salvaged))
			damage->wrong = true;
	}
}

/* Reads what can be read, opened in the ordinary way and salvaged. */
static Damage
damage_of(Sample *sample, EsSlice bytes)
{
	Damage		damage = {0};
	Damage		salvaged = {0};
	EsBlock		block;

	if (es_block_open(&block, bytes.data, bytes.size) != ES_BLOCK_OK)
		damage.detected = true;
	else
		read_damaged(sample, &block, false, &damage);
	if (damage.detected != (open_and_check(bytes) != ES_BLOCK_OK))
		damage.wrong = true;
	if (es_block_salvage(&block, bytes.data, bytes.size) == ES_BLOCK_OK)
	{
		if (block.header.event_count != sample->count)
			salvaged.wrong = true;
		read_damaged(sample, &block, true, &salvaged);
	}
	damage.wrong |= salvaged.wrong;
	return damage;
}

static void
no_large_sample(Sample *sample, Random *random, uint32 max_count)
{
	for (;;)
	{
		bool		any = false;

		random_sample(sample, random, max_count);
		for (uint32 i = 0; i < sample->count; i++)
			any |= sample->large[i];
		if (!any)
			return;
		memory_free(&sample->memory);
	}
}

static void
test_every_byte(void)
{
	static const uint8 flips[] = {0x01, 0x80, 0xFF};
	static Sample sample;
	Random		random = {7};
	int			missed = 0;
	int			wrong = 0;
	int			tried = 0;

	for (int i = 0; i < 8; i++)
	{
		no_large_sample(&sample, &random, i == 0 ? 1 : 8);
		for (uint32 at = 0; at < sample.size * lengthof(flips); at++, tried++)
		{
			Memory		memory = {0};
			EsSlice		copy = memory_copy(&memory, sample.data, sample.size);
			Damage		damage;

			unconstify(char *, copy.data)[at / lengthof(flips)] ^= flips[at % lengthof(flips)];
			damage = damage_of(&sample, copy);
			missed += damage.detected != (at / lengthof(flips) >= VARLENA_SIZE);
			wrong += damage.wrong;
			memory_free(&memory);
		}
		memory_free(&sample.memory);
	}
	is_int(missed, 0, "each of %d changed bytes is noticed, outside the varlena header", tried);
	is_int(wrong, 0, "and none makes another event of one");
}

static void
test_every_length(void)
{
	static Sample sample;
	Random		random = {8};
	int			missed = 0;
	int			wrong = 0;

	for (int i = 0; i < 8; i++)
	{
		no_large_sample(&sample, &random, 8);
		for (uint32 size = 0; size < sample.size + 8; size++)
		{
			Memory		memory = {0};
			EsSlice		copy = memory_copy(&memory, sample.data, Min(size, sizeof(sample.data)));
			Damage		damage = damage_of(&sample, copy);

			missed += copy.size != sample.size && !damage.detected;
			wrong += damage.wrong;
			memory_free(&memory);
		}
		memory_free(&sample.memory);
	}
	is_int(missed, 0, "a block that is shorter or longer is noticed");
	is_int(wrong, 0, "and yields no wrong event");
}

/* Two records of one size change places, first alone, then with their offsets. */
static void
test_swapped(void)
{
	static Sample sample;
	EsEvent		event = full_event();
	EsStoredEvent stored;
	EsBlock		block;
	uint32		start = sizeof(EsBlockHeader);
	uint32		half;
	uint16		offsets[2];
	char		record[ES_BLOCK_MAX_SIZE];

	begin_sample(&sample, 0);
	add_to_sample(&sample, &event, 1, false);
	add_to_sample(&sample, &event, 2, false);
	finish_sample(&sample);
	half = (sample.size - start - 2 * sizeof(uint16)) / 2;
	memcpy(record, sample.data + start, half);
	memmove(sample.data + start, sample.data + start + half, half);
	memcpy(sample.data + start + half, record, half);
	es_block_open(&block, sample.data, sample.size);
	is_int(es_block_read_head(&block, 0, strings, &stored), ES_BLOCK_BAD_HEAD_CRC, "records that changed places");
	is_int(es_block_salvage(&block, sample.data, sample.size), ES_BLOCK_BAD_HEAD_CRC, "are not salvaged");
	offsets[0] = start + half;
	offsets[1] = start;
	memcpy(sample.data + start + 2 * half, offsets, sizeof(offsets));
	is_int(es_block_open(&block, sample.data, sample.size), ES_BLOCK_BAD_HEADER_CRC, "together with their offsets");
	ok(es_block_read_head(&block, 0, strings, &stored) == ES_BLOCK_OK && es_block_read_head(&block, 1, strings, &stored) == ES_BLOCK_OK &&
	   es_block_salvage(&block, sample.data, sample.size) == ES_BLOCK_BAD_STRUCTURE, "neither, though each is valid");
	memory_free(&sample.memory);
}

static void
test_statuses(void)
{
	static Sample sample;
	EsEvent		event = full_event();
	EsBlock		block;
	EsBlockHeader *header = (EsBlockHeader *) sample.data;
	char		big[ES_BLOCK_MAX_SIZE + 8] = {0};

	begin_sample(&sample, 2);
	add_to_sample(&sample, &event, 1, false);
	finish_sample(&sample);
	is_int(es_block_open(&block, big, sizeof(big)), ES_BLOCK_TRUNCATED, "more bytes than a block can have");
	is_int(es_block_open(&block, sample.data, sizeof(EsBlockHeader) - 1), ES_BLOCK_TRUNCATED, "less than a header");
	header->magic ^= 1;
	is_int(es_block_open(&block, sample.data, sample.size), ES_BLOCK_BAD_MAGIC, "magic");
	header->magic ^= 1;
	header->format = 2;
	is_int(es_block_open(&block, sample.data, sample.size), ES_BLOCK_UNKNOWN_FORMAT, "format");
	header->format = ES_BLOCK_FORMAT;
	header->layout = 7;
	is_int(es_block_open(&block, sample.data, sample.size), ES_BLOCK_UNKNOWN_LAYOUT, "layout");
	header->layout = ES_BLOCK_LAYOUT_ROWS;
	header->event_count = 0;
	is_int(es_block_open(&block, sample.data, sample.size), ES_BLOCK_BAD_STRUCTURE, "no events");
	header->event_count = 1;
	header->first_position = 0;
	is_int(es_block_open(&block, sample.data, sample.size), ES_BLOCK_BAD_STRUCTURE, "position 0");
	header->first_position = sample.first_position;
	header->inflight_count = ES_BLOCK_MAX_INFLIGHT + 1;
	is_int(es_block_open(&block, sample.data, sample.size), ES_BLOCK_BAD_STRUCTURE, "a list too long");
	header->inflight_count = ES_BLOCK_MAX_INFLIGHT;
	is_int(es_block_open(&block, sample.data, sample.size), ES_BLOCK_TRUNCATED, "a list longer than the block");
	header->inflight_count = 2;
	is_int(es_block_open(&block, sample.data, sample.size), ES_BLOCK_OK, "and the same block undamaged");
	for (int status = 0; status <= ES_BLOCK_LARGE_MISSING; status++)
		ok(strcmp(es_block_status_text(status), "unknown problem") != 0, "status %d has a text", status);
	memory_free(&sample.memory);
}

/* A damaged header is no reason to lose the records, as far as they vouch for themselves. */
static void
test_salvage(void)
{
	static Sample sample;
	Random		random = {9};
	EsBlock		block;
	EsBlockHeader *header = (EsBlockHeader *) sample.data;

	no_large_sample(&sample, &random, 10);
	header->type_summary ^= 1;
	is_int(es_block_open(&block, sample.data, sample.size), ES_BLOCK_BAD_HEADER_CRC, "a damaged type summary");
	is_int(es_block_salvage(&block, sample.data, sample.size), ES_BLOCK_OK, "is salvaged");
	header->type_summary ^= 1;
	header->first_position++;
	is_int(es_block_salvage(&block, sample.data, sample.size), ES_BLOCK_BAD_HEAD_CRC, "a damaged first_position is not");
	header->first_position--;
	header->event_count--;
	ok(es_block_salvage(&block, sample.data, sample.size) != ES_BLOCK_OK, "nor is an event less");
	header->event_count += 2;
	ok(es_block_salvage(&block, sample.data, sample.size) != ES_BLOCK_OK, "nor one more");
	memory_free(&sample.memory);
}

/* ------------------------------------------------------------- in-flight lists */

static bool
same_list(const EsInflightList *a, const EsInflightList *b)
{
	if (a->count != b->count || a->capped != b->capped || a->writer_xid != b->writer_xid || a->cluster != b->cluster)
		return false;
	for (int i = 0; i < a->count; i++)
	{
		if (a->entries[i].xid != b->entries[i].xid || a->entries[i].lower != b->entries[i].lower)
			return false;
	}
	return true;
}

/* Writes a block with the list and reads the list. */
static EsInflightList
list_back(const EsInflightList *list, int64 first_position)
{
	EsInflightList back;
	EsEvent		event = full_event();
	EsBlock		block;
	char		data[ES_BLOCK_MAX_SIZE];
	uint32		size;

	es_rows_begin(&builder, data, sizeof(data), first_position, RECORDED_AT, list);
	es_rows_add(&builder, &event, 1, false);
	size = es_rows_finish(&builder);
	memset(&back, 0xFF, sizeof(back));
	if (es_block_open(&block, data, size) == ES_BLOCK_OK &&
		size == size_of_one(&event, 1, list))
		es_block_inflight(&block, &back);
	return back;
}

static void
test_inflight(void)
{
	static Sample sample;
	EsInflightList back;

	for (int count = 1; count <= ES_BLOCK_MAX_INFLIGHT; count = count * 3 + 1)
	{
		begin_sample(&sample, Min(count, ES_BLOCK_MAX_INFLIGHT));
		back = list_back(&sample.inflight, sample.first_position);
		ok(same_list(&back, &sample.inflight), "a list of %d comes back", sample.inflight.count);
	}
	begin_sample(&sample, ES_BLOCK_MAX_INFLIGHT);
	sample.inflight.capped = true;
	back = list_back(&sample.inflight, sample.first_position);
	ok(same_list(&back, &sample.inflight), "a full, capped list comes back");

	begin_sample(&sample, 0);
	back = list_back(&sample.inflight, 1);
	ok(back.count == 0 && !back.capped, "an empty list comes back empty");
}

/* Positions and xids far from the block's own. */
static void
test_inflight_extremes(void)
{
	static Sample sample;
	int64		first = INT64CONST(1) << 40;
	EsInflightList back;

	begin_sample(&sample, 5);
	sample.inflight.entries[0].lower = 0;
	sample.inflight.entries[1].lower = first - (INT64CONST(1) << 32);
	sample.inflight.entries[2].lower = first - PG_UINT32_MAX + 1;
	sample.inflight.entries[3].lower = first;
	sample.inflight.entries[4].lower = first - 1;
	sample.inflight.entries[3].xid = sample.inflight.writer_xid - PG_INT32_MAX;
	sample.inflight.entries[4].xid = sample.inflight.writer_xid + PG_INT32_MAX;
	back = list_back(&sample.inflight, first);
	is_int(back.entries[0].lower, 0, "a lower position that is not known");
	is_int(back.entries[1].lower, 0, "one too far back to be written is as good as none");
	is_int(back.entries[2].lower, first - PG_UINT32_MAX + 1, "the farthest that can be written");
	is_int(back.entries[3].lower, first, "the block's own first position");
	ok(back.entries[3].xid == sample.inflight.entries[3].xid &&
	   back.entries[4].xid == sample.inflight.entries[4].xid, "xids of two billion around the writer's");
}

int
main(void)
{
	test_round_trips();
	test_overhead();
	test_full();
	test_exact_fit();
	test_large();
	test_every_byte();
	test_every_length();
	test_swapped();
	test_statuses();
	test_salvage();
	test_inflight();
	test_inflight_extremes();
	return tap_done();
}
