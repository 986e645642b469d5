# I6, I9, I10: sorted runs of the entity index. The index lets go what they know, so a store
# of any size is appended to and read, by snapshots of any age; a restart reads what is
# behind them; and whatever damages them is said, and mended from the log.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('runs', conf => <<'EOC');
autovacuum = off
eventstore.compaction = on
eventstore.compaction_delay = 1h
EOC
my $entities = 20000;

sub sql
{
	my ($query, $dbname) = @_;
	return $node->safe_psql($dbname // 'postgres', $query);
}

sub setting
{
	my ($name, $value) = @_;

	sql("ALTER SYSTEM SET eventstore.$name = '$value'");
	sql('SELECT pg_reload_conf()');
	return;
}

# Batches of 10,000 events, of each entity at most one.
my $batches = 0;

sub batch
{
	$batches++;
	return qq{SELECT ingested FROM eventstore.ingest_batch(
		(SELECT array_agg('runs-' || (i + $batches * 10000) % $entities) FROM generate_series(1, 10000) i),
		(SELECT array_agg('runs.' || i % 4) FROM generate_series(1, 10000) i),
		(SELECT array_agg('{"batch": $batches, "n": ' || i || '}') FROM generate_series(1, 10000) i));};
}

# ---------------------------------------------------------------- more than memory holds

sql(batch() . batch());

my $old = $node->background_psql('postgres', on_error_stop => 0);
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $whole = q{SELECT count(*), sum(version), md5(string_agg(position || ' ' || version, ',' ORDER BY position))
	FROM (SELECT 'runs-' || i * 97 AS name FROM generate_series(0, 200) i) n, eventstore.read_entity(n.name)};
my $versions = q{SELECT count(*), sum(v) FROM (SELECT entity_id, max(version) AS v FROM eventstore.events GROUP BY 1) q};
my $seen = $old->query_safe($whole);
my $seen_versions = $old->query_safe($versions);

my $cursor = $node->background_psql('postgres');
$cursor->query_safe(q{BEGIN; DECLARE c CURSOR FOR SELECT version FROM eventstore.events WHERE entity_id = 'runs-0' ORDER BY version});
$cursor->query_safe('FETCH 1 FROM c');

# A transaction that was rolled back has left its last version in the index.
$node->psql('postgres', q{BEGIN; SELECT eventstore.append('runs-5', 'undone') FROM generate_series(1, 3); ROLLBACK});

sql("SET statement_timeout = '120s';" . join('', map { batch() } 1 .. 98));
is(sql('SELECT count(*) FROM eventstore.events'), 1000000, 'a million events are in a memory of 16 MB');
$node->poll_query_until('postgres', 'SELECT posting_memory < 12000000 FROM eventstore.stat_index') or die 'nothing is let go';
cmp_ok(sql('SELECT sum(events) FROM eventstore.runs'), '>', 400000, 'sorted runs have many of them');
is(sql($versions), "$entities|1000000", 'versions are known of all entities');
is_sound($node, 'more than memory holds');
is(sql(q{SELECT count(*) FROM (SELECT 'runs-' || i AS name FROM generate_series(0, 19999, 100) i) n
		WHERE (SELECT array_agg(version) FROM eventstore.read_entity(n.name)) IS DISTINCT FROM
			(SELECT array_agg(v) FROM generate_series(1, eventstore.entity_version(n.name)) v)}),
	0, 'entities are read from the first version on');
is(sql(q{SELECT string_agg(version::text, ' ') FROM eventstore.read_entity('runs-7', backward => true, max_count => 3)}),
	'50 49 48', 'and from the last one back');
is(sql(q{SELECT string_agg(version::text, ' ') FROM eventstore.read_entity('runs-7', 20, 3)}), '20 21 22', 'and from any version on');

is($old->query_safe($whole), $seen, 'a snapshot from before the runs sees what it saw');
is($old->query_safe($versions), $seen_versions, 'also of versions');
like($cursor->query_safe('FETCH ALL FROM c'), qr/^2?$/, 'and a cursor goes on');
$cursor->query_safe('ROLLBACK');
$cursor->quit;

# ------------------------------------------------------------------------ claims

is(sql(q{SELECT version FROM eventstore.append('runs-5', 'on')}), 51, 'what was rolled back is no version');
my ($status, $out, $err) = $node->psql('postgres', q{SELECT eventstore.append('runs-6', 'on', expected_version => 3)});
like($err, qr/expected 3, is 50/, 'an expected version is compared');
my $id = sql(q{SELECT event_id FROM eventstore.read_entity('runs-6', 4, 1)});
is(sql(qq{SELECT version FROM eventstore.append('runs-6', 'on', expected_version => 3, event_id => '$id')}), 4,
	'the repeat of an append finds it in the runs');
sql(q{SELECT eventstore.append('runs-8', 'on')});
$old->query(q{SELECT eventstore.append('runs-9', 'on')});
like($old->{stderr}, qr/could not serialize access/, 'an old snapshot cannot build on what it does not see');
$old->quit;

# --------------------------------------------------------------------- a restart

$node->restart;
is(sql(q{SELECT eventstore.entity_version('runs-5')}), 51, 'a restart: versions are known');
cmp_ok(sql('SELECT blocks_read FROM eventstore.stat_index'), '<',
	sql(q{SELECT pg_relation_size('eventstore.blocks') / 8192 * 0.7}), 'only what is behind the runs is read');
is(sql(q{SELECT version FROM eventstore.append('runs-7', 'on')}), 51, 'and appends go on');
is_sound($node, 'after a restart');

$node->stop('immediate');
$node->start;
is(sql(q{SELECT eventstore.entity_version('runs-7')}), 51, 'a crash: versions are known');
is_sound($node, 'after a crash');

# A transaction that is prepared keeps its entity over a restart, and holds up the runs.
sql(q{BEGIN; SELECT eventstore.append('kept', 'prepared'); PREPARE TRANSACTION 'runs'});
sql(batch() . batch());
$node->restart;
is(sql(q{SELECT eventstore.entity_version('kept')}), 0, 'a prepared transaction is not seen');
($status, $out, $err) = $node->psql('postgres', q{SET lock_timeout = '100ms'; SELECT eventstore.append('kept', 'on')});
like($err, qr/lock timeout/, 'and keeps what it owns');
sql(q{COMMIT PREPARED 'runs'});
is(sql(q{SELECT eventstore.entity_version('kept')}), 1, 'until it commits');
is_sound($node, 'after a prepared transaction');

# ------------------------------------------------------------ without compaction, full

setting(compaction => 'off');
my $error = '';
for (1 .. 300)
{
	($status, $out, $error) = $node->psql('postgres', batch());
	last if $status != 0;
}
like($error, qr/the entity index is full/, 'without compaction nobody waits for memory');

# Who waits can be cancelled.
setting(compaction_rate => '1kB');
setting(compaction => 'on');
is(sql("SET statement_timeout = '120s';" . batch()), 10000, 'with it, appends go on');
setting(compaction_rate => 0);
is_sound($node, 'after it was full');

# ------------------------------------------------------------------------ damage

sql('CALL eventstore.compact()');
my $all_read = q{SELECT count(*) FROM (SELECT 'runs-' || i AS name FROM generate_series(0, 19999) i) n, eventstore.read_entity(n.name)};
my $changed = sql(q{UPDATE eventstore.run_pages SET page = set_byte(page, 1000, get_byte(page, 1000) # 1)
	WHERE (run, number) = (SELECT run, 3 FROM eventstore.runs ORDER BY first_position LIMIT 1)
	RETURNING (SELECT run FROM eventstore.runs ORDER BY first_position LIMIT 1)});
sql('VACUUM eventstore.run_pages');    # the old row may be found as long as it is there
like(sql('SELECT severity, problem FROM eventstore.verify()'), qr/^error\|sorted run $changed of the entity index is damaged$/m,
	'damage: verify() finds it');
($status, $out, $err) = $node->psql('postgres', q{\set VERBOSITY verbose
	SELECT count(*) FROM (SELECT 'runs-' || i AS name FROM generate_series(0, 19999) i) n, eventstore.read_entity(n.name)});
like($err, qr/XX001: sorted run $changed of the entity index is damaged.*HINT:  eventstore.rebuild_index\(\)/s, 'and who meets it is told');
$node->restart;
is(sql(q{SELECT version FROM eventstore.append('new-after-damage', 'on')}) + sql(q{SELECT count(*) FROM eventstore.events WHERE entity_id = 'runs-99999'}), 1,
	'after a restart what is not damaged is appended to and read');
($status, $out, $err) = $node->psql('postgres', $all_read);
like($err, qr/sorted run $changed of the entity index is damaged/, 'and what is damaged is still told');
sql('SELECT eventstore.rebuild_index()');
is(sql($all_read), sql(q{SELECT count(*) FROM eventstore.events WHERE entity_id LIKE 'runs-%'}), 'rebuilt, all is read');
is(sql(q{SELECT version > 51 FROM eventstore.append('runs-5', 'on')}), 't', 'and appended to');
is_sound($node, 'rebuilt');
sql('CALL eventstore.compact()');
cmp_ok(sql("SELECT count(*) FROM eventstore.runs WHERE run <> $changed"), '>', 0, 'runs are made again');
is_sound($node, 'rebuilt and compacted');

# Rows that cannot be are as none: nothing is found where the index has let go, and that is said.
sql('UPDATE eventstore.runs SET run = -run');
($status, $out, $err) = $node->psql('postgres', q{\set VERBOSITY verbose
	SELECT count(*) FROM (SELECT 'runs-' || i AS name FROM generate_series(0, 19999) i) n, eventstore.read_entity(n.name)});
like($err, qr/XX001: (version \d+ of entity "runs-\d+" is missing in the sorted runs|sorted runs of the entity index are missing)/, 'runs that cannot be: who needs them is told');
cmp_ok(sql('SELECT count(*) FROM eventstore.verify()'), '>', 0, 'and verify() lists what is missing');
$node->restart;
is(sql(q{SELECT eventstore.entity_version('runs-7') > 51}), 't', 'a restart makes others first');
is_sound($node, 'runs that could not be');
sql('UPDATE eventstore.runs SET last_position = 9223372036854775807 WHERE last_position = (SELECT max(last_position) FROM eventstore.runs)');
$node->restart;
sql('SELECT eventstore.rebuild_index()');
is(sql(q{SELECT version > 51 FROM eventstore.append('runs-7', 'on')}), 't', 'positions that nobody was given are mended');
is_sound($node, 'rebuilt again');

# ------------------------------------------------------------ changes of the block table

setting(run_events => 1000);
setting(shed_at => 0);
my $digest = events_digest($node);
sql(q{BEGIN; TRUNCATE eventstore.blocks; SELECT eventstore.append('runs-1', 'on'); ROLLBACK});
is(events_digest($node), $digest, 'TRUNCATE, rolled back: all is there');
is_sound($node, 'TRUNCATE, rolled back');
sql('VACUUM FULL eventstore.blocks');
is(events_digest($node), $digest, 'VACUUM FULL: all is there');
sql('CALL eventstore.compact()');
is_sound($node, 'VACUUM FULL');
sql('VACUUM FULL eventstore.runs');
sql('VACUUM FULL eventstore.run_pages');
$node->restart;
is(events_digest($node), $digest, 'VACUUM FULL of the runs: all is there');
is_sound($node, 'VACUUM FULL of the runs');
sql(q{BEGIN; SELECT eventstore.rebuild_index(); ROLLBACK});
is_sound($node, 'rebuild_index(), rolled back');

# Rows of another server may have any positions.
sql(q{CREATE TABLE kept AS SELECT * FROM eventstore.blocks;
	DELETE FROM eventstore.blocks; INSERT INTO eventstore.blocks SELECT * FROM kept; DROP TABLE kept});
is(sql('SELECT count(*) FROM eventstore.runs'), 0, 'rows that are changed by hand end the runs');
is(events_digest($node), $digest, 'and nothing else');
sql('CALL eventstore.compact()');
cmp_ok(sql('SELECT count(*) FROM eventstore.runs'), '>', 0, 'they are made again');
is_sound($node, 'rows changed by hand');

sql('TRUNCATE eventstore.blocks');
is(sql(q{SELECT version FROM eventstore.append('runs-1', 'on')}), 1, 'TRUNCATE: entities begin anew');
sql('CALL eventstore.compact()');
is(sql('SELECT sum(events) FROM eventstore.runs'), 1, 'and so do runs');
is_sound($node, 'TRUNCATE');

# Fields of the wrong form are no reason to end.
for my $page ("''", q{'\x00'}, q{decode(repeat('00', 32), 'hex')}, q{decode(repeat('ff', 8000), 'hex')}, q{substr(page, 1, 40)}, q{page || page})
{
	sql("UPDATE eventstore.run_pages SET page = $page");
	sql('VACUUM eventstore.run_pages');
	($status, $out, $err) = $node->psql('postgres', q{SELECT version FROM eventstore.read_entity('runs-1')});
	like($err, qr/^psql:<stdin>:1: ERROR:  sorted run \d+ of the entity index is damaged/, "a page of $page is damaged");
	like(sql('SELECT problem FROM eventstore.verify()'), qr/damaged/, 'verify() says so');
	sql('SELECT eventstore.rebuild_index()');
	sql(q{SELECT eventstore.append('runs-1', 'on')});
	sql('CALL eventstore.compact()');
}
is_sound($node, 'all kinds of pages');

# Positions come to an end.
sql('CREATE DATABASE at_end');
sql(q{CREATE EXTENSION eventstore; SELECT setval('eventstore.position_seq', 9223372036854775806)}, 'at_end');
($status, $out, $err) = $node->psql('at_end', q{SELECT eventstore.append('a', 'b')});
like($err, qr/ERROR:  there are no more positions/, 'no more positions: an error');

$node->stop;
done_testing();
