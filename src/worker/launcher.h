/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  The background process that starts workers where there is work.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_WORKER_LAUNCHER_H
#define EVENTSTORE_WORKER_LAUNCHER_H

#include "postgres.h"

extern void es_launcher_install(void);
extern PGDLLEXPORT void es_launcher_main(Datum arg);

#endif							/* EVENTSTORE_WORKER_LAUNCHER_H */
