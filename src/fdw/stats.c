/*-------------------------------------------------------------------------
 *
 * stats.c
 *	  What the planner learns of the columns without ANALYZE: how many entities there
 *	  are, from the index, and which columns are unique.
 *
 * What ANALYZE found otherwise, such as the most common values, is kept; only the
 * number of distinct values is replaced by one that is always up to date.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "core/fields.h"
#include "fdw/stats.h"
#include "log/store.h"
#include "pg/catalog.h"

/* Bytes of an entity_id, where ANALYZE has not measured them. */
#define USUAL_WIDTH 16

static get_relation_stats_hook_type previous_hook = NULL;

/* A row of pg_statistic that says nothing but how many distinct values there are. */
static HeapTuple
make_statistics(TupleDesc desc, Oid relid, AttrNumber column, double distinct)
{
	Datum		values[Natts_pg_statistic] = {0};
	bool		nulls[Natts_pg_statistic] = {false};

	values[Anum_pg_statistic_starelid - 1] = ObjectIdGetDatum(relid);
	values[Anum_pg_statistic_staattnum - 1] = Int16GetDatum(column);
	values[Anum_pg_statistic_stawidth - 1] = Int32GetDatum(USUAL_WIDTH);
	values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum((float4) distinct);
	for (int k = 0; k < STATISTIC_NUM_SLOTS; k++)
	{
		nulls[Anum_pg_statistic_stanumbers1 - 1 + k] = true;
		nulls[Anum_pg_statistic_stavalues1 - 1 + k] = true;
	}
	return heap_form_tuple(desc, values, nulls);
}

/* What is known of the column, with another number of distinct values. */
static HeapTuple
statistics_with(Oid relid, AttrNumber column, double distinct)
{
	HeapTuple	known = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid),
										Int16GetDatum(column), BoolGetDatum(false));
	Relation	statistics = table_open(StatisticRelationId, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(statistics);
	Datum		values[Natts_pg_statistic] = {0};
	bool		nulls[Natts_pg_statistic] = {false};
	bool		replaces[Natts_pg_statistic] = {false};
	HeapTuple	result;

	values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum((float4) distinct);
	replaces[Anum_pg_statistic_stadistinct - 1] = true;
	result = HeapTupleIsValid(known) ? heap_modify_tuple(known, desc, values, nulls, replaces) :
		make_statistics(desc, relid, column, distinct);
	table_close(statistics, AccessShareLock);
	if (HeapTupleIsValid(known))
		ReleaseSysCache(known);
	return result;
}

/* The number of entities is for those only who may read all events; see plan.c. */
static bool
on_relation_stats(PlannerInfo *root, RangeTblEntry *entry, AttrNumber column,
				  VariableStatData *variable)
{
	double		events;
	double		entities;
	double		tenants;

	if (previous_hook != NULL && previous_hook(root, entry, column, variable))
		return true;
	if (entry->relkind != RELKIND_FOREIGN_TABLE || entry->inh || !es_is_events_oid(entry->relid))
		return false;
	if (column == ES_FIELD_POSITION || column == ES_FIELD_EVENT_ID)
		variable->isunique = true;
	if (column != ES_FIELD_ENTITY_ID || !es_may_read() ||
		!es_store_estimate(&events, &entities, &tenants) || entities < 1)
		return false;
	variable->statsTuple = statistics_with(entry->relid, column, entities);
	variable->freefunc = heap_freetuple;
	variable->acl_ok = true;
	return true;
}

void
es_stats_install(void)
{
	previous_hook = get_relation_stats_hook;
	get_relation_stats_hook = on_relation_stats;
}
