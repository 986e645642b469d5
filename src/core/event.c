/*-------------------------------------------------------------------------
 *
 * event.c
 *	  The event: its limits and naming rules, its packed form, its text.
 *
 *-------------------------------------------------------------------------
 */
#include "core/event.h"

#include "core/json.h"
#include "core/timestamp.h"

/*
 * Is there a byte below 0x20, a DEL, or a first byte of U+0080 to U+00BF?
 * Eight bytes at a time with the usual zero-byte trick (Mycroft 1987).
 */
static bool
may_have_control(const char *p, uint32 size)
{
	const uint64 ones = UINT64CONST(0x0101010101010101);
	const uint64 highs = UINT64CONST(0x8080808080808080);
	uint64		found = 0;

	for (uint32 i = 0; i < size; i += 8)
	{
		uint64		word = ones * ' ';
		uint64		del;
		uint64		latin;

		/* the last eight bytes may be looked at twice */
		if (size >= 8)
			memcpy(&word, p + Min(i, size - 8), 8);
		else
			memcpy(&word, p, size);
		del = word ^ (ones * 0x7F);
		latin = word ^ (ones * 0xC2);
		found |= ((word - ones * 0x20) & ~word) | ((del - ones) & ~del) |
			((latin - ones) & ~latin);
	}
	return (found & highs) != 0;
}

/*
 * Checks a name-like field: 1 to max_size bytes without control characters.
 * U+0080 to U+009F count as control characters too.
 */
bool
es_text_check(const char *field, EsSlice text, uint32 max_size, EsError *error)
{
	if (text.size == 0)
		return es_error_field(error, ES_ERR_EMPTY, field, text, max_size);
	if (text.size > max_size)
		return es_error_field(error, ES_ERR_TOO_LONG, field, text, max_size);
	if (!may_have_control(text.data, text.size))
		return true;
	for (uint32 i = 0; i < text.size; i++)
	{
		unsigned char c = text.data[i];

		if (c < 0x20 || c == 0x7F ||
			(c == 0xC2 && i + 1 < text.size && (unsigned char) text.data[i + 1] < 0xA0))
			return es_error_field(error, ES_ERR_CONTROL_CHARACTER, field, text, 0);
	}
	return true;
}

/*
 * Sets the tenant as given.  The default tenant is stored as none, so that
 * naming it and leaving it out make the same event.
 */
bool
es_event_set_tenant(EsEvent *event, EsSlice tenant_id, EsError *error)
{
	if (tenant_id.size == 0)
		return es_error_field(error, ES_ERR_EMPTY, "tenant_id", tenant_id,
							  ES_MAX_TENANT_ID);
	event->tenant_id = es_tenant_stored(tenant_id);
	return true;
}

static bool
check_tags(const EsEvent *event, EsError *error)
{
	EsSlice		rest = event->tags;
	EsSlice		tag;

	if (event->tag_count > ES_MAX_TAGS)
		return es_error_field(error, ES_ERR_TOO_MANY_TAGS, "tags", rest, ES_MAX_TAGS);
	while (es_tag_next(&rest, &tag))
	{
		if (!es_text_check("tag", tag, ES_MAX_TAG, error))
			return false;
	}
	return true;
}

bool
es_event_check_expected_version(int64 version, EsError *error)
{
	if (version >= ES_VERSION_EXISTS)
		return true;
	return es_error_field(error, ES_ERR_EXPECTED_VERSION, "expected_version",
						  es_slice(NULL, 0), version);
}

/* Bytes of the event's own strings and JSON. */
size_t
es_event_text_size(const EsEvent *event)
{
	return (size_t) event->entity_id.size + event->event_type.size +
		event->tenant_id.size + event->tags.size +
		event->payload.size + event->metadata.size;
}

/*
 * Checks the limits that every event keeps.  Returns false and fills in error
 * at the first that does not hold.
 */
bool
es_event_check_limits(const EsEvent *event, size_t max_size, EsError *error)
{
	if (!es_text_check("entity_id", event->entity_id, ES_MAX_ENTITY_ID, error) ||
		!es_text_check("event_type", event->event_type, ES_MAX_EVENT_TYPE, error))
		return false;
	if (event->tenant_id.size > 0 &&
		!es_text_check("tenant_id", event->tenant_id, ES_MAX_TENANT_ID, error))
		return false;
	if (!check_tags(event, error))
		return false;
	if ((event->has & ES_HAS_OCCURRED_AT) &&
		(event->occurred_at < ES_TIMESTAMP_MIN || event->occurred_at >= ES_TIMESTAMP_END))
		return es_error_field(error, ES_ERR_TIMESTAMP_RANGE, "occurred_at",
							  es_slice(NULL, 0), 0);
	if (!es_event_check_expected_version(event->expected_version, error))
		return false;
	if (es_event_text_size(event) > max_size)
		return es_error_field(error, ES_ERR_TOO_LARGE, "event",
							  es_slice(NULL, 0), (int64) max_size);
	return true;
}

static bool
type_name_is_regular(EsSlice name)
{
	char		before = '.';

	for (uint32 i = 0; i < name.size; i++)
	{
		char		c = name.data[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.')
			return false;
		if (c == '.' && before == '.')
			return false;
		before = c;
	}
	return before != '.';
}

static bool
tenant_name_is_regular(EsSlice name)
{
	for (uint32 i = 0; i < name.size; i++)
	{
		char		c = name.data[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
			!(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return true;
}

/*
 * Size of the white space character that starts text, 0 when none does:
 * Unicode's White_Space property less the control characters, which the
 * limits exclude.
 */
static uint32
space_size(const char *text, uint32 size)
{
	static const char *const spaces[] = {
		" ", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
		"\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85",
		"\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89",
		"\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
		"\xE2\x81\x9F", "\xE3\x80\x80"
	};

	for (size_t i = 0; i < lengthof(spaces); i++)
	{
		uint32		space = strlen(spaces[i]);

		if (space <= size && memcmp(text, spaces[i], space) == 0)
			return space;
	}
	return 0;
}

/* Neither the first nor the last character is white space. */
static bool
entity_name_is_regular(EsSlice name)
{
	uint32		last = name.size - 1;

	while (last > 0 && ((unsigned char) name.data[last] & 0xC0) == 0x80)
		last--;
	return space_size(name.data, name.size) == 0 &&
		space_size(name.data + last, name.size - last) == 0;
}

/*
 * Checks the naming rules of "checked" events, on top of the limits.
 */
bool
es_event_check_names(const EsEvent *event, EsError *error)
{
	if (!type_name_is_regular(event->event_type))
		return es_error_field(error, ES_ERR_TYPE_NAME, "event_type", event->event_type, 0);
	if (!entity_name_is_regular(event->entity_id))
		return es_error_field(error, ES_ERR_ENTITY_NAME, "entity_id", event->entity_id, 0);
	if (!tenant_name_is_regular(event->tenant_id))
		return es_error_field(error, ES_ERR_TENANT_NAME, "tenant_id", event->tenant_id, 0);
	return true;
}

size_t
es_event_packed_size(const EsEvent *event)
{
	return offsetof(EsPackedEvent, strings) + es_event_text_size(event);
}

/*
 * Writes the packed form of an event that keeps the limits.  packed has room
 * for es_event_packed_size(); its varlena_size is left to the caller.
 */
void
es_event_pack(const EsEvent *event, EsPackedEvent *packed)
{
	char	   *out = packed->strings;

	memset(packed, 0, offsetof(EsPackedEvent, strings));
	packed->format = ES_PACKED_FORMAT;
	packed->has = event->has;
	packed->entity_id_size = (uint16) event->entity_id.size;
	packed->event_type_size = (uint8) event->event_type.size;
	packed->tenant_id_size = (uint8) event->tenant_id.size;
	packed->tag_count = event->tag_count;
	packed->tags_size = event->tags.size;
	packed->payload_size = event->payload.size;
	packed->metadata_size = event->metadata.size;
	if (event->has & ES_HAS_OCCURRED_AT)
		packed->occurred_at = event->occurred_at;
	if (event->has & ES_HAS_EXPECTED_VERSION)
		packed->expected_version = event->expected_version;
	if (event->has & ES_HAS_EVENT_ID)
		memcpy(packed->event_id, event->event_id, ES_UUID_SIZE);

	out = es_put_slice(out, event->entity_id);
	out = es_put_slice(out, event->event_type);
	out = es_put_slice(out, event->tenant_id);
	out = es_put_slice(out, event->tags);
	out = es_put_slice(out, event->payload);
	es_put_slice(out, event->metadata);
}

static const char *
take_slice(const char *in, uint32 size, EsSlice *slice)
{
	*slice = es_slice(in, size);
	return in + size;
}

/* Reads a packed event back; the slices point into it. */
void
es_event_unpack(const EsPackedEvent *packed, EsEvent *event)
{
	const char *in = packed->strings;

	event->payload_document = event->metadata_document = (EsDocument)
	{
		0
	};
	in = take_slice(in, packed->entity_id_size, &event->entity_id);
	in = take_slice(in, packed->event_type_size, &event->event_type);
	in = take_slice(in, packed->tenant_id_size, &event->tenant_id);
	in = take_slice(in, packed->tags_size, &event->tags);
	in = take_slice(in, packed->payload_size, &event->payload);
	take_slice(in, packed->metadata_size, &event->metadata);
	event->has = packed->has;
	event->tag_count = packed->tag_count;
	event->occurred_at = packed->occurred_at;
	event->expected_version = packed->expected_version;
	memcpy(event->event_id, packed->event_id, ES_UUID_SIZE);
}

/* Room that es_event_print() may need. */
size_t
es_event_print_size(const EsEvent *event)
{
	return 512 + ES_JSON_ESCAPED_SIZE(event->entity_id.size) +
		ES_JSON_ESCAPED_SIZE(event->event_type.size) +
		ES_JSON_ESCAPED_SIZE(event->tenant_id.size) +
		ES_JSON_ESCAPED_SIZE(event->tags.size) + 3 * (size_t) event->tag_count +
		event->payload.size + event->metadata.size;
}

/* Appends `,"key":`, without the comma for the first key. */
static char *
put_key(char *out, const char *key)
{
	*out = out[-1] == '{' ? '"' : ',';
	if (*out++ == ',')
		*out++ = '"';
	out = es_put_slice(out, es_slice(key, strlen(key)));
	*out++ = '"';
	*out++ = ':';
	return out;
}

static char *
put_string(char *out, const char *key, EsSlice value)
{
	out = put_key(out, key);
	return out + es_json_escape(value, out);
}

static char *
put_tags(char *out, EsSlice tags)
{
	EsSlice		tag;
	char		separator = '[';

	out = put_key(out, "tags");
	if (tags.size == 0)
		*out++ = '[';
	while (es_tag_next(&tags, &tag))
	{
		*out++ = separator;
		out += es_json_escape(tag, out);
		separator = ',';
	}
	*out++ = ']';
	return out;
}

static char *
put_event_id(char *out, const uint8 *event_id)
{
	char		text[ES_UUID_TEXT_SIZE];

	es_uuid_print(event_id, text);
	return put_string(out, "event_id", es_slice(text, ES_UUID_TEXT_SIZE));
}

static char *
put_occurred_at(char *out, int64 occurred_at)
{
	char		text[ES_TIMESTAMP_TEXT_SIZE];

	return put_string(out, "occurred_at",
					  es_slice(text, es_timestamp_print(occurred_at, text)));
}

/*
 * Writes the event as one JSON object, which reads back as the same event.
 * Returns how many bytes; no NUL is added.
 */
size_t
es_event_print(const EsEvent *event, char *out)
{
	char	   *start = out;

	*out++ = '{';
	out = put_string(out, "entity_id", event->entity_id);
	out = put_string(out, "event_type", event->event_type);
	out = es_put_slice(put_key(out, "payload"), event->payload);
	if (event->has & ES_HAS_METADATA)
		out = es_put_slice(put_key(out, "metadata"), event->metadata);
	if (event->has & ES_HAS_EVENT_ID)
		out = put_event_id(out, event->event_id);
	if (event->tenant_id.size > 0)
		out = put_string(out, "tenant_id", event->tenant_id);
	if (event->has & ES_HAS_TAGS)
		out = put_tags(out, event->tags);
	if (event->has & ES_HAS_OCCURRED_AT)
		out = put_occurred_at(out, event->occurred_at);
	if (event->has & ES_HAS_EXPECTED_VERSION)
	{
		out = put_key(out, "expected_version");
		out += snprintf(out, 24, INT64_FORMAT, event->expected_version);
	}
	*out++ = '}';
	return out - start;
}

static void
move_slice(EsSlice *slice, char **out)
{
	const char *start = *out;

	*out = es_put_slice(*out, *slice);
	slice->data = start;
}

/* Moves the event's text to memory of es_event_text_size() bytes. */
void
es_event_move_text(EsEvent *event, char *out)
{
	move_slice(&event->entity_id, &out);
	move_slice(&event->event_type, &out);
	move_slice(&event->tenant_id, &out);
	move_slice(&event->tags, &out);
	move_slice(&event->payload, &out);
	move_slice(&event->metadata, &out);
}
