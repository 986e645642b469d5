/*-------------------------------------------------------------------------
 *
 * fuzz_timestamp.c
 *	  Timestamps: what is read is printed and read again as the same.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "core/timestamp.h"

static void
check_time(Memory *memory, int64 time)
{
	char	   *text = memory_take(memory, ES_TIMESTAMP_TEXT_SIZE);
	size_t		size = es_timestamp_print(time, text);
	int64		back;

	MUST(size < ES_TIMESTAMP_TEXT_SIZE && strlen(text) == size);
	MUST(es_timestamp_parse(memory_copy(memory, text, size), &back) == ES_OK && back == time);
}

/* Any eight bytes as a time in range. */
static int64
time_in_range(const uint8_t *data)
{
	uint64		number;

	memcpy(&number, data, sizeof(number));
	return ES_TIMESTAMP_MIN + (int64) (number % (uint64) (ES_TIMESTAMP_END - ES_TIMESTAMP_MIN));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Memory		memory = {0};
	int64		time;
	EsErrorCode code = es_timestamp_parse(memory_copy(&memory, data, size), &time);

	MUST(code == ES_OK || code == ES_ERR_INVALID_TIMESTAMP || code == ES_ERR_TIMESTAMP_RANGE);
	if (code == ES_OK)
	{
		MUST(time >= ES_TIMESTAMP_MIN && time < ES_TIMESTAMP_END);
		check_time(&memory, time);
	}
	if (size >= sizeof(int64))
		check_time(&memory, time_in_range(data));
	memory_free(&memory);
	return 0;
}
