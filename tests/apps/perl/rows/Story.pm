# The story of every row of Perl: what apps on DBI do with a database, told to the runner line by line.
package Story;

use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use DBI;
use Encode qw(decode);
use Exporter 'import';
our @EXPORT = qw(given same story);

$| = 1;

# What differs between the databases: a text of any length, and the error of a table that is not there.
my %words = (
    postgres => [ 'text', '42P01' ],
    mysql    => [ 'longtext character set utf8mb4', 1146 ],
    tds      => [ 'nvarchar(max)', 208 ],
);
my @whole = (
    connect => \&selects, create => \&creates, parameters => \&inserts, prepared => \&inserts_in_a_loop, rollback => \&rolls_back,
    large => \&sends_much, nulls => \&inserts_null, unicode => \&inserts_letters, batch => \&inserts_many, error => \&runs_into_an_error,
    cancel => \&is_cancelled, pool => \&uses_a_pool, metadata => \&finds_the_columns, 'proxy restart' => \&survives,
    'upstream restart' => \&survives,
);
my @short = (connect => \&selects, parameters => \&selects_a_parameter, large => \&sends_much, error => \&runs_into_an_error);

my ($driver, $text, $no_table, $table, $dbh);

sub given { return $ENV{"DB_$_[0]"} }

sub say_line {
    my $line = join ': ', @_;
    $line =~ s/\s*\n\s*/ /g;
    print "$line\n";
}

sub same {
    my ($expected, $seen) = map { $_ // 'undef' } @_;
    return if $expected eq $seen;
    die sprintf "not '%.200s' but '%.200s'", $expected, $seen;
}

# The driver: its name and protocol, the setting for TLS, what it connects by, how it is cancelled, and the steps that it has no way for.
sub story {
    $driver = {@_};
    ($text, $no_table) = @{ $words{ $driver->{protocol} } };
    $table = sprintf 'things_%d_%d', $$, rand 1e6;
    say_line(driver => $driver->{name});
    say_line(setting => $driver->{setting});
    $dbh = connected() or return say_line(refused => $DBI::errstr);
    my @steps = given('STORY') eq 'short' ? @short : @whole;
    while (my ($step, $what) = splice @steps, 0, 2) {
        if (my $why = $driver->{cannot}{$step}) {
            say_line(cannot => $step, $why);
            next;
        }
        if ($step =~ /(.*) restart$/) {
            say_line(now => "$1 restarts");
            <STDIN>;
        }
        $what->();
        say_line(did => $step);
    }
    $dbh->do("drop table $table") if given('STORY') ne 'short' && grep { $_ eq $table } map { s/\W//gr } $dbh->tables(undef, undef, $table);
    $dbh->disconnect;
}

sub connected {
    my $settings = { RaiseError => 0, PrintError => 0, AutoCommit => 1, %{ $driver->{attributes} // {} } };
    my $connected = DBI->connect($driver->{source}, given('USER'), given('PASSWORD'), $settings) or return;
    $connected->{RaiseError} = 1;
    return $connected;
}

sub one {
    my ($sql, @values) = @_;
    my $value = $dbh->selectrow_array($sql, undef, @values);
    return $driver->{decode} && defined $value ? decode('UTF-8', $value) : $value;
}

sub count { return one("select count(*) from $table") }

sub failing {
    my ($sql) = @_;
    eval { $dbh->do($sql); 1 } and return 'none';
    return $driver->{protocol} eq 'postgres' || $driver->{states} ? $dbh->state : $dbh->err;
}

sub selects { same(42, one('select 40 + 2')) }

sub creates { $dbh->do("create table $table (id int primary key, name $text)") }

sub inserted {
    my ($id, $name) = @_;
    $dbh->do("insert into $table (id, name) values (?, ?)", undef, $id, $name);
    same($name, one("select name from $table where id = $id"));
}

# The same with a text that not every driver can bind.
sub inserted_text {
    my ($id, $name) = @_;
    my $literal = $driver->{literal} or return inserted($id, $name);
    $dbh->do("insert into $table (id, name) values ($id, " . $literal->($dbh, $name) . ')');
    same($name, one("select name from $table where id = $id"));
}

sub inserts { inserted(1, 'a name') }

sub echoed {
    my ($value, $literal) = @_;
    my $type = $text =~ s/longtext/char/r;
    return $literal ? one('select cast(' . $literal->($dbh, $value) . " as $type)") : one("select cast(? as $type)", $value);
}

sub selects_a_parameter { same('a name', echoed('a name')) }

sub inserts_in_a_loop {
    my $insert = $dbh->prepare("insert into $table (id, name) values (?, ?)");
    $insert->execute($_, "number $_") for 101 .. 120;
    same(20, one("select count(*) from $table where id > 100"));
}

sub rolls_back {
    my $before = count();
    $dbh->begin_work;
    $dbh->do("insert into $table (id, name) values (201, 'lost')");
    $dbh->rollback;
    same($before, count());
    $dbh->begin_work;
    $dbh->do("insert into $table (id, name) values (202, 'kept')");
    $dbh->commit;
    same($before + 1, count());
}

sub sends_much {
    my $much = 'five million ..!' x (5 << 16);
    return inserted_text(301, $much) if given('STORY') ne 'short';
    same($much, echoed($much, $driver->{literal}));
}

sub inserts_null { inserted(401, undef) }

sub inserts_letters { inserted_text(501, 'Grüße, 世界 🎉') }

sub inserts_many {
    my $before = count();
    my $insert = $dbh->prepare("insert into $table (id, name) values (?, ?)");
    $insert->execute_array({}, [ 1001 .. 1500 ], [ map { "of many $_" } 1001 .. 1500 ]);
    same($before + 500, count());
}

sub runs_into_an_error {
    same($driver->{states} ? '42S02' : $no_table, failing('select * from nowhere_at_all'));
    selects();
}

sub is_cancelled {
    $driver->{cancel}->($dbh, \&connected);
    selects();
}

# What a worker has open.
sub uses_a_pool {
    my @pool = map { connected() } 1 .. 10;
    for my $use (0 .. 99) {
        my $member = $pool[ $use % 10 ];
        same(1, $member->ping ? 1 : 0);
        same($use, scalar $member->selectrow_array("select $use"));
    }
    $_->disconnect for @pool;
}

sub finds_the_columns {
    my $columns = $dbh->column_info(undef, undef, $table, '%')->fetchall_arrayref({});
    same('id name', join ' ', map { $_->{COLUMN_NAME} } @$columns);
}

# As long-running workers do: what fails is done again, on a new connection.
sub survives {
    for my $attempt (1 .. 50) {
        return if eval { selects(); 1 };
        die $@ if $attempt == 50;
        my $next = connected();
        $dbh = $next // $dbh;
        select undef, undef, undef, 0.05 if !$next;
    }
}

1;
