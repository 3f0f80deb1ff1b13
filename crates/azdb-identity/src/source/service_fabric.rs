//! The identity endpoint of a Service Fabric node. Written here because azure_identity 1.0 refuses such processes.
//!
//! The endpoint speaks TLS with a certificate of its own making. It is trusted by the SHA-1 of that certificate, which
//! the node gives to the process, and by nothing else.
//!
//! ```text
//!   us                                                      node
//!    | == TLS; SHA-1 of its certificate == thumbprint ======> |
//!    | -- GET ?api-version=…&resource=…, Secret: <header> --> |
//!    | <------------------- token --------------------------- |
//! ```
//!
//! SHA-1 is what the platform pins with. A second certificate of the same hash would have to be made by whoever made the first
//! one, which is the node itself: what is needed here is resistance to second preimages, which SHA-1 still has.
//!
//! # Invariants
//!
//! * The secret goes to no endpoint without TLS, and to none with another certificate.

use std::sync::Arc;

use aws_lc_rs::digest;
use hyper::header::HeaderName;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
};

use super::managed::parse_url;
use super::{Plan, Surroundings, TokenSource};
use crate::answer::{Grant, Wanted, granted};
use crate::fault::SourceFault;
use crate::http::{Answer, Line, Outgoing};
use crate::{Audience, Environment, SourceKind, TokenError, sdk};

const SECRET: HeaderName = HeaderName::from_static("secret");
const API_VERSION: &str = "2019-07-01-preview";
/// The length of a SHA-1.
const THUMBPRINT: usize = 20;

/// The source. An application has exactly one identity, so there is none to choose.
pub(super) struct ServiceFabric {
    environment: Environment,
    line: Line,
}

impl ServiceFabric {
    pub(super) fn new(_plan: &Plan, surroundings: &Surroundings) -> Self {
        Self {
            environment: surroundings.environment.clone(),
            line: surroundings.line.clone(),
        }
    }

    async fn ask(&self, audience: &Audience) -> Result<Answer, SourceFault> {
        let variable = |name: &str| {
            self.environment.get(name).ok_or_else(|| SourceFault::Setup {
                cause: format!("{name} is not set, which Service Fabric does for an application with an identity"),
                remedy: "give the service an identity in the application manifest (ManagedIdentities, IdentityBindingPolicy)",
            })
        };
        let mut url = parse_url("IDENTITY_ENDPOINT", variable("IDENTITY_ENDPOINT")?)?;
        if url.scheme() != "https" {
            return Err(SourceFault::Setup {
                cause: "IDENTITY_ENDPOINT of Service Fabric is not an https URL".to_owned(),
                remedy: "a secret is sent there, and only encrypted: correct the variable",
            });
        }
        url.query_pairs_mut()
            .append_pair("api-version", API_VERSION)
            .append_pair("resource", audience.as_str());
        let pinned = thumbprint(variable("IDENTITY_SERVER_THUMBPRINT")?).ok_or_else(|| {
            SourceFault::Setup {
                cause: "IDENTITY_SERVER_THUMBPRINT is not 40 hexadecimal digits".to_owned(),
                remedy: "correct the variable",
            }
        })?;
        let line = Line {
            tls: pinning(&self.line.tls, pinned)?,
            ..self.line.clone()
        };
        let endpoint = sdk::endpoint(&url);
        let http = |source| SourceFault::Http {
            endpoint: endpoint.clone(),
            source,
        };
        let mut request = Outgoing::get(url);
        request
            .secret_header(SECRET, variable("IDENTITY_HEADER")?)
            .map_err(http)?;
        line.exchange(request).await.map_err(http)
    }
}

#[async_trait::async_trait]
impl TokenSource for ServiceFabric {
    fn kind(&self) -> SourceKind {
        SourceKind::ServiceFabric
    }

    async fn fetch(&self, audience: &Audience) -> Result<Grant, TokenError> {
        let answer = self.ask(audience).await;
        answer
            .and_then(|answer| granted(&answer, Wanted::anybodys(audience), &self.line.clock))
            .map_err(|fault| TokenError::new(self.kind(), fault))
    }
}

/// 40 hexadecimal digits, with or without colons and spaces.
fn thumbprint(text: &str) -> Option<[u8; THUMBPRINT]> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !matches!(c, ':' | ' ' | '-'))
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .filter_map(|pair| match pair {
            [high, low] => Some(high << 4 | low),
            _ => None,
        })
        .collect();
    (digits.len() == 2 * THUMBPRINT).then_some(())?;
    bytes.try_into().ok()
}

/// The caller's TLS configuration, trusting exactly one certificate.
fn pinning(tls: &ClientConfig, pinned: [u8; THUMBPRINT]) -> Result<Arc<ClientConfig>, SourceFault> {
    let provider = Arc::clone(tls.crypto_provider());
    let verifier = Arc::new(Pinned {
        pinned,
        provider: Arc::clone(&provider),
    });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SourceFault::Setup {
            cause: format!("no TLS for the Service Fabric endpoint: {error}"),
            remedy: "report this",
        })?;
    let config = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Trusts the certificate with this SHA-1, whoever issued it and whatever names it has.
#[derive(Debug)]
struct Pinned {
    pinned: [u8; THUMBPRINT],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let seen = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, end_entity);
        match seen.as_ref() == self.pinned {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_40_digits_however_they_are_grouped() {
        let bytes = [0xab; THUMBPRINT];
        assert_eq!(thumbprint(&"AB".repeat(20)), Some(bytes));
        assert_eq!(thumbprint(&"ab:".repeat(20)), Some(bytes));
        assert_eq!(thumbprint(&"ab".repeat(19)), None);
        assert_eq!(thumbprint(&format!("{}a", "ab".repeat(20))), None);
        assert_eq!(thumbprint(&"xy".repeat(20)), None);
        assert_eq!(thumbprint(""), None);
    }
}
