/*-------------------------------------------------------------------------
 *
 * guard.h
 *	  Refuses changes of "events" and "blocks" that would not hold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_FDW_GUARD_H
#define EVENTSTORE_FDW_GUARD_H

extern void es_guard_install(void);

#endif							/* EVENTSTORE_FDW_GUARD_H */
