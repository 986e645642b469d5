/*-------------------------------------------------------------------------
 *
 * path.h
 *	  Finding a value by its path in JSON text, as the operators of jsonb do.
 *
 * A path is a chain of steps, each taken in what the step before came to.  Of
 * several members with the same key the last one counts, at every level, as in
 * jsonb; keys are compared as what they mean, however they are spelt.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_PATH_H
#define EVENTSTORE_CORE_PATH_H

#include "core/base.h"

#define ES_PATH_MAX_STEPS 16

typedef enum EsStepKind
{
	ES_STEP_KEY,				/* -> text: a member of an object */
	ES_STEP_INDEX,				/* -> integer: an element of an array, from 0;
								 * negative: from the end.  A scalar is its
								 * own element 0 and -1. */
	ES_STEP_EITHER				/* of #>: a member of an object; an element of
								 * an array when the text is an integer */
} EsStepKind;

typedef struct EsStep
{
	EsStepKind	kind;
	EsSlice		text;			/* KEY, EITHER: what is meant, not escaped */
	int64		index;			/* INDEX */
} EsStep;

/* Without steps, the value is the document. */
typedef struct EsPath
{
	uint32		step_count;
	EsStep		steps[ES_PATH_MAX_STEPS];
} EsPath;

typedef enum EsFound
{
	ES_FOUND_VALUE,
	ES_FOUND_MISSING,
	ES_FOUND_UNSURE				/* the text is damaged */
} EsFound;

extern EsFound es_path_find(const EsPath *path, uint32 first_step, EsSlice json,
							EsSlice *value);

#endif							/* EVENTSTORE_CORE_PATH_H */
