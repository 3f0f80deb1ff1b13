//! The same fault is mended in another way where the process runs elsewhere.

use serde_json::json;

use super::endpoint::{Endpoint, Reply};
use super::stand_in::StandIn;
use super::{around, audience, fetch, of, refused};
use crate::source::{Surroundings, build, plan};
use crate::whereabouts::Whereabouts;
use crate::{SourceKind, TokenError};

/// An IMDS, or whoever stands in its place, that answers this.
async fn imds(status: u16) -> Endpoint {
    Endpoint::http(move |_| Reply::text(status, "connecting to 169.254.169.254:80: dial tcp")).await
}

fn asking(endpoint: &Endpoint, whereabouts: Whereabouts) -> Surroundings {
    let url = endpoint.url.as_str();
    Surroundings {
        whereabouts,
        ..around([("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)])
    }
}

fn assert_remedy(error: &TokenError, parts: &[&str]) {
    let remedy = error.remedy();
    for part in parts {
        assert!(remedy.contains(part), "{part}: {remedy}");
    }
}

#[tokio::test]
async fn the_403_of_a_virtual_machine_is_the_metadata_security_protocol() {
    let endpoint = imds(403).await;
    let on_azure = asking(&endpoint, Whereabouts::AzureMachine);
    let error = refused(fetch(&of(SourceKind::Imds), &on_azure).await);
    assert_remedy(
        &error,
        &[
            "enforces the Metadata Security Protocol",
            "access control profile",
        ],
    );
    let elsewhere = asking(&endpoint, Whereabouts::Elsewhere);
    let error = refused(fetch(&of(SourceKind::Imds), &elsewhere).await);
    assert_remedy(&error, &["Docker Desktop", "azure-cli"]);
}

#[tokio::test]
async fn a_pod_a_container_app_and_a_machine_read_their_own_remedies() {
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    for (whereabouts, part) in [
        (Whereabouts::Pod, "azure.workload.identity/use"),
        (Whereabouts::ContainerApp, "identitySettings"),
        (Whereabouts::AppService, "restart it"),
        (Whereabouts::AzureMachine, "let 169.254.169.254 through"),
        (Whereabouts::Container, "not on Azure"),
        (Whereabouts::ContainerOnAzure, "host networking"),
        (Whereabouts::Elsewhere, "not on Azure"),
    ] {
        let around = Surroundings {
            whereabouts,
            ..around([("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str())])
        };
        let error = refused(fetch(&of(SourceKind::Imds), &around).await);
        assert_remedy(&error, &[part]);
    }
}

#[tokio::test]
async fn an_identity_that_a_container_app_does_not_have_may_be_one_of_another_lifecycle() {
    let endpoint =
        Endpoint::http(|_| Reply::json(400, &json!({"message": "No identity found"}))).await;
    let around = around([
        ("CONTAINER_APP_NAME", "orders"),
        ("IDENTITY_ENDPOINT", endpoint.url.as_str()),
        ("IDENTITY_HEADER", "h"),
    ]);
    let error = refused(fetch(&of(SourceKind::AppService), &around).await);
    assert_remedy(&error, &["lifecycle (identitySettings)", "init containers"]);
    let around = super::around([("CONTAINER_APP_NAME", "orders")]);
    let error = refused(fetch(&of(SourceKind::AppService), &around).await);
    assert_remedy(&error, &["turn on a managed identity", "identitySettings"]);
}

/// Docker Desktop, an HTTP proxy or a captive portal on somebody's desk.
#[tokio::test]
async fn on_a_terminal_whoever_answers_in_the_place_of_imds_is_passed_by() {
    let scratch = super::Scratch::new("in-place-of-imds");
    let works = StandIn {
        prints: br#"{"accessToken":"of-az","expires_on":4102444800}"#,
        ..StandIn::default()
    };
    let path = scratch.tool("az", works);
    for (status, whereabouts, goes_on) in [
        (403, Whereabouts::Elsewhere, true),
        (502, Whereabouts::Elsewhere, true),
        (200, Whereabouts::Elsewhere, true),
        (403, Whereabouts::AzureMachine, true),
        // The machine's own IMDS is away for a moment.
        (503, Whereabouts::AzureMachine, false),
    ] {
        let endpoint = imds(status).await;
        let around = Surroundings {
            on_terminal: true,
            whereabouts,
            ..around([
                ("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint.url.as_str()),
                ("PATH", path.as_str()),
            ])
        };
        let (plan, _why) = plan(&of(SourceKind::Auto), &audience(), &around).unwrap();
        let source = build(&plan, &around);
        let got = source.fetch(&audience()).await;
        assert_eq!(got.is_ok(), goes_on, "{status} {whereabouts:?}");
        if goes_on {
            assert_eq!(source.kind(), SourceKind::AzureCli);
        }
    }
}
