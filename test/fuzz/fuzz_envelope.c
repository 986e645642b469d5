/*-------------------------------------------------------------------------
 *
 * fuzz_envelope.c
 *	  Batches of events: what is parsed survives packing and printing.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "core/timestamp.h"

#define MAX_EVENT_SIZE (16 * 1024 * 1024)

/* Packs into memory of exactly the announced size. */
static EsSlice
pack(Memory *memory, const EsEvent *event)
{
	size_t		size = es_event_packed_size(event);
	EsPackedEvent *packed = memory_take(memory, size);

	memset(packed, 0xA5, size);
	es_event_pack(event, packed);
	return es_slice((char *) packed, size);
}

static EsSlice
print(Memory *memory, const EsEvent *event)
{
	char	   *text = memory_take(memory, es_event_print_size(event));
	size_t		size = es_event_print(event, text);

	MUST(size <= es_event_print_size(event));
	return memory_copy(memory, text, size);
}

static void
check_tags(const EsEvent *event)
{
	EsSlice		rest = event->tags;
	EsSlice		tag;
	int			count = 0;

	while (rest.size > 0)
	{
		MUST((uint32) 1 + (uint8) rest.data[0] <= rest.size);
		es_tag_next(&rest, &tag);
		count++;
	}
	MUST(count == event->tag_count && count <= ES_MAX_TAGS);
}

/* pack -> unpack -> print -> parse -> pack gives the same bytes. */
static void
check_event(Memory *memory, const EsEvent *event)
{
	EsParserHooks hooks = parser_hooks(memory);
	EsParser	parser;
	EsError		error;
	EsEvent		unpacked;
	EsEvent		parsed;
	EsSlice		packed;
	EsSlice		text;

	check_tags(event);
	MUST(reference_judge(NULL, event->payload));
	MUST(event->metadata.size == 0 || reference_judge(NULL, event->metadata));
	if (!es_event_check_limits(event, MAX_EVENT_SIZE, &error))
	{
		MUST(error.code != ES_OK && error.key.size > 0);
		return;
	}
	(void) es_event_check_names(event, &error);
	packed = pack(memory, event);
	es_event_unpack((const EsPackedEvent *) packed.data, &unpacked);
	MUST(events_equal(event, &unpacked) && unpacked.expected_version == event->expected_version);
	text = print(memory, &unpacked);

	MUST(reference_judge(NULL, text));
	es_parser_init(&parser, &hooks, NULL);
	es_parser_begin(&parser, text);
	MUST(es_parse_single(&parser, &parsed));
	MUST(es_slice_equal(packed, pack(memory, &parsed)));
}

static void
check_error(const EsParser *parser)
{
	MUST(parser->error.code != ES_OK);
	MUST(parser->error.offset <= (size_t) (parser->end - parser->start));
	if (parser->error.code == ES_ERR_EXPECTED || parser->error.code == ES_ERR_WRONG_TYPE)
		MUST(parser->error.expected != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Memory		memory = {0};
	EsParserHooks hooks = parser_hooks(&memory);
	EsParser	parser;
	EsParseResult result = ES_PARSE_ERROR;
	EsEvent		event;
	int64		count = 0;

	es_parser_init(&parser, &hooks, NULL);
	es_parser_begin(&parser, memory_copy(&memory, data, size));
	if (es_parse_batch_start(&parser))
	{
		while ((result = es_parse_batch_next(&parser, &event)) == ES_PARSE_EVENT)
		{
			MUST(parser.ordinal == ++count);
			check_event(&memory, &event);
		}
	}
	if (result == ES_PARSE_ERROR)
		check_error(&parser);
	else
		MUST(parser.p == parser.end && parser.ordinal == count);
	memory_free(&memory);
	return 0;
}
