/*-------------------------------------------------------------------------
 *
 * pack_columns.h
 *	  Packs events into a block in column layout.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_PACK_COLUMNS_H
#define EVENTSTORE_CORE_PACK_COLUMNS_H

#include "core/packer.h"

extern uint32 es_pack_columns(EsPacker *packer, const EsPackJob *job, uint32 count);

#endif							/* EVENTSTORE_CORE_PACK_COLUMNS_H */
