/*-------------------------------------------------------------------------
 *
 * table.c
 *	  Which table the wrapper works for: the extension's own, as it was made.
 *
 * Who may use the server could make a foreign table of their own, and its
 * owner has all rights on it; so it gives access to nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "utils/rel.h"

#include "fdw/fdw.h"
#include "filter/columns.h"
#include "pg/catalog.h"

static bool
columns_are_as_made(TupleDesc desc)
{
	if (desc->natts != ES_RECORDED_NATTS)
		return false;
	for (int i = 0; i < ES_RECORDED_NATTS; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (column->attisdropped || column->atttypid != es_column_forms[i + 1].type)
			return false;
	}
	return true;
}

/* Raises an error unless it is eventstore.events with the columns it was made with. */
void
es_fdw_check_table(Relation table)
{
	if (RelationGetRelid(table) != es_events_oid())
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("foreign table \"%s\" cannot be used", RelationGetRelationName(table)),
				 errdetail("The foreign-data wrapper \"eventstore\" is for \"eventstore.events\" only.")));
	if (!columns_are_as_made(RelationGetDescr(table)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("columns of \"events\" were added, dropped or changed"),
				 errhint("The foreign table must be as CREATE EXTENSION made it.")));
}

/* The same, of a table that is locked. */
void
es_fdw_check_relid(Oid relid)
{
	Relation	table = table_open(relid, NoLock);

	es_fdw_check_table(table);
	table_close(table, NoLock);
}
