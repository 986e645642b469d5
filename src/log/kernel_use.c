/*-------------------------------------------------------------------------
 *
 * kernel_use.c
 *	  Counts for all backends what each did with the loops of the kernels.
 *
 * es_kernel_use is this backend's own: the loops' callers add to it, and only
 * es_kernel_use_flush() clears it.  es_shared->kernel_use is added to by any
 * backend that flushes, and read by stat_kernel, without a lock: each number is
 * atomic by itself, and nobody infers one from another, so their order does not
 * matter.  What a backend has not flushed when it ends is not counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kernel/kernel.h"
#include "log/kernel_use.h"
#include "log/shared.h"

/* Needs shared memory; cheap when nothing was counted since the last time. */
void
es_kernel_use_flush(void)
{
	for (int loop = 0; loop < ES_KERNEL_LOOPS; loop++)
	{
		EsKernelUse *use = &es_kernel_use[loop];

		if (use->calls == 0)
			continue;
		pg_atomic_fetch_add_u64(&es_shared->kernel_use[loop].calls, (int64) use->calls);
		pg_atomic_fetch_add_u64(&es_shared->kernel_use[loop].rows, (int64) use->rows);
		use->calls = use->rows = 0;
	}
}
