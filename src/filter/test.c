/*-------------------------------------------------------------------------
 *
 * test.c
 *	  Tests of one value against constants, with PostgreSQL's answers.
 *
 * Casts from text accept more than one spelling, raise errors, and some depend
 * on settings.  Here only spellings are read that have one meaning and cannot
 * fail; those are nearly all in practice.  Whatever else there is, makes the
 * verdict ES_UNDECIDED, and PostgreSQL does the cast.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/block.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/timestamp.h"
#include "filter/test.h"
#include "pg/jsonb_builder.h"

/* Digits and points of a number whose cast cannot overflow anything. */
#define MAX_NUMBER_SIZE 200

/* Scales up to which powers of ten, and integers, are exact in a double. */
#define MAX_EXACT_POWER		22
#define MAX_EXACT_INTEGER	(INT64CONST(1) << 53)

/* A value as what it is compared as. */
typedef struct Value
{
	EsValueType type;
	int			kind;			/* JSON: EsJsonKind */
	bool		scaled;			/* numbers: is integer / 10^scale */
	uint32		scale;
	int64		integer;
	double float8;
	Numeric		numeric;		/* when it is not scaled */
	EsSlice		text;
	const uint8 *uuid;
} Value;

/* --------------------------------------------------------------- constants */

static int
compare_numeric(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

/* Is it less (-1) or greater (1) than any int64?  NaN is greater than all. */
static int8
beyond_int64(Numeric numeric)
{
	if (compare_numeric(numeric, int64_to_numeric(PG_INT64_MAX)) > 0)
		return 1;
	return compare_numeric(numeric, int64_to_numeric(PG_INT64_MIN)) < 0 ? -1 : 0;
}

static EsScaled
scale_numeric(Numeric numeric, uint32 scale)
{
	EsScaled	scaled = {.beyond = beyond_int64(numeric)};
	Datum		product;
	Datum		floor;

	if (scaled.beyond != 0)
		return scaled;
	product = DirectFunctionCall2(numeric_mul, NumericGetDatum(numeric),
								  NumericGetDatum(int64_to_numeric(es_power_of_ten(scale))));
	floor = DirectFunctionCall1(numeric_floor, product);
	scaled.beyond = beyond_int64(DatumGetNumeric(floor));
	if (scaled.beyond != 0)
		return scaled;
	scaled.floor = DatumGetInt64(DirectFunctionCall1(numeric_int8, floor));
	scaled.exact = compare_numeric(DatumGetNumeric(product), DatumGetNumeric(floor)) == 0;
	return scaled;
}

/* The constant's numeric times 10^scale, worked out when it is first needed. */
static const EsScaled *
scaled_constant(EsConstant *constant, uint32 scale)
{
	if ((constant->scaled_known >> scale & 1) == 0)
	{
		constant->scaled[scale] = scale_numeric(constant->numeric, scale);
		constant->scaled_known |= 1U << scale;
	}
	return &constant->scaled[scale];
}

static void
set_numeric(EsConstant *constant, Numeric numeric)
{
	constant->numeric = numeric;
	constant->scaled = palloc((ES_MAX_SCALE + 1) * sizeof(EsScaled));
}

static EsSlice
text_slice(Datum datum)
{
	text	   *value = DatumGetTextPP(datum);

	return es_slice(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

/*
 * Takes a value, of the SQL type that 'type' stands for, as a constant, which lasts as
 * long as the value and the current memory context.
 */
void
es_constant_set(EsConstant *constant, EsValueType type, Datum value)
{
	memset(constant, 0, sizeof(*constant));
	switch (type)
	{
		case ES_VALUE_TEXT:
			constant->text = text_slice(value);
			constant->type_bit = es_type_bit(constant->text);
			break;
		case ES_VALUE_NUMERIC:
			set_numeric(constant, DatumGetNumeric(value));
			break;
		case ES_VALUE_FLOAT8:
			constant->float8 = DatumGetFloat8(value);
			break;
		case ES_VALUE_BOOL:
			constant->integer = DatumGetBool(value);
			break;
		case ES_VALUE_UUID:
			memcpy(constant->uuid, DatumGetUUIDP(value)->data, ES_UUID_SIZE);
			break;
		default:
			constant->integer = DatumGetInt64(value);
			break;
	}
}

/* Takes a scalar of jsonb as a constant; false when it is none. */
bool
es_constant_set_json(EsConstant *constant, const JsonbValue *value)
{
	memset(constant, 0, sizeof(*constant));
	switch (value->type)
	{
		case jbvNull:
			constant->kind = ES_JSON_NULL;
			return true;
		case jbvString:
			constant->kind = ES_JSON_STRING;
			constant->text = es_slice(value->val.string.val, value->val.string.len);
			return true;
		case jbvNumeric:
			constant->kind = ES_JSON_NUMBER;
			set_numeric(constant, value->val.numeric);
			return true;
		case jbvBool:
			constant->kind = ES_JSON_BOOLEAN;
			constant->integer = value->val.boolean;
			return true;
		default:
			return false;
	}
}

/* -------------------------------------------------------------- comparison */

static int
compare_integers(int64 a, int64 b)
{
	return a < b ? -1 : a > b;
}

/* Compares integer / 10^scale. */
static int
compare_scaled(const Value *value, EsConstant *constant)
{
	const EsScaled *scaled = scaled_constant(constant, value->scale);

	if (scaled->beyond != 0)
		return -scaled->beyond;
	if (value->integer == scaled->floor)
		return scaled->exact ? 0 : -1;
	return compare_integers(value->integer, scaled->floor);
}

/* Any order will do for texts: their tests ask for equality only. */
static int
compare_texts(EsSlice a, EsSlice b)
{
	if (a.size != b.size)
		return a.size < b.size ? -1 : 1;
	return a.size == 0 ? 0 : memcmp(a.data, b.data, a.size);
}

static int
compare_json(const Value *value, EsConstant *constant)
{
	if (value->kind != constant->kind)
		return value->kind < constant->kind ? -1 : 1;
	switch (value->kind)
	{
		case ES_JSON_STRING:
			return es_json_string_equal(value->text, constant->text) ? 0 : 1;
		case ES_JSON_NUMBER:
			return value->scaled ? compare_scaled(value, constant) :
				compare_numeric(value->numeric, constant->numeric);
		case ES_JSON_BOOLEAN:
			return compare_integers(value->integer, constant->integer);
		default:
			return 0;
	}
}

static int
compare(const Value *value, EsConstant *constant)
{
	switch (value->type)
	{
		case ES_VALUE_TEXT:
			return compare_texts(value->text, constant->text);
		case ES_VALUE_NUMERIC:
			return value->scaled ? compare_scaled(value, constant) :
				compare_numeric(value->numeric, constant->numeric);
		case ES_VALUE_FLOAT8:
			return float8_cmp_internal(value->float8, constant->float8);
		case ES_VALUE_UUID:
			return memcmp(value->uuid, constant->uuid, ES_UUID_SIZE);
		case ES_VALUE_JSON:
			return compare_json(value, constant);
		default:
			return compare_integers(value->integer, constant->integer);
	}
}

static bool
holds(StrategyNumber strategy, int order)
{
	switch (strategy)
	{
		case BTLessStrategyNumber:
			return order < 0;
		case BTLessEqualStrategyNumber:
			return order <= 0;
		case BTEqualStrategyNumber:
			return order == 0;
		case BTGreaterEqualStrategyNumber:
			return order >= 0;
		default:
			return order > 0;
	}
}

/* The constants of a list are sorted as compare() orders them. */
static bool
is_among(const EsTest *test, const Value *value)
{
	uint32		low = 0;
	uint32		high = test->constant_count;

	while (low < high)
	{
		uint32		middle = (low + high) / 2;
		int			order = compare(value, &test->constants[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static Value
constant_value(EsValueType type, const EsConstant *constant)
{
	return (Value)
	{
		.type = type,
			.integer = constant->integer,
			.float8 = constant->float8,
			.numeric = constant->numeric,
			.text = constant->text,
			.uuid = constant->uuid
	};
}

static int
order_constants(const void *a, const void *b, void *type)
{
	Value		value = constant_value(*(EsValueType *) type, a);

	return compare(&value, unconstify(void *, b));
}

/* Prepares the test for being used, once its constants are there. */
void
es_test_prepare(EsTest *test)
{
	if (test->kind == ES_TEST_IN)
		qsort_arg(test->constants, test->constant_count, sizeof(EsConstant), order_constants,
				  &test->type);
}

static EsVerdict
judge(const EsTest *test, const Value *value)
{
	if (test->kind == ES_TEST_COMPARE && test->type == ES_VALUE_JSON &&
		value->kind != test->constants[0].kind)
		return ES_FALSE;
	if (test->kind == ES_TEST_COMPARE)
		return es_verdict(holds(test->strategy, compare(value, &test->constants[0])));
	if (is_among(test, value))
		return ES_TRUE;
	return test->null_among ? ES_NULL : ES_FALSE;
}

/* ------------------------------------------------------------ reading text */

/* Reads digits with perhaps a sign and a point, not more than an int64 holds. */
static bool
read_scaled(EsSlice text, Value *value)
{
	const char *p = text.data;
	const char *end = p + text.size;
	bool		negative = p < end && *p == '-';
	uint32		digits = 0;
	uint64		number = 0;

	value->scale = 0;
	if (negative)
		p++;
	if (end - p > ES_COLUMN_MAX_DIGITS + 1)
		return false;
	for (; p < end && es_is_digit(*p); p++, digits++)
		number = number * 10 + (*p - '0');
	if (digits > 0 && end - p > 1 && *p == '.')
	{
		for (p++; p < end && es_is_digit(*p); p++, value->scale++)
			number = number * 10 + (*p - '0');
	}
	value->integer = negative ? -(int64) number : (int64) number;
	value->scaled = digits > 0 && p == end && digits + value->scale <= ES_COLUMN_MAX_DIGITS;
	return value->scaled;
}

/*
 * Reads text that is a plain number of at most ES_MAX_SCALE digits, as an
 * integer / 10^scale.
 */
bool
es_read_scaled(EsSlice text, int64 *integer, uint32 *scale)
{
	Value		value = {0};

	if (!read_scaled(text, &value))
		return false;
	*integer = value.integer;
	*scale = value.scale;
	return true;
}

/* Digits with perhaps a sign and a point, of moderate length. */
static bool
is_plain_number(EsSlice text)
{
	uint32		i = text.size > 0 && text.data[0] == '-' ? 1 : 0;
	uint32		start = i;

	if (text.size > MAX_NUMBER_SIZE)
		return false;
	while (i < text.size && es_is_digit(text.data[i]))
		i++;
	if (i == start)
		return false;
	if (i + 1 < text.size && text.data[i] == '.')
	{
		for (i++; i < text.size && es_is_digit(text.data[i]); i++)
			;
	}
	return i == text.size;
}

static Numeric
numeric_of_text(EsSlice text)
{
	char	   *string = pnstrdup(text.data, text.size);

	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(string),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static bool
read_numeric(EsSlice text, Value *value)
{
	if (read_scaled(text, value))
		return true;
	if (!is_plain_number(text))
		return false;
	value->numeric = numeric_of_text(text);
	return true;
}

static bool
read_integer(EsSlice text, int64 least, int64 greatest, Value *value)
{
	return read_scaled(text, value) && memchr(text.data, '.', text.size) == NULL &&
		value->integer >= least && value->integer <= greatest;
}

/*
 * Integers and powers of ten that are exact give the quotient that is nearest,
 * which is what reading the text gives.
 */
static bool
read_float8(EsSlice text, Value *value)
{
	static const double powers[] = {
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
		1e16, 1e17, 1e18
	};

	StaticAssertStmt(lengthof(powers) == ES_COLUMN_MAX_DIGITS + 1 &&
					 ES_COLUMN_MAX_DIGITS <= MAX_EXACT_POWER, "there is a power for each scale");
	if (read_scaled(text, value) && value->integer != 0 &&
		value->integer <= MAX_EXACT_INTEGER && value->integer >= -MAX_EXACT_INTEGER)
	{
		value->float8 = (double) value->integer / powers[value->scale];
		return true;
	}
	if (!is_plain_number(text))
		return false;
	value->float8 = DatumGetFloat8(DirectFunctionCall1(float8in,
													   CStringGetDatum(pnstrdup(text.data, text.size))));
	return true;
}

/*
 * RFC 3339 with its zone, and no more digits than there are microseconds.  A leap
 * second is PostgreSQL's to judge: it takes some of them and refuses others.
 */
static bool
read_timestamp(EsSlice text, Value *value)
{
	const uint32 point = 19;
	uint32		i = point + 1;

	if (text.size > point && text.data[point - 2] == '6')
		return false;

	if (text.size > point && text.data[point] == '.')
	{
		while (i < text.size && es_is_digit(text.data[i]))
			i++;
	}
	return i <= point + 1 + 6 && es_timestamp_parse(text, &value->integer) == ES_OK;
}

static bool
read_bool(EsSlice text, Value *value)
{
	bool		result;

	if (!parse_bool_with_len(text.data, text.size, &result))
		return false;
	value->integer = result;
	return true;
}

static bool
read_uuid(EsSlice text, uint8 *uuid, Value *value)
{
	value->uuid = uuid;
	return es_uuid_parse(text, uuid);
}

/* Casts text; false when only PostgreSQL can. */
static bool
read_value(EsSlice text, EsValueType type, uint8 *uuid, Value *value)
{
	value->type = type;
	switch (type)
	{
		case ES_VALUE_TEXT:
			value->text = text;
			return true;
		case ES_VALUE_INT2:
			return read_integer(text, PG_INT16_MIN, PG_INT16_MAX, value);
		case ES_VALUE_INT4:
			return read_integer(text, PG_INT32_MIN, PG_INT32_MAX, value);
		case ES_VALUE_INT8:
			return read_integer(text, PG_INT64_MIN, PG_INT64_MAX, value);
		case ES_VALUE_NUMERIC:
			return read_numeric(text, value);
		case ES_VALUE_FLOAT8:
			return read_float8(text, value);
		case ES_VALUE_TIMESTAMPTZ:
			return read_timestamp(text, value);
		case ES_VALUE_BOOL:
			return read_bool(text, value);
		case ES_VALUE_UUID:
			return read_uuid(text, uuid, value);
		default:
			return false;
	}
}

/* ------------------------------------------------------------------- tests */

/* Does it matter to other conditions that this one might raise an error? */
bool
es_test_can_fail(const EsTest *test)
{
	return test->type != ES_VALUE_TEXT && test->type != ES_VALUE_JSON;
}

/* The verdict where the event's side is null. */
EsVerdict
es_test_null(const EsTest *test)
{
	return test->kind == ES_TEST_IS_NULL ? ES_TRUE : test->missing;
}

/* An integer, time or boolean that is not null. */
EsVerdict
es_test_integer(const EsTest *test, int64 value)
{
	Value		typed = {.type = test->type,.integer = value};

	return test->kind == ES_TEST_IS_NULL ? ES_FALSE : judge(test, &typed);
}

EsVerdict
es_test_uuid(const EsTest *test, const uint8 *uuid)
{
	Value		typed = {.type = ES_VALUE_UUID,.uuid = uuid};

	return test->kind == ES_TEST_IS_NULL ? ES_FALSE : judge(test, &typed);
}

static bool
has_prefix(EsSlice text, EsSlice prefix)
{
	return text.size >= prefix.size && es_bytes_equal(text.data, prefix.data, prefix.size);
}

static EsVerdict
call_function(const EsTest *test, EsSlice text)
{
	Datum		value = PointerGetDatum(cstring_to_text_with_len(text.data, text.size));

	return es_verdict(DatumGetBool(FunctionCall2Coll(unconstify(FmgrInfo *, &test->function),
													 test->collation, value, test->argument)));
}

/* Text that is not null, cast to the type of the test. */
EsVerdict
es_test_text(const EsTest *test, EsSlice text)
{
	Value		value = {0};
	uint8		uuid[ES_UUID_SIZE];

	if (test->kind == ES_TEST_PREFIX)
		return es_verdict(has_prefix(text, test->constants[0].text));
	if (test->kind == ES_TEST_CALL)
		return call_function(test, text);
	if (!read_value(text, test->type, uuid, &value))
		return ES_UNDECIDED;
	return test->kind == ES_TEST_IS_NULL ? ES_FALSE : judge(test, &value);
}

static bool
has_tag(EsSlice tags, EsSlice wanted)
{
	EsSlice		tag;

	while (es_tag_next(&tags, &tag))
	{
		if (es_slice_equal(tag, wanted))
			return true;
	}
	return false;
}

/* Packed tags that are not null. */
EsVerdict
es_test_tags(const EsTest *test, EsSlice tags)
{
	bool		all = test->kind == ES_TEST_ALL_TAGS;
	uint8		count;

	if (test->kind == ES_TEST_IS_NULL)
		return ES_FALSE;
	if (!es_block_count_tags(tags, &count))
		return ES_UNKNOWN;
	for (uint32 i = 0; i < test->constant_count; i++)
	{
		if (has_tag(tags, test->constants[i].text) != all)
			return es_verdict(!all);
	}
	return es_verdict(all);
}

/* ------------------------------------------------------------ JSON to text */

/* Does numeric_out() print the number as it is spelt? */
static bool
is_canonical_number(EsSlice json)
{
	if (!is_plain_number(json))
		return false;
	if (json.data[0] != '-')
		return true;
	for (uint32 i = 1; i < json.size; i++)
	{
		if (json.data[i] >= '1' && json.data[i] <= '9')
			return true;
	}
	return false;				/* there is no -0 in numeric */
}

static EsSlice
string_as_text(EsSlice json)
{
	char	   *out;

	if (es_json_string_plain(json))
		return es_slice(json.data + 1, json.size - 2);
	out = palloc(json.size);
	return es_slice(out, es_json_unescape(json.data + 1, json.data + json.size - 1, out));
}

static EsSlice
cstring_slice(const char *string)
{
	return es_slice(string, strlen(string));
}

static EsSlice
container_as_text(EsSlice json)
{
	Jsonb	   *jsonb = DatumGetJsonbP(es_jsonb_datum(json));

	return cstring_slice(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb)));
}

/*
 * What ->> gives of a value: false when that is null.  The text lies in the
 * value or is palloc'd.
 */
bool
es_json_as_text(EsSlice json, EsSlice *text)
{
	switch (es_json_kind(json.data, json.data + json.size))
	{
		case ES_JSON_STRING:
			*text = string_as_text(json);
			return true;
		case ES_JSON_NUMBER:
			*text = is_canonical_number(json) ? json :
				cstring_slice(DatumGetCString(DirectFunctionCall1(numeric_out,
																  NumericGetDatum(numeric_of_text(json)))));
			return true;
		case ES_JSON_BOOLEAN:
			*text = json;
			return true;
		case ES_JSON_NULL:
			return false;
		default:
			*text = container_as_text(json);
			return true;
	}
}

static EsVerdict
judge_json(const EsTest *test, int kind, EsSlice json)
{
	Value		value = {.type = ES_VALUE_JSON,.kind = kind,.text = json};

	if (kind == ES_JSON_NUMBER && !read_scaled(json, &value))
		value.numeric = numeric_of_text(json);
	value.integer = kind == ES_JSON_BOOLEAN ? json.data[0] == 't' : value.integer;
	return judge(test, &value);
}

/* Does the value have this key?  Of arrays it depends on the elements. */
static EsVerdict
test_member(const EsTest *test, int kind, EsSlice json)
{
	EsSlice		found;

	if (kind != ES_JSON_OBJECT)
		return ES_UNKNOWN;
	switch (es_path_find(&test->member, 0, json, &found))
	{
		case ES_FOUND_VALUE:
			return ES_TRUE;
		case ES_FOUND_MISSING:
			return ES_FALSE;
		default:
			return ES_UNKNOWN;
	}
}

/* A JSON value, as text stands in a document, cast to the type of the test. */
EsVerdict
es_test_json(const EsTest *test, EsSlice json)
{
	int			kind = es_json_kind(json.data, json.data + json.size);
	EsSlice		text;

	if (test->type != ES_VALUE_JSON)
		return es_json_as_text(json, &text) ? es_test_text(test, text) : es_test_null(test);
	switch (test->kind)
	{
		case ES_TEST_IS_NULL:
			return ES_FALSE;
		case ES_TEST_KIND:
			return kind == test->json_kind ? test->of_kind : ES_FALSE;
		case ES_TEST_MEMBER:
			return test_member(test, kind, json);
		default:
			return judge_json(test, kind, json);
	}
}

/* ------------------------------------------------- tests of whole columns */

/* first <= value <= last; no value when first > last. */
static EsInterval
interval(StrategyNumber strategy, const EsScaled *scaled)
{
	static const EsInterval none = {PG_INT64_MAX, PG_INT64_MIN};
	EsInterval	all = {PG_INT64_MIN, PG_INT64_MAX};
	bool		below = strategy <= BTLessEqualStrategyNumber;
	bool		strict = strategy == BTLessStrategyNumber || strategy == BTGreaterStrategyNumber;
	int64		floor = scaled->floor;

	if (scaled->beyond != 0)
		return strategy != BTEqualStrategyNumber && below == (scaled->beyond > 0) ? all : none;
	if (strategy == BTEqualStrategyNumber)
		return scaled->exact ? (EsInterval)
	{
		floor, floor
	} : none;
	if (below)
	{
		if (!strict || !scaled->exact)
			return (EsInterval)
		{
			PG_INT64_MIN, floor
		};
		return floor == PG_INT64_MIN ? none : (EsInterval)
		{
			PG_INT64_MIN, floor - 1
		};
	}
	if (!strict && scaled->exact)
		return (EsInterval)
	{
		floor, PG_INT64_MAX
	};
	return floor == PG_INT64_MAX ? none : (EsInterval)
	{
		floor + 1, PG_INT64_MAX
	};
}

/*
 * Which integers, that stand for themselves / 10^scale, compare with the
 * constant as the test asks: those from first to last.
 */
EsInterval
es_test_interval(const EsTest *test, uint32 constant, uint32 scale)
{
	EsConstant *with = &test->constants[constant];
	EsScaled	itself = {.floor = with->integer,.exact = true};

	return interval(test->kind == ES_TEST_IN ? BTEqualStrategyNumber : test->strategy,
					with->numeric == NULL ? &itself : scaled_constant(with, scale));
}
