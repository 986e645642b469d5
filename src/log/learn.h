/*-------------------------------------------------------------------------
 *
 * learn.h
 *	  What the index learns of sorted runs, and lets go then.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_LEARN_H
#define EVENTSTORE_LOG_LEARN_H

#include "postgres.h"

#include "log/store.h"

extern bool es_index_learn(EsOpenStore *open);
extern void es_index_answer(EsStore *store);

#endif							/* EVENTSTORE_LOG_LEARN_H */
