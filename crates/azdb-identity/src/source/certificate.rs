//! Proving an app registration with a certificate: a short-lived statement, signed with its private key.
//!
//! ```text
//!   { alg: PS256, x5t#S256: hash of the certificate [, x5c: the chain] }
//!   { aud: the authority's endpoint, iss = sub: the client id, jti, nbf = iat: now, exp: in ten minutes }
//!   signature
//! ```
//!
//! Microsoft Entra takes RSA keys alone. The chain goes along only where it is asked for (`AZURE_CLIENT_SEND_CERTIFICATE_CHAIN`):
//! an authority that trusts by subject and issuer needs it, and all others look the certificate up by its hash.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use azure_core::{Uuid, base64};
use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::sign::SigningKey;
use serde_json::json;
use zeroize::Zeroizing;

use crate::fault::SourceFault;
use crate::text;

/// How long the statement is good.
const LIFE: Duration = Duration::from_secs(10 * 60);

/// A certificate chain and its private key.
pub(super) struct Certificate {
    /// The leaf first.
    chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn SigningKey>,
}

impl Certificate {
    /// Reads a PEM file with both.
    pub(super) fn read(
        pem: &[u8],
        provider: &CryptoProvider,
        path: &Path,
    ) -> Result<Self, SourceFault> {
        let pem = text::unmarked(pem);
        let wrong = |what: &str, remedy| SourceFault::Setup {
            cause: format!("the certificate file `{}` {what}", path.display()),
            remedy,
        };
        if pem
            .windows(10)
            .any(|part| part == b"ENCRYPTED-" || part == b"ENCRYPTED ")
        {
            let remedy = "decrypt it: `openssl pkey -in FILE`, and let file permissions protect it";
            return Err(wrong("has an encrypted private key", remedy));
        }
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .filter_map(Result::ok)
            .collect();
        let convert = "it must be PEM with certificate and RSA private key: `openssl pkcs12 -in FILE.pfx -nodes -out FILE.pem`";
        if chain.is_empty() {
            return Err(wrong("has no certificate in it", convert));
        }
        let key = PrivateKeyDer::from_pem_slice(pem);
        let key = key.map_err(|_| wrong("has no private key in it", convert))?;
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|_| wrong("has a private key that cannot be used", convert))?;
        Ok(Self { chain, key })
    }

    /// The statement, for `client_id` to `endpoint`.
    pub(super) fn assertion(
        &self,
        client_id: &str,
        endpoint: &str,
        now: SystemTime,
        with_chain: bool,
    ) -> Result<Zeroizing<String>, SourceFault> {
        let refuse = |what: &str| SourceFault::Setup {
            cause: format!("the certificate cannot sign: {what}"),
            remedy: "use a certificate with an RSA key: Microsoft Entra takes no other",
        };
        // PS256 is what Entra's documentation asks for; RSA keys can always do it.
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]);
        let signer = signer.ok_or_else(|| refuse("its key is not an RSA key"))?;
        let [first, ..] = self.chain.as_slice() else {
            return Err(refuse("there is none"));
        };
        let thumbprint = digest::digest(&digest::SHA256, first);
        let mut header = json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": base64::encode_url_safe(thumbprint),
        });
        if with_chain && let Some(header) = header.as_object_mut() {
            let chain = self.chain.iter().map(base64::encode).collect();
            header.insert("x5c".to_owned(), chain);
        }
        let since_1970 = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let claims = json!({
            "aud": endpoint,
            "iss": client_id,
            "sub": client_id,
            "jti": Uuid::new_v4().to_string(),
            "nbf": since_1970.as_secs(),
            "iat": since_1970.as_secs(),
            "exp": (since_1970 + LIFE).as_secs(),
        });
        let signed = [&header, &claims]
            .map(|part| base64::encode_url_safe(part.to_string()))
            .join(".");
        let signature = signer
            .sign(signed.as_bytes())
            .map_err(|error| refuse(&error.to_string()))?;
        Ok(Zeroizing::new(format!(
            "{signed}.{}",
            base64::encode_url_safe(signature)
        )))
    }
}
