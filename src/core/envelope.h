/*-------------------------------------------------------------------------
 *
 * envelope.h
 *	  Events from JSON text: one object, newline-delimited objects, or an
 *	  array of objects.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_CORE_ENVELOPE_H
#define EVENTSTORE_CORE_ENVELOPE_H

#include "core/base.h"
#include "core/error.h"
#include "core/event.h"
#include "core/shape.h"

/*
 * What the parser needs from its surroundings.  Both may leave by longjmp;
 * the parser holds nothing.
 */
typedef struct EsParserHooks
{
	/* Memory that lives as long as the events; NULL is not returned. */
	void	   *(*allocate) (void *arg, size_t size);

	/* Is this value, which the scanner does not vouch for, valid JSON? */
	bool		(*judge) (void *arg, EsSlice value);
	void	   *arg;
} EsParserHooks;

#define ES_MAX_ENVELOPE_NODES	64
#define ES_MAX_ENVELOPE_TEXT	48	/* bytes between two fields */

/* A node of the trie of envelopes: text, and the field whose value follows. */
typedef struct EsEnvelopeNode
{
	EsExpected	expected_text;
	char		text[ES_MAX_ENVELOPE_TEXT];
	uint8		size;
	int8		field;			/* index; -1: the event ends */
	uint8		expected;		/* the child that matched last */
	uint8		first_child;	/* 0: none */
	uint8		next_sibling;
} EsEnvelopeNode;

/*
 * What events looked like so far; the next ones are expected to look the same.
 * It only makes parsing faster and tells the shapes of documents; it never
 * changes what is accepted.
 */
typedef struct EsExpectations
{
	uint32		node_count;		/* of envelopes, the root not counted */
	EsEnvelopeNode nodes[ES_MAX_ENVELOPE_NODES];
	EsShapes	shapes;
} EsExpectations;

typedef struct EsParser
{
	const char *start;
	const char *p;
	const char *end;
	bool		in_array;		/* the text is one JSON array */
	int64		ordinal;		/* of the event read last; 1 is the first */
	const EsParserHooks *hooks;
	EsExpectations *expectations;	/* NULL: none, and no shapes */
	EsLeaf	   *leaves;			/* room for those of further documents */
	uint32		leaf_room;
	uint32		leaf_chunk;		/* leaves allocated last */
	EsError		error;
} EsParser;

typedef enum EsParseResult
{
	ES_PARSE_EVENT,
	ES_PARSE_END,
	ES_PARSE_ERROR				/* see parser->error and parser->ordinal */
} EsParseResult;

extern void es_expectations_init(EsExpectations *expectations);
extern void es_expectations_renew(EsExpectations *expectations);
extern void es_parser_init(EsParser *parser, const EsParserHooks *hooks,
						   EsExpectations *expectations);
extern void es_parser_begin(EsParser *parser, EsSlice text);
extern bool es_parse_single(EsParser *parser, EsEvent *event);
extern bool es_parse_tags(EsParser *parser, EsEvent *event);
extern bool es_parse_batch_start(EsParser *parser);
extern EsParseResult es_parse_batch_next(EsParser *parser, EsEvent *event);

extern bool es_parse_document(EsParser *parser, EsSlice *value,
							  EsDocument *document);

#endif							/* EVENTSTORE_CORE_ENVELOPE_H */
