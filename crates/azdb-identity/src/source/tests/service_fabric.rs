//! The endpoint of a Service Fabric node, trusted by its thumbprint.

use std::time::Duration;

use aws_lc_rs::digest;
use serde_json::json;

use super::endpoint::{Endpoint, Reply, Seen};
use super::{CLIENT_ID, OBJECT_ID, RESOURCE_ID, around, epoch, fetch, of, refused, token_of};
use crate::answer::Grant;
use crate::{IdentityConfig, Selector, SourceKind, TokenError};

fn answer(_: &Seen) -> Reply {
    Reply::json(
        200,
        &json!({
            "token_type": "Bearer",
            "access_token": token_of(CLIENT_ID, OBJECT_ID, RESOURCE_ID),
            "expires_on": epoch(Duration::from_secs(86_400)),
            "resource": "https://ossrdbms-aad.database.windows.net",
        }),
    )
}

fn thumbprint(endpoint: &Endpoint) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, endpoint.certificate());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

async fn ask(endpoint: &Endpoint, thumbprint: &str) -> Result<Grant, TokenError> {
    // The node's own name for itself is an address that no certificate has.
    let url = endpoint.url.replace("localhost", "127.0.0.1") + "/metadata/identity/oauth2/token";
    let around = around([
        ("IDENTITY_ENDPOINT", url.as_str()),
        ("IDENTITY_HEADER", "the-secret"),
        ("IDENTITY_SERVER_THUMBPRINT", thumbprint),
        ("AZURE_CLIENT_ID", "not-for-service-fabric"),
    ]);
    fetch(&of(SourceKind::Auto), &around).await
}

#[tokio::test]
async fn the_endpoint_is_trusted_by_its_thumbprint() {
    let endpoint = Endpoint::https(answer).await;
    ask(&endpoint, &thumbprint(&endpoint)).await.ok().unwrap();
    let seen = endpoint.only();
    assert_eq!(seen.header("secret"), Some("the-secret"));
    assert_eq!(seen.query("api-version"), Some("2019-07-01-preview"));
    assert_eq!(
        seen.query("resource"),
        Some("https://ossrdbms-aad.database.windows.net")
    );
    assert_eq!(seen.query.len(), 2, "{seen:?}");
}

#[tokio::test]
async fn another_certificate_gets_no_secret() {
    let (endpoint, other) = (Endpoint::https(answer).await, Endpoint::https(answer).await);
    let error = refused(ask(&endpoint, &thumbprint(&other)).await);
    assert!(error.cause().contains("TLS handshake"), "{}", error.cause());
    assert!(!error.is_transient());
    assert!(endpoint.seen().is_empty());
}

#[tokio::test]
async fn a_bad_thumbprint_or_a_plain_endpoint_is_refused() {
    let endpoint = Endpoint::https(answer).await;
    let error = refused(ask(&endpoint, "not a thumbprint").await);
    assert!(
        error.cause().contains("IDENTITY_SERVER_THUMBPRINT"),
        "{}",
        error.cause()
    );
    let plain = Endpoint::http(answer).await;
    let error = refused(ask(&plain, &"ab".repeat(20)).await);
    assert!(
        error.cause().contains("not an https URL"),
        "{}",
        error.cause()
    );
    assert!(plain.seen().is_empty());
}

#[tokio::test]
async fn an_application_without_identity_is_said() {
    let endpoint = Endpoint::https(|_| {
        let error = json!({"correlationId": "c", "code": "ManagedIdentityNotFound", "message": "Managed identity not found."});
        Reply::json(404, &json!({ "error": error }))
    });
    let endpoint = endpoint.await;
    let error = refused(ask(&endpoint, &thumbprint(&endpoint)).await);
    assert!(
        error
            .cause()
            .contains("ManagedIdentityNotFound: Managed identity not found."),
        "{}",
        error.cause()
    );
    assert!(!error.is_transient(), "its 404 is no update");
}

#[tokio::test]
async fn choosing_an_identity_is_refused_before_anything_is_asked() {
    let selector = Some(Selector::ClientId(CLIENT_ID.to_owned()));
    let identity = IdentityConfig {
        selector,
        ..of(SourceKind::ServiceFabric)
    };
    let error = refused(fetch(&identity, &around([])).await);
    assert!(
        error.cause().contains("exactly one identity"),
        "{}",
        error.cause()
    );
}
