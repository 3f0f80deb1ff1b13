//! The agent of an Azure Arc machine, with its challenge.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::endpoint::{Endpoint, Reply, Seen};
use super::{
    CLIENT_ID, OBJECT_ID, RESOURCE_ID, Scratch, around, epoch, fetch, of, refused, token_of,
};
use crate::answer::Grant;
use crate::{IdentityConfig, Selector, SourceKind, TokenError};

const KEY: &str = "c2VjcmV0IG9mIHRoZSBhZ2VudA";

/// An agent whose challenge names `realm`; it gives the machine's own identity to whoever knows the key.
async fn agent(realm: impl Into<String>) -> Endpoint {
    let realm = realm.into();
    Endpoint::http(move |seen: &Seen| {
        if seen.header("authorization") != Some(&format!("Basic {KEY}")) {
            return Reply::text(401, "").with("WWW-Authenticate", format!("Basic realm={realm}"));
        }
        Reply::json(
            200,
            &json!({
                "access_token": token_of(CLIENT_ID, OBJECT_ID, RESOURCE_ID),
                "expires_in": "86399",
                "expires_on": epoch(Duration::from_secs(86_399)).to_string(),
                "not_before": "0",
                "resource": "https://ossrdbms-aad.database.windows.net",
                "token_type": "Bearer",
            }),
        )
    })
    .await
}

async fn ask(
    agent: &Endpoint,
    keys: &Scratch,
    selector: Option<Selector>,
) -> Result<Grant, TokenError> {
    let url = format!("{}/metadata/identity/oauth2/token", agent.url);
    let imds = format!("{}/", agent.url);
    let mut around = around([
        ("IDENTITY_ENDPOINT", url.as_str()),
        ("IMDS_ENDPOINT", imds.as_str()),
    ]);
    around.arc_keys = keys.path().to_owned();
    let identity = IdentityConfig {
        selector,
        ..of(SourceKind::Auto)
    };
    fetch(&identity, &around).await
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_challenge_is_answered_with_the_key_file() {
    let keys = Scratch::new("arc-challenge");
    let agent = agent(shown(&keys.file("a.key", format!("{KEY}\n")))).await;
    ask(&agent, &keys, None).await.ok().unwrap();
    let [first, second] = agent.seen().try_into().unwrap();
    assert_eq!(first.header("metadata"), Some("true"));
    assert_eq!(first.header("authorization"), None);
    assert_eq!(first.query("api-version"), Some("2020-06-01"));
    assert_eq!(
        first.query("resource"),
        Some("https://ossrdbms-aad.database.windows.net")
    );
    assert_eq!(second.query, first.query);
    assert_eq!(second.header("metadata"), Some("true"));
}

#[tokio::test]
async fn only_a_key_file_of_the_agent_is_ever_sent() {
    let (keys, elsewhere) = (Scratch::new("arc-keys"), Scratch::new("arc-elsewhere"));
    std::fs::create_dir_all(keys.path().join("below")).unwrap();
    let inside = keys.path().to_str().unwrap();
    let tricks = [
        shown(&elsewhere.file("a.key", KEY)),
        shown(&keys.file("a.txt", KEY)),
        shown(&keys.file("below/a.key", KEY)),
        format!(
            "{inside}/../{}/a.key",
            elsewhere.path().file_name().unwrap().to_str().unwrap()
        ),
        "/etc/passwd".to_owned(),
        "a.key".to_owned(),
        String::new(),
    ];
    for trick in tricks {
        let agent = agent(trick.clone()).await;
        let error = refused(ask(&agent, &keys, None).await);
        assert!(
            error.cause().contains("not a key file in"),
            "{trick}: {}",
            error.cause()
        );
        assert_eq!(agent.seen().len(), 1, "{trick}");
    }
}

#[tokio::test]
async fn a_key_file_that_is_too_long_is_not_sent() {
    let keys = Scratch::new("arc-long");
    let agent = agent(shown(&keys.file("a.key", "k".repeat(4097)))).await;
    let error = refused(ask(&agent, &keys, None).await);
    assert!(
        error.cause().contains("longer than 4096"),
        "{}",
        error.cause()
    );
    assert_eq!(agent.seen().len(), 1);
}

#[tokio::test]
async fn a_key_file_that_cannot_be_read_names_the_file() {
    let keys = Scratch::new("arc-missing");
    let agent = agent(shown(&keys.path().join("gone.key"))).await;
    let error = refused(ask(&agent, &keys, None).await);
    assert!(error.cause().contains("gone.key"), "{}", error.cause());
    assert!(error.remedy().contains("himds"), "{}", error.remedy());
}

#[tokio::test]
async fn another_challenge_is_an_error() {
    let keys = Scratch::new("arc-digest");
    let agent =
        Endpoint::http(|_| Reply::text(401, "").with("WWW-Authenticate", "Digest realm=x")).await;
    let error = refused(ask(&agent, &keys, None).await);
    assert!(
        error.cause().contains("no `WWW-Authenticate: Basic realm"),
        "{}",
        error.cause()
    );
}

#[tokio::test]
async fn a_refused_key_names_the_group() {
    let keys = Scratch::new("arc-refused");
    let agent = agent(shown(&keys.file("a.key", "another key"))).await;
    let error = refused(ask(&agent, &keys, None).await);
    assert!(error.cause().contains("answered 401"), "{}", error.cause());
    assert!(
        error.remedy().contains("group `himds`"),
        "{}",
        error.remedy()
    );
}

#[tokio::test]
async fn an_agent_that_ignores_the_wanted_identity_is_an_error() {
    let keys = Scratch::new("arc-other");
    let agent = agent(shown(&keys.file("a.key", KEY))).await;
    let wanted = Selector::ClientId("wanted".to_owned());
    let error = refused(ask(&agent, &keys, Some(wanted)).await);
    assert!(
        error.cause().contains("another identity"),
        "{}",
        error.cause()
    );
    assert_eq!(agent.seen()[0].query("client_id"), Some("wanted"));
}

#[tokio::test]
async fn an_agent_that_does_not_name_its_identity_is_not_believed() {
    let keys = Scratch::new("arc-unnamed");
    let agent = Endpoint::http(|_| {
        Reply::json(200, &json!({"access_token": "opaque", "expires_in": 3600}))
    });
    let agent = agent.await;
    assert!(ask(&agent, &keys, None).await.is_ok());
    let wanted = Selector::ClientId(CLIENT_ID.to_owned());
    let error = refused(ask(&agent, &keys, Some(wanted)).await);
    assert!(
        error.cause().contains("one that the answer does not name"),
        "{}",
        error.cause()
    );
}

#[tokio::test]
async fn the_wanted_identity_is_taken_when_the_agent_names_it() {
    let keys = Scratch::new("arc-named");
    let agent = agent(shown(&keys.file("a.key", KEY))).await;
    let wanted = Selector::ClientId(CLIENT_ID.to_owned());
    assert!(ask(&agent, &keys, Some(wanted)).await.is_ok());
}
