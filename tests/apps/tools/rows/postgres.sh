# How programs of PostgreSQL connect, sourced behind `row.sh`: by the words in `connection`. `sql` runs statements.

declare -A settings=(
    [default]='' [off]='sslmode=disable' [asks]='sslmode=require' [trusting]='sslmode=require'
    [verified]="sslmode=verify-full sslrootcert=${DB_CA:-}"
)
setting=${settings[$DB_TLS]}
connection="host=$DB_HOST port=$DB_PORT user=$DB_USER password='$DB_PASSWORD' dbname='$DB_NAME' $setting"
psql=(psql "$connection" --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1)

sql() {
    "${psql[@]}" "$@"
}
