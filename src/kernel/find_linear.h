/*-------------------------------------------------------------------------
 *
 * find_linear.h
 *	  Finds a text in time that grows with its size and that of what is searched,
 *	  whatever they are: for where the kernels' faster way would take the
 *	  product of both.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_KERNEL_FIND_LINEAR_H
#define EVENTSTORE_KERNEL_FIND_LINEAR_H

#include "core/base.h"

extern const char *es_find_linear(const char *text, size_t size, const char *needle,
								  size_t needle_size);

#endif							/* EVENTSTORE_KERNEL_FIND_LINEAR_H */
