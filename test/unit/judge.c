/*-------------------------------------------------------------------------
 *
 * judge.c
 *	  A second opinion on JSON.
 *
 * Written to be plainly right rather than fast, and on purpose in another
 * manner than core/json.c, with which it is compared: one function a rule of
 * RFC 8259.  Beyond the RFC it refuses what jsonb refuses: \u0000 and unpaired
 * surrogates.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#define MAX_DEPTH 4000

/* Every function returns the byte after what it names, or NULL. */
static const char *value(const char *p, const char *end, int depth);

static const char *
spaces(const char *p, const char *end)
{
	while (p < end && memchr(" \t\r\n", *p, 4) != NULL)
		p++;
	return p;
}

static const char *
literal(const char *p, const char *end, const char *text)
{
	for (; *text != '\0'; text++, p++)
	{
		if (p >= end || *p != *text)
			return NULL;
	}
	return p;
}

static const char *
digits(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p > start ? p : NULL;
}

static const char *
exponent(const char *p, const char *end)
{
	if (p < end && (*p == '+' || *p == '-'))
		p++;
	return digits(p, end);
}

static const char *
number(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	p = p < end && *p == '0' ? p + 1 : digits(p, end);
	if (p != NULL && p < end && *p == '.')
		p = digits(p + 1, end);
	if (p != NULL && p < end && (*p == 'e' || *p == 'E'))
		p = exponent(p + 1, end);
	return p;
}

/* The code unit of a \uXXXX at p; -1 when none stands there. */
static int
code_unit(const char *p, const char *end)
{
	int			code = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++)
	{
		static const char hex[] = "0123456789abcdef";
		int			c = p[i] >= 'A' && p[i] <= 'F' ? p[i] + 32 : p[i];
		const char *digit = memchr(hex, c, 16);

		if (digit == NULL)
			return -1;
		code = code * 16 + (int) (digit - hex);
	}
	return code;
}

static const char *
escape(const char *p, const char *end)
{
	int			code;

	if (end - p < 2)
		return NULL;
	if (p[1] != 'u')
		return memchr("\"\\/bfnrt", p[1], 8) != NULL ? p + 2 : NULL;
	code = code_unit(p, end);
	if (code < 1 || (code & 0xFC00) == 0xDC00)
		return NULL;
	if ((code & 0xFC00) != 0xD800)
		return p + 6;
	code = code_unit(p + 6, end);
	return code >= 0 && (code & 0xFC00) == 0xDC00 ? p + 12 : NULL;
}

static const char *
string(const char *p, const char *end)
{
	for (p++; p != NULL && p < end;)
	{
		if (*p == '"')
			return p + 1;
		if ((unsigned char) *p < ' ')
			return NULL;
		p = *p == '\\' ? escape(p, end) : p + 1;
	}
	return NULL;
}

static const char *
member(const char *p, const char *end, int depth)
{
	if (p >= end || *p != '"')
		return NULL;
	p = string(p, end);
	if (p == NULL)
		return NULL;
	p = spaces(p, end);
	if (p >= end || *p != ':')
		return NULL;
	return value(spaces(p + 1, end), end, depth);
}

/* What stands in brackets: members or elements. */
static const char *
list(const char *p, const char *end, int depth)
{
	bool		object = *p == '{';
	char		closing = object ? '}' : ']';

	if (depth > MAX_DEPTH)
		return NULL;
	p = spaces(p + 1, end);
	if (p < end && *p == closing)
		return p + 1;
	for (;;)
	{
		p = object ? member(p, end, depth) : value(p, end, depth);
		if (p == NULL)
			return NULL;
		p = spaces(p, end);
		if (p < end && *p == closing)
			return p + 1;
		if (p >= end || *p != ',')
			return NULL;
		p = spaces(p + 1, end);
	}
}

static const char *
value(const char *p, const char *end, int depth)
{
	if (p >= end)
		return NULL;
	switch (*p)
	{
		case '{':
		case '[':
			return list(p, end, depth + 1);
		case '"':
			return string(p, end);
		case 't':
			return literal(p, end, "true");
		case 'f':
			return literal(p, end, "false");
		case 'n':
			return literal(p, end, "null");
		default:
			return number(p, end);
	}
}

bool
reference_judge(void *arg pg_attribute_unused(), EsSlice text)
{
	const char *end = text.data + text.size;

	return value(text.data, end, 0) == end;
}
