/*-------------------------------------------------------------------------
 *
 * column.c
 *	  Columns of strings: reading one value.
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

#define MAX_DIGITS 18

/* Where the reading is: bytes from p to end, a value to be written to out. */
typedef struct Reading
{
	const EsColumn *column;
	uint32		i;				/* which value */
	const char *p;
	const char *end;
	EsSlice		prefix;
	EsSlice		suffix;
	char	   *out;
	uint32		room;
} Reading;

static inline bool
has(const Reading *reading, size_t size)
{
	return (size_t) (reading->end - reading->p) >= size;
}

static inline uint16
get_uint16(const char *p)
{
	uint16		value;

	memcpy(&value, p, sizeof(value));
	return value;
}

/* Value i of the strings whose ends are at 'ends', 'step' bytes apart. */
static inline bool
find_string(const Reading *reading, const char *ends, uint32 step, uint32 i,
			const char *bytes, EsSlice *string)
{
	uint32		start = i == 0 ? 0 : get_uint16(ends + (size_t) (i - 1) * step);
	uint32		end = get_uint16(ends + (size_t) i * step);

	if (end < start || bytes > reading->end || end > (size_t) (reading->end - bytes))
		return false;
	*string = es_slice(bytes + start, end - start);
	return true;
}

/* Copies a short string, with wide stores where there is room for them. */
static inline char *
put_short(char *out, EsSlice string, const char *in_end, const char *out_end)
{
	if (string.size == 0)
		return out;
	if (string.size <= 16 && in_end - string.data >= 16 && out_end - out >= 16)
	{
		memcpy(out, string.data, 16);
		return out + string.size;
	}
	return es_put_slice(out, string);
}

/* Writes a string as the value. */
static inline bool
put_value(const Reading *reading, EsSlice string, uint32 *size)
{
	if (string.size > reading->room)
		return false;
	put_short(reading->out, string, reading->end, reading->out + reading->room);
	*size = string.size;
	return true;
}

/* --------------------------------------------------- exceptions and affixes */

/*
 * Crosses the exceptions.  Sets *found, and *string, when the value is one.
 */
static bool
take_exceptions(Reading *reading, bool *found, EsSlice *string)
{
	const char *table = reading->p + sizeof(uint16);
	const char *bytes;
	EsSlice		last;
	uint32		count;

	*found = false;
	if (!has(reading, sizeof(uint16)))
		return false;
	count = get_uint16(reading->p);
	if (count == 0 || !has(reading, sizeof(uint16) + count * 4))
		return false;
	bytes = table + count * 4;
	if (!find_string(reading, table + 2, 4, count - 1, bytes, &last))
		return false;
	for (uint32 i = 0; i < count && !*found; i++)
	{
		if (get_uint16(table + i * 4) == reading->i)
		{
			*found = true;
			if (!find_string(reading, table + 2, 4, i, bytes, string))
				return false;
		}
	}
	reading->p = last.data + last.size;
	return true;
}

static bool
take_affixes(Reading *reading)
{
	if (!has(reading, 2))
		return false;
	reading->prefix.size = (uint8) reading->p[0];
	reading->suffix.size = (uint8) reading->p[1];
	reading->p += 2;
	if (!has(reading, reading->prefix.size + reading->suffix.size))
		return false;
	reading->prefix.data = reading->p;
	reading->suffix.data = reading->p + reading->prefix.size;
	reading->p = reading->suffix.data + reading->suffix.size;
	return true;
}

/* Writes prefix, middle and suffix. */
static inline bool
put_affixed(const Reading *reading, EsSlice middle, uint32 *size)
{
	char	   *out = reading->out;
	char	   *out_end = out + reading->room;

	if (reading->prefix.size + middle.size + reading->suffix.size > reading->room)
		return false;
	out = put_short(out, reading->prefix, reading->end, out_end);
	out = es_put_slice(out, middle);
	out = put_short(out, reading->suffix, reading->end, out_end);
	*size = out - reading->out;
	return true;
}

/* ------------------------------------------------------------------ numbers */

/* Writes a number with at least so many digits; returns how many bytes. */
static inline uint32
print_digits(uint64 number, uint32 least, char *out)
{
	static const char pairs[] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";
	char		digits[24];
	char	   *p = digits + sizeof(digits);
	uint32		size;

	for (; number >= 100; number /= 100)
		memcpy(p -= 2, pairs + 2 * (number % 100), 2);
	if (number >= 10)
		memcpy(p -= 2, pairs + 2 * number, 2);
	else
		*--p = (char) ('0' + number);
	while (digits + sizeof(digits) - p < (ptrdiff_t) least)
		*--p = '0';
	size = digits + sizeof(digits) - p;
	memcpy(out, p, size);
	return size;
}

/* Writes an integer as a decimal with 'scale' digits after the point. */
static uint32
print_decimal(int64 number, uint32 scale, char *out)
{
	uint64		magnitude = number < 0 ? -(uint64) number : (uint64) number;
	uint32		negative = number < 0 ? 1 : 0;
	uint32		size;

	*out = '-';
	size = negative + print_digits(magnitude, scale == 0 ? 1 : scale + 1, out + negative);
	if (scale == 0)
		return size;
	memmove(out + size - scale + 1, out + size - scale, scale);
	out[size - scale] = '.';
	return size + 1;
}

/* Writes the number as what stands between prefix and suffix. */
static bool
print_part(const Reading *reading, int64 number, char *out, uint32 *size)
{
	uint8		param = reading->column->param;

	switch (reading->column->encoding & ~ES_COLUMN_EXCEPTIONS)
	{
		case ES_COLUMN_INTEGER:
			*size = print_decimal(number, 0, out);
			return true;
		case ES_COLUMN_DECIMAL:
			if (param >= MAX_DIGITS)
				return false;
			*size = print_decimal(number, param, out);
			return true;
		case ES_COLUMN_DIGITS:
			if (param > MAX_DIGITS || number < 0)
				return false;
			*size = print_digits((uint64) number, param, out);
			return true;
		default:
			if (number < ES_TIMESTAMP_MIN || number >= ES_TIMESTAMP_END || (param & 7) > 6)
				return false;
			*size = es_timestamp_put(number, param & 8 ? ' ' : 'T', param & 7, out);
			return true;
	}
}

static bool
get_number(Reading *reading, uint32 *size)
{
	const EsColumn *column = reading->column;
	int64		base;
	char		text[48];
	uint32		text_size;

	if (!has(reading, sizeof(int64) + (size_t) es_integers_size(column->width, column->count)))
		return false;
	memcpy(&base, reading->p, sizeof(base));
	base = (int64) ((uint64) base + es_integers_get(reading->p + sizeof(base), column->width, reading->i));
	return print_part(reading, base, text, &text_size) &&
		put_affixed(reading, es_slice(text, text_size), size);
}

static bool
get_binary(Reading *reading, bool is_uuid, uint32 *size)
{
	static const char hex[] = "0123456789abcdef";
	uint32		digits = reading->column->param;
	uint32		each = is_uuid ? ES_UUID_SIZE : (digits + 1) / 2;
	const char *bytes;
	char		text[256];

	if (!has(reading, (size_t) reading->column->count * each))
		return false;
	bytes = reading->p + (size_t) reading->i * each;
	if (is_uuid)
	{
		es_uuid_print((const uint8 *) bytes, text);
		return put_affixed(reading, es_slice(text, ES_UUID_TEXT_SIZE), size);
	}
	for (uint32 i = 0; i < digits; i++)
		text[i] = hex[((uint8) bytes[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 0xF];
	return put_affixed(reading, es_slice(text, digits), size);
}

/* ------------------------------------------------------------------- others */

static bool
get_constant(Reading *reading, uint32 *size)
{
	uint32		length;

	if (!has(reading, sizeof(uint16)))
		return false;
	length = get_uint16(reading->p);
	reading->p += sizeof(uint16);
	return has(reading, length) && put_value(reading, es_slice(reading->p, length), size);
}

static bool
get_entity(Reading *reading, EsSlice entity_id, uint32 *size)
{
	if (entity_id.size + 2 > reading->room)
		return false;
	reading->out[0] = '"';
	es_put_slice(reading->out + 1, entity_id);
	reading->out[entity_id.size + 1] = '"';
	*size = entity_id.size + 2;
	return true;
}

static bool
get_word(Reading *reading, uint32 *size)
{
	const EsColumn *column = reading->column;
	const char *ends = reading->p + sizeof(uint16);
	const char *bytes;
	EsSlice		word;
	uint32		count;
	uint32		code;

	if (!has(reading, sizeof(uint16)))
		return false;
	count = get_uint16(reading->p);
	if (count == 0 || !has(reading, sizeof(uint16) * (1 + (size_t) count)))
		return false;
	bytes = ends + sizeof(uint16) * count;
	if (!find_string(reading, ends, sizeof(uint16), count - 1, bytes, &word))
		return false;
	reading->p = word.data + word.size;
	if (!has(reading, es_integers_size(column->width, column->count)))
		return false;
	code = (uint32) es_integers_get(reading->p, column->width, reading->i);
	return code < count &&
		find_string(reading, ends, sizeof(uint16), code, bytes, &word) &&
		put_value(reading, word, size);
}

/* Decodes a value that is kept as symbols. */
static bool
put_symbols(const Reading *reading, EsSlice codes, const EsSymbolReader *symbols,
			uint32 *size)
{
	uint32		affixes = reading->prefix.size + reading->suffix.size;
	char	   *out = reading->out + reading->prefix.size;
	uint32		decoded;

	if (symbols == NULL || affixes > reading->room)
		return false;
	if (!es_symbols_decode(symbols, codes, out, reading->room - affixes, &decoded))
		return false;
	es_put_slice(reading->out, reading->prefix);
	es_put_slice(out + decoded, reading->suffix);
	*size = affixes + decoded;
	return true;
}

static bool
get_text(Reading *reading, const EsSymbolReader *symbols, uint32 *size)
{
	const char *ends = reading->p;
	uint32		count = reading->column->count;
	EsSlice		text;

	if (!has(reading, sizeof(uint16) * (size_t) count) ||
		!find_string(reading, ends, sizeof(uint16), reading->i, ends + sizeof(uint16) * count, &text))
		return false;
	if ((reading->column->encoding & ~ES_COLUMN_EXCEPTIONS) == ES_COLUMN_SYMBOLS)
		return put_symbols(reading, text, symbols, size);
	return put_affixed(reading, text, size);
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
	Reading		reading = {column, i, column->data, column->end, {0}, {0}, out, room};
	EsEncoding	encoding = column->encoding & ~ES_COLUMN_EXCEPTIONS;

	if (i >= column->count || !es_integers_width_valid(column->width) ||
		column->data > column->end)
		return false;
	if (column->encoding & ES_COLUMN_EXCEPTIONS)
	{
		EsSlice		string;
		bool		found;

		if (!take_exceptions(&reading, &found, &string))
			return false;
		if (found)
			return put_value(&reading, string, size);
	}
	if (encoding >= ES_COLUMN_DIGITS && !take_affixes(&reading))
		return false;
	switch (encoding)
	{
		case ES_COLUMN_CONSTANT:
			return get_constant(&reading, size);
		case ES_COLUMN_ENTITY:
			return get_entity(&reading, entity_id, size);
		case ES_COLUMN_DICTIONARY:
			return get_word(&reading, size);
		case ES_COLUMN_INTEGER:
		case ES_COLUMN_DECIMAL:
		case ES_COLUMN_DIGITS:
		case ES_COLUMN_TIMESTAMP:
			return get_number(&reading, size);
		case ES_COLUMN_HEX:
		case ES_COLUMN_UUID:
			return get_binary(&reading, encoding == ES_COLUMN_UUID, size);
		case ES_COLUMN_PLAIN:
		case ES_COLUMN_SYMBOLS:
			return get_text(&reading, symbols, size);
		default:
			return false;
	}
}
