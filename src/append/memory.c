/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  What a backend keeps from batch to batch: memories and memory.
 *
 * All of it is for speed, and none of it is ever wrong: what events looked like,
 * which encodings suited their leaves, and buffers that need not be allocated
 * and touched anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "append/memory.h"

/* Megabytes, of which only the pages that are touched are ever there. */
static EsExpectations expectations;
static EsPacker packer;

/* What JSON events are expected to look like. */
EsExpectations *
es_backend_expectations(void)
{
	if (expectations.shapes.generation == 0)
		es_expectations_init(&expectations);
	return &expectations;
}

/* The shapes of documents that were parsed, if any were. */
const EsShapes *
es_backend_shapes(void)
{
	return &expectations.shapes;
}

/* What packing blocks needs. */
EsPacker *
es_backend_packer(void)
{
	return &packer;
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

/* ----------------------------------------------------------------- scratch */

/*
 * Memory for one batch, or one event: what a batch needs is taken from one
 * buffer, which the next batch uses again, since memory that is new to the
 * process is slow.  What does not fit is allocated by itself, and the buffer
 * grows before the next batch; it goes back to the system after many small ones.
 *
 * Nothing that storing a batch does may store another one, which would use the
 * same memory: the packer, the buffers and this.  Only an expression index on
 * the block table could try to.
 */
#define MAX_SCRATCH_SIZE ((size_t) 32 * 1024 * 1024)
#define MAX_SMALL_BATCHES 16

typedef struct Scratch
{
	char	   *data;
	size_t		size;
	size_t		used;
	size_t		wanted;			/* by the batch, in all */
	int			small_batches;	/* in a row, that wanted far less */
	bool		storing;		/* a batch is being stored */
} Scratch;

static Scratch scratch;

static void
resize_scratch(size_t size)
{
	if (scratch.data != NULL)
		pfree(scratch.data);
	scratch.data = NULL;
	scratch.size = 0;
	scratch.small_batches = 0;
	scratch.data = MemoryContextAllocHuge(TopMemoryContext, size);
	scratch.size = size;
}

static void
check_not_storing(void)
{
	if (scratch.storing)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot append events while events are being stored"),
				 errhint("An index on \"eventstore.blocks\", and a BEFORE trigger or constraint of \"eventstore.events\", must not call a function that appends events.")));
}

/* Says that a batch is being stored; until it is not, no other one can be. */
void
es_scratch_hold(void)
{
	check_not_storing();
	scratch.storing = true;
}

/* Says that it is stored, or has failed. */
void
es_scratch_release(void)
{
	scratch.storing = false;
}

/* Begins with another batch; nothing of the one before is used any more. */
void
es_scratch_reset(void)
{
	size_t		size = Min(scratch.wanted + scratch.wanted / 4, MAX_SCRATCH_SIZE);

	check_not_storing();
	if (scratch.wanted > scratch.size / 4)
		scratch.small_batches = 0;
	else
		scratch.small_batches++;
	if (size > scratch.size ||
		(scratch.small_batches > MAX_SMALL_BATCHES && size > 0))
		resize_scratch(size);
	scratch.used = scratch.wanted = 0;
}

/* Memory that lasts until the batch is over, or the current context. */
void *
es_scratch_alloc(size_t size)
{
	char	   *memory = scratch.data + scratch.used;

	size = MAXALIGN(size);
	scratch.wanted += size;
	if (size > scratch.size - scratch.used)
		return MemoryContextAllocHuge(CurrentMemoryContext, size);
	scratch.used += size;
	return memory;
}
