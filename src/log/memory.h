/*-------------------------------------------------------------------------
 *
 * memory.h
 *	  What is done when index memory is full.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_MEMORY_H
#define EVENTSTORE_LOG_MEMORY_H

#include "postgres.h"

#include "log/shared.h"

extern void es_store_find_memory(EsStore *store);

#endif							/* EVENTSTORE_LOG_MEMORY_H */
