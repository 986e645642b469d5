/*-------------------------------------------------------------------------
 *
 * read_api.c
 *	  The functions that read events.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "api/result.h"
#include "log/read.h"
#include "pg/catalog.h"
#include "pg/compat.h"
#include "row/input.h"

ES_FUNCTION(es_read_entity_sql);
ES_FUNCTION(es_read_all_sql);
ES_FUNCTION(es_entity_version_sql);
ES_FUNCTION(es_last_event_sql);
ES_FUNCTION(es_get_event_sql);
ES_FUNCTION(es_safe_position_sql);

Datum
es_read_entity_sql(PG_FUNCTION_ARGS)
{
	EsEntityQuery query = {
		.entity_id = es_entity_argument(fcinfo, 0),
		.from_version = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1),
		.max_count = es_count_argument(fcinfo, 2),
		.backward = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3),
		.tenant_id = es_tenant_argument(fcinfo, 4)
	};
	EsSink		sink = es_result_rows(fcinfo);

	if (!query.backward || PG_ARGISNULL(1) || query.from_version > 0)
		es_read_entity(&query, &sink);
	return (Datum) 0;
}

Datum
es_read_all_sql(PG_FUNCTION_ARGS)
{
	EsLogQuery	query = {
		.after_position = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0),
		.max_count = es_count_argument(fcinfo, 1),
		.one_tenant = !PG_ARGISNULL(2),
		.tenant_id = es_tenant_argument(fcinfo, 2)
	};
	EsSink		sink = es_result_rows(fcinfo);

	es_read_log(&query, &sink);
	return (Datum) 0;
}

Datum
es_entity_version_sql(PG_FUNCTION_ARGS)
{
	EsSlice		entity_id = es_entity_argument(fcinfo, 0);

	es_check_may_read();
	PG_RETURN_INT64(es_read_entity_version(es_tenant_argument(fcinfo, 1), entity_id));
}

Datum
es_last_event_sql(PG_FUNCTION_ARGS)
{
	EsResultRow row;
	EsSink		sink;
	EsEntityQuery query = {
		.entity_id = es_entity_argument(fcinfo, 0),
		.max_count = 1,
		.backward = true,
		.tenant_id = es_tenant_argument(fcinfo, 2)
	};

	sink = es_result_one(fcinfo, &row);
	if (!PG_ARGISNULL(1))
	{
		query.event_type = es_text_datum_slice(PG_GETARG_DATUM(1));
		if (query.event_type.size == 0)
			PG_RETURN_NULL();	/* no event has the empty type */
	}
	es_read_entity(&query, &sink);
	return es_result_one_end(fcinfo, &row);
}

Datum
es_get_event_sql(PG_FUNCTION_ARGS)
{
	EsResultRow row;
	EsSink		sink;

	sink = es_result_one(fcinfo, &row);
	if (!PG_ARGISNULL(0))
		es_read_position(PG_GETARG_INT64(0), &sink);
	return es_result_one_end(fcinfo, &row);
}

Datum
es_safe_position_sql(PG_FUNCTION_ARGS)
{
	es_check_may_read();
	PG_RETURN_INT64(es_read_safe_position());
}
