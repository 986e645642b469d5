# I6, I8: bytes of the block table change on disk.  Only who needs what was
# damaged gets an error, XX001 with the position; verify() finds it.  Appends go
# on unless an event cannot be accounted for any more.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('damage');

# One block with events of a, b and c, and before and after it others.
sub sql
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

sql(q{SELECT eventstore.append(entity_id, 'before') FROM unnest(ARRAY['a', 'before']) entity_id});
my $first = sql(q{
	SELECT first_position FROM eventstore.ingest_batch(ARRAY[
		eventstore.make_event('a', 'type.a', '{"marker": "payload of a"}'),
		eventstore.make_event('b', 'type.b', '{"marker": "payload of b"}'),
		eventstore.make_event('c', 'type.c', '{"marker": "payload of c"}')])});
sql(q{SELECT eventstore.append(entity_id, 'after') FROM unnest(ARRAY['b', 'after']) entity_id});
my ($a, $b, $c) = ($first, $first + 1, $first + 2);
my $last = sql('SELECT eventstore.safe_position()');

$node->stop;
$node->start;
my $path = $node->data_dir . '/' . sql(q{SELECT pg_relation_filepath('eventstore.blocks')});
$node->stop;
my $sound = slurp_file($path);

# Changes one byte, 'offset' bytes from where 'find' says, and starts the server.
sub damage
{
	my ($find) = @_;

	change_byte($path, $sound, $find->($sound));
	$node->start;
	return;
}

# Where the block of a, b and c starts: 4 bytes before its magic.
sub block_start
{
	my ($bytes) = @_;
	return rindex($bytes, "EB\x01\x01", index($bytes, 'payload of a')) - 4;
}

sub damaged_at
{
	my ($position, $what, $sql) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(attempt($node, $sql), qr/ERROR:  XX001: event or block at position $position is damaged/, $what);
	return;
}

# What every kind of damage leaves alone.
sub check_others
{
	my ($name) = @_;

	is(sql(q{SELECT count(*) FROM eventstore.read_entity('before') x, eventstore.read_entity('after') y}),
		1, "$name: other entities are read");
	is(sql(qq{SELECT count(*) FROM eventstore.read_all(0, 2)}), 2, "$name: the log is read up to there");
	is(sql(qq{SELECT count(*) FROM eventstore.read_all($c)}), 2, "$name: and from there");
	is(sql(qq{SELECT eventstore.safe_position() >= $last}), 't', "$name: the safe position is known");
	is(sql(q{SELECT event_type FROM eventstore.last_event('b')}), 'after', "$name: later events of an entity are read");
	return;
}

sub check_appends
{
	my ($name) = @_;

	is(sql(q{SELECT version FROM eventstore.append('a', 'on')}), 3, "$name: appends go on, to a");
	is(sql(q{SELECT version FROM eventstore.append('b', 'on')}), 3, "$name: to b");
	is(sql(q{SELECT version FROM eventstore.append('c', 'on')}), 2, "$name: to c");
	is(sql(q{SELECT version FROM eventstore.append('new', 'on')}), 1, "$name: to a new entity");
	like(attempt($node, q{SELECT eventstore.append('c', 'on', expected_version => 1)}),
		qr/ZE001|XX001/, "$name: nothing is overwritten");
	return;
}

sub check_no_appends
{
	my ($name) = @_;

	like(attempt($node, q{SELECT eventstore.append('before', 'on')}),
		qr/ERROR:  XX001: cannot append because events in damaged blocks are unaccounted for/,
		"$name: appends are refused");
	is(sql('SELECT state FROM eventstore.stat_index'), 'damaged', "$name: the index says so");
	return;
}

sub restore
{
	$node->stop;
	write_file($path, $sound);
	return;
}

# ------------------------------------------------------------------- a payload

damage(sub { index($_[0], 'payload of b') });
check_others('payload');
damaged_at($b, 'payload: its entity', q{SELECT * FROM eventstore.read_entity('b')});
damaged_at($b, 'payload: its position', qq{SELECT eventstore.get_event($b)});
damaged_at($b, 'payload: the log', q{SELECT * FROM eventstore.read_all()});
damaged_at($b, 'payload: all events', q{SELECT * FROM eventstore.events});
is(sql(q{SELECT version FROM eventstore.read_entity('a')}), "1\n2", 'payload: the event before it in the block');
is(sql(qq{SELECT (SELECT entity_id FROM eventstore.get_event($c))}), 'c', 'payload: the event behind it in the block');
is(sql(q{SELECT eventstore.entity_version('b')}), 2, 'payload: the version of its entity');
is(sql(q{SELECT version FROM eventstore.read_entity('b', 2)}), 2, 'payload: the rest of its entity');
is(sql('SELECT * FROM eventstore.verify()'),
	"error|$b|b|checksum of the event's body does not match", 'payload: verify() lists it, and nothing else');
check_appends('payload');
restore();

# ---------------------------------------------------------------------- a head

damage(sub { index($_[0], 'type.b') });
check_others('head');
damaged_at($b, 'head: its position', qq{SELECT eventstore.get_event($b)});
damaged_at($b, 'head: the log', q{SELECT * FROM eventstore.read_all()});
like(attempt($node, q{SELECT * FROM eventstore.read_entity('b')}), qr/ERROR:  XX001: /, 'head: its entity');
is(sql(q{SELECT version FROM eventstore.read_entity('a')}), "1\n2", 'head: the event before it in the block');
is(sql(qq{SELECT (SELECT entity_id FROM eventstore.get_event($c))}), 'c', 'head: the event behind it in the block');
like(attempt($node, 'SELECT severity, position FROM eventstore.verify()'), qr/^error\|$b$/m, 'head: verify() lists it');
check_no_appends('head');
restore();

# --------------------------------------------------------------- block headers

# recorded_at: every record is still accounted for.
damage(sub { block_start($_[0]) + 24 });
check_others('header');
damaged_at($_->[0], "header: $_->[1]", qq{SELECT * FROM eventstore.read_entity('$_->[1]', $_->[2])})
  for [ $a, 'a', 2 ], [ $b, 'b', 1 ], [ $c, 'c', 1 ];
damaged_at($first, 'header: the log', q{SELECT * FROM eventstore.read_all()});
is(sql(q{SELECT event_type FROM eventstore.read_entity('a', 1, 1)}), 'before', 'header: an earlier event of an entity');
like(attempt($node, 'SELECT severity, position FROM eventstore.verify()'), qr/^error\|$first$/m, 'header: verify() lists it');
check_appends('header');
restore();

# The magic number: there is no telling what was in the block.
damage(sub { block_start($_[0]) + 4 });
check_others('magic');
damaged_at($first, 'magic: the log', q{SELECT * FROM eventstore.read_all()});
like(attempt($node, 'SELECT severity, position FROM eventstore.verify()'), qr/^error\|$first$/m, 'magic: verify() lists it');
check_no_appends('magic');
like(attempt($node, q{SELECT * FROM eventstore.read_entity('b')}), qr/ERROR:  XX001: /, 'magic: an entity with a gap');

# What the hint says.
sql(qq{DELETE FROM eventstore.blocks WHERE first_position = $first});
sql('SELECT eventstore.rebuild_index()');
is(sql(q{SELECT version FROM eventstore.append('a', 'on')}), 2, 'magic: appends go on when the row was deleted');
is(sql(q{SELECT eventstore.safe_position() > } . $last), 't', 'magic: positions go on');

# ------------------------------------------------------------------ compaction

# What is damaged is left alone, whatever is damaged of it, and the rest is merged.  The
# bodies are long enough for texts of their own in blocks of columns.
sub store_each
{
	sql('TRUNCATE eventstore.blocks');
	sql(q{SELECT count(*) FROM generate_series(1, 60) i, LATERAL eventstore.append('each-' || i % 7, 'each', jsonb_build_object('number', i, 'marker', 'body of number ' || i || ' here'))});
	$first = sql('SELECT min(position) FROM eventstore.events');
	my $file = sql(q{SELECT pg_relation_filepath('eventstore.blocks')});
	$node->stop;
	$path = $node->data_dir . "/$file";
	$sound = slurp_file($path);
	return;
}
my $each = q{SELECT count(*) FROM generate_series(0, 6) i, LATERAL eventstore.read_entity('each-' || i) e};

for my $case ([ 'body', 30, sub { index($_[0], 'body of number 30 ') }, 59 ],
	[ 'header', 30, sub { rindex($_[0], "EB\x01\x01", index($_[0], 'body of number 30 ')) + 20 }, 59 ],
	[ 'the last header', 60, sub { rindex($_[0], "EB\x01\x01", index($_[0], 'body of number 60 ')) + 20 }, 59 ])
{
	my ($what, $number, $find, $others) = @$case;
	my $position = $number - 1;

	store_each();
	$position += $first;
	damage($find);
	sql('CALL eventstore.compact()');
	is(sql('SELECT count(*) < 10 FROM eventstore.blocks'), 't', "compaction, $what: the rest is merged");
	damaged_at($position, "compaction, $what: the damage stays what it was", qq{SELECT eventstore.get_event($position)});
	is(sql(qq{SELECT count(*) FROM generate_series($first, $first + 59) p, LATERAL eventstore.get_event(p) e WHERE p <> $position}),
		$others, "compaction, $what: other events are there");
	like(attempt($node, 'SELECT severity, position FROM eventstore.verify()'), qr/^error\|$position$/m, "compaction, $what: verify() lists it");
	sql('TRUNCATE eventstore.blocks');
}

# A merged block is no less guarded, wherever a byte of it is changed.  Where its heads are
# damaged it is not known whose events are in it, which is a warning.
store_each();
$node->start;
my $digest = events_digest($node);
sql('CALL eventstore.compact(); VACUUM eventstore.blocks');
is(sql('SELECT count(*) FROM eventstore.blocks'), 1, 'all are in one block');
$node->stop;
$sound = slurp_file($path);
my $start = rindex($sound, "EB\x01\x03") - 4;    # VACUUM has moved it up
my $size = unpack('V', substr($sound, $start, 4)) >> 2;
my $wrong = 0;
for (my $at = 4; $at < $size; $at += 1 + int($size / 40))
{
	damage(sub { $start + $at });
	$wrong++ unless attempt($node, $each) =~ /XX001|^0$/ && attempt($node, 'SELECT count(*), sum((payload ->> \'number\')::int) FROM eventstore.events') =~ /XX001/
	  && attempt($node, 'SELECT severity FROM eventstore.verify()') =~ /error/;
	$node->stop;
}
is($wrong, 0, 'damage of a merged block is noticed, wherever it is');
write_file($path, $sound);
$node->start;
is(events_digest($node), $digest, 'and else it has the same events');

$node->stop;
done_testing();
