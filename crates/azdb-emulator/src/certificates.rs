//! The certificate authority of the emulated Azure, and the servers' certificates that it signs.
//!
//! Keys are made at start and never leave the process. What a client needs is [`Authority::ca_pem`].

use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A name is not a DNS name or IP address, or the keys could not be made.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),

    /// The TLS library refused the finished certificate.
    #[error("cannot use the certificate")]
    Use(#[from] rustls::Error),
}

/// A server's certificate made elsewhere, for all servers to show.
pub struct ServerCertificate {
    /// Of the authority at its end, PEM.
    pub ca_pem: String,
    /// The server's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Of the server's own.
    pub key: PrivateKeyDer<'static>,
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").finish_non_exhaustive()
    }
}

/// A private certificate authority.
pub(crate) struct Authority {
    issuer: rcgen::Issuer<'static, KeyPair>,
    ca_pem: String,
    /// Instead of what it would make.
    given: Option<Arc<ServerCertificate>>,
}

/// A chain and its key.
type Made = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Authority {
    /// Makes a new authority with its own key, whose servers show what is `given`, if something is.
    pub(crate) fn new(given: Option<Arc<ServerCertificate>>) -> Result<Self, CertificateError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "azdb-emulator root");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_pem = params.self_signed(&key)?.pem();
        Ok(Self {
            issuer: rcgen::Issuer::new(params, key),
            ca_pem,
            given,
        })
    }

    /// The authority's certificate, PEM.
    pub(crate) fn ca_pem(&self) -> &str {
        match &self.given {
            Some(given) => &given.ca_pem,
            None => &self.ca_pem,
        }
    }

    /// A TLS server configuration with a new certificate for `names` (DNS names and IP addresses),
    /// offering `alpn`.
    ///
    /// TLS 1.2 and 1.3, as Azure has them; no client certificates.
    pub(crate) fn server_config(
        &self,
        names: &[String],
        alpn: &[&[u8]],
    ) -> Result<Arc<ServerConfig>, CertificateError> {
        self.config_of(names, alpn, rustls::DEFAULT_VERSIONS)
    }

    /// The same for TLS inside PRELOGIN packets: TLS 1.2 only and no session tickets, because a
    /// flight that nobody waits for would follow the handshake.
    pub(crate) fn tls12_server_config(
        &self,
        names: &[String],
    ) -> Result<Arc<ServerConfig>, CertificateError> {
        self.config_of(names, &[], &[&rustls::version::TLS12])
    }

    fn config_of(
        &self,
        names: &[String],
        alpn: &[&[u8]],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<Arc<ServerConfig>, CertificateError> {
        let (chain, key) = match &self.given {
            Some(given) => (given.chain.clone(), given.key.clone_key()),
            None => self.make(names)?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(Arc::new(config))
    }

    fn make(&self, names: &[String]) -> Result<Made, CertificateError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.to_vec())?;
        params
            .distinguished_name
            .push(DnType::CommonName, "azdb-emulator");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok((vec![certificate.der().clone()], key))
    }
}
