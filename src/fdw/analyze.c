/*-------------------------------------------------------------------------
 *
 * analyze.c
 *	  ANALYZE of the relation: takes a sample of events.
 *
 * The sample is taken in two steps as of plain tables: pages at random, and of
 * their events some at random.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "commands/vacuum.h"
#include "common/pg_prng.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/sampling.h"
#include "utils/snapmgr.h"

#include "fdw/fdw.h"
#include "filter/scan.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "query/fetch.h"

typedef struct Sample
{
	HeapTuple  *rows;
	int			wanted;
	int			taken;
	double		seen;			/* events of the pages that were read */
	double		skip;			/* events until the next one is taken; < 0:
								 * not known */
	ReservoirStateData state;
	TupleDesc	desc;
} Sample;

/* Makes a row; what it is made of stays until the block's end. */
static HeapTuple
make_row(EsView *view, uint32 i, TupleDesc desc)
{
	MemoryContext before = MemoryContextSwitchTo(view->context);
	Datum		values[ES_FIELDS];
	bool		nulls[ES_FIELDS];

	for (int field = 1; field <= ES_FIELDS; field++)
		values[field - 1] = es_fetch_column(view, i, field, &nulls[field - 1]);
	MemoryContextSwitchTo(before);
	return heap_form_tuple(desc, values, nulls);
}

/* Takes the event, in the place of another one when the sample is full. */
static void
sample_event(Sample *sample, EsView *view, uint32 i)
{
	int			place;

	sample->seen++;
	if (sample->taken < sample->wanted)
	{
		sample->rows[sample->taken++] = make_row(view, i, sample->desc);
		return;
	}
	if (sample->skip < 0)
		sample->skip = reservoir_get_next_S(&sample->state, sample->seen - 1, sample->wanted);
	if (sample->skip-- > 0)
		return;
	sample->skip = -1;
	place = (int) (sample->wanted * sampler_random_fract(&sample->state.randstate));
	heap_freetuple(sample->rows[place]);
	sample->rows[place] = make_row(view, i, sample->desc);
}

static int
compare_positions(const void *a, const void *b, void *arg)
{
	TupleDesc	desc = arg;
	bool		isnull;
	int64		x = DatumGetInt64(heap_getattr(*(HeapTuple const *) a, ES_FIELD_POSITION, desc, &isnull));
	int64		y = DatumGetInt64(heap_getattr(*(HeapTuple const *) b, ES_FIELD_POSITION, desc, &isnull));

	return x < y ? -1 : x > y;
}

static int
acquire_sample(Relation table, int level pg_attribute_unused(), HeapTuple *rows, int wanted,
			   double *total, double *dead)
{
	Sample		sample = {.rows = rows,.wanted = wanted,.skip = -1,.desc = RelationGetDescr(table)};
	EsFilter	filter = {0};
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	BlockSamplerData pages;
	BlockNumber chosen;
	BlockNumber all;
	EsScan		scan;

	es_scan_begin(&scan, snapshot, &filter, ES_ORDER_NONE, &es_range_all, NULL);
	all = scan.blocks.page.pages;
	chosen = BlockSampler_Init(&pages, all, wanted, pg_prng_uint32(&pg_global_prng_state));
	reservoir_init_selection_state(&sample.state, wanted);
	while (BlockSampler_HasMore(&pages))
	{
		es_page_scan_only(&scan.blocks.page, BlockSampler_Next(&pages));
		while (es_scan_next(&scan))
		{
			for (uint32 i = 0; i < scan.view.count; i++)
				sample_event(&sample, &scan.view, i);
		}
		es_analyze_delay_point();
	}
	es_scan_end(&scan);
	UnregisterSnapshot(snapshot);
	qsort_arg(rows, sample.taken, sizeof(HeapTuple), compare_positions, sample.desc);
	*total = chosen > 0 ? floor(sample.seen / chosen * all + 0.5) : 0;
	*dead = 0;
	return sample.taken;
}

bool
es_fdw_analyze(Relation table, AcquireSampleRowsFunc *acquire, BlockNumber *pages)
{
	Relation	blocks;

	es_fdw_check_table(table);
	blocks = es_blocks_open(AccessShareLock);
	*pages = RelationGetNumberOfBlocks(blocks);
	table_close(blocks, NoLock);
	*acquire = acquire_sample;
	return true;
}
