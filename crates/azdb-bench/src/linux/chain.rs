//! The certificates that the upstream shows.
//!
//! ```text
//!   public   root, RSA-4096 --> intermediate, RSA-2048, 1.4 KB --> server, RSA-2048, 1.9 KB
//!   short    root, P-256 -------------------------------------> server, P-256, 0.5 KB
//! ```
//!
//! A peer keeps what it is shown for as long as a session lasts, and verifies it at each connect: with a chain shorter than a
//! public authority's a peer looks better than it is.

use std::sync::Arc;

use azdb_emulator::ServerCertificate;
use clap::ValueEnum;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The name that the upstream's certificate is made for.
pub(super) const HOST: &str = "localhost";

/// Bytes of what a public authority puts into a server's certificate besides keys and names: time stamps of its logs, where to ask
/// for its state, policies.
const BESIDES: u16 = 1_100;
/// The same in an intermediate one.
const BESIDES_IN_INTERMEDIATE: u16 = 320;
/// Time stamps of certificate logs (RFC 6962, 3.3); nobody here looks into them.
const TIME_STAMPS: [u64; 10] = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];

/// Which kind of chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Chain {
    /// Two RSA certificates of 3.3 KB, as Azure and other public names have them
    Public,
    /// One certificate of P-256
    Short,
}

/// A chain and its root.
pub(super) struct Chained {
    pub(super) root: CertificateDer<'static>,
    pub(super) root_pem: String,
    /// The server's certificate first.
    pub(super) shown: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Chain {
    /// What the report says of it.
    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::Public => {
                "two RSA-2048 certificates under an RSA-4096 root, as a public authority's"
            }
            Self::Short => "one P-256 certificate under a P-256 root",
        }
    }

    pub(super) fn make(self) -> Result<Chained, rcgen::Error> {
        let (root, root_key) = (
            authority("azdb-bench root", 1),
            self.key(RsaKeySize::_4096)?,
        );
        let root_certificate = root.self_signed(&root_key)?;
        let root_issuer = Issuer::from_params(&root, &root_key);
        let key = self.key(RsaKeySize::_2048)?;
        let mut server = server()?;
        let shown = match self {
            Self::Short => vec![server.signed_by(&key, &root_issuer)?.der().clone()],
            Self::Public => {
                server.custom_extensions = vec![besides(BESIDES)];
                let mut between = authority("azdb-bench issuing authority", 0);
                between.custom_extensions = vec![besides(BESIDES_IN_INTERMEDIATE)];
                let between_key = self.key(RsaKeySize::_2048)?;
                let intermediate = between.signed_by(&between_key, &root_issuer)?;
                let issuer = Issuer::from_params(&between, &between_key);
                let certificate = server.signed_by(&key, &issuer)?;
                vec![certificate.der().clone(), intermediate.der().clone()]
            }
        };
        Ok(Chained {
            root: root_certificate.der().clone(),
            root_pem: root_certificate.pem(),
            shown,
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        })
    }

    fn key(self, size: RsaKeySize) -> Result<KeyPair, rcgen::Error> {
        match self {
            Self::Public => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size),
            Self::Short => KeyPair::generate(),
        }
    }
}

impl Chained {
    /// For a server of the emulator's.
    pub(super) fn emulated(self) -> Arc<ServerCertificate> {
        Arc::new(ServerCertificate {
            ca_pem: self.root_pem,
            chain: self.shown,
            key: self.key,
        })
    }
}

/// An authority that may have so many others below it.
fn authority(name: &str, below: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn server() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new([HOST.to_owned(), "127.0.0.1".to_owned()])?;
    // Issuer and subject must differ, or OpenSSL takes the certificate for its own issuer.
    params.distinguished_name.push(DnType::CommonName, HOST);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// An OCTET STRING of so many bytes.
fn besides(bytes: u16) -> CustomExtension {
    let [high, low] = bytes.to_be_bytes();
    let mut content = vec![4, 0x82, high, low];
    content.resize(content.len() + usize::from(bytes), 0);
    CustomExtension::from_oid_content(&TIME_STAMPS, content)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_public_chain_is_as_long_as_azures() {
        let Chained { shown, .. } = Chain::Public.make().unwrap();
        let lengths: Vec<_> = shown.iter().map(|der| der.len()).collect();
        let as_azures = matches!(lengths[..], [1_850..=1_950, 1_350..=1_450]);
        assert!(as_azures, "{lengths:?}");
    }

    #[test]
    fn a_short_chain_is_one_certificate() {
        let Chained { shown, .. } = Chain::Short.make().unwrap();
        assert_eq!(shown.len(), 1);
    }
}
