# DBD::MariaDB or DBD::mysql, whose words differ in their first part alone. Statements are prepared by the server.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DBI;
use Story;

my ($driver) = @ARGV;
my $own = lc $driver;
my $ca = given('CA') // '';
my %tls = (
    default  => '',
    off      => "${own}_ssl=0",
    asks     => "${own}_ssl=1",
    # "Optional" alone is TLS that nobody verifies; DBD::mysql on MariaDB's library has none without that word.
    trusting => "${own}_ssl=1;${own}_ssl_optional=1",
    verified => ($own eq 'mysql' ? 'mysql_ssl_optional=1;' : '') . "${own}_ssl=1;${own}_ssl_verify_server_cert=1;${own}_ssl_ca_file=$ca",
);
my $setting = $tls{ given('TLS') };
# `localhost` is a socket file to its library: the certificate has the address, too.
my $source = sprintf 'dbi:%s:host=127.0.0.1;port=%s;database=%s;%s', $driver, given('PORT'), given('NAME'), $setting;
my %utf8 = $driver eq 'mysql' ? (mysql_enable_utf8mb4 => 1) : ();
my $package = "DBD::$driver";
eval "require $package" or die $@;

story(
    name       => "$package " . $package->VERSION,
    protocol   => 'mysql',
    setting    => $setting,
    source     => $source,
    attributes => { "${own}_server_prepare" => 1, %utf8 },
    cancel     => sub {
        my ($dbh, $connect) = @_;
        my $async = $driver eq 'mysql' ? 'async' : 'mariadb_async';
        my $long = $dbh->prepare('select sleep(600)', { $async => 1 });
        $long->execute;
        my ($other, $id) = ($connect->(), $dbh->{"${own}_thread_id"});
        my $running = "select count(*) from information_schema.processlist where id = $id and info = 'select sleep(600)'";
        1 until $other->selectrow_array($running);
        $other->do("kill query $id");
        $other->disconnect;
        my $result = "${own}_async_result";
        # MySQL answers 1 for a sleep that was interrupted, MariaDB has an error.
        if (eval { $long->$result; 1 }) {
            same(1, $long->fetchrow_array);
        } else {
            same(1317, $long->err);
        }
    },
);
