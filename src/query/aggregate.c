/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *	  What is aggregated over groups of events, a block at a time.
 *
 * Numbers that are plain go to their groups column by column.  What only
 * PostgreSQL can decide - a FILTER, a cast that may fail - is put off to the end
 * of the block and then done event by event, in the order of the aggregates: so
 * it is the same error that is raised first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "log/shared.h"
#include "query/aggregate.h"
#include "query/group.h"

/* A set of pairs of a group and an entity_id. */
typedef struct EntitySet
{
	struct EntityEntry *entries;
	uint32		size;			/* a power of two */
	uint32		count;
} EntitySet;

typedef struct EntityEntry
{
	uint64		hash;
	EsAccumulator *accumulator; /* of the group; NULL: the entry is free */
	EsSlice		entity_id;
} EntityEntry;

/* An aggregate in a block. */
typedef struct Pass
{
	EsAggregate *aggregate;
	int			number;
	uint64		sure[ES_BLOCK_BIT_WORDS];	/* events that pass the FILTER */
	uint64		unsure[ES_BLOCK_BIT_WORDS]; /* that may */
	uint64		later[ES_BLOCK_BIT_WORDS];	/* events that are put off */
	EsNumbers	numbers;
} Pass;

void
es_grouping_begin(EsGrouping *grouping)
{
	grouping->memory = AllocSetContextCreate(CurrentMemoryContext, "eventstore groups",
											 ALLOCSET_DEFAULT_SIZES);
	if (grouping->key_count == 0)
		(void) es_group_make(grouping, 0);
}

static EsAccumulator *
accumulator_of(EsGrouping *grouping, const EsBlockGroups *groups, uint32 i, int aggregate)
{
	EsGroup    *group = grouping->key_count == 0 ? grouping->first : groups->groups[groups->numbers[i]];

	return &group->accumulators[aggregate];
}

/* ----------------------------------------------------------------- entities */

static void
grow_entities(EsGrouping *grouping)
{
	EntitySet  *set = grouping->entities;
	uint32		size = Max(set->size * 2, 1024);
	EntityEntry *entries = MemoryContextAllocExtended(grouping->memory, size * sizeof(EntityEntry),
													  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (uint32 i = 0; i < set->size; i++)
	{
		uint32		place = (uint32) set->entries[i].hash & (size - 1);

		if (set->entries[i].accumulator == NULL)
			continue;
		while (entries[place].accumulator != NULL)
			place = (place + 1) & (size - 1);
		entries[place] = set->entries[i];
	}
	if (set->entries != NULL)
		pfree(set->entries);
	set->entries = entries;
	set->size = size;
}

/* Counts the entity unless the group had it before. */
static void
add_entity(EsGrouping *grouping, EsAccumulator *accumulator, EsSlice entity_id)
{
	EntitySet  *set = grouping->entities;
	uint64		hash = es_secret_hash(entity_id) ^ (uint64) (uintptr_t) accumulator;
	uint32		place;
	EntityEntry *entry;
	char	   *copy;

	if (set == NULL)
		set = grouping->entities = MemoryContextAllocZero(grouping->memory, sizeof(EntitySet));
	if (set->count * 2 >= set->size)
		grow_entities(grouping);
	place = (uint32) hash & (set->size - 1);
	for (entry = &set->entries[place]; entry->accumulator != NULL; entry = &set->entries[place])
	{
		if (entry->hash == hash && entry->accumulator == accumulator &&
			es_slice_equal(entry->entity_id, entity_id))
			return;
		place = (place + 1) & (set->size - 1);
	}
	copy = MemoryContextAlloc(grouping->memory, Max(entity_id.size, 1));
	es_put_slice(copy, entity_id);
	*entry = (EntityEntry)
	{
		hash, accumulator, es_slice(copy, entity_id.size)
	};
	set->count++;
	accumulator->count++;
}

/* -------------------------------------------------------------------- blocks */

/* The context that is current is that of the groups. */
static void
add_scaled(const EsAggregate *aggregate, EsAccumulator *accumulator, int64 value, uint32 scale)
{
	switch (aggregate->kind)
	{
		case ES_AGGREGATE_SUM:
		case ES_AGGREGATE_AVERAGE:
			es_sum_scaled(accumulator, value, scale);
			break;
		case ES_AGGREGATE_LEAST:
			es_extreme_scaled(accumulator, false, value, scale);
			break;
		case ES_AGGREGATE_GREATEST:
			es_extreme_scaled(accumulator, true, value, scale);
			break;
		default:
			accumulator->count++;
			break;
	}
}

static void
add_numeric(const EsAggregate *aggregate, EsAccumulator *accumulator, Numeric value)
{
	switch (aggregate->kind)
	{
		case ES_AGGREGATE_SUM:
		case ES_AGGREGATE_AVERAGE:
			es_sum_numeric(accumulator, value);
			break;
		case ES_AGGREGATE_LEAST:
			es_extreme_numeric(accumulator, false, value);
			break;
		case ES_AGGREGATE_GREATEST:
			es_extreme_numeric(accumulator, true, value);
			break;
		default:
			accumulator->count++;
			break;
	}
}

/* Sums numbers of a column that all events have, as they are stored. */
static bool
sum_column(EsGrouping *grouping, EsView *view, Pass *pass)
{
	EsAggregate *aggregate = pass->aggregate;
	EsAccumulator *accumulator = &grouping->first->accumulators[pass->number];
	EsNumberColumn column;
	EsKernelSum distances;
	uint32		count;
	MemoryContext before;

	if (grouping->key_count > 0 ||
		(aggregate->kind != ES_AGGREGATE_SUM && aggregate->kind != ES_AGGREGATE_AVERAGE) ||
		!es_numbers_column(view, &aggregate->input, &column))
		return false;
	es_kernel_sum(column.size_log2, column.data, view->count, pass->sure, &distances);
	count = es_kernel_count_bits(pass->sure, view->words);
	before = MemoryContextSwitchTo(grouping->memory);
	es_sum_many(accumulator, count, (int128) column.base * count +
				((int128) distances.high << 64 | distances.low), column.scale);
	MemoryContextSwitchTo(before);
	return true;
}

/* Adds the number of an event, or puts it off. */
static void
add_number(EsGrouping *grouping, const EsBlockGroups *groups, Pass *pass, uint32 i)
{
	EsAccumulator *accumulator = accumulator_of(grouping, groups, i, pass->number);

	if (pass->numbers.states[i] == ES_NUMBER_SCALED)
	{
		MemoryContext before = MemoryContextSwitchTo(grouping->memory);

		add_scaled(pass->aggregate, accumulator, pass->numbers.values[i], pass->numbers.scales[i]);
		MemoryContextSwitchTo(before);
	}
	else if (pass->numbers.states[i] == ES_NUMBER_TEXT)
		pass->later[i / 64] |= UINT64CONST(1) << (i % 64);
}

static void
count_numbers(uint32 *restrict counts, const uint16 *restrict numbers, uint32 count)
{
	for (uint32 i = 0; i < count; i++)
		counts[numbers[i]]++;
}

/* Counts events: first by the block's own numbers of groups. */
static void
count_events(EsGrouping *grouping, EsView *view, const EsBlockGroups *groups, const Pass *pass)
{
	uint32		all = es_kernel_count_bits(pass->sure, view->words);
	uint32	   *counts;
	int			row = -1;

	if (grouping->key_count == 0)
	{
		grouping->first->accumulators[pass->number].count += all;
		return;
	}
	counts = palloc0(groups->count * sizeof(uint32));
	if (all == view->count)
		count_numbers(counts, groups->numbers, all);
	while (all < view->count && es_bits_next(pass->sure, view->words, &row))
		counts[groups->numbers[row]]++;
	for (uint32 i = 0; i < groups->count; i++)
	{
		if (groups->groups[i] != NULL)
			groups->groups[i]->accumulators[pass->number].count += counts[i];
	}
}

/*
 * Which of equal extremes is taken, 1 or 1.0, depends on the order of events.  So
 * if some are put off, or may be, all are.
 */
static bool
keeps_order(EsView *view, Pass *pass)
{
	const EsAggregate *aggregate = pass->aggregate;
	int			row = -1;

	if ((aggregate->kind != ES_AGGREGATE_LEAST && aggregate->kind != ES_AGGREGATE_GREATEST) ||
		aggregate->input.type != ES_VALUE_NUMERIC)
		return false;
	if (es_bits_any(pass->unsure, view->words))
		return true;
	while (es_bits_next(pass->sure, view->words, &row))
	{
		if (pass->numbers.states[row] == ES_NUMBER_TEXT)
			return true;
	}
	return false;
}

/* Adds the numbers of events, or puts them off. */
static void
add_numbers(EsGrouping *grouping, EsView *view, const EsBlockGroups *groups, Pass *pass)
{
	int			row = -1;

	es_numbers_read(view, &pass->aggregate->input, pass->sure, &pass->numbers);
	if (keeps_order(view, pass))
	{
		for (uint32 i = 0; i < view->words; i++)
			pass->later[i] |= pass->sure[i];
		return;
	}
	while (es_bits_next(pass->sure, view->words, &row))
		add_number(grouping, groups, pass, row);
}

/* What can be done for all events at once. */
static void
run_pass(EsGrouping *grouping, EsView *view, const EsBlockGroups *groups, Pass *pass)
{
	EsAggregate *aggregate = pass->aggregate;
	int			row = -1;

	if (aggregate->has_input)
	{
		if (!sum_column(grouping, view, pass))
			add_numbers(grouping, view, groups, pass);
	}
	else if (aggregate->kind == ES_AGGREGATE_COUNT)
		count_events(grouping, view, groups, pass);
	else
	{
		while (es_bits_next(pass->sure, view->words, &row))
			add_entity(grouping, accumulator_of(grouping, groups, row, pass->number),
					   es_view_entity(view, row));
	}
}

/* Casts the text of a number as PostgreSQL does; true when it is *numeric. */
static bool
cast_text(EsValueType type, EsSlice text, int64 *value, Numeric *numeric)
{
	Datum		string = CStringGetDatum(pnstrdup(text.data, text.size));

	switch (type)
	{
		case ES_VALUE_INT2:
			*value = DatumGetInt16(DirectFunctionCall1(int2in, string));
			return false;
		case ES_VALUE_INT4:
			*value = DatumGetInt32(DirectFunctionCall1(int4in, string));
			return false;
		case ES_VALUE_INT8:
			*value = DatumGetInt64(DirectFunctionCall1(int8in, string));
			return false;
		default:
			*numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, string,
														   ObjectIdGetDatum(InvalidOid),
														   Int32GetDatum(-1)));
			return true;
	}
}

static void
add_text(EsGrouping *grouping, EsView *view, EsAggregate *aggregate, EsAccumulator *accumulator,
		 uint32 i)
{
	EsSlice		json;
	EsSlice		text;
	int64		value;
	Numeric		numeric;
	bool		is_numeric;
	MemoryContext before;

	if (es_fetch_json(view, i, aggregate->input.extraction, &json) == ES_FOUND_MISSING ||
		!es_json_as_text(json, &text))
		return;
	is_numeric = cast_text(aggregate->input.type, text, &value, &numeric);
	before = MemoryContextSwitchTo(grouping->memory);
	if (is_numeric)
		add_numeric(aggregate, accumulator, numeric);
	else
		add_scaled(aggregate, accumulator, value, 0);
	MemoryContextSwitchTo(before);
}

static void
add_column(EsGrouping *grouping, EsView *view, EsAggregate *aggregate, EsAccumulator *accumulator,
		   uint32 i)
{
	bool		isnull;
	int64		value = DatumGetInt64(es_fetch_column(view, i, aggregate->input.field, &isnull));
	MemoryContext before = MemoryContextSwitchTo(grouping->memory);

	add_scaled(aggregate, accumulator, value, 0);
	MemoryContextSwitchTo(before);
}

/* An event that was put off; what it takes is in the context that is current. */
static void
run_later(EsGrouping *grouping, EsView *view, const EsBlockGroups *groups, Pass *pass, uint32 i)
{
	EsAggregate *aggregate = pass->aggregate;
	EsAccumulator *accumulator = accumulator_of(grouping, groups, i, pass->number);

	if (es_bit(pass->unsure, i))
	{
		es_grouping_fill_row(grouping, view, i, grouping->row_columns);
		if (!ExecQual(aggregate->filter_test, grouping->context))
			return;
	}
	if (aggregate->kind == ES_AGGREGATE_ENTITIES)
		add_entity(grouping, accumulator, es_view_entity(view, i));
	else if (!aggregate->has_input)
		accumulator->count++;
	else if (aggregate->input.extraction != NULL)
		add_text(grouping, view, aggregate, accumulator, i);
	else
		add_column(grouping, view, aggregate, accumulator, i);
}

static void
filter_pass(EsView *view, Pass *pass, const uint64 *rows)
{
	memcpy(pass->sure, rows, view->words * sizeof(uint64));
	memset(pass->unsure, 0, view->words * sizeof(uint64));
	if (pass->aggregate->has_filter)
		(void) es_filter_run(&pass->aggregate->filter, view, pass->sure, pass->unsure);
	memcpy(pass->later, pass->unsure, view->words * sizeof(uint64));
}

static void
run_passes(EsGrouping *grouping, EsView *view, const EsBlockGroups *groups, Pass *passes,
		   const uint64 *rows)
{
	int			row = -1;
	uint64		later = 0;
	MemoryContext before;

	for (int a = 0; a < grouping->aggregate_count; a++)
	{
		filter_pass(view, &passes[a], rows);
		run_pass(grouping, view, groups, &passes[a]);
		later |= es_bits_any(passes[a].later, view->words);
	}
	before = MemoryContextSwitchTo(grouping->context->ecxt_per_tuple_memory);
	while (later && es_bits_next(rows, view->words, &row))
	{
		for (int a = 0; a < grouping->aggregate_count; a++)
		{
			if (es_bit(passes[a].later, row))
				run_later(grouping, view, groups, &passes[a], row);
		}
		ResetExprContext(grouping->context);
	}
	MemoryContextSwitchTo(before);
}

/* Adds these events of the block to their groups. */
void
es_grouping_add_block(EsGrouping *grouping, EsView *view, const uint64 *rows)
{
	MemoryContext before = MemoryContextSwitchTo(view->context);
	EsBlockGroups groups = {NULL, NULL, 0};
	Pass	   *passes = palloc(Max(grouping->aggregate_count, 1) * sizeof(Pass));

	for (int a = 0; a < grouping->aggregate_count; a++)
	{
		passes[a].aggregate = &grouping->aggregates[a];
		passes[a].number = a;
	}
	if (grouping->key_count > 0)
		es_groups_find(grouping, view, rows, &groups);
	run_passes(grouping, view, &groups, passes, rows);
	MemoryContextSwitchTo(before);
}

/* ------------------------------------------------------------------- results */

/* The next group; the first when given none. */
EsGroup *
es_grouping_next(EsGrouping *grouping, EsGroup *group)
{
	return group == NULL ? grouping->first : group->next;
}

void
es_group_key(const EsGroup *group, int key, Datum *value, bool *isnull)
{
	*value = group->values[key];
	*isnull = group->nulls[key];
}

static Datum
sum_result(const EsAggregate *aggregate, const EsAccumulator *accumulator)
{
	/* integers of 4 bytes at most add up to one of 8 */
	if (aggregate->input.type == ES_VALUE_INT4 || aggregate->input.type == ES_VALUE_INT2)
		return Int64GetDatum((int64) accumulator->sum);
	return NumericGetDatum(es_sum_result(accumulator));
}

static Datum
average_result(const EsAccumulator *accumulator)
{
	return DirectFunctionCall2(numeric_div, NumericGetDatum(es_sum_result(accumulator)),
							   NumericGetDatum(int64_to_numeric(accumulator->count)));
}

static Datum
extreme_result(const EsAggregate *aggregate, const EsAccumulator *accumulator)
{
	switch (aggregate->input.type)
	{
		case ES_VALUE_NUMERIC:
			return NumericGetDatum(es_extreme_result(accumulator));
		case ES_VALUE_INT4:
			return Int32GetDatum((int32) accumulator->extreme);
		case ES_VALUE_INT2:
			return Int16GetDatum((int16) accumulator->extreme);
		default:
			return Int64GetDatum(accumulator->extreme);
	}
}

/* The value of an aggregate, in the type that its function has. */
Datum
es_group_result(const EsGrouping *grouping, const EsGroup *group, int aggregate, bool *isnull)
{
	const EsAggregate *definition = &grouping->aggregates[aggregate];
	const EsAccumulator *accumulator = &group->accumulators[aggregate];

	*isnull = false;
	if (definition->kind == ES_AGGREGATE_COUNT || definition->kind == ES_AGGREGATE_ENTITIES)
		return Int64GetDatum(accumulator->count);
	*isnull = accumulator->count == 0;
	if (*isnull)
		return (Datum) 0;
	switch (definition->kind)
	{
		case ES_AGGREGATE_SUM:
			return sum_result(definition, accumulator);
		case ES_AGGREGATE_AVERAGE:
			return average_result(accumulator);
		default:
			return extreme_result(definition, accumulator);
	}
}
