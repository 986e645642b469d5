/*
 * bulk.c
 *		Subcommands "ingest" and "copy": load the workload in batches, each batch
 *		one transaction.
 *
 * All batches are rendered before the clock starts and lie in memory, for both
 * sides alike. The clients take the next batch that nobody has taken yet.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "commands.h"
#include "crew.h"
#include "workload.h"

/* COPY data goes out in pieces of this size, so that both ends work at once. */
#define COPY_PIECE_BYTES 65536

#define COPY_SQL \
	"COPY bench_plain (event_id, entity_id, version, event_type, payload, metadata) FROM STDIN"

typedef struct Batch
{
	Buffer		text;
	int64_t		events;
} Batch;

/* How one side renders an event and stores a batch. */
typedef struct Side
{
	void		(*render) (const Event *event, Buffer *out);
	void		(*prepare) (PGconn *conn);
	void		(*store) (PGconn *conn, const Batch *batch);
} Side;

typedef struct Bulk
{
	const Side *side;
	Batch	   *batches;
	int64_t		count;
	_Atomic		int64_t next;	/* the next batch to take */
} Bulk;

/* Render the whole workload. */
static void
bulk_render(Bulk *bulk, const Options *options)
{
	Workload   *workload = workload_create(options->events, options->seed);
	Event		event;

	bulk->count = (options->events + options->batch - 1) / options->batch;
	bulk->batches = allocate(bulk->count * sizeof(Batch));
	for (int64_t i = 0; workload_next(workload, &event); i++)
	{
		Batch	   *batch = &bulk->batches[i / options->batch];

		bulk->side->render(&event, &batch->text);
		batch->events++;
	}
	workload_free(workload);
}

/* Free the rendered workload. */
static void
bulk_free(Bulk *bulk)
{
	for (int64_t i = 0; i < bulk->count; i++)
		buffer_free(&bulk->batches[i].text);
	free(bulk->batches);
}

/* Prepare a client. */
static void
bulk_prepare(PGconn *conn, void *shared)
{
	Bulk	   *bulk = shared;

	bulk->side->prepare(conn);
}

/* Store batches until none is left. */
static void
bulk_work(PGconn *conn, int client, void *shared)
{
	Bulk	   *bulk = shared;
	int64_t		next;

	(void) client;
	while ((next = atomic_fetch_add(&bulk->next, 1)) < bulk->count)
		bulk->side->store(conn, &bulk->batches[next]);
}

/* Load the workload into one side and report. */
static void
bulk_run(const Side *side, const Options *options)
{
	Bulk		bulk = {.side = side};
	Crew		crew = {
		.clients = (int) options->clients,
		.prepare = bulk_prepare,
		.work = bulk_work,
		.shared = &bulk
	};
	PGconn	   *conn = db_connect();
	double		wal_bytes;
	double		seconds;

	bulk_render(&bulk, options);
	wal_bytes = db_wal_bytes(conn);
	seconds = crew_run(&crew);
	wal_bytes = db_wal_bytes(conn) - wal_bytes;
	report("seconds", seconds);
	report("events_per_second", (double) options->events / seconds);
	report("wal_bytes_per_event", wal_bytes / (double) options->events);
	PQfinish(conn);
	bulk_free(&bulk);
}

/* Prepare the statement that ingests a batch. */
static void
ingest_prepare(PGconn *conn)
{
	db_prepare(conn, "ingest", "SELECT * FROM eventstore.ingest_batch($1::text)");
}

/* Ingest a batch, and check that every event of it is new and stored. */
static void
ingest_store(PGconn *conn, const Batch *batch)
{
	const char *values[] = {batch->text.data};
	PGresult   *result = PQexecPrepared(conn, "ingest", 1, values, NULL, NULL, 0);

	if (db_field(conn, result, "ingested") != (double) batch->events)
		die("ingest_batch did not store all events of a batch");
}

/* COPY needs no preparation. */
static void
copy_prepare(PGconn *conn)
{
	(void) conn;
}

/* Store a batch with COPY. */
static void
copy_store(PGconn *conn, const Batch *batch)
{
	PGresult   *result;

	db_expect(conn, PQexec(conn, COPY_SQL), PGRES_COPY_IN);
	for (size_t sent = 0; sent < batch->text.length; sent += COPY_PIECE_BYTES)
	{
		size_t		left = batch->text.length - sent;
		size_t		piece = left < COPY_PIECE_BYTES ? left : COPY_PIECE_BYTES;

		if (PQputCopyData(conn, batch->text.data + sent, (int) piece) != 1)
			die("%s", PQerrorMessage(conn));
	}
	if (PQputCopyEnd(conn, NULL) != 1)
		die("%s", PQerrorMessage(conn));
	result = PQgetResult(conn);
	if (atoll(PQcmdTuples(result)) != batch->events)
		die("COPY did not store all rows of a batch: %s", PQerrorMessage(conn));
	db_expect(conn, result, PGRES_COMMAND_OK);
	if (PQgetResult(conn) != NULL)
		die("COPY did not end");
}

/* Subcommand "ingest". */
void
bulk_ingest(const Options *options)
{
	static const Side side = {event_render_ndjson, ingest_prepare, ingest_store};

	bulk_run(&side, options);
}

/* Subcommand "copy". */
void
bulk_copy(const Options *options)
{
	static const Side side = {event_render_row, copy_prepare, copy_store};

	bulk_run(&side, options);
}
