/*-------------------------------------------------------------------------
 *
 * group.c
 *	  Small blocks that lie next to each other in the log, and their events.
 *
 * Events are copied out of their rows, so that no page is pinned while they are packed,
 * and their documents are taken apart.  A block is left alone when it is damaged, or when
 * the index does not lead to its events: then something is wrong, and not for compaction
 * to hide.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compact/group.h"
#include "log/entities.h"
#include "log/ids.h"

/* Leaves of documents for which memory is taken at a time. */
#define LEAVES_AT_A_TIME 16384

/* Begins with an empty group, in the current memory context. */
void
es_group_begin(EsGathered *group, EsStore *store, EsShapes *shapes)
{
	uint32		room = ES_GROUP_MAX_EVENTS + ES_BLOCK_MAX_EVENTS;

	memset(group, 0, sizeof(*group));
	group->store = store;
	group->shapes = shapes;
	group->sources = palloc(room * sizeof(EsSource));
	group->events = palloc(room * sizeof(EsEvent));
	group->rows = palloc(room * sizeof(EsPackRow));
	group->places = palloc(room * sizeof(EsLogPlace));
	group->signposts = palloc(room * sizeof(EsSignpost));
	group->strings = palloc(ES_BLOCK_HEAD_ROOM);
	group->body = palloc(ES_BLOCK_MAX_BODY_ROOM);
	group->context = AllocSetContextCreate(CurrentMemoryContext, "eventstore merged events",
										   ALLOCSET_DEFAULT_SIZES);
}

void
es_group_reset(EsGathered *group)
{
	MemoryContextReset(group->context);
	group->source_count = group->event_count = 0;
	group->bytes = 0;
	group->leaf_room = 0;
}

/* Finds what leads to the event; false unless the index has it at this place. */
static bool
find_signpost(EsGathered *group, const EsStoredEvent *stored, EsPosting posting, EsSignpost *signpost)
{
	const EsEvent *event = &stored->event;
	EsEntity   *entity = es_store_find(group->store, event->tenant_id, event->entity_id);
	uint32		count;

	if (entity == NULL || stored->version < 1 || stored->version > es_entity_known(entity))
		return false;
	signpost->slot = es_posting_slots(es_pool, entity, (uint32) stored->version, &count);
	signpost->posting = posting;
	signpost->has_entry = !es_id_has_time(event->event_id, stored->recorded_at);
	return signpost->slot != NULL && __atomic_load_n(signpost->slot, __ATOMIC_RELAXED) == posting;
}

static EsSlice
copy_slice(char **out, EsSlice slice)
{
	char	   *start = *out;

	if (slice.data == NULL)
		return slice;
	*out = es_put_slice(start, slice);
	return es_slice(start, slice.size);
}

/* Copies what the event points to. */
static void
copy_event(EsGathered *group, EsEvent *event)
{
	size_t		size = (size_t) event->entity_id.size + event->event_type.size + event->tenant_id.size +
	event->tags.size + event->payload.size + event->metadata.size;
	char	   *out = MemoryContextAlloc(group->context, size + 1);

	event->entity_id = copy_slice(&out, event->entity_id);
	event->event_type = copy_slice(&out, event->event_type);
	event->tenant_id = copy_slice(&out, event->tenant_id);
	event->tags = copy_slice(&out, event->tags);
	event->payload = copy_slice(&out, event->payload);
	event->metadata = copy_slice(&out, event->metadata);
	group->bytes += size;
}

/* Takes a document apart, as parsing it would. */
static void
take_apart(EsGathered *group, EsSlice text, EsDocument *document)
{
	const char *end = text.data + text.size;

	if (group->leaf_room < ES_MAX_LEAVES)
	{
		group->leaves = MemoryContextAlloc(group->context, LEAVES_AT_A_TIME * sizeof(EsLeaf));
		group->leaf_room = LEAVES_AT_A_TIME;
	}
	document->leaves = group->leaves;
	if (es_shape_scan(group->shapes, text.data, end, &document->shape, group->leaves) != end)
		document->shape = 0;
	if (document->shape != 0)
	{
		uint32		count = group->shapes->shapes[document->shape].segment_count - 1;

		group->leaves += count;
		group->leaf_room -= count;
	}
}

static void
take_documents_apart(EsGathered *group, EsEvent *event)
{
	take_apart(group, event->payload, &event->payload_document);
	if (event->has & ES_HAS_METADATA)
		take_apart(group, event->metadata, &event->metadata_document);
}

/* Adds an event of the row; false if it cannot be read, or the index does not have it there. */
static bool
add_event(EsGathered *group, EsBlockRow *row, uint32 ordinal)
{
	ItemPointer tid = &row->tuple.t_self;
	uint32		i = group->event_count;
	EsStoredEvent stored;

	if (es_block_read_head(&row->block, ordinal, group->strings, &stored) != ES_BLOCK_OK ||
		stored.large || es_row_body(row, group->body, &stored) != ES_BLOCK_OK ||
		!find_signpost(group, &stored,
					   es_posting(ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid), ordinal),
					   &group->signposts[i]))
		return false;
	copy_event(group, &stored.event);
	take_documents_apart(group, &stored.event);
	group->events[i] = stored.event;
	group->rows[i] = (EsPackRow)
	{
		&group->events[i], stored.version
	};
	group->places[i] = (EsLogPlace)
	{
		stored.position, stored.recorded_at
	};
	group->event_count++;
	return true;
}

/*
 * Adds the next block, for which there is room; false, and nothing is added, when it is
 * to be left alone.
 */
bool
es_group_add(EsGathered *group, EsBlockRow *row)
{
	uint32		first = group->event_count;

	for (uint32 ordinal = 0; ordinal < row->block.header.event_count; ordinal++)
	{
		if (!add_event(group, row, ordinal))
		{
			group->event_count = first;
			return false;
		}
	}
	group->sources[group->source_count++] = (EsSource)
	{
		row->tuple.t_self, first, group->event_count - first, row->size, row->first_position
	};
	return true;
}
