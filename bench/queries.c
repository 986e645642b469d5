/*
 * queries.c
 *		Subcommands "queries", "queries-indexed" and "look-ups": ask the same
 *		questions of eventstore and of the plain table.
 *
 * A question can be asked in several ways, which take turns, each with the same
 * parameter. All ways are tried before anything is measured, and must give the
 * same answer. A way that takes too long is asked less often, or left out.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "db.h"
#include "form.h"

#define WAYS_MAX			4
#define WAY_LIMIT_SECONDS	10	/* for all runs of a way */
#define STATEMENT_LIMIT		"20s"	/* for one */
#define LOOK_UPS			"100000"
#define BUSY_BATCH			100 /* events, of the session that ingests */

/* A way to ask, and how long it took. */
typedef struct Way
{
	const char *figure;			/* its name in the result */
	const char *sql;			/* %s: begin, end of a tenth of the time */
	Samples		seconds;
	double		sum_seconds;
	bool		left_out;
} Way;

typedef struct Question
{
	double		units;			/* of the figures in a second */
	bool		less_first;		/* the first way is what all of them cost */
	bool		same_value;		/* the first field can be compared, too */
	const char *parameters;		/* a query that gives values for $1, or NULL */
	Way			ways[WAYS_MAX];
} Question;

#define OF_PLAIN " FROM bench_plain "
#define OF_EVENTS " FROM eventstore.events "

/* The same query of both relations, and what else may follow. */
#define BOTH(name, select, rest) \
	{.figure = name "_plain", .sql = select OF_PLAIN rest}, \
	{.figure = name "_relation", .sql = select OF_EVENTS rest}

#define COUNT "SELECT count(*)"
#define COUNT_AND_SUM "SELECT count(*), sum((payload ->> 'amount')::numeric)"
#define AMOUNT "(payload ->> 'amount')::numeric > 500"
#define PAID "event_type = 'order.paid'"
#define TYPE_TIME "WHERE " PAID " AND recorded_at >= '%s' AND recorded_at < '%s'"
#define REFUNDED "WHERE payload @> '{\"status\":\"refunded\"}'"
#define GROUPS "GROUP BY event_type ORDER BY event_type"
#define LATEST "WHERE entity_id = $1 ORDER BY version DESC LIMIT 10"
#define WHOLE "WHERE entity_id = $1 ORDER BY version"
#define MIDDLE "WHERE position > $1::bigint ORDER BY position LIMIT 10000"

/* Entities with 10 events or more, if there are any, and the largest ones. */
#define ENTITIES "SELECT entity_id FROM bench_plain GROUP BY entity_id " \
	"ORDER BY least(count(*), 10) DESC, md5(entity_id) LIMIT 2000"
#define LARGE_ENTITIES "SELECT entity_id FROM bench_plain GROUP BY entity_id " \
	"ORDER BY count(*) DESC, entity_id LIMIT 50"

static Question scan_questions[] = {
	{.units = 1e3,.ways = {BOTH("type_time", COUNT, TYPE_TIME)}},
	{.units = 1e3,.same_value = true,.ways = {BOTH("type_sum", COUNT_AND_SUM, "WHERE " PAID " AND " AMOUNT)}},
	{.units = 1e3,.same_value = true,.ways = {BOTH("sum", COUNT_AND_SUM, "WHERE " AMOUNT)}},
	{.units = 1e3,.same_value = true,.ways = {BOTH("groups", "SELECT event_type, count(*)", GROUPS)}},
	{.units = 1e3,.same_value = true,.ways = {BOTH("contains", COUNT, REFUNDED)}},
	{.units = 1e3,.parameters = LARGE_ENTITIES,.ways = {
			BOTH("whole", "SELECT *", WHOLE),
			{.figure = "whole_function",.sql = "SELECT * FROM eventstore.read_entity($1)"}
	}},
	{.units = 1e3,.same_value = true,.parameters = "SELECT max(position) / 2 FROM bench_plain",.ways = {
			BOTH("middle", "SELECT *", MIDDLE),
			{.figure = "middle_function",.sql = "SELECT * FROM eventstore.read_all($1, 10000)"}
	}}
};

static Question latest_question = {
	.units = 1e6,.less_first = true,.parameters = ENTITIES,.ways = {
		{.figure = "nothing",.sql = "SELECT 1 WHERE $1::text IS NOT NULL"},
		BOTH("latest", "SELECT *", LATEST),
		{.figure = "latest_function",.sql = "SELECT * FROM eventstore.read_entity($1, max_count => 10, backward => true)"}
	}
};

static Question indexed_questions[] = {
	{.units = 1e3,.ways = {BOTH("type_time_indexed", COUNT, TYPE_TIME)}},
	{.units = 1e3,.same_value = true,.ways = {BOTH("contains_indexed", COUNT, REFUNDED)}}
};

#define LAST_OF(relation) \
	"SELECT sum(e.version) FROM bench_look_up l CROSS JOIN LATERAL " \
	"(SELECT version FROM " relation " r WHERE r.entity_id = l.entity_id ORDER BY version DESC LIMIT 1) e"

/* The first way reads the list and does nothing with it. */
#define LOOK_UP_WAYS(suffix) { \
	{.figure = "list" suffix,.sql = "SELECT sum(length(entity_id)) FROM bench_look_up"}, \
	{.figure = "look_up" suffix "_plain",.sql = LAST_OF("bench_plain")}, \
	{.figure = "look_up" suffix "_relation",.sql = LAST_OF("eventstore.events")}, \
	{.figure = "look_up" suffix "_function", \
	.sql = "SELECT sum((event).version) FROM (SELECT eventstore.last_event(entity_id) AS event FROM bench_look_up) AS events"} \
}

static Question look_up_question = {.less_first = true,.same_value = true,.ways = LOOK_UP_WAYS("")};
static Question busy_question = {.less_first = true,.ways = LOOK_UP_WAYS("_busy")};

/* Does the way need eventstore? */
static bool
way_is_ours(const Way *way)
{
	return strstr(way->sql, "eventstore") != NULL;
}

/* Ask when the event at a share of the positions was recorded, on one side. */
static void
append_time(PGconn *conn, bool ours, double share, Buffer *out)
{
	Buffer		sql = {.length = 0};
	PGresult   *result;
	double		last = db_number(conn, "SELECT max(position) AS number FROM bench_plain");

	buffer_format(&sql, ours ? "SELECT recorded_at FROM eventstore.get_event(%.0f)" :
				  "SELECT recorded_at FROM bench_plain WHERE position = %.0f", 1 + last * share);
	result = PQexec(conn, sql.data);
	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
		die("the log has no event in its middle: %s", PQerrorMessage(conn));
	buffer_string(out, PQgetvalue(result, 0, 0));
	PQclear(result);
	buffer_free(&sql);
}

/* Prepare a way; where its text has "%s", begin and end of the time go. */
static void
way_prepare(PGconn *conn, const Way *way)
{
	Buffer		sql = {.length = 0};
	const char *rest = way->sql;
	const char *mark;
	double		share = 0.45;

	while ((mark = strstr(rest, "%s")) != NULL)
	{
		buffer_append(&sql, rest, mark - rest);
		append_time(conn, way_is_ours(way), share, &sql);
		share += 0.1;
		rest = mark + 2;
	}
	buffer_string(&sql, rest);
	db_prepare(conn, way->figure, sql.data);
	buffer_free(&sql);
}

/* Ask once, with a parameter or NULL; NULL when it took longer than is allowed. */
static PGresult *
way_ask(PGconn *conn, Way *way, const char *parameter)
{
	const char *values[] = {parameter};
	double		started = clock_seconds();
	PGresult   *result = PQexecPrepared(conn, way->figure, parameter != NULL, values, NULL, NULL, 0);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	double		seconds;

	if (sqlstate != NULL && strcmp(sqlstate, "57014") == 0)
	{
		way->left_out = true;
		PQclear(result);
		return NULL;
	}
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die("%s", PQerrorMessage(conn));
	db_consume(result);
	seconds = clock_seconds() - started;
	samples_add(&way->seconds, seconds);
	way->sum_seconds += seconds;
	return result;
}

/* Check that two ways gave the same answer. */
static void
check_answer(const Question *question, const Way *way, const PGresult *expected, const PGresult *result)
{
	if (PQntuples(result) != PQntuples(expected) ||
		(question->same_value && strcmp(PQgetvalue(result, 0, 0), PQgetvalue(expected, 0, 0)) != 0))
		die("%s: %d rows, \"%s\"; %s: %d rows, \"%s\"",
			question->ways[question->less_first].figure, PQntuples(expected),
			PQgetvalue(expected, 0, 0), way->figure, PQntuples(result), PQgetvalue(result, 0, 0));
}

/* Ask in all ways once. */
static void
question_ask(PGconn *conn, Question *question, const char *parameter)
{
	PGresult   *expected = NULL;

	for (int i = 0; i < WAYS_MAX; i++)
	{
		Way		   *way = &question->ways[i];
		PGresult   *result;

		if (way->sql == NULL || way->left_out || way->sum_seconds > WAY_LIMIT_SECONDS)
			continue;
		result = way_ask(conn, way, parameter);
		if (result == NULL || (question->less_first && i == 0))
			PQclear(result);
		else if (expected == NULL)
			expected = result;
		else
		{
			check_answer(question, way, expected, result);
			PQclear(result);
		}
	}
	PQclear(expected);
}

/* Forget what was measured so far. */
static void
question_reset(Question *question)
{
	for (int i = 0; i < WAYS_MAX; i++)
	{
		samples_free(&question->ways[i].seconds);
		question->ways[i].sum_seconds = 0;
	}
}

/* Print the medians. */
static void
question_report(const Question *question)
{
	Samples		first = question->ways[0].seconds;
	double		costs = question->less_first ? samples_percentile(&first, 50) : 0;

	for (int i = question->less_first; i < WAYS_MAX; i++)
	{
		Samples		seconds = question->ways[i].seconds;

		if (seconds.count > 0)
			report(question->ways[i].figure, (samples_percentile(&seconds, 50) - costs) * question->units);
	}
}

/* Prepare all ways but those that are not to be measured. */
static void
question_prepare(PGconn *conn, Question *question, bool plain_only)
{
	for (int i = 0; i < WAYS_MAX && question->ways[i].sql != NULL; i++)
	{
		Way		   *way = &question->ways[i];

		way->left_out = plain_only && way_is_ours(way);
		if (!way->left_out)
			way_prepare(conn, way);
	}
}

/* Ask once to warm up, then so many times, with parameters in turn; report. */
static void
question_measure(PGconn *conn, Question *question, int64_t runs, bool plain_only)
{
	bool		has_parameter = question->parameters != NULL;
	PGresult   *parameters = PQexec(conn, has_parameter ? question->parameters : "SELECT");
	int			count = PQntuples(parameters);

	if (PQresultStatus(parameters) != PGRES_TUPLES_OK || count == 0)
		die("nothing to ask for: %s", PQerrorMessage(conn));
	question_prepare(conn, question, plain_only);
	for (int64_t i = 0; i <= runs; i++)
	{
		question_ask(conn, question, has_parameter ? PQgetvalue(parameters, i % count, 0) : NULL);
		if (i == 0)
			question_reset(question);
	}
	question_report(question);
	question_reset(question);
	PQclear(parameters);
}

/* Run a statement that gives no rows. */
static void
execute(PGconn *conn, const char *sql)
{
	db_expect(conn, PQexec(conn, sql), PGRES_COMMAND_OK);
}

/*
 * Connect, with one core for a query and a limit for its time.  Compiling would
 * take longer than most queries here, and remembering what was looked up before
 * would not be looking up.
 */
static PGconn *
connect_to_ask(void)
{
	PGconn	   *conn = db_connect();

	execute(conn, "SET max_parallel_workers_per_gather = 0");
	execute(conn, "SET jit = off");
	execute(conn, "SET enable_memoize = off");
	execute(conn, "SET statement_timeout = '" STATEMENT_LIMIT "'");
	return conn;
}

/* Subcommand "queries". */
void
query_relations(const Options *options)
{
	PGconn	   *conn = connect_to_ask();

	for (size_t i = 0; i < lengthof(scan_questions); i++)
		question_measure(conn, &scan_questions[i], options->repeat, options->plain_only);
	question_measure(conn, &latest_question, options->reads, options->plain_only);
	PQfinish(conn);
}

/* Subcommand "queries-indexed": the plain table gets an index for the question. */
void
query_with_indexes(const Options *options)
{
	PGconn	   *setup = db_connect();
	PGconn	   *conn = connect_to_ask();

	execute(setup, "CREATE INDEX bench_type_time ON bench_plain (event_type, recorded_at)");
	execute(setup, "CREATE INDEX bench_payload ON bench_plain USING gin (payload jsonb_path_ops)");
	execute(setup, "VACUUM ANALYZE bench_plain");
	for (size_t i = 0; i < lengthof(indexed_questions); i++)
		question_measure(conn, &indexed_questions[i], options->repeat, options->plain_only);
	execute(setup, "DROP INDEX bench_type_time, bench_payload");
	PQfinish(conn);
	PQfinish(setup);
}

/* The session that ingests while others look entities up. */
typedef struct Ingester
{
	const Options *options;
	pthread_t	thread;
	atomic_bool ended;
} Ingester;

/* Render the next batch, of other events than were loaded. */
static void
render_batch(Workload *workload, const Form *form, Batch *batch)
{
	Event		event;

	batch->events = 0;
	for (int part = 0; part < PARTS_MAX; part++)
		batch->parts[part].length = 0;
	while (batch->events < BUSY_BATCH && workload_next(workload, &event))
	{
		form->render(&event, NULL, batch);
		batch->events++;
	}
}

/* Ingest batches until it is over. */
static void *
ingester_main(void *arg)
{
	Ingester   *ingester = arg;
	const Options *options = ingester->options;
	const Form *form = form_find("text");
	Workload   *workload = workload_create(kind_find("orders"), options->events, options->seed + 1);
	PGconn	   *conn = db_connect();
	Batch		batch = {.events = 0};

	form->prepare(conn, form);
	while (!atomic_load(&ingester->ended))
	{
		render_batch(workload, form, &batch);
		if (batch.events == 0)
			break;
		form->store(conn, form, &batch);
	}
	PQfinish(conn);
	workload_free(workload);
	for (int part = 0; part < PARTS_MAX; part++)
		buffer_free(&batch.parts[part]);
	return NULL;
}

/* Subcommand "look-ups". */
void
query_in_server(const Options *options)
{
	PGconn	   *setup = db_connect();
	PGconn	   *conn = connect_to_ask();
	Ingester	ingester = {.options = options};
	double		look_ups;

	execute(setup, "CREATE TABLE bench_look_up AS SELECT entity_id FROM "
			"(SELECT DISTINCT entity_id FROM bench_plain) e, "
			"generate_series(1, 1 + " LOOK_UPS " / (SELECT count(DISTINCT entity_id)::int FROM bench_plain)) i "
			"ORDER BY md5(entity_id || i) LIMIT " LOOK_UPS);
	execute(setup, "VACUUM ANALYZE bench_look_up");
	look_ups = db_number(conn, "SELECT count(*) AS number FROM bench_look_up");
	look_up_question.units = 1e6 / look_ups;
	busy_question.units = 1e6 / look_ups;
	question_measure(conn, &look_up_question, options->repeat, options->plain_only);
	if (!options->plain_only)
	{
		if (pthread_create(&ingester.thread, NULL, ingester_main, &ingester) != 0)
			die("could not start a thread");
		question_measure(conn, &busy_question, options->repeat, false);
		atomic_store(&ingester.ended, true);
		pthread_join(ingester.thread, NULL);
	}
	execute(setup, "DROP TABLE bench_look_up");
	PQfinish(conn);
	PQfinish(setup);
}
