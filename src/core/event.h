/*-------------------------------------------------------------------------
 *
 * event.h
 *	  The event: its fields, their limits, and its packed form.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_EVENT_H
#define EVENTSTORE_CORE_EVENT_H

#include "core/base.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/uuid.h"

/* Limits, in bytes where nothing else is said. */
#define ES_MAX_ENTITY_ID	512
#define ES_MAX_EVENT_TYPE	255
#define ES_MAX_TENANT_ID	64
#define ES_MAX_TAG			255
#define ES_MAX_TAGS			32	/* tags an event */
#define ES_MAX_PACKED_TAGS	(ES_MAX_TAGS * (ES_MAX_TAG + 1))
#define ES_MAX_EVENT_SIZE	(255 * 1024 * 1024) /* of the whole event */
#define ES_MAX_JSON_DEPTH	1000	/* levels of arrays and objects */
#define ES_MAX_JSON_SIZE	(256 * 1024 * 1024) /* of payload or metadata */

#define ES_DEFAULT_TENANT	"default"

/* Values of expected_version that are no version. */
#define ES_VERSION_NONE		INT64CONST(0)	/* must not exist */
#define ES_VERSION_EXISTS	INT64CONST(-1)	/* must exist */

/* Which of the optional fields are given. */
#define ES_HAS_METADATA			0x01
#define ES_HAS_TAGS				0x02
#define ES_HAS_EVENT_ID			0x04
#define ES_HAS_OCCURRED_AT		0x08
#define ES_HAS_EXPECTED_VERSION 0x10
#define ES_HAS_ALL				0x1F

/* Those that a stored event may lack, and that a block tells. */
#define ES_HAS_STORED			(ES_HAS_METADATA | ES_HAS_TAGS | ES_HAS_OCCURRED_AT)

/*
 * An event's fields as slices of memory that outlives the struct.  tenant_id
 * is empty for the default tenant.  Tags are packed: a length byte and the
 * bytes of each.  payload and metadata are JSON text; how they were taken apart
 * is known of events that were read as part of a batch.
 */
typedef struct EsEvent
{
	EsSlice		entity_id;
	EsSlice		event_type;
	EsSlice		tenant_id;
	EsSlice		tags;
	EsSlice		payload;
	EsSlice		metadata;
	EsDocument	payload_document;
	EsDocument	metadata_document;
	int64		occurred_at;	/* microseconds since 2000-01-01 UTC */
	int64		expected_version;
	uint8		event_id[ES_UUID_SIZE];
	uint8		has;			/* ES_HAS_... */
	uint8		tag_count;
} EsEvent;

/*
 * The packed form, the body of type "event": this header, then entity_id,
 * event_type, tenant_id, tags, payload and metadata end to end.  Fields that
 * are not given are zero, so that equal events are equal bytes.
 */
typedef struct EsPackedEvent
{
	int32		varlena_size;	/* set and read by the varlena macros only */
	uint8		format;			/* ES_PACKED_FORMAT */
	uint8		has;
	uint16		entity_id_size;
	uint8		event_type_size;
	uint8		tenant_id_size;
	uint8		tag_count;
	uint8		reserved;		/* 0 */
	uint32		tags_size;
	int64		occurred_at;
	int64		expected_version;
	uint8		event_id[ES_UUID_SIZE];
	uint32		payload_size;
	uint32		metadata_size;
	char		strings[FLEXIBLE_ARRAY_MEMBER];
} EsPackedEvent;

#define ES_PACKED_FORMAT 1

StaticAssertDecl(offsetof(EsPackedEvent, strings) == 56,
				 "EsPackedEvent has no padding");

extern bool es_event_set_tenant(EsEvent *event, EsSlice tenant_id,
								EsError *error);
extern bool es_event_check_limits(const EsEvent *event, size_t max_size,
								  EsError *error);
extern bool es_event_check_names(const EsEvent *event, EsError *error);
extern bool es_event_check_expected_version(int64 version, EsError *error);
extern bool es_text_check(const char *field, EsSlice text, uint32 max_size,
						  EsError *error);
extern size_t es_event_text_size(const EsEvent *event);
extern size_t es_event_packed_size(const EsEvent *event);
extern void es_event_pack(const EsEvent *event, EsPackedEvent *packed);
extern void es_event_unpack(const EsPackedEvent *packed, EsEvent *event);
extern size_t es_event_print_size(const EsEvent *event);
extern size_t es_event_print(const EsEvent *event, char *out);

/* Walks packed tags: for (...; es_tag_next(&tags, &tag); ) */
static inline bool
es_tag_next(EsSlice *tags, EsSlice *tag)
{
	if (tags->size == 0)
		return false;
	*tag = es_slice(tags->data + 1, (uint8) tags->data[0]);
	tags->data += 1 + tag->size;
	tags->size -= 1 + tag->size;
	return true;
}

extern void es_event_move_text(EsEvent *event, char *out);

/* The name of a tenant that is stored, where the default one has none. */
static inline EsSlice
es_tenant_name(EsSlice stored)
{
	return stored.size > 0 ? stored : es_slice(ES_DEFAULT_TENANT, strlen(ES_DEFAULT_TENANT));
}

/* How a tenant of this name is stored. */
static inline EsSlice
es_tenant_stored(EsSlice name)
{
	return es_slice_equal(name, es_tenant_name(es_slice(NULL, 0))) ? es_slice(NULL, 0) : name;
}

#endif							/* EVENTSTORE_CORE_EVENT_H */
