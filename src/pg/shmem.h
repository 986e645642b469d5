/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  Parts of shared memory, each made by the module that owns it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_PG_SHMEM_H
#define EVENTSTORE_PG_SHMEM_H

#include "postgres.h"

typedef struct EsShmemPart
{
	const char *name;
	Size		(*size) (void);
	void		(*init) (void *memory);
	void		(*attach) (void *memory);
} EsShmemPart;

extern void es_shmem_add(const EsShmemPart *part);
extern void es_shmem_install(void);
extern struct LWLock *es_shmem_lock(void);
extern void es_shmem_check_loaded(void);

#endif							/* EVENTSTORE_PG_SHMEM_H */
