/*-------------------------------------------------------------------------
 *
 * position.h
 *	  Positions: reserving them, and who else holds lower ones.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_POSITION_H
#define EVENTSTORE_LOG_POSITION_H

#include "postgres.h"

#include "utils/snapshot.h"

#include "core/block.h"
#include "log/shared.h"

typedef struct EsReservation
{
	int64		first_position;
	int64		recorded_at;
	EsInflightList inflight;
} EsReservation;

extern void es_positions_reserve(EsStore *store, uint64 xid, int64 count,
								 EsReservation *reservation);
extern void es_positions_forget_samples(EsStore *store);
extern int64 es_positions_limit(EsStore *store, Snapshot snapshot);

extern bool es_slots_have_prepared(Oid database);
extern void es_slot_clear(void);
extern bool es_slot_reserve_prepared(void);
extern void es_slot_move_to_prepared(void);
extern void es_slot_restore_prepared(Oid database, uint64 xid, int64 lower);

#endif							/* EVENTSTORE_LOG_POSITION_H */
