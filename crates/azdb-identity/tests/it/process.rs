//! What only a process of its own can show: variables that libraries read behind our back.
//!
//! Each test starts this program again with the variables set; the new process runs `in_a_process_of_its_own` alone.

#![expect(clippy::print_stdout, reason = "the new process speaks to its parent")]

use std::process::{Command, Output};

use azdb_identity::{Cloud, Environment, IdentityConfig, Tokens};

use crate::endpoint::{Endpoint, TOKEN, tls};

/// Asks for a token as the proxy does, and prints it.
#[tokio::test]
#[ignore = "started by the other tests"]
async fn in_a_process_of_its_own() {
    let environment = Environment::of_process();
    let source = environment.get("WANTED_SOURCE").unwrap().parse().unwrap();
    let identity = IdentityConfig {
        source,
        ..IdentityConfig::default()
    };
    let tokens = Tokens::new(environment, tls());
    let audience = Cloud::Public.oss_rdbms_audience();
    match tokens.get(&identity, &audience).await {
        Ok(token) => println!("TOKEN {}", token.expose()),
        Err(error) => println!("ERROR {}", error.cause()),
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
        .env("WANTED_SOURCE", source)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn assert_token(output: &Output) {
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains(&format!("TOKEN {TOKEN}")), "{output:?}");
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
