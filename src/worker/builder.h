/*-------------------------------------------------------------------------
 *
 * builder.h
 *	  The background process that builds a database's index.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_WORKER_BUILDER_H
#define EVENTSTORE_WORKER_BUILDER_H

#include "postgres.h"

extern PGDLLEXPORT void es_builder_main(Datum database);

#endif							/* EVENTSTORE_WORKER_BUILDER_H */
