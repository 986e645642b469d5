/*-------------------------------------------------------------------------
 *
 * column_encode.c
 *	  Columns of strings: finding the encoding, and writing.
 *
 * An encoder either writes all values in its way or declines.  Those for
 * strings of one pattern - prefix, number, suffix - take the pattern from one
 * value, the pivot, and keep values that do not follow it aside, as exceptions.
 * Which encoder is best is found by trying all of them; it is remembered, and
 * the next values of the same kind are tried with it alone.
 *
 *-------------------------------------------------------------------------
 */
#include "core/column.h"

#include "core/integers.h"
#include "core/timestamp.h"
#include "core/uuid.h"

#define DECLINED		(-1)
#define MAX_AFFIX		255
#define MIN_HEX			8		/* digits worth finding */
#define MAX_HEX			128
#define MAX_UUID_OFFSET 32		/* bytes before a UUID */
#define MIN_SYMBOLS_GAIN 50		/* in per cent of what is left: speed counts
								 * too */
#define PIVOT_SAMPLE	9		/* values */
#define RECONSIDER		64		/* uses of what is remembered ... */
#define RECONSIDER_PLAIN 16		/* ... where it says nothing */

/* A way to see values: a pattern around a part that is parsed. */
typedef struct Pattern
{
	EsEncoding	encoding;
	uint8		param;
	EsSlice		prefix;
	EsSlice		suffix;
} Pattern;

typedef int64 (*Encoder) (EsColumnWork *work, const EsColumnSource *source,
						  EsColumnCode *code, char *out, uint32 room);

static inline bool
is_hex(char c)
{
	return es_is_digit(c) || (c >= 'a' && c <= 'f');
}

/* ------------------------------------------------------ constants, entities */

static int64
encode_constant(EsColumnWork *work pg_attribute_unused(), const EsColumnSource *source,
				EsColumnCode *code pg_attribute_unused(), char *out, uint32 room)
{
	const EsSlice *values = source->values;
	uint32		size = sizeof(uint16) + values[0].size;

	for (uint32 i = 1; i < source->count; i++)
	{
		if (!es_slice_equal(values[i], values[0]))
			return DECLINED;
	}
	if (size > room)
		return DECLINED;
	es_put_slice(es_put_uint16(out, values[0].size), values[0]);
	return size;
}

static int64
encode_entity(EsColumnWork *work pg_attribute_unused(), const EsColumnSource *source,
			  EsColumnCode *code pg_attribute_unused(), char *out pg_attribute_unused(),
			  uint32 room pg_attribute_unused())
{
	if (source->entities == NULL)
		return DECLINED;
	for (uint32 i = 0; i < source->count; i++)
	{
		EsSlice		value = source->values[i];
		EsSlice		entity = source->entities[source->rows == NULL ? i : source->rows[i]];

		if (value.size != entity.size + 2 || value.data[0] != '"' ||
			value.data[value.size - 1] != '"' ||
			!es_bytes_equal(value.data + 1, entity.data, entity.size))
			return DECLINED;
	}
	return 0;
}

/* ------------------------------------------------------------- dictionaries */

static inline EsWord
make_word(EsSlice text)
{
	EsWord		word = {text, 0, 0};

	if (text.size >= sizeof(uint64))
	{
		memcpy(&word.first, text.data, sizeof(word.first));
		memcpy(&word.last, text.data + text.size - sizeof(word.last), sizeof(word.last));
	}
	else if (text.size >= sizeof(uint32))
	{
		memcpy(&word.first, text.data, sizeof(uint32));
		memcpy(&word.last, text.data + text.size - sizeof(uint32), sizeof(uint32));
	}
	else
	{
		for (uint32 i = 0; i < text.size; i++)
			word.first = word.first << 8 | (uint8) text.data[i];
	}
	return word;
}

static inline bool
is_same_word(const EsWord *a, const EsWord *b)
{
	return a->first == b->first && a->last == b->last && a->text.size == b->text.size &&
		(a->text.size <= 2 * sizeof(uint64) || es_slice_equal(a->text, b->text));
}

/* The number of this word, which is added if it is new; -1 when full. */
static inline int32
find_word(EsColumnWork *work, EsSlice value)
{
	EsWord		word = make_word(value);
	uint32		mask = lengthof(work->word_table) - 1;
	uint64		hash = (word.first ^ (word.last << 1) ^ value.size) * UINT64CONST(0x9E3779B97F4A7C15);
	uint32		slot = (uint32) (hash >> 40) & mask;

	for (; work->word_table[slot] != 0; slot = (slot + 1) & mask)
	{
		int32		number = work->word_table[slot] - 1;

		if (is_same_word(&work->words[number], &word))
			return number;
	}
	if (work->word_count == ES_COLUMN_MAX_WORDS)
		return -1;
	work->words[work->word_count++] = word;
	work->words_size += value.size;
	work->word_table[slot] = (uint16) work->word_count;
	return (int32) work->word_count - 1;
}

static char *
put_words(const EsColumnWork *work, char *out)
{
	uint32		end = 0;

	out = es_put_uint16(out, work->word_count);
	for (uint32 i = 0; i < work->word_count; i++)
		out = es_put_uint16(out, end += work->words[i].text.size);
	for (uint32 i = 0; i < work->word_count; i++)
		out = es_put_slice(out, work->words[i].text);
	return out;
}

/* Declines when most values are distinct: then it cannot pay. */
static int64
encode_dictionary(EsColumnWork *work, const EsColumnSource *source, EsColumnCode *code,
				  char *out, uint32 room)
{
	EsIntegerRange range = {0};
	uint32		size;
	uint32		most = Max(16, source->count - source->count / 4);

	work->word_count = work->words_size = 0;
	memset(work->word_table, 0, sizeof(work->word_table));
	for (uint32 i = 0; i < source->count; i++)
	{
		int32		word = find_word(work, source->values[i]);

		if (word < 0 || work->word_count > most)
			return DECLINED;
		work->numbers[i] = word;
	}
	range.width = es_integers_width(work->word_count - 1);
	size = sizeof(uint16) * (1 + work->word_count) + work->words_size;
	if (work->words_size > PG_UINT16_MAX ||
		size + es_integers_size(range.width, source->count) > room)
		return DECLINED;
	code->width = range.width;
	es_integers_put(put_words(work, out), work->numbers, source->count, range);
	return size + es_integers_size(range.width, source->count);
}

/* ----------------------------------------------------------------- patterns */

/* The first bytes of a value, by which it is likened to others. */
static uint32
beginning(EsSlice value)
{
	uint32		bytes = 0;

	if (value.size >= sizeof(bytes))
		memcpy(&bytes, value.data, sizeof(bytes));
	else if (value.size > 0)
		memcpy(&bytes, value.data, value.size);
	return bytes;
}

/* One of the sample, scattered so that no pattern of the rows is met. */
static EsSlice
sample_value(const EsColumnSource *source, uint32 i)
{
	uint32		scattered = (i + 1) * 0x9E3779B1U;

	return source->values[((uint64) scattered * source->count) >> 32];
}

/* A value that begins as most of a sample do, so probably no exception. */
static EsSlice
find_pivot(const EsColumnSource *source)
{
	uint32		best = 0;
	uint32		best_count = 0;

	for (uint32 i = 0; i < PIVOT_SAMPLE && best_count <= PIVOT_SAMPLE / 2; i++)
	{
		uint32		count = 0;

		for (uint32 j = 0; j < PIVOT_SAMPLE; j++)
			count += beginning(sample_value(source, i)) == beginning(sample_value(source, j));
		if (count > best_count)
		{
			best = i;
			best_count = count;
		}
	}
	return sample_value(source, best);
}

static void
set_affixes(Pattern *pattern, EsSlice pivot, uint32 start, uint32 end)
{
	pattern->prefix = es_slice(pivot.data, start);
	pattern->suffix = es_slice(pivot.data + end, pivot.size - end);
}

/* The last run of digits. */
static bool
find_digits(Pattern *pattern, EsSlice pivot, bool fixed)
{
	uint32		end = pivot.size;
	uint32		start;

	while (end > 0 && !es_is_digit(pivot.data[end - 1]))
		end--;
	for (start = end; start > 0 && end - start < ES_COLUMN_MAX_DIGITS && es_is_digit(pivot.data[start - 1]);)
		start--;
	if (start == end)
		return false;
	pattern->param = fixed ? (uint8) (end - start) : 0;
	set_affixes(pattern, pivot, start, end);
	return true;
}

/* The longest run of hex digits. */
static bool
find_hex(Pattern *pattern, EsSlice pivot)
{
	uint32		best = 0;
	uint32		best_size = 0;
	uint32		start = 0;

	for (uint32 i = 0; i <= pivot.size; i++)
	{
		if (i < pivot.size && is_hex(pivot.data[i]))
			continue;
		if (i - start > best_size)
		{
			best = start;
			best_size = i - start;
		}
		start = i + 1;
	}
	if (best_size < MIN_HEX || best_size > MAX_HEX)
		return false;
	pattern->param = (uint8) best_size;
	set_affixes(pattern, pivot, best, best + best_size);
	return true;
}

static bool
find_uuid(Pattern *pattern, EsSlice pivot)
{
	uint8		uuid[ES_UUID_SIZE];

	for (uint32 i = 0; i <= MAX_UUID_OFFSET && i + ES_UUID_TEXT_SIZE <= pivot.size; i++)
	{
		if (pivot.data[i + 8] == '-' &&
			es_uuid_parse(es_slice(pivot.data + i, ES_UUID_TEXT_SIZE), uuid))
		{
			set_affixes(pattern, pivot, i, i + ES_UUID_TEXT_SIZE);
			return true;
		}
	}
	return false;
}

/* Date and time right at the start or after a quote; see timestamp_size(). */
static bool
find_timestamp(Pattern *pattern, EsSlice pivot)
{
	uint32		start = pivot.size > 0 && pivot.data[0] == '"' ? 1 : 0;
	uint32		end = start + 19;
	uint32		digits = 0;

	if (pivot.size < end || pivot.data[start + 4] != '-')
		return false;
	if (pivot.size > end && pivot.data[end] == '.')
	{
		while (digits < 6 && end + 1 + digits < pivot.size && es_is_digit(pivot.data[end + 1 + digits]))
			digits++;
		end += 1 + digits;
	}
	pattern->param = (uint8) (digits | (pivot.data[start + 10] == ' ' ? 8 : 0));
	set_affixes(pattern, pivot, start, end);
	return true;
}

/* Digits after the point of the pivot. */
static bool
find_decimal(Pattern *pattern, EsSlice pivot)
{
	const char *point = memchr(pivot.data, '.', pivot.size);
	uint32		scale = point == NULL ? 0 : pivot.size - (uint32) (point - pivot.data) - 1;

	if (scale == 0 || scale >= ES_COLUMN_MAX_DIGITS)
		return false;
	pattern->param = (uint8) scale;
	return true;
}

static bool
find_pattern(Pattern *pattern, EsEncoding encoding, bool fixed, EsSlice pivot)
{
	memset(pattern, 0, sizeof(*pattern));
	pattern->encoding = encoding;
	switch (encoding)
	{
		case ES_COLUMN_INTEGER:
			return true;
		case ES_COLUMN_DECIMAL:
			return find_decimal(pattern, pivot);
		case ES_COLUMN_DIGITS:
			if (!find_digits(pattern, pivot, fixed))
				return false;
			break;
		case ES_COLUMN_HEX:
			if (!find_hex(pattern, pivot))
				return false;
			break;
		case ES_COLUMN_UUID:
			if (!find_uuid(pattern, pivot))
				return false;
			break;
		default:
			if (!find_timestamp(pattern, pivot))
				return false;
			break;
	}
	return pattern->prefix.size <= MAX_AFFIX && pattern->suffix.size <= MAX_AFFIX;
}

/* ------------------------------------------------------------------ numbers */

/* Reads digits, at most ES_COLUMN_MAX_DIGITS. */
static inline bool
parse_digits(const char *p, uint32 size, int64 *number)
{
	*number = 0;
	if (size == 0 || size > ES_COLUMN_MAX_DIGITS)
		return false;
	for (uint32 i = 0; i < size; i++)
	{
		if (!es_is_digit(p[i]))
			return false;
		*number = *number * 10 + (p[i] - '0');
	}
	return true;
}

/* Reads a number that is written in the only way: no superfluous zero. */
static inline bool
parse_canonical(const char *p, uint32 size, int64 *number)
{
	return parse_digits(p, size, number) && (p[0] != '0' || size == 1);
}

static inline bool
parse_integer(const char *p, uint32 size, int64 *number)
{
	if (size == 0 || *p != '-')
		return parse_canonical(p, size, number);
	if (!parse_canonical(p + 1, size - 1, number) || *number == 0)
		return false;
	*number = -*number;
	return true;
}

/* Reads a decimal of this scale as an integer; -0.00 is none. */
static inline bool
parse_decimal(const char *p, uint32 size, uint32 scale, int64 *number)
{
	bool		negative = size > 0 && *p == '-';
	uint32		whole;
	int64		fraction;

	p += negative;
	size -= negative;
	if (size < scale + 2 || size > ES_COLUMN_MAX_DIGITS + 1)
		return false;
	whole = size - scale - 1;
	if (p[whole] != '.' || !parse_canonical(p, whole, number) ||
		!parse_digits(p + whole + 1, scale, &fraction))
		return false;
	*number = *number * es_power_of_ten(scale) + fraction;
	if (negative && *number == 0)
		return false;
	*number = negative ? -*number : *number;
	return true;
}

static bool
parse_timestamp(const char *p, uint32 size, uint8 param, int64 *number)
{
	char		again[ES_TIMESTAMP_TEXT_SIZE];

	return size < sizeof(again) && es_timestamp_scan(es_slice(p, size), number) &&
		*number >= ES_TIMESTAMP_MIN && *number < ES_TIMESTAMP_END &&
		es_timestamp_put(*number, param & 8 ? ' ' : 'T', param & 7, again) == size &&
		memcmp(again, p, size) == 0;
}

/* Reads the part between prefix and suffix as a number. */
static inline bool
parse_part(const Pattern *pattern, EsSlice part, int64 *number)
{
	switch (pattern->encoding)
	{
		case ES_COLUMN_INTEGER:
			return parse_integer(part.data, part.size, number);
		case ES_COLUMN_DECIMAL:
			return parse_decimal(part.data, part.size, pattern->param, number);
		case ES_COLUMN_DIGITS:
			if (pattern->param == 0)
				return parse_canonical(part.data, part.size, number);
			return part.size == pattern->param && parse_digits(part.data, part.size, number);
		default:
			return parse_timestamp(part.data, part.size, pattern->param, number);
	}
}

/* The part of a value between prefix and suffix, if it has them. */
static inline bool
find_part(const Pattern *pattern, EsSlice value, EsSlice *part)
{
	EsSlice		prefix = pattern->prefix;
	EsSlice		suffix = pattern->suffix;

	if (value.size < prefix.size + suffix.size ||
		!es_bytes_equal(value.data, prefix.data, prefix.size) ||
		!es_bytes_equal(value.data + value.size - suffix.size, suffix.data, suffix.size))
		return false;
	*part = es_slice(value.data + prefix.size, value.size - prefix.size - suffix.size);
	return true;
}

/* ------------------------------------------------------ affixes, exceptions */

/* Sets a value aside; false when there are too many. */
static bool
add_exception(EsColumnWork *work, const EsColumnSource *source, uint32 i)
{
	if (work->exception_count == Min(ES_MAX_EXCEPTIONS, source->count / 8 + 1))
		return false;
	work->exceptions[work->exception_count++] = (uint16) i;
	return true;
}

static uint32
exceptions_size(const EsColumnWork *work, const EsColumnSource *source)
{
	uint32		size = 0;

	if (work->exception_count == 0)
		return 0;
	for (uint32 i = 0; i < work->exception_count; i++)
		size += 2 * sizeof(uint16) + source->values[work->exceptions[i]].size;
	return sizeof(uint16) + size;
}

static char *
put_exceptions(const EsColumnWork *work, const EsColumnSource *source, EsColumnCode *code,
			   char *out)
{
	uint32		end = 0;

	if (work->exception_count == 0)
		return out;
	code->encoding |= ES_COLUMN_EXCEPTIONS;
	out = es_put_uint16(out, work->exception_count);
	for (uint32 i = 0; i < work->exception_count; i++)
	{
		out = es_put_uint16(out, work->exceptions[i]);
		out = es_put_uint16(out, end += source->values[work->exceptions[i]].size);
	}
	for (uint32 i = 0; i < work->exception_count; i++)
		out = es_put_slice(out, source->values[work->exceptions[i]]);
	return out;
}

static uint32
affixes_size(const Pattern *pattern)
{
	if (pattern->encoding == ES_COLUMN_INTEGER || pattern->encoding == ES_COLUMN_DECIMAL)
		return 0;
	return 2 + pattern->prefix.size + pattern->suffix.size;
}

static char *
put_affixes(const Pattern *pattern, char *out)
{
	if (affixes_size(pattern) == 0)
		return out;
	*out++ = (char) pattern->prefix.size;
	*out++ = (char) pattern->suffix.size;
	return es_put_slice(es_put_slice(out, pattern->prefix), pattern->suffix);
}

/* ------------------------------------------------------- encoders by pattern */

/* Reads all values as numbers; exceptions get one that others have. */
static bool
read_numbers(EsColumnWork *work, const EsColumnSource *source, const Pattern *pattern)
{
	int64		some = 0;
	bool		any = false;

	work->exception_count = 0;
	for (uint32 i = 0; i < source->count; i++)
	{
		EsSlice		part;

		if (find_part(pattern, source->values[i], &part) &&
			parse_part(pattern, part, &work->numbers[i]))
		{
			some = work->numbers[i];
			any = true;
		}
		else if (!add_exception(work, source, i))
			return false;
	}
	for (uint32 i = 0; i < work->exception_count; i++)
		work->numbers[work->exceptions[i]] = some;
	return any;
}

static int64
encode_numbers(EsColumnWork *work, const EsColumnSource *source, const Pattern *pattern,
			   EsColumnCode *code, char *out, uint32 room)
{
	EsIntegerRange range;
	uint32		packed_size;
	uint32		size;

	if (!read_numbers(work, source, pattern))
		return DECLINED;
	range = es_integers_range(work->numbers, source->count);
	packed_size = es_integers_size(range.width, source->count);
	size = exceptions_size(work, source) + affixes_size(pattern) + sizeof(int64) + packed_size;
	if (size > room)
		return DECLINED;
	code->width = range.width;
	out = put_affixes(pattern, put_exceptions(work, source, code, out));
	memcpy(out, &range.base, sizeof(int64));
	es_integers_put(out + sizeof(int64), work->numbers, source->count, range);
	return size;
}

/* Packs two hex digits a byte; an odd one is the high half of the last byte. */
static bool
put_hex(EsSlice part, uint32 digits, char *out)
{
	static const int8 nibbles[256] = {
		['0'] = 1,['1'] = 2,['2'] = 3,['3'] = 4,['4'] = 5,['5'] = 6,['6'] = 7,
		['7'] = 8,['8'] = 9,['9'] = 10,['a'] = 11,['b'] = 12,['c'] = 13,
		['d'] = 14,['e'] = 15,['f'] = 16
	};
	const uint8 *in = (const uint8 *) part.data;
	int			worst = 0;

	if (part.size != digits)
		return false;
	for (uint32 i = 0; i + 1 < digits; i += 2)
	{
		int			high = nibbles[in[i]] - 1;
		int			low = nibbles[in[i + 1]] - 1;

		worst |= high | low;
		*out++ = (char) (high * 16 | low);
	}
	if (digits % 2 == 1)
	{
		worst |= nibbles[in[digits - 1]] - 1;
		*out = (char) ((nibbles[in[digits - 1]] - 1) * 16);
	}
	return worst >= 0;
}

static bool
put_uuid(EsSlice part, char *out)
{
	char		again[ES_UUID_TEXT_SIZE];

	if (!es_uuid_parse(part, (uint8 *) out))
		return false;
	es_uuid_print((const uint8 *) out, again);
	return memcmp(again, part.data, sizeof(again)) == 0;
}

/* Strings of binary digits: hex and UUID. */
static int64
encode_binary(EsColumnWork *work, const EsColumnSource *source, const Pattern *pattern,
			  EsColumnCode *code, char *out, uint32 room)
{
	bool		is_uuid = pattern->encoding == ES_COLUMN_UUID;
	uint32		each = is_uuid ? ES_UUID_SIZE : (pattern->param + 1U) / 2;
	uint32		size = source->count * each;
	char	   *packed = work->trial;

	work->exception_count = 0;
	if (size > room || size > sizeof(work->trial))
		return DECLINED;
	for (uint32 i = 0; i < source->count; i++, packed += each)
	{
		EsSlice		part;

		if (find_part(pattern, source->values[i], &part) &&
			(is_uuid ? put_uuid(part, packed) : put_hex(part, pattern->param, packed)))
			continue;
		if (!add_exception(work, source, i))
			return DECLINED;
		memset(packed, 0, each);
	}
	size += exceptions_size(work, source) + affixes_size(pattern);
	if (size > room)
		return DECLINED;
	out = put_affixes(pattern, put_exceptions(work, source, code, out));
	memcpy(out, work->trial, packed - work->trial);
	return size;
}

static int64
encode_pattern(EsColumnWork *work, const EsColumnSource *source, EsEncoding encoding,
			   bool fixed, EsColumnCode *code, char *out, uint32 room)
{
	Pattern		pattern;

	if (!find_pattern(&pattern, encoding, fixed, find_pivot(source)))
		return DECLINED;
	code->param = pattern.param;
	if (encoding == ES_COLUMN_HEX || encoding == ES_COLUMN_UUID)
		return encode_binary(work, source, &pattern, code, out, room);
	return encode_numbers(work, source, &pattern, code, out, room);
}

/* --------------------------------------------------------------------- text */

static uint32
common_prefix(EsSlice a, EsSlice b, uint32 most)
{
	uint32		size = 0;

	most = Min(most, Min(a.size, b.size));
	while (size < most && a.data[size] == b.data[size])
		size++;
	return size;
}

static uint32
common_suffix(EsSlice a, EsSlice b, uint32 most)
{
	uint32		size = 0;

	most = Min(most, Min(a.size, b.size));
	while (size < most && a.data[a.size - 1 - size] == b.data[b.size - 1 - size])
		size++;
	return size;
}

/* What all values begin and end with, not overlapping in any. */
static void
find_common(const EsColumnSource *source, Pattern *pattern)
{
	EsSlice		first = source->values[0];
	uint32		prefix = MAX_AFFIX;
	uint32		suffix = MAX_AFFIX;
	uint32		least = first.size;

	for (uint32 i = 0; i < source->count; i++)
	{
		prefix = common_prefix(first, source->values[i], prefix);
		suffix = common_suffix(first, source->values[i], suffix);
		least = Min(least, source->values[i].size);
	}
	suffix = Min(suffix, least - prefix);
	set_affixes(pattern, first, prefix, first.size - suffix);
}

static EsSlice
cut_affixes(EsSlice value, const Pattern *pattern)
{
	return es_slice(value.data + pattern->prefix.size,
					value.size - pattern->prefix.size - pattern->suffix.size);
}

static int64
encode_plain(EsColumnWork *work pg_attribute_unused(), const EsColumnSource *source,
			 EsColumnCode *code pg_attribute_unused(), char *out, uint32 room)
{
	Pattern		pattern = {.encoding = ES_COLUMN_PLAIN};
	char	   *ends;
	char	   *bytes;
	uint32		size = 0;
	uint32		head;

	find_common(source, &pattern);
	for (uint32 i = 0; i < source->count; i++)
		size += source->values[i].size - pattern.prefix.size - pattern.suffix.size;
	head = affixes_size(&pattern) + source->count * sizeof(uint16);
	if (size > PG_UINT16_MAX || head + size > room)
		return DECLINED;
	ends = put_affixes(&pattern, out);
	bytes = out + head;
	for (uint32 i = 0; i < source->count; i++)
	{
		bytes = es_put_slice(bytes, cut_affixes(source->values[i], &pattern));
		ends = es_put_uint16(ends, (uint32) (bytes - out) - head);
	}
	return head + size;
}

/* Cuts what all values have in common; returns the size of what is left. */
static uint32
cut_values(EsColumnWork *work, const EsColumnSource *source, const Pattern *pattern)
{
	uint32		size = 0;

	for (uint32 i = 0; i < source->count; i++)
	{
		work->parts[i] = cut_affixes(source->values[i], pattern);
		size += work->parts[i].size;
	}
	return size;
}

/* As plain text, each value compressed by itself. */
static int64
encode_symbols(EsColumnWork *work, const EsColumnSource *source,
			   EsColumnCode *code pg_attribute_unused(), char *out, uint32 room)
{
	Pattern		pattern = {.encoding = ES_COLUMN_SYMBOLS};
	uint32		size = 0;
	char	   *ends;
	uint32		head;

	if (work->symbols == NULL)
		return DECLINED;
	find_common(source, &pattern);
	if (2 * cut_values(work, source, &pattern) > sizeof(work->codes))
		return DECLINED;
	es_symbols_encode(work->symbols, work->parts, source->count, work->codes, work->parts,
					  work->symbols_used);
	head = affixes_size(&pattern) + source->count * sizeof(uint16);
	for (uint32 i = 0; i < source->count; i++)
		size += work->parts[i].size;
	if (size > PG_UINT16_MAX || head + size > room)
		return DECLINED;
	ends = put_affixes(&pattern, out);
	out += head;
	size = 0;
	for (uint32 i = 0; i < source->count; i++)
	{
		out = es_put_slice(out, work->parts[i]);
		ends = es_put_uint16(ends, size += work->parts[i].size);
	}
	return head + size;
}

/* ------------------------------------------------------------------ choosing */

/* Encodes in this way; false when that is impossible or there is no room. */
static bool
encode_as(EsColumnWork *work, const EsColumnSource *source, EsEncoding encoding,
		  bool fixed, EsColumnCode *code, char *out, uint32 room)
{
	static const Encoder encoders[] = {
		[ES_COLUMN_CONSTANT] = encode_constant,
		[ES_COLUMN_ENTITY] = encode_entity,
		[ES_COLUMN_DICTIONARY] = encode_dictionary,
		[ES_COLUMN_PLAIN] = encode_plain,
		[ES_COLUMN_SYMBOLS] = encode_symbols
	};
	int64		size;

	*code = (EsColumnCode)
	{
		encoding, 0, 0, 0
	};
	if (encoding < lengthof(encoders) && encoders[encoding] != NULL)
		size = encoders[encoding] (work, source, code, out, room);
	else
		size = encode_pattern(work, source, encoding, fixed, code, out, room);
	code->size = (uint32) size;
	return size != DECLINED;
}

/* A way to encode that may be best. */
typedef struct Candidate
{
	EsEncoding	encoding;
	bool		fixed;
} Candidate;

/* Finds the smallest encoding; symbols have to earn their keep. */
static bool
choose(EsColumnWork *work, const EsColumnSource *source, Candidate *best, char *out,
	   uint32 room)
{
	static const Candidate candidates[] = {
		{ES_COLUMN_CONSTANT, false}, {ES_COLUMN_ENTITY, false},
		{ES_COLUMN_INTEGER, false}, {ES_COLUMN_DECIMAL, false},
		{ES_COLUMN_DIGITS, true}, {ES_COLUMN_DIGITS, false},
		{ES_COLUMN_HEX, false}, {ES_COLUMN_UUID, false}, {ES_COLUMN_TIMESTAMP, false},
		{ES_COLUMN_DICTIONARY, false}, {ES_COLUMN_PLAIN, false}, {ES_COLUMN_SYMBOLS, false}
	};
	uint32		least = PG_UINT32_MAX;
	uint8		symbols_used[256];

	memcpy(symbols_used, work->symbols_used, sizeof(symbols_used));
	for (size_t i = 0; i < lengthof(candidates); i++)
	{
		EsColumnCode code;

		if (!encode_as(work, source, candidates[i].encoding, candidates[i].fixed, &code,
					   out, room))
			continue;
		if (candidates[i].encoding == ES_COLUMN_SYMBOLS)
			code.size += code.size * MIN_SYMBOLS_GAIN / 100;
		if (code.size < least)
		{
			least = code.size;
			*best = candidates[i];
		}
		if (candidates[i].encoding <= ES_COLUMN_ENTITY)
			break;
	}
	memcpy(work->symbols_used, symbols_used, sizeof(symbols_used));
	return least != PG_UINT32_MAX;
}

static uint32
cost_of(const EsColumnCode *code, uint32 count)
{
	return Min((uint64) code->size * 16 / count, PG_UINT16_MAX);
}

/* Is it time to look whether something else would be better? */
static bool
is_due(EsColumnMemory *memory)
{
	uint32		every = memory->encoding == ES_COLUMN_PLAIN ? RECONSIDER_PLAIN : RECONSIDER;

	return ++memory->uses % every == 0;
}

/* Encodes as the last time, if that is as good as it was. */
static bool
encode_as_before(EsColumnWork *work, const EsColumnSource *source, EsColumnMemory *memory,
				 EsColumnCode *code, char *out, uint32 room)
{
	uint8		symbols_used[256];
	bool		with_symbols = memory->encoding == ES_COLUMN_SYMBOLS;
	uint32		cost;

	if (memory->encoding == ES_COLUMN_NONE || is_due(memory))
		return false;
	if (with_symbols)
		memcpy(symbols_used, work->symbols_used, sizeof(symbols_used));
	if (encode_as(work, source, memory->encoding, memory->param != 0, code, out, room))
	{
		cost = cost_of(code, source->count);
		if (cost <= memory->cost + memory->cost / 2U + 4)
		{
			memory->cost = (uint16) Min(memory->cost, cost);
			return true;
		}
	}
	if (with_symbols)
		memcpy(work->symbols_used, symbols_used, sizeof(symbols_used));
	return false;
}

/* Few values do not change what was learnt from many. */
static void
remember(EsColumnMemory *memory, EsEncoding encoding, const EsColumnCode *code, uint32 count)
{
	if (memory->encoding != ES_COLUMN_NONE && count < memory->count / 4U)
		return;
	memory->encoding = encoding;
	memory->param = code->param;
	memory->cost = (uint16) cost_of(code, count);
	memory->count = (uint16) count;
}

/*
 * Encodes the values into 'room' bytes at out; false when there is too little.
 * What 'memory' says is tried first, and believed unless it costs half as much
 * again as it did; only where symbols are missing it is not touched.
 */
bool
es_column_encode(EsColumnWork *work, const EsColumnSource *source, EsColumnMemory *memory,
				 EsColumnCode *code, char *out, uint32 room)
{
	Candidate	best;

	if (memory->encoding == ES_COLUMN_SYMBOLS && work->symbols == NULL)
		return encode_as(work, source, ES_COLUMN_PLAIN, false, code, out, room);
	if (encode_as_before(work, source, memory, code, out, room))
		return true;
	if (!choose(work, source, &best, out, room) ||
		!encode_as(work, source, best.encoding, best.fixed, code, out, room))
		return false;
	remember(memory, best.encoding, code, source->count);
	return true;
}
