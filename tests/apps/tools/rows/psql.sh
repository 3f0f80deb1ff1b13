#!/usr/bin/env bash
# psql, in scripts and at a prompt.
source "${BASH_SOURCE[0]%/*}/row.sh"
source "${BASH_SOURCE[0]%/*}/postgres.sh"

step_connect() {
    connects sql --command='select 40 + 2'
}

step_create() {
    sql --command="create table $table (id int primary key, name text)"
}

step_parameters() {
    same "it's a name" "$(sql --set=name="it's a name" <<<"select :'name'")"
    [[ $DB_STORY == whole ]] || return 0
    same "it's a name" "$(sql --set=name="it's a name" <<<"insert into $table values (1, :'name') returning name")"
}

step_prepared() {
    local executes
    executes=$(seq 101 120 | sed "s/.*/execute put(&, 'number &');/")
    same 20 "$(sql <<<"prepare put as insert into $table values (\$1, \$2); $executes select count(*) from $table where id > 100")"
}

step_rollback() {
    sql --command='begin' --command="insert into $table values (201, 'lost')" --command='rollback'
    sql --single-transaction --command="insert into $table values (202, 'kept')"
    same 202 "$(sql --command="select id from $table where id > 200")"
}

step_large() {
    make_large
    sql >back <<<"\\set large \`cat large\`
        select :'large';"
    same "$(md5sum <large)" "$(tr -d '\n' <back | md5sum)"
    [[ $DB_STORY == whole ]] || return 0
    (printf '301\t' && cat large) >row
    sql --command="\\copy $table from row" --command="\\copy (select * from $table where id = 301) to back"
    same "$(md5sum <row)" "$(tr -d '\n' <back | md5sum)"
}

step_nulls() {
    same '(nothing)' "$(sql --pset=null='(nothing)' --command="insert into $table values (401, null) returning name")"
}

step_unicode() {
    same 'Grüße, 世界 🎉' "$(PGCLIENTENCODING=UTF8 sql --set=name='Grüße, 世界 🎉' <<<"insert into $table values (501, :'name') returning name")"
}

step_batch() {
    make_rows
    sql --command="\\copy $table from rows"
    same 500 "$(sql --command="select count(*) from $table where id > 1000")"
}

step_error() {
    local seen
    seen=$(sql --set=ON_ERROR_STOP=0 --set=VERBOSITY=sqlstate <<<'select * from nowhere_at_all; select 40 + 2;' 2>&1)
    contains "$seen" 'ERROR:  42P01'
    contains "$seen" $'\n42'
}

# By Ctrl-C, which ends a script, too.
step_cancel() {
    local running="select count(*) from pg_stat_activity where application_name = '$table' and query like 'select pg_sleep%'"
    PGAPPNAME=$table "${psql[@]}" --command='select pg_sleep(600)' 2>failed &
    until [[ $(sql --command="$running") == 1 ]]; do :; done
    kill -INT $!
    wait $! || true
    contains "$(<failed)" 'canceling statement due to user request'
    same 42 "$(sql --command='select 40 + 2')"
}

step_metadata() {
    contains "$(sql --command="\\d $table")" $'id|integer||not null|\nname|text|||'
    contains "$(sql --command='\dt things_*')" "|$table|table|"
}

step_proxy_restart() {
    again sql --command='select 40 + 2'
}

step_upstream_restart() {
    again sql --command='select 40 + 2'
}

drop_table() {
    sql --command="drop table $table"
}

story "$(psql --version)" "$setting"
