# What rows of command-line tools have in common, sourced by each of them: how they tell the runner what they do. A row says what the tool does in
# functions `step_NAME`; what it has none for is not its job.
set -euo pipefail
# Where other programs are than those on the path, under the same names.
PATH=${DB_TOOLS:+$DB_TOOLS:}$PATH
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
table=things_$$_$RANDOM

say() {
    printf '%s\n' "$*"
}

# same EXPECTED SEEN
same() {
    if [[ $1 != "$2" ]]; then
        printf 'not "%s" but "%s"\n' "${1:0:200}" "${2:0:200}" >&2
        exit 1
    fi
}

# contains TEXT PART
contains() {
    if [[ $1 != *"$2"* ]]; then
        printf 'no "%s" in "%s"\n' "$2" "${1:0:500}" >&2
        exit 1
    fi
}

# 5 MB of letters in the file `large`, in one line.
make_large() {
    head -c 3932160 /dev/urandom | base64 -w 0 >large
    same 5242880 "$(stat -c %s large)"
}

# 500 rows in the file `rows`.
make_rows() {
    seq 1001 1500 | sed 's/.*/&\tof many &/' >rows
}

# connects COMMAND...: it prints 42, or says why it is not let in.
connects() {
    local -a seen
    if ! seen=$("$@" 2>refused); then
        read -ra seen -d '' <refused || true
        say "refused: ${seen[*]}"
        exit
    fi
    same 42 "$seen"
}

# again COMMAND...: until it succeeds. Programs that are started anew for each task do nothing else when a server was away.
again() {
    local attempt
    for attempt in {1..50}; do
        if "$@" >seen 2>failed; then
            same 42 "$(<seen)"
            return
        fi
        sleep 0.05
    done
    cat failed >&2
    exit 1
}

# story DRIVER SETTING
story() {
    local step steps what
    say "driver: $1"
    say "setting: $2"
    steps=(connect create parameters prepared rollback large nulls unicode batch error cancel pool metadata 'proxy restart' 'upstream restart')
    [[ $DB_STORY == whole ]] || steps=(connect parameters large error)
    for step in "${steps[@]}"; do
        what=step_${step// /_}
        if ! declare -F "$what" >/dev/null; then
            say "cannot: $step: not its job"
            continue
        fi
        if [[ $step == *restart ]]; then
            say "now: ${step}s"
            read -r _
        fi
        "$what"
        say "did: $step"
    done
    [[ $DB_STORY == short ]] || drop_table
}
