/*
 * shapes.c
 *		Workload "shapes": every payload has other keys than all others, 3 to 10
 *		of them, with values of all types, some nested. No metadata.
 *
 * Nothing is kept of a payload but a seed; it is drawn while it is rendered.
 */
#include "kinds.h"

#define KEYS_MIN		3
#define KEYS_MAX		10
#define INNER_KEYS_MAX	4
#define KEY_LETTERS_MIN 4
#define KEY_LETTERS_MAX 14
#define ELEMENTS_MAX	4
#define DEPTH_MAX		3		/* the payload itself is at depth 1 */

static const char *const event_types[] = {
	"sensor.read", "form.sent", "page.seen", "job.done", "mail.received"
};

static void render_object(Random *random, int keys, int depth, Buffer *out);

/* Draw the event's type and the seed of its payload. */
static void
shapes_fill(Event *event, Random *random)
{
	event->event_type = event_types[random_below(random, lengthof(event_types))];
	event->seed = random_next(random);
}

/* Append so many letters. */
static void
render_letters(Random *random, int count, Buffer *out)
{
	char		letters[32];

	for (int i = 0; i < count; i++)
		letters[i] = (char) ('a' + random_below(random, 26));
	buffer_append(out, letters, count);
}

/* Append a string of one to four words of letters. */
static void
render_string(Random *random, Buffer *out)
{
	int			count = 1 + (int) random_below(random, 4);

	buffer_append(out, "\"", 1);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			buffer_append(out, " ", 1);
		render_letters(random, 2 + (int) random_below(random, 8), out);
	}
	buffer_append(out, "\"", 1);
}

/* Append a number, up to nine digits, every third one with decimals. */
static void
render_number(Random *random, Buffer *out)
{
	uint32_t	number = random_below(random, 1000000000);

	for (int drop = (int) random_below(random, 9); drop > 0; drop--)
		number /= 10;
	if (random_below(random, 10) == 0)
		buffer_append(out, "-", 1);
	buffer_format(out, "%u", number);
	if (random_below(random, 3) == 0)
		buffer_format(out, ".%u", 1 + random_below(random, 999));
}

/* Append a value that has no parts. */
static void
render_scalar(Random *random, Buffer *out)
{
	static const char *const literals[] = {"true", "false", "null"};
	uint32_t	choice = random_below(random, 10);

	if (choice < 4)
		render_number(random, out);
	else if (choice < 8)
		render_string(random, out);
	else
		buffer_string(out, literals[random_below(random, lengthof(literals))]);
}

/* Append an array of values without parts. */
static void
render_array(Random *random, Buffer *out)
{
	int			count = (int) random_below(random, ELEMENTS_MAX + 1);

	buffer_append(out, "[", 1);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			buffer_append(out, ",", 1);
		render_scalar(random, out);
	}
	buffer_append(out, "]", 1);
}

/* Append a value of any type. */
static void
render_value(Random *random, int depth, Buffer *out)
{
	uint32_t	choice = random_below(random, 10);

	if (choice == 0)
		render_array(random, out);
	else if (choice == 1 && depth < DEPTH_MAX)
		render_object(random, 1 + (int) random_below(random, INNER_KEYS_MAX), depth + 1, out);
	else
		render_scalar(random, out);
}

/*
 * Append an object with so many keys, at most 26. The first letters of the keys
 * are different ones, so that no key is there twice.
 */
static void
render_object(Random *random, int keys, int depth, Buffer *out)
{
	int			first = (int) random_below(random, 26);

	buffer_append(out, "{", 1);
	for (int i = 0; i < keys; i++)
	{
		int			letters = KEY_LETTERS_MIN +
		(int) random_below(random, KEY_LETTERS_MAX - KEY_LETTERS_MIN + 1);

		buffer_format(out, "%s\"%c", i > 0 ? "," : "", 'a' + (first + i) % 26);
		render_letters(random, letters - 1, out);
		buffer_append(out, "\":", 2);
		render_value(random, depth, out);
	}
	buffer_append(out, "}", 1);
}

/* Append a payload. */
static void
shapes_render_payload(const Event *event, Buffer *out)
{
	Random		random = {.state = event->seed};
	int			keys = KEYS_MIN + (int) random_below(&random, KEYS_MAX - KEYS_MIN + 1);

	render_object(&random, keys, 1, out);
}

const Kind	shapes_kind = {
	.name = "shapes",
	.help = "payloads of which each has keys of its own",
	.timed = true,
	.fill = shapes_fill,
	.render_payload = shapes_render_payload
};
