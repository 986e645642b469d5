/*-------------------------------------------------------------------------
 *
 * refuse.c
 *	  What cannot be done to events: change, delete, truncate, lock.
 *
 * Changes are refused as the statement is planned, so EXPLAIN and PREPARE
 * refuse them too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/pathnodes.h"
#include "utils/rel.h"

#include "fdw/fdw.h"

/* Plans the target of UPDATE or DELETE. */
void
es_fdw_refuse_change(PlannerInfo *root, Index relation pg_attribute_unused(),
					 RangeTblEntry *entry pg_attribute_unused(), Relation table)
{
	es_fdw_check_table(table);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot %s \"events\"",
					root->parse->commandType == CMD_UPDATE ? "update" : "delete from"),
			 errdetail("Events are immutable."),
			 errhint("Append an event that corrects what an earlier one says.")));
}

void
es_fdw_refuse_truncate(List *tables, DropBehavior behavior pg_attribute_unused(),
					   bool restart pg_attribute_unused())
{
	es_fdw_check_table((Relation) linitial(tables));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot truncate \"events\""),
			 errdetail("Events are immutable.")));
}

/* Plans row locks; without any, the rows of a join are kept as they are. */
RowMarkType
es_fdw_row_mark(RangeTblEntry *entry, LockClauseStrength strength)
{
	if (strength == LCS_NONE)
		return ROW_MARK_COPY;
	es_fdw_check_relid(entry->relid);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot lock rows of \"events\""),
			 errdetail("Events are immutable and need no locks."),
			 errhint("In a join, name the other tables after OF.")));
}

/* Says what can be done to the table. */
int
es_fdw_is_updatable(Relation table pg_attribute_unused())
{
	return 1 << CMD_INSERT;
}
