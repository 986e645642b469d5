/*
 * form.c
 *		Render events in each form and store the batches; see form.h.
 *
 * Arrays go to the server in binary form, as drivers send them that know the
 * types: a header with the number of elements, then each with its size.
 */
#include "form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* COPY data goes out in pieces of this size, so that both ends work at once. */
#define COPY_PIECE_BYTES 65536

#define COPY_SQL \
	"COPY bench_plain (event_id, entity_id, version, event_type, payload, metadata) FROM STDIN"

/* A binary array begins with 5 numbers of 4 bytes; one is changed later. */
#define ARRAY_COUNT_OFFSET 12

#define EVENT_BINARY_VERSION 1	/* the byte before an event's JSON */

#define UNIX_MS_OF_2000 INT64_C(946684800000)

/* What is in which part of the form "columns". */
enum
{
	ENTITY_IDS, EVENT_TYPES, PAYLOADS, METADATA, OCCURRED_AT
};

/* ------------------------------------------------------------------ arrays */

/* Write a number as the protocol has it. */
static void
write_int32(char *out, uint32_t number)
{
	for (int i = 3; i >= 0; i--, number >>= 8)
		out[i] = (char) number;
}

/* Append a number. */
static void
append_int32(Buffer *out, uint32_t number)
{
	char		bytes[4];

	write_int32(bytes, number);
	buffer_append(out, bytes, sizeof(bytes));
}

/* Append the header of an array of one dimension that has no elements yet. */
static void
array_start(Buffer *array, Oid type)
{
	append_int32(array, 1);		/* dimensions */
	append_int32(array, 0);		/* no nulls */
	append_int32(array, type);
	append_int32(array, 0);		/* elements */
	append_int32(array, 1);		/* the first one's subscript */
}

/* Start an element, the count-th one; returns where, for element_end(). */
static size_t
element_start(Buffer *array, Oid type, int64_t count)
{
	if (count == 1)
		array_start(array, type);
	write_int32(array->data + ARRAY_COUNT_OFFSET, (uint32_t) count);
	append_int32(array, 0);
	return array->length;
}

/* End an element: now its size is known. */
static void
element_end(Buffer *array, size_t start)
{
	write_int32(array->data + start - 4, (uint32_t) (array->length - start));
}

/* ------------------------------------------------------------------ forms */

/* Add a line of JSON. */
static void
text_render(const Event *event, const Oid *types, Batch *batch)
{
	(void) types;
	event_render_ndjson(event, &batch->parts[0]);
}

/* Add an element to an array of events. */
static void
events_render(const Event *event, const Oid *types, Batch *batch)
{
	static const char version = EVENT_BINARY_VERSION;
	Buffer	   *array = &batch->parts[0];
	size_t		start = element_start(array, types[0], batch->events);

	buffer_append(array, &version, 1);
	event_render_json(event, array);
	element_end(array, start);
}

/* Append a string to the array of a column. */
static void
column_string(Batch *batch, int column, const Oid *types, const char *string)
{
	Buffer	   *array = &batch->parts[column];
	size_t		start = element_start(array, types[column], batch->events);

	buffer_string(array, string);
	element_end(array, start);
}

/* Append a payload or metadata to the array of a column. */
static void
column_json(Batch *batch, int column, const Oid *types, const Event *event,
			void (*render) (const Event *event, Buffer *out))
{
	Buffer	   *array = &batch->parts[column];
	size_t		start = element_start(array, types[column], batch->events);

	render(event, array);
	element_end(array, start);
}

/* Append the time of an event to the array of a column. */
static void
column_time(Batch *batch, int column, const Oid *types, const Event *event)
{
	Buffer	   *array = &batch->parts[column];
	size_t		start = element_start(array, types[column], batch->events);
	uint64_t	us = (uint64_t) (event_unix_ms(event) - UNIX_MS_OF_2000) * 1000;

	append_int32(array, (uint32_t) (us >> 32));
	append_int32(array, (uint32_t) us);
	element_end(array, start);
}

/* Add an element to each column that events of this kind have. */
static void
columns_render(const Event *event, const Oid *types, Batch *batch)
{
	const Kind *kind = event->kind;

	column_string(batch, ENTITY_IDS, types, event->entity_id);
	column_string(batch, EVENT_TYPES, types, event->event_type);
	column_json(batch, PAYLOADS, types, event, kind->render_payload);
	if (kind->render_metadata != NULL)
		column_json(batch, METADATA, types, event, kind->render_metadata);
	if (kind->timed)
		column_time(batch, OCCURRED_AT, types, event);
}

/* Prepare the statement that ingests a batch. */
static void
ingest_prepare(PGconn *conn, const Form *form)
{
	db_prepare(conn, "ingest", form->sql);
}

/* Ingest a batch, and check that every event of it is new and stored. */
static void
ingest_store(PGconn *conn, const Form *form, const Batch *batch)
{
	const char *values[PARTS_MAX];
	int			lengths[PARTS_MAX];
	int			formats[PARTS_MAX];
	PGresult   *result;

	for (int i = 0; i < form->parts; i++)
	{
		values[i] = batch->parts[i].data;	/* NULL when there is no such
											 * column */
		lengths[i] = (int) batch->parts[i].length;
		formats[i] = form->elements[i] != NULL;
	}
	result = PQexecPrepared(conn, "ingest", form->parts, values, lengths, formats, 0);
	if (db_field(conn, result, "ingested") != (double) batch->events)
		die("ingest_batch did not store all events of a batch");
}

/* Add a row of COPY's text format. */
static void
copy_render(const Event *event, const Oid *types, Batch *batch)
{
	(void) types;
	event_render_row(event, &batch->parts[0]);
}

/* COPY needs no preparation. */
static void
copy_prepare(PGconn *conn, const Form *form)
{
	(void) conn;
	(void) form;
}

/* Store a batch with COPY. */
static void
copy_store(PGconn *conn, const Form *form, const Batch *batch)
{
	const Buffer *text = &batch->parts[0];
	PGresult   *result;

	db_expect(conn, PQexec(conn, form->sql), PGRES_COPY_IN);
	for (size_t sent = 0; sent < text->length; sent += COPY_PIECE_BYTES)
	{
		size_t		left = text->length - sent;
		size_t		piece = left < COPY_PIECE_BYTES ? left : COPY_PIECE_BYTES;

		if (PQputCopyData(conn, text->data + sent, (int) piece) != 1)
			die("%s", PQerrorMessage(conn));
	}
	if (PQputCopyEnd(conn, NULL) != 1)
		die("%s", PQerrorMessage(conn));
	result = PQgetResult(conn);
	if (atoll(PQcmdTuples(result)) != batch->events)
		die("COPY did not store all rows of a batch: %s", PQerrorMessage(conn));
	db_expect(conn, result, PGRES_COMMAND_OK);
	if (PQgetResult(conn) != NULL)
		die("COPY did not end");
}

static const Form ingest_forms[] = {
	{
		.name = "text",
		.sql = "SELECT * FROM eventstore.ingest_batch($1::text)",
		.parts = 1,
		.render = text_render,
		.prepare = ingest_prepare,
		.store = ingest_store
	},
	{
		.name = "events",
		.sql = "SELECT * FROM eventstore.ingest_batch($1::eventstore.event[])",
		.parts = 1,
		.elements = {"eventstore.event"},
		.render = events_render,
		.prepare = ingest_prepare,
		.store = ingest_store
	},
	{
		.name = "columns",
		.sql = "SELECT * FROM eventstore.ingest_batch($1::text[], $2::text[], $3::text[],"
		" metadata => $4::text[], occurred_at => $5::timestamptz[])",
		.parts = 5,
		.elements = {"text", "text", "text", "text", "timestamptz"},
		.render = columns_render,
		.prepare = ingest_prepare,
		.store = ingest_store
	}
};

const Form	copy_form = {
	.name = "copy",
	.sql = COPY_SQL,
	.parts = 1,
	.render = copy_render,
	.prepare = copy_prepare,
	.store = copy_store
};

/* Find the form of ingest_batch of that name. */
const Form *
form_find(const char *name)
{
	for (size_t i = 0; i < lengthof(ingest_forms); i++)
	{
		if (strcmp(name, ingest_forms[i].name) == 0)
			return &ingest_forms[i];
	}
	die("ingest_batch has no form \"%s\"", name);
}

/* Ask the server for the numbers of the elements' types. */
void
form_look_up_types(PGconn *conn, const Form *form, Oid *types)
{
	char		sql[128];

	for (int i = 0; i < form->parts; i++)
	{
		if (form->elements[i] == NULL)
			continue;
		snprintf(sql, sizeof(sql), "SELECT '%s'::regtype::oid AS number", form->elements[i]);
		types[i] = (Oid) db_number(conn, sql);
	}
}
