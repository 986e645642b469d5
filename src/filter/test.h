/*-------------------------------------------------------------------------
 *
 * test.h
 *	  Tests of one value against constants, with PostgreSQL's answers.
 *
 * A test is what is left of a condition when the event's side is a column or a
 * place in a document: the comparison and the constants.  It gives the answer
 * that the operator would give where that is certain, and ES_UNDECIDED where
 * only PostgreSQL can say: text whose cast might fail or depends on settings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FILTER_TEST_H
#define EVENTSTORE_FILTER_TEST_H

#include "postgres.h"

#include "access/stratnum.h"
#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "core/column.h"
#include "core/path.h"
#include "core/uuid.h"
#include "filter/verdict.h"

/* The type in which values are compared. */
typedef enum EsValueType
{
	ES_VALUE_TEXT,
	ES_VALUE_INT2,
	ES_VALUE_INT4,
	ES_VALUE_INT8,
	ES_VALUE_NUMERIC,
	ES_VALUE_FLOAT8,
	ES_VALUE_TIMESTAMPTZ,
	ES_VALUE_BOOL,
	ES_VALUE_UUID,
	ES_VALUE_JSON
} EsValueType;

typedef enum EsTestKind
{
	ES_TEST_COMPARE,			/* with constants[0], as the strategy says */
	ES_TEST_IN,					/* equal to one of the constants */
	ES_TEST_PREFIX,				/* text: begins with constants[0] */
	ES_TEST_CALL,				/* text: function(value, argument) */
	ES_TEST_ALL_TAGS,			/* tags: has all of the constants */
	ES_TEST_ANY_TAG,			/* tags: has one of them */
	ES_TEST_IS_NULL,
	ES_TEST_KIND,				/* JSON: is of a kind */
	ES_TEST_MEMBER				/* JSON: has a key */
} EsTestKind;

/* 10^scale times a numeric, as far as an int64 can say it. */
typedef struct EsScaled
{
	int64		floor;
	bool		exact;			/* it is an integer */
	int8		beyond;			/* less (-1) or greater (1) than any int64 */
} EsScaled;

#define ES_MAX_SCALE ES_COLUMN_MAX_DIGITS

typedef struct EsConstant
{
	int64		integer;		/* INT..., TIMESTAMPTZ, BOOL */
	double float8;
	EsSlice		text;			/* TEXT; JSON strings */
	uint64		type_bit;		/* TEXT: es_type_bit() of it */
	uint8		uuid[ES_UUID_SIZE];
	Numeric		numeric;		/* NUMERIC, JSON numbers; else NULL */
	EsScaled   *scaled;			/* of numeric, by scale to ES_MAX_SCALE */
	uint32		scaled_known;	/* a bit for each scale */
	int			kind;			/* JSON: EsJsonKind */
} EsConstant;

/* Integers from first to last. */
typedef struct EsInterval
{
	int64		first;
	int64		last;
} EsInterval;

static inline EsInterval
es_interval(int64 first, int64 last)
{
	EsInterval	interval = {first, last};

	return interval;
}

typedef struct EsTest
{
	EsTestKind	kind;
	EsValueType type;
	StrategyNumber strategy;	/* COMPARE: btree's */
	EsConstant *constants;
	uint32		constant_count;
	bool		null_among;		/* IN: the list has a null */

	/* CALL */
	FmgrInfo	function;
	Oid			collation;
	Datum		argument;

	/* JSON */
	EsVerdict	missing;		/* when there is no value */
	int			json_kind;		/* KIND: EsJsonKind */
	EsVerdict	of_kind;		/* KIND: of values of that kind */
	EsPath		member;			/* MEMBER: one step, the key */
} EsTest;

extern void es_constant_set(EsConstant *constant, EsValueType type, Datum value);
extern bool es_constant_set_json(EsConstant *constant, const JsonbValue *value);
extern void es_test_prepare(EsTest *test);

extern bool es_test_can_fail(const EsTest *test);
extern EsVerdict es_test_integer(const EsTest *test, int64 value);
extern EsVerdict es_test_text(const EsTest *test, EsSlice text);
extern EsVerdict es_test_uuid(const EsTest *test, const uint8 *uuid);
extern EsVerdict es_test_json(const EsTest *test, EsSlice json);
extern EsVerdict es_test_tags(const EsTest *test, EsSlice tags);
extern EsVerdict es_test_null(const EsTest *test);
extern EsInterval es_test_interval(const EsTest *test, uint32 constant, uint32 scale);

extern bool es_read_scaled(EsSlice text, int64 *integer, uint32 *scale);
extern bool es_json_as_text(EsSlice json, EsSlice *text);

#endif							/* EVENTSTORE_FILTER_TEST_H */
