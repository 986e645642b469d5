/*
 * support.h
 *		What every part of the benchmark's client uses: errors, the clock, text
 *		buffers, samples, the database, and the options of the command line.
 */
#ifndef BENCH_SUPPORT_H
#define BENCH_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#define lengthof(array) (sizeof(array) / sizeof((array)[0]))

/* What the command line says; a subcommand looks at what concerns it. */
typedef struct Options
{
	int64_t		events;			/* size of the workload */
	int64_t		batch;			/* events in a batch */
	int64_t		clients;		/* concurrent connections */
	int64_t		seconds;		/* how long to append or insert */
	int64_t		reads;			/* entities to read on each side */
	int64_t		repeat;			/* how often to rebuild the index */
	int64_t		seed;			/* of the workload */
	bool		plain_only;		/* leave eventstore out */
} Options;

/* Text that grows. The bytes are always followed by a zero byte. */
typedef struct Buffer
{
	char	   *data;
	size_t		length;
	size_t		capacity;
} Buffer;

/* Measured values, of which a median or another percentile is wanted. */
typedef struct Samples
{
	double	   *values;
	size_t		count;
	size_t		capacity;
} Samples;

/* errors and memory: all of them end the program */
extern void die(const char *format,...) __attribute__((format(printf, 1, 2), noreturn));
extern void *allocate(size_t size);
extern void *reallocate(void *memory, size_t size);

/* seconds since some fixed moment */
extern double clock_seconds(void);

/* one line "name value" of the result */
extern void report(const char *name, double value);

extern void buffer_append(Buffer *buffer, const char *bytes, size_t length);
extern void buffer_string(Buffer *buffer, const char *string);
extern void buffer_format(Buffer *buffer, const char *format,...) __attribute__((format(printf, 2, 3)));
extern void buffer_free(Buffer *buffer);

extern void samples_add(Samples *samples, double value);
extern void samples_add_all(Samples *samples, const Samples *more);
extern double samples_percentile(Samples *samples, double percent);
extern void samples_free(Samples *samples);

extern PGconn *db_connect(void);
extern void db_prepare(PGconn *conn, const char *name, const char *sql);
extern void db_expect(PGconn *conn, PGresult *result, ExecStatusType status);
extern double db_field(PGconn *conn, PGresult *result, const char *column);
extern double db_number(PGconn *conn, const char *sql);
extern double db_wal_bytes(PGconn *conn);

#endif							/* BENCH_SUPPORT_H */
