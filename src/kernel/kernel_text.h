/*-------------------------------------------------------------------------
 *
 * kernel_text.h
 *	  The loops over text: part of kernel_template.h.
 *
 *-------------------------------------------------------------------------
 */

static const char *
skip_plain(const char *p, const char *end)
{
	for (; end - p >= (ptrdiff_t) sizeof(Vector); p += sizeof(Vector))
	{
		Mask		found = attention(load_vector(p));

		if (found != 0)
			return p + first_byte(found);
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char) *p >= 0x20)
		p++;
	return p;
}

/*
 * A needle of a text is looked for by its first and last byte.  Both may be where
 * the rest is not: bytes that are compared in vain are counted, and when they are
 * too many for what was searched, the text is one for find_linear.c.
 */
typedef struct Needle
{
	const char *data;
	size_t		size;
	Vector		first;			/* its first byte */
	Vector		last;
	size_t		patience;		/* bytes that may still be compared */
} Needle;

/* For each byte of the text, so many of the needle: short ones never lose patience. */
#define FIND_PATIENCE 32

/* Places where the needle's first and last byte are; all bytes are read. */
static inline uint64
candidates(const char *p, const Needle *needle)
{
	Found		first = equals_8(load_vector(p), needle->first);
	Found		last = equals_8(load_vector(p + needle->size - 1), needle->last);

	return bits_8(both(first, last));
}

/* The first of these places where the whole needle is, or NULL. */
static const char *
first_match(const char *p, uint64 places, Needle *needle)
{
	for (; places != 0; places &= places - 1)
	{
		const char *place = p + __builtin_ctzll(places);

		if (needle->size <= 2 || memcmp(place + 1, needle->data + 1, needle->size - 2) == 0)
			return place;
		needle->patience -= Min(needle->patience, needle->size);
	}
	return NULL;
}

/*
 * For texts with fewer places than a vector has bytes, which are copied to
 * where more can be read.
 */
static const char *
find_short(const char *text, const char *end, Needle *needle)
{
	size_t		places = end - text;
	char		first[sizeof(Vector)] = {0};
	char		last[sizeof(Vector)] = {0};
	Found		found;

	memcpy(first, text, places);
	memcpy(last, text + needle->size - 1, places);
	found = both(equals_8(load_vector(first), needle->first),
				 equals_8(load_vector(last), needle->last));
	return first_match(text, bits_8(found) & first_bits(places), needle);
}

/* The last vector's places are looked at again, if need be. */
static const char *
find_long(const char *text, const char *end, Needle *needle)
{
	const char *last = end - sizeof(Vector);

	for (const char *p = text;; p += sizeof(Vector))
	{
		uint64		places;
		const char *found;

		p = Min(p, last);
		places = candidates(p, needle);
		if (places != 0 && (found = first_match(p, places, needle)) != NULL)
			return found;
		if (p == last)
			return NULL;
		if (needle->patience == 0)
			return es_find_linear(p, end - p + needle->size - 1, needle->data, needle->size);
	}
}

static const char *
find(const char *text, size_t size, const char *needle_data, size_t needle_size)
{
	Needle		needle = {.data = needle_data,.size = needle_size};
	const char *end;			/* of the places where it can begin */

	if (needle_size == 0)
		return text;
	if (needle_size > size)
		return NULL;
	needle.first = splat_8((unsigned char) needle_data[0]);
	needle.last = splat_8((unsigned char) needle_data[needle_size - 1]);
	needle.patience = size * FIND_PATIENCE;
	end = text + (size - needle_size + 1);
	if (end - text < (ptrdiff_t) sizeof(Vector))
		return find_short(text, end, &needle);
	return find_long(text, end, &needle);
}
