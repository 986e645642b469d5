/*
 * read.c
 *		Subcommand "read-entity": read entities of exactly 10 events back, from
 *		eventstore and from the plain table.
 *
 * Both sides are read by one client over one connection, in slices that take
 * turns, so that whatever else the machine does hits both. Both read the same
 * entities in the same random order, after every entity was read once.
 */
#include <stdio.h>

#include "commands.h"
#include "db.h"
#include "workload.h"

#define SLICE_READS 100

typedef struct Reader
{
	const char *name;
	const char *sql;
	Random		random;
	Samples		latencies_us;
} Reader;

/* Read one entity; returns how many microseconds it took. */
static double
read_one(PGconn *conn, const Reader *reader, int entity)
{
	char		entity_id[ENTITY_ID_SIZE];
	const char *values[] = {entity_id};
	PGresult   *result;
	double		started;
	double		elapsed_us;

	snprintf(entity_id, sizeof(entity_id), "ten-%05d", entity + 1);
	started = clock_seconds();
	result = PQexecPrepared(conn, reader->name, 1, values, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die("%s", PQerrorMessage(conn));
	if (PQntuples(result) != TEN_EVENTS)
		die("%s has %d events in %s, not %d", entity_id, PQntuples(result),
			reader->name, TEN_EVENTS);
	db_consume(result);
	elapsed_us = (clock_seconds() - started) * 1e6;
	PQclear(result);
	return elapsed_us;
}

/* Read so many random entities on one side. */
static void
read_slice(PGconn *conn, Reader *reader, int entities)
{
	for (int i = 0; i < SLICE_READS; i++)
	{
		int			entity = (int) random_below(&reader->random, entities);

		samples_add(&reader->latencies_us, read_one(conn, reader, entity));
	}
}

/* Prepare one side and read every entity once. */
static void
reader_prepare(PGconn *conn, Reader *reader, int entities, uint64_t seed)
{
	reader->random.state = seed;
	db_prepare(conn, reader->name, reader->sql);
	for (int i = 0; i < entities; i++)
		read_one(conn, reader, i);
}

/* Print what was measured on one side. */
static void
reader_report(Reader *reader)
{
	Samples    *latencies_us = &reader->latencies_us;
	double		sum_us = 0;
	char		name[64];

	for (size_t i = 0; i < latencies_us->count; i++)
		sum_us += latencies_us->values[i];
	snprintf(name, sizeof(name), "%s_median_us", reader->name);
	report(name, samples_percentile(latencies_us, 50));
	snprintf(name, sizeof(name), "%s_p99_us", reader->name);
	report(name, samples_percentile(latencies_us, 99));
	snprintf(name, sizeof(name), "%s_reads_per_second", reader->name);
	report(name, (double) latencies_us->count / sum_us * 1e6);
	samples_free(latencies_us);
}

/* Subcommand "read-entity". */
void
read_entities(const Options *options)
{
	Reader		readers[] = {
		{.name = "plain",
		.sql = "SELECT * FROM bench_plain WHERE entity_id = $1 ORDER BY version"},
		{.name = "eventstore",
		.sql = "SELECT * FROM eventstore.read_entity($1)"}
	};
	int			sides = options->plain_only ? 1 : lengthof(readers);
	int			entities = workload_ten_entities(options->events);
	PGconn	   *conn = db_connect();

	if (entities == 0)
		die("a workload of so few events has no entity to read");
	for (int side = 0; side < sides; side++)
		reader_prepare(conn, &readers[side], entities, options->seed);
	for (int64_t done = 0; done < options->reads; done += SLICE_READS)
	{
		for (int side = 0; side < sides; side++)
			read_slice(conn, &readers[side], entities);
	}
	for (int side = 0; side < sides; side++)
		reader_report(&readers[side]);
	PQfinish(conn);
}
