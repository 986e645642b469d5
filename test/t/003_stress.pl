# I1, I2, I4, I5: many sessions write at random - batches, savepoints, exception
# blocks, rollbacks - while two followers read on from where they stopped.  Every
# committed event is delivered exactly once and in order to both, and no other.
# Compaction runs all the time, and cursors of old snapshots see what they saw.  [I10]
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('stress', conf => <<'EOC');
deadlock_timeout = '20ms'
eventstore.run_events = 500
eventstore.shed_at = 0
EOC

# The ledger is an ordinary table: what it has at the end was committed.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE ledger (event_id uuid NOT NULL);
	CREATE TABLE delivered (follower text, seq bigserial, "position" bigint, event_id uuid);
	CREATE TABLE finish (now boolean);

	CREATE FUNCTION write(entity int, amount int) RETURNS bigint AS $$
	DECLARE
		events eventstore.event[];
		result bigint;
	BEGIN
		SELECT array_agg(eventstore.make_event('entity-' || (entity + i % 3) % 30, 'stress.tested',
				jsonb_build_object('filler', repeat('x', i % 40)), event_id => gen_random_uuid()))
			INTO events FROM generate_series(1, amount) i;
		INSERT INTO ledger SELECT eventstore.event_id(e) FROM unnest(events) e;
		SELECT ingested INTO result FROM eventstore.ingest_batch(events);
		RETURN result;
	END
	$$ LANGUAGE plpgsql;

	CREATE FUNCTION write_or_not(entity int, amount int) RETURNS void AS $$
	BEGIN
		PERFORM write(entity, amount);
		BEGIN
			PERFORM write(entity, amount);
			PERFORM 1 / (random() < 0.5)::int;
		EXCEPTION WHEN division_by_zero THEN
			PERFORM write(entity, 1);
		END;
		BEGIN
			PERFORM eventstore.append('entity-' || entity, 'never', expected_version => 1000000000);
		EXCEPTION WHEN SQLSTATE 'ZE001' THEN
			NULL;
		END;
	END
	$$ LANGUAGE plpgsql;

	CREATE PROCEDURE follow(name text) AS $$
	DECLARE
		last bigint := 0;
		latest bigint;
		stop boolean;
	BEGIN
		LOOP
			COMMIT;
			SELECT EXISTS (SELECT FROM finish) INTO stop;
			WITH new AS (
				INSERT INTO delivered (follower, "position", event_id)
				SELECT name, e.position, e.event_id FROM eventstore.read_all(last, 700) e
				RETURNING "position")
			SELECT max("position") INTO latest FROM new;
			EXIT WHEN stop AND latest IS NULL;
			last := coalesce(latest, last);
		END LOOP;
	END
	$$ LANGUAGE plpgsql;
});

my %scripts = (
	'one@6' => q{
		\set entity random(0, 29)
		SELECT write(:entity, 1);},
	'batch@4' => q{
		\set entity random(0, 29)
		\set amount random(2, 150)
		SELECT write(:entity, :amount);},
	'rollback@2' => q{
		\set entity random(0, 29)
		\set amount random(1, 100)
		BEGIN;
		SELECT write(:entity, :amount);
		ROLLBACK;},
	'savepoint@3' => q{
		\set entity random(0, 29)
		\set amount random(1, 100)
		BEGIN;
		SELECT write(:entity, 2);
		SAVEPOINT s;
		SELECT write(:entity, :amount);
		ROLLBACK TO s;
		SELECT write(:entity, 1);
		COMMIT;},
	'exception@3' => q{
		\set entity random(0, 29)
		\set amount random(1, 50)
		SELECT write_or_not(:entity, :amount);},
	'two@2' => q{
		\set first random(0, 29)
		\set second random(0, 29)
		BEGIN;
		SELECT write(:first, 3);
		SELECT write(:second, 3);
		COMMIT;},
	'reader@2' => q{
		\set entity random(0, 29)
		SELECT 1 / (count(*) = eventstore.entity_version('entity-' || :entity)
			AND count(*) = coalesce(max(version), 0))::int
		FROM eventstore.read_entity('entity-' || :entity);},
	'old reader@1' => q{
		\set entity random(0, 29)
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		SELECT count(*) AS events, count(DISTINCT entity_id) AS entities FROM eventstore.events \\gset
		CREATE TEMP TABLE seen ON COMMIT DROP AS SELECT * FROM eventstore.events WHERE position > eventstore.safe_position() - 1000;
		DECLARE one CURSOR FOR SELECT * FROM eventstore.read_entity('entity-' || :entity);
		SELECT pg_sleep(0.05);
		SELECT 1 / (count(*) = 0)::int
			FROM (SELECT * FROM eventstore.events WHERE position > eventstore.safe_position() - 1000) e
			FULL JOIN seen s USING (position, entity_id, version, event_id)
			WHERE e.payload IS DISTINCT FROM s.payload OR e.recorded_at IS DISTINCT FROM s.recorded_at;
		SELECT 1 / (count(*) = eventstore.entity_version('entity-' || :entity)
				AND count(s.position) = (SELECT count(*) FROM seen WHERE entity_id = 'entity-' || :entity))::int
			FROM eventstore.read_entity('entity-' || :entity) e LEFT JOIN seen s USING (position, event_id, version);
		SELECT 1 / (count(*) = count(e.position))::int FROM (SELECT * FROM seen LIMIT 20) s
			LEFT JOIN LATERAL eventstore.get_event_by_id(s.event_id) e ON e.position = s.position;
		SELECT 1 / (count(*) = :events AND bool_and(up))::int
			FROM (SELECT position > coalesce(lag(position) OVER (), 0) AS up FROM (SELECT position FROM eventstore.events ORDER BY position) p) q;
		SELECT 1 / (count(*) = :entities AND sum(last) = :events)::int
			FROM (SELECT entity_id, max(version) AS last FROM eventstore.events GROUP BY 1) e;
		MOVE ALL IN one;
		COMMIT;});

my %followers;
for my $name ('read committed', 'repeatable read')
{
	$followers{$name} = $node->background_psql('postgres', on_error_stop => 0);
	$followers{$name}->query_safe("SET default_transaction_isolation = '$name'");
	start_query($followers{$name}, "CALL follow('$name')");
}

my $compaction = start_compacting($node);

# Transactions that deadlock are tried again.
$node->pgbench(
	'--no-vacuum --client=8 --jobs=2 --transactions=1000 --max-tries=100 --random-seed=1',
	0,
	[qr/processed: 8000\/8000/],
	[qr/^$|pgbench/],
	'writers', \%scripts);

$node->safe_psql('postgres', 'INSERT INTO finish VALUES (true)');
end_compacting($node, $compaction);
cmp_ok($node->safe_psql('postgres', 'SELECT events FROM eventstore.stat_compaction'), '>', 10000, 'much was merged');
cmp_ok($node->safe_psql('postgres', 'SELECT sum(events) FROM eventstore.runs'), '>', 10000, 'much is in sorted runs');
cmp_ok($node->safe_psql('postgres', 'SELECT max(level) FROM eventstore.runs'), '>', 0, 'which were merged');
for my $name (sort keys %followers)
{
	is((finish_query($followers{$name}))[1], '', "$name: the follower had no error");
	$followers{$name}->quit;
	is( $node->safe_psql('postgres', qq{
			SELECT count(*) FROM (
				SELECT "position" <= lag("position") OVER (ORDER BY seq) AS back
				FROM delivered WHERE follower = '$name') d
			WHERE back}),
		'0', "$name: events came in order, none twice");
	is( $node->safe_psql('postgres', qq{
			SELECT count(*) FROM (SELECT event_id FROM delivered WHERE follower = '$name') d
			FULL JOIN ledger USING (event_id)
			WHERE d.event_id IS NULL OR ledger.event_id IS NULL}),
		'0', "$name: all that was committed came, and nothing else");
}
is( $node->safe_psql('postgres', q{
		SELECT count(*) FROM eventstore.events e FULL JOIN ledger USING (event_id)
		WHERE e.event_id IS NULL OR ledger.event_id IS NULL}),
	'0', 'the store has what was committed, and nothing else');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM ledger'), '>', 10000, 'enough was written');
is($node->safe_psql('postgres', 'SELECT count(*) FROM delivered WHERE "position" > eventstore.safe_position()'),
	'0', 'nothing was delivered past the safe position');
is_sound($node, 'after the writers');

my $digest = events_digest($node);
$node->restart;
is(events_digest($node), $digest, 'a restart changes nothing');
is_sound($node, 'after a restart');

$node->stop;
done_testing();
