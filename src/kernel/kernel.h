/*-------------------------------------------------------------------------
 *
 * kernel.h
 *	  Inner loops that exist once for each instruction set.
 *
 * A kernel is a table of functions that all do the same, each in its own way;
 * callers go through es_kernel.  It is set once when the library is loaded and
 * whenever the setting eventstore.kernel changes, by pg/settings.c, and read
 * by this process only.  Until then, and without a server, it is the scalar
 * kernel, which runs everywhere.
 *
 * Each kernel is a file compiled for its instruction set (flags.mk), from the
 * one source of the loops in kernel_template.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_KERNEL_KERNEL_H
#define EVENTSTORE_KERNEL_KERNEL_H

#include "core/base.h"

typedef struct EsKernel
{
	const char *name;

	/*
	 * Skips bytes that need no attention inside a JSON string: returns the
	 * first quote, backslash or control character in [p, end), or end.
	 */
	const char *(*skip_plain) (const char *p, const char *end);

	/* XXH3_64bits(): the same in all kernels, and always. */
	uint64		(*hash) (const char *p, size_t size);
} EsKernel;

/* Values of the setting, from the narrowest vectors to the widest. */
typedef enum EsKernelChoice
{
	ES_KERNEL_AUTO,
	ES_KERNEL_SCALAR,
	ES_KERNEL_V128,
	ES_KERNEL_AVX2,
	ES_KERNEL_AVX512
} EsKernelChoice;

extern const EsKernel *es_kernel;

extern const EsKernel *es_kernel_choose(EsKernelChoice choice);

/* Of kernel.c only: of these, the machine may lack all but the first. */
extern const EsKernel es_kernel_scalar;
extern const EsKernel es_kernel_v128;
extern const EsKernel es_kernel_avx2;
extern const EsKernel es_kernel_avx512;

#endif							/* EVENTSTORE_KERNEL_KERNEL_H */
