# What apps on Tcl's own interface to databases do, told to the runner line by line. The argument is the driver: postgres or mysql.

set driver [lindex $argv 0]
package require tdbc::$driver
fconfigure stdout -buffering line -encoding utf-8

proc given {name} {
    return $::env(DB_$name)
}

proc say {line} {
    puts [regsub -all {\s+} [string trim $line] " "]
}

proc same {expected seen} {
    if {$expected ne $seen} {
        error "not '[string range $expected 0 200]' but '[string range $seen 0 200]'"
    }
}

# What differs between the two: a text of any length, SQLSTATE of a table that is not there, and the words for TLS. PostgreSQL's authority is in a
# variable of the environment.
if {$driver eq "postgres"} {
    lassign {text 42P01} text noTable
    set settings {default {} off {-sslmode disable} asks {-sslmode require} trusting {-sslmode require} verified {-sslmode verify-full}}
    set host [given HOST]
    if {[given TLS] eq "verified"} {
        set env(PGSSLROOTCERT) [given CA]
    }
} else {
    lassign {{longtext character set utf8mb4} 42S02} text noTable
    set settings {default {} off {} asks {-ssl_ca /etc/ssl/certs/ca-certificates.crt}}
    if {[given TLS] eq "verified"} {
        dict set settings verified [list -ssl_ca [given CA]]
    }
    # `localhost` is a socket file to its library.
    set host 127.0.0.1
    if {[given TLS] eq "trusting"} {
        say "cannot: trusting: it has no word for that"
        exit
    }
}
set setting [dict get $settings [given TLS]]
set table things_[pid]_[expr {int(rand() * 1e6)}]

proc connect {} {
    set place [list -host $::host -port [given PORT] -user [given USER] -password [given PASSWORD] -database [given NAME]]
    return [tdbc::${::driver}::connection new {*}$place {*}$::setting]
}

# The rows of a statement, whose `:name` are keys of `values`.
proc rows {sql {values {}}} {
    return [$::db allrows -as lists $sql $values]
}

proc one {sql {values {}}} {
    return [lindex [rows $sql $values] 0 0]
}

# The SQLSTATE that it fails with.
proc failing {sql} {
    if {![catch {rows $sql} said options]} {
        return "none, but $said"
    }
    return [lindex [dict get $options -errorcode] 2]
}

proc inserted {id name} {
    rows "insert into $::table (id, name) values (:id, :name)" [list id $id name $name]
    same $name [one "select name from $::table where id = :id" [list id $id]]
}

proc select {} {
    same 42 [one "select 40 + 2"]
}

proc create {} {
    rows "create table $::table (id int primary key, name $::text)"
}

proc parameters {} {
    if {[given STORY] eq "short"} {
        echoed "a name"
    } else {
        inserted 1 "a name"
    }
}

proc echoed {text} {
    set type [string map {longtext char} $::text]
    same $text [one "select cast(:text as $type)" [list text $text]]
}

proc prepared {} {
    set insert [$::db prepare "insert into $::table (id, name) values (:id, :name)"]
    for {set id 101} {$id <= 120} {incr id} {
        set name "number $id"
        $insert allrows
    }
    $insert close
    same 20 [one "select count(*) from $::table where id > 100"]
}

proc rollback {} {
    catch {
        $::db transaction {
            rows "insert into $::table (id, name) values (201, 'lost')"
            error "all of it"
        }
    }
    $::db transaction {
        rows "insert into $::table (id, name) values (202, 'kept')"
    }
    same 202 [rows "select id from $::table where id > 200"]
}

proc large {} {
    set much [string repeat "five million ..!" [expr {5 << 16}]]
    if {[given STORY] eq "short"} {
        echoed $much
    } else {
        inserted 301 $much
    }
}

# A key that is not there is NULL, both ways.
proc nulls {} {
    rows "insert into $::table (id, name) values (:id, :name)" {id 401}
    same {{id 401}} [$::db allrows -as dicts "select id, name from $::table where id = 401"]
}

# Tcl 8.6 itself has no letters beyond U+FFFF.
proc unicode {} {
    inserted 501 "Gr\u00fc\u00dfe, \u4e16\u754c"
}

proc batch {} {
    set values [lmap id [lsearch -all [lrepeat 500 x] x] {string cat "(" [expr {1001 + $id}] ", 'of many $id')"}]
    rows "insert into $::table (id, name) values [join $values {, }]"
    same 500 [one "select count(*) from $::table where id > 1000"]
}

proc errors {} {
    same $::noTable [failing "select * from nowhere_at_all"]
    select
}

proc cancel {} {
    if {$::driver eq "postgres"} {
        rows "set statement_timeout = 100"
        same 57014 [failing "select pg_sleep(600)"]
        rows "reset statement_timeout"
    } elseif {[string match *MariaDB* [one "select version()"]]} {
        rows "set max_statement_time = 0.1"
        same 70100 [failing "select sleep(600)"]
        rows "set max_statement_time = 0"
    } else {
        # MySQL answers 1 for a sleep that it ended.
        rows "set max_execution_time = 100"
        same 1 [one "select sleep(600)"]
        rows "set max_execution_time = 0"
    }
    select
}

proc pool {} {
    set pool [lmap _ [lrepeat 10 x] connect]
    for {set use 0} {$use < 100} {incr use} {
        set member [lindex $pool [expr {$use % 10}]]
        same "{1 $use}" [$member allrows -as lists "select 1, $use"]
    }
    foreach member $pool {
        $member close
    }
}

proc metadata {} {
    same "id name" [lsort [dict keys [$::db columns $::table]]]
    same $::table [dict keys [$::db tables $::table]]
}

# What fails is done again, on a new connection.
proc survive {who} {
    say "now: $who restarts"
    gets stdin
    for {set attempt 1} {[catch select said]} {incr attempt} {
        if {$attempt == 50} {
            error $said
        }
        if {[catch connect next]} {
            after 50
        } else {
            set ::db $next
        }
    }
    say "did: $who restart"
}

say "driver: tdbc::$driver [package require tdbc::$driver]"
say "setting: $setting[expr {[info exists env(PGSSLROOTCERT)] ? " PGSSLROOTCERT=[given CA]" : ""}]"
if {[catch connect db]} {
    say "refused: $db"
    exit
}
set whole {
    connect select create create parameters parameters prepared prepared rollback rollback large large nulls nulls unicode unicode batch batch
    error errors cancel cancel pool pool metadata metadata
}
set short {connect select parameters parameters large large error errors}
foreach {step act} [expr {[given STORY] eq "short" ? $short : $whole}] {
    $act
    say "did: $step"
}
if {[given STORY] ne "short"} {
    survive proxy
    survive upstream
    rows "drop table $table"
}
