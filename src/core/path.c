/*-------------------------------------------------------------------------
 *
 * path.c
 *	  Finding a value by its path in JSON text.
 *
 * The text was valid when it was stored, so what does not lie on the path is
 * only skipped, by its quotes and brackets.  But nothing outside is read
 * whatever the text is: where it ends too early, the answer is UNSURE.
 *
 *-------------------------------------------------------------------------
 */
#include "core/path.h"

#include <simde/x86/sse2.h>

#include "core/json.h"

/* ------------------------------------------------------------------ skipping */

/* A bit for each quote and backslash of sixteen bytes. */
static inline uint32
string_specials(const char *p)
{
	simde__m128i bytes = simde_mm_loadu_si128((const void *) p);
	simde__m128i quotes = simde_mm_cmpeq_epi8(bytes, simde_mm_set1_epi8('"'));
	simde__m128i backslashes = simde_mm_cmpeq_epi8(bytes, simde_mm_set1_epi8('\\'));

	return simde_mm_movemask_epi8(simde_mm_or_si128(quotes, backslashes));
}

/* A bit for each quote and bracket of sixteen bytes; { is [ and 0x20. */
static inline uint32
bracket_specials(const char *p)
{
	simde__m128i bytes = simde_mm_loadu_si128((const void *) p);
	simde__m128i braces = simde_mm_or_si128(bytes, simde_mm_set1_epi8(0x20));
	simde__m128i specials = simde_mm_or_si128(simde_mm_cmpeq_epi8(braces, simde_mm_set1_epi8('{')),
											  simde_mm_cmpeq_epi8(braces, simde_mm_set1_epi8('}')));

	specials = simde_mm_or_si128(specials, simde_mm_cmpeq_epi8(bytes, simde_mm_set1_epi8('"')));
	return simde_mm_movemask_epi8(specials);
}

/* Goes to the next quote or backslash, or the end. */
static inline const char *
next_in_string(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16)
	{
		uint32		specials = string_specials(p);

		if (specials != 0)
			return p + __builtin_ctz(specials);
	}
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* Goes to the next quote or bracket, or the end. */
static inline const char *
next_bracket(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16)
	{
		uint32		specials = bracket_specials(p);

		if (specials != 0)
			return p + __builtin_ctz(specials);
	}
	while (p < end && *p != '"' && *p != '{' && *p != '[' && *p != '}' && *p != ']')
		p++;
	return p;
}

/* Crosses the string at p; NULL when it has no end. */
static inline const char *
skip_string(const char *p, const char *end)
{
	for (p = next_in_string(p + 1, end); p < end; p = next_in_string(p, end))
	{
		if (*p == '"')
			return p + 1;
		if (end - p < 2)
			return NULL;
		p += 2;
	}
	return NULL;
}

/* Crosses the object or array at p; NULL when it has no end. */
static const char *
skip_container(const char *p, const char *end)
{
	int64		depth = 0;

	for (; p < end; p = next_bracket(p, end))
	{
		if (*p == '"')
		{
			if ((p = skip_string(p, end)) == NULL)
				return NULL;
			continue;
		}
		depth += *p == '{' || *p == '[' ? 1 : -1;
		p++;
		if (depth == 0)
			return p;
	}
	return NULL;
}

static inline bool
ends_scalar(char c)
{
	return c == ',' || c == '}' || c == ']' || es_json_is_space(c);
}

/* Crosses the value at p; NULL when there is none or it has no end. */
static inline const char *
skip_value(const char *p, const char *end)
{
	const char *start = p;

	if (p < end && *p == '"')
		return skip_string(p, end);
	if (p < end && (*p == '{' || *p == '['))
		return skip_container(p, end);
	while (p < end && !ends_scalar(*p))
		p++;
	return p > start ? p : NULL;
}

/* Space is rare between tokens. */
static inline const char *
skip_space(const char *p, const char *end)
{
	return p < end && (unsigned char) *p > ' ' ? p : es_json_skip_space(p, end);
}

/* ------------------------------------------------------------------- objects */

/* Reads `"key" : value` at p; NULL when it is not there. */
static inline const char *
take_member(const char *p, const char *end, EsSlice *key, EsSlice *value)
{
	const char *after;

	if (p >= end || *p != '"' || (after = skip_string(p, end)) == NULL)
		return NULL;
	*key = es_slice(p, after - p);
	p = skip_space(after, end);
	if (p >= end || *p != ':')
		return NULL;
	p = skip_space(p + 1, end);
	if ((after = skip_value(p, end)) == NULL)
		return NULL;
	*value = es_slice(p, after - p);
	return after;
}

/*
 * Goes from behind a member or element to the next one; to NULL, with *closed,
 * where the object or array ends.
 */
static inline const char *
to_next(const char *p, const char *end, char close, bool *closed)
{
	p = skip_space(p, end);
	*closed = p < end && *p == close;
	if (p >= end || *p != ',')
		return NULL;
	return skip_space(p + 1, end);
}

/* Goes to the first member or element, likewise. */
static inline const char *
to_first(EsSlice container, char close, bool *closed)
{
	const char *end = container.data + container.size;
	const char *p = skip_space(container.data + 1, end);

	*closed = p < end && *p == close;
	return *closed ? NULL : p;
}

/* The last member of the object that has this key. */
static EsFound
find_member(EsSlice object, EsSlice text, EsSlice *value)
{
	const char *end = object.data + object.size;
	EsFound		found = ES_FOUND_MISSING;
	bool		closed;

	for (const char *p = to_first(object, '}', &closed); p != NULL;)
	{
		EsSlice		key;
		EsSlice		member;

		if ((p = take_member(p, end, &key, &member)) == NULL)
			return ES_FOUND_UNSURE;
		if (es_json_string_equal(key, text))
		{
			found = ES_FOUND_VALUE;
			*value = member;
		}
		p = to_next(p, end, '}', &closed);
	}
	return closed ? found : ES_FOUND_UNSURE;
}

/* -------------------------------------------------------------------- arrays */

/*
 * Walks an array up to the element 'wanted', or to its end when that is
 * negative; *count is how many elements were passed.
 */
static EsFound
walk_elements(EsSlice array, int64 wanted, EsSlice *value, int64 *count)
{
	const char *end = array.data + array.size;
	bool		closed;

	*count = 0;
	for (const char *p = to_first(array, ']', &closed); p != NULL;)
	{
		const char *after = skip_value(p, end);

		if (after == NULL)
			return ES_FOUND_UNSURE;
		if (*count == wanted)
		{
			*value = es_slice(p, after - p);
			return ES_FOUND_VALUE;
		}
		(*count)++;
		p = to_next(after, end, ']', &closed);
	}
	return closed ? ES_FOUND_MISSING : ES_FOUND_UNSURE;
}

static EsFound
find_element(EsSlice array, int64 index, EsSlice *value)
{
	int64		count;
	EsFound		found;

	if (index >= 0)
		return walk_elements(array, index, value, &count);
	found = walk_elements(array, -1, value, &count);
	if (found != ES_FOUND_MISSING || index < -count)
		return found;
	return walk_elements(array, count + index, value, &count);
}

/*
 * Reads an index as strtol() does: spaces and a sign may come before the
 * digits, nothing behind them.  False for other text, and for numbers that are
 * no int.
 */
static bool
parse_index(EsSlice text, int64 *index)
{
	const char *p = text.data;
	const char *end = p + text.size;
	bool		negative;
	int64		number = 0;

	while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r')))
		p++;
	negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end)
		return false;
	for (; p < end; p++)
	{
		if (!es_is_digit(*p))
			return false;
		number = Min(number * 10 + (*p - '0'), (int64) PG_INT32_MAX + 2);
	}
	*index = negative ? -number : number;
	return *index >= PG_INT32_MIN && *index <= PG_INT32_MAX;
}

/* ---------------------------------------------------------------------- path */

/* Takes a step in *value, which has no space around it. */
static EsFound
take_step(const EsStep *step, EsSlice *value)
{
	int64		index = step->index;

	if (value->data[0] == '{')
		return step->kind == ES_STEP_INDEX ? ES_FOUND_MISSING : find_member(*value, step->text, value);
	if (value->data[0] == '[')
	{
		if (step->kind == ES_STEP_KEY ||
			(step->kind == ES_STEP_EITHER && !parse_index(step->text, &index)))
			return ES_FOUND_MISSING;
		return find_element(*value, index, value);
	}
	/* jsonb keeps a scalar as an array of one, and -> integer looks in there */
	return step->kind == ES_STEP_INDEX && (index == 0 || index == -1) ? ES_FOUND_VALUE : ES_FOUND_MISSING;
}

/*
 * Finds the value to which the steps of the path from first_step on lead in a
 * JSON value.  It has no space around it then.
 */
EsFound
es_path_find(const EsPath *path, uint32 first_step, EsSlice json, EsSlice *value)
{
	const char *end = json.data + json.size;
	const char *p = es_json_skip_space(json.data, end);
	EsFound		found = ES_FOUND_VALUE;

	while (end > p && es_json_is_space(end[-1]))
		end--;
	if (p == end)
		return ES_FOUND_UNSURE;
	*value = es_slice(p, end - p);
	for (uint32 i = first_step; i < path->step_count && found == ES_FOUND_VALUE; i++)
		found = take_step(&path->steps[i], value);
	return found;
}
