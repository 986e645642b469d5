/*
 * support.c
 *		Small tools of the benchmark's programs; see support.h.
 *
 * A benchmark that goes on after an error measures something else, so every
 * error here says what happened and ends the program.
 */
#include "support.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Print an error and end the program. */
void
die(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* Get zeroed memory. */
void *
allocate(size_t size)
{
	void	   *memory = calloc(1, size);

	if (memory == NULL)
		die("out of memory");
	return memory;
}

/* Change the size of a piece of memory; what is added is not zeroed. */
void *
reallocate(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (memory == NULL)
		die("out of memory");
	return memory;
}

/* Tell the time in seconds, by the clock that nobody sets. */
double
clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* Read a number of the command line, from 1 to max. */
int64_t
parse_number(const char *text, int64_t max)
{
	char	   *end;
	long long	number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < 1 || number > max)
		die("\"%s\" is not a number from 1 to %lld", text, (long long) max);
	return number;
}

/* Print one figure of the result, for bench/run to read. */
void
report(const char *name, double value)
{
	printf("%s %.3f\n", name, value);
}

/* Make room for that many bytes more and the zero byte. */
static void
buffer_reserve(Buffer *buffer, size_t more)
{
	size_t		needed = buffer->length + more + 1;

	if (needed <= buffer->capacity)
		return;
	if (buffer->capacity == 0)
		buffer->capacity = 1024;
	while (buffer->capacity < needed)
		buffer->capacity *= 2;
	buffer->data = reallocate(buffer->data, buffer->capacity);
}

/* Append bytes. */
void
buffer_append(Buffer *buffer, const char *bytes, size_t length)
{
	buffer_reserve(buffer, length);
	memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

/* Append a string. */
void
buffer_string(Buffer *buffer, const char *string)
{
	buffer_append(buffer, string, strlen(string));
}

/* Append formatted text, of less than 512 bytes. */
void
buffer_format(Buffer *buffer, const char *format,...)
{
	va_list		args;
	int			length;

	buffer_reserve(buffer, 512);
	va_start(args, format);
	length = vsnprintf(buffer->data + buffer->length, 512, format, args);
	va_end(args);
	if (length < 0 || length >= 512)
		die("formatted text is too long");
	buffer->length += length;
}

/* Free the text, leaving an empty buffer. */
void
buffer_free(Buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

/* Add one measured value. */
void
samples_add(Samples *samples, double value)
{
	if (samples->count == samples->capacity)
	{
		samples->capacity = samples->capacity > 0 ? 2 * samples->capacity : 1024;
		samples->values = reallocate(samples->values,
									 samples->capacity * sizeof(double));
	}
	samples->values[samples->count++] = value;
}

/* Add the values of another set. */
void
samples_add_all(Samples *samples, const Samples *more)
{
	for (size_t i = 0; i < more->count; i++)
		samples_add(samples, more->values[i]);
}

/* Compare two doubles, for qsort. */
static int
compare_doubles(const void *left, const void *right)
{
	double		a = *(const double *) left;
	double		b = *(const double *) right;

	return (a > b) - (a < b);
}

/* Find a percentile by rank, 50 being the median; sorts the samples. */
double
samples_percentile(Samples *samples, double percent)
{
	if (samples->count == 0)
		die("nothing was measured");
	qsort(samples->values, samples->count, sizeof(double), compare_doubles);
	return samples->values[(size_t) ((double) (samples->count - 1) * percent / 100)];
}

/* Free the values, leaving an empty set. */
void
samples_free(Samples *samples)
{
	free(samples->values);
	memset(samples, 0, sizeof(*samples));
}
