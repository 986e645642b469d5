/*-------------------------------------------------------------------------
 *
 * fuzz_shape.c
 *	  Shapes of documents against the full scanner, and against what documents
 *	  are put together from.
 *
 * The input is documents, with a NUL between.  All are scanned twice, so that
 * each meets what the others left behind.
 *
 *-------------------------------------------------------------------------
 */
#include "batches.h"
#include "fuzz.h"

#include "core/json.h"

#define MAX_DOCUMENTS	64
#define MAX_DEPTH		64		/* of objects that are followed */

static EsShapes shapes;

/* What the full scanner refuses for its depth alone is left to the judge. */
static bool
is_right(EsSlice text, const char *after, const char *full)
{
	EsSlice		document = es_slice(text.data, after - text.data);

	return after == full ||
		(full == NULL && es_json_depth(document) > ES_JSON_MAX_DEPTH && reference_judge(NULL, document));
}

/* May an object that the full scanner takes be too much to be taken apart? */
static bool
is_much(EsSlice document)
{
	uint32		commas = 0;

	for (uint32 i = 0; i < document.size; i++)
		commas += document.data[i] == ',';
	return commas >= ES_MAX_LEAVES || document.size > ES_MAX_SHAPED_SIZE || es_json_depth(document) > MAX_DEPTH;
}

/* Returns the shape that was found. */
static uint32
check_text(Memory *memory, EsSlice text)
{
	EsLeaf	   *leaves = memory_take(memory, ES_MAX_LEAVES * sizeof(EsLeaf));
	EsDocument	document = {.leaves = leaves};
	const char *full = es_json_scan(text.data, text.data + text.size);
	const char *after;

	shapes.misses = 0;
	after = es_shape_scan(&shapes, text.data, text.data + text.size, &document.shape, leaves);
	if (after == NULL)
	{
		MUST(document.shape == 0);
		MUST(full == NULL || text.data[0] != '{' || is_much(es_slice(text.data, full - text.data)));
		return 0;
	}
	MUST(after > text.data && after <= text.data + text.size);
	MUST(is_right(text, after, full));
	MUST(check_document(&shapes, es_slice(text.data, after - text.data), &document) == NULL);
	return document.shape;
}

static uint32
split(Memory *memory, const uint8_t *data, size_t size, EsSlice *texts)
{
	uint32		count = 0;

	while (size > 0 && count < MAX_DOCUMENTS)
	{
		const uint8_t *nul = memchr(data, '\0', size);
		size_t		length = nul == NULL ? size : (size_t) (nul - data);

		texts[count++] = memory_copy(memory, data, length);
		length += nul != NULL;
		data += length;
		size -= length;
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Memory		memory = {0};
	EsSlice		texts[MAX_DOCUMENTS];
	uint32		found[MAX_DOCUMENTS] = {0};
	uint32		count = split(&memory, data, size, texts);

	es_shapes_init(&shapes);
	for (uint32 i = 0; i < 2 * count; i++)
	{
		uint32		shape = check_text(&memory, texts[i % count]);

		MUST(found[i % count] == 0 || shape == found[i % count]);
		found[i % count] = shape;
	}
	memory_free(&memory);
	return 0;
}
