/*-------------------------------------------------------------------------
 *
 * filter.c
 *	  Conditions on events as a program that looks at whole blocks.
 *
 * Each node of the program gives verdicts for the events of a block (see
 * verdict.h); what it gives for events that are not wanted any more, since an
 * earlier condition has excluded them, means nothing.  Leaves are tests of a
 * column; column_test.c runs them.
 *
 * AND and OR combine possibilities: a conjunction may be true where all parts
 * may, false where one may, null where one may and the others may be no more
 * than that; and it may raise an error where a part may that is reached, because
 * those before it need not be false.  PostgreSQL evaluates in the order written
 * here, which is why the order of conditions is kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/qunique.h"
#include "miscadmin.h"

#include "filter/column_test.h"
#include "filter/filter.h"

EsNode *
es_node_make(EsNodeKind kind, List *children)
{
	EsNode	   *node = palloc0(sizeof(EsNode));

	node->kind = kind;
	node->children = children;
	return node;
}

EsNode *
es_node_verdict(EsVerdict verdict)
{
	EsNode	   *node = es_node_make(ES_NODE_VERDICT, NIL);

	node->verdict = verdict;
	return node;
}

static bool
same_path(const EsPath *a, const EsPath *b)
{
	if (a->step_count != b->step_count)
		return false;
	for (uint32 i = 0; i < a->step_count; i++)
	{
		const EsStep *x = &a->steps[i];
		const EsStep *y = &b->steps[i];

		if (x->kind != y->kind || x->index != y->index || !es_slice_equal(x->text, y->text))
			return false;
	}
	return true;
}

/* The path's number in the filter; false when there are too many paths. */
bool
es_filter_add_path(EsFilter *filter, const EsPath *path, uint32 *number)
{
	for (*number = 0; *number < filter->path_count; (*number)++)
	{
		if (same_path(path, &filter->paths[*number]))
			return true;
	}
	if (filter->path_count == ES_PLACES_MAX_PATHS)
		return false;
	filter->paths[filter->path_count++] = *path;
	return true;
}

/* ------------------------------------------------------------ combinations */

static void run_node(EsNode *node, EsView *view, const uint64 *wanted, EsVerdicts *verdicts);

static void
swap_bits(EsVerdicts *verdicts, uint32 words)
{
	for (uint32 i = 0; i < words; i++)
	{
		uint64		truth = verdicts->bits[ES_TRUTH][i];

		verdicts->bits[ES_TRUTH][i] = verdicts->bits[ES_FALSITY][i];
		verdicts->bits[ES_FALSITY][i] = truth;
	}
}

/*
 * Adds a part to a conjunction.  The negation of a disjunction is the conjunction
 * of the negations, so this is all that is needed.
 */
static void
conjoin(EsVerdicts *all, const EsVerdicts *part, uint32 words)
{
	for (uint32 i = 0; i < words; i++)
	{
		uint64		truth = all->bits[ES_TRUTH][i];
		uint64		nullity = all->bits[ES_NULLITY][i];
		uint64		part_truth = part->bits[ES_TRUTH][i];
		uint64		part_nullity = part->bits[ES_NULLITY][i];

		all->bits[ES_ERROR][i] |= part->bits[ES_ERROR][i] & (truth | nullity);
		all->bits[ES_NULLITY][i] = (nullity & (part_truth | part_nullity)) | (truth & part_nullity);
		all->bits[ES_FALSITY][i] |= part->bits[ES_FALSITY][i];
		all->bits[ES_TRUTH][i] = truth & part_truth;
	}
}

/* Conjoins the children, or their negations, and negates the result then. */
static void
run_children(EsNode *node, bool negated, EsView *view, const uint64 *wanted, EsVerdicts *verdicts)
{
	uint64		open[ES_BLOCK_BIT_WORDS];
	EsVerdicts	part;
	ListCell   *cell;

	es_verdicts_clear(verdicts, view->words);
	memcpy(verdicts->bits[ES_TRUTH], wanted, view->words * sizeof(uint64));
	foreach(cell, node->children)
	{
		for (uint32 i = 0; i < view->words; i++)
			open[i] = verdicts->bits[ES_TRUTH][i] | verdicts->bits[ES_NULLITY][i];
		if (!es_bits_any(open, view->words))
			break;
		run_node(lfirst(cell), view, open, &part);
		if (negated)
			swap_bits(&part, view->words);
		conjoin(verdicts, &part, view->words);
	}
	if (negated)
		swap_bits(verdicts, view->words);
}

/* IS TRUE, IS NOT NULL and the like are true or false, never null. */
static void
run_says(EsNode *node, EsView *view, const uint64 *wanted, EsVerdicts *verdicts)
{
	EsVerdicts	child;

	run_node(linitial(node->children), view, wanted, &child);
	es_verdicts_clear(verdicts, view->words);
	for (int p = 0; p < ES_ERROR; p++)
		es_kernel_or_bits(verdicts->bits[node->verdict >> p & 1 ? ES_TRUTH : ES_FALSITY],
						  child.bits[p], view->words);
	memcpy(verdicts->bits[ES_ERROR], child.bits[ES_ERROR], view->words * sizeof(uint64));
}

static void
run_node(EsNode *node, EsView *view, const uint64 *wanted, EsVerdicts *verdicts)
{
	check_stack_depth();
	switch (node->kind)
	{
		case ES_NODE_AND:
			run_children(node, false, view, wanted, verdicts);
			break;
		case ES_NODE_OR:
			run_children(node, true, view, wanted, verdicts);
			break;
		case ES_NODE_NOT:
			run_node(linitial(node->children), view, wanted, verdicts);
			swap_bits(verdicts, view->words);
			break;
		case ES_NODE_SAYS:
			run_says(node, view, wanted, verdicts);
			break;
		case ES_NODE_VERDICT:
			es_verdicts_clear(verdicts, view->words);
			es_verdicts_add_all(verdicts, wanted, view->words, node->verdict);
			break;
		case ES_NODE_TEST:
			es_column_test(&node->target, &node->test, view, wanted, verdicts);
			break;
	}
}

static bool
can_fail(const EsNode *node)
{
	ListCell   *cell;

	if (node->kind == ES_NODE_VERDICT)
		return (node->verdict & ES_MAYBE_ERROR) != 0;
	if (node->kind == ES_NODE_TEST)
		return node->target.in_document && es_test_can_fail(&node->test);
	foreach(cell, node->children)
	{
		if (can_fail(lfirst(cell)))
			return true;
	}
	return false;
}

static void
narrow(int64 *first, int64 *last, EsInterval interval)
{
	*first = Max(*first, interval.first);
	*last = Min(*last, interval.last);
}

/* Is it a test for one or more values of the column? */
static bool
is_key_test(const EsNode *node, EsField field)
{
	return node->kind == ES_NODE_TEST && node->target.field == field &&
		(node->test.kind == ES_TEST_IN ||
		 (node->test.kind == ES_TEST_COMPARE && node->test.strategy == BTEqualStrategyNumber));
}

/*
 * Adds to the list the tests for values of the column, of which an event that passes
 * the node passes one.  False when it need not pass any.
 */
static bool
add_key_tests(const EsNode *node, EsField field, List **tests)
{
	List	   *added = *tests;
	ListCell   *cell;

	if (is_key_test(node, field))
		*tests = lappend(*tests, unconstify(EsTest *, &node->test));
	else if (node->kind == ES_NODE_AND)
	{
		foreach(cell, node->children)
		{
			if (add_key_tests(lfirst(cell), field, tests))
				return true;
		}
		return false;
	}
	else if (node->kind == ES_NODE_OR)
	{
		foreach(cell, node->children)
		{
			if (!add_key_tests(lfirst(cell), field, &added))
				return false;
		}
		*tests = added;
	}
	else
		return false;
	return true;
}

static uint32
count_constants(const List *tests)
{
	uint32		count = 0;
	ListCell   *cell;

	foreach(cell, tests)
		count += ((const EsTest *) lfirst(cell))->constant_count;
	return count;
}

static int
compare_positions(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return (left > right) - (left < right);
}

static void
set_positions(EsRange *range, const List *tests)
{
	int64	   *positions = palloc(Max(count_constants(tests), 1) * sizeof(int64));
	uint32		count = 0;
	ListCell   *cell;

	foreach(cell, tests)
	{
		EsTest	   *test = lfirst(cell);

		for (uint32 i = 0; i < test->constant_count; i++)
		{
			EsInterval	interval = es_test_interval(test, i, 0);

			if (interval.first == interval.last)
				positions[count++] = interval.first;
		}
	}
	qsort(positions, count, sizeof(int64), compare_positions);
	range->some_positions = true;
	range->positions = positions;
	range->position_count = (uint32) qunique(positions, count, sizeof(int64), compare_positions);
}

static void
set_ids(EsRange *range, const List *tests)
{
	uint8		(*ids)[ES_UUID_SIZE] = palloc(Max(count_constants(tests), 1) * ES_UUID_SIZE);
	uint32		count = 0;
	ListCell   *cell;

	foreach(cell, tests)
	{
		const EsTest *test = lfirst(cell);

		for (uint32 i = 0; i < test->constant_count; i++)
			memcpy(ids[count++], test->constants[i].uuid, ES_UUID_SIZE);
	}
	range->some_ids = true;
	range->ids = ids;
	range->id_count = count;
}

/* Takes the positions and ids that an event which passes the node has one of. */
static void
take_keys(const EsNode *node, EsRange *range)
{
	List	   *tests = NIL;

	if (!range->some_ids && add_key_tests(node, ES_FIELD_EVENT_ID, &tests))
		set_ids(range, tests);
	tests = NIL;
	if (!range->some_positions && add_key_tests(node, ES_FIELD_POSITION, &tests))
		set_positions(range, tests);
}

static void
narrow_by_node(const EsNode *node, EsRange *range)
{
	EsInterval	interval;
	ListCell   *cell;

	if (node->kind == ES_NODE_AND)
	{
		foreach(cell, node->children)
			narrow_by_node(lfirst(cell), range);
	}
	if (node->kind == ES_NODE_VERDICT && !(node->verdict & ES_MAYBE_TRUE))
		range->last_position = 0;	/* no event can pass */
	if (node->kind != ES_NODE_TEST || node->test.kind != ES_TEST_COMPARE ||
		(node->target.field != ES_FIELD_POSITION && node->target.field != ES_FIELD_RECORDED_AT &&
		 node->target.field != ES_FIELD_VERSION))
		return;
	interval = es_test_interval(&node->test, 0, 0);
	if (node->target.field == ES_FIELD_POSITION)
		narrow(&range->first_position, &range->last_position, interval);
	else if (node->target.field == ES_FIELD_RECORDED_AT)
		narrow(&range->first_time, &range->last_time, interval);
	else if (node->target.field == ES_FIELD_VERSION)
		narrow(&range->first_version, &range->last_version, interval);
}

/*
 * Narrows the range to the events that can pass, in the current memory context.  A
 * condition that can raise an
 * error ends that: it might raise it for events that conditions after it exclude.
 */
void
es_filter_range(const EsFilter *filter, EsRange *range)
{
	ListCell   *cell;

	foreach(cell, filter->conditions)
	{
		if (can_fail(lfirst(cell)))
			return;
		narrow_by_node(lfirst(cell), range);
		take_keys(lfirst(cell), range);
	}
}

/*
 * Finds, among the events in 'sure', those for which all conditions are true:
 * leaves them in 'sure' where that is certain, and puts them into 'unsure' where
 * PostgreSQL must evaluate the conditions.  False when none is left.  An event
 * for which a condition is null is out, and the conditions after it don't count.
 */
bool
es_filter_run(EsFilter *filter, EsView *view, uint64 *sure, uint64 *unsure)
{
	uint32		words = view->words;
	uint64		open[ES_BLOCK_BIT_WORDS];	/* may be true up to here */
	uint64		certain[ES_BLOCK_BIT_WORDS];	/* are */
	uint64		errors[ES_BLOCK_BIT_WORDS];
	EsVerdicts	verdicts;
	ListCell   *cell;

	memcpy(open, sure, words * sizeof(uint64));
	memcpy(certain, sure, words * sizeof(uint64));
	memset(errors, 0, words * sizeof(uint64));
	foreach(cell, filter->conditions)
	{
		if (!es_bits_any(open, words))
			break;
		run_node(lfirst(cell), view, open, &verdicts);
		for (uint32 i = 0; i < words; i++)
		{
			errors[i] |= verdicts.bits[ES_ERROR][i] & open[i];
			open[i] &= verdicts.bits[ES_TRUTH][i];
			certain[i] &= verdicts.bits[ES_TRUTH][i] & ~verdicts.bits[ES_FALSITY][i] &
				~verdicts.bits[ES_NULLITY][i] & ~verdicts.bits[ES_ERROR][i];
		}
	}
	for (uint32 i = 0; i < words; i++)
	{
		sure[i] = certain[i];
		unsure[i] = (open[i] | errors[i]) & ~certain[i];
	}
	return es_bits_any(sure, words) || es_bits_any(unsure, words);
}
