# I6, I8: blocks in column layout through a crash, and with bytes changed on disk.
# All events come back; of a damaged block, whose events they are is still known
# as long as its head is sound.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('columns');

sub sql
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

# 100 events of 10 entities, with a tag, a time or metadata here and there.
my $first = sql(q{
	SELECT first_position FROM eventstore.ingest_batch((
		SELECT string_agg(format('{"entity_id":"e%s","event_type":"type.%s","payload": {"marker":"wanted %s", "n":%s}%s}',
				i % 10, i % 3, i, i * i,
				CASE i % 4 WHEN 0 THEN ',"metadata":{"by":"ann"}' WHEN 1 THEN ',"tags":["eu"]'
					WHEN 2 THEN ',"occurred_at":"2026-01-31T12:00:00.5Z"' ELSE '' END), E'\n' ORDER BY i)
		FROM generate_series(1, 100) i))});
my $all = q{SELECT version, entity_id, event_type, payload, metadata, tags, occurred_at = recorded_at FROM eventstore.read_all(0, NULL)};
my $before = sql($all);
my $layout = q{SELECT string_agg(DISTINCT get_byte(block::text::bytea, 3)::text, ',') FROM eventstore.blocks};

is(sql($layout), '2', 'the events are in columns');
is(sql(q{SELECT count(*) FROM eventstore.blocks}), 1, 'in one block');

$node->stop('immediate');
$node->start;
is(sql($all), $before, 'all events are there after a crash');
is(sql('SELECT count(*) FROM eventstore.verify()'), 0, 'and all is right');
is(sql(q{SELECT version FROM eventstore.append('e1', 'after')}), 11, 'versions go on');

$node->stop;
$node->start;
my $path = $node->data_dir . '/' . sql(q{SELECT pg_relation_filepath('eventstore.blocks')});
$node->stop;
my $sound = slurp_file($path);
my $start = index($sound, "EB\x01\x02") - 4;

# Starts the server with one byte changed.
sub damage
{
	my ($at) = @_;

	change_byte($path, $sound, $at);
	$node->start;
	return;
}

sub restore
{
	$node->stop;
	write_file($path, $sound);
	return;
}

sub check_reads
{
	my ($name) = @_;

	like(attempt($node, q{SELECT * FROM eventstore.read_entity('e2')}),
		qr/ERROR:  XX001: event or block at position \d+ is damaged/, "$name: reading says so");
	check_log($name);
	return;
}

sub check_log
{
	my ($name) = @_;

	like(attempt($node, q{SELECT * FROM eventstore.read_all()}),
		qr/ERROR:  XX001: event or block at position $first is damaged/, "$name: so does reading the log");
	is(sql(q{SELECT event_type FROM eventstore.last_event('e1')}), 'after', "$name: other blocks are read");
	return;
}

sub check_appends
{
	my ($name) = @_;

	is(sql(q{SELECT version FROM eventstore.append('e2', 'on')}), 11, "$name: appends go on");
	return;
}

# The body: the text that all markers have in common.
damage(index($sound, 'wanted ', $start));
check_reads('body');
is(sql(q{SELECT count(*), count(DISTINCT entity_id), min(problem) FROM eventstore.verify()}),
	"100|10|checksum of the event's body does not match", 'body: verify() lists all its events');
is(sql(q{SELECT eventstore.entity_version('e2')}), 10, 'body: versions are known');
check_appends('body');
restore();

# The head: what all types begin with.
damage(index($sound, 'type.', $start));
check_log('head');
like(sql('SELECT problem FROM eventstore.verify()'), qr/head does not match/, 'head: verify() says so');
like(attempt($node, q{SELECT eventstore.append('e1', 'on')}),
	qr/ERROR:  XX001: cannot append because events in damaged blocks are unaccounted for/, 'head: appends are refused');
restore();

# recorded_at in the header: the heads are sound.
damage($start + 24);
check_reads('header');
check_appends('header');
restore();

$node->start;
is(sql('SELECT count(*) FROM eventstore.verify()'), 0, 'all is right with the bytes as they were');
$node->stop;
done_testing();
