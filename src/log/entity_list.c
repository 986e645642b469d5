/*-------------------------------------------------------------------------
 *
 * entity_list.c
 *	  Lists entities in the order of their names, with what a snapshot sees of them.
 *
 * The index has no order of names, so all names are looked at once; but only of those
 * that are listed are events read, two of each.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "log/entity_list.h"

static int
compare_slices(EsSlice a, EsSlice b)
{
	int			order = memcmp(a.data, b.data, Min(a.size, b.size));

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* By name and then by tenant; the heap has first what it thinks is greatest. */
static int
compare_entities(Datum a, Datum b, void *arg pg_attribute_unused())
{
	const EsEntity *left = (EsEntity *) DatumGetPointer(a);
	const EsEntity *right = (EsEntity *) DatumGetPointer(b);
	int			order = compare_slices(es_entity_id(left), es_entity_id(right));

	if (order == 0)
		order = compare_slices(es_tenant_name(es_entity_tenant_id(left)),
							   es_tenant_name(es_entity_tenant_id(right)));
	return -order;
}

static bool
is_listed(const EsEntityListRange *range, const EsEntity *entity)
{
	EsSlice		name = es_entity_id(entity);

	return name.size >= range->prefix.size &&
		(range->prefix.size == 0 || memcmp(name.data, range->prefix.data, range->prefix.size) == 0) &&
		(!range->has_after || compare_slices(name, range->after) > 0) &&
		(!range->one_tenant || es_slice_equal(es_entity_tenant_id(entity), range->tenant_id));
}

/* Called for each entity of the index. */
static void
add_entity(void *arg, EsEntity *entity)
{
	EsEntityList *list = arg;

	CHECK_FOR_INTERRUPTS();
	if (!is_listed(&list->range, entity))
		return;
	if (list->found_count == list->found_room)
		list->found = repalloc_huge(list->found, (Size) (list->found_room *= 2) * sizeof(EsEntity *));
	list->found[list->found_count++] = entity;
}

/*
 * Begins to list the entities of the range that have an event which the snapshot sees,
 * in the current memory context.
 */
void
es_entity_list_begin(EsEntityList *list, Snapshot snapshot, const EsEntityListRange *range)
{
	EsEntityRange none = {.entity_count = 0};

	list->range = *range;
	es_entity_scan_begin(&list->scan, snapshot, &none);
	list->found_count = 0;
	list->found_room = 64;
	list->found = palloc(list->found_room * sizeof(EsEntity *));
	es_index_visit(es_pool, &list->scan.open.store->index, add_entity, list);
	list->heap = binaryheap_allocate((int) Max(list->found_count, 1), compare_entities, NULL);
	for (uint32 i = 0; i < list->found_count; i++)
		binaryheap_add_unordered(list->heap, PointerGetDatum(list->found[i]));
	binaryheap_build(list->heap);
	pfree(list->found);
}

/* The next entity; false after the last. */
bool
es_entity_list_next(EsEntityList *list, EsEntitySummary *summary)
{
	while (!binaryheap_empty(list->heap))
	{
		EsEntity   *entity = (EsEntity *) DatumGetPointer(binaryheap_remove_first(list->heap));

		if (es_entity_scan_summary(&list->scan, entity, summary))
			return true;
	}
	return false;
}

void
es_entity_list_end(EsEntityList *list)
{
	binaryheap_free(list->heap);
	es_entity_scan_end(&list->scan);
}
