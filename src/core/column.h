/*-------------------------------------------------------------------------
 *
 * column.h
 *	  Columns of strings, kept as what they are: numbers, times, ids, one of a
 *	  few words, text.
 *
 * The values of a column are byte strings of one place in the events of a
 * block: the raw text of a JSON leaf, say.  Whatever the encoding, a value
 * comes back byte for byte, and by itself.  doc/format.md describes the bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_COLUMN_H
#define EVENTSTORE_CORE_COLUMN_H

#include "core/base.h"
#include "core/symbols.h"

/* How the values are kept. */
typedef enum EsEncoding
{
	ES_COLUMN_NONE = 0,			/* there are no values */
	ES_COLUMN_CONSTANT,			/* one value for all */
	ES_COLUMN_ENTITY,			/* the row's entity_id as a JSON string */
	ES_COLUMN_DICTIONARY,		/* codes of distinct values */
	ES_COLUMN_INTEGER,			/* JSON integers */
	ES_COLUMN_DECIMAL,			/* JSON numbers, param digits after the point */
	ES_COLUMN_DIGITS,			/* prefix, integer (param digits), suffix */
	ES_COLUMN_HEX,				/* prefix, param hex digits, suffix */
	ES_COLUMN_UUID,				/* prefix, UUID, suffix */
	ES_COLUMN_TIMESTAMP,		/* prefix, date and time, suffix */
	ES_COLUMN_PLAIN,			/* prefix, any bytes, suffix */
	ES_COLUMN_SYMBOLS			/* prefix, bytes as symbols, suffix */
} EsEncoding;

/* Digits of a number, which an int64 holds in any case. */
#define ES_COLUMN_MAX_DIGITS 18

/* 10^exponent, for exponents up to ES_COLUMN_MAX_DIGITS. */
static inline int64
es_power_of_ten(uint32 exponent)
{
	int64		power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

/* Added to the encoding: some values are kept aside as they are. */
#define ES_COLUMN_EXCEPTIONS 0x80

/* Most values that are kept aside. */
#define ES_MAX_EXCEPTIONS 64

/* Values to be encoded. */
typedef struct EsColumnSource
{
	const EsSlice *values;		/* their data is never NULL */
	uint32		count;			/* at least 1 */
	const uint16 *rows;			/* the row of each value; NULL: 0, 1, ... */
	const EsSlice *entities;	/* the entity_id of each row */
} EsColumnSource;

/* What became of them. */
typedef struct EsColumnCode
{
	uint8		encoding;		/* EsEncoding, perhaps with EXCEPTIONS */
	uint8		width;			/* of integers, in bits */
	uint8		param;
	uint32		size;			/* in bytes */
} EsColumnCode;

/* What helped the last time with values of this kind. */
typedef struct EsColumnMemory
{
	uint8		encoding;		/* without flag; NONE: nothing is known */
	uint8		param;
	uint16		cost;			/* bytes for 16 values, symbols not counted */
	uint16		uses;
	uint16		count;			/* values that this was learnt from */
} EsColumnMemory;

#define ES_COLUMN_MAX_VALUES	4096
#define ES_COLUMN_MAX_WORDS		256 /* in a dictionary */
#define ES_COLUMN_TRIAL_SIZE	(16 * 1024) /* larger columns fit no block */

/*
 * A word of a dictionary.  Its first and last eight bytes, which overlap or are
 * filled up with zeros, say all of a word of up to 16 bytes.
 */
typedef struct EsWord
{
	EsSlice		text;
	uint64		first;
	uint64		last;
} EsWord;

/* Memory to encode in; what lies in it between calls are the first two. */
typedef struct EsColumnWork
{
	const EsSymbolTable *symbols;	/* to encode with; NULL: not at all */
	uint8		symbols_used[256];	/* codes that were used, accumulated */

	uint32		exception_count;
	uint16		exceptions[ES_MAX_EXCEPTIONS];	/* values kept aside */
	int64		numbers[ES_COLUMN_MAX_VALUES];
	uint32		word_count;
	uint32		words_size;
	EsWord		words[ES_COLUMN_MAX_WORDS];
	uint16		word_table[4 * ES_COLUMN_MAX_WORDS];
	EsSlice		parts[ES_COLUMN_MAX_VALUES];
	char		codes[4 * ES_COLUMN_TRIAL_SIZE];
	char		trial[ES_COLUMN_TRIAL_SIZE];
} EsColumnWork;

/* A column that is read. */
typedef struct EsColumn
{
	uint8		encoding;
	uint8		width;
	uint8		param;
	uint32		count;
	const char *data;
	const char *end;			/* nothing is read from here on */
} EsColumn;

/* Values that are kept aside, and their numbers. */
typedef struct EsExceptions
{
	uint32		count;
	const char *table;
	const char *bytes;
} EsExceptions;

/*
 * A column that is open for a loop over its values.  All sizes were checked, and
 * so were the ends of strings; what can be wrong in a single value is said here.
 * What an exception's place holds besides means nothing.
 */
typedef struct EsStrings
{
	EsColumn	column;			/* for es_column_get() */
	EsEncoding	encoding;		/* without flag; never NONE */
	uint32		count;			/* values */
	const char *presence;		/* bitmap of the events with a value; NULL:
								 * all */
	EsExceptions exceptions;	/* see es_strings_exception() */
	EsSlice		prefix;			/* from DIGITS on: around each value but the */
	EsSlice		suffix;			/* exceptions */

	/* CONSTANT */
	EsSlice		constant;

	/*
	 * DICTIONARY: codes of at most 8 bits, at 'data'.  A code may exceed
	 * word_count; es_column_get() refuses the value then.
	 */
	uint32		word_count;		/* 1 to ES_COLUMN_MAX_WORDS */

	/*
	 * INTEGER, DECIMAL, DIGITS, TIMESTAMP: base and distances, at 'data';
	 * param is right.  es_column_get() refuses a negative number of DIGITS,
	 * and a TIMESTAMP before ES_TIMESTAMP_MIN or not before ES_TIMESTAMP_END.
	 */
	int64		base;
	uint8		width;
	uint8		param;

	/* codes, distances, or the 'each' bytes of values of HEX and UUID */
	const char *data;
	uint32		each;

	/* ends and bytes of words, or of values of PLAIN and SYMBOLS */
	const char *ends;
	const char *bytes;
} EsStrings;

extern bool es_column_encode(EsColumnWork *work, const EsColumnSource *source,
							 EsColumnMemory *memory, EsColumnCode *code,
							 char *out, uint32 room);
extern bool es_column_get(const EsColumn *column, uint32 i, EsSlice entity_id,
						  const EsSymbolReader *symbols, char *out, uint32 room,
						  uint32 *size);
extern bool es_column_open(const EsColumn *column, EsStrings *strings);

/* String i of those whose ends are 'step' bytes apart. */
static inline EsSlice
es_strings_part(const char *ends, uint32 step, const char *bytes, uint32 i)
{
	uint32		from = i == 0 ? 0 : es_get_uint16(ends + (size_t) (i - 1) * step);

	return es_slice(bytes + from, es_get_uint16(ends + (size_t) i * step) - from);
}

/*
 * Word i of a DICTIONARY, or what stands between prefix and suffix in value i of
 * PLAIN, or the codes of it in SYMBOLS.
 */
static inline EsSlice
es_strings_text(const EsStrings *strings, uint32 i)
{
	return es_strings_part(strings->ends, sizeof(uint16), strings->bytes, i);
}

/* Exception i, of ascending *value, the number of the value it is. */
static inline EsSlice
es_strings_exception(const EsStrings *strings, uint32 i, uint32 *value)
{
	const EsExceptions *exceptions = &strings->exceptions;

	*value = es_get_uint16(exceptions->table + (size_t) i * 2 * sizeof(uint16));
	return es_strings_part(exceptions->table + sizeof(uint16), 2 * sizeof(uint16), exceptions->bytes, i);
}

#endif							/* EVENTSTORE_CORE_COLUMN_H */
