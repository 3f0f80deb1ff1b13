set -e
small='--innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=0'
"$installer" --no-defaults --datadir="$directory/data" --auth-root-authentication-method=normal --skip-test-db \
    --skip-name-resolve $small
exec "$server" --no-defaults --datadir="$directory/data" --tmpdir="$directory" --socket="$directory/socket" \
    --pid-file="$directory/pid" --init-file="$directory/sample.sql" --skip-networking --skip-name-resolve \
    --character-set-server=utf8mb4 $small
