/*-------------------------------------------------------------------------
 *
 * group.c
 *	  Small blocks that lie next to each other in the log, and their events.
 *
 * Events are copied out of their rows, and their documents are taken apart.  Memory is the backend's scratch.  A block is left alone when it is damaged, or when
 * the index does not lead to its events: then something is wrong, and not for compaction
 * to hide.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "append/memory.h"
#include "compact/group.h"
#include "log/entities.h"
#include "log/ids.h"

/* Leaves of documents for which memory is taken at a time. */
#define LEAVES_AT_A_TIME 16384

/* Begins with an empty group; the backend's scratch is the caller's. */
void
es_group_begin(EsBlockGroup *group, EsStore *store)
{
	uint32		room = ES_GROUP_MAX_EVENTS + ES_BLOCK_MAX_EVENTS;
	EsExpectations *expectations = es_backend_expectations();

	es_expectations_renew(expectations);
	memset(group, 0, sizeof(*group));
	group->store = store;
	group->shapes = &expectations->shapes;
	group->sources = es_scratch_alloc(room * sizeof(EsSource));
	group->events = es_scratch_alloc(room * sizeof(EsEvent));
	group->rows = es_scratch_alloc(room * sizeof(EsPackRow));
	group->places = es_scratch_alloc(room * sizeof(EsLogPlace));
	group->signposts = es_scratch_alloc(room * sizeof(EsSignpost));
	group->strings = es_scratch_alloc(ES_BLOCK_HEAD_ROOM);
	group->body = es_scratch_alloc(ES_BLOCK_MAX_BODY_ROOM);
}

void
es_group_reset(EsBlockGroup *group)
{
	group->source_count = group->event_count = 0;
	group->bytes = 0;
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
copy_event(EsBlockGroup *group, EsEvent *event)
{
	size_t		size = (size_t) event->entity_id.size + event->event_type.size + event->tenant_id.size +
	event->tags.size + event->payload.size + event->metadata.size;
	char	   *out = es_scratch_alloc(size + 1);

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
take_apart(EsBlockGroup *group, EsSlice text, EsDocument *document)
{
	const char *end = text.data + text.size;

	if (group->leaf_room < ES_MAX_LEAVES)
	{
		group->leaves = es_scratch_alloc(LEAVES_AT_A_TIME * sizeof(EsLeaf));
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
take_documents_apart(EsBlockGroup *group, EsEvent *event)
{
	take_apart(group, event->payload, &event->payload_document);
	if (event->has & ES_HAS_METADATA)
		take_apart(group, event->metadata, &event->metadata_document);
}

/* Adds an event of the row; false if it cannot be read. */
static bool
add_event(EsBlockGroup *group, EsBlockRow *row, uint32 ordinal)
{
	uint32		i = group->event_count;
	EsStoredEvent stored;

	if (es_block_read_head(&row->block, ordinal, group->strings, &stored) != ES_BLOCK_OK ||
		stored.large || es_row_body(row, group->body, &stored) != ES_BLOCK_OK)
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
es_group_add(EsBlockGroup *group, EsBlockRow *row)
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
		row->tuple.t_self, first, group->event_count - first, row->size, row->first_position, true
	};
	return true;
}

/* ------------------------------------------------------------------ the index */

/* Where the event of a block is. */
static EsPosting
posting_of(const EsSource *source, uint32 i)
{
	return es_posting(ItemPointerGetBlockNumber(&source->tid), ItemPointerGetOffsetNumber(&source->tid),
					  i - source->first);
}

/*
 * Finds what leads to an event of the entity, which is committed; false unless that is this
 * place, or sorted runs, which lead to its position.
 */
static bool
find_signpost(EsBlockGroup *group, EsEntity *entity, uint32 i, EsPosting posting)
{
	EsSignpost *signpost = &group->signposts[i];
	int64		version = group->rows[i].version;
	uint32		count;

	signpost->slot = NULL;
	signpost->posting = posting;
	signpost->has_entry = !es_id_has_time(group->events[i].event_id, group->places[i].recorded_at);
	if (entity == NULL || !es_entity_is_resolved(entity))
		return group->places[i].position <= group->store->runs_through;
	if (version < 1 || version > es_entity_known(entity))
		return false;
	es_entity_note_committed(entity, (uint32) version, &group->store->index.counts);
	signpost->slot = es_posting_slots(es_pool, entity, (uint32) version, &count);
	if (signpost->slot == NULL)
		return version <= es_entity_in_runs(entity);
	if (es_posting_is_position(__atomic_load_n(signpost->slot, __ATOMIC_RELAXED)))
	{
		signpost->slot = NULL;	/* it leads wherever the event is */
		return true;
	}
	return __atomic_load_n(signpost->slot, __ATOMIC_RELAXED) == posting;
}

/* Finds the entities of so many events, whose memory is loaded side by side. */
static void
find_entities(const EsBlockGroup *group, uint32 first, uint32 count, EsEntity **entities)
{
	const EsIndex *index = &group->store->index;
	EsKey		keys[ES_PREFETCH_WINDOW];
	uint64		hashes[ES_PREFETCH_WINDOW];

	for (uint32 i = 0; i < count; i++)
	{
		const EsEvent *event = &group->events[first + i];

		keys[i] = (EsKey)
		{
			event->tenant_id, event->entity_id, es_key_hash(event->tenant_id, event->entity_id)
		};
		hashes[i] = keys[i].hash;
	}
	es_index_prefetch(es_pool, index, hashes, count);
	for (uint32 i = 0; i < count; i++)
	{
		entities[i] = es_index_find(es_pool, index, &keys[i]);
		if (entities[i] != NULL)
			es_postings_prefetch(es_pool, entities[i]);
	}
}

/* Finds what leads to the group's events, and which blocks to leave alone since nothing does. */
void
es_group_find(EsBlockGroup *group)
{
	EsSource   *source = group->sources;

	for (uint32 first = 0; first < group->event_count; first += ES_PREFETCH_WINDOW)
	{
		uint32		count = Min(ES_PREFETCH_WINDOW, group->event_count - first);
		EsEntity   *entities[ES_PREFETCH_WINDOW];

		find_entities(group, first, count, entities);
		for (uint32 i = first; i < first + count; i++)
		{
			while (i >= source->first + source->count)
				source++;
			source->is_indexed &= find_signpost(group, entities[i - first], i, posting_of(source, i));
		}
	}
}
