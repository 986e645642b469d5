/*-------------------------------------------------------------------------
 *
 * integers.c
 *	  Runs of integers in as few bits as they need.
 *
 *-------------------------------------------------------------------------
 */
#include "core/integers.h"

/* The least width that holds 'greatest'. */
uint8
es_integers_width(uint64 greatest)
{
	static const uint8 widths[] = {0, 1, 2, 4, 8, 16, 24, 32};

	for (size_t i = 0; i < lengthof(widths); i++)
	{
		if (greatest >> widths[i] == 0)
			return widths[i];
	}
	return 64;
}

/* What this run, of at least one value, needs. */
EsIntegerRange
es_integers_range(const int64 *values, uint32 count)
{
	int64		least = values[0];
	int64		greatest = values[0];

	for (uint32 i = 1; i < count; i++)
	{
		least = Min(least, values[i]);
		greatest = Max(greatest, values[i]);
	}
	return (EsIntegerRange)
	{
		least, es_integers_width((uint64) greatest - (uint64) least)
	};
}

static void
put_bits(char *out, const int64 *values, uint32 count, EsIntegerRange range)
{
	memset(out, 0, es_integers_size(range.width, count));
	for (uint32 i = 0; i < count; i++)
	{
		uint32		bit = i * range.width;

		out[bit / 8] |= (char) (((uint64) values[i] - (uint64) range.base) << (bit % 8));
	}
}

/*
 * Writes the distances of the values from the base, es_integers_size() bytes.
 * All values fit the range.
 */
void
es_integers_put(char *out, const int64 *values, uint32 count, EsIntegerRange range)
{
	uint32		bytes = range.width / 8;

	if (range.width == 0)
		return;
	if (bytes == 0)
	{
		put_bits(out, values, count, range);
		return;
	}
	for (uint32 i = 0; i < count; i++, out += bytes)
	{
		uint64		distance = (uint64) values[i] - (uint64) range.base;

		switch (bytes)
		{
			case 1:
				*out = (char) distance;
				break;
			case 2:
				memcpy(out, &distance, 2);
				break;
			case 3:
				memcpy(out, &distance, 3);
				break;
			case 4:
				memcpy(out, &distance, 4);
				break;
			default:
				memcpy(out, &distance, 8);
				break;
		}
	}
}
