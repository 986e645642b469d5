/*-------------------------------------------------------------------------
 *
 * kernel_bits.h
 *	  The loops over bitmaps and over integers of a few bits: part of
 *	  kernel_template.h.
 *
 *-------------------------------------------------------------------------
 */

/* Words in a vector. */
#define VECTOR_WORDS (sizeof(Vector) / sizeof(uint64))

static uint32
count_bits(const uint64 *bits, uint32 words)
{
	uint32		count = 0;

	for (uint32 i = 0; i < words; i++)
		count += count_word(bits[i]);
	return count;
}

/* Two bitmaps, word by word, in vectors as far as these go. */
#define DEFINE_COMBINE(name, vectors, operation) \
static void \
name(uint64 *into, const uint64 *other, uint32 words) \
{ \
	uint32		i = 0; \
\
	for (; words - i >= VECTOR_WORDS; i += VECTOR_WORDS) \
		store_vector((char *) (into + i), \
					 vectors(load_vector((const char *) (into + i)), \
							 load_vector((const char *) (other + i)))); \
	for (; i < words; i++) \
		into[i] operation other[i]; \
}

DEFINE_COMBINE(and_bits, and_vectors, &=)
DEFINE_COMBINE(or_bits, or_vectors, |=)
DEFINE_COMBINE(and_not_bits, and_not_vectors, &=~)

/* The next bits of a bitmap, from a place in it; words behind them aren't read. */
static inline uint64
bits_at(const uint64 *bits, uint64 place, uint32 count)
{
	const uint64 *word = bits + place / 64;
	uint32		shift = place % 64;
	uint64		result = word[0] >> shift;

	if (shift + count > 64)
		result |= word[1] << (64 - shift);
	return result;
}

static void
expand(const uint64 *dense, const uint64 *present, uint32 words, uint64 *bits)
{
	uint64		place = 0;

	for (uint32 i = 0; i < words; i++)
	{
		uint32		count = count_word(present[i]);

		if (count == 0)
			bits[i] = 0;
		else if (count == 64)
			bits[i] = bits_at(dense, place, count);
		else
			bits[i] = expand_word(bits_at(dense, place, count), present[i]);
		place += count;
	}
}

/* ---- integers of a few bits ------------------------------------------- */

/* So many bits of a column, from a place in it; nothing behind them is read. */
static inline uint32
few_bits(const char *data, uint64 place, uint32 width)
{
	return (unsigned char) data[place / 8] >> place % 8 & ((1 << width) - 1);
}

/* As many integers of 1 bit as a vector has bytes, in bytes. */
static inline Vector
unpack_vector_1(const char *data)
{
	uint64		bits = 0;

	memcpy(&bits, data, sizeof(Vector) / 8);
	return and_vectors(lanes_8(bits), splat_8(1));
}

/* The same of 2 bits: a byte's are spread over a lane of 32 bits. */
static inline Vector
unpack_vector_2(const char *data)
{
	Vector		bytes = widen_32(data);
	Vector		pairs = or_vectors(bytes, shift_left_64(bytes, 12));

	return and_vectors(or_vectors(pairs, shift_left_64(pairs, 6)), splat_8(3));
}

static inline Vector
unpack_vector_4(const char *data)
{
	Vector		bytes = widen_16(data);

	return and_vectors(or_vectors(bytes, shift_left_64(bytes, 4)), splat_8(15));
}

static inline Vector
unpack_vector(const char *data, uint32 width)
{
	return width == 1 ? unpack_vector_1(data) :
		width == 2 ? unpack_vector_2(data) : unpack_vector_4(data);
}

static pg_attribute_always_inline void
unpack_bits(const char *data, uint32 width, uint32 count, char *out)
{
	uint32		row = 0;

	for (; count - row >= sizeof(Vector); row += sizeof(Vector))
	{
		store_vector(out + row, unpack_vector(data, width));
		data += sizeof(Vector) * width / 8;
	}
	out += row;
	for (uint32 i = 0; i < count - row; i++)
		out[i] = (char) few_bits(data, (uint64) i * width, width);
}

/* Vectors are loaded as long as all of their bytes are of the column. */
static void
unpack_24(const char *data, uint32 count, char *out)
{
	const char *end = data + (size_t) count * 3;

	while (end - data >= (ptrdiff_t) sizeof(Vector))
	{
		store_vector(out, widen_24(data));
		data += sizeof(Vector) / 4 * 3;
		out += sizeof(Vector);
	}
	for (; data < end; data += 3, out += sizeof(uint32))
	{
		uint32		value = 0;

		memcpy(&value, data, 3);
		memcpy(out, &value, sizeof(value));
	}
}

static void
unpack(const char *data, uint32 width, uint32 count, char *out)
{
	switch (width)
	{
		case 1:
			unpack_bits(data, 1, count, out);
			break;
		case 2:
			unpack_bits(data, 2, count, out);
			break;
		case 4:
			unpack_bits(data, 4, count, out);
			break;
		case 24:
			unpack_24(data, count, out);
			break;
	}
}
