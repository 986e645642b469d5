/*-------------------------------------------------------------------------
 *
 * timestamp.c
 *	  RFC 3339 timestamps to and from PostgreSQL's microseconds.
 *
 * Accepted: date, 'T' or a space, time of day to the second with up to any
 * number of fraction digits (those after the sixth are rounded off), and the
 * zone: 'Z', +hh, +hhmm or +hh:mm.  The zone is required: without it the same
 * text would mean another time in another session.
 *
 *-------------------------------------------------------------------------
 */
#include "core/timestamp.h"

#define DAYS_TO_2000	730425	/* from 0000-03-01 to 2000-01-01 */
#define USECS_PER_SECOND	INT64CONST(1000000)
#define SECONDS_PER_DAY		INT64CONST(86400)

/* "2026-01-02T03:04:05" */
#define DATE_TIME_SIZE 19

/* Text that is being read. */
typedef struct Reader
{
	const char *p;
	const char *end;
} Reader;

/* Reads two digits at p; adds to *bad what is no digit. */
static inline int
two_digits(const char *p, unsigned *bad)
{
	unsigned	high = (unsigned char) p[0] - '0';
	unsigned	low = (unsigned char) p[1] - '0';

	*bad |= (high > 9) | (low > 9);
	return (int) (high * 10 + low);
}

static bool
read_two_digits(Reader *reader, int *value)
{
	unsigned	bad = 0;

	if (reader->end - reader->p < 2)
		return false;
	*value = two_digits(reader->p, &bad);
	reader->p += 2;
	return bad == 0;
}

/* Crosses one of two characters. */
static bool
read_either(Reader *reader, char one, char other)
{
	if (reader->p >= reader->end || (*reader->p != one && *reader->p != other))
		return false;
	reader->p++;
	return true;
}

static bool
read_char(Reader *reader, char c)
{
	return read_either(reader, c, c);
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

/*
 * Days from 2000-01-01 in the proleptic Gregorian calendar.  Years are counted
 * from March, which puts the leap day last (Howard Hinnant, "chrono-Compatible
 * Low-Level Date Algorithms").
 */
static int64
days_from_civil(int year, int month, int day)
{
	int			y = month > 2 ? year : year - 1;
	int			m = month > 2 ? month - 3 : month + 9;

	return (int64) y * 365 + y / 4 - y / 100 + y / 400 +
		(153 * m + 2) / 5 + day - 1 - DAYS_TO_2000;
}

static bool
read_fraction(Reader *reader, int64 *micros)
{
	int64		unit = 100000;
	const char *start = reader->p;

	*micros = 0;
	for (; reader->p < reader->end && *reader->p >= '0' && *reader->p <= '9'; reader->p++)
	{
		if (unit > 0)
			*micros += (*reader->p - '0') * unit;
		else if (reader->p - start == 6 && *reader->p >= '5')
			*micros += 1;
		unit /= 10;
	}
	return reader->p > start;
}

/*
 * Reads date and time without a zone.  A leap second (:60) is the second after
 * it, as in PostgreSQL.
 */
static bool
read_date_time(Reader *reader, int64 *timestamp_us)
{
	const char *p = reader->p;
	int64		fraction = 0;
	unsigned	bad = 0;
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;

	if (reader->end - p < DATE_TIME_SIZE)
		return false;
	year = two_digits(p, &bad) * 100 + two_digits(p + 2, &bad);
	month = two_digits(p + 5, &bad);
	day = two_digits(p + 8, &bad);
	hour = two_digits(p + 11, &bad);
	minute = two_digits(p + 14, &bad);
	second = two_digits(p + 17, &bad);
	if (bad || p[4] != '-' || p[7] != '-' || p[13] != ':' || p[16] != ':' ||
		(p[10] != 'T' && p[10] != 't' && p[10] != ' '))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
		hour > 23 || minute > 59 || second > 60)
		return false;
	reader->p += DATE_TIME_SIZE;
	if (read_char(reader, '.') && !read_fraction(reader, &fraction))
		return false;
	*timestamp_us = days_from_civil(year, month, day) * SECONDS_PER_DAY * USECS_PER_SECOND +
		(hour * 3600 + minute * 60 + second) * USECS_PER_SECOND + fraction;
	return true;
}

/* Reads the zone as seconds east of Greenwich. */
static bool
read_zone(Reader *reader, int64 *seconds)
{
	int			hours;
	int			minutes = 0;
	bool		west;

	*seconds = 0;
	if (read_either(reader, 'Z', 'z'))
		return true;
	west = reader->p < reader->end && *reader->p == '-';
	if (!read_either(reader, '+', '-') || !read_two_digits(reader, &hours))
		return false;
	if (reader->p < reader->end)
	{
		(void) read_char(reader, ':');
		if (!read_two_digits(reader, &minutes))
			return false;
	}
	if (hours > 15 || minutes > 59)
		return false;
	*seconds = (hours * 60 + minutes) * 60;
	if (west)
		*seconds = -*seconds;
	return true;
}

/*
 * Reads an RFC 3339 timestamp.  Returns ES_OK, ES_ERR_INVALID_TIMESTAMP or
 * ES_ERR_TIMESTAMP_RANGE.
 */
EsErrorCode
es_timestamp_parse(EsSlice text, int64 *timestamp_us)
{
	Reader		reader = {text.data, text.data + text.size};
	int64		zone;

	if (!read_date_time(&reader, timestamp_us) || !read_zone(&reader, &zone) ||
		reader.p != reader.end)
		return ES_ERR_INVALID_TIMESTAMP;
	*timestamp_us -= zone * USECS_PER_SECOND;
	if (*timestamp_us < ES_TIMESTAMP_MIN || *timestamp_us >= ES_TIMESTAMP_END)
		return ES_ERR_TIMESTAMP_RANGE;
	return ES_OK;
}

/*
 * Reads the date and time that 'text' is, without a zone, as if it were UTC.
 * Whether es_timestamp_put() would write it the same way is not checked.
 */
bool
es_timestamp_scan(EsSlice text, int64 *timestamp_us)
{
	Reader		reader = {text.data, text.data + text.size};

	return read_date_time(&reader, timestamp_us) && reader.p == reader.end;
}

/* The inverse of days_from_civil(), from the same source. */
static void
civil_from_days(int64 days, int *year, int *month, int *day)
{
	int64		z = days + DAYS_TO_2000;
	int64		era = z / 146097;
	int			day_of_era = (int) (z - era * 146097);
	int			year_of_era = (day_of_era - day_of_era / 1460 +
							   day_of_era / 36524 - day_of_era / 146096) / 365;
	int			day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 -
											year_of_era / 100);
	int			m = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = (int) (era * 400) + year_of_era + (*month <= 2);
}

static char *
put_digits(char *out, int count, int value)
{
	for (int i = count - 1; i >= 0; i--, value /= 10)
		out[i] = (char) ('0' + value % 10);
	return out + count;
}

/*
 * Writes date and time without a zone, and with so many digits of fraction (0
 * to 6).  Returns how many bytes, at most ES_TIMESTAMP_TEXT_SIZE - 2.  The
 * timestamp lies between ES_TIMESTAMP_MIN and ES_TIMESTAMP_END.
 */
size_t
es_timestamp_put(int64 timestamp_us, char separator, int digits, char *out)
{
	int64		since_min = timestamp_us - ES_TIMESTAMP_MIN;
	int64		usecs_per_day = SECONDS_PER_DAY * USECS_PER_SECOND;
	int64		days = since_min / usecs_per_day + ES_TIMESTAMP_MIN / usecs_per_day;
	int64		micros = since_min % usecs_per_day;
	int			seconds = (int) (micros / USECS_PER_SECOND);
	int			fraction = (int) (micros % USECS_PER_SECOND);
	char	   *start = out;
	int			year;
	int			month;
	int			day;

	civil_from_days(days, &year, &month, &day);
	out = put_digits(out, 4, year);
	*out++ = '-';
	out = put_digits(out, 2, month);
	*out++ = '-';
	out = put_digits(out, 2, day);
	*out++ = separator;
	out = put_digits(out, 2, seconds / 3600);
	*out++ = ':';
	out = put_digits(out, 2, seconds / 60 % 60);
	*out++ = ':';
	out = put_digits(out, 2, seconds % 60);
	if (digits == 0)
		return out - start;
	*out++ = '.';
	for (int i = 6; i > digits; i--)
		fraction /= 10;
	return put_digits(out, digits, fraction) - start;
}

/*
 * Writes the timestamp in UTC, with a fraction only where there is one.
 * Returns how many bytes, the closing NUL not counted.
 */
size_t
es_timestamp_print(int64 timestamp_us, char *out)
{
	bool		whole = (timestamp_us - ES_TIMESTAMP_MIN) % USECS_PER_SECOND == 0;
	size_t		size = es_timestamp_put(timestamp_us, 'T', whole ? 0 : 6, out);

	while (!whole && out[size - 1] == '0')
		size--;
	out[size++] = 'Z';
	out[size] = '\0';
	return size;
}
