//! What App Service and IMDS say instead of a token.

use std::time::Duration;

use serde_json::json;

use super::endpoint::{Endpoint, Reply};
use super::managed::{SECRET, ask_app_service, ask_imds, imds_answer};
use super::{around, fetch, of, refused};
use crate::SourceKind;

#[tokio::test]
async fn an_identity_that_is_not_assigned_is_said_with_its_remedy() {
    let endpoint = Endpoint::http(|_| {
        let error = json!({"error": "invalid_request", "error_description": "Identity not found"});
        Reply::json(400, &error)
    });
    let error = ask_imds(of(SourceKind::Imds), &endpoint.await)
        .await
        .unwrap_err();
    assert!(
        error.starts_with("IMDS answered 400: invalid_request: Identity not found / assign"),
        "{error}"
    );
}

#[tokio::test]
async fn several_identities_ask_for_a_client_id() {
    let endpoint = Endpoint::http(|_| {
        let said = "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request";
        Reply::json(
            400,
            &json!({"error": "invalid_request", "error_description": said}),
        )
    });
    let error = ask_imds(of(SourceKind::Imds), &endpoint.await)
        .await
        .unwrap_err();
    assert!(
        error.contains("Multiple user assigned identities exist"),
        "{error}"
    );
    assert!(
        error.contains("several identities are assigned: set `client_id`"),
        "{error}"
    );
}

#[tokio::test]
async fn app_service_without_the_identity_is_said_with_its_remedy() {
    let endpoint = Endpoint::http(|_| {
        let said = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.";
        Reply::json(
            400,
            &json!({"statusCode": 400, "message": said, "correlationId": "c"}),
        )
    });
    let error = ask_app_service(of(SourceKind::AppService), &endpoint.await)
        .await
        .unwrap_err();
    assert!(
        error.contains("No User Assigned or Delegated Managed Identity found"),
        "{error}"
    );
    assert!(error.contains("`client_id` is required"), "{error}");
}

#[tokio::test]
async fn the_403_of_docker_desktop_names_other_sources() {
    let endpoint = Endpoint::http(|_| {
        Reply::text(
            403,
            "connecting to 169.254.169.254:80: connecting to 169.254.169.254:80: dial tcp",
        )
    })
    .await;
    let error = ask_imds(of(SourceKind::Imds), &endpoint).await.unwrap_err();
    assert!(error.starts_with("IMDS answered 403 / "), "{error}");
    assert!(
        error.contains("Docker Desktop") && error.contains("azure-cli"),
        "{error}"
    );
}

#[tokio::test]
async fn what_will_pass_is_told_from_what_will_not() {
    for (status, transient) in [
        (400, false),
        (401, false),
        (403, false),
        (404, true),
        (408, true),
        (410, true),
        (429, true),
        (500, true),
        (502, true),
        (503, true),
        (504, true),
    ] {
        let endpoint =
            Endpoint::http(move |_| Reply::text(status, "{}").with("Retry-After", "17")).await;
        let around = around([("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint.url.as_str())]);
        let error = refused(fetch(&of(SourceKind::Imds), &around).await);
        assert_eq!(error.is_transient(), transient, "{status}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(17)));
        assert_eq!(endpoint.seen().len(), 1, "the SDK must not retry by itself");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_token_is_not_repeated() {
    for body in [
        "<html>sign in</html>",
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":"x"}"#,
        r#"{"access_token":7}"#,
    ] {
        let endpoint = Endpoint::http(move |_| Reply::text(200, body)).await;
        let error = ask_app_service(of(SourceKind::AppService), &endpoint)
            .await
            .unwrap_err();
        assert!(error.contains("gave no usable answer"), "{error}");
        assert!(!error.contains("html"), "{error}");
    }
}

#[tokio::test]
async fn a_token_at_its_end_is_a_fault_that_passes() {
    let body = json!({"access_token": "opaque", "expires_in": 30});
    let endpoint = Endpoint::http(move |_| Reply::json(200, &body)).await;
    let around = around([("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint.url.as_str())]);
    let error = refused(fetch(&of(SourceKind::Imds), &around).await);
    assert!(
        error.is_transient() && error.cause().contains("ends in 30 s"),
        "{}",
        error.cause()
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let trap = Endpoint::http(imds_answer).await;
    let to = trap.url.clone();
    let endpoint = Endpoint::http(move |_| Reply::text(302, "").with("Location", to.clone())).await;
    assert!(
        ask_app_service(of(SourceKind::AppService), &endpoint)
            .await
            .is_err()
    );
    assert!(trap.seen().is_empty());
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let endpoint = Endpoint::http(|_| Reply::text(200, &" ".repeat(300 * 1024))).await;
    let error = ask_imds(of(SourceKind::Imds), &endpoint).await.unwrap_err();
    assert!(error.contains("longer than"), "{error}");
}

#[tokio::test]
async fn nobody_listening_is_said_with_the_address() {
    let endpoint = Endpoint::http(imds_answer).await;
    let url = endpoint.url.clone();
    drop(endpoint);
    let around = around([
        ("IDENTITY_ENDPOINT", url.as_str()),
        ("IDENTITY_HEADER", SECRET),
    ]);
    let error = refused(fetch(&of(SourceKind::AppService), &around).await);
    assert!(error.is_transient());
    assert!(
        error
            .cause()
            .contains(&format!("cannot be asked at `{url}`")),
        "{}",
        error.cause()
    );
}

#[tokio::test]
async fn missing_variables_are_named() {
    let error = refused(fetch(&of(SourceKind::AppService), &around([])).await);
    assert!(
        error.cause().contains("IDENTITY_ENDPOINT is not set"),
        "{}",
        error.cause()
    );
    let around = around([("IDENTITY_ENDPOINT", "http://127.0.0.1:1")]);
    let error = refused(fetch(&of(SourceKind::AppService), &around).await);
    assert!(
        error.cause().contains("IDENTITY_HEADER is not set"),
        "{}",
        error.cause()
    );
}

/// Time is paused and nothing answers: the only way on is the clock, which jumps to the time-out.
#[tokio::test(start_paused = true)]
async fn an_imds_that_was_only_guessed_fails_fast_and_for_good() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let begun = tokio::time::Instant::now();
    let around = around([("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str())]);
    let guessed = refused(fetch(&of(SourceKind::Auto), &around).await);
    assert!(!guessed.is_transient());
    assert!(
        guessed
            .cause()
            .starts_with("nothing gives this process an identity"),
        "{}",
        guessed.cause()
    );
    assert!(
        guessed.remedy().contains("azure-cli"),
        "{}",
        guessed.remedy()
    );
    assert!(
        begun.elapsed() <= Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let named = refused(fetch(&of(SourceKind::Imds), &around).await);
    assert!(named.is_transient(), "a named IMDS may be updating");
}
