/*-------------------------------------------------------------------------
 *
 * numeric_writer.c
 *	  Writes the stored form of a numeric from the text of a JSON number.
 *
 * The bytes are those that numeric_in() makes.  A stored numeric is a length
 * word; a header with sign, display scale (how many decimals the text had) and
 * weight; and its digits to the base 10000, each an int16 and the first worth
 * 10000 ^ weight.  Zero digits at both ends are left out.  Numbers whose scale
 * and weight are small have a header of one word, others one of two.  The
 * server keeps the definitions of this format to itself, so they are repeated
 * here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pg/compat.h"
#include "pg/numeric_writer.h"

/* Decimal digits in a digit to the base 10000. */
#define GROUP_DIGITS 4

/*
 * Header of one word: flag, sign, scale, weight.  With so small a scale, the
 * weight is not too low for it.
 */
#define SHORT_FLAG 0x8000
#define SHORT_NEGATIVE 0x2000
#define SHORT_SCALE_SHIFT 7
#define SHORT_SCALE_MAX 63
#define SHORT_WEIGHT_MASK 0x7F	/* in two's complement */
#define SHORT_WEIGHT_MAX 63

/* Header of two words: sign and scale, weight. */
#define LONG_NEGATIVE 0x4000

typedef struct Number
{
	int16	   *digits;
	int			count;
	int			weight;
	int			scale;
	bool		negative;
} Number;

/* Appends a digit, unless it is a leading zero. */
static inline void
put_digit(Number *number, int digit)
{
	if (digit == 0 && number->count == 0)
		number->weight--;
	else
		number->digits[number->count++] = (int16) digit;
}

/* The value of up to four decimal digits. */
static inline int
digit_value(const char *p, size_t size)
{
	int			value = 0;

	for (size_t i = 0; i < size; i++)
		value = value * 10 + (p[i] - '0');
	return value;
}

/* The first digit may have fewer than four decimal ones. */
static inline void
put_integer(Number *number, const char *p, const char *end)
{
	size_t		size = (end - p - 1) % GROUP_DIGITS + 1;

	number->weight = (int) ((end - p - 1) / GROUP_DIGITS);
	put_digit(number, digit_value(p, size));
	for (p += size; p < end; p += GROUP_DIGITS)
		put_digit(number, digit_value(p, GROUP_DIGITS));
}

/* The last digit is filled up with zeros. */
static inline void
put_fraction(Number *number, const char *p, const char *end)
{
	static const int fill[] = {0, 1000, 100, 10};

	number->scale = (int) (end - p);
	for (; end - p >= GROUP_DIGITS; p += GROUP_DIGITS)
		put_digit(number, digit_value(p, GROUP_DIGITS));
	if (p < end)
		put_digit(number, digit_value(p, end - p) * fill[end - p]);
}

/* Leaves out zeros at the end; nothing but zeros is zero, and has no sign. */
static void
strip(Number *number)
{
	while (number->count > 0 && number->digits[number->count - 1] == 0)
		number->count--;
	if (number->count == 0)
	{
		number->weight = 0;
		number->negative = false;
	}
}

/* Writes the header before the digits, which stand where a short one ends. */
static size_t
put_header(const Number *number, char *out)
{
	uint16	   *header = (uint16 *) (out + VARHDRSZ);
	size_t		digits_size = number->count * sizeof(int16);
	size_t		size = VARHDRSZ + sizeof(uint16) + digits_size;

	if (number->scale <= SHORT_SCALE_MAX && number->weight <= SHORT_WEIGHT_MAX)
		header[0] = (uint16) (SHORT_FLAG | (number->negative ? SHORT_NEGATIVE : 0) |
							  number->scale << SHORT_SCALE_SHIFT |
							  (number->weight & SHORT_WEIGHT_MASK));
	else
	{
		memmove(header + 2, header + 1, digits_size);
		header[0] = (uint16) (number->scale | (number->negative ? LONG_NEGATIVE : 0));
		header[1] = (uint16) number->weight;
		size += sizeof(uint16);
	}
	SET_VARSIZE(out, size);
	return size;
}

/*
 * Writes the numeric to out, which is aligned for an int32 and has room for
 * text.size + ES_NUMERIC_OVERHEAD bytes; returns how many were written.  The
 * text is one that es_json_scan_scalar() accepted as a number.
 */
size_t
es_numeric_write(EsSlice text, char *out)
{
	const char *p = text.data;
	const char *end = p + text.size;
	const char *point;
	Number		number = {.digits = (int16 *) (out + VARHDRSZ) + 1};

	number.negative = *p == '-';
	if (number.negative)
		p++;
	for (point = p; point < end && *point != '.';)
		point++;
	put_integer(&number, p, point);
	if (point < end)
		put_fraction(&number, point + 1, end);
	strip(&number);
	return put_header(&number, out);
}
