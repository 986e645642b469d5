/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  The extension's own relations, and who may use them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_subscription_rel.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/catalog.h"
#include "pg/compat.h"
#include "pg/shmem.h"

#define SCHEMA "eventstore"

static Oid
find_relation_or_none(const char *name)
{
	Oid			schema = get_namespace_oid(SCHEMA, true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

/* A relation of the extension; oid is remembered while the catalogs are silent. */
typedef struct KnownRelation
{
	const char *name;
	Oid			oid;
} KnownRelation;

static KnownRelation known_blocks = {"blocks", InvalidOid};
static KnownRelation known_events = {"events", InvalidOid};
static KnownRelation known_sequence = {"position_seq", InvalidOid};
static KnownRelation known_recorded = {"recorded_event", InvalidOid};
static KnownRelation known_runs = {"runs", InvalidOid};
static KnownRelation known_run_pages = {"run_pages", InvalidOid};
static uint64 catalog_changes = 0;

/* Called when a relation or schema, any of them, was changed. */
static void
forget_relations(Datum arg pg_attribute_unused(), int cache pg_attribute_unused(),
				 uint32 hash pg_attribute_unused())
{
	known_blocks.oid = known_events.oid = InvalidOid;
	known_sequence.oid = known_recorded.oid = InvalidOid;
	known_runs.oid = known_run_pages.oid = InvalidOid;
	catalog_changes++;
}

static void
watch_catalogs(void)
{
	static bool watching = false;

	if (watching)
		return;
	CacheRegisterSyscacheCallback(RELOID, forget_relations, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_relations, (Datum) 0);
	watching = true;
}

/* Looks a relation up; what changes meanwhile leaves nothing remembered. */
static Oid
look_up(KnownRelation *relation)
{
	uint64		changes;
	Oid			oid;

	watch_catalogs();
	changes = catalog_changes;
	oid = find_relation_or_none(relation->name);
	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", SCHEMA, relation->name),
				 errhint("Run CREATE EXTENSION eventstore in this database.")));
	if (changes == catalog_changes)
		relation->oid = oid;
	return oid;
}

/* Finds a relation of the extension; raises an error when it is not there. */
static Oid
find_relation(KnownRelation *relation)
{
	return OidIsValid(relation->oid) ? relation->oid : look_up(relation);
}

/* Is it this relation of the extension, which need not be there? */
static bool
is_relation(KnownRelation *relation, Oid relid)
{
	return OidIsValid(relation->oid) ? relation->oid == relid :
		OidIsValid(relid) && find_relation_or_none(relation->name) == relid;
}

bool
es_is_events_oid(Oid relid)
{
	return is_relation(&known_events, relid);
}

bool
es_is_blocks_oid(Oid relid)
{
	return is_relation(&known_blocks, relid);
}

/* Is it one of all relations whose form is the extension's? */
bool
es_is_own_oid(Oid relid)
{
	return is_relation(&known_events, relid) || is_relation(&known_blocks, relid) ||
		is_relation(&known_sequence, relid) || is_relation(&known_recorded, relid) ||
		is_relation(&known_runs, relid) || is_relation(&known_run_pages, relid);
}

bool
es_is_schema_oid(Oid schema)
{
	return OidIsValid(schema) && get_namespace_oid(SCHEMA, true) == schema;
}

/* The function of the block table's triggers, or none. */
Oid
es_blocks_changed_oid(void)
{
	return LookupFuncName(list_make2(makeString(SCHEMA), makeString("blocks_changed")), 0, NULL, true);
}

/* JSON text is stored as it is given, and read as UTF-8. */
void
es_check_encoding(void)
{
	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("eventstore needs a database with encoding UTF8"),
				 errdetail("The encoding of this database is %s.",
						   GetDatabaseEncodingName())));
}

/*
 * Opens the block table for the extension's own use.  Raises an error where
 * eventstore cannot work: not preloaded, another encoding; on a standby, to write.
 */
Relation
es_blocks_open(LOCKMODE mode)
{
	Relation	blocks;

	es_shmem_check_loaded();
	if (mode > AccessShareLock)
		PreventCommandDuringRecovery("a change of events");
	es_check_encoding();
	blocks = table_open(es_blocks_oid(), mode);
	if (RelationGetNumberOfAttributes(blocks) != ES_BLOCKS_NATTS)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("columns of the block table were added or dropped"),
				 errhint("The block table must be as CREATE EXTENSION made it.")));
	return blocks;
}

Oid
es_blocks_oid(void)
{
	return find_relation(&known_blocks);
}

/* Is it the trigger that tells of changes that bypass the functions? */
bool
es_is_blocks_trigger(Oid trigger)
{
	Oid			blocks = find_relation_or_none("blocks");

	return OidIsValid(blocks) && get_trigger_oid(blocks, "blocks_changed", true) == trigger;
}

bool
es_is_blocks(Relation relation)
{
	return RelationGetRelid(relation) == es_blocks_oid();
}

Oid
es_events_oid(void)
{
	return find_relation(&known_events);
}

Oid
es_runs_oid(void)
{
	return find_relation(&known_runs);
}

Oid
es_run_pages_oid(void)
{
	return find_relation(&known_run_pages);
}

Oid
es_position_sequence(void)
{
	return find_relation(&known_sequence);
}

/* What runs as the owner of a relation of the extension. */
typedef struct OwnerSwitch
{
	Oid			user;
	int			context;
} OwnerSwitch;

static OwnerSwitch
become_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	OwnerSwitch before;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	GetUserIdAndSecContext(&before.user, &before.context);
	SetUserIdAndSecContext(((Form_pg_class) GETSTRUCT(tuple))->relowner,
						   before.context | SECURITY_LOCAL_USERID_CHANGE);
	ReleaseSysCache(tuple);
	return before;
}

static void
become_again(OwnerSwitch before)
{
	SetUserIdAndSecContext(before.user, before.context);
}

/* The value last set; 0 when there is none. */
int64
es_sequence_last_value(Oid sequence)
{
	LOCAL_FCINFO(fcinfo, 1);
	OwnerSwitch before = become_owner(sequence);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(sequence);
	fcinfo->args[0].isnull = false;
	result = pg_sequence_last_value(fcinfo);
	become_again(before);
	return fcinfo->isnull ? 0 : DatumGetInt64(result);
}

/*
 * Sets the sequence, durably and not undone by a rollback.  setval() is used and not nextval(), because that would change what the
 * user's lastval() returns.
 */
void
es_sequence_set(Oid sequence, int64 value)
{
	OwnerSwitch before = become_owner(sequence);

	DirectFunctionCall2(setval_oid, ObjectIdGetDatum(sequence), Int64GetDatum(value));
	become_again(before);

	/* readers learn of positions before the transaction that has them commits */
	XLogFlush(XactLastRecEnd);
}

static void
check_right(AclMode mode)
{
	AclResult	result = pg_class_aclcheck(es_events_oid(), GetUserId(), mode);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FOREIGN_TABLE, SCHEMA ".events");
}

/* Raises an error unless the user may write events here and now. */
void
es_check_may_write(const char *function)
{
	PreventCommandIfReadOnly(function);
	PreventCommandIfParallelMode(function);
	check_right(ACL_INSERT);
}

/* May the user read all events? */
bool
es_may_read(void)
{
	return pg_class_aclcheck(es_events_oid(), GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

void
es_check_may_read(void)
{
	check_right(ACL_SELECT);
}

/* Statistics are for those who may read events, and for those who watch the server. */
void
es_check_may_monitor(void)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))
		es_check_may_read();
}

/* Does a subscription of this database bring the block table another server's changes? */
bool
es_blocks_are_subscribed(void)
{
	Relation	subscribed = table_open(SubscriptionRelRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	ScanKeyInit(&key, Anum_pg_subscription_rel_srrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(es_blocks_oid()));
	scan = systable_beginscan(subscribed, SubscriptionRelSrrelidSrsubidIndexId, true, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(subscribed, AccessShareLock);
	return found;
}

/* Raises an error unless the user owns the store. */
void
es_check_owner(const char *function)
{
	if (!es_owns_relation(es_blocks_oid(), GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s", function),
				 errdetail("Only the owner of the extension may call it.")));
}
