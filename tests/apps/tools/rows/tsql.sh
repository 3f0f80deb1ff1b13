#!/usr/bin/env bash
# tsql of FreeTDS.
source "${BASH_SOURCE[0]%/*}/row.sh"
source "${BASH_SOURCE[0]%/*}/freetds.sh"

sql() {
    LC_ALL=C.UTF-8 tsql "${login[@]}" -o fhq
}

if [[ ${TDSVER:-} == 7.0 && $DB_TLS =~ asks|trusting|verified ]]; then
    printf 'driver: tsql, %s\ncannot: %s: TDS 7.0 has no encryption, and FreeTDS goes on without\n' "$(freetds_version)" "$DB_TLS"
    exit
fi
story "tsql, $(freetds_version)" "$setting"
