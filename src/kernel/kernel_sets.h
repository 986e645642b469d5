/*-------------------------------------------------------------------------
 *
 * kernel_sets.h
 *	  Sets of values too large to compare with one after the other: part of
 *	  kernel_template.h.
 *
 * A hash table with open addressing, half full at most.  Larger sets are taken
 * in parts.
 *
 *-------------------------------------------------------------------------
 */

#define COMPARED_MAX 32			/* values that are compared one after the
								 * other */
#define HASHED_MAX 512			/* values in a table */
#define HASHED_SLOTS (2 * HASHED_MAX)

typedef struct HashedSet
{
	const uint64 *values;
	uint16		slots[HASHED_SLOTS];	/* number of the value, from 1, or 0 */
} HashedSet;

/* The slot of the value, or the empty one where it would be. */
static inline uint32
find_slot(const HashedSet *set, uint64 value)
{
	uint32		slot = (value * UINT64CONST(0x9E3779B97F4A7C15)) >> 32;

	for (;; slot++)
	{
		uint32		number = set->slots[slot % HASHED_SLOTS];

		if (number == 0 || set->values[number - 1] == value)
			return slot % HASHED_SLOTS;
	}
}

static inline bool
hashed_has(const HashedSet *set, uint64 value)
{
	return set->slots[find_slot(set, value)] != 0;
}

static void
hash_set(HashedSet *set, const uint64 *values, uint32 count)
{
	memset(set->slots, 0, sizeof(set->slots));
	set->values = values;
	for (uint32 i = 0; i < count; i++)
		set->slots[find_slot(set, values[i])] = i + 1;
}
