/*
 * workload.c
 *		Make the events of the benchmark; workload.h says what they are like.
 *
 * Events are made one after another, because their versions count up; the only
 * state is the random generator and a counter for each entity. Nothing depends
 * on the clock, the machine or the order of threads.
 */
#include "workload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FIRST_DAY_SECONDS	INT64_C(1767225600) /* 2026-01-01 00:00:00 UTC */
#define CUSTOMERS			50000
#define AMOUNT_MAX_CENTS	100000
#define QUANTITY_MAX		20
#define NOTE_WORDS_MIN		8
#define REFUNDED_PER_CENT	1

#define COMMON_EVENTS_PER_CENT	80	/* of the common events go to ... */
#define FREQUENT_EVERY			5	/* ... each fifth entity, 20 % */

static const char *const event_types[] = {
	"order.placed", "order.confirmed", "order.paid", "order.packed",
	"order.shipped", "order.delivered", "order.returned", "order.cancelled",
	"order.item.added", "order.item.removed", "order.note.added",
	"order.address.changed", "order.invoice.sent", "order.refund.requested",
	"order.refund.paid", "payment.authorized", "payment.captured",
	"payment.failed", "stock.reserved", "stock.released"
};

static const char *const currencies[] = {"EUR", "USD", "GBP", "CHF", "SEK"};

/* The first is the rare one. */
static const char *const statuses[] = {"refunded", "new", "paid", "shipped", "delivered"};

static const char *const sources[] = {"web", "app", "shop", "partner"};

static const char *const words[64] = {
	"please", "leave", "parcel", "with", "the", "friendly", "neighbour", "if",
	"nobody", "opens", "door", "ring", "bell", "twice", "and", "wait",
	"a", "moment", "before", "going", "to", "side", "gate", "behind",
	"house", "customer", "asked", "for", "gift", "wrapping", "blue", "paper",
	"card", "says", "happy", "birthday", "from", "all", "of", "us",
	"deliver", "after", "six", "on", "weekdays", "only", "fragile", "handle",
	"gently", "keep", "dry", "cold", "store", "upright", "call", "driver",
	"when", "late", "second", "attempt", "failed", "address", "was", "wrong"
};

/*
 * Entities are numbered group after group: common, steady, ten. A group whose
 * events are spread evenly has a total and a count of what it got so far.
 */
typedef struct Share
{
	int64_t		total;
	int64_t		done;
} Share;

struct Workload
{
	Random		random;
	int64_t		events;
	int64_t		next;			/* ordinal of the next event, from 0 */
	Share		steady;
	Share		ten;
	int			ten_entities;
	uint32_t   *versions;		/* last version of each entity */
};

/* Draw 64 random bits (splitmix64). */
uint64_t
random_next(Random *random)
{
	uint64_t	bits;

	random->state += UINT64_C(0x9E3779B97F4A7C15);
	bits = random->state;
	bits = (bits ^ (bits >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	bits = (bits ^ (bits >> 27)) * UINT64_C(0x94D049BB133111EB);
	return bits ^ (bits >> 31);
}

/* Draw a number from 0 to limit - 1. */
uint32_t
random_below(Random *random, uint32_t limit)
{
	return (uint32_t) (((random_next(random) >> 32) * limit) >> 32);
}

/* Tell how many "ten" entities a run of that many events has. */
int
workload_ten_entities(int64_t events)
{
	int64_t		entities = events / (10 * TEN_EVENTS);

	return (int) (entities < TEN_ENTITIES_MAX ? entities : TEN_ENTITIES_MAX);
}

/* Tell how many events each steady entity gets in a run: a quarter in all. */
static int64_t
steady_events_each(int64_t events)
{
	int64_t		each = events / (4 * STEADY_ENTITIES);

	return each < STEADY_EVENTS_MAX ? each : STEADY_EVENTS_MAX;
}

/* Start a run of that many events. */
Workload *
workload_create(int64_t events, uint64_t seed)
{
	Workload   *workload = allocate(sizeof(Workload));

	workload->random.state = seed;
	workload->events = events;
	workload->steady.total = STEADY_ENTITIES * steady_events_each(events);
	workload->ten_entities = workload_ten_entities(events);
	workload->ten.total = (int64_t) workload->ten_entities * TEN_EVENTS;
	workload->versions = allocate(sizeof(uint32_t) *
								  (COMMON_ENTITIES + STEADY_ENTITIES + TEN_ENTITIES_MAX));
	return workload;
}

/* End a run. */
void
workload_free(Workload *workload)
{
	free(workload->versions);
	free(workload);
}

/* Is the group behind its even share, once so many of all events are made? */
static bool
share_is_due(const Share *share, int64_t made, int64_t events)
{
	return share->done < share->total * made / events;
}

/* Choose one of the common entities, with the skew. */
static int
choose_common(Random *random)
{
	int			group = (int) random_below(random, COMMON_ENTITIES / FREQUENT_EVERY);

	if (random_below(random, 100) < COMMON_EVENTS_PER_CENT)
		return group * FREQUENT_EVERY;
	return group * FREQUENT_EVERY + 1 + (int) random_below(random, FREQUENT_EVERY - 1);
}

/*
 * Choose the entity of the next event and write its name; returns its number.
 *
 * At most every fourth event is a steady one, so a "ten" event, which looks one
 * event ahead, is put off by one at most and still gets its place in the run.
 */
static int
choose_entity(Workload *workload, char *entity_id)
{
	Share	   *steady = &workload->steady;
	Share	   *ten = &workload->ten;
	int64_t		ahead = workload->next + 2;
	int			number;

	if (ahead > workload->events)
		ahead = workload->events;
	if (share_is_due(steady, workload->next + 1, workload->events))
		number = COMMON_ENTITIES + (int) (steady->done++ % STEADY_ENTITIES);
	else if (share_is_due(ten, ahead, workload->events))
	{
		number = (int) (ten->done++ % workload->ten_entities);
		snprintf(entity_id, ENTITY_ID_SIZE, "ten-%05d", number + 1);
		return COMMON_ENTITIES + STEADY_ENTITIES + number;
	}
	else
		number = choose_common(&workload->random);
	snprintf(entity_id, ENTITY_ID_SIZE, "order-%06d", number + 1);
	return number;
}

/* Draw everything of an event that has nothing to do with its entity. */
void
event_fill(Event *event, Random *random)
{
	event->event_id_random[0] = random_next(random);
	event->event_id_random[1] = random_next(random);
	event->correlation_id = random_next(random);
	event->event_type = (int) random_below(random, lengthof(event_types));
	event->customer = (int) random_below(random, CUSTOMERS);
	event->amount_cents = 1 + (int) random_below(random, AMOUNT_MAX_CENTS);
	event->currency = (int) random_below(random, lengthof(currencies));
	event->status = 0;
	if (random_below(random, 100) >= REFUNDED_PER_CENT)
		event->status = 1 + (int) random_below(random, lengthof(statuses) - 1);
	event->quantity = 1 + (int) random_below(random, QUANTITY_MAX);
	event->source = (int) random_below(random, lengthof(sources));
	event->note_count = NOTE_WORDS_MIN +
		(int) random_below(random, NOTE_WORDS_MAX - NOTE_WORDS_MIN + 1);
	for (int i = 0; i < event->note_count; i++)
		event->note_words[i] = (uint8_t) random_below(random, lengthof(words));
}

/* Make the next event; returns false at the end of the run. */
bool
workload_next(Workload *workload, Event *event)
{
	int			entity;

	if (workload->next >= workload->events)
		return false;
	entity = choose_entity(workload, event->entity_id);
	event->version = ++workload->versions[entity];
	event->occurred_at_ms = ++workload->next;
	event_fill(event, &workload->random);
	return true;
}

/* Tell the name of an event's type. */
const char *
event_type_name(const Event *event)
{
	return event_types[event->event_type];
}

/* Append a payload, a JSON object. */
void
event_render_payload(const Event *event, Buffer *out)
{
	buffer_format(out, "{\"order_id\":\"%s\",\"customer\":\"customer-%05d\",\"amount\":%d.%02d,",
				  event->entity_id, event->customer,
				  event->amount_cents / 100, event->amount_cents % 100);
	buffer_format(out, "\"currency\":\"%s\",\"status\":\"%s\",\"quantity\":%d,\"note\":\"",
				  currencies[event->currency], statuses[event->status], event->quantity);
	for (int i = 0; i < event->note_count; i++)
	{
		if (i > 0)
			buffer_append(out, " ", 1);
		buffer_string(out, words[event->note_words[i]]);
	}
	buffer_append(out, "\"}", 2);
}

/* Append the metadata, a JSON object. */
void
event_render_metadata(const Event *event, Buffer *out)
{
	buffer_format(out, "{\"correlation_id\":\"%016" PRIx64 "\",\"source\":\"%s\"}",
				  event->correlation_id, sources[event->source]);
}

/* Append the time of an event, as RFC 3339 has it. */
static void
event_render_time(const Event *event, Buffer *out)
{
	time_t		seconds = FIRST_DAY_SECONDS + event->occurred_at_ms / 1000;
	struct tm	day;

	gmtime_r(&seconds, &day);
	buffer_format(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
				  day.tm_year + 1900, day.tm_mon + 1, day.tm_mday,
				  day.tm_hour, day.tm_min, day.tm_sec,
				  (int) (event->occurred_at_ms % 1000));
}

/* Append the id of an event, a UUIDv7 made of its time and random bits. */
static void
event_render_id(const Event *event, Buffer *out)
{
	uint64_t	ms = (uint64_t) (FIRST_DAY_SECONDS * 1000 + event->occurred_at_ms);
	uint64_t	high = event->event_id_random[0];
	uint64_t	low = event->event_id_random[1];

	buffer_format(out, "%08x-%04x-7%03x-%04x-%012" PRIx64,
				  (unsigned) (ms >> 16), (unsigned) (ms & 0xFFFF),
				  (unsigned) (high & 0xFFF), (unsigned) (low >> 50) | 0x8000,
				  low & UINT64_C(0xFFFFFFFFFFFF));
}

/* Append an event as a line of NDJSON, as eventstore.ingest_batch takes it. */
void
event_render_ndjson(const Event *event, Buffer *out)
{
	buffer_format(out, "{\"entity_id\":\"%s\",\"event_type\":\"%s\",\"occurred_at\":\"",
				  event->entity_id, event_type_name(event));
	event_render_time(event, out);
	buffer_string(out, "\",\"payload\":");
	event_render_payload(event, out);
	buffer_string(out, ",\"metadata\":");
	event_render_metadata(event, out);
	buffer_append(out, "}\n", 2);
}

/*
 * Append an event as a row for COPY in text format: event_id, entity_id,
 * version, event_type, payload, metadata. Nothing in a workload has a
 * backslash, a tab or a line feed, so nothing needs to be escaped.
 */
void
event_render_row(const Event *event, Buffer *out)
{
	event_render_id(event, out);
	buffer_format(out, "\t%s\t%" PRId64 "\t%s\t",
				  event->entity_id, event->version, event_type_name(event));
	event_render_payload(event, out);
	buffer_append(out, "\t", 1);
	event_render_metadata(event, out);
	buffer_append(out, "\n", 1);
}
