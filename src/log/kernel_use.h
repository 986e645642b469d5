/*-------------------------------------------------------------------------
 *
 * kernel_use.h
 *	  Counts for all backends what each did with the loops of the kernels.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_LOG_KERNEL_USE_H
#define EVENTSTORE_LOG_KERNEL_USE_H

extern void es_kernel_use_flush(void);

#endif							/* EVENTSTORE_LOG_KERNEL_USE_H */
