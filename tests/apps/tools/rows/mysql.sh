# How programs of MariaDB connect, sourced behind `row.sh`: by the words in `login`. `sql` runs statements.

declare -A settings=(
    [default]='' [off]='--skip-ssl' [asks]='--ssl' [trusting]='--ssl --skip-ssl-verify-server-cert'
    [verified]="--ssl-verify-server-cert --ssl-ca=${DB_CA:-}"
)
setting=${settings[$DB_TLS]}
read -ra tls <<<"$setting"
login=(--host="$DB_HOST" --port="$DB_PORT" --protocol=tcp --user="$DB_USER" --password="$DB_PASSWORD" "${tls[@]}"
    --default-character-set=utf8mb4)
mariadb=(mariadb "${login[@]}" --batch --skip-column-names "$DB_NAME")

sql() {
    "${mariadb[@]}" "$@"
}

# distribution PROGRAM: its version.
distribution() {
    "$1" --version | sed 's/.*\(Distrib\|from\) //; s/,.*//'
}

# loads FILE: rows of numbers and texts, from a file of the client's where the server takes one.
loads() {
    if [[ $(sql --execute='select @@local_infile') == 1 ]]; then
        sql --local-infile --execute="load data local infile '$1' into table $table"
    else
        sed "s/\\(.*\\)\\t\\(.*\\)/insert into $table values (\\1, '\\2');/" "$1" | sql
    fi
}

is_mariadb() {
    [[ $(sql --execute='select version()') == *MariaDB* ]]
}
