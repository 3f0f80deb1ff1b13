//! What Azure SQL sees of an app that comes through the proxy.

use azdb_emulator::tds::{Encryption, LoginScript, Refusal, Route, Verdict};
use azdb_emulator::{Flaw, Shape, TdsOptions};
use azdb_tests::{AzureSql, Encrypt, SqlApp};

fn rows(app: &SqlApp) -> String {
    let ran = app
        .freetds("tsql")
        .stdin("select name from products where id = 3\ngo\n")
        .run();
    format!("{}{}", ran.stdout, ran.stderr)
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn token_of_five_kilobytes_comes_in_packets_that_azure_takes() {
    let azure = AzureSql::new();
    azure.azure.issuer().set_default(Shape {
        size: 5000,
        ..Shape::default()
    });
    let proxy = azure.proxy();
    let text = rows(&SqlApp::of(&proxy, Encrypt::Off));
    assert!(text.contains("Aged pecorino"), "{text}");
    let logins = azure.azure.tds().logins();
    let login = logins.first().unwrap();
    assert!(login.token_chars >= Some(5000), "{login:?}");
    assert_eq!(login.longest_packet, 4096);
    assert_eq!(login.user, "");
    assert_eq!(login.server, "localhost");
    let tls = login.tls.as_ref().unwrap();
    assert_eq!(tls.server_name.as_deref(), Some("localhost"));
    azure.assert_content();
}

/// Logs in where the server sends the login to itself. Gives what the app read, and how many logins there were.
fn routed(lines: &str, with_ack: bool) -> (String, usize) {
    let azure = AzureSql::new();
    let route = Route {
        with_ack,
        ..Route::to("localhost", azure.azure.tds().address().port())
    };
    azure.azure.tds().script(2, &LoginScript::Route(route));
    let proxy = azure.proxy_with(lines);
    let text = rows(&SqlApp::of(&proxy, Encrypt::Off));
    azure.assert_content();
    (text, azure.azure.tds().logins().len())
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn route_is_followed_with_or_without_acknowledgement_before_it() {
    for with_ack in [true, false] {
        let (text, logins) = routed("routing_suffixes = [\"localhost\"]\n", with_ack);
        assert!(text.contains("Aged pecorino"), "{text}");
        assert_eq!(logins, 3, "two hops and the login that came in");
    }
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn route_to_a_port_that_azure_does_not_use_gets_no_token() {
    let (text, logins) = routed("", true);
    assert!(
        text.contains("azdb-proxy:") && text.contains("routing_suffixes"),
        "{text}"
    );
    assert_eq!(logins, 1);
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn error_of_the_database_arrives_as_it_was() {
    let azure = AzureSql::new();
    let text = "Database 'shop' on server 'here' is not currently available.";
    let refusal = Refusal::new(40613, text).class(17).state(3);
    azure.azure.tds().script(1, &LoginScript::Refuse(refusal));
    let proxy = azure.proxy_with("hold_logins = false\n");
    let told = rows(&SqlApp::of(&proxy, Encrypt::Off));
    assert!(
        told.contains("Msg 40613 (severity 17, state 3) from azdb-emulator"),
        "{told}"
    );
    assert!(told.contains(text), "{told}");
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn token_for_another_audience_is_shown_to_no_database() {
    let azure = AzureSql::new();
    azure.azure.issuer().set_default(Flaw::WrongAudience);
    let proxy = azure.proxy();
    let told = rows(&SqlApp::of(&proxy, Encrypt::Off));
    let said = "gave a token for `https://management.azure.com/`, and the database takes those for `https://database.windows.net`";
    assert!(told.contains(said), "{told}");
    assert!(azure.azure.tds().logins().is_empty());
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn expired_token_is_fetched_again_once() {
    let azure = AzureSql::new();
    azure.azure.issuer().script(1, Flaw::Expired);
    let proxy = azure.proxy();
    let text = rows(&SqlApp::of(&proxy, Encrypt::Off));
    assert!(text.contains("Aged pecorino"), "{text}");
    let verdicts: Vec<Verdict> = azure
        .azure
        .tds()
        .logins()
        .into_iter()
        .map(|login| login.verdict)
        .collect();
    assert!(
        matches!(&verdicts[..], [Verdict::Refused(first), Verdict::Admitted] if first.message.contains("Token is expired")),
        "{verdicts:?}"
    );
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn development_server_gets_the_password_of_the_route() {
    for encryption in [Encryption::Required, Encryption::Offered] {
        let azure = AzureSql::with(TdsOptions {
            encryption,
            ..TdsOptions::development("sa", "The real 1 password")
        });
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        std::fs::write(&file, "The real 1 password\n").unwrap();
        let proxy = azure.proxy_with(&format!(
            "upstream_auth = \"password\"\nupstream_user = \"sa\"\nupstream_password_file = {file:?}\n"
        ));
        let text = rows(&SqlApp::of(&proxy, Encrypt::Off));
        assert!(text.contains("Aged pecorino"), "{text}");
        let logins = azure.azure.tds().logins();
        let login = logins.first().unwrap();
        assert_eq!((login.user.as_str(), login.token_chars), ("sa", None));
        assert!(login.tls.is_some(), "{login:?}");
    }
}

/// A door as strict as Azure, and the server that it relays to.
fn gatekeeper() -> (AzureSql, AzureSql) {
    let behind = AzureSql::with(TdsOptions::development("sa", "The real 1 password"));
    let url = format!(
        "sqlserver://sa:The%20real%201%20password@{}",
        behind.azure.tds().address()
    );
    let door = AzureSql::with(TdsOptions {
        behind: Some(url.parse().unwrap()),
        ..TdsOptions::default()
    });
    (door, behind)
}

#[test]
#[cfg_attr(not(has_freetds), ignore = "no FreeTDS: see scripts/test")]
fn door_before_a_real_server_relays_what_tsql_asks() {
    let (door, behind) = gatekeeper();
    let proxy = door.proxy();
    let app = SqlApp::of(&proxy, Encrypt::Off);
    let script = "select suser_sname()\ngo\nselect name from products where id = 3\ngo\n\
                  select * from nowhere\ngo\n";
    let ran = app.freetds("tsql").stdin(script).run();
    for expected in ["sa", "Aged pecorino"] {
        assert!(ran.stdout.contains(expected), "{ran:?}");
    }
    assert!(
        ran.stderr.contains("Invalid object name 'nowhere'."),
        "{ran:?}"
    );
    door.assert_content();
    behind.assert_content();
}

#[test]
#[cfg_attr(not(has_python), ignore = "no python-tds: see scripts/test")]
fn door_before_a_real_server_relays_several_requests_at_once() {
    let (door, behind) = gatekeeper();
    let proxy = door.proxy();
    let app = SqlApp::of(&proxy, Encrypt::Off).told("TDS_MARS", "on");
    let seen = azdb_tests::seen(app.python("with_pytds.py"));
    assert_eq!(
        seen["mars"],
        serde_json::json!([1, 1, 1, 1, 1, 1, 1, 1]),
        "{seen}"
    );
    door.assert_content();
    behind.assert_content();
    assert!(behind.azure.tds().asked().smp_sessions > 0);
}
