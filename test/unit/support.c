/*-------------------------------------------------------------------------
 *
 * support.c
 *	  Random numbers, memory and random events for tests.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "core/timestamp.h"

/* ----------------------------------------------------------- random numbers */

uint64
random_next(Random *random)
{
	uint64		z = (random->state += UINT64CONST(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* A number from 0 to limit - 1. */
uint32
random_below(Random *random, uint32 limit)
{
	return (uint32) (random_next(random) % limit);
}

bool
random_chance(Random *random, uint32 percent)
{
	return random_below(random, 100) < percent;
}

/* ------------------------------------------------------------------- memory */

static void
note_piece(Memory *memory, void *piece)
{
	if (memory->count == memory->capacity)
	{
		memory->capacity = memory->capacity == 0 ? 64 : memory->capacity * 2;
		memory->pieces = realloc(memory->pieces, memory->capacity * sizeof(void *));
	}
	if (piece == NULL || memory->pieces == NULL)
		abort();
	memory->pieces[memory->count++] = piece;
}

void *
memory_take(void *memory, size_t size)
{
	void	   *piece = malloc(size > 0 ? size : 1);

	note_piece(memory, piece);
	return piece;
}

EsSlice
memory_copy(Memory *memory, const void *data, size_t size)
{
	char	   *copy = memory_take(memory, size);

	if (size > 0)
		memcpy(copy, data, size);
	return es_slice(copy, size);
}

void
memory_free(Memory *memory)
{
	for (size_t i = 0; i < memory->count; i++)
		free(memory->pieces[i]);
	free(memory->pieces);
	memset(memory, 0, sizeof(*memory));
}

EsParserHooks
parser_hooks(Memory *memory)
{
	return (EsParserHooks)
	{
		.allocate = memory_take,
			.judge = reference_judge,
			.arg = memory
	};
}

/* ------------------------------------------------------------ random events */

/* Text that is being put together, never longer than its limit. */
typedef struct Text
{
	char		data[4096];
	uint32		size;
	uint32		limit;
} Text;

static bool
add_text(Text *text, const char *more)
{
	uint32		size = strlen(more);

	if (text->size + size > text->limit)
		return false;
	memcpy(text->data + text->size, more, size);
	text->size += size;

	return true;
}

/* A name of 1 to max_size bytes without control characters. */
EsSlice
random_name(Random *random, Memory *memory, uint32 max_size)
{
	static const char *const pieces[] = {
		"a", "b", "7", "-", ".", "_", " ", "\"", "\\", "/", "order", "customer",
		"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xC2\xA0", "{", "]", ","
	};
	Text		text = {.limit = 1 + random_below(random, random_chance(random, 10) ? max_size : Min(max_size, 40))};

	while (add_text(&text, pieces[random_below(random, lengthof(pieces))]))
		;
	if (text.size == 0)
		add_text(&text, "x");
	return memory_copy(memory, text.data, text.size);
}

static void
add_scalar(Random *random, Text *text)
{
	static const char *const scalars[] = {
		"null", "true", "false", "0", "-0", "12.50", "-7", "1e3", "2.5E-7",
		"12345678901234567890", "\"\"", "\"plain\"", "\"\\u20ac \\\"quoted\\\"\"",
		"\"\\ud83d\\ude00\"", "\"2026-01-31T12:00:00Z\"", "\"\xE2\x82\xAC\""
	};

	add_text(text, scalars[random_below(random, lengthof(scalars))]);
}

static void add_value(Random *random, Text *text, int depth);

static void
add_members(Random *random, Text *text, int depth, bool object)
{
	char		key[32];
	uint32		count = random_below(random, 5);

	for (uint32 i = 0; i < count; i++)
	{
		if (i > 0)
			add_text(text, random_chance(random, 20) ? " ,\n" : ",");
		snprintf(key, sizeof(key), "\"key_%u\":%s", i, random_chance(random, 20) ? " " : "");
		if (object)
			add_text(text, key);
		add_value(random, text, depth + 1);
	}
}

static void
add_value(Random *random, Text *text, int depth)
{
	bool		object = depth == 0 || random_chance(random, 50);

	if (depth > 0 && (depth > 4 || random_chance(random, 60)))
	{
		add_scalar(random, text);
		return;
	}
	add_text(text, object ? "{" : "[");
	add_members(random, text, depth, object);
	add_text(text, object ? "}" : "]");
}

/* A JSON text, of an object when asked for; now and then a long one. */
EsSlice
random_json(Random *random, Memory *memory, bool object)
{
	Text		text = {.limit = sizeof(text.data)};

	add_value(random, &text, object ? 0 : 1);
	if (!reference_judge(NULL, es_slice(text.data, text.size)))
		return memory_copy(memory, "{}", 2);	/* it was cut off */
	return memory_copy(memory, text.data, text.size);
}

static void
random_tags(Random *random, Memory *memory, EsEvent *event)
{
	static char packed[ES_MAX_PACKED_TAGS];
	uint32		size = 0;

	event->has |= ES_HAS_TAGS;
	event->tag_count = random_chance(random, 10) ? ES_MAX_TAGS : random_below(random, 4);
	for (int i = 0; i < event->tag_count; i++)
	{
		EsSlice		tag = random_name(random, memory, ES_MAX_TAG);

		packed[size] = (char) tag.size;
		memcpy(packed + size + 1, tag.data, tag.size);
		size += 1 + tag.size;
	}
	event->tags = memory_copy(memory, packed, size);
}

/* An event that keeps the limits, with any optional fields. */
void
random_event(Random *random, Memory *memory, EsEvent *event)
{
	memset(event, 0, sizeof(*event));
	event->entity_id = random_name(random, memory, ES_MAX_ENTITY_ID);
	event->event_type = random_name(random, memory, ES_MAX_EVENT_TYPE);
	event->payload = random_json(random, memory, false);
	if (random_chance(random, 30))
		event->tenant_id = random_name(random, memory, ES_MAX_TENANT_ID);
	if (random_chance(random, 50))
	{
		event->metadata = random_json(random, memory, true);
		event->has |= ES_HAS_METADATA;
	}
	if (random_chance(random, 30))
		random_tags(random, memory, event);
	if (random_chance(random, 50))
	{
		for (int i = 0; i < ES_UUID_SIZE; i++)
			event->event_id[i] = (uint8) random_next(random);
		event->has |= ES_HAS_EVENT_ID;
	}
	if (random_chance(random, 50))
	{
		event->occurred_at = ES_TIMESTAMP_MIN +
			(int64) (random_next(random) % (uint64) (ES_TIMESTAMP_END - ES_TIMESTAMP_MIN));
		event->has |= ES_HAS_OCCURRED_AT;
	}
	if (random_chance(random, 30))
	{
		event->expected_version = (int64) random_below(random, 1000) - 1;
		event->has |= ES_HAS_EXPECTED_VERSION;
	}
}

bool
events_equal(const EsEvent *a, const EsEvent *b)
{
	uint8		has = ES_HAS_ALL & ~ES_HAS_EXPECTED_VERSION;

	return es_slice_equal(a->entity_id, b->entity_id) &&
		es_slice_equal(a->event_type, b->event_type) &&
		es_slice_equal(a->tenant_id, b->tenant_id) &&
		es_slice_equal(a->tags, b->tags) && a->tag_count == b->tag_count &&
		es_slice_equal(a->payload, b->payload) &&
		es_slice_equal(a->metadata, b->metadata) &&
		(a->has & has) == (b->has & has) &&
		(!(a->has & ES_HAS_OCCURRED_AT) || a->occurred_at == b->occurred_at) &&
		memcmp(a->event_id, b->event_id, ES_UUID_SIZE) == 0;
}
