//! Who is meant where the token of the app's identity is not to be had.

use std::ffi::OsStr;

use azdb_emulator::OSSRDBMS_AUDIENCE;
use azdb_tests::{Identity, Program, Start, binary};

/// At a desk there is no token of the app's identity: what it would say is said by hand.
#[test]
fn without_a_token_ids_are_said_by_hand() {
    let route = "[identity]\ntoken_file = \"no.token\"\n[[route]]\nname = \"orders\"\nprotocol = \"mysql\"\n\
                 listen = \"127.0.0.1:0\"\nupstream = \"shop.mysql.database.azure.com\"\nupstream_user = \"shop-app\"\n";
    let grant = |words: &[&str]| Start::command("grant", route).args(words).run();
    let no_database = grant(&[]);
    assert_eq!(no_database.code, Some(64), "{no_database:?}");
    assert!(no_database.stderr.contains("--database"), "{no_database:?}");
    let no_token = grant(&["--database", "shop"]);
    assert_eq!(no_token.code, Some(1), "{no_token:?}");
    assert!(no_token.stderr.contains("no.token"), "{no_token:?}");
    assert!(no_token.stderr.contains("--client-id"), "{no_token:?}");
    assert_eq!(no_token.stdout, "", "standard output is SQL or nothing");
    let id = "7d1c1b3c-2f65-4a52-8e37-3f1f0d6c9b01";
    let by_hand = grant(&["orders", "--database", "shop", "--client-id", id]);
    let create = format!("\ncreate aaduser 'shop-app' identified by '{id}';\n");
    assert!(by_hand.succeeded().contains(&create), "{by_hand:?}");
    let unknown = grant(&["shop"]);
    assert!(
        unknown.stderr.contains("there are: \"orders\""),
        "{unknown:?}"
    );
    assert_eq!(unknown.code, Some(64), "{unknown:?}");
}

/// A token of this person, signed by nobody.
fn token_of_person(name: &str) -> String {
    let claims = format!(
        r#"{{"aud":"{OSSRDBMS_AUDIENCE}","oid":"5e0d1a3c-97e1-4d4c-8a57-0c8f4e1b2d33","upn":"{name}","exp":4102444800}}"#
    );
    let part = Program::new("sh")
        .args(["-c", "base64 -w0 | tr '+/' '-_' | tr -d ="])
        .stdin(claims)
        .run();
    format!("e30.{}.c2ln", part.succeeded())
}

/// On a developer's machine `auto` finds the developer, for whom nobody wants the app's principal.
#[test]
fn a_person_who_happens_to_be_signed_in_is_not_taken_for_the_app() {
    let identity = Identity::giving(&token_of_person("bob@contoso.com"));
    let route = "[[route]]\nname = \"orders\"\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:0\"\n\
                 upstream = \"orders.postgres.database.azure.com\"\nupstream_user = \"orders-app\"\n\
                 default_database = \"orders\"\n";
    let grant = |words: &[&str]| {
        let start = Start::command("grant", route).args(words);
        start.envs(identity.environment()).run()
    };
    let refused = grant(&[]);
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(refused.stderr.contains("bob@contoso.com"), "{refused:?}");
    assert_eq!(refused.stdout, "");
    let meant = grant(&["--kind", "user"]);
    let create = "('orders-app', '5e0d1a3c-97e1-4d4c-8a57-0c8f4e1b2d33', 'user', false, false)";
    assert!(meant.succeeded().contains(create), "{meant:?}");
}

/// A file may be called anything.
#[test]
fn a_word_that_is_no_utf8_is_no_end_of_it() {
    use std::os::unix::ffi::OsStrExt as _;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(OsStr::from_bytes(b"caf\xe9.toml"));
    let route = "[[route]]\nname = \"orders\"\nprotocol = \"mysql\"\nlisten = \"127.0.0.1:0\"\n\
                 upstream = \"shop.mysql.database.azure.com\"\nupstream_user = \"shop-app\"\n";
    std::fs::write(&file, route).unwrap();
    let ran = Program::new(binary("azdb-proxy"))
        .args(["grant", "--database", "shop", "--config"])
        .arg(&file)
        .args(["--client-id", "7d1c1b3c-2f65-4a52-8e37-3f1f0d6c9b01"])
        .run();
    let text = ran.succeeded();
    assert!(text.contains("create aaduser 'shop-app'"), "{text}");
    assert!(text.contains("caf\u{fffd}.toml"), "{text}");
}
