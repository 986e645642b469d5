/*
 * single.c
 *		Subcommands "single-append" and "single-insert": one event for each
 *		transaction, as an application writes them.
 *
 * Each client has entities of its own, so no client waits for another, and
 * counts their versions: the plain table is given them, eventstore's answer is
 * compared with them. Payloads are rendered before the clock starts and used
 * again in turn.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "crew.h"
#include "workload.h"

#define OWN_ENTITIES	200		/* of each client */
#define OWN_EVENTS		2000	/* of each client, OWN_ENTITIES times n */
#define PARAMETERS_MAX	5

#define APPEND_SQL \
	"SELECT * FROM eventstore.append($1, $2, $3::jsonb, $4::jsonb)"

/* The server makes the event_id on both sides. */
#define INSERT_SQL \
	"INSERT INTO bench_plain (event_id, entity_id, event_type, payload, metadata, version) " \
	"VALUES (gen_random_uuid(), $1, $2, $3::jsonb, $4::jsonb, $5::bigint)"

typedef struct OwnEvent
{
	char		entity_id[ENTITY_ID_SIZE];
	const char *event_type;
	Buffer		payload;
	Buffer		metadata;
} OwnEvent;

/* One client's events, and what it measured. */
typedef struct Writer
{
	OwnEvent   *events;
	Samples		latencies_ms;
} Writer;

typedef struct Single
{
	const char *sql;
	bool		returns_version;	/* of the event: eventstore does */
	double		seconds;
	Writer	   *writers;
} Single;

/* Render the events of one client. */
static void
writer_render(Writer *writer, int client, uint64_t seed)
{
	const Kind *kind = kind_find("orders");
	Random		random = {.state = seed + (uint64_t) client};

	writer->events = allocate(OWN_EVENTS * sizeof(OwnEvent));
	for (int i = 0; i < OWN_EVENTS; i++)
	{
		OwnEvent   *own = &writer->events[i];
		Event		event = {.kind = kind};

		/* The process's number makes the names new in each run. */
		snprintf(event.entity_id, ENTITY_ID_SIZE, "single-%d-%d-%03d",
				 (int) getpid(), client, i % OWN_ENTITIES);
		snprintf(own->entity_id, ENTITY_ID_SIZE, "%s", event.entity_id);
		event_fill(&event, &random);
		own->event_type = event.event_type;
		kind->render_payload(&event, &own->payload);
		event_render_metadata(&event, &own->metadata);
	}
}

/* Free the events of one client and what it measured. */
static void
writer_free(Writer *writer)
{
	for (int i = 0; i < OWN_EVENTS; i++)
	{
		buffer_free(&writer->events[i].payload);
		buffer_free(&writer->events[i].metadata);
	}
	free(writer->events);
	samples_free(&writer->latencies_ms);
}

/* Write one event in its own transaction, as that version of its entity. */
static void
write_event(PGconn *conn, const Single *single, const OwnEvent *own, int64_t version)
{
	char		version_text[24];
	const char *values[PARAMETERS_MAX] = {
		own->entity_id, own->event_type, own->payload.data, own->metadata.data, version_text
	};
	int			count = single->returns_version ? PARAMETERS_MAX - 1 : PARAMETERS_MAX;
	PGresult   *result;

	snprintf(version_text, sizeof(version_text), "%" PRId64, version);
	result = PQexecPrepared(conn, "write", count, values, NULL, NULL, 0);
	if (!single->returns_version)
		db_expect(conn, result, PGRES_COMMAND_OK);
	else if (db_field(conn, result, "version") != (double) version)
		die("append did not give version %" PRId64 " of %s", version, own->entity_id);
}

/* Prepare a client. */
static void
single_prepare(PGconn *conn, void *shared)
{
	Single	   *single = shared;

	db_prepare(conn, "write", single->sql);
}

/* Write events until the time is over. */
static void
single_work(PGconn *conn, int client, void *shared)
{
	Single	   *single = shared;
	Writer	   *writer = &single->writers[client];
	double		now = clock_seconds();
	double		end = now + single->seconds;

	for (int64_t i = 0; now < end; i++)
	{
		double		before = now;

		write_event(conn, single, &writer->events[i % OWN_EVENTS], i / OWN_ENTITIES + 1);
		now = clock_seconds();
		samples_add(&writer->latencies_ms, (now - before) * 1e3);
	}
}

/* Let the clients write to one side and report. */
static void
single_run(Single *single, const Options *options)
{
	int			clients = (int) options->clients;
	Crew		crew = {
		.clients = clients,
		.prepare = single_prepare,
		.work = single_work,
		.shared = single
	};
	Samples		latencies_ms = {.count = 0};
	double		seconds;

	single->seconds = (double) options->seconds;
	single->writers = allocate(clients * sizeof(Writer));
	for (int i = 0; i < clients; i++)
		writer_render(&single->writers[i], i, options->seed);
	seconds = crew_run(&crew);
	for (int i = 0; i < clients; i++)
	{
		samples_add_all(&latencies_ms, &single->writers[i].latencies_ms);
		writer_free(&single->writers[i]);
	}
	free(single->writers);
	report("commits_per_second", (double) latencies_ms.count / seconds);
	report("median_ms", samples_percentile(&latencies_ms, 50));
	report("p99_ms", samples_percentile(&latencies_ms, 99));
	samples_free(&latencies_ms);
}

/* Subcommand "single-append". */
void
single_append(const Options *options)
{
	Single		single = {
		.sql = APPEND_SQL,
		.returns_version = true
	};

	single_run(&single, options);
}

/* Subcommand "single-insert". */
void
single_insert(const Options *options)
{
	Single		single = {
		.sql = INSERT_SQL,
		.returns_version = false
	};

	single_run(&single, options);
}
