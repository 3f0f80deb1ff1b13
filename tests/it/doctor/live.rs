//! `--live`: at the doors of a proxy that runs.

use std::net::TcpListener;

use azdb_emulator::Flaw;
use azdb_tests::{Azure, AzureSql, Emulated, Start};

use super::{assert_cross, doctor, in_json, step};

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn proxy_that_runs_is_visited_as_an_app_visits_it() {
    let azure = Azure::new();
    let proxy = azure.proxy();
    let there = format!("listen = \"{}\"", proxy.address());
    let route = azure.route_without_listen() + &there;
    let live = || doctor(&route, []).arg("--live").arg("--json").run();
    let ran = live();
    let _ = ran.succeeded();
    let found = in_json(&ran);
    let door = step(&found, "door")["said"].as_str().unwrap().to_owned();
    assert_eq!(door, proxy.address().to_string());
    assert!(
        step(&found, "rights")["said"]
            .as_str()
            .unwrap()
            .contains(&azure.database)
    );
    let _ = proxy.stop();
    assert_cross(&live(), "door", 27, "Connection refused", "start the proxy");
}

/// Whoever is there, doctor says what it is and comes to an end.
#[test]
fn door_that_is_somebody_elses_or_wants_tls_is_no_riddle() {
    let emulated = Emulated::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let route = emulated.route() + "login_timeout = \"100ms\"\n";
    let at = format!("listen = \"{}\"", silent.local_addr().unwrap());
    let at_silent = route.replace("listen = \"127.0.0.1:0\"", &at);
    let ran = doctor(&at_silent, []).args(&["--live", "--json"]).run();
    assert_cross(&ran, "login", 25, "no answer in ", "");

    let tls = at_silent + "local_tls = \"require\"\n";
    let ran = doctor(&tls, []).args(&["--live", "--json"]).run();
    let _ = ran.succeeded();
    let login = step(&in_json(&ran), "login");
    assert_eq!(login["verdict"], "doubtful", "{login:#}");
    assert!(
        login["said"]
            .as_str()
            .unwrap()
            .contains("doctor does not speak"),
        "{login:#}"
    );
}

#[test]
fn proxy_that_runs_is_visited_in_every_protocol_and_says_what_it_holds() {
    let (emulated, sql) = (Emulated::new(), AzureSql::new());
    let routes = [
        (emulated.route(), emulated.environment()),
        (emulated.mysql_route(), emulated.environment()),
        (sql.route(), sql.environment()),
    ];
    for (route, env) in routes {
        let proxy = Start::run_with(&route).envs(env).start();
        let there = format!("listen = \"{}\"", proxy.address());
        let visited = route.replace("listen = \"127.0.0.1:0\"", &there);
        // Without an identity of its own: the token is the running proxy's.
        let ran = doctor(&visited, []).args(&["--live", "--json"]).run();
        let _ = ran.succeeded();
        let found = in_json(&ran);
        for good in ["door", "login", "query"] {
            assert_eq!(step(&found, good)["verdict"], "good", "{found:#}");
        }
    }
}

/// Its door is open, and no app comes in.
#[test]
fn token_that_the_proxy_that_runs_has_not_is_the_cross() {
    let emulated = Emulated::new();
    emulated.azure.issuer().set_default(Flaw::WrongAudience);
    let proxy = emulated.proxy();
    proxy.log_until("no new token");
    let there = format!("listen = \"{}\"", proxy.address());
    let visited = emulated.route().replace("listen = \"127.0.0.1:0\"", &there);
    let home = proxy.directory().join("state");
    let start = doctor(&visited, []).env("XDG_STATE_HOME", home.to_str().unwrap());
    let ran = start.args(&["--live", "--json"]).run();
    assert_eq!(ran.code, Some(21), "{ran:?}");
    let token = step(&in_json(&ran), "token");
    assert_eq!(token["verdict"], "bad", "{token:#}");
    let said = token["said"].as_str().unwrap();
    assert!(said.contains("gave a token for"), "{token:#}");
    assert!(token["remedy"].is_string(), "{token:#}");
}
