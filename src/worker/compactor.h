/*-------------------------------------------------------------------------
 *
 * compactor.h
 *	  The background process that compacts a database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_WORKER_COMPACTOR_H
#define EVENTSTORE_WORKER_COMPACTOR_H

#include "postgres.h"

extern PGDLLEXPORT void es_compactor_main(Datum database);

#endif							/* EVENTSTORE_WORKER_COMPACTOR_H */
