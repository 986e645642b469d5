/*-------------------------------------------------------------------------
 *
 * follow.h
 *	  Keeps the index of a standby up with the replay.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_FOLLOW_H
#define EVENTSTORE_LOG_FOLLOW_H

#include "postgres.h"

#include "log/store.h"

extern void es_follow(EsOpenStore *open);

#endif							/* EVENTSTORE_LOG_FOLLOW_H */
