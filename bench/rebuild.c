/*
 * rebuild.c
 *		Subcommand "rebuild": time eventstore.rebuild_index().
 *
 * The clock stops when the index has answered a question after the rebuild, so
 * that putting work off would not look like speed.
 */
#include "commands.h"
#include "db.h"
#include "workload.h"

/* Rebuild once; returns how many seconds it took. */
static double
rebuild_once(PGconn *conn)
{
	double		started = clock_seconds();
	double		version;

	db_expect(conn, PQexec(conn, "SELECT eventstore.rebuild_index()"), PGRES_TUPLES_OK);
	version = db_number(conn, "SELECT eventstore.entity_version('ten-00001') AS number");
	if (version != TEN_EVENTS)
		die("after the rebuild, ten-00001 is at version %.0f, not %d", version, TEN_EVENTS);
	return clock_seconds() - started;
}

/* Subcommand "rebuild". */
void
rebuild_index(const Options *options)
{
	PGconn	   *conn = db_connect();
	double		events = db_number(conn, "SELECT count(*) AS number FROM eventstore.events");
	Samples		seconds = {.count = 0};

	for (int64_t i = 0; i < options->repeat; i++)
		samples_add(&seconds, rebuild_once(conn));
	report("events", events);
	report("rebuild_seconds", samples_percentile(&seconds, 50));
	report("rebuild_events_per_second", events / samples_percentile(&seconds, 50));
	samples_free(&seconds);
	PQfinish(conn);
}
