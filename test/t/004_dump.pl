# I1, I4, I6: events survive dump and restore, rewriting of the block table and
# copies of the database as they are, and appends go on with the right versions
# and higher positions.  Databases of one server do not disturb each other.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('dump');
my $directory = PostgreSQL::Test::Utils::tempdir;

# Something of everything: tenants, tags, metadata, times, events too large for
# a page, blocks of many events and of one.
$node->safe_psql('postgres', q{
	SELECT eventstore.ingest_batch((
		SELECT array_agg(eventstore.make_event('entity-' || i % 50, 'dump.' || i % 3,
			jsonb_build_object('n', i, 'text', E'\u00e4"\\\\'),
			tenant_id => CASE WHEN i % 10 = 0 THEN 'other' END,
			tags => CASE WHEN i % 4 = 0 THEN ARRAY['a', 'b b'] END,
			occurred_at => CASE WHEN i % 7 = 0 THEN '2001-02-03 04:05:06.789+00'::timestamptz END,
			metadata => CASE WHEN i % 5 = 0 THEN '{"correlation_id": "c"}'::jsonb END))
		FROM generate_series(1, 3000) i));
	SELECT eventstore.append('large', 'dump.large', jsonb_build_object('text',
		(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i)), tags => ARRAY['big']);
	SELECT eventstore.append('entity-1', 'dump.single');
	BEGIN; SELECT eventstore.append('entity-1', 'undone'); ROLLBACK});

# Rights on the relation, and things of a user that hang on it.
$node->safe_psql('postgres', q{
	GRANT INSERT, SELECT (entity_id) ON eventstore.events TO pg_monitor;
	GRANT USAGE ON FOREIGN SERVER eventstore TO pg_monitor;
	CREATE VIEW entities AS SELECT DISTINCT entity_id FROM eventstore.events});

my $digest = events_digest($node);
my $last_version = $node->safe_psql('postgres', q{SELECT eventstore.entity_version('entity-1')});
my $safe = $node->safe_psql('postgres', 'SELECT eventstore.safe_position()');

# The database has all events, and goes on where the original stopped.
sub check_copy
{
	my ($name, $where, $dbname) = @_;

	is(events_digest($where, $dbname), $digest, "$name: the events are the same");
	is_sound($where, $name, $dbname);
	my ($position, $version) = split /\|/, $where->safe_psql($dbname,
		q{SELECT * FROM eventstore.append('entity-1', 'dump.later')});
	is($version, $last_version + 1, "$name: versions go on");
	cmp_ok($position, '>', $safe, "$name: positions go on");
	is($where->safe_psql($dbname, q{INSERT INTO eventstore.events (entity_id, event_type) VALUES ('entity-1', 'dump.row') RETURNING version}),
		$version + 1, "$name: the relation takes rows");
	is_sound($where, "$name, after an append", $dbname);
	return;
}

# ------------------------------------------------------------ dump and restore

my $fresh = new_node('fresh', bare => 1);

$node->command_ok([ 'pg_dump', '-f', "$directory/plain.sql", 'postgres' ], 'dump');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$directory/custom", 'postgres' ], 'dump in the custom format');

for my $target ([ 'the same cluster', $node ], [ 'a fresh cluster', $fresh ])
{
	my ($name, $where) = @$target;

	$where->safe_psql('postgres', 'CREATE DATABASE plain; ');
	$where->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$directory/plain.sql" ],
		"restore to $name");
	check_copy("restored to $name", $where, 'plain');
	is($where->safe_psql('plain', q{
		SELECT has_table_privilege('pg_monitor', 'eventstore.events', 'INSERT'), has_table_privilege('pg_monitor', 'eventstore.events', 'SELECT'),
			has_column_privilege('pg_monitor', 'eventstore.events', 'entity_id', 'SELECT'), has_server_privilege('pg_monitor', 'eventstore', 'USAGE'),
			(SELECT count(*) > 1 FROM entities),
			EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = 'eventstore.events'::regclass AND deptype = 'e')}),
		't|f|t|t|t|t', "restored to $name: rights, views, and events as part of the extension");

	$where->safe_psql('postgres', 'CREATE DATABASE custom');
	$where->command_ok([ 'pg_restore', '-j', 2, '-d', 'custom', "$directory/custom" ],
		"restore to $name with two jobs");
	check_copy("restored to $name with two jobs", $where, 'custom');

	# Into a store that is in use already, if only to look.
	$where->safe_psql('postgres', 'CREATE DATABASE opened');
	$where->safe_psql('opened', q{
		CREATE EXTENSION eventstore;
		SELECT eventstore.entity_version('entity-1');
		BEGIN; SELECT eventstore.append('entity-1', 'undone'); ROLLBACK});
	$where->command_ok([ 'pg_restore', '--data-only', '-d', 'opened', "$directory/custom" ],
		"restore of the data to $name");
	check_copy("restored to an open store in $name", $where, 'opened');
}
$fresh->restart;
is_sound($fresh, 'a restored database after a restart', 'plain');
$fresh->stop;

# ------------------------------------------------------- copies and databases

$node->safe_psql('postgres', 'CREATE DATABASE original; CREATE DATABASE empty');
$node->command_ok([ 'pg_restore', '-d', 'original', "$directory/custom" ], 'restore');
$node->safe_psql('original', 'DROP VIEW entities');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE original');
$node->safe_psql('empty', 'CREATE EXTENSION eventstore');
check_copy('a copy by template', $node, 'copy');
check_copy('its original', $node, 'original');

my $open = $node->background_psql('original');
$open->query_safe(q{BEGIN; SELECT eventstore.append('entity-2', 'open')});
$node->safe_psql('empty', q{SELECT eventstore.append('entity-2', 'other.database')});
is($node->safe_psql('empty', 'SELECT entity_id, version FROM eventstore.read_all()'),
	'entity-2|1', 'an open transaction in another database holds nobody up');
is($node->safe_psql('copy', q{SELECT count(*) FROM eventstore.read_entity('entity-2') WHERE event_type = 'other.database'}),
	'0', 'databases do not see each other');
$open->query_safe('COMMIT');
$open->quit;
$node->safe_psql('postgres', 'DROP DATABASE copy');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE empty');
is($node->safe_psql('copy', q{SELECT version FROM eventstore.append('entity-2', 'again')}),
	'2', 'a database of the name of a dropped one is a new one');
is_sound($node, 'the other database', 'original');

# --------------------------------------------------- rewriting the block table

sub db
{
	my ($sql) = @_;
	return $node->safe_psql('original', $sql);
}

$digest = events_digest($node, 'original');
for my $command ('VACUUM', 'VACUUM FREEZE eventstore.blocks', 'VACUUM FULL eventstore.blocks',
	'CLUSTER eventstore.blocks USING blocks_pkey', 'REINDEX TABLE eventstore.blocks',
	'ANALYZE eventstore.blocks', 'SELECT eventstore.rebuild_index()')
{
	db($command);
	is(events_digest($node, 'original'), $digest, "$command: the events are the same");
	is_sound($node, $command, 'original');
}

# In the same transaction as writing.  Each row: what is done, the versions that
# the appends get, what is left in the end.
my $append = q{SELECT version FROM eventstore.append('E', 'rewritten')};
my $cluster = 'CLUSTER eventstore.blocks USING blocks_pkey';
my $version = q{SELECT eventstore.entity_version('E')};
my @cases = (
	[ 'append, rewrite, append', "BEGIN; A; C; A; COMMIT", "1\n2", 2 ],
	[ 'append, rewrite, append, undone', "BEGIN; A; C; A; ROLLBACK", "1\n2", 0 ],
	[ 'rewrite in a savepoint, undone', "BEGIN; A; SAVEPOINT s; C; A; ROLLBACK TO s; A; COMMIT", "1\n2\n2", 2 ],
	[ 'append in a savepoint after a rewrite, undone', "BEGIN; C; A; SAVEPOINT s; A; ROLLBACK TO s; A; COMMIT", "1\n2\n2", 2 ],
	[ 'append in a savepoint, rewrite, undone', "BEGIN; A; SAVEPOINT s; A; C; ROLLBACK TO s; A; COMMIT", "1\n2\n2", 2 ],
	[ 'two rewrites', "BEGIN; A; C; A; C; A; COMMIT", "1\n2\n3", 3 ],
	[ 'truncate, undone', "BEGIN; A; TRUNCATE eventstore.blocks; A; ROLLBACK", "1\n1", 0 ],
	[ 'two truncates, undone', "BEGIN; TRUNCATE eventstore.blocks; A; TRUNCATE eventstore.blocks; A; ROLLBACK", "1\n1", 0 ],
	[ 'drop the extension, undone', "BEGIN; A; DROP EXTENSION eventstore; ROLLBACK; A", "1\n1", 1 ],
	[ 'drop and create the extension, undone', "BEGIN; DROP EXTENSION eventstore; CREATE EXTENSION eventstore; A; A; ROLLBACK; A", "1\n2\n1", 1 ]);
my $n = 0;
for my $case (@cases)
{
	my ($name, $script, $versions, $last) = @$case;
	my $entity = 'rewritten-' . ++$n;
	my $fill = sub { my ($sql) = @_; $sql =~ s/'E'/'$entity'/; return $sql };

	$script =~ s/\bA\b/$fill->($append)/ge;
	$script =~ s/\bC\b/$cluster/g;
	is(db($script), $versions, "$name: the versions given out");
	is(db($fill->($version)), $last, "$name: what is left");
	is(db($fill->($append)), $last + 1, "$name: versions go on");
	is_sound($node, $name, 'original');
}

# I1: a truncated store goes on with higher positions.
$safe = db('SELECT eventstore.safe_position()');
db('TRUNCATE eventstore.blocks');
is(db('SELECT count(*) FROM eventstore.events'), '0', 'TRUNCATE: all is gone');
cmp_ok(db(q{SELECT position FROM eventstore.append('entity-1', 'new')}), '>', $safe, 'TRUNCATE: positions go on');
is(db(q{SELECT eventstore.entity_version('entity-1')}), '1', 'TRUNCATE: versions start again');
is_sound($node, 'TRUNCATE', 'original');

# A new extension is a new store.
db('DROP EXTENSION eventstore');
like(attempt($node, q{SELECT eventstore.append('a', 'b')}, 'original'), qr/ERROR:  42883: /, 'DROP EXTENSION');
db('CREATE EXTENSION eventstore');
is(db(q{SELECT version FROM eventstore.append('entity-1', 'new')}), '1', 'CREATE EXTENSION: versions start again');
is(db('BEGIN; DROP EXTENSION eventstore; CREATE EXTENSION eventstore;'
		  . q{SELECT version FROM eventstore.append('entity-1', 'new'); TRUNCATE eventstore.blocks;}
		  . q{SELECT version FROM eventstore.append('entity-1', 'new'); COMMIT}),
	"1\n1", 'CREATE EXTENSION and TRUNCATE in one transaction');
is_sound($node, 'a new extension', 'original');

$node->stop;
done_testing();
