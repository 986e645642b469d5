/*
 * orders.c
 *		Workload "orders": a payload of 7 fields and about 200 bytes of JSON,
 *		metadata of 2 fields and about 55 bytes.
 *
 * Its notes are words drawn evenly from 64.
 */
#include <inttypes.h>

#include "kinds.h"

#define CUSTOMERS			50000
#define AMOUNT_MAX_CENTS	100000
#define QUANTITY_MAX		20
#define NOTE_WORDS_MIN		8
#define REFUNDED_PER_CENT	1

static const char *const event_types[] = {
	"order.placed", "order.confirmed", "order.paid", "order.packed",
	"order.shipped", "order.delivered", "order.returned", "order.cancelled",
	"order.item.added", "order.item.removed", "order.note.added",
	"order.address.changed", "order.invoice.sent", "order.refund.requested",
	"order.refund.paid", "payment.authorized", "payment.captured",
	"payment.failed", "stock.reserved", "stock.released"
};

static const char *const currencies[] = {"EUR", "USD", "GBP", "CHF", "SEK"};

/* The first is the rare one. */
static const char *const statuses[] = {"refunded", "new", "paid", "shipped", "delivered"};

static const char *const sources[] = {"web", "app", "shop", "partner"};

static const char *const words[64] = {
	"please", "leave", "parcel", "with", "the", "friendly", "neighbour", "if",
	"nobody", "opens", "door", "ring", "bell", "twice", "and", "wait",
	"a", "moment", "before", "going", "to", "side", "gate", "behind",
	"house", "customer", "asked", "for", "gift", "wrapping", "blue", "paper",
	"card", "says", "happy", "birthday", "from", "all", "of", "us",
	"deliver", "after", "six", "on", "weekdays", "only", "fragile", "handle",
	"gently", "keep", "dry", "cold", "store", "upright", "call", "driver",
	"when", "late", "second", "attempt", "failed", "address", "was", "wrong"
};

/* Draw everything of an event that has nothing to do with its entity. */
void
orders_fill(Event *event, Random *random)
{
	Order	   *order = &event->order;

	order->correlation_id = random_next(random);
	event->event_type = event_types[random_below(random, lengthof(event_types))];
	order->customer = (int) random_below(random, CUSTOMERS);
	order->amount_cents = 1 + (int) random_below(random, AMOUNT_MAX_CENTS);
	order->currency = (int) random_below(random, lengthof(currencies));
	order->status = 0;
	if (random_below(random, 100) >= REFUNDED_PER_CENT)
		order->status = 1 + (int) random_below(random, lengthof(statuses) - 1);
	order->quantity = 1 + (int) random_below(random, QUANTITY_MAX);
	order->source = (int) random_below(random, lengthof(sources));
	order->note_count = NOTE_WORDS_MIN +
		(int) random_below(random, NOTE_WORDS_MAX - NOTE_WORDS_MIN + 1);
	for (int i = 0; i < order->note_count; i++)
		order->note_words[i] = (uint8_t) random_below(random, lengthof(words));
}

/* Append a payload up to its note. */
void
orders_render_start(const Event *event, Buffer *out)
{
	const Order *order = &event->order;

	buffer_format(out, "{\"order_id\":\"%s\",\"customer\":\"customer-%05d\",\"amount\":%d.%02d,",
				  event->entity_id, order->customer,
				  order->amount_cents / 100, order->amount_cents % 100);
	buffer_format(out, "\"currency\":\"%s\",\"status\":\"%s\",\"quantity\":%d,\"note\":\"",
				  currencies[order->currency], statuses[order->status], order->quantity);
}

/* Append a payload. */
static void
orders_render_payload(const Event *event, Buffer *out)
{
	orders_render_start(event, out);
	for (int i = 0; i < event->order.note_count; i++)
	{
		if (i > 0)
			buffer_append(out, " ", 1);
		buffer_string(out, words[event->order.note_words[i]]);
	}
	buffer_append(out, "\"}", 2);
}

/* Append the metadata. */
void
orders_render_metadata(const Event *event, Buffer *out)
{
	buffer_format(out, "{\"correlation_id\":\"%016" PRIx64 "\",\"source\":\"%s\"}",
				  event->order.correlation_id, sources[event->order.source]);
}

const Kind	orders_kind = {
	.name = "orders",
	.help = "orders, with notes out of 64 words",
	.timed = true,
	.fill = orders_fill,
	.render_payload = orders_render_payload,
	.render_metadata = orders_render_metadata
};
