# Random events, for queries to be asked about.
#
# Most documents are regular, so that columns get encodings of their own, with
# exceptions among them; the others are whatever jsonb takes.  Fields are tame or
# wild: a tame field can be cast to its type in every event that has it, however
# it is spelt; a wild one need not.
package EventGenerator;

use strict;
use warnings;
use utf8;

use Dice;
use Exporter 'import';

our @EXPORT = qw(event_line value_like json_value json_object %tame @wild_fields @wild_paths
  @entity_ids @event_types @tenant_ids @tag_names $more_entities string_value number_value time_value uuid_value);

our @tenant_ids = ('default', 'default', 'default', 'north', 'süd');
our @event_types = ((map { "order.$_" } qw(placed paid shipped cancelled item.added item.removed)),
	qw(reading Order.Paid), 'größe.geändert', 'x', 'wild', 'with space');
our @entity_ids = ('steady', (map { sprintf 'order-%06d', $_ } 1 .. 60), (map { "sensor-$_" } 1 .. 9),
	'größe-1', 'Größe-1', 'a%b_c', "it's", '\\', '😀', 'x' x 300);
# How many entities there are besides.
our $more_entities = 0;
our @tag_names = (qw(eu us big gift EU größe), 'two words', '{}', 'null', '"');

# ------------------------------------------------------------- spellings

my @numbers = (qw(0 1 1.0 1.00 1e0 10e-1 1E+2 100 1e2 -0 -0.0 0.0 0e5 -1 2 3 7 12 12.5 12.50 0.1 -0.001 1.5e3),
	qw(32767 32768 2147483647 2147483648 -2147483648 9007199254740992 9007199254740993 9223372036854775807),
	qw(9223372036854775808 -9223372036854775808 18446744073709551616 123456789012345678901234567890),
	qw(1e22 0.30000000000000004 3.141592653589793238462643383279));
my @extreme_numbers = qw(1e400 -1e400 1e-400 1e308 1.7976931348623157e309 1e131071);

my @times = qw(2026-01-31T12:00:00Z 2026-01-31T13:00:00+01:00 2026-01-31T12:00:00.000Z 2026-01-31T12:00:00
  2026-01-31T12:00:00.123456Z 2026-01-31T12:00:00.1234565Z 1969-12-31T23:59:59Z 2026-01-31 2026-06-30T23:59:60Z
  1999-12-31T23:59:59.999999-12:00 infinity -infinity 20260131T120000Z 2026-07-01T00:00:00.5+05:30);
push @times, '2026-01-31 12:00:00', '2026-01-31 12:00:00+00', '0001-01-01 00:00:00+00', '2026-01-31 12:00:00 Europe/Berlin', ' 2026-02-01T00:00:00Z ';
my @wrong_times = qw(2026-02-30T00:00:00Z 2026-13-01 24:61 2026-01-31T 12:00 tomorrowish 2026-01-31T25:00:00Z 999999-01-01);

my $known_uuid = '01890a5d-ac96-774b-bcce-b302099a8057';
my @uuids = ($known_uuid, uc $known_uuid, "{$known_uuid}", $known_uuid =~ tr/-//dr, '00000000-0000-0000-0000-000000000000',
	'ffffffff-ffff-ffff-ffff-ffffffffffff', 'FFFFFFFF-ffff-FFFF-ffff-ffffffffffff');
my @wrong_uuids = ('01890a5d-ac96-774b-bcce-b302099a805', "$known_uuid ", '{01890a5d-ac96-774b-bcce-b302099a8057', 'g' x 32);

# As JSON writes them.
my @strings = ('', ' ', 'a', 'A', 'b', 'ab', 'abc', 'paid', 'PAID', 'paid ', 'pa', 'placed', '12', ' 12 ', '1e3', '1.0', '1', '0', '-0',
	'NaN', 'Infinity', '-Infinity', 'inf', '0x10', '1_000', 't', 'true', 'TRUE', 'tru', 'yes', 'no', 'on', 'off', 'of', 'y', 'f', 'null',
	'\u0041', '\u0061', '\/', '/', '\\\\', '\"', '\n', 'tab\there', '\ud83d\ude00', '😀', 'größe', 'gr\u00f6\u00dfe', "gro\x{308}ße", 'GRÖSSE',
	'%', '_', 'a%b', 'a_b', 'a\\\\b', "'", "''", "it's", '{}', '[1]', '{"a":1}' =~ s/"/\\"/gr, "\x{10FFFF}", '\b\f\r', 'z' x 70, 'paid' x 40);

sub number_value { return chance(60) ? pick(@numbers) : pick(between(-20, 20), between(0, 1000) . '.' . digits(2), between(0, 1e9)); }
sub time_value { return chance(50) ? pick(@times) : sprintf('2026-%02d-%02dT%02d:%02d:%02d.%03dZ', between(1, 3), between(1, 28), between(0, 23), between(0, 59), between(0, 59), between(0, 999)); }
sub uuid_value { return chance(50) ? pick(@uuids) : join '-', map { hex_digits($_) } 8, 4, 4, 4, 12; }
sub string_value { return pick(@strings); }


# An integer that needs all of 8 bytes, or some.
sub big_number { return sprintf '%d', pick(1, -1) * (1 + int rand pick(9e4, 9e9, 9e17)); }

sub quoted { return "\"$_[0]\""; }
sub maybe_quoted { return chance(30) ? quoted(pick('', '', ' ') . $_[0] . pick('', '', ' ')) : $_[0]; }

# ------------------------------------------------------------- fields

# By path, with commas: what the type is, and a value when it is not regular.
our %tame = (
	'amount' => { types => [qw(numeric numeric numeric float8)], value => sub { return maybe_quoted(number_value()); } },
	'quantity' => { types => [qw(int bigint bigint numeric float8)],
		value => sub { return maybe_quoted(pick(-5 .. 30, '-0', 0, 2147483647, -2147483648)); } },
	'serial' => { types => [qw(bigint bigint numeric)], value => sub { return maybe_quoted(pick('9223372036854775807', '-9223372036854775808', between(0, 1e12))); } },
	'big' => { types => [qw(bigint bigint numeric)], value => sub { return maybe_quoted(pick('9223372036854775807', '-9223372036854775808', -1, big_number())); } },
	'price' => { types => ['numeric'], value => sub { return maybe_quoted(pick(number_value(), '0.10', '-0.100', '12', '0')); } },
	'balance' => { types => ['numeric'], value => sub { return maybe_quoted(pick('0.000', '-0.00', '1e-3', big_number() . '.50')); } },
	'level' => { types => [qw(smallint smallint int numeric)], value => sub { return maybe_quoted(pick(0, -1, 32767, -32768)); } },
	'paid' => { types => ['boolean'], value => sub { return pick('true', 'false', map { quoted($_) } qw(t true yes on off no f 0 1 TRUE tr), ' y '); } },
	'placed_at' => { types => [qw(timestamptz timestamptz date timestamp)], value => sub { return quoted(pick(@times)); } },
	'customer,id' => { types => ['uuid'], value => sub { return quoted(uuid_value()); } },
	'customer,tier' => { types => [qw(int numeric bigint)], value => sub { return maybe_quoted(between(0, 4)); } },
	'status' => { types => ['text'], value => sub { return quoted(string_value()); } },
	'currency' => { types => ['text'], value => sub { return quoted(pick(qw(EUR USD CHF eur), '', '€')); } },
	'order_id' => { types => ['text'], value => sub { return quoted(pick('ORD-1', 'order-000007', sprintf 'ORD-%08d', between(1, 60))); } },
	'note' => { types => ['text'], value => sub { return quoted(string_value()); } },
	'raw' => { types => ['text'], value => sub { return quoted(pick(hex_digits(8), uc hex_digits(8))); } });

my %regular = (
	'big' => sub { return big_number(); },
	'price' => sub { return big_number() =~ s/\d{4}$/.$&/r =~ s/^(-?)\./${1}0./r; },
	'balance' => sub { return between(-999, 999) . '.' . digits(3); },
	'level' => sub { return between(-3, 12); },
	'amount' => sub { return between(0, 999) . '.' . digits(2); },
	'quantity' => sub { return between(1, 20); },
	'serial' => sub { return 1_000_000_000_000 + between(0, 5000); },
	'paid' => sub { return chance(80) ? 'true' : 'false'; },
	'placed_at' => sub { return quoted(sprintf '2026-01-%02dT%02d:%02d:%02d.%03dZ', between(1, 28), between(0, 23), between(0, 59), between(0, 59), between(0, 999)); },
	'customer,id' => sub { return quoted(join '-', map { hex_digits($_) } 8, 4, 4, 4, 12); },
	'customer,tier' => sub { return between(0, 3); },
	'status' => sub { return quoted(pick(qw(placed paid shipped cancelled refunded))); },
	'currency' => sub { return '"EUR"'; },
	'order_id' => sub { return quoted(sprintf 'ORD-%08d', between(1, 60)); },
	'note' => sub { return quoted(join ' ', map { pick(qw(please leave the parcel at my neighbour größe)) } 1 .. between(0, 9)); },
	'raw' => sub { return quoted(hex_digits(8)); });

our @wild_fields = (qw(v w a b c k items), '', 'A', 'größe', 'a b', 'x"y', 'v');
our @wild_paths = split / /, "v,a a,b a,0 items,0 items,0,sku items,-1 0 0,a w,w,w c,größe a,a,a";

# How JSON writes the key; some have another spelling.
my %spelling = ('a' => '\u0061', 'A' => '\u0041', 'x"y' => 'x\"y', 'status' => 'st\u0061tus', 'größe' => 'gr\u00f6\u00dfe');

sub json_key
{
	my ($key) = @_;

	return quoted($spelling{$key}) if exists $spelling{$key} && ($key eq 'x"y' || chance(20));
	return quoted($key);
}

my $space = '';

sub space { return $space eq 'random' ? pick('', ' ', "\t", "\n", '  ') : $space; }

sub members { return '{' . space() . join(',' . space(), @_) . space() . '}'; }
sub member { return json_key($_[0]) . space() . ':' . space() . $_[1]; }

# Any value.
sub json_value
{
	my ($depth) = @_;

	return json_object($depth + 1) if $depth < 3 && chance(15);
	return '[' . space() . join(space() . ',', map { json_value($depth + 1) } 1 .. between(0, 4)) . ']' if $depth < 3 && chance(15);
	return pick(qw(true false null {} [])) if chance(20);
	return chance(10) ? pick(@extreme_numbers) : number_value() if chance(40);
	return quoted(pick(time_value(), pick(@wrong_times), uuid_value(), pick(@wrong_uuids))) if chance(25);
	return quoted(string_value());
}

# An object of wild fields, some of them twice.
sub json_object
{
	my ($depth) = @_;

	return members(map { member(pick(@wild_fields, 'sku'), json_value($depth)) } 1 .. between(0, 5));
}

# A value as the field has them, of a path with commas.
sub value_like
{
	my ($path) = @_;

	return json_value(1) unless exists $tame{$path};
	return chance(60) ? $regular{$path}->() : $tame{$path}{value}->();
}

# A tame field as it stands in a document; nothing at all when it is missing.
sub tame_member
{
	my ($path, $strangeness) = @_;
	my $name = $path =~ s/.*,//r;

	return () if chance($strangeness / 2);
	return member($name, 'null') if chance($strangeness / 3);
	return (member($name, $regular{$path}->()), member($name, $tame{$path}{value}->())) if chance($strangeness / 5);
	return member($name, chance($strangeness) ? $tame{$path}{value}->() : $regular{$path}->());
}

# -------------------------------------------------------------- documents

sub order
{
	my ($strangeness) = @_;
	my @fields = map { tame_member($_, $strangeness) } qw(order_id amount currency status quantity placed_at);

	push @fields, member('customer', members(map { tame_member($_, $strangeness) } 'customer,id', 'customer,tier')) unless chance($strangeness / 2);
	push @fields, map { tame_member($_, $strangeness) } qw(paid serial note);
	@fields = reverse @fields if chance($strangeness);
	push @fields, member(pick(@wild_fields), json_value(1)) if chance(2 * $strangeness);
	return members(@fields);
}

sub reading
{
	my ($strangeness) = @_;

	return members((map { tame_member($_, $strangeness) } qw(raw quantity amount)), member('unit', '"°C"'),
		member('v', chance($strangeness) ? json_value(1) : between(-50, 50)), member('items', '[' . between(0, 8) . ',' . between(0, 8) . ']'));
}

# Mostly numbers of their own columns, in a few shapes that share them.
sub measure
{
	my ($strangeness) = @_;
	my @fields = map { chance(12) ? () : tame_member($_, $strangeness / 8) } pick([qw(big price balance level)], [qw(price balance status big level)], [qw(level price)])->@*;

	unshift @fields, member('price', $regular{'price'}->()) if chance(4);
	return members(member('unit', quoted(pick(qw(kg m s)))), @fields);
}

sub items
{
	return members(member('status', '"paid"'), member('items', '[' . join(',',
		map { members(member('sku', quoted(pick(qw(a b c)))), member('n', between(1, 3))) } 1 .. between(0, 3)) . ']'));
}

# Too large for a block by itself.
sub huge
{
	my $filler = join '', map { pick('the quick brown fox ', '\u0041', 'größe ') } 1 .. 600 * between(2, 10);

	return members(tame_member('status', 0), tame_member('amount', 0), member('v', quoted($filler)), member('w', quoted('ends')));
}

sub document
{
	my ($strangeness) = @_;

	$space = chance($strangeness) ? pick(' ', "\n", 'random') : '';
	return huge() if chance(0.3);
	return order($strangeness) if chance(55);
	return measure($strangeness) if chance($more_entities ? 70 : 30);
	return reading($strangeness) if chance(30);
	return items() if chance(20);
	return json_value(0) if chance(25);
	return json_object(0);
}

sub metadata
{
	my ($strangeness) = @_;
	my @fields = (member('source', quoted(pick(qw(web app shop)))), member('quantity', $regular{'quantity'}->()));

	push @fields, member('customer', members(tame_member('customer,id', $strangeness))) if chance(50);
	push @fields, member(pick(@wild_fields), json_value(1)) if chance(2 * $strangeness);
	return members(@fields);
}

my %next_id;

# A caller's id, never given twice in a store.
sub event_id
{
	my $serial = sprintf '%012x', ++$next_id{serial};

	return pick("0189aaaa-0000-7000-8000-$serial", "9b2e1f00-5a5a-4000-9000-$serial");
}

# One event as a JSON object.  Strangeness is a number up to 100: how often
# something is not regular.
sub event_line
{
	my ($strangeness) = @_;
	my $entity = $more_entities && chance(60) ? sprintf('cart-%05d', between(1, $more_entities)) : chance(30) ? 'steady' : pick(@entity_ids);
	my @fields = ('"entity_id":' . quoted($entity =~ s/\\/\\\\/gr),
		'"event_type":' . quoted(pick(@event_types)));

	push @fields, '"payload":' . document($strangeness) unless chance(2);
	$space = '';
	push @fields, '"metadata":' . metadata($strangeness) if chance(50);
	push @fields, '"tags":[' . join(',', map { quoted(pick(@tag_names) =~ s/"/\\"/gr) } 1 .. pick(0, 1, 1, 2, 3)) . ']' if chance(30);
	push @fields, '"tenant_id":' . quoted(pick(@tenant_ids)) if chance(50);
	push @fields, sprintf('"occurred_at":"2026-%02d-%02dT%02d:%02d:00%s"', between(1, 3), between(1, 28), between(0, 23), between(0, 59), pick('Z', 'Z', '+01:00', '.25Z')) if chance(50);
	push @fields, '"event_id":' . quoted(event_id()) if chance(40);
	return '{' . join(',', @fields) . '}';
}

1;
