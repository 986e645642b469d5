# I7, I8, I9: where the store cannot go on it says so and stays as it was: not
# preloaded, index memory full, sessions that are terminated while they wait.
# An acknowledged event is on disk even with synchronous_commit = off.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Utils;
use Test::More;

# --------------------------------------------------------------- not preloaded

my $node = new_node('limits', bare => 1, conf => "shared_preload_libraries = ''");

sub sql
{
	my ($sql, $dbname) = @_;
	return $node->safe_psql($dbname // 'postgres', $sql);
}

is(attempt($node, 'CREATE EXTENSION eventstore'), '', 'not preloaded: CREATE EXTENSION works');
for my $call (q{append('a', 'b')}, q{ingest_batch('[]'::text)}, q{entity_version('a')}, q{read_entity('a')},
	'read_all()', 'get_event(1)', 'safe_position()', 'verify()', 'rebuild_index()', 'stat_index()', 'stat_kernel()')
{
	like(attempt($node, "SELECT * FROM eventstore.$call"),
		qr/ERROR:  55000: eventstore must be loaded via "shared_preload_libraries".*HINT:  .*shared_preload_libraries/s,
		"not preloaded: $call");
}
for my $statement ('SELECT * FROM eventstore.events', q{INSERT INTO eventstore.events (entity_id, event_type) VALUES ('a', 'b')},
	q{INSERT INTO eventstore.events (entity_id, event_type) SELECT 'a', 'b' FROM generate_series(1, 10)},
	q{COPY eventstore.events (entity_id, event_type) FROM PROGRAM 'printf "a\tb\n"'})
{
	like(attempt($node, $statement), qr/ERROR:  55000: eventstore must be loaded/, "not preloaded: $statement");
}
is(sql(q{SELECT eventstore.entity_id(eventstore.make_event('a', 'b'))}), 'a', 'not preloaded: events can be made');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'eventstore'\neventstore.index_memory = '1MB'");
$node->restart;
is(sql(q{SELECT version FROM eventstore.append('a', 'b')}), 1, 'preloaded: it works');

# ----------------------------------------------------------- index memory full

# Batches of new entities, some with many events, until there is no room.  With
# tenants, each event is of a new one.
sub fill
{
	my ($dbname, $tenants) = @_;

	for my $batch (1 .. 1000)
	{
		my $more = $tenants ? qq{, tenant_id => 'tenant-$batch-' || i} : '';
		my $result = attempt($node, qq{
			SELECT ingested FROM eventstore.ingest_batch((
				SELECT array_agg(eventstore.make_event('full-$batch-' || i % 30, 'limits.filled'$more))
				FROM generate_series(1, 1000) i))}, $dbname);

		return $result if $result ne '1000';
	}
	return 'never full';
}

my $error = fill('postgres');
like($error, qr/ERROR:  53200: the entity index is full.*HINT:  .*"eventstore.index_memory"/s, 'full: the error and its hint');
my $count = sql('SELECT count(*) FROM eventstore.events');
my $positions = sql('SELECT eventstore.safe_position()');
is($count % 1000, 1, 'full: nothing of the last batch is there');
like(fill('postgres'), qr/ERROR:  53200: /, 'full: the error stays');
is(sql('SELECT count(*) FROM eventstore.events'), $count, 'full: nothing is written');
is(sql('SELECT eventstore.safe_position()'), $positions, 'full: no positions are taken');
is(sql(q{SELECT eventstore.entity_version('full-1-1')}), 34, 'full: versions are known');
is(sql(q{SELECT count(*) FROM eventstore.read_entity('full-1-2')}), 34, 'full: entities are read');
is(sql('SELECT count(*) FROM eventstore.read_all(0, NULL)'), $count, 'full: the log is read');
is_sound($node, 'full');

# The same events must fit again.
$node->restart;
is(attempt($node, q{SELECT eventstore.entity_version('full-1-1')}), 34, 'full: the index can be built again');
like(attempt($node, q{SELECT count(*) FROM eventstore.read_entity('full-1-2')}), qr/^34$/, 'full: entities are read after a restart');

# What a dropped database held is free for others.
sql('CREATE DATABASE other');
sql('CREATE EXTENSION eventstore', 'other');
like(attempt($node, q{SELECT version FROM eventstore.append('a', 'b')}, 'other'), qr/^1$|ERROR:  53200: /,
	'full: another database works or says so');
sql('CREATE DATABASE third');
sql('CREATE EXTENSION eventstore', 'third');
sql('DROP EXTENSION eventstore');
sql('DROP DATABASE other');
$node->restart;
like(fill('third'), qr/ERROR:  53200: /, 'the third database fills the memory');
sql('DROP DATABASE third');
sql('CREATE EXTENSION eventstore');
is(sql(q{SELECT version FROM eventstore.append('a', 'b')}), 1, 'its memory is free when it is dropped');
like(fill('postgres', 1), qr/ERROR:  53200: /, 'entities of many tenants fill the memory');
is(sql('SELECT count(*) % 1000 FROM eventstore.events'), 1, 'full of tenants: nothing of the last batch is there');
is_sound($node, 'full of tenants');

# ------------------------------------------------------------ no room for ids

# Ids leave a quarter of the memory to entities.  What has no entry is searched
# for in the log, and when even entities do not fit, ids make room for them.
sub random_id { return "md5('id-' || $_[0])::uuid" }

sub ids_are_found
{
	my ($count, $name) = @_;
	my $step = int($count / 20);

	is(sql("SELECT count(*) FROM generate_series($step, $count, $step) i
		WHERE (SELECT payload FROM eventstore.get_event_by_id(" . random_id('i') . ")) = to_jsonb(i)"), 20, "$name: all ids are found");
	is(sql('SELECT count(*) FROM generate_series(1, 5) i WHERE EXISTS (SELECT FROM eventstore.get_event_by_id(' . random_id(q{'none-' || i}) . '))'),
		0, "$name: others are not");
	is_sound($node, $name);
}

sub add_ids
{
	my ($from, $to) = @_;

	return attempt($node, qq{SELECT ingested FROM eventstore.ingest_batch((
		SELECT array_agg(eventstore.make_event('ids-' || i % 10, 'limits.id', to_jsonb(i), event_id => } . random_id('i') . qq{))
		FROM generate_series($from, $to) i))});
}

sql('DROP EXTENSION eventstore; CREATE EXTENSION eventstore');
is(add_ids(1, 10000), 10000, 'ids: the first have room');
is(sql('SELECT ids_complete FROM eventstore.stat_index'), 't', 'ids: they are complete');
ids_are_found(10000, 'ids with room');
is(add_ids(10001, 30000), 20000, 'ids: more are stored');
is(sql('SELECT ids_complete FROM eventstore.stat_index'), 'f', 'ids: without room for all');
ids_are_found(30000, 'ids without room');
my $ids = 30000;
while (($error = add_ids($ids + 1, $ids + 1000)) eq '1000')
{
	$ids += 1000;
}
like($error, qr/ERROR:  53200: /, 'ids: entities fill the memory');
ids_are_found($ids, 'ids in full memory');
sql('SELECT eventstore.rebuild_index()');
ids_are_found($ids, 'ids after a new build');

# Built with less memory than it had before, the index is first full of ids.
sql('DROP EXTENSION eventstore; CREATE EXTENSION eventstore');
$node->append_conf('postgresql.conf', "eventstore.index_memory = '3MB'");
$node->restart;
is(add_ids(1, 50000), 50000, 'ids: all have room in 3 MB');
is(sql('SELECT ids_complete FROM eventstore.stat_index'), 't', 'ids: they are complete');
$node->append_conf('postgresql.conf', "eventstore.index_memory = '1MB'");
$node->restart;
ids_are_found(50000, 'ids that made room for entities');
is(sql('SELECT ids_complete, id_memory FROM eventstore.stat_index'), 'f|0', 'ids: none is left, so that entities fit');
is(add_ids(50001, 50100), 100, 'ids: events can be appended');
sql('DROP EXTENSION eventstore; CREATE EXTENSION eventstore');
is(sql(q{SELECT version FROM eventstore.append('a', 'b')}), 1, 'ids: all memory is free again');

$node->append_conf('postgresql.conf', "eventstore.index_memory = '16MB'");
$node->restart;
is(sql(q{SELECT version FROM eventstore.append('a', 'b')}), 2, 'more memory, as the hint says');

# ----------------------------------------------------- terminated while waiting

my $owner = $node->background_psql('postgres');
my $waiter = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $waiter->query_safe('SELECT pg_backend_pid()');

$owner->query_safe(q{BEGIN; SELECT eventstore.append('owned', 'first')});
$waiter->query_safe(q{BEGIN; SELECT eventstore.append('mine', 'first')});
start_query($waiter, q{SELECT eventstore.append('owned', 'second')});
wait_for_wait($node, $pid, 'transactionid');
sql("SELECT pg_terminate_backend($pid)");
$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
is(sql(q{SELECT version FROM eventstore.append('mine', 'again')}), 1, 'what a terminated session had is free');
$owner->query_safe('COMMIT');
$owner->quit;
eval { $waiter->quit };
is(sql(q{SELECT version FROM eventstore.append('owned', 'again')}), 2, 'what it waited for goes to others');

# The owner is terminated: who waits gets the entity.
$owner = $node->background_psql('postgres', on_error_stop => 0);
$waiter = $node->background_psql('postgres', on_error_stop => 0);
$pid = $waiter->query_safe('SELECT pg_backend_pid()');
my $owner_pid = $owner->query_safe('SELECT pg_backend_pid()');
$owner->query_safe(q{BEGIN; SELECT eventstore.append('owned', 'third')});
start_query($waiter, q{SELECT version FROM eventstore.append('owned', 'third')});
wait_for_wait($node, $pid, 'transactionid');
sql("SELECT pg_terminate_backend($owner_pid)");
is(scalar finish_query($waiter), 3, 'when the owner is terminated the waiter gets the entity');
$waiter->quit;
eval { $owner->quit };
is_sound($node, 'after terminations');

# ------------------------------------------------------------------ durability

# The WAL writer would flush an asynchronous commit late enough to lose it.
$node->append_conf('postgresql.conf', "wal_writer_delay = '10s'\nsynchronous_commit = off");
$node->restart;
sql('CREATE TABLE unsafe (x int)');
for my $round (1 .. 3)
{
	sql('CHECKPOINT');
	my $version = sql(q{SELECT version FROM eventstore.append('durable', 'acknowledged')});
	$node->stop('immediate');
	$node->start;
	is(sql(q{SELECT eventstore.entity_version('durable')}), $version,
		"an acknowledged event is on disk with synchronous_commit = off, round $round");
}

# With allow_async_commit it is as the user wants: flushed later.
my $flushed = q{SELECT version, pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() AS later
	FROM eventstore.entity_version('durable') version};
sql('ALTER SYSTEM SET eventstore.allow_async_commit = on; SELECT pg_reload_conf()');
sql('CHECKPOINT');
is(sql(q{SELECT version FROM eventstore.append('durable', 'soon'); } . $flushed), "4\n4|t",
	'allow_async_commit: the commit does not wait for the disk');
$node->stop('immediate');
$node->start;
is_sound($node, 'after an asynchronous commit and a crash');

$node->stop;
done_testing();
