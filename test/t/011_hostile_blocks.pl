# Blocks with any bytes and a header that is right: queries give some answer or
# say that the block is damaged, and nothing else happens.  Scans do not check the
# checksums of columns, so what they read there must stay inside the block.
#
#   EVENTSTORE_BLOCK_SEED   another seed (1)
#   EVENTSTORE_BLOCK_COUNT  how many blocks are made (200)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Dice;
use Eventstore;
use Test::More;

# Of the text form, which has no length word.
use constant HEADER => 36;
use constant COLUMNS_HEADER => 32;
use constant ENTRY => 8;
use constant HEAD_COLUMNS => 8;

srand($ENV{EVENTSTORE_BLOCK_SEED} // 1);
my $count = $ENV{EVENTSTORE_BLOCK_COUNT} // 200;
my $node = new_node('hostile_blocks', conf => "fsync = off\nclient_min_messages = error");

# Events of three shapes, in blocks with dictionaries, numbers, hex digits and text.
# The cast makes a block of bytes without asking whether they are one.
$node->safe_psql('postgres', <<'EOS');
SELECT eventstore.ingest_batch((SELECT '[' || string_agg(format('{"entity_id":"%s","event_type":"%s","tags":["a"],"occurred_at":"2026-01-%sT00:00:00Z","payload":%s}',
    CASE b % 2 WHEN 0 THEN 'e' || i % 7 ELSE md5((i * b)::text) END, 't' || i % 5, 10 + i % 18, CASE i % 3
        WHEN 0 THEN format('{"n":%s,"s":"w%s","d":%s.%s}', i * 7919, i % 9, i, 10 + i % 90)
        WHEN 1 THEN format('{"s":"v%s","n":%s}', i % 4, -i::bigint * 1234567891)
        ELSE format('{"d":%s.25,"s":"x%s","n":%s,"u":"long words here %s"}', i, md5(i::text), i, i % 3) END), ',') || ']' FROM generate_series(1, 150) i))
FROM generate_series(1, 4) b;
CREATE TABLE good AS SELECT first_position, block::text::bytea AS bytes FROM eventstore.blocks;
UPDATE pg_type SET typalign = 'i' WHERE oid = 'eventstore.block'::regtype;
CREATE CAST (bytea AS eventstore.block) WITHOUT FUNCTION;
UPDATE pg_type SET typalign = 'd' WHERE oid = 'eventstore.block'::regtype;
CREATE TABLE outcomes (error text);
CREATE FUNCTION ask(number bigint, bytes bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    query text;
BEGIN
    UPDATE eventstore.blocks SET block = bytes::eventstore.block WHERE first_position = number;
    FOREACH query IN ARRAY ARRAY[
        'SELECT event_type, count(*) FROM eventstore.events GROUP BY 1',
        'SELECT count(DISTINCT entity_id), sum((payload ->> ''n'')::numeric), avg((payload ->> ''d'')::numeric), max((payload ->> ''n'')::bigint), min((payload ->> ''d'')::numeric) FROM eventstore.events',
        'SELECT payload ->> ''s'' AS s, payload ->> ''u'' AS u, sum((payload ->> ''n'')::numeric) FILTER (WHERE version > 3) FROM eventstore.events GROUP BY 1, 2',
        'SELECT entity_id, version, min(occurred_at), count(tags) FROM eventstore.events GROUP BY 1, 2',
        'SELECT date_trunc(''day'', occurred_at), length(entity_id), count(payload -> ''u'') FROM eventstore.events GROUP BY 1, 2',
        'SELECT count(*) FROM eventstore.events WHERE payload @> ''{"s":"v1"}'' OR payload ->> ''u'' LIKE ''long%'' OR (payload ->> ''n'')::numeric > 5',
        'SELECT position FROM eventstore.events WHERE entity_id <> ''e1'' AND event_type IN (''t1'', ''t2'') AND tags @> ''{a}''',
        'SELECT payload ->> ''s'', payload -> ''n'' FROM eventstore.events WHERE version % 3 = 1']
    LOOP
        BEGIN
            EXECUTE query;
            INSERT INTO outcomes VALUES ('none');
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO outcomes VALUES (SQLSTATE || ' ' || regexp_replace(SQLERRM, '\d+', 'N'));
        END;
    END LOOP;
    UPDATE eventstore.blocks SET block = good.bytes::eventstore.block FROM good WHERE good.first_position = number AND blocks.first_position = number;
END
$$;
EOS

my @crc_table = map { my $crc = $_; $crc = $crc >> 1 ^ ($crc & 1 ? 0x82F63B78 : 0) for 1 .. 8; $crc } 0 .. 255;

sub crc32c
{
	my ($bytes) = @_;
	my $crc = 0xFFFFFFFF;

	$crc = $crc_table[ ($crc ^ $_) & 255 ] ^ $crc >> 8 for unpack('C*', $bytes);
	return $crc ^ 0xFFFFFFFF;
}

# Where the directory of the head begins, which is where the header's checksum ends.
sub head_start
{
	my ($block) = @_;
	my $in_flight = unpack('v', substr($block, 10, 2));
	my $start = HEADER + ($in_flight ? 16 + 8 * $in_flight : 0);

	return ($start, $start + COLUMNS_HEADER + ENTRY * (unpack('v', substr($block, $start + 16, 2)) - HEAD_COLUMNS));
}

# A place in the block; directories are small and worth more than their share.
sub place
{
	my ($block) = @_;
	my ($start, $head) = head_start($block);

	return between($start + 8, $head + ENTRY * HEAD_COLUMNS - 1) if chance(45);
	return between($start + COLUMNS_HEADER, length($block) - 1);
}

# The block with some bytes changed; those that say where the checksum ends are not.
sub changed
{
	my ($block) = @_;

	for (1 .. pick(1, 1, 2, 4))
	{
		my $at = place($block);
		my ($start) = head_start($block);

		substr($block, $at, 1) = chr(pick(0, 1, 127, 128, 255, ord(substr($block, $at, 1)) ^ 1 << int rand 8, int rand 256))
		  if $at < $start + 16 || $at > $start + 17;
	}

	my (undef, $end) = head_start($block);
	substr($block, 4, 4) = pack('V', crc32c("\0" x 4 . substr($block, 0, 4) . "\0" x 4 . substr($block, 8, $end - 8)));
	return $block;
}

my @good = map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres', "SELECT first_position, encode(bytes, 'hex') FROM good WHERE get_byte(bytes, 3) = 2");

cmp_ok(scalar @good, '>', 0, 'there are blocks in columns');
is(crc32c('123456789'), 0xE3069283, 'CRC-32C');
my $script = join '', map { my ($number, $hex) = @{ pick(@good) }; "SELECT ask($number, '\\x" . unpack('H*', changed(pack('H*', $hex))) . "');\n" } 1 .. $count;
my ($status) = $node->psql('postgres', $script, on_error_stop => 1);
is($status, 0, "$count blocks: the session lives");

my %outcomes = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT error, count(*) FROM outcomes GROUP BY 1');
my $answers = delete $outcomes{none};
my $damaged = delete $outcomes{'XX001 event or block at position N is damaged'};

cmp_ok($answers // 0, '>', 0, 'some queries are answered');
cmp_ok($damaged // 0, '>', 0, 'some find the damage');
diag("$_: $outcomes{$_}") for sort keys %outcomes;
is(scalar(grep { /^XX000/ } keys %outcomes), 0, 'no internal errors');
$node->stop;
done_testing();
