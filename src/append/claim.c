/*-------------------------------------------------------------------------
 *
 * claim.c
 *	  Claims the entities of a batch and checks their versions.
 *
 * Entities are claimed in the order of their hashes, so that two batches of
 * the same entities queue up instead of deadlocking.  A transaction that calls
 * several times can still deadlock with another; waiting for the other's xid
 * lets the server find that out.
 *
 * Nothing here writes to the log.  When something is wrong an error ends the
 * transaction or savepoint, and session.c gives the claims back.  Entities that
 * were new stay in the index, without events, until it lets them go or is built anew.
 *
 * An entity that is not in the index may be one that it has let go.  It is added and
 * claimed first, and then runs are asked which version it has: so nobody else can have
 * appended to it meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "utils/snapmgr.h"

#include "append/claim.h"
#include "log/entities.h"
#include "log/memory.h"
#include "log/reader.h"
#include "log/session.h"
#include "log/stores.h"
#include "log/xact.h"
#include "pg/errors.h"

/* Groups that are looked up before the first of them is claimed. */
#define CLAIM_WINDOW ES_PREFETCH_WINDOW

typedef struct Claimer
{
	EsOpenStore *open;
	uint64		xid;			/* of the innermost subtransaction */
	EsBatch    *batch;
	EsIngestResult *result;
	EsGroup    *group;			/* that is being claimed */
	EsReader	reader;			/* sees what is committed or our own */
	EsSlice		known_tenant;	/* is in the index */
} Claimer;

/* What to say of an entity in a message. */
static char *
describe_entity(const EsKey *key)
{
	char	   *entity_id = es_slice_for_message(key->entity_id);

	if (key->tenant_id.size == 0)
		return psprintf("\"%s\"", entity_id);
	return psprintf("\"%s\" of tenant \"%s\"", entity_id, es_slice_for_message(key->tenant_id));
}

/* ---------------------------------------------------------------- waiting */

/*
 * How the owner ended.  When the server has forgotten, the log itself tells:
 * by then every aborted row has been vacuumed away.
 */
static EsFate
fate_of_owner(void *arg, uint64 owner)
{
	Claimer    *claimer = arg;
	EsHandle	handle = {.key = claimer->group->key,.found = claimer->group->found,.in_runs = -1};
	EsStoredEvent stored;
	EsFate		fate;

	if (es_xact_is_own(owner))
		return ES_FATE_OWN;
	if (es_xact_fate(owner, &fate))
		return fate;
	return es_reader_head(&claimer->reader, &handle, es_reader_versions(&claimer->reader, &handle).known, &stored) ?
		ES_FATE_COMMITTED : ES_FATE_ABORTED;
}

static void
waiting_context(void *arg)
{
	errcontext("while waiting to append to entity %s", describe_entity(arg));
}

/* Sleeps until the transaction has ended. */
static void
wait_for(Claimer *claimer, EsKey *key, uint64 owner)
{
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = waiting_context,
		.arg = key
	};

	pg_atomic_fetch_add_u64(&claimer->open->store->counters.waits, 1);
	es_reader_end(&claimer->reader);	/* pin nothing while waiting */
	error_context_stack = &context;
	XactLockTableWait((TransactionId) owner, NULL, NULL, XLTW_None);
	error_context_stack = context.previous;
}

/* Adds the group's entity to the index, if it is not there. */
static void
find_or_add(Claimer *claimer, EsGroup *group)
{
	group->found = es_store_find_or_add(claimer->open->store, &group->key, &claimer->known_tenant);
}

/* Becomes the entity's owner, however long that takes. */
static void
claim_entity(Claimer *claimer, EsGroup *group)
{
	EsStore    *store = claimer->open->store;

	claimer->group = group;
	for (;;)
	{
		uint64		owner;
		EsClaim		claim = es_index_claim(es_pool, &store->index, &group->key, &group->found, claimer->xid,
										   fate_of_owner, claimer, &owner);

		if (claim == ES_CLAIM_GONE)
			find_or_add(claimer, group);
		else if (claim == ES_CLAIM_WAIT)
			wait_for(claimer, &group->key, owner);
		else
		{
			group->entity = group->found.entity;
			group->base = es_entity_total(group->entity);
			es_session_add(group->entity, group->base, claim == ES_CLAIM_NEW ? claimer->xid : 0);
			es_entity_note_use(group->entity);
			return;
		}
	}
}

/* Has runs say which version the entity has, of which the index does not know it yet. */
static void
resolve(Claimer *claimer, EsGroup *group)
{
	if (es_entity_is_resolved(group->entity))
		return;
	es_entity_resolve(group->entity, (uint32) es_reader_last_in_runs(&claimer->reader, &group->key));
	group->base = es_entity_total(group->entity);
}

/* What the own transaction holds, as readers know it. */
static EsHandle
handle_of(const EsGroup *group)
{
	return (EsHandle)
	{
		.key = group->key,.found = group->found,.in_runs = -1
	};
}

/* --------------------------------------------------------------- versions */

/*
 * With a snapshot for the whole transaction, what others committed since
 * cannot be built upon.
 */
static void
check_snapshot(Claimer *claimer, EsGroup *group)
{
	uint32		committed = es_entity_committed(group->entity);
	EsHandle	handle = handle_of(group);
	EsReader	reader;
	EsStoredEvent stored;
	bool		visible;

	if (!IsolationUsesXactSnapshot() || committed == 0)
		return;
	es_reader_begin(&reader, claimer->open->blocks, GetTransactionSnapshot());
	visible = es_reader_head(&reader, &handle, committed, &stored);
	es_reader_end(&reader);
	if (!visible)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent append to entity %s",
						describe_entity(&group->key)),
				 errhint("The transaction might succeed if retried.")));
}

static void
report_conflict(Claimer *claimer, const EsGroup *group)
{
	const EsEvent *first = es_group_first(claimer->batch, group);
	const char *entity = describe_entity(&group->key);

	pg_atomic_fetch_add_u64(&claimer->open->store->counters.conflicts, 1);
	ereport(ERROR,
			(errcode(ES_ERRCODE_WRONG_EXPECTED_VERSION),
			 first->expected_version == ES_VERSION_EXISTS ?
			 errmsg("wrong expected version of entity %s: it does not exist", entity) :
			 group->base == 0 ?
			 errmsg("wrong expected version of entity %s: expected " INT64_FORMAT ", but it does not exist",
					entity, first->expected_version) :
			 errmsg("wrong expected version of entity %s: expected " INT64_FORMAT ", is %u",
					entity, first->expected_version, group->base)));
}

static void
report_partial_repeat(Claimer *claimer, const EsGroup *group, uint32 matching)
{
	const EsEvent *first = es_group_first(claimer->batch, group);

	pg_atomic_fetch_add_u64(&claimer->open->store->counters.conflicts, 1);
	ereport(ERROR,
			(errcode(ES_ERRCODE_PARTIALLY_REPEATED),
			 errmsg("partially repeated append to entity %s: expected version " INT64_FORMAT ", is %u, and of %u events the first %u are stored already",
					describe_entity(&group->key), first->expected_version, group->base,
					group->event_count, matching)));
}

/* Position of this event if it is stored as 'version' already, else 0. */
static int64
stored_position(Claimer *claimer, const EsGroup *group, const EsEvent *event,
				uint32 version)
{
	EsHandle	handle = handle_of(group);
	EsStoredEvent stored;

	if (!(event->has & ES_HAS_EVENT_ID) || version > group->base)
		return 0;
	if (!es_reader_head(&claimer->reader, &handle, version, &stored) ||
		memcmp(stored.event.event_id, event->event_id, ES_UUID_SIZE) != 0)
		return 0;
	return stored.position;
}

static void
note_position(EsIngestResult *result, int64 position)
{
	if (result->first_position == 0 || position < result->first_position)
		result->first_position = position;
	result->last_position = Max(result->last_position, position);
}

/*
 * The entity is past the expected version.  Finds out whether this is a retry:
 * the same event ids in the same order from there on.
 */
static void
check_repeat(Claimer *claimer, EsGroup *group)
{
	EsBatch    *batch = claimer->batch;
	int64		version = es_group_first(batch, group)->expected_version;
	uint32		matching = 0;

	for (uint32 i = group->first_event; i != ES_NO_EVENT; i = batch->next_event[i])
	{
		int64		position;

		if (matching % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		position = stored_position(claimer, group, &batch->events[i], (uint32) ++version);
		if (position == 0)
		{
			if (matching == 0)
				report_conflict(claimer, group);
			report_partial_repeat(claimer, group, matching);
		}
		matching++;
		note_position(claimer->result, position);
		if (i == batch->event_count - 1)
			claimer->result->last_version = version;
	}
	group->duplicate = true;
	batch->duplicates += group->event_count;
}

static void
check_version(Claimer *claimer, EsGroup *group)
{
	const EsEvent *first = es_group_first(claimer->batch, group);
	int64		expected = first->expected_version;

	if (!(first->has & ES_HAS_EXPECTED_VERSION) || expected == (int64) group->base)
		return;
	if (expected == ES_VERSION_EXISTS && group->base > 0)
		return;
	if (expected == ES_VERSION_EXISTS || expected > (int64) group->base)
		report_conflict(claimer, group);
	check_repeat(claimer, group);
}

/* ------------------------------------------------------------------ memory */

static void
reserve_postings(Claimer *claimer, EsGroup *group)
{
	EsIndex    *index = &claimer->open->store->index;
	uint64		total = (uint64) group->base + group->event_count;

	if (total > ES_MAX_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("entity %s has too many events", describe_entity(&group->key)),
				 errdetail("An entity can have %u events.", ES_MAX_VERSION)));
	while (!es_postings_reserve(es_pool, &index->arena, &index->counts, group->entity, (uint32) total))
	{
		es_reader_end(&claimer->reader);	/* pin nothing while waiting */
		es_store_find_memory(claimer->open->store);
	}
	group->slots = es_posting_slots(es_pool, group->entity, group->base + 1, &group->slot_count);
}

/*
 * An entity that must exist and that nobody has ever claimed is a conflict at
 * once, and need not enter the index to be one.
 */
static void
check_existence(Claimer *claimer, const EsGroup *group)
{
	const EsEvent *first = es_group_first(claimer->batch, group);
	EsHandle	handle = {.key = group->key};

	if (!(first->has & ES_HAS_EXPECTED_VERSION) || first->expected_version == ES_VERSION_NONE)
		return;
	es_handle_look_up(claimer->open->store, &handle);
	if (handle.found.entity == NULL && handle.in_runs == 0)
		report_conflict(claimer, group);
}

static void
claim_group(Claimer *claimer, EsGroup *group)
{
	claim_entity(claimer, group);
	resolve(claimer, group);
	check_snapshot(claimer, group);
	check_version(claimer, group);
	if (!group->duplicate)
		reserve_postings(claimer, group);
}

static EsGroup *
group_in_order(const EsBatch *batch, uint32 i)
{
	return &batch->groups[batch->claim_order[i]];
}

/* Loads what claiming these groups will touch, and the groups after them. */
static void
prefetch_window(Claimer *claimer, uint32 first, uint32 last)
{
	const EsBatch *batch = claimer->batch;
	uint64		hashes[ES_PREFETCH_WINDOW];

	for (uint32 i = first; i < last; i++)
	{
		const EsGroup *group = group_in_order(batch, i);

		hashes[i - first] = group->key.hash;
		__builtin_prefetch(&es_group_first(batch, group)->has);
		if (i + CLAIM_WINDOW < batch->group_count)
			__builtin_prefetch(group_in_order(batch, i + CLAIM_WINDOW), 1);
	}
	es_index_prefetch(es_pool, &claimer->open->store->index, hashes, last - first);
}

/*
 * Claims the groups from the first up to before the last.  They are looked up
 * first, so that the memory to be changed is there when they are claimed.
 */
static void
claim_window(Claimer *claimer, uint32 first, uint32 last)
{
	prefetch_window(claimer, first, last);
	for (uint32 i = first; i < last; i++)
	{
		EsGroup    *group = group_in_order(claimer->batch, i);

		check_existence(claimer, group);
		find_or_add(claimer, group);
	}
	for (uint32 i = first; i < last; i++)
		claim_group(claimer, group_in_order(claimer->batch, i));
}

/*
 * Makes this transaction the owner of all the batch's entities, sets the
 * version that each has, and finds out which groups are stored already.  The
 * memory to publish the batch is there when this returns.
 */
void
es_claim_batch(EsOpenStore *open, EsBatch *batch, EsIngestResult *result)
{
	Claimer		claimer = {.open = open,.batch = batch,.result = result};

	claimer.xid = U64FromFullTransactionId(GetCurrentFullTransactionId());
	es_session_begin(open->store, batch->group_count);
	es_reader_begin(&claimer.reader, open->blocks, SnapshotSelf);
	for (uint32 i = 0; i < batch->group_count; i += CLAIM_WINDOW)
	{
		CHECK_FOR_INTERRUPTS();
		claim_window(&claimer, i, Min(i + CLAIM_WINDOW, batch->group_count));
	}
	es_reader_end(&claimer.reader);
	if (batch->duplicates > 0)
		PredicateLockRelation(open->blocks, GetActiveSnapshot());
}
