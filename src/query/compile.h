/*-------------------------------------------------------------------------
 *
 * compile.h
 *	  Expressions of a query as programs of filter.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_COMPILE_H
#define EVENTSTORE_QUERY_COMPILE_H

#include "postgres.h"

#include "nodes/primnodes.h"

#include "query/nodes.h"

/*
 * Gives the value that an expression without columns has in this execution.
 * False when it has none yet, as while a plan is only explained.
 */
typedef bool (*EsEvaluate) (void *arg, Expr *expr, Datum *value, bool *isnull);

/* Will an event of the scan reach the conditions, so that constants are needed? */
typedef bool (*EsReached) (void *arg);

/*
 * How expressions are compiled.  Evaluating a constant may fail or have side
 * effects: a cast, a function, a subquery that has not been evaluated yet.  That is
 * done only where PostgreSQL would do it: when an event reaches the condition.
 */
typedef struct EsCompiler
{
	Index		relid;			/* columns of events are Vars of this relation */
	List	   *scan_tlist;		/* ... or INDEX_VARs that refer to this list */
	EsEvaluate	evaluate;
	void	   *arg;
	EsFilter   *filter;
	const struct ParamExecData *params; /* of this execution, or NULL */
	EsReached	reached;		/* NULL: an event will */
	bool		passed;			/* an event has passed all conditions */
	bool		shielded;		/* what stands before in the order of
								 * evaluation may keep the rest from being
								 * evaluated */
	bool		waiting;		/* result: some constant was not evaluated */
	List	   *subqueries;		/* result: numbers of parameters that it waits
								 * for */
} EsCompiler;

extern List *es_compile(EsCompiler *compiler, List *clauses);
extern bool es_evaluate_nothing(void *arg, Expr *expr, Datum *value, bool *isnull);
extern bool es_pattern_ends_in_escape(EsSlice pattern);
extern Datum es_widen_integer(Oid type, Datum value);
extern bool es_compile_operand(EsCompiler *compiler, Expr *expr, EsOperand *operand);
extern EsNode *es_compile_contains(EsCompiler *compiler, const EsOperand *operand,
								   Datum jsonb);

#endif							/* EVENTSTORE_QUERY_COMPILE_H */
