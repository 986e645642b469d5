/*
 * micro.c
 *		Measure parts of src/core alone, without a server, on the events of the
 *		workloads, and print one table; and the loops of src/kernel, in another.
 *
 * Every measurement is run once before, so that all memory has been touched,
 * and then several times in turn with the others; medians are printed.
 */
#include "micro.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"

/* One measurement's results of all rounds. */
typedef struct Result
{
	Samples		ns;				/* for each event */
	Tally		tally;			/* of the last round */
} Result;

/* ------------------------------------------------------------------ the table */

/* Write a figure, or a dash where there is none. */
static const char *
cell(char *out, size_t size, double value, int decimals)
{
	snprintf(out, size, value > 0 ? "%.*f" : "-", decimals, value);
	return out;
}

/* Print the head of the table. */
static void
print_head(void)
{
	printf("kernel: %s\n\n", es_kernel->name);
	printf("| %-10s | %-21s | %7s | %9s | %11s | %5s |\n",
		   "workload", "measurement", "GB/s", "ns/event", "bytes/event", "fill");
	printf("|------------|-----------------------|--------:|----------:|------------:|------:|\n");
}

/* Print one row. */
static void
print_row(const char *workload, const char *measurement, Result *result)
{
	const Tally *tally = &result->tally;
	double		ns = samples_percentile(&result->ns, 50);
	double		bytes = (double) tally->bytes / (double) tally->events;
	double		fill = 0;
	char		cells[4][32];

	if (tally->blocks > 0)
		fill = (double) tally->bytes / (double) tally->blocks / ES_BLOCK_MAX_SIZE;
	printf("| %-10s | %-21s | %7s | %9s | %11s | %5s |\n", workload, measurement,
		   cell(cells[0], sizeof(cells[0]), bytes / ns, 2),
		   cell(cells[1], sizeof(cells[1]), ns, 1),
		   cell(cells[2], sizeof(cells[2]), bytes, 1),
		   cell(cells[3], sizeof(cells[3]), fill, 3));
}

/* -------------------------------------------------------------- measuring */

/* Make one measurement; returns how long it took, in seconds. */
static double
run(const Measurement *measurement, Data *data, Tally *tally)
{
	int64_t		steps = measurement->steps(data);
	double		seconds = 0;

	memset(tally, 0, sizeof(*tally));
	for (int64_t step = 0; step < steps; step++)
	{
		double		started;

		if (measurement->prepare != NULL)
			measurement->prepare(data, step);
		started = clock_seconds();
		measurement->run(data, step, tally);
		seconds += clock_seconds() - started;
	}
	return seconds;
}

/* Make all measurements once, and keep the results if they are wanted. */
static void
run_round(Data *data, Result *results, bool keep)
{
	const Measurement *measurement;

	for (size_t m = 0; (measurement = measurement_number(m)) != NULL; m++)
	{
		Tally	   *tally = &results[m].tally;
		double		seconds = run(measurement, data, tally);

		if (keep)
			samples_add(&results[m].ns, seconds * 1e9 / (double) tally->events);
	}
}

/* Measure one workload and print its rows. */
static void
measure(const Kind *kind, const MicroOptions *options)
{
	Result		results[MEASUREMENTS_MAX] = {{.ns.count = 0}};
	Data		data;

	data_create(&data, kind, options);
	for (int64_t round = 0; round <= options->rounds; round++)
		run_round(&data, results, round > 0);
	for (size_t m = 0; measurement_number(m) != NULL; m++)
	{
		print_row(kind->name, measurement_number(m)->name, &results[m]);
		samples_free(&results[m].ns);
	}
	data_free(&data);
}

/* ------------------------------------------------------------ command line */

/* Say how to call the program, and end it. */
static void
usage(void)
{
	fputs("usage: micro [--events N] [--batch N] [--rounds N] [--seed N]\n"
		  "             [--kernel scalar|v128|avx2|avx512] [WORKLOAD | loops]...\n", stderr);
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
		{"kernel", required_argument, NULL, 'k'},
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
		else if (option == 'k')
			options->kernel = optarg;
		else
			usage();
	}
}

/* Find the kernel of that name, or the widest when there is none. */
static const EsKernel *
find_kernel(const char *name)
{
	if (name == NULL)
		return es_kernel_choose(ES_KERNEL_AUTO);
	for (int choice = ES_KERNEL_SCALAR; choice <= ES_KERNEL_AVX512; choice++)
	{
		const EsKernel *kernel = es_kernel_choose(choice);

		if (kernel != NULL && strcmp(name, kernel->name) == 0)
			return kernel;
	}
	die("this machine has no kernel \"%s\"", name);
}

int
main(int argc, char **argv)
{
	MicroOptions options = {.events = 200000,.batch = 10000,.rounds = 7,.seed = 1};

	parse_options(argc, argv, &options);
	es_kernel = find_kernel(options.kernel);
	if (optind == argc || strcmp(argv[optind], "loops") == 0)
		measure_loops(options.rounds);
	if (optind < argc && strcmp(argv[optind], "loops") == 0 && ++optind == argc)
		return 0;
	print_head();
	for (int i = optind; i < argc; i++)
		measure(kind_find(argv[i]), &options);
	for (size_t i = 0; optind == argc && kind_number(i) != NULL; i++)
		measure(kind_number(i), &options);
	return 0;
}
