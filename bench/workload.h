/*
 * workload.h
 *		The events of the benchmark: the same ones for the same seed and count.
 *
 * The workload is a log of orders. A run of N events has three groups of
 * entities:
 *
 *	- 100,000 common ones; 80 % of their events go to 20 % of them;
 *	- 50 steady ones with exactly 1,000 events each, spread evenly over the run
 *	  (fewer each when N is below 200,000);
 *	- 2,000 "ten-..." ones with exactly 10 events each, dealt round-robin and
 *	  spread evenly over the run, so that the 10 events of one lie N / 10 apart
 *	  (fewer entities when N is below 200,000). These are read back.
 *
 * Events are 1 ms apart. A payload has 7 fields and about 200 bytes of JSON, the
 * metadata 2 fields and about 55 bytes.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "support.h"

#define COMMON_ENTITIES			100000
#define STEADY_ENTITIES			50
#define STEADY_EVENTS_MAX		1000	/* for each steady entity */
#define TEN_ENTITIES_MAX		2000
#define TEN_EVENTS				10	/* for each "ten" entity */

#define NOTE_WORDS_MAX			17
#define ENTITY_ID_SIZE			48

/* A splitmix64 generator: 64 bits of state, any seed will do. */
typedef struct Random
{
	uint64_t	state;
} Random;

/* One event. Small numbers stand for words; rendering looks them up. */
typedef struct Event
{
	char		entity_id[ENTITY_ID_SIZE];
	int64_t		version;
	int64_t		occurred_at_ms; /* since the workload's first day */
	uint64_t	event_id_random[2];
	uint64_t	correlation_id;
	int			event_type;
	int			customer;
	int			amount_cents;
	int			currency;
	int			status;
	int			quantity;
	int			source;
	int			note_count;
	uint8_t		note_words[NOTE_WORDS_MAX];
} Event;

typedef struct Workload Workload;

extern uint64_t random_next(Random *random);
extern uint32_t random_below(Random *random, uint32_t limit);

extern Workload *workload_create(int64_t events, uint64_t seed);
extern bool workload_next(Workload *workload, Event *event);
extern void workload_free(Workload *workload);
extern int	workload_ten_entities(int64_t events);

extern void event_fill(Event *event, Random *random);
extern const char *event_type_name(const Event *event);
extern void event_render_payload(const Event *event, Buffer *out);
extern void event_render_metadata(const Event *event, Buffer *out);
extern void event_render_ndjson(const Event *event, Buffer *out);
extern void event_render_row(const Event *event, Buffer *out);

#endif							/* BENCH_WORKLOAD_H */
