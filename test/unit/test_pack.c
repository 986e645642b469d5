/*-------------------------------------------------------------------------
 *
 * test_pack.c
 *	  Packing: every event comes back identical, whatever it is packed with;
 *	  how full and how small blocks are; damage to blocks in column layout.
 *
 *-------------------------------------------------------------------------
 */
#include "batches.h"
#include "generate.h"

#include "core/timestamp.h"
#include "tap.h"

#define RECORDED_AT INT64CONST(852000000000000)

static EsExpectations expectations;
static EsPacker packer;

/* What packing a few batches came to. */
typedef struct Tally
{
	PackTotals	totals;
	int			failures;
} Tally;

static void
begin(void)
{
	es_expectations_init(&expectations);
	memset(&packer, 0, sizeof(packer));
}

/* The same events, at places of their own. */
static const char *
merge_events(const EsPackJob *job, Tally *tally)
{
	Memory		memory = {0};
	Random		random = {job->row_count};
	EsInflightList nobody = {0};
	EsPackJob	merged = *job;
	const char *problem;

	merged.places = make_places(&random, &memory, job->row_count);
	merged.first_position = merged.places[0].position;
	merged.recorded_at = merged.places[0].recorded_at;
	merged.inflight = &nobody;
	problem = merge_and_compare(&packer, &merged, &tally->totals);
	memory_free(&memory);
	return problem;
}

static void
pack_events(Tally *tally, const EsPackRow *rows, uint32 count, int64 first_position,
			const EsInflightList *inflight)
{
	EsPackJob	job = {&expectations.shapes, rows, count, first_position, RECORDED_AT, inflight, NULL};
	const char *problem = pack_and_compare(&packer, &job, &tally->totals);

	if (problem == NULL)
		problem = pack_rows_and_compare(&job);
	if (problem == NULL)
		problem = merge_events(&job, tally);
	if (problem != NULL && ++tally->failures <= 3)
		printf("# %s, in a batch of %u events\n", problem, count);
}

/* A list of so many transactions around those of a writer. */
static EsInflightList
make_inflight(Random *random, uint16 count, int64 first_position)
{
	EsInflightList list = {.writer_xid = UINT64CONST(5000000000),.cluster = 77,.count = count};

	for (int i = 0; i < count; i++)
	{
		list.entries[i].xid = list.writer_xid - random_below(random, 1000);
		list.entries[i].lower = first_position - random_below(random, Min(first_position, 1000));
	}
	return list;
}

/* Parses a batch and packs all of it, or as far as it is right. */
static void
pack_text(Tally *tally, Random *random, EsSlice text, uint16 inflight_count)
{
	Memory		memory = {0};
	Batch		batch;
	EsInflightList inflight = make_inflight(random, inflight_count, 1000);

	es_expectations_renew(&expectations);
	batch = read_batch(&memory, text, &expectations);
	keep_storable(&batch, ES_MAX_EVENT_SIZE);
	if (batch.count > 0)
		pack_events(tally, make_rows(random, &memory, &batch), batch.count, 1000, &inflight);
	memory_free(&memory);
}

static double
fill_of(const PackTotals *totals)
{
	return (double) totals->bytes / totals->blocks / ES_BLOCK_MAX_SIZE;
}

/* ---------------------------------------------------------- generated batches */

static const char *const kind_names[] = {"uniform", "mixed", "strange", "of new shapes", "of many sizes"};

static void
report(const Tally *tally, const char *name)
{
	const PackTotals *totals = &tally->totals;

	is_int(tally->failures, 0, UINT64_FORMAT " events %s in " UINT64_FORMAT " blocks, " UINT64_FORMAT " of columns, %.0f %% full",
		   totals->events, name, totals->blocks, totals->column_blocks, 100 * fill_of(totals));
	ok(totals->bytes <= totals->row_bytes * 1.02, "are no larger than in rows: %.0f %%",
	   100.0 * totals->bytes / totals->row_bytes);
	ok(totals->blocks <= totals->row_blocks * 1.02 + 2, "nor more blocks: " UINT64_FORMAT ", in rows " UINT64_FORMAT,
	   totals->blocks, totals->row_blocks);
}

/* One packer for batches of all lengths, as a session has it. */
static void
test_generated(BatchKind kind)
{
	Random		random = {60 + kind};
	Tally		tally = {0};

	begin();
	for (int i = 0; i < 40; i++)
	{
		Memory		memory = {0};
		uint32		count = 1 + random_below(&random, random_chance(&random, 20) ? 500 : 40);

		pack_text(&tally, &random, generate_batch(&random, &memory, kind, count),
				  random_chance(&random, 20) ? random_below(&random, ES_BLOCK_MAX_INFLIGHT + 1) : 0);
		memory_free(&memory);
	}
	report(&tally, kind_names[kind]);
}

/* Batches of all kinds in turn: what is remembered is wrong each time, or gone. */
static void
test_turns(void)
{
	Random		random = {70};
	Tally		tally = {0};

	begin();
	for (int i = 0; i < 100; i++)
	{
		Memory		memory = {0};

		if (i % 10 == 9)
			es_shapes_init(&expectations.shapes);
		pack_text(&tally, &random, generate_batch(&random, &memory, random_below(&random, BATCH_KINDS), 1 + random_below(&random, 60)), 0);
		memory_free(&memory);
	}
	report(&tally, "of all kinds in turn");
}

/* What can be read of batches that are damaged, after one that is not. */
static void
test_damaged(void)
{
	Random		random = {78};
	Tally		tally = {0};

	begin();
	for (int i = 0; i < 150; i++)
	{
		Memory		memory = {0};
		EsSlice		text = generate_batch(&random, &memory, random_below(&random, BATCH_SIZES), 20);

		pack_text(&tally, &random, text, 0);
		for (int j = 0; j < 5; j++)
			pack_text(&tally, &random, damage_text(&random, &memory, text), 0);
		memory_free(&memory);
	}
	report(&tally, "of damaged batches");
}

static void
test_fill(void)
{
	Random		random = {71};
	Memory		memory = {0};
	Tally		tally = {0};

	begin();
	pack_text(&tally, &random, generate_batch(&random, &memory, BATCH_UNIFORM, 5000), 0);
	report(&tally, "in one large uniform batch");
	ok(fill_of(&tally.totals) >= 0.9, "fill their blocks to 90 %% and more");
	ok(tally.totals.bytes * 2 < tally.totals.row_bytes, "in less than half the bytes of rows");
	memory_free(&memory);
}

/* --------------------------------------------------------------- made by hand */

/* An event in as few bytes as possible, or nearly. */
static EsEvent
small_event(void)
{
	return (EsEvent)
	{
		.entity_id = text_slice("e"),.event_type = text_slice("t"),.payload = text_slice("{}"),
			.has = ES_HAS_EVENT_ID
	};
}

/* Packs events that differ as 'change' makes them. */
static void
pack_changed(const char *name, uint32 count, void (*change) (Random *random, Memory *memory, EsEvent *event, uint32 i))
{
	Random		random = {72};
	Memory		memory = {0};
	Tally		tally = {0};
	EsEvent    *events = memory_take(&memory, count * sizeof(EsEvent));
	EsPackRow  *rows = memory_take(&memory, count * sizeof(EsPackRow));
	EsInflightList inflight = {0};

	begin();
	for (uint32 i = 0; i < count; i++)
	{
		events[i] = small_event();
		change(&random, &memory, &events[i], i);
		rows[i] = (EsPackRow)
		{
			&events[i], 1 + i
		};
	}
	pack_events(&tally, rows, count, 1, &inflight);
	report(&tally, name);
	memory_free(&memory);
}

static void
change_nothing(Random *random pg_attribute_unused(), Memory *memory pg_attribute_unused(),
			   EsEvent *event pg_attribute_unused(), uint32 i pg_attribute_unused())
{
}

static void
change_id(Random *random, Memory *memory pg_attribute_unused(), EsEvent *event,
		  uint32 i pg_attribute_unused())
{
	for (int j = 0; j < ES_UUID_SIZE; j++)
		event->event_id[j] = (uint8) random_next(random);
}

/* The earliest, the latest, and times at any distance. */
static void
change_time(Random *random, Memory *memory pg_attribute_unused(), EsEvent *event, uint32 i)
{
	if (random_chance(random, 30))
		return;
	event->has |= ES_HAS_OCCURRED_AT;
	event->occurred_at = i % 50 == 0 ? ES_TIMESTAMP_MIN : i % 50 == 1 ? ES_TIMESTAMP_END - 1 :
		ES_TIMESTAMP_MIN + (int64) (random_next(random) % (uint64) (ES_TIMESTAMP_END - ES_TIMESTAMP_MIN));
}

/* Whole milliseconds apart, but from one that is not whole itself. */
static void
change_milliseconds(Random *random, Memory *memory pg_attribute_unused(), EsEvent *event,
					uint32 i pg_attribute_unused())
{
	event->has |= ES_HAS_OCCURRED_AT;
	event->occurred_at = RECORDED_AT + 123 - 1000 * (int64) random_below(random, 100000);
}

static void
change_names(Random *random, Memory *memory, EsEvent *event, uint32 i pg_attribute_unused())
{
	event->entity_id = random_name(random, memory, ES_MAX_ENTITY_ID);
	event->event_type = random_name(random, memory, ES_MAX_EVENT_TYPE);
	if (random_chance(random, 50))
		event->tenant_id = random_name(random, memory, ES_MAX_TENANT_ID);
}

static void
change_tags(Random *random, Memory *memory, EsEvent *event, uint32 i pg_attribute_unused())
{
	static char tags[ES_MAX_PACKED_TAGS];

	if (random_chance(random, 30))
		return;
	event->has |= ES_HAS_TAGS;
	event->tag_count = random_chance(random, 1) ? ES_MAX_TAGS : random_below(random, 4);
	memset(tags, random_chance(random, 50) ? 'a' : 'b', sizeof(tags));
	for (int j = 0; j < event->tag_count; j++)
		tags[j * (ES_MAX_TAG + 1)] = (char) ES_MAX_TAG;
	event->tags = memory_copy(memory, tags, event->tag_count * (ES_MAX_TAG + 1));
	if (event->tag_count == 1)
		event->tags = text_slice("\x03web");
}

static void
change_metadata(Random *random, Memory *memory pg_attribute_unused(), EsEvent *event, uint32 i)
{
	if (i % 100 != 50 && random_chance(random, 90))
		return;
	event->has |= ES_HAS_METADATA;
	event->metadata = text_slice(random_chance(random, 50) ? "{}" : "{\"a\":1}");
}

/* No payload at all, which no parser makes, up to 70000 bytes. */
static void
change_size(Random *random, Memory *memory, EsEvent *event, uint32 i)
{
	uint32		size = i < 100 ? i : i < 110 ? 65530 + i - 100 : random_below(random, 70000);
	char	   *payload = memory_take(memory, size);

	memset(payload, '0' + i % 10, size);
	event->payload = es_slice(payload, size);
}

/* Long entity_ids inside the payload, with characters that JSON escapes. */
static void
change_entity(Random *random, Memory *memory, EsEvent *event, uint32 i pg_attribute_unused())
{
	Writer		writer = {0};

	event->entity_id = random_name(random, memory, ES_MAX_ENTITY_ID);
	put(&writer, "\"");
	put_bytes(&writer, event->entity_id.data, event->entity_id.size);
	put(&writer, "\"");
	event->payload = take_text(&writer, memory);
}

static void
test_changed(void)
{
	pack_changed("that are the same", 10000, change_nothing);
	pack_changed("with random ids", 3000, change_id);
	pack_changed("at any time", 3000, change_time);
	pack_changed("whole milliseconds apart", 3000, change_milliseconds);
	pack_changed("with any names", 500, change_names);
	pack_changed("with tags", 500, change_tags);
	pack_changed("with rare metadata", 3000, change_metadata);
	pack_changed("of 0 to 70000 bytes", 200, change_size);
	pack_changed("that tell their entity", 500, change_entity);
}

static void
test_counts(void)
{
	Random		random = {73};
	Memory		memory = {0};
	Tally		tally = {0};
	static EsEvent events[ES_BLOCK_MAX_EVENTS + 2];
	static EsPackRow rows[ES_BLOCK_MAX_EVENTS + 2];
	int64		far = INT64CONST(1) << 60;
	EsInflightList inflight = make_inflight(&random, ES_BLOCK_MAX_INFLIGHT, 7);

	begin();
	for (uint32 i = 0; i < lengthof(events); i++)
	{
		events[i] = small_event();
		rows[i] = (EsPackRow)
		{
			&events[i], PG_INT64_MAX - i
		};
	}
	for (uint32 count = 1; count <= 20; count++)
		pack_events(&tally, rows, count, 7, &inflight);
	inflight = make_inflight(&random, ES_BLOCK_MAX_INFLIGHT, far);
	for (uint32 count = ES_BLOCK_MAX_EVENTS - 1; count <= ES_BLOCK_MAX_EVENTS + 2; count++)
		pack_events(&tally, rows, count, far, &inflight);
	report(&tally, "in batches of 1 to 4098");
	memory_free(&memory);
}

/* ------------------------------------------------------------ large documents */

static EsSlice
event_with(Memory *memory, const char *payload_head, const char *piece, uint32 times, const char *tail)
{
	Writer		writer = {0};

	for (int i = 0; i < 4; i++)
	{
		put(&writer, "{\"entity_id\":\"e\",\"event_type\":\"t\",\"payload\":%s", payload_head);
		put_repeated(&writer, piece, times);
		put(&writer, "%s}\n", tail);
	}
	return take_text(&writer, memory);
}

static EsSlice
many_keys(Memory *memory, uint32 count)
{
	Writer		writer = {0};

	for (int i = 0; i < 5; i++)
	{
		put(&writer, "{\"entity_id\":\"e\",\"event_type\":\"t\",\"payload\":{");
		for (uint32 j = 0; j < count; j++)
			put(&writer, "%s\"key%u\":%u", j > 0 ? "," : "", j, j * i);
		put(&writer, "}}\n");
	}
	return take_text(&writer, memory);
}

static void
test_extremes(void)
{
	static const char brackets[] = "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";
	static const char braces[] = "}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}";
	Random		random = {74};
	Memory		memory = {0};
	Tally		tally = {0};

	begin();
	for (int i = 0; i < 2; i++)
	{
		pack_text(&tally, &random, event_with(&memory, "\"", "0123456789abcdef", 65536, "\""), 0);
		pack_text(&tally, &random, event_with(&memory, "{\"text\":\"", "caf\xC3\xA9 ", 1500, "\"}"), 0);
		pack_text(&tally, &random, event_with(&memory, "", "[", 64, brackets), 0);
		pack_text(&tally, &random, event_with(&memory, "1", "", 0, ""), 0);
		pack_text(&tally, &random, event_with(&memory, "{\"z\":0", ",\"a\":{}", 130, "}"), 0);
		pack_text(&tally, &random, event_with(&memory, "{\"z\":0", ",\"a\":1", 127, "}"), 0);
		pack_text(&tally, &random, event_with(&memory, "{\"z\":", "{\"a\":", 63, braces), 0);
		pack_text(&tally, &random, many_keys(&memory, 10), 0);
		pack_text(&tally, &random, many_keys(&memory, 127), 0);
		pack_text(&tally, &random, many_keys(&memory, 10000), 0);
	}
	is_int(tally.failures, 0, "strings of 1 MB, 10,000 keys, deep nesting: " UINT64_FORMAT " events", tally.totals.events);
	memory_free(&memory);
}

/* More places of leaves than a block has columns. */
static void
test_many_columns(void)
{
	Random		random = {75};
	Tally		tally = {0};

	begin();
	for (int round = 0; round < 3; round++)
	{
		Memory		memory = {0};
		Writer		writer = {0};

		for (int i = 0; i < 200; i++)
		{
			put(&writer, "{\"entity_id\":\"e\",\"event_type\":\"t\",\"payload\":{\"a\":1");
			for (int j = 0; j < 20; j++)
				put(&writer, ",\"name of a key %d\":%d", i % 16 * 20 + j, i);
			put(&writer, "},\"metadata\":{\"m%d\":1}}\n", i % 7);
		}
		pack_text(&tally, &random, take_text(&writer, &memory), 0);
		memory_free(&memory);
	}
	report(&tally, "with more columns than a block can have");
}

/* --------------------------------------------------------------------- damage */

/* A block in column layout, and what is in it. */
typedef struct Sample
{
	Memory		memory;
	Batch		batch;
	EsPackRow  *rows;
	uint32		count;
	EsSlice		bytes;
} Sample;

static bool
make_sample(Sample *sample, Random *random, BatchKind kind)
{
	EsInflightList inflight = make_inflight(random, random_below(random, 3), 1000);
	EsPackJob	job = {&expectations.shapes, NULL, 0, 1000, RECORDED_AT, &inflight, NULL};
	char	   *data = memory_take(&sample->memory, ES_BLOCK_MAX_SIZE);
	bool		large;
	uint32		size;

	sample->batch = read_batch(&sample->memory, generate_batch(random, &sample->memory, kind, 40), &expectations);
	sample->rows = make_rows(random, &sample->memory, &sample->batch);
	job.rows = sample->rows;
	job.row_count = sample->batch.count;
	if (random_below(random, 2) == 0)
		job.places = make_places(random, &sample->memory, job.row_count);
	if (job.places != NULL)
	{
		job.first_position = job.places[0].position;
		job.recorded_at = job.places[0].recorded_at;
		sample->count = es_block_merge(&packer, &job, data, &size);
	}
	else
		sample->count = es_block_pack(&packer, &job, data, &size, &large);
	sample->bytes = es_slice(data, size);
	return sample->count > 0 && ((EsBlockHeader *) data)->layout != ES_BLOCK_LAYOUT_ROWS;
}

/* What reading a damaged block came to. */
typedef struct Damage
{
	bool		detected;
	bool		wrong;			/* an event came back that is another */
} Damage;

static void
read_damaged(const Sample *sample, EsBlock *block, bool salvaged, Damage *damage)
{
	Memory		memory = {0};
	char	   *strings = memory_take(&memory, ES_BLOCK_HEAD_ROOM);
	char	   *body = memory_take(&memory, es_block_body_room(block));

	if (block->header.event_count != sample->count)
		damage->wrong = true;
	for (uint32 i = 0; i < block->header.event_count && !damage->wrong; i++)
	{
		EsStoredEvent stored;
		const EsEvent *event = sample->rows[i].event;

		if (es_block_read_head(block, i, strings, &stored) != ES_BLOCK_OK)
			damage->detected = true;
		else if (!es_slice_equal(stored.event.entity_id, event->entity_id) ||
				 stored.version != sample->rows[i].version)
			damage->wrong = true;
		else if (salvaged)
			continue;			/* bodies need the header's directory */
		else if (es_block_read_body(block, es_slice(NULL, 0), body, &stored) != ES_BLOCK_OK)
			damage->detected = true;
		else
			damage->wrong |= !events_equal(&stored.event, event);
	}
	memory_free(&memory);
}

static Damage
damage_of(const Sample *sample, EsSlice bytes)
{
	Damage		damage = {0};
	EsBlock		block;

	if (es_block_open(&block, bytes.data, bytes.size) != ES_BLOCK_OK)
		damage.detected = true;
	else
		read_damaged(sample, &block, false, &damage);
	if (es_block_salvage(&block, bytes.data, bytes.size) == ES_BLOCK_OK &&
		es_block_has_columns(&block))
	{
		Damage		salvaged = {0};

		read_damaged(sample, &block, true, &salvaged);
		damage.wrong |= salvaged.wrong;
	}
	return damage;
}

static void
test_every_byte(void)
{
	static const uint8 flips[] = {0x01, 0x80};
	Random		random = {76};
	int			missed = 0;
	int			wrong = 0;
	int			tried = 0;

	begin();
	for (int i = 0; i < 4; i++)
	{
		Sample		sample = {0};

		if (!make_sample(&sample, &random, i % 2 == 0 ? BATCH_UNIFORM : BATCH_MIXED))
			tried = INT_MIN;
		for (uint32 at = 0; at < sample.bytes.size * lengthof(flips); at += 1 + at % 3, tried++)
		{
			Memory		memory = {0};
			EsSlice		copy = memory_copy(&memory, sample.bytes.data, sample.bytes.size);
			Damage		damage;

			unconstify(char *, copy.data)[at / lengthof(flips)] ^= flips[at % lengthof(flips)];
			damage = damage_of(&sample, copy);
			missed += damage.detected != (at / lengthof(flips) >= sizeof(int32));
			wrong += damage.wrong;
			memory_free(&memory);
		}
		memory_free(&sample.memory);
	}
	ok(tried > 0 && missed == 0, "each of %d changed bytes of columns is noticed, %d missed", tried, missed);
	is_int(wrong, 0, "and none makes another event of one");
}

static void
test_every_length(void)
{
	Random		random = {77};
	Sample		sample = {0};
	int			missed = 0;
	int			wrong = 0;

	begin();
	ok(make_sample(&sample, &random, BATCH_UNIFORM), "a block of columns");
	for (uint32 size = 0; size < sample.bytes.size + 8; size++)
	{
		Memory		memory = {0};
		EsSlice		copy = memory_copy(&memory, sample.bytes.data, Min(size, ES_BLOCK_MAX_SIZE));
		Damage		damage = damage_of(&sample, copy);

		missed += copy.size != sample.bytes.size && !damage.detected;
		wrong += damage.wrong;
		memory_free(&memory);
	}
	is_int(missed, 0, "that is shorter or longer is noticed");
	is_int(wrong, 0, "and yields no wrong event");
	memory_free(&sample.memory);
}

int
main(void)
{
	for (int kind = 0; kind < BATCH_KINDS; kind++)
		test_generated(kind);
	test_turns();
	test_damaged();
	test_fill();
	test_changed();
	test_counts();
	test_extremes();
	test_many_columns();
	test_every_byte();
	test_every_length();
	return tap_done();
}
