#!/usr/bin/env bash
# pgbench, with its own tables and with scripts.
source "${BASH_SOURCE[0]%/*}/row.sh"
source "${BASH_SOURCE[0]%/*}/postgres.sh"

# bench OPTIONS...: runs the script that it reads.
bench() {
    pgbench --no-vacuum --file=/dev/stdin "$@" "$connection" 2>&1
}

answers() {
    bench --transactions=1 <<<'select 40 + 2;' >answer || { cat answer >&2 && return 1; }
    echo 42
}

# all_done N: so many transactions were done, and none failed.
all_done() {
    contains "$1" "number of transactions actually processed: $2/$2"
    contains "$1" 'number of failed transactions: 0 (0.000%)'
}

step_connect() {
    connects answers
}

step_create() {
    pgbench --initialize --quiet "$connection" 2>initialized
    same 100000 "$(sql --command='select count(*) from pgbench_accounts')"
}

step_parameters() {
    all_done "$(bench --protocol=extended --transactions=5 --define=name=42 <<<'select 1 / (case :name::int when 42 then 1 else 0 end);')" 5
}

step_prepared() {
    all_done "$(pgbench --no-vacuum --protocol=prepared --transactions=20 "$connection" 2>&1)" 20
}

step_batch() {
    local script=$'\\startpipeline\n'
    script+=$(printf 'select %s;\n' {1..500})
    all_done "$(bench --protocol=extended --transactions=1 <<<"$script"$'\n\\endpipeline')" 1
}

step_error() {
    contains "$(bench --transactions=1 <<<'select * from nowhere_at_all;' || true)" 'relation "nowhere_at_all" does not exist'
    same 42 "$(answers)"
}

# Ten sessions at a time, on two threads, and then one for each transaction.
step_pool() {
    all_done "$(pgbench --no-vacuum --client=10 --jobs=2 --transactions=10 "$connection" 2>&1)" 100
    all_done "$(pgbench --no-vacuum --connect --select-only --client=5 --jobs=2 --transactions=4 "$connection" 2>&1)" 20
}

step_proxy_restart() {
    again answers
}

step_upstream_restart() {
    again answers
}

drop_table() {
    pgbench --initialize --init-steps=d --quiet "$connection" 2>dropped
}

story "$(pgbench --version)" "$setting"
