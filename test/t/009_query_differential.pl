# PostgreSQL against eventstore: the same events in eventstore.events and in a
# plain table, and random queries that must give the same rows or the same error.
#
# Which of several events fails first, and which of equal values is taken, depends
# on the order of the rows.  So the answer must be that of a table with the events
# in the order in which the relation gave them, or in that of the log.
#
# Of four stores one has its events in rows, one in columns, one in both, and one is
# compacted before the queries, and all the time while they run in transactions.  A fifth
# one is larger, for what is computed from blocks.
# Queries run in a psql for each store, in groups that have settings of their own:
# kernels, join methods, parallel query, generic plans, time zones.
#
#   EVENTSTORE_QUERY_SEED   another seed, other events and queries (1)
#   EVENTSTORE_QUERY_COUNT  queries in all (4000)
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Dice;
use EventGenerator;
use Eventstore;
use IPC::Run;
use PostgreSQL::Test::Utils;
use QueryGenerator;
use Test::More;

use constant EVENTS => 1500;
use constant MANY_EVENTS => 6000;
use constant GROUP_SIZE => 40;
use constant SHOWN_DIFFERENCES => 5;
use constant SHOWN_LENGTH => 2000;

my $seed = $ENV{EVENTSTORE_QUERY_SEED} // 1;
my $count = $ENV{EVENTSTORE_QUERY_COUNT} // 4000;

srand($seed);

my $node = new_node('query_differential', conf => <<'EOC');
eventstore.run_events = 300
eventstore.shed_at = 0
eventstore.index_memory = '64MB'
fsync = off
jit = off
client_min_messages = error
statement_timeout = 60s
max_parallel_workers_per_gather = 0
EOC

my @kernels = grep { $node->psql('postgres', "SET eventstore.kernel = '$_'") == 0 } qw(scalar v128 avx2 avx512);
my $has_icu = $node->safe_psql('postgres', "SELECT count(*) FROM pg_collation WHERE collprovider = 'i'") > 0;

# --------------------------------------------------------------------- stores

my $functions = <<'EOS';
CREATE EXTENSION eventstore;
CREATE TABLE hex (batch int, ordinal int, line text);

-- Rolled back batches leave gaps among the positions.
CREATE PROCEDURE store_batches() LANGUAGE plpgsql AS $$
DECLARE
    lines text;
    this_batch int;
BEGIN
    FOR this_batch, lines IN SELECT batch, '[' || string_agg(convert_from(decode(line, 'hex'), 'UTF8'), E',\n' ORDER BY ordinal) || ']'
        FROM hex GROUP BY batch ORDER BY batch
    LOOP
        IF this_batch % 23 = 5 THEN
            PERFORM eventstore.ingest_batch(array_fill('steady'::text, '{3}'), array_fill('x'::text, '{3}'), array_fill('{}'::text, '{3}'));
            ROLLBACK;
        END IF;
        PERFORM eventstore.ingest_batch(lines);
        COMMIT;
    END LOOP;
END
$$;
EOS

my $tables = <<'EOS';
CREATE TABLE plain AS SELECT * FROM eventstore.events;
CREATE TABLE in_log_order AS SELECT * FROM plain ORDER BY position;
CREATE TABLE small (entity text, tenant text, weight int);
INSERT INTO small
    SELECT entity_id, tenant_id, (position % 17)::int FROM plain WHERE position % 29 = 1 OR version = 3 AND position % 5 = 0;
INSERT INTO small VALUES ('none', 'default', 7), ('none', 'none', 7), (NULL, NULL, 8), ('steady', NULL, 3), ('order-000007', 'default', 7);
ANALYZE plain, in_log_order, small;

-- What a query can be made of besides: functions that are inlined, and views.
CREATE FUNCTION boom(int) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN IF $1 = 0 THEN RAISE EXCEPTION 'boom'; END IF; RETURN $1; END $$;
CREATE FUNCTION volatile_boom(int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN boom($1); END $$;
CREATE FUNCTION amount_of(document jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT (document ->> 'amount')::numeric $$;
CREATE FUNCTION query_of_events(entity_id text DEFAULT NULL, event_types text[] DEFAULT NULL, since timestamptz DEFAULT NULL,
    until timestamptz DEFAULT NULL, as_of timestamptz DEFAULT NULL, payload_filter jsonb DEFAULT NULL, tags text[] DEFAULT NULL,
    after_position bigint DEFAULT NULL, max_count bigint DEFAULT NULL, backward boolean DEFAULT false, tenant_id text DEFAULT NULL)
    RETURNS SETOF eventstore.recorded_event LANGUAGE sql STABLE AS $$ SELECT * FROM eventstore.query_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) $$;
CREATE FUNCTION state_of_events(text, timestamptz, text) RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT eventstore.entity_state($1, $2, $3) $$;
CREATE FUNCTION event_of_events(uuid) RETURNS SETOF eventstore.recorded_event LANGUAGE sql STABLE AS $$ SELECT * FROM eventstore.get_event_by_id($1) e WHERE e.position IS NOT NULL $$;
DO $do$
DECLARE
    relation record;
BEGIN
    FOR relation IN SELECT * FROM (VALUES ('plain', 'plain'), ('in_log_order', 'in_log_order'), ('events', 'eventstore.events')) r (side, name)
    LOOP
        EXECUTE format($view$CREATE VIEW view_of_%s AS SELECT *, payload ->> 'status' AS status, amount_of(payload) AS amount
            FROM %s WHERE tenant_id <> 'north'$view$, relation.side, relation.name);
        EXECUTE format($view$CREATE VIEW barrier_of_%s WITH (security_barrier) AS SELECT *
            FROM %s WHERE jsonb_typeof(payload -> 'v') = 'number'$view$, relation.side, relation.name);
        CONTINUE WHEN relation.side = 'events';
        EXECUTE format($function$CREATE FUNCTION query_of_%s(entity_id text DEFAULT NULL, event_types text[] DEFAULT NULL, since timestamptz DEFAULT NULL,
            until timestamptz DEFAULT NULL, as_of timestamptz DEFAULT NULL, payload_filter jsonb DEFAULT NULL, tags text[] DEFAULT NULL,
            after_position bigint DEFAULT NULL, max_count bigint DEFAULT NULL, backward boolean DEFAULT false, tenant_id text DEFAULT NULL)
            RETURNS SETOF %2$s LANGUAGE sql STABLE AS $$
                SELECT * FROM %2$s t WHERE ($1 IS NULL OR t.entity_id = $1) AND ($1 IS NULL AND $11 IS NULL OR t.tenant_id = coalesce($11, 'default'))
                    AND ($2 IS NULL OR EXISTS (SELECT FROM unnest($2) p WHERE CASE WHEN right(p, 2) = '.*' THEN starts_with(t.event_type, left(p, -1)) ELSE t.event_type = p END))
                    AND ($3 IS NULL OR recorded_at >= $3) AND ($4 IS NULL OR recorded_at <= $4) AND ($5 IS NULL OR recorded_at <= $5)
                    AND ($6 IS NULL OR payload @> $6) AND ($7 IS NULL OR $7 = '{}' OR t.tags @> $7) AND ($8 IS NULL OR position > $8)
                ORDER BY CASE WHEN $10 THEN -position ELSE position END LIMIT $9 $$ $function$, relation.side, relation.name);
        EXECUTE format($function$CREATE FUNCTION state_of_%s(text, timestamptz, text) RETURNS jsonb LANGUAGE sql STABLE AS $$
            SELECT CASE WHEN count(*) > 0 THEN coalesce(jsonb_object_agg(key, value ORDER BY version) FILTER (WHERE key IS NOT NULL), '{}') END
            FROM %s t LEFT JOIN LATERAL jsonb_each(CASE jsonb_typeof(payload) WHEN 'object' THEN payload END) ON true
            WHERE entity_id = $1 AND tenant_id = coalesce($3, 'default') AND ($2 IS NULL OR recorded_at <= $2) $$ $function$, relation.side, relation.name);
        EXECUTE format('CREATE FUNCTION event_of_%1$s(uuid) RETURNS SETOF %2$s LANGUAGE sql STABLE AS $$ SELECT * FROM %2$s WHERE event_id = $1 $$', relation.side, relation.name);
    END LOOP;
END
$do$;
EOS
my $collation = "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";

# Writes the events for COPY, in batches of the sizes that the sub gives.
sub write_events
{
	my ($path, $batch_size, $events) = @_;
	my ($batch, $left) = (0, 0);

	open(my $out, '>:raw', $path) or die "cannot write $path: $!";
	for my $ordinal (1 .. $events)
	{
		($batch, $left) = ($batch + 1, $batch_size->()) if $left-- <= 0;
		$left = $left < 0 ? 0 : $left;
		utf8::encode(my $bytes = event_line($batch % 2 ? 3 : 25));
		print $out join("\t", $batch, $ordinal, unpack('H*', $bytes)), "\n";
	}
	close($out) or die "cannot write $path: $!";
	return;
}

# A database with these events in both relations; returns the layouts of blocks.
sub create_store
{
	my ($dbname, $batch_size, $locale, $events, $compacted) = @_;
	my $file = $node->basedir . "/$dbname.copy";

	write_events($file, $batch_size, $events);
	$node->safe_psql('postgres', "CREATE DATABASE $dbname TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' $locale");
	$node->safe_psql($dbname, "$functions COPY hex FROM '$file'; CALL store_batches();");
	$node->safe_psql($dbname, 'CALL eventstore.compact()') if $compacted;
	$node->safe_psql($dbname, $tables);
	$node->safe_psql($dbname, $collation) if $has_icu;
	unlink $file;
	return $node->safe_psql($dbname,
		q{SELECT string_agg(DISTINCT get_byte(block::text::bytea, 3)::text, ',' ORDER BY get_byte(block::text::bytea, 3)::text) FROM eventstore.blocks});
}

# What constants of queries are taken from.
sub learn_store
{
	my ($dbname) = @_;
	my @rows = map { [ split /\|/ ] } split /\n/, $node->safe_psql($dbname,
		'SELECT event_id, occurred_at, recorded_at FROM plain WHERE position % 13 = 2 ORDER BY position');

	use_samples(
		last => $node->safe_psql($dbname, 'SELECT max(position) FROM plain'),
		event_ids => [ map { $_->[0] } @rows ],
		times => [ map { $_->[1], $_->[2] } @rows ],
		ci => $has_icu);
	return;
}

# -------------------------------------------------------------------- queries

# Settings of the groups; the kernels take turns besides.
my @settings = (
	[],
	[ 'SET plan_cache_mode = force_generic_plan', "SET TimeZone = 'America/New_York'" ],
	[ map { "SET enable_$_ = off" } qw(hashjoin mergejoin material memoize) ],
	[ map { "SET $_" } 'parallel_setup_cost = 0', 'parallel_tuple_cost = 0', 'min_parallel_table_scan_size = 0', 'max_parallel_workers_per_gather = 2' ],
	[ 'SET plan_cache_mode = force_custom_plan', "SET DateStyle = 'SQL, DMY'" ],
	[ map { "SET enable_$_ = off" } qw(hashjoin nestloop hashagg seqscan) ],
	[ 'SET random_page_cost = 0.001', 'SET cpu_tuple_cost = 0.0001' ], # what can be looked up is
	[ 'SET enable_sort = off', 'SET work_mem = 64', "SET extra_float_digits = 0" ],
	[ "DO 'BEGIN PERFORM set_config(name, ''on'', false) FROM pg_settings WHERE name IN (''force_parallel_mode'', ''debug_parallel_query''); END'", 'SET max_parallel_workers_per_gather = 1', 'SET enable_partitionwise_aggregate = on' ]);

# Queries, each with its settings.
sub queries
{
	my ($number, %options) = @_;
	my @queries;

	for (my $group = 0; @queries < $number; $group++)
	{
		my @set = @{ $settings[ $group % @settings ] };
		my $parallel = grep { /max_parallel_workers_per_gather/ } @set;

		push @set, "SET eventstore.kernel = '$kernels[ ($group + $group / @settings) % @kernels ]'" if @kernels;
		push @queries, map { my $query = generate_query(%options, parallel => $parallel); $query->{set} = \@set; $query->{errors} = 'some' if $parallel; $query } 1 .. GROUP_SIZE;
	}
	return @queries[ 0 .. $number - 1 ];
}

my %relation_of = (plain => 'plain', events => 'eventstore.events', in_log_order => 'in_log_order');
my @sides = qw(events plain);

# The statements for one of the two relations.
sub statements_for
{
	my ($statements, $side) = @_;
	return map { s/\{T\}/$relation_of{$side}/gr =~ s/\{SIDE\}/$side/gr . ";\n" } @$statements;
}

# The psql script that runs the queries on both sides.  Each answer begins with a
# line of its own on both outputs, and rows end with a character that none has.
sub script
{
	my ($rival, @queries) = @_;
	my $script = "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT never\n\\set ON_ERROR_ROLLBACK on\n\\pset recordsep '\\036\\n'\n\\pset null '<null>'\n";
	my $set = [];

	for my $number (0 .. $#queries)
	{
		my $query = $queries[$number];

		$script .= join('', "RESET ALL;\n", map { "$_;\n" } @{ $query->{set} }) if $query->{set} != $set;
		$set = $query->{set};
		for my $side (@sides)
		{
			my $mark = "\036 $number $side\n";
			$script .= "\\echo $mark\\warn $mark" . join('', statements_for($query->{statements}, $side eq 'plain' ? $rival : $side));
		}
		$script .= join('', map { "$_;\n" } @{ $query->{then} // [] });
	}
	return "$script\\echo \036 end\n\\warn \036 end\n";
}

# Output by number and side.
sub answers
{
	my ($path) = @_;
	my @answers;

	open(my $in, '<:utf8', $path) or die "cannot read $path: $!";
	local $/ = "\036 ";
	while (my $part = <$in>)
	{
		chomp $part;
		$answers[$1]{$2} = $3 if $part =~ /^(\d+) (\w+)\n(.*)$/s;
	}
	close($in);
	return @answers;
}

# Runs the queries on eventstore.events and another table, which counts as the
# plain side; returns rows and errors of each by number and side.
sub run_queries
{
	my ($dbname, $rival, @queries) = @_;
	my $path = $node->basedir . "/$dbname";

	open(my $out, '>:utf8', "$path.sql") or die "cannot write $path.sql: $!";
	print $out script($rival, @queries);
	close($out) or die "cannot write $path.sql: $!";
	IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr($dbname), '-f', "$path.sql" ], '>', "$path.out", '2>', "$path.err", IPC::Run::timeout(60 + @queries));

	my @rows = answers("$path.out");
	my @errors = answers("$path.err");

	unlink "$path.sql", "$path.out", "$path.err";
	return (\@rows, \@errors);
}

# SQLSTATE and message of each error, without the place in the script.
sub errors_of { return join "\n", ($_[0] // '') =~ /^(?:psql:[^\n]*?: )?((?:ERROR|FATAL|PANIC):\s+[^\n]*)/mg; }

# Lines of rows, as a rule one each.
sub lines_of { return split /\036\n|\n/, $_[0], -1; }

# Are the answers the same, as far as it is defined?
sub same_answers
{
	my ($query, $rows, $errors) = @_;
	my ($events, $plain) = map { errors_of($errors->{$_}) } @sides;

	return 0 if !defined $rows->{plain} || !defined $rows->{events};
	return $events ne '' && $plain ne '' if $events ne $plain && $query->{errors} eq 'some';
	return 0 if $events ne $plain;
	return 1 if $events ne '' && $query->{errors} eq 'some' || $rows->{plain} eq $rows->{events};
	return 0 if $query->{ordered};
	return join("\036", sort(lines_of($rows->{plain}))) eq join("\036", sort(lines_of($rows->{events})));
}

# ---------------------------------------------------------------- differences

sub shortened { return length $_[0] > SHOWN_LENGTH ? substr($_[0], 0, SHOWN_LENGTH) . " ... (" . length($_[0]) . " characters)\n" : $_[0]; }

# Rows that one side has and the other has not, or all of it when it is the order.
sub rows_apart
{
	my ($query, $mine, $theirs) = @_;
	my %theirs;

	return $mine // 'the session ended' if $query->{ordered} || !defined $mine || !defined $theirs;
	$theirs{$_}++ for lines_of($theirs);
	return join "\n", grep { !$theirs{$_} || $theirs{$_}-- <= 0 } lines_of($mine);
}

sub describe
{
	my ($dbname, $query, $rows, $errors) = @_;
	my $text = join "\n", "difference in $dbname:", (map { "$_;" } @{ $query->{set} }, @{ $query->{statements} }), '';

	for my $side (@sides)
	{
		my ($other) = grep { $_ ne $side } @sides;
		$text .= "-- $side only:\n" . shortened(errors_of($errors->{$side}) . rows_apart($query, $rows->{$side}, $rows->{$other})) . "\n";
	}
	my (undef, $plan) = $node->psql($dbname, join("\n", 'BEGIN;', (map { "$_;" } @{ $query->{set} }), statements_for($query->{explain}, 'events')));
	utf8::decode($plan) if defined $plan;
	$text .= "-- plan:\n" . shortened($plan // '') . "\n";
	utf8::encode($text);
	return $text;
}

# Numbers of the queries whose answers differ.
sub differences
{
	my ($queries, $rows, $errors) = @_;
	return grep { !same_answers($queries->[$_], $rows->[$_] // {}, $errors->[$_] // {}) } 0 .. $#$queries;
}

# Where a difference stands among those shown: first the query that ended the
# session, if one did, then short ones.
sub report_order
{
	my ($number, $query, $rows) = @_;
	return defined $rows && defined $rows->{plain} ? 1e6 + length "@{ $query->{statements} }" : $number;
}

# Compares the answers to all queries; says how much they had to say.
sub compare_queries
{
	my ($name, $dbname, @queries) = @_;
	my ($rows, $errors) = run_queries($dbname, 'plain', @queries);
	my @different = differences(\@queries, $rows, $errors);
	my $failing = grep { errors_of($_->{plain}) ne '' } @$errors;
	my $empty = grep { errors_of($errors->[$_]{plain}) eq '' && ($rows->[$_]{plain} // '') =~ /^(0|f|\s)*$/ } 0 .. $#queries;

	# once more in the order of the log, unless what was stored or an end stands against it
	if (@different && defined $rows->[$#queries]{plain} && !grep { $_->{then} } @queries)
	{
		my @again = @queries[@different];
		@different = @different[ differences(\@again, run_queries($dbname, 'in_log_order', @again)) ];
	}
	ok(@different == 0, "$name: " . @queries . " queries, $failing of them errors, $empty without rows: " . @different . ' differences');
	@different = sort { report_order($a, $queries[$a], $rows->[$a]) <=> report_order($b, $queries[$b], $rows->[$b]) } @different;
	splice @different, SHOWN_DIFFERENCES if @different > SHOWN_DIFFERENCES;
	diag(describe($dbname, $queries[$_], $rows->[$_] // {}, $errors->[$_] // {})) for @different;
	return;
}

# ---------------------------------------------------------------- transactions

# A statement that stores a few events, and one that has them in the plain table
# as well, which finds them by their positions.
sub storing
{
	my @lines = map { event_line(20) } 1 .. pick(1, 1, 3, 30);
	my $batch = '[' . join(',', @lines) . ']';

	return ('SELECT first_position, last_position FROM eventstore.ingest_batch(' . ("'" . ($batch =~ s/'/''/gr) . "'") . "::text) \\gset\n"
		. 'INSERT INTO plain SELECT e.* FROM generate_series(:first_position, :last_position) p, eventstore.get_event(p) e');
}

# What follows a query in a transaction: events, savepoints that come and go.
sub transaction_steps
{
	my ($depth) = @_;

	return ([ 'BEGIN ISOLATION LEVEL ' . pick('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'), storing() ], 0) if $depth < 0;
	return ([ pick('COMMIT', 'COMMIT', 'ROLLBACK') ], -1) if $depth == 0 && chance(25);
	return ([ 'SAVEPOINT s', storing() ], $depth + 1) if $depth < 3 && chance(35);
	return ([ pick('ROLLBACK TO s; RELEASE s', 'ROLLBACK TO s; RELEASE s', 'RELEASE s') ], $depth - 1) if $depth > 0 && chance(60);
	return ([ storing() ], $depth);
}

# A cursor sees what was there when it was opened, whatever is stored meanwhile.
sub cursor_queries
{
	my ($query) = grep { $_->{statements}[0] =~ /^SELECT/ && $_->{errors} eq 'exact' } map { generate_query(parallel => 1) } 1 .. 30;

	return ({ %$query, statements => ["DECLARE c_{SIDE} CURSOR FOR $query->{statements}[0]"], set => [], then => [ storing() ] },
		{ %$query, statements => [ 'FETCH ALL FROM c_{SIDE}', 'CLOSE c_{SIDE}' ], set => [] });
}

# Queries in transactions that store events, and two when all of them are over.  What
# is rolled back leaves room among the plain table's rows, which then are in no order
# that an answer, or which error comes first, could depend on.
sub transaction_queries
{
	my ($number) = @_;
	my $depth = -1;
	my @queries;

	while (@queries < $number)
	{
		my $query = generate_query(parallel => 1);

		next if $query->{errors} ne 'exact' || grep { /^BEGIN/ } @{ $query->{statements} };
		push @queries, cursor_queries() if $depth >= 0 && chance(15);
		(my $then, $depth) = transaction_steps($depth);
		push @queries, { %$query, errors => 'some', set => [], then => $then };
	}
	$queries[-1]{then} = ['COMMIT'];
	return @queries, map { { statements => [$_], explain => [], set => [], errors => 'exact' } } 'SELECT position FROM {T}', 'SELECT * FROM {T}';
}

# --------------------------------------------------------------------- the run

my @stores = (
	[ 'in_rows', '1', sub { return 1; }, '' ],
	[ 'in_columns', '2', sub { return pick(30, 100, 300); }, '' ],
	[ 'mixed', '1,2', sub { return pick(1, 1, 1, 2, 5, 40, 200); }, $has_icu ? "LOCALE_PROVIDER icu ICU_LOCALE 'en'" : '' ],
	[ 'merged', '3', sub { return pick(1, 1, 1, 2, 5); }, '', 1 ]);

for my $store (@stores)
{
	my ($name, $layouts, $batch_size, $locale, $compacted) = @$store;

	like(create_store($name, $batch_size, $locale, EVENTS, $compacted), qr/(^|,)\Q$layouts\E$/, "$name: layouts of blocks");
	learn_store($name);
	compare_queries($name, $name, queries(1 + int($count / 4)));
	my $compaction = $compacted ? start_compacting($node, $name) : undef;
	compare_queries("$name, in transactions", $name, transaction_queries(1 + int($count / ($compacted ? 10 : 30))));
	end_compacting($node, $compaction) if $compacted;
	is_sound($node, $name, $name);
}

$more_entities = 300;
like(create_store('many', sub { return pick(500, 1000, 1500); }, '', MANY_EVENTS), qr/2$/, 'many: layouts of blocks');
learn_store('many');
compare_queries('many', 'many', queries(1 + int($count / 4), blocks => 1));
is_sound($node, 'many', 'many');
$node->stop;
done_testing();
