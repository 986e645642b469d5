/*
 * crew.c
 *		Run clients at the same time, each a thread with its own connection.
 *
 * All of them connect and prepare their statements first and then wait for one
 * another; the clock runs from there to the end of the last one.
 */
#include "crew.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct Member
{
	const Crew *crew;
	int			number;
	pthread_barrier_t *start;
	pthread_t	thread;
} Member;

/* Be one client: connect, prepare, wait for the others, work. */
static void *
member_main(void *arg)
{
	Member	   *member = arg;
	const Crew *crew = member->crew;
	PGconn	   *conn = db_connect();

	crew->prepare(conn, crew->shared);
	pthread_barrier_wait(member->start);
	crew->work(conn, member->number, crew->shared);
	PQfinish(conn);
	return NULL;
}

/* Let the crew work; returns how many seconds it took. */
double
crew_run(const Crew *crew)
{
	Member	   *members = allocate(crew->clients * sizeof(Member));
	pthread_barrier_t start;
	double		started;

	pthread_barrier_init(&start, NULL, crew->clients + 1);
	for (int i = 0; i < crew->clients; i++)
	{
		members[i].crew = crew;
		members[i].number = i;
		members[i].start = &start;
		if (pthread_create(&members[i].thread, NULL, member_main, &members[i]) != 0)
			die("could not start a thread");
	}
	pthread_barrier_wait(&start);
	started = clock_seconds();
	for (int i = 0; i < crew->clients; i++)
		pthread_join(members[i].thread, NULL);
	pthread_barrier_destroy(&start);
	free(members);
	return clock_seconds() - started;
}
