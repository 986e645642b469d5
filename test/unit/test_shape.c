/*-------------------------------------------------------------------------
 *
 * test_shape.c
 *	  Shapes of documents: what is learnt and when, what is taken apart, what
 *	  is left to the full scanner.
 *
 *-------------------------------------------------------------------------
 */
#include "batches.h"
#include "generate.h"

#include "core/json.h"
#include "tap.h"

static EsShapes shapes;

/* What came of a document. */
typedef struct Taken
{
	const char *after;			/* NULL: left to the full scanner */
	uint32		size;			/* up to there */
	EsDocument	document;
	uint32		leaf_count;
	const char *problem;		/* with the document's parts, if any */
} Taken;

static EsLeaf taken_leaves[ES_MAX_LEAVES];

/* Scans a copy of exactly this size; leaves live until the next call. */
static Taken
take(EsSlice text)
{
	Memory		memory = {0};
	EsSlice		copy = memory_copy(&memory, text.data, text.size);
	EsLeaf	   *leaves = memory_take(&memory, ES_MAX_LEAVES * sizeof(EsLeaf));
	Taken		taken = {.document.leaves = taken_leaves};
	const char *after;

	shapes.misses = 0;			/* its patience is tested apart */
	after = es_shape_scan(&shapes, copy.data, copy.data + copy.size,
						  &taken.document.shape, leaves);
	memcpy(taken_leaves, leaves, sizeof(taken_leaves));
	if (after != NULL)
	{
		taken.size = after - copy.data;
		taken.after = text.data + taken.size;
		taken.problem = check_document(&shapes, es_slice(copy.data, taken.size), &taken.document);
	}
	if (taken.document.shape != 0)
		taken.leaf_count = shapes.shapes[taken.document.shape].segment_count - 1;
	memory_free(&memory);
	return taken;
}

static Taken
take_text_of(const char *text)
{
	return take(text_slice(text));
}

/* The document's shape after it was seen so often; 0 for none. */
static uint32
shape_of(const char *text, int times)
{
	Taken		taken = {0};

	for (int i = 0; i < times; i++)
		taken = take_text_of(text);
	return taken.after == text + strlen(text) && taken.problem == NULL ? taken.document.shape : 0;
}

/* ------------------------------------------------------------------ learning */

static void
test_second_sight(void)
{
	uint32		shape;

	es_shapes_init(&shapes);
	is_int(shape_of("{\"a\":1,\"b\":\"x\"}", 1), 0, "at first sight there is no shape");
	shape = shape_of("{\"a\":2,\"b\":null}", 1);
	ok(shape != 0, "at the second there is");
	is_int(shape_of("{\"a\":[1,{\"c\":2}],\"b\":-0.5}", 1), shape, "whatever the leaves are");
	is_int(shape_of("{\"c\":2}", 1), 0, "another key is another shape, not yet learnt");
	ok(shape_of("{\"a\":2}", 1) != shape && shape_of("{\"a\":2}", 1) != 0,
	   "one made of segments that were met is learnt at once");
	ok(shape_of("{\"b\":2,\"a\":1}", 2) != shape, "as is another order of keys");
	is_int(shape_of("{\"a\":1,\"b\":\"x\"}", 1), shape, "and the first is still known");
}

/* A key that documents may have or not: its segment is met in another document. */
static void
test_optional_keys(void)
{
	static const char *const optional[] = {"\"b\":1,", "\"c\":2,", "\"d\":3,", "\"e\":4,"};
	int			shaped = 0;

	es_shapes_init(&shapes);
	for (int round = 0; round < 2; round++)
	{
		shaped = 0;
		for (int set = 0; set < 16; set++)
		{
			char		text[128];

			snprintf(text, sizeof(text), "{\"a\":0,%s%s%s%s\"z\":5}", set & 1 ? optional[0] : "", set & 2 ? optional[1] : "",
					 set & 4 ? optional[2] : "", set & 8 ? optional[3] : "");
			shaped += shape_of(text, 1) != 0;
		}
	}
	is_int(shaped, 16, "all 16 sets of four optional keys are shapes");
	ok(shapes.segment_count <= 8, "which share their segments: %u", shapes.segment_count - 1);
}

static const struct
{
	const char *text;
	int			leaves;
}			documents[] = {
	{"{}", 0}, {"{ }", 0}, {"{\n}", 0}, {"{\"a\":{}}", 0}, {"{\"a\":{\"b\":{ } , \"c\":{}}}", 0},
	{"{\"a\":[]}", 1}, {"{\"aa\":[{\"b\":{}}]}", 1}, {"{ \"a\" : 1 }", 1}, {"{\"a\":1 }", 1},
	{"{\"a\":1,\"a\":2,\"a\":3,\"a\":4}", 4}, {"{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":2}}", 2},
	{"{\"a\\u0062\":1,\"\\\"\":2,\"\":3,\"\xE2\x82\xAC\":\"\xF0\x9F\x98\x80\"}", 4},
	{"{\"{\":1,\"}\":2,\":\":3,\",\":4}", 4}, {"{\"a\":{},\"b\":1,\"c\":{}}", 1},
	{"{\"a\":true,\"b\":false,\"c\":null}", 3}, {"{\"a\":-1,\"b\":\"\\\\\\\"\"}", 2},
	{"{\r\n\t\"a\"\r\n:\t{ \"b\" : [ 1 , 2 ] } ,\n\"c\" : \"d\" }", 2}, {"{\"a\":{\"b\":1},\"c\":{\"b\":1}}", 2},
	{"{\"a\":\"}\",\"bb\":\"{\\\"a\\\":1}\"}", 2}
};

/* Each becomes a shape, alone and with all the others known. */
static void
test_documents(void)
{
	uint32		seen[lengthof(documents)];

	es_shapes_init(&shapes);
	for (size_t i = 0; i < lengthof(documents); i++)
	{
		seen[i] = shape_of(documents[i].text, 2);
		ok(seen[i] != 0 && take_text_of(documents[i].text).leaf_count == (uint32) documents[i].leaves,
		   "%d leaves in %s", documents[i].leaves, documents[i].text);
	}
	for (size_t i = 0; i < lengthof(documents); i++)
	{
		bool		same = shape_of(documents[i].text, 1) == seen[i];

		for (size_t j = 0; j < i; j++)
			same &= seen[i] != seen[j];
		ok(same, "its own shape with all others known: %s", documents[i].text);
	}
}

/* Keys of one name in one object are columns of their own. */
static void
test_repeated_keys(void)
{
	const char *text = "{\"a\":1,\"a\":2,\"a\":3}";
	uint32		shape;
	const uint16 *segments;

	es_shapes_init(&shapes);
	shape = shape_of(text, 2);
	segments = es_shape_segments(&shapes, shape);
	ok(shape != 0 && segments[1] != segments[2] &&
	   es_slice_equal(es_segment_text(&shapes, segments[1]), es_segment_text(&shapes, segments[2])),
	   "the same text twice in a document is two segments");
	shape = shape_of("{\"x\":{\"k\":1},\"y\":{\"k\":1,\"n\":2},\"n\":3}", 2);
	segments = es_shape_segments(&shapes, shape);
	ok(shape != 0 && es_slice_equal(es_segment_text(&shapes, segments[2]), text_slice(",\"n\":")) &&
	   segments[2] != segments[3], "so is the same text in two objects");
}

static const char *const refused[] = {
	"", "[", "1", "\"a\"", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{\"a\" 1}", "{a:1}",
	"{\"a\":1 \"b\":2}", "{\"a\":01}", "{\"a\":1e5000}", "{\"a\":tru}", "{\"a\":1]", "{\"a\":{}", "{\"a\":{]}", "{\"a\":[}",
	"{\"a\":\"\\u0000\"}", "{\"a\\ud800\":1}", "{\"a\":\"x\ny\"}", "{\"a\x01\":1}", "{\"a\":}", "{\"a\":,\"b\":1}", "{{}}",
	"{\"a\":{{}}}", "{\"a\":1,,\"b\":1}", "{1:1}", "{\"a\"::1}", "{\"a\":\"b}", "{\"a\":1}}x"
};

/* What is no valid object, or not certainly one, is refused however often it comes. */
static void
test_refused(void)
{
	es_shapes_init(&shapes);
	shape_of("{\"a\":1}", 2);
	shape_of("{\"a\":1,\"b\":2}", 2);
	shape_of("{\"a\":{}}", 2);
	shape_of("{\"a\":{\"b\":1}}", 2);
	for (size_t i = 0; i + 1 < lengthof(refused); i++)
	{
		(void) take_text_of(refused[i]);
		ok(take_text_of(refused[i]).after == NULL, "not taken apart: %s", refused[i]);
	}
	is_int(take_text_of(refused[lengthof(refused) - 1]).size, 7, "what follows a document is not part of it");
}

/* -------------------------------------------------------------------- limits */

/* A document with so many of these. */
static EsSlice
repeat(Memory *memory, const char *head, const char *piece, uint32 count, const char *tail)
{
	Writer		writer = {0};

	put(&writer, "%s", head);
	put_repeated(&writer, piece, count);
	put(&writer, "%s", tail);
	return take_text(&writer, memory);
}

static uint32
learnt(EsSlice text)
{
	Taken		taken = take(text);

	taken = take(text);
	return taken.problem == NULL ? taken.document.shape : 0;
}

static void
test_limits(void)
{
	Memory		memory = {0};

	es_shapes_init(&shapes);
	ok(learnt(repeat(&memory, "{\"a\":0", ",\"a\":1", ES_MAX_LEAVES - 1, "}")) != 0, "a shape of as many leaves as there may be");
	ok(take(repeat(&memory, "{\"a\":0", ",\"a\":1", ES_MAX_LEAVES, "}")).after == NULL, "one more");
	ok(learnt(repeat(&memory, "{\"", "k", ES_MAX_SEGMENT_SIZE - 4, "\":1}")) != 0, "a text of the greatest size");
	ok(learnt(repeat(&memory, "{\"", "k", ES_MAX_SEGMENT_SIZE - 3, "\":1}")) == 0, "one byte more is no shape");
	ok(take(repeat(&memory, "{\"", "k", ES_MAX_SEGMENT_SIZE - 3, "\":1}")).after != NULL, "but a valid document");
	ok(learnt(repeat(&memory, "{\"a\":\"", "x", ES_MAX_SHAPED_SIZE - 8, "\"}")) != 0, "a document of the greatest size");
	ok(take(repeat(&memory, "{\"a\":\"", "x", ES_MAX_SHAPED_SIZE, "\"}")).after == NULL, "a leaf that ends beyond it");
	ok(learnt(repeat(&memory, "", "{\"a\":", 64, "1" "}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}" "}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}")) != 0,
	   "64 objects, one in the other");
	ok(take(repeat(&memory, "", "{\"a\":", 65, "1" "}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}" "}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}")).after == NULL,
	   "65");
	memory_free(&memory);
}

/* Many objects without a leaf between, under keys of their own. */
static void
test_empty_objects(void)
{
	Memory		memory = {0};
	int			shaped = 0;

	es_shapes_init(&shapes);
	for (int i = 0; i < 200; i++)
	{
		Writer		writer = {0};

		put(&writer, "{");
		for (int j = 0; j < 80; j++)
			put(&writer, "\"%03d%02d\":{},", i, j);
		put(&writer, "\"z\":1}");
		shaped += learnt(take_text(&writer, &memory)) != 0;
	}
	ok(shaped > 0 && shapes.scope_count <= ES_MAX_SCOPES, "no more objects are learnt than there is room: %u in %d documents",
	   shapes.scope_count, shaped);
	memory_free(&memory);
}

/* What there is too much of, at last. */
typedef enum Excess
{
	MANY_SHAPES,
	LONG_KEYS,
	MANY_LEAVES,
	MANY_OBJECTS,
	EXCESSES
} Excess;

/* Document i of many; a node has not too many children. */
static EsSlice
document_of_many(Memory *memory, Excess excess, int i)
{
	Writer		writer = {0};

	put(&writer, "{\"k%d\":1", i % 20);
	if (excess == MANY_LEAVES)
		put_repeated(&writer, ",\"leaf\":0", ES_MAX_LEAVES - 3);
	put(&writer, ",\"n%d\":2,\"", i / 20 % 20);
	if (excess == LONG_KEYS)
		put_repeated(&writer, "x", ES_MAX_SEGMENT_SIZE - 20);
	put(&writer, "m%d\":", i);
	put(&writer, excess == MANY_OBJECTS ? "{\"o%d\":{\"p\":3}}}" : "%d}", i);
	return take_text(&writer, memory);
}

/* Documents that are all different, until nothing more is learnt. */
static void
test_full(Excess excess)
{
	Memory		memory = {0};
	uint32		generation;
	uint32		first;
	int			wrong = 0;
	int			shaped = 0;

	es_shapes_init(&shapes);
	generation = shapes.generation;
	first = shape_of("{\"first\":1}", 2);
	for (int i = 0; i < 20000 && !shapes.full; i++)
	{
		for (int j = 0; j < 2; j++)
		{
			EsSlice		text = document_of_many(&memory, excess, i);
			Taken		taken = take(text);

			wrong += taken.after != text.data + text.size || taken.problem != NULL;
			shaped += j == 1 && taken.document.shape != 0;
		}
		memory_free(&memory);
	}
	ok(shapes.full && wrong == 0, "after %d shapes the collection is full", shaped);
	is_int(shape_of("{\"new\":1}", 3), 0, "nothing more is learnt");
	is_int(shape_of("{\"first\":2}", 1), first, "and what was learnt is known");
	is_int(shapes.generation, generation, "under its number");
	es_shapes_renew(&shapes);
	ok(!shapes.full && shapes.generation != generation, "renewed it is another collection");
	is_int(shape_of("{\"first\":2}", 1), 0, "that knows nothing");
	ok(shape_of("{\"first\":2}", 1) != 0, "and learns");
	generation = shapes.generation;
	es_shapes_renew(&shapes);
	is_int(shapes.generation, generation, "one that is not full is not renewed");
}

/* Documents that never come twice leave little behind. */
static void
test_all_different(void)
{
	int			shaped = 0;
	char		text[64];

	es_shapes_init(&shapes);
	for (int i = 0; i < 20000; i++)
	{
		snprintf(text, sizeof(text), "{\"key%d\":1,\"b\":2}", i);
		shaped += shape_of(text, 1) != 0;
	}
	is_int(shaped, 0, "20000 documents that are all different: none is learnt");
}

/* After many of them it is only tried now and then to learn another one. */
static void
test_patience(void)
{
	EsLeaf		leaves[ES_MAX_LEAVES];
	uint32		shape;
	char		text[64];
	int			parsed = 0;
	int			known = 0;

	es_shapes_init(&shapes);
	(void) shape_of("{\"known\":1}", 2);
	for (int i = 0; i < 2000; i++)
	{
		snprintf(text, sizeof(text), "{\"key%d\":1,\"b\":2}", i);
		parsed += es_shape_scan(&shapes, text, text + strlen(text), &shape, leaves) != NULL;
	}
	ok(parsed > 256 && parsed < 512, "%d of 2000 documents that are all different were parsed", parsed);
	snprintf(text, sizeof(text), "{\"new\":1}");
	for (int i = 0; i < 100 && known == 0; i++)
	{
		(void) es_shape_scan(&shapes, text, text + strlen(text), &shape, leaves);
		known += shape != 0;
	}
	is_int(known, 1, "a new shape is learnt still");
	(void) es_shape_scan(&shapes, text, text + strlen(text), &shape, leaves);
	snprintf(text, sizeof(text), "{\"other\":1}");
	ok(es_shape_scan(&shapes, text, text + strlen(text), &shape, leaves) != NULL, "and then patience is back");
}

/* -------------------------------------------------- the same as the full scanner */

/*
 * Does the scan accept what the full scanner accepts?  It may leave more to it;
 * but nothing else, except what is too deep for it and the judge would accept.
 */
static bool
agrees(EsSlice text, const Taken *taken)
{
	const char *after = es_json_scan(text.data, text.data + text.size);

	if (taken->after == NULL || taken->after == after)
		return true;
	return after == NULL && es_json_depth(es_slice(text.data, taken->size)) > ES_JSON_MAX_DEPTH &&
		reference_judge(NULL, es_slice(text.data, taken->size));
}

/* Is it an object that the scan has no reason to leave to others? */
static bool
is_ordinary(EsSlice text)
{
	return text.size < ES_MAX_SHAPED_SIZE && text.data[0] == '{' && es_json_depth(text) <= 64 &&
		es_json_scan(text.data, text.data + text.size) != NULL;
}

static void
compare(EsSlice text, int *failures, int *accepted)
{
	for (int i = 0; i < 2; i++)
	{
		Taken		taken = take(text);
		uint32		commas = 0;

		for (uint32 j = 0; j < text.size; j++)
			commas += text.data[j] == ',';
		*accepted += i == 0 && taken.after != NULL;
		if (taken.problem == NULL && agrees(text, &taken) &&
			(taken.after != NULL || commas >= ES_MAX_LEAVES || text.size == 0 || !is_ordinary(text)))
			continue;
		if (++*failures <= 3)
			printf("# %s: %.*s\n", taken.problem == NULL ? "not as the full scanner" : taken.problem,
				   (int) Min(text.size, 2000), text.data);
	}
}

static void
test_agreement(BatchKind kind)
{
	Random		random = {50 + kind};
	int			failures = 0;
	int			accepted = 0;
	int			texts = 0;

	es_shapes_init(&shapes);
	for (int i = 0; i < 400; i++)
	{
		Memory		memory = {0};
		Writer		writer = {0};
		EsSlice		text;

		es_shapes_renew(&shapes);
		put_document(&random, &writer, kind);
		text = take_text(&writer, &memory);
		compare(text, &failures, &accepted);
		texts++;
		for (int j = 0; j < 30 && text.size < 10000; j++, texts++)
			compare(damage_text(&random, &memory, text), &failures, &accepted);
		memory_free(&memory);
	}
	is_int(failures, 0, "%d documents and damaged ones, %d accepted, as the full scanner does", texts, accepted);
}

int
main(void)
{
	test_second_sight();
	test_optional_keys();
	test_documents();
	test_repeated_keys();
	test_refused();
	test_limits();
	test_all_different();
	test_patience();
	for (int kind = 0; kind < BATCH_KINDS; kind++)
		test_agreement(kind);
	for (int excess = 0; excess < EXCESSES; excess++)
		test_full(excess);
	test_empty_objects();
	return tap_done();
}
