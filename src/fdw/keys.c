/*-------------------------------------------------------------------------
 *
 * keys.c
 *	  What conditions say a column must be equal to: a value, or one of several.
 *
 * A key comes from a comparison, a list (IN, = ANY), or from AND and OR of these.  It
 * has a value when the scan starts, or when a join gives it one.  Conditions that say
 * more than their key must still be tested.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "core/fields.h"
#include "fdw/keys.h"
#include "pg/compat.h"

bool
es_is_column(Node *expr, Index relid, AttrNumber column)
{
	return IsA(expr, Var) && ((Var *) expr)->varno == (int) relid &&
		((Var *) expr)->varattno == column && ((Var *) expr)->varlevelsup == 0;
}

/* The side of the comparison that is not the column, when it has a value of its own. */
Expr *
es_other_side(PlannerInfo *root, List *args, Index relid, AttrNumber column)
{
	Expr	   *other;

	if (list_length(args) != 2)
		return NULL;
	if (es_is_column(linitial(args), relid, column))
		other = lsecond(args);
	else if (es_is_column(lsecond(args), relid, column))
		other = linitial(args);
	else
		return NULL;
	if (bms_is_member(relid, pull_varnos(root, (Node *) other)) ||
		contain_volatile_functions((Node *) other) || contain_subplans((Node *) other))
		return NULL;
	return other;
}

static const EsKeyClause no_key = {0};

static bool
is_of_text(AttrNumber column)
{
	return column == ES_FIELD_ENTITY_ID || column == ES_FIELD_TENANT_ID;
}

/* Does the operator find a value of the column as its index does? */
static bool
is_key_operator(Oid operator, Oid collation, AttrNumber column)
{
	if (is_of_text(column))
		return operator == TextEqualOperator && get_collation_isdeterministic(collation);
	if (column == ES_FIELD_POSITION)
		return get_op_opfamily_strategy(operator, INTEGER_BTREE_FAM_OID) == BTEqualStrategyNumber;
	return get_opcode(operator) == F_UUID_EQ;
}

static EsKeyClause
key_of_comparison(PlannerInfo *root, OpExpr *expr, Index relid, AttrNumber column)
{
	EsKeyClause key = {.exact = true,.count = 1};

	if (is_key_operator(expr->opno, expr->inputcollid, column))
		key.value = es_other_side(root, expr->args, relid, column);
	return key;
}

static EsKeyClause
key_of_list(PlannerInfo *root, ScalarArrayOpExpr *expr, Index relid, AttrNumber column)
{
	EsKeyClause key = {.many = true,.exact = true};

	if (expr->useOr && is_key_operator(expr->opno, expr->inputcollid, column) &&
		es_is_column(linitial(expr->args), relid, column))
		key.value = es_other_side(root, expr->args, relid, column);
	if (key.value != NULL)
		key.count = Max(es_array_length(root, (Node *) key.value), 1);
	return key;
}

/* The elements of an array of texts whose elements are written out; NIL: they are not. */
List *
es_key_elements(Expr *array)
{
	List	   *elements = NIL;
	ArrayType  *value;
	Datum	   *values;
	bool	   *nulls;
	int			count;

	if (IsA(array, ArrayExpr) && !((ArrayExpr *) array)->multidims)
		return ((ArrayExpr *) array)->elements;
	if (!IsA(array, Const) || ((Const *) array)->constisnull)
		return NIL;
	value = DatumGetArrayTypeP(((Const *) array)->constvalue);
	deconstruct_array(value, ARR_ELEMTYPE(value), -1, false, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
		elements = lappend(elements, makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, values[i],
											   nulls[i], false));
	return elements;
}

/* Of conditions that must all be true one is enough. */
static EsKeyClause
key_of_all(PlannerInfo *root, List *clauses, Index relid, AttrNumber column)
{
	ListCell   *cell;

	foreach(cell, clauses)
	{
		EsKeyClause key = es_key_of_clause(root, lfirst(cell), relid, column);

		if (key.value != NULL)
		{
			key.exact = false;
			return key;
		}
	}
	return no_key;
}

/* Of conditions of which one must be true each has to have a key. */
static EsKeyClause
key_of_any(PlannerInfo *root, List *clauses, Index relid, AttrNumber column)
{
	EsKeyClause all = {.many = true,.exact = true};
	ArrayExpr  *array = makeNode(ArrayExpr);
	List	   *values;
	ListCell   *cell;

	foreach(cell, clauses)
	{
		EsKeyClause key = es_key_of_clause(root, lfirst(cell), relid, column);

		if (key.value == NULL)
			return no_key;
		all.exact &= key.exact;
		all.count += key.count;
		all.value = key.value;
		if (!is_of_text(column))
			continue;
		values = key.many ? es_key_elements(key.value) : list_make1(key.value);
		if (values == NIL)
			return no_key;
		array->elements = list_concat(array->elements, values);
	}
	if (!is_of_text(column))
		return all;
	array->array_typeid = TEXTARRAYOID;
	array->array_collid = DEFAULT_COLLATION_OID;
	array->element_typeid = TEXTOID;
	array->location = -1;
	all.value = (Expr *) array;
	return all;
}

/* What the column must be equal to by this clause, if it says such a thing. */
EsKeyClause
es_key_of_clause(PlannerInfo *root, Expr *clause, Index relid, AttrNumber column)
{
	if (IsA(clause, RestrictInfo))
		clause = ((RestrictInfo *) clause)->clause;
	if (IsA(clause, OpExpr))
		return key_of_comparison(root, (OpExpr *) clause, relid, column);
	if (IsA(clause, ScalarArrayOpExpr))
		return key_of_list(root, (ScalarArrayOpExpr *) clause, relid, column);
	if (is_andclause(clause))
		return key_of_all(root, ((BoolExpr *) clause)->args, relid, column);
	if (is_orclause(clause))
		return key_of_any(root, ((BoolExpr *) clause)->args, relid, column);
	return no_key;
}

/*
 * The clause, of these RestrictInfos, that gives the column's key, at best one that
 * says nothing else.
 */
RestrictInfo *
es_find_key(PlannerInfo *root, List *clauses, Index relid, AttrNumber column, EsKeyClause *key)
{
	RestrictInfo *found = NULL;
	ListCell   *cell;

	foreach(cell, clauses)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, cell);
		EsKeyClause other = info->pseudoconstant ? no_key :
		es_key_of_clause(root, info->clause, relid, column);

		if (other.value == NULL || (found != NULL && key->many <= other.many))
			continue;
		found = info;
		*key = other;
	}
	return found;
}

bool
es_has_key(PlannerInfo *root, List *clauses, Index relid, AttrNumber column)
{
	EsKeyClause key;

	return es_find_key(root, clauses, relid, column, &key) != NULL;
}
