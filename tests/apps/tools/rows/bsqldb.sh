#!/usr/bin/env bash
# bsqldb of FreeTDS, for scripts.
source "${BASH_SOURCE[0]%/*}/row.sh"
source "${BASH_SOURCE[0]%/*}/freetds.sh"
text='nvarchar(200)'

# It takes nvarchar(max) for bytes, and prints them in hexadecimal digits.
as_printed() {
    perl -ne 'print pack "H*", s/^0x//r'
}

sql() {
    LC_ALL=C.UTF-8 bsqldb "${login[@]}" -q -h | sed 's/^ *//; s/ *$//'
}

story "bsqldb, $(freetds_version)" "$setting"
