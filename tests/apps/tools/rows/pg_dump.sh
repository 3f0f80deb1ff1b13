#!/usr/bin/env bash
# pg_dump and pg_restore, each with two sessions at a time: a round trip of tables that psql makes and compares.
source "${BASH_SOURCE[0]%/*}/row.sh"
source "${BASH_SOURCE[0]%/*}/postgres.sh"

dump() {
    rm -rf dump
    pg_dump --dbname="$connection" --format=directory --jobs=2 --file=dump "$@"
}

# An older server does not know a setting of version 17, and does without.
restore() {
    pg_restore --dbname="$connection" --jobs=2 dump 2>restored || contains "$(<restored)" 'errors ignored on restore'
    same '' "$(grep 'ERROR' restored | grep -v '"transaction_timeout"' || true)"
}

dumps_nothing() {
    pg_dump --dbname="$connection" --schema-only --exclude-schema='*' >/dev/null && echo 42
}

# What is in the tables.
content() {
    local each
    for each in "$table" "${table}_more"; do
        sql --command="\\copy (select * from $each order by id) to pstdout"
    done | md5sum
}

# round_trip: both tables go out, are dropped, and come back as they were.
round_trip() {
    local before
    before=$(content)
    dump --table="$table" --table="${table}_more"
    drop_table
    restore
    same "$before" "$(content)"
}

step_connect() {
    connects dumps_nothing
}

step_create() {
    sql --command="create table $table (id int primary key, name text)" --command="create table ${table}_more (like $table including all)"
}

step_large() {
    make_large
    [[ $DB_STORY == whole ]] || step_create
    (printf '301\t' && cat large) >row
    sql --command="\\copy $table from row" --command="\\copy ${table}_more from row"
    round_trip
    sql --command="truncate $table, ${table}_more"
    [[ $DB_STORY == whole ]] || drop_table
}

step_nulls() {
    sql --command="insert into $table values (401, null), (402, '')"
    round_trip
}

step_unicode() {
    sql --command="insert into $table values (501, 'Grüße, 世界 🎉')"
    round_trip
}

step_batch() {
    make_rows
    sql --command="\\copy $table from rows"
    round_trip
}

step_error() {
    local seen
    seen=$(dump --table=nowhere_at_all 2>&1 || true)
    contains "$seen" 'no matching tables were found'
    same 42 "$(dumps_nothing)"
}

step_metadata() {
    contains "$(pg_dump --dbname="$connection" --schema-only --table="$table")" "CREATE TABLE public.$table"
}

step_proxy_restart() {
    again dumps_nothing
}

step_upstream_restart() {
    again dumps_nothing
}

drop_table() {
    sql --command="drop table $table, ${table}_more"
}

story "$(pg_dump --version)" "$setting"
