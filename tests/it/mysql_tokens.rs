//! Whole tokens, and changes of user, before the emulator's MySQL server: it judges every byte and refuses as Azure does.

use azdb_emulator::{
    Behaviour, ChangesOfUser, EmulatorOptions, Flaw, MysqlLogin, MysqlOptions, MysqlRefusal, Shape,
};
use azdb_tests::{Emulated, MysqlApp, MysqlPeer, Proxy};
use serde_json::{Value, json};

fn emulated() -> (Emulated, Proxy) {
    let emulated = Emulated::new();
    let proxy = emulated.start(&emulated.mysql_route()).start();
    (emulated, proxy)
}

#[track_caller]
fn only_login(emulated: &Emulated) -> MysqlLogin {
    let logins = emulated.azure.mysql().logins();
    assert_eq!(logins.len(), 1, "{logins:?}");
    logins.into_iter().next().unwrap()
}

#[test]
fn a_token_of_any_size_arrives_whole_after_an_empty_answer() {
    let emulated = Emulated::new();
    for size in [2_000, 4_003, 8_192, 16_000] {
        let shape = Shape {
            size,
            ..Shape::default()
        };
        emulated.azure.issuer().set_default(shape);
        let proxy = emulated.start(&emulated.mysql_route()).start();
        let _app = MysqlPeer::log_in(proxy.address());
        let logins = emulated.azure.mysql().logins();
        let login = logins.last().unwrap();
        assert!(
            login.token_bytes.is_some_and(|bytes| bytes >= size),
            "{login:?}"
        );
        assert_eq!(
            (login.plugin.as_str(), login.announced_bytes),
            ("mysql_native_password", 0)
        );
        assert_eq!(login.refusal, None);
    }
}

/// What an app reads that is not let in: code and text.
#[track_caller]
fn refused(proxy: &Proxy) -> (u16, String) {
    let mut app = MysqlPeer::connect(proxy.address());
    let _ = app.hear();
    let mut response = 0x0001_8281_u32.to_le_bytes().to_vec();
    response.resize(32, 0);
    response.extend(b"anyone\0\0");
    app.say(&response);
    let error = app.hear();
    let [0xff, a, b, b'#', text @ ..] = error.as_slice() else {
        panic!("not an error: {}", String::from_utf8_lossy(&error));
    };
    assert_eq!(app.rest(), b"");
    (
        u16::from_le_bytes([*a, *b]),
        String::from_utf8(text.to_vec()).unwrap(),
    )
}

#[test]
fn wrong_tokens_are_refused_in_the_servers_own_words() {
    for (flaw, word) in [
        (Flaw::Expired, "has expired"),
        (Flaw::ForeignSignature, "using password: YES"),
    ] {
        let emulated = Emulated::new();
        emulated.azure.issuer().set_default(flaw);
        let proxy = emulated.start(&emulated.mysql_route()).start();
        let (code, text) = refused(&proxy);
        assert_eq!(code, 1045, "{text}");
        assert!(text.starts_with("28000") && text.contains(word), "{text}");
    }
}

#[test]
fn a_token_for_another_audience_is_shown_to_no_database() {
    let emulated = Emulated::new();
    emulated.azure.issuer().set_default(Flaw::WrongAudience);
    let proxy = emulated.start(&emulated.mysql_route()).start();
    let (code, text) = refused(&proxy);
    assert_eq!(code, 1045, "{text}");
    let said = "gave a token for `https://management.azure.com/`";
    assert!(text.starts_with("28000") && text.contains(said), "{text}");
    assert!(emulated.azure.mysql().logins().is_empty());
}

#[test]
fn a_token_that_the_server_calls_expired_is_replaced_and_the_login_goes_on() {
    let emulated = Emulated::new();
    emulated.azure.issuer().script(1, Flaw::Expired);
    let proxy = emulated.start(&emulated.mysql_route()).start();
    let _app = MysqlPeer::log_in(proxy.address());
    let refusals: Vec<bool> = emulated
        .azure
        .mysql()
        .logins()
        .iter()
        .map(|login| login.refusal.is_some())
        .collect();
    assert_eq!(refusals, [true, false]);
}

#[test]
fn user_that_is_not_mapped_is_never_shown_the_token() {
    let emulated = Emulated::new();
    let route = emulated.mysql_route().replace("orders-app", "somebody");
    let proxy = emulated.start(&route).start();
    let (code, text) = refused(&proxy);
    assert_eq!(code, 1045);
    assert!(
        text.contains("user 'somebody' is not a Microsoft Entra user on this server"),
        "{text}"
    );
    assert_eq!(only_login(&emulated).token_bytes, None);
}

#[test]
fn an_identity_endpoint_that_fails_is_explained() {
    let emulated = Emulated::new();
    let body = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
    emulated
        .azure
        .identity()
        .set_default(Behaviour::status(400, body));
    let proxy = emulated.start(&emulated.mysql_route()).start();
    let (code, text) = refused(&proxy);
    assert_eq!(code, 1045);
    assert!(text.contains("azdb-proxy: no token: "), "{text}");
    assert!(emulated.azure.mysql().logins().is_empty());
}

#[test]
fn the_servers_refusal_reaches_the_app_as_it_came() {
    let (emulated, proxy) = emulated();
    let refusal = MysqlRefusal::new(
        9102,
        "HY000",
        "An unexpected error occurred while trying to validate user 'orders-app'",
    );
    emulated.azure.mysql().refuse(1, &refusal);
    let (code, text) = refused(&proxy);
    assert_eq!((code, text), (9102, format!("HY000{}", refusal.message)));
}

/// The mariadb client straight at the emulator.
fn direct(emulated: &Emulated, tls: bool, token: &str) -> azdb_tests::Ran {
    let app = MysqlApp::at(emulated.azure.mysql().address());
    let ca = format!("--ssl-ca={}", emulated.ca_file().display());
    let tls: &[&str] = if tls {
        &["--ssl", &ca]
    } else {
        &["--skip-ssl"]
    };
    app.told("DB_USER", "orders-app")
        .told("DB_PASSWORD", token)
        .mariadb("mariadb")
        .args(tls)
        .args(["-N", "-B", "-e", "select name from products where id = 4"])
        .run()
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no mariadb client: see scripts/test")]
fn the_emulator_lets_nobody_in_without_tls_or_with_another_secret() {
    let emulated = Emulated::new();
    let identity = &emulated.azure.identity().identities()[0];
    let token = emulated
        .azure
        .issuer()
        .issue(identity, azdb_emulator::OSSRDBMS_AUDIENCE)
        .unwrap();
    let token = token.access_token.as_str();
    assert_eq!(
        direct(&emulated, true, token).succeeded(),
        "Wildflower honey"
    );
    assert!(
        direct(&emulated, false, token)
            .failed()
            .contains("ERROR 3159 (HY000)")
    );
    for secret in ["", "a password", &token[..token.len() - 1]] {
        let refused = direct(&emulated, true, secret);
        assert!(
            refused.failed().contains("ERROR 1045 (28000)"),
            "{refused:?}"
        );
    }
}

/// An emulator that takes changes of user, or refuses them, and a proxy before it.
fn with_changes(changes_of_user: ChangesOfUser) -> (Emulated, Proxy) {
    let options = EmulatorOptions {
        mysql: MysqlOptions {
            changes_of_user,
            ..MysqlOptions::default()
        },
        ..EmulatorOptions::default()
    };
    let emulated = Emulated::with(options);
    let route = emulated.mysql_route() + "default_database = \"orders\"\n";
    let proxy = emulated.start(&route).start();
    (emulated, proxy)
}

#[test]
#[cfg_attr(
    not(has_python),
    ignore = "no MySQL Connector/Python: see scripts/test"
)]
fn a_change_of_user_takes_the_token_again() {
    let (emulated, proxy) = with_changes(ChangesOfUser::Accepted);
    let ran = proxy.mysql_app().python("with_mysqlclient.py").run();
    let seen: Value = serde_json::from_str(ran.succeeded()).unwrap();
    assert_eq!(seen["database_again"], json!("orders"));
    let logins = emulated.azure.mysql().logins();
    let change = logins.iter().find(|login| login.is_change).unwrap();
    assert_eq!(
        (change.user.as_str(), change.announced_bytes),
        ("orders-app", 0)
    );
    assert!(change.token_bytes > Some(1000), "{change:?}");
}

#[test]
#[cfg_attr(
    not(has_python),
    ignore = "no MySQL Connector/Python: see scripts/test"
)]
fn after_one_refused_change_of_user_sessions_are_reset() {
    let (emulated, proxy) = with_changes(ChangesOfUser::Refused);
    for _ in 0..2 {
        let ran = proxy.mysql_app().python("with_mysqlclient.py").run();
        let seen: Value = serde_json::from_str(ran.succeeded()).unwrap();
        assert_eq!(seen["database_again"], json!("orders"));
    }
    let logins = emulated.azure.mysql().logins();
    let changes = logins.iter().filter(|login| login.is_change).count();
    assert_eq!(changes, 1, "{logins:?}");
    proxy.log_until("this route resets its sessions from now on");
}

#[test]
#[cfg_attr(not(has_java), ignore = "no Connector/J: see scripts/test")]
fn a_batch_that_waits_for_no_answer_is_written_as_it_was_sent() {
    for options in ["", "?useServerPrepStmts=true"] {
        let (_emulated, proxy) = emulated();
        let app = proxy.mysql_app().told("DB_OPTIONS", options);
        let ran = app.java("PipelinesBatch.java", "mariadb-java-client").run();
        assert_eq!(ran.succeeded(), "50 rows, 0 wrong", "{options}");
    }
}
