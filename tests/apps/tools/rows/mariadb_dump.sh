#!/usr/bin/env bash
# mariadb-dump, which is `mysqldump` on most machines: a round trip of a table that `mariadb` makes, loads and compares.
source "${BASH_SOURCE[0]%/*}/row.sh"
source "${BASH_SOURCE[0]%/*}/mysql.sh"

dump() {
    mariadb-dump "${login[@]}" --single-transaction "$DB_NAME" "$@"
}

# It asks for every table's definition, of which there may be none yet.
dumps_nothing() {
    dump --no-data --ignore-table="$DB_NAME.nothing" >answer && grep -c 'Dump completed' answer | sed 's/1/42/'
}

content() {
    sql --execute="select id, name from $table order by id" | md5sum
}

# round_trip: the table goes out, is dropped, and comes back as it was.
round_trip() {
    local before
    before=$(content)
    dump "$table" >dumped
    drop_table
    sql <dumped
    same "$before" "$(content)"
}

step_connect() {
    connects dumps_nothing
}

step_create() {
    sql --execute="create table $table (id int primary key, name longtext) charset utf8mb4"
}

step_large() {
    make_large
    [[ $DB_STORY == whole ]] || step_create
    (printf '301\t' && cat large && echo) >row
    loads row
    round_trip
    sql --execute="truncate $table"
    [[ $DB_STORY == whole ]] || drop_table
}

step_nulls() {
    sql --execute="insert into $table values (401, null), (402, '')"
    round_trip
}

step_unicode() {
    sql --execute="insert into $table values (501, 'Grüße, 世界 🎉')"
    round_trip
}

step_batch() {
    make_rows
    loads rows
    round_trip
}

step_error() {
    contains "$(dump nowhere_at_all 2>&1 || true)" "Couldn't find table: \"nowhere_at_all\""
    same 42 "$(dumps_nothing)"
}

step_metadata() {
    contains "$(dump --no-data "$table")" "CREATE TABLE \`$table\`"
}

step_proxy_restart() {
    again dumps_nothing
}

step_upstream_restart() {
    again dumps_nothing
}

drop_table() {
    sql --execute="drop table $table"
}

story "mariadb-dump $(distribution mariadb-dump)" "$setting"
