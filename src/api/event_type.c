/*-------------------------------------------------------------------------
 *
 * event_type.c
 *	  The types event and block: input, output, comparison, hash.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "api/event_value.h"
#include "core/block.h"
#include "pg/compat.h"
#include "pg/errors.h"
#include "row/input.h"

/* The binary form is a version byte and the text form, as jsonb has it. */
#define EVENT_BINARY_VERSION 1

ES_FUNCTION(es_event_in);
ES_FUNCTION(es_event_out);
ES_FUNCTION(es_event_recv);
ES_FUNCTION(es_event_send);
ES_FUNCTION(es_event_eq);
ES_FUNCTION(es_event_ne);
ES_FUNCTION(es_event_hash);
ES_FUNCTION(es_event_hash_extended);
ES_FUNCTION(es_block_in);
ES_FUNCTION(es_block_out);
ES_FUNCTION(es_block_recv);
ES_FUNCTION(es_block_send);

/* ------------------------------------------------------------------ event */

static EsPackedEvent *
event_from_text(EsSlice text)
{
	EsEventList list;

	es_list_init(&list, false, false);
	list.max_size = ES_MAX_EVENT_SIZE;	/* what was stored must be readable */
	es_list_parse_single(&list, text);
	return es_event_to_value(&list.events[0]);
}

Datum
es_event_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);

	PG_RETURN_POINTER(event_from_text(es_slice(text, strlen(text))));
}

Datum
es_event_out(PG_FUNCTION_ARGS)
{
	EsEvent		event;
	char	   *text;

	es_event_unpack(PG_GETARG_EVENT(0), &event);
	text = palloc(es_event_print_size(&event) + 1);
	text[es_event_print(&event, text)] = '\0';

	PG_RETURN_CSTRING(text);
}

Datum
es_event_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	int			version = pq_getmsgint(buffer, 1);
	char	   *text;
	int			size;

	if (version != EVENT_BINARY_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unsupported event version number %d", version)));
	text = pq_getmsgtext(buffer, buffer->len - buffer->cursor, &size);

	PG_RETURN_POINTER(event_from_text(es_slice(text, size)));
}

Datum
es_event_send(PG_FUNCTION_ARGS)
{
	EsEvent		event;
	StringInfoData buffer;
	char	   *text;
	size_t		size;

	es_event_unpack(PG_GETARG_EVENT(0), &event);
	text = palloc(es_event_print_size(&event));

	size = es_event_print(&event, text);
	pq_begintypsend(&buffer);
	pq_sendint8(&buffer, EVENT_BINARY_VERSION);
	pq_sendtext(&buffer, text, size);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

static bool
events_are_equal(const EsPackedEvent *a, const EsPackedEvent *b)
{
	return VARSIZE(a) == VARSIZE(b) &&
		memcmp(VARDATA(a), VARDATA(b), VARSIZE(a) - VARHDRSZ) == 0;
}

/*
 * An index calls these very often in one memory context, so copies are freed.
 */
static bool
arguments_are_equal(FunctionCallInfo fcinfo)
{
	EsPackedEvent *a = PG_GETARG_EVENT(0);
	EsPackedEvent *b = PG_GETARG_EVENT(1);
	bool		equal = events_are_equal(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return equal;
}

Datum
es_event_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(arguments_are_equal(fcinfo));
}

Datum
es_event_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!arguments_are_equal(fcinfo));
}

Datum
es_event_hash(PG_FUNCTION_ARGS)
{
	EsPackedEvent *event = PG_GETARG_EVENT(0);
	Datum		hash = hash_any((unsigned char *) VARDATA(event), VARSIZE(event) - VARHDRSZ);

	PG_FREE_IF_COPY(event, 0);
	return hash;
}

Datum
es_event_hash_extended(PG_FUNCTION_ARGS)
{
	EsPackedEvent *event = PG_GETARG_EVENT(0);
	Datum		hash = hash_any_extended((unsigned char *) VARDATA(event),
										 VARSIZE(event) - VARHDRSZ, PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(event, 0);
	return hash;
}

/* ------------------------------------------------------------------ block */

/* Makes a block of bytes that were read; the varlena header is not in them. */
static Datum
block_from_bytes(const char *bytes, size_t size)
{
	char	   *data;
	EsBlock		block;
	EsBlockStatus status;

	if (size > ES_BLOCK_MAX_SIZE - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid block"),
				 errdetail("It has %zu bytes, the limit is %d.", size,
						   (int) (ES_BLOCK_MAX_SIZE - VARHDRSZ))));
	data = palloc(size + VARHDRSZ);
	SET_VARSIZE(data, size + VARHDRSZ);
	memcpy(data + VARHDRSZ, bytes, size);
	status = es_block_open(&block, data, size + VARHDRSZ);
	if (status == ES_BLOCK_OK)
		status = es_block_check(&block, palloc(es_block_body_room(&block)));
	if (status != ES_BLOCK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid block"),
				 errdetail("The %s.", es_block_status_text(status))));
	PG_RETURN_POINTER(data);
}

Datum
es_block_in(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = DatumGetByteaPP(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0)));

	return block_from_bytes(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

/* Hex, whatever bytea_output says. */
Datum
es_block_out(PG_FUNCTION_ARGS)
{
	struct varlena *block = PG_GETARG_VARLENA_PP(0);
	size_t		size = VARSIZE_ANY_EXHDR(block);
	char	   *text = palloc(2 + 2 * size + 1);

	memcpy(text, "\\x", 2);
	text[2 + hex_encode(VARDATA_ANY(block), size, text + 2)] = '\0';

	PG_RETURN_CSTRING(text);
}

Datum
es_block_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	int			size = buffer->len - buffer->cursor;

	return block_from_bytes(pq_getmsgbytes(buffer, size), size);
}

Datum
es_block_send(PG_FUNCTION_ARGS)
{
	return byteasend(fcinfo);
}
