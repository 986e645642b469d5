/*-------------------------------------------------------------------------
 *
 * nodes.h
 *	  Nodes of filters, made of what an expression compares.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_QUERY_NODES_H
#define EVENTSTORE_QUERY_NODES_H

#include "postgres.h"

#include "filter/filter.h"

/* A column of events, or what stands at a path in one of the documents. */
typedef struct EsOperand
{
	EsField		field;
	bool		in_document;
	EsValueType type;			/* also JSON: of the operators that give jsonb */
	EsPath		path;
} EsOperand;

extern bool es_operand_step(EsOperand *operand, EsStepKind kind, EsSlice text, int64 index);

extern EsNode *es_node_test(EsFilter *filter, const EsOperand *operand, EsTestKind kind,
							uint32 constants);
extern EsNode *es_node_json(EsFilter *filter, const EsOperand *operand, StrategyNumber strategy,
							const JsonbValue *value);
extern EsNode *es_node_kind(EsFilter *filter, const EsOperand *operand, int kind,
							EsVerdict verdict);
extern EsNode *es_node_not(EsNode *node);
extern EsNode *es_node_says(EsNode *node, EsVerdict verdict);

#endif							/* EVENTSTORE_QUERY_NODES_H */
