# The relation events in a server of its own: its scans can be cancelled, plans are
# made anew with the extension, and without the library there is a clear error.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('relation', conf => <<'EOC');
fsync = off
jit = off
max_parallel_workers_per_gather = 0
EOC

$node->safe_psql('postgres', q{
	SELECT eventstore.ingest_batch(ARRAY(SELECT 'e-' || i % 100 FROM generate_series(1, 20000) i), array_fill('t'::text, '{20000}'),
		ARRAY(SELECT format('{"n":%s}', i) FROM generate_series(1, 20000) i))});

# ------------------------------------------------------------------- cancel

my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;';
my $again = 'generate_series(1, 1000000000) g, LATERAL';

# Scans that would take hours, by what they read and how.
my @scans = (
	[ 'all blocks, by columns', '', "SELECT count(*) FROM $again (SELECT position FROM eventstore.events WHERE (payload ->> 'n')::int = -g OFFSET 0) e", 'All Blocks' ],
	[ 'all blocks, by rows', '', "SELECT count(*) FROM $again (SELECT position FROM eventstore.events WHERE lower(payload ->> 'n') = 'x' || g OFFSET 0) e", 'All Blocks' ],
	[ 'log order', '', "SELECT count(*) FROM $again (SELECT position FROM eventstore.events WHERE position >= 1 AND payload ->> 'n' = 'x' || g ORDER BY position) e", 'Log Order' ],
	[ 'log order, backward', '', "SELECT count(*) FROM $again (SELECT position FROM eventstore.events WHERE payload ->> 'n' = 'x' || g ORDER BY position DESC LIMIT 1) e", 'Backward' ],
	[ 'an entity', 'SET random_page_cost = 0.001;', "SELECT count(*) FROM $again (SELECT position FROM eventstore.events WHERE entity_id = 'e-' || g % 100 AND version > g OFFSET 0) e", 'Entity Index' ],
	[ 'parallel workers', $parallel, 'SELECT count(*) FROM eventstore.events a JOIN eventstore.events b ON a.version < b.version AND a.version * b.version < 0', 'Gather' ]);

for my $scan (@scans)
{
	my ($name, $settings, $query, $plan) = @$scan;

	like($node->safe_psql('postgres', "$settings EXPLAIN $query"), qr/\Q$plan\E/, "$name: is how it is read");

	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');

	$session->query($_ . ';') for split /;\s*/, $settings;
	$session->query('\set VERBOSITY sqlstate');
	start_query($session, $query);
	$node->poll_query_until('postgres', "SELECT state = 'active' AND query LIKE '%events%' AND now() - query_start > interval '0.3 s' FROM pg_stat_activity WHERE pid = $pid")
	  or die "$name: does not run";
	is($node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)"), 't', "$name: is cancelled");
	my (undef, $problem) = finish_query($session);
	like($problem, qr/ERROR:  57014/, "$name: ends with the error of cancelled statements");
	is($session->query('SELECT count(*) FROM eventstore.events'), '20000', "$name: the session goes on");
	$session->quit;
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_locks WHERE relation::regclass::text LIKE \'eventstore%\''), '0', 'no lock is left');

# ---------------------------------------------------------------- extension

my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query('PREPARE counted AS SELECT count(*) FROM eventstore.events WHERE payload ? \'n\'');
is($session->query('EXECUTE counted'), '20000', 'a prepared statement');
$node->safe_psql('postgres', 'DROP EXTENSION eventstore CASCADE; CREATE EXTENSION eventstore');
is($session->query('SELECT count(*) FROM eventstore.append(\'e-0\', \'t\', \'{"n":1}\')'), '1', 'the extension was made anew');
is($session->query('EXECUTE counted'), '1', 'the prepared statement is planned anew');
$session->quit;

# ------------------------------------------------------------ not preloaded

$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
like(attempt($node, $_), qr/ERROR:  55000: eventstore must be loaded via "shared_preload_libraries"/, "not preloaded: $_")
  for 'SELECT count(*) FROM eventstore.events', "SELECT * FROM eventstore.events WHERE entity_id = 'e-0'",
  'EXPLAIN SELECT * FROM eventstore.events ORDER BY position LIMIT 1', 'ANALYZE eventstore.events';

$node->stop;
done_testing();
