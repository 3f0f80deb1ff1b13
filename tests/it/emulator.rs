//! `azdb-emulator`, the program, and its page.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use azdb_tests::{Account, App, MariaDb, Method, MysqlApp, Program, Server, Start, binary};
use tempfile::TempDir;

/// The words of a text that begin so.
fn words<'a>(text: &'a str, begin: &str) -> BTreeSet<&'a str> {
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let words = text.split(is_other);
    words.filter(|word| word.starts_with(begin)).collect()
}

#[test]
fn the_page_of_the_emulator_names_its_flags_and_no_others() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/emulator.md");
    let page = std::fs::read_to_string(page).unwrap();
    let ran = Program::new(binary("azdb-emulator")).arg("--help").run();
    let mut flags = words(ran.succeeded(), "--");
    assert!(flags.remove("--help") && flags.remove("--version"));
    let rows = page.lines().filter(|line| line.starts_with("| `--"));
    let rows: Vec<&str> = rows.collect();
    let told: BTreeSet<&str> = rows.iter().flat_map(|row| words(row, "--")).collect();
    assert_eq!(told, flags);
    let variables = rows.iter().flat_map(|row| words(row, "AZDB_"));
    assert_eq!(
        variables.collect::<BTreeSet<_>>(),
        words(&ran.stdout, "AZDB_")
    );
    let recipes = page
        .lines()
        .filter(|line| line.trim_start().starts_with("- --"));
    for line in recipes {
        let flag = line
            .trim_start_matches([' ', '-'])
            .split('=')
            .next()
            .unwrap();
        assert!(flags.contains(&*format!("--{flag}")), "{line}");
    }
}

/// What the emulator prints, as a shell would read it.
fn settings(text: &str) -> HashMap<&str, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}

#[test]
#[cfg_attr(
    not(all(has_postgres, has_mariadb)),
    ignore = "no PostgreSQL or MariaDB: see scripts/test"
)]
fn real_servers_stand_behind_the_emulator() {
    let (postgres, mariadb) = (Server::shared(), MariaDb::shared());
    let name = format!("behind_{}", Server::number());
    postgres.add_role(&name, Method::ScramSha256, "p@ss");
    postgres.add_database(&name, &name);
    mariadb.add_user(&name, Account::Native, "p@ss");

    let directory = TempDir::new().unwrap();
    let ca_file = directory.path().join("azure.pem");
    let emulator = Program::new(binary("azdb-emulator"))
        .args(["--identity", "127.0.0.1:0", "--postgres", "127.0.0.1:0"])
        .args(["--mysql", "127.0.0.1:0", "--tds", "127.0.0.1:0"])
        .arg(format!(
            "--behind=postgres://{name}:p%40ss@127.0.0.1:{}",
            postgres.port
        ))
        .arg(format!(
            "--behind=mysql://{name}:p%40ss@127.0.0.1:{}",
            mariadb.port
        ))
        .arg(format!("--ca-file={}", ca_file.display()))
        .start();
    let printed = emulator.stdout_until(|text| text.contains("# role").then(|| text.to_owned()));
    let told = settings(&printed);

    let route = |protocol, port: &str| {
        format!(
            "[[route]]\nname = \"{protocol}\"\nprotocol = \"{protocol}\"\nupstream = \"localhost:{port}\"\n\
             connect_to = \"127.0.0.1:{port}\"\nlisten = \"127.0.0.1:0\"\nupstream_user = \"orders-app\"\n\
             upstream_ca_file = {ca_file:?}\n"
        )
    };
    let start = |route: &str| {
        let environment = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"];
        let environment = environment.map(|name| (name, told[name].clone()));
        Start::run_with(route).envs(environment).start()
    };

    let proxy = start(&route("postgres", &told["PGPORT"]));
    let app = App::at("127.0.0.1", proxy.address().port()).told("PGDATABASE", &name);
    assert_eq!(
        app.query("select current_user || ' ' || 7 / 2"),
        format!("{name} 3")
    );
    let proxy = start(&route("mysql", &told["MYSQL_TCP_PORT"]));
    let app = MysqlApp::at(proxy.address());
    assert_eq!(
        app.query("select concat(user(), 7 div 2)"),
        format!("{name}@127.0.0.13")
    );
}
