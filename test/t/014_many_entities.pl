# I4, I6, I9, I10: more entities than index memory holds. Those that are not used are let go, and
# whoever asks for one, to read or to append, finds in the sorted runs what it has; so does
# every snapshot, every way to look for entities, and a restart.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('entities', conf => <<'EOC');
autovacuum = off
max_prepared_transactions = 5
eventstore.index_memory = 4MB
eventstore.compaction = on
eventstore.compaction_delay = 1h
EOC

sub sql
{
	my ($query) = @_;
	return $node->safe_psql('postgres', $query);
}

# The ledger is an ordinary table: what it has was committed.
sql(q{
	CREATE TABLE ledger (tenant_id text, entity_id text, events bigint);
	CREATE FUNCTION write(prefix text, first int, count int, tenant text DEFAULT NULL) RETURNS bigint AS $$
	DECLARE
		result bigint;
	BEGIN
		INSERT INTO ledger SELECT coalesce(tenant, 'default'), prefix || i, 1 FROM generate_series(first, first + count - 1) i;
		SELECT ingested INTO result FROM eventstore.ingest_batch(
			(SELECT array_agg(eventstore.make_event(prefix || i, 'many', tenant_id => tenant))
			FROM generate_series(first, first + count - 1) i));
		RETURN result;
	END
	$$ LANGUAGE plpgsql});

my $in_ledger = q{(SELECT tenant_id, entity_id, sum(events)::bigint AS events FROM ledger GROUP BY 1, 2)};
my $in_store = q{(SELECT tenant_id, entity_id, count(*)::bigint AS events FROM eventstore.events GROUP BY 1, 2)};
my $in_documents = q{(SELECT tenant_id, entity_id, count(payload)::bigint AS events FROM eventstore.events GROUP BY 1, 2)};
my $in_list = q{(SELECT tenant_id, entity_id, events FROM eventstore.entities())};

# All ways to count what entities have come to what was committed.
sub is_complete
{
	my ($name) = @_;

	for my $way ([ 'by entity', $in_store ], [ 'from the blocks', $in_documents ], [ 'listed', $in_list ])
	{
		is(sql("SELECT count(*) FROM (($in_ledger EXCEPT $way->[1]) UNION ALL ($way->[1] EXCEPT $in_ledger)) d"), 0, "$name: $way->[0]");
	}
	is_sound($node, $name);
	return;
}

# -------------------------------------------------------------- names of the rolled back

for my $i (0 .. 14)
{
	sql("BEGIN; SELECT write('undone-', ${i}0000, 10000); ROLLBACK");
}
for my $i (0 .. 19)
{
	$node->psql('postgres', qq{SELECT eventstore.ingest_batch((SELECT array_agg(eventstore.make_event('refused-$i-' || i, 'many',
		expected_version => CASE WHEN i < 10000 THEN 0 ELSE 7 END)) FROM generate_series(1, 10000) i))});
}
is(sql("SELECT write('first-', 0, 10000)"), 10000, 'what was rolled back or refused leaves room');
is(sql('SELECT count(*) FROM eventstore.events'), 10000, 'and no events');
is(sql('SELECT count(*) FROM eventstore.runs'), 0, 'for that no run is needed');

# ------------------------------------------------------------------ more than memory holds

my $old = $node->background_psql('postgres', on_error_stop => 0);
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $whole = q{SELECT count(*), sum(version), md5(string_agg(entity_id, ',' ORDER BY entity_id))
	FROM (SELECT entity_id, max(version) AS version FROM eventstore.events GROUP BY 1) q};
my $seen = $old->query_safe($whole);

for my $i (0 .. 19)
{
	sql("SELECT write('many-', ${i}0000, 10000)");
	sql("SELECT write('of-tenants-', ${i}000, 1000, 'tenant-$i')");
}
is(sql('SELECT memory_total FROM eventstore.stat_index'), 4 * 1024 * 1024, 'memory is small');
is(sql('SELECT entities FROM eventstore.stat_index'), 230000, 'and entities are many');
cmp_ok(sql('SELECT entity_memory FROM eventstore.stat_index'), '<', 4 * 1024 * 1024, 'which need not be in memory');
is_complete('more than memory holds');
is($old->query_safe($whole), $seen, 'a snapshot from before sees what it saw');
is($old->query_safe(q{SELECT eventstore.entity_version('many-7') || ' ' || eventstore.entity_version('first-7')}), '0 1',
	'also of single entities');

# ------------------------------------------------------------------------- look-ups

is(sql(q{SELECT version FROM eventstore.read_entity('first-17')}), 1, 'an entity that was let go is read');
is(sql(q{SELECT eventstore.entity_version('many-5')}), 1, 'its version is known');
is(sql(q{SELECT eventstore.entity_version('nobody-5')}), 0, 'and that there is none of a name');
is(sql(q{SELECT string_agg(tenant_id, ' ') FROM eventstore.events WHERE entity_id = 'of-tenants-3005'}), 'tenant-3', 'of whichever tenant');
is(sql(q{SELECT count(*), count(DISTINCT entity_id) FROM eventstore.events WHERE entity_id LIKE 'many-1234%'}), '111|111', 'by a prefix');
is(sql(q{SELECT string_agg(entity_id, ' ') FROM eventstore.entities('many-1234', max_count => 3)}), 'many-1234 many-12340 many-123400', 'listed by a prefix');
is(sql(q{SELECT count(*) FROM generate_series(1, 200000, 199) i JOIN eventstore.events e ON e.entity_id = 'many-' || i - 1}), 1006, 'by a join');
is(sql(q{SELECT count(*) FROM (SELECT entity_id, version FROM eventstore.events ORDER BY entity_id, version LIMIT 7) q}), 7, 'in order');

# --------------------------------------------------------------------------- claims

my ($status, $out, $err);
($status, $out, $err) = $node->psql('postgres', q{SELECT eventstore.append('many-11', 'many', expected_version => 0)});
like($err, qr/wrong expected version of entity "many-11": expected 0, is 1/, 'an entity that was let go is not new');
($status, $out, $err) = $node->psql('postgres', q{SELECT eventstore.append('nobody-11', 'many', expected_version => 1)});
like($err, qr/expected 1, but it does not exist/, 'one that never was is none');
($status, $out, $err) = $node->psql('postgres', q{SELECT eventstore.append('nobody-11', 'many', expected_version => -1)});
like($err, qr/it does not exist/, 'nor exists');
is(sql(q{SELECT version FROM eventstore.append('many-12', 'many', expected_version => 1)}), 2, 'it goes on');
is(sql(q{SELECT version FROM eventstore.append('many-13', 'many', expected_version => -1)}), 2, 'if it exists');
is(sql(q{BEGIN; SAVEPOINT s; DO $$ BEGIN PERFORM eventstore.append('many-14', 'undone'); END $$; ROLLBACK TO s;
		SELECT version FROM eventstore.append('many-14', 'many'); COMMIT}), 2, 'after a savepoint that was rolled back');
sql(q{INSERT INTO ledger SELECT 'default', 'many-' || i, 1 FROM generate_series(12, 14) i});
$old->query(q{SELECT eventstore.append('many-12', 'many')});
like($old->{stderr}, qr/could not serialize access/, 'an old snapshot cannot build on what it does not see');
$old->quit;
is_complete('claimed');

# What is prepared stays, whatever is let go beside it.
sql(q{BEGIN; SELECT eventstore.append('many-20', 'many'); SELECT eventstore.append('kept', 'many'); PREPARE TRANSACTION 'many'});
for my $i (20 .. 23)
{
	$node->psql('postgres', "BEGIN; SELECT write('undone-again-', ${i}0000, 10000); ROLLBACK");
}
($status, $out, $err) = $node->psql('postgres', q{SET lock_timeout = '100ms'; SELECT eventstore.append('many-20', 'many')});
like($err, qr/lock timeout/, 'what a prepared transaction owns stays');
is(sql(q{SELECT eventstore.entity_version('many-20')}), 1, 'and is not seen');
sql(q{COMMIT PREPARED 'many'});
sql(q{INSERT INTO ledger VALUES ('default', 'many-20', 1), ('default', 'kept', 1)});
is(sql(q{SELECT version FROM eventstore.append('many-20', 'many')}), 3, 'it goes on when that has ended');
sql(q{INSERT INTO ledger VALUES ('default', 'many-20', 1)});
is_complete('prepared');

# --------------------------------------------------------------------------- restarts

$node->restart;
is(sql(q{SELECT eventstore.entity_version('many-12')}), 2, 'a restart: versions are known');
is(sql(q{SELECT string_agg(tenant_id, ' ') FROM eventstore.events WHERE entity_id = 'of-tenants-3005'}), 'tenant-3', 'and tenants');
is(sql('SELECT entities FROM eventstore.stat_index'), 230001, 'and how many entities there are');
is_complete('after a restart');
$node->stop('immediate');
$node->start;
is_complete('after a crash');

# ------------------------------------------------------------------------------- load

# Writers of old and new entities, who roll back now and then, while memory is short all the time.
sql(q{ALTER SYSTEM SET eventstore.compaction_delay = 0});
sql(q{ALTER SYSTEM SET eventstore.run_events = 2000});
sql(q{ALTER SYSTEM SET eventstore.shed_at = 0});
sql(q{SELECT pg_reload_conf()});
$node->pgbench(
	'--no-vacuum --client=6 --jobs=2 --transactions=500 --max-tries=100 --random-seed=1',
	0,
	[qr/processed: 3000\/3000/],
	[qr/^$|pgbench/],
	'writers', {
		'old@5' => q{
			\set n random(0, 199999)
			SELECT write('many-', :n, 1);},
		'few@3' => q{
			\set n random(0, 30)
			SELECT write('many-', :n, 3);},
		'new@3' => q{
			\set n random(0, 100000)
			SELECT write('new-', :n, 5);},
		'tenants@2' => q{
			\set n random(0, 19999)
			\set t random(0, 40)
			SELECT write('of-tenants-', :n, 2, 'tenant-' || :t);},
		'undone@2' => q{
			\set n random(0, 199999)
			BEGIN;
			SELECT write('many-', :n, 2);
			SAVEPOINT s;
			SELECT write('many-', :n + 1, 20);
			ROLLBACK TO s;
			SELECT write('new-', :n, 3);
			ROLLBACK;},
		'savepoint@2' => q{
			\set n random(0, 199000)
			BEGIN;
			SELECT write('many-', :n, 1);
			SAVEPOINT s;
			SELECT write('many-', :n, 2);
			ROLLBACK TO s;
			SELECT write('many-', :n, 1);
			COMMIT;},
		'reader@3' => q{
			\set n random(0, 199999)
			SELECT 1 / (count(*) = eventstore.entity_version('many-' || :n) AND count(*) > 0)::int
			FROM eventstore.read_entity('many-' || :n);},
		'all@1' => q{
			BEGIN ISOLATION LEVEL REPEATABLE READ;
			SELECT count(*) AS entities, sum(events) AS events FROM (
				SELECT sum(events) AS events FROM ledger GROUP BY tenant_id, entity_id) q \gset
			SELECT 1 / (count(*) = :entities AND sum(events) = :events)::int
			FROM (SELECT count(*) AS events FROM eventstore.events GROUP BY tenant_id, entity_id) q;
			COMMIT;}
	});
is_complete('under load');
is(sql('SELECT failures FROM eventstore.stat_compaction'), 0, 'compaction had no error');

done_testing();
