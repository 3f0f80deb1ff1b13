//! Files that a configuration names, and its own, that change while apps are served.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use azdb_tests::{Azure, Emulated, Identity, Method, Program, Server, Start, binary, token_of};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Puts another version of a config map in the place of the one before, as a kubelet does.
fn publish(directory: &Path, version: &str, files: &[(&str, &str)]) {
    let at = |name: &str| directory.join(name);
    std::fs::create_dir(at(version)).unwrap();
    for (name, content) in files {
        std::fs::write(at(version).join(name), content).unwrap();
        if std::fs::symlink_metadata(at(name)).is_err() {
            symlink(Path::new("..data").join(name), at(name)).unwrap();
        }
    }
    symlink(version, at("..data_tmp")).unwrap();
    std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn a_config_map_that_is_swapped_is_read_again_and_one_with_the_same_content_is_not() {
    let azure = Azure::new();
    let map = TempDir::new().unwrap();
    let configuration = format!("[process]\nlog_level = \"info\"\n{}", azure.route());
    publish(map.path(), "..1", &[("proxy.toml", &configuration)]);
    let file = map.path().join("proxy.toml");
    let proxy = Start::new(&["run", "--config", file.to_str().unwrap()])
        .envs(azure.identity.environment())
        .start();
    publish(map.path(), "..2", &[("proxy.toml", &configuration)]);
    let role = format!("Another {}", Server::number());
    azure.server.add_role(&role, Method::Token, &azure.token);
    let other = configuration.replace(&azure.role, &role);
    publish(map.path(), "..3", &[("proxy.toml", &other)]);
    proxy.log_until("the configuration is in force");
    assert_eq!(proxy.app().query("select current_user"), role);
    assert_eq!(
        proxy
            .log()
            .matches("reading the configuration again")
            .count(),
        1
    );
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn a_password_and_an_authority_that_are_replaced_are_used() {
    let server = Server::shared();
    let user = format!("Rotated {}", Server::number());
    server.add_role(&user, Method::ScramSha256, "the first");
    let directory = TempDir::new().unwrap();
    let (password, ca) = (
        directory.path().join("password"),
        directory.path().join("ca.pem"),
    );
    std::fs::write(&password, "the first\n").unwrap();
    std::fs::set_permissions(&password, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(&ca, azdb_tests::Authority::default().ca_pem()).unwrap();
    let route = format!(
        "[process]\nreload_on_change = false\n[[route]]\nname = \"dev\"\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:0\"\n\
         upstream = \"localhost:{port}\"\nconnect_to = \"127.0.0.1:{port}\"\nupstream_user = {user:?}\n\
         default_database = \"postgres\"\nupstream_auth = \"password\"\nupstream_password_file = {password:?}\n\
         upstream_ca_file = {ca:?}\n",
        port = server.port,
    );
    let proxy = Start::run_with(&route).start();
    let refused = proxy.told();
    assert!(refused.message.contains("certificate"), "{refused:?}");
    std::fs::copy(&server.ca_file, &ca).unwrap();
    assert_eq!(proxy.reload().succeeded(), "reloaded");
    assert_eq!(proxy.app().query("select current_user"), user);

    server.change_secret(&user, "the second");
    let refused = proxy.told();
    assert_eq!(refused.sqlstate, "28P01", "{refused:?}");
    std::fs::write(&password, "the second\n").unwrap();
    assert_eq!(proxy.reload().succeeded(), "reloaded");
    assert_eq!(proxy.app().query("select current_user"), user);
    // One that is gone is a problem, and the one of before is used on.
    std::fs::remove_file(&password).unwrap();
    let refused = proxy.reload();
    assert_eq!(refused.code, Some(78));
    assert!(
        refused.stderr.contains("upstream_password_file"),
        "{refused:?}"
    );
    assert_eq!(proxy.app().query("select current_user"), user);
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn an_identity_that_nobody_uses_any_more_is_dropped_when_its_last_session_has_ended() {
    let azure = Azure::new();
    let token = token_of(0);
    let role = format!("By file {}", Server::number());
    azure.server.add_role(&role, Method::Token, &token);
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, &token).unwrap();
    let by_file = azure.route().replace(&azure.role, &role).replace(
        "[[route]]",
        &format!("[identity]\ntoken_file = {file:?}\n[[route]]"),
    );
    let proxy = azure.start(&azure.route()).start();
    proxy.log_until("token ready");
    let sources = || {
        let status = proxy.admin("/status").body;
        let (_, tokens) = status.split_once("\"tokens\": [").unwrap();
        ["app-service", "file"].map(|source| tokens.contains(&format!("\"source\": \"{source}\"")))
    };
    let mut session = proxy.app().psql().interactive().start();
    session.type_line("select 'in';");
    session.stdout_until(|out| out.contains("in").then_some(()));
    proxy.reload_with(&by_file);
    proxy.log_until_times(2, "token ready");
    assert_eq!(sources(), [true, true], "the session may need it");
    assert_eq!(proxy.app().query("select current_user"), role);
    session.type_line("\\q");
    let _ = session.wait();
    let patience = std::time::Instant::now() + azdb_tests::PATIENCE;
    while sources() != [false, true] {
        assert!(
            std::time::Instant::now() < patience,
            "{}",
            proxy.admin("/status").body
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let asked = azure.identity.endpoint().requests().len();
    assert_eq!(asked, 1);
}

#[test]
fn a_source_that_was_mended_is_asked_at_once() {
    let emulated = Emulated::new();
    let refusal = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
    let identity = emulated.azure.identity();
    identity.set_default(azdb_emulator::Behaviour::status(400, refusal));
    let proxy = emulated.proxy();
    proxy.log_until("no new token");
    identity.set_default(Identity::answer(&token_of(0), 86_400));
    assert_eq!(proxy.reload().succeeded(), "reloaded");
    proxy.log_until("token fetched again");
}

#[test]
fn a_configuration_from_a_pipe_cannot_be_read_again_and_says_so() {
    let emulated = Emulated::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), emulated.route()).unwrap();
    let script = format!(
        "cat '{}' | exec '{}' run --config /dev/stdin",
        file.path().display(),
        binary("azdb-proxy").display()
    );
    let home = TempDir::new().unwrap();
    let [(endpoint, url), (header, secret)] = emulated.environment();
    let process = Program::new("sh")
        .args(["-c", &script])
        .env(endpoint, url)
        .env(header, secret)
        .env("XDG_STATE_HOME", home.path())
        .start();
    process.stderr_until(|log| log.contains("endpoint=Admin").then_some(()));
    let reload = || {
        let reload = Start::new(&["reload"]).env("XDG_STATE_HOME", home.path().to_str().unwrap());
        reload.run()
    };
    let refused = reload();
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains("it is a pipe"), "{refused:?}");
    let _ = Start::new(&["shutdown"])
        .env("XDG_STATE_HOME", home.path().to_str().unwrap())
        .run();
    let _ = process.wait();
}

/// `script` gives the proxy a terminal, which goes when `script` is killed.
#[test]
fn sighup_reloads_at_a_terminal_that_is_there_and_ends_a_proxy_whose_terminal_has_gone() {
    let emulated = Emulated::new();
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("proxy.toml"), emulated.route()).unwrap();
    let command = format!(
        "echo $$ > '{pid}'; exec '{proxy}' run --config '{file}' 2> '{log}'",
        pid = at("pid").display(),
        proxy = binary("azdb-proxy").display(),
        file = at("proxy.toml").display(),
        log = at("log").display(),
    );
    let [(endpoint, url), (header, secret)] = emulated.environment();
    let terminal = Program::new("script")
        .args(["-q", "-c", &command, "/dev/null"])
        .env(endpoint, url)
        .env(header, secret)
        .interactive()
        .start();
    let log_has = |text: &str| {
        let patience = std::time::Instant::now() + azdb_tests::PATIENCE;
        loop {
            let log = std::fs::read_to_string(at("log")).unwrap_or_default();
            if log.contains(text) {
                return;
            }
            assert!(std::time::Instant::now() < patience, "{text}: {log}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    log_has("listening");
    let pid = std::fs::read_to_string(at("pid")).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    log_has("the configuration is in force");
    terminal.signal(Signal::KILL);
    log_has("why=SIGHUP");
}
