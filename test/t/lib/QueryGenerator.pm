# Random queries about the events that EventGenerator makes.
#
# A query is a hash: 'statements' to run, in which {T} stands for the relation and
# {SIDE} for the end of its views' names; 'explain', statements that say how it is
# run; 'ordered', whether the order of its rows is defined; 'errors', whether an
# error is 'exact' or only that there is 'some' error, because the plan decides
# which row is looked at first.
#
# Safe expressions fail for no event.  Wild ones do for some; they stand only
# where SQL says which rows are looked at: not below LIMIT or a join.
package QueryGenerator;

use strict;
use warnings;
use utf8;

use Dice;
use EventGenerator;
use Exporter 'import';

our @EXPORT = qw(generate_query use_samples);

# What is known of the stored events, for constants that select some of them.
my %samples;

# Type and producer of each parameter of the statement being made, in a prepared
# one; otherwise undefined.
our $parameters;

# Are wild expressions wanted?
our $wild = 0;

# Would a join have its say in which row fails first?
our $alone = 0;

# Must rows come in the order of the log, since the answer shows which was first?
our $in_log_order = 0;

# May rows come in any order?
our $in_parallel = 0;

# Takes 'last' (a position), 'event_ids', 'times', and 'ci', whether there is a
# collation of that name which takes upper and lower case as equal.
sub use_samples { %samples = @_; return; }

# --------------------------------------------------------------- constants

sub quote { return "'" . ($_[0] =~ s/'/''/gr) . "'"; }

# A constant of the type, or a parameter: producers give an SQL expression.
sub constant
{
	my ($type, $producer) = @_;

	if (defined $parameters && chance(60))
	{
		push @$parameters, [ $type, $producer ];
		return '$' . @$parameters;
	}
	return chance(4) ? "NULL::$type" : $producer->() . (chance(70) ? "::$type" : '');
}

# What ->> gives for such a value.
sub text_of_json
{
	my ($json) = @_;

	return quote($1) if $json =~ /^"([^"\\]*)"$/;
	return quote($json) if $json =~ /^[-+.\w]+$/ && chance(30);
	return '(' . quote($json) . "::jsonb #>> '{}')";
}

# Some start of a text constant.
sub prefix_of { return quote(substr($_[0], 0, between(0, 8)) =~ s/[\\%_]/\\$&/gr); }

my %producer = (
	position => sub { return between(0, $samples{last} + 1); },
	version => sub { return chance(70) ? between(0, 12) : between(0, 200); },
	event_type => sub { return quote(pick(@event_types, 'none')); },
	entity_id => sub { return quote(pick(@entity_ids, 'none', sprintf 'cart-%05d', between(1, 300))); },
	tenant_id => sub { return quote(pick(@tenant_ids, 'none')); },
	event_id => sub { return chance(70) ? quote(pick(@{ $samples{event_ids} })) : quote('01890a5d-ac96-774b-bcce-b302099a8057'); },
	occurred_at => sub { return chance(50) ? quote(pick(@{ $samples{times} })) : quote(sprintf '2026-%02d-%02d %02d:00+00', between(1, 3), between(1, 28), between(0, 23)); },
	recorded_at => sub { return quote(pick(@{ $samples{times} })); },
	tag => sub { return quote(pick(@tag_names, 'none')); },
	smallint => sub { return quote(pick(-5 .. 13, 32767)); },
	int => sub { return quote(pick(-5 .. 30, 2147483647, -2147483648)); },
	bigint => sub { return quote(pick(-5 .. 30, 1_000_000_000_000 + between(0, 5000), '9223372036854775807')); },
	numeric => sub { return quote(chance(5) ? pick('NaN', 'Infinity', '-Infinity') : chance(50) ? between(0, 999) . '.' . digits(2) : number_value()); },
	float8 => sub { return quote(chance(5) ? pick('NaN', 'Infinity', '-0', '-Infinity') : chance(50) ? between(0, 999) . '.' . digits(2) : number_value()); },
	boolean => sub { return pick('true', 'false'); },
	uuid => sub { return quote(uuid_value()); },
	timestamptz => sub { return quote(time_value()); },
	timestamp => sub { return quote(time_value()); },
	date => sub { return quote(time_value()); });

my %column_type = (position => 'bigint', version => 'bigint', event_type => 'text', entity_id => 'text', tenant_id => 'text',
	event_id => 'uuid', occurred_at => 'timestamptz', recorded_at => 'timestamptz');

# ------------------------------------------------------------- comparisons

sub operator { return pick('=', '=', '=', '<>', '<', '<=', '>', '>='); }

# An array of such constants, or a parameter.
sub array_constant
{
	my ($type, $producer) = @_;
	my $elements = sub { return join ', ', map { chance(6) ? 'NULL' : $producer->() . "::$type" } 1 .. pick(0, 1, 2, 3, 12); };

	return "ARRAY[" . join(', ', map { constant($type, $producer) } 1 .. between(1, 3)) . "]::$type\[]" if chance(30);
	return constant("$type\[]", sub { return 'ARRAY[' . $elements->() . "]::$type\[]"; });
}

# Comparisons by the type's own operators.
my @comparisons = (
	sub { my ($e, $t, $p) = @_; return "$e " . operator() . ' ' . constant($t, $p); },
	sub { my ($e, $t, $p) = @_; return "$e " . operator() . ' ' . constant($t, $p); },
	sub { my ($e, $t, $p) = @_; return constant($t, $p) . ' ' . operator() . " $e"; },
	sub { my ($e, $t, $p) = @_; return "$e " . pick('', '', 'NOT ') . 'BETWEEN ' . pick('', '', 'SYMMETRIC ') . constant($t, $p) . ' AND ' . constant($t, $p); },
	sub { my ($e, $t, $p) = @_; return "$e " . pick('', '', 'NOT ') . 'IN (' . join(', ', map { constant($t, $p) } 1 .. pick(1, 2, 3, 10)) . ')'; },
	sub { my ($e, $t, $p) = @_; return "$e = ANY (" . array_constant($t, $p) . ')'; },
	sub { my ($e, $t, $p) = @_; return "$e <> ALL (" . array_constant($t, $p) . ')'; },
	sub { my ($e, $t, $p) = @_; return "$e " . operator() . ' ' . pick('ANY', 'ALL') . ' (' . array_constant($t, $p) . ')'; },
	sub { my ($e, $t, $p) = @_; return "$e IS " . pick('', 'NOT ') . 'DISTINCT FROM ' . constant($t, $p); },
	sub { my ($e, $t, $p) = @_; return "$e IS " . pick('', 'NOT ') . 'NULL'; },
	sub { my ($e, $t, $p) = @_; return "COALESCE($e, " . constant($t, $p) . ') ' . operator() . ' ' . constant($t, $p); },
	sub { my ($e, $t, $p) = @_; return "NULLIF($e, " . constant($t, $p) . ') IS NOT NULL'; },
	sub { my ($e, $t, $p) = @_; return "CASE WHEN version > 2 THEN $e ELSE " . constant($t, $p) . ' END ' . operator() . ' ' . constant($t, $p); },
	sub { my ($e, $t, $p) = @_; return "$e " . operator() . ' (SELECT ' . $p->() . "::$t)"; },
	sub { my ($e, $t, $p) = @_; return "($e, position) " . operator() . ' (' . constant($t, $p) . ', ' . constant('bigint', $producer{position}) . ')'; });

sub comparison { return pick(@comparisons)->(@_); }

sub like_pattern
{
	my ($producer) = @_;
	my $text = $producer->() =~ s/^\(?'(.*)'.*$/$1/sr =~ s/''/'/gr;
	my $prefix = prefix_of($text) =~ s/'$//r;

	return "$prefix%'" if chance(60);
	return pick("'%", "'_") . substr($prefix, 1) . pick("'", "%'", "_'", "%_'", "%x%'") if chance(60);
	return pick(q('%'), q('_%'), q('%%'), q(''), q('a\\%b%'), q('a\\\\%'), "$prefix'", "$prefix\_%'", "$prefix%%'");
}

my @text_tests = (
	sub { my ($e, $p) = @_; return "$e " . pick('', '', 'NOT ') . 'LIKE ' . constant('text', sub { return like_pattern($p); }); },
	sub { my ($e, $p) = @_; return "$e LIKE " . like_pattern($p); },
	sub { my ($e, $p) = @_; return "$e " . pick('ILIKE', 'NOT ILIKE') . ' ' . like_pattern($p); },
	sub { my ($e, $p) = @_; return "$e " . pick('~', '!~', '~*') . ' ' . pick(q('^order\\.'), q('^p'), q('[0-9]+$'), q('^(paid|placed)$'), q('größe')); },
	sub { my ($e, $p) = @_; return pick("starts_with($e, ", "($e ^@ ") . constant('text', sub { return prefix_of($p->() =~ s/^'|'$//gr); }) . ')'; },
	sub { my ($e, $p) = @_; return "$e COLLATE \"C\" " . operator() . ' ' . constant('text', $p); },
	sub { my ($e, $p) = @_; return $samples{ci} ? "$e COLLATE ci " . pick('=', '<>', '<') . ' ' . constant('text', $p) : "$e = 'x'"; },
	sub { my ($e, $p) = @_; return $samples{ci} ? "$e COLLATE ci IN (" . join(', ', map { constant('text', $p) } 1 .. 3) . ')' : "$e = ''"; },
	sub { my ($e, $p) = @_; return pick('lower', 'upper', 'trim') . "($e) = " . constant('text', $p); },
	sub { my ($e, $p) = @_; return "length($e) " . operator() . ' ' . between(0, 12); },
	sub { my ($e, $p) = @_; return "$e || '' " . operator() . ' ' . constant('text', $p); },
	sub { my ($e, $p) = @_; return "$e" . pick('::varchar', '::varchar(4)', '::char(6)', '::name') . ' = ' . $p->(); });

sub text_test
{
	my ($expression, $producer) = @_;

	return comparison($expression, 'text', $producer) if chance(60);
	return pick(@text_tests)->($expression, $producer);
}

# --------------------------------------------------------- parts of documents

sub document_column { return chance(75) ? 'payload' : 'metadata'; }

sub is_number { return $_[0] =~ /^-?\d+$/; }

# A step into a document: an element of an array where it is a number.
sub step { return is_number($_[0]) && chance(70) ? $_[0] : quote($_[0]); }

sub array_of_path { return quote('{' . join(',', map { '"' . s/["\\]/\\$&/gr . '"' } @_) . '}'); }

# The text at a path with commas, in one of the spellings.
sub text_at
{
	my ($path, $column) = @_;
	my @steps = $path eq '' ? ('') : split(/,/, $path);
	my $last = $steps[-1];

	$column //= document_column();
	return "($column #>> " . array_of_path(@steps) . ')' if chance(25);
	return "jsonb_extract_path_text($column, " . join(', ', map { quote($_) } @steps) . ')' if chance(4);
	return '(' . join(' -> ', $column, map { step($_) } @steps[ 0 .. $#steps - 1 ]) . ' ->> ' . step($last) . ')';
}

sub json_at
{
	my ($path, $column) = @_;
	my @steps = $path eq '' ? ('') : split(/,/, $path);

	$column //= document_column();
	return "($column #> " . array_of_path(@steps) . ')' if chance(25);
	return "($column)" . join('', map { '[' . quote($_) . ']' } @steps) if chance(8);
	return '(' . join(' -> ', $column, map { step($_) } @steps) . ')';
}

my @tame_paths = sort keys %tame;

sub any_path { return chance(70) ? pick(@tame_paths) : pick(@wild_fields, @wild_paths); }

sub text_producer
{
	my ($path) = @_;
	return sub { return text_of_json(value_like($path)); };
}

# A field and the type that all its values have.
sub tame_cast
{
	my ($path, $type) = @_;

	$path //= pick(grep { $tame{$_}{types}[0] ne 'text' } @tame_paths);
	$type //= pick(@{ $tame{$path}{types} });
	return ('(' . text_at($path, chance(90) ? 'payload' : undef) . ")::$type", $type);
}

my %type_paths;
for my $path (@tame_paths)
{
	push @{ $type_paths{$_} }, $path for @{ $tame{$path}{types} };
}

# A cast of a field to this type.
sub cast_to { return (tame_cast(pick(@{ $type_paths{ $_[0] } }), $_[0]))[0]; }

# A cast that fails for some events.
sub wild_cast
{
	my $type = pick(qw(numeric numeric int bigint float8 timestamptz date boolean uuid));

	return ('(' . text_at(pick(@wild_fields[ 0 .. 6 ], 'amount', 'status', 'note', 'placed_at', 'serial')) . ")::$type", $type);
}

# ------------------------------------------------------------ tests of documents

# A part of a document, as @> takes it.
sub fragment
{
	my $path = any_path();
	my @steps = $path eq '' ? ('') : split(/,/, $path);
	my $json = value_like($path);

	return pick('{}', '[]', 'null', '""', '1', '1.0', '[1]', '[[]]', '{"items":[{}]}', '{"items":[{"sku":"a"}]}', '{"items":[1,2]}', json_value(2), json_object(1)) if chance(20);
	$json = is_number($_) && chance(80) ? "[$json]" : '{"' . s/"/\\"/gr . "\":$json}" for reverse @steps;
	return $json =~ s/\}$/,"currency":"EUR"}/r if chance(10) && $json =~ /[^{]\}$/;
	return $json;
}

sub json_constant { return constant('jsonb', sub { return quote(chance(80) ? value_like(any_path()) : json_value(1)); }); }
sub fragment_constant { return constant('jsonb', sub { return quote(fragment()); }); }
sub key_constant { return quote(pick(qw(status amount customer), @wild_fields)); }

my @json_path_tests = ('@? \'$.items[*].sku\'', '@@ \'$.quantity > 10\'', '@? \'$.v ? (@ == 1)\'', '@@ \'$.status == "paid"\'',
	'@@ \'$.amount <= 50.5 && $.status != "paid"\'', '@@ \'!($.v == "x") || $.customer.id == 3\'', '@? \'$ ? (@.amount > 90 || @.status == null)\'', '@? \'$.customer.id\'', '@? \'$.items ? (@.sku == "a")\'');

my @document_tests = (
	sub { return document_column() . ' @> ' . fragment_constant(); },
	sub { return document_column() . ' @> ' . fragment_constant(); },
	sub { return document_column() . ' @> ' . fragment_constant(); },
	sub { return fragment_constant() . ' <@ ' . document_column(); },
	sub { return document_column() . ' <@ ' . fragment_constant(); },
	sub { return json_at(any_path()) . ' ' . pick('@>', '<@') . ' ' . json_constant(); },
	sub { return document_column() . ' ? ' . key_constant(); },
	sub { return pick(document_column(), json_at('customer'), json_at('v'), json_at('items')) . ' ? ' . quote(pick(qw(id a v b))); },
	sub { return document_column() . ' ' . pick('?|', '?&') . ' ARRAY[' . join(', ', map { key_constant() } 1 .. between(1, 3)) . ']'; },
	(sub { my $path = any_path(); return text_test(text_at($path), text_producer($path)); }) x 6,
	(sub { my ($e, $type) = tame_cast(); return comparison($e, $type, $producer{$type}); }) x 6,
	sub { return comparison(json_at(any_path()), 'jsonb', sub { return quote(value_like(any_path())); }); },
	sub { my $path = any_path(); return json_at($path) . ' = ' . constant('jsonb', sub { return quote(value_like($path)); }); },
	sub { return document_column() . ' ' . operator() . ' ' . fragment_constant(); },
	sub { return 'jsonb_typeof(' . pick(document_column(), json_at(any_path())) . ') ' . pick('=', '<>') . ' ' . quote(pick(qw(object array string number boolean null))); },
	sub { return document_column() . ' ' . pick(@json_path_tests); },
	sub { return document_column() . ' IS ' . pick('', 'NOT ') . 'NULL'; },
	sub { return cast_to('boolean') . pick('', ' IS TRUE', ' IS NOT FALSE', ' IS UNKNOWN'); },
	sub { return cast_to('numeric') . pick(' + 1', ' * 2', ' % 7', '') . ' > ' . pick(0, 5, 500, '10.5'); },
	sub { return 'amount_of(payload) ' . operator() . ' ' . constant('numeric', $producer{numeric}); },
	sub { return 'abs(' . cast_to('int') . '::bigint) < ' . between(0, 20); },
	sub { return cast_to('bigint') . ' ' . operator() . ' ' . pick('position', 'version', '5::smallint', "'5.5'::numeric", "'5.5'::float8"); },
	sub { return cast_to('numeric') . ' ' . operator() . ' ' . cast_to('numeric'); },
	sub { return 'CASE WHEN jsonb_typeof(payload -> \'v\') = \'number\' THEN (payload ->> \'v\')::numeric END ' . operator() . ' ' . constant('numeric', $producer{numeric}); });

sub document_test { return pick(@document_tests)->(); }

# ----------------------------------------------------------- tests of the head

my @time_tests = (
	sub { return pick(qw(occurred_at recorded_at)) . ' ' . pick('<=', '>') . ' now()' . pick('', " - interval '1 day'", " - interval '1 month'"); },
	sub { return "occurred_at >= '2026-0" . between(1, 2) . "-10' AND occurred_at < '2026-0" . between(2, 3) . "-15'"; },
	sub { return 'occurred_at ' . operator() . " '2026-02-" . between(1, 28) . "'::" . pick('date', 'timestamp', 'timestamptz'); },
	sub { return 'occurred_at::date = ' . quote('2026-02-' . between(1, 28)); },
	sub { return "date_trunc('day', occurred_at" . pick('', ", 'Europe/Berlin'") . ') ' . operator() . " '2026-02-" . between(1, 28) . "'"; },
	sub { return 'recorded_at ' . pick('=', '<>', '<') . ' occurred_at'; },
	sub { return "(occurred_at AT TIME ZONE 'Europe/Berlin') >= '2026-02-01'"; },
	sub { return 'extract(hour FROM occurred_at) = ' . between(0, 23); });

my @tag_tests = (
	sub { return 'tags @> ' . array_constant('text', $producer{tag}); },
	sub { return 'tags <@ ' . array_constant('text', $producer{tag}); },
	sub { return 'tags && ' . array_constant('text', $producer{tag}); },
	sub { return 'tags = ' . array_constant('text', $producer{tag}); },
	sub { return constant('text', $producer{tag}) . ' ' . pick('= ANY', '= ANY', '<> ALL', '< ANY') . ' (tags)'; },
	sub { return 'tags IS ' . pick('', 'NOT ') . 'NULL'; },
	sub { return 'cardinality(tags) ' . operator() . ' ' . between(0, 3); },
	sub { return 'tags[1] = ' . $producer{tag}->(); });

my @other_tests = ('random() < 2', 'true', 'false', 'NULL::boolean', 'position % 7 = 3', 'version + 1 > 3', 't IS NOT NULL',
	'position = ANY (ARRAY(SELECT weight FROM small))', 'position > (SELECT count(*) FROM small)', "position < '50.5'::numeric",
	'version = 3::smallint', "version > '2.5'::float8", 'position = version', 'entity_id = event_type', 'pg_typeof(payload)::text = \'jsonb\'',
	"t.*::text LIKE '%paid%'", 'version IN (1, position)', 'clock_timestamp() > recorded_at', 'length(payload::text) > 9000');
my @joining_tests = ('EXISTS (SELECT FROM small s WHERE s.entity = t.entity_id)', 'entity_id IN (SELECT s.entity FROM small s WHERE s.weight > 10)',
	'entity_id NOT IN (SELECT s.entity FROM small s WHERE s.entity IS NOT NULL)',
	'NOT EXISTS (SELECT FROM small s WHERE s.entity = t.entity_id AND s.weight < t.version)');
my @entity_tests = ('entity_id = (SELECT max(s.entity) FROM small s WHERE weight = 7)',
	"entity_id = 'steady' OR entity_id = 'order-000003'", "(entity_id = 'steady' AND version < 9 OR entity_id = 'größe-1')", "entity_id = 'steady' AND version > 20", "entity_id = 'steady' AND tenant_id = 'north'", "entity_id = 'order-000007' AND entity_id = 'order-000008'");

sub column_test
{
	my ($column) = @_;

	return text_test($column, $producer{$column}) if $column_type{$column} eq 'text';
	return comparison($column, pick('date', 'timestamp'), $producer{$column}) if $column_type{$column} eq 'timestamptz' && chance(20);
	return comparison($column, $column_type{$column}, $producer{$column});
}

# Tests that nothing but the log's order can answer, and those that may look an
# entity up, which gives rows in another one.
sub head_test
{
	return pick(@time_tests)->() if chance(15);
	return pick(@tag_tests)->() if chance(15);
	return pick(@other_tests) if chance(10);
	return column_test(pick(qw(position position event_type event_type tenant_id occurred_at recorded_at))) if $in_log_order;
	return pick(@joining_tests) if chance(7) && !$alone;
	return pick(@entity_tests) if chance(6);
	return column_test(pick(qw(position version version event_type event_type entity_id entity_id entity_id tenant_id event_id occurred_at recorded_at)));
}

# ------------------------------------------------------------- predicates

my @wild_tests = (
	(sub { my ($e, $type) = wild_cast(); return comparison($e, $type, $producer{$type}); }) x 4,
	sub { return q{payload ->> 'v' ~ '^-?[0-9]+$' AND (payload ->> 'v')::numeric > } . between(-5, 5); },
	sub { return '(payload ->> \'v\')::numeric > ' . between(-5, 5) . q{ AND payload ->> 'v' ~ '^-?[0-9]+$'}; },
	sub { return "event_type = 'reading' AND " . text_at('v', 'payload') . '::' . pick('int', 'numeric') . ' ' . operator() . ' 3'; },
	sub { return text_at('quantity', 'payload') . "::int > 3 AND entity_id IN ('steady', 'order-000001', 'order-000002', 'x', 'y', 'z', 'a', 'b')"; },
	sub { return '10 / (version - ' . between(1, 5) . ') > 1'; },
	sub { return '(' . json_at(pick('v', 'amount', 'w')) . ')::' . pick('numeric', 'int', 'boolean') . ' IS NOT NULL'; },
	sub { return 'jsonb_array_length(payload -> ' . pick("'items'", "'v'") . ') > 1'; },
	sub { return 'payload ->> ' . "'v' COLLATE ci LIKE '1%'"; });

sub leaf_test
{
	return pick(@wild_tests)->() if $wild && chance(40);
	return chance(50) ? document_test() : head_test();
}

my @compositions = (
	sub { return predicate($_[0] - 1) . ' AND ' . predicate($_[0] - 1); },
	sub { return predicate($_[0] - 1) . ' AND ' . predicate($_[0] - 1); },
	sub { return predicate($_[0] - 1) . ' OR ' . predicate($_[0] - 1); },
	sub { return predicate($_[0] - 1) . ' OR ' . predicate(0) . ' OR ' . predicate(0); },
	sub { return predicate($_[0] - 1) . ' AND ' . predicate(0) . ' AND ' . predicate(0); },
	sub { return 'NOT (' . predicate($_[0] - 1) . ')'; },
	sub { return '(' . predicate($_[0] - 1) . ') IS ' . pick('', 'NOT ') . pick('TRUE', 'FALSE', 'UNKNOWN'); },
	sub { return 'COALESCE(' . predicate($_[0] - 1) . ', ' . pick('true', 'false') . ')'; },
	sub { return 'CASE WHEN ' . predicate($_[0] - 1) . ' THEN ' . predicate($_[0] - 1) . ' ELSE ' . pick('true', 'false', 'NULL') . ' END'; },
	sub { return '(' . predicate($_[0] - 1) . ') ' . pick('=', '<>') . ' (' . predicate($_[0] - 1) . ')'; });

sub predicate
{
	my ($depth) = @_;

	return '(' . leaf_test() . ')' if $depth <= 0 || chance(25);
	return '(' . pick(@compositions)->($depth) . ')';
}

sub condition { return chance(5) ? '' : ' WHERE ' . predicate(pick(0, 0, 1, 1, 1, 2, 3)); }

# ------------------------------------------------------------ select lists

my @columns = qw(position tenant_id entity_id version event_type event_id payload metadata tags occurred_at recorded_at);

# One expression that fails for no event.
sub expression
{
	return pick(@columns) if chance(40);
	return text_at(any_path()) if chance(40);
	return json_at(any_path()) if chance(25);
	return (tame_cast())[0] if chance(50);
	return (predicate(1)) if chance(20);
	return pick('t', 't::text', 'md5(t::text)', "lower(event_type) || '!'", 'position * 2', 'NULL', '1', 'tags[1]', 'payload::text', "coalesce(metadata, '{}')", 'row_to_json(t)', 'cardinality(tags)');
}

sub select_list { return chance(5) ? '*' : join ', ', map { expression() } 1 .. pick(1, 1, 2, 3, 5); }

# Aggregates whose result is the same whichever row comes first.
my @aggregates = (
	sub { return 'count(*)'; },
	sub { return 'count(' . expression() . ')'; },
	sub { return 'count(DISTINCT ' . pick(qw(entity_id event_type tenant_id version), 'payload ->> \'status\'') . ')'; },
	sub { return pick(qw(min max)) . '(' . pick(qw(position version occurred_at recorded_at event_type entity_id tenant_id)) . ')'; },
	sub { return pick(qw(min max)) . '(' . text_at(pick(qw(status order_id note currency))) . pick('', ' COLLATE "C"') . ')'; },
	sub { return pick(qw(sum avg)) . '(' . pick(qw(position version)) . ')'; },
	sub { return pick(qw(sum avg)) . '(' . cast_to(pick(qw(int bigint numeric numeric))) . ')'; },
	sub { return pick(qw(sum avg)) . '(' . cast_to(pick(qw(int bigint numeric numeric))) . ')'; },
	sub { return pick(qw(min max)) . '(' . cast_to(pick(qw(int bigint timestamptz date timestamp))) . ')'; },
	sub { return pick(qw(bool_and bool_or)) . '(' . cast_to('boolean') . ')'; },
	sub { return 'sum(DISTINCT ' . pick('version', cast_to('int')) . ')'; },
	sub { return pick('array_agg(position ORDER BY position DESC)', "string_agg(event_type, ',' ORDER BY position)", 'jsonb_agg(payload -> \'v\' ORDER BY position)'); });

# Aggregates that show which of equal values came first, or in which order they
# were added.
my @ordered_aggregates = (
	sub { return pick(qw(min max)) . '(' . cast_to(pick(qw(numeric float8))) . ')'; },
	sub { return pick(qw(sum avg)) . '(' . cast_to('float8') . ')'; });

sub aggregate
{
	my $call = pick($in_log_order && chance(60) ? @ordered_aggregates : @aggregates)->();

	return chance(15) ? "$call FILTER (WHERE " . predicate(1) . ')' : $call;
}

sub aggregates { return join ', ', map { aggregate() } 1 .. pick(1, 1, 2, 3); }

my @group_keys = (qw(event_type event_type entity_id tenant_id tags), "date_trunc('day', occurred_at)", "date_trunc('hour', occurred_at)",
	"date_trunc('second', recorded_at)", "date_trunc('hour', recorded_at)", "date_trunc('day', occurred_at, 'Europe/Berlin')", "date_trunc('month', occurred_at AT TIME ZONE 'Asia/Kolkata')",
	"date_bin('7 hours', occurred_at, '2026-01-01')", "date_bin('1 second', recorded_at, '2026-01-01 00:00:00.5+00')",
	'version % 3', 'occurred_at::date', "extract(dow FROM occurred_at)", 'length(entity_id)', 'version');

sub group_key
{
	return pick(@group_keys) if chance(65);
	return text_at(any_path()) if chance(70);
	return cast_to(pick(qw(boolean int bigint date)));
}

sub group_keys { my %seen; return grep { !$seen{$_}++ } map { group_key() } 1 .. pick(1, 1, 1, 2, 3); }

# ----------------------------------------------------------------- queries

# A query of one SELECT.
sub single
{
	my ($select, %properties) = @_;
	return { statements => [$select], explain => ["EXPLAIN (VERBOSE) $select"], ordered => 0, errors => 'exact', %properties };
}

sub scan { return single('SELECT ' . select_list() . ' FROM {T} t' . condition()); }

sub ordered_scan
{
	my $order = pick('position', 'position', 'position DESC', 'event_type, position', 'entity_id, version, position', 'version DESC, position DESC',
		'occurred_at, position', 'recorded_at DESC, position DESC', text_at('status', 'payload') . ' DESC NULLS LAST, position',
		cast_to('numeric') . ' NULLS FIRST, position', 'entity_id COLLATE "C" DESC, position');
	my $limit = (chance(70) ? ' LIMIT ' . constant('bigint', sub { return pick(0, 1, 3, 10, 100); }) : '') . (chance(25) ? ' OFFSET ' . pick(0, 1, 5, 50) : '');

	return single('SELECT ' . select_list() . ' FROM {T} t' . condition() . " ORDER BY $order$limit", ordered => 1);
}

# The last events of an entity, as applications ask.
sub entity_scan
{
	my $where = 'entity_id = ' . constant('text', $producer{entity_id}) . (chance(70) ? ' AND tenant_id = ' . constant('text', $producer{tenant_id}) : '');

	$where .= ' AND ' . pick(column_test('version'), predicate(0)) if chance(40);
	$where .= ' ORDER BY ' . pick('version', 'version DESC', 'version DESC', 'position') . ', tenant_id';
	return single('SELECT ' . select_list() . " FROM {T} t WHERE $where" . pick('', ' LIMIT 10', ' LIMIT 1', ' LIMIT 3 OFFSET 2'), ordered => 1);
}

# As a reader follows the log.
sub log_scan
{
	my $where = 'position ' . pick('>', '>', '>', '>=', '<') . ' ' . constant('bigint', $producer{position}) . (chance(40) ? ' AND ' . predicate(1) : '');

	return single('SELECT ' . select_list() . " FROM {T} t WHERE $where ORDER BY position" . pick('', ' DESC') . ' LIMIT ' . constant('bigint', sub { return pick(1, 10, 200); }), ordered => 1);
}

# What a view leaves out is never seen, by a cast that would fail for it either.
sub view_scan
{
	return single('SELECT position, status, amount FROM view_of_{SIDE} t' . condition()) if chance(40);
	return single('SELECT status, count(*), sum(amount) FROM view_of_{SIDE} t' . condition() . ' GROUP BY status') if chance(50);
	return single("SELECT count(*) FROM barrier_of_{SIDE} t WHERE (payload ->> 'v')::numeric " . operator() . ' ' . between(-20, 20) . ' AND ' . predicate(0));
}

sub aggregation { return single('SELECT ' . aggregates() . ' FROM {T} t' . condition()); }

sub grouping
{
	my @keys = group_keys();
	my $having = chance(15) ? ' HAVING count(*) ' . operator() . ' ' . between(1, 30) : '';
	my $order = chance(30) ? ' ORDER BY ' . join(', ', 1 .. @keys) : '';

	return single('SELECT ' . join(', ', @keys, aggregates()) . ' FROM {T} t' . condition() . ' GROUP BY ' . join(', ', 1 .. @keys) . $having . $order,
		ordered => $order ne '');
}

# ------------------------------------------- what is computed from blocks

# A condition that leaves a part of the log, and perhaps another one.
my @ranges = (
	sub { return 'position BETWEEN ' . constant('bigint', $producer{position}) . ' AND ' . constant('bigint', $producer{position}); },
	sub { return 'position ' . pick('>', '>=', '<', '<=') . ' ' . constant('bigint', $producer{position}); },
	sub { return 'recorded_at ' . pick('>', '>=', '<', '<=', '=') . ' ' . constant('timestamptz', $producer{recorded_at}); },
	sub { return 'recorded_at BETWEEN ' . constant('timestamptz', $producer{recorded_at}) . ' AND ' . constant('timestamptz', $producer{recorded_at}); },
	sub { return 'position > ' . constant('bigint', $producer{position}) . ' AND recorded_at <= ' . constant('timestamptz', $producer{recorded_at}); });

sub range_condition { return ' WHERE ' . pick(@ranges)->() . (chance(50) ? ' AND ' . predicate(pick(0, 0, 1)) : ''); }

sub range_scan
{
	my $order = pick('', '', ' ORDER BY position', ' ORDER BY position DESC', ' ORDER BY position LIMIT 20', ' ORDER BY recorded_at, position LIMIT 7');

	return single('SELECT position, ' . select_list() . ' FROM {T} t' . range_condition() . $order, ordered => $order ne '');
}

sub some_cast { return cast_to(pick(qw(smallint int bigint numeric numeric numeric))); }

my @block_aggregates = (
	sub { return 'count(*)'; },
	sub { return 'count(' . pick('tags', 'metadata', text_at(any_path()), json_at(any_path()), some_cast()) . ')'; },
	sub { return 'count(DISTINCT entity_id)'; },
	sub { return pick(qw(min max)) . '(' . pick(qw(position version occurred_at recorded_at)) . ')'; },
	sub { return pick(qw(sum avg)) . '(' . pick(qw(position version)) . ')'; },
	(sub { return pick(qw(sum sum avg)) . '(' . some_cast() . ')'; }) x 4,
	(sub { return pick(qw(min max)) . '(' . cast_to(pick(qw(smallint int bigint))) . ')'; }) x 2);

# Extremes of numerics: groups may get their rows in another order.
sub extreme { return pick(qw(min max)) . '(' . cast_to('numeric') . ')'; }

sub block_aggregate
{
	my ($grouped) = @_;
	my $call = chance(25) ? extreme() : pick(@block_aggregates)->();

	$call .= ' FILTER (WHERE ' . predicate(pick(0, 0, 1)) . ')' if chance(30);
	return ($grouped || $in_parallel) && $call =~ /^m[^ ]* *.*numeric/ ? "trim_scale($call)" : $call;
}

my @block_keys = (qw(event_type event_type tenant_id entity_id version recorded_at), "date_trunc('day', occurred_at)", "date_bin('7 hours', occurred_at, '2026-01-01')",
	"date_trunc('second', recorded_at)", 'position / 100', "split_part(event_type, '.', 1)", 'length(entity_id)', 'occurred_at::date', 'version > 5');

sub block_key { return chance(60) ? pick(@block_keys) : text_at(chance(70) ? pick('customer,tier', qw(status currency unit level paid quantity order_id)) : any_path()); }

sub block_condition { return chance(25) ? '' : chance(40) ? range_condition() : ' WHERE ' . predicate(pick(0, 0, 1)); }

sub block_aggregation
{
	my $list = join ', ', map { block_aggregate(0) } 1 .. pick(1, 2, 4);

	return single("SELECT $list FROM {T} t" . block_condition() . (chance(10) ? ' HAVING count(*) > ' . between(0, 300) : ''));
}

sub block_grouping
{
	my %seen;
	my @keys = grep { !$seen{$_}++ } map { block_key() } 1 .. pick(1, 1, 2, 3);
	my $list = join ', ', @keys, map { block_aggregate(1) } 1 .. pick(0, 1, 2, 3);
	my $having = chance(30) ? ' HAVING ' . pick('count(*) > 3', 'sum(version) > 9', 'count(DISTINCT entity_id) > 1', 'max(position) % 2 = 0', 'min(version) < 3 AND count(*) < 40') : '';

	return single("SELECT $list FROM {T} t" . block_condition() . ' GROUP BY ' . join(', ', 1 .. @keys) . $having);
}

# Aggregates in other queries, once and again and again.
my @nested_aggregates = (
	sub { return 'SELECT w, (SELECT ' . block_aggregate(0) . ' FROM {T} t WHERE version > w AND ' . predicate(0) . ') FROM generate_series(1, 4) w'; },
	sub { return 'SELECT w, g.* FROM generate_series(1, 4) w, LATERAL (SELECT ' . block_key() . ', count(*), ' . block_aggregate(1) . ' FROM {T} t WHERE version = w GROUP BY 1) g'; },
	sub { return 'WITH g AS (SELECT entity_id, count(*) AS n, max(position) AS last FROM {T} t' . block_condition() . ' GROUP BY 1) SELECT count(*), sum(n), max(last) FROM g JOIN small ON entity = entity_id'; },
	sub { return 'SELECT ' . block_aggregate(0) . ' FROM {T} t' . block_condition() . ' UNION ALL SELECT NULL FROM small WHERE weight = 7'; },
	sub { return 'SELECT ' . block_aggregate(0) . ' FROM {T} t WHERE position > (SELECT max(position) / 2 FROM {T}) AND ' . predicate(0); });

sub nested_aggregation { return single(pick(@nested_aggregates)->()); }

# --------------------------------------------------------- functions

# An argument by its name.
sub argument { my ($name, $type, $value) = @_; return chance(35) ? "$name => " . constant($type, $value) : (); }

sub type_patterns { return 'ARRAY[' . join(', ', map { quote(pick(@event_types, 'order.*', 'order.item.*', 'größe.*', 'o.*', 'none', 'x.*')) } 1 .. between(1, 3)) . ']'; }

# The functions that the test makes, of the relation and of the plain table.
sub function_call
{
	my @arguments = (argument('entity_id', 'text', $producer{entity_id}), argument('event_types', 'text[]', \&type_patterns), argument('since', 'timestamptz', $producer{recorded_at}),
		argument('until', 'timestamptz', $producer{recorded_at}), argument('as_of', 'timestamptz', $producer{recorded_at}),
		argument('payload_filter', 'jsonb', sub { return quote(fragment()); }), argument('tags', 'text[]', sub { return 'ARRAY[' . join(', ', map { quote(pick(@tag_names)) } 1 .. pick(0, 1, 1, 2)) . ']::text[]'; }),
		argument('after_position', 'bigint', $producer{position}), argument('max_count', 'bigint', sub { return pick(0, 1, 10, 1000); }),
		argument('backward', 'boolean', $producer{boolean}), argument('tenant_id', 'text', sub { return quote(pick('default', 'north', 'süd', 'none')); }));

	return single('SELECT ' . pick('*', 'position, payload', 'position, version, tags') . ' FROM query_of_{SIDE}(' . join(', ', @arguments) . ')', ordered => 1);
}

sub entity_state
{
	return single('SELECT s.entity, state_of_{SIDE}(s.entity, NULL, s.tenant) FROM (SELECT DISTINCT entity, tenant FROM small WHERE weight % 5 = 0 AND tenant IS NOT NULL) s') if chance(20);
	return single('SELECT state_of_{SIDE}(' . join(', ', $producer{entity_id}->(), chance(40) ? $producer{recorded_at}->() : 'NULL', chance(40) ? quote(pick('default', 'north', 'süd')) : 'NULL') . ')');
}

sub event_by_id { return single('SELECT * FROM event_of_{SIDE}(' . $producer{event_id}->() . ')'); }

sub grouping_sets
{
	my $key = pick('event_type', "date_trunc('day', occurred_at)", 'tenant_id');
	my $set = pick("ROLLUP ($key, version % 3)", "CUBE ($key, version % 3)", "GROUPING SETS (($key), (version % 3), ())");

	return single("SELECT $key, version % 3, grouping($key), " . aggregates() . ' FROM {T} t' . condition() . " GROUP BY $set");
}

# An answer that shows in which order the rows came, by predicates that keep the
# log's.  Groups would not do: sorting for them may change it.
sub log_order
{
	local $in_log_order = 1;
	return aggregation();
}

# Which row fails first is defined; below an aggregate with groups it isn't.
sub wild_scan { local ($wild, $alone) = (1, 1); return single('SELECT ' . pick('position', '*', 'event_type, payload') . ' FROM {T} t' . condition()); }
sub wild_aggregation { local ($wild, $alone) = (1, 1); return single("SELECT count(*), sum(position) FROM {T} t" . condition()); }

sub wild_list
{
	local $alone = 1;
	my ($cast) = wild_cast();

	return single("SELECT position, $cast FROM {T} t" . condition());
}

sub wild_grouping
{
	my ($cast) = wild_cast();
	my $where = condition();

	return single("SELECT $cast, count(*) FROM {T} t$where GROUP BY 1", errors => 'some') if chance(50);
	return single("SELECT event_type, count($cast) FROM {T} t$where GROUP BY 1", errors => 'some');
}

sub distinct
{
	return single('SELECT DISTINCT ' . join(', ', group_keys()) . ' FROM {T} t' . condition()) if chance(60);
	return single('SELECT DISTINCT ON (entity_id, tenant_id) ' . select_list() . ' FROM {T} t' . condition() . ' ORDER BY entity_id, tenant_id, version DESC', ordered => 1);
}

sub window
{
	my $over = pick('PARTITION BY entity_id, tenant_id ORDER BY version', 'ORDER BY position', 'PARTITION BY event_type ORDER BY position DESC', 'PARTITION BY event_type');
	my $call = $over =~ /ORDER/ ? pick('row_number()', 'lag(position)', 'sum(version)', "first_value(payload ->> 'status')", 'rank()') : pick('count(*)', 'max(position)');

	return single("SELECT position, $call OVER ($over) FROM {T} t" . condition());
}

# The events once more, with other names.
my $others = '(SELECT position AS p, entity_id AS e, tenant_id AS n, version AS v, event_id AS i FROM {T}) o';

my @joins = (
	sub { return 'SELECT ' . aggregates() . ' FROM small s JOIN {T} t ON t.entity_id = s.entity'; },
	sub { return 'SELECT s.weight, t.position, ' . expression() . ' FROM small s JOIN {T} t ON t.entity_id = s.entity AND t.version = s.weight'; },
	sub { return 'SELECT s.*, t.position FROM small s LEFT JOIN {T} t ON t.entity_id = s.entity AND ' . predicate(1); },
	sub { return 'SELECT t.position, s.weight FROM {T} t LEFT JOIN small s ON t.entity_id = s.entity AND t.tenant_id = s.tenant'; },
	sub { return 'SELECT t.position, s.weight FROM {T} t FULL JOIN (SELECT * FROM small WHERE weight < 8) s ON t.entity_id = s.entity AND t.version = s.weight'; },
	sub { return 'SELECT t.position FROM {T} t JOIN (SELECT DISTINCT weight FROM small) s ON t.position = s.weight'; },
	sub { return "SELECT t.position, p FROM {T} t JOIN $others ON e = t.entity_id AND n = t.tenant_id AND v = t.version + 1"; },
	sub { return "SELECT t.position, p FROM {T} t LEFT JOIN $others ON e = t.entity_id AND v = t.version AND n < t.tenant_id"; },
	sub { return "SELECT count(*), sum(p) FROM {T} t JOIN $others ON i = t.event_id"; },
	sub { return "SELECT t.position, s.weight FROM {T} t JOIN small s ON s.entity = 'order-' || right(t.payload ->> 'order_id', 6)"; },
	sub { return 'SELECT count(*) FROM small s, small z, {T} t WHERE s.entity = t.entity_id AND z.entity = t.entity_id AND z.weight > s.weight'; });

sub join_query
{
	my $from = pick(@joins)->();

	return single($from . (chance(60) ? ($from =~ /WHERE/ ? ' AND ' : ' WHERE ') . predicate(pick(0, 0, 1)) : ''));
}

# The last or first events of several entities.
sub lateral
{
	my $inner = 'SELECT position, version, event_type, ' . expression() . ' AS x FROM {T} t WHERE t.entity_id = s.entity'
	  . pick('', ' AND t.tenant_id = s.tenant', ' AND ' . predicate(0)) . ' ORDER BY ' . pick('version DESC, position DESC', 'version, position', 'position DESC') . pick('', ' LIMIT 3', ' LIMIT 1');

	return single('SELECT s.entity, e.* FROM (SELECT DISTINCT entity, tenant FROM small) s ' . pick("LEFT JOIN LATERAL ($inner) e ON true", "CROSS JOIN LATERAL ($inner) e"));
}

my @nested = (
	sub { return 'SELECT count(*), max(n) FROM (SELECT entity_id, count(*) AS n FROM {T} t' . condition() . ' GROUP BY 1) g WHERE n > 2'; },
	sub { return 'WITH c AS ' . pick('', 'MATERIALIZED ', 'NOT MATERIALIZED ') . '(SELECT * FROM {T} t' . condition() . ') SELECT event_type, count(*) FROM c t' . condition() . ' GROUP BY 1'; },
	sub { return 'SELECT position, event_type FROM {T} t' . condition() . pick(' UNION ALL ', ' UNION ', ' EXCEPT ', ' INTERSECT ') . 'SELECT position, event_type FROM {T} t' . condition(); },
	sub { return 'SELECT position FROM {T} t WHERE entity_id IN (SELECT entity_id FROM {T} t' . condition() . ')'; },
	sub { return 'SELECT position FROM {T} t WHERE version = (SELECT max(version) FROM {T} o WHERE o.entity_id = t.entity_id AND o.tenant_id = t.tenant_id)'
		  . ' AND position % 97 = 0'; },
	sub { return 'SELECT p FROM (SELECT position AS p, payload AS d, event_type FROM {T}) t WHERE d @> ' . fragment_constant() . " AND p > 10"; },
	sub { return 'SELECT t.position, i.value FROM {T} t, jsonb_array_elements(CASE jsonb_typeof(payload -> \'items\') WHEN \'array\' THEN payload -> \'items\' END) i' . (chance(50) ? ' WHERE position > 50' : ''); },
	sub { return 'SELECT position, (SELECT count(*) FROM small s WHERE s.entity = t.entity_id) FROM {T} t' . condition(); },
	sub { return 'SELECT s.weight, (SELECT max(version) FROM {T} t WHERE t.entity_id = s.entity) FROM small s'; },
	sub { return 'SELECT exists(SELECT FROM {T} t' . condition() . ')'; },
	sub { return 'SELECT s.weight FROM small s WHERE ' . pick('', 'NOT ') . 'EXISTS (SELECT FROM {T} t WHERE t.entity_id = s.entity AND ' . predicate(1) . ')'; });

sub nested { return single(pick(@nested)->()); }

sub row_locks
{
	return single('SELECT s.weight, t.position FROM small s, {T} t WHERE t.entity_id = s.entity AND t.version = ' . between(1, 5) . ' FOR UPDATE OF s');
}

my @fetches = ('FETCH NEXT', 'FETCH 5', 'FETCH FORWARD 20', 'FETCH BACKWARD 3', 'FETCH PRIOR', 'FETCH ABSOLUTE 7', 'FETCH RELATIVE -2', 'FETCH LAST', 'FETCH FIRST', 'MOVE 10', 'FETCH ALL', 'FETCH ABSOLUTE -3', 'FETCH BACKWARD ALL');

sub cursor
{
	my $select = 'SELECT position, ' . expression() . ' FROM {T} t' . condition() . ' ORDER BY position' . pick('', ' DESC');
	my $hold = chance(30);
	my @fetched = map { pick(@fetches) . ' FROM c' } 1 .. between(2, 6);

	return { statements => [ 'BEGIN', 'DECLARE c SCROLL CURSOR' . ($hold ? ' WITH HOLD' : '') . " FOR $select", ($hold ? 'COMMIT' : ()), @fetched, 'CLOSE c', ($hold ? () : 'COMMIT') ],
		explain => ["EXPLAIN (VERBOSE) $select"], ordered => 1, errors => 'exact' };
}

# A value whose evaluation may fail, though it has no columns.  PostgreSQL works it
# out when a row asks for it, and not before.  None is compared with entities for
# equality, nor any entity for equality beside it: an index answers that first, which
# the plain table does not have.
sub late_value
{
	my $n = pick(0, 0, 1, 3, 7);

	if (defined $parameters && chance(60))
	{
		push @$parameters, [ 'text', sub { return quote(pick('', 'x', 1, 3, 7)); } ];
		return '$' . @$parameters . '::bigint';
	}
	return pick("(SELECT boom($n))", "(SELECT boom($n))", "(SELECT volatile_boom($n))", "(SELECT g FROM generate_series(1, " . pick(1, 2) . ') g)',
		"(SELECT boom(s.weight) FROM small s WHERE s.weight = $n LIMIT 1)", "(SELECT boom($n) WHERE false)");
}

sub late_test
{
	my $value = late_value();

	return pick('version ' . operator() . " $value", 'version ' . operator() . " $value", "position > $value", "$value = version",
		"version = ANY (ARRAY[$value, 2])", "NOT version = $value", "(version = $value) IS NOT TRUE", "entity_id > 'order-00000' || $value",
		"tenant_id = repeat('x', ($value)::int)", "payload ->> ('v' || $value) IS NULL", "CASE WHEN event_type = 'none' THEN version = $value ELSE true END");
}

sub late_guard
{
	return pick("event_type = 'none'", "entity_id LIKE 'none'", "entity_id > 'z'", 'version > 1000000', "tenant_id = 'none'", "tenant_id = (SELECT 'none')", 'position < 0',
		column_test(pick(qw(event_type tenant_id version position))));
}

# Such values before, after and beside conditions that few rows meet, or none.
sub late_condition
{
	my @parts = (late_test(), map { late_guard() } 1 .. pick(0, 1, 1, 2));

	@parts = reverse @parts if chance(70);
	push @parts, '(' . late_guard() . ' OR ' . late_test() . ')' if chance(30);
	return join pick(' AND ', ' AND ', ' AND ', ' OR '), @parts;
}

sub late
{
	my $condition = late_condition();

	return single(pick("SELECT count(*) FROM {T} t WHERE $condition", "SELECT position FROM {T} t WHERE $condition", "SELECT position FROM {T} t WHERE $condition ORDER BY position",
		"SELECT count(*) FILTER (WHERE $condition), count(*) FROM {T} t", "SELECT event_type, count(*) FROM {T} t WHERE $condition GROUP BY 1",
		"SELECT count(t.position) FROM small s LEFT JOIN {T} t ON t.version = s.weight AND $condition", "SELECT w, (SELECT count(*) FROM {T} t WHERE version > w AND $condition) FROM generate_series(1, 3) w"));
}

# Any query with parameters, run with several values for them.
sub prepared
{
	my ($production) = @_;
	local $parameters = [];
	my $query = $production->();
	my $list = @$parameters ? '(' . join(', ', map { $_->[0] } @$parameters) . ')' : '';
	my @executions = map { 'EXECUTE p' . ($list && '(' . join(', ', map { chance(5) ? 'NULL' : $_->[1]->() } @$parameters) . ')') } 1 .. between(1, 3);
	my $prepare = "PREPARE p$list AS $query->{statements}[0]";

	return { %$query, statements => [ $prepare, @executions, 'DEALLOCATE p' ], explain => [ $prepare, "EXPLAIN (VERBOSE) $executions[0]", 'DEALLOCATE p' ] };
}

my @productions = ((\&scan) x 20, (\&ordered_scan) x 12, (\&entity_scan) x 6, (\&log_scan) x 4, (\&view_scan) x 3, (\&aggregation) x 12, (\&grouping) x 14, (\&grouping_sets) x 2, (\&wild_scan) x 8,
	(\&block_aggregation) x 5, (\&block_grouping) x 8, (\&nested_aggregation) x 3, (\&range_scan) x 5, (\&function_call) x 6, (\&entity_state) x 3, \&event_by_id, (\&wild_aggregation) x 4, (\&wild_list) x 3, (\&wild_grouping) x 2, (\&distinct) x 3, (\&window) x 3, (\&join_query) x 6, (\&lateral) x 4, (\&nested) x 6, \&row_locks, (\&cursor) x 3, (\&late) x 6, (sub { return prepared(\&late); }) x 3,
	(sub { return prepared(pick(\&scan, \&ordered_scan, \&entity_scan, \&log_scan, \&aggregation, \&grouping, \&lateral, \&nested)); }) x 8);

# Those whose answer does not take too long with many events.
my @block_productions = ((\&block_aggregation) x 6, (\&block_grouping) x 8, (\&nested_aggregation) x 2, (\&range_scan) x 3, (\&function_call) x 3, \&entity_state, \&event_by_id,
	(sub { return prepared(pick(\&block_aggregation, \&block_grouping, \&range_scan)); }) x 2);

# One query.  In parallel, what depends on the order of rows has no defined answer.
# With 'blocks', one of those that mostly are computed from blocks.
sub generate_query
{
	my (%options) = @_;
	local $in_parallel = $options{parallel};

	return pick(@block_productions)->() if $options{blocks};
	return pick(@productions)->() if $options{parallel};
	return chance(6) ? log_order() : pick(@productions)->();
}

1;
