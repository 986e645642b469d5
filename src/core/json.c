/*-------------------------------------------------------------------------
 *
 * json.c
 *	  A validating scanner for JSON text.
 *
 * One forward pass, no recursion, no memory: the open brackets are a bit
 * stack.  The text is valid UTF-8 already: the server checks that of all text
 * it lets in.
 *
 * Most tokens are short, so the way from one to the next decides the speed.
 * The scanner keeps a map of the 64 bytes around the place where it is, with a
 * bit for each byte that can end a string; the end of a string is the next bit,
 * and is known before the processor has seen the bytes in between.
 *
 *-------------------------------------------------------------------------
 */
#include "core/json.h"

#include <simde/x86/sse2.h>

#include "kernel/kernel.h"

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

/* A bit for each of sixteen bytes that a string cannot have as such. */
static inline uint32
specials16(const char *p)
{
	simde__m128i bytes = simde_mm_loadu_si128((const void *) p);
	simde__m128i quotes = simde_mm_cmpeq_epi8(bytes, simde_mm_set1_epi8('"'));
	simde__m128i backslashes = simde_mm_cmpeq_epi8(bytes, simde_mm_set1_epi8('\\'));
	simde__m128i controls = simde_mm_cmpeq_epi8(simde_mm_min_epu8(bytes, simde_mm_set1_epi8(0x1F)),
												bytes);

	return simde_mm_movemask_epi8(simde_mm_or_si128(simde_mm_or_si128(quotes, backslashes), controls));
}

static inline uint64
specials64(const char *p)
{
	return specials16(p) | (uint64) specials16(p + 16) << 16 |
		(uint64) specials16(p + 32) << 32 | (uint64) specials16(p + 48) << 48;
}

/* Skips bytes that need no attention inside a string; most have few. */
static inline const char *
skip_plain(const char *p, const char *end)
{
	if (end - p >= 16)
	{
		uint32		specials = specials16(p);

		if (specials != 0)
			return p + __builtin_ctz(specials);
		p += 16;
	}
	return es_kernel->skip_plain(p, end);
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
		p = skip_plain(p, end);
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

static inline const char *
skip_digits(const char *p, const char *end)
{
	while (p < end && es_is_digit(*p))
		p++;
	return p;
}

/* Crosses an exponent, if one is at p; NULL when it is wrong or too large. */
static const char *
scan_exponent(const char *p, const char *end)
{
	const char *digits;

	p++;
	if (p < end && (*p == '+' || *p == '-'))
		p++;
	digits = p;
	p = skip_digits(p, end);
	return p > digits && p - digits <= ES_JSON_MAX_EXPONENT ? p : NULL;
}

/* Crosses a number; NULL for anything else. */
static inline const char *
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
	if (p < end && (*p == 'e' || *p == 'E') && (p = scan_exponent(p, end)) == NULL)
		return NULL;
	return p - start <= ES_JSON_MAX_NUMBER ? p : NULL;
}

static inline const char *
scan_word(const char *p, const char *end, const char *word, size_t size)
{
	if ((size_t) (end - p) < size || memcmp(p, word, size) != 0)
		return NULL;
	return p + size;
}

/* Crosses a number or word at p < end. */
static inline const char *
scan_unquoted(const char *p, const char *end)
{
	if (es_is_digit(*p) || *p == '-')
		return scan_number(p, end);
	if (*p == 't')
		return scan_word(p, end, "true", 4);
	if (*p == 'f')
		return scan_word(p, end, "false", 5);
	return *p == 'n' ? scan_word(p, end, "null", 4) : NULL;
}

/* Crosses a string, number or word; NULL as for es_json_scan(). */
const char *
es_json_scan_scalar(const char *p, const char *end)
{
	bool		escaped;

	if (p >= end)
		return NULL;
	return *p == '"' ? es_json_scan_string(p, end, &escaped) : scan_unquoted(p, end);
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

/* ------------------------------------------------------------ the scanner */

/*
 * A place in the text, and a map of the 64 bytes from window on: each quote,
 * backslash and control character that is not before p has its bit.  p may have
 * left the window with a long number or in white space; the map is empty then.
 * All that takes a cursor is inlined, so that it stays in registers.
 */
typedef struct Cursor
{
	const char *p;
	const char *end;
	const char *window;
	uint64		specials;
} Cursor;

/* The map of fewer than 64 bytes. */
static uint64
specials_at_end(const char *p, const char *end)
{
	char		bytes[64];

	memset(bytes, ' ', sizeof(bytes));
	memcpy(bytes, p, end - p);
	return specials64(bytes);
}

static inline void
look_at(Cursor *cursor, const char *window)
{
	cursor->window = window;
	cursor->specials = likely(cursor->end - window >= 64) ? specials64(window) :
		specials_at_end(window, cursor->end);
}

/* Goes to p, which is not before the old place. */
static inline void
move_to(Cursor *cursor, const char *p)
{
	cursor->p = p;
	if (p - cursor->window < 64)
		cursor->specials &= PG_UINT64_MAX << (p - cursor->window);
	else
		look_at(cursor, p);
}

/* Returns false at the end of the text. */
static pg_attribute_always_inline bool
cross_space(Cursor *cursor)
{
	if (likely(cursor->p < cursor->end && (unsigned char) *cursor->p > ' '))
		return true;
	move_to(cursor, es_json_skip_space(cursor->p, cursor->end));
	return cursor->p < cursor->end;
}

/* The first byte in the map, which moves on when it is empty; NULL for none. */
static pg_attribute_always_inline const char *
find_special(Cursor *cursor)
{
	if (unlikely(cursor->specials == 0))
	{
		if (cursor->end - cursor->window <= 64)
			return NULL;
		look_at(cursor, cursor->window + 64);
		if (cursor->specials == 0)	/* a long string */
			look_at(cursor, es_kernel->skip_plain(cursor->window, cursor->end));
		if (cursor->specials == 0)
			return NULL;
	}
	return cursor->window + __builtin_ctzll(cursor->specials);
}

/* Crosses the first byte of the map. */
static inline void
drop_special(Cursor *cursor)
{
	cursor->specials &= cursor->specials - 1;
}

/* Crosses the string whose opening quote is here. */
static pg_attribute_always_inline bool
cross_string(Cursor *cursor)
{
	const char *special;

	if (unlikely(cursor->p - cursor->window >= 64))
		look_at(cursor, cursor->p);
	drop_special(cursor);		/* the opening quote */
	special = find_special(cursor);
	while (unlikely(special == NULL || *special != '"'))
	{
		if (special == NULL || *special != '\\')
			return false;
		special = scan_escape(special, cursor->end);
		if (special == NULL)
			return false;
		move_to(cursor, special);
		special = find_special(cursor);
	}
	drop_special(cursor);
	cursor->p = special + 1;
	return true;
}

/* Crosses `"key" :` and the spaces around. */
static pg_attribute_always_inline bool
cross_key(Cursor *cursor)
{
	if (*cursor->p != '"' || !cross_string(cursor) ||
		!cross_space(cursor) || *cursor->p != ':')
		return false;
	cursor->p++;
	return cross_space(cursor);
}

/* The open brackets, in a bit stack. */
typedef struct Brackets
{
	int			depth;
	char		close;			/* what closes the innermost */
	uint64		outer[ES_JSON_MAX_DEPTH / 64];	/* what is around each: a set
												 * bit is an object */
} Brackets;

static inline bool
open_bracket(Brackets *brackets, char bracket)
{
	uint64	   *word = &brackets->outer[brackets->depth / 64];
	uint64		bit = UINT64CONST(1) << (brackets->depth % 64);

	if (brackets->depth >= ES_JSON_MAX_DEPTH)
		return false;
	if (brackets->close == '}')
		*word |= bit;
	else
		*word &= ~bit;
	brackets->depth++;
	brackets->close = bracket == '{' ? '}' : ']';
	return true;
}

static inline void
close_bracket(Brackets *brackets)
{
	uint64		word;

	brackets->depth--;
	word = brackets->outer[brackets->depth / 64];
	brackets->close = (word >> (brackets->depth % 64)) & 1 ? '}' : ']';
}

/*
 * Crosses the value that is here; of an array or object only the start, unless
 * it is empty.  Sets *entered when a first member follows.
 */
static pg_attribute_always_inline bool
cross_value(Cursor *cursor, Brackets *brackets, bool *entered)
{
	*entered = false;
	if (*cursor->p == '"')
		return cross_string(cursor);
	if (*cursor->p != '{' && *cursor->p != '[')
	{
		cursor->p = scan_unquoted(cursor->p, cursor->end);
		return cursor->p != NULL;
	}
	if (!open_bracket(brackets, *cursor->p))
		return false;
	cursor->p++;
	if (!cross_space(cursor))
		return false;
	*entered = *cursor->p != brackets->close;
	if (!*entered)
	{
		close_bracket(brackets);
		cursor->p++;
	}
	return true;
}

/*
 * After a value: closes what ends here, and goes to the next member unless the
 * outermost bracket was closed.
 */
static pg_attribute_always_inline bool
cross_to_next(Cursor *cursor, Brackets *brackets)
{
	while (brackets->depth > 0)
	{
		if (!cross_space(cursor))
			return false;
		if (*cursor->p == ',')
		{
			cursor->p++;
			return cross_space(cursor);
		}
		if (*cursor->p != brackets->close)
			return false;
		close_bracket(brackets);
		cursor->p++;
	}
	return true;
}

/*
 * Crosses the value that starts at p (no space before it).  Returns the byte
 * after it, or NULL when the scanner does not vouch for it.
 */
const char *
es_json_scan(const char *p, const char *end)
{
	Cursor		cursor = {.p = p,.end = end};
	Brackets	brackets = {0};

	if (p >= end)
		return NULL;
	look_at(&cursor, p);
	do
	{
		bool		entered;

		if (brackets.close == '}' && !cross_key(&cursor))
			return NULL;
		if (!cross_value(&cursor, &brackets, &entered) ||
			(!entered && !cross_to_next(&cursor, &brackets)))
			return NULL;
	} while (brackets.depth > 0);
	return cursor.p - p <= ES_JSON_MAX_VALUE ? cursor.p : NULL;
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

/* Appends the character that the escape at p means; returns the byte after it. */
static const char *
put_unescaped(const char *p, const char *end, char **out)
{
	uint32		code;

	if (p[1] != 'u')
	{
		*(*out)++ = unescaped(p[1]);
		return p + 2;
	}
	code = hex_quad(p + 2, end);
	p += 6;
	if (IS_HIGH_SURROGATE(code))
	{
		uint32		low = hex_quad(p + 2, end);

		code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
		p += 6;
	}
	*out = put_utf8(*out, code);
	return p;
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
		else
			p = put_unescaped(p, end, &out);
	}
	return out - start;
}

/*
 * Does a string, with its quotes and perhaps escapes, mean this text?  Never,
 * when an escape is wrong.
 */
bool
es_json_escaped_string_equal(EsSlice json_string, EsSlice text)
{
	const char *p = json_string.data + 1;
	const char *end = json_string.data + json_string.size - 1;
	const char *wanted = text.data;
	const char *wanted_end = text.data + text.size;

	while (p < end)
	{
		char		character[4] = {*p};
		char	   *after = character + 1;

		if (*p != '\\')
			p++;
		else if (scan_escape(p, end) == NULL)
			return false;
		else
		{
			after = character;
			p = put_unescaped(p, end, &after);
		}
		if (after - character > wanted_end - wanted || memcmp(character, wanted, after - character) != 0)
			return false;
		wanted += after - character;
	}
	return wanted == wanted_end;
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
