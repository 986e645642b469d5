/*-------------------------------------------------------------------------
 *
 * needs.c
 *	  What expressions need of a scan: columns, and fields of documents.
 *
 * A field at a path of constant keys is delivered as a value of its own, in the
 * place of the expression that takes it out of the document, wherever that stands
 * in a larger expression.  PostgreSQL finds it in the scan's tuple when it puts
 * the plan together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"

#include "fdw/needs.h"

void
es_needs_begin(EsNeeds *needs, Index relid)
{
	memset(needs, 0, sizeof(*needs));
	needs->compiler.relid = relid;
	needs->compiler.evaluate = es_evaluate_nothing;
	needs->compiler.filter = &needs->filter;
}

/* Is it worth a place of its own in the scan's tuple? */
static bool
is_extraction(EsNeeds *needs, Node *node, EsOperand *operand)
{
	return (IsA(node, OpExpr) || IsA(node, FuncExpr)) &&
		es_compile_operand(&needs->compiler, (Expr *) node, operand) &&
		operand->path.step_count > 0 &&
		(list_length(needs->extractions) < ES_PLACES_MAX_PATHS / 2 ||
		 list_member(needs->extractions, node));
}

static void
add_column(EsNeeds *needs, const Var *var)
{
	if (var->varattno <= 0)
	{
		needs->row = true;
		return;
	}
	needs->columns |= 1U << var->varattno;
	needs->whole |= 1U << var->varattno;
}

/*
 * The document of an extraction counts as needed, too: what is above the scan may
 * ask for it and take the value out itself.
 */
static bool
collect(Node *node, void *arg)
{
	EsNeeds    *needs = arg;
	EsOperand	operand;

	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varno == (int) needs->compiler.relid)
	{
		add_column(needs, (Var *) node);
		return false;
	}
	if (is_extraction(needs, node, &operand))
	{
		needs->extractions = list_append_unique(needs->extractions, node);
		needs->columns |= 1U << operand.field;
		return false;
	}
	return expression_tree_walker(node, collect, arg);
}

/* Adds what an expression, or a list of them, needs. */
void
es_needs_add(EsNeeds *needs, Node *expr)
{
	(void) collect(expr, needs);
}
