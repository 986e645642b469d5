# Random choices of the generators.  Who uses them calls srand() first: the same
# seed, the same choices.
package Dice;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(pick chance between digits hex_digits);

# One of the arguments.
sub pick { return $_[ rand @_ ]; }

# Is it so, in so many of 100 cases?
sub chance { return rand(100) < $_[0]; }

# A whole number, both ends included.
sub between { return $_[0] + int rand($_[1] - $_[0] + 1); }

sub digits { return join '', map { int rand 10 } 1 .. $_[0]; }
sub hex_digits { return join '', map { pick(0 .. 9, 'a' .. 'f') } 1 .. $_[0]; }

1;
