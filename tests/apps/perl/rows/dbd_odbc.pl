# DBD::ODBC, on FreeTDS's driver, whose file is the argument.

use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use DBD::ODBC;
use FreeTds;
use Story;

my ($library) = @ARGV;

story(
    name       => "DBD::ODBC $DBD::ODBC::VERSION, FreeTDS",
    protocol   => 'tds',
    setting    => settings(),
    source     => "dbi:ODBC:Driver=$library;Servername=proxy;Database=" . given('NAME') . ';ClientCharset=UTF-8',
    attributes => { LongReadLen => 12 << 20 },
    # It tells errors by their SQLSTATE, binds a text as varchar of the server's code page, and gives bytes.
    states  => 1,
    decode  => 1,
    literal => sub { my ($dbh, $text) = @_; return 'N' . $dbh->quote($text) },
    cancel => sub {
        my ($dbh, $connect) = @_;
        my $hasty = $connect->();
        $hasty->{odbc_query_timeout} = 1;
        eval { $hasty->do("waitfor delay '0:10:00'"); 1 } and die 'not cancelled';
        same('HY008', $hasty->state);
    },
);
