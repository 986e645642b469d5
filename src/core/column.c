/*-------------------------------------------------------------------------
 *
 * column.c
 *	  Columns of strings: reading one value, opening all of them.
 *
 * Nothing is believed: each size is compared with what is left of the column's
 * bytes, and what is written with the room there is.
 *
 *-------------------------------------------------------------------------
 */
#include "core/column.h"

#include "core/integers.h"
#include "core/timestamp.h"
#include "core/uuid.h"

/* What stands around each value of a column. */
typedef struct Affixes
{
	EsSlice		prefix;
	EsSlice		suffix;
} Affixes;

/* Where a value goes. */
typedef struct Target
{
	char	   *out;
	uint32		room;
} Target;

static inline bool
has(const char *p, const char *end, size_t size)
{
	return (size_t) (end - p) >= size;
}

/*
 * Value i of strings whose ends are at 'ends', 'step' bytes apart, and whose
 * bytes start at 'bytes', which is not after 'end'.
 */
static inline bool
find_string(const char *ends, uint32 step, uint32 i, const char *bytes, const char *end,
			EsSlice *string)
{
	uint32		from = i == 0 ? 0 : es_get_uint16(ends + (size_t) (i - 1) * step);
	uint32		to = es_get_uint16(ends + (size_t) i * step);

	if (to < from || !has(bytes, end, to))
		return false;
	*string = es_slice(bytes + from, to - from);
	return true;
}

/* Copies a string that may be short, with wide loads and stores if possible. */
static inline void
put_bytes(char *out, EsSlice string, const char *end, uint32 room)
{
	if (string.size <= 16 && has(string.data, end, 16) && room >= 16)
		memcpy(out, string.data, 16);
	else if (string.size > 0)
		memcpy(out, string.data, string.size);
}

/* Writes a string as the value. */
static inline bool
put_value(Target target, EsSlice string, const char *end, uint32 *size)
{
	if (string.size > target.room)
		return false;
	put_bytes(target.out, string, end, target.room);
	*size = string.size;
	return true;
}

/* --------------------------------------------------- exceptions and affixes */

/* Crosses the exceptions. */
static inline const char *
take_exceptions(const char *p, const char *end, EsExceptions *exceptions)
{
	EsSlice		last;
	uint32		count;

	if (!has(p, end, sizeof(uint16)))
		return NULL;
	count = es_get_uint16(p);
	exceptions->count = count;
	exceptions->table = p + sizeof(uint16);
	exceptions->bytes = exceptions->table + count * 2 * sizeof(uint16);
	if (count == 0 || count > ES_MAX_EXCEPTIONS || !has(p, end, exceptions->bytes - p) ||
		!find_string(exceptions->table + sizeof(uint16), 2 * sizeof(uint16), count - 1,
					 exceptions->bytes, end, &last))
		return NULL;
	return last.data + last.size;
}

/* Sets *found, and *string, when value i is an exception. */
static inline bool
find_exception(const EsExceptions *exceptions, const char *end, uint32 i, bool *found,
			   EsSlice *string)
{
	*found = false;
	for (uint32 j = 0; j < exceptions->count; j++)
	{
		if (es_get_uint16(exceptions->table + j * 2 * sizeof(uint16)) != i)
			continue;
		*found = true;
		return find_string(exceptions->table + sizeof(uint16), 2 * sizeof(uint16), j,
						   exceptions->bytes, end, string);
	}
	return true;
}

static inline const char *
take_affixes(const char *p, const char *end, Affixes *affixes)
{
	uint32		prefix_size;
	uint32		suffix_size;

	if (!has(p, end, 2))
		return NULL;
	prefix_size = (uint8) p[0];
	suffix_size = (uint8) p[1];
	if (!has(p, end, 2 + prefix_size + suffix_size))
		return NULL;
	affixes->prefix = es_slice(p + 2, prefix_size);
	affixes->suffix = es_slice(p + 2 + prefix_size, suffix_size);
	return p + 2 + prefix_size + suffix_size;
}

/* Writes prefix and suffix around a middle that is, or will be, there. */
static inline void
put_affixes(Target target, const Affixes *affixes, uint32 middle, const char *end)
{
	put_bytes(target.out, affixes->prefix, end, affixes->prefix.size);
	put_bytes(target.out + affixes->prefix.size + middle, affixes->suffix, end,
			  affixes->suffix.size);
}

/* ------------------------------------------------------------------ numbers */

/* How many digits a number has. */
static inline uint32
count_digits(uint64 number)
{
	uint32		count = 1;

	for (; number >= 10000; number /= 10000)
		count += 4;
	return count + (number >= 10) + (number >= 100) + (number >= 1000);
}

/* Writes a number with at least so many digits; returns how many bytes. */
static inline uint32
print_digits(uint64 number, uint32 least, char *out)
{
	static const char pairs[] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";
	uint32		size = Max(count_digits(number), least);
	char	   *p = out + size;

	for (; p - out >= 2; number /= 100)
		memcpy(p -= 2, pairs + 2 * (number % 100), 2);
	if (p > out)
		*out = (char) ('0' + number);
	return size;
}

/* Writes an integer as a decimal with 'scale' digits after the point. */
static inline uint32
print_decimal(int64 number, uint32 scale, char *out)
{
	uint64		magnitude = number < 0 ? -(uint64) number : (uint64) number;
	uint32		negative = number < 0 ? 1 : 0;
	uint32		size;

	*out = '-';
	size = negative + print_digits(magnitude, scale + 1, out + negative);
	if (scale == 0)
		return size;
	for (uint32 i = 0; i < scale; i++)
		out[size - i] = out[size - i - 1];
	out[size - scale] = '.';
	return size + 1;
}

#define MAX_PART_SIZE 48		/* of what print_part() writes */

/* Writes the number as what stands between prefix and suffix. */
static inline bool
print_part(EsEncoding encoding, uint8 param, int64 number, char *out, uint32 *size)
{
	switch (encoding)
	{
		case ES_COLUMN_INTEGER:
			*size = print_decimal(number, 0, out);
			return true;
		case ES_COLUMN_DECIMAL:
			*size = print_decimal(number, Min(param, ES_COLUMN_MAX_DIGITS), out);
			return param < ES_COLUMN_MAX_DIGITS;
		case ES_COLUMN_DIGITS:
			*size = print_digits((uint64) number, Min(param, ES_COLUMN_MAX_DIGITS), out);
			return param <= ES_COLUMN_MAX_DIGITS && number >= 0;
		default:
			if (number < ES_TIMESTAMP_MIN || number >= ES_TIMESTAMP_END || (param & 7) > 6)
				return false;
			*size = es_timestamp_put(number, param & 8 ? ' ' : 'T', param & 7, out);
			return true;
	}
}

static inline bool
get_number(const EsColumn *column, EsEncoding encoding, const char *p, uint32 i,
		   const Affixes *affixes, Target target, uint32 *size)
{
	uint32		around = affixes->prefix.size + affixes->suffix.size;
	int64		number;
	char		text[MAX_PART_SIZE];
	char	   *part = target.out + affixes->prefix.size;
	bool		direct = target.room >= around + MAX_PART_SIZE;

	if (!has(p, column->end, sizeof(int64) + (size_t) es_integers_size(column->width, column->count)))
		return false;
	memcpy(&number, p, sizeof(number));
	number = (int64) ((uint64) number + es_integers_get(p + sizeof(number), column->width, i));
	if (!print_part(encoding, column->param, number, direct ? part : text, size))
		return false;
	if (!direct)
	{
		if (around + *size > target.room)
			return false;
		memcpy(part, text, *size);
	}
	put_affixes(target, affixes, *size, column->end);
	*size += around;
	return true;
}

static void
print_hex(const char *bytes, uint32 digits, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (uint32 i = 0; i + 1 < digits; i += 2, bytes++)
	{
		out[i] = hex[(uint8) *bytes >> 4];
		out[i + 1] = hex[(uint8) *bytes & 0xF];
	}
	if (digits % 2 == 1)
		out[digits - 1] = hex[(uint8) *bytes >> 4];
}

static bool
get_binary(const EsColumn *column, bool is_uuid, const char *p, uint32 i,
		   const Affixes *affixes, Target target, uint32 *size)
{
	uint32		each = is_uuid ? ES_UUID_SIZE : (column->param + 1U) / 2;
	uint32		part_size = is_uuid ? ES_UUID_TEXT_SIZE : column->param;
	const char *bytes = p + (size_t) i * each;
	char	   *part = target.out + affixes->prefix.size;

	*size = affixes->prefix.size + part_size + affixes->suffix.size;
	if (!has(p, column->end, (size_t) column->count * each) || *size > target.room)
		return false;
	if (is_uuid)
		es_uuid_print((const uint8 *) bytes, part);
	else
		print_hex(bytes, part_size, part);
	put_affixes(target, affixes, part_size, column->end);
	return true;
}

/* ------------------------------------------------------------------- others */

static inline bool
get_constant(const EsColumn *column, const char *p, Target target, uint32 *size)
{
	uint32		length;

	if (!has(p, column->end, sizeof(uint16)))
		return false;
	length = es_get_uint16(p);
	p += sizeof(uint16);
	return has(p, column->end, length) && put_value(target, es_slice(p, length), column->end, size);
}

static inline bool
get_entity(EsSlice entity_id, Target target, uint32 *size)
{
	*size = entity_id.size + 2;
	if (*size > target.room)
		return false;
	target.out[0] = '"';
	es_put_slice(target.out + 1, entity_id);
	target.out[entity_id.size + 1] = '"';
	return true;
}

static inline bool
get_word(const EsColumn *column, const char *p, uint32 i, Target target, uint32 *size)
{
	const char *ends = p + sizeof(uint16);
	const char *bytes;
	const char *codes;
	EsSlice		word;
	uint32		count;
	uint32		code;

	if (!has(p, column->end, sizeof(uint16)))
		return false;
	count = es_get_uint16(p);
	bytes = ends + sizeof(uint16) * count;
	if (count == 0 || !has(p, column->end, bytes - p))
		return false;
	codes = bytes + es_get_uint16(bytes - sizeof(uint16));
	if (codes > column->end ||
		!has(codes, column->end, es_integers_size(column->width, column->count)))
		return false;
	code = (uint32) es_integers_get(codes, column->width, i);
	return code < count &&
		find_string(ends, sizeof(uint16), code, bytes, codes, &word) &&
		put_value(target, word, column->end, size);
}

/*
 * Text, plain or as symbols.  Symbols may overwrite what is behind them, so the
 * suffix comes last.
 */
static inline bool
get_text(const EsColumn *column, const EsSymbolReader *symbols, const char *p, uint32 i,
		 const Affixes *affixes, Target target, uint32 *size)
{
	uint32		around = affixes->prefix.size + affixes->suffix.size;
	char	   *part = target.out + affixes->prefix.size;
	size_t		ends_size = sizeof(uint16) * (size_t) column->count;
	EsSlice		text;

	if (!has(p, column->end, ends_size) || around > target.room ||
		!find_string(p, sizeof(uint16), i, p + ends_size, column->end, &text))
		return false;
	if (symbols != NULL)
	{
		if (!es_symbols_decode(symbols, text, part, target.room - around, size))
			return false;
	}
	else
	{
		if (text.size > target.room - around)
			return false;
		put_bytes(part, text, column->end, target.room - around);
		*size = text.size;
	}
	put_affixes(target, affixes, *size, column->end);
	*size += around;
	return true;
}

/*
 * Reads value i of the column.  Writes it to out, which has 'room' bytes, and
 * sets *size.  Bytes after it, up to the room, may be overwritten.  entity_id is
 * that of the value's row; symbols may be NULL when the block has none.  False
 * when the column's bytes make no sense or there is not enough room.
 */
bool
es_column_get(const EsColumn *column, uint32 i, EsSlice entity_id,
			  const EsSymbolReader *symbols, char *out, uint32 room, uint32 *size)
{
	EsEncoding	encoding = column->encoding & ~ES_COLUMN_EXCEPTIONS;
	Target		target = {out, room};
	Affixes		affixes = {{NULL, 0}, {NULL, 0}};
	const char *p = column->data;

	if (i >= column->count || p > column->end)
		return false;
	if (column->encoding & ES_COLUMN_EXCEPTIONS)
	{
		EsExceptions exceptions;
		EsSlice		string;
		bool		found;

		p = take_exceptions(p, column->end, &exceptions);
		if (p == NULL || !find_exception(&exceptions, column->end, i, &found, &string))
			return false;
		if (found)
			return put_value(target, string, column->end, size);
	}
	if (encoding >= ES_COLUMN_DIGITS && (p = take_affixes(p, column->end, &affixes)) == NULL)
		return false;
	switch (encoding)
	{
		case ES_COLUMN_CONSTANT:
			return get_constant(column, p, target, size);
		case ES_COLUMN_ENTITY:
			return get_entity(entity_id, target, size);
		case ES_COLUMN_DICTIONARY:
			return es_integers_width_valid(column->width) &&
				get_word(column, p, i, target, size);
		case ES_COLUMN_INTEGER:
		case ES_COLUMN_DECIMAL:
		case ES_COLUMN_DIGITS:
		case ES_COLUMN_TIMESTAMP:
			return es_integers_width_valid(column->width) &&
				get_number(column, encoding, p, i, &affixes, target, size);
		case ES_COLUMN_HEX:
		case ES_COLUMN_UUID:
			return get_binary(column, encoding == ES_COLUMN_UUID, p, i, &affixes, target, size);
		case ES_COLUMN_PLAIN:
			return get_text(column, NULL, p, i, &affixes, target, size);
		case ES_COLUMN_SYMBOLS:
			return symbols != NULL && get_text(column, symbols, p, i, &affixes, target, size);
		default:
			return false;
	}
}

/* ------------------------------------------------------------ opening them all */

/* Do 'count' ends, 'step' bytes apart, not decrease? */
static bool
ends_ascend(const char *ends, uint32 step, uint32 count)
{
	uint32		previous = 0;
	bool		ascend = true;

	for (uint32 i = 0; i < count; i++)
	{
		uint32		next = es_get_uint16(ends + (size_t) i * step);

		ascend &= next >= previous;
		previous = next;
	}
	return ascend;
}

/* Strings, of which 'ends' has the ends; what follows them starts at *after. */
static bool
open_ends(EsStrings *strings, const char *ends, uint32 count, const char **after)
{
	const char *end = strings->column.end;

	if (!has(ends, end, sizeof(uint16) * (size_t) count))
		return false;
	strings->ends = ends;
	strings->bytes = ends + sizeof(uint16) * (size_t) count;
	*after = strings->bytes;
	if (count == 0)
		return true;
	if (!ends_ascend(ends, sizeof(uint16), count) ||
		!has(strings->bytes, end, es_get_uint16(strings->bytes - sizeof(uint16))))
		return false;
	*after += es_get_uint16(strings->bytes - sizeof(uint16));
	return true;
}

/* Are the exceptions' numbers those of values, each greater than the last? */
static bool
check_exceptions(const EsExceptions *exceptions, uint32 count)
{
	int64		previous = -1;

	for (uint32 i = 0; i < exceptions->count; i++)
	{
		uint32		value = es_get_uint16(exceptions->table + i * 2 * sizeof(uint16));

		if (value <= previous || value >= count)
			return false;
		previous = value;
	}
	return ends_ascend(exceptions->table + sizeof(uint16), 2 * sizeof(uint16), exceptions->count);
}

static bool
open_constant(EsStrings *strings, const char *p)
{
	const char *end = strings->column.end;

	if (!has(p, end, sizeof(uint16)))
		return false;
	strings->constant = es_slice(p + sizeof(uint16), es_get_uint16(p));
	return has(p + sizeof(uint16), end, strings->constant.size);
}

static bool
open_words(EsStrings *strings, const char *p)
{
	const char *end = strings->column.end;

	if (strings->width > 8 || !es_integers_width_valid(strings->width) || !has(p, end, sizeof(uint16)))
		return false;
	strings->word_count = es_get_uint16(p);
	return strings->word_count > 0 && strings->word_count <= ES_COLUMN_MAX_WORDS &&
		open_ends(strings, p + sizeof(uint16), strings->word_count, &strings->data) &&
		has(strings->data, end, es_integers_size(strings->width, strings->count));
}

static bool
open_numbers(EsStrings *strings, const char *p)
{
	if ((strings->encoding == ES_COLUMN_DECIMAL && strings->param >= ES_COLUMN_MAX_DIGITS) ||
		(strings->encoding == ES_COLUMN_DIGITS && strings->param > ES_COLUMN_MAX_DIGITS) ||
		(strings->encoding == ES_COLUMN_TIMESTAMP && (strings->param & 7) > 6) ||
		!es_integers_width_valid(strings->width) ||
		!has(p, strings->column.end,
			 sizeof(int64) + (size_t) es_integers_size(strings->width, strings->count)))
		return false;
	memcpy(&strings->base, p, sizeof(strings->base));
	strings->data = p + sizeof(strings->base);
	return true;
}

static bool
open_binary(EsStrings *strings, const char *p)
{
	strings->each = strings->encoding == ES_COLUMN_UUID ? ES_UUID_SIZE : (strings->param + 1U) / 2;
	strings->data = p;
	return has(p, strings->column.end, (size_t) strings->count * strings->each);
}

/* Opens what follows exceptions and affixes. */
static bool
open_values(EsStrings *strings, const char *p)
{
	const char *after;

	switch (strings->encoding)
	{
		case ES_COLUMN_CONSTANT:
			return open_constant(strings, p);
		case ES_COLUMN_ENTITY:
			return true;
		case ES_COLUMN_DICTIONARY:
			return open_words(strings, p);
		case ES_COLUMN_INTEGER:
		case ES_COLUMN_DECIMAL:
		case ES_COLUMN_DIGITS:
		case ES_COLUMN_TIMESTAMP:
			return open_numbers(strings, p);
		case ES_COLUMN_HEX:
		case ES_COLUMN_UUID:
			return open_binary(strings, p);
		case ES_COLUMN_PLAIN:
		case ES_COLUMN_SYMBOLS:
			return open_ends(strings, p, strings->count, &after);
		default:
			return false;
	}
}

/*
 * Opens a column for a loop over its values.  False when its bytes make no
 * sense; then some or all of its values cannot be read by es_column_get()
 * either, or nobody who follows doc/format.md has written them.
 */
bool
es_column_open(const EsColumn *column, EsStrings *strings)
{
	const char *p = column->data;
	Affixes		affixes;

	memset(strings, 0, sizeof(*strings));
	strings->column = *column;
	strings->encoding = column->encoding & ~ES_COLUMN_EXCEPTIONS;
	strings->count = column->count;
	strings->width = column->width;
	strings->param = column->param;
	if (p > column->end)
		return false;
	if ((column->encoding & ES_COLUMN_EXCEPTIONS) &&
		((p = take_exceptions(p, column->end, &strings->exceptions)) == NULL ||
		 !check_exceptions(&strings->exceptions, column->count)))
		return false;
	if (strings->encoding >= ES_COLUMN_DIGITS)
	{
		if ((p = take_affixes(p, column->end, &affixes)) == NULL)
			return false;
		strings->prefix = affixes.prefix;
		strings->suffix = affixes.suffix;
	}
	return open_values(strings, p);
}
