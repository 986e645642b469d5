# I2, I6: a hot standby. All that can be read on the primary can be read there, as fresh as the
# replay, through the same functions; nothing is skipped, under load, when transactions commit
# out of order, when blocks are merged, vacuumed and truncated, and in a memory that is too
# small; and after a promotion it goes on as a primary.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(extra => [ '--encoding=UTF8', '--no-locale' ], no_data_checksums => 1, allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<'EOC');
shared_preload_libraries = 'eventstore'
max_prepared_transactions = 10
hot_standby_feedback = on
wal_receiver_status_interval = 1s
eventstore.index_memory = 4MB
eventstore.compaction = on
eventstore.compaction_delay = 0
eventstore.run_events = 3000
EOC
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION eventstore');
$primary->backup('base');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my @queries = (
	'SELECT count(*), max(position), md5(string_agg(position || entity_id || version || payload::text, \',\' ORDER BY position)) FROM eventstore.events',
	'SELECT count(*), sum(n), md5(string_agg(entity_id || n, \',\' ORDER BY entity_id)) FROM (SELECT entity_id, count(*) AS n FROM eventstore.events GROUP BY 1) q',
	'SELECT count(*), sum(events) FROM eventstore.entities()',
	'SELECT event_type, count(*), sum((payload->>\'n\')::int) FROM eventstore.events GROUP BY 1 ORDER BY 1',
	'SELECT sum(eventstore.entity_version(\'s-\' || i)), sum((SELECT count(*) FROM eventstore.read_entity(\'s-\' || i))) FROM generate_series(0, 500) i',
	'SELECT count(*), max(position) FROM eventstore.read_all(0, NULL)',
	'SELECT count(*) FROM eventstore.events WHERE entity_id IN (\'s-1\', \'s-7\', \'none\') AND tenant_id = \'default\'',
	'SELECT string_agg(tenant_id || version, \' \' ORDER BY tenant_id, version) FROM eventstore.events WHERE entity_id = \'t-3\'',
	'SELECT count(*) FROM eventstore.query_events(entity_id => \'s-3\')',
	'SELECT count(*) FROM eventstore.event_types()',
	'SELECT count(*) FROM eventstore.verify()',
	'SELECT eventstore.safe_position()',
	'SELECT version FROM eventstore.last_event(\'s-9\')',
	'SELECT (eventstore.get_event_by_id(event_id)).entity_id FROM eventstore.events ORDER BY position DESC LIMIT 1');

# Both servers give the same answers.
sub is_equal
{
	my ($name) = @_;

	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	for my $i (0 .. $#queries)
	{
		is($standby->safe_psql('postgres', $queries[$i]), $primary->safe_psql('postgres', $queries[$i]), "$name: question $i");
	}
	return;
}

sub batch
{
	my ($first, $count, $size) = @_;
	return qq{SELECT ingested FROM eventstore.ingest_batch((SELECT array_agg(eventstore.make_event('s-' || (i / $size), 'standby.' || i % 3,
		jsonb_build_object('n', i))) FROM generate_series($first, $first + $count - 1) i));};
}

# --------------------------------------------------------------------------- what is new is there

is($standby->safe_psql('postgres', 'SELECT count(*) FROM eventstore.events'), 0, 'an empty store');
is($standby->safe_psql('postgres', q{SELECT eventstore.entity_version('s-0')}), 0, 'has no entity');
$primary->safe_psql('postgres', q{SELECT eventstore.append('s-0', 'standby.0', '{"n": 1}') FROM generate_series(1, 3)});
$primary->safe_psql('postgres', q{SELECT eventstore.append('t-3', 'standby.0', tenant_id => 'tenant-' || i) FROM generate_series(1, 3) i});
is_equal('a few events');
my ($status, $out, $err) = $standby->psql('postgres', q{\set VERBOSITY verbose
	SELECT eventstore.append('s-0', 'standby.0')});
like($err, qr/25006: /, 'nothing can be appended there');
($status, $out, $err) = $standby->psql('postgres', 'CALL eventstore.compact()');
like($err, qr/during recovery/, 'nor compacted');
($status, $out, $err) = $standby->psql('postgres', 'SELECT eventstore.rebuild_index()');
isnt($status, 0, 'nor the index be built anew');

$primary->safe_psql('postgres', batch(0, 20000, 40));
is_equal('a batch');
$primary->safe_psql('postgres', 'CALL eventstore.compact(); VACUUM eventstore.blocks');
is_equal('compacted');
cmp_ok($standby->safe_psql('postgres', 'SELECT count(*) FROM eventstore.runs'), '>', 0, 'there are sorted runs');

# Transactions that commit out of order.
my @late = map { $primary->background_psql('postgres', on_error_stop => 0) } 0 .. 3;
for my $i (0 .. 3)
{
	$late[$i]->query_safe("BEGIN; SELECT eventstore.append('late-$i', 'standby.late', '{\"n\": 1}') FROM generate_series(1, 2); SAVEPOINT s; SELECT eventstore.append('late-$i', 'standby.undone')");
	$primary->safe_psql('postgres', batch(20000 + $i * 10, 10, 5));
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	my $safe = $standby->safe_psql('postgres', q{SELECT eventstore.safe_position() < (SELECT max(position) FROM eventstore.events)});
	is($safe, 't', "with $i more that run, the safe position stays");
}
is($standby->safe_psql('postgres', q{SELECT eventstore.entity_version('late-1')}), 0, 'they are not seen');
for my $i (2, 0, 3, 1)
{
	$late[$i]->query_safe($i == 3 ? 'ROLLBACK' : 'ROLLBACK TO s; COMMIT');
	$late[$i]->quit;
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	is($standby->safe_psql('postgres', "SELECT eventstore.entity_version('late-$i')"), $i == 3 ? 0 : 2, "late-$i is seen when it has ended");
}
is_equal('out of order');

# A snapshot of before, and a cursor.
my $old = $standby->background_psql('postgres', on_error_stop => 0);
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $seen = $old->query_safe($queries[4]);
$old->query_safe(q{DECLARE c CURSOR FOR SELECT version FROM eventstore.read_entity('s-7')});
$primary->safe_psql('postgres', batch(0, 5000, 10));
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
isnt($standby->safe_psql('postgres', $queries[4]), $seen, 'there is more now');
is($old->query_safe($queries[4]), $seen, 'but not for a snapshot of before');
is($old->query_safe(q{MOVE ALL IN c; SELECT 1}), 1, 'and its cursor');
$old->query_safe('COMMIT');
$old->quit;

# ---------------------------------------------------------------------- the table is another

$primary->safe_psql('postgres', 'VACUUM FULL eventstore.blocks');
is_equal('VACUUM FULL');
$primary->safe_psql('postgres', 'CALL eventstore.compact()');
is_equal('VACUUM FULL, compacted');
$standby->restart;
is_equal('a restart');

# ---------------------------------------------------------------------------------- load

# More entities than memory holds, written and compacted while they are read; a follower on the
# standby, with snapshots of one statement, misses nothing.
$primary->safe_psql('postgres', q{CREATE TABLE ledger (event_id uuid);
	CREATE FUNCTION write(prefix text, first int, count int) RETURNS bigint AS $$
	DECLARE
		events eventstore.event[];
		result bigint;
	BEGIN
		SELECT array_agg(eventstore.make_event(prefix || i, 'standby.load', jsonb_build_object('n', i), event_id => gen_random_uuid()))
			INTO events FROM generate_series(first, first + count - 1) i;
		INSERT INTO ledger SELECT eventstore.event_id(e) FROM unnest(events) e;
		SELECT ingested INTO result FROM eventstore.ingest_batch(events);
		RETURN result;
	END
	$$ LANGUAGE plpgsql});
my $start = $primary->safe_psql('postgres', 'SELECT max(position) FROM eventstore.events');
my $load = $primary->basedir . '/load.sql';
Eventstore::write_file($load, q{
	\set n random(0, 30000)
	\set c random(1, 20)
	\set undo random(0, 9)
	BEGIN;
	SELECT write('load-', :n, :c);
	\if :undo < 2
	SAVEPOINT s;
	SELECT write('load-', :n, 3);
	ROLLBACK TO s;
	\endif
	SELECT write('few-', :n % 20, 1);
	\if :undo = 9
	ROLLBACK;
	\else
	COMMIT;
	\endif
});
my ($load_out, $load_err) = ('', '');
my $writers = IPC::Run::start(
	[ 'pgbench', '-n', '-c', '6', '-j', '2', '-t', '700', '--max-tries=100', '-f', $load, '-h', $primary->host, '-p', $primary->port, 'postgres' ],
	'>', \$load_out, '2>', \$load_err);
my $reader = $standby->background_psql('postgres', on_error_stop => 0);
my ($last, $got, $wrong, $rounds) = ($start, 0, 0, 0);
my $running = 1;
while ($running || $rounds < 3)
{
	$running = $writers->pumpable;
	$writers->pump_nb if $running;
	my ($count, $to) = split /\|/, $reader->query(qq{SELECT count(*), coalesce(max(position), $last) FROM eventstore.read_all($last, NULL)});
	($got, $last) = ($got + $count, $to);
	# What entities have, one by one and together, in one snapshot.
	$wrong += $reader->query(q{SELECT count(*) FROM (SELECT entity_id, count(*) AS n, max(version) AS last FROM eventstore.events WHERE event_type = 'standby.load' GROUP BY 1 ORDER BY 1 LIMIT 300) e
		WHERE n <> last OR n <> eventstore.entity_version(entity_id) OR n <> (SELECT count(payload) FROM eventstore.read_entity(entity_id))});
	$rounds++;
	if (!$running) { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert')); $rounds = 0 if $rounds > 3; last if $rounds > 1 || $reader->query("SELECT count(*) FROM eventstore.read_all($last, 1)") == 0; }
}
$writers->finish;
$reader->quit;
like($load_out, qr{processed: 4200/4200}, 'the writers have ended');
is($wrong, 0, 'what the standby says of entities agrees in each snapshot');
is($got, $primary->safe_psql('postgres', 'SELECT count(*) FROM ledger'), 'a follower on the standby missed nothing, and got nothing twice');
is_equal('after the load');

# ------------------------------------------------------------------------------- promotion

$primary->safe_psql('postgres', q{BEGIN; SELECT eventstore.append('prepared', 'standby.prepared'); SELECT eventstore.append('few-1', 'standby.prepared'); PREPARE TRANSACTION 'p'});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$old = $standby->background_psql('postgres', on_error_stop => 0);
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
$seen = $old->query_safe($queries[1]);
my $version = $standby->safe_psql('postgres', q{SELECT eventstore.entity_version('few-2')});
my $end = $standby->safe_psql('postgres', 'SELECT max(position) FROM eventstore.events');
$primary->stop('immediate');
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no promotion';
is($standby->safe_psql('postgres', q{SELECT version FROM eventstore.append('few-2', 'standby.promoted')}), $version + 1, 'promoted: an entity goes on');
cmp_ok($standby->safe_psql('postgres', 'SELECT max(position) FROM eventstore.events'), '>', $end, 'and positions do');
($status, $out, $err) = $standby->psql('postgres', q{SET lock_timeout = '100ms'; SELECT eventstore.append('prepared', 'standby.promoted')});
like($err, qr/lock timeout/, 'a prepared transaction owns what it wrote');
is($old->query_safe($queries[1]), $seen, 'a snapshot of before sees what it saw');
$old->query_safe('COMMIT');
$old->quit;
$standby->safe_psql('postgres', q{COMMIT PREPARED 'p'});
is($standby->safe_psql('postgres', q{SELECT eventstore.entity_version('prepared')}), 1, 'until it commits');
is_sound($standby, 'promoted');
$standby->safe_psql('postgres', batch(0, 20000, 40) . batch(100000, 20000, 2));
$standby->safe_psql('postgres', 'CALL eventstore.compact()');
is_sound($standby, 'promoted and compacted');
$standby->stop('immediate');
$standby->start;
is_sound($standby, 'promoted, and a crash');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM (SELECT position FROM eventstore.events GROUP BY 1 HAVING count(*) > 1) d'), 0, 'no position was used twice');

done_testing();
