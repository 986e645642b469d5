/*-------------------------------------------------------------------------
 *
 * generate.c
 *	  Documents and batches of events as text, and damage to text.
 *
 *-------------------------------------------------------------------------
 */
#include "generate.h"

#include "core/json.h"

#define ONE_OF(random, array) ((array)[random_below((random), lengthof(array))])

/* ------------------------------------------------------------------- writing */

static void
reserve(Writer *writer, size_t size)
{
	if (writer->size + size <= writer->room)
		return;
	writer->room = 2 * (writer->size + size);
	writer->data = realloc(writer->data, writer->room);
	if (writer->data == NULL)
		abort();
}

void
put_bytes(Writer *writer, const void *bytes, size_t size)
{
	reserve(writer, size);
	if (size > 0)
		memcpy(writer->data + writer->size, bytes, size);
	writer->size += size;
}

/* Writes as printf() does, at most 1000 bytes. */
void
put(Writer *writer, const char *format,...)
{
	va_list		args;

	reserve(writer, 1001);
	va_start(args, format);
	writer->size += vsnprintf(writer->data + writer->size, 1001, format, args);
	va_end(args);
}

void
put_repeated(Writer *writer, const char *text, uint32 times)
{
	for (uint32 i = 0; i < times; i++)
		put_bytes(writer, text, strlen(text));
}

/* What was written, in memory of exactly its size. */
EsSlice
take_text(Writer *writer, Memory *memory)
{
	EsSlice		text = memory_copy(memory, writer->data, writer->size);

	free(writer->data);
	memset(writer, 0, sizeof(*writer));
	return text;
}

/* ---------------------------------------------- documents as of applications */

static void
put_uuid(Random *random, Writer *writer)
{
	uint64		high = random_next(random);
	uint64		low = random_next(random);

	put(writer, "\"%08x-%04x-4%03x-a%03x-%012llx\"", (uint32) high, (uint32) (high >> 32) & 0xFFFF,
		(uint32) (high >> 48) & 0xFFF, (uint32) low & 0xFFF,
		(unsigned long long) (low >> 16) & UINT64CONST(0xFFFFFFFFFFFF));
}

static void
put_time(Random *random, Writer *writer)
{
	put(writer, "\"2026-%02u-%02uT%02u:%02u:%02u.%03uZ\"", 1 + random_below(random, 12),
		1 + random_below(random, 28), random_below(random, 24), random_below(random, 60),
		random_below(random, 60), random_below(random, 1000));
}

static void
put_sentence(Random *random, Writer *writer)
{
	static const char *const words[] = {
		"please", "leave", "the", "parcel", "at", "door", "of", "my", "neighbour", "before",
		"noon", "and", "ring", "twice", "thank", "you", "caf\xC3\xA9", "\\\"gift\\\""
	};
	uint32		count = random_below(random, 12);

	put(writer, "\"");
	for (uint32 i = 0; i < count; i++)
		put(writer, "%s%s", i > 0 ? " " : "", ONE_OF(random, words));
	put(writer, "\"");
}

static void
put_order(Random *random, Writer *writer, bool varied)
{
	static const char *const currencies[] = {"EUR", "USD", "CHF", "JPY"};

	put(writer, "{\"order_id\":\"ORD-%08u\",\"total\":%u.%02u,\"currency\":\"%s\",\"customer\":{\"id\":",
		random_below(random, 100000000), random_below(random, 1000), random_below(random, 100),
		ONE_OF(random, currencies));
	put_uuid(random, writer);
	if (!varied || random_chance(random, 70))
		put(writer, ",\"tier\":%u", random_below(random, 4));
	put(writer, "},\"placed_at\":");
	put_time(random, writer);
	if (!varied || random_chance(random, 50))
	{
		put(writer, ",\"note\":");
		put_sentence(random, writer);
	}
	put(writer, ",\"paid\":%s}", random_chance(random, 80) ? "true" : "false");
}

static void
put_reading(Random *random, Writer *writer)
{
	put(writer, "{\"sensor\":\"s-%u\",\"value\":%s%u.%u,\"raw\":\"%08x\",\"items\":[%u,%u]%s}",
		random_below(random, 200), random_chance(random, 30) ? "-" : "",
		random_below(random, 50), random_below(random, 10), (uint32) random_next(random),
		random_below(random, 9), random_below(random, 9),
		random_chance(random, 20) ? ",\"flags\":{\"low\":true,\"meta\":{}}" : "");
}

/* ------------------------------------------------------- strange documents */

static void
put_space(Random *random, Writer *writer)
{
	static const char *const spaces[] = {" ", "\n", "\t", "\r\n", "  ", "                    "};

	if (random_chance(random, 8))
		put(writer, "%s", ONE_OF(random, spaces));
}

static void
put_strange_key(Random *random, Writer *writer)
{
	static const char *const keys[] = {
		"a", "a", "b", "c", "key", "", "\\u0061", "a\\\"b", "\\\\", "{", "}", ":", ",", "\xE2\x82\xAC",
		"a longer key than others have"
	};

	put(writer, "\"");
	if (random_chance(random, 1))
		put_repeated(writer, "k", random_chance(random, 50) ? 1010 + random_below(random, 20) : 70000);
	else
		put(writer, "%s", ONE_OF(random, keys));
	put(writer, "\"");
}

static void
put_strange_leaf(Random *random, Writer *writer)
{
	static const char *const leaves[] = {
		"0", "-0", "1", "12.50", "-0.5", "0.00", "1e5", "123456789012345678", "1234567890123456789",
		"123456789012345678901234567890", "true", "false", "null", "\"\"", "\"a\"", "\"\\n\"",
		"\"\\ud83d\\ude00\"", "[]", "[ ]", "[1,[2,{\"a\":[]}],\"]\"]", "[{\"a\":1},{}]", "\"}\"", "\"{\\\"a\\\":1}\"",
		"\"2026-02-30T00:00:00Z\"", "\"2026-06-30T23:59:60Z\"", "\"0123ABCD-4567-89ef-0000-ffffffffffff\"",
		"\"0001-01-01 00:00:00\"", "\"deadbeefcafe0123\"", "\"DEADBEEFCAFE0123\"", "\"order-00000000017\""
	};

	put(writer, "%s", ONE_OF(random, leaves));
}

static void put_strange_object(Random *random, Writer *writer, uint32 depth);

static void
put_strange_value(Random *random, Writer *writer, uint32 depth)
{
	if (depth < 6 && random_chance(random, 25))
		put_strange_object(random, writer, depth + 1);
	else
		put_strange_leaf(random, writer);
}

static void
put_strange_object(Random *random, Writer *writer, uint32 depth)
{
	uint32		count = random_chance(random, 1) ? 130 : random_below(random, 5);

	put(writer, "{");
	put_space(random, writer);
	for (uint32 i = 0; i < count; i++)
	{
		if (i > 0)
			put(writer, ",");
		put_space(random, writer);
		put_strange_key(random, writer);
		put_space(random, writer);
		put(writer, ":");
		put_space(random, writer);
		put_strange_value(random, writer, depth);
		put_space(random, writer);
	}
	put(writer, "}");
}

/* Objects in objects, or arrays in arrays, about as deep as somebody follows. */
static void
put_deep(Random *random, Writer *writer)
{
	static const uint32 depths[] = {5, 60, 63, 64, 65, 66, 255, 256, 257, 300};
	uint32		depth = ONE_OF(random, depths);
	bool		object = random_chance(random, 50);

	put_repeated(writer, object ? "{\"a\":" : "[", depth);
	put(writer, "{\"b\":1}");
	put_repeated(writer, object ? "}" : "]", depth);
}

static void
put_strange(Random *random, Writer *writer)
{
	if (random_chance(random, 3))
		put_deep(random, writer);
	else if (random_chance(random, 90))
		put_strange_object(random, writer, 0);
	else
		put_strange_leaf(random, writer);
}

/* Keys that hardly any other document has; now and then only empty objects. */
static void
put_new_shape(Random *random, Writer *writer)
{
	uint32		count = 1 + random_below(random, 8);
	bool		empty = random_chance(random, 20);

	put(writer, "{");
	for (uint32 i = 0; i < count; i++)
		put(writer, "%s\"k%llu\":%s", i > 0 ? "," : "", (unsigned long long) random_next(random),
			empty && i + 1 < count ? "{}" : "17");
	put(writer, "}");
}

/* A document of about so many bytes. */
static void
put_sized(Random *random, Writer *writer, uint32 size)
{
	static const char *const fillers[] = {"x", "the quick brown fox ", "0", "\\n"};

	if (random_chance(random, 50))
	{
		put(writer, "{\"text\":\"");
		put_repeated(writer, ONE_OF(random, fillers), size / 8);
		put(writer, "\",\"size\":%u}", size);
		return;
	}
	put(writer, "[0");
	for (uint32 i = 0; i < size / 8; i++)
		put(writer, ",%u", random_below(random, 10000000));
	put(writer, "]");
}

void
put_document(Random *random, Writer *writer, BatchKind kind)
{
	switch (kind)
	{
		case BATCH_UNIFORM:
			put_order(random, writer, false);
			break;
		case BATCH_MIXED:
			if (random_chance(random, 60))
				put_order(random, writer, true);
			else
				put_reading(random, writer);
			break;
		case BATCH_STRANGE:
			put_strange(random, writer);
			break;
		case BATCH_SHAPES:
			put_new_shape(random, writer);
			break;
		default:
			put_sized(random, writer, random_chance(random, 10) ? random_below(random, 70000) :
					  random_below(random, 2000));
			break;
	}
}

/* ------------------------------------------------------------------- events */

static void
put_uniform_event(Random *random, Writer *writer)
{
	put(writer, "{\"entity_id\":\"order-%08u\",\"event_type\":\"order.placed\",\"payload\":",
		random_below(random, 100000000));
	put_document(random, writer, BATCH_UNIFORM);
	put(writer, ",\"metadata\":{\"correlation_id\":");
	put_uuid(random, writer);
	put(writer, ",\"source\":\"shop\"}}\n");
}

/* A string of any characters. */
static void
put_name(Random *random, Writer *writer, uint32 max_size)
{
	Memory		memory = {0};
	EsSlice		name = random_name(random, &memory, max_size);
	char	   *escaped = memory_take(&memory, ES_JSON_ESCAPED_SIZE(name.size));

	put_bytes(writer, escaped, es_json_escape(name, escaped));
	memory_free(&memory);
}

/* Some of the optional fields, always in the same order. */
static void
put_optional_fields(Random *random, Writer *writer, BatchKind kind)
{
	static const char *const tenants[] = {"acme", "default", "globex"};

	if (random_chance(random, 30))
		put(writer, ",\"tenant_id\":\"%s\"", ONE_OF(random, tenants));
	if (random_chance(random, 20))
		put(writer, ",\"tags\":[\"web\",\"tag-%u\"]", random_below(random, 5));
	if (random_chance(random, 20))
	{
		put(writer, ",\"event_id\":");
		put_uuid(random, writer);
	}
	if (random_chance(random, 40))
	{
		put(writer, ",\"occurred_at\":");
		put_time(random, writer);
	}
	if (random_chance(random, 10))
		put(writer, ",\"expected_version\":%d", (int) random_below(random, 100) - 1);
	if (random_chance(random, 60))
	{
		put(writer, ",\"metadata\":");
		if (kind == BATCH_STRANGE)
			put_strange_object(random, writer, 0);
		else
			put(writer, "{\"user\":\"u%u\"%s}", random_below(random, 50), random_chance(random, 30) ? ",\"ip\":\"::1\"" : "");
	}
}

static void
put_mixed_event(Random *random, Writer *writer, BatchKind kind)
{
	static const char *const types[] = {"order.placed", "order.paid", "sensor.read"};

	put(writer, "{");
	put_space(random, writer);
	put(writer, "\"entity_id\":");
	if (kind == BATCH_STRANGE)
		put_name(random, writer, ES_MAX_ENTITY_ID);
	else
		put(writer, "\"order-%u\"", random_below(random, 1000));
	put_space(random, writer);
	put(writer, ",\"event_type\":\"%s\",\"payload\":", ONE_OF(random, types));
	put_document(random, writer, kind);
	put_optional_fields(random, writer, kind);
	put_space(random, writer);
	put(writer, "}\n");
}

static void
put_random_event(Random *random, Writer *writer)
{
	Memory		memory = {0};
	EsEvent		event;
	char	   *text;

	random_event(random, &memory, &event);
	text = memory_take(&memory, es_event_print_size(&event));
	put_bytes(writer, text, es_event_print(&event, text));
	put(writer, "\n");
	memory_free(&memory);
}

/* So many events, each on a line of its own. */
EsSlice
generate_batch(Random *random, Memory *memory, BatchKind kind, uint32 count)
{
	Writer		writer = {0};

	for (uint32 i = 0; i < count; i++)
	{
		if (kind == BATCH_UNIFORM)
			put_uniform_event(random, &writer);
		else if (kind == BATCH_STRANGE && random_chance(random, 30))
			put_random_event(random, &writer);
		else
			put_mixed_event(random, &writer, kind);
	}
	return take_text(&writer, memory);
}

/* ------------------------------------------------------------------- damage */

/* Replaces text[start, end). */
static EsSlice
splice(Memory *memory, EsSlice text, uint32 start, uint32 end, EsSlice middle)
{
	char	   *out = memory_take(memory, text.size - (end - start) + middle.size);
	char	   *p = out;

	p = es_put_slice(p, es_slice(text.data, start));
	p = es_put_slice(p, middle);
	p = es_put_slice(p, es_slice(text.data + end, text.size - end));
	return es_slice(out, p - out);
}

static EsSlice
damage_once(Random *random, Memory *memory, EsSlice text)
{
	static const char *const tokens[] = {
		"{", "}", "[", "]", ",", ":", "\"", "\\", " ", "\n", "0", "-", ".", "e", "null", "tru", "{}",
		"\"a\":", "\"payload\":", "\"entity_id\":\"x\",", ",\"tags\":[\"a\"]", "\\u0000", "\\ud800", "\x01", "\xFF"
	};
	char		byte = (char) random_next(random);
	uint32		start = random_below(random, text.size + 1);
	uint32		length = random_below(random, random_chance(random, 80) ? 4 : 200);
	uint32		end = Min(text.size, start + length);
	EsSlice		piece = text_slice(ONE_OF(random, tokens));

	switch (random_below(random, 6))
	{
		case 0:
			return splice(memory, text, start, end, es_slice(&byte, 1));
		case 1:
			return splice(memory, text, start, end, es_slice(NULL, 0));
		case 2:
			return splice(memory, text, start, start, es_slice(text.data + start, end - start));
		case 3:
			return splice(memory, text, start, end, piece);
		case 4:
			return splice(memory, text, start, start, piece);
		default:
			return random_chance(random, 10) ? splice(memory, text, start, text.size, es_slice(NULL, 0)) :
				splice(memory, text, start, Min(start + 1, text.size), piece);
	}
}

/* A copy with a few bytes changed, lost or put in. */
EsSlice
damage_text(Random *random, Memory *memory, EsSlice text)
{
	uint32		times = 1 + random_below(random, 3);

	for (uint32 i = 0; i < times; i++)
		text = damage_once(random, memory, text);
	return memory_copy(memory, text.data, text.size);
}
