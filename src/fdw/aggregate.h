/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *	  Which aggregates and groups can be computed from blocks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FDW_AGGREGATE_H
#define EVENTSTORE_FDW_AGGREGATE_H

#include "postgres.h"

#include "nodes/primnodes.h"

#include "query/aggregate.h"
#include "query/compile.h"

/* An aggregate as it can be computed. */
typedef struct EsAggregateForm
{
	EsAggregateKind kind;
	bool		has_input;
	EsOperand	input;
	List	   *filter;			/* conditions on the events that count */
} EsAggregateForm;

/* What is grouped by, as it can be computed. */
typedef struct EsKeyForm
{
	EsOperand	operand;		/* a column, or text out of a document */
	bool		is_expression;	/* the key is an expression of the column */
	bool		by_value;
} EsKeyForm;

extern bool es_aggregate_form(EsCompiler *compiler, const Aggref *aggregate,
							  EsAggregateForm *form);
extern bool es_key_form(EsCompiler *compiler, Expr *key, EsKeyForm *form);

#endif							/* EVENTSTORE_FDW_AGGREGATE_H */
