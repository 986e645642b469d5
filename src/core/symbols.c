/*-------------------------------------------------------------------------
 *
 * symbols.c
 *	  Short texts as sequences of one-byte codes for symbols of 1 to 8 bytes.
 *
 * The idea is that of FSST (Boncz, Neumann, Leis, "FSST: Fast Random Access
 * String Compression", VLDB 2020): up to 255 byte strings, the symbols, get a
 * code of one byte each; a value becomes the codes of the symbols that it is
 * put together from, the longest that fits first; the code 255 is an escape,
 * followed by one byte that stands for itself.  A value needs nothing but the
 * symbols to be decoded, in particular not its neighbours.
 *
 * A table of symbols is trained on a sample of what was written lately, and
 * serves for many blocks.  A block has to explain itself, so it stores the
 * symbols that it uses, under codes without gaps: codes are ordered by the size
 * of their symbols, in the table and in a set alike.  A stored set is
 *
 *	  size	what
 *		 8	how many symbols there are of 1, 2, ... 8 bytes
 *			the bytes of the symbols, by ascending code, without gaps
 *
 * so that size and place of a symbol follow from its code by seven comparisons
 * and a multiplication, and opening a set takes no loop over its symbols.
 *
 * No symbol of two or more bytes has a zero byte.  So the end of a value can be
 * filled up with zeros to a full word, and nothing found there reaches past it.
 *
 * Words are read and symbols kept as little-endian numbers: the first byte of a
 * text is the lowest of its word.
 *
 *-------------------------------------------------------------------------
 */
#include "core/symbols.h"

#ifdef WORDS_BIGENDIAN
#error "symbols are read as little-endian words"
#endif

StaticAssertDecl(sizeof(EsSymbolTable) <= 64 * 1024, "small enough for static memory");

static inline uint64
load_word(const char *in)
{
	uint64		word;

	memcpy(&word, in, sizeof(word));
	return word;
}

/* The first bytes of a word; size is 1 to 8. */
static inline uint64
word_prefix(uint64 word, uint32 size)
{
	return word & (PG_UINT64_MAX >> (64 - 8 * size));
}

/* --------------------------------------------------------------- the table */

#define MATCH(code, size)	((code) | (size) << 8)
#define MATCH_ESCAPE		MATCH(ES_SYMBOL_ESCAPE, 1)
#define MATCH_CODE(match)	((uint8) (match))
#define MATCH_SIZE(match)	((match) >> 8)

#define HASH_FACTOR			0x9E3779B1u
#define HASH_SHIFT			22	/* leaves ES_SYMBOL_SLOTS */

static inline uint32
triple_slot(uint64 word)
{
	return ((uint32) word << 8) * HASH_FACTOR >> HASH_SHIFT;
}

static inline uint32
long_slot(uint64 word)
{
	return (uint32) word * HASH_FACTOR >> HASH_SHIFT;
}

/*
 * Finds the longest symbol that the word begins with, or the escape.  There
 * are no branches, because none could be predicted.
 */
static inline uint32
find_match(const EsSymbolTable *table, uint64 word)
{
	const EsLongSymbol *candidate = &table->longs[long_slot(word)];
	uint32		slot = triple_slot(word);
	uint32		match = table->pairs[(size_t) table->rows[(uint8) (word >> 8)] + (uint8) word];
	uint32		three = table->triple_matches[slot];
	uint32		more = candidate->match;
	uint64		rest = (word ^ candidate->text) << candidate->shift;

	match = table->triples[slot] == (word & 0xFFFFFF) ? three : match;
	match = rest == 0 ? more : match;
	return match;
}

/*
 * Makes a table without symbols.  A free slot has the text 0, which nothing
 * but zeros is equal to; where zeros would be looked for, it has a text that
 * would be looked for elsewhere.
 */
static void
clear_table(EsSymbolTable *table)
{
	memset(table, 0, sizeof(*table));
	table->row_count = 1;
	for (int i = 0; i < 256; i++)
		table->pairs[i] = MATCH_ESCAPE;
	table->triples[triple_slot(0)] = 1;
	table->longs[long_slot(0)].text = 1;
}

static uint32
text_size(uint64 text)
{
	uint32		size = 1;

	while (size < ES_SYMBOL_MAX_SIZE && text >> (8 * size) != 0)
		size++;
	return size;
}

/* Takes the place for a symbol; false when a better one has it. */
static bool
take_place(EsSymbolTable *table, uint64 text, uint32 size)
{
	uint16	   *row = &table->rows[(uint8) (text >> 8)];
	uint32	   *triple = &table->triples[triple_slot(text)];
	EsLongSymbol *place = &table->longs[long_slot(text)];

	if (size == 1)
	{
		bool		free = table->pairs[text] == MATCH_ESCAPE;

		table->pairs[text] = 0;
		return free;
	}
	if (size == 2)
	{
		if (*row == 0 && table->row_count < ES_SYMBOL_ROWS)
			*row = 256 * table->row_count++;
		return *row != 0;
	}
	if (size == 3)
	{
		if (*triple > 1)
			return false;
		*triple = (uint32) text;
		return true;
	}
	if (place->match != 0)
		return false;
	place->text = text;
	place->shift = 64 - 8 * size;
	place->match = MATCH_ESCAPE;
	return true;
}

/* Writes the match of a symbol into the place that it has taken. */
static void
fill_place(EsSymbolTable *table, uint32 code)
{
	uint64		text = table->texts[code];
	uint32		size = table->sizes[code];

	if (size <= 2)
		table->pairs[(size == 2 ? table->rows[text >> 8] : 0) + (uint8) text] = MATCH(code, size);
	else if (size == 3)
		table->triple_matches[triple_slot(text)] = MATCH(code, size);
	else
		table->longs[long_slot(text)].match = MATCH(code, size);
}

/* Gives the symbols codes in the order of their size. */
static void
number_symbols(EsSymbolTable *table, const uint64 *texts, uint32 count)
{
	for (uint32 size = 1; size <= ES_SYMBOL_MAX_SIZE; size++)
		for (uint32 i = 0; i < count; i++)
			if (text_size(texts[i]) == size)
			{
				table->sizes[table->count] = size;
				table->texts[table->count++] = texts[i];
			}
}

/*
 * Makes a table of as many of the texts as find a place, the first ones first.
 */
static void
build_table(EsSymbolTable *table, const uint64 *texts, uint32 count)
{
	uint64		kept[ES_SYMBOLS_MAX];
	uint32		kept_count = 0;
	uint32		code = 0;

	clear_table(table);
	for (uint32 i = 0; i < count && kept_count < ES_SYMBOLS_MAX; i++)
		if (take_place(table, texts[i], text_size(texts[i])))
			kept[kept_count++] = texts[i];
	number_symbols(table, kept, kept_count);
	for (; code < table->count && table->sizes[code] == 1; code++)
		fill_place(table, code);
	for (uint32 row = 1; row < table->row_count; row++)
		memcpy(&table->pairs[row * 256], table->pairs, 256 * sizeof(EsSymbolMatch));
	for (; code < table->count; code++)
		fill_place(table, code);
}

/* ---------------------------------------------------------------- training */

#define SAMPLE_SIZE			16384
#define VALUE_SAMPLE_SIZE	1024	/* of one value, where there are more */
#define BLOCK_TEXT_SIZE		10000	/* that a block is expected to have */
#define ROUND_SIZE			3072	/* that the sample to look at grows by */
#define GROW_ROUNDS			5
#define REFINE_ROUNDS		2
#define LAST_ROUND			(GROW_ROUNDS + REFINE_ROUNDS)	/* adds nothing new */
#define PAIR_SLOTS			8192
#define PAIR_SHIFT			51	/* leaves PAIR_SLOTS */
#define MAX_PAIRS			6144
#define CANDIDATES			320 /* more than 255: not all find a place */

/* A text that may become a symbol, and what that would save. */
typedef struct Candidate
{
	uint64		text;
	int64		gain;
} Candidate;

typedef struct Trainer
{
	const EsSymbolTable *table; /* of the round before */
	uint32		sample_size;
	uint32		seen;			/* in this round; bytes, from the start */
	char		sample[SAMPLE_SIZE + sizeof(uint64)];

	/* how often a symbol began with this byte, and each symbol was used */
	uint16		byte_counts[256];
	uint16		symbol_counts[256];

	/* how often two neighbours had this text together, by its hash */
	uint32		pair_count;
	uint64		pairs[PAIR_SLOTS];
	uint16		pair_counts[PAIR_SLOTS];

	/* the best of them: a heap with the worst at the top */
	uint32		best_count;
	Candidate	best[CANDIDATES];
} Trainer;

/*
 * Copies as many of the values as there is room for, evenly chosen, each
 * followed by a zero, which no symbol reaches across.
 */
static void
take_sample(Trainer *trainer, const EsSlice *values, uint32 count)
{
	uint32		most = Max(VALUE_SAMPLE_SIZE, SAMPLE_SIZE / Max(count, 1));
	uint64		total = 0;
	uint64		taken = count;

	for (uint32 i = 0; i < count; i++)
		total += Min(values[i].size, most) + 1;
	if (total > SAMPLE_SIZE)
		taken = Max(1, taken * SAMPLE_SIZE / total);
	trainer->sample_size = 0;
	for (uint64 i = 0; i < taken; i++)
	{
		const EsSlice *value = &values[i * count / taken];
		uint32		size = Min(Min(value->size, most), SAMPLE_SIZE - trainer->sample_size);
		char	   *out = trainer->sample + trainer->sample_size;

		es_put_slice(out, es_slice(value->data, size));
		out[size] = '\0';
		trainer->sample_size = Min(trainer->sample_size + size + 1, SAMPLE_SIZE);
	}
	memset(trainer->sample + trainer->sample_size, 0, sizeof(uint64));
}

/* Counts a pair once more; one too many new ones is left out. */
static inline void
count_pair(Trainer *trainer, uint64 text)
{
	uint32		slot = text * UINT64CONST(0x9E3779B97F4A7C15) >> PAIR_SHIFT;

	while (trainer->pairs[slot] != text)
	{
		if (trainer->pairs[slot] == 0)
		{
			if (trainer->pair_count == MAX_PAIRS)
				return;
			trainer->pair_count++;
			trainer->pairs[slot] = text;
			break;
		}
		slot = (slot + 1) % PAIR_SLOTS;
	}
	trainer->pair_counts[slot]++;
}

static void
clear_counts(Trainer *trainer)
{
	trainer->pair_count = 0;
	memset(trainer->byte_counts, 0, sizeof(trainer->byte_counts));
	memset(trainer->symbol_counts, 0, sizeof(trainer->symbol_counts));
	memset(trainer->pairs, 0, sizeof(trainer->pairs));
	memset(trainer->pair_counts, 0, sizeof(trainer->pair_counts));
}

/*
 * Counts symbols and pairs of them in the sample as the table takes it apart.
 * The first byte of a symbol counts by itself too: one would have to begin with
 * it if the symbol were not there.  Of a pair the first 8 bytes count.
 */
static void
count_sample(Trainer *trainer)
{
	const char *end = trainer->sample + trainer->seen;
	uint64		before = 0;
	uint32		before_size = 0;
	uint32		size;

	clear_counts(trainer);
	for (const char *in = trainer->sample; in < end; in += size)
	{
		uint64		word = load_word(in);
		uint32		match = find_match(trainer->table, word);
		uint64		text;

		size = MATCH_SIZE(match);
		text = word_prefix(word, size);
		trainer->byte_counts[(uint8) word]++;
		trainer->symbol_counts[MATCH_CODE(match)]++;
		if (before != 0 && text != 0 && before_size < ES_SYMBOL_MAX_SIZE)
			count_pair(trainer, before | text << (8 * before_size));
		before = text;
		before_size = size;
	}
}

/* Is a the less useful of two candidates?  No two are equal. */
static bool
is_worse(Candidate a, Candidate b)
{
	return a.gain < b.gain || (a.gain == b.gain && a.text > b.text);
}

/* Puts a candidate into the heap whose top place is free. */
static void
sift_down(Candidate *heap, uint32 count, Candidate candidate)
{
	uint32		place = 0;

	for (uint32 child = 1; child < count; child = 2 * place + 1)
	{
		if (child + 1 < count && is_worse(heap[child + 1], heap[child]))
			child++;
		if (!is_worse(heap[child], candidate))
			break;
		heap[place] = heap[child];
		place = child;
	}
	heap[place] = candidate;
}

static void
sift_up(Candidate *heap, uint32 place, Candidate candidate)
{
	while (place > 0 && is_worse(candidate, heap[(place - 1) / 2]))
	{
		heap[place] = heap[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	heap[place] = candidate;
}

/* Empties the heap into texts, the best one first; returns how many. */
static uint32
rank_candidates(Trainer *trainer, uint64 *texts)
{
	uint32		count = trainer->best_count;

	for (uint32 i = count; i-- > 0;)
	{
		texts[i] = trainer->best[0].text;
		sift_down(trainer->best, i, trainer->best[i]);
	}
	trainer->best_count = 0;
	return count;
}

/* How many bytes of codes a text of two or more takes if it is no symbol. */
static uint32
cost_without(const EsSymbolTable *table, uint64 text, uint32 size)
{
	uint32		match = find_match(table, word_prefix(text, size - 1));
	uint32		cost = 1 + (match == MATCH_ESCAPE);

	for (text >>= 8 * MATCH_SIZE(match); text != 0; text >>= 8 * MATCH_SIZE(match))
	{
		match = find_match(table, text);
		cost += 1 + (match == MATCH_ESCAPE);
	}
	return cost;
}

/*
 * Estimates what a text would save as a symbol, as bytes of a block times the
 * size of the sample.  A block that uses the symbol has to store it.
 *
 * At first it matters only how much of the sample a symbol covers: symbols are
 * yet to grow.  Single bytes count for more, since they have no replacement.
 * Later it is how many codes more the text would take without the symbol.
 */
static int64
estimate_gain(const Trainer *trainer, uint64 text, uint32 count, bool growing)
{
	uint32		size = text_size(text);
	int64		uses = (int64) count * BLOCK_TEXT_SIZE;
	int64		stored = (int64) size * Min(uses, trainer->seen);

	if (growing)
		return uses * (size == 1 ? 8 : size) - (int64) size * trainer->seen;
	if (size == 1)
		return uses - stored;
	return uses * (cost_without(trainer->table, text, size) - 1) - stored;
}

static void
consider(Trainer *trainer, uint64 text, uint32 count, bool growing)
{
	Candidate	candidate = {text, estimate_gain(trainer, text, count, growing)};

	if (candidate.gain <= 0)
		return;
	if (trainer->best_count < CANDIDATES)
		sift_up(trainer->best, trainer->best_count++, candidate);
	else if (is_worse(trainer->best[0], candidate))
		sift_down(trainer->best, CANDIDATES, candidate);
}

/*
 * Chooses the texts of the next table, the best one first; returns how many.
 * What was seen only once is chance.
 */
static uint32
choose_texts(Trainer *trainer, uint32 round, uint64 *texts)
{
	const EsSymbolTable *table = trainer->table;
	bool		growing = round < GROW_ROUNDS;

	trainer->seen = Min(trainer->sample_size, (round + 1) * ROUND_SIZE);
	count_sample(trainer);
	for (uint32 byte = 1; byte < 256; byte++)
		if (trainer->byte_counts[byte] > 0)
			consider(trainer, byte, trainer->byte_counts[byte], growing);
	for (uint32 code = 0; code < table->count; code++)
		if (table->sizes[code] > 1 && trainer->symbol_counts[code] > 1)
			consider(trainer, table->texts[code], trainer->symbol_counts[code], growing);
	for (uint32 slot = 0; slot < PAIR_SLOTS && round < LAST_ROUND; slot++)
		if (trainer->pair_counts[slot] > 1)
			consider(trainer, trainer->pairs[slot], trainer->pair_counts[slot], growing);
	return rank_candidates(trainer, texts);
}

/*
 * Adds single bytes for codes that are left over, letters first.  In a block
 * such a symbol is never larger than the escape that it replaces.
 */
static uint32
add_single_bytes(uint64 *texts, uint32 count)
{
	static const uint8 ranges[][2] = {{'a', 'z'}, {' ', '~'}, {0x80, 0xFF}, {0, 0x7F}};

	for (uint32 i = 0; i < lengthof(ranges); i++)
		for (uint32 byte = ranges[i][0]; byte <= ranges[i][1]; byte++)
			texts[count++] = byte;
	return count;
}

/*
 * Trains a table for values like these; with none of them it has symbols of one
 * byte.  The same values always make the same table.  Takes 110 kB of stack.
 */
void
es_symbols_train(EsSymbolTable *table, const EsSlice *values, uint32 count)
{
	Trainer		trainer;
	uint64		texts[CANDIDATES + 2 * 256];
	uint32		text_count = 0;

	trainer.table = table;
	trainer.best_count = 0;
	take_sample(&trainer, values, count);
	clear_table(table);
	for (uint32 round = 0; round <= LAST_ROUND; round++)
	{
		text_count = choose_texts(&trainer, round, texts);
		build_table(table, texts, text_count);
	}
	build_table(table, texts, add_single_bytes(texts, text_count));
}

/* ---------------------------------------------------------------- encoding */

#define LANES				4
#define GROUP_SIZE			256 /* pieces that are encoded together */
#define PIECE_SIZE			512 /* of longer values, about */
#define MAX_PIECES			8	/* of one value */

/* A value, or a part of a long one. */
typedef struct Piece
{
	EsSlice		text;
	char	   *codes;
	uint32		size;			/* of the codes */
} Piece;

typedef struct Cursor
{
	const char *in;
	const char *stop;			/* from here on no word can be read */
	char	   *out;
} Cursor;

/*
 * A piece that is being encoded.  When less than a word is left, it goes on in
 * a copy of the rest that zeros follow.
 */
typedef struct Lane
{
	Cursor		cursor;
	const char *end;
	Piece	   *piece;
	char	   *rest;			/* room for two words; the second is 0 */
} Lane;

static inline void
encode_step(const EsSymbolTable *table, Cursor *cursor, uint8 *used)
{
	uint64		word = load_word(cursor->in);
	uint32		match = find_match(table, word);

	*cursor->out++ = (char) match;
	if (unlikely(match == MATCH_ESCAPE))
		*cursor->out++ = (char) word;
	used[MATCH_CODE(match)] = 1;
	cursor->in += MATCH_SIZE(match);
}

static void
run_one_lane(const EsSymbolTable *table, Lane *lane, uint8 *used)
{
	Cursor		cursor = lane->cursor;

	while (cursor.in < cursor.stop)
		encode_step(table, &cursor, used);
	lane->cursor = cursor;
}

/*
 * Encodes in all lanes until one of them stops.  Where the next symbol begins
 * is known only after the one before has been found, some 20 cycles later; the
 * lanes have nothing to do with each other and share that time.
 */
static void
run_lanes(const EsSymbolTable *table, Lane *lanes, uint8 *used)
{
	Cursor		a = lanes[0].cursor;
	Cursor		b = lanes[1].cursor;
	Cursor		c = lanes[2].cursor;
	Cursor		d = lanes[3].cursor;

	while (a.in < a.stop && b.in < b.stop && c.in < c.stop && d.in < d.stop)
	{
		encode_step(table, &a, used);
		encode_step(table, &b, used);
		encode_step(table, &c, used);
		encode_step(table, &d, used);
	}
	lanes[0].cursor = a;
	lanes[1].cursor = b;
	lanes[2].cursor = c;
	lanes[3].cursor = d;
}

static void
begin_piece(Lane *lane, Piece *piece)
{
	const char *in = piece->text.data;
	uint32		size = piece->text.size;

	lane->piece = piece;
	lane->end = in + size;
	lane->cursor = (Cursor)
	{
		in, size >= sizeof(uint64) ? lane->end - 7 : in, piece->codes
	};
}

/* The last bytes of a piece as a word, without reading beyond them. */
static uint64
load_rest(const Lane *lane)
{
	uint32		rest = lane->end - lane->cursor.in;
	uint64		word = 0;

	if (lane->piece->text.size >= sizeof(word))
		return load_word(lane->end - sizeof(word)) >> (8 * (sizeof(word) - rest));
	for (uint32 i = 0; i < rest; i++)
		word |= (uint64) (uint8) lane->cursor.in[i] << (8 * i);
	return word;
}

/* Goes on with the rest of a piece; false when there is none. */
static bool
begin_rest(Lane *lane)
{
	uint32		rest = lane->end - lane->cursor.in;
	uint64		word;

	if (rest == 0)
		return false;
	word = load_rest(lane);
	memcpy(lane->rest, &word, sizeof(word));
	lane->cursor.in = lane->rest;
	lane->cursor.stop = lane->end = lane->rest + rest;
	return true;
}

static void
encode_pieces(const EsSymbolTable *table, Piece *pieces, uint32 count, uint8 *used)
{
	Lane		lanes[LANES];
	uint64		rests[LANES][2];
	uint32		active = Min(count, LANES);
	uint32		next = active;

	memset(rests, 0, sizeof(rests));
	for (uint32 i = 0; i < active; i++)
	{
		lanes[i].rest = (char *) rests[i];
		begin_piece(&lanes[i], &pieces[i]);
	}
	while (active > 0)
	{
		if (active == LANES)
			run_lanes(table, lanes, used);
		else
			run_one_lane(table, &lanes[0], used);
		for (uint32 i = active; i-- > 0;)
		{
			Lane	   *lane = &lanes[i];

			if (lane->cursor.in < lane->cursor.stop || begin_rest(lane))
				continue;
			lane->piece->size = lane->cursor.out - lane->piece->codes;
			if (next < count)
				begin_piece(lane, &pieces[next++]);
			else
				*lane = lanes[--active];
		}
	}
}

/* Long values are cut, so that all lanes have something to do. */
static uint32
cut_value(EsSlice value, char *out, Piece *pieces)
{
	uint32		count = Min(value.size / PIECE_SIZE + 1, MAX_PIECES);
	uint32		size = (value.size + count - 1) / count;
	uint32		done = 0;

	if (value.size == 0)
		value.data = out;		/* it may have been NULL */
	for (uint32 i = 0; i < count; i++)
	{
		pieces[i].text = es_slice(value.data + done, Min(size, value.size - done));
		pieces[i].codes = out + 2 * (size_t) done;
		done += pieces[i].text.size;
	}
	return count;
}

/* Moves the codes of a value's pieces together; returns their size. */
static uint32
join_pieces(const Piece *pieces, uint32 count)
{
	uint32		size = pieces[0].size;

	for (uint32 i = 1; i < count; i++)
	{
		memmove(pieces[0].codes + size, pieces[i].codes, pieces[i].size);
		size += pieces[i].size;
	}
	return size;
}

/*
 * Encodes values.  'out' has room for twice their size; codes[i], which may be
 * in place of values[i], becomes the part of it that has the codes of values[i].
 * used[code] is set to 1 for every code that was used, and else left as it is.
 * The table has been trained.
 */
void
es_symbols_encode(const EsSymbolTable *table, const EsSlice *values,
				  uint32 count, char *out, EsSlice *codes, uint8 used[256])
{
	Piece		pieces[GROUP_SIZE];
	uint8		piece_counts[GROUP_SIZE];
	uint32		begun = 0;

	while (begun < count)
	{
		uint32		first = begun;
		uint32		piece_count = 0;
		Piece	   *piece = pieces;

		for (; begun < count && piece_count + MAX_PIECES <= GROUP_SIZE; begun++)
		{
			uint32		n = cut_value(values[begun], out, &pieces[piece_count]);

			piece_counts[begun - first] = n;
			piece_count += n;
			out += 2 * (size_t) values[begun].size;
		}
		encode_pieces(table, pieces, piece_count, used);
		for (uint32 i = first; i < begun; i++)
		{
			codes[i] = es_slice(piece->codes, join_pieces(piece, piece_counts[i - first]));
			piece += piece_counts[i - first];
		}
	}
}

/* -------------------------------------------------------------- a block's set */

/* Makes the set of the codes that were used. */
void
es_symbols_select(const EsSymbolTable *table, const uint8 used[256], EsSymbolSet *set)
{
	uint8		sizes[ES_SYMBOL_MAX_SIZE] = {0};
	char	   *out = set->data + sizeof(sizes);
	uint8		code = 0;

	for (uint32 i = 0; i < table->count; i++)
	{
		uint32		size = table->sizes[i];

		set->map[i] = code;
		if (!used[i])
			continue;
		memcpy(out, &table->texts[i], size);
		out += size;
		sizes[size - 1]++;
		code++;
	}
	memset(set->map + table->count, ES_SYMBOL_ESCAPE, sizeof(set->map) - table->count);
	memcpy(set->data, sizes, sizeof(sizes));
	set->size = out - set->data;
}

/* Translates codes of the table, of any number of values, to those of the set. */
void
es_symbols_translate(const EsSymbolSet *set, char *codes, uint32 size)
{
	for (uint32 i = 0; i < size; i++)
	{
		uint8		code = (uint8) codes[i];

		if (code == ES_SYMBOL_ESCAPE)
			i++;
		else
			codes[i] = (char) set->map[code];
	}
}

/* ---------------------------------------------------------------- decoding */

/*
 * Seven fields of 9 bits, one for each size but the largest: in 'limits' the
 * first code of a larger symbol.
 */
#define FIELD_BITS			9
#define FIELD_ONES			UINT64CONST(0x40201008040201)
#define FIELD_TOPS			(FIELD_ONES << (FIELD_BITS - 1))
#define FIELD_LAST			(6 * FIELD_BITS)

/*
 * The size of a code's symbol, less 1: how many limits the code has reached.
 * In each field, 256 + code - limit has the top bit when it has; the
 * multiplication adds these bits up.
 */
static inline uint32
size_above_one(uint64 limits, uint32 code)
{
	uint64		reached = ((code * FIELD_ONES | FIELD_TOPS) - limits) & FIELD_TOPS;

	return (reached >> (FIELD_BITS - 1)) * FIELD_ONES >> FIELD_LAST & 7;
}

/*
 * Opens a stored set of exactly this size; false when it is none.  Behind it 8
 * more bytes must be readable, whatever they are.
 */
bool
es_symbols_open(EsSymbolReader *reader, const char *data, uint32 size)
{
	uint32		code = 0;
	uint32		place = ES_SYMBOL_MAX_SIZE;

	if (size < ES_SYMBOL_MAX_SIZE)
		return false;
	reader->data = data;
	reader->limits = 0;
	for (uint32 i = 0; i < ES_SYMBOL_MAX_SIZE; i++)
	{
		uint32		count = (uint8) data[i];

		reader->starts[i] = (int32) place - (int32) (code * (i + 1));
		code += count;
		place += count * (i + 1);
		if (code > ES_SYMBOLS_MAX)
			return false;
		if (i < ES_SYMBOL_MAX_SIZE - 1)
			reader->limits |= (uint64) code << (FIELD_BITS * i);
	}
	reader->count = code;
	return place == size;
}

/*
 * Decodes a value.  'out' has 'capacity' bytes, of which the last
 * ES_SYMBOLS_SPARE are not for the value but may be overwritten too.  Returns
 * false when the codes are not valid or the value has no room.
 */
bool
es_symbols_decode(const EsSymbolReader *reader, EsSlice codes,
				  char *out, uint32 capacity, uint32 *size)
{
	char	   *start = out;
	char	   *last;

	if (capacity < ES_SYMBOLS_SPARE)
		return false;
	last = out + (capacity - ES_SYMBOLS_SPARE);
	for (uint32 i = 0; i < codes.size; i++)
	{
		uint32		code = (uint8) codes.data[i];
		uint32		above_one;

		if (out > last)
			return false;
		if (code >= reader->count)
		{
			if (code != ES_SYMBOL_ESCAPE || ++i == codes.size)
				return false;
			*out++ = codes.data[i];
			continue;
		}
		above_one = size_above_one(reader->limits, code);
		memcpy(out, reader->data + reader->starts[above_one] + (int32) (code * (above_one + 1)),
			   sizeof(uint64));
		out += above_one + 1;
	}
	*size = out - start;
	return out <= last;
}
