/*
 * client.c
 *		The benchmark's client: reads the command line and runs one subcommand.
 *
 * It prints one line "name value" for each figure. The server is found through
 * PGHOST, PGDATABASE and the like; bench/run sets them and starts the server.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "workload.h"

typedef struct Command
{
	const char *name;
	void		(*run) (const Options *options);
	const char *help;
} Command;

static void print_ndjson(const Options *options);
static void print_rows(const Options *options);

static const Command commands[] = {
	{"ingest", bulk_ingest, "load eventstore (--workload --form --events --batch --clients)"},
	{"copy", bulk_copy, "load the plain table (--workload --events --batch --clients)"},
	{"single-append", single_append, "one event a transaction, eventstore (--clients --seconds)"},
	{"single-insert", single_insert, "one event a transaction, plain table (--clients --seconds)"},
	{"read-entity", read_entities, "read entities of 10 events (--events as loaded, --reads)"},
	{"queries", query_relations, "read by predicate and by entity (--repeat, --reads)"},
	{"queries-indexed", query_with_indexes, "beside indexes made for the question (--repeat)"},
	{"look-ups", query_in_server, "look entities up in the server (--repeat)"},
	{"questions", ask_questions, "ask what a file asks, and print a table (--file --repeat)"},
	{"rebuild", rebuild_index, "rebuild eventstore's index (--repeat)"},
	{"ndjson", print_ndjson, "print events for eventstore (--workload --events)"},
	{"rows", print_rows, "print events for COPY into the plain table (--workload --events)"}
};

static const struct option long_options[] = {
	{"workload", required_argument, NULL, 'w'},
	{"form", required_argument, NULL, 'f'},
	{"file", required_argument, NULL, 'q'},
	{"events", required_argument, NULL, 'e'},
	{"batch", required_argument, NULL, 'b'},
	{"clients", required_argument, NULL, 'c'},
	{"seconds", required_argument, NULL, 's'},
	{"reads", required_argument, NULL, 'r'},
	{"repeat", required_argument, NULL, 'n'},
	{"seed", required_argument, NULL, 'x'},
	{"plain-only", no_argument, NULL, 'p'},
	{NULL, 0, NULL, 0}
};

/* Print the events of the workload, one a line. */
static void
print_events(const Options *options, void (*render) (const Event *event, Buffer *out))
{
	Workload   *workload = workload_create(kind_find(options->workload),
										   options->events, options->seed);
	Buffer		line = {.length = 0};
	Event		event;

	while (workload_next(workload, &event))
	{
		line.length = 0;
		render(&event, &line);
		fwrite(line.data, 1, line.length, stdout);
	}
	buffer_free(&line);
	workload_free(workload);
}

/* Subcommand "ndjson". */
static void
print_ndjson(const Options *options)
{
	print_events(options, event_render_ndjson);
}

/* Subcommand "rows". */
static void
print_rows(const Options *options)
{
	print_events(options, event_render_row);
}

/* Say how to call the program, and end it. */
static void
usage(void)
{
	fputs("usage: client SUBCOMMAND [--OPTION VALUE]...\n", stderr);
	for (size_t i = 0; i < lengthof(commands); i++)
		fprintf(stderr, "  %-16s %s\n", commands[i].name, commands[i].help);
	fputs("--workload is one of:\n", stderr);
	for (size_t i = 0; kind_number(i) != NULL; i++)
		fprintf(stderr, "  %-16s %s\n", kind_number(i)->name, kind_number(i)->help);
	fputs("--form is text (lines of JSON), events (event[]) or columns (arrays).\n"
		  "--seed chooses another workload, --plain-only leaves eventstore out of reading.\n",
		  stderr);
	exit(2);
}

/* Find the subcommand of that name. */
static const Command *
find_command(const char *name)
{
	for (size_t i = 0; i < lengthof(commands); i++)
	{
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	}
	usage();
	return NULL;
}

/* Read the options of the command line. */
static void
parse_options(int argc, char **argv, Options *options)
{
	int			option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
	{
		switch (option)
		{
			case 'w':
				options->workload = optarg;
				break;
			case 'f':
				options->form = optarg;
				break;
			case 'q':
				options->file = optarg;
				break;
			case 'e':
				options->events = parse_number(optarg, 100000000);
				break;
			case 'b':
				options->batch = parse_number(optarg, 1000000);
				break;
			case 'c':
				options->clients = parse_number(optarg, 1000);
				break;
			case 's':
				options->seconds = parse_number(optarg, 3600);
				break;
			case 'r':
				options->reads = parse_number(optarg, 10000000);
				break;
			case 'n':
				options->repeat = parse_number(optarg, 1000);
				break;
			case 'x':
				options->seed = parse_number(optarg, INT64_MAX);
				break;
			case 'p':
				options->plain_only = true;
				break;
			default:
				usage();
		}
	}
	if (optind != argc)
		usage();
}

int
main(int argc, char **argv)
{
	Options		options = {
		.workload = "orders",
		.form = "text",
		.file = "questions.sql",
		.events = 2000000,
		.batch = 10000,
		.clients = 1,
		.seconds = 10,
		.reads = 20000,
		.repeat = 3,
		.seed = 1
	};
	const Command *command;

	if (argc < 2)
		usage();
	command = find_command(argv[1]);
	parse_options(argc - 1, argv + 1, &options);
	command->run(&options);
	return 0;
}
