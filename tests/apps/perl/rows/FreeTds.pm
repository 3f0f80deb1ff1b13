# `freetds.conf`, in which drivers on FreeTDS have their words for TLS and the server's place, as `proxy`.
package FreeTds;

use strict;
use warnings;
use Exporter 'import';
use File::Temp;
use Story;
our @EXPORT = qw(settings);

my %tls = (
    default => [],
    off     => ['encryption = off'],
    # It verifies where it is told an authority, and there alone.
    asks     => ['encryption = require'],
    trusting => ['encryption = require'],
    verified => [ 'encryption = require', 'ca file = ' . (given('CA') // '') ],
);
# Until the program ends.
my $file = File::Temp->new;

# Writes it with these settings before those for TLS, and gives all of them as its users read them.
sub settings {
    my @settings = (@_, @{ $tls{ given('TLS') } });
    print $file map { "$_\n" } '[proxy]', 'host = ' . given('HOST'), 'port = ' . given('PORT'), @settings;
    close $file;
    $ENV{FREETDSCONF} = "$file";
    return join ', ', @settings;
}

1;
