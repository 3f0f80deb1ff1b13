//! Nothing but the variables of Azure Service Connector: a network and mounts of its own for each test, because the ports are
//! those that apps know, and names of Azure must lead to the emulator.

use azdb_tests::{Program, Ran, Start, binary, tools};
use tempfile::TempDir;

/// An emulated Azure and the proxy with these variables, and then `app`.
fn beside(variables: &str, app: &str) -> Ran {
    let directory = TempDir::with_prefix("azdb-test-").unwrap();
    let script = format!(
        r#"
ip link set lo up
cd "$DIRECTORY"
for kind in postgres.database.azure.com mysql.database.azure.com database.windows.net; do
    echo "127.0.0.1 srv.$kind" >>hosts
    names="${{names:-}} --name srv.$kind"
done
mount --bind hosts /etc/hosts
"$EMULATOR" $names --postgres 127.0.0.1:15432 --mysql 127.0.0.1:13306 --tds 127.0.0.1:11433 \
    --identity 127.0.0.1:8080 --identity-header hush --ca-file ca.pem >emulator.log 2>&1 &
emulator=$!
trap 'kill $emulator $proxy 2>/dev/null || true; wait' EXIT
until grep -q END ca.pem 2>/dev/null; do kill -0 $emulator; sleep 0.02; done
export SSL_CERT_FILE="$PWD/ca.pem" IDENTITY_ENDPOINT=http://127.0.0.1:8080/msi/token IDENTITY_HEADER=hush
export XDG_STATE_HOME="$PWD/state" XDG_RUNTIME_DIR="$PWD"
(
{variables}
exec "$PROXY" run >proxy.log 2>&1
) &
proxy=$!
"$PROXY" wait --max 30s || {{ cat proxy.log >&2; exit 1; }}
unset SSL_CERT_FILE
{app}
cat proxy.log >&2
"#
    );
    Program::new("unshare")
        .args(["--net", "--mount", "sh", "-e", "-c", &script])
        .env("DIRECTORY", directory.path())
        .env("EMULATOR", binary("azdb-emulator"))
        .env("PROXY", binary("azdb-proxy"))
        .env("PYTHON", tools::installed("python/bin/python"))
        .run()
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_python, has_freetds)),
    ignore = "no network namespaces or drivers: see scripts/test"
)]
fn drivers_of_every_protocol_are_served_by_variables_alone() {
    let variables = "
export AZURE_POSTGRESQL_CONNECTIONSTRING='dbname=orders host=srv.postgres.database.azure.com port=15432 sslmode=require user=orders-app'
export AZURE_MYSQL_HOST=srv.mysql.database.azure.com AZURE_MYSQL_USER=orders-app AZURE_MYSQL_NAME=orders AZURE_MYSQL_PORT=13306
export AZURE_SQL_CONNECTIONSTRING='Data Source=srv.database.windows.net,11433;Initial Catalog=orders;Authentication=ActiveDirectoryManagedIdentity'";
    let app = r#"
"$PYTHON" - <<'APP'
import psycopg, pymysql
with psycopg.connect("dbname=orders host=127.0.0.1 port=5432 sslmode=disable user=any password=any") as session:
    print("psycopg", session.execute("select name from products where id = 3").fetchone()[0])
session = pymysql.connect(host="127.0.0.1", port=3306, user="any", password="any", database="orders")
cursor = session.cursor()
cursor.execute("select name from products where id = 3")
print("PyMySQL", cursor.fetchone()[0])
APP
printf 'select name from products where id = 3\ngo\n' | tsql -H 127.0.0.1 -p 1433 -U any -P any
"#;
    let ran = beside(variables, app);
    let seen = ran.succeeded();
    for line in [
        "psycopg Aged pecorino",
        "PyMySQL Aged pecorino",
        "Aged pecorino\n(1 row",
    ] {
        assert!(seen.contains(line), "{line}: {ran:?}");
    }
    assert!(
        ran.stderr
            .contains("Service Connector's variables, no file"),
        "{ran:?}"
    );
}

#[test]
#[cfg_attr(
    not(all(has_netns, has_python)),
    ignore = "no network namespaces or drivers: see scripts/test"
)]
fn what_import_env_tells_an_app_is_what_its_driver_takes() {
    let variables = "
export AZURE_POSTGRESQL_CONNECTIONSTRING='dbname=orders host=srv.postgres.database.azure.com port=15432 sslmode=require user=orders-app'
export AZURE_POSTGRESQL_SHOP_HOST=srv.postgres.database.azure.com AZURE_POSTGRESQL_SHOP_PORT=15432
export AZURE_POSTGRESQL_SHOP_USER=orders-app AZURE_POSTGRESQL_SHOP_NAME=orders
export AZURE_POSTGRESQL_SHOP_CLIENTID=7d1c1b3c-2f65-4a52-8e37-3f1f0d6c9b01
\"$PROXY\" import-env >proxy.toml
env -u AZURE_POSTGRESQL_CONNECTIONSTRING -u AZURE_POSTGRESQL_SHOP_HOST \"$PROXY\" check --config proxy.toml >&2
unset AZURE_POSTGRESQL_CONNECTIONSTRING AZURE_POSTGRESQL_SHOP_HOST";
    let app = r##"
"$PYTHON" - <<'APP'
import psycopg
lines = [line.removeprefix("#   ").strip() for line in open("proxy.toml") if line.startswith("#   ")]
told = dict(line.split("=", 1) for line in lines if "=" in line)
strings = [told["AZURE_POSTGRESQL_CONNECTIONSTRING"]]
shop = lambda part: told["AZURE_POSTGRESQL_SHOP_" + part]
strings.append(f"host={shop('HOST')} port={shop('PORT')} user={shop('USER')} password={shop('PASSWORD')} dbname={shop('NAME')}")
for string in strings:
    with psycopg.connect(string) as session:
        print(string, session.execute("select current_user").fetchone()[0])
APP
"##;
    let ran = beside(variables, app);
    let seen = ran.succeeded();
    let lines: Vec<_> = seen.lines().collect();
    let expected = [
        "dbname=orders host=127.0.0.1 port=5432 user=any sslmode=disable password=any orders-app",
        "host=127.0.0.1 port=5433 user=any password=any dbname=orders orders-app",
    ];
    assert_eq!(lines, expected, "{ran:?}");
}

#[test]
fn without_a_route_the_three_ways_to_say_one_are_named() {
    let ran = Start::new(&["run"]).run();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    for way in [
        "azdb-proxy run \"postgres://",
        "[[route]] in proxy.toml",
        "Azure Service Connector",
    ] {
        assert!(ran.stderr.contains(way), "{ran:?}");
    }
    let ran = Start::new(&["import-env"]).run();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(78), ""), "{ran:?}");
}

#[test]
fn a_connection_that_leads_to_the_proxy_is_left_out_and_said() {
    let ran = Start::new(&["check"])
        .env("AZURE_POSTGRESQL_HOST", "127.0.0.1")
        .env("AZURE_POSTGRESQL_USER", "any")
        .env("AZURE_POSTGRESQL_PASSWORD", "Hush")
        .env("AZURE_SQL_SERVER", "srv.database.windows.net")
        .run();
    let said = ran.succeeded();
    assert!(
        said.contains("\nsrv: tds, 127.0.0.1:1433, [::1]:1433 -> "),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .contains("AZURE_POSTGRESQL: leads to this machine, 127.0.0.1"),
        "{ran:?}"
    );
    assert!(!format!("{ran:?}").contains("Hush"));
}
