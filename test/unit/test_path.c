/*-------------------------------------------------------------------------
 *
 * test_path.c
 *	  Paths in JSON text and in blocks, against a reference of another make:
 *	  it parses the whole text into a tree, and takes the steps there.
 *
 *-------------------------------------------------------------------------
 */
#include "batches.h"
#include "generate.h"

#include "core/block_vectors.h"
#include "core/json.h"
#include "core/path_places.h"
#include "tap.h"

#define ONE_OF(random, array) ((array)[random_below((random), lengthof(array))])

/* ----------------------------------------------------------------- reference */

/* A value, and the members or elements in it. */
typedef struct Tree
{
	EsSlice		text;
	EsSlice		key;			/* of a member; what it means */
	struct Tree *first;
	struct Tree *last;
	struct Tree *next;
	int64		count;
} Tree;

static const char *
past_space(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
		p++;
	return p;
}

static const char *
past_string(const char *p)
{
	for (p++; *p != '"'; p++)
		p += *p == '\\';
	return p + 1;
}

/* Four hex digits. */
static uint32
unit_at(const char *p)
{
	char		digits[5] = {p[0], p[1], p[2], p[3]};

	return (uint32) strtoul(digits, NULL, 16);
}

static void
put_code(Writer *out, uint32 code)
{
	if (code < 0x80)
		put(out, "%c", code);
	else if (code < 0x800)
		put(out, "%c%c", 0xC0 + code / 64, 0x80 + code % 64);
	else if (code < 0x10000)
		put(out, "%c%c%c", 0xE0 + code / 4096, 0x80 + code / 64 % 64, 0x80 + code % 64);
	else
		put(out, "%c%c%c%c", 0xF0 + code / 262144, 0x80 + code / 4096 % 64, 0x80 + code / 64 % 64, 0x80 + code % 64);
}

/* What the string at p means. */
static EsSlice
meaning_of(Memory *memory, const char *p)
{
	static const char letters[] = "b\bf\fn\nr\rt\t";
	Writer		out = {0};

	for (p++; *p != '"'; p++)
	{
		if (*p != '\\')
			put_bytes(&out, p, 1);
		else if (*++p != 'u')
			put(&out, "%c", strchr(letters, *p) != NULL ? strchr(letters, *p)[1] : *p);
		else
		{
			uint32		code = unit_at(p + 1);

			p += 4;
			if (code >= 0xD800 && code < 0xDC00)
			{
				code = 0x10000 + (code - 0xD800) * 1024 + unit_at(p + 3) - 0xDC00;
				p += 6;
			}
			put_code(&out, code);
		}
	}
	return take_text(&out, memory);
}

static const char *grow_tree(Memory *memory, Tree *tree, const char *p);

/* Takes the members or elements after the bracket at p. */
static const char *
grow_members(Memory *memory, Tree *tree, const char *p)
{
	bool		object = *p == '{';

	p = past_space(p + 1);
	while (*p != '}' && *p != ']')
	{
		Tree	   *member = memory_take(memory, sizeof(Tree));

		memset(member, 0, sizeof(*member));
		if (object)
		{
			member->key = meaning_of(memory, p);
			p = past_space(past_space(past_string(p)) + 1);
		}
		p = past_space(grow_tree(memory, member, p));
		if (*p == ',')
			p = past_space(p + 1);
		*(tree->last == NULL ? &tree->first : &tree->last->next) = member;
		tree->last = member;
		tree->count++;
	}
	return p + 1;
}

/* Takes the value at p of a valid text, which ends with a NUL. */
static const char *
grow_tree(Memory *memory, Tree *tree, const char *p)
{
	const char *start = p;

	if (*p == '{' || *p == '[')
		p = grow_members(memory, tree, p);
	else if (*p == '"')
		p = past_string(p);
	else
		p += strcspn(p, ",]} \t\r\n");
	tree->text = es_slice(start, p - start);
	return p;
}

static const Tree *
element_of(const Tree *tree, int64 index)
{
	const Tree *element = tree->first;

	if (index < 0)
		index += tree->count;
	if (index < 0 || index >= tree->count)
		return NULL;
	while (index-- > 0)
		element = element->next;
	return element;
}

static const Tree *
reference_step(const Tree *tree, const EsStep *step)
{
	const Tree *found = NULL;
	char		text[64];
	char	   *end;
	long		index;

	if (tree->text.data[0] == '{')
	{
		for (const Tree *member = tree->first; member != NULL && step->kind != ES_STEP_INDEX; member = member->next)
			found = es_slice_equal(member->key, step->text) ? member : found;
		return found;
	}
	if (step->kind == ES_STEP_INDEX)
	{
		bool		itself = step->index == 0 || step->index == -1;

		return tree->text.data[0] == '[' ? element_of(tree, step->index) : itself ? tree : NULL;
	}
	if (step->kind == ES_STEP_KEY || tree->text.data[0] != '[')
		return NULL;
	snprintf(text, sizeof(text), "%.*s", (int) step->text.size, step->text.data);
	index = strtol(text, &end, 10);
	return end == text || *end != '\0' || index != (int) index ? NULL : element_of(tree, index);
}

/* The reference's answer; *value is its text. */
static EsFound
reference_find(const EsPath *path, EsSlice json, EsSlice *value)
{
	Memory		memory = {0};
	Tree		root = {0};
	const Tree *tree = &root;
	char	   *text = memory_take(&memory, json.size + 1);
	const char *start;

	*es_put_slice(text, json) = '\0';
	start = past_space(text);
	grow_tree(&memory, &root, start);
	for (uint32 i = 0; i < path->step_count && tree != NULL; i++)
		tree = reference_step(tree, &path->steps[i]);
	if (tree != NULL)
		*value = es_slice(json.data + (tree->text.data - text), tree->text.size);
	memory_free(&memory);
	return tree == NULL ? ES_FOUND_MISSING : ES_FOUND_VALUE;
}

/* ----------------------------------------------------------------- documents */

/* Spellings of keys; some mean the same. */
static const char *const keys[] = {
	"a", "b", "\\u0061", "", "a\\\"", "caf\xC3\xA9", "caf\\u00e9", "\\ud83d\\ude00", "\xF0\x9F\x98\x80", "\\n", "0", "-1",
	"key of more than sixteen bytes", "a\\\\"
};

/* What they mean, and a few that no document has. */
static const char *const wanted[] = {
	"a", "a", "b", "b", "", "a\"", "caf\xC3\xA9", "\xF0\x9F\x98\x80", "\n", "0", "-1", "key of more than sixteen bytes", "a\\",
	"\\u0061", "aa", " +1", "1x", "99999999999999999999", "-2147483649", "1 ", "-", "\t\v1"
};

static void
put_scalar(Random *random, Writer *writer)
{
	static const char *const scalars[] = {
		"null", "true", "false", "-0", "1e5", "\"\"", "\"}\"", "\"]{\\\"\"", "\"\\\\\"", "\"a\"", "\"text, that is : longer\"", "{}", "[]"
	};

	if (random_chance(random, 50))
		put(writer, "%u", random_below(random, 100));
	else
		put(writer, "%s", ONE_OF(random, scalars));
}

static void
put_spaces(Random *random, Writer *writer)
{
	if (random_chance(random, 5))
		put(writer, "%s", random_chance(random, 50) ? " " : "\r\n\t                    ");
}

/* Writes a value whose keys depend on 'structure' alone. */
static void
put_value(Random *structure, Random *values, Writer *writer, uint32 depth)
{
	uint32		kind = random_below(structure, 10);
	bool		object = depth == 0 || kind < 3;
	uint32		count;

	if (depth > 3 || kind > 4 - (depth > 0))
	{
		if (depth > 0)
		{
			put_scalar(values, writer);
			return;
		}
	}
	structure = object ? structure : values;
	count = random_below(structure, 7);
	put(writer, object ? "{" : "[");
	for (uint32 i = 0; i < count; i++)
	{
		put(writer, i > 0 ? "," : "");
		put_spaces(structure, writer);
		if (object)
			put(writer, "\"%s\"", random_chance(structure, 50) ? keys[random_below(structure, 3)] : ONE_OF(structure, keys));
		put_spaces(structure, writer);
		put(writer, object ? ":" : "");
		put_value(structure, values, writer, depth + 1);
		put_spaces(structure, writer);
	}
	put_spaces(structure, writer);
	put(writer, object ? "}" : "]");
}

/* A document of one of a few shapes, or any value. */
static void
put_random_document(Random *random, Writer *writer, uint32 shapes, bool object)
{
	Random		structure = {1 + random_below(random, shapes)};

	if (!object && random_chance(random, 3))
		put_value(random, random, writer, 1);
	else
		put_value(&structure, random, writer, 0);
}

static EsPath
random_path(Random *random)
{
	EsPath		path = {.step_count = random_below(random, 5)};

	if (random_chance(random, 1))
		path.step_count = ES_PATH_MAX_STEPS;
	for (uint32 i = 0; i < path.step_count; i++)
	{
		EsStep	   *step = &path.steps[i];

		step->kind = random_chance(random, 60) ? ES_STEP_KEY : random_chance(random, 60) ? ES_STEP_EITHER : ES_STEP_INDEX;
		step->text = text_slice(random_chance(random, 50) ? wanted[random_below(random, 4)] : ONE_OF(random, wanted));
		step->index = (int64) random_below(random, 8) - 4;
	}
	return path;
}

/* ----------------------------------------------------------------------- text */

static void
complain(const EsPath *path, EsSlice json)
{
	printf("# in %.*s:", (int) Min(json.size, 1000), json.data);
	for (uint32 i = 0; i < path->step_count; i++)
		printf(" %d '%.*s' " INT64_FORMAT, path->steps[i].kind, (int) path->steps[i].text.size, path->steps[i].text.data,
			   path->steps[i].index);
	printf("\n");
}

static bool
same_answer(EsFound a, EsSlice a_value, EsFound b, EsSlice b_value)
{
	return a == b && (a != ES_FOUND_VALUE || es_slice_equal(a_value, b_value));
}

static bool
agrees(const EsPath *path, EsSlice json, uint64 *values)
{
	EsSlice		value = {NULL, 0};
	EsSlice		wanted_value = {NULL, 0};
	EsFound		found = es_path_find(path, 0, json, &value);

	*values += found == ES_FOUND_VALUE && path->step_count > 0;
	if (same_answer(found, value, reference_find(path, json, &wanted_value), wanted_value))
		return true;
	complain(path, json);
	return false;
}

static void
test_random_text(void)
{
	Random		random = {500};
	int			failures = 0;
	uint64		values = 0;

	for (int i = 0; i < 60000 && failures < 5; i++)
	{
		Memory		memory = {0};
		Writer		writer = {0};
		EsPath		path = random_path(&random);

		put_spaces(&random, &writer);
		put_random_document(&random, &writer, 100000, false);
		put_spaces(&random, &writer);
		failures += !agrees(&path, take_text(&writer, &memory), &values);
		memory_free(&memory);
	}
	ok(failures == 0 && values > 3000, "60000 paths in random documents, " UINT64_FORMAT " of them with a value", values);
}

static EsFound
find(const char *json, EsStepKind kind, const char *text, int64 index, const char *expected)
{
	Memory		memory = {0};
	EsPath		path = {.step_count = 1,.steps = {{kind, text_slice(text), index}}};
	EsSlice		value = {NULL, 0};
	EsSlice		copy = memory_copy(&memory, json, strlen(json));
	EsFound		found = es_path_find(&path, 0, copy, &value);

	if (found == ES_FOUND_VALUE && !es_slice_equal(value, text_slice(expected)))
		found = ES_FOUND_UNSURE;
	memory_free(&memory);
	return found;
}

static void
test_text(void)
{
	is_int(find("{\"a\":1,\"b\":2,\"a\":3}", ES_STEP_KEY, "a", 0, "3"), ES_FOUND_VALUE, "the last duplicate counts");
	is_int(find(" { \"a\" : [1 , \"]\"] } ", ES_STEP_KEY, "a", 0, "[1 , \"]\"]"), ES_FOUND_VALUE, "space around is not part of a value");
	is_int(find("{\"\\u0061\":1}", ES_STEP_KEY, "a", 0, "1"), ES_FOUND_VALUE, "keys are what they mean");
	is_int(find("{\"\\u0061\":1}", ES_STEP_KEY, "\\u0061", 0, ""), ES_FOUND_MISSING, "not how they are spelt");
	is_int(find("{\"a\":1}", ES_STEP_INDEX, "", 0, ""), ES_FOUND_MISSING, "an object has no elements");
	is_int(find("[\"a\"]", ES_STEP_KEY, "0", 0, ""), ES_FOUND_MISSING, "an array has no members");
	is_int(find("[1,2,3]", ES_STEP_INDEX, "", -1, "3"), ES_FOUND_VALUE, "an element from the end");
	is_int(find("[1,2,3]", ES_STEP_INDEX, "", -4, ""), ES_FOUND_MISSING, "and one before the first");
	is_int(find("[]", ES_STEP_INDEX, "", 0, ""), ES_FOUND_MISSING, "an empty array has none");
	is_int(find("7", ES_STEP_INDEX, "", 0, "7"), ES_FOUND_VALUE, "a scalar is its own first element");
	is_int(find("7", ES_STEP_INDEX, "", 1, ""), ES_FOUND_MISSING, "and has no second");
	is_int(find("7", ES_STEP_EITHER, "0", 0, ""), ES_FOUND_MISSING, "but not by text");
	is_int(find("[1,2]", ES_STEP_EITHER, " +1", 0, "2"), ES_FOUND_VALUE, "an index as strtol() reads it");
	is_int(find("[1,2]", ES_STEP_EITHER, "1 ", 0, ""), ES_FOUND_MISSING, "with nothing behind it");
	is_int(find("[1,2]", ES_STEP_EITHER, "4294967297", 0, ""), ES_FOUND_MISSING, "and in the range of int");
	is_int(find("{\"1\":5}", ES_STEP_EITHER, "1", 0, "5"), ES_FOUND_VALUE, "an index may be a key");
}

/* Text that ends anywhere, or is damaged, has an answer inside or none. */
static void
test_damaged_text(void)
{
	Random		random = {501};
	uint64		unsure = 0;

	for (int i = 0; i < 60000; i++)
	{
		Memory		memory = {0};
		Writer		writer = {0};
		EsPath		path = random_path(&random);
		EsSlice		value = {NULL, 0};
		EsSlice		json;
		EsFound		found;

		put_random_document(&random, &writer, 100000, false);
		json = damage_text(&random, &memory, take_text(&writer, &memory));
		found = es_path_find(&path, 0, json, &value);
		unsure += found == ES_FOUND_UNSURE;
		if (found == ES_FOUND_VALUE &&
			(value.size == 0 || value.data < json.data || value.data + value.size > json.data + json.size))
			abort();
		memory_free(&memory);
	}
	ok(unsure > 1000, "damaged text is safe, " UINT64_FORMAT " of 60000 times unsure", unsure);
}

/* --------------------------------------------------------------------- blocks */

static EsExpectations expectations;
static EsPacker packer;

static EsSlice
documents(Random *random, Memory *memory, uint32 count, uint32 shapes)
{
	Writer		writer = {0};

	for (uint32 i = 0; i < count; i++)
	{
		put(&writer, "{\"entity_id\":\"e-%u\",\"event_type\":\"t\",\"payload\":", random_below(random, 9));
		put_random_document(random, &writer, shapes, false);
		put(&writer, ",\"metadata\":");
		put_random_document(random, &writer, shapes, true);
		put(&writer, "}\n");
	}
	return take_text(&writer, memory);
}

/* What a block's places say of a document, with the value of its leaf. */
static EsFound
find_in_leaf(const EsBlock *block, const EsPath *path, const EsPlace *place, uint32 row, EsSlice entity_id,
			 char *leaf, EsSlice *value)
{
	EsStrings	strings;
	uint64		bits[ES_BLOCK_BIT_WORDS];
	uint32		rank = 0;
	uint32		size;

	if (!es_vector_strings(block, ES_LEAF_SLOT(place->column), &strings) ||
		!es_vector_presence(block, ES_LEAF_SLOT(place->column), bits) ||
		!(bits[row / 64] >> row % 64 & 1))
		return ES_FOUND_UNSURE;
	for (uint32 i = 0; i < row; i++)
		rank += bits[i / 64] >> i % 64 & 1;
	if (!es_column_get(&strings.column, rank, entity_id, &block->symbols, leaf, ES_BLOCK_MAX_BODY_ROOM, &size))
		return ES_FOUND_UNSURE;
	return es_path_find(path, place->steps, es_slice(leaf, size), value);
}

static bool
is_empty_object(EsSlice value)
{
	return value.data[0] == '{' && es_json_skip_space(value.data + 1, value.data + value.size) == value.data + value.size - 1;
}

/* Do the place and the document agree? */
static bool
place_agrees(const EsBlock *block, const EsPath *path, const EsPlace *place, const EsStoredEvent *stored, EsSlice json)
{
	static char leaf[ES_BLOCK_MAX_BODY_ROOM];
	EsSlice		wanted_value = {NULL, 0};
	EsSlice		value = {NULL, 0};
	EsFound		wanted_found = es_path_find(path, 0, json, &wanted_value);

	switch (place->kind)
	{
		case ES_PLACE_MISSING:
			return wanted_found == ES_FOUND_MISSING;
		case ES_PLACE_LEAF:
			return same_answer(find_in_leaf(block, path, place, stored->position - block->header.first_position,
											stored->event.entity_id, leaf, &value), value, wanted_found, wanted_value);
		case ES_PLACE_OBJECT:
			return wanted_found == ES_FOUND_VALUE && wanted_value.data[0] == '{' && !is_empty_object(wanted_value);
		case ES_PLACE_WORD:
			return wanted_found == ES_FOUND_VALUE && is_empty_object(wanted_value);
		default:
			return false;
	}
}

/* Compares the documents of an event; counts the places of each kind. */
static bool
event_agrees(EsBlock *block, uint32 row, const EsPlaces *places, char *body, uint64 *kinds)
{
	char		strings[ES_BLOCK_HEAD_ROOM];
	EsStoredEvent stored;
	EsIntegers	shapes[ES_DOCUMENT_KINDS];

	if (es_block_read_head(block, row, strings, &stored) != ES_BLOCK_OK ||
		es_block_read_body(block, es_slice(NULL, 0), body, &stored) != ES_BLOCK_OK ||
		!es_vector_integers(block, ES_SLOT_PAYLOAD_SHAPE, &shapes[0]) ||
		!es_vector_integers(block, ES_SLOT_METADATA_SHAPE, &shapes[1]))
		return false;
	for (uint32 i = 0; i < places->path_count; i++)
	{
		for (int kind = 0; kind < ES_DOCUMENT_KINDS; kind++)
		{
			const EsPlace *place = &es_places_get(places, i)[es_integers_value(&shapes[kind], row)];
			EsSlice		json = kind == 0 ? stored.event.payload : stored.event.metadata;

			kinds[place->kind]++;
			if (!place_agrees(block, &places->paths[i], place, &stored, json))
			{
				printf("# place of kind %d, column %d, after %d steps ", place->kind, place->column, place->steps);
				complain(&places->paths[i], json);
				return false;
			}
		}
	}
	return true;
}

/* Are the places that are remembered those that are found in the block itself? */
static bool
places_current(const EsPlaces *places, const EsBlock *block)
{
	static EsPlace found[ES_MAX_BLOCK_SHAPES];

	for (uint32 i = 0; i < places->path_count; i++)
	{
		if (!es_path_places(block, &places->paths[i], found, lengthof(found)) ||
			memcmp(found, es_places_get(places, i), block->columns.shape_count * sizeof(EsPlace)) != 0)
			return false;
	}
	return true;
}

/* Packs the batch; compares each document of each block in columns. */
static int
compare_blocks(const EsPackJob *job, EsPlaces *places, uint64 *kinds)
{
	EsPackJob	rest = *job;
	int			failures = 0;

	while (rest.row_count > 0)
	{
		Memory		memory = {0};
		char	   *data = memory_take(&memory, ES_BLOCK_MAX_SIZE);
		EsBlock		block;
		uint32		size;
		bool		large;
		uint32		count = es_block_pack(&packer, &rest, data, &size, &large);
		EsSlice		bytes = memory_copy(&memory, data, size);

		if (es_block_open(&block, bytes.data, bytes.size) != ES_BLOCK_OK)
			failures++;
		else if (es_block_has_columns(&block))
		{
			char	   *body = memory_take(&memory, es_block_body_room(&block));

			failures += !es_places_look_up(places, &block) || !places_current(places, &block);
			for (uint32 i = 0; i < count; i++)
				failures += !event_agrees(&block, i, places, body, kinds);
		}
		else
			failures += es_places_look_up(places, &block);
		rest.rows += count;
		rest.row_count -= count;
		rest.first_position += count;
		memory_free(&memory);
	}
	return failures;
}

static int
compare_batch(Random *random, EsPlaces *places, uint32 count, uint32 shapes, uint64 *kinds)
{
	Memory		memory = {0};
	EsInflightList inflight = {0};
	EsSlice		text = documents(random, &memory, count, shapes);
	Batch		batch = read_batch(&memory, text, &expectations);
	EsPackJob	job = {&expectations.shapes, NULL, 0, 1, 0, &inflight, NULL};
	int			failures;

	memory_free(&memory);
	text = documents(random, &memory, count, shapes);
	batch = read_batch(&memory, text, &expectations);
	job.rows = make_rows(random, &memory, &batch);
	job.row_count = batch.count;
	failures = batch.count != count || compare_blocks(&job, places, kinds) > 0;
	memory_free(&memory);
	return failures;
}

static void
test_blocks(void)
{
	static EsPlaces places;
	EsPath		paths[ES_PLACES_MAX_PATHS];
	Random		random = {502};
	uint64		kinds[ES_PLACE_UNSURE + 1] = {0};
	uint64		hits = 0;
	int			failures = 0;
	void	   *memory = malloc(es_places_size(lengthof(paths)));

	for (int i = 0; i < 25; i++)
	{
		uint32		path_count = 1 + random_below(&random, lengthof(paths));

		es_expectations_init(&expectations);
		memset(&packer, 0, sizeof(packer));
		for (uint32 j = 0; j < path_count; j++)
			paths[j] = random_path(&random);
		es_places_init(&places, paths, path_count, memory);
		for (int j = 0; j < 4; j++)
			failures += compare_batch(&random, &places, 200, 1 + random_below(&random, 12), kinds);
		hits += places.hits;
	}
	free(memory);
	is_int(failures, 0, "places of paths in blocks agree with documents, " UINT64_FORMAT " times remembered", hits);
	is_int(kinds[ES_PLACE_UNSURE], 0, "and are never unsure");
	for (int i = ES_PLACE_MISSING; i <= ES_PLACE_WORD; i++)
		ok(kinds[i] > 100, UINT64_FORMAT " places of kind %d", kinds[i], i);
}

/* -------------------------------------------------------------------- layouts */

/* Packs a block of a few events, all of the shape of this document. */
static EsSlice
block_of(Memory *memory, const char *document, EsBlock *block)
{
	EsInflightList inflight = {0};
	EsPackJob	job = {&expectations.shapes, NULL, 0, 1, 0, &inflight, NULL};
	Random		random = {1};
	Writer		writer = {0};
	EsSlice		text;
	Batch		batch;
	char	   *data = memory_take(memory, ES_BLOCK_MAX_SIZE);
	uint32		size;
	bool		large;

	for (int i = 0; i < 20; i++)
		put(&writer, "{\"entity_id\":\"e\",\"event_type\":\"t\",\"payload\":%s}\n", document);
	text = take_text(&writer, memory);
	es_expectations_init(&expectations);
	memset(&packer, 0, sizeof(packer));
	(void) read_batch(memory, text, &expectations);
	batch = read_batch(memory, text, &expectations);
	job.rows = make_rows(&random, memory, &batch);
	job.row_count = batch.count;
	if (es_block_pack(&packer, &job, data, &size, &large) != batch.count ||
		es_block_open(block, data, size) != ES_BLOCK_OK || !es_block_has_columns(block))
		abort();
	return es_slice(data, size);
}

/* Documents whose layouts are as long, column by column, but differ. */
static void
test_layouts(void)
{
	static EsPlaces places;
	Memory		memory = {0};
	EsPath		path = {.step_count = 1,.steps = {{ES_STEP_KEY, {"b", 1}, 0}}};
	EsBlock		one;
	EsBlock		other;
	EsBlock		blocks[100];

	es_places_init(&places, &path, 1, memory_take(&memory, es_places_size(1)));
	block_of(&memory, "{\"a\":1,\"b\":2}", &one);
	block_of(&memory, "{\"b\":1,\"c\":2}", &other);
	other.columns.shapes_hash = one.columns.shapes_hash;
	for (int i = 0; i < 4; i++)
	{
		EsBlock    *block = i % 2 == 0 ? &one : &other;

		ok(es_places_look_up(&places, block) && places_current(&places, block), "layouts with one hash are told apart");
	}
	ok(places.misses == 2 && places.hits == 2, "and each is remembered");
	for (int i = 0; i < 100; i++)
	{
		char		document[64];

		snprintf(document, sizeof(document), "{\"b\":1,\"k%d\":{\"b\":2}}", i);
		block_of(&memory, document, &blocks[i]);
		if (!es_places_look_up(&places, &blocks[i]) || !places_current(&places, &blocks[i]))
			ok(false, "layout %d", i);
	}
	places.hits = places.misses = 0;
	for (int i = 99; i >= 0; i--)
	{
		if (!es_places_look_up(&places, &blocks[i]) || !places_current(&places, &blocks[i]))
			ok(false, "layout %d", i);
	}
	ok(places.hits >= 60 && places.misses >= 36, "the newest layouts are remembered: " UINT64_FORMAT " of 100", places.hits);
	memory_free(&memory);
}

/* Small memory makes layouts take turns; what is kept is right. */
static void
test_ring(void)
{
	static EsPlaces places;
	Memory		memory = {0};
	EsPath		path = {.step_count = 1,.steps = {{ES_STEP_KEY, {"b", 1}, 0}}};
	EsBlock		blocks[20];
	Random		random = {503};
	int			failures = 0;

	es_places_init(&places, &path, 1, memory_take(&memory, 1000));
	places.size = 1000;
	for (int i = 0; i < 20; i++)
	{
		char		document[400];

		snprintf(document, sizeof(document), "{\"b\":%d,\"%.*s\":{\"b\":2}}", i,
				 1 + i * 10, "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
				 "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk");
		block_of(&memory, document, &blocks[i]);
	}
	for (int i = 0; i < 2000; i++)
	{
		const EsBlock *block = &blocks[random_below(&random, 20)];

		failures += !es_places_look_up(&places, block) || !places_current(&places, block);
	}
	ok(failures == 0 && places.hits > 100 && places.misses > 100, "layouts in little memory: " UINT64_FORMAT " of 2000 remembered", places.hits);
	memory_free(&memory);
}

int
main(void)
{
	test_text();
	test_random_text();
	test_damaged_text();
	test_blocks();
	test_layouts();
	test_ring();
	return tap_done();
}
