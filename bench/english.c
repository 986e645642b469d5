/*
 * english.c
 *		Workload "english": orders whose notes are like English, as far as a
 *		compressor can tell.
 *
 * Some 2,000 words in sentences, with capitals, commas, end marks and now and
 * then a number. How often a word appears falls with its rank as Zipf's law has
 * it: the words are put in classes of 1, 2, 4 ... 1,024, the frequent ones
 * first, and every class is as likely as the next, but for the first, which has
 * half of that. The frequent words stand in a table, the rare ones are composed
 * of a stem and an ending. A note has as many words as in "orders".
 */
#include "kinds.h"

#define CLASSES				11	/* of words, by their frequency */
#define SENTENCE_WORDS_MIN	4
#define END_PER_CENT		15	/* after so many words of a sentence */
#define COMMA_PER_CENT		7
#define NUMBER_PER_CENT		3

/* The most frequent first. */
static const char *const common[] = {
	"the", "to", "and", "of", "a", "in", "is", "for", "it", "on", "that",
	"with", "be", "we", "have", "please", "not", "this", "was", "will", "at",
	"you", "are", "as", "but", "from", "by", "can", "they", "has", "when",
	"your", "order", "our", "do", "if", "or", "one", "all", "would", "there",
	"been", "no", "out", "so", "up", "an", "them", "she", "he", "who", "what",
	"more", "about", "which", "their", "time", "just", "some", "had", "were",
	"then", "than", "into", "her", "him", "his", "its", "new", "get", "after",
	"before", "only", "other", "also", "any", "could", "now", "today",
	"because", "back", "over", "very", "still", "send", "sent", "went",
	"call", "called", "door", "us", "day", "days", "week", "morning",
	"afternoon", "evening", "monday", "tuesday", "wednesday", "thursday",
	"friday", "saturday", "sunday", "first", "second", "third", "last",
	"next", "two", "three", "four", "five", "six", "ten", "again", "already",
	"always", "never", "often", "soon", "later", "early", "late", "here",
	"where", "how", "why", "me", "my", "mine", "these", "those", "such",
	"each", "every", "both", "many", "much", "most", "few", "little", "less",
	"same", "own", "right", "left", "down", "off", "under", "between",
	"through", "during", "without", "within", "against", "until", "since",
	"while", "although", "though", "however", "therefore", "make", "made",
	"take", "taken", "give", "given", "find", "found", "see", "seen", "know",
	"known", "think", "thought", "say", "said", "tell", "told", "ask",
	"asked", "want", "need", "try", "let", "keep", "kept", "put", "leave",
	"come", "came", "go", "going", "look", "work", "may", "might", "must",
	"should", "shall", "cannot", "does", "did", "doing", "done", "house",
	"street", "number", "name", "phone", "email", "address", "customer",
	"driver", "neighbour", "shop", "store", "office", "home", "side", "gate",
	"front", "garden", "box", "card", "money", "price", "bill", "paid",
	"wrong", "good", "better", "best", "bad", "long", "short", "small",
	"large", "old", "high", "low", "full", "open", "closed", "ready", "sure",
	"sorry", "thanks", "happy", "nice", "kind", "yes", "perhaps"
};

static const char *const stems[] = {
	"deliver", "pack", "parcel", "return", "refund", "cancel", "confirm",
	"check", "inspect", "repair", "replace", "collect", "carry", "load",
	"unload", "handle", "lift", "press", "print", "scan", "sort", "stack",
	"stock", "stamp", "label", "order", "wrap", "seal", "mark", "count",
	"weigh", "measure", "record", "report", "request", "remind", "repeat",
	"review", "accept", "reject", "approve", "refuse", "offer", "expect",
	"explain", "discuss", "suggest", "recommend", "mention", "notice",
	"observe", "watch", "follow", "lead", "guard", "protect", "cover",
	"clean", "wash", "paint", "polish", "shine", "brush", "sweep", "mix",
	"cook", "roast", "boil", "bake", "cool", "heat", "warm", "truck", "melt",
	"pour", "fill", "empty", "drain", "pump", "push", "pull", "drag", "drop",
	"throw", "catch", "hold", "grip", "turn", "twist", "bend", "fold",
	"break", "crack", "split", "cut", "saw", "drill", "screw", "nail", "glue",
	"join", "attach", "connect", "link", "bind", "lock", "unlock", "open",
	"close", "shut", "enter", "exit", "start", "finish", "launch", "land",
	"stop", "wait", "delay", "hurry", "rush", "walk", "jump", "climb", "fly",
	"float", "sail", "steer", "park", "travel", "visit", "tour", "host",
	"greet", "meet", "thank", "help", "assist", "support", "train", "teach",
	"learn", "study", "read", "spell", "write", "sign", "draw", "sketch",
	"photo", "film", "play", "sing", "dance", "act", "laugh", "smile",
	"shout", "whisper", "talk", "speak", "listen", "hear", "sound", "ring",
	"knock", "touch", "feel", "smell", "taste", "chew", "swallow", "eat",
	"drink", "feed", "plant", "grow", "water", "harvest", "gather", "pick",
	"dig", "bury", "burn", "light", "spark", "flash", "glow", "fade", "dim",
	"colour", "stain", "spot", "patch", "sew", "knit", "weave", "spin",
	"cloth", "dress", "button", "belt", "boot", "hat", "glove", "coat",
	"shirt", "sock", "pocket", "bag", "basket", "bottle", "cup", "glass",
	"plate", "bowl", "spoon", "fork", "knife", "table", "chair", "bench",
	"desk", "shelf", "drawer", "lamp", "candle", "mirror", "curtain",
	"carpet", "blanket", "pillow", "mattress", "fence", "hedge", "lawn",
	"path", "bridge", "tunnel", "tower", "castle", "market", "farm", "forest",
	"river", "lake", "island", "mountain", "valley", "field", "desert",
	"coast", "harbour", "ship", "boat", "wagon"
};

static const char *const endings[] = {"", "s", "ing", "ed", "er", "able", "ment"};

_Static_assert(lengthof(common) + lengthof(stems) * lengthof(endings) == (1 << CLASSES) - 1,
			   "every rank has a word");

/* Draw the rank of a word, 0 being the most frequent. */
static size_t
draw_rank(Random *random)
{
	uint32_t	class = (random_below(random, 2 * CLASSES - 1) + 1) / 2;
	uint32_t	size = 1U << class;

	return size - 1 + random_below(random, size);
}

/* Append the word of that rank. */
static void
render_ranked(size_t rank, Buffer *out)
{
	if (rank < lengthof(common))
	{
		buffer_string(out, common[rank]);
		return;
	}
	rank -= lengthof(common);
	buffer_string(out, stems[rank % lengthof(stems)]);
	buffer_string(out, endings[rank / lengthof(stems)]);
}

/* Append a word, or a number in its place. */
static void
render_word(Random *random, bool capital, Buffer *out)
{
	size_t		start = out->length;

	if (random_below(random, 100) < NUMBER_PER_CENT)
		buffer_format(out, "%u", 1 + random_below(random, 999));
	else
		render_ranked(draw_rank(random), out);
	if (capital && out->data[start] >= 'a')
		out->data[start] += 'A' - 'a';
}

/* Append the mark that ends a sentence. */
static void
render_end(Random *random, Buffer *out)
{
	static const char marks[] = {'.', '.', '.', '.', '.', '.', '!', '?'};

	buffer_append(out, &marks[random_below(random, lengthof(marks))], 1);
}

/* Append a note of so many words. */
static void
render_note(Random *random, int words, Buffer *out)
{
	int			in_sentence = 0;

	for (int i = 0; i < words; i++)
	{
		uint32_t	per_cent = random_below(random, 100);

		if (i > 0)
			buffer_append(out, " ", 1);
		render_word(random, in_sentence++ == 0, out);
		if (i == words - 1 ||
			(in_sentence >= SENTENCE_WORDS_MIN && per_cent < END_PER_CENT))
		{
			render_end(random, out);
			in_sentence = 0;
		}
		else if (per_cent >= 100 - COMMA_PER_CENT)
			buffer_append(out, ",", 1);
	}
}

/* Draw what an order has, and the seed of its note. */
static void
english_fill(Event *event, Random *random)
{
	orders_fill(event, random);
	event->seed = random_next(random);
}

/* Append a payload. */
static void
english_render_payload(const Event *event, Buffer *out)
{
	Random		random = {.state = event->seed};

	orders_render_start(event, out);
	render_note(&random, event->order.note_count, out);
	buffer_append(out, "\"}", 2);
}

const Kind	english_kind = {
	.name = "english",
	.help = "orders, with notes that are like English",
	.timed = true,
	.fill = english_fill,
	.render_payload = english_render_payload,
	.render_metadata = orders_render_metadata
};
