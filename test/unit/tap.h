/*-------------------------------------------------------------------------
 *
 * tap.h
 *	  As much of the Test Anything Protocol as the unit tests need.
 *
 * A program calls ok() and is_int() as often as it likes and returns
 * tap_done() from main(): that prints the plan and gives the exit code.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_TEST_TAP_H
#define EVENTSTORE_TEST_TAP_H

#include <stdarg.h>

static int	tap_count;
static int	tap_failures;

/* Reports one test; returns whether it passed. */
static bool
pg_attribute_printf(4, 5)
tap_report(bool passed, const char *file, int line, const char *name,...)
{
	va_list		args;
	char		text[256];

	va_start(args, name);
	vsnprintf(text, sizeof(text), name, args);
	va_end(args);
	for (char *p = text; *p != '\0'; p++)
	{
		if ((unsigned char) *p < ' ' || *p == '#')
			*p = '?';			/* a line is a test, and '#' a directive */
	}
	printf("%sok %d - %s\n", passed ? "" : "not ", ++tap_count, text);
	if (!passed)
	{
		tap_failures++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return passed;
}

#define ok(condition, ...) \
	tap_report((condition), __FILE__, __LINE__, __VA_ARGS__)

/* Compares two integers and shows both when they differ. */
#define is_int(got, wanted, ...) \
	do { \
		int64		got_ = (int64) (got); \
		int64		wanted_ = (int64) (wanted); \
		if (!tap_report(got_ == wanted_, __FILE__, __LINE__, __VA_ARGS__)) \
			printf("# got " INT64_FORMAT ", wanted " INT64_FORMAT "\n", got_, wanted_); \
	} while (0)

static int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures == 0 ? 0 : 1;
}

#endif							/* EVENTSTORE_TEST_TAP_H */
