/*-------------------------------------------------------------------------
 *
 * verified.h
 *	  Which pages in the server's buffers have been verified.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_VERIFIED_H
#define EVENTSTORE_LOG_VERIFIED_H

#include "postgres.h"

#include "storage/buf.h"
#include "utils/relcache.h"

#include "log/block_row.h"

extern void es_verified_install(void);
extern bool es_page_is_known(Relation blocks, Buffer buffer);
extern bool es_page_is_verified(Relation blocks, Buffer buffer);
extern void es_page_note_verified(Relation relation, Buffer buffer);
extern void es_row_trust(EsBlockRow *row);
extern void es_row_verify(EsBlockRow *row);

#endif							/* EVENTSTORE_LOG_VERIFIED_H */
