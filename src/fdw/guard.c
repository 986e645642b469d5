/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Refuses changes of the extension's relations that would not hold.
 *
 * The relation is as CREATE EXTENSION made it, and events are stored by other ways
 * than the executor's.  So what an owner may put on it is what every way in obeys:
 * triggers, and CHECK constraints that say nothing of the events that are there
 * already, since the planner would believe them.  The rest is refused at once, not
 * when the relation is next used.  What is dropped may have been part of something
 * that is dropped as a whole, which cannot be told; so it can be made again.
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
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

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
refuse(const char *name, const char *what, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot %s of \"%s\"", what, name),
			 errdetail("%s", detail),
			 hint == NULL ? 0 : errhint("%s", hint)));
}

/* What differs between two rows of pg_attribute. */
typedef enum Difference
{
	NOTHING, FOR_ANALYZE, FORM
} Difference;

static Difference
compare_attributes(TupleDesc desc, HeapTuple before, HeapTuple after)
{
	Difference	difference = NOTHING;

	for (int i = 1; i <= desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i - 1);
		bool		nulls[2];
		Datum		was = heap_getattr(before, i, desc, &nulls[0]);
		Datum		is = heap_getattr(after, i, desc, &nulls[1]);

		if (nulls[0] == nulls[1] &&
			(nulls[0] || datumIsEqual(was, is, attribute->attbyval, attribute->attlen)))
			continue;
		if (i != Anum_pg_attribute_attstattarget && i != Anum_pg_attribute_attoptions)
			return FORM;
		difference = FOR_ANALYZE;
	}
	return difference;
}

/* What a change of a column changes, which the caches do not have yet. */
static Difference
change_of_column(Oid relid, AttrNumber column)
{
	HeapTuple	before = SearchSysCacheCopy2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(column));
	Relation	attributes = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	after;
	Difference	difference = FORM;

	ScanKeyInit(&keys[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_attribute_attnum, BTEqualStrategyNumber, F_INT2EQ,
				Int16GetDatum(column));
	scan = systable_beginscan(attributes, AttributeRelidNumIndexId, true, SnapshotSelf, 2, keys);
	after = systable_getnext(scan);
	if (HeapTupleIsValid(before) && HeapTupleIsValid(after))
		difference = compare_attributes(RelationGetDescr(attributes), before, after);
	systable_endscan(scan);
	table_close(attributes, AccessShareLock);
	return difference;
}

/*
 * Does the column keep its form?  What ANALYZE is told may change; and to add the
 * primary key again changes nothing of its column, but says so.
 */
static bool
column_stays(Oid relid, AttrNumber column)
{
	Difference	difference = change_of_column(relid, column);

	return difference == FOR_ANALYZE ||
		(difference == NOTHING && es_is_blocks_oid(relid) && column == ES_BLOCKS_FIRST_POSITION);
}

static void
refuse_column(Oid relid)
{
	refuse(get_rel_name(relid), "change columns", "The extension reads and writes it as CREATE EXTENSION made it.",
		   "A view of \"eventstore.events\" can have other columns, and CHECK constraints can be NOT VALID.");
}

static void
check_column(ObjectAccessType access, Oid relid, AttrNumber column)
{
	if (es_is_own_oid(relid) && !(access == OAT_POST_ALTER && column_stays(relid, column)))
		refuse_column(relid);
}

/* A change of the relation itself: the owner may be another, its name may not. */
static void
check_relation(Oid relid)
{
	HeapTuple	row;
	Form_pg_class form;

	if (!es_is_own_oid(relid))
		return;
	row = current_row(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, relid);
	if (!HeapTupleIsValid(row))
		return;
	form = (Form_pg_class) GETSTRUCT(row);
	if (form->relnamespace != get_rel_namespace(relid) ||
		strcmp(NameStr(form->relname), get_rel_name(relid)) != 0)
		refuse(get_rel_name(relid), "change the name or schema", "The extension finds it by its name.", NULL);
	if (form->relpersistence != RELPERSISTENCE_PERMANENT ||
		(form->relkind == RELKIND_RELATION && form->relam != HEAP_TABLE_AM_OID))
		refuse(get_rel_name(relid), "change the storage", "The log relies on WAL, and on the access method heap.", NULL);
}

static void
check_schema(Oid schema)
{
	HeapTuple	row;

	if (!es_is_schema_oid(schema))
		return;
	row = current_row(NamespaceRelationId, NamespaceOidIndexId, Anum_pg_namespace_oid, schema);
	if (HeapTupleIsValid(row) &&
		strcmp(NameStr(((Form_pg_namespace) GETSTRUCT(row))->nspname), get_namespace_name(schema)) != 0)
		refuse(get_namespace_name(schema), "change the name", "The extension finds its relations by it.", NULL);
}

/* The primary key of a table, which may have been dropped. */
static bool
is_primary_key(Form_pg_constraint form)
{
	return form->contype == CONSTRAINT_PRIMARY && !form->condeferrable;
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
	if (!es_is_own_oid(form->conrelid) || is_primary_key(form))
		return;
	if (form->contype != CONSTRAINT_CHECK)
		refuse_column(form->conrelid);	/* NOT NULL, as 18 has it */
	if (es_is_blocks_oid(form->conrelid))
		refuse("blocks", "change constraints", "Events are stored without them.",
			   "Constraints can be added to \"eventstore.events\".");
	if (form->convalidated)
		refuse("events", "validate a constraint",
			   "Whether the events that are there keep it is not tested, and plans would rely on it.",
			   "Add it NOT VALID; it then holds for all events that are stored from then on.");
}

/* Those of CREATE EXTENSION may have been dropped, too. */
static void
check_trigger(Oid oid)
{
	HeapTuple	row = current_row(TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, oid);
	Form_pg_trigger form;

	if (!HeapTupleIsValid(row))
		return;
	form = (Form_pg_trigger) GETSTRUCT(row);
	if (es_is_blocks_oid(form->tgrelid) && form->tgfoid != es_blocks_changed_oid())
		refuse("blocks", "change triggers", "Events are stored without them.",
			   "Triggers can be created on \"eventstore.events\".");
}

static void
check_rule(Oid oid)
{
	HeapTuple	row = current_row(RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, oid);
	Oid			relid = HeapTupleIsValid(row) ? ((Form_pg_rewrite) GETSTRUCT(row))->ev_class : InvalidOid;

	if (es_is_own_oid(relid))
		refuse(get_rel_name(relid), "create rules", "Functions read and store events without them.",
			   "A view of \"eventstore.events\" can have rules.");
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

	if (!es_is_own_oid(relid) || (text = default_text(relid, column)) == NULL ||
		(es_is_events_oid(relid) && column == ES_FIELD_PAYLOAD && strcmp(text, "'{}'::jsonb") == 0))
		return;
	refuse(get_rel_name(relid), "change defaults", "append() and ingest_batch() would not use them.",
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

/* Is the relation "events", or a partitioned table that has it? */
static bool
contains_events(Oid relid)
{
	return OidIsValid(relid) &&
		(es_is_events_oid(relid) ||
		 list_member_oid(get_partition_ancestors(es_events_oid()), relid));
}

/*
 * Partitions have bounds, which plans believe; so events must all be within.  A
 * new partition changes the bounds of the default one beside it.  The lock has
 * those wait who have stored events that are not committed yet.
 */
static void
check_partition(Oid relid, Oid parent)
{
	Snapshot	snapshot;
	bool		any;

	if (!contains_events(relid) && !contains_events(get_default_partition_oid(parent)))
		return;
	LockRelationOid(es_events_oid(), AccessExclusiveLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	any = es_log_has_events(snapshot);
	UnregisterSnapshot(snapshot);
	if (any)
		refuse("events", "change the bounds",
			   "Whether the events that are there are within the bounds of a partition is not tested, and plans would rely on it.",
			   "Attach it before events are stored, or use a view with UNION ALL.");
}

/* Something got a parent, or lost one. */
static void
check_parent(Oid relid, Oid parent)
{
	if (!has_parent(relid, parent))
		return;
	if (es_is_own_oid(parent))
		refuse(get_rel_name(parent), "change children", "Functions read no events from other relations.",
			   "A view can add rows to those of \"eventstore.events\".");
	if (get_rel_relkind(parent) == RELKIND_PARTITIONED_TABLE)
		check_partition(relid, parent);
}

static void
check_change(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	switch (class_id)
	{
		case RelationRelationId:
			if (sub_id != 0)
				check_column(access, object_id, sub_id);
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
		case RewriteRelationId:
			check_rule(object_id);
			break;
		case NamespaceRelationId:
			check_schema(object_id);
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

/*
 * Scripts of extensions, and pg_upgrade, may do what they like; and so may databases
 * without the extension, whose relations may have the same names.
 */
static void
on_object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (previous_hook)
		previous_hook(access, class_id, object_id, sub_id, arg);
	if (creating_extension || IsBinaryUpgrade)
		return;
	if ((access == OAT_POST_CREATE || access == OAT_POST_ALTER ||
		 (access == OAT_DROP && class_id == RelationRelationId && sub_id != 0)) &&
		OidIsValid(get_extension_oid("eventstore", true)))
		check_change(access, class_id, object_id, sub_id, arg);
}

void
es_guard_install(void)
{
	previous_hook = object_access_hook;
	object_access_hook = on_object_access;
}
