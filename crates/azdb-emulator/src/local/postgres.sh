set -e
"$programs/initdb" -D "$directory/data" -U administrator --encoding=UTF8 --locale=C --no-sync --auth=reject
run() {
    "$programs/postgres" --single -F -D "$directory/data" -c exit_on_error=on -c log_checkpoints=off "$1" <"$directory/$1.sql"
}
run postgres
run orders
exec "$programs/postgres" -D "$directory/data" -F -c hba_file="$directory/admission" -c log_line_prefix= \
    -c listen_addresses= -c unix_socket_directories="$directory" -c unix_socket_permissions=0700 \
    -c full_page_writes=off -c synchronous_commit=off -c max_wal_size=256MB
