# DBD::Sybase, on CT-Library of FreeTDS. From TDS 7.2 on the driver ends with "Out of memory!" at the first column of `(max)`, whatever server it has.

use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use DBD::Sybase;
use FreeTds;
use Story;

story(
    name       => "DBD::Sybase $DBD::Sybase::VERSION, FreeTDS",
    protocol   => 'tds',
    setting    => settings('tds version = 7.1'),
    source     => 'dbi:Sybase:server=proxy;charset=utf8',
    # Bytes of UTF-16; and with chained transactions it commits behind its own rollback, which SQL Server takes amiss.
    attributes => { LongReadLen => 12 << 20, syb_chained_txn => 0 },
    # It gives text as bytes.
    decode => 1,
    # It binds every text as varchar(4000).
    literal => sub { my ($dbh, $text) = @_; return 'N' . $dbh->quote($text) },
    cannot => { cancel => 'its time-out waits for the next one' },
);
