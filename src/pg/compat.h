/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Differences between PostgreSQL versions; the only file that asks for
 *	  PG_VERSION_NUM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_PG_COMPAT_H
#define EVENTSTORE_PG_COMPAT_H

#include "postgres.h"

#include "fmgr.h"
#include "storage/proc.h"
#include "utils/rel.h"

#if PG_VERSION_NUM < 150000
#error "eventstore needs PostgreSQL 15 or later"
#endif

/* The number that identifies a relation's current storage. */
#if PG_VERSION_NUM >= 160000
#define es_relation_storage(rel)	((rel)->rd_locator.relNumber)
#else
#define es_relation_storage(rel)	((rel)->rd_node.relNode)
#endif

/* Pins a page in the buffer where it may still be; see ReadRecentBuffer(). */
#if PG_VERSION_NUM >= 160000
#define es_pin_recent(rel, page, buffer) \
	ReadRecentBuffer((rel)->rd_locator, MAIN_FORKNUM, page, buffer)
#else
#define es_pin_recent(rel, page, buffer) \
	ReadRecentBuffer((rel)->rd_node, MAIN_FORKNUM, page, buffer)
#endif

/* This backend's number, from 0 to MaxBackends - 1. */
#if PG_VERSION_NUM >= 170000
#define es_my_backend_number()	((int) MyProcNumber)
#else
#define es_my_backend_number()	(MyProc->pgprocno)
#endif

/*
 * Declares a function that SQL can call.  The library exports nothing else;
 * before 16, PG_FUNCTION_INFO_V1 does not export the function by itself.
 */
#define ES_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

#endif							/* EVENTSTORE_PG_COMPAT_H */
