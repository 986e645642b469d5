/*
 * form.h
 *		The forms in which a batch of events is given to a server: lines of JSON,
 *		an array of events or arrays of columns for eventstore, COPY for the
 *		plain table.
 */
#ifndef BENCH_FORM_H
#define BENCH_FORM_H

#include "db.h"
#include "workload.h"

#define PARTS_MAX 5

/* A rendered batch; parts are a statement's parameters, or COPY's data. */
typedef struct Batch
{
	Buffer		parts[PARTS_MAX];
	int64_t		events;
} Batch;

typedef struct Form
{
	const char *name;
	const char *sql;			/* ingests a batch, or starts COPY */
	int			parts;

	/* What the elements of parts are that are arrays, in binary form. */
	const char *elements[PARTS_MAX];

	/* Add an event to a batch, given the types' numbers of the elements. */
	void		(*render) (const Event *event, const Oid *types, Batch *batch);
	void		(*prepare) (PGconn *conn, const struct Form *form);

	/* Store a batch in a transaction, and check that all of it was stored. */
	void		(*store) (PGconn *conn, const struct Form *form, const Batch *batch);
} Form;

extern const Form copy_form;

extern const Form *form_find(const char *name);
extern void form_look_up_types(PGconn *conn, const Form *form, Oid *types);

#endif							/* BENCH_FORM_H */
