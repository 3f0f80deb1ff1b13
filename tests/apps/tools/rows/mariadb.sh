#!/usr/bin/env bash
# The command-line client of MariaDB, which is `mysql` on most machines.
source "${BASH_SOURCE[0]%/*}/row.sh"
source "${BASH_SOURCE[0]%/*}/mysql.sh"

step_connect() {
    connects sql --execute='select 40 + 2'
}

step_create() {
    sql --execute="create table $table (id int primary key, name longtext) charset utf8mb4"
}

step_parameters() {
    same 'a name' "$(sql --execute="set @name = 'a name'; prepare echoes from 'select ?'; execute echoes using @name")"
    [[ $DB_STORY == whole ]] || return 0
    same 'a name' "$(sql --execute="set @name = 'a name'; prepare put from 'insert into $table values (1, ?)'; execute put using @name; select name from $table")"
}

step_prepared() {
    local executes
    executes=$(seq 101 120 | sed "s/.*/set @id = &, @name = 'number &'; execute put using @id, @name;/")
    same 20 "$(sql <<<"prepare put from 'insert into $table values (?, ?)'; $executes select count(*) from $table where id > 100")"
}

step_rollback() {
    sql <<<"begin; insert into $table values (201, 'lost'); rollback; begin; insert into $table values (202, 'kept'); commit;"
    same 202 "$(sql --execute="select id from $table where id > 200")"
}

step_large() {
    make_large
    (printf "select '" && cat large && printf "'") | sql >back
    same "$(md5sum <large)" "$(tr -d '\n' <back | md5sum)"
    [[ $DB_STORY == whole ]] || return 0
    (printf '301\t' && cat large && echo) >row
    loads row
    sql --execute="select * from $table where id = 301" >back
    same "$(md5sum <row)" "$(md5sum <back)"
}

step_nulls() {
    same NULL "$(sql --execute="insert into $table values (401, null); select name from $table where id = 401")"
}

step_unicode() {
    same 'Grüße, 世界 🎉' "$(sql --execute="insert into $table values (501, 'Grüße, 世界 🎉'); select name from $table where id = 501")"
}

step_batch() {
    make_rows
    loads rows
    same 500 "$(sql --execute="select count(*) from $table where id > 1000")"
}

step_error() {
    local seen
    seen=$(sql --force <<<'select * from nowhere_at_all; select 40 + 2;' 2>&1)
    contains "$seen" 'ERROR 1146 (42S02) at line 1'
    contains "$seen" $'\n42'
}

# By Ctrl-C, which kills the query by the number of its connection, over another one.
step_cancel() {
    local running="select count(*) from information_schema.processlist where info = 'select sleep(600) as $table'"
    "${mariadb[@]}" --execute="select sleep(600) as $table" >seen 2>failed &
    until [[ $(sql --execute="$running") == 1 ]]; do :; done
    kill -INT $!
    wait $! || true
    # MySQL answers 1 for a sleep that was interrupted, MariaDB has an error.
    contains "$(cat failed seen)" "$(if is_mariadb; then echo 'Query execution was interrupted'; else echo 1; fi)"
    same 42 "$(sql --execute='select 40 + 2')"
}

step_metadata() {
    contains "$(sql --execute="describe $table")" $'\tNO\tPRI'
    same "$table" "$(sql --execute="show tables like '$table'")"
}

step_proxy_restart() {
    again sql --execute='select 40 + 2'
}

step_upstream_restart() {
    again sql --execute='select 40 + 2'
}

drop_table() {
    sql --execute="drop table $table"
}

story "mariadb $(distribution mariadb)" "$setting"
