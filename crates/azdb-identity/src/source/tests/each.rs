//! Every source that asks over HTTP, asked in the same way.

use aws_lc_rs::digest;
use rustls::RootCertStore;

use super::endpoint::{Endpoint, Way};
use super::{CLIENT_ID, Scratch, TENANT, around_with, fetch, of, tls};
use crate::answer::Grant;
use crate::{IdentityConfig, Selector, SourceKind, TokenError};

const OVER_HTTP: [(SourceKind, Way); 6] = [
    (SourceKind::Imds, Way::Plain),
    (SourceKind::AppService, Way::Plain),
    (SourceKind::AzureArc, Way::Plain),
    (SourceKind::ServiceFabric, Way::Tls),
    (SourceKind::WorkloadIdentity, Way::Tls),
    (SourceKind::ServicePrincipal, Way::Tls),
];

/// Asks each of them once, at an endpoint of its own.
pub(super) async fn ask_each(
    serve: impl AsyncFn(Way) -> Endpoint,
) -> Vec<(SourceKind, Result<Grant, TokenError>)> {
    let mut asked = Vec::new();
    for (kind, way) in OVER_HTTP {
        let endpoint = serve(way).await;
        asked.push((kind, ask(kind, way, &endpoint).await));
    }
    asked
}

async fn ask(kind: SourceKind, way: Way, endpoint: &Endpoint) -> Result<Grant, TokenError> {
    let scratch = Scratch::new(&format!("each-{kind}"));
    let (roots, thumbprint) = match way {
        Way::Plain => (RootCertStore::empty(), String::new()),
        Way::Tls => (endpoint.roots(), thumbprint(endpoint)),
    };
    let mut variables = vec![
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint.url.as_str()),
        ("AZURE_AUTHORITY_HOST", endpoint.url.as_str()),
        ("IDENTITY_ENDPOINT", endpoint.url.as_str()),
        ("IDENTITY_HEADER", "the-secret"),
    ];
    variables.push(("IDENTITY_SERVER_THUMBPRINT", &thumbprint));
    let is_registered = matches!(
        kind,
        SourceKind::WorkloadIdentity | SourceKind::ServicePrincipal
    );
    let file = Some(scratch.file("proof", "a proof"));
    let identity = IdentityConfig {
        tenant_id: Some(TENANT.to_owned()),
        selector: is_registered.then(|| Selector::ClientId(CLIENT_ID.to_owned())),
        client_secret_file: file.clone(),
        token_file: file,
        ..of(kind)
    };
    fetch(&identity, &around_with(variables, tls(roots))).await
}

fn thumbprint(endpoint: &Endpoint) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, endpoint.certificate());
    let digits = hash.as_ref().iter().map(|byte| format!("{byte:02X}"));
    digits.collect()
}
