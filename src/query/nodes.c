/*-------------------------------------------------------------------------
 *
 * nodes.c
 *	  Nodes of filters, made of what an expression compares.
 *
 * Where a filter has no room for a path there is no node, but NULL; functions that
 * take nodes take that, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "query/nodes.h"

/* Adds a step to a path in a document. */
bool
es_operand_step(EsOperand *operand, EsStepKind kind, EsSlice text, int64 index)
{
	EsStep	   *step = &operand->path.steps[operand->path.step_count];

	if (operand->path.step_count == ES_PATH_MAX_STEPS)
		return false;
	step->kind = kind;
	step->text = text;
	step->index = index;
	operand->path.step_count++;
	return true;
}

/*
 * A test of the operand with room for constants; NULL when the filter has no
 * room for its path.
 */
EsNode *
es_node_test(EsFilter *filter, const EsOperand *operand, EsTestKind kind, uint32 constants)
{
	EsNode	   *node = es_node_make(ES_NODE_TEST, NIL);

	node->target.field = operand->field;
	node->target.in_document = operand->in_document;
	if (operand->in_document && !es_filter_add_path(filter, &operand->path, &node->target.path))
		return NULL;
	node->test.kind = kind;
	node->test.type = operand->type;
	node->test.missing = ES_NULL;
	node->test.constant_count = constants;
	node->test.constants = palloc_extended(Max(constants, 1) * sizeof(EsConstant),
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	return node;
}

/*
 * A comparison of JSON with a scalar.  Values of another kind do not compare as the
 * strategy asks.
 */
EsNode *
es_node_json(EsFilter *filter, const EsOperand *operand, StrategyNumber strategy,
			 const JsonbValue *value)
{
	EsNode	   *node = es_node_test(filter, operand, ES_TEST_COMPARE, 1);

	if (node == NULL || !es_constant_set_json(&node->test.constants[0], value))
		return NULL;
	node->test.strategy = strategy;
	return node;
}

/* Is the value of this kind?  If so the verdict is as given. */
EsNode *
es_node_kind(EsFilter *filter, const EsOperand *operand, int kind, EsVerdict verdict)
{
	EsNode	   *node = es_node_test(filter, operand, ES_TEST_KIND, 0);

	if (node == NULL)
		return NULL;
	node->test.json_kind = kind;
	node->test.of_kind = verdict;
	node->test.missing = ES_FALSE;
	return node;
}

/* NOT, of a node or of none. */
EsNode *
es_node_not(EsNode *node)
{
	return node == NULL ? NULL : es_node_make(ES_NODE_NOT, list_make1(node));
}

/* IS TRUE, IS NULL ...: is the verdict one of these? */
EsNode *
es_node_says(EsNode *node, EsVerdict verdict)
{
	EsNode	   *result;

	if (node == NULL)
		return NULL;
	result = es_node_make(ES_NODE_SAYS, list_make1(node));
	result->verdict = verdict;
	return result;
}
