# DBD::Pg, on libpq.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DBD::Pg ':async';
use Story;

my %tls = (
    default  => '',
    off      => 'sslmode=disable',
    asks     => 'sslmode=require',
    trusting => 'sslmode=require',
    verified => 'sslmode=verify-full;sslrootcert=' . (given('CA') // ''),
);
my $setting = $tls{ given('TLS') };

story(
    name     => "DBD::Pg $DBD::Pg::VERSION",
    protocol => 'postgres',
    setting  => $setting,
    source   => sprintf(q{dbi:Pg:host=%s;port=%s;dbname='%s';%s}, given('HOST'), given('PORT'), given('NAME'), $setting),
    cancel   => sub {
        my ($dbh, $connect) = @_;
        my $other = $connect->();
        $dbh->do('select pg_sleep(600)', { pg_async => PG_ASYNC });
        # A cancel request that comes before its query ends nothing.
        my $running = q{select count(*) from pg_stat_activity where pid = ? and state = 'active' and query like 'select pg_sleep%'};
        1 until $other->selectrow_array($running, undef, $dbh->{pg_pid});
        $other->disconnect;
        same(1, $dbh->pg_cancel ? 1 : 0);
    },
);
