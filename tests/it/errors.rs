//! What an app reads when it is not let in: code, cause and remedy, as psql shows them.

use azdb_emulator::{Behaviour, DEFAULT_ROLE, Flaw, Refusal as Refused};
use azdb_tests::{Azure, Emulated, Fake, Proxy, RawApp, Start, closed_port};

/// A proxy before the emulator, with this in place of one line of its route.
fn emulated_with(from: &str, to: &str) -> (Emulated, Proxy) {
    let emulated = Emulated::new();
    let route = emulated.route();
    assert!(route.contains(from), "{route}");
    let proxy = emulated.start(&route.replace(from, to)).start();
    (emulated, proxy)
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn identity_endpoint_that_is_down() {
    let emulated = Emulated::new();
    let endpoint = format!("http://127.0.0.1:{}", closed_port());
    // It may come back, so the app waits; it must read why, and not only that it took too long.
    let proxy = emulated
        .start(&(emulated.route() + "login_timeout = \"500ms\"\n"))
        .env("IDENTITY_ENDPOINT", &format!("{endpoint}/msi/token"))
        .start();
    let refusal = proxy.refusal();
    refusal.assert_is_ours("57P03", &endpoint, "check IDENTITY_ENDPOINT");
    assert!(refusal.message.contains("refused"), "{refusal:?}");
    assert!(emulated.azure.postgres().logins().is_empty());
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn identity_that_is_not_found() {
    let emulated = Emulated::new();
    let identity = "[identity]\nclient_id = \"00000000-0000-0000-0000-00000000dead\"\n";
    let proxy = emulated
        .start(&format!("{identity}{}", emulated.route()))
        .start();
    let refusal = proxy.refusal();
    let asked =
        "(asked for client_id `00000000-0000-0000-0000-00000000dead` from the configuration)";
    refusal.assert_is_ours(
        "28000",
        asked,
        "assign the identity to this app, or correct `client_id`",
    );
    assert!(emulated.azure.postgres().logins().is_empty());
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn identity_endpoint_that_answers_nonsense() {
    let emulated = Emulated::new();
    let page = Behaviour::status(200, "<html>log in to the hotel's network</html>");
    emulated.azure.identity().set_default(page);
    let proxy = emulated.proxy();
    let hint = "something other than the identity endpoint may have answered";
    proxy
        .refusal()
        .assert_is_ours("28000", "no usable answer", hint);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn token_that_stays_expired() {
    let emulated = Emulated::new();
    emulated.azure.issuer().set_default(Flaw::Expired);
    let proxy = emulated.proxy();
    let refusal = proxy.refusal();
    assert_eq!(refusal.sqlstate, "28000");
    let theirs = "The access token has expired. Please acquire a new token and retry.";
    assert_eq!(refusal.message, theirs, "the server's own words");
    assert!(refusal.hint.unwrap().contains("clock"));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn token_for_another_audience_is_shown_to_no_database() {
    let emulated = Emulated::new();
    emulated.azure.issuer().set_default(Flaw::WrongAudience);
    let proxy = emulated.proxy();
    let text = "gave a token for `https://management.azure.com/`, and the database takes those for \
                `https://ossrdbms-aad.database.windows.net`";
    let hint = "check the route's `audience`";
    proxy.refusal().assert_is_ours("28000", text, hint);
    assert!(emulated.azure.postgres().logins().is_empty());
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn audience_that_the_tenant_does_not_know() {
    let (_emulated, proxy) = emulated_with(
        "protocol",
        "audience = \"https://databases.example.org\"\nprotocol",
    );
    let hint = "check the cloud, the tenant and `audience`";
    proxy
        .refusal()
        .assert_is_ours("28000", "AADSTS500011", hint);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn role_that_is_mapped_to_no_identity() {
    let (_emulated, proxy) = emulated_with(DEFAULT_ROLE, "Orders-App");
    let refusal = proxy.refusal();
    let text = "role \"Orders-App\" is not mapped to a Microsoft Entra principal on this server";
    refusal.assert_is_ours("28000", text, "pgaadauth_list_principals");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn token_that_the_server_does_not_take_for_the_role() {
    let azure = Azure::new();
    azure.server.change_secret(&azure.role, "another token");
    let proxy = azure.proxy();
    let refusal = proxy.refusal();
    assert_eq!(refusal.sqlstate, "28P01");
    let theirs = format!("password authentication failed for user \"{}\"", azure.role);
    assert_eq!(refusal.message, theirs);
    assert!(
        refusal
            .hint
            .unwrap()
            .starts_with("azdb-proxy: the role is not mapped to this identity")
    );
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn database_that_the_app_did_not_name() {
    let azure = Azure::new();
    let route = azure
        .route()
        .replace("default_database", "# default_database");
    let proxy = azure.start(&route).start();
    let app = proxy.app().told("PGUSER", "bob").not_told("PGDATABASE");
    let ran = app.sql("select 1");
    let shown = ran.failed();
    assert!(shown.contains("database \"bob\" does not exist"), "{shown}");
    assert!(
        shown.contains("HINT:  azdb-proxy: name a database"),
        "{shown}"
    );
    assert!(shown.contains("set default_database"), "{shown}");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn name_without_an_address() {
    let (emulated, proxy) = emulated_with("connect_to", "# connect_to");
    let no_such_host = emulated
        .route()
        .replace("localhost", "no-such-host.invalid");
    drop(proxy);
    let proxy = emulated
        .start(&no_such_host.replace("connect_to", "# connect_to"))
        .start();
    let text = "cannot resolve `no-such-host.invalid`";
    proxy.refusal().assert_is_ours("57P03", text, "DNS");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn server_that_refuses_connections() {
    let emulated = Emulated::new();
    let port = emulated.azure.postgres().address().port();
    let elsewhere = closed_port();
    let route = emulated
        .route()
        .replace(&port.to_string(), &elsewhere.to_string());
    let proxy = emulated.start(&(route + "hold_logins = false\n")).start();
    let text =
        format!("cannot connect to `localhost:{elsewhere}` at 127.0.0.1: Connection refused");
    proxy.refusal().assert_is_ours("57P03", &text, "firewall");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn certificate_of_another_name() {
    let (emulated, proxy) = emulated_with("\"localhost:", "\"orders.example.org:");
    let text = "cannot trust upstream `orders.example.org`";
    let hint = "write the upstream by a name that its certificate carries";
    proxy.refusal().assert_is_ours("08006", text, hint);
    assert!(emulated.azure.postgres().logins().is_empty());
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn server_that_takes_connections_and_says_nothing() {
    let silent = Fake::silent();
    let emulated = Emulated::new();
    let port = emulated.azure.postgres().address().port();
    let route = emulated
        .route()
        .replace(&port.to_string(), &silent.address().port().to_string());
    let proxy = emulated
        .start(&(route + "login_timeout = \"1s\"\n"))
        .start();
    proxy.log_until("token ready");
    let text = format!(
        "`localhost:{}` at 127.0.0.1 took the connection and has not answered in 1s: waiting for its answer to the request for TLS",
        silent.address().port()
    );
    proxy
        .refusal()
        .assert_is_ours("57P03", &text, "login_timeout");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn identity_endpoint_that_never_answers() {
    let emulated = Emulated::new();
    emulated.azure.identity().set_default(Behaviour::Hang);
    let proxy = emulated
        .start(&(emulated.route() + "login_timeout = \"300ms\"\n"))
        .start();
    let text = "no token: the App Service identity endpoint has not answered for ";
    proxy
        .told()
        .assert_is_ours("57P03", text, "check IDENTITY_ENDPOINT");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn every_session_of_the_route_is_taken() {
    let emulated = Emulated::new();
    let proxy = emulated
        .start(&(emulated.route() + "max_connections = 1\n"))
        .start();
    let mut first = RawApp::connect(proxy.address());
    first.log_in("anyone");
    let refusal = proxy.refusal();
    refusal.assert_is_ours("57P03", "all 1 connections", "raise max_connections");
    first.leave();
    proxy.log_until("session ended");
    assert_eq!(proxy.app().query("select 1"), "1");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn server_with_too_many_clients_is_quoted() {
    let emulated = Emulated::new();
    let proxy = emulated
        .start(&(emulated.route() + "hold_logins = false\n"))
        .start();
    let full = Refused::new("53300", "sorry, too many clients already");
    // psql tries again without TLS when it was refused over it.
    emulated.azure.postgres().refuse(3, &full);
    let refusal = proxy.refusal();
    assert_eq!(refusal.sqlstate, full.sqlstate);
    assert_eq!(refusal.message, full.message);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn user_that_is_not_in_user_map() {
    let (_emulated, proxy) = emulated_with("upstream_user = ", "user_map.legacy = ");
    let hint = "add the user to user_map";
    let refusal = proxy.refusal();
    refusal.assert_is_ours("28000", "user `anyone` is not in user_map", hint);
    let known = proxy.app().told("PGUSER", "legacy");
    assert_eq!(known.query("select 1"), "1");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn token_that_is_longer_than_a_server_reads() {
    let azure = Azure::new();
    // PostgreSQL takes 65,530 bytes and drops the connection at one more.
    azure.identity.give(&azdb_tests::token_of(65_600));
    let proxy = azure.proxy();
    let hint = "tokens grow with group memberships";
    proxy
        .refusal()
        .assert_is_ours("28000", "cannot send the secret", hint);
}

#[test]
fn upstream_that_is_the_proxy_itself() {
    let emulated = Emulated::new();
    let route = |listen: u16, upstream: u16| {
        format!(
            "[[route]]\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:{listen}\"\nupstream = \"localhost:{upstream}\"\n\
             connect_to = \"127.0.0.1:{upstream}\"\nupstream_ca_file = {:?}\nupstream_user = \"x\"\n",
            emulated.ca_file()
        )
    };
    let port = closed_port();
    let refused = Start::command("check", &route(port, port)).run();
    assert_eq!(refused.code, Some(78), "{refused:?}");
}
