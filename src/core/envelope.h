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

typedef struct EsParser
{
	const char *start;
	const char *p;
	const char *end;
	bool		in_array;		/* the text is one JSON array */
	int64		ordinal;		/* of the event read last; 1 is the first */
	const EsParserHooks *hooks;
	EsError		error;
} EsParser;

typedef enum EsParseResult
{
	ES_PARSE_EVENT,
	ES_PARSE_END,
	ES_PARSE_ERROR				/* see parser->error and parser->ordinal */
} EsParseResult;

extern void es_parser_init(EsParser *parser, EsSlice text,
						   const EsParserHooks *hooks);
extern bool es_parse_single(EsParser *parser, EsEvent *event);
extern bool es_parse_batch_start(EsParser *parser);
extern EsParseResult es_parse_batch_next(EsParser *parser, EsEvent *event);

/* A validated value in the form in which it is stored; see envelope.c. */
extern bool es_parse_value(EsParser *parser, EsSlice *value);

#endif							/* EVENTSTORE_CORE_ENVELOPE_H */
