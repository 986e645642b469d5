/*-------------------------------------------------------------------------
 *
 * kernel_words.h
 *	  What the files of instruction sets share about words of 64 bits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTSTORE_KERNEL_KERNEL_WORDS_H
#define EVENTSTORE_KERNEL_KERNEL_WORDS_H

#include "core/base.h"

/* A byte in each byte of a word. */
#define ALL_BYTES(byte) (UINT64CONST(0x0101010101010101) * (byte))

/* Makes the bits of a byte bytes of 0 or 1, the lowest bit first. */
static inline uint64
spread_byte(uint64 byte)
{
	uint64		bits = (byte & 0xFF) * ALL_BYTES(1) & UINT64CONST(0x8040201008040201);

	return (bits + ALL_BYTES(0x7F)) >> 7 & ALL_BYTES(1);
}

/*
 * Sorts a table of 256 bits by the low half of a byte: bit h of halves[0][l] is
 * the table's bit 16 * h + l, and halves[1] goes on where h is 8.  Vectors look up
 * one of 16 bytes, and so the low half of theirs, in one step.
 */
static inline void
split_table(const uint64 table[4], uint64 halves[2][2])
{
	for (int half = 0; half < 2; half++)
	{
		halves[half][0] = halves[half][1] = 0;
		for (int high = 0; high < 8; high++)
		{
			uint64		row = table[half * 2 + high / 4] >> high % 4 * 16;

			halves[half][0] |= spread_byte(row) << high;
			halves[half][1] |= spread_byte(row >> 8) << high;
		}
	}
}

/* ---- where there is no pdep ------------------------------------------- */

/*
 * The moves that bring the bits of the mask together at the low end of a word, in
 * steps of 1, 2, 4, 8, 16 and 32 places: each bit moves to the right by the number
 * of zeros below it in the mask, one binary digit of that number after the other.
 * moves[i] has the places, before step i, of the bits that move by 1 << i.
 */
static inline void
plan_moves(uint64 mask, uint64 moves[6])
{
	uint64		zeros = ~mask << 1; /* digit by digit, numbers of zeros below */

	for (int i = 0; i < 6; i++)
	{
		uint64		odd = zeros;

		for (int shift = 1; shift < 64; shift *= 2)
			odd ^= odd << shift;
		moves[i] = odd & mask;
		mask = (mask ^ moves[i]) | moves[i] >> (1 << i);
		zeros &= ~odd;
	}
}

/*
 * The low bits of the word, in their order, at the places of the ones in the mask
 * (pdep): the moves above, backwards.
 */
static inline uint64
scatter_bits(uint64 word, uint64 mask)
{
	uint64		moves[6];

	plan_moves(mask, moves);
	for (int i = 5; i >= 0; i--)
	{
		uint64		moved = word << (1 << i);

		word = (moved & moves[i]) | (word & ~moves[i]);
	}
	return word & mask;
}

#endif							/* EVENTSTORE_KERNEL_KERNEL_WORDS_H */
