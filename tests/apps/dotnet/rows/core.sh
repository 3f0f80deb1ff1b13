#!/bin/sh
# core.sh DIRECTORY: runs the program there on the .NET Core there, which is older than the machine. It knows no OpenSSL 3, and is given the
# older one beside it; it finds no ICU that is newer than itself, and is told which one there is.
set -e
icu=$(ls /usr/lib/*/libicuuc.so.[0-9][0-9] | sed -n '$s/.*\.//p')
export CLR_ICU_VERSION_OVERRIDE="$icu" LD_LIBRARY_PATH="$1/openssl" DOTNET_CLI_TELEMETRY_OPTOUT=1
if [ "$DB_TLS" = verified ]; then
    export SSL_CERT_FILE="$DB_CA"
fi
exec "$1/dotnet" "$1/app.dll" 'SSL_CERT_FILE=ca.pem'
