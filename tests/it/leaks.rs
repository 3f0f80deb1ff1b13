//! Nothing that the proxy writes has a token or a password in it, not even at TRACE.

use std::fs;
use std::path::Path;

use azdb_emulator::{Behaviour, Flaw};
use azdb_tests::{Azure, Emulated, Identity, every_piece_of, find_leak, token_of};

const PASSWORD: &str = "correct horse battery staple";

/// The most that a configuration can ask for: the libraries that speak with identity endpoints included.
const TRACE: &str = "trace,azure_core=trace,azure_identity=trace";

/// Every file below a directory, as text.
fn everything_in(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            everything_in(&path, text);
        } else if path.is_file() {
            text.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap()));
        }
    }
}

/// How `{:?}` shows bytes, in decimal.
fn as_numbers(bytes: &[u8]) -> String {
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    numbers.join(", ")
}

#[track_caller]
fn assert_silent(written: &str, token: &str) {
    let mut secrets = every_piece_of(token);
    assert!(secrets.len() > 1000, "{} pieces", secrets.len());
    secrets.push(PASSWORD);
    let numbers: Vec<String> = token
        .as_bytes()
        .windows(12)
        .skip(200)
        .map(as_numbers)
        .collect();
    secrets.extend(numbers.iter().map(String::as_str));
    let leak = find_leak(written, &secrets);
    assert_eq!(leak, None, "what stands before it in its line");
}

#[test]
#[cfg_attr(not(has_postgres), ignore = "no PostgreSQL: see scripts/test")]
fn login_at_trace_writes_neither_token_nor_password() {
    for format in ["text", "json"] {
        let azure = Azure::new();
        let process = format!("[process]\nlog_level = \"{TRACE}\"\nlog_format = \"{format}\"\n");
        let start = azure.start(&(process + &azure.route()));
        let directory = start.directory();
        let proxy = start.start();
        let app = proxy.app().told("PGPASSWORD", PASSWORD);
        assert_eq!(app.query("select current_user"), azure.role);
        let tls = app.told("PGSSLMODE", "require");
        assert_eq!(tls.query("select current_user"), azure.role);
        // A login that fails at the very step, too.
        azure.server.change_secret(&azure.role, "another token");
        let _ = tls.sql("select 1").failed();
        // It says what it does, and how long the token is.
        proxy.log_until("sending the token");
        proxy.log_until(&azure.token.len().to_string());
        proxy.signal(rustix::process::Signal::TERM);
        let mut written = String::new();
        everything_in(&directory, &mut written);
        assert!(written.contains("BEGIN CERTIFICATE"), "the state directory");
        let ran = proxy.wait();
        assert_silent(&(written + &ran.stdout + &ran.stderr), &azure.token);
        assert!(ran.stderr.contains("TRACE"), "at TRACE indeed");
    }
}

#[test]
fn failures_of_every_kind_at_trace_write_no_token() {
    let token = token_of(3000);
    let error = format!("{{\"error\":\"odd\",\"error_description\":\"you sent {token}\"}}");
    let odd = format!("{{\"acces_token\":\"{token}\"}}");
    for behaviour in [
        Behaviour::status(400, &error),
        Behaviour::status(500, &token),
        Behaviour::status(200, &odd),
        Behaviour::status(200, &format!("\"{token}\"")),
        Identity::answer(&format!("{token} "), 3600),
        Identity::answer(&format!("{token}\u{0}x"), 3600),
        Identity::answer(&token, 10),
    ] {
        let emulated = Emulated::new();
        emulated.azure.identity().set_default(behaviour);
        let process = format!("[process]\nlog_level = \"{TRACE}\"\n");
        let limit = "login_timeout = \"200ms\"\n";
        let configuration = format!("{process}{}{limit}", emulated.route());
        let proxy = emulated.start(&configuration).start();
        let told = format!("{:?}", proxy.told());
        let directory = proxy.directory().to_owned();
        let mut written = String::new();
        everything_in(&directory, &mut written);
        let ran = proxy.stop();
        assert_silent(&(told + &written + &ran.stdout + &ran.stderr), &token);
    }
}

#[test]
fn replaced_token_is_written_nowhere() {
    let emulated = Emulated::new();
    emulated.azure.issuer().set_default(Flaw::Expired);
    let trace = emulated.start(&emulated.route());
    let proxy = trace.env("AZDB_PROXY_LOG_LEVEL", TRACE).start();
    let _ = proxy.told();
    let ran = proxy.stop();
    // The emulator's tokens are not ours to know; but all of them begin alike.
    assert!(!ran.stderr.contains("eyJ"), "{}", ran.stderr);
    assert!(ran.stderr.contains("token expired"), "{}", ran.stderr);
}
