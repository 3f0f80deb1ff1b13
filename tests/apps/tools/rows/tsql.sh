#!/usr/bin/env bash
# tsql of FreeTDS.
source "${BASH_SOURCE[0]%/*}/row.sh"
source "${BASH_SOURCE[0]%/*}/freetds.sh"

sql() {
    LC_ALL=C.UTF-8 tsql "${login[@]}" -o fhq
}

story "tsql, $(freetds_version)" "$setting"
