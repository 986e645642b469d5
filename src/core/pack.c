/*-------------------------------------------------------------------------
 *
 * pack.c
 *	  Packs events into blocks, in the layout that suits them.
 *
 * How many events fill a block in column layout is only known once they are
 * encoded.  So it is guessed from how big the events before have become; if the
 * guess was too high, fewer are packed, if it was much too low, more.  After the
 * first block of a kind of events the first guess is nearly always good.
 *
 * A few events, and events that do not get smaller, are packed as rows.
 *
 *-------------------------------------------------------------------------
 */
#include "core/pack.h"

#include "core/pack_columns.h"

#define MIN_COLUMN_ROWS		3	/* fewer are never worth it */
#define MAX_ATTEMPTS		5
#define FIRST_DENSITY		0.35
#define MIN_DENSITY			0.001
#define MAX_DENSITY			2.0
#define HOPEFUL_ROWS		8	/* tried however large they are ... */
#define HOPE_PAUSE			16	/* ... but not for so many blocks again */
#define FILL_TARGET			0.98	/* of a block, when guessing */
#define DENSITY_WEIGHT		0.25	/* of the last block, in the average */
#define FILL_ENOUGH			0.94	/* of a block, not to try again, ... */
#define FILL_CONCESSION		0.04	/* ... less with every attempt */

/* Bytes of an event that are not text: ids, numbers. */
#define FIXED_EVENT_BYTES	24

/*
 * Bytes of an event as its density counts them.  A tenant is left out, since
 * it is mostly the same for all.
 */
static inline uint32
event_bytes(const EsEvent *event)
{
	return FIXED_EVENT_BYTES + event->entity_id.size + event->event_type.size +
		event->tags.size + event->payload.size + event->metadata.size;
}

/* Can the event be part of a block in column layout? */
static inline bool
suits_columns(const EsEvent *event)
{
	return event->payload.size <= ES_MAX_SHAPED_SIZE &&
		event->metadata.size <= ES_MAX_SHAPED_SIZE;
}

/*
 * How many of the first events have about so many bytes; at least 'least',
 * unless there are fewer, or one comes that does not suit columns.
 */
static uint32
rows_of_bytes(const EsPackJob *job, double bytes, uint32 least)
{
	uint32		most = Min(job->row_count, ES_BLOCK_MAX_EVENTS);
	double		sum = 0;
	uint32		count = 0;

	while (count < most && suits_columns(job->rows[count].event))
	{
		sum += event_bytes(job->rows[count].event);
		if (sum > bytes && count >= least)
			break;
		count++;
	}
	return count;
}

static double
bytes_of_rows(const EsPackJob *job, uint32 count)
{
	double		sum = 0;

	for (uint32 i = 0; i < count; i++)
		sum += event_bytes(job->rows[i].event);
	return sum;
}

/*
 * Looks whether events that seem too large for columns get small enough; not
 * for every block.
 */
static bool
is_hopeful(EsPacker *packer)
{
	if (packer->hope_pause > 0)
		packer->hope_pause--;
	return packer->hope_pause == 0;
}

/*
 * Packs as many events as fit as columns.  Returns how many, 0 when it is not
 * worth it.
 */
static uint32
pack_columns(EsPacker *packer, const EsPackJob *job, char *data, uint32 *size)
{
	double		density = Max(packer->density, MIN_DENSITY);
	uint32		least = is_hopeful(packer) ? HOPEFUL_ROWS : 1;
	uint32		packed = 0;
	uint32		most = PG_UINT32_MAX;	/* so many are too many */

	for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++, least = 1)
	{
		uint32		count = rows_of_bytes(job, ES_BLOCK_MAX_SIZE * FILL_TARGET / density, least);
		uint32		tried;

		count = Min(count, most - 1);
		if (count <= packed || count < MIN_COLUMN_ROWS)
			break;
		tried = es_pack_columns(packer, job, count);
		density = tried == 0 ? Min(density * 4, MAX_DENSITY) : tried / bytes_of_rows(job, count);
		if (tried == 0 || tried > ES_BLOCK_MAX_SIZE)
		{
			most = count;
			continue;
		}
		packed = count;
		*size = tried;
		memcpy(data, packer->scratch, tried);
		packer->density += (density - packer->density) * (attempt == 0 ? DENSITY_WEIGHT : 1);
		if (tried >= ES_BLOCK_MAX_SIZE * (FILL_ENOUGH - attempt * FILL_CONCESSION))
			break;
	}
	if (packed == 0)
	{
		packer->density = density;
		packer->hope_pause = HOPE_PAUSE;
	}
	return packed;
}

/* Packs events as rows, at most 'most' of them. */
static uint32
pack_rows(EsPacker *packer, const EsPackJob *job, uint32 most, char *data,
		  uint32 *size, bool *large)
{
	EsRowsBuilder *rows = &packer->rows;
	uint32		count = 0;

	es_rows_begin(rows, data, ES_BLOCK_MAX_SIZE, job->first_position, job->recorded_at,
				  job->inflight);
	*large = es_block_start_size(job->inflight->count) +
		es_rows_event_size(job->rows[0].event, job->rows[0].version, job->recorded_at) >
		ES_BLOCK_MAX_SIZE;
	while (count < most &&
		   es_rows_add(rows, job->rows[count].event, job->rows[count].version, *large))
	{
		count++;
		if (*large)
			break;
	}
	*size = es_rows_finish(rows);
	return count;
}

/* Are so many events smaller in a block of this size than as rows? */
static bool
is_smaller_than_rows(const EsPackJob *job, uint32 count, uint32 block_size)
{
	uint64		size = es_block_start_size(job->inflight->count);

	/* no row is smaller than this */
	if (block_size < bytes_of_rows(job, count))
		return true;

	for (uint32 i = 0; i < count; i++)
		size += es_rows_event_size(job->rows[i].event, job->rows[i].version, job->recorded_at);
	return block_size < size;
}

/*
 * Packs the job's first events into a block of at most ES_BLOCK_MAX_SIZE bytes
 * at data.  Returns how many; *size is that of the block.  When *large is set,
 * it is one event whose body is left to the caller to store.
 */
uint32
es_block_pack(EsPacker *packer, const EsPackJob *job, char *data, uint32 *size, bool *large)
{
	uint32		count = 0;

	if (packer->density == 0)
		packer->density = FIRST_DENSITY;
	*large = false;
	if (job->row_count >= MIN_COLUMN_ROWS)
		count = pack_columns(packer, job, data, size);
	if (count > 0 && is_smaller_than_rows(job, count, *size))
		return count;
	return pack_rows(packer, job, count > 0 ? count : job->row_count, data, size, large);
}

/*
 * Packs the job's first events, each of which has a place of its own in the log, into a
 * block of at most ES_BLOCK_MAX_SIZE bytes at data.  Returns how many; 0 when columns
 * do not suit them, or there are too few.
 */
uint32
es_block_merge(EsPacker *packer, const EsPackJob *job, char *data, uint32 *size)
{
	if (packer->density == 0)
		packer->density = FIRST_DENSITY;
	return job->row_count >= MIN_COLUMN_ROWS ? pack_columns(packer, job, data, size) : 0;
}
