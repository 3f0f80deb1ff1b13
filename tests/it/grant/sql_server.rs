//! `--apply` at the emulated Azure SQL, whose sample lets an administrator in and has no users of its own.

use azdb_emulator::{SQL_AUDIENCE, Shape};
use azdb_tests::{Emulated, Start};

#[test]
fn an_administrator_is_let_in_and_reads_what_was_refused() {
    let emulated = Emulated::new();
    let port = emulated.azure.tds().address().port();
    let route = format!(
        "[[route]]\nname = \"stock\"\nprotocol = \"tds\"\nlisten = \"127.0.0.1:0\"\nupstream = \"localhost:{port}\"\n\
         connect_to = \"127.0.0.1:{port}\"\nupstream_ca_file = {:?}\ndefault_database = \"orders\"\n",
        emulated.ca_file()
    );
    let start = Start::command("grant", &route);
    let [admin] = emulated.azure.identity().identities() else {
        panic!("one identity");
    };
    let token = start.directory().join("admin.token");
    let issued = emulated
        .azure
        .issuer()
        .issue_as(admin, SQL_AUDIENCE, Shape::default());
    std::fs::write(&token, issued.unwrap().access_token).unwrap();
    let ran = start
        .args(&["--apply", "--yes", "--token-file"])
        .arg(token.to_str().unwrap())
        .envs(emulated.environment())
        .run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let name = &admin.name;
    assert!(
        ran.stdout
            .contains(&format!("create user [{name}] from external provider")),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .contains("does not know the name `sys.database_principals`"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("It was: select name, "), "{ran:?}");
    let logins = emulated.azure.tds().logins();
    assert!(logins.len() == 1, "{logins:?}");
}
