# I1, I4, I7: the server is stopped at once, or one backend is killed, in the
# middle of writing, again and again.  Every acknowledged batch is there whole,
# no batch in part, versions have no gaps, and no position that was seen before
# is given out again.  Compaction works all the time, and is killed, too.  [I10]
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Eventstore;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $writers = 4;
my $node = new_node('crash', conf => <<'EOC');
eventstore.compaction = on
eventstore.compaction_delay = 0
eventstore.run_events = 200
eventstore.shed_at = 0
EOC
my $directory = PostgreSQL::Test::Utils::tempdir;
my $highest = 0;    # position seen by anybody
my %acknowledged;   # name of the batch => its size
my $merged = 0;

# A transaction that writes the batch 'name' of 'count' events: in one call, to
# entities that all writers use, or in two, to the writer's own, since calls in
# any order could deadlock.
sub batch_sql
{
	my ($name, $writer, $offset, $count) = @_;
	my $entity = $count % 2 ? "'shared-' || ($offset + i) % 60" : "'own-$writer-' || i % 7";
	my $ingest = sub {
		my ($from, $to) = @_;
		return qq{SELECT 'up to', last_position FROM eventstore.ingest_batch((
			SELECT array_agg(eventstore.make_event($entity, 'crash.tested',
				jsonb_build_object('batch', '$name', 'count', $count, 'filler', repeat('x', i % 50)),
				event_id => md5('$name' || i)::uuid))
			FROM generate_series($from, $to) i));\n};
	};
	my $half = int($count / 2);

	return $ingest->(1, $count) if $count % 2;
	return "BEGIN;\n" . $ingest->(1, $half) . $ingest->($half + 1, $count) . "COMMIT;\n";
}

# A script of many batches.  Some are rolled back; those never count.
sub write_script
{
	my ($round, $writer) = @_;
	my $script = '';

	for my $n (1 .. 2000)
	{
		my $count = 2 + ($n * 37 + $writer * 11 + $round) % ($n % 10 ? 20 : 900);

		$script .= "BEGIN;\n" . batch_sql("undone-$round-$writer-$n", $writer, $n, 3) . "ROLLBACK;\n"
		  unless $n % 7;
		$script .= batch_sql("$round-$writer-$n", $writer, $n, $count);
		$script .= "\\echo acknowledged $round-$writer-$n $count\n";
	}
	my $path = "$directory/$round-$writer.sql";
	append_to_file($path, $script);
	return $path;
}

sub start_writer
{
	my ($round, $writer) = @_;

	return IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'),
			'-f', write_script($round, $writer)
		],
		'>', "$directory/$round-$writer.out", '2>', "$directory/$round-$writer.err");
}

# Reads what the writers were told; returns how many batches that is.
sub read_acknowledgements
{
	my ($round) = @_;
	my $found = 0;

	for my $writer (1 .. $writers)
	{
		my $out = slurp_file("$directory/$round-$writer.out");

		while ($out =~ /^acknowledged (\S+) (\d+)$/mg)
		{
			$acknowledged{$1} = $2;
			$found++;
		}
		while ($out =~ /^up to\|(\d+)$/mg)
		{
			$highest = $1 if $1 > $highest;
		}
	}
	return $found;
}

sub note_safe_position
{
	my $safe = $node->safe_psql('postgres', 'SELECT eventstore.safe_position()');

	$highest = $safe if $safe > $highest;
	return;
}

sub kill_a_backend
{
	my ($whose) = @_;
	my $pid = '';

	$pid = $node->safe_psql('postgres', qq{
		SELECT pid FROM pg_stat_activity WHERE $whose AND pid <> pg_backend_pid() LIMIT 1}) while $pid eq '';
	kill 'KILL', $pid;
	return;
}

sub crash
{
	my ($round) = @_;

	if ($round % 2)
	{
		$node->stop('immediate');
		return;
	}
	kill_a_backend($round % 4 ? q{state = 'active' AND query LIKE '%ingest_batch%'} : q{backend_type = 'eventstore compaction'});
	return;
}

sub recover
{
	my ($round) = @_;

	if ($round % 2)
	{
		$node->start;
	}
	else
	{
		# psql may be gone before it was told what to ask, which is an error of Perl's
		my $tries = 0;
		until (eval { $node->poll_query_until('postgres', 'SELECT true') })
		{
			die 'the server does not come back' if $tries++ > 100;
			sleep 1;
		}
	}
	return;
}

sub check_batches
{
	my ($name) = @_;
	my %stored;

	is( $node->safe_psql(
			'postgres', q{
			SELECT payload ->> 'batch', payload ->> 'count', count(*) FROM eventstore.events
			GROUP BY 1, 2 HAVING count(*) <> (payload ->> 'count')::bigint}),
		'', "$name: no batch is there in part");
	is( $node->safe_psql(
			'postgres', q{SELECT count(*) FROM eventstore.events WHERE payload ->> 'batch' LIKE 'undone%'}),
		'0', "$name: nothing that was rolled back is there");
	$stored{$_} = 1
	  for split /\n/, $node->safe_psql('postgres',
		q{SELECT DISTINCT payload ->> 'batch' FROM eventstore.events});
	is(join(' ', grep { !$stored{$_} } sort keys %acknowledged),
		'', "$name: every acknowledged batch is there");
	return;
}

for my $round (1 .. 10)
{
	my $name = "round $round";
	my @processes = map { start_writer($round, $_) } 1 .. $writers;

	until (read_acknowledgements($round) >= 20 + 10 * $round)
	{
		note_safe_position();
	}
	crash($round);
	$_->finish for @processes;
	my $count = read_acknowledgements($round);
	recover($round);

	note "$name: $count batches acknowledged, highest position $highest";
	check_batches($name);
	is_sound($node, $name);
	my $next = $node->safe_psql('postgres',
		qq{SELECT position FROM eventstore.append('shared-1', 'crash.survived', '{"batch": "after $round", "count": 1}')});
	cmp_ok($next, '>', $highest, "$name: positions go on upward");
	$merged += $node->safe_psql('postgres', 'SELECT events FROM eventstore.stat_compaction');
	$highest = $next;
}

cmp_ok($merged, '>', 1000, 'much was merged');

# I1: what nobody's commit made durable has been seen all the same: the position
# of an event that was rolled back, and the safe position past it.
$node->append_conf('postgresql.conf', "wal_writer_delay = '10s'");
$node->restart;
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION eventstore; CHECKPOINT');
my $undone = $node->safe_psql('fresh',
	q{BEGIN; SELECT position FROM eventstore.append('a', 'undone'); ROLLBACK});
my $safe = $node->safe_psql('fresh', 'SELECT eventstore.safe_position()');
$node->stop('immediate');
$node->start;
my $next = $node->safe_psql('fresh', q{SELECT position FROM eventstore.append('a', 'new')});
cmp_ok($next, '>', $undone, 'the position of an event that was rolled back is not given out again');
cmp_ok($next, '>', $safe, 'nothing appears at or below a safe position seen before the crash');

$node->stop;
done_testing();
