/*-------------------------------------------------------------------------
 *
 * compile.c
 *	  Expressions of a query as programs of filter.h.
 *
 * An expression is understood when it is a comparison of an operand - a column, or
 * a place in payload or metadata, perhaps cast - with something that has no
 * columns in it, or AND, OR, NOT, IS of such.  What is not understood becomes a
 * verdict that leaves everything open, so that PostgreSQL evaluates it for the
 * events that the other conditions leave.
 *
 * Operators are recognised by the functions and operator families they belong
 * to, never by name: users may have operators of the same names.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "core/json.h"
#include "filter/columns.h"
#include "query/compile.h"
#include "query/jsonpath.h"
#include "row/input.h"

static EsNode *compile_node(EsCompiler *compiler, Node *node);

/* --------------------------------------------------------------- constants */

/* Is it the result of a subquery that has not been evaluated? */
static bool
is_pending(const EsCompiler *compiler, const Param *param)
{
	return param->paramkind == PARAM_EXEC && compiler->params != NULL &&
		compiler->params[param->paramid].execPlan != NULL;
}

static bool
is_constant(Node *expr)
{
	return !contain_var_clause(expr) && !contain_volatile_functions(expr) &&
		!contain_subplans(expr);
}

/*
 * Some functions are not declared leakproof, so they may fail, but only for times
 * that no calendar has, or texts too long for memory.  Without them there would be
 * no "the last hour".
 */
static bool
fails(Oid function, void *arg pg_attribute_unused())
{
	switch (function)
	{
		case F_NOW:
		case F_TRANSACTION_TIMESTAMP:
		case F_STATEMENT_TIMESTAMP:
		case F_TIMESTAMPTZ_PL_INTERVAL:
		case F_TIMESTAMPTZ_MI_INTERVAL:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
		case F_TEXTCAT:
			return false;
		default:
			return !get_func_leakproof(function);
	}
}

static bool
row_comparison_may_fail(const RowCompareExpr *expr)
{
	ListCell   *cell;

	foreach(cell, expr->opnos)
	{
		if (fails(get_opcode(lfirst_oid(cell)), NULL))
			return true;
	}
	return false;
}

/*
 * Could evaluating this expression raise an error, or do anything else but to give
 * a value?
 */
static bool
may_fail(Node *node, void *compiler)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Param:
			return is_pending(compiler, (Param *) node);
		case T_Var:
		case T_Const:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_SQLValueFunction:
		case T_RelabelType:
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CoalesceExpr:
		case T_ArrayExpr:
		case T_List:
			break;
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
			if (check_functions_in_node(node, fails, NULL))
				return true;
			break;
		case T_RowCompareExpr:
			if (row_comparison_may_fail((RowCompareExpr *) node))
				return true;
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, may_fail, compiler);
}

/* Notes the subqueries that an expression waits for. */
static bool
note_subqueries(Node *node, void *arg)
{
	EsCompiler *compiler = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Param) && is_pending(compiler, (Param *) node))
		compiler->subqueries = list_append_unique_int(compiler->subqueries,
													  ((Param *) node)->paramid);
	return expression_tree_walker(node, note_subqueries, arg);
}

/* Would PostgreSQL evaluate here what may fail? */
static bool
is_reached(const EsCompiler *compiler)
{
	return !compiler->shielded &&
		(compiler->passed || compiler->reached == NULL || compiler->reached(compiler->arg));
}

/*
 * The value of an expression without columns; false when it has none.  It is
 * evaluated now, so if that may fail, only where PostgreSQL would do so as well.
 */
static bool
get_constant(EsCompiler *compiler, Expr *expr, Datum *value, bool *isnull)
{
	if (IsA(expr, Const))
	{
		*value = ((Const *) expr)->constvalue;
		*isnull = ((Const *) expr)->constisnull;
		return true;
	}
	if (!is_constant((Node *) expr))
		return false;
	if (may_fail((Node *) expr, compiler) && !is_reached(compiler))
	{
		compiler->waiting = true;
		note_subqueries((Node *) expr, compiler);
		return false;
	}
	return compiler->evaluate(compiler->arg, expr, value, isnull);
}

/* While planning, only what is written out is known; EsEvaluate. */
bool
es_evaluate_nothing(void *arg pg_attribute_unused(), Expr *expr pg_attribute_unused(),
					Datum *value pg_attribute_unused(), bool *isnull pg_attribute_unused())
{
	return false;
}

/* An integer type's value as 64 bits. */
Datum
es_widen_integer(Oid type, Datum value)
{
	if (type == INT2OID)
		return Int64GetDatum(DatumGetInt16(value));
	if (type == INT4OID)
		return Int64GetDatum(DatumGetInt32(value));
	return value;
}

/* May values of this type be compared with constants of that SQL type? */
static bool
is_comparable_type(EsValueType type, Oid sql_type)
{
	switch (type)
	{
		case ES_VALUE_TEXT:
			return sql_type == TEXTOID;
		case ES_VALUE_INT2:
		case ES_VALUE_INT4:
		case ES_VALUE_INT8:
			return sql_type == INT2OID || sql_type == INT4OID || sql_type == INT8OID;
		case ES_VALUE_NUMERIC:
			return sql_type == NUMERICOID;
		case ES_VALUE_FLOAT8:
			return sql_type == FLOAT8OID;
		case ES_VALUE_TIMESTAMPTZ:
			return sql_type == TIMESTAMPTZOID || sql_type == TIMESTAMPOID || sql_type == DATEOID;
		case ES_VALUE_BOOL:
			return sql_type == BOOLOID;
		case ES_VALUE_UUID:
			return sql_type == UUIDOID;
		case ES_VALUE_JSON:
			return sql_type == JSONBOID;
	}
	return false;
}

/* ---------------------------------------------------------------- operands */

/* The column that a Var is, 0 when it is none. */
static AttrNumber
column_of(const EsCompiler *compiler, const Var *var)
{
	if (var->varno == INDEX_VAR && compiler->scan_tlist != NIL)
	{
		TargetEntry *entry = list_nth(compiler->scan_tlist, var->varattno - 1);

		return IsA(entry->expr, Var) ? ((Var *) entry->expr)->varattno : 0;
	}
	return (Index) var->varno == compiler->relid && var->varlevelsup == 0 ? var->varattno : 0;
}

/* The expression that a reference to the scan's tuple stands for. */
static Expr *
resolve(const EsCompiler *compiler, Expr *expr)
{
	if (IsA(expr, Var) && ((Var *) expr)->varno == INDEX_VAR && compiler->scan_tlist != NIL)
		return ((TargetEntry *) list_nth(compiler->scan_tlist, ((Var *) expr)->varattno - 1))->expr;
	return expr;
}

static bool
take_column(const EsCompiler *compiler, const Var *var, EsOperand *operand)
{
	AttrNumber	column = column_of(compiler, var);

	if (column < 1 || column > ES_FIELDS)
		return false;
	operand->field = column;
	operand->type = es_column_forms[column].value;
	operand->in_document = operand->type == ES_VALUE_JSON;
	operand->path.step_count = 0;
	return true;
}

/* The elements of an array of texts or of whatever it has. */
static void
take_array(Datum array, Datum **elements, bool **nulls, int *count)
{
	ArrayType  *value = DatumGetArrayTypeP(array);
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(ARR_ELEMTYPE(value), &length, &by_value, &align);
	deconstruct_array(value, ARR_ELEMTYPE(value), length, by_value, align, elements, nulls, count);
}

/* The steps of #> and #>>. */
static bool
add_steps(EsOperand *operand, Datum array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	take_array(array, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i] || !es_operand_step(operand, ES_STEP_EITHER, es_text_datum_slice(elements[i]), 0))
			return false;
	}
	return count > 0;			/* without a step, the operator quotes strings */
}

/* An operator that takes something out of a document. */
static bool
take_extraction(EsCompiler *compiler, Oid function, List *args, EsOperand *operand)
{
	bool		as_text = function == F_JSONB_OBJECT_FIELD_TEXT ||
	function == F_JSONB_ARRAY_ELEMENT_TEXT || function == F_JSONB_EXTRACT_PATH_TEXT;
	bool		done;
	bool		isnull;
	Datum		key;

	if (list_length(args) != 2 || !es_compile_operand(compiler, linitial(args), operand) ||
		operand->type != ES_VALUE_JSON ||
		!get_constant(compiler, lsecond(args), &key, &isnull) || isnull)
		return false;
	switch (function)
	{
		case F_JSONB_OBJECT_FIELD:
		case F_JSONB_OBJECT_FIELD_TEXT:
			done = es_operand_step(operand, ES_STEP_KEY, es_text_datum_slice(key), 0);
			break;
		case F_JSONB_ARRAY_ELEMENT:
		case F_JSONB_ARRAY_ELEMENT_TEXT:
			done = es_operand_step(operand, ES_STEP_INDEX, es_slice(NULL, 0), DatumGetInt32(key));
			break;
		default:
			done = add_steps(operand, key);
			break;
	}
	if (as_text)
		operand->type = ES_VALUE_TEXT;
	return done;
}

static bool
is_extraction(Oid function)
{
	switch (function)
	{
		case F_JSONB_OBJECT_FIELD:
		case F_JSONB_OBJECT_FIELD_TEXT:
		case F_JSONB_ARRAY_ELEMENT:
		case F_JSONB_ARRAY_ELEMENT_TEXT:
		case F_JSONB_EXTRACT_PATH:
		case F_JSONB_EXTRACT_PATH_TEXT:
			return true;
		default:
			return false;
	}
}

/* A cast of what ->> gives. */
static bool
take_cast(EsCompiler *compiler, const CoerceViaIO *cast, EsOperand *operand)
{
	if (!es_compile_operand(compiler, cast->arg, operand) || !operand->in_document ||
		operand->type != ES_VALUE_TEXT)
		return false;
	switch (cast->resulttype)
	{
		case INT2OID:
			operand->type = ES_VALUE_INT2;
			return true;
		case INT4OID:
			operand->type = ES_VALUE_INT4;
			return true;
		case INT8OID:
			operand->type = ES_VALUE_INT8;
			return true;
		case NUMERICOID:
			operand->type = ES_VALUE_NUMERIC;
			return true;
		case FLOAT8OID:
			operand->type = ES_VALUE_FLOAT8;
			return true;
		case TIMESTAMPTZOID:
			operand->type = ES_VALUE_TIMESTAMPTZ;
			return true;
		case BOOLOID:
			operand->type = ES_VALUE_BOOL;
			return true;
		case UUIDOID:
			operand->type = ES_VALUE_UUID;
			return true;
		default:
			return false;
	}
}

/* Is the expression an operand, and which? */
bool
es_compile_operand(EsCompiler *compiler, Expr *expr, EsOperand *operand)
{
	check_stack_depth();
	expr = resolve(compiler, expr);
	switch (nodeTag(expr))
	{
		case T_Var:
			return take_column(compiler, (Var *) expr, operand);
		case T_OpExpr:
			return is_extraction(((OpExpr *) expr)->opfuncid) &&
				take_extraction(compiler, ((OpExpr *) expr)->opfuncid, ((OpExpr *) expr)->args, operand);
		case T_FuncExpr:
			return is_extraction(((FuncExpr *) expr)->funcid) &&
				take_extraction(compiler, ((FuncExpr *) expr)->funcid, ((FuncExpr *) expr)->args, operand);
		case T_CoerceViaIO:
			return take_cast(compiler, (CoerceViaIO *) expr, operand);
		default:
			return false;
	}
}

/* ------------------------------------------------------------------- tests */

/* May working the operand out raise an error? */
static bool
operand_can_fail(const EsOperand *operand)
{
	EsTest		test = {.type = operand->type};

	return operand->in_document && es_test_can_fail(&test);
}

/* The answer of a strict operator where the constant is null. */
static EsNode *
null_node(const EsOperand *operand)
{
	return es_node_verdict(operand_can_fail(operand) ? ES_UNDECIDED : ES_NULL);
}

/* Are equal texts equal bytes? */
static bool
is_bytewise(Oid collation)
{
	return OidIsValid(collation) && get_collation_isdeterministic(collation);
}

/* The operator's strategy in btrees; *negated: that of its negator. */
static StrategyNumber
strategy_of(Oid operator, Oid type, bool *negated)
{
	Oid			family = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	StrategyNumber strategy = OidIsValid(family) ? get_op_opfamily_strategy(operator, family) : 0;

	*negated = false;
	if (strategy == 0 && OidIsValid(family) && OidIsValid(get_negator(operator)))
	{
		strategy = get_op_opfamily_strategy(get_negator(operator), family);
		*negated = strategy == BTEqualStrategyNumber;
		if (!*negated)
			strategy = 0;
	}
	return strategy;
}

/* A function of text that PostgreSQL is asked for each distinct value. */
static EsNode *
call_node(EsCompiler *compiler, const EsOperand *operand, Oid function, Oid collation,
		  Datum argument)
{
	EsNode	   *node = es_node_test(compiler->filter, operand, ES_TEST_CALL, 0);

	if (node == NULL)
		return NULL;
	fmgr_info(function, &node->test.function);
	node->test.collation = collation;
	node->test.argument = argument;
	return node;
}

static EsNode *
compare_node(EsCompiler *compiler, const EsOperand *operand, StrategyNumber strategy, Datum value)
{
	EsNode	   *node = es_node_test(compiler->filter, operand, ES_TEST_COMPARE, 1);

	if (node == NULL)
		return NULL;
	node->test.strategy = strategy;
	es_constant_set(&node->test.constants[0], operand->type, value);
	return node;
}

static EsNode *
json_comparison(EsCompiler *compiler, const EsOperand *operand, StrategyNumber strategy,
				Datum value)
{
	Jsonb	   *jsonb = DatumGetJsonbP(value);
	JsonbValue	scalar;

	if (strategy != BTEqualStrategyNumber || !JB_ROOT_IS_SCALAR(jsonb) ||
		!JsonbExtractScalar(&jsonb->root, &scalar))
		return NULL;
	return es_node_json(compiler->filter, operand, BTEqualStrategyNumber, &scalar);
}

/*
 * The constant as a value of the operand's own type; false when there is none.  Times
 * without a zone are of the session's, as in PostgreSQL's comparison.
 */
static bool
convert(EsValueType type, Oid sql_type, Datum *value)
{
	int			overflow = 0;

	if (type != ES_VALUE_TIMESTAMPTZ)
		*value = es_widen_integer(sql_type, *value);
	else if (sql_type == TIMESTAMPOID)
		*value = TimestampTzGetDatum(timestamp2timestamptz_opt_overflow(DatumGetTimestamp(*value), &overflow));
	else if (sql_type == DATEOID)
		*value = TimestampTzGetDatum(date2timestamptz_opt_overflow(DatumGetDateADT(*value), &overflow));
	return overflow == 0;
}

/* operand OPERATOR constant, where both are of comparable types. */
static EsNode *
comparison(EsCompiler *compiler, const EsOperand *operand, Oid operator, Oid collation, Datum value)
{
	Oid			left;
	Oid			right;
	bool		negated;
	StrategyNumber strategy;
	EsNode	   *node;

	op_input_types(operator, &left, &right);
	strategy = strategy_of(operator, left, &negated);
	if (strategy == 0 || operand->field == ES_FIELD_TAGS || !is_comparable_type(operand->type, right))
		return NULL;
	if (operand->type == ES_VALUE_JSON)
		node = json_comparison(compiler, operand, strategy, value);
	else if (operand->type != ES_VALUE_TEXT)
		node = convert(operand->type, right, &value) ? compare_node(compiler, operand, strategy, value) : NULL;
	else if (!is_bytewise(collation))
		node = NULL;
	else if (strategy == BTEqualStrategyNumber)
		node = compare_node(compiler, operand, strategy, value);
	else
		node = call_node(compiler, operand, get_opcode(operator), collation, value);
	return negated ? es_node_not(node) : node;
}

/* ---------------------------------------------------------- LIKE, and tags */

/* Would the last backslash of a pattern of LIKE have nothing to escape? */
bool
es_pattern_ends_in_escape(EsSlice pattern)
{
	uint32		backslashes = 0;

	while (backslashes < pattern.size && pattern.data[pattern.size - backslashes - 1] == '\\')
		backslashes++;
	return backslashes % 2 == 1;
}

static EsNode *
like_node(EsCompiler *compiler, const EsOperand *operand, Oid collation, Datum value)
{
	EsSlice		pattern = es_text_datum_slice(value);
	uint32		plain = 0;
	EsNode	   *node;

	while (plain < pattern.size && strchr("%_\\", pattern.data[plain]) == NULL)
		plain++;
	if (plain == pattern.size)
		return compare_node(compiler, operand, BTEqualStrategyNumber, value);
	if (plain + 1 < pattern.size || pattern.data[plain] != '%')
		return es_pattern_ends_in_escape(pattern) ? NULL :
			call_node(compiler, operand, F_TEXTLIKE, collation, value);
	node = es_node_test(compiler->filter, operand, ES_TEST_PREFIX, 1);
	if (node != NULL)
		node->test.constants[0].text = es_slice(pattern.data, plain);
	return node;
}

static EsNode *
text_node(EsCompiler *compiler, const EsOperand *operand, Oid function, Oid collation, Datum value)
{
	EsNode	   *node;

	if (operand->type != ES_VALUE_TEXT || operand->field == ES_FIELD_TAGS || !is_bytewise(collation))
		return NULL;
	switch (function)
	{
		case F_TEXTLIKE:
			return like_node(compiler, operand, collation, value);
		case F_TEXTNLIKE:
			return es_node_not(like_node(compiler, operand, collation, value));
		case F_STARTS_WITH:
			node = es_node_test(compiler->filter, operand, ES_TEST_PREFIX, 1);
			if (node != NULL)
				node->test.constants[0].text = es_text_datum_slice(value);
			return node;
		default:
			return NULL;
	}
}

static EsNode *
tags_node(EsCompiler *compiler, const EsOperand *operand, EsTestKind kind, Oid collation, Datum array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	EsNode	   *node;

	if (operand->field != ES_FIELD_TAGS || !is_bytewise(collation))
		return NULL;
	take_array(array, &elements, &nulls, &count);
	node = es_node_test(compiler->filter, operand, kind, count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			return NULL;
		es_constant_set(&node->test.constants[i], ES_VALUE_TEXT, elements[i]);
	}
	return node;
}

/* -------------------------------------------------------- keys, containment */

static EsNode *
member_node(EsCompiler *compiler, const EsOperand *operand, EsSlice key)
{
	EsOperand	member = *operand;
	EsNode	   *node;

	if (operand->type != ES_VALUE_JSON || !es_operand_step(&member, ES_STEP_KEY, key, 0))
		return NULL;
	node = es_node_test(compiler->filter, operand, ES_TEST_MEMBER, 0);
	if (node == NULL || !es_filter_add_path(compiler->filter, &member.path, &node->target.member_path))
		return NULL;
	node->test.member.step_count = 1;
	node->test.member.steps[0] = member.path.steps[member.path.step_count - 1];
	return node;
}

/* ?| and ?& */
static EsNode *
members_node(EsCompiler *compiler, const EsOperand *operand, EsNodeKind kind, Datum array)
{
	List	   *children = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	take_array(array, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		EsNode	   *child;

		if (nulls[i])
			continue;
		child = member_node(compiler, operand, es_text_datum_slice(elements[i]));
		if (child == NULL)
			return NULL;
		children = lappend(children, child);
	}
	return children == NIL ? NULL : es_node_make(kind, children);
}

static EsNode *contains_object(EsCompiler *compiler, const EsOperand *operand, JsonbContainer *object);

/* What a member of an object must contain. */
static EsNode *
contains_value(EsCompiler *compiler, const EsOperand *operand, JsonbValue *value)
{
	EsNode	   *node;

	if (value->type == jbvBinary)
	{
		JsonbContainer *container = value->val.binary.data;

		if (JsonContainerIsObject(container))
			return contains_object(compiler, operand, container);
		return es_node_kind(compiler->filter, operand, ES_JSON_ARRAY,
							JsonContainerSize(container) == 0 ? ES_TRUE : ES_UNKNOWN);
	}
	node = es_node_json(compiler->filter, operand, BTEqualStrategyNumber, value);
	if (node != NULL)
		node->test.missing = ES_FALSE;
	return node;
}

/* Containment of an object is that of each of its members. */
static EsNode *
contains_object(EsCompiler *compiler, const EsOperand *operand, JsonbContainer *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	List	   *children = NIL;
	JsonbValue	value;
	JsonbIteratorToken token;

	check_stack_depth();
	token = JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) == WJB_KEY)
	{
		EsOperand	member = *operand;
		EsNode	   *child;

		if (!es_operand_step(&member, ES_STEP_KEY,
							 es_slice(value.val.string.val, value.val.string.len), 0))
			return NULL;
		(void) JsonbIteratorNext(&iterator, &value, true);
		child = contains_value(compiler, &member, &value);
		if (child == NULL)
			return NULL;
		children = lappend(children, child);
	}
	if (children == NIL)
		return es_node_kind(compiler->filter, operand, ES_JSON_OBJECT, ES_TRUE);
	return es_node_make(ES_NODE_AND, children);
}

/* operand @> jsonb */
EsNode *
es_compile_contains(EsCompiler *compiler, const EsOperand *operand, Datum jsonb)
{
	Jsonb	   *value = DatumGetJsonbP(jsonb);

	if (operand->type != ES_VALUE_JSON || !JB_ROOT_IS_OBJECT(value) ||
		operand->path.step_count > 0)
		return NULL;
	return contains_object(compiler, operand, &value->root);
}

/* --------------------------------------------------------------- operators */

/* operand OPERATOR constant */
static EsNode *
operator_node(EsCompiler *compiler, const EsOperand *operand, Oid operator, Oid collation, Datum value)
{
	Oid			function = get_opcode(operator);

	switch (function)
	{
		case F_TEXTLIKE:
		case F_TEXTNLIKE:
		case F_STARTS_WITH:
			return text_node(compiler, operand, function, collation, value);
		case F_ARRAYCONTAINS:
			return tags_node(compiler, operand, ES_TEST_ALL_TAGS, collation, value);
		case F_ARRAYOVERLAP:
			return tags_node(compiler, operand, ES_TEST_ANY_TAG, collation, value);
		case F_JSONB_EXISTS:
			return member_node(compiler, operand, es_text_datum_slice(value));
		case F_JSONB_EXISTS_ANY:
			return members_node(compiler, operand, ES_NODE_OR, value);
		case F_JSONB_EXISTS_ALL:
			return members_node(compiler, operand, ES_NODE_AND, value);
		case F_JSONB_CONTAINS:
			return es_compile_contains(compiler, operand, value);
		case F_JSONB_PATH_EXISTS_OPR:
		case F_JSONB_PATH_MATCH_OPR:
			return es_compile_jsonpath(compiler->filter, operand, value,
									   function == F_JSONB_PATH_EXISTS_OPR);
		default:
			return comparison(compiler, operand, operator, collation, value);
	}
}

/* An operator between an operand, on either side, and a constant. */
static bool
take_sides(EsCompiler *compiler, const OpExpr *expr, EsOperand *operand, Oid *operator,
		   Datum *value, bool *isnull)
{
	Expr	   *left;
	Expr	   *right;

	if (list_length(expr->args) != 2)
		return false;
	left = linitial(expr->args);
	right = lsecond(expr->args);
	*operator = expr->opno;
	if (is_constant((Node *) left))
	{
		right = left;
		left = lsecond(expr->args);
		*operator = get_commutator(expr->opno);
	}
	return OidIsValid(*operator) && es_compile_operand(compiler, left, operand) &&
		get_constant(compiler, right, value, isnull);
}

static EsNode *
compile_operator(EsCompiler *compiler, const OpExpr *expr)
{
	EsOperand	operand;
	Oid			operator;
	Datum		value;
	bool		isnull;
	EsNode	   *node;

	if (!take_sides(compiler, expr, &operand, &operator, &value, &isnull))
		return NULL;
	if (!isnull)
		return operator_node(compiler, &operand, operator, expr->inputcollid, value);

	/* only if it would be understood with another value, is it strict */
	node = OidIsValid(get_opcode(operator)) && op_strict(operator) ? null_node(&operand) : NULL;
	return node;
}

static EsNode *
compile_distinct(EsCompiler *compiler, const DistinctExpr *expr)
{
	EsOperand	operand;
	Oid			operator;
	Datum		value;
	bool		isnull;
	EsNode	   *node;

	if (!take_sides(compiler, (const OpExpr *) expr, &operand, &operator, &value, &isnull))
		return NULL;
	if (isnull)
		return es_node_not(es_node_test(compiler->filter, &operand, ES_TEST_IS_NULL, 0));
	node = operator_node(compiler, &operand, operator, expr->inputcollid, value);
	return es_node_not(es_node_says(node, ES_TRUE));
}

/* ------------------------------------------------------------------- lists */

/* operand = ANY (list) */
static EsNode *
list_node(EsCompiler *compiler, const EsOperand *operand, Oid type, Datum array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	uint32		used = 0;
	EsNode	   *node;

	take_array(array, &elements, &nulls, &count);
	if (count == 0)
		return operand_can_fail(operand) ? NULL : es_node_verdict(ES_FALSE);
	node = es_node_test(compiler->filter, operand, ES_TEST_IN, count);
	if (node == NULL)
		return NULL;
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			node->test.null_among = true;
		else if (!convert(operand->type, type, &elements[i]))
			return NULL;
		else
			es_constant_set(&node->test.constants[used++], operand->type, elements[i]);
	}
	node->test.constant_count = used;
	es_test_prepare(&node->test);
	return node;
}

/* constant = ANY (tags) */
static EsNode *
compile_any_tag(EsCompiler *compiler, const ScalarArrayOpExpr *expr)
{
	EsOperand	operand;
	Datum		value;
	bool		isnull;
	EsNode	   *node;

	if (!expr->useOr || get_opcode(expr->opno) != F_TEXTEQ || !is_bytewise(expr->inputcollid) ||
		!es_compile_operand(compiler, lsecond(expr->args), &operand) ||
		operand.field != ES_FIELD_TAGS ||
		!get_constant(compiler, linitial(expr->args), &value, &isnull) || isnull)
		return NULL;
	node = es_node_test(compiler->filter, &operand, ES_TEST_ANY_TAG, 1);
	es_constant_set(&node->test.constants[0], ES_VALUE_TEXT, value);
	return node;
}

static EsNode *
compile_list(EsCompiler *compiler, const ScalarArrayOpExpr *expr)
{
	EsOperand	operand;
	Oid			left;
	Oid			right;
	Datum		array;
	bool		isnull;
	bool		negated;

	if (is_constant(linitial(expr->args)))
		return compile_any_tag(compiler, expr);
	op_input_types(expr->opno, &left, &right);
	if (!es_compile_operand(compiler, linitial(expr->args), &operand) ||
		operand.type == ES_VALUE_JSON || operand.field == ES_FIELD_TAGS ||
		!is_comparable_type(operand.type, right) ||
		strategy_of(expr->opno, left, &negated) != BTEqualStrategyNumber ||
		negated == expr->useOr ||
		(operand.type == ES_VALUE_TEXT && !is_bytewise(expr->inputcollid)) ||
		!get_constant(compiler, lsecond(expr->args), &array, &isnull))
		return NULL;
	if (isnull)
		return null_node(&operand);
	if (negated)
		return es_node_not(list_node(compiler, &operand, right, array));
	return list_node(compiler, &operand, right, array);
}

/* ------------------------------------------------------------------- trees */

static EsNode *
opaque_node(EsCompiler *compiler, Node *expr)
{
	return es_node_verdict(may_fail(expr, compiler) ? ES_UNDECIDED : ES_UNKNOWN);
}

/* Is the condition the same for all events, with this answer? */
static bool
is_always(const EsNode *node, EsVerdict verdict)
{
	return node != NULL && node->kind == ES_NODE_VERDICT && node->verdict == verdict;
}

/* What comes after a constant that decides is never evaluated, not even its own constants. */
static EsNode *
compile_logic(EsCompiler *compiler, const BoolExpr *expr)
{
	EsNodeKind	kind = expr->boolop == AND_EXPR ? ES_NODE_AND :
	expr->boolop == OR_EXPR ? ES_NODE_OR : ES_NODE_NOT;
	List	   *children = NIL;
	bool		understood = false;
	ListCell   *cell;

	foreach(cell, expr->args)
	{
		EsNode	   *child = compile_node(compiler, lfirst(cell));

		understood |= child != NULL;
		children = lappend(children, child == NULL ? opaque_node(compiler, lfirst(cell)) : child);
		if (is_always(child, kind == ES_NODE_OR ? ES_TRUE : ES_FALSE))
			break;
		compiler->shielded |= !is_always(child, kind == ES_NODE_OR ? ES_FALSE : ES_TRUE);
	}
	return understood ? es_node_make(kind, children) : NULL;
}

static EsNode *
compile_null_test(EsCompiler *compiler, const NullTest *expr)
{
	EsOperand	operand;
	EsNode	   *node;

	if (expr->argisrow)
		return NULL;
	if (es_compile_operand(compiler, expr->arg, &operand))
		node = es_node_test(compiler->filter, &operand, ES_TEST_IS_NULL, 0);
	else if (exprType((Node *) expr->arg) == BOOLOID)
		node = es_node_says(compile_node(compiler, (Node *) expr->arg), ES_NULL);
	else
		node = NULL;
	return expr->nulltesttype == IS_NOT_NULL ? es_node_not(node) : node;
}

static EsNode *
compile_boolean_test(EsCompiler *compiler, const BooleanTest *expr)
{
	EsNode	   *node = compile_node(compiler, (Node *) expr->arg);

	switch (expr->booltesttype)
	{
		case IS_TRUE:
			return es_node_says(node, ES_TRUE);
		case IS_NOT_TRUE:
			return es_node_says(node, ES_FALSE | ES_NULL);
		case IS_FALSE:
			return es_node_says(node, ES_FALSE);
		case IS_NOT_FALSE:
			return es_node_says(node, ES_TRUE | ES_NULL);
		case IS_UNKNOWN:
			return es_node_says(node, ES_NULL);
		case IS_NOT_UNKNOWN:
			return es_node_says(node, ES_TRUE | ES_FALSE);
	}
	return NULL;
}

/* A cast to boolean as a condition, or a condition without columns. */
static EsNode *
compile_boolean(EsCompiler *compiler, Node *expr)
{
	EsOperand	operand;
	Datum		value;
	bool		isnull;

	if (exprType(expr) != BOOLOID)
		return NULL;
	if (es_compile_operand(compiler, (Expr *) expr, &operand))
		return compare_node(compiler, &operand, BTEqualStrategyNumber, BoolGetDatum(true));
	if (!get_constant(compiler, (Expr *) expr, &value, &isnull))
		return NULL;
	return es_node_verdict(isnull ? ES_NULL : es_verdict(DatumGetBool(value)));
}

/* The expression's program; NULL when nothing of it is understood. */
static EsNode *
compile_node(EsCompiler *compiler, Node *expr)
{
	EsNode	   *node = NULL;

	check_stack_depth();
	switch (nodeTag(expr))
	{
		case T_BoolExpr:
			node = compile_logic(compiler, (BoolExpr *) expr);
			break;
		case T_OpExpr:
			node = compile_operator(compiler, (OpExpr *) expr);
			break;
		case T_DistinctExpr:
			node = compile_distinct(compiler, (DistinctExpr *) expr);
			break;
		case T_ScalarArrayOpExpr:
			node = compile_list(compiler, (ScalarArrayOpExpr *) expr);
			break;
		case T_NullTest:
			node = compile_null_test(compiler, (NullTest *) expr);
			break;
		case T_BooleanTest:
			node = compile_boolean_test(compiler, (BooleanTest *) expr);
			break;
		default:
			break;
	}
	return node == NULL ? compile_boolean(compiler, expr) : node;
}

/*
 * Makes the filter's conditions of clauses, which all must be true, in the order
 * of their evaluation.  Returns, for each, whether anything of it is understood.
 */
List *
es_compile(EsCompiler *compiler, List *clauses)
{
	List	   *understood = NIL;
	ListCell   *cell;

	foreach(cell, clauses)
	{
		bool		shielded = compiler->shielded;
		EsNode	   *node = compile_node(compiler, lfirst(cell));

		understood = lappend_int(understood, node != NULL);
		if (node == NULL)
			node = opaque_node(compiler, lfirst(cell));
		compiler->shielded = shielded || !(compiler->passed || is_always(node, ES_TRUE));
		compiler->filter->conditions = lappend(compiler->filter->conditions, node);
	}
	return understood;
}
