/*-------------------------------------------------------------------------
 *
 * kernel_rows.h
 *	  The loops over columns of LANE_BITS bits: part of kernel_template.h, which
 *	  includes it for each size.
 *
 * Rows are looked at 64 at a time, for which there is a word of the bitmap.  The
 * last ones, if they are fewer, are copied to where 64 can be read.
 *
 *-------------------------------------------------------------------------
 */

#define LANE_PASTE(name, bits) name##_##bits
#define LANE_EXPAND(name, bits) LANE_PASTE(name, bits)
#define LANE(name) LANE_EXPAND(name, LANE_BITS)

#define LANE_SIZE (LANE_BITS / 8)
#define LANE_MAX (ALL_BITS >> (64 - LANE_BITS))
#define VECTOR_LANES (sizeof(Vector) / LANE_SIZE)
#define WORD_SIZE (WORD_ROWS * LANE_SIZE)

/* ---- comparisons ------------------------------------------------------ */

static pg_attribute_always_inline Found
LANE(test_range) (Vector vector, const Vector *operands)
{
	return LANE(within) (vector, operands[0], operands[1]);
}

static pg_attribute_always_inline Found
LANE(test_equal) (Vector vector, const Vector *operands)
{
	return LANE(equals) (vector, operands[0]);
}

/* Is it one of eight? */
static pg_attribute_always_inline Found
LANE(test_eight) (Vector vector, const Vector *operands)
{
	Found		found = either(LANE(equals) (vector, operands[0]), LANE(equals) (vector, operands[1]));

	for (int i = 2; i < 8; i += 2)
		found = either(found, either(LANE(equals) (vector, operands[i]),
									 LANE(equals) (vector, operands[i + 1])));
	return found;
}

/* Tests as many rows as a vector has bytes: LANE_SIZE vectors. */
static pg_attribute_always_inline uint64
LANE(test_rows) (const char *p, Test test, const Vector *operands)
{
#define FOUND(i) test(load_vector(p + (i) * sizeof(Vector)), operands)
#if LANE_BITS == 8
	return bits_8(FOUND(0));
#elif LANE_BITS == 16
	return bits_16(narrow_16(FOUND(0), FOUND(1)));
#elif LANE_BITS == 32
	return bits_32(narrow_16(narrow_32(FOUND(0), FOUND(1)), narrow_32(FOUND(2), FOUND(3))));
#else
	return bits_64(narrow_16(narrow_32(narrow_64(FOUND(0), FOUND(1)),
									   narrow_64(FOUND(2), FOUND(3))),
							 narrow_32(narrow_64(FOUND(4), FOUND(5)),
									   narrow_64(FOUND(6), FOUND(7)))));
#endif
#undef FOUND
}

static pg_attribute_always_inline uint64
LANE(test_word) (const char *p, Test test, const Vector *operands)
{
	uint64		word = 0;

	for (size_t row = 0; row < WORD_ROWS; row += sizeof(Vector))
		word |= LANE(test_rows) (p + row * LANE_SIZE, test, operands) << row;
	return word;
}

/* Adds the rows that pass the test, or makes them the only ones. */
static pg_attribute_always_inline void
LANE(match) (const char *data, uint32 count, Test test, const Vector *operands,
			 bool add, uint64 *bits)
{
	for (; count >= WORD_ROWS; count -= WORD_ROWS, data += WORD_SIZE, bits++)
	{
		uint64		word = LANE(test_word) (data, test, operands);

		*bits = add ? *bits | word : word;
	}
	if (count > 0)
	{
		char		rest[WORD_SIZE] = {0};
		uint64		word;

		memcpy(rest, data, count * LANE_SIZE);
		word = LANE(test_word) (rest, test, operands) & first_bits(count);
		*bits = add ? *bits | word : word;
	}
}

static void
LANE(range) (const char *data, uint32 count, uint64 low, uint64 high, uint64 *bits)
{
	high = Min(high, LANE_MAX);
	if (low > high)
		set_all(bits, count, false);
	else if (high - low == LANE_MAX)
		set_all(bits, count, true);
	else
	{
		Vector		operands[2] = {LANE(splat) (low), LANE(splat) (high - low)};

		LANE(match) (data, count, LANE(test_range), operands, false, bits);
	}
}

static void
LANE(equal) (const char *data, uint32 count, uint64 value, uint64 *bits)
{
	if (value > LANE_MAX)
		set_all(bits, count, false);
	else
	{
		Vector		operand = LANE(splat) (value);

		LANE(match) (data, count, LANE(test_equal), &operand, false, bits);
	}
}

/* ---- sets ------------------------------------------------------------- */

#if LANE_BITS == 8

static inline uint64
member_word(const char *p, const Member *table)
{
	uint64		word = 0;

	for (size_t row = 0; row < WORD_ROWS; row += sizeof(Vector))
		word |= bits_8(is_member(load_vector(p + row), table)) << row;
	return word;
}

static void
member(const char *codes, uint32 count, const uint64 table[4], uint64 *bits)
{
	Member		prepared = member_of(table);

	for (; count >= WORD_ROWS; count -= WORD_ROWS, codes += WORD_ROWS)
		*bits++ = member_word(codes, &prepared);
	if (count > 0)
	{
		char		rest[WORD_ROWS] = {0};

		memcpy(rest, codes, count);
		*bits = member_word(rest, &prepared) & first_bits(count);
	}
}

static void
in_set_8(const char *data, uint32 count, const uint64 *set, uint32 set_size, uint64 *bits)
{
	uint64		table[4] = {0};

	for (uint32 i = 0; i < set_size; i++)
	{
		if (set[i] <= LANE_MAX)
			table[set[i] / 64] |= UINT64CONST(1) << set[i] % 64;
	}
	member(data, count, table, bits);
}

#else

/* Adds the rows with one of at most eight values. */
static void
LANE(add_eight) (const char *data, uint32 count, const uint64 *set, int set_size, uint64 *bits)
{
	Vector		operands[8];

	for (int i = 0; i < 8; i++)
		operands[i] = LANE(splat) (set[i < set_size ? i : 0]);
	LANE(match) (data, count, LANE(test_eight), operands, true, bits);
}

/* Adds the rows with a value of a set that was put into a hash table. */
static void
LANE(add_hashed) (const char *data, uint32 count, const HashedSet *set, uint64 *bits)
{
	for (uint32 row = 0; row < count; row++)
	{
		uint64		value = 0;

		memcpy(&value, data + (size_t) row * LANE_SIZE, LANE_SIZE);
		bits[row / WORD_ROWS] |= (uint64) hashed_has(set, value) << row % WORD_ROWS;
	}
}

static void
LANE(in_set) (const char *data, uint32 count, const uint64 *set, uint32 set_size, uint64 *bits)
{
	uint64		part[HASHED_MAX];
	HashedSet	hashed;

	set_all(bits, count, false);
	while (set_size > 0)
	{
		uint32		size = 0;

		for (; set_size > 0 && size < HASHED_MAX; set_size--, set++)
		{
			if (*set <= LANE_MAX)
				part[size++] = *set;
		}
		if (size > COMPARED_MAX)
		{
			hash_set(&hashed, part, size);
			LANE(add_hashed) (data, count, &hashed, bits);
		}
		else
		{
			for (uint32 i = 0; i < size; i += 8)
				LANE(add_eight) (data, count, part + i, Min(size - i, 8), bits);
		}
	}
}

#endif

/* ---- sums and extents ------------------------------------------------- */

/*
 * Adds a vector to sums in lanes of 64 bits, which as many rows as there can be
 * do not overflow: the halves of large integers are added apart.
 */
static inline void
LANE(add_lanes) (Vector vector, Vector sums[2])
{
#if LANE_BITS == 8
	sums[0] = add_64(sums[0], sum_bytes(vector));
#elif LANE_BITS == 16
	sums[0] = add_64(sums[0], sum_bytes(and_vectors(vector, splat_16(0xFF))));
	sums[1] = add_64(sums[1], sum_bytes(and_not_vectors(vector, splat_16(0xFF))));
#else
	Vector		low = and_vectors(vector, splat_64(0xFFFFFFFF));
	Vector		high = shift_right_64(vector, 32);

	sums[0] = add_64(sums[0], low);
	sums[LANE_BITS == 64] = add_64(sums[LANE_BITS == 64], high);
#endif
}

static inline void
LANE(sum_word) (const char *p, uint64 word, Vector sums[2])
{
	for (size_t row = 0; row < WORD_ROWS; row += VECTOR_LANES)
	{
		Vector		vector = load_vector(p + row * LANE_SIZE);

		if (word != ALL_BITS)
			vector = and_vectors(vector, LANE(lanes) (word >> row));
		LANE(add_lanes) (vector, sums);
	}
}

static void
LANE(sum) (const char *data, uint32 count, const uint64 *bits, EsKernelSum *sum)
{
	Vector		sums[2] = {splat_64(0), splat_64(0)};

	for (; count >= WORD_ROWS; count -= WORD_ROWS, data += WORD_SIZE, bits++)
	{
		if (*bits != 0)
			LANE(sum_word) (data, *bits, sums);
	}
	if (count > 0 && *bits != 0)
	{
		char		rest[WORD_SIZE] = {0};

		memcpy(rest, data, count * LANE_SIZE);
		LANE(sum_word) (rest, *bits, sums);
	}
	sum->high = sum->low = 0;
	add_to_sum(sum, sums[0], 0);
	add_to_sum(sum, sums[1], LANE_BITS / 2);
}

#undef LANE_PASTE
#undef LANE_EXPAND
#undef LANE
#undef LANE_SIZE
#undef LANE_MAX
#undef VECTOR_LANES
#undef WORD_SIZE
#undef LANE_BITS
