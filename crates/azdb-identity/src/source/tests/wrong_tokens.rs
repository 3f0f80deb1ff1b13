//! Tokens that no database must ever see, from every source.

use std::time::Duration;

use serde_json::{Value, json};

use super::each::ask_each;
use super::endpoint::{Endpoint, Reply, Seen};
use super::{Scratch, around, audience, epoch, fetch, of, refused};
use crate::answer::Grant;
use crate::token::tests::jwt;
use crate::{IdentityConfig, SourceKind, TokenError};

/// What every source makes of `token`: those that ask over HTTP, programs and a file.
async fn from_each(token: &str) -> Vec<(SourceKind, Result<Grant, TokenError>)> {
    let answer = json!({
        "access_token": token, "expires_in": 3600, "expires_on": epoch(Duration::from_secs(3600)),
    });
    let body = answer.clone();
    let reply = move |_: &Seen| Reply::json(200, &body);
    let mut asked = ask_each(async |way| Endpoint::of(way, reply.clone()).await).await;
    let scratch = Scratch::new("wrong-tokens");
    let file = scratch.file("answer", answer.to_string());
    for (name, source) in [
        ("az", SourceKind::AzureCli),
        ("azd", SourceKind::AzureDeveloperCli),
        ("pwsh", SourceKind::AzurePowershell),
        ("token", SourceKind::Command),
        ("", SourceKind::File),
    ] {
        if cfg!(not(unix)) && source != SourceKind::File {
            continue;
        }
        let program = program(&scratch, name, &format!("cat '{}'", file.display()));
        let path = format!("{}:/usr/bin:/bin", scratch.path().display());
        let identity = IdentityConfig {
            command: vec![program],
            token_file: Some(file.clone()),
            ..of(source)
        };
        let outcome = fetch(&identity, &around([("PATH", path.as_str())])).await;
        asked.push((source, outcome));
    }
    asked
}

#[cfg(unix)]
fn program(scratch: &Scratch, name: &str, script: &str) -> String {
    match name {
        "" => String::new(),
        name => scratch.program(name, script),
    }
}

#[cfg(not(unix))]
fn program(_: &Scratch, _: &str, _: &str) -> String {
    String::new()
}

fn token_for(aud: &Value) -> String {
    jwt(&json!({"aud": aud, "exp": epoch(Duration::from_secs(3600))}))
}

#[tokio::test]
async fn no_source_gives_a_token_for_another_audience() {
    let other = "https://management.azure.com/";
    for (source, outcome) in from_each(&token_for(&json!(other))).await {
        let error = refused(outcome);
        let wanted = audience();
        let said =
            format!("gave a token for `{other}`, and the database takes those for `{wanted}`");
        assert!(
            error.cause().ends_with(&said),
            "{source}: {}",
            error.cause()
        );
        assert!(error.remedy().contains("`audience`"), "{}", error.remedy());
        assert!(!error.is_transient());
    }
    let slash = json!(format!("{}/", audience()));
    for aud in [
        slash,
        json!("123cd850-d9df-40bd-94d5-c9f07b7fa203"),
        Value::Null,
    ] {
        for (source, outcome) in from_each(&token_for(&aud)).await {
            assert!(outcome.is_ok(), "{source}: {aud}");
        }
    }
    for (source, outcome) in from_each("opaque").await {
        assert!(
            outcome.is_ok(),
            "{source}: what says nothing is the database's to judge"
        );
    }
}

#[tokio::test]
async fn no_source_gives_a_token_that_a_protocol_or_a_log_would_cut() {
    for (stray, what) in [
        ("a\0b", "a NUL"),
        ("a\rb", "a line break"),
        ("a\nb", "a line break"),
        ("a b", "a space"),
    ] {
        for (source, outcome) in from_each(stray).await {
            let error = refused(outcome);
            let said = format!("gave a token with {what} in it");
            assert!(
                error.cause().ends_with(&said),
                "{source}: {}",
                error.cause()
            );
            assert!(!error.remedy().is_empty());
        }
    }
}
