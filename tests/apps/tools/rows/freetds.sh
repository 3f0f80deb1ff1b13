# What FreeTDS's programs for statements have in common, sourced behind `row.sh`. `sql` runs what it reads, and `text` is the type
# of a text.

declare -A settings=(
    [default]='' [off]='encryption = off'
    # They verify where they are told an authority, and there alone.
    [asks]='encryption = require' [trusting]='encryption = require' [verified]="encryption = require, ca file = ${DB_CA:-}"
)
setting=${settings[$DB_TLS]}
printf '[proxy]\nhost = %s\nport = %s\n%s\n' "$DB_HOST" "$DB_PORT" "${setting/, /$'\n'}" >freetds.conf
export FREETDSCONF=$PWD/freetds.conf
login=(-S proxy -U "$DB_USER" -P "$DB_PASSWORD" -D "$DB_NAME")

# A long text as the tool prints it.
as_printed() {
    cat
}

# ask STATEMENT
ask() {
    sql <<<"$1"$'\ngo'
}

step_connect() {
    connects ask 'select 40 + 2'
}

step_create() {
    ask "create table $table (id int primary key, name ${text:-nvarchar(max)})"
}

step_rollback() {
    ask "begin tran insert into $table (id, name) values (201, 'lost')
rollback"
    ask "begin tran insert into $table (id, name) values (202, 'kept')
commit"
    same 202 "$(ask "select id from $table where id > 200")"
}

step_large() {
    make_large
    (printf "set textsize 100000000 select cast(N'" && cat large && printf "' as nvarchar(max))\ngo\n") | sql | tr -d '\n' >back
    same "$(md5sum <large)" "$(as_printed <back | md5sum)"
}

step_nulls() {
    same NULL "$(ask "insert into $table (id, name) values (401, null) select name from $table where id = 401")"
}

step_unicode() {
    same 'Grüße, 世界 🎉' "$(ask "insert into $table (id, name) values (501, N'Grüße, 世界 🎉') select name from $table where id = 501")"
}

step_batch() {
    seq 1001 1500 | sed "s/.*/insert into $table (id, name) values (&, 'of many &')/;\$a go" | sql
    same 500 "$(ask "select count(*) from $table where id > 1000")"
}

step_error() {
    local seen
    seen=$(ask 'select * from nowhere_at_all' 2>&1 || true)
    contains "$seen" 'Msg 208'
    contains "$seen" "Invalid object name 'nowhere_at_all'"
    same 42 "$(ask 'select 40 + 2')"
}

step_metadata() {
    contains "$(ask "exec sp_columns $table")" name
}

step_proxy_restart() {
    again ask 'select 40 + 2'
}

step_upstream_restart() {
    again ask 'select 40 + 2'
}

drop_table() {
    ask "drop table if exists $table"
}

# FreeTDS's own version, as tsql has it, and the version of TDS that the row is about.
freetds_version() {
    tsql -C | sed -n 's/.*Version: *freetds v/FreeTDS /p' | tr -d '\n'
    printf '%s' "${TDSVER:+, TDS $TDSVER}"
}
