/*-------------------------------------------------------------------------
 *
 * verify.h
 *	  Proves that blocks, log and index agree, or says where they do not.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_VERIFY_H
#define EVENTSTORE_LOG_VERIFY_H

#include "postgres.h"

#include "core/base.h"

typedef struct EsProblem
{
	const char *severity;		/* "error": events are affected; "warning" */
	int64		position;		/* 0: none */
	EsSlice		entity_id;		/* data is NULL: none */
	const char *text;
} EsProblem;

typedef void (*EsProblemSink) (void *arg, const EsProblem *problem);

extern void es_verify(EsProblemSink sink, void *arg);

#endif							/* EVENTSTORE_LOG_VERIFY_H */
