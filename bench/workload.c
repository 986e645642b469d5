/*
 * workload.c
 *		Make the events of a workload one after another and render them;
 *		workload.h says what they are like.
 *
 * Events are made one after another, because their versions count up; the only
 * state is the random generator and a counter for each entity. Nothing depends
 * on the clock, the machine or the order of threads.
 */
#include "workload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kinds.h"

#define FIRST_DAY_SECONDS	INT64_C(1767225600) /* 2026-01-01 00:00:00 UTC */

/* Entities, as workload.h describes them. */
#define COMMON_ENTITIES			100000
#define COMMON_EVENTS_PER_CENT	80	/* of the common events go to ... */
#define FREQUENT_EVERY			5	/* ... each fifth entity, 20 % */
#define STEADY_ENTITIES			50
#define STEADY_EVENTS_MAX		1000	/* for each steady entity */
#define TEN_ENTITIES_MAX		2000

static const Kind *const kinds[] = {
	&orders_kind, &english_kind, &small_kind, &shapes_kind, &hostile_kind
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
	const Kind *kind;
	Random		random;
	int64_t		events;
	int64_t		next;			/* ordinal of the next event, from 0 */
	Share		steady;
	Share		ten;
	int			ten_entities;
	uint32_t   *versions;		/* last version of each entity */
};

/* Tell the workload with that number, from 0, or NULL. */
const Kind *
kind_number(size_t number)
{
	return number < lengthof(kinds) ? kinds[number] : NULL;
}

/* Find the workload of that name. */
const Kind *
kind_find(const char *name)
{
	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(name, kinds[i]->name) == 0)
			return kinds[i];
	}
	die("there is no workload \"%s\"", name);
}

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

/* Tell how many entities a workload has at most. */
static int
entity_count(const Kind *kind)
{
	if (kind->equal_entities > 0)
		return kind->equal_entities;
	return COMMON_ENTITIES + STEADY_ENTITIES + TEN_ENTITIES_MAX;
}

/* Start a run of that many events. */
Workload *
workload_create(const Kind *kind, int64_t events, uint64_t seed)
{
	Workload   *workload = allocate(sizeof(Workload));

	workload->kind = kind;
	workload->random.state = seed;
	workload->events = events;
	workload->steady.total = STEADY_ENTITIES * steady_events_each(events);
	workload->ten_entities = workload_ten_entities(events);
	workload->ten.total = (int64_t) workload->ten_entities * TEN_EVENTS;
	workload->versions = allocate(sizeof(uint32_t) * entity_count(kind));
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

/* Choose the entity of the next event out of entities that are all alike. */
static void
choose_equal(Workload *workload, Event *event)
{
	event->entity = (int) random_below(&workload->random, workload->kind->equal_entities);
	snprintf(event->entity_id, ENTITY_ID_SIZE, "entity-%d", event->entity);
}

/*
 * Choose the entity of the next event out of the three groups.
 *
 * At most every fourth event is a steady one, so a "ten" event, which looks one
 * event ahead, is put off by one at most and still gets its place in the run.
 */
static void
choose_mixed(Workload *workload, Event *event)
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
		snprintf(event->entity_id, ENTITY_ID_SIZE, "ten-%05d", number + 1);
		event->entity = COMMON_ENTITIES + STEADY_ENTITIES + number;
		return;
	}
	else
		number = choose_common(&workload->random);
	snprintf(event->entity_id, ENTITY_ID_SIZE, "order-%06d", number + 1);
	event->entity = number;
}

/* Draw everything of an event that has nothing to do with its entity. */
void
event_fill(Event *event, Random *random)
{
	event->event_id_random[0] = random_next(random);
	event->event_id_random[1] = random_next(random);
	event->kind->fill(event, random);
}

/* Make the next event; returns false at the end of the run. */
bool
workload_next(Workload *workload, Event *event)
{
	if (workload->next >= workload->events)
		return false;
	event->kind = workload->kind;
	if (workload->kind->equal_entities > 0)
		choose_equal(workload, event);
	else
		choose_mixed(workload, event);
	event->version = ++workload->versions[event->entity];
	event->ordinal = ++workload->next;
	event_fill(event, &workload->random);
	return true;
}

/* Tell when an event occurred, in milliseconds since 1970. */
int64_t
event_unix_ms(const Event *event)
{
	return FIRST_DAY_SECONDS * 1000 + event->ordinal;
}

/* Append the metadata; returns false when events of this kind have none. */
bool
event_render_metadata(const Event *event, Buffer *out)
{
	if (event->kind->render_metadata == NULL)
		return false;
	event->kind->render_metadata(event, out);
	return true;
}

/* Append the time of an event, as RFC 3339 has it. */
static void
event_render_time(const Event *event, Buffer *out)
{
	time_t		seconds = event_unix_ms(event) / 1000;
	struct tm	day;

	gmtime_r(&seconds, &day);
	buffer_format(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
				  day.tm_year + 1900, day.tm_mon + 1, day.tm_mday,
				  day.tm_hour, day.tm_min, day.tm_sec,
				  (int) (event->ordinal % 1000));
}

/* Append the id of an event, a UUIDv7 made of its time and random bits. */
static void
event_render_id(const Event *event, Buffer *out)
{
	uint64_t	ms = (uint64_t) event_unix_ms(event);
	uint64_t	high = event->event_id_random[0];
	uint64_t	low = event->event_id_random[1];

	buffer_format(out, "%08x-%04x-7%03x-%04x-%012" PRIx64,
				  (unsigned) (ms >> 16), (unsigned) (ms & 0xFFFF),
				  (unsigned) (high & 0xFFF), (unsigned) (low >> 50) | 0x8000,
				  low & UINT64_C(0xFFFFFFFFFFFF));
}

/* Append an event as a JSON object, as eventstore takes it. */
void
event_render_json(const Event *event, Buffer *out)
{
	buffer_format(out, "{\"entity_id\":\"%s\",\"event_type\":\"%s\",",
				  event->entity_id, event->event_type);
	if (event->kind->timed)
	{
		buffer_string(out, "\"occurred_at\":\"");
		event_render_time(event, out);
		buffer_string(out, "\",");
	}
	buffer_string(out, "\"payload\":");
	event->kind->render_payload(event, out);
	if (event->kind->render_metadata != NULL)
		buffer_string(out, ",\"metadata\":");
	event_render_metadata(event, out);
	buffer_append(out, "}", 1);
}

/* Append an event as a line of NDJSON. */
void
event_render_ndjson(const Event *event, Buffer *out)
{
	event_render_json(event, out);
	buffer_append(out, "\n", 1);
}

/* Append text as COPY takes it, in which backslashes are special. */
static void
append_escaped(Buffer *out, const char *text)
{
	for (;;)
	{
		size_t		plain = strcspn(text, "\\");

		buffer_append(out, text, plain);
		if (text[plain] == '\0')
			return;
		buffer_append(out, "\\\\", 2);
		text += plain + 1;
	}
}

/*
 * Append an event as a row for COPY in text format: event_id, entity_id,
 * version, event_type, payload, metadata. Nothing but backslashes needs to be
 * escaped; see Kind.
 */
void
event_render_row(const Event *event, Buffer *out)
{
	Buffer		json = {.length = 0};

	event_render_id(event, out);
	buffer_format(out, "\t%s\t%" PRId64 "\t%s\t",
				  event->entity_id, event->version, event->event_type);
	event->kind->render_payload(event, &json);
	append_escaped(out, json.data);
	buffer_append(out, "\t", 1);
	json.length = 0;
	if (event_render_metadata(event, &json))
		append_escaped(out, json.data);
	else
		buffer_string(out, "\\N");
	buffer_append(out, "\n", 1);
	buffer_free(&json);
}
