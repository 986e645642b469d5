/*-------------------------------------------------------------------------
 *
 * fuzz_path.c
 *	  Paths in arbitrary text: the answer lies inside, valid text always has
 *	  one, and it is the same when the steps are taken one by one.
 *
 * The input is the number of steps; for each step a byte with its kind and
 * index and a text up to a newline; then the text to look in.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "core/json.h"
#include "core/path.h"

/* Takes a step off the input. */
static EsStep
take_step(EsSlice *input)
{
	EsStep		step = {0};
	const char *newline;

	if (input->size == 0)
	{
		step.text = *input;
		return step;
	}
	step.kind = (EsStepKind) ((uint8) input->data[0] % 3);
	step.index = (int8) input->data[0] / 4;
	*input = es_slice(input->data + 1, input->size - 1);
	newline = memchr(input->data, '\n', input->size);
	step.text = es_slice(input->data, newline == NULL ? input->size : newline - input->data);
	input->data += step.text.size + (newline != NULL);
	input->size -= step.text.size + (newline != NULL);
	return step;
}

/* Takes each step in a copy of what the one before came to. */
static EsFound
find_stepwise(Memory *memory, const EsPath *path, EsSlice json, EsSlice *value)
{
	EsFound		found = ES_FOUND_VALUE;

	*value = json;
	for (uint32 i = 0; i < path->step_count && found == ES_FOUND_VALUE; i++)
	{
		EsPath		single = {.step_count = i + 1};

		single.steps[i] = path->steps[i];
		found = es_path_find(&single, i, memory_copy(memory, value->data, value->size), value);
	}
	return found;
}

/* Do both ways of comparing a string with a text agree? */
static void
check_string(Memory *memory, EsSlice json_string, EsSlice text)
{
	bool		escaped = false;
	const char *end = json_string.data + json_string.size;
	char	   *plain;
	size_t		size;

	if (json_string.size < 2 || json_string.data[0] != '"')
		return;
	if (es_json_scan_string(json_string.data, end, &escaped) != end)
	{
		(void) es_json_string_equal(json_string, text);
		return;
	}
	plain = memory_take(memory, json_string.size);
	size = es_json_unescape(json_string.data + 1, end - 1, plain);
	MUST(es_json_string_plain(json_string) == !escaped);
	MUST(es_json_string_equal(json_string, es_slice(plain, size)));
	MUST(es_json_string_equal(json_string, text) == es_slice_equal(es_slice(plain, size), text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Memory		memory = {0};
	EsPath		path = {0};
	EsSlice		input;
	EsSlice		json;
	EsSlice		value = {NULL, 0};
	EsSlice		again = {NULL, 0};
	EsFound		found;
	bool		valid;

	if (size == 0)
		return 0;
	input = memory_copy(&memory, data + 1, size - 1);
	for (uint32 i = 0; i < data[0] % 6U; i++)
		path.steps[path.step_count++] = take_step(&input);
	json = memory_copy(&memory, input.data, input.size);
	found = es_path_find(&path, 0, json, &value);
	valid = es_json_scan(json.data, json.data + json.size) == json.data + json.size;
	MUST(found != ES_FOUND_VALUE || (value.size > 0 && lies_inside(value, json.data, json.data + json.size)));
	MUST(!valid || found != ES_FOUND_UNSURE);
	if (valid)
	{
		MUST(find_stepwise(&memory, &path, json, &again) == found);
		MUST(found != ES_FOUND_VALUE || (es_slice_equal(value, again) &&
										 es_json_scan(value.data, value.data + value.size) == value.data + value.size));
	}
	check_string(&memory, json, path.steps[0].text.data == NULL ? json : path.steps[0].text);
	memory_free(&memory);
	return 0;
}
