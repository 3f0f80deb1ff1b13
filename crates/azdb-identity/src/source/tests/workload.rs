//! Workload identities, against an authority of our own.

use std::path::Path;

use azure_core::base64;
use rustls::RootCertStore;

use super::endpoint::Endpoint;
use super::entra::{ASSERTION, authority};
use super::{CLIENT_ID, Scratch, TENANT, around_with, fetch, of, refused, tls};
use crate::SourceKind;

fn variables<'a>(authority: &'a Endpoint, file: &'a Path) -> Vec<(&'a str, &'a str)> {
    vec![
        ("AZURE_AUTHORITY_HOST", authority.url.as_str()),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", CLIENT_ID),
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
    ]
}

#[tokio::test]
async fn a_federated_token_is_traded_and_read_again_each_time() {
    let (scratch, authority) = (Scratch::new("federated"), authority().await);
    let file = scratch.file("token", "\u{feff}eyJ.first.x\r\n");
    let around = around_with(variables(&authority, &file), tls(authority.roots()));
    fetch(&of(SourceKind::Auto), &around).await.ok().unwrap();
    scratch.file("token", "eyJ.second.x");
    fetch(&of(SourceKind::WorkloadIdentity), &around)
        .await
        .ok()
        .unwrap();
    let [first, second] = authority.seen().try_into().unwrap();
    assert_eq!(first.method, "POST");
    assert_eq!(first.path, format!("/{TENANT}/oauth2/v2.0/token"));
    assert_eq!(
        first.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(first.form("grant_type"), Some("client_credentials"));
    assert_eq!(first.form("client_id"), Some(CLIENT_ID));
    assert_eq!(
        first.form("scope"),
        Some("https://ossrdbms-aad.database.windows.net/.default")
    );
    assert_eq!(first.form("client_assertion_type"), Some(ASSERTION));
    assert_eq!(first.form("client_assertion"), Some("eyJ.first.x"));
    assert_eq!(second.form("client_assertion"), Some("eyJ.second.x"));
}

#[tokio::test]
async fn a_missing_or_empty_federated_token_is_named() {
    let (scratch, authority) = (Scratch::new("federated-missing"), authority().await);
    let file = scratch.path().join("token");
    let around = around_with(variables(&authority, &file), tls(authority.roots()));
    let error = refused(fetch(&of(SourceKind::WorkloadIdentity), &around).await);
    assert!(
        error.cause().contains("cannot read") && error.cause().contains("token"),
        "{}",
        error.cause()
    );
    scratch.file("token", "\n");
    let error = refused(fetch(&of(SourceKind::WorkloadIdentity), &around).await);
    assert!(error.cause().contains("is empty"), "{}", error.cause());
    assert!(authority.seen().is_empty());
}

#[tokio::test]
async fn an_identity_binding_goes_through_the_token_proxy() {
    let (scratch, proxy) = (Scratch::new("binding"), authority().await);
    let file = scratch.file("token", "eyJ.federated.x");
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        base64::encode(proxy.certificate())
    );
    let url = proxy.url.replace("localhost", "127.0.0.1") + "/proxies/cluster";
    for (name, value) in [
        ("AZURE_KUBERNETES_CA_DATA", pem.clone()),
        (
            "AZURE_KUBERNETES_CA_FILE",
            scratch.file("ca.pem", &pem).to_str().unwrap().to_owned(),
        ),
    ] {
        let around = around_with(
            [
                ("AZURE_TENANT_ID", TENANT),
                ("AZURE_CLIENT_ID", CLIENT_ID),
                ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
                ("AZURE_KUBERNETES_TOKEN_PROXY", url.as_str()),
                ("AZURE_KUBERNETES_SNI_NAME", "localhost"),
                (name, value.as_str()),
            ],
            // The usual roots do not know the proxy.
            tls(RootCertStore::empty()),
        );
        fetch(&of(SourceKind::Auto), &around).await.ok().unwrap();
    }
    for seen in proxy.seen() {
        assert_eq!(
            seen.path,
            format!("/proxies/cluster/{TENANT}/oauth2/v2.0/token")
        );
        assert_eq!(
            seen.header("host")
                .map(|host| host.starts_with("127.0.0.1:")),
            Some(true)
        );
        assert_eq!(seen.form("client_assertion"), Some("eyJ.federated.x"));
    }
    assert_eq!(proxy.seen().len(), 2);
}

#[tokio::test]
async fn an_identity_binding_without_its_proxy_is_refused() {
    let scratch = Scratch::new("binding-half");
    let file = scratch.file("token", "eyJ.federated.x");
    for (extra, says) in [
        (
            vec![("AZURE_KUBERNETES_SNI_NAME", "x")],
            "AZURE_KUBERNETES_TOKEN_PROXY is not set",
        ),
        (
            vec![("AZURE_KUBERNETES_TOKEN_PROXY", "http://x")],
            "not a plain https URL",
        ),
        (
            vec![("AZURE_KUBERNETES_TOKEN_PROXY", "https://u:p@x")],
            "not a plain https URL",
        ),
        (
            vec![
                ("AZURE_KUBERNETES_TOKEN_PROXY", "https://x"),
                ("AZURE_KUBERNETES_CA_FILE", "/a"),
                ("AZURE_KUBERNETES_CA_DATA", "b"),
            ],
            "exclude each other",
        ),
        (
            vec![
                ("AZURE_KUBERNETES_TOKEN_PROXY", "https://x"),
                ("AZURE_KUBERNETES_CA_DATA", "b"),
            ],
            "no certificate for the token proxy",
        ),
    ] {
        let mut variables = vec![
            ("AZURE_TENANT_ID", TENANT),
            ("AZURE_CLIENT_ID", CLIENT_ID),
            ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
        ];
        variables.extend(extra);
        let around = around_with(variables, tls(RootCertStore::empty()));
        let error = refused(fetch(&of(SourceKind::Auto), &around).await);
        assert!(error.cause().contains(says), "{}", error.cause());
    }
}
