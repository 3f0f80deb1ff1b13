//! `--apply` at the emulated Azure SQL, whose sample lets an administrator in and has no users of its own.

use azdb_emulator::{ManagedIdentity, SQL_AUDIENCE, Shape};
use azdb_tests::{Emulated, Ran, Start, closed_port};

/// A route to the emulated Azure SQL, whose identity is found by what `more` says, and an administrator's token.
struct Bare {
    emulated: Emulated,
    route: String,
}

impl Bare {
    fn with(more: &str) -> Self {
        let emulated = Emulated::new();
        let port = emulated.azure.tds().address().port();
        let route = format!(
            "{more}[[route]]\nname = \"stock\"\nprotocol = \"tds\"\nlisten = \"127.0.0.1:0\"\nupstream = \"localhost:{port}\"\n\
             connect_to = \"127.0.0.1:{port}\"\nupstream_ca_file = {:?}\ndefault_database = \"orders\"\n",
            emulated.ca_file()
        );
        Self { emulated, route }
    }

    fn apply(&self, words: &[&str]) -> Ran {
        let start = Start::command("grant", &self.route);
        let azure = &self.emulated.azure;
        let token = start.directory().join("admin.token");
        let admin = self.admin();
        let issued = azure
            .issuer()
            .issue_as(admin, SQL_AUDIENCE, Shape::default());
        std::fs::write(&token, issued.unwrap().access_token).unwrap();
        start
            .args(&["--apply", "--yes", "--token-file"])
            .arg(token.to_str().unwrap())
            .args(words)
            .envs(self.emulated.environment())
            .run()
    }

    fn admin(&self) -> &ManagedIdentity {
        let [admin] = self.emulated.azure.identity().identities() else {
            panic!("one identity");
        };
        admin
    }
}

#[test]
fn an_administrator_is_let_in_and_reads_what_was_refused() {
    let bare = Bare::with("");
    let ran = bare.apply(&[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let name = &bare.admin().name;
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
    let logins = bare.emulated.azure.tds().logins();
    assert!(logins.len() == 1, "{logins:?}");
}

/// A name is enough for what is printed. What is applied needs the id, of a token or said, before an administrator comes.
#[test]
fn a_name_alone_is_not_enough_to_apply_anything() {
    let bare = Bare::with("[identity]\ntoken_file = \"no.token\"\n");
    let refused = bare.apply(&["--name", "stock-app"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for words in ["no.token", "--client-id"] {
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    assert_eq!(refused.stdout, "");
    let logins = bare.emulated.azure.tds().logins();
    assert!(logins.is_empty(), "{logins:?}");
    // What ends a user needs its name, and no more.
    let ended = bare.apply(&["--name", "stock-app", "--undo"]);
    assert!(
        ended.stdout.contains("drop user if exists [stock-app]"),
        "{ended:?}"
    );
    // The identity's own token has the id.
    let known = Bare::with("").apply(&["--name", "stock-app"]);
    assert!(known.stderr.contains("It was: select name, "), "{known:?}");
}

/// Principals are of a server: the one that is named in front of everything, and no other that happens to answer.
#[test]
fn only_the_first_upstream_is_granted_anything() {
    let mut bare = Bare::with("");
    let port = bare.emulated.azure.tds().address().port();
    let (one, first) = (format!("\"localhost:{port}\""), closed_port());
    bare.route = bare
        .route
        .replace(&format!("connect_to = \"127.0.0.1:{port}\"\n"), "")
        .replace(&one, &format!("[\"localhost:{first}\", {one}]"));
    let refused = bare.apply(&[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused
            .stdout
            .starts_with(&format!("-- localhost:{first}, database \"orders\"")),
        "{refused:?}"
    );
    let why = format!("cannot connect to `localhost:{first}`");
    assert!(refused.stderr.contains(&why), "{refused:?}");
    let logins = bare.emulated.azure.tds().logins();
    assert!(logins.is_empty(), "{logins:?}");
}
