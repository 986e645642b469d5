/*-------------------------------------------------------------------------
 *
 * test_timestamp.c
 *	  RFC 3339 timestamps, compared with the C library's calendar.
 *
 *-------------------------------------------------------------------------
 */
#include <time.h>

#include "support.h"

#include "core/timestamp.h"
#include "tap.h"

#define UNIX_EPOCH_OFFSET	INT64CONST(946684800)	/* seconds, 1970 to 2000 */
#define USECS_PER_SECOND	INT64CONST(1000000)

static EsErrorCode
parse(const char *text, int64 *timestamp_us)
{
	Memory		memory = {0};
	EsSlice		copy = memory_copy(&memory, text, strlen(text));
	EsErrorCode code = es_timestamp_parse(copy, timestamp_us);

	memory_free(&memory);
	return code;
}

/* What the C library prints; the same form, written by other code. */
static void
print_by_libc(int64 timestamp_us, char *out)
{
	int64		since_min = timestamp_us - ES_TIMESTAMP_MIN;
	int64		micros = since_min % USECS_PER_SECOND;
	time_t		seconds = (timestamp_us - micros) / USECS_PER_SECOND + UNIX_EPOCH_OFFSET;
	struct tm	tm;
	char		fraction[16];

	gmtime_r(&seconds, &tm);
	snprintf(fraction, sizeof(fraction), ".%06d", (int) micros);
	for (int i = 6; i >= 0 && (fraction[i] == '0' || fraction[i] == '.'); i--)
	{
		bool		point = fraction[i] == '.';

		fraction[i] = '\0';
		if (point)
			break;
	}
	snprintf(out, 64, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900, tm.tm_mon + 1,
			 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
}

/* Prints, compares with the C library, and reads back. */
static bool
round_trips(int64 timestamp_us)
{
	Memory		memory = {0};
	char	   *text = memory_take(&memory, ES_TIMESTAMP_TEXT_SIZE);
	size_t		size = es_timestamp_print(timestamp_us, text);
	char		wanted[64];
	int64		back = -1;
	bool		same;

	print_by_libc(timestamp_us, wanted);
	same = strcmp(text, wanted) == 0 && size == strlen(wanted) &&
		es_timestamp_parse(es_slice(text, size), &back) == ES_OK && back == timestamp_us;
	if (!same)
		printf("# " INT64_FORMAT ": printed %s, wanted %s, read " INT64_FORMAT "\n",
			   timestamp_us, text, wanted, back);
	memory_free(&memory);
	return same;
}

static void
test_round_trips(void)
{
	Random		random = {3};
	int			failures = 0;

	for (int i = 0; i < 100000; i++)
	{
		int64		time = ES_TIMESTAMP_MIN +
		(int64) (random_next(&random) % (uint64) (ES_TIMESTAMP_END - ES_TIMESTAMP_MIN));

		if (random_chance(&random, 30))
			time -= (time - ES_TIMESTAMP_MIN) % USECS_PER_SECOND;
		failures += !round_trips(time);
	}
	is_int(failures, 0, "100000 random times come back and agree with the C library");
	ok(round_trips(ES_TIMESTAMP_MIN), "the first microsecond");
	ok(round_trips(ES_TIMESTAMP_END - 1), "the last microsecond");
	ok(round_trips(0) && round_trips(-1) && round_trips(1), "around 2000-01-01");
}

/* The first and last day of every month of every year. */
static void
test_every_month(void)
{
	int64		day = INT64CONST(86400) * USECS_PER_SECOND;
	int			failures = 0;

	for (int year = 1; year <= 9999; year++)
	{
		for (int month = 0; month < 12; month++)
		{
			struct tm	tm = {.tm_year = year - 1900,.tm_mon = month,.tm_mday = 1};
			int64		first = ((int64) timegm(&tm) - UNIX_EPOCH_OFFSET) * USECS_PER_SECOND;

			failures += !round_trips(first);
			if (first > ES_TIMESTAMP_MIN)
				failures += !round_trips(first - day);
		}
	}
	is_int(failures, 0, "the first and the last day of every month");
}

/* Accepted texts, with another text of the same time. */
static const char *const same_times[][2] = {
	{"2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"},
	{"2026-01-31t12:00:00z", "2026-01-31T12:00:00Z"},
	{"2026-01-31 13:00:00+01", "2026-01-31T12:00:00Z"},
	{"2026-01-31T13:30:00+0130", "2026-01-31T12:00:00Z"},
	{"2026-01-31T13:30:00+01:30", "2026-01-31T12:00:00Z"},
	{"2026-01-31T10:30:00-01:30", "2026-01-31T12:00:00Z"},
	{"2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00Z"},
	{"2026-02-01T03:59:00+15:59", "2026-01-31T12:00:00Z"},
	{"2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"},
	{"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
	{"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
	{"2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00.500000Z"},
	{"2026-01-31T12:00:00.000000Z", "2026-01-31T12:00:00Z"},
	{"2026-01-31T12:00:00.1234564Z", "2026-01-31T12:00:00.123456Z"},
	{"2026-01-31T12:00:00.1234565Z", "2026-01-31T12:00:00.123457Z"},
	{"2026-01-31T12:00:00.12345649999999999999999999Z", "2026-01-31T12:00:00.123456Z"},
	{"2026-01-31T11:59:59.9999995Z", "2026-01-31T12:00:00Z"},
	{"2025-12-31T23:59:59.9999999Z", "2026-01-01T00:00:00Z"},
	{"0001-01-01T01:00:00+01", "0001-01-01T00:00:00Z"},
	{"9999-12-31T22:59:59.999999-01", "9999-12-31T23:59:59.999999Z"}
};

static void
test_same_times(void)
{
	for (size_t i = 0; i < lengthof(same_times); i++)
	{
		int64		a = -1;
		int64		b = -2;

		ok(parse(same_times[i][0], &a) == ES_OK && parse(same_times[i][1], &b) == ES_OK && a == b,
		   "%s is %s", same_times[i][0], same_times[i][1]);
	}
}

static const char *const invalid[] = {
	"", "2026", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00Z", "2026-01-31T12:00:00.Z",
	"2026-1-31T12:00:00Z", "26-01-31T12:00:00Z", "02026-01-31T12:00:00Z", "-026-01-31T12:00:00Z",
	"2026-00-31T12:00:00Z", "2026-13-31T12:00:00Z", "2026-01-00T12:00:00Z", "2026-01-32T12:00:00Z",
	"2026-04-31T12:00:00Z", "2026-02-29T12:00:00Z", "1900-02-29T12:00:00Z", "2100-02-29T00:00:00Z",
	"0000-01-01T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:61Z",
	"2026-01-31T12:00:00ZZ", "2026-01-31T12:00:00Z ", " 2026-01-31T12:00:00Z", "2026-01-31X12:00:00Z",
	"2026-01-31T12:00:00+", "2026-01-31T12:00:00+1", "2026-01-31T12:00:00+01:", "2026-01-31T12:00:00+01:3",
	"2026-01-31T12:00:00+01:300", "2026-01-31T12:00:00+16", "2026-01-31T12:00:00+01:60",
	"2026-01-31T12:00:00 +01", "2026-01-31T12:00:00,5Z", "2026/01/31T12:00:00Z", "infinity", "now",
	"2026-01-31T12:00:00-+01", "2026-01-31T 2:00:00Z"
};

static const char *const out_of_range[] = {
	"0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z",
	"9999-12-31T23:59:59.9999995Z"
};

static void
test_refused(void)
{
	int64		time;

	for (size_t i = 0; i < lengthof(invalid); i++)
		is_int(parse(invalid[i], &time), ES_ERR_INVALID_TIMESTAMP, "invalid: \"%s\"", invalid[i]);
	for (size_t i = 0; i < lengthof(out_of_range); i++)
		is_int(parse(out_of_range[i], &time), ES_ERR_TIMESTAMP_RANGE, "out of range: %s", out_of_range[i]);
	is_int(es_timestamp_parse(es_slice("2026-01-31\0" "12:00:00Z", 20), &time),
		   ES_ERR_INVALID_TIMESTAMP, "invalid: a NUL for the T");
	is_int(es_timestamp_parse(es_slice("2026-01-31T12:00:00\0", 20), &time),
		   ES_ERR_INVALID_TIMESTAMP, "invalid: a NUL for the zone");
}

/* Every prefix and every changed byte of a text is read without overrun. */
static void
test_damaged(void)
{
	static const char text[] = "2026-01-31T12:34:56.789012+01:30";
	int			accepted = 0;
	int64		time;

	for (size_t size = 0; size < strlen(text); size++)
	{
		Memory		memory = {0};
		EsSlice		copy = memory_copy(&memory, text, size);

		accepted += es_timestamp_parse(copy, &time) == ES_OK;
		memory_free(&memory);
	}
	is_int(accepted, 1, "of all prefixes, only the one without minutes in the zone is valid");
}

/* Puts and scans with so many digits of fraction, in memory of exact size. */
static bool
scans_back(int64 timestamp_us, char separator, int digits)
{
	static const int64 units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
	Memory		memory = {0};
	size_t		size = digits == 0 ? 19 : 20 + digits;
	char	   *text = memory_take(&memory, size);
	int64		since_min = timestamp_us - ES_TIMESTAMP_MIN;
	int64		cut = timestamp_us - since_min % units[digits];
	int64		back = 0;
	bool		same = es_timestamp_put(timestamp_us, separator, digits, text) == size && text[10] == separator &&
	es_timestamp_scan(es_slice(text, size), &back) && back == cut;

	memory_free(&memory);
	return same;
}

/* Without a zone, as it is found inside other text. */
static void
test_without_zone(void)
{
	static const char *const others[] = {
		"", "2026-01-31", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.", "2026-01-31T12:00:00+01", "2026-01-31T12:00",
		"2026-02-30T00:00:00", "2026-01-31T24:00:00", "0000-01-01T00:00:00", "10000-01-01T00:00:00", "2026-01-31_12:00:00"
	};
	Random		random = {4};
	int			failures = 0;
	int64		time;

	for (int i = 0; i < 50000; i++)
	{
		uint64		span = ES_TIMESTAMP_END - ES_TIMESTAMP_MIN;

		time = ES_TIMESTAMP_MIN + (int64) (random_next(&random) % span);
		failures += !scans_back(time, i % 2 == 0 ? 'T' : ' ', i % 7);
	}
	for (int digits = 0; digits <= 6; digits++)
		failures += !scans_back(ES_TIMESTAMP_MIN, 'T', digits) || !scans_back(ES_TIMESTAMP_END - 1, ' ', digits);
	is_int(failures, 0, "times without a zone come back, with any number of digits");
	ok(es_timestamp_scan(text_slice("2026-06-30t23:59:60"), &time) && time == INT64CONST(836179200000000),
	   "a leap second is the second after it");
	for (size_t i = 0; i < lengthof(others); i++)
		ok(!es_timestamp_scan(text_slice(others[i]), &time), "no time without a zone: \"%s\"", others[i]);
}

int
main(void)
{
	test_round_trips();
	test_every_month();
	test_same_times();
	test_refused();
	test_damaged();
	test_without_zone();
	return tap_done();
}
