/*
 * crew.h
 *		A number of clients at work at the same time.
 */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include "db.h"

typedef struct Crew
{
	int			clients;		/* how many */
	void		(*prepare) (PGconn *conn, void *shared);	/* off the clock */
	void		(*work) (PGconn *conn, int client, void *shared);	/* on the clock */
	void	   *shared;			/* handed to both */
} Crew;

extern double crew_run(const Crew *crew);

#endif							/* BENCH_CREW_H */
