/*-------------------------------------------------------------------------
 *
 * test_json.c
 *	  The JSON scanner: what it accepts, what it leaves to the judge, where
 *	  values end, and escapes.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "core/json.h"
#include "kernel/kernel.h"
#include "tap.h"

/* Scans a copy of exactly this size; the offset of the end, -1 for NULL. */
static int64
scan(EsSlice text)
{
	Memory		memory = {0};
	EsSlice		copy = memory_copy(&memory, text.data, text.size);
	const char *after = es_json_scan(copy.data, copy.data + copy.size);
	int64		result = after == NULL ? -1 : after - copy.data;

	memory_free(&memory);
	return result;
}

static int64
extent(EsSlice text)
{
	Memory		memory = {0};
	EsSlice		copy = memory_copy(&memory, text.data, text.size);
	const char *after = es_json_extent(copy.data, copy.data + copy.size);
	int64		result = after == NULL ? -1 : after - copy.data;

	memory_free(&memory);
	return result;
}

static const char *const vouched[] = {
	"{}", "[]", "\"\"", "0", "-0", "1", "-1", "10.5", "0.0", "-0.25", "true", "false", "null",
	"[1]", "[ ]", "{ }", "[1,2]", "[ 1 , 2 ]", "{\"a\":1}", "{ \"a\" : 1 , \"b\" : [ ] }",
	"{\"a\":1,\"a\":2}", "{\"\":null}", "[[],{},[{}]]", "[\n\t\r 1]",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0001\"", "\"\\u20ac\"", "\"\\uFFFF\"", "\"\\uD7FF\\uE000\"",
	"\"\\ud83d\\ude00\"", "\"\\uD800\\uDC00\"", "\"\\uDBFF\\uDFFF\"", "\"\x7F\"",
	"\"\xC3\xA9\"", "\"\xE2\x82\xAC\"", "\"\xF0\x9F\x98\x80\"",
	"\"1234567\"", "\"12345678\"", "\"123456789\"", "\"1234567\\n12345678\"",
	"123456789012345678901234567890", "{\"a\":{\"b\":{\"c\":[1,{\"d\":null}]}}}",
	"1e3", "1E+3", "-2.5e-7", "[1e999]", "{\"a\":0e0}"
};

/* Valid, but for the judge to say so. */
static const char *const left_to_judge[] = {
	"1e1000", "1E+0003", "-2.5e-1234", "[1e12345]", "{\"a\":0e0000}"
};

static const char *const wrong[] = {
	"", " ", "{", "}", "[", "]", "\"", "-", "+1", ".5", "1.", "01", "-01", "00", "--1", "1.e1", "1e", "1e+",
	"tru", "True", "nul", "fals", "nan", "Infinity", "-Infinity", "undefined", "'a'",
	"[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "[}", "{]", "[01]", "[1.]", "[1e]", "[tru]", "[,]",
	"{\"a\"", "{\"a\":", "{\"a\":}", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{1:1}",
	"{\"a\":1]", "{,}", "{\"a\":1,,\"b\":2}", "{\"a\",\"b\"}", "{:1}", "{null:1}", "[\"a\":1]",
	"\"a", "\"\\\"", "\"\\", "\"\\u\"", "\"\\u12\"", "\"\\u12", "\"\\u123\"", "\"\\u123g\"", "\"\\x41\"", "\"\\'\"", "\"\\U0041\"",
	"\"\\u0000\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"", "\"\\ud83dx\"", "\"\\ud83d\\n\"", "\"\\ud83d\\ud83d\"",
	"\"\\ud83d\\", "\"\\ud83d\\u", "\"\\ud83d\\ude0", "\"\\ud83d\\ude0\"",
	"\"\n\"", "\"\t\"", "\"\x01\"", "\"\x1F\"", "\"1234567\x1F\"", "\"12345678\x1F\"", "{\"a\n\":1}",
	"// comment", "/**/1", "[1,/**/2]", "\v1", "\xEF\xBB\xBF{}"
};

static void
test_tables(void)
{
	for (size_t i = 0; i < lengthof(vouched); i++)
	{
		EsSlice		text = text_slice(vouched[i]);

		ok(scan(text) == text.size && extent(text) == text.size &&
		   reference_judge(NULL, text), "vouched for: %s", vouched[i]);
	}
	for (size_t i = 0; i < lengthof(left_to_judge); i++)
	{
		EsSlice		text = text_slice(left_to_judge[i]);

		ok(scan(text) == -1 && extent(text) == text.size && reference_judge(NULL, text),
		   "left to the judge: %s", left_to_judge[i]);
	}
	for (size_t i = 0; i < lengthof(wrong); i++)
	{
		int64		after = scan(text_slice(wrong[i]));

		/* "01" and the like: the scanner may stop early, never pass it */
		ok(after != (int64) strlen(wrong[i]) && !reference_judge(NULL, text_slice(wrong[i])),
		   "wrong: text %zu", i);
	}
}

/* A value ends where it ends, whatever follows. */
static void
test_what_follows(void)
{
	static const struct
	{
		const char *text;
		int64		scan;
		int64		extent;
	}			cases[] = {
		{"{} x", 2, 2}, {"[1],", 3, 3}, {"12,", 2, 2}, {"12}", 2, 2}, {"12]", 2, 2}, {"12 ", 2, 2},
		{"12\n", 2, 2}, {"true\t", 4, 4}, {"\"a\"b", 3, 3}, {"\"a\\\"b\",", 6, 6},
		{"{\"a\":\"}\"}}", 9, 9}, {"[\"]\"]]", 5, 5}, {"1x,", 1, 2}, {"truex]", 4, 5},
		{"1e5,2", 3, 3}, {"[1e-05],2", 7, 7}, {"{\"a\":1e1000}\n{", -1, 12},
		{",", -1, 0}, {"}", -1, 0}, {"]", -1, 0}, {"", -1, 0}, {"[", -1, -1}, {"[}", -1, 2},
		{"{\"a", -1, -1}, {"[\"\\\"]", -1, -1}, {"\"\\", -1, -1}, {"\"\\\\\"", 4, 4}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		is_int(scan(text_slice(cases[i].text)), cases[i].scan, "end by scanning: %s", cases[i].text);
		is_int(extent(text_slice(cases[i].text)), cases[i].extent, "end by brackets: %s", cases[i].text);
	}
}

/* 'depth' brackets around nothing. */
static EsSlice
nested(Memory *memory, uint32 depth, bool objects)
{
	static const char open[] = "{\"a\":";
	uint32		width = objects ? strlen(open) : 1;
	char	   *text = memory_take(memory, depth * (width + 1));

	for (uint32 i = 0; i < depth; i++)
	{
		memcpy(text + i * width, objects ? open : "[", width);
		text[depth * width + i] = objects ? '}' : ']';
	}
	/* the innermost object is empty: "{}" */
	if (objects)
	{
		memmove(text + (depth - 1) * width + 1, text + depth * width, depth);
		return es_slice(text, depth * (width + 1) - (width - 1));
	}
	return es_slice(text, depth * 2);
}

static void
test_depth(void)
{
	Memory		memory = {0};

	for (int objects = 0; objects <= 1; objects++)
	{
		EsSlice		deep = nested(&memory, ES_JSON_MAX_DEPTH, objects);
		EsSlice		deeper = nested(&memory, ES_JSON_MAX_DEPTH + 1, objects);

		is_int(scan(deep), deep.size, "depth 256 is vouched for (%d)", objects);
		is_int(scan(deeper), -1, "depth 257 is not (%d)", objects);
		ok(reference_judge(NULL, deeper) && extent(deeper) == deeper.size,
		   "but has an end and is valid (%d)", objects);
	}
	memory_free(&memory);
}

static void
test_number_length(void)
{
	char		text[ES_JSON_MAX_NUMBER + 2];

	memset(text, '9', sizeof(text));
	is_int(scan(es_slice(text, ES_JSON_MAX_NUMBER)), ES_JSON_MAX_NUMBER, "256 digits");
	is_int(scan(es_slice(text, ES_JSON_MAX_NUMBER + 1)), -1, "257 digits are for the judge");
	text[0] = '-';
	text[5] = '.';

	is_int(scan(es_slice(text, ES_JSON_MAX_NUMBER)), ES_JSON_MAX_NUMBER, "sign and point count");
	is_int(scan(es_slice(text, ES_JSON_MAX_NUMBER + 1)), -1, "... beyond 256");
}

static void
test_value_size(void)
{
	size_t		size = ES_JSON_MAX_VALUE + 1;
	char	   *text = malloc(size);

	memset(text, 'a', size);
	text[0] = '"';
	text[size - 2] = '"';

	is_int(scan(es_slice(text, size - 1)), size - 1, "a value of 16 MB");
	text[size - 2] = 'a';
	text[size - 1] = '"';

	is_int(scan(es_slice(text, size)), -1, "one more byte is for the judge");
	free(text);
}

/*
 * Whether the scanner takes or refuses, as it should, text that has so many
 * times the filler at the place of the '@'.
 */
static bool
is_right(const char *pattern, char filler, int count, bool valid)
{
	Memory		memory = {0};
	const char *place = strchr(pattern, '@');
	size_t		before = place - pattern;
	size_t		size = strlen(pattern) - 1 + count;
	char	   *text = memory_take(&memory, size);
	int64		after;

	memcpy(text, pattern, before);
	memset(text + before, filler, count);
	memcpy(text + before + count, place + 1, size - before - count);
	after = scan(es_slice(text, size));
	valid = reference_judge(NULL, es_slice(text, size)) && valid;
	memory_free(&memory);
	return after == (valid ? (int64) size : -1);
}

/* The scanner looks at 64 bytes at a time; every token is cut by their ends. */
static void
test_cut_tokens(void)
{
	static const struct
	{
		const char *pattern;
		char		filler;
		bool		valid;
	}			cases[] = {
		{"[\"@\",\"a\\\"b\\\\\",{\"key\":\"value\",\"\":[]},12.5,true,\"\\ud83d\\ude00\"]", 'x', true},
		{"{\"@\":\"\",\"b\":{\"c\":\"\"}}", 'x', true},
		{"[@\"a\",\"b\",{}]", ' ', true},
		{"{\"a\"@:\"b\"}", '\n', true},
		{"{\"a\":@\"b\",\"c\":\"d\"}", '\t', true},
		{"{\"a\":\"b\"@,\"c\":\"d\"}", '\r', true},
		{"{\"a\":\"b\",\n\n@\"c\":\n\"d\"\n}", ' ', true},
		{"[1@,\"a\",\"b\\n\"]", '0', true},
		{"[-0.@1,\"a\"]", '9', true},
		{"[\"@\n\"]", 'x', false},
		{"[\"@\\\"]", 'x', false},
		{"[\"@\\u0000\"]", 'x', false},
		{"[\"@\",\"\x1F\"]", 'x', false},
		{"[\"@", 'x', false},
		{"[\"\",\"@\\", 'x', false},
		{"{\"@\"", 'x', false},
		{"[\"a\",@", '\n', false}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		int			wrong = 0;

		for (int count = 0; count <= 210; count++)
			wrong += !is_right(cases[i].pattern, cases[i].filler, count, cases[i].valid);
		is_int(wrong, 0, "%s: tokens cut at any place: %s", es_kernel->name, cases[i].pattern);
	}
}

/* Every byte at every place of a short string. */
static void
test_string_bytes(void)
{
	int			failures = 0;
	char		text[24];

	for (int size = 3; size <= (int) sizeof(text); size++)
	{
		for (int at = 1; at < size - 1; at++)
		{
			for (int byte = 0; byte < 256; byte++)
			{
				bool		plain = byte >= 0x20 && byte != '"' && byte != '\\';

				memset(text, 'x', sizeof(text));
				text[0] = text[size - 1] = '"';
				text[at] = (char) byte;

				if (plain != (scan(es_slice(text, size)) == size))
					failures++;
			}
		}
	}
	is_int(failures, 0, "every byte at every place of a short string");
}

static void
test_kinds(void)
{
	static const struct
	{
		const char *text;
		EsJsonKind	kind;
	}			cases[] = {
		{"{", ES_JSON_OBJECT}, {"[", ES_JSON_ARRAY}, {"\"", ES_JSON_STRING}, {"-", ES_JSON_NUMBER},
		{"0", ES_JSON_NUMBER}, {"9", ES_JSON_NUMBER}, {"t", ES_JSON_BOOLEAN}, {"f", ES_JSON_BOOLEAN},
		{"n", ES_JSON_NULL}, {"", ES_JSON_NONE}, {"x", ES_JSON_NONE}, {" ", ES_JSON_NONE},
		{"+", ES_JSON_NONE}, {":", ES_JSON_NONE}, {"/", ES_JSON_NONE}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		is_int(es_json_kind(cases[i].text, cases[i].text + strlen(cases[i].text)),
			   cases[i].kind, "kind of \"%s\"", cases[i].text);
}

/* --------------------------------------------------------------- escapes */

static void
test_unescape(void)
{
	static const struct
	{
		const char *body;
		const char *plain;
	}			cases[] = {
		{"", ""}, {"abc", "abc"}, {"\\\"\\\\\\/", "\"\\/"}, {"\\b\\f\\n\\r\\t", "\b\f\n\r\t"},
		{"\\u0041", "A"}, {"\\u007f", "\x7F"}, {"\\u0080", "\xC2\x80"}, {"\\u07FF", "\xDF\xBF"},
		{"\\u0800", "\xE0\xA0\x80"}, {"\\u20aC", "\xE2\x82\xAC"}, {"\\uffff", "\xEF\xBF\xBF"},
		{"\\ud800\\udc00", "\xF0\x90\x80\x80"}, {"\\ud83d\\ude00", "\xF0\x9F\x98\x80"},
		{"\\uDBFF\\uDFFF", "\xF4\x8F\xBF\xBF"}, {"a\\u00e9b\\n", "a\xC3\xA9" "b\n"}
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		Memory		memory = {0};
		EsSlice		body = memory_copy(&memory, cases[i].body, strlen(cases[i].body));
		char	   *out = memory_take(&memory, body.size);
		size_t		size = es_json_unescape(body.data, body.data + body.size, out);

		ok(es_slice_equal(es_slice(out, size), text_slice(cases[i].plain)),
		   "unescape %s", cases[i].body);
		memory_free(&memory);
	}
}

/* Escapes, scans and unescapes; is it the same? */
static bool
survives_escaping(EsSlice text)
{
	Memory		memory = {0};
	char	   *out = memory_take(&memory, ES_JSON_ESCAPED_SIZE(text.size));
	size_t		size = es_json_escape(text, out);
	EsSlice		copy = memory_copy(&memory, out, size);
	bool		escaped = false;
	const char *after = es_json_scan_string(copy.data, copy.data + size, &escaped);
	char	   *plain = memory_take(&memory, size - 2);
	bool		same = false;

	if (after == copy.data + size)
	{
		size_t		plain_size = es_json_unescape(copy.data + 1, after - 1, plain);

		same = es_slice_equal(es_slice(plain, plain_size), text) &&
			(escaped || size == text.size + 2);
	}
	memory_free(&memory);
	return same;
}

static void
test_escape(void)
{
	Random		random = {1};
	int			failures = 0;
	char		text[64];

	for (int i = 0; i < 5000; i++)
	{
		uint32		size = random_below(&random, sizeof(text));

		for (uint32 j = 0; j < size; j++)
			text[j] = (char) (1 + random_below(&random, random_chance(&random, 50) ? 127 : 255));

		if (!survives_escaping(es_slice(text, size)))
			failures++;
	}
	is_int(failures, 0, "random texts come back from escaping");
	ok(survives_escaping(es_slice("\x01\x1F\"\\", 4)), "all that must be escaped");
}

/* Random documents, cut and changed: the scanner never accepts what the judge refuses. */
static void
test_against_judge(void)
{
	Random		random = {2};
	int			accepted = 0;
	int			failures = 0;

	for (int i = 0; i < 20000; i++)
	{
		Memory		memory = {0};
		EsSlice		text = random_json(&random, &memory, random_chance(&random, 80));
		char	   *data = unconstify(char *, text.data);
		int64		after;

		if (random_chance(&random, 70))
			data[random_below(&random, text.size)] = "{}[]\",:\\ 0e-x\x01u"[random_below(&random, 15)];
		after = es_json_scan(data, data + text.size) == NULL ? -1 :
			es_json_scan(data, data + text.size) - data;
		accepted += after > 0;
		if (after > 0 && !reference_judge(NULL, es_slice(data, after)))
			failures++;
		if (after == -1 && reference_judge(NULL, text) &&
			memchr(data, 'e', text.size) == NULL && memchr(data, 'E', text.size) == NULL)
			failures++;			/* no large exponent, so nothing unusual */
		memory_free(&memory);
	}
	is_int(failures, 0, "scanner and judge agree on 20000 documents");
	ok(accepted > 5000, "%d of them were accepted", accepted);
}

int
main(void)
{
	test_tables();
	test_what_follows();
	test_depth();
	test_number_length();
	test_value_size();
	test_string_bytes();
	test_kinds();
	test_unescape();
	test_escape();
	test_against_judge();
	for (int choice = ES_KERNEL_SCALAR; choice <= ES_KERNEL_AVX512; choice++)
	{
		const EsKernel *kernel = es_kernel_choose(choice);

		if (kernel == NULL)
			continue;
		es_kernel = kernel;
		test_cut_tokens();
	}
	return tap_done();
}
