/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Refuses changes of "events" and "blocks" that would not hold.
 *
 * The relation is as CREATE EXTENSION made it, and events are stored by other ways
 * than the executor's.  So what an owner may put on it is what every way in obeys:
 * triggers, and CHECK constraints that say nothing of the events that are there
 * already, since the planner would believe them.  The rest is refused at once, not
 * when the relation is next used.
 *
 * All of it is noticed by the server's hook for changes of objects, which sees
 * changes that come from a parent, too.  What it is called for is not visible to
 * ordinary snapshots yet.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/fields.h"
#include "fdw/guard.h"
#include "log/block_scan.h"
#include "pg/catalog.h"

static object_access_hook_type previous_hook = NULL;

/* Copies the row of a catalog as it is now; NULL when it is not found. */
static HeapTuple
current_row(Oid catalog, Oid index, AttrNumber key, Oid oid)
{
	Relation	relation = table_open(catalog, AccessShareLock);
	ScanKeyData scan_key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&scan_key, key, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
	scan = systable_beginscan(relation, index, true, SnapshotSelf, 1, &scan_key);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
		row = heap_copytuple(row);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return row;
}

static void
refuse(Oid relid, const char *what, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot %s of \"%s\"", what, get_rel_name(relid)),
			 errdetail("%s", detail),
			 hint == NULL ? 0 : errhint("%s", hint)));
}

/* Is it one of the relations whose form is the extension's? */
static bool
is_guarded(Oid relid)
{
	return OidIsValid(relid) && (es_is_events_oid(relid) || es_is_blocks_oid(relid));
}

static void
check_column(Oid relid)
{
	if (is_guarded(relid))
		refuse(relid, "change columns", "The extension reads and writes it as CREATE EXTENSION made it.",
			   "A view of \"eventstore.events\" can have other columns, and CHECK constraints can be NOT VALID.");
}

/* A change of the relation itself: the owner may be another, its name may not. */
static void
check_relation(Oid relid)
{
	HeapTuple	row;
	Form_pg_class form;

	if (!is_guarded(relid))
		return;
	row = current_row(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, relid);
	if (!HeapTupleIsValid(row))
		return;
	form = (Form_pg_class) GETSTRUCT(row);
	if (form->relnamespace != get_rel_namespace(relid) ||
		strcmp(NameStr(form->relname), get_rel_name(relid)) != 0)
		refuse(relid, "change the name or schema", "The extension finds it by its name.", NULL);
}

static void
check_constraint(Oid oid)
{
	HeapTuple	row = current_row(ConstraintRelationId, ConstraintOidIndexId,
								  Anum_pg_constraint_oid, oid);
	Form_pg_constraint form;

	if (!HeapTupleIsValid(row))
		return;
	form = (Form_pg_constraint) GETSTRUCT(row);
	if (!is_guarded(form->conrelid))
		return;
	if (form->contype != CONSTRAINT_CHECK)
		check_column(form->conrelid);	/* NOT NULL, as 18 has it */
	if (es_is_blocks_oid(form->conrelid))
		refuse(form->conrelid, "change constraints", "Events are stored without them.",
			   "Constraints can be added to \"eventstore.events\".");
	if (form->convalidated)
		refuse(form->conrelid, "validate a constraint",
			   "Whether the events that are there keep it is not tested, and plans would rely on it.",
			   "Add it NOT VALID; it then holds for all events that are stored from then on.");
}

static void
check_trigger(Oid oid)
{
	HeapTuple	row = current_row(TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, oid);

	if (HeapTupleIsValid(row) && es_is_blocks_oid(((Form_pg_trigger) GETSTRUCT(row))->tgrelid))
		refuse(es_blocks_oid(), "change triggers", "Events are stored without them.",
			   "Triggers can be created on \"eventstore.events\".");
}

/* The default of a column, as text; NULL when there is none. */
static char *
default_text(Oid relid, int column)
{
	Relation	defaults = table_open(AttrDefaultRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	row;
	char	   *words = NULL;

	ScanKeyInit(&keys[0], Anum_pg_attrdef_adrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_attrdef_adnum, BTEqualStrategyNumber, F_INT2EQ,
				Int16GetDatum(column));
	scan = systable_beginscan(defaults, AttrDefaultIndexId, true, SnapshotSelf, 2, keys);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
	{
		bool		isnull;
		Datum		expression = heap_getattr(row, Anum_pg_attrdef_adbin,
											  RelationGetDescr(defaults), &isnull);

		words = TextDatumGetCString(DirectFunctionCall2(pg_get_expr, expression,
														ObjectIdGetDatum(relid)));
	}
	systable_endscan(scan);
	table_close(defaults, AccessShareLock);
	return words;
}

/* The payload is empty by default, for functions always. */
static void
check_default(Oid relid, int column)
{
	const char *text;

	if (!is_guarded(relid) || (text = default_text(relid, column)) == NULL ||
		(es_is_events_oid(relid) && column == ES_FIELD_PAYLOAD && strcmp(text, "'{}'::jsonb") == 0))
		return;
	refuse(relid, "change defaults", "append() and ingest_batch() would not use them.",
		   "A BEFORE INSERT trigger of \"eventstore.events\" can set columns that are null.");
}

/* Does the relation have this parent now? */
static bool
has_parent(Oid relid, Oid parent)
{
	Relation	inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, SnapshotSelf, 1, &key);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
		found |= ((Form_pg_inherits) GETSTRUCT(row))->inhparent == parent;
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return found;
}

/* Partitions have bounds, which plans believe; so events must all be within. */
static void
check_parent(Oid relid, Oid parent)
{
	Snapshot	snapshot;
	bool		any;

	if (!is_guarded(relid) || get_rel_relkind(parent) != RELKIND_PARTITIONED_TABLE ||
		!has_parent(relid, parent))
		return;
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	any = es_log_has_events(snapshot);
	UnregisterSnapshot(snapshot);
	if (any)
		refuse(relid, "change the partitioned table",
			   "Whether the events that are there are within the bounds of a partition is not tested, and plans would rely on it.",
			   "Attach it before events are stored, or use a view with UNION ALL.");
}

static void
check_change(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	switch (class_id)
	{
		case RelationRelationId:
			if (sub_id != 0)
				check_column(object_id);
			else if (access == OAT_POST_ALTER)
				check_relation(object_id);
			break;
		case ConstraintRelationId:
			check_constraint(object_id);
			break;
		case TriggerRelationId:
			if (access == OAT_POST_CREATE)
				check_trigger(object_id);
			break;
		case AttrDefaultRelationId:
			check_default(object_id, sub_id);
			break;
		case InheritsRelationId:
			if (access == OAT_POST_ALTER && arg != NULL)
				check_parent(object_id, ((ObjectAccessPostAlter *) arg)->auxiliary_id);
			break;
	}
}

/* Scripts of extensions, and pg_upgrade, may do what they like. */
static void
on_object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (previous_hook)
		previous_hook(access, class_id, object_id, sub_id, arg);
	if (creating_extension || IsBinaryUpgrade)
		return;
	if (access == OAT_POST_CREATE || access == OAT_POST_ALTER ||
		(access == OAT_DROP && class_id == RelationRelationId && sub_id != 0))
		check_change(access, class_id, object_id, sub_id, arg);
}

void
es_guard_install(void)
{
	previous_hook = object_access_hook;
	object_access_hook = on_object_access;
}
