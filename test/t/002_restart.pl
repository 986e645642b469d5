# I1, I2, I3, I6: after a restart the index is built by whoever comes first,
# while the others wait and can be cancelled; the events are the same, positions
# go on upward, and prepared transactions keep what they had.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('restart');

sub sql
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

sub background
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');

	return ($session, $pid);
}

sql(q{
	SELECT eventstore.ingest_batch((
		SELECT array_agg(eventstore.make_event('entity-' || i % 500, 'restart.' || i % 3,
			jsonb_build_object('n', i), tenant_id => CASE WHEN i % 10 = 0 THEN 'other' END,
			tags => CASE WHEN i % 4 = 0 THEN ARRAY['a', 'b'] END,
			metadata => CASE WHEN i % 5 = 0 THEN '{"correlation_id": "c"}'::jsonb END))
		FROM generate_series(1, 20000) i))});
sql(q{BEGIN; SELECT eventstore.append('entity-1', 'undone'); ROLLBACK});

# What must be the same after every restart.
my $counts = q{SELECT sum(eventstore.entity_version('entity-' || i)),
	sum(eventstore.entity_version('entity-' || i, 'other')) FROM generate_series(0, 499) i};
my $digest = events_digest($node);
my $versions = sql($counts);
my $safe = sql('SELECT eventstore.safe_position()');

for my $how ('fast', 'immediate')
{
	$node->stop($how);
	$node->start;
	is(sql('SELECT state FROM eventstore.stat_index'), 'not built', "$how: the index is not built before its first use");

	my @sessions = map { (background())[0] } 1 .. 4;
	start_query($_, $counts) for @sessions;
	is(finish_query($_), $versions, "$how: sessions that come at once see the same versions") for @sessions;
	$_->quit for @sessions;

	is(events_digest($node), $digest, "$how: the events are the same");
	is(sql('SELECT state, events FROM eventstore.stat_index'), 'ready|20000', "$how: the index is built");
	is(sql(q{SELECT version FROM eventstore.read_entity('entity-7', 3, 2)}), "3\n4", "$how: a part of an entity");
	cmp_ok(sql('SELECT eventstore.safe_position()'), '>=', $safe, "$how: the safe position does not go back");
	is_sound($node, $how);
}

my ($position, $version) = split /\|/, sql(q{SELECT * FROM eventstore.append('entity-1', 'later')});
cmp_ok($position, '>', $safe, 'positions go on upward');
is($version, 41, 'versions go on');

# One session builds, the others wait.  The builder waits for nothing that a
# test could hold, so its process is stopped while it builds; when it was too
# fast for that, there is another restart.
sql(q{
	SELECT eventstore.ingest_batch((
		SELECT array_agg(eventstore.make_event('many-' || i % 500, 'restart.many'))
		FROM generate_series(1, 100000) i)) FROM generate_series(1, 4)});
sql(q{
	CREATE FUNCTION wait_for_build() RETURNS void AS $$
	BEGIN
		WHILE (SELECT state FROM eventstore.stat_index) = 'not built' LOOP
		END LOOP;
	END
	$$ LANGUAGE plpgsql});

# Returns a session that is stopped in the middle of building, and its pid.
sub stopped_builder
{
	for (1 .. 20)
	{
		$node->restart;
		my ($watcher) = background();
		my ($builder, $builder_pid) = background();

		start_query($watcher, 'SELECT wait_for_build()');
		start_query($builder, q{SELECT eventstore.entity_version('entity-1')});
		finish_query($watcher);
		kill 'STOP', $builder_pid;
		$watcher->quit;
		return ($builder, $builder_pid)
		  if sql('SELECT state FROM eventstore.stat_index') eq 'building';
		kill 'CONT', $builder_pid;
		finish_query($builder);
		$builder->quit;
	}
	die 'no builder could be stopped';
}

my ($builder, $builder_pid) = stopped_builder();
my ($waiter, $waiter_pid) = background();
my ($cancelled, $cancelled_pid) = background();

start_query($waiter, q{SELECT version FROM eventstore.append('entity-1', 'waited')});
start_query($cancelled, q{SELECT eventstore.entity_version('entity-1')});
wait_for_wait($node, $waiter_pid, 'Extension');
wait_for_wait($node, $cancelled_pid, 'Extension');

sql("SELECT pg_cancel_backend($cancelled_pid)");
like((finish_query($cancelled))[1], qr/canceling statement due to user request/, 'who waits for the index can be cancelled');
sql("SELECT pg_terminate_backend($builder_pid)");
kill 'CONT', $builder_pid;
is(scalar finish_query($waiter), 42, 'when the builder is terminated another session builds and goes on');
$_->quit for $waiter, $cancelled;
eval { $builder->quit };
is_sound($node, 'after a builder was terminated');

# Prepared transactions, one to commit and one to roll back.
my $prepared = sql(q{
	BEGIN;
	SELECT position FROM eventstore.append('committed', 'prepared');
	SAVEPOINT s;
	SELECT position FROM eventstore.append('committed', 'prepared');
	RELEASE s;
	PREPARE TRANSACTION 'to commit'});
sql(q{
	BEGIN;
	SAVEPOINT s;
	SELECT position FROM eventstore.append('rolled back', 'prepared');
	RELEASE s;
	SELECT position FROM eventstore.append('rolled back', 'prepared');
	PREPARE TRANSACTION 'to roll back'});
my $first = (split /\n/, $prepared)[0];
my $beyond = sql(q{SELECT position FROM eventstore.append('free', 'later')});

for my $how ('fast', 'immediate')
{
	$node->stop($how);
	$node->start;
	is(sql('SELECT eventstore.safe_position()'), $first - 1, "$how: a prepared transaction holds readers back");
	is(sql(qq{SELECT count(*) FROM eventstore.read_all($first - 1)}), 0, "$how: nothing behind it is delivered");
	is(sql(q{SELECT eventstore.entity_version('committed'), eventstore.entity_version('rolled back')}),
		'0|0', "$how: its events are not seen");
	is(sql(qq{SELECT (SELECT event_type FROM eventstore.get_event($beyond))}), 'later', "$how: those of others are");
	is_sound($node, "$how, with prepared transactions");
}

my ($first_waiter, $first_pid) = background();
my ($second_waiter, $second_pid) = background();

start_query($first_waiter, q{SELECT version FROM eventstore.append('committed', 'waited')});
start_query($second_waiter, q{SELECT version FROM eventstore.append('rolled back', 'waited')});
wait_for_wait($node, $first_pid, 'transactionid');
wait_for_wait($node, $second_pid, 'transactionid');
sql(q{COMMIT PREPARED 'to commit'});
is(scalar finish_query($first_waiter), 3, 'COMMIT PREPARED lets the waiter go');
is(sql(qq{SELECT entity_id, version FROM eventstore.read_all($first - 1)}),
	"committed|1\ncommitted|2", 'readers go on to the next prepared transaction');
sql(q{ROLLBACK PREPARED 'to roll back'});
is(scalar finish_query($second_waiter), 1, 'ROLLBACK PREPARED lets the waiter go');
$_->quit for $first_waiter, $second_waiter;
is( sql(qq{SELECT entity_id, version, event_type FROM eventstore.read_all($first - 1)}),
	"committed|1|prepared\ncommitted|2|prepared\nfree|1|later\ncommitted|3|waited\nrolled back|1|waited",
	'readers get all in order');
is_sound($node, 'after prepared transactions');

# A build that takes longer than clients wait is a worker's, and goes on when they give up.
$node->safe_psql('postgres', 'CREATE DATABASE slow');
$node->safe_psql('slow', q{CREATE EXTENSION eventstore;
	SELECT count(*) FROM generate_series(1, 170000) i, LATERAL eventstore.append('slow-' || i % 1000, 'slow.built', jsonb_build_object('text', repeat(md5(i::text), 8))) a});
$node->restart;
my $tries = 0;
my $answer = '';
while ($answer ne '170' && $tries++ < 500)
{
	$answer = attempt($node, "SET statement_timeout = '20ms'; SELECT eventstore.entity_version('slow-7')", 'slow');
	die "no timeout: $answer" if $answer ne '170' && $answer !~ /57014/;
}
is($answer, '170', 'a client with a short timeout gets through');
cmp_ok($tries, '>', 1, 'not at once');
is_sound($node, 'built by a worker', 'slow');

# Where there is no worker, who needs the index builds it.
$node->append_conf('postgresql.conf', 'max_worker_processes = 2');
$node->restart;
is($node->safe_psql('slow', q{SELECT eventstore.entity_version('slow-7')}), '170', 'without a worker the index is built, too');

$node->stop;
done_testing();
