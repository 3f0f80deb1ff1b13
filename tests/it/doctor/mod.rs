//! `azdb-proxy doctor` before real servers and the emulator: what a person reads, and the code that a script gets.

mod live;

use azdb_emulator::tds::{LoginScript, Refusal, Route};
use azdb_emulator::{DEFAULT_ROLE, Flaw};
use azdb_tests::{
    Authority, Azure, AzureSql, Emulated, Identity, Ran, Shop, Start, closed_port, find_leak,
    token_of,
};
use serde_json::Value;
use tempfile::TempDir;

fn doctor<'a>(configuration: &str, env: impl IntoIterator<Item = (&'a str, String)>) -> Start {
    Start::command("doctor", configuration)
        .envs(env)
        .env("LC_ALL", "C.UTF-8")
}

/// The step of the only way, as JSON has it.
#[track_caller]
fn step(found: &Value, step: &str) -> Value {
    let mut steps = found["ways"][0]["steps"].as_array().unwrap().iter();
    let of = steps.find(|found| found["step"] == step);
    of.unwrap_or_else(|| panic!("no {step}: {found:#}")).clone()
}

#[track_caller]
fn in_json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// That this step is the cross, with such a cause and such a remedy; that all after it had no turn.
#[track_caller]
fn assert_cross(ran: &Ran, word: &str, code: i32, cause: &str, remedy: &str) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    let found = in_json(ran);
    assert_eq!(found["exit_code"], code, "{found:#}");
    assert_eq!(found["ways"][0]["cross"], word, "{found:#}");
    let cross = step(&found, word);
    assert_eq!(cross["verdict"], "bad", "{cross:#}");
    assert!(cross["said"].as_str().unwrap().contains(cause), "{cross:#}");
    assert!(
        cross["remedy"]
            .as_str()
            .unwrap_or_default()
            .contains(remedy),
        "{cross:#}"
    );
    let steps = found["ways"][0]["steps"].as_array().unwrap().clone();
    let after = steps
        .into_iter()
        .skip_while(|step| step["step"] != word)
        .skip(1);
    for step in after {
        assert_eq!(step["verdict"], "untried", "{found:#}");
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn way_to_a_real_postgres_is_told_step_by_step_and_no_token_with_it() {
    let azure = Azure::new();
    let ran = doctor(&azure.route(), azure.identity.environment()).run();
    let said = ran.succeeded();
    let role = format!(
        "user {}, database {}, server PostgreSQL ",
        azure.role, azure.database
    );
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "✓ identity from app-service (picked by auto), system-assigned",
        "for https://ossrdbms-aad.database.windows.net, good for ",
        "ms an address: 127.0.0.1 (this machine), as connect_to has it",
        "TLSv1.3, verified: localhost",
        "ms the database has let us in",
        "ms select 1",
        &role,
        "may make schemas; 0 of 0 tables to read, 0 to write",
        "ms a login of an app: name ",
        "orders: an app can come",
    ] {
        assert!(flat.contains(part), "{part}: {said}");
    }
    for line in said.lines() {
        assert!(
            line.chars().count() <= 80 || !line.trim().contains(' '),
            "{line}"
        );
    }
    assert_eq!(find_leak(said, &[&azure.token]), None);
}

#[test]
#[cfg_attr(not(has_mariadb), ignore = "no MariaDB: see scripts/test")]
fn way_to_a_real_mariadb_ends_with_what_its_user_may() {
    let shop = Shop::new();
    let ran = doctor(&shop.route(), shop.identity.environment())
        .arg("--json")
        .run();
    let _ = ran.succeeded();
    let found = in_json(&ran);
    let rights = step(&found, "rights")["said"].as_str().unwrap().to_owned();
    let who = format!("user {}@%, database {}, server ", shop.user, shop.database);
    assert!(rights.starts_with(&who), "{rights}");
    assert!(rights.contains("GRANT "), "{rights}");
    for timed in [
        "token",
        "name",
        "connection",
        "tls",
        "login",
        "query",
        "price",
    ] {
        assert!(step(&found, timed)["took_ms"].is_number(), "{found:#}");
    }
}

#[test]
fn way_to_a_sql_server_is_told_and_what_cannot_be_asked_there_is_no_cross() {
    let azure = AzureSql::new();
    let ran = doctor(&azure.route(), azure.environment())
        .arg("--json")
        .run();
    let _ = ran.succeeded();
    let found = in_json(&ran);
    let claims = step(&found, "claims")["said"].as_str().unwrap().to_owned();
    assert!(
        claims.contains(&format!("an identity, {DEFAULT_ROLE:?}, object id ")),
        "{claims}"
    );
    assert_eq!(step(&found, "tls")["verdict"], "good");
    // The sample has no catalogue of principals.
    let rights = step(&found, "rights");
    assert_eq!(rights["verdict"], "doubtful", "{rights:#}");
    assert!(
        rights["said"]
            .as_str()
            .unwrap()
            .starts_with(&format!("user {DEFAULT_ROLE}, "))
    );
    azure.assert_content();
}

#[test]
fn source_that_cannot_work_is_the_first_cross() {
    let emulated = Emulated::new();
    let missing = "/no/such/token";
    let sources = [
        ("source = \"app-service\"".to_owned(), "IDENTITY_ENDPOINT"),
        (format!("token_file = {missing:?}"), missing),
    ];
    for (source, cause) in sources {
        let configuration = format!("[identity]\n{source}\n{}", emulated.route());
        let ran = doctor(&configuration, []).arg("--json").run();
        assert_cross(&ran, "identity", 20, cause, "");
    }
}

#[test]
fn app_user_that_no_route_knows_is_a_wrong_argument() {
    let emulated = Emulated::new();
    let mapped = emulated.route().replace(
        &format!("upstream_user = {DEFAULT_ROLE:?}"),
        &format!("user_map = {{ legacy = {DEFAULT_ROLE:?} }}"),
    );
    let ask = |user: &str| {
        let start = doctor(&mapped, emulated.environment());
        start.args(&["--app-user", user]).run()
    };
    let _ = ask("legacy").succeeded();
    let ran = ask("legaci");
    assert_eq!(ran.code, Some(64), "{ran:?}");
    assert!(ran.stderr.contains("there are: legacy"), "{ran:?}");
}

#[test]
fn token_that_is_not_there_or_is_for_others_is_a_cross_before_anybody_is_dialled() {
    let emulated = Emulated::new();
    let issuer = emulated.azure.issuer();
    issuer.set_default(Flaw::WrongAudience);
    let sql = AzureSql::new();
    sql.azure.issuer().set_default(Flaw::WrongAudience);
    let routes = [
        (emulated.route(), emulated.environment(), "ossrdbms-aad"),
        (
            emulated.mysql_route(),
            emulated.environment(),
            "ossrdbms-aad",
        ),
        (sql.route(), sql.environment(), "database.windows.net"),
    ];
    for (route, env, audience) in routes {
        let ran = doctor(&route, env).arg("--json").run();
        assert_cross(&ran, "token", 21, audience, "audience");
        assert_eq!(step(&in_json(&ran), "identity")["verdict"], "good");
    }
    assert!(sql.azure.tds().logins().is_empty());
    let endpoint = format!("http://127.0.0.1:{}/msi/token", closed_port());
    let env = [
        ("IDENTITY_ENDPOINT", endpoint),
        ("IDENTITY_HEADER", "s".to_owned()),
    ];
    let ran = doctor(&emulated.route(), env).arg("--json").run();
    assert_cross(&ran, "token", 21, "Connection refused", "managed identity");
}

#[test]
fn identity_other_than_the_configured_one_is_a_cross() {
    let emulated = Emulated::new();
    let id = "11111111-2222-3333-4444-555555555555";
    // One that gives what it has, whatever is asked for.
    let endpoint = Identity::giving(&token_of(2000));
    let identity = format!("[identity]\nsource = \"app-service\"\nclient_id = \"{id}\"\n");
    let configuration = format!("{identity}{}", emulated.route());
    let ran = doctor(&configuration, endpoint.environment());
    let ran = ran.arg("--json").run();
    let cause = format!("asked for client_id `{id}`");
    assert_cross(&ran, "token", 21, &cause, "correct `client_id`");
}

#[test]
fn name_connection_and_certificate_have_a_cross_of_their_own_in_every_protocol() {
    let (emulated, sql) = (Emulated::new(), AzureSql::new());
    let routes = [
        (emulated.route(), emulated.environment()),
        (emulated.mysql_route(), emulated.environment()),
        (sql.route(), sql.environment()),
    ];
    let directory = TempDir::new().unwrap();
    let stranger = directory.path().join("stranger.pem");
    std::fs::write(&stranger, Authority::default().ca_pem()).unwrap();
    let closed = closed_port();
    for (route, env) in routes {
        let with = |from: &str, to: &str| {
            let lines = route.lines().map(|line| match line.starts_with(from) {
                true => to.to_owned(),
                false => line.to_owned(),
            });
            let changed = lines.collect::<Vec<_>>().join("\n");
            doctor(&changed, env.clone()).arg("--json").run()
        };
        let ran = with("connect_to", "connect_to = \"no-such-name.invalid:1\"");
        assert_cross(&ran, "name", 22, "no-such-name.invalid", "DNS");
        let ran = with(
            "connect_to",
            &format!("connect_to = \"127.0.0.1:{closed}\""),
        );
        assert_cross(
            &ran,
            "connection",
            23,
            "Connection refused",
            "check that the server runs",
        );
        let ran = with("upstream = ", "upstream = \"another.example.org\"");
        assert_cross(&ran, "tls", 24, "another.example.org", "");
        let ran = with(
            "upstream_ca_file",
            &format!("upstream_ca_file = {stranger:?}"),
        );
        assert_cross(&ran, "tls", 24, "not trusted here", "upstream_ca_file");
    }
}

/// The first hop has let us in as far as it does; the firewall before the second is closed.
#[test]
fn server_that_sends_on_to_a_closed_port_has_its_cross_at_the_connection() {
    let azure = AzureSql::new();
    let route = Route::to("localhost", closed_port());
    azure.azure.tds().script(1, &LoginScript::Route(route));
    let lines = azure.route() + "routing_suffixes = [\"localhost\"]\n";
    let ran = doctor(&lines, azure.environment()).arg("--json").run();
    assert_cross(&ran, "connection", 23, "Connection refused", "firewall");
    let name = step(&in_json(&ran), "name");
    assert_eq!(name["verdict"], "good", "{name:#}");
}

#[test]
fn login_that_the_database_refuses_is_a_cross_with_the_way_out() {
    let emulated = Emulated::new();
    for route in [
        emulated.route_as("stranger"),
        emulated.mysql_route().replace(DEFAULT_ROLE, "stranger"),
    ] {
        let ran = doctor(&route, emulated.environment()).arg("--json").run();
        assert_cross(&ran, "login", 25, "stranger", "azdb-proxy grant");
    }
    let sql = AzureSql::new();
    let text = "Login failed for user '<token-identified principal>'.";
    let refusal = Refusal::new(18456, text);
    sql.azure.tds().script(1, &LoginScript::Refuse(refusal));
    let ran = doctor(&sql.route(), sql.environment()).arg("--json").run();
    assert_cross(&ran, "login", 25, text, "azdb-proxy grant");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn check_that_connects_says_what_the_configuration_means_and_what_the_database_says() {
    let azure = Azure::new();
    let check = Start::command("check", &azure.route()).arg("--connect");
    let ran = check.envs(azure.identity.environment()).run();
    let said = ran.succeeded();
    assert!(
        said.starts_with("configuration: /")
            && said.contains("\norders: postgres, 127.0.0.1:0 -> "),
        "{said}"
    );
    assert!(
        said.trim_end().ends_with("orders: an app can come"),
        "{said}"
    );
}

#[test]
fn check_that_connects_ends_with_the_code_of_the_cross() {
    let emulated = Emulated::new();
    let ran = Start::command("check", &emulated.route_as("stranger"))
        .arg("--connect")
        .envs(emulated.environment())
        .run();
    assert_eq!(ran.code, Some(25), "{ran:?}");
    assert!(ran.stdout.contains("azdb-proxy grant"), "{ran:?}");
}

#[test]
fn private_link_written_by_hand_is_refused_with_the_name_to_write() {
    let route = "[[route]]\nname = \"orders\"\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:0\"\n\
                 upstream = \"orders.privatelink.postgres.database.azure.com\"\nupstream_user = \"orders-app\"\n";
    let ran = doctor(route, []).run();
    assert_eq!(ran.code, Some(78), "{ran:?}");
    assert!(
        ran.stderr.contains("orders.postgres.database.azure.com"),
        "{ran:?}"
    );
}
