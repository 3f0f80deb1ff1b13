//! Where tokens come from, how often, and how long they are used.

use std::os::unix::fs::PermissionsExt;

use azdb_emulator::{Behaviour, EmulatorOptions, Flaw, ManagedIdentity, OSSRDBMS_AUDIENCE};
use azdb_tests::{Azure, Emulated, Fake, RawApp, Start, block_on, closed_port, packets};

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn token_that_the_server_calls_expired_is_replaced_once() {
    let emulated = Emulated::new();
    emulated.azure.issuer().script(1, Flaw::Expired);
    let proxy = emulated.proxy();
    assert_eq!(proxy.app().query("select 1"), "1");
    let refusals: Vec<bool> = emulated
        .azure
        .postgres()
        .logins()
        .iter()
        .map(|login| login.refusal.is_some())
        .collect();
    assert_eq!(refusals, [true, false], "one try with each token");
    assert_eq!(emulated.azure.identity().requests().len(), 2);
    // The new one is kept.
    assert_eq!(proxy.app().query("select 1"), "1");
    assert_eq!(emulated.azure.identity().requests().len(), 2);
}

#[test]
fn server_that_calls_every_token_expired_is_asked_twice() {
    let emulated = Emulated::new();
    emulated.azure.issuer().set_default(Flaw::Expired);
    let proxy = emulated.proxy();
    let mut app = RawApp::connect(proxy.address());
    app.send(&packets::startup(0, &[("user", "anyone")]));
    assert_eq!(app.message().tag, b'E');
    assert_eq!(emulated.azure.postgres().logins().len(), 2);
    assert_eq!(emulated.azure.identity().requests().len(), 2);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn last_good_token_is_used_while_the_endpoint_fails() {
    let azure = Azure::new();
    let broken = Behaviour::status(500, "{}");
    // So short a life is refreshed soon; that fails.
    azure.identity.give_for(&azure.token, 100);
    let proxy = azure.proxy();
    proxy.log_until("token ready");
    azure.identity.endpoint().set_default(broken);
    for _ in 0..3 {
        assert_eq!(proxy.app().query("select current_user"), azure.role);
    }
}

/// The first five answers are no token. With doubled waits between them no login would live to see the sixth.
#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn login_that_waits_gets_in_when_the_endpoint_is_mended() {
    let azure = Azure::new();
    let broken = Behaviour::status(503, "{}");
    azure.identity.endpoint().set_default(broken);
    let configuration = format!("[identity]\nlazy = true\n{}", azure.route());
    let proxy = azure.start(&configuration).start();
    let app = proxy.app();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| app.query("select current_user"));
        while azure.identity.endpoint().requests().len() < 5 {
            assert!(!waiting.is_finished(), "it gave up");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        azure.identity.give(&azure.token);
        assert_eq!(waiting.join().unwrap(), azure.role);
    });
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn token_with_less_than_a_minute_left_is_not_used() {
    let azure = Azure::new();
    azure.identity.give_for(&azure.token, 30);
    let proxy = azure
        .start(&(azure.route() + "login_timeout = \"500ms\"\n"))
        .start();
    let text = "gave a token that ends in";
    proxy.told().assert_is_ours("57P03", text, "clock");
}

#[test]
fn fifty_apps_at_once_cost_one_token_request() {
    let emulated = Emulated::new();
    let configuration = format!("[identity]\nlazy = true\n{}", emulated.route());
    let proxy = emulated
        .start(&configuration)
        .env("AZDB_PROXY_LOG_LEVEL", "debug")
        .start();
    let hold = emulated.azure.identity().hold();
    let mut apps: Vec<RawApp> = (0..50)
        .map(|_| {
            let mut app = RawApp::connect(proxy.address());
            app.send(&packets::startup(0, &[("user", "anyone")]));
            app
        })
        .collect();
    // All of them have said who they are before the one answer comes.
    proxy.log_until_times(50, " startup ");
    drop(hold);
    for app in &mut apps {
        app.until(b'Z');
    }
    assert_eq!(emulated.azure.identity().requests().len(), 1);
    assert_eq!(emulated.azure.postgres().logins().len(), 50);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn lazy_identity_is_first_asked_by_the_first_app() {
    let emulated = Emulated::new();
    let eager = emulated.proxy();
    block_on(emulated.azure.identity().requested(1));
    drop(eager);

    let configuration = format!("[identity]\nlazy = true\n{}", emulated.route());
    let proxy = emulated.start(&configuration).start();
    assert_eq!(emulated.azure.identity().requests().len(), 1);
    assert_eq!(proxy.app().query("select 1"), "1");
    assert_eq!(emulated.azure.identity().requests().len(), 2);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn http_proxy_of_the_environment_is_never_asked() {
    let emulated = Emulated::new();
    let trap = Fake::silent();
    let url = format!("http://{}", trap.address());
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let mut start = emulated.start(&emulated.route());
    for name in names {
        start = start.env(name, &url).env(&name.to_lowercase(), &url);
    }
    let proxy = start.start();
    assert_eq!(proxy.app().query("select 1"), "1");
    assert_eq!(trap.heard().len(), 0);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn app_service_is_asked_as_its_documentation_says() {
    let emulated = Emulated::new();
    let proxy = emulated.proxy();
    assert_eq!(proxy.app().query("select 1"), "1");
    let requests = emulated.azure.identity().requests();
    let request = requests.first().unwrap();
    assert_eq!(request.method, "GET");
    assert_eq!(request.path, "/msi/token");
    assert_eq!(request.parameter("api-version"), Some("2019-08-01"));
    assert_eq!(request.parameter("resource"), Some(OSSRDBMS_AUDIENCE));
    let secret = emulated.azure.identity().secret();
    assert_eq!(request.header("x-identity-header"), Some(secret));
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn user_assigned_identity_is_named_by_client_object_or_resource_id() {
    let mut options = EmulatorOptions::default();
    options
        .identities
        .push(ManagedIdentity::user_assigned("batch-app"));
    let emulated = Emulated::with(options);
    let identity = emulated.azure.identity().identities().last().unwrap();
    for (key, id) in [
        ("client_id", &identity.client_id),
        ("object_id", &identity.object_id),
        ("resource_id", &identity.resource_id),
    ] {
        let route = emulated.route_as("batch-app");
        let configuration = format!("[identity]\n{key} = \"{id}\"\n{route}");
        let proxy = emulated.start(&configuration).start();
        assert_eq!(proxy.app().query("select 1"), "1", "{key}");
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn virtual_machine_is_asked_as_its_documentation_says() {
    let mut options = EmulatorOptions::default();
    options
        .identities
        .push(ManagedIdentity::user_assigned("batch-app"));
    let emulated = Emulated::with(options);
    let endpoint = emulated.azure.identity();
    let base = format!("http://{}", endpoint.address());
    let user_assigned = endpoint.identities().last().unwrap();
    for (role, selector) in [
        ("orders-app", String::new()),
        (
            "batch-app",
            format!("client_id = \"{}\"", user_assigned.client_id),
        ),
        (
            "batch-app",
            format!("object_id = \"{}\"", user_assigned.object_id),
        ),
        (
            "batch-app",
            format!("resource_id = \"{}\"", user_assigned.resource_id),
        ),
    ] {
        let identity = format!("[identity]\nsource = \"imds\"\n{selector}\n");
        let proxy = Start::run_with(&(identity + &emulated.route_as(role)))
            .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", &base)
            .start();
        assert_eq!(proxy.app().query("select 1"), "1", "{selector}");
        let requests = endpoint.requests();
        let request = requests.last().unwrap();
        assert_eq!(request.path, "/metadata/identity/oauth2/token");
        assert_eq!(request.header("metadata"), Some("true"));
        assert_eq!(request.parameter("resource"), Some(OSSRDBMS_AUDIENCE));
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn two_routes_can_have_identities_of_their_own() {
    let mut options = EmulatorOptions::default();
    let batch = ManagedIdentity::user_assigned("batch-app");
    let id = batch.client_id.clone();
    options.identities.push(batch);
    let emulated = Emulated::with(options);
    let map = "user_map = { web = \"orders-app\", batch = { user = \"batch-app\", identity = \"batch\" } }";
    let route = emulated
        .route()
        .replace("upstream_user = \"orders-app\"", map);
    let configuration = format!("{route}\n[identities.batch]\nclient_id = \"{id}\"\n");
    let proxy = emulated.start(&configuration).start();
    for user in ["web", "batch"] {
        let app = proxy.app().told("PGUSER", user);
        assert_eq!(app.query("select 1"), "1", "{user}");
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn command_and_file_give_tokens() {
    let azure = Azure::new();
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("token");
    let expires = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    let expires = expires
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let json = serde_json::json!({ "access_token": azure.token, "expires_on": expires });
    for text in [json.to_string(), azure.token.clone()] {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        for identity in [
            format!("token_file = {file:?}"),
            format!("command = [\"cat\", {file:?}]"),
        ] {
            let configuration = format!("[identity]\n{identity}\n{}", azure.route());
            let proxy = Start::run_with(&configuration).start();
            assert_eq!(proxy.app().query("select current_user"), azure.role);
        }
    }
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn require_ready_serves_nobody_without_a_token() {
    let emulated = Emulated::new();
    let start = |configuration: &str| emulated.start(configuration).arg("--require-ready");
    let ready = start(&emulated.route()).start();
    assert_eq!(ready.app().query("select 1"), "1");
    drop(ready);

    // A "no" ends the start.
    let identity = "[identity]\nclient_id = \"00000000-0000-0000-0000-00000000dead\"\n";
    let (process, _directory) = start(&format!("{identity}{}", emulated.route())).launch();
    let ran = process.wait();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("no token"), "{ran:?}");
}

#[test]
fn signal_ends_the_wait_for_the_first_token() {
    let emulated = Emulated::new();
    let endpoint = format!("http://127.0.0.1:{}/msi/token", closed_port());
    let (process, _directory) = emulated
        .start(&emulated.route())
        .arg("--require-ready")
        .env("IDENTITY_ENDPOINT", &endpoint)
        .launch();
    process.stderr_until(|log| log.contains("no new token").then_some(()));
    process.signal(rustix::process::Signal::TERM);
    assert_eq!(process.wait().code, Some(0));
}
