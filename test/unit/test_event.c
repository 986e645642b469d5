/*-------------------------------------------------------------------------
 *
 * test_event.c
 *	  Events: limits, naming rules, packed form, text form.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "core/timestamp.h"
#include "tap.h"

#define MAX_EVENT_SIZE (16 * 1024 * 1024)

/* An event that keeps every limit and rule. */
static EsEvent
plain_event(void)
{
	return (EsEvent)
	{
		.entity_id = text_slice("order-1"),
			.event_type = text_slice("order.placed"),
			.payload = text_slice("{}")
	};
}

static EsSlice
repeated(Memory *memory, char c, uint32 size)
{
	char	   *text = memory_take(memory, size);

	memset(text, c, size);
	return es_slice(text, size);
}

static EsErrorCode
limits_of(const EsEvent *event)
{
	EsError		error = {0};

	return es_event_check_limits(event, MAX_EVENT_SIZE, &error) ? ES_OK : error.code;
}

/* ------------------------------------------------------------------- limits */

static void
test_name_limits(void)
{
	static const struct
	{
		const char *text;
		EsErrorCode code;
	}			cases[] = {
		{"a", ES_OK}, {" ", ES_OK}, {"\xC3\xA9", ES_OK}, {"\xC2\xA0", ES_OK}, {"\xF0\x9F\x98\x80", ES_OK},
		{"\xC3\x85", ES_OK}, {"", ES_ERR_EMPTY}, {"\n", ES_ERR_CONTROL_CHARACTER},
		{"a\x01", ES_ERR_CONTROL_CHARACTER}, {"\x1F" "a", ES_ERR_CONTROL_CHARACTER},
		{"a\x7F", ES_ERR_CONTROL_CHARACTER}, {"\xC2\x80", ES_ERR_CONTROL_CHARACTER},
		{"a\xC2\x9F", ES_ERR_CONTROL_CHARACTER}
	};
	EsError		error;

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		error.code = ES_OK;
		es_text_check("entity_id", text_slice(cases[i].text), ES_MAX_ENTITY_ID, &error);
		is_int(error.code, cases[i].code, "name limits, case %zu", i);
	}
	ok(!es_text_check("entity_id", es_slice("a\0b", 3), 512, &error) &&
	   error.code == ES_ERR_CONTROL_CHARACTER, "NUL is a control character");
	ok(!es_text_check("tags", text_slice("abc"), 2, &error) && error.limit == 2 &&
	   es_slice_equal(error.key, text_slice("tags")) && error.value.size == 3,
	   "the error says field, value and limit");
}

static void
test_sizes(void)
{
	Memory		memory = {0};
	EsEvent		event = plain_event();

	event.entity_id = repeated(&memory, 'e', 512);
	event.event_type = repeated(&memory, 't', 255);
	event.tenant_id = repeated(&memory, 'n', 64);
	is_int(limits_of(&event), ES_OK, "names of the greatest size");
	event.entity_id = repeated(&memory, 'e', 513);
	is_int(limits_of(&event), ES_ERR_TOO_LONG, "entity_id of 513 bytes");
	event = plain_event();
	event.event_type = repeated(&memory, 't', 256);
	is_int(limits_of(&event), ES_ERR_TOO_LONG, "event_type of 256 bytes");
	event = plain_event();
	event.tenant_id = repeated(&memory, 'n', 65);
	is_int(limits_of(&event), ES_ERR_TOO_LONG, "tenant_id of 65 bytes");
	event = plain_event();
	event.entity_id.size = 0;
	is_int(limits_of(&event), ES_ERR_EMPTY, "no entity_id");
	event = plain_event();
	event.event_type.size = 0;
	is_int(limits_of(&event), ES_ERR_EMPTY, "no event_type");
	memory_free(&memory);
}

static void
test_event_size(void)
{
	EsEvent		event = plain_event();
	EsError		error = {0};
	size_t		size = es_event_text_size(&event);

	is_int(size, 7 + 12 + 2, "the size of an event is that of its texts");
	ok(es_event_check_limits(&event, size, &error), "an event as large as the limit");
	ok(!es_event_check_limits(&event, size - 1, &error) && error.code == ES_ERR_TOO_LARGE &&
	   error.limit == (int64) size - 1, "and one byte larger");
}

/* Tags of the given size and number. */
static void
set_tags(Memory *memory, EsEvent *event, int count, uint8 size)
{
	char	   *packed = memory_take(memory, count * (1 + size));

	for (int i = 0; i < count; i++)
	{
		memset(packed + i * (1 + size), 'g', 1 + size);
		packed[i * (1 + size)] = (char) size;
	}
	event->has |= ES_HAS_TAGS;
	event->tags = es_slice(packed, count * (1 + size));
	event->tag_count = count;
}

static void
test_tags(void)
{
	Memory		memory = {0};
	EsEvent		event = plain_event();
	EsSlice		rest;
	EsSlice		tag;
	int			count = 0;

	set_tags(&memory, &event, 32, 255);
	is_int(limits_of(&event), ES_OK, "32 tags of 255 bytes");
	for (rest = event.tags; es_tag_next(&rest, &tag); count += tag.size == 255)
		;
	is_int(count, 32, "and all are found");
	set_tags(&memory, &event, 33, 1);
	is_int(limits_of(&event), ES_ERR_TOO_MANY_TAGS, "33 tags");
	set_tags(&memory, &event, 0, 0);
	is_int(limits_of(&event), ES_OK, "no tags");
	set_tags(&memory, &event, 2, 0);
	is_int(limits_of(&event), ES_ERR_EMPTY, "empty tags");
	set_tags(&memory, &event, 2, 2);
	unconstify(char *, event.tags.data)[5] = '\n';
	is_int(limits_of(&event), ES_ERR_CONTROL_CHARACTER, "a control character in the last tag");
	memory_free(&memory);
}

static void
test_numbers(void)
{
	EsEvent		event = plain_event();

	event.has = ES_HAS_OCCURRED_AT | ES_HAS_EXPECTED_VERSION;
	event.occurred_at = ES_TIMESTAMP_MIN;
	is_int(limits_of(&event), ES_OK, "occurred_at: the first");
	event.occurred_at--;
	is_int(limits_of(&event), ES_ERR_TIMESTAMP_RANGE, "occurred_at: before the first");
	event.occurred_at = ES_TIMESTAMP_END - 1;
	is_int(limits_of(&event), ES_OK, "occurred_at: the last");
	event.occurred_at++;
	is_int(limits_of(&event), ES_ERR_TIMESTAMP_RANGE, "occurred_at: after the last");
	event.occurred_at = PG_INT64_MAX;	/* timestamptz 'infinity' */
	is_int(limits_of(&event), ES_ERR_TIMESTAMP_RANGE, "occurred_at: infinity");
	event.occurred_at = PG_INT64_MIN;
	is_int(limits_of(&event), ES_ERR_TIMESTAMP_RANGE, "occurred_at: -infinity");
	event.occurred_at = 0;
	event.expected_version = -1;
	is_int(limits_of(&event), ES_OK, "expected_version -1");
	event.expected_version = -2;
	is_int(limits_of(&event), ES_ERR_EXPECTED_VERSION, "expected_version -2");
	event.expected_version = PG_INT64_MAX;
	is_int(limits_of(&event), ES_OK, "expected_version: the greatest");
}

static void
test_tenant(void)
{
	EsEvent		event = plain_event();
	EsError		error = {0};

	ok(es_event_set_tenant(&event, text_slice("acme"), &error) && event.tenant_id.size == 4, "a tenant");
	ok(es_event_set_tenant(&event, text_slice("default"), &error) && event.tenant_id.size == 0,
	   "the default tenant is stored as none");
	ok(es_event_set_tenant(&event, text_slice("Default"), &error) && event.tenant_id.size == 7,
	   "in lower case only");
	ok(!es_event_set_tenant(&event, text_slice(""), &error) && error.code == ES_ERR_EMPTY, "an empty tenant");
}

/* ------------------------------------------------------------- naming rules */

static EsErrorCode
names_of(const char *event_type, const char *entity_id, const char *tenant_id)
{
	EsEvent		event = plain_event();
	EsError		error = {0};

	event.event_type = text_slice(event_type);
	event.entity_id = text_slice(entity_id);
	event.tenant_id = text_slice(tenant_id);
	return es_event_check_names(&event, &error) ? ES_OK : error.code;
}

static void
test_names(void)
{
	static const char *const types[] = {"a", "order.placed", "a.b.c", "a_b", "_", "0", "v2.order_placed"};
	static const char *const bad_types[] = {".", ".a", "a.", "a..b", "A", "a b", "a-b", "\xC3\xA9", "a/b", "a:b"};
	static const char *const entities[] = {"a", "a b", "A-1/x:y", "\xC3\xA9", "a\xC2\xA0" "b", "\xE2\x82\xAC"};
	static const char *const bad_entities[] = {
		" ", " a", "a ", "\xC2\xA0" "a", "a\xC2\xA0", "a\xE2\x80\x83", "\xE3\x80\x80" "a",
		"a\xE3\x80\x80", "\xE2\x80\xA8" "a", "a\xE2\x81\x9F", "\xE1\x9A\x80", "a\xE2\x80\xAF"
	};
	static const char *const tenants[] = {"", "a", "Acme-7_x", "0", "-", "_"};
	static const char *const bad_tenants[] = {"a.b", "a b", " ", "\xC3\xA9", "a/b"};

	for (size_t i = 0; i < lengthof(types); i++)
		is_int(names_of(types[i], "e", ""), ES_OK, "event_type \"%s\"", types[i]);
	for (size_t i = 0; i < lengthof(bad_types); i++)
		is_int(names_of(bad_types[i], "e", ""), ES_ERR_TYPE_NAME, "not event_type \"%s\"", bad_types[i]);
	for (size_t i = 0; i < lengthof(entities); i++)
		is_int(names_of("t", entities[i], ""), ES_OK, "entity_id \"%s\"", entities[i]);
	for (size_t i = 0; i < lengthof(bad_entities); i++)
		is_int(names_of("t", bad_entities[i], ""), ES_ERR_ENTITY_NAME, "not entity_id \"%s\"", bad_entities[i]);
	for (size_t i = 0; i < lengthof(tenants); i++)
		is_int(names_of("t", "e", tenants[i]), ES_OK, "tenant_id \"%s\"", tenants[i]);
	for (size_t i = 0; i < lengthof(bad_tenants); i++)
		is_int(names_of("t", "e", bad_tenants[i]), ES_ERR_TENANT_NAME, "not tenant_id \"%s\"", bad_tenants[i]);
}

/* -------------------------------------------------------------- round trips */

/* Packs into memory of exactly the size that was announced. */
static EsPackedEvent *
pack(Memory *memory, const EsEvent *event, size_t *size)
{
	EsPackedEvent *packed;

	*size = es_event_packed_size(event);
	packed = memory_take(memory, *size);
	memset(packed, 0xA5, *size);
	es_event_pack(event, packed);
	return packed;
}

/* Prints into memory of exactly the size that was asked for, and parses. */
static bool
print_and_parse(Memory *memory, const EsEvent *event, EsEvent *parsed)
{
	EsParserHooks hooks = parser_hooks(memory);
	EsParser	parser;
	char	   *text = memory_take(memory, es_event_print_size(event));
	size_t		size = es_event_print(event, text);

	if (!reference_judge(NULL, es_slice(text, size)))
		return false;
	es_parser_init(&parser, &hooks, NULL);
	es_parser_begin(&parser, memory_copy(memory, text, size));
	return es_parse_single(&parser, parsed);
}

static bool
survives(const EsEvent *event)
{
	Memory		memory = {0};
	EsEvent		unpacked;
	EsEvent		parsed;
	size_t		size;
	size_t		size_again;
	EsPackedEvent *packed = pack(&memory, event, &size);
	EsPackedEvent *again;
	bool		same;

	es_event_unpack(packed, &unpacked);
	same = events_equal(event, &unpacked) && unpacked.expected_version == event->expected_version &&
		print_and_parse(&memory, &unpacked, &parsed);
	if (same)
	{
		again = pack(&memory, &parsed, &size_again);
		same = size == size_again && memcmp(packed, again, size) == 0;
	}
	memory_free(&memory);
	return same;
}

static void
test_random_events(void)
{
	Random		random = {4};
	int			failures = 0;
	int			refused = 0;

	for (int i = 0; i < 5000; i++)
	{
		Memory		memory = {0};
		EsEvent		event;

		random_event(&random, &memory, &event);
		refused += limits_of(&event) != ES_OK;
		failures += !survives(&event);
		memory_free(&memory);
	}
	is_int(refused, 0, "5000 random events keep the limits");
	is_int(failures, 0, "and come back from packing, printing and parsing");
}

/* The most that printing can need. */
static void
test_largest_text(void)
{
	Memory		memory = {0};
	EsEvent		event = plain_event();

	event.entity_id = repeated(&memory, '"', 512);
	event.event_type = repeated(&memory, '\\', 255);
	event.tenant_id = repeated(&memory, '"', 64);
	set_tags(&memory, &event, 32, 255);
	memset(unconstify(char *, event.tags.data) + 1, '\\', 255);
	event.metadata = text_slice("{}");
	event.has = ES_HAS_ALL;
	event.occurred_at = ES_TIMESTAMP_END - 1;
	event.expected_version = PG_INT64_MAX;
	ok(survives(&event), "every field at its longest");
	memory_free(&memory);
}

static void
test_packed_equality(void)
{
	Memory		memory = {0};
	EsEvent		event = plain_event();
	EsPackedEvent *a;
	EsPackedEvent *b;
	size_t		size;

	a = pack(&memory, &event, &size);
	is_int(size, 56 + 7 + 12 + 2, "the packed form is a header of 56 bytes and the texts");
	memset(event.event_id, 7, ES_UUID_SIZE);
	event.occurred_at = 5;
	event.expected_version = 5;
	b = pack(&memory, &event, &size);
	ok(memcmp(a, b, size) == 0, "fields that are not given do not show in the bytes");
	is_int(a->format, ES_PACKED_FORMAT, "the format is marked");
	memory_free(&memory);
}

static void
test_text_form(void)
{
	EsEvent		event = plain_event();
	char		text[1024];
	size_t		size = es_event_print(&event, text);

	ok(es_slice_equal(es_slice(text, size),
					  text_slice("{\"entity_id\":\"order-1\",\"event_type\":\"order.placed\",\"payload\":{}}")),
	   "the least text form");
	event.has = ES_HAS_ALL;
	event.metadata = text_slice("{\"a\":1}");
	event.tags = text_slice("\x01x\x02yz");
	event.tag_count = 2;
	event.tenant_id = text_slice("acme");
	event.expected_version = -1;
	size = es_event_print(&event, text);
	ok(es_slice_equal(es_slice(text, size),
					  text_slice("{\"entity_id\":\"order-1\",\"event_type\":\"order.placed\",\"payload\":{},"
								 "\"metadata\":{\"a\":1},\"event_id\":\"00000000-0000-0000-0000-000000000000\","
								 "\"tenant_id\":\"acme\",\"tags\":[\"x\",\"yz\"],"
								 "\"occurred_at\":\"2000-01-01T00:00:00Z\",\"expected_version\":-1}")),
	   "the full text form");
}

/* -------------------------------------------------------------------- UUIDs */

static void
test_uuid(void)
{
	static const char text[] = "0123abcd-4567-89EF-0000-ffffffffffff";
	static const char *const invalid[] = {
		"", "0123abcd456789ef0000ffffffffffff", "{0123abcd-4567-89ef-0000-ffffffffffff}",
		"0123abcd-4567-89ef-0000-fffffffffff", "0123abcd-4567-89ef-0000-fffffffffffff",
		"0123abcg-4567-89ef-0000-ffffffffffff", "0123abcd-4567-89ef-0000_ffffffffffff",
		"0123abc-d4567-89ef-0000-ffffffffffff", "0123abcd-4567-89ef-0000-fffffffffff\xC3"
	};
	uint8		uuid[ES_UUID_SIZE];
	char		out[ES_UUID_TEXT_SIZE];

	ok(es_uuid_parse(text_slice(text), uuid) && uuid[0] == 0x01 && uuid[7] == 0xEF && uuid[15] == 0xFF,
	   "a UUID is read");
	es_uuid_print(uuid, out);
	ok(pg_strncasecmp(out, text, ES_UUID_TEXT_SIZE) == 0, "and printed");
	for (size_t i = 0; i < lengthof(invalid); i++)
		ok(!es_uuid_parse(text_slice(invalid[i]), uuid), "not a UUID: \"%s\"", invalid[i]);
}

static void
test_uuid_v7(void)
{
	uint8		uuid[ES_UUID_SIZE];
	uint8		before[ES_UUID_SIZE] = {0};
	int64		time;
	int			failures = 0;

	es_uuid_v7(INT64CONST(698872942000000), 0xCC3, UINT64CONST(0x18C4DC0C0C07398F), uuid);
	ok(memcmp(uuid, "\x01\x7F\x22\xE2\x79\xB0\x7C\xC3\x98\xC4\xDC\x0C\x0C\x07\x39\x8F", ES_UUID_SIZE) == 0,
	   "the UUIDv7 of RFC 9562, appendix A.6");
	for (uint32 i = 0; i < 20000; i++)
	{
		es_uuid_v7(INT64CONST(698872942000000), i, UINT64CONST(0x1F1F1F1F1F1F1F1F) * (i % 7), uuid);
		failures += memcmp(before, uuid, ES_UUID_SIZE) >= 0;
		memcpy(before, uuid, ES_UUID_SIZE);
	}
	is_int(failures, 0, "20000 of one batch ascend");
	es_uuid_v7(INT64CONST(698872942123456), 1, 7, uuid);
	ok(es_uuid_v7_time(uuid, &time) && time == INT64CONST(698872942123000), "the time is in it, in milliseconds");
	uuid[6] = 0x4F;
	ok(!es_uuid_v7_time(uuid, &time), "but not in those of another version");
}

int
main(void)
{
	test_name_limits();
	test_sizes();
	test_event_size();
	test_tags();
	test_numbers();
	test_tenant();
	test_names();
	test_random_events();
	test_largest_text();
	test_packed_equality();
	test_text_form();
	test_uuid();
	test_uuid_v7();
	return tap_done();
}
