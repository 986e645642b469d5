/*-------------------------------------------------------------------------
 *
 * symbols.h
 *	  Short texts as sequences of one-byte codes for symbols of 1 to 8 bytes.
 *
 * symbols.c describes how it works and what is stored.
 *
 * A table is trained once in a while on values that were written lately.  To
 * write a block: set used[] to zeros, encode the values, select the symbols that
 * were used, translate the codes to those of the set, and store the set's data
 * and the codes.  To read: open the set, decode any value.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_SYMBOLS_H
#define EVENTSTORE_CORE_SYMBOLS_H

#include "core/base.h"

#define ES_SYMBOLS_MAX			255 /* in a table; one code is the escape */
#define ES_SYMBOL_MAX_SIZE		8
#define ES_SYMBOL_ESCAPE		255
#define ES_SYMBOL_SLOTS			1024
#define ES_SYMBOL_ROWS			64

/* Bytes that es_symbols_decode() may write beyond the value. */
#define ES_SYMBOLS_SPARE		8

/* The largest set: how many of each size, and 255 symbols of 8 bytes. */
#define ES_SYMBOL_SET_MAX_SIZE	(ES_SYMBOL_MAX_SIZE + ES_SYMBOLS_MAX * ES_SYMBOL_MAX_SIZE)

/*
 * What stands at a place of the text: the code in the lower 8 bits, above them
 * how many bytes of the text it stands for.
 */
typedef uint16 EsSymbolMatch;

typedef struct EsLongSymbol
{
	uint64		text;
	uint32		match;			/* EsSymbolMatch */
	uint32		shift;			/* takes the bytes behind the symbol away */
} EsLongSymbol;

/*
 * A trained table.  It has no pointers and stays as it is until it is trained
 * again, so it may lie anywhere and be copied.
 */
typedef struct EsSymbolTable
{
	uint32		count;
	uint32		row_count;
	uint8		sizes[256];		/* of the symbols, ascending */
	uint64		texts[256];		/* of the symbols, filled up with zeros */

	/* symbols of 1 and 2 bytes: pairs[rows[second byte] + first byte] */
	uint16		rows[256];
	EsSymbolMatch pairs[ES_SYMBOL_ROWS * 256];

	/* symbols of 3 bytes by their hash */
	uint32		triples[ES_SYMBOL_SLOTS];
	EsSymbolMatch triple_matches[ES_SYMBOL_SLOTS];

	/* symbols of 4 to 8 bytes by the hash of the first 4 */
	EsLongSymbol longs[ES_SYMBOL_SLOTS];
} EsSymbolTable;

/* The symbols that a block needs, under codes of their own. */
typedef struct EsSymbolSet
{
	uint8		map[256];		/* code of the table to code of the set */
	uint32		size;			/* of data */
	char		data[ES_SYMBOL_SET_MAX_SIZE];	/* as it is stored */
} EsSymbolSet;

/* A stored set, open for reading; it points into the caller's bytes. */
typedef struct EsSymbolReader
{
	const char *data;
	uint32		count;
	uint64		limits;			/* for each size, the first code above it */
	int32		starts[ES_SYMBOL_MAX_SIZE]; /* for each size, where its code 0
											 * would lie in data */
} EsSymbolReader;

extern void es_symbols_train(EsSymbolTable *table, const EsSlice *values, uint32 count);

extern void es_symbols_encode(const EsSymbolTable *table, const EsSlice *values,
							  uint32 count, char *out, EsSlice *codes,
							  uint8 used[256]);
extern void es_symbols_select(const EsSymbolTable *table, const uint8 used[256],
							  EsSymbolSet *set);
extern void es_symbols_translate(const EsSymbolSet *set, char *codes, uint32 size);

extern bool es_symbols_open(EsSymbolReader *reader, const char *data, uint32 size);
extern bool es_symbols_decode(const EsSymbolReader *reader, EsSlice codes,
							  char *out, uint32 capacity, uint32 *size);

#endif							/* EVENTSTORE_CORE_SYMBOLS_H */
