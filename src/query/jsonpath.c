/*-------------------------------------------------------------------------
 *
 * jsonpath.c
 *	  JSON paths, as @@ and @? take them, to filters.
 *
 * What is understood are lax paths of keys from the document on, compared with
 * constants, combined by && and ||, or ! of these: `$.a.b == "x" && $.n > 5` of @@,
 * `$.a ? (@.b == "x")` and `$.a.b` of @?.  Everything else is left to PostgreSQL.
 *
 * Where a path meets an array, lax mode looks into its elements.  So wherever one may
 * be, it is asked for first, and what has one is left open.
 *
 * A comparison of values that do not compare is unknown, which @@ gives as NULL and a
 * path's filter takes as not true.  Here that is not told from false: the answer is
 * true, or it is false or NULL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/jsonpath.h"

#include "core/json.h"
#include "query/jsonpath.h"

/* What paths are compiled of and for. */
typedef struct PathCompiler
{
	EsFilter   *filter;
	uint32		base_steps;		/* that lead to the document */
	JsonPathItemType start;		/* with which paths begin: $ or @ */
} PathCompiler;

static EsNode *compile_predicate(const PathCompiler *compiler, const EsOperand *item,
								 JsonPathItem *path);

/* True where the node is; else false or NULL. */
static EsNode *
true_or_not(EsNode *node)
{
	return node == NULL ? NULL :
		es_node_make(ES_NODE_OR, list_make2(node, es_node_verdict(ES_FALSE | ES_NULL)));
}

/*
 * The node where nothing on the way from the document on, up to so many steps, is an
 * array; else anything.
 */
static EsNode *
unless_array(const PathCompiler *compiler, const EsOperand *operand, uint32 steps, EsNode *node)
{
	EsOperand	part = *operand;
	List	   *children = NIL;

	for (uint32 i = compiler->base_steps; i <= steps; i++)
	{
		EsNode	   *array;

		part.path.step_count = i;
		array = es_node_kind(compiler->filter, &part, ES_JSON_ARRAY, ES_UNKNOWN);
		if (array == NULL)
			return NULL;
		children = lappend(children, array);
	}
	return node == NULL ? NULL : es_node_make(ES_NODE_OR, lappend(children, node));
}

/* Takes the keys that follow an item; *path becomes the last item that was taken. */
static bool
take_keys(JsonPathItem *path, EsOperand *operand)
{
	JsonPathItem next;

	while (jspGetNext(path, &next) && next.type == jpiKey)
	{
		int32		size;
		char	   *key = jspGetString(&next, &size);

		if (!es_operand_step(operand, ES_STEP_KEY, es_slice(key, size), 0))
			return false;
		*path = next;
	}
	return true;
}

/* The scalar that the item is, if it is one. */
static bool
take_scalar(JsonPathItem *path, JsonbValue *scalar)
{
	int32		size;

	if (jspHasNext(path))
		return false;
	switch (path->type)
	{
		case jpiNull:
			scalar->type = jbvNull;
			return true;
		case jpiBool:
			scalar->type = jbvBool;
			scalar->val.boolean = jspGetBool(path);
			return true;
		case jpiNumeric:
			scalar->type = jbvNumeric;
			scalar->val.numeric = jspGetNumeric(path);
			return true;
		case jpiString:
			scalar->type = jbvString;
			scalar->val.string.val = jspGetString(path, &size);
			scalar->val.string.len = size;
			return true;
		default:
			return false;
	}
}

static StrategyNumber
strategy_of(JsonPathItemType type)
{
	switch (type)
	{
		case jpiLess:
			return BTLessStrategyNumber;
		case jpiLessOrEqual:
			return BTLessEqualStrategyNumber;
		case jpiGreaterOrEqual:
			return BTGreaterEqualStrategyNumber;
		case jpiGreater:
			return BTGreaterStrategyNumber;
		default:
			return BTEqualStrategyNumber;
	}
}

/* Null is unequal to what is not, values of other kinds do not compare. */
static EsNode *
unequal(EsFilter *filter, const EsOperand *operand, const JsonbValue *scalar)
{
	int			kind = scalar->type == jbvString ? ES_JSON_STRING :
	scalar->type == jbvNumeric ? ES_JSON_NUMBER : ES_JSON_BOOLEAN;
	EsNode	   *null = es_node_kind(filter, operand, ES_JSON_NULL, ES_TRUE);
	EsNode	   *same = es_node_kind(filter, operand, kind, ES_TRUE);
	EsNode	   *equal = es_node_json(filter, operand, BTEqualStrategyNumber, scalar);

	if (scalar->type == jbvNull || null == NULL || same == NULL || equal == NULL)
		return NULL;
	equal->test.missing = ES_FALSE;
	return es_node_make(ES_NODE_OR,
						list_make2(null, es_node_make(ES_NODE_AND, list_make2(same, es_node_not(equal)))));
}

/* Texts have an order of their own in paths, and so have true and false. */
static EsNode *
compare(EsFilter *filter, const EsOperand *operand, JsonPathItemType type, const JsonbValue *scalar)
{
	StrategyNumber strategy = strategy_of(type);
	EsNode	   *node;

	if (type == jpiNotEqual)
		return unequal(filter, operand, scalar);
	if (strategy != BTEqualStrategyNumber && scalar->type != jbvNumeric)
		return NULL;
	node = es_node_json(filter, operand, strategy, scalar);
	if (node != NULL)
		node->test.missing = ES_FALSE;
	return node;
}

/* The comparison with its sides changed. */
static JsonPathItemType
commuted(JsonPathItemType type)
{
	switch (type)
	{
		case jpiLess:
			return jpiGreater;
		case jpiLessOrEqual:
			return jpiGreaterOrEqual;
		case jpiGreaterOrEqual:
			return jpiLessOrEqual;
		case jpiGreater:
			return jpiLess;
		default:
			return type;
	}
}

/* path OPERATOR constant, or the other way round. */
static EsNode *
compile_comparison(const PathCompiler *compiler, const EsOperand *item, JsonPathItem *path)
{
	JsonPathItemType type = path->type;
	EsOperand	operand = *item;
	JsonPathItem left;
	JsonPathItem right;
	JsonbValue	scalar;

	jspGetLeftArg(path, &left);
	jspGetRightArg(path, &right);
	if (left.type != compiler->start)
	{
		JsonPathItem swap = left;

		left = right;
		right = swap;
		type = commuted(type);
	}
	if (left.type != compiler->start || !take_keys(&left, &operand) || jspHasNext(&left) ||
		!take_scalar(&right, &scalar))
		return NULL;
	return true_or_not(unless_array(compiler, &operand, operand.path.step_count,
									compare(compiler->filter, &operand, type, &scalar)));
}

static EsNode *
compile_logic(const PathCompiler *compiler, const EsOperand *item, JsonPathItem *path)
{
	JsonPathItem left;
	JsonPathItem right;
	EsNode	   *first;
	EsNode	   *second;

	jspGetLeftArg(path, &left);
	jspGetRightArg(path, &right);
	first = compile_predicate(compiler, item, &left);
	second = first == NULL ? NULL : compile_predicate(compiler, item, &right);
	return second == NULL ? NULL :
		es_node_make(path->type == jpiAnd ? ES_NODE_AND : ES_NODE_OR, list_make2(first, second));
}

/* A predicate about an item: false may be unknown. */
static EsNode *
compile_predicate(const PathCompiler *compiler, const EsOperand *item, JsonPathItem *path)
{
	JsonPathItem argument;

	check_stack_depth();
	if (jspHasNext(path))
		return NULL;
	switch (path->type)
	{
		case jpiEqual:
		case jpiNotEqual:
		case jpiLess:
		case jpiLessOrEqual:
		case jpiGreater:
		case jpiGreaterOrEqual:
			return compile_comparison(compiler, item, path);
		case jpiAnd:
		case jpiOr:
			return compile_logic(compiler, item, path);
		case jpiNot:
			jspGetArg(path, &argument);
			return es_node_not(compile_predicate(compiler, item, &argument));
		default:
			return NULL;
	}
}

/* $, keys, and perhaps a filter, which what is unknown does not pass: is there anything? */
static EsNode *
compile_exists(PathCompiler *compiler, const EsOperand *document, JsonPathItem *path)
{
	EsOperand	operand = *document;
	JsonPathItem filter;
	JsonPathItem condition;
	EsNode	   *found;

	if (path->type != jpiRoot || !take_keys(path, &operand))
		return NULL;
	if (!jspGetNext(path, &filter))
	{
		found = es_node_not(es_node_test(compiler->filter, &operand, ES_TEST_IS_NULL, 0));
		return operand.path.step_count == document->path.step_count ? NULL :
			unless_array(compiler, &operand, operand.path.step_count - 1, found);
	}
	if (filter.type != jpiFilter || jspHasNext(&filter))
		return NULL;
	jspGetArg(&filter, &condition);
	compiler->start = jpiCurrent;
	return es_node_says(compile_predicate(compiler, &operand, &condition), ES_TRUE);
}

/* operand @@ path, or operand @? path; NULL when it is not understood. */
EsNode *
es_compile_jsonpath(EsFilter *filter, const EsOperand *operand, Datum path, bool exists)
{
	PathCompiler compiler = {
		.filter = filter,.base_steps = operand->path.step_count,.start = jpiRoot
	};
	JsonPath   *jsonpath = DatumGetJsonPathP(path);
	JsonPathItem first;

	if (operand->type != ES_VALUE_JSON || !(jsonpath->header & JSONPATH_LAX))
		return NULL;
	jspInit(&first, jsonpath);
	return true_or_not(exists ? compile_exists(&compiler, operand, &first) :
					   compile_predicate(&compiler, operand, &first));
}
