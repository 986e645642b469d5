/*-------------------------------------------------------------------------
 *
 * pack.h
 *	  Packs events into blocks, in the layout that suits them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_PACK_H
#define EVENTSTORE_CORE_PACK_H

#include "core/packer.h"

extern uint32 es_block_pack(EsPacker *packer, const EsPackJob *job, char *data,
							uint32 *size, bool *large);
extern uint32 es_block_merge(EsPacker *packer, const EsPackJob *job, char *data,
							 uint32 *size);

#endif							/* EVENTSTORE_CORE_PACK_H */
