# What the TAP tests share: a cluster with eventstore, sessions that can be
# left waiting, and checks that hold for every store.
package Eventstore;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node write_file change_byte attempt start_query finish_query wait_for_wait
  start_compacting end_compacting is_sound events_digest);

# A running cluster with the extension in database postgres.  'conf' is added
# to postgresql.conf; fsync is on, since a crash must not lose anything.
sub new_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	# Damage is to be found by the store itself; 18 has the server's checksums on.
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ], no_data_checksums => 1);
	$node->append_conf('postgresql.conf', <<EOC);
fsync = on
restart_after_crash = on
log_statement = none
shared_preload_libraries = 'eventstore'
max_prepared_transactions = 10
eventstore.index_memory = '16MB'
eventstore.compaction = off
@{[ $options{conf} // '' ]}
EOC
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION eventstore')
	  unless $options{bare};
	return $node;
}

# Replaces the contents of a file.
sub write_file
{
	my ($path, $bytes) = @_;

	open my $file, '>', $path or die $!;
	binmode $file;
	print $file $bytes;
	close $file;
	return;
}

# Writes the bytes to a file with one of them changed.
sub change_byte
{
	my ($path, $bytes, $at) = @_;

	die 'nothing to damage' if $at < 0;
	substr($bytes, $at, 1) = chr(ord(substr($bytes, $at, 1)) ^ 0x10);
	write_file($path, $bytes);
	return;
}

# Runs a statement that may fail: returns its output, or the error with its
# SQLSTATE, detail and hint.
sub attempt
{
	my ($node, $sql, $dbname) = @_;
	my ($rc, $stdout, $stderr) = $node->psql(
		$dbname // 'postgres', $sql,
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);

	return $rc == 0 ? $stdout : $stderr;
}

# Starts a statement in a background session without waiting for its end.
sub start_query
{
	my ($session, $sql) = @_;

	my $output = $session->query_until(qr/^started$/m,
		"\\echo started\n$sql;\n\\echo finished\n");

	# finish_query() wants what has come already
	$output =~ s/^started\n//m;
	$session->{stdout} = $output;
	return;
}

# Waits for the end of what start_query() started: returns its output and, in
# list context, what went wrong.
sub finish_query
{
	my ($session) = @_;
	my $output = $session->query_until(qr/^finished$/m, '');
	my $problem;

	# An empty query gathers what is still on its way.
	$session->query('SELECT 1');
	$problem = $session->{stderr};
	$session->{stderr} = '';
	$output =~ s/\n?^finished\n//m;
	return wantarray ? ($output, $problem) : $output;
}

# Waits until the backend sleeps for this reason.
sub wait_for_wait
{
	my ($node, $pid, $wait_event) = @_;

	$node->poll_query_until('postgres',
		"SELECT wait_event = '$wait_event' FROM pg_stat_activity WHERE pid = $pid")
	  or die "backend $pid does not wait for $wait_event";
	return;
}

# Compacts again and again in the background.
sub start_compacting
{
	my ($node, $dbname) = @_;
	my $script = $node->basedir . '/compact.sql';
	my %compaction = (output => '', errors => '');

	write_file($script, "CALL eventstore.compact() \\watch 0.02\n");
	$compaction{process} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr($dbname // 'postgres'), '-f', $script ],
		'>', \$compaction{output}, '2>', \$compaction{errors});
	return \%compaction;
}

# Ends that; there must have been no error.
sub end_compacting
{
	my ($node, $compaction) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$compaction->{process}->pump_nb;
	ok($compaction->{process}->pumpable, 'compaction runs still');
	$compaction->{process}->kill_kill;
	is($compaction->{errors}, '', 'compaction had no error');
	return;
}

# I4, I6: versions are 1 to n, positions and times grow, the index is right.
sub is_sound
{
	my ($node, $name, $dbname) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$dbname //= 'postgres';
	is($node->safe_psql($dbname, 'SELECT * FROM eventstore.verify()'),
		'', "$name: verify() finds nothing");
	is( $node->safe_psql(
			$dbname, q{
			SELECT tenant_id, entity_id, count(*), max(version), count(DISTINCT version)
			FROM eventstore.events GROUP BY 1, 2
			HAVING count(*) <> max(version) OR count(*) <> count(DISTINCT version)}),
		'', "$name: versions have no gaps and no repeats");
	return;
}

# Stands for all columns of all events.
sub events_digest
{
	my ($node, $dbname) = @_;

	return $node->safe_psql($dbname // 'postgres',
		q{SELECT count(*), md5(string_agg(e::text, '' ORDER BY position))
		FROM eventstore.events e});
}

1;
