/*-------------------------------------------------------------------------
 *
 * test_column.c
 *	  Columns: which encoding is found for what, every value back byte for
 *	  byte, and bytes that nobody encoded.
 *
 * Values, code and what is read lie in memory of exactly their size.
 *
 *-------------------------------------------------------------------------
 */
#include "support.h"

#include "core/column.h"
#include "core/integers.h"
#include "core/timestamp.h"
#include "tap.h"

#define ROOM (64 * 1024)
#define SPARE ES_SYMBOLS_SPARE
#define E(encoding) (ES_COLUMN_##encoding)
#define X(encoding) (ES_COLUMN_##encoding | ES_COLUMN_EXCEPTIONS)

static EsColumnWork work;
static EsSymbolTable table;
static EsSymbolSet set;

/* Values, and what they became. */
typedef struct Sample
{
	Memory		memory;
	EsSlice		values[ES_COLUMN_MAX_VALUES];
	uint32		count;
	const uint16 *rows;
	const EsSlice *entities;
	EsColumnCode code;
	EsSlice		data;
	EsSymbolReader symbols;
} Sample;

static void
add_value(Sample *sample, EsSlice value)
{
	sample->values[sample->count++] = memory_copy(&sample->memory, value.data, value.size);
}

static void
pg_attribute_printf(2, 3)
add(Sample *sample, const char *format,...)
{
	char		text[1024];
	va_list		args;

	va_start(args, format);
	add_value(sample, es_slice(text, vsnprintf(text, sizeof(text), format, args)));
	va_end(args);
}

/* ------------------------------------------------------------------ encoding */

/* Gives the codes of symbols their numbers in the block, and opens the set. */
static void
finish_symbols(Sample *sample)
{
	char	   *data = unconstify(char *, sample->data.data);
	char	   *ends = data + 2 + (uint8) data[0] + (uint8) data[1];
	char	   *stored;
	uint16		last;

	es_symbols_select(&table, work.symbols_used, &set);
	memcpy(&last, ends + (sample->count - 1) * sizeof(last), sizeof(last));
	es_symbols_translate(&set, ends + sample->count * sizeof(last), last);
	stored = memory_take(&sample->memory, set.size + SPARE);
	memset(stored, 0, set.size + SPARE);
	memcpy(stored, set.data, set.size);
	if (!es_symbols_open(&sample->symbols, stored, set.size))
		abort();
}

/* Encodes into memory of 'room' bytes. */
static bool
encode_in(Sample *sample, EsColumnMemory *memory, uint32 room)
{
	EsColumnSource source = {sample->values, sample->count, sample->rows, sample->entities};
	char	   *out = memory_take(&sample->memory, room);

	memset(work.symbols_used, 0, sizeof(work.symbols_used));
	if (!es_column_encode(&work, &source, memory, &sample->code, out, room))
		return false;
	if (sample->code.size > room)
		abort();
	sample->data = memory_copy(&sample->memory, out, sample->code.size);
	if (sample->code.encoding == ES_COLUMN_SYMBOLS)
		finish_symbols(sample);
	return true;
}

static EsColumn
column_of(const Sample *sample)
{
	return (EsColumn)
	{
		sample->code.encoding, sample->code.width, sample->code.param, sample->count,
			sample->data.data, sample->data.data + sample->data.size
	};
}

static EsSlice
entity_of(const Sample *sample, uint32 i)
{
	if (sample->entities == NULL)
		return es_slice(NULL, 0);
	return sample->entities[sample->rows == NULL ? i : sample->rows[i]];
}

static bool
comes_back(const Sample *sample, uint32 i)
{
	Memory		memory = {0};
	EsColumn	column = column_of(sample);
	uint32		spare = column.encoding == ES_COLUMN_SYMBOLS ? SPARE : 0;
	uint32		room = sample->values[i].size + spare;
	char	   *out = memory_take(&memory, room);
	uint32		size = 0;
	bool		same = es_column_get(&column, i, entity_of(sample, i), &sample->symbols, out, room, &size) &&
	es_slice_equal(es_slice(out, size), sample->values[i]);

	if (room > 0)
	{
		char	   *less = memory_take(&memory, room - 1);

		same &= !es_column_get(&column, i, entity_of(sample, i), &sample->symbols, less, room - 1, &size);
	}
	memory_free(&memory);
	return same;
}

/* ------------------------------------------------------------- whole columns */

/* Writes number i of an open column, as printf() does; returns its size. */
static int
print_number(const EsStrings *strings, uint32 i, char *out)
{
	int64		number = (int64) ((uint64) strings->base + es_integers_get(strings->data, strings->width, i));
	int			digits = strings->param;
	int			size;

	if (strings->encoding == ES_COLUMN_TIMESTAMP)
		return (int) es_timestamp_put(number, digits & 8 ? ' ' : 'T', digits & 7, out);
	if (strings->encoding != ES_COLUMN_DECIMAL)
		return sprintf(out, "%0*lld", strings->encoding == ES_COLUMN_DIGITS ? digits : 0, (long long) number);
	size = sprintf(out, "%s%0*lld", number < 0 ? "-" : "", digits + 1, llabs((long long) number));
	memmove(out + size - digits + 1, out + size - digits, digits);
	out[size - digits] = '.';
	return size + 1;
}

/* Writes value i of HEX or UUID; returns its size. */
static int
print_binary(const EsStrings *strings, uint32 i, char *out)
{
	const uint8 *bytes = (const uint8 *) strings->data + (size_t) i * strings->each;
	int			size = 0;

	for (uint32 j = 0; j < strings->each; j++)
	{
		bool		dash = strings->encoding == ES_COLUMN_UUID && j >= 4 && j <= 10 && j % 2 == 0;

		size += sprintf(out + size, "%s%02x", dash ? "-" : "", bytes[j]);
	}
	return strings->encoding == ES_COLUMN_HEX ? strings->param : size;
}

/* Value i without prefix and suffix, and not an exception; 'out' has ROOM bytes. */
static EsSlice
middle_of(const EsStrings *strings, uint32 i, EsSlice entity, const EsSymbolReader *symbols, char *out)
{
	uint32		size = 0;
	uint32		code;

	switch (strings->encoding)
	{
		case ES_COLUMN_CONSTANT:
			return strings->constant;
		case ES_COLUMN_ENTITY:
			return es_slice(out, sprintf(out, "\"%.*s\"", (int) entity.size, entity.data));
		case ES_COLUMN_DICTIONARY:
			code = (uint32) es_integers_get(strings->data, strings->width, i);
			return code < strings->word_count ? es_strings_text(strings, code) : es_slice("?", 1);
		case ES_COLUMN_PLAIN:
			return es_strings_text(strings, i);
		case ES_COLUMN_SYMBOLS:
			return es_symbols_decode(symbols, es_strings_text(strings, i), out, ROOM, &size) ?
				es_slice(out, size) : es_slice("?", 1);
		case ES_COLUMN_HEX:
		case ES_COLUMN_UUID:
			return es_slice(out, print_binary(strings, i, out));
		default:
			return es_slice(out, print_number(strings, i, out));
	}
}

/* Do all values come back from the open column, those kept aside too? */
static bool
opens_right(const Sample *sample)
{
	static char middle_out[ROOM];
	static char value[ROOM];
	EsColumn	column = column_of(sample);
	EsStrings	strings;
	uint32		taken = 0;

	if (!es_column_open(&column, &strings) || strings.count != sample->count)
		return false;
	for (uint32 i = 0; i < sample->count; i++)
	{
		uint32		which = sample->count;
		EsSlice		exception = {NULL, 0};
		EsSlice		middle;
		char	   *end;

		if (taken < strings.exceptions.count)
			exception = es_strings_exception(&strings, taken, &which);
		if (which == i)
		{
			taken++;
			if (!es_slice_equal(exception, sample->values[i]))
				return false;
			continue;
		}
		middle = middle_of(&strings, i, entity_of(sample, i), &sample->symbols, middle_out);
		end = es_put_slice(es_put_slice(es_put_slice(value, strings.prefix), middle), strings.suffix);
		if (!es_slice_equal(es_slice(value, end - value), sample->values[i]))
			return false;
	}
	return taken == strings.exceptions.count;
}

/* Do all values come back, each by itself, and none besides? */
static bool
reads_back(const Sample *sample)
{
	EsColumn	column = column_of(sample);
	char		out[64];
	uint32		size;

	for (uint32 i = sample->count; i-- > 0;)
	{
		if (!comes_back(sample, i))
		{
			printf("# value %u of %u in encoding %d: %.*s\n", i, sample->count, sample->code.encoding,
				   (int) Min(sample->values[i].size, 200), sample->values[i].data);
			return false;
		}
	}
	return opens_right(sample) &&
		!es_column_get(&column, sample->count, es_slice(NULL, 0), &sample->symbols, out, sizeof(out), &size);
}

/* Encodes the sample as is best; ends with it. */
static void
check(Sample *sample, int encoding, int param, const char *name)
{
	EsColumnMemory memory = {0};
	bool		encoded = encode_in(sample, &memory, ROOM);

	ok(encoded && sample->code.encoding == encoding && (param < 0 || sample->code.param == param) && reads_back(sample),
	   "%s: encoding %d", name, encoding);
	if (!encoded || sample->code.encoding != encoding || (param >= 0 && sample->code.param != param))
		printf("# encoding %d, param %d, %u bytes\n", sample->code.encoding, sample->code.param, sample->code.size);
	memory_free(&sample->memory);
	memset(sample, 0, sizeof(*sample));
}

/* ------------------------------------------------- which encoding for what */

static Sample sample;
static Random random_numbers = {90};

static uint32
below(uint32 limit)
{
	return random_below(&random_numbers, limit);
}

static void
add_random_hex(const char *head, int digits, const char *tail, bool upper)
{
	static const char hex[2][17] = {"0123456789abcdef", "0123456789ABCDEF"};
	char		text[256];

	for (int i = 0; i < digits; i++)
		text[i] = hex[upper][below(16)];
	add(&sample, "%s%.*s%s", head, digits, text, tail);
}

static void
add_uuid(bool upper)
{
	uint32		parts[] = {below(PG_UINT32_MAX), below(0x10000), below(0x1000), below(0x1000), below(0x10000), below(PG_UINT32_MAX)};

	if (upper)
		add(&sample, "\"%08X-%04X-4%03X-8%03X-%04X%08X\"", parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]);
	else
		add(&sample, "\"%08x-%04x-4%03x-8%03x-%04x%08x\"", parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]);
}

static void
test_numbers(void)
{
	for (int i = 0; i < 50; i++)
		add(&sample, "%u", below(100000));
	check(&sample, E(INTEGER), -1, "integers");
	for (int i = 0; i < 50; i++)
		add(&sample, "%d", (int) below(100000) - 50000);
	check(&sample, E(INTEGER), -1, "negative integers too");
	for (int i = 0; i < 50; i++)
		add(&sample, "%u99999999%08u", 1 + below(80), below(100000000));
	check(&sample, E(INTEGER), -1, "integers of 18 digits");
	for (int i = 0; i < 50; i++)
		add(&sample, "%u.%02u", below(1000), below(100));
	check(&sample, E(DECIMAL), 2, "decimals");
	for (int i = 0; i < 50; i++)
		add(&sample, "-%u.%u", below(1000), 1 + below(9));
	check(&sample, E(DECIMAL), 1, "negative decimals");
	for (int i = 0; i < 50; i++)
		add(&sample, "0.%09u", below(1000000000));
	check(&sample, E(DECIMAL), 9, "decimals of 9 digits");
	for (int i = 0; i < 50; i++)
		add(&sample, "%u.%016u%c", below(9), below(1000000000), i % 2 ? '5' : '7');
	check(&sample, E(DECIMAL), 17, "and of 18");
	for (int i = 0; i < 50; i++)
		add(&sample, "%u.%0*u", below(1000), i % 10 == 9 ? 1 : 2, below(10));
	check(&sample, X(DECIMAL), 2, "decimals, some of another scale");
	for (int i = 0; i < 100; i++)
		add(&sample, i % 30 == 7 ? "null" : "%u", below(1000000));
	check(&sample, X(INTEGER), -1, "integers and a few nulls");
	for (int i = 0; i < 50; i++)
		add(&sample, "%u000000000000000000%u", 1 + below(9), below(10));
	check(&sample, E(HEX), 20, "integers of 20 digits are hex digits");
}

static void
test_strings_with_digits(void)
{
	for (int i = 0; i < 50; i++)
		add(&sample, "\"ORD-%07u\"", below(10000000));
	check(&sample, E(DIGITS), 7, "numbers with leading zeros");
	for (int i = 0; i < 50; i++)
		add(&sample, "\"order-%u\"", below(2) ? below(10) : below(100000000));
	check(&sample, E(DIGITS), 0, "numbers without");
	for (int i = 0; i < 50; i++)
		add(&sample, "\"%u EUR\"", below(1000000));
	check(&sample, E(DIGITS), 0, "numbers before text");
	for (int i = 0; i < 50; i++)
		add_random_hex("\"", 16, "\"", false);
	check(&sample, E(HEX), 16, "hex digits");
	for (int i = 0; i < 50; i++)
		add_random_hex("\"sha:", 41, "\"", false);
	check(&sample, E(HEX), 41, "an odd number of them");
	for (int i = 0; i < 50; i++)
		add_random_hex("\"", 128, "\"", false);
	check(&sample, E(HEX), 128, "as many as there may be");
	for (int i = 0; i < 50; i++)
		add_random_hex("\"", 129, "\"", false);
	check(&sample, E(PLAIN), -1, "one more");
	for (int i = 0; i < 50; i++)
		add_random_hex("\"", 16, "\"", true);
	check(&sample, E(PLAIN), -1, "upper-case hex digits are text");
	for (int i = 0; i < 100; i++)
		add_random_hex("\"", 16, "\"", i % 30 == 7);
	check(&sample, X(HEX), 16, "a few of them among others");
}

static void
test_uuids(void)
{
	for (int i = 0; i < 50; i++)
		add_uuid(false);
	check(&sample, E(UUID), -1, "UUIDs");
	for (int i = 0; i < 50; i++)
	{
		add_uuid(false);
		sample.values[i] = memory_copy(&sample.memory, sample.values[i].data + 1, ES_UUID_TEXT_SIZE);
	}
	check(&sample, E(UUID), -1, "UUIDs without quotes");
	for (int i = 0; i < 50; i++)
		add_uuid(true);
	check(&sample, E(PLAIN), -1, "upper-case UUIDs are text");
	for (int i = 0; i < 100; i++)
		add_uuid(i % 30 == 7);
	check(&sample, X(UUID), -1, "a few of them among others");
	for (int i = 0; i < 100; i++)
	{
		add_uuid(false);
		if (i % 30 == 7)
			unconstify(char *, sample.values[i].data)[9] = '_';
	}
	check(&sample, X(UUID), -1, "and a few that are none");
}

static void
test_times(void)
{
	for (int i = 0; i < 50; i++)
		add(&sample, "\"2026-%02u-%02uT%02u:%02u:%02uZ\"", 1 + below(12), 1 + below(28), below(24), below(60), below(60));
	check(&sample, E(TIMESTAMP), 0, "times in seconds");
	for (int i = 0; i < 50; i++)
		add(&sample, "\"2026-01-%02uT%02u:%02u:00.%03uZ\"", 1 + below(28), below(24), below(60), below(1000));
	check(&sample, E(TIMESTAMP), 3, "in milliseconds");
	for (int i = 0; i < 50; i++)
		add(&sample, "\"2026-01-%02u %02u:%02u:00.%06u+02:00\"", 1 + below(28), below(24), below(60), below(1000000));
	check(&sample, E(TIMESTAMP), 6 | 8, "in microseconds, with a space and a zone");
	for (int i = 0; i < 50; i++)
		add(&sample, "\"%04u-01-01T00:00:00.%u\"", i < 2 ? 1 + 9998U * i : 1 + below(9999), below(10));
	check(&sample, E(TIMESTAMP), 1, "in the years 1 to 9999, without a zone");
	for (int i = 0; i < 100; i++)
		add(&sample, "\"2026-01-%02uT%02u:%02u:%02uZ\"", i % 30 == 9 ? 32 : 1 + below(28), i % 30 == 8 ? 24 : below(24),
			below(60), i % 30 == 7 ? 60 : below(60));
	check(&sample, X(TIMESTAMP), 0, "with leap seconds, 24 o'clock and dates that are none");
	for (int i = 0; i < 100; i++)
		add(&sample, "\"2026-01-%02u%c%02u:%02u:%02uZ\"", 1 + below(28), i % 30 == 7 ? 't' : i % 30 == 8 ? ' ' : 'T',
			below(24), below(60), below(60));
	check(&sample, X(TIMESTAMP), 0, "with another letter between");
	for (int i = 0; i < 100; i++)
		add(&sample, "\"%04u-01-%02uT%02u:%02u:%02uZ\"", i % 30 == 7 ? 0 : 2026, 1 + below(28), below(24), below(60), below(60));
	check(&sample, X(TIMESTAMP), 0, "in the year 0");
	for (int i = 0; i < 50; i++)
		add(&sample, "\"2026-01-%02uT%02u:%02u:%02u.%06u7Z\"", 1 + below(28), below(24), below(60), below(60), below(1000000));
	check(&sample, E(TIMESTAMP), 6, "with seven digits of fraction that end in the same");
}

static void
test_words(void)
{
	static const char *const words[] = {"\"EUR\"", "\"USD\"", "\"\"", "null", "\"CHF\""};
	static EsSlice entities[60];
	static uint16 rows[40];

	for (int i = 0; i < 50; i++)
		add(&sample, "true");
	check(&sample, E(CONSTANT), -1, "one value");
	add(&sample, "\"anything\"");
	check(&sample, E(CONSTANT), -1, "once");
	for (int i = 0; i < 50; i++)
		add(&sample, "%s", words[below(lengthof(words))]);
	check(&sample, E(DICTIONARY), -1, "a few words");
	for (int i = 0; i < 4000; i++)
		add(&sample, "\"%c%c%c\"", "abcdef"[i % 6], "ghijkl"[i / 6 % 6], "mnopqrs"[i / 36 % 7]);
	check(&sample, E(DICTIONARY), -1, "nearly as many as a dictionary has");
	for (int i = 0; i < 60; i++)
	{
		add(&sample, "customer \\\"%u\\\" of many", below(1000));
		entities[i] = sample.values[i];
	}
	sample.count = 0;
	for (int i = 0; i < 40; i++)
	{
		rows[i] = (uint16) (i + i / 2);
		add(&sample, "\"%.*s\"", (int) entities[rows[i]].size, entities[rows[i]].data);
	}
	sample.rows = rows;
	sample.entities = entities;
	check(&sample, E(ENTITY), -1, "the entity_id of some rows");
	for (int i = 0; i < 50; i++)
		add_random_hex("\"text of no pattern: ", 3 + below(20), " and so on\"", true);
	check(&sample, E(PLAIN), -1, "text");
	for (int i = 0; i < 50; i++)
		add(&sample, "%.*s", i % 7, "abcdef");
	check(&sample, E(DICTIONARY), -1, "text and nothing");
	for (int i = 0; i < 50; i++)
		add(&sample, "%s", "");
	check(&sample, E(CONSTANT), -1, "nothing");
}

static void
add_sentences(uint32 count)
{
	static const char *const words[] = {"please ", "leave ", "the ", "parcel ", "at ", "the ", "door ", "of ", "my ", "neighbour "};

	for (uint32 i = 0; i < count; i++)
	{
		char		text[512] = "\"";

		for (int j = 2 + below(20); j > 0; j--)
			strcat(text, words[below(lengthof(words))]);
		add(&sample, "%s\"", text);
	}
}

static void
test_symbols(void)
{
	add_sentences(200);
	es_symbols_train(&table, sample.values, sample.count);
	work.symbols = &table;
	check(&sample, E(SYMBOLS), -1, "sentences, with symbols");
	add_sentences(1);
	add(&sample, "\"\xFF\xFE something else \x01\"");
	add_sentences(20);
	check(&sample, E(SYMBOLS), -1, "and with bytes that have no symbol");
	for (int i = 0; i < 50; i++)
		add_random_hex("\"", 30, "\"", true);
	check(&sample, E(PLAIN), -1, "where symbols do not help they are not used");
	add_sentences(100);
	work.symbols = NULL;
	check(&sample, E(PLAIN), -1, "sentences, without symbols");
}

/* -------------------------------------------------------------------- limits */

static void
add_filled(char c, uint32 size, const char *tail)
{
	char	   *text = memory_take(&sample.memory, size + strlen(tail));

	memset(text, c, size);
	memcpy(text + size, tail, strlen(tail));
	sample.values[sample.count++] = es_slice(text, size + strlen(tail));
}

static void
test_sizes(void)
{
	char		tail[16];

	for (uint32 size = 253; size <= 257; size++)
	{
		for (int i = 0; i < 40; i++)
		{
			snprintf(tail, sizeof(tail), "%06u\"", below(1000000));
			add_filled('x', size, tail);
		}
		check(&sample, size <= 255 ? E(DIGITS) : E(PLAIN), size <= 255 ? 6 : -1, "a long prefix");
	}
	for (int i = 0; i < 40; i++)
		add(&sample, "%06u%0300d", below(1000000), 0);
	check(&sample, E(PLAIN), -1, "a suffix of 300 bytes");
	for (int i = 0; i < 4; i++)
		add_filled('a' + i, 8000, "");
	check(&sample, E(PLAIN), -1, "values of 8000 bytes");
	for (int i = 0; i < 20; i++)
		add_filled('a' + i % 2, i % 4 == 0 ? 0 : 8000, "");
	check(&sample, E(DICTIONARY), -1, "and of none, repeated");
	for (int i = 0; i < ES_COLUMN_MAX_VALUES; i++)
		add(&sample, "%u", below(PG_UINT32_MAX));
	check(&sample, E(INTEGER), -1, "as many values as a column may have");
	for (int i = 0; i < ES_COLUMN_MAX_VALUES; i++)
		add(&sample, "%u%s", below(PG_UINT32_MAX), i % 100 == 50 ? "e0" : "");
	check(&sample, X(INTEGER), -1, "with exceptions");
	for (int i = 0; i < ES_COLUMN_MAX_VALUES; i++)
		add(&sample, "%u%s", below(PG_UINT32_MAX), i % 60 == 50 ? "e0" : "");
	check(&sample, E(PLAIN), -1, "with more than are kept aside");
	add_filled('x', 60000, "");
	check(&sample, E(CONSTANT), -1, "one of 60000 bytes");
}

/* -------------------------------------------------------- values of any kind */

/* Spellings of which some encodings think they are theirs. */
static const char *const tricky[] = {
	"", "0", "-0", "00", "01", "-1", "--1", "+1", "1.", ".5", "1.5", "1.50", "-0.5", "-0.0", "0.0", "-0.50", "1e5",
	"999999999999999999", "-999999999999999999", "1000000000000000000", "-1000000000000000000", "9223372036854775807",
	"-9223372036854775808", "18446744073709551616", "99999999999999999.9", "0.99999999999999999", "0.999999999999999999",
	"123456789.123456789", "1234567890.123456789", "00.5", "1.5.5", "1,5", "\"\"", "\"0\"", "\"007\"", "\"-7\"", "\"x1\"", "\"x01\"",
	"\"deadbeef\"", "\"DEADBEEF\"", "\"deadbeeg\"", "\"deadbee\"", "\"0123abcd-4567-89ef-0000-ffffffffffff\"",
	"\"0123ABCD-4567-89ef-0000-ffffffffffff\"", "\"0123abcd-4567-89ef-0000-fffffffffff\"", "\"0123abcd4567-89ef-0000-ffffffffffff-\"",
	"\"2026-01-01T00:00:00Z\"", "\"2026-01-01T00:00:00.Z\"", "\"2026-01-01T00:00:00.5Z\"", "\"2026-01-01T00:00:00.50Z\"",
	"\"2026-01-01 00:00:00\"", "\"2026-01-01t00:00:00Z\"", "\"2026-01-01T24:00:00Z\"", "\"2026-06-30T23:59:60Z\"",
	"\"2026-02-29T00:00:00Z\"", "\"2024-02-29T00:00:00Z\"", "\"0000-01-01T00:00:00Z\"", "\"0001-01-01T00:00:00Z\"",
	"\"9999-12-31T23:59:59.999999Z\"", "\"9999-12-31T23:59:60Z\"", "\"10000-01-01T00:00:00Z\"", "\"2026-13-01T00:00:00Z\"",
	"\"2026-01-01T00:00:00.1234567Z\"", "\"2026-01-01T00:00:00.9999999Z\"", "2026-01-01T00:00:00", "\"2026-01-01T00:00\"",
	"null", "true", "[1,2]", "\"caf\xC3\xA9\"", "\"\\u0000\"", "\"a", "a\"", "\"", "\\", "\xFF"
};

static void
add_tricky(uint32 i)
{
	add(&sample, "%s", tricky[i % lengthof(tricky)]);
}

/* Every spelling, alone and among many of every other, in every encoding. */
static void
test_tricky(void)
{
	int			failures = 0;
	int			tried = 0;

	for (uint32 i = 0; i < lengthof(tricky); i++)
	{
		for (uint32 j = 0; j < lengthof(tricky); j++)
		{
			for (int k = 0; k < 12; k++)
				add_tricky(k == 5 ? j : i);
			for (int encoding = 0; encoding <= ES_COLUMN_SYMBOLS; encoding++, tried++)
			{
				EsColumnMemory memory = {.encoding = encoding,.param = below(2),.cost = PG_UINT16_MAX};

				failures += !encode_in(&sample, &memory, ROOM) || !reads_back(&sample);
			}
			memory_free(&sample.memory);
			memset(&sample, 0, sizeof(sample));
		}
	}
	is_int(failures, 0, "each of %zu spellings among others of each: %d columns", lengthof(tricky), tried);
}

/* Values made of a few pieces, in any mixture. */
static void
add_random_value(uint32 kind)
{
	switch (kind)
	{
		case 0:
			add(&sample, "%d", (int) (below(2000) - 1000));
			break;
		case 1:
			add(&sample, "%s%u.%0*u", below(2) ? "-" : "", below(10), 1 + below(3), below(10));
			break;
		case 2:
			add(&sample, "\"id-%0*u\"", 1 + below(4), below(10));
			break;
		case 3:
			add_random_hex("\"", 8 + below(2), "\"", below(8) == 0);
			break;
		case 4:
			add_uuid(below(10) == 0);
			break;
		case 5:
			add(&sample, "\"%u-%02u-%02uT%02u:00:%02u%s\"", 2000 + below(30), 1 + below(12), 1 + below(31), below(25), below(61),
				below(2) ? "Z" : ".5Z");
			break;
		case 6:
			add_tricky(below(lengthof(tricky)));
			break;
		case 7:
			add_filled((char) below(256), below(100), "");
			break;
		default:
			add_sentences(1);
			break;
	}
}

static void
test_random(void)
{
	int			failures = 0;
	int			by_encoding[ES_COLUMN_SYMBOLS + 1] = {0};
	EsColumnMemory memory = {0};

	for (int i = 0; i < 6000; i++)
	{
		uint32		kind = below(9);
		uint32		count = 1 + below(below(20) == 0 ? 500 : 40);
		uint32		others = below(3) == 0 ? 10 : 0;

		while (sample.count < count)
			add_random_value(below(100) < others ? below(9) : kind);
		work.symbols = below(2) ? &table : NULL;
		if (below(2) == 0)		/* else what was before is remembered */
			memory = (EsColumnMemory)
		{
			.encoding = below(ES_COLUMN_SYMBOLS + 1),.param = below(256),.cost = below(PG_UINT16_MAX)
		};
		failures += !encode_in(&sample, &memory, ROOM) || !reads_back(&sample);
		by_encoding[sample.code.encoding & ~ES_COLUMN_EXCEPTIONS]++;
		memory_free(&sample.memory);
		memset(&sample, 0, sizeof(sample));
	}
	work.symbols = NULL;
	is_int(failures, 0, "6000 columns of any mixture come back");
	for (int i = ES_COLUMN_CONSTANT; i <= ES_COLUMN_SYMBOLS; i++)
	{
		if (i != ES_COLUMN_ENTITY)
			ok(by_encoding[i] > 0, "%d of them in encoding %d", by_encoding[i], i);
	}
}

/* In every room there may be: right, or none. */
static void
test_rooms(void)
{
	int			failures = 0;

	for (uint32 kind = 0; kind < 9; kind++)
	{
		EsColumnMemory memory = {0};
		uint32		needed;

		while (sample.count < 20)
			add_random_value(kind);
		work.symbols = &table;
		failures += !encode_in(&sample, &memory, ROOM);
		needed = sample.code.size;
		for (uint32 room = 0; room <= needed + 2; room++)
		{
			bool		encoded;

			memory.encoding = room % 2 == 0 ? ES_COLUMN_NONE : memory.encoding;
			encoded = encode_in(&sample, &memory, room);
			failures += encoded && !reads_back(&sample);
			failures += !encoded && room >= needed && kind < 7;
		}
		memory_free(&sample.memory);
		memset(&sample, 0, sizeof(sample));
	}
	work.symbols = NULL;
	is_int(failures, 0, "columns in every room up to what they need");
}

/* -------------------------------------------------------------------- memory */

static void
test_memory(void)
{
	EsColumnMemory memory = {0};
	int			integers = 0;

	for (int i = 0; i < 200; i++)
	{
		for (int j = 0; j < 100; j++)
			add(&sample, "%u", below(60000));
		if (encode_in(&sample, &memory, ROOM) && reads_back(&sample))
			integers += sample.code.encoding == ES_COLUMN_INTEGER && memory.encoding == ES_COLUMN_INTEGER;
		memory_free(&sample.memory);
		memset(&sample, 0, sizeof(sample));
	}
	is_int(integers, 200, "what is remembered stays as long as it fits");
	for (int j = 0; j < 100; j++)
		add(&sample, "\"name %c%c\"", 'a' + below(26), 'a' + below(26));
	ok(encode_in(&sample, &memory, ROOM) && reads_back(&sample) && memory.encoding != ES_COLUMN_INTEGER,
	   "and changes when it does not");
	memory_free(&sample.memory);
	memset(&sample, 0, sizeof(sample));
	memory.encoding = ES_COLUMN_SYMBOLS;
	add_sentences(50);
	ok(encode_in(&sample, &memory, ROOM) && sample.code.encoding == ES_COLUMN_PLAIN && memory.encoding == ES_COLUMN_SYMBOLS,
	   "where symbols are missing text is plain, and symbols are not forgotten");
	memory_free(&sample.memory);
	memset(&sample, 0, sizeof(sample));
}

/* ------------------------------------------------------------- hostile bytes */

static uint64 touched;

static void
touch(EsSlice slice)
{
	for (uint32 i = 0; i < slice.size; i++)
		touched += (uint8) slice.data[i];
}

/* Reads all that an open column says is there. */
static void
touch_all(const EsColumn *column)
{
	EsStrings	strings;
	uint32		value;

	if (!es_column_open(column, &strings))
		return;
	touch(strings.prefix);
	touch(strings.suffix);
	touch(strings.constant);
	for (uint32 i = 0; i < strings.exceptions.count; i++)
		touch(es_strings_exception(&strings, i, &value));
	for (uint32 i = 0; i < strings.word_count; i++)
		touch(es_strings_text(&strings, i));
	for (uint32 i = 0; i < strings.count && strings.ends != NULL && strings.word_count == 0; i++)
		touch(es_strings_text(&strings, i));
	if (strings.each > 0)
		touch(es_slice(strings.data, (size_t) strings.count * strings.each));
	for (uint32 i = 0; i < strings.count && strings.data != NULL && strings.each == 0 && strings.encoding != ES_COLUMN_HEX; i++)
		touched += es_integers_get(strings.data, strings.width, i);
}

/* Reads a few values of a column of these bytes; returns how many it has. */
static int
read_hostile(const EsColumn *like, EsSlice bytes, const EsSymbolReader *symbols)
{
	Memory		memory = {0};
	EsSlice		copy = memory_copy(&memory, bytes.data, bytes.size);
	EsColumn	column = *like;
	int			got = 0;

	column.data = copy.data;
	column.end = copy.data + copy.size;
	touch_all(&column);
	for (uint32 i = 0; i < Min(column.count + 1, 10); i++)
	{
		uint32		room = below(100);
		uint32		size = 0;

		if (!es_column_get(&column, i, es_slice("entity", 6), symbols, memory_take(&memory, room), room, &size))
			continue;
		got++;
		if (size > room || i >= column.count)
			abort();
	}
	memory_free(&memory);
	return got;
}

static void
test_random_bytes(void)
{
	char		bytes[600];
	int			got = 0;

	for (int i = 0; i < 200000; i++)
	{
		EsColumn	column = {.encoding = below(4) ? below(ES_COLUMN_SYMBOLS + 2) | (below(4) ? 0 : ES_COLUMN_EXCEPTIONS) : below(256),
		.width = below(4) ? (uint8) (8 * below(9)) : below(256),.param = below(256),.count = 1 + below(below(2) ? 5 : 4096)};
		uint32		size = below(below(2) ? 40 : sizeof(bytes));

		for (uint32 j = 0; j < size; j++)
			bytes[j] = (char) (below(2) ? below(8) : below(256));
		got += read_hostile(&column, es_slice(bytes, size), NULL);
	}
	ok(got > 0, "columns of random bytes are read safely, %d values of them", got);
}

/* A valid column, some of whose bytes, or sizes, are others. */
static void
read_changed(int *got)
{
	EsColumn	column = column_of(&sample);
	char	   *bytes = memory_take(&sample.memory, sample.data.size);

	for (int i = 0; i < 200; i++)
	{
		EsColumn	changed = column;
		uint32		size = below(3) ? sample.data.size : below(sample.data.size + 1);

		memcpy(bytes, sample.data.data, sample.data.size);
		for (uint32 j = below(3); j > 0 && sample.data.size > 0; j--)
			bytes[below(below(2) ? Min(sample.data.size, 16) : sample.data.size)] = (char) (below(2) ? 0xFF : below(256));
		if (below(4) == 0)
			changed.param = (uint8) below(256);
		if (below(4) == 0)
			changed.count = 1 + below(4096);
		if (below(4) == 0)
			changed.width = (uint8) below(65);
		if (below(4) == 0)
			changed.encoding ^= ES_COLUMN_EXCEPTIONS;
		*got += read_hostile(&changed, es_slice(bytes, size), &sample.symbols);
	}
}

static void
test_changed_bytes(void)
{
	int			got = 0;

	for (int i = 0; i < 900; i++)
	{
		EsColumnMemory memory = {0};
		uint32		kind = i % 9;

		while (sample.count < 30)
			add_random_value(below(20) == 0 ? below(9) : kind);
		work.symbols = &table;
		if (encode_in(&sample, &memory, ROOM))
			read_changed(&got);
		memory_free(&sample.memory);
		memset(&sample, 0, sizeof(sample));
	}
	ok(got > 0 && touched > 0, "changed columns are read safely, %d values of them", got);
}

int
main(void)
{
	test_numbers();
	test_strings_with_digits();
	test_uuids();
	test_times();
	test_words();
	test_symbols();
	test_sizes();
	test_tricky();
	test_random();
	test_rooms();
	test_memory();
	test_random_bytes();
	test_changed_bytes();
	return tap_done();
}
