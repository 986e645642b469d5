/*-------------------------------------------------------------------------
 *
 * fuzz_json.c
 *	  The JSON scanner against a validator of another make, and escapes.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "core/json.h"
#include "kernel/kernel.h"

/* A value that the scanner accepts is valid, and both ways of finding its end agree. */
static void
check_accepted(EsSlice text, const char *after)
{
	const char *end = text.data + text.size;
	bool		delimited = after == end || memchr(",]} \t\r\n", *after, 7) != NULL;
	char		first = text.data[0];

	MUST(after > text.data && after <= end);
	MUST(reference_judge(NULL, es_slice(text.data, after - text.data)));
	MUST(es_json_kind(text.data, end) != ES_JSON_NONE);
	if (delimited || first == '{' || first == '[' || first == '"')
		MUST(es_json_extent(text.data, end) == after);
	MUST(es_json_scan(text.data, after) == after);
}

/* The scanner, with every kernel that the machine has. */
static const char *
scan(EsSlice text)
{
	const char *after = NULL;

	for (int choice = ES_KERNEL_SCALAR; choice <= ES_KERNEL_AVX512; choice++)
	{
		const char *again;

		if (es_kernel_choose(choice) == NULL)
			continue;
		es_kernel = es_kernel_choose(choice);
		again = es_json_scan(text.data, text.data + text.size);
		MUST(choice == ES_KERNEL_SCALAR || again == after);
		after = again;
	}
	return after;
}

/* Whether the text, which is valid JSON, has what the scanner leaves to others. */
static bool
is_unusual(EsSlice text)
{
	return memchr(text.data, 'e', text.size) != NULL || memchr(text.data, 'E', text.size) != NULL ||
		text.size > 256;
}

/* What the scanner does not accept has an end inside, or none, or is nothing. */
static void
check_refused(EsSlice text)
{
	const char *end = text.data + text.size;
	const char *after = es_json_extent(text.data, end);

	MUST(after == NULL || (after >= text.data && after <= end));
	if (text.size == 0 || !reference_judge(NULL, text))
		return;
	MUST(after == end || es_json_is_space(text.data[text.size - 1]));
	MUST(is_unusual(text) || es_json_is_space(text.data[text.size - 1]));
}

/* The characters of an accepted string survive escaping. */
static void
check_string(Memory *memory, EsSlice text)
{
	bool		escaped = false;
	const char *after = es_json_scan_string(text.data, text.data + text.size, &escaped);
	size_t		body_size;
	EsSlice		plain;
	EsSlice		again;

	if (after == NULL)
		return;
	body_size = after - text.data - 2;

	plain.data = memory_take(memory, body_size);
	plain.size = es_json_unescape(text.data + 1, after - 1, unconstify(char *, plain.data));
	MUST(plain.size <= body_size && escaped == (memchr(text.data + 1, '\\', body_size) != NULL));
	MUST(escaped || plain.size == body_size);

	again.data = memory_take(memory, ES_JSON_ESCAPED_SIZE(plain.size));
	again.size = es_json_escape(plain, unconstify(char *, again.data));
	MUST(again.size <= ES_JSON_ESCAPED_SIZE(plain.size));
	MUST(es_json_scan(again.data, again.data + again.size) == again.data + again.size);
	body_size = again.size - 2;
	text.data = memory_take(memory, body_size);
	text.size = es_json_unescape(again.data + 1, again.data + 1 + body_size, unconstify(char *, text.data));

	MUST(es_slice_equal(text, plain));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Memory		memory = {0};
	EsSlice		text = memory_copy(&memory, data, size);
	const char *after = scan(text);

	if (after != NULL)
		check_accepted(text, after);
	else
		check_refused(text);
	if (size > 0 && text.data[0] == '"')
		check_string(&memory, text);
	memory_free(&memory);
	return 0;
}
