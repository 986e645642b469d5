/*
 * workload.h
 *		The events of the benchmark: the same ones for the same workload, seed
 *		and count.
 *
 * Events are 1 ms apart. A run of N events has three groups of entities, unless
 * the workload says otherwise:
 *
 *	- 100,000 common ones; 80 % of their events go to 20 % of them;
 *	- 50 steady ones with exactly 1,000 events each, spread evenly over the run
 *	  (fewer each when N is below 200,000);
 *	- 2,000 "ten-..." ones with exactly 10 events each, dealt round-robin and
 *	  spread evenly over the run, so that the 10 events of one lie N / 10 apart
 *	  (fewer entities when N is below 200,000). These are read back.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "support.h"

#define TEN_EVENTS				10	/* for each "ten" entity */
#define NOTE_WORDS_MAX			17
#define ENTITY_ID_SIZE			48

/* A splitmix64 generator: 64 bits of state, any seed will do. */
typedef struct Random
{
	uint64_t	state;
} Random;

/* What an order's event says. Small numbers stand for words; see orders.c. */
typedef struct Order
{
	uint64_t	correlation_id;
	int			customer;
	int			amount_cents;
	int			currency;
	int			status;
	int			quantity;
	int			source;
	int			note_count;
	uint8_t		note_words[NOTE_WORDS_MAX];
} Order;

struct Event;

/* A workload: what its events are like. Each has a file of its own. */
typedef struct Kind
{
	const char *name;
	const char *help;
	int			equal_entities; /* "entity-N", all alike; 0: see above */
	bool		timed;			/* events say when they occurred */

	/* Draw what the event says. */
	void		(*fill) (struct Event *event, Random *random);

	/* Append a JSON value. No tab or line feed may be in it. */
	void		(*render_payload) (const struct Event *event, Buffer *out);
	void		(*render_metadata) (const struct Event *event, Buffer *out);	/* or NULL */
} Kind;

typedef struct Event
{
	const Kind *kind;
	char		entity_id[ENTITY_ID_SIZE];
	int			entity;			/* its number, from 0 */
	int64_t		version;
	int64_t		ordinal;		/* in the run, from 1 */
	const char *event_type;
	uint64_t	event_id_random[2];
	uint64_t	seed;			/* of what is drawn while rendering */
	Order		order;			/* of workloads about orders */
} Event;

typedef struct Workload Workload;

extern uint64_t random_next(Random *random);
extern uint32_t random_below(Random *random, uint32_t limit);

extern const Kind *kind_find(const char *name);
extern const Kind *kind_number(size_t number);

extern Workload *workload_create(const Kind *kind, int64_t events, uint64_t seed);
extern bool workload_next(Workload *workload, Event *event);
extern void workload_free(Workload *workload);
extern int	workload_ten_entities(int64_t events);

extern void event_fill(Event *event, Random *random);
extern int64_t event_unix_ms(const Event *event);
extern bool event_render_metadata(const Event *event, Buffer *out);
extern void event_render_json(const Event *event, Buffer *out);
extern void event_render_ndjson(const Event *event, Buffer *out);
extern void event_render_row(const Event *event, Buffer *out);

#endif							/* BENCH_WORKLOAD_H */
