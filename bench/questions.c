/*
 * questions.c
 *		Subcommand "questions": ask what a file asks, of eventstore and of a plain
 *		table with the usual indexes, and print a table of its own.
 *
 * In the file a line of comment is a question's name, and the line after it a
 * statement, in which EVENTS is the relation.  The first one is not asked: it gives
 * a row of values, which stand in the statements after it as :name.  Both must give
 * the same rows, in whatever order.  The best time counts, of runs that take turns.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "db.h"

#define LINE_MAX_BYTES	4096
#define SIDES			2		/* eventstore, plain table */

static const char *const relations[SIDES] = {"eventstore.events", "bench_asked"};

/* What a statement gave: rows, and a sum of hashes that does not depend on their order. */
typedef struct Answer
{
	int			rows;
	uint64_t	digest;
} Answer;

/* Hash a string into what came before it (FNV-1a). */
static uint64_t
hash_string(uint64_t hash, const char *string)
{
	do
		hash = (hash ^ (unsigned char) *string) * UINT64_C(0x100000001B3);
	while (*string++ != '\0');
	return hash;
}

static Answer
digest_result(const PGresult *result)
{
	Answer		answer = {.rows = PQntuples(result)};

	for (int row = 0; row < answer.rows; row++)
	{
		uint64_t	hash = UINT64_C(0xCBF29CE484222325);

		for (int column = 0; column < PQnfields(result); column++)
			hash = hash_string(hash_string(hash, PQgetisnull(result, row, column) ? "null" : "value"),
							   PQgetvalue(result, row, column));
		answer.digest += hash;
	}
	return answer;
}

/* Append the value of the name that begins at 'name' as a literal; return what follows. */
static const char *
append_value(PGconn *conn, const PGresult *values, const char *name, Buffer *out)
{
	size_t		length = strspn(name, "abcdefghijklmnopqrstuvwxyz_");
	char		column[64];
	char	   *literal;

	snprintf(column, sizeof(column), "%.*s", (int) length, name);
	if (PQfnumber(values, column) < 0)
		die("no value is called \"%s\"", column);
	literal = PQescapeLiteral(conn, PQgetvalue(values, 0, PQfnumber(values, column)),
							  strlen(PQgetvalue(values, 0, PQfnumber(values, column))));
	buffer_string(out, literal);
	PQfreemem(literal);
	return name + length;
}

/* Write a statement for one side. */
static void
render(PGconn *conn, const PGresult *values, const char *statement, const char *relation, Buffer *out)
{
	char		before = ' ';

	out->length = 0;
	while (*statement != '\0')
	{
		bool		is_name = *statement == ':' && before != ':' && islower((unsigned char) statement[1]);

		before = *statement;
		if (strncmp(statement, "EVENTS", 6) == 0)
		{
			buffer_string(out, relation);
			statement += 6;
		}
		else if (is_name)
			statement = append_value(conn, values, statement + 1, out);
		else
			buffer_append(out, statement++, 1);
	}
	buffer_append(out, "", 1);
}

/* Ask once; tell how long it took, in milliseconds. */
static double
ask(PGconn *conn, const char *name, const char *sql, Answer *answer)
{
	double		started = clock_seconds();
	PGresult   *result = PQexec(conn, sql);
	double		seconds;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die("%s: %s", name, PQerrorMessage(conn));
	seconds = clock_seconds() - started;
	*answer = digest_result(result);
	PQclear(result);
	return seconds * 1e3;
}

/* Ask both sides in turns and print a row; return how many times faster eventstore is. */
static double
compare(PGconn *conn, const PGresult *values, const char *name, const char *statement, int64_t runs)
{
	Buffer		sql[SIDES] = {{.length = 0}, {.length = 0}};
	double		best[SIDES] = {0, 0};
	Answer		answers[SIDES];

	for (int side = 0; side < SIDES; side++)
		render(conn, values, statement, relations[side], &sql[side]);
	for (int64_t run = 0; run <= runs; run++)
	{
		for (int side = 0; side < SIDES; side++)
		{
			double		ms = ask(conn, name, sql[side].data, &answers[side]);

			if (run <= 1 || ms < best[side])
				best[side] = ms;	/* the first run warms up */
		}
		if (answers[0].rows != answers[1].rows || answers[0].digest != answers[1].digest)
			die("%s: %d rows of eventstore, %d of the plain table, or others",
				name, answers[0].rows, answers[1].rows);
	}
	for (int side = 0; side < SIDES; side++)
		buffer_free(&sql[side]);
	printf("| %-36s | %10.3f | %10.3f | %8.2f |\n", name, best[0], best[1], best[1] / best[0]);
	return best[1] / best[0];
}

/* Read a name and a statement; false at the end of the file. */
static bool
read_question(FILE *file, char *name, char *statement)
{
	if (fgets(name, LINE_MAX_BYTES, file) == NULL)
		return false;
	if (strncmp(name, "-- ", 3) != 0 || fgets(statement, LINE_MAX_BYTES, file) == NULL)
		die("a name or a statement is missing at: %s", name);
	name[strcspn(name, "\n")] = '\0';
	statement[strcspn(statement, "\n")] = '\0';
	memmove(name, name + 3, strlen(name + 3) + 1);
	return true;
}

/* Subcommand "questions". */
void
ask_questions(const Options *options)
{
	PGconn	   *conn = db_connect();
	FILE	   *file = fopen(options->file, "r");
	char		name[LINE_MAX_BYTES];
	char		statement[LINE_MAX_BYTES];
	Samples		ratios = {0};
	PGresult   *values;
	int			slower = 0;

	if (file == NULL || !read_question(file, name, statement))
		die("cannot read questions from \"%s\"", options->file);
	db_expect(conn, PQexec(conn, "SET max_parallel_workers_per_gather = 0"), PGRES_COMMAND_OK);
	db_expect(conn, PQexec(conn, "SET jit = off"), PGRES_COMMAND_OK);
	db_expect(conn, PQexec(conn, "SET statement_timeout = '60s'"), PGRES_COMMAND_OK);
	values = PQexec(conn, statement);
	if (PQresultStatus(values) != PGRES_TUPLES_OK || PQntuples(values) != 1)
		die("%s: %s", name, PQerrorMessage(conn));
	printf("| %-36s | %10s | %10s | %8s |\n", "question, ms", "eventstore", "plain", "ratio");
	printf("|--------------------------------------|-----------:|-----------:|---------:|\n");
	while (read_question(file, name, statement))
	{
		double		ratio = compare(conn, values, name, statement, options->repeat);

		samples_add(&ratios, ratio);
		slower += ratio < 1;
		fflush(stdout);
	}
	printf("\n%zu questions, median ratio %.2f, %d slower than the plain table\n",
		   (size_t) ratios.count, samples_percentile(&ratios, 50), slower);
	samples_free(&ratios);
	PQclear(values);
	fclose(file);
	PQfinish(conn);
}
