//! App Service, Container Apps and IMDS.

use std::time::Duration;

use serde_json::json;

use super::endpoint::{Endpoint, Reply, Seen};
use super::{CLIENT_ID, OBJECT_ID, RESOURCE_ID, around, epoch, fetch, of, token_of};
use crate::{IdentityConfig, Selector, SourceKind};

pub(super) const SECRET: &str = "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a";

fn selecting(source: SourceKind, selector: Selector) -> IdentityConfig {
    IdentityConfig {
        selector: Some(selector),
        ..of(source)
    }
}

/// As the documentation of App Service shows it: `expires_on` is text.
fn app_service_answer(_: &Seen) -> Reply {
    Reply::json(
        200,
        &json!({
            "access_token": token_of(CLIENT_ID, OBJECT_ID, RESOURCE_ID),
            "client_id": CLIENT_ID,
            "expires_on": epoch(Duration::from_secs(86_400)).to_string(),
            "not_before": epoch(Duration::ZERO).to_string(),
            "resource": "https://ossrdbms-aad.database.windows.net",
            "token_type": "Bearer",
        }),
    )
}

/// As the documentation of IMDS shows it.
pub(super) fn imds_answer(_: &Seen) -> Reply {
    Reply::json(
        200,
        &json!({
            "access_token": token_of(CLIENT_ID, OBJECT_ID, RESOURCE_ID),
            "client_id": CLIENT_ID,
            "refresh_token": "",
            "expires_in": "86399",
            "refresh_in": "43199",
            "expires_on": epoch(Duration::from_secs(86_399)).to_string(),
            "not_before": "0",
            "resource": "https://ossrdbms-aad.database.windows.net/",
            "token_type": "Bearer",
        }),
    )
}

pub(super) async fn ask_app_service(
    identity: IdentityConfig,
    endpoint: &Endpoint,
) -> Result<String, String> {
    let url = format!("{}/msi/token", endpoint.url);
    let around = around([
        ("IDENTITY_ENDPOINT", url.as_str()),
        ("IDENTITY_HEADER", SECRET),
    ]);
    let outcome = fetch(&identity, &around).await;
    outcome
        .map(|grant| grant.token.expose().to_owned())
        .map_err(|error| format!("{} / {}", error.cause(), error.remedy()))
}

pub(super) async fn ask_imds(
    identity: IdentityConfig,
    endpoint: &Endpoint,
) -> Result<String, String> {
    let around = around([("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint.url.as_str())]);
    let outcome = fetch(&identity, &around).await;
    outcome
        .map(|grant| grant.token.expose().to_owned())
        .map_err(|error| format!("{} / {}", error.cause(), error.remedy()))
}

#[tokio::test]
async fn app_service_is_asked_for_the_system_assigned_identity() {
    let endpoint = Endpoint::http(app_service_answer).await;
    ask_app_service(of(SourceKind::AppService), &endpoint)
        .await
        .unwrap();
    let seen = endpoint.only();
    assert_eq!(
        (seen.method.as_str(), seen.path.as_str()),
        ("GET", "/msi/token")
    );
    assert_eq!(seen.header("x-identity-header"), Some(SECRET));
    assert_eq!(seen.query("api-version"), Some("2019-08-01"));
    assert_eq!(
        seen.query("resource"),
        Some("https://ossrdbms-aad.database.windows.net")
    );
    assert_eq!(seen.query.len(), 2, "{seen:?}");
}

#[tokio::test]
async fn app_service_is_asked_by_its_own_parameter_names() {
    for (selector, name, value) in [
        (Selector::ClientId(CLIENT_ID.into()), "client_id", CLIENT_ID),
        (Selector::ObjectId(OBJECT_ID.into()), "object_id", OBJECT_ID),
        (
            Selector::ResourceId(RESOURCE_ID.into()),
            "mi_res_id",
            RESOURCE_ID,
        ),
    ] {
        let endpoint = Endpoint::http(app_service_answer).await;
        let identity = selecting(SourceKind::AppService, selector);
        ask_app_service(identity, &endpoint).await.unwrap();
        let seen = endpoint.only();
        assert_eq!(seen.query(name), Some(value));
        assert_eq!(seen.query.len(), 3, "{seen:?}");
    }
}

#[tokio::test]
async fn imds_is_asked_for_the_system_assigned_identity() {
    let endpoint = Endpoint::http(imds_answer).await;
    ask_imds(of(SourceKind::Imds), &endpoint).await.unwrap();
    let seen = endpoint.only();
    assert_eq!(
        (seen.method.as_str(), seen.path.as_str()),
        ("GET", "/metadata/identity/oauth2/token")
    );
    assert_eq!(seen.header("metadata"), Some("true"));
    assert_eq!(seen.header("x-identity-header"), None);
    assert_eq!(seen.query("api-version"), Some("2018-02-01"));
    assert_eq!(
        seen.query("resource"),
        Some("https://ossrdbms-aad.database.windows.net")
    );
    assert_eq!(seen.query.len(), 2, "{seen:?}");
}

#[tokio::test]
async fn imds_is_asked_by_its_own_parameter_names() {
    for (selector, name, value) in [
        (Selector::ClientId(CLIENT_ID.into()), "client_id", CLIENT_ID),
        (Selector::ObjectId(OBJECT_ID.into()), "object_id", OBJECT_ID),
        (
            Selector::ResourceId(RESOURCE_ID.into()),
            "msi_res_id",
            RESOURCE_ID,
        ),
    ] {
        let endpoint = Endpoint::http(imds_answer).await;
        ask_imds(selecting(SourceKind::Imds, selector), &endpoint)
            .await
            .unwrap();
        assert_eq!(endpoint.only().query(name), Some(value));
    }
}

#[tokio::test]
async fn an_answer_with_numbers_and_nothing_more_is_enough() {
    for life in [
        json!({"expires_on": epoch(Duration::from_secs(3600))}),
        json!({"expires_in": 3600}),
        json!({"expires_in": "3600"}),
        json!({"expires_on": "06/20/2030 02:57:58 PM +00:00", "expires_in": "3600"}),
    ] {
        let mut body = life.clone();
        body["access_token"] = "opaque".into();
        let endpoint = Endpoint::http(move |_| Reply::json(200, &body)).await;
        let token = ask_app_service(of(SourceKind::AppService), &endpoint).await;
        assert_eq!(token.as_deref(), Ok("opaque"), "{life}");
    }
}

#[tokio::test]
async fn what_the_source_says_about_refreshing_is_kept() {
    let endpoint = Endpoint::http(imds_answer).await;
    let around = around([("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint.url.as_str())]);
    let grant = fetch(&of(SourceKind::Imds), &around).await.ok().unwrap();
    assert_eq!(grant.refresh_in, Some(Duration::from_secs(43_199)));
}

#[tokio::test]
async fn a_token_of_another_identity_is_an_error() {
    for (selector, got) in [
        (Selector::ClientId("someone-else".into()), CLIENT_ID),
        (Selector::ObjectId("someone-else".into()), OBJECT_ID),
        (Selector::ResourceId("/someone/else".into()), RESOURCE_ID),
    ] {
        let endpoint = Endpoint::http(imds_answer).await;
        let error = ask_imds(selecting(SourceKind::Imds, selector), &endpoint)
            .await
            .unwrap_err();
        assert!(
            error.contains("another identity") && error.contains(got),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_machine_whose_clock_is_ahead_goes_by_the_span() {
    let body = json!({"access_token": "opaque", "expires_in": 3600, "expires_on": "1500000000"});
    let endpoint = Endpoint::http(move |_| Reply::json(200, &body)).await;
    assert!(ask_imds(of(SourceKind::Imds), &endpoint).await.is_ok());
}
