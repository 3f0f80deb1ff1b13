//! The repository's own `proxy.toml`, in front of a demo that shares its Azure. In a network of its own: its ports are known.

use azdb_tests::{Program, binary};
use tempfile::TempDir;

const SCRIPT: &str = r#"
ip link set lo up
cd "$DIRECTORY"
cp "$CHECKOUT/proxy.toml" .
export XDG_STATE_HOME="$PWD/state" XDG_RUNTIME_DIR="$PWD"
"$PROXY" check >without 2>&1 && exit 1
"$PROXY" demo --sample --share target/demo >demo.log 2>&1 &
demo=$!
trap 'kill $demo $proxy 2>/dev/null || true; wait' EXIT
until grep -q 'ends the demo' demo.log; do kill -0 $demo; sleep 0.02; done
"$PROXY" >proxy.log 2>&1 &
proxy=$!
"$PROXY" wait --max 30s || { cat proxy.log >&2; exit 1; }
sql='select name from products where id = 3'
psql -h 127.0.0.1 -p 6432 -U anyone -d orders -Atc "$sql"
mariadb -h 127.0.0.1 -P 6306 -u anyone -N --skip-ssl -e "$sql" orders
printf '%s\ngo\n' "$sql" | tsql -H 127.0.0.1 -p 6433 -U any -P any 2>/dev/null | grep pecorino
stat -c %a target/demo/oss.token target/demo/sql.token
kill $demo
wait $demo || true
ls target/demo
"#;

#[test]
#[cfg_attr(
    not(all(has_netns, has_postgres, has_mariadb, has_freetds)),
    ignore = "no network namespaces or clients: see scripts/test"
)]
fn the_proxy_of_the_checkout_runs_in_front_of_a_demo_that_shares_its_azure() {
    let directory = TempDir::with_prefix("azdb-test-").unwrap();
    let ran = Program::new("unshare")
        .args(["--net", "sh", "-e", "-c", SCRIPT])
        .env("DIRECTORY", directory.path())
        .env("CHECKOUT", concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env("PROXY", binary("azdb-proxy"))
        .run();
    let name = "Aged pecorino";
    assert_eq!(
        ran.succeeded(),
        format!("{name}\n{name}\n{name}\n600\n600"),
        "{ran:?}"
    );
}
