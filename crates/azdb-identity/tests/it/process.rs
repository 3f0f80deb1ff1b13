//! What only a process of its own can show: variables that libraries read behind our back.
//!
//! Each test starts this program again with the variables set; the new process runs `in_a_process_of_its_own` alone.

#![expect(clippy::print_stdout, reason = "the new process speaks to its parent")]

use std::path::PathBuf;
use std::process::{Command, Output};

use azdb_identity::{Cloud, Environment, IdentityConfig, Tokens};

use crate::endpoint::{Endpoint, TOKEN, tls};

/// Asks for a token as the proxy does, and prints it.
#[tokio::test]
#[ignore = "started by the other tests"]
async fn in_a_process_of_its_own() {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    log.with_writer(std::io::stderr).init();
    let environment = Environment::of_process();
    let source = environment.get("WANTED_SOURCE").unwrap().parse().unwrap();
    let command = environment.get("WANTED_COMMAND").unwrap_or_default();
    let identity = IdentityConfig {
        source,
        command: command.split('|').map(str::to_owned).collect(),
        token_file: environment.get("WANTED_FILE").map(PathBuf::from),
        ..IdentityConfig::default()
    };
    let tokens = Tokens::new(environment, tls());
    let audience = Cloud::Public.oss_rdbms_audience();
    match tokens.get(&identity, &audience).await {
        Ok(token) => {
            println!("TOKEN {}", token.expose());
            println!("{:?}", tokens.status());
        }
        Err(error) => {
            println!("ERROR {}", error.cause());
            println!("{error:?} {:?}", tokens.status());
        }
    }
}

fn ask(source: &str, variables: &[(&str, &str)]) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "process::in_a_process_of_its_own",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env_clear()
        // Without it Windows gives no sockets.
        .envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)))
        .env("WANTED_SOURCE", source)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// The token came, and nothing was logged or shown that must not be.
fn assert_token(output: &Output) {
    let printed = String::from_utf8_lossy(&output.stdout);
    let token = format!("TOKEN {TOKEN}");
    assert!(printed.contains(&token), "{output:?}");
    assert_nothing_leaks(&printed.replace(&token, ""), output);
}

fn assert_nothing_leaks(printed: &str, output: &Output) {
    let logged = String::from_utf8_lossy(&output.stderr);
    assert!(logged.contains("identity source"), "{logged}");
    for text in [printed, &logged] {
        assert!(
            !text.contains(TOKEN) && !text.contains("the-secret"),
            "{text}"
        );
    }
}

/// The system's shell, and how it is told what to do.
fn shell() -> (String, &'static str) {
    match std::env::var("ComSpec") {
        Ok(cmd) if cfg!(windows) => (cmd, "/d|/c"),
        _ => ("/bin/sh".to_owned(), "-c"),
    }
}

#[test]
fn no_token_is_logged_at_any_level_whatever_it_came_from() {
    let file = std::env::temp_dir().join(format!("azdb-identity-it-{}", std::process::id()));
    std::fs::write(&file, TOKEN).unwrap();
    assert_token(&ask("file", &[("WANTED_FILE", file.to_str().unwrap())]));
    std::fs::remove_file(&file).unwrap();
    let (shell, says) = shell();
    let print = format!("{shell}|{says}|echo {TOKEN}");
    assert_token(&ask("command", &[("WANTED_COMMAND", &print)]));
    let next = if cfg!(windows) { '&' } else { ';' };
    let fail = format!("{shell}|{says}|echo eyJ{TOKEN} >&2{next} exit 1");
    let failed = ask("command", &[("WANTED_COMMAND", &fail)]);
    let printed = String::from_utf8_lossy(&failed.stdout);
    assert!(
        printed.contains(&format!(
            "ERROR the token command `{shell}` ended with code 1: [token]"
        )),
        "{printed}"
    );
    assert_nothing_leaks(&printed, &failed);
    let quote = if cfg!(windows) { "" } else { "'" };
    let garbled = format!("{shell}|{says}|echo {quote}{{\"access_token\": \"{TOKEN}\", }}{quote}");
    let failed = ask("command", &[("WANTED_COMMAND", &garbled)]);
    let printed = String::from_utf8_lossy(&failed.stdout);
    assert!(
        printed.contains("it is not the JSON of a token"),
        "{printed}"
    );
    assert_nothing_leaks(&printed, &failed);
}

#[test]
fn no_proxy_of_the_environment_is_ever_asked() {
    let (endpoint, trap) = (Endpoint::start(), Endpoint::start());
    let mut variables = vec![];
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ] {
        variables.push((name, trap.url.as_str()));
    }
    variables.push(("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint.url.as_str()));
    assert_token(&ask("imds", &variables));
    assert_token(&ask("auto", &variables));
    variables.push(("IDENTITY_ENDPOINT", endpoint.url.as_str()));
    variables.push(("IDENTITY_HEADER", "h"));
    assert_token(&ask("auto", &variables));
    assert_eq!(endpoint.heads().len(), 4, "{:?}", endpoint.heads());
    assert!(trap.heads().is_empty(), "{:?}", trap.heads());
}

#[test]
fn a_named_imds_is_asked_whatever_other_variables_are_set() {
    for others in [
        vec![("MSI_ENDPOINT", "http://127.0.0.1:9")],
        vec![
            ("MSI_ENDPOINT", "http://127.0.0.1:9"),
            ("MSI_SECRET", "the-secret"),
        ],
        vec![
            ("IDENTITY_ENDPOINT", "http://127.0.0.1:9"),
            ("IMDS_ENDPOINT", "http://127.0.0.1:9"),
        ],
        vec![
            ("IDENTITY_ENDPOINT", "http://127.0.0.1:9"),
            ("IDENTITY_HEADER", "the-secret"),
        ],
        vec![
            ("IDENTITY_ENDPOINT", "https://127.0.0.1:9"),
            ("IDENTITY_HEADER", "the-secret"),
            ("IDENTITY_SERVER_THUMBPRINT", "ab"),
        ],
        vec![
            ("IDENTITY_ENDPOINT", ""),
            ("IDENTITY_HEADER", ""),
            ("MSI_ENDPOINT", ""),
        ],
    ] {
        let endpoint = Endpoint::start();
        let mut variables = others.clone();
        variables.push(("AZURE_POD_IDENTITY_AUTHORITY_HOST", &endpoint.url));
        assert_token(&ask("imds", &variables));
        let [head] = endpoint.heads().try_into().unwrap();
        assert!(
            head.starts_with("GET /metadata/identity/oauth2/token?api-version=2018-02-01&"),
            "{head}"
        );
        assert!(
            head.to_ascii_lowercase().contains("\nmetadata: true"),
            "{head}"
        );
        assert!(!head.contains("the-secret"), "{others:?}: {head}");
    }
}

#[test]
fn app_service_is_asked_as_its_own_process_sees_it() {
    let endpoint = Endpoint::start();
    let url = format!("{}/msi/token/", endpoint.url);
    let variables = [
        ("IDENTITY_ENDPOINT", url.as_str()),
        ("IDENTITY_HEADER", "the-secret"),
    ];
    assert_token(&ask("auto", &variables));
    let [head] = endpoint.heads().try_into().unwrap();
    assert!(
        head.starts_with("GET /msi/token/?api-version=2019-08-01&resource="),
        "{head}"
    );
    assert!(
        head.to_ascii_lowercase()
            .contains("\nx-identity-header: the-secret"),
        "{head}"
    );
}
