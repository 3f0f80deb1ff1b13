set -e
# Not in /tmp: a server that starts removes the temporary tables of all others there.
everywhere="--no-defaults --skip-name-resolve --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=0"
"$installer" $everywhere --datadir="$directory/data" --tmpdir="$directory" --auth-root-authentication-method=normal \
    --skip-test-db
exec "$server" $everywhere --datadir="$directory/data" --tmpdir="$directory" --socket="$directory/socket" \
    --pid-file="$directory/pid" --init-file="$directory/sample.sql" --skip-networking --character-set-server=utf8mb4
