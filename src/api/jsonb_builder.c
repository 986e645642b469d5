/*-------------------------------------------------------------------------
 *
 * jsonb_builder.c
 *	  Makes jsonb of JSON text.
 *
 * Events are stored as text and read as jsonb, so this is on the way of every
 * event that is read.  The text is walked with our own scanner, which points
 * into it instead of copying token by token; the server's functions assemble
 * the value, so that it is the same as the one that jsonb_in() makes.  What the
 * scanner does not vouch for goes to jsonb_in() itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "api/jsonb_builder.h"
#include "core/json.h"

typedef struct Builder
{
	const char *p;
	const char *end;
	JsonbParseState *state;
	JsonbValue *result;			/* what the last push returned */
	int			depth;
} Builder;

static bool build_value(Builder *builder, JsonbIteratorToken token);

static void
push(Builder *builder, JsonbIteratorToken token, JsonbValue *value)
{
	builder->result = pushJsonbValue(&builder->state, token, value);
}

static bool
at_char(Builder *builder, char c)
{
	return builder->p < builder->end && *builder->p == c;
}

static void
skip_space(Builder *builder)
{
	builder->p = es_json_skip_space(builder->p, builder->end);
}

/* Takes a string; its characters stay in the text unless it has escapes. */
static bool
take_string(Builder *builder, JsonbValue *value)
{
	const char *body = builder->p + 1;
	bool		escaped = false;
	const char *after = es_json_scan_string(builder->p, builder->end, &escaped);

	if (after == NULL)
		return false;
	value->type = jbvString;
	value->val.string.val = unconstify(char *, body);
	value->val.string.len = (int) (after - 1 - body);
	if (escaped)
	{
		value->val.string.val = palloc(after - 1 - body);
		value->val.string.len = (int) es_json_unescape(body, after - 1, value->val.string.val);
	}
	builder->p = after;
	return true;
}

/* Integers of up to 18 digits, as almost all are, need no parsing of text. */
static Numeric
make_numeric(const char *text, size_t size)
{
	int64		number = 0;
	size_t		i = *text == '-' ? 1 : 0;
	char	   *copy;

	for (; i < size && size <= 18 && text[i] >= '0' && text[i] <= '9'; i++)
		number = number * 10 + (text[i] - '0');
	if (i == size)
		return int64_to_numeric(*text == '-' ? -number : number);
	copy = pnstrdup(text, size);
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(copy),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Takes a scalar of this kind. */
static bool
take_scalar(Builder *builder, EsJsonKind kind, JsonbValue *value)
{
	const char *start = builder->p;
	const char *after;

	if (kind == ES_JSON_STRING)
		return take_string(builder, value);
	after = es_json_scan_scalar(start, builder->end);
	if (after == NULL)
		return false;
	builder->p = after;
	if (kind == ES_JSON_NUMBER)
	{
		value->type = jbvNumeric;
		value->val.numeric = make_numeric(start, after - start);
	}
	else if (kind == ES_JSON_BOOLEAN)
	{
		value->type = jbvBool;
		value->val.boolean = *start == 't';
	}
	else
		value->type = jbvNull;
	return true;
}

static bool
build_key(Builder *builder)
{
	JsonbValue	key;

	if (!at_char(builder, '"') || !take_string(builder, &key))
		return false;
	push(builder, WJB_KEY, &key);
	skip_space(builder);
	if (!at_char(builder, ':'))
		return false;
	builder->p++;
	skip_space(builder);
	return true;
}

/* Builds an object or array, whose opening bracket is next. */
static bool
build_container(Builder *builder, bool object)
{
	char		close = object ? '}' : ']';

	if (++builder->depth > ES_JSON_MAX_DEPTH)
		return false;
	push(builder, object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	builder->p++;
	skip_space(builder);
	for (bool first = true; !at_char(builder, close); first = false)
	{
		if (!first)
		{
			if (!at_char(builder, ','))
				return false;
			builder->p++;
			skip_space(builder);
		}
		if (object && !build_key(builder))
			return false;
		if (!build_value(builder, object ? WJB_VALUE : WJB_ELEM))
			return false;
		skip_space(builder);
	}
	builder->p++;
	builder->depth--;
	push(builder, object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
	return true;
}

static bool
build_value(Builder *builder, JsonbIteratorToken token)
{
	EsJsonKind	kind = es_json_kind(builder->p, builder->end);
	JsonbValue	value;

	if (kind == ES_JSON_OBJECT || kind == ES_JSON_ARRAY)
		return build_container(builder, kind == ES_JSON_OBJECT);
	if (!take_scalar(builder, kind, &value))
		return false;
	push(builder, token, &value);
	return true;
}

/* A scalar by itself is an array of one, with a mark. */
static bool
build_scalar_document(Builder *builder)
{
	JsonbValue	array = {.type = jbvArray};

	array.val.array.rawScalar = true;
	array.val.array.nElems = 1;
	push(builder, WJB_BEGIN_ARRAY, &array);
	if (!build_value(builder, WJB_ELEM))
		return false;
	push(builder, WJB_END_ARRAY, NULL);
	return true;
}

static bool
build_document(Builder *builder)
{
	EsJsonKind	kind = es_json_kind(builder->p, builder->end);
	bool		built;

	if (kind == ES_JSON_OBJECT || kind == ES_JSON_ARRAY)
		built = build_value(builder, WJB_ELEM);
	else
		built = build_scalar_document(builder);
	return built && builder->p == builder->end;
}

/* Makes the jsonb value of a JSON text. */
Datum
es_jsonb_datum(EsSlice json)
{
	Builder		builder = {.p = json.data,.end = json.data + json.size};

	if (json.size <= ES_JSON_MAX_VALUE && build_document(&builder))
		return JsonbPGetDatum(JsonbValueToJsonb(builder.result));
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(json.data, json.size)));
}
