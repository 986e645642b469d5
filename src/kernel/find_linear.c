/*-------------------------------------------------------------------------
 *
 * find_linear.c
 *	  The two-way algorithm of Crochemore and Perrin (1991).
 *
 * The needle is cut in two at a place where it repeats itself least.  At each
 * place of the text the right part is compared first, forwards: where it
 * differs, the needle moves behind that byte as far as it got.  Then the left
 * part is compared; where that differs, the needle moves by its period.  No
 * memory is needed, and no byte is compared more than twice.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/find_linear.h"

typedef struct Cut
{
	size_t		place;			/* where the right part begins */
	size_t		period;			/* of the right part */
} Cut;

/* Where the suffix begins that sorts last, by rising or by falling bytes. */
static Cut
last_suffix(const unsigned char *needle, size_t size, bool falling)
{
	Cut			cut = {0, 1};
	size_t		rival = 1;		/* where another suffix begins */
	size_t		same = 0;		/* bytes in which the two agree */

	while (rival + same < size)
	{
		unsigned char byte = needle[rival + same];
		unsigned char best = needle[cut.place + same];

		if (byte == best)
		{
			if (++same == cut.period)
			{
				rival += same;
				same = 0;
			}
		}
		else if ((byte < best) != falling)
		{
			rival += same + 1;
			same = 0;
			cut.period = rival - cut.place;
		}
		else
		{
			cut.place = rival++;
			cut.period = 1;
			same = 0;
		}
	}
	return cut;
}

/* The later one of the two cuts is where the needle repeats itself least. */
static Cut
critical_cut(const unsigned char *needle, size_t size)
{
	Cut			rising = last_suffix(needle, size, false);
	Cut			falling = last_suffix(needle, size, true);

	return rising.place > falling.place ? rising : falling;
}

/* The needle is not empty and not longer than the text. */
const char *
es_find_linear(const char *text, size_t size, const char *needle, size_t needle_size)
{
	Cut			cut = critical_cut((const unsigned char *) needle, needle_size);
	bool		periodic = cut.place + cut.period <= needle_size &&
	memcmp(needle, needle + cut.period, cut.place) == 0;
	const char *end = text + (size - needle_size);
	size_t		known = 0;		/* bytes at the beginning that are known to be
								 * equal */

	if (!periodic)
		cut.period = Max(cut.place, needle_size - cut.place) + 1;
	while (text <= end)
	{
		size_t		right = Max(cut.place, known);
		size_t		left = cut.place;

		while (right < needle_size && needle[right] == text[right])
			right++;
		if (right < needle_size)
		{
			known = 0;
			if ((size_t) (end - text) < right - cut.place + 1)
				return NULL;
			text += right - cut.place + 1;
			continue;
		}
		while (left > known && needle[left - 1] == text[left - 1])
			left--;
		if (left <= known)
			return text;
		if ((size_t) (end - text) < cut.period)
			return NULL;
		text += cut.period;
		known = periodic ? needle_size - cut.period : 0;
	}
	return NULL;
}
