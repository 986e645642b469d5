/*-------------------------------------------------------------------------
 *
 * json.c
 *	  A validating scanner for JSON text.
 *
 * One forward pass, no recursion, no memory: the open brackets are a bit
 * stack.  Strings are crossed sixteen bytes at a time.  The text is valid UTF-8
 * already: the server checks that of all text it lets in.
 *
 *-------------------------------------------------------------------------
 */
#include "core/json.h"

#include <simde/x86/sse2.h>

const char *
es_json_skip_space(const char *p, const char *end)
{
	while (p < end && es_json_is_space(*p))
		p++;
	return p;
}

/*
 * Says what kind of value starts at p, by its first byte alone.
 */
EsJsonKind
es_json_kind(const char *p, const char *end)
{
	if (p >= end)
		return ES_JSON_NONE;
	switch (*p)
	{
		case '{':
			return ES_JSON_OBJECT;
		case '[':
			return ES_JSON_ARRAY;
		case '"':
			return ES_JSON_STRING;
		case 't':
		case 'f':
			return ES_JSON_BOOLEAN;
		case 'n':
			return ES_JSON_NULL;
		case '-':
			return ES_JSON_NUMBER;
		default:
			return *p >= '0' && *p <= '9' ? ES_JSON_NUMBER : ES_JSON_NONE;
	}
}

/* Skips bytes that need no attention inside a string. */
static const char *
skip_plain_bytes(const char *p, const char *end)
{
	const simde__m128i quote = simde_mm_set1_epi8('"');
	const simde__m128i backslash = simde_mm_set1_epi8('\\');
	const simde__m128i control = simde_mm_set1_epi8(0x1F);

	for (; end - p >= 16; p += 16)
	{
		simde__m128i bytes = simde_mm_loadu_si128((const void *) p);
		simde__m128i found = simde_mm_or_si128(simde_mm_cmpeq_epi8(bytes, quote),
											   simde_mm_cmpeq_epi8(bytes, backslash));
		int			mask;

		found = simde_mm_or_si128(found, simde_mm_cmpeq_epi8(simde_mm_min_epu8(bytes, control),
															 bytes));
		mask = simde_mm_movemask_epi8(found);
		if (mask != 0)
			return p + __builtin_ctz(mask);
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char) *p >= 0x20)
		p++;
	return p;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads the four hex digits at p; -1 when they are not. */
static int
hex_quad(const char *p, const char *end)
{
	int			code = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		int			digit = hex_digit(p[i]);

		if (digit < 0)
			return -1;
		code = code << 4 | digit;
	}
	return code;
}

#define IS_HIGH_SURROGATE(code) ((code) >= 0xD800 && (code) <= 0xDBFF)
#define IS_LOW_SURROGATE(code) ((code) >= 0xDC00 && (code) <= 0xDFFF)

/* Crosses \uXXXX, or the two of them that make a surrogate pair, at p. */
static const char *
scan_unicode_escape(const char *p, const char *end)
{
	int			code = hex_quad(p + 2, end);

	if (code <= 0 || IS_LOW_SURROGATE(code))
		return NULL;
	if (!IS_HIGH_SURROGATE(code))
		return p + 6;
	p += 6;
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return NULL;
	code = hex_quad(p + 2, end);
	return IS_LOW_SURROGATE(code) ? p + 6 : NULL;
}

/*
 * Crosses the escape whose backslash is at p.  Returns NULL for what jsonb
 * refuses: unknown escapes, \u0000 and unpaired surrogates.
 */
static const char *
scan_escape(const char *p, const char *end)
{
	if (end - p < 2)
		return NULL;
	switch (p[1])
	{
		case '"':
		case '\\':
		case '/':
		case 'b':
		case 'f':
		case 'n':
		case 'r':
		case 't':
			return p + 2;
		case 'u':
			return scan_unicode_escape(p, end);
		default:
			return NULL;
	}
}

/*
 * Crosses the string whose opening quote is at p.  Returns the byte after the
 * closing quote, or NULL.  *escaped is set when the string has an escape and
 * left alone otherwise.
 */
const char *
es_json_scan_string(const char *p, const char *end, bool *escaped)
{
	p++;
	for (;;)
	{
		p = skip_plain_bytes(p, end);
		if (p >= end)
			return NULL;
		if (*p == '"')
			return p + 1;
		if (*p != '\\')
			return NULL;
		*escaped = true;
		p = scan_escape(p, end);
		if (p == NULL)
			return NULL;
	}
}

static const char *
skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Crosses a number without exponent; NULL for anything else. */
static const char *
scan_number(const char *p, const char *end)
{
	const char *start = p;
	const char *digits;

	if (*p == '-')
		p++;
	digits = p;
	p = skip_digits(p, end);
	if (p == digits || (*digits == '0' && p - digits > 1))
		return NULL;
	if (p < end && *p == '.')
	{
		digits = ++p;
		p = skip_digits(p, end);
		if (p == digits)
			return NULL;
	}
	if (p < end && (*p == 'e' || *p == 'E'))
		return NULL;
	return p - start <= ES_JSON_MAX_NUMBER ? p : NULL;
}

static const char *
scan_word(const char *p, const char *end, const char *word, size_t size)
{
	if ((size_t) (end - p) < size || memcmp(p, word, size) != 0)
		return NULL;
	return p + size;
}

/* Crosses a string, number or word; NULL as for es_json_scan(). */
const char *
es_json_scan_scalar(const char *p, const char *end)
{
	bool		escaped;

	switch (es_json_kind(p, end))
	{
		case ES_JSON_STRING:
			return es_json_scan_string(p, end, &escaped);
		case ES_JSON_NUMBER:
			return scan_number(p, end);
		case ES_JSON_BOOLEAN:
			return *p == 't' ? scan_word(p, end, "true", 4) : scan_word(p, end, "false", 5);
		case ES_JSON_NULL:
			return scan_word(p, end, "null", 4);
		default:
			return NULL;
	}
}

/* Crosses `"key" :` and the spaces around; NULL when it is not there. */
const char *
es_json_scan_key(const char *p, const char *end)
{
	bool		escaped;

	if (p >= end || *p != '"')
		return NULL;
	p = es_json_scan_string(p, end, &escaped);
	if (p == NULL)
		return NULL;
	p = es_json_skip_space(p, end);
	if (p >= end || *p != ':')
		return NULL;
	return es_json_skip_space(p + 1, end);
}

/* The open brackets, innermost last: a set bit is an object. */
typedef struct BracketStack
{
	int			depth;
	uint64		objects[ES_JSON_MAX_DEPTH / 64];
} BracketStack;

static inline bool
push_bracket(BracketStack *stack, bool object)
{
	uint64		bit = UINT64CONST(1) << (stack->depth % 64);

	if (stack->depth >= ES_JSON_MAX_DEPTH)
		return false;
	if (object)
		stack->objects[stack->depth / 64] |= bit;
	else
		stack->objects[stack->depth / 64] &= ~bit;
	stack->depth++;
	return true;
}

static inline bool
in_object(const BracketStack *stack)
{
	int			top = stack->depth - 1;

	return (stack->objects[top / 64] >> (top % 64)) & 1;
}

/*
 * After a value: closes what ends here and moves to the next value.  Sets
 * *done when the outermost bracket was closed.
 */
static const char *
scan_after_value(const char *p, const char *end, BracketStack *stack, bool *done)
{
	while (stack->depth > 0)
	{
		p = es_json_skip_space(p, end);
		if (p >= end)
			return NULL;
		if (*p == ',')
		{
			p = es_json_skip_space(p + 1, end);
			return in_object(stack) ? es_json_scan_key(p, end) : p;
		}
		if (*p != (in_object(stack) ? '}' : ']'))
			return NULL;
		stack->depth--;
		p++;
	}
	*done = true;
	return p;
}

/*
 * Crosses the value that starts at p (no space before it).  Returns the byte
 * after it, or NULL when the scanner does not vouch for it.
 */
const char *
es_json_scan(const char *p, const char *end)
{
	BracketStack stack = {0};
	const char *start = p;
	bool		done = false;

	while (!done)
	{
		bool		object;

		if (p >= end)
			return NULL;
		object = *p == '{';
		if (object || *p == '[')
		{
			if (!push_bracket(&stack, object))
				return NULL;
			p = es_json_skip_space(p + 1, end);
			if (p >= end || *p != (object ? '}' : ']'))
			{
				if (object)
					p = es_json_scan_key(p, end);
				if (p == NULL)
					return NULL;
				continue;
			}
			stack.depth--;
			p++;
		}
		else if ((p = es_json_scan_scalar(p, end)) == NULL)
			return NULL;
		p = scan_after_value(p, end, &stack, &done);
		if (p == NULL)
			return NULL;
	}
	return p - start <= ES_JSON_MAX_VALUE ? p : NULL;
}

/* Finds the end of a string however wrong its contents are. */
static const char *
string_extent(const char *p, const char *end)
{
	for (p++; p < end; p++)
	{
		if (*p == '"')
			return p + 1;
		if (*p == '\\' && p + 1 < end)
			p++;
	}
	return NULL;
}

/*
 * Finds where the value at p ends by its quotes and brackets alone, for text
 * that es_json_scan() did not accept.  Returns NULL when the text ends first.
 */
const char *
es_json_extent(const char *p, const char *end)
{
	int64		depth = 0;

	while (p < end)
	{
		char		c = *p;

		if (c == '"')
		{
			p = string_extent(p, end);
			if (p == NULL || depth == 0)
				return p;
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if (depth == 0 &&
				 (c == ',' || c == '}' || c == ']' || es_json_is_space(c)))
			return p;
		else if ((c == '}' || c == ']') && --depth == 0)
			return p + 1;
		p++;
	}
	return depth == 0 ? p : NULL;
}

/* Levels of arrays and objects in a JSON text. */
int64
es_json_depth(EsSlice json)
{
	const char *end = json.data + json.size;
	int64		depth = 0;
	int64		deepest = 0;

	for (const char *p = json.data; p != NULL && p < end;)
	{
		if (*p == '"')
		{
			p = string_extent(p, end);
			continue;
		}
		if (*p == '{' || *p == '[')
		{
			depth++;
			deepest = Max(deepest, depth);
		}
		else if (*p == '}' || *p == ']')
			depth--;
		p++;
	}
	return deepest;
}

/* Appends one code point as UTF-8. */
static char *
put_utf8(char *out, uint32 code)
{
	if (code < 0x80)
		*out++ = (char) code;
	else if (code < 0x800)
	{
		*out++ = (char) (0xC0 | code >> 6);
		*out++ = (char) (0x80 | (code & 0x3F));
	}
	else if (code < 0x10000)
	{
		*out++ = (char) (0xE0 | code >> 12);
		*out++ = (char) (0x80 | ((code >> 6) & 0x3F));
		*out++ = (char) (0x80 | (code & 0x3F));
	}
	else
	{
		*out++ = (char) (0xF0 | code >> 18);
		*out++ = (char) (0x80 | ((code >> 12) & 0x3F));
		*out++ = (char) (0x80 | ((code >> 6) & 0x3F));
		*out++ = (char) (0x80 | (code & 0x3F));
	}
	return out;
}

static char
unescaped(char c)
{
	switch (c)
	{
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		default:
			return c;
	}
}

/*
 * Writes the characters of the string body [p, end), which
 * es_json_scan_string() accepted, to out; returns how many bytes.  They are
 * never more than end - p.
 */
size_t
es_json_unescape(const char *p, const char *end, char *out)
{
	char	   *start = out;

	while (p < end)
	{
		if (*p != '\\')
			*out++ = *p++;
		else if (p[1] != 'u')
		{
			*out++ = unescaped(p[1]);
			p += 2;
		}
		else
		{
			uint32		code = hex_quad(p + 2, end);

			p += 6;
			if (IS_HIGH_SURROGATE(code))
			{
				uint32		low = hex_quad(p + 2, end);

				code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
				p += 6;
			}
			out = put_utf8(out, code);
		}
	}
	return out - start;
}

/*
 * Writes text as a JSON string with its quotes; returns how many bytes.  out
 * has room for ES_JSON_ESCAPED_SIZE(text.size).
 */
size_t
es_json_escape(EsSlice text, char *out)
{
	static const char hex[] = "0123456789abcdef";
	char	   *start = out;

	*out++ = '"';
	for (uint32 i = 0; i < text.size; i++)
	{
		char		c = text.data[i];

		if (c == '"' || c == '\\')
			*out++ = '\\';
		if ((unsigned char) c >= 0x20)
			*out++ = c;
		else
		{
			memcpy(out, "\\u00", 4);
			out[4] = hex[(c >> 4) & 0xF];
			out[5] = hex[c & 0xF];
			out += 6;
		}
	}
	*out++ = '"';
	return out - start;
}
