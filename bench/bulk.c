/*
 * bulk.c
 *		Subcommands "ingest" and "copy": load a workload in batches, each batch
 *		one transaction.
 *
 * Each client has a lane: the events of its own share of the entities, in their
 * order. So no client waits for an entity that another one is writing to, and
 * the versions of an entity are stored in their order. All batches are rendered
 * before the clock starts and lie in memory, for both sides alike.
 */
#include <stdlib.h>

#include "commands.h"
#include "crew.h"
#include "form.h"

/* One client's batches, in order. */
typedef struct Lane
{
	Batch	   *batches;
	size_t		count;
	size_t		capacity;
} Lane;

typedef struct Bulk
{
	const Form *form;
	Lane	   *lanes;			/* one for each client */
} Bulk;

/* Add an empty batch at the end of a lane. */
static void
lane_grow(Lane *lane)
{
	static const Batch empty;

	if (lane->count == lane->capacity)
	{
		lane->capacity = lane->capacity > 0 ? 2 * lane->capacity : 64;
		lane->batches = reallocate(lane->batches, lane->capacity * sizeof(Batch));
	}
	lane->batches[lane->count++] = empty;
}

/* Find the batch that takes a lane's next event, and count the event. */
static Batch *
lane_batch(Lane *lane, int64_t batch_events)
{
	Batch	   *batch;

	if (lane->count == 0 || lane->batches[lane->count - 1].events == batch_events)
		lane_grow(lane);
	batch = &lane->batches[lane->count - 1];
	batch->events++;
	return batch;
}

/* Free the batches of a lane. */
static void
lane_free(Lane *lane)
{
	for (size_t i = 0; i < lane->count; i++)
	{
		for (int part = 0; part < PARTS_MAX; part++)
			buffer_free(&lane->batches[i].parts[part]);
	}
	free(lane->batches);
}

/* Render the whole workload. */
static void
bulk_render(Bulk *bulk, const Options *options, const Oid *types)
{
	Workload   *workload = workload_create(kind_find(options->workload),
										   options->events, options->seed);
	Event		event;

	while (workload_next(workload, &event))
	{
		Lane	   *lane = &bulk->lanes[event.entity % options->clients];

		bulk->form->render(&event, types, lane_batch(lane, options->batch));
	}
	workload_free(workload);
}

/* Prepare a client. */
static void
bulk_prepare(PGconn *conn, void *shared)
{
	Bulk	   *bulk = shared;

	bulk->form->prepare(conn, bulk->form);
}

/* Store the batches of a client. */
static void
bulk_work(PGconn *conn, int client, void *shared)
{
	Bulk	   *bulk = shared;
	Lane	   *lane = &bulk->lanes[client];

	for (size_t i = 0; i < lane->count; i++)
		bulk->form->store(conn, bulk->form, &lane->batches[i]);
}

/* Load the workload in a form and report. */
static void
bulk_run(const Form *form, const Options *options)
{
	Bulk		bulk = {.form = form};
	Crew		crew = {
		.clients = (int) options->clients,
		.prepare = bulk_prepare,
		.work = bulk_work,
		.shared = &bulk
	};
	PGconn	   *conn = db_connect();
	Oid			types[PARTS_MAX] = {0};
	double		wal_bytes;
	double		seconds;

	form_look_up_types(conn, form, types);
	bulk.lanes = allocate(options->clients * sizeof(Lane));
	bulk_render(&bulk, options, types);
	wal_bytes = db_wal_bytes(conn);
	seconds = crew_run(&crew);
	wal_bytes = db_wal_bytes(conn) - wal_bytes;
	report("seconds", seconds);
	report("events_per_second", (double) options->events / seconds);
	report("wal_bytes_per_event", wal_bytes / (double) options->events);
	PQfinish(conn);
	for (int64_t i = 0; i < options->clients; i++)
		lane_free(&bulk.lanes[i]);
	free(bulk.lanes);
}

/* Subcommand "ingest". */
void
bulk_ingest(const Options *options)
{
	bulk_run(form_find(options->form), options);
}

/* Subcommand "copy". */
void
bulk_copy(const Options *options)
{
	bulk_run(&copy_form, options);
}
