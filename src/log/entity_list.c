/*-------------------------------------------------------------------------
 *
 * entity_list.c
 *	  Lists entities in the order of their names, with what a snapshot sees of them.
 *
 * Nothing has an order of names, so all names are looked at.  Of those the first few are
 * kept, which is mostly all that is asked for; who wants more has them all sorted, in
 * work_mem and on disk.  Only of entities that are listed are events read, two of each.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"

#include "log/entity_list.h"
#include "log/entity_walk.h"

/* So many are kept at first. */
#define FIRST_NAMES 1024

/* A name and its tenant with a 0 between them, which neither has: so they are in order as bytes. */
struct EsListedName
{
	uint32		size;
	char		bytes[ES_MAX_ENTITY_ID + 1 + ES_MAX_TENANT_ID];
};

static void
put_name(EsListedName *name, const EsKey *key)
{
	char	   *out = es_put_slice(name->bytes, key->entity_id);

	*out++ = '\0';
	out = es_put_slice(out, es_tenant_name(key->tenant_id));
	name->size = (uint32) (out - name->bytes);
}

static EsSlice
bytes_of(const EsListedName *name)
{
	return es_slice(name->bytes, name->size);
}

static int
compare_slices(EsSlice a, EsSlice b)
{
	int			order = memcmp(a.data, b.data, Min(a.size, b.size));

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int
compare_names(Datum a, Datum b, void *arg pg_attribute_unused())
{
	return compare_slices(bytes_of((EsListedName *) DatumGetPointer(a)),
						  bytes_of((EsListedName *) DatumGetPointer(b)));
}

static bool
is_listed(const EsEntityListRange *range, const EsKey *key)
{
	EsSlice		name = key->entity_id;

	return name.size >= range->prefix.size &&
		(range->prefix.size == 0 || memcmp(name.data, range->prefix.data, range->prefix.size) == 0) &&
		(!range->has_after || compare_slices(name, range->after) > 0) &&
		(!range->one_tenant || es_slice_equal(key->tenant_id, range->tenant_id));
}

/* The next entity of the range, and its name; false after the last. */
static bool
next_listed(EsEntityList *list, EsEntityWalk *walk, EsListedName *name)
{
	EsHandle	handle;

	while (es_entity_walk_next(walk, &handle))
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_listed(&list->range, &handle.key))
			continue;
		put_name(name, &handle.key);
		return true;
	}
	return false;
}

/* Keeps the first names, in a heap that has the last of them first. */
static void
keep_first(EsEntityList *list)
{
	EsEntityWalk *walk = es_entity_walk_begin(list->scan.open.store, &list->scan.reader);
	binaryheap *heap = list->heap;
	EsListedName *name = palloc(sizeof(EsListedName));

	while (next_listed(list, walk, name))
	{
		Datum		last;

		if (heap->bh_size < FIRST_NAMES)
		{
			binaryheap_add(heap, PointerGetDatum(name));
			name = palloc(sizeof(EsListedName));
			continue;
		}
		list->more = true;
		last = binaryheap_first(heap);
		if (compare_names(PointerGetDatum(name), last, NULL) >= 0)
			continue;
		binaryheap_replace_first(heap, PointerGetDatum(name));
		name = (EsListedName *) DatumGetPointer(last);
	}
	es_entity_walk_end(walk);
	list->count = (uint32) heap->bh_size;
	for (uint32 i = list->count; i-- > 0;)
		list->first[i] = (EsListedName *) DatumGetPointer(binaryheap_remove_first(heap));
}

/* Sorts all names behind the ones that were kept. */
static void
sort_others(EsEntityList *list)
{
	static const EsNameOrder by_bytes = {TextLessOperator, C_COLLATION_OID};
	EsEntityWalk *walk = es_entity_walk_begin(list->scan.open.store, &list->scan.reader);
	EsSlice		last = bytes_of(list->first[list->count - 1]);
	EsListedName name;

	list->others = es_entity_names_begin(&by_bytes);
	while (next_listed(list, walk, &name))
	{
		if (compare_slices(bytes_of(&name), last) > 0)
			es_entity_names_add(list->others, bytes_of(&name));
	}
	es_entity_walk_end(walk);
	es_entity_names_sort(list->others);
}

/*
 * Begins to list the entities of the range that have an event which the snapshot sees,
 * in the current memory context.
 */
void
es_entity_list_begin(EsEntityList *list, Snapshot snapshot, const EsEntityListRange *range)
{
	EsEntityRange none = {.entity_count = 0};

	memset(list, 0, offsetof(EsEntityList, scan));
	list->range = *range;
	list->context = CurrentMemoryContext;
	es_entity_scan_begin(&list->scan, snapshot, &none);
	list->first = palloc(FIRST_NAMES * sizeof(EsListedName *));
	list->heap = binaryheap_allocate(FIRST_NAMES, compare_names, NULL);
	keep_first(list);
}

/* The next name; false after the last. */
static bool
next_name(EsEntityList *list, EsSlice *name)
{
	if (list->next < list->count)
	{
		*name = bytes_of(list->first[list->next++]);
		return true;
	}
	if (list->more && list->others == NULL)
	{
		MemoryContext before = MemoryContextSwitchTo(list->context);

		sort_others(list);
		MemoryContextSwitchTo(before);
	}
	return list->others != NULL && es_entity_names_next(list->others, name);
}

/* The next entity, whose name is good until the next call; false after the last. */
bool
es_entity_list_next(EsEntityList *list, EsEntitySummary *summary)
{
	EsSlice		name;

	while (next_name(list, &name))
	{
		EsSlice		entity_id = es_slice(name.data, strnlen(name.data, name.size));
		EsSlice		tenant = es_slice(name.data + entity_id.size + 1, name.size - entity_id.size - 1);

		if (es_entity_scan_summary(&list->scan, es_tenant_stored(tenant), entity_id, summary))
			return true;
	}
	return false;
}

void
es_entity_list_end(EsEntityList *list)
{
	if (list->others != NULL)
		es_entity_names_end(list->others);
	binaryheap_free(list->heap);
	es_entity_scan_end(&list->scan);
}
