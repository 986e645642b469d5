# The server's jsonb against eventstore, on random documents: what jsonb takes
# is stored in every form and read back as the same jsonb, to the byte; what
# jsonb refuses is refused with its SQLSTATE, and the error says where.
#
# Documents come from a grammar, many of them in the same shape with other
# values, so that blocks of like events are formed; some are then spoilt.  The
# byte 0 and invalid UTF-8 are missing: no text in the server can have them.
#
#   EVENTSTORE_JSON_SEED    another seed, other documents (1)
#   EVENTSTORE_JSON_ROUNDS  rounds of 2000 documents, in a database each (6)
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Utils;
use Test::More;

use constant DOCUMENTS => 2000;

# Levels of brackets that eventstore takes; jsonb takes more.
use constant MAX_DEPTH => 1000;

my $seed = $ENV{EVENTSTORE_JSON_SEED} // 1;
my $rounds = $ENV{EVENTSTORE_JSON_ROUNDS} // 6;

srand($seed);

# ------------------------------------------------------------------- the grammar

# Things in the document just made that jsonb may refuse, and whether there is
# still one to be made: one is enough, or nobody could say which error is right.
my $faults;
my $fault_wanted;

sub pick { return $_[ rand @_ ]; }
sub chance { return rand(100) < $_[0]; }
sub digits { return join '', map { int rand 10 } 1 .. $_[0]; }
sub hex_digits { return join '', map { pick(0 .. 9, 'a' .. 'f', 'A' .. 'F') } 1 .. $_[0]; }

# What is rarely right.
sub faulty { $faults++; $fault_wanted = 0; return pick(@_); }

sub integer { return pick('', '', '-') . pick(0, 1, 7, int rand 100, int rand 1e6, int rand 2**53, 1 + int(rand 9) . digits(int rand 45)); }

my @edge_numbers = (qw(-0 0.0 -0.0 0e0 0E-0 1.0 1.00 1e0 1E+0 10e-1 1e400 1e-400 1e131071 1e-16383),
	qw(9007199254740993 9223372036854775807 -9223372036854775808 18446744073709551616 1.7976931348623157e308),
	map({ '1' . '0' x $_ } 17, 18, 19, 30, 254, 255, 256, 300), map({ '-0.' . '0' x $_ . '1' } 20, 252, 253));
my @wrong_numbers = qw(01 - +1 .5 1. 1e 1e+ 0x1F NaN Infinity 1e400000 -1e131072 1_000 00);

sub number
{
	return faulty(@wrong_numbers) if $fault_wanted && chance(20);
	return pick(@edge_numbers) if chance(25);
	return integer() . '.' . digits(1 + rand 20) . pick('', '', '', 'e' . pick('', '-', '+') . int(rand 30)) if chance(50);
	return integer();
}

my @plain = ('a' .. 'z', 'A' .. 'Z', 0 .. 9, '_', '-', ' ');
my @punctuation = ("'", '{', '}', '[', ']', ',', ':', '/', ' ', '  ', '--', '$$', '%s');
my @unicode = ('é', 'ß', '€', '中', '😀', 'ﷺ', "\x{10FFFF}", "\x{7f}", "\x{80}", "\x{85}", "\x{2028}", "\x{feff}", "\x{ffff}");
my @escapes = ('\"', '\\\\', '\/', '\b', '\f', '\n', '\r', '\t', (map { "\\u$_" } qw(0041 00e9 20AC fFfF 007f 0001 001F d7ff E000)),
	'\ud83d\ude00', '\uD800\uDC00', '\uDBFF\uDFFF');
my @wrong_in_strings = (qw(\u0000 \ud800 \udc00 \udc00\ud800 \ud83d\u0041 \ud83d \ud83dx \x \u12 \u00g0 \U0041 \'), "\\\n",
	map { chr } 1 .. 31);

# A piece of a string as JSON writes it.
sub characters
{
	return faulty(@wrong_in_strings) if $fault_wanted && chance(5);
	return pick(@escapes) if chance(10);
	return pick(@unicode) if chance(8);
	return pick(@punctuation) if chance(10);
	return join '', map { $plain[ rand @plain ] } 1 .. 1 + rand 12;
}

# Lengths are mostly short, or near those at which the code takes another way.
sub string
{
	my ($max) = @_;
	my $length = int pick(0, 1, rand 8, rand 16, rand 40, 14 + rand 4, 62 + rand 4, chance(5) ? 126 + rand 5 : 5, chance(3) ? 250 + rand 12 : 9);
	my @pieces;

	$length = pick(1000, 4000, 7900 + int rand 400, 70000) if chance(0.3);
	$length = $max if defined $max && $length > $max;
	for (my $size = 0; $size < $length; $size += length $pieces[-1])
	{
		push @pieces, characters();
	}
	return '"' . join('', @pieces) . '"';
}

my @words = qw(please leave the parcel with friendly neighbours größe);

# The values that take the place of a leaf: others each time.
my %leaf = (
	integer => sub { return int rand 1000; },
	big => sub { return integer(); },
	decimal => sub { return int(rand 1000) . '.' . digits(2); },
	number => \&number,
	serial => sub { return sprintf '"order-%06d"', rand 1e6; },
	enum => sub { return pick('"paid"', '"placed"', '"shipped"', '"cancelled"'); },
	string => \&string,
	long => sub { return '"' . join(' ', map { pick(@words, 'x' x rand 20) } 1 .. 4 + rand 30) . '"'; },
	time => sub { return sprintf '"20%02d-%02d-%02dT%02d:%02d:%02d.%03dZ"', rand 99, 1 + rand 12, 1 + rand 28, rand 24, rand 60, rand 60, rand 999; },
	uuid => sub { return '"' . join('-', map { hex_digits($_) } 8, 4, 4, 4, 12) . '"'; },
	boolean => sub { return pick('true', 'false'); },
	optional => sub { return pick('null', 'null', string(), number()); },
	empty => sub { return pick('{}', '[]', '""', '{ }', "[\n]"); },
	word => sub { return $fault_wanted && chance(20) ? faulty('nul', 'True', 'nulll', 'undefined', '', '/**/1') : pick('null', 'true', 'false'); },
	any => sub { return leaf_text(pick(qw(integer number string boolean empty word))); });
my @leaves = sort keys %leaf;

sub leaf_text { return $leaf{ $_[0] }->(); }

my @names = (qw(id order_id customer amount currency status quantity note lines sku price created_at a b c aa ab ba größe),
	'', ' ', 'x' x 63, 'y' x 64, 'z' x 300);
my $style;

sub space
{
	return '' if $style eq 'compact';
	return $_[0] =~ /[,:]/ ? ' ' : '' if $style eq 'jsonb';
	return $_[0] =~ /[\[{,]/ ? "\n\t\t" : ' ' if $style eq 'indented';
	return join '', map { pick(' ', "\n", "\t", "\r", '  ', "\r\n") } 1 .. rand 4;
}

sub key { return chance(85) ? '"' . pick(@names) . '"' : string(40); }

# A template is a list of texts and of references to the names of leaves.
sub value_template
{
	my ($depth) = @_;
	my $count = int($depth == 0 ? 1 + rand 12 : chance(1) ? rand 300 : chance(15) ? 0 : 1 + rand 5);
	my $is_object = chance(70);
	my @parts = ($is_object ? '{' : '[');
	my $same = chance(40) ? pick(@leaves) : undef;

	return (\pick(@leaves)) if chance($depth == 0 ? 8 : 35 + 10 * $depth);
	for my $i (1 .. $count)
	{
		push @parts, space('['), ($is_object ? (key(), space(']'), ':', space(':')) : ());
		push @parts, $same && !$is_object ? \$same : value_template($depth + 1), space(']');
		push @parts, ',' if $i < $count;
	}
	return (@parts, space('['), $is_object ? '}' : ']');
}

sub deep_template
{
	my $depth = pick(60 .. 68, 250 .. 260, 990 .. 1003, chance(10) ? 5000 : 128, chance(5) ? 30000 : 200);
	my ($open, $close) = @{ pick([ '[', ']' ], [ '{"a":', '}' ], [ '[{"b" : ', ' }]' ]) };

	return ($open x $depth, \pick(@leaves), $close x $depth);
}

sub template
{
	$style = pick('compact', 'compact', 'compact', 'jsonb', 'indented', 'random');
	return deep_template() if chance(1);
	return value_template(0);
}

# ------------------------------------------------------------------ spoiling them

my @spoilers = (split(//, "{}[]\",:\\0e.-+ \n\t\x01/ux'é"), '\u0000', '\ud800', '""', '[[', '1e999999');

sub spoil
{
	my ($text) = @_;
	my $at = int rand length $text;
	my $what = int rand 6;

	$faults++;
	return $text . pick(@spoilers) if $at == 0;
	if ($what == 0) { substr($text, $at, 1, ''); }
	elsif ($what == 1) { substr($text, $at, 0, substr($text, $at, 1)); }
	elsif ($what == 2) { substr($text, $at - 1, 2, reverse(substr($text, $at - 1, 2)) . ''); }
	elsif ($what == 3) { substr($text, $at, 1, pick(@spoilers)); }
	elsif ($what == 4) { substr($text, $at, 0, pick(@spoilers)); }
	else { $text = substr($text, 0, $at); }
	return $text;
}

# Levels of brackets, in strings excepted.
sub depth_of
{
	my ($text) = @_;
	my ($depth, $deepest) = (0, 0);

	return 0 if ($text =~ tr/[{//) < MAX_DEPTH;
	while ($text =~ /"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\z)|([\[{])|([\]}])/gs)
	{
		$depth++ if defined $1;
		$depth-- if defined $2;
		$deepest = $depth if $depth > $deepest;
	}
	return $deepest;
}

# Documents, each with the number of its faults and its levels.
sub documents
{
	my @documents;

	while (@documents < DOCUMENTS)
	{
		my @template = template();
		my $copies = chance(15) ? 2 + rand 200 : 1;

		$copies = 1 if @template > 300;
		for (1 .. $copies)
		{
			$faults = 0;
			$fault_wanted = chance(12);
			my $text = space('[') . join('', map { ref ? leaf_text($$_) : $_ } @template) . space('[');

			$text = spoil($text) for 1 .. (chance(20) ? pick(1, 1, 1, 2, 5) : 0);
			push @documents, [ $faults, depth_of($text), $text ];
		}
	}
	return @documents;
}

# ------------------------------------------------------------------ the comparison

my $functions = <<'EOS';
CREATE EXTENSION eventstore;

CREATE FUNCTION same(a jsonb, b jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT record_image_eq(ROW(a), ROW(b))';

-- What the server says: the value, or the SQLSTATE of its error.
CREATE FUNCTION as_jsonb(given text, OUT value jsonb, OUT state text) LANGUAGE plpgsql AS $$
BEGIN
    value := given;
    state := 'ok';
EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
END
$$;

CREATE FUNCTION event_text(entity text, given text, variant int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE variant % 4
        WHEN 0 THEN '{"entity_id":"' || entity || '","event_type":"t","payload":' || given || '}'
        WHEN 1 THEN E'{ "payload" :\t' || given || ' , "event_type" : "t", "entity_id" : "' || entity || '" }'
        WHEN 2 THEN '{"entity_id":"' || entity || '","event_type":"t","payload":' || given || ',"metadata":{"m":' || given || '}}'
        ELSE '{"entity_id":"' || entity || '","metadata":{"n":1},"payload":' || given || ',"event_type":"t","tags":["a"]}'
    END
$$;

CREATE FUNCTION as_event(given text, variant int, OUT value jsonb, OUT metadata jsonb, OUT state text, OUT message text)
    LANGUAGE plpgsql AS $$
DECLARE
    event eventstore.event;
BEGIN
    event := event_text('e', given, variant)::eventstore.event;
    value := eventstore.payload(event);
    metadata := eventstore.metadata(event);
    state := 'ok';
EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
    message := SQLERRM;
END
$$;

-- A batch with the document as one event of many: the whole error.
CREATE FUNCTION refusal_of_batch(given text, ordinal int, form text,
    OUT state text, OUT message text, OUT detail text, OUT context text, OUT first_byte int) LANGUAGE plpgsql AS $$
DECLARE
    before text := repeat(E'{"entity_id":"filler","event_type":"é"}\n', ordinal - 1);
BEGIN
    first_byte := octet_length(before || '{"entity_id":"e","event_type":"t","payload":') +
        length(given) - length(ltrim(given, E' \t\r\n')) + 1;
    IF form = 'columns' THEN
        PERFORM eventstore.ingest_batch(array_fill('e'::text, ARRAY[ordinal + 3]), array_fill('t'::text, ARRAY[ordinal + 3]),
            array_fill('{}'::text, ARRAY[ordinal - 1]) || given || ARRAY['1', '2', '3']);
    ELSE
        PERFORM eventstore.ingest_batch(before || event_text('e', given, 0) || E'\n{"entity_id":"filler","event_type":"t"}');
    END IF;
    state := 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
END
$$;

-- Stores a batch in one of the forms; events get positions in their order.
CREATE FUNCTION store(this_form text, this_batch int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ids int[];
    texts text[];
    metadatas text[];
    jsons text[];
    entities text[];
    result record;
BEGIN
    SELECT array_agg(id ORDER BY id), array_agg(event_text(entity, json, variant) ORDER BY id),
            array_agg(CASE variant WHEN 2 THEN '{"m":' || json || '}' END ORDER BY id),
            array_agg(json ORDER BY id), array_agg(entity ORDER BY id)
        INTO ids, texts, metadatas, jsons, entities
        FROM (SELECT *, this_form || '-' || id % (1 + batch % 3 * 30) AS entity FROM valid WHERE batch = this_batch) d;
    CASE this_form
        WHEN 'lines' THEN SELECT * INTO result FROM eventstore.ingest_batch(array_to_string(texts, E'\n'));
        WHEN 'array' THEN SELECT * INTO result FROM eventstore.ingest_batch('[' || array_to_string(texts, ' ,') || ']');
        WHEN 'json' THEN SELECT * INTO result FROM eventstore.ingest_batch(('[' || array_to_string(texts, ',') || ']')::json);
        WHEN 'jsonb' THEN SELECT * INTO result FROM eventstore.ingest_batch(('[' || array_to_string(texts, ',') || ']')::jsonb);
        WHEN 'events' THEN SELECT * INTO result FROM eventstore.ingest_batch(texts::eventstore.event[]);
        WHEN 'made' THEN SELECT * INTO result FROM eventstore.ingest_batch((
            SELECT array_agg(eventstore.make_event(entity, 't', json::jsonb, metadata::jsonb) ORDER BY i)
            FROM unnest(jsons, metadatas, entities) WITH ORDINALITY AS u(json, metadata, entity, i)));
        WHEN 'columns' THEN SELECT * INTO result
            FROM eventstore.ingest_batch(entities, array_fill('t'::text, ARRAY[cardinality(ids)]), jsons, metadatas);
    END CASE;
    INSERT INTO stored SELECT this_form, id, result.first_position + i - 1 FROM unnest(ids) WITH ORDINALITY AS u(id, i);
END
$$;

CREATE TABLE hex (faults int, depth int, json text);
CREATE TABLE stored (form text, id int, position bigint);
CREATE TABLE problem (what text, id int, details text);
EOS

my $comparison = <<'EOS';
-- Variant 2 of an event has the document in its metadata, one level down.
CREATE TABLE document AS
    SELECT id, faults, depth > 1000 AS too_deep, CASE WHEN depth < 1000 THEN id % 4 ELSE 0 END AS variant, d.json, j.*
    FROM (SELECT row_number() OVER ()::int AS id, faults, depth, convert_from(decode(json, 'hex'), 'UTF8') AS json FROM hex) d,
        as_jsonb(d.json) j;

-- Documents that jsonb takes are events ...
INSERT INTO problem SELECT 'event', id, concat_ws(' | ', 'jsonb ok', 'event ' || state, message)
    FROM (SELECT d.id, variant, e.*, d.value AS wanted FROM document d, as_event(json, variant) e
          WHERE d.state = 'ok' AND NOT too_deep) e
    WHERE state <> 'ok' OR NOT same(value, wanted) OR variant = 2 AND NOT same(metadata, jsonb_build_object('m', wanted));
CREATE TABLE valid AS SELECT *, (row_number() OVER (ORDER BY id) / 400)::int AS batch FROM document
    WHERE state = 'ok' AND NOT too_deep AND id NOT IN (SELECT id FROM problem);
ALTER TABLE valid ADD PRIMARY KEY (id);
SELECT store(form, batch)
    FROM (SELECT DISTINCT batch FROM valid) b,
        unnest(ARRAY['lines', 'array', 'json', 'jsonb', 'events', 'made', 'columns']) form
    ORDER BY batch, form;

-- ... and read as the same jsonb, by each way of reading.
CREATE TABLE read AS SELECT 'read_all' AS how, r.* FROM eventstore.read_all(0, NULL) r;
INSERT INTO read SELECT 'events', * FROM eventstore.events;
INSERT INTO read SELECT 'read_entity', r.*
    FROM (SELECT DISTINCT entity_id FROM read WHERE how = 'events') e, eventstore.read_entity(e.entity_id) r;
INSERT INTO problem SELECT how || ' after ' || form, s.id, coalesce(left(r.payload::text, 200), 'not found')
    FROM stored s JOIN valid d USING (id) CROSS JOIN unnest(ARRAY['read_all', 'events', 'read_entity']) how
        LEFT JOIN read r USING (how, position)
    WHERE r.position IS NULL OR NOT same(r.payload, d.value)
       OR variant = 2 AND NOT same(r.metadata, jsonb_build_object('m', d.value));
INSERT INTO problem SELECT 'verify', NULL, v::text FROM eventstore.verify() v;

-- Others are refused.  A payload by itself is jsonb's to judge.  In a text, what
-- stands behind the end of a value may be taken for a part of the event (22023);
-- of several faults another may be found first; and in a value without an end
-- none is looked for.
CREATE FUNCTION agrees(state text, message text, wanted text, faults int, too_deep boolean) RETURNS boolean LANGUAGE sql AS $$
    SELECT CASE
        WHEN too_deep THEN state IN ('54000', CASE WHEN faults > 0 THEN '22P02' END)
        WHEN faults <= 1 THEN state IN (wanted, '22023')
        ELSE state IN ('22P02', '22P05', '22003', '22023')
    END
$$;
CREATE TABLE refused AS SELECT d.id, json, faults, too_deep, d.state AS wanted, ordinal, e.state AS event_state,
        e.message AS event_message, form, r.*, (as_jsonb(event_text('e', json, 0))).state AS as_object
    FROM (SELECT *, 1 + id % 40 AS ordinal FROM document WHERE state <> 'ok' OR too_deep) d, as_event(json, 0) e,
        unnest(ARRAY['lines', 'columns']) form, refusal_of_batch(json, ordinal, form) r;
INSERT INTO problem SELECT form || ': SQLSTATE', id,
        concat_ws(' | ', 'jsonb ' || wanted, 'event ' || event_state, 'batch ' || state, message, detail, context)
    FROM refused
    WHERE CASE
        WHEN form = 'columns' THEN state <> CASE WHEN too_deep THEN '54000' ELSE wanted END
        WHEN as_object = 'ok' AND NOT too_deep THEN false
        ELSE NOT agrees(state, message, wanted, faults, too_deep) OR NOT agrees(event_state, event_message, wanted, faults, too_deep)
    END;
INSERT INTO problem SELECT form || ': place', id,
        concat_ws(' | ', 'event ' || ordinal, 'byte ' || first_byte, state, message, detail, context)
    FROM refused
    WHERE state <> 'ok' AND CASE
        WHEN form = 'columns' THEN context !~ format('JSON of "payload" in event %s(\n|$)', ordinal)
        WHEN context LIKE '%JSON of "payload"%' THEN
            context !~ format('JSON of "payload" in event %s, at byte %s of the batch(\n|$)', ordinal, first_byte)
        WHEN context LIKE '%JSON of%' THEN context !~ format('in event %s, at byte \d+ of the batch(\n|$)', ordinal)
        -- a bracket too many at the end of a line ends the event
        ELSE coalesce((regexp_match(message, '^event (\d+): '))[1]::int, 0) NOT IN (ordinal, ordinal + (json ~ '}\s*\n')::int)
            OR state = '22P02' AND coalesce((regexp_match(detail, 'at byte (\d+) of the text'))[1]::int, 0) < first_byte
    END;

SELECT concat_ws(' ', (SELECT count(*) FROM document), 'documents:', (SELECT count(*) FROM valid), 'stored in',
    (SELECT count(DISTINCT form) FROM stored), 'forms,',
    (SELECT count(*) FROM document) - (SELECT count(*) FROM valid), 'refused:', (SELECT string_agg(wanted || ' ' || n, ', ' ORDER BY wanted)
        FROM (SELECT wanted, count(DISTINCT id) AS n FROM refused GROUP BY 1) w));
SELECT replace(concat_ws(' | ', what, details, 'faults ' || faults, to_json(left(json, 300))), E'\n', ' / ')
    FROM problem LEFT JOIN document USING (id) ORDER BY what, length(json) LIMIT 20;
EOS

my $node = new_node('json_differential', conf => <<'EOC');
eventstore.index_memory = '128MB'
fsync = off
jit = off
EOC

# One round, with one of the kernels that the machine has.
sub run_round
{
	my ($round, $kernel) = @_;
	my $dbname = "round_$round";
	my $file = $node->basedir . "/$dbname.copy";

	open(my $out, '>:raw', $file) or die "cannot write $file: $!";
	for my $document (documents())
	{
		utf8::encode(my $bytes = $document->[2]);
		print $out join("\t", @$document[ 0, 1 ], unpack('H*', $bytes)), "\n";
	}
	close($out) or die "cannot write $file: $!";

	$node->safe_psql('postgres', "CREATE DATABASE $dbname; ALTER DATABASE $dbname SET eventstore.kernel = '$kernel'");
	my $output = $node->safe_psql($dbname, "SET client_min_messages = warning;\n$functions COPY hex FROM '$file';\n$comparison");
	my (@lines) = grep { $_ ne '' } split /\n/, $output;
	my $summary = shift @lines;

	ok(@lines == 0, "seed $seed, round $round, $kernel: $summary");
	diag($_) for @lines;
	$node->safe_psql('postgres', "DROP DATABASE $dbname");
	unlink $file;
	return;
}

my @kernels = grep { $node->psql('postgres', "SET eventstore.kernel = '$_'") == 0 } qw(avx512 avx2 v128 scalar);

run_round($_, $kernels[ $_ % @kernels ]) for 1 .. $rounds;
$node->stop;
done_testing();
