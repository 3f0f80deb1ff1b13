//! What App Service and IMDS say instead of a token.

use std::time::Duration;

use serde_json::json;

use super::each::ask_each;
use super::endpoint::{Endpoint, Reply, Seen};
use super::managed::{SECRET, ask_app_service, ask_imds, imds_answer};
use super::{CLIENT_ID, OBJECT_ID, around, fetch, of, refused};
use crate::{IdentityConfig, Selector, SourceKind, TokenErrorKind};

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

/// The id that is wrong is told, where it came from, and where the right ones are.
#[tokio::test]
async fn an_identity_that_was_asked_for_and_is_unknown_is_told_with_its_place() {
    let endpoint = Endpoint::http(|_| {
        let error = json!({"error": "invalid_request", "error_description": "Identity not found"});
        Reply::json(400, &error)
    });
    let endpoint = endpoint.await;
    let ask = |selector, variables: &[(&str, &str)]| {
        let mut all = vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint.url.as_str())];
        all.extend(variables);
        let (around, identity) = (
            around(all),
            IdentityConfig {
                selector,
                ..of(SourceKind::Imds)
            },
        );
        async move { refused(fetch(&identity, &around).await) }
    };
    for (selector, variables, asked, place) in [
        (
            None,
            vec![("AZURE_CLIENT_ID", CLIENT_ID)],
            format!("client_id `{CLIENT_ID}` from the variable AZURE_CLIENT_ID"),
            "correct AZURE_CLIENT_ID, or overrule it by `client_id`",
        ),
        (
            None,
            vec![
                ("AZURE_MYSQL_STOCK_CLIENTID", CLIENT_ID),
                ("AZURE_CLIENT_ID", OBJECT_ID),
            ],
            format!("client_id `{CLIENT_ID}` from the variable AZURE_MYSQL_STOCK_CLIENTID"),
            "correct AZURE_MYSQL_STOCK_CLIENTID, or",
        ),
        (
            Some(Selector::ObjectId(OBJECT_ID.to_owned())),
            vec![("AZURE_CLIENT_ID", CLIENT_ID)],
            format!("object_id `{OBJECT_ID}` from the configuration"),
            "correct `object_id` in the configuration",
        ),
        (
            Some(Selector::ResourceId("/subscriptions/s".to_owned())),
            vec![],
            "resource_id `/subscriptions/s` from the configuration".to_owned(),
            "correct `resource_id` in the configuration",
        ),
    ] {
        let error = ask(selector, &variables).await;
        assert_eq!(
            error.cause(),
            format!("IMDS answered 400: invalid_request: Identity not found (asked for {asked})")
        );
        let remedy = error.remedy();
        assert!(remedy.contains(place), "{remedy}");
        assert!(remedy.contains("`az identity list`"), "{remedy}");
        assert!(!error.is_transient());
    }
    let error = ask(None, &[("AZURE_CLIENT_ID", "my-identity")]).await;
    assert!(error.remedy().contains("it is no id"), "{}", error.remedy());
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
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/login?secret", trap.url);
        let reply = move |_: &Seen| Reply::text(status, "{}").with("Location", to.clone());
        for (kind, asked) in ask_each(async |tls| Endpoint::of(tls, reply.clone()).await).await {
            let error = refused(asked);
            let said = format!(
                "answered {status}, a redirect to `{}`, which is not followed",
                trap.url
            );
            assert!(error.cause().ends_with(&said), "{}", error.cause());
            assert!(!error.is_transient());
            assert_eq!(error.kind(), TokenErrorKind::Network, "{kind}");
            assert!(
                error.remedy().contains("captive portal"),
                "{}",
                error.remedy()
            );
        }
    }
    assert!(trap.seen().is_empty());
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
    let cause = named.cause();
    assert!(cause.ends_with("no answer within 30 s"), "{cause}");
    for silent in [guessed, named] {
        let remedy = silent.remedy();
        for hint in [
            "not on Azure",
            "169.254.169.254",
            "container",
            "network policy",
            "workload identity",
        ] {
            assert!(remedy.contains(hint), "{remedy}");
        }
    }
}
