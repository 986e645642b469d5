/*
 * micro_parts.c
 *		The measurements of bench/micro: what is done in each, and to how many
 *		events and bytes. A new one is a function and a line in measurements[].
 */
#include "micro.h"

#include <string.h>

#define RANDOM_READS		20000
#define RANDOM_EVENTS		20000	/* among the first ones */
#define HOT_BLOCKS			64	/* one after the other */
#define HOT_REPEATS			10

/* Written to, so that the compiler can't leave anything out. */
static volatile uint64_t result_sum;

/* Where events are read to. */
static char strings[ES_BLOCK_HEAD_ROOM];
static char body[ES_BLOCK_MAX_BODY_ROOM];

/* ------------------------------------------------------------------- steps */

/* Go over each batch. */
static int64_t
each_batch(const Data *data)
{
	return data->batch_count;
}

/* Go over everything in one go. */
static int64_t
once(const Data *data)
{
	(void) data;
	return 1;
}

/* Go over some blocks out of all. */
static int64_t
each_hot_block(const Data *data)
{
	return Min(data->block_count, HOT_BLOCKS);
}

/* ----------------------------------------------------------------- writing */

/* The yardstick: read every byte of the text. */
static void
read_text(Data *data, int64_t batch, Tally *tally)
{
	const Buffer *text = &data->batches[batch];
	const char *p = text->data;
	const char *end = p + text->length;
	uint64_t	sums[4] = {0};
	uint64_t	words[lengthof(sums)];

	for (; end - p >= (ptrdiff_t) sizeof(words); p += sizeof(words))
	{
		memcpy(words, p, sizeof(words));
		for (size_t w = 0; w < lengthof(sums); w++)
			sums[w] += words[w];
	}
	while (p < end)
		sums[0] += (unsigned char) *p++;
	result_sum += sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
	tally->events += Min(data->batch_events, data->event_count - batch * data->batch_events);
	tally->bytes += text->length;
}

/* Find the fields of all events. */
static void
scan(Data *data, int64_t batch, Tally *tally)
{
	data_parse(data, batch);
	tally->events += data->row_count;
	tally->bytes += data->batches[batch].length;
}

/* Prepare a batch for packing. */
static void
parse(Data *data, int64_t batch)
{
	data_parse(data, batch);
	data_number_events(data);
}

/* Make blocks of a batch that is parsed. */
static void
pack(Data *data, int64_t batch, Tally *tally)
{
	static char block[ES_BLOCK_MAX_SIZE];
	uint32		size;
	bool		large;

	(void) batch;
	for (uint32 next_row = 0; next_row < data->row_count; tally->blocks++)
	{
		next_row += data_pack(data, next_row, block, &size, &large);
		tally->bytes += size;
	}
	tally->events += data->row_count;
}

/* Make blocks in row layout of a batch that is parsed. */
static void
pack_rows(Data *data, int64_t batch, Tally *tally)
{
	static char block[ES_BLOCK_MAX_SIZE];
	uint32		size;

	(void) batch;
	for (uint32 next_row = 0; next_row < data->row_count; tally->blocks++)
	{
		next_row += data_pack_rows(data, next_row, block, &size);
		tally->bytes += size;
	}
	tally->events += data->row_count;
}

/* ----------------------------------------------------------------- reading */

/* Count an event that was read whole: the bytes are those of its JSON. */
static void
count_event(const EsStoredEvent *event, Tally *tally)
{
	tally->events++;
	tally->bytes += event->event.payload.size + event->event.metadata.size;
}

/* Read the heads of all events, as building the index does. */
static void
read_heads(Data *data, int64_t step, Tally *tally)
{
	EsBlock		block;
	EsStoredEvent event;

	(void) step;
	for (size_t b = 0; b < data->block_count; b++)
	{
		block_open(&data->blocks[b], &block);
		for (uint32 i = 0; i < data->blocks[b].event_count; i++)
			block_read_head(&block, i, strings, &event);
		tally->events += data->blocks[b].event_count;
	}
}

/* Read all events in their order, as reading the log does. */
static void
read_events(Data *data, int64_t step, Tally *tally)
{
	EsBlock		block;
	EsStoredEvent event;

	(void) step;
	for (size_t b = 0; b < data->block_count; b++)
	{
		block_open(&data->blocks[b], &block);
		for (uint32 i = 0; i < data->blocks[b].event_count; i++)
		{
			block_read_head(&block, i, strings, &event);
			block_read_body(&data->blocks[b], &block, body, &event);
			count_event(&event, tally);
		}
	}
}

/* Where an event is. */
typedef struct Place
{
	const StoredBlock *stored;
	uint32		ordinal;
} Place;

static Place places[RANDOM_READS];

/* Touch all bytes of a block. */
static void
warm_block(const StoredBlock *stored)
{
	uint64_t	sum = 0;

	for (uint32 i = 0; i < stored->size; i++)
		sum += (unsigned char) stored->data[i];
	for (size_t i = 0; i < stored->large_size; i++)
		sum += (unsigned char) stored->large[i];
	result_sum += sum;
}

/*
 * Draw events out of the first RANDOM_EVENTS ones, and have their blocks in the
 * processor's caches.
 */
static void
draw_events(Data *data, int64_t step)
{
	static Place all[RANDOM_EVENTS];
	Random		random = {.state = data->seed};
	uint32		count = 0;

	(void) step;
	for (size_t b = 0; b < data->block_count && count < RANDOM_EVENTS; b++)
	{
		const StoredBlock *stored = &data->blocks[b];

		for (uint32 i = 0; i < stored->event_count && count < RANDOM_EVENTS; i++)
		{
			all[count].stored = stored;
			all[count++].ordinal = i;
		}
		warm_block(stored);
	}
	for (int i = 0; i < RANDOM_READS; i++)
		places[i] = all[random_below(&random, count)];
}

/* Read single events, each of another block, as reading an entity does. */
static void
read_at_random(Data *data, int64_t step, Tally *tally)
{
	EsBlock		block;
	EsStoredEvent event;

	(void) data;
	(void) step;
	for (int i = 0; i < RANDOM_READS; i++)
	{
		block_open(places[i].stored, &block);
		block_read_head(&block, places[i].ordinal, strings, &event);
		block_read_body(places[i].stored, &block, body, &event);
		count_event(&event, tally);
	}
}

/* A block that is open, and its events. */
static const StoredBlock *hot_stored;
static EsBlock hot_block;
static EsStoredEvent hot_events[ES_BLOCK_MAX_EVENTS];
static char hot_strings[ES_BLOCK_MAX_EVENTS][ES_BLOCK_HEAD_ROOM];

/* Open a block and read all of it. */
static void
open_hot_block(Data *data, int64_t step)
{
	hot_stored = &data->blocks[data->block_count * step / each_hot_block(data)];
	block_open(hot_stored, &hot_block);
	for (uint32 i = 0; i < hot_stored->event_count; i++)
	{
		block_read_head(&hot_block, i, hot_strings[i], &hot_events[i]);
		block_read_body(hot_stored, &hot_block, body, &hot_events[i]);
	}
}

/* Put together the JSON of its events, again and again. */
static void
read_hot(Data *data, int64_t step, Tally *tally)
{
	(void) data;
	(void) step;
	for (int repeat = 0; repeat < HOT_REPEATS; repeat++)
	{
		for (uint32 i = 0; i < hot_stored->event_count; i++)
		{
			block_read_body(hot_stored, &hot_block, body, &hot_events[i]);
			count_event(&hot_events[i], tally);
		}
	}
}

/* ------------------------------------------------------------ all of them */

static const Measurement measurements[] = {
	{"read the text", each_batch, NULL, read_text},
	{"scan", each_batch, NULL, scan},
	{"pack", each_batch, parse, pack},
	{"pack as rows", each_batch, parse, pack_rows},
	{"read heads", once, NULL, read_heads},
	{"read events", once, NULL, read_events},
	{"read one, at random", once, draw_events, read_at_random},
	{"one event's JSON, hot", each_hot_block, open_hot_block, read_hot}
};

StaticAssertDecl(lengthof(measurements) <= MEASUREMENTS_MAX, "there is room for the results");

/* Tell the measurement with that number, from 0, or NULL. */
const Measurement *
measurement_number(size_t number)
{
	return number < lengthof(measurements) ? &measurements[number] : NULL;
}
