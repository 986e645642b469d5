/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Reads blocks of the log and says which of their events match a filter.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "filter/scan.h"
#include "log/kernel_use.h"

/* Has the columns loaded that were looked at in the last block; EsLoadAhead. */
static void
load_columns(void *arg, const char *page)
{
	es_view_load_ahead(&((EsScan *) arg)->view, page);
}

/*
 * Begins to read blocks, in the current memory context.  The range is for scans of
 * a part of the log; the filter must say the same, since events outside of it are
 * delivered too.
 */
void
es_scan_begin(EsScan *scan, Snapshot snapshot, EsFilter *filter, EsOrder order,
			  const EsRange *range, EsSharedScan *shared)
{
	scan->filter = filter;
	memset(&scan->counts, 0, sizeof(scan->counts));
	es_view_begin(&scan->view, filter->paths, filter->path_count);
	es_block_scan_begin(&scan->blocks, snapshot, order, range, shared);
	scan->view.whole_pages = es_block_scan_reads_pages(&scan->blocks);
	scan->blocks.page.load_ahead = load_columns;
	scan->blocks.page.load_arg = scan;
}

/*
 * Looks at the next block, and, where blocks are small, at some that lie beside it;
 * false after the last.  Large bodies are read one at a time.
 */
static bool
open_next(EsScan *scan)
{
	EsBlockRow *row = es_block_scan_next(&scan->blocks);

	if (row == NULL)
		return false;
	es_view_open(&scan->view, row);
	if (scan->view.columns || es_row_has_large(row))
		return true;
	while (scan->view.count < ES_BLOCKS_TOGETHER &&
		   (row = es_block_scan_next_beside(&scan->blocks,
											ES_BLOCKS_TOGETHER - scan->view.count)) != NULL)
		es_view_add(&scan->view, row);
	return true;
}

/*
 * Moves to the next block with events that are, or may be, what the filter asks
 * for: scan->view, and the sets scan->sure and scan->unsure.
 */
bool
es_scan_next(EsScan *scan)
{
	MemoryContext before = MemoryContextSwitchTo(scan->blocks.context);
	bool		any = false;

	while (!any && open_next(scan))
	{
		es_bits_fill(scan->sure, scan->view.count);
		any = es_filter_run(scan->filter, &scan->view, scan->sure, scan->unsure);
		scan->counts.blocks += scan->view.block_count;
		if (any || scan->view.touched)
			scan->counts.events += scan->view.count;
		else
			scan->counts.skipped += scan->view.block_count;
	}
	MemoryContextSwitchTo(before);
	return any;
}

/* Has done with the filter between two blocks, to go on with another one. */
void
es_scan_end_filter(EsScan *scan)
{
	es_view_end(&scan->view);
}

/* Goes on with a filter that leaves this range, which can only be narrower. */
void
es_scan_begin_filter(EsScan *scan, EsFilter *filter, const EsRange *range)
{
	scan->filter = filter;
	es_view_begin(&scan->view, filter->paths, filter->path_count);
	scan->view.whole_pages = es_block_scan_reads_pages(&scan->blocks);
	es_block_scan_narrow(&scan->blocks, range);
}

void
es_scan_end(EsScan *scan)
{
	es_block_scan_end(&scan->blocks);
	es_view_end(&scan->view);
	es_kernel_use_flush();
}
