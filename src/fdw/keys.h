/*-------------------------------------------------------------------------
 *
 * keys.h
 *	  What conditions say a column must be equal to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FDW_KEYS_H
#define EVENTSTORE_FDW_KEYS_H

#include "postgres.h"

#include "nodes/pathnodes.h"

/* What a column must be equal to: a value, or one of several. */
typedef struct EsKeyClause
{
	Expr	   *value;			/* without a column of the relation, of text
								 * columns an array when there are many; NULL:
								 * no key */
	bool		many;
	bool		exact;			/* the clause says nothing else */
	double		count;			/* of values, or what is thought of it */
} EsKeyClause;

extern bool es_is_column(Node *expr, Index relid, AttrNumber column);
extern Expr *es_other_side(PlannerInfo *root, List *args, Index relid, AttrNumber column);
extern List *es_key_elements(Expr *array);
extern EsKeyClause es_key_of_clause(PlannerInfo *root, Expr *clause, Index relid,
									AttrNumber column);
extern RestrictInfo *es_find_key(PlannerInfo *root, List *clauses, Index relid,
								 AttrNumber column, EsKeyClause *key);
extern bool es_has_key(PlannerInfo *root, List *clauses, Index relid, AttrNumber column);

#endif							/* EVENTSTORE_FDW_KEYS_H */
