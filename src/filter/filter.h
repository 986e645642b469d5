/*-------------------------------------------------------------------------
 *
 * filter.h
 *	  Conditions on events as a program that looks at whole blocks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FILTER_FILTER_H
#define EVENTSTORE_FILTER_FILTER_H

#include "postgres.h"

#include "filter/program.h"
#include "log/block_scan.h"

extern EsNode *es_node_make(EsNodeKind kind, List *children);
extern EsNode *es_node_verdict(EsVerdict verdict);
extern bool es_filter_add_path(EsFilter *filter, const EsPath *path, uint32 *number);
extern void es_filter_range(const EsFilter *filter, EsRange *range);
extern bool es_filter_run(EsFilter *filter, EsView *view, uint64 *sure, uint64 *unsure);

#endif							/* EVENTSTORE_FILTER_FILTER_H */
