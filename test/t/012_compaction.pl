# I10: compaction in the background, and what may befall it: cancellation, errors at any
# place, locks, databases and extensions that are dropped, transactions that stay open.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('compaction', conf => "autovacuum = off\neventstore.compaction_delay = 1s");

sub setting
{
	my ($name, $value) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET eventstore.$name = '$value'");
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	return;
}

# Appends so many events one by one, of all shapes, to the database.
$node->safe_psql('template1', q{
	CREATE PROCEDURE public.append_each(number int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. number LOOP
			PERFORM eventstore.append('each-' || i % 17, 'each.' || i % 5,
				CASE i % 7 WHEN 0 THEN '[1, 2]' WHEN 1 THEN to_jsonb(i) WHEN 2 THEN jsonb_build_object('big', repeat(md5(i::text), i % 60))
					ELSE jsonb_build_object('n', i, 'text', 'some text of number ' || i) END,
				CASE i % 3 WHEN 0 THEN jsonb_build_object('by', 'user-' || i % 10) END,
				event_id => CASE i % 4 WHEN 0 THEN md5(random()::text)::uuid WHEN 1 THEN '00000000-0000-4000-8000-000000000000' END,
				tags => CASE i % 5 WHEN 0 THEN ARRAY['a', 'b' || i % 3] END,
				tenant_id => CASE i % 6 WHEN 0 THEN 'other' END,
				occurred_at => CASE i % 8 WHEN 0 THEN now() - i * interval '1 s' END);
			COMMIT;
			IF i % 50 = 0 THEN
				PERFORM eventstore.append('undone', 'each.undone');
				ROLLBACK;
			END IF;
			IF i % 400 = 0 THEN
				PERFORM eventstore.append('large', 'each.large', jsonb_build_object('large', (SELECT string_agg(md5(j::text), '') FROM generate_series(1, 1000) j)));
				PERFORM eventstore.ingest_batch(array_fill('batch'::text, '{30}'), array_fill('each.batch'::text, '{30}'), array_fill('{}'::text, '{30}'));
				COMMIT;
			END IF;
		END LOOP;
	END $$});

sub create_database
{
	my ($name) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, 'CREATE EXTENSION eventstore');
	return;
}

sub layouts
{
	my ($dbname) = @_;
	return $node->safe_psql($dbname, q{
		SELECT string_agg(DISTINCT get_byte(block::text::bytea, 3)::text, ',') FROM eventstore.blocks});
}

# ----------------------------------------------------------------- it happens by itself

create_database('by_itself');
$node->safe_psql('by_itself', 'CALL append_each(5000)');
my $digest = events_digest($node, 'by_itself');
my $rows = $node->safe_psql('by_itself', 'SELECT count(*) FROM eventstore.blocks');
setting(compaction => 'on');
$node->poll_query_until('by_itself', 'SELECT small_blocks = 0 AND events > 4000 FROM eventstore.stat_compaction')
  or die 'nothing is compacted';
is(events_digest($node, 'by_itself'), $digest, 'the events are the same');
cmp_ok($node->safe_psql('by_itself', 'SELECT count(*) FROM eventstore.blocks'), '<', $rows / 10, 'in far fewer blocks');
is_sound($node, 'after compaction', 'by_itself');
is($node->safe_psql('by_itself', q{SELECT count(*) FROM eventstore.events e
		WHERE NOT EXISTS (SELECT FROM eventstore.get_event(e.position) g WHERE g.event_id = e.event_id)
		   OR e.position % 7 = 0 AND event_id <> '00000000-0000-4000-8000-000000000000'
		   AND NOT EXISTS (SELECT FROM eventstore.get_event_by_id(e.event_id) g WHERE g.position = e.position)}),
	'0', 'each is found by position and by id');

# The worker vacuums, as soon as no snapshot sees the rows: this one, or the next.
my $vacuumed = 0;
for (1 .. 30)
{
	$node->safe_psql('by_itself', 'CALL append_each(20)');
	sleep 3;
	last if $vacuumed = $node->safe_psql('by_itself', q{SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'blocks'});
}
cmp_ok($vacuumed, '>', 0, 'the worker vacuums');
my $pages = $node->safe_psql('by_itself', q{SELECT pg_relation_size('eventstore.blocks') / 8192});
$node->safe_psql('by_itself', 'CALL append_each(5000)');
$node->poll_query_until('by_itself', 'SELECT small_blocks = 0 FROM eventstore.stat_compaction') or die 'not compacted again';
cmp_ok($node->safe_psql('by_itself', q{SELECT pg_relation_size('eventstore.blocks') / 8192}), '<', 2 * $pages,
	'room is used again');
$node->restart;
$digest = $node->safe_psql('by_itself', 'SELECT count(*) FROM eventstore.events');
is($node->safe_psql('by_itself', q{SELECT sum(eventstore.entity_version('each-' || i, tenant_id => t))
	+ eventstore.entity_version('large') + eventstore.entity_version('batch') FROM generate_series(0, 16) i, unnest(ARRAY['default', 'other']) t}),
	$digest, 'the index is built of merged blocks');
is_sound($node, 'after a restart', 'by_itself');

# ------------------------------------------------------------------------- small stores

setting(compaction_delay => 0);
create_database('quiet');
for my $i (1 .. 40)
{
	$node->safe_psql('quiet', "SELECT FROM eventstore.append('a', 't', '{\"i\":$i}')");
	$node->poll_query_until('quiet', 'SELECT small_blocks = 0 FROM eventstore.stat_compaction') or die 'a quiet store is not compacted';
}
cmp_ok($node->safe_psql('quiet', 'SELECT count(*) FROM eventstore.blocks'), '<=', 10, 'a store of few events has few blocks');
cmp_ok($node->safe_psql('quiet', 'SELECT events FROM eventstore.stat_compaction'), '<=', 40 * 8, 'and they were not rewritten each time');
is_sound($node, 'a quiet store', 'quiet');

# Events that come when the worker has just looked, and is still there, are merged as well.
setting(compaction_delay => 1);
create_database('trickle');
for my $round (1 .. 3)
{
	$node->safe_psql('trickle', 'CALL append_each(50)');
	$node->poll_query_until('trickle', "SELECT steps >= $round FROM eventstore.stat_compaction") or die 'nothing is merged';
	$node->safe_psql('trickle', 'CALL append_each(100)');
	$node->poll_query_until('trickle', 'SELECT small_blocks = 0 FROM eventstore.stat_compaction') or die 'the rest is not merged';
}
pass('what comes when the worker is about to end is merged');

# -------------------------------------------------- what is settled, and what is not

create_database('prepared');
$node->safe_psql('prepared', q{CALL append_each(100)});
$node->safe_psql('prepared', q{BEGIN; SELECT FROM eventstore.append('prepared', 't'); PREPARE TRANSACTION 'p'});
$node->safe_psql('prepared', q{CALL append_each(100)});
$node->poll_query_until('prepared', 'SELECT small_blocks <= 1 AND events >= 90 FROM eventstore.stat_compaction') or die 'nothing was merged';
$digest = events_digest($node, 'prepared');
like(layouts('prepared'), qr/^1,.*3$/, 'what is not settled is left');
is($node->safe_psql('prepared', q{SELECT count(*) FROM eventstore.blocks WHERE first_position > eventstore.safe_position()}) > 90,
	1, 'that is what follows the prepared transaction');
$node->safe_psql('prepared', q{COMMIT PREPARED 'p'});
$node->safe_psql('prepared', q{SELECT FROM eventstore.append('prepared', 't')});
$node->poll_query_until('prepared', q{SELECT count(*) < 20 FROM eventstore.blocks}) or die 'the rest is not merged';
is($node->safe_psql('prepared', q{SELECT eventstore.entity_version('prepared')}), '2', 'the prepared event is there');
is_sound($node, 'with a prepared transaction', 'prepared');

# The last transaction in the log is open, or prepared, when the worker looks: its events
# are merged when it has ended, without another one.
create_database('last');
$node->safe_psql('last', 'CALL append_each(10)');
my $open = $node->background_psql('last');
$open->query_safe(q{BEGIN; SELECT count(*) FROM generate_series(1, 500) i, LATERAL eventstore.append('open', 't', to_jsonb(i)) a});
$node->poll_query_until('last', 'SELECT steps > 0 AND small_blocks <= 1 FROM eventstore.stat_compaction') or die 'nothing is merged';
$open->query_safe('COMMIT');
$open->quit;
$node->poll_query_until('last', q{SELECT count(*) < 20 FROM eventstore.blocks}) or die 'an open transaction is forgotten';
$node->safe_psql('last', q{BEGIN; SELECT count(*) FROM generate_series(1, 500) i, LATERAL eventstore.append('prepared', 't', to_jsonb(i)) a; PREPARE TRANSACTION 'last'});
sleep 3;
$node->safe_psql('last', q{COMMIT PREPARED 'last'});
$node->poll_query_until('last', q{SELECT count(*) < 20 FROM eventstore.blocks}) or die 'a prepared transaction is forgotten';
is($node->safe_psql('last', q{SELECT eventstore.entity_version('open') + eventstore.entity_version('prepared')}), '1000', 'all events are there');
is_sound($node, 'with transactions that end late', 'last');

# A rate is kept: between two steps, of 8192 events at most, the worker sleeps for what the
# first one has read, here half an hour, and goes on at once when it may.
setting(compaction => 'off');
create_database('slow');
$node->safe_psql('slow', 'CALL append_each(18000)');
setting(compaction_rate => '1kB');
setting(compaction => 'on');
$node->poll_query_until('slow', 'SELECT steps = 1 FROM eventstore.stat_compaction') or die 'nothing is merged';
sleep 2;
is($node->safe_psql('slow', 'SELECT steps FROM eventstore.stat_compaction'), '1', 'the rate is kept');
setting(compaction_rate => 0);
$node->poll_query_until('slow', 'SELECT steps > 1 AND small_blocks = 0 FROM eventstore.stat_compaction') or die 'it does not go on';

# A worker that fails is started again.
create_database('retried');
my $holder = $node->background_psql('retried');
$node->safe_psql('retried', 'CALL append_each(50)');
$holder->query_safe('BEGIN; SELECT FROM eventstore.blocks FOR UPDATE');
$node->poll_query_until('retried', 'SELECT failures > 0 FROM eventstore.stat_compaction') or die 'it does not fail';
$holder->query_safe('COMMIT');
$holder->quit;
$node->poll_query_until('retried', 'SELECT steps > 0 FROM eventstore.stat_compaction') or die 'it is not tried again';
pass('a worker that failed is started again');

# Functions of the table's owner are called with his rights, not with those of the worker.
create_database('owned');
$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN');
$node->safe_psql('owned', q{
	ALTER TABLE eventstore.blocks OWNER TO owner;
	GRANT ALL ON SCHEMA public, eventstore TO owner;
	SET ROLE owner;
	CREATE TABLE public.log (who text);
	CREATE FUNCTION public.tell(bigint) RETURNS bigint LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO public.log VALUES (current_user); RETURN $1; END $$;
	CREATE FUNCTION public.pure(bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN public.tell($1); END $$;
	CREATE INDEX ON eventstore.blocks (public.pure(first_position))});
$node->safe_psql('owned', 'CALL append_each(30); TRUNCATE public.log');
$node->safe_psql('owned', 'CALL eventstore.compact()');
is($node->safe_psql('owned', 'SELECT DISTINCT who FROM public.log'), 'owner', 'compact() has the rights of the owner in them');
$node->safe_psql('owned', 'CALL append_each(300); TRUNCATE public.log');
$node->poll_query_until('owned', 'SELECT small_blocks = 0 AND steps > 1 FROM eventstore.stat_compaction') or die 'nothing is merged';
is($node->safe_psql('owned', 'SELECT DISTINCT who FROM public.log'), 'owner', 'so has the worker');
is_sound($node, 'of another owner', 'owned');

# A standby that does not answer holds commits up, but not compaction, nor readers.
create_database('waiting');
$node->safe_psql('waiting', 'CALL append_each(200)');
$node->safe_psql('waiting', q{BEGIN; SELECT FROM eventstore.append('gone', 't'); ROLLBACK; VACUUM eventstore.blocks});
$node->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = 'nosuch'; SELECT pg_reload_conf()});
$node->poll_query_until('waiting', 'SELECT steps > 0 FROM eventstore.stat_compaction') or die 'compaction waits';
is($node->safe_psql('waiting', q{SET statement_timeout = '60s'; CALL eventstore.compact(); SELECT eventstore.entity_version('gone')}), '0', 'nobody waits');
$node->safe_psql('postgres', q{ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()});

# ------------------------------------------------------------- it fails, at any place

setting(compaction => 'off');
create_database('failing');
$node->safe_psql('failing', 'CALL append_each(3000)');
$digest = events_digest($node, 'failing');

# An expression index on the block table raises an error as blocks are inserted.
$node->safe_psql('failing', q{
	CREATE SEQUENCE countdown;
	CREATE FUNCTION fail_now(eventstore.block) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
	BEGIN
		IF current_setting('my.fail_at', true)::int = nextval('public.countdown') THEN RAISE EXCEPTION 'failed as it should'; END IF;
		RETURN 1;
	END $$;
	CREATE INDEX failing ON eventstore.blocks (fail_now(block))});
for my $at (1, 2, 10, 40)
{
	my $error = attempt($node, "SELECT setval('countdown', 1, false); SET my.fail_at = $at; CALL eventstore.compact()", 'failing');
	like($error, qr/failed as it should/, "compaction fails at block $at");
	is(events_digest($node, 'failing'), $digest, 'nothing has changed');
	is_sound($node, "failed at block $at", 'failing');
}
$node->safe_psql('failing', 'DROP INDEX eventstore.failing');
my $locker = $node->background_psql('failing');
$locker->query_safe('BEGIN; SELECT FROM eventstore.blocks ORDER BY first_position LIMIT 1 FOR UPDATE');
like(attempt($node, 'CALL eventstore.compact()', 'failing'), qr/55006.*row is locked/, 'a row that is locked is not waited for');
$locker->query_safe('COMMIT');
$locker->quit;
like(attempt($node, 'SET statement_timeout = 1; CALL eventstore.compact()', 'failing'), qr/57014|^$/, 'a cancelled compaction');
is(events_digest($node, 'failing'), $digest, 'nothing has changed');
like(attempt($node, "BEGIN; CALL eventstore.compact()", 'failing'), qr/2D000: eventstore.compact\(\) cannot be called inside a transaction/, 'not in a transaction');
like(attempt($node, "DO 'BEGIN BEGIN CALL eventstore.compact(); EXCEPTION WHEN division_by_zero THEN END; END'", 'failing'),
	qr/2D000/, 'nor in a block that may be rolled back');
is(attempt($node, "DO 'BEGIN CALL eventstore.compact(); END'", 'failing'), '', 'a procedure that can commit may call it');
is(events_digest($node, 'failing'), $digest, 'the events are the same');
is_sound($node, 'after all', 'failing');
is(attempt($node, "SET default_transaction_isolation = serializable; SET default_transaction_read_only = on; CALL eventstore.compact()", 'failing') =~ /25006/,
	1, 'not in a read-only session');

# Cancelled again and again, at any moment, while others read.
$node->safe_psql('failing', 'CALL append_each(3000)');
$digest = events_digest($node, 'failing');
my $wrong = 0;
for my $ms (1 .. 30)
{
	attempt($node, "SET statement_timeout = $ms; CALL eventstore.compact()", 'failing');
	$wrong++ if $node->safe_psql('failing', q{
		SELECT sum(eventstore.entity_version('each-' || i, tenant_id => t)) <> (SELECT count(*) FROM eventstore.events WHERE entity_id ~ '^each')
		FROM generate_series(0, 16) i, unnest(ARRAY['default', 'other']) t}) ne 'f';
}
is($wrong, 0, 'readers of entities saw all of them each time');
is(events_digest($node, 'failing'), $digest, 'the events are the same');
is_sound($node, 'cancelled again and again', 'failing');

# ----------------------------------------------------------- what goes away beneath it

setting(compaction => 'on');
for my $round (1 .. 3)
{
	create_database('dropped');
	my $writer = $node->background_psql('dropped', on_error_stop => 0);
	start_query($writer, 'CALL append_each(100000)');
	$node->poll_query_until('dropped', 'SELECT steps > 3 FROM eventstore.stat_compaction') or die 'nothing is merged';
	$node->safe_psql('dropped', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ \'append_each\' AND pid <> pg_backend_pid()');
	eval { $writer->quit };
	if ($round == 1)
	{
		$node->safe_psql('dropped', 'DROP EXTENSION eventstore; CREATE EXTENSION eventstore; CALL append_each(10)');
		$node->safe_psql('dropped', 'TRUNCATE eventstore.blocks; CALL append_each(10)');
	}
	$node->safe_psql('postgres', 'DROP DATABASE dropped');
	pass("round $round: a database that is compacted can be dropped");
}
# DROP DATABASE that fails, since somebody else is there, has forgotten nothing.
create_database('kept');
my $guest = $node->background_psql('kept');
$node->safe_psql('kept', 'CALL append_each(50)');
like(attempt($node, 'DROP DATABASE kept'), qr/55006/, 'a database in use is not dropped');
$guest->quit;
$node->poll_query_until('kept', 'SELECT small_blocks = 0 AND steps > 0 FROM eventstore.stat_compaction') or die 'it is forgotten';

# The launcher comes back.
$node->safe_psql('by_itself', 'CALL append_each(100)');
my ($launcher) = map { /^\s*(\d+)/ } grep { /eventstore launcher/ && /compaction/ } split /\n/, `ps -eo pid,args`;
ok(defined $launcher, 'the launcher is there');
kill 'TERM', $launcher;
sleep 1;
$node->safe_psql('by_itself', 'CALL append_each(100)');
$node->poll_query_until('by_itself', 'SELECT small_blocks = 0 FROM eventstore.stat_compaction') or die 'nothing is compacted any more';

# ------------------------------------------------------------------------ subscribers

create_database('subscriber');
$node->safe_psql('subscriber', q{CALL append_each(20);
	CREATE SUBSCRIPTION s CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false)});
my $subscribed = $node->safe_psql('subscriber', q{INSERT INTO pg_subscription_rel SELECT oid, 'eventstore.blocks'::regclass, 'r', NULL FROM pg_subscription RETURNING 1});
like(attempt($node, 'CALL eventstore.compact()', 'subscriber'), qr/55000.*cannot compact events that a subscription brings/, 'subscribers do not compact');
$node->safe_psql('subscriber', q{ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s});

# ------------------------------------------------------------------------------ dumps

my $dump = $node->basedir . '/dump';
$digest = events_digest($node, 'failing');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
system_or_bail('pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('failing'), '-n', 'eventstore', '-e', 'eventstore');
system_or_bail('pg_restore', '-d', $node->connstr('restored'), $dump);
is(events_digest($node, 'restored'), $digest, 'a compacted store comes back from a dump');
is_sound($node, 'restored', 'restored');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|server process .* was terminated|database \d+ does not exist/, 'no process crashed, and none was started for a database that is gone');
done_testing();
