/*-------------------------------------------------------------------------
 *
 * entity_names.c
 *	  The names of entities, each once, in the order of a collation.
 *
 * The index has no order, so names are sorted, by PostgreSQL's sort: in work_mem, or
 * on disk where there are more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "log/entity_names.h"
#include "pg/compat.h"

/* Begins to collect names, in the current memory context. */
EsEntityNames *
es_entity_names_begin(const EsNameOrder *order)
{
	EsEntityNames *names = palloc(sizeof(EsEntityNames));
	bool		any = !OidIsValid(order->operator);

	names->last_size = 0;
	names->sort = tuplesort_begin_datum(TEXTOID, any ? TextLessOperator : order->operator,
										any ? C_COLLATION_OID : order->collation, false,
										work_mem, NULL, TUPLESORT_NONE);
	return names;
}

void
es_entity_names_add(EsEntityNames *names, EsSlice name)
{
	text	   *datum = cstring_to_text_with_len(name.data, name.size);

	tuplesort_putdatum(names->sort, PointerGetDatum(datum), false);
	pfree(datum);
}

/* All names have been added. */
void
es_entity_names_sort(EsEntityNames *names)
{
	tuplesort_performsort(names->sort);
}

/* The next name, which lasts until the next call; false after the last. */
bool
es_entity_names_next(EsEntityNames *names, EsSlice *name)
{
	Datum		datum;

	while (es_sorted_datum(names->sort, &datum))
	{
		EsSlice		next = es_slice(VARDATA_ANY(DatumGetPointer(datum)),
									VARSIZE_ANY_EXHDR(DatumGetPointer(datum)));
		bool		again = es_slice_equal(next, es_slice(names->last, names->last_size));

		memcpy(names->last, next.data, next.size);
		names->last_size = next.size;
		pfree(DatumGetPointer(datum));
		if (again)
			continue;
		*name = es_slice(names->last, names->last_size);
		return true;
	}
	return false;
}

void
es_entity_names_end(EsEntityNames *names)
{
	tuplesort_end(names->sort);
	pfree(names);
}
