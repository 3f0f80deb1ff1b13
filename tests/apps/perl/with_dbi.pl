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
# Of both drivers in the data source: its options become flags of the login.
my $options = $ENV{DB_COMPRESSION} ? ";${own}_compression=1;${own}_local_infile=1" : '';
my $connection = DBI->connect(
    "DBI:$driver:host=$ENV{DB_HOST};port=$ENV{DB_PORT}$options", $ENV{DB_USER}, $ENV{DB_PASSWORD}, \%settings
);
@seen{qw(user database)} = $connection->selectrow_array('select current_user(), database()');
my @row = $connection->selectrow_array('select ? + ?, ?', undef, 1, 2, 'naïve');
$seen{prepared} = ["" . (0 + $row[0]), $row[1]];
my $thread = $connection->selectrow_array('select connection_id()');
$seen{own_thread} = $connection->{$own . "_thread_id"} == $thread ? JSON::PP::true : JSON::PP::false;

# More than a packet or an envelope can hold, both ways, and a file.
if ($options) {
    require Digest::MD5;
    require File::Temp;
    my $long = Digest::MD5::md5_hex('long') x (20 << 15);
    $seen{sent} = 0 + $connection->selectrow_array('select length(?)', undef, $long);
    $seen{received} = length $connection->selectrow_array('select repeat("y", 20 << 20)', { $own . "_server_prepare" => 0 });
    my $file = File::Temp->new;
    print $file "\x11" x (12 << 20);
    close $file;
    $connection->do('create table file (content longblob)');
    my $load = "load data local infile '$file' into table file fields terminated by 'no' lines terminated by 'none'";
    $connection->do($load, { $own . "_server_prepare" => 0 });
    $seen{loaded} = 0 + $connection->selectrow_array('select length(content) from file');
}
eval { $connection->do('select * from nowhere') };
$seen{error} = $connection->err;
$connection->disconnect;
print JSON::PP->new->utf8->encode(\%seen), "\n";
