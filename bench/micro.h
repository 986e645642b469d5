/*
 * micro.h
 *		What the parts of src/core are measured on, and the measurements.
 */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

#include "core/block.h"
#include "core/envelope.h"
#include "core/pack.h"

#include "support.h"
#include "workload.h"

typedef struct MicroOptions
{
	int64_t		events;
	int64_t		batch;
	int64_t		rounds;
	int64_t		seed;
	const char *kernel;			/* NULL: the widest */
} MicroOptions;

/* A block as it is stored. */
typedef struct StoredBlock
{
	char	   *data;
	uint32		size;
	uint32		event_count;
	char	   *large;			/* the body of a large event, or NULL */
	size_t		large_size;
} StoredBlock;

/* A workload: as ingest_batch gets it, and in blocks. */
typedef struct Data
{
	const Kind *kind;
	int64_t		event_count;
	int64_t		batch_events;	/* in each batch but the last */
	int64_t		batch_count;
	Buffer	   *batches;
	int64_t    *versions;		/* of all events */
	uint64_t	seed;			/* of event ids */

	/* what a backend remembers from batch to batch */
	EsExpectations *expectations;
	EsPacker   *packer;

	/* the batch that was parsed last */
	int64_t		first_event;	/* its ordinal, from 0 */
	uint32		row_count;
	EsEvent    *events;
	EsPackRow  *rows;			/* once data_number_events() was called */

	/* all events */
	StoredBlock *blocks;
	size_t		block_count;
	size_t		block_capacity;
} Data;

/* What a measurement has done. */
typedef struct Tally
{
	int64_t		events;
	uint64_t	bytes;			/* read or made; 0: they don't matter */
	int64_t		blocks;			/* made */
} Tally;

/* A measurement is made in steps; each is prepared off the clock. */
typedef struct Measurement
{
	const char *name;
	int64_t		(*steps) (const Data *data);
	void		(*prepare) (Data *data, int64_t step);	/* or NULL */
	void		(*run) (Data *data, int64_t step, Tally *tally);
} Measurement;

extern void data_create(Data *data, const Kind *kind, const MicroOptions *options);
extern void data_free(Data *data);
extern void data_parse(Data *data, int64_t batch);
extern void data_number_events(Data *data);
extern uint32 data_pack(Data *data, uint32 next_row, char *out, uint32 *size, bool *large);
extern uint32 data_pack_rows(Data *data, uint32 next_row, char *out, uint32 *size);

extern void block_open(const StoredBlock *stored, EsBlock *block);
extern void block_read_head(EsBlock *block, uint32 ordinal, char *strings, EsStoredEvent *event);
extern void block_read_body(const StoredBlock *stored, EsBlock *block, char *body,
							EsStoredEvent *event);

extern const Measurement *measurement_number(size_t number);

extern void measure_loops(int64_t rounds);

#define MEASUREMENTS_MAX 16

#endif							/* BENCH_MICRO_H */
