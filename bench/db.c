/*
 * db.c
 *		The database as the benchmark's client sees it; see db.h.
 */
#include "db.h"

#include <stdlib.h>

/* Drop the server's notices: they would be mixed with the result. */
static void
ignore_notice(void *arg, const char *message)
{
	(void) arg;
	(void) message;
}

/* Connect to the database that PGHOST, PGDATABASE and so on name. */
PGconn *
db_connect(void)
{
	PGconn	   *conn = PQconnectdb("application_name=eventstore-bench");

	if (PQstatus(conn) != CONNECTION_OK)
		die("%s", PQerrorMessage(conn));
	PQsetNoticeProcessor(conn, ignore_notice, NULL);
	return conn;
}

/* Check how a statement ended, and free its result. */
void
db_expect(PGconn *conn, PGresult *result, ExecStatusType status)
{
	if (PQresultStatus(result) != status)
		die("%s", PQerrorMessage(conn));
	PQclear(result);
}

/* Prepare a statement; its parameters get their types from its text. */
void
db_prepare(PGconn *conn, const char *name, const char *sql)
{
	db_expect(conn, PQprepare(conn, name, sql, 0, NULL), PGRES_COMMAND_OK);
}

/* Take a number from the only row of a result, and free the result. */
double
db_field(PGconn *conn, PGresult *result, const char *column)
{
	int			field = PQfnumber(result, column);
	double		number;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die("%s", PQerrorMessage(conn));
	if (PQntuples(result) != 1 || field < 0 || PQgetisnull(result, 0, field))
		die("one row with a number \"%s\" expected", column);
	number = strtod(PQgetvalue(result, 0, field), NULL);
	PQclear(result);
	return number;
}

/* Run a query that gives one number, called "number". */
double
db_number(PGconn *conn, const char *sql)
{
	return db_field(conn, PQexec(conn, sql), "number");
}

/* Look at every byte of a result, as an application would. */
void
db_consume(const PGresult *result)
{
	/* Volatile, so that the compiler can't leave the reading out. */
	static _Thread_local volatile unsigned consumed_sum;
	unsigned	sum = 0;

	for (int row = 0; row < PQntuples(result); row++)
	{
		for (int column = 0; column < PQnfields(result); column++)
		{
			for (const char *byte = PQgetvalue(result, row, column); *byte; byte++)
				sum += (unsigned char) *byte;
		}
	}
	consumed_sum = sum;
}

/* Tell how many bytes of WAL the server has written since its initdb. */
double
db_wal_bytes(PGconn *conn)
{
	return db_number(conn, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS number");
}
