/*
 * support.h
 *		What every part of the benchmark uses: errors, the clock, numbers on the
 *		command line, text buffers and samples.
 */
#ifndef BENCH_SUPPORT_H
#define BENCH_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef lengthof				/* PostgreSQL's headers have it, too */
#define lengthof(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* Text that grows. The bytes are always followed by a zero byte. */
typedef struct Buffer
{
	char	   *data;
	size_t		length;
	size_t		capacity;
} Buffer;

/* Measured values, of which a median or another percentile is wanted. */
typedef struct Samples
{
	double	   *values;
	size_t		count;
	size_t		capacity;
} Samples;

/* errors and memory: all of them end the program */
extern void die(const char *format,...) __attribute__((format(printf, 1, 2), noreturn));
extern void *allocate(size_t size);
extern void *reallocate(void *memory, size_t size);

/* seconds since some fixed moment */
extern double clock_seconds(void);

/* a number of the command line */
extern int64_t parse_number(const char *text, int64_t max);

/* one line "name value" of the result */
extern void report(const char *name, double value);

extern void buffer_append(Buffer *buffer, const char *bytes, size_t length);
extern void buffer_string(Buffer *buffer, const char *string);
extern void buffer_format(Buffer *buffer, const char *format,...) __attribute__((format(printf, 2, 3)));
extern void buffer_free(Buffer *buffer);

extern void samples_add(Samples *samples, double value);
extern void samples_add_all(Samples *samples, const Samples *more);
extern double samples_percentile(Samples *samples, double percent);
extern void samples_free(Samples *samples);

#endif							/* BENCH_SUPPORT_H */
