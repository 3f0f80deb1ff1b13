#!/usr/bin/env bash
# freebcp of FreeTDS, which copies tables out and in; tsql makes and drops them.
source "${BASH_SOURCE[0]%/*}/row.sh"
source "${BASH_SOURCE[0]%/*}/freetds.sh"
unset -f step_rollback step_metadata

sql() {
    LC_ALL=C.UTF-8 tsql "${login[@]}" -o fhq
}

# copy TABLE_OR_QUERY DIRECTION FILE: the program's own order, and more than its 4096 bytes of a text.
copy() {
    freebcp "$@" -S proxy -U "$DB_USER" -P "$DB_PASSWORD" -D "$DB_NAME" -c -T 100000000 2>&1
}

copied_answer() {
    copy 'select 40 + 2' queryout answer >&2 && cat answer
}

step_connect() {
    connects copied_answer
}

# round_trip: the file `rows` goes in, and comes back with these rows' first number and up.
round_trip() {
    contains "$(copy "$table" in rows)" "$(wc -l <rows) rows copied."
    contains "$(copy "select id, name from $table where id >= $1 order by id" queryout back)" 'rows copied.'
    same "$(md5sum <rows)" "$(md5sum <back)"
    ask "delete from $table where id >= $1"
}

step_large() {
    make_large
    [[ $DB_STORY == whole ]] || step_create
    (printf '301\t' && cat large && echo) >rows
    round_trip 301
    [[ $DB_STORY == whole ]] || drop_table
}

# NULL is nothing between two tabs.
step_nulls() {
    printf '401\t\n' >rows
    round_trip 401
    copy "$table" in rows >/dev/null
    same NULL "$(ask "select name from $table where id = 401")"
}

step_unicode() {
    printf '501\tGrüße, 世界 🎉\n' >rows
    round_trip 501
}

step_batch() {
    make_rows
    round_trip 1001
}

step_error() {
    contains "$(copy nowhere_at_all out back)" "Invalid object name"
    contains "$(copied_answer 2>&1)" 42
}

step_proxy_restart() {
    again copied_answer
}

step_upstream_restart() {
    again copied_answer
}

story "freebcp, $(freetds_version)" "$setting"
