# An app on DBD::Sybase (FreeTDS's CT-Library). Its settings come from TDS_ variables; it prints what it saw as JSON.
use strict;
use warnings;
use DBI;
use Encode qw(decode);
use JSON::PP;

my @said;
my $dbh = DBI->connect("dbi:Sybase:server=proxy", $ENV{TDS_USER}, $ENV{TDS_PASSWORD},
    { PrintError => 0, RaiseError => 0 });
if (!$dbh) {
    print encode_json({ refused => $DBI::errstr });
    exit 0;
}
my %seen;
$seen{rows} = $dbh->selectall_arrayref("select top 2 name, price, organic from products where id > 1 order by id");
$dbh->do("create table #t (id int identity(1,1) primary key, name nvarchar(100))");
$dbh->begin_work;
$dbh->do("insert into #t (name) values ('lost')");
$dbh->rollback;
$dbh->do("insert into #t (name) values ('kept')");
$seen{kept} = $dbh->selectrow_arrayref("select count(*), max(name) from #t");
$dbh->{LongReadLen} = 100_000;
for my $name (split /,/, $ENV{TDS_COLUMNS} // "c_int") {
    my $values = $dbh->selectcol_arrayref("select $name from dbo.every_type order by id");
    $seen{every}{$name} = $dbh->err ? $dbh->errstr : [map { defined $_ ? decode("UTF-8", "$_") : undef } @$values];
}
$dbh->selectall_arrayref("select * from nowhere");
$seen{error} = $dbh->errstr;
$dbh->disconnect;
print encode_json(\%seen);
