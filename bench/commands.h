/*
 * commands.h
 *		The subcommands of the benchmark's client.
 */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

#include "support.h"

extern void bulk_ingest(const Options *options);
extern void bulk_copy(const Options *options);
extern void single_append(const Options *options);
extern void single_insert(const Options *options);
extern void read_entities(const Options *options);
extern void rebuild_index(const Options *options);

#endif							/* BENCH_COMMANDS_H */
