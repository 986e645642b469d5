/*
 * hostile.c
 *		Workload "hostile": JSON as nobody wishes for it, but may get it. Empty
 *		documents, nesting of up to 60 levels, keys that are there twice, numbers
 *		of 100 digits and with exponents, escapes, objects of up to 10,000 keys,
 *		strings of up to 100 kB; and between them documents whose keys are in any
 *		order and hold any type.
 *
 * All of it is JSON that jsonb takes, too. Nothing is kept of a payload but a
 * seed; it is drawn while it is rendered.
 */
#include "kinds.h"

#define DEPTH_MAX		60
#define DIGITS			100
#define ESCAPES_MAX		24

/* One sort of payload. */
typedef struct Sort
{
	uint32_t	per_thousand;
	void		(*render) (Random *random, Buffer *out);
} Sort;

static const char *const event_types[] = {
	"document.saved", "document.sent", "import.row", "crawler.page", "device.report"
};

static const char *const keys[] = {
	"id", "name", "value", "items", "parent", "comment", "at", "size", "\\u006bey", ""
};

/* Draw the event's type and the seed of its payload. */
static void
hostile_fill(Event *event, Random *random)
{
	event->event_type = event_types[random_below(random, lengthof(event_types))];
	event->seed = random_next(random);
}

/* Append so many digits; the first one is not 0. */
static void
render_digits(Random *random, int count, Buffer *out)
{
	char		digits[DIGITS];

	for (int i = 0; i < count; i++)
		digits[i] = (char) ('0' + random_below(random, 10));
	digits[0] = (char) ('1' + random_below(random, 9));
	buffer_append(out, digits, count);
}

/* Append a document without anything in it. */
static void
render_empty(Random *random, Buffer *out)
{
	static const char *const empty[] = {"{}", "[]", "\"\"", "null", "{ }", "[{}]", "{\"\":{}}"};

	buffer_string(out, empty[random_below(random, lengthof(empty))]);
}

/* Append a number of many digits or with an exponent. */
static void
render_number(Random *random, Buffer *out)
{
	if (random_below(random, 2) == 0)
		buffer_append(out, "-", 1);
	switch (random_below(random, 3))
	{
		case 0:
			render_digits(random, DIGITS, out);
			break;
		case 1:
			render_digits(random, DIGITS / 2, out);
			buffer_append(out, ".", 1);
			render_digits(random, DIGITS / 2, out);
			break;
		default:
			render_digits(random, 1, out);
			buffer_format(out, "e%+d", (int) random_below(random, 60) - 30);
	}
}

/* Append a string with many escapes, among them halves that make one sign. */
static void
render_escapes(Random *random, Buffer *out)
{
	static const char *const parts[] = {
		"\\n", "\\t", "\\\"", "\\\\", "\\/", "\\b", "\\u00e9", "\\u20AC", "\\ud83d\\ude00",
		"C:\\\\", "caf\xC3\xA9", "plain text"
	};

	buffer_append(out, "\"", 1);
	for (int count = (int) random_below(random, ESCAPES_MAX + 1); count > 0; count--)
		buffer_string(out, parts[random_below(random, lengthof(parts))]);
	buffer_append(out, "\"", 1);
}

/* Append a value of any type. */
static void
render_value(Random *random, Buffer *out)
{
	switch (random_below(random, 6))
	{
		case 0:
			render_number(random, out);
			break;
		case 1:
			render_escapes(random, out);
			break;
		case 2:
			render_empty(random, out);
			break;
		case 3:
			buffer_string(out, random_below(random, 2) == 0 ? "true" : "false");
			break;
		default:
			render_digits(random, 1 + (int) random_below(random, 9), out);
	}
}

/* Append an object of some keys in any order, some of them twice. */
static void
render_object(Random *random, Buffer *out)
{
	int			count = (int) random_below(random, 2 * lengthof(keys));

	buffer_append(out, "{", 1);
	for (int i = 0; i < count; i++)
	{
		buffer_format(out, "%s\"%s\":", i > 0 ? ", " : "",
					  keys[random_below(random, lengthof(keys))]);
		render_value(random, out);
	}
	buffer_append(out, "}", 1);
}

/* Append an array of long numbers. */
static void
render_numbers(Random *random, Buffer *out)
{
	buffer_append(out, "[", 1);
	for (int more = (int) random_below(random, 6); more >= 0; more--)
	{
		render_number(random, out);
		buffer_append(out, more > 0 ? "," : "]", 1);
	}
}

/* Append arrays and objects in each other. */
static void
render_nested(Random *random, Buffer *out)
{
	int			depth = 1 + (int) random_below(random, DEPTH_MAX);
	uint64_t	objects = random_next(random);	/* a bit for each level */

	for (int level = 0; level < depth; level++)
		buffer_string(out, objects >> level & 1 ? "{\"in\":" : "[");
	render_value(random, out);
	for (int level = depth - 1; level >= 0; level--)
		buffer_append(out, objects >> level & 1 ? "}" : "]", 1);
}

/* Append an object of very many keys. */
static void
render_many_keys(Random *random, Buffer *out)
{
	static const int counts[] = {150, 500, 2000, 10000};
	int			count = counts[random_below(random, lengthof(counts))];

	buffer_append(out, "{", 1);
	for (int i = 0; i < count; i++)
		buffer_format(out, "%s\"k%d\":%u", i > 0 ? "," : "", i, random_below(random, 1000));
	buffer_append(out, "}", 1);
}

/* Append an object with a very long string. */
static void
render_long_string(Random *random, Buffer *out)
{
	static const int sizes[] = {1000, 5000, 20000, 100000};
	int			size = sizes[random_below(random, lengthof(sizes))];
	char		piece[50];

	buffer_string(out, "{\"text\":\"");
	for (int i = 0; i < size; i += sizeof(piece))
	{
		for (size_t c = 0; c < sizeof(piece) - 2; c++)
			piece[c] = (char) ('a' + random_below(random, 26));
		piece[sizeof(piece) - 2] = '\\';
		piece[sizeof(piece) - 1] = 'n';
		buffer_append(out, piece, sizeof(piece));
	}
	buffer_append(out, "\"}", 2);
}

/* The last one makes up all the rest. */
static const Sort sorts[] = {
	{10, render_many_keys},
	{10, render_long_string},
	{100, render_empty},
	{100, render_nested},
	{100, render_numbers},
	{100, render_escapes},
	{1000, render_object}
};

/* Append a payload. */
static void
hostile_render_payload(const Event *event, Buffer *out)
{
	Random		random = {.state = event->seed};
	uint32_t	choice = random_below(&random, 1000);
	const Sort *sort = sorts;

	for (; choice >= sort->per_thousand; sort++)
		choice -= sort->per_thousand;
	sort->render(&random, out);
}

const Kind	hostile_kind = {
	.name = "hostile",
	.help = "deep, long, repetitive and empty JSON",
	.timed = true,
	.fill = hostile_fill,
	.render_payload = hostile_render_payload
};
