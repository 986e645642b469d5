/*
 * small.c
 *		Workload "small": 100 entities and a payload of about 30 bytes, no
 *		metadata, no time.
 */
#include <inttypes.h>

#include "kinds.h"

static const char *const event_types[] = {"created", "updated", "checked", "deleted"};

/* Draw the event's type. */
static void
small_fill(Event *event, Random *random)
{
	event->event_type = event_types[random_below(random, lengthof(event_types))];
}

/* Append a payload. */
static void
small_render_payload(const Event *event, Buffer *out)
{
	buffer_format(out, "{\"index\":%" PRId64 ",\"data\":\"payload\"}", event->ordinal - 1);
}

const Kind	small_kind = {
	.name = "small",
	.help = "small payloads, 100 entities",
	.equal_entities = 100,
	.fill = small_fill,
	.render_payload = small_render_payload
};
