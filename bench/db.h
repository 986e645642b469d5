/*
 * db.h
 *		The database as the benchmark's client sees it. Every error ends the
 *		program.
 */
#ifndef BENCH_DB_H
#define BENCH_DB_H

#include <libpq-fe.h>

#include "support.h"

extern PGconn *db_connect(void);
extern void db_prepare(PGconn *conn, const char *name, const char *sql);
extern void db_expect(PGconn *conn, PGresult *result, ExecStatusType status);
extern double db_field(PGconn *conn, PGresult *result, const char *column);
extern double db_number(PGconn *conn, const char *sql);
extern void db_consume(const PGresult *result);
extern double db_wal_bytes(PGconn *conn);

#endif							/* BENCH_DB_H */
