/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  What a backend remembers from batch to batch.
 *
 * All of it is for speed, and none of it is ever wrong: what events looked like,
 * which encodings suited their leaves, and buffers that need not be allocated
 * and touched anew.  It is allocated when first needed and kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "log/memory.h"

/* What JSON events are expected to look like. */
EsExpectations *
es_backend_expectations(void)
{
	static EsExpectations *expectations = NULL;

	if (expectations == NULL)
	{
		EsExpectations *fresh = MemoryContextAllocHuge(TopMemoryContext, sizeof(EsExpectations));

		es_expectations_init(fresh);
		expectations = fresh;
	}
	return expectations;
}

/* What packing blocks needs. */
EsPacker *
es_backend_packer(void)
{
	static EsPacker *packer = NULL;

	if (packer == NULL)
		packer = MemoryContextAllocExtended(TopMemoryContext, sizeof(EsPacker),
											MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	return packer;
}

/* One of ES_MAX_BLOCK_BUFFERS buffers for blocks that are to be inserted. */
char *
es_backend_block_buffer(int i)
{
	static char *buffers[ES_MAX_BLOCK_BUFFERS];

	if (buffers[i] == NULL)
		buffers[i] = MemoryContextAlloc(TopMemoryContext, ES_BLOCK_MAX_SIZE);
	return buffers[i];
}
