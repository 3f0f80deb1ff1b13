# An app on DBI. Its argument is the driver: MariaDB or mysql. It prints what it saw as JSON.

use strict;
use warnings;
use utf8;
use DBI;
use JSON::PP;

my ($driver) = @ARGV;
my %seen;
my $own = lc $driver;
my %settings = (RaiseError => 1, PrintError => 0, $own . "_server_prepare" => 1);
$settings{mysql_enable_utf8mb4} = 1 if $driver eq 'mysql';
my $connection = DBI->connect(
    "DBI:$driver:host=$ENV{DB_HOST};port=$ENV{DB_PORT}", $ENV{DB_USER}, $ENV{DB_PASSWORD}, \%settings
);
@seen{qw(user database)} = $connection->selectrow_array('select current_user(), database()');
my @row = $connection->selectrow_array('select ? + ?, ?', undef, 1, 2, 'naïve');
$seen{prepared} = ["" . (0 + $row[0]), $row[1]];
my $thread = $connection->selectrow_array('select connection_id()');
$seen{own_thread} = $connection->{$own . "_thread_id"} == $thread ? JSON::PP::true : JSON::PP::false;
eval { $connection->do('select * from nowhere') };
$seen{error} = $connection->err;
$connection->disconnect;
print JSON::PP->new->utf8->encode(\%seen), "\n";
