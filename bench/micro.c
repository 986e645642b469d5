/*
 * micro.c
 *		Measure parts of src/core alone, without a server, on the events of the
 *		workloads, and print one table.
 *
 * Each measurement goes over all events of a workload, batch after batch, as
 * ingest_batch does. It is run once before, so that all memory has been
 * touched, and then several times in turn with the others; medians are printed.
 * A new measurement is a function and a line in measurements[].
 */
#include "core/envelope.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"
#include "workload.h"

#define ARENA_SIZE (64 << 20)

/* A workload as ingest_batch gets it. */
typedef struct Data
{
	const Kind *kind;
	Buffer	   *batches;
	int64_t		count;			/* of batches */
	int64_t		events;
	size_t		bytes;
} Data;

typedef struct Measurement
{
	const char *name;

	/* Go over the data once; returns the bytes that came out or were read. */
	size_t		(*run) (const Data *data);
} Measurement;

typedef struct MicroOptions
{
	int64_t		events;
	int64_t		batch;
	int64_t		rounds;
	int64_t		seed;
} MicroOptions;

/* Written to, so that the compiler can't leave anything out. */
static volatile uint64_t result_sum;

/* -------------------------------------------------------------------- data */

/* Render the events of a workload. */
static void
data_render(Data *data, const Kind *kind, const MicroOptions *options)
{
	Workload   *workload = workload_create(kind, options->events, options->seed);
	Event		event;

	data->kind = kind;
	data->events = options->events;
	data->bytes = 0;
	data->count = (options->events + options->batch - 1) / options->batch;
	data->batches = allocate(data->count * sizeof(Buffer));
	for (int64_t i = 0; workload_next(workload, &event); i++)
		event_render_ndjson(&event, &data->batches[i / options->batch]);
	for (int64_t i = 0; i < data->count; i++)
		data->bytes += data->batches[i].length;
	workload_free(workload);
}

/* Free the events. */
static void
data_free(Data *data)
{
	for (int64_t i = 0; i < data->count; i++)
		buffer_free(&data->batches[i]);
	free(data->batches);
}

/* ------------------------------------------------------------------ parsing */

/* The parser's memory for one batch. */
static char arena[ARENA_SIZE];
static size_t arena_used;

/* Give the parser memory that lives as long as the batch. */
static void *
arena_take(void *arg, size_t size)
{
	char	   *memory = arena + arena_used;

	(void) arg;
	if (size > ARENA_SIZE - arena_used)
		die("a batch needs more memory than expected");
	arena_used += MAXALIGN(size);
	return memory;
}

/* What the scanner leaves to the server is not measured: believe it. */
static bool
believe(void *arg, EsSlice value)
{
	(void) arg;
	(void) value;
	return true;
}

/* Parse the events of a batch and give each to a function. */
static void
parse_batch(const Buffer *batch, void (*take) (const EsEvent *event, void *arg), void *arg)
{
	static const EsParserHooks hooks = {arena_take, believe, NULL};
	static EsExpectations expectations;
	EsParser	parser;
	EsEvent		event;
	EsParseResult result = ES_PARSE_ERROR;

	arena_used = 0;
	if (expectations.shapes.generation == 0)
		es_expectations_init(&expectations);
	es_parser_init(&parser, &hooks, &expectations);
	es_parser_begin(&parser, es_slice(batch->data, batch->length));
	if (es_parse_batch_start(&parser))
	{
		while ((result = es_parse_batch_next(&parser, &event)) == ES_PARSE_EVENT)
			take(&event, arg);
	}
	if (result != ES_PARSE_END)
		die("the parser refuses event " INT64_FORMAT, parser.ordinal);
}

/* -------------------------------------------------------------- measurements */

/* The yardstick: read every byte of the text. */
static size_t
read_memory(const Data *data)
{
	uint64_t	sums[4] = {0};

	for (int64_t i = 0; i < data->count; i++)
	{
		const char *p = data->batches[i].data;
		const char *end = p + data->batches[i].length;
		uint64_t	words[lengthof(sums)];

		for (; end - p >= (ptrdiff_t) sizeof(words); p += sizeof(words))
		{
			memcpy(words, p, sizeof(words));
			for (size_t w = 0; w < lengthof(sums); w++)
				sums[w] += words[w];
		}
		while (p < end)
			sums[0] += (unsigned char) *p++;
	}
	result_sum = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
	return data->bytes;
}

/* Count an event. */
static void
count_event(const EsEvent *event, void *arg)
{
	uint64_t   *sums = arg;

	sums[0]++;
	sums[1] += event->entity_id.size + event->payload.size;
}

/* Find the fields of all events. */
static size_t
scan(const Data *data)
{
	uint64_t	sums[2] = {0};

	for (int64_t i = 0; i < data->count; i++)
		parse_batch(&data->batches[i], count_event, sums);
	if (sums[0] != (uint64_t) data->events)
		die("the parser found other events than there are");
	result_sum = sums[1];
	return data->bytes;
}

/*
 * In the order of the table. Bytes are those of the JSON text that is read, or,
 * of what makes something new, those that come out.
 */
static const Measurement measurements[] = {
	{"read the text", read_memory},
	{"scan", scan}
};

/* ------------------------------------------------------------------ the table */

/* Run everything once; adds the seconds of each to samples. */
static void
run_round(const Data *data, Samples *seconds, size_t *bytes)
{
	for (size_t m = 0; m < lengthof(measurements); m++)
	{
		double		started = clock_seconds();

		bytes[m] = measurements[m].run(data);
		samples_add(&seconds[m], clock_seconds() - started);
	}
}

/* Print one row. */
static void
print_row(const Data *data, const char *name, double seconds, size_t bytes)
{
	double		events = (double) data->events;

	printf("| %-10s | %-20s | %7.2f | %9.1f | %11.1f |\n", data->kind->name, name,
		   (double) bytes / seconds / 1e9, seconds / events * 1e9, (double) bytes / events);
}

/* Measure one workload and print its rows. */
static void
measure(const Kind *kind, const MicroOptions *options)
{
	Samples		seconds[lengthof(measurements)] = {{.count = 0}};
	size_t		bytes[lengthof(measurements)];
	Data		data;

	data_render(&data, kind, options);
	for (size_t m = 0; m < lengthof(measurements); m++)
		measurements[m].run(&data);
	for (int64_t round = 0; round < options->rounds; round++)
		run_round(&data, seconds, bytes);
	for (size_t m = 0; m < lengthof(measurements); m++)
	{
		print_row(&data, measurements[m].name, samples_percentile(&seconds[m], 50), bytes[m]);
		samples_free(&seconds[m]);
	}
	data_free(&data);
}

/* Say how to call the program, and end it. */
static void
usage(void)
{
	fputs("usage: micro [--events N] [--batch N] [--rounds N] [--seed N] [WORKLOAD]...\n", stderr);
	exit(2);
}

/* Read the options of the command line. */
static void
parse_options(int argc, char **argv, MicroOptions *options)
{
	static const struct option long_options[] = {
		{"events", required_argument, NULL, 'e'},
		{"batch", required_argument, NULL, 'b'},
		{"rounds", required_argument, NULL, 'r'},
		{"seed", required_argument, NULL, 'x'},
		{NULL, 0, NULL, 0}
	};
	int			option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
	{
		if (option == 'e')
			options->events = parse_number(optarg, 10000000);
		else if (option == 'b')
			options->batch = parse_number(optarg, 1000000);
		else if (option == 'r')
			options->rounds = parse_number(optarg, 1000);
		else if (option == 'x')
			options->seed = parse_number(optarg, INT64_MAX);
		else
			usage();
	}
}

int
main(int argc, char **argv)
{
	MicroOptions options = {.events = 200000,.batch = 10000,.rounds = 7,.seed = 1};

	parse_options(argc, argv, &options);
	printf("| %-10s | %-20s | %7s | %9s | %11s |\n",
		   "workload", "measurement", "GB/s", "ns/event", "bytes/event");
	printf("|------------|----------------------|--------:|----------:|------------:|\n");
	for (int i = optind; i < argc; i++)
		measure(kind_find(argv[i]), &options);
	for (size_t i = 0; optind == argc && kind_number(i) != NULL; i++)
		measure(kind_number(i), &options);
	return 0;
}
