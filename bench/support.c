/*
 * support.c
 *		Small tools of the benchmark's client; see support.h.
 *
 * A benchmark that goes on after an error measures something else, so every
 * error here says what happened and ends the program.
 */
#include "support.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Print an error and end the program. */
void
die(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	fputs("client: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* Get zeroed memory. */
void *
allocate(size_t size)
{
	void	   *memory = calloc(1, size);

	if (memory == NULL)
		die("out of memory");
	return memory;
}

/* Change the size of a piece of memory; what is added is not zeroed. */
void *
reallocate(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (memory == NULL)
		die("out of memory");
	return memory;
}

/* Tell the time in seconds, by the clock that nobody sets. */
double
clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* Print one figure of the result, for bench/run to read. */
void
report(const char *name, double value)
{
	printf("%s %.3f\n", name, value);
}

/* Make room for that many bytes more and the zero byte. */
static void
buffer_reserve(Buffer *buffer, size_t more)
{
	size_t		needed = buffer->length + more + 1;

	if (needed <= buffer->capacity)
		return;
	if (buffer->capacity == 0)
		buffer->capacity = 1024;
	while (buffer->capacity < needed)
		buffer->capacity *= 2;
	buffer->data = reallocate(buffer->data, buffer->capacity);
}

/* Append bytes. */
void
buffer_append(Buffer *buffer, const char *bytes, size_t length)
{
	buffer_reserve(buffer, length);
	memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

/* Append a string. */
void
buffer_string(Buffer *buffer, const char *string)
{
	buffer_append(buffer, string, strlen(string));
}

/* Append formatted text, of less than 512 bytes. */
void
buffer_format(Buffer *buffer, const char *format,...)
{
	va_list		args;
	int			length;

	buffer_reserve(buffer, 512);
	va_start(args, format);
	length = vsnprintf(buffer->data + buffer->length, 512, format, args);
	va_end(args);
	if (length < 0 || length >= 512)
		die("formatted text is too long");
	buffer->length += length;
}

/* Free the text, leaving an empty buffer. */
void
buffer_free(Buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

/* Add one measured value. */
void
samples_add(Samples *samples, double value)
{
	if (samples->count == samples->capacity)
	{
		samples->capacity = samples->capacity > 0 ? 2 * samples->capacity : 1024;
		samples->values = reallocate(samples->values,
									 samples->capacity * sizeof(double));
	}
	samples->values[samples->count++] = value;
}

/* Add the values of another set. */
void
samples_add_all(Samples *samples, const Samples *more)
{
	for (size_t i = 0; i < more->count; i++)
		samples_add(samples, more->values[i]);
}

/* Compare two doubles, for qsort. */
static int
compare_doubles(const void *left, const void *right)
{
	double		a = *(const double *) left;
	double		b = *(const double *) right;

	return (a > b) - (a < b);
}

/* Find a percentile by rank, 50 being the median; sorts the samples. */
double
samples_percentile(Samples *samples, double percent)
{
	if (samples->count == 0)
		die("nothing was measured");
	qsort(samples->values, samples->count, sizeof(double), compare_doubles);
	return samples->values[(size_t) ((double) (samples->count - 1) * percent / 100)];
}

/* Free the values, leaving an empty set. */
void
samples_free(Samples *samples)
{
	free(samples->values);
	memset(samples, 0, sizeof(*samples));
}

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

/* Tell how many bytes of WAL the server has written since its initdb. */
double
db_wal_bytes(PGconn *conn)
{
	return db_number(conn, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS number");
}
