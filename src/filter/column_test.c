/*-------------------------------------------------------------------------
 *
 * column_test.c
 *	  A test of the events of a block, by whole columns where that is possible.
 *
 * Columns of integers are compared by kernels as they are stored.  In columns of
 * few words each word is tested once, and the events with the right codes are
 * found by a kernel.  Where values have no such form they are tested one by one.
 *
 * A leaf column may have values for some events only.  They are tested as they
 * lie ("dense"), and then spread to the events.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/event.h"
#include "core/json.h"
#include "filter/column_test.h"
#include "kernel/fold.h"

/* A list that is longer is better searched for each value. */
#define MAX_INTERVALS 16

/* A test that is being run on a block. */
typedef struct Run
{
	const EsTarget *target;
	const EsTest *test;
	EsView	   *view;
	const uint64 *wanted;
	EsVerdicts *verdicts;
} Run;

/* ---------------------------------------------------------------- integers */

static inline EsInterval
only(int64 value)
{
	return (EsInterval)
	{
		value, value
	};
}

/* The rows whose distance is in the interval. */
static void
find_interval(EsView *view, const EsFrame *frame, const char *data, uint32 count,
			  EsInterval interval, uint64 *bits)
{
	EsFold		fold = es_fold_between(frame, interval.first, interval.last);
	const char *values;
	int			size_log2;

	memset(bits, 0, ES_BITMAP_WORDS(count) * sizeof(uint64));
	if (fold.rows == ES_FOLD_ALL)
		es_bits_fill(bits, count);
	if (fold.rows != ES_FOLD_INSIDE)
		return;
	values = es_view_wide(view, data, frame->width, count, &size_log2);
	if (fold.low == fold.high)
		es_kernel_equal(size_log2, values, count, fold.low, bits);
	else
		es_kernel_range(size_log2, values, count, fold.low, fold.high, bits);
}

/*
 * The rows with one of a few values, all looked for at once.  A value is one
 * distance, all rows, or none.
 */
static void
find_values(EsView *view, const EsTest *test, const EsFrame *frame, uint32 scale,
			const char *data, uint32 count, uint64 *bits)
{
	uint64		distances[MAX_INTERVALS];
	uint32		found = 0;
	const char *values;
	int			size_log2;

	for (uint32 i = 0; i < test->constant_count; i++)
	{
		EsInterval	interval = es_test_interval(test, i, scale);
		EsFold		fold = es_fold_between(frame, interval.first, interval.last);

		if (fold.rows == ES_FOLD_ALL)
		{
			es_bits_fill(bits, count);
			return;
		}
		if (fold.rows == ES_FOLD_INSIDE)
			distances[found++] = fold.low;
	}
	memset(bits, 0, ES_BITMAP_WORDS(count) * sizeof(uint64));
	if (found == 0)
		return;
	values = es_view_wide(view, data, frame->width, count, &size_log2);
	es_kernel_in_set(size_log2, values, count, distances, found, bits);
}

/* The rows for which the test of integers / 10^scale is true. */
static void
find_integers(EsView *view, const EsTest *test, const EsFrame *frame, uint32 scale,
			  const char *data, uint32 count, uint64 *bits)
{
	uint64		one[ES_BLOCK_BIT_WORDS];
	uint32		words = ES_BITMAP_WORDS(count);

	if (test->kind == ES_TEST_IN)
	{
		find_values(view, test, frame, scale, data, count, bits);
		return;
	}
	memset(bits, 0, words * sizeof(uint64));
	for (uint32 i = 0; i < test->constant_count; i++)
	{
		find_interval(view, frame, data, count, es_test_interval(test, i, scale), one);
		es_kernel_or_bits(bits, one, words);
	}
}

/* Verdicts of values, none of which is null, of which these passed. */
static void
put_answer(const EsTest *test, EsVerdicts *verdicts, const uint64 *passed, uint32 count)
{
	EsPossibility otherwise = test->null_among ? ES_NULLITY : ES_FALSITY;
	uint32		words = ES_BITMAP_WORDS(count);

	es_verdicts_clear(verdicts, words);
	memcpy(verdicts->bits[ES_TRUTH], passed, words * sizeof(uint64));
	es_bits_fill(verdicts->bits[otherwise], count);
	es_kernel_and_not_bits(verdicts->bits[otherwise], passed, words);
}

static bool
has_intervals(const EsTest *test)
{
	return (test->kind == ES_TEST_COMPARE || test->kind == ES_TEST_IN) &&
		test->constant_count <= MAX_INTERVALS;
}

/* --------------------------------------------------------- strings, dense */

/* What the values of a column of strings are. */
typedef enum StringKind
{
	STRING_TEXT,
	STRING_TENANT,				/* empty for the default */
	STRING_TAGS,				/* packed */
	STRING_JSON
} StringKind;

typedef struct Strings
{
	const EsStrings *strings;
	StringKind	kind;
	const EsPath *path;			/* to be followed in each value from this */
	uint32		first_step;		/* step on */
	const uint64 *rows;			/* the events that have a value; NULL: all */
} Strings;

static EsVerdict
test_json(const EsTest *test, const EsPath *path, uint32 first_step, EsSlice json)
{
	EsSlice		value = json;

	if (path != NULL && first_step < path->step_count)
	{
		switch (es_path_find(path, first_step, json, &value))
		{
			case ES_FOUND_MISSING:
				return es_test_null(test);
			case ES_FOUND_UNSURE:
				return ES_UNDECIDED;
			default:
				break;
		}
	}
	return es_test_json(test, value);
}

static EsVerdict
test_tenant(const EsTest *test, EsSlice tenant_id)
{
	return es_test_text(test, es_tenant_name(tenant_id));
}

static EsVerdict
test_string(const Run *run, const Strings *strings, EsSlice value)
{
	switch (strings->kind)
	{
		case STRING_JSON:
			return test_json(run->test, strings->path, strings->first_step, value);
		case STRING_TAGS:
			return es_test_tags(run->test, value);
		case STRING_TENANT:
			return test_tenant(run->test, value);
		default:
			return es_test_text(run->test, value);
	}
}

/* Is it a test of a text that equals just one word? */
static bool
is_plain_equality(const Run *run, const Strings *in)
{
	return in->kind == STRING_TEXT && run->test->kind == ES_TEST_COMPARE &&
		run->test->type == ES_VALUE_TEXT;
}

/* Looks the word up, then finds the values with its code. */
static void
find_word(const Run *run, const Strings *in, EsVerdicts *dense)
{
	const EsStrings *strings = in->strings;
	EsSlice		wanted = run->test->constants[0].text;
	uint64		passed[ES_BLOCK_BIT_WORDS] = {0};

	for (uint32 i = 0; i < strings->word_count; i++)
	{
		if (es_slice_equal(es_strings_text(strings, i), wanted))
			es_kernel_equal(0, es_view_codes(run->view, strings->data, strings->width, strings->count),
							strings->count, i, passed);
	}
	put_answer(run->test, dense, passed, strings->count);
}

/* Tests each word of a dictionary, then finds the values by their codes. */
static void
test_dictionary(const Run *run, const Strings *in, EsVerdicts *dense)
{
	const EsStrings *strings = in->strings;
	const char *codes = es_view_codes(run->view, strings->data, strings->width, strings->count);
	uint64		tables[ES_POSSIBILITIES][4] = {0};
	uint64		used[ES_POSSIBILITIES] = {0};

	for (uint32 i = 0; i < strings->word_count; i++)
	{
		EsVerdict	verdict = test_string(run, in, es_strings_text(strings, i));

		for (int p = 0; p < ES_POSSIBILITIES; p++)
		{
			tables[p][i / 64] |= (uint64) (verdict >> p & 1) << (i % 64);
			used[p] |= verdict >> p & 1;
		}
	}
	es_verdicts_clear(dense, ES_BITMAP_WORDS(strings->count));
	for (int p = 0; p < ES_POSSIBILITIES; p++)
	{
		if (used[p])
			es_kernel_member(codes, strings->count, tables[p], dense->bits[p]);
	}
}

/* Replaces the verdicts for values that are kept aside. */
static void
test_exceptions(const Run *run, const Strings *in, EsVerdicts *dense)
{
	for (uint32 i = 0; i < in->strings->exceptions.count; i++)
	{
		uint32		value;
		EsSlice		text = es_strings_exception(in->strings, i, &value);

		if (value >= in->strings->count)
			es_view_damaged(run->view);
		for (int p = 0; p < ES_POSSIBILITIES; p++)
			dense->bits[p][value / 64] &= ~(UINT64CONST(1) << (value % 64));
		es_verdicts_add(dense, value, test_string(run, in, text));
	}
}

static bool
is_text(EsSlice slice, const char *text)
{
	return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

static bool
compares_numerics(const EsTest *test)
{
	return test->type == ES_VALUE_NUMERIC ||
		(test->type == ES_VALUE_JSON && test->constants[0].numeric != NULL);
}

/* Are the values numbers, or times, that can be compared as they are stored? */
static bool
is_comparable(const Run *run, const Strings *in, uint32 *scale)
{
	const EsStrings *strings = in->strings;

	*scale = 0;
	if (in->kind != STRING_JSON || !has_intervals(run->test) ||
		(in->path != NULL && in->first_step < in->path->step_count))
		return false;
	switch (strings->encoding)
	{
		case ES_COLUMN_INTEGER:
			return run->test->type == ES_VALUE_INT8 || compares_numerics(run->test);
		case ES_COLUMN_DECIMAL:
			*scale = strings->param;
			return compares_numerics(run->test);
		case ES_COLUMN_TIMESTAMP:
			return run->test->type == ES_VALUE_TIMESTAMPTZ &&
				is_text(strings->prefix, "\"") && is_text(strings->suffix, "Z\"");
		default:
			return false;
	}
}

static void
test_numbers(const Run *run, const Strings *in, uint32 scale, EsVerdicts *dense)
{
	const EsStrings *strings = in->strings;
	EsFrame		frame = {strings->base, 1, strings->width};
	uint64		passed[ES_BLOCK_BIT_WORDS];

	find_integers(run->view, run->test, &frame, scale, strings->data, strings->count, passed);
	put_answer(run->test, dense, passed, strings->count);
}

static bool
compares_texts(const EsTest *test)
{
	return test->type == ES_VALUE_TEXT ||
		(test->type == ES_VALUE_JSON && test->constants[0].kind == ES_JSON_STRING);
}

/*
 * How all texts of the column begin.  False when that is not known: JSON may be
 * something else than a string, or be spelt in another way.
 */
static bool
common_start(const Strings *in, EsSlice *start)
{
	const EsSlice prefix = in->strings->prefix;
	const char *quote;

	*start = prefix;
	if (in->kind != STRING_JSON)
		return true;
	if (prefix.size == 0 || prefix.data[0] != '"' || memchr(prefix.data, '\\', prefix.size))
		return false;
	*start = es_slice(prefix.data + 1, prefix.size - 1);
	quote = memchr(start->data, '"', start->size);
	if (quote != NULL)			/* the strings are all the same */
		start->size = quote - start->data;
	return true;
}

/* Is the test's answer no for all values, because of how they all begin? */
static bool
is_excluded(const Run *run, const Strings *in)
{
	EsSlice		start;
	EsSlice		text;

	if (in->kind == STRING_TENANT || !compares_texts(run->test) || run->test->kind != ES_TEST_COMPARE ||
		in->strings->encoding < ES_COLUMN_DIGITS || in->strings->exceptions.count > 0 ||
		(in->path != NULL && in->first_step < in->path->step_count) || !common_start(in, &start))
		return false;
	text = run->test->constants[0].text;
	return text.size < start.size || !es_bytes_equal(text.data, start.data, start.size);
}

/* Is the test's answer by kind the same for all values, since they are of one? */
static bool
is_of_one_kind(const Run *run, const Strings *in, EsVerdict *verdict)
{
	const EsStrings *strings = in->strings;
	int			kind = ES_JSON_NUMBER;

	if (run->test->kind != ES_TEST_KIND || in->kind != STRING_JSON ||
		(in->path != NULL && in->first_step < in->path->step_count))
		return false;
	if (strings->encoding != ES_COLUMN_INTEGER && strings->encoding != ES_COLUMN_DECIMAL)
	{
		if (strings->encoding < ES_COLUMN_DIGITS || strings->prefix.size == 0 ||
			strings->prefix.data[0] != '"')
			return false;
		kind = ES_JSON_STRING;
	}
	*verdict = kind == run->test->json_kind ? run->test->of_kind : ES_FALSE;
	return true;
}

/* Is there an answer for all values but those kept aside? */
static bool
is_known(const Run *run, const Strings *in, EsVerdict *verdict)
{
	*verdict = ES_FALSE;
	if (in->strings->encoding == ES_COLUMN_CONSTANT)
	{
		*verdict = test_string(run, in, in->strings->constant);
		return true;
	}
	return is_excluded(run, in) || is_of_one_kind(run, in, verdict);
}

/* Tests the wanted values one by one. */
static void
test_each(const Run *run, const Strings *in, EsVerdicts *dense)
{
	uint32		count = in->strings->count;
	uint32		words = run->view->words;
	uint32		value = 0;
	int			row = -1;

	es_verdicts_clear(dense, ES_BITMAP_WORDS(count));
	if (in->rows == NULL)
	{
		while (es_bits_next(run->wanted, words, &row))
			es_verdicts_add(dense, row, test_string(run, in,
													es_view_value(run->view, in->strings, row, row)));
		return;
	}
	for (; es_bits_next(in->rows, words, &row); value++)
	{
		if (es_bit(run->wanted, row))
			es_verdicts_add(dense, value, test_string(run, in,
													  es_view_value(run->view, in->strings, value, row)));
	}
}

/* Tests the values of a column, as they lie in it. */
static void
test_dense(const Run *run, const Strings *in, EsVerdicts *dense)
{
	uint32		count = in->strings->count;
	uint32		scale;
	EsVerdict	verdict;

	if (in->strings->encoding == ES_COLUMN_DICTIONARY && is_plain_equality(run, in))
		find_word(run, in, dense);
	else if (in->strings->encoding == ES_COLUMN_DICTIONARY)
		test_dictionary(run, in, dense);
	else if (is_comparable(run, in, &scale))
		test_numbers(run, in, scale, dense);
	else if (is_known(run, in, &verdict))
	{
		es_verdicts_clear(dense, ES_BITMAP_WORDS(count));
		for (int p = 0; p < ES_POSSIBILITIES; p++)
		{
			if (verdict >> p & 1)
				es_bits_fill(dense->bits[p], count);
		}
	}
	else
	{
		test_each(run, in, dense);
		return;
	}
	test_exceptions(run, in, dense);
}

/* --------------------------------------------------------------- documents */

/* Spreads the values' verdicts to the events, and takes those of 'rows'. */
static void
take_verdicts(const Run *run, const EsVerdicts *dense, const uint64 *presence, const uint64 *rows)
{
	uint32		words = run->view->words;
	uint64		spread[ES_BLOCK_BIT_WORDS];

	for (int p = 0; p < ES_POSSIBILITIES; p++)
	{
		if (presence == NULL)
			memcpy(spread, dense->bits[p], words * sizeof(uint64));
		else
			es_kernel_expand(dense->bits[p], presence, words, spread);
		es_kernel_and_bits(spread, rows, words);
		es_kernel_or_bits(run->verdicts->bits[p], spread, words);
	}
}

/* Tests what is in a leaf column, for the events of 'rows', which have it. */
static void
test_leaf(const Run *run, const EsPath *path, const EsPlace *place, const uint64 *rows)
{
	uint32		slot = ES_LEAF_SLOT(place->column);
	uint64		presence[ES_BLOCK_BIT_WORDS];
	EsStrings	strings;
	EsVerdicts	dense;
	Strings		in = {&strings, STRING_JSON, path, place->steps, NULL};

	es_view_strings(run->view, slot, &strings);
	if (strings.presence != NULL)
	{
		if (!es_vector_presence(run->view->block, slot, presence))
			es_view_damaged(run->view);
		in.rows = presence;
	}
	test_dense(run, &in, &dense);
	take_verdicts(run, &dense, in.rows, rows);
}

/* The verdict where the value is an object of which no leaf is the whole. */
static EsVerdict
object_verdict(const Run *run, uint32 shape, bool empty)
{
	const EsTest *test = run->test;

	if (test->type != ES_VALUE_JSON)
		return ES_UNDECIDED;
	switch (test->kind)
	{
		case ES_TEST_IS_NULL:
			return ES_FALSE;
		case ES_TEST_KIND:
			return test->json_kind == ES_JSON_OBJECT ? test->of_kind : ES_FALSE;
		case ES_TEST_MEMBER:
			if (empty)
				return ES_FALSE;
			switch (es_view_places(run->view, run->target->member_path)[shape].kind)
			{
				case ES_PLACE_MISSING:
					return ES_FALSE;
				case ES_PLACE_UNSURE:
					return ES_UNKNOWN;
				default:
					return ES_TRUE;
			}
		default:
			return ES_FALSE;	/* no scalar is equal to an object */
	}
}

static EsVerdict
shape_verdict(const Run *run, const EsPlace *place, uint32 shape)
{
	switch (place->kind)
	{
		case ES_PLACE_MISSING:
			return es_test_null(run->test);
		case ES_PLACE_OBJECT:
			return object_verdict(run, shape, false);
		case ES_PLACE_WORD:
			return object_verdict(run, shape, true);
		default:
			return ES_UNDECIDED;
	}
}

/* Have documents of both shapes the value at the same place? */
static bool
same_place(const EsPlace *a, const EsPlace *b)
{
	return a->kind == ES_PLACE_LEAF && b->kind == ES_PLACE_LEAF &&
		a->column == b->column && a->steps == b->steps;
}

/* The documents' shapes: a byte for each event, or numbers if they are many. */
typedef struct Shapes
{
	EsIntegers	numbers;
	const char *codes;
	uint32		count;
} Shapes;

static void
open_shapes(const Run *run, Shapes *shapes)
{
	es_view_integers(run->view, run->target->field == ES_FIELD_PAYLOAD ? ES_SLOT_PAYLOAD_SHAPE :
					 ES_SLOT_METADATA_SHAPE, &shapes->numbers);
	shapes->count = run->view->block->columns.shape_count;
	shapes->codes = es_view_codes(run->view, shapes->numbers.data, shapes->numbers.width,
								  run->view->count);
}

/* The events of 'left' whose document has this shape. */
static void
find_shape(const Run *run, const Shapes *shapes, uint32 shape, const uint64 *left, uint64 *rows)
{
	const EsIntegers *numbers = &shapes->numbers;
	EsFrame		frame = {numbers->base, numbers->unit, numbers->width};

	if (shapes->codes != NULL && shape >= numbers->base && numbers->unit == 1)
		es_kernel_equal(0, shapes->codes, run->view->count, (uint64) shape - (uint64) numbers->base,
						rows);
	else
		find_interval(run->view, &frame, numbers->data, run->view->count,
					  only(shape), rows);
	es_kernel_and_bits(rows, left, run->view->words);
}

/* Tests the events of the first shape in 'left', and of those alike. */
static void
test_shape(const Run *run, const EsPath *path, const EsPlace *places, const Shapes *shapes,
		   uint64 *left)
{
	uint32		words = run->view->words;
	uint64		rows[ES_BLOCK_BIT_WORDS];
	uint64		more[ES_BLOCK_BIT_WORDS];
	int			first = -1;
	int64		shape;

	es_bits_next(left, words, &first);
	shape = es_integers_value(&shapes->numbers, first);
	if (shape < 0 || shape >= shapes->count)
		es_view_damaged(run->view);
	find_shape(run, shapes, shape, left, rows);
	es_kernel_and_not_bits(left, rows, words);
	if (places[shape].kind != ES_PLACE_LEAF)
	{
		es_verdicts_add_all(run->verdicts, rows, words, shape_verdict(run, &places[shape], shape));
		return;
	}
	for (uint32 other = 0; other < shapes->count && es_bits_any(left, words); other++)
	{
		if (other == shape || !same_place(&places[shape], &places[other]))
			continue;
		find_shape(run, shapes, other, left, more);
		es_kernel_or_bits(rows, more, words);
		es_kernel_and_not_bits(left, more, words);
	}
	test_leaf(run, path, &places[shape], rows);
}

/* The events that have what the flag stands for. */
static void
find_flag(EsView *view, uint8 flag, uint64 *rows)
{
	uint64		table[4] = {0};
	EsIntegers	flags;
	const char *codes;

	es_view_integers(view, ES_SLOT_FLAGS, &flags);
	codes = es_view_codes(view, flags.data, flags.width, view->count);
	if (codes == NULL)
		es_view_damaged(view);
	for (uint32 code = 0; code < 256; code++)
	{
		if (((uint64) flags.base + code) & flag)
			table[code / 64] |= UINT64CONST(1) << (code % 64);
	}
	es_kernel_member(codes, view->count, table, rows);
}

/* The verdict where the column is null, or the whole document. */
static EsVerdict
null_verdict(const EsTest *test)
{
	return test->kind == ES_TEST_IS_NULL ? ES_TRUE : ES_NULL;
}

/* Leaves in 'left' the events that have a value, and judges the others. */
static void
test_nulls(const Run *run, uint8 flag, uint64 *left)
{
	uint32		words = run->view->words;
	uint64		given[ES_BLOCK_BIT_WORDS];
	uint64		nulls[ES_BLOCK_BIT_WORDS];

	find_flag(run->view, flag, given);
	memcpy(nulls, left, words * sizeof(uint64));
	es_kernel_and_not_bits(nulls, given, words);
	es_kernel_and_bits(left, given, words);
	es_verdicts_add_all(run->verdicts, nulls, words, null_verdict(run->test));
}

static void
test_documents(const Run *run)
{
	const EsPath *path = &run->view->places->paths[run->target->path];
	const EsPlace *places = es_view_places(run->view, run->target->path);
	uint64		left[ES_BLOCK_BIT_WORDS];
	Shapes		shapes;

	memcpy(left, run->wanted, run->view->words * sizeof(uint64));
	if (run->target->field == ES_FIELD_METADATA)
		test_nulls(run, ES_HAS_METADATA, left);
	open_shapes(run, &shapes);
	while (es_bits_any(left, run->view->words))
		test_shape(run, path, places, &shapes, left);
}

/* ------------------------------------------------------------ fixed columns */

static void
test_all(const Run *run, const uint64 *rows, EsVerdict verdict)
{
	es_verdicts_add_all(run->verdicts, rows, run->view->words, verdict);
}

/* Sets the bits of the events whose positions are in the interval. */
static void
set_positions(EsView *view, EsInterval interval, uint64 *bits)
{
	uint32		row = es_block_count_before(view->block, interval.first);

	for (; row < view->count && es_block_position(view->block, row) <= interval.last; row++)
		bits[row / 64] |= UINT64CONST(1) << row % 64;
}

static void
test_positions(const Run *run)
{
	uint64		passed[ES_BLOCK_BIT_WORDS] = {0};
	int			row = -1;

	if (!has_intervals(run->test))
	{
		while (es_bits_next(run->wanted, run->view->words, &row))
			es_verdicts_add(run->verdicts, row,
							es_test_integer(run->test, es_block_position(run->view->block, row)));
		return;
	}
	for (uint32 i = 0; i < run->test->constant_count; i++)
		set_positions(run->view, es_test_interval(run->test, i, 0), passed);
	put_answer(run->test, run->verdicts, passed, run->view->count);
}

/* Tests a column of integers that has a value for every event of 'rows'. */
static void
test_integers(const Run *run, uint32 slot, const uint64 *rows)
{
	EsVerdicts	dense;
	EsIntegers	integers;
	uint64		passed[ES_BLOCK_BIT_WORDS];
	int			row = -1;

	es_view_integers(run->view, slot, &integers);
	if (has_intervals(run->test))
	{
		EsFrame		frame = {integers.base, integers.unit, integers.width};

		find_integers(run->view, run->test, &frame, 0, integers.data, integers.count, passed);
		put_answer(run->test, &dense, passed, integers.count);
		take_verdicts(run, &dense, NULL, rows);
		return;
	}
	while (es_bits_next(rows, run->view->words, &row))
		es_verdicts_add(run->verdicts, row,
						es_test_integer(run->test, es_integers_value(&integers, row)));
}

/* All events of a block were recorded at once, unless it was merged. */
static void
test_recorded(const Run *run, const uint64 *rows)
{
	if (es_block_is_merged(run->view->block))
		test_integers(run, ES_SLOT_RECORDED, rows);
	else
		test_all(run, rows, es_test_integer(run->test, es_block_recorded_at(run->view->block, 0)));
}

/* Where no time was given, it is that of recording. */
static void
test_occurred(const Run *run)
{
	uint32		words = run->view->words;
	uint64		given[ES_BLOCK_BIT_WORDS];
	uint64		others[ES_BLOCK_BIT_WORDS];

	find_flag(run->view, ES_HAS_OCCURRED_AT, given);
	memcpy(others, run->wanted, words * sizeof(uint64));
	es_kernel_and_not_bits(others, given, words);
	if (es_bits_any(others, words))
		test_recorded(run, others);
	if (es_bits_any(given, words))
		test_integers(run, ES_SLOT_OCCURRED, given);
}

static void
test_strings(const Run *run, uint32 slot, StringKind kind, const uint64 *rows)
{
	Run			some = *run;
	EsStrings	strings;
	EsVerdicts	dense;
	Strings		in = {&strings, kind, NULL, 0, NULL};

	some.wanted = rows;
	es_view_strings(run->view, slot, &strings);
	test_dense(&some, &in, &dense);
	take_verdicts(run, &dense, NULL, rows);
}

/* Does the block's summary of types exclude all that are asked for? */
static bool
is_no_type(const Run *run)
{
	const EsTest *test = run->test;
	bool		equality = test->kind == ES_TEST_IN ||
	(test->kind == ES_TEST_COMPARE && test->strategy == BTEqualStrategyNumber);

	if (!equality || test->null_among)
		return false;
	for (uint32 i = 0; i < test->constant_count; i++)
	{
		if (run->view->type_summary & test->constants[i].type_bit)
			return false;
	}
	return true;
}

/* Looks for ids by their halves. */
static void
find_ids(const Run *run, uint64 *passed)
{
	uint32		words = run->view->words;
	EsIntegers	high;
	EsIntegers	low;
	uint64		rows[ES_BLOCK_BIT_WORDS];
	uint64		more[ES_BLOCK_BIT_WORDS];

	es_view_integers(run->view, ES_SLOT_ID_HIGH, &high);
	es_view_integers(run->view, ES_SLOT_ID_LOW, &low);
	for (uint32 i = 0; i < run->test->constant_count; i++)
	{
		EsFrame		high_frame = {high.base, high.unit, high.width};
		EsFrame		low_frame = {low.base, low.unit, low.width};
		int64		halves[2];

		es_uuid_halves(run->test->constants[i].uuid, halves);
		find_interval(run->view, &high_frame, high.data, high.count,
					  only(halves[0]), rows);
		if (!es_bits_any(rows, words))
			continue;
		find_interval(run->view, &low_frame, low.data, low.count,
					  only(halves[1]), more);
		es_kernel_and_bits(rows, more, words);
		es_kernel_or_bits(passed, rows, words);
	}
}

static void
test_ids(const Run *run)
{
	uint64		passed[ES_BLOCK_BIT_WORDS] = {0};
	bool		equality = run->test->kind == ES_TEST_IN ||
	(run->test->kind == ES_TEST_COMPARE && run->test->strategy == BTEqualStrategyNumber);
	int			row = -1;

	if (equality && run->test->constant_count <= MAX_INTERVALS)
	{
		find_ids(run, passed);
		put_answer(run->test, run->verdicts, passed, run->view->count);
		return;
	}
	while (es_bits_next(run->wanted, run->view->words, &row))
		es_verdicts_add(run->verdicts, row,
						es_test_uuid(run->test, es_view_head(run->view, row)->event.event_id));
}

static void
test_tags(const Run *run)
{
	uint64		left[ES_BLOCK_BIT_WORDS];

	memcpy(left, run->wanted, run->view->words * sizeof(uint64));
	test_nulls(run, ES_HAS_TAGS, left);
	if (es_bits_any(left, run->view->words))
		test_strings(run, ES_SLOT_TAGS, STRING_TAGS, left);
}

/* A test of a block in column layout. */
static void
test_columns(const Run *run)
{
	switch (run->target->field)
	{
		case ES_FIELD_POSITION:
			test_positions(run);
			break;
		case ES_FIELD_TENANT_ID:
			test_strings(run, ES_SLOT_TENANT, STRING_TENANT, run->wanted);
			break;
		case ES_FIELD_ENTITY_ID:
			test_strings(run, ES_SLOT_ENTITY, STRING_TEXT, run->wanted);
			break;
		case ES_FIELD_VERSION:
			test_integers(run, ES_SLOT_VERSION, run->wanted);
			break;
		case ES_FIELD_EVENT_TYPE:
			test_strings(run, ES_SLOT_TYPE, STRING_TEXT, run->wanted);
			break;
		case ES_FIELD_EVENT_ID:
			test_ids(run);
			break;
		case ES_FIELD_PAYLOAD:
		case ES_FIELD_METADATA:
			test_documents(run);
			break;
		case ES_FIELD_TAGS:
			test_tags(run);
			break;
		case ES_FIELD_OCCURRED_AT:
			test_occurred(run);
			break;
		case ES_FIELD_RECORDED_AT:
			test_recorded(run, run->wanted);
			break;
	}
}

/* ------------------------------------------------------------ single events */

static EsVerdict
test_document(const Run *run, const EsStoredEvent *stored)
{
	const EsPath *path = &run->view->places->paths[run->target->path];

	if (run->target->field == ES_FIELD_PAYLOAD)
		return test_json(run->test, path, 0, stored->event.payload);
	if (!(stored->event.has & ES_HAS_METADATA))
		return null_verdict(run->test);
	return test_json(run->test, path, 0, stored->event.metadata);
}

static EsVerdict
test_event(const Run *run, uint32 i)
{
	const EsTest *test = run->test;
	const EsStoredEvent *stored;

	if (run->target->field == ES_FIELD_POSITION)
		return es_test_integer(test, es_view_position(run->view, i));
	if (run->target->field == ES_FIELD_RECORDED_AT)
		return es_test_integer(test, es_view_recorded_at(run->view, i));
	stored = es_view_head(run->view, i);
	switch (run->target->field)
	{
		case ES_FIELD_TENANT_ID:
			return test_tenant(test, stored->event.tenant_id);
		case ES_FIELD_ENTITY_ID:
			return es_test_text(test, stored->event.entity_id);
		case ES_FIELD_VERSION:
			return es_test_integer(test, stored->version);
		case ES_FIELD_EVENT_TYPE:
			return es_test_text(test, stored->event.event_type);
		case ES_FIELD_EVENT_ID:
			return es_test_uuid(test, stored->event.event_id);
		case ES_FIELD_PAYLOAD:
		case ES_FIELD_METADATA:
			return test_document(run, es_view_event(run->view, i));
		case ES_FIELD_TAGS:
			stored = es_view_event(run->view, i);
			return stored->event.has & ES_HAS_TAGS ? es_test_tags(test, stored->event.tags) :
				null_verdict(test);
		case ES_FIELD_OCCURRED_AT:
			return es_test_integer(test, es_stored_occurred_at(stored));
		default:
			return ES_UNDECIDED;
	}
}

/* A test of a block in row layout. */
static void
test_events(const Run *run)
{
	int			row = -1;

	while (es_bits_next(run->wanted, run->view->words, &row))
		es_verdicts_add(run->verdicts, row, test_event(run, row));
}

/* Gives verdicts for the wanted events; what it says of others means nothing. */
void
es_column_test(const EsTarget *target, const EsTest *test, EsView *view, const uint64 *wanted,
			   EsVerdicts *verdicts)
{
	Run			run = {target, test, view, wanted, verdicts};
	MemoryContext before = MemoryContextSwitchTo(view->context);

	es_verdicts_clear(verdicts, view->words);
	if (target->field == ES_FIELD_EVENT_TYPE && is_no_type(&run))
		test_all(&run, wanted, ES_FALSE);
	else if (view->columns)
		test_columns(&run);
	else
		test_events(&run);
	MemoryContextSwitchTo(before);
}
