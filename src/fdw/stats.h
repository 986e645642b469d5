/*-------------------------------------------------------------------------
 *
 * stats.h
 *	  What the planner learns of the columns without ANALYZE.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FDW_STATS_H
#define EVENTSTORE_FDW_STATS_H

extern void es_stats_install(void);

#endif							/* EVENTSTORE_FDW_STATS_H */
