/*
 * commands.h
 *		The subcommands of the benchmark's client, and their options.
 */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

#include "support.h"

/* What the command line says; a subcommand looks at what concerns it. */
typedef struct Options
{
	const char *workload;		/* its name */
	const char *form;			/* in which it is ingested */
	const char *file;			/* with questions */
	int64_t		events;			/* size of the workload */
	int64_t		batch;			/* events in a batch */
	int64_t		clients;		/* concurrent connections */
	int64_t		seconds;		/* how long to append or insert */
	int64_t		reads;			/* entities to read on each side */
	int64_t		repeat;			/* how often to rebuild the index, or to query */
	int64_t		seed;			/* of the workload */
	bool		plain_only;		/* leave eventstore out */
} Options;

extern void bulk_ingest(const Options *options);
extern void bulk_copy(const Options *options);
extern void single_append(const Options *options);
extern void single_insert(const Options *options);
extern void read_entities(const Options *options);
extern void query_relations(const Options *options);
extern void query_with_indexes(const Options *options);
extern void query_in_server(const Options *options);
extern void ask_questions(const Options *options);
extern void rebuild_index(const Options *options);

#endif							/* BENCH_COMMANDS_H */
