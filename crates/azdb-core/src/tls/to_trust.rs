//! What people should know of a certificate before they have a machine trust it.

use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::app_trust::certificate;

/// A certificate that is to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToTrust {
    /// As it is signed.
    pub der: Vec<u8>,
    /// The same as text, and no other than that.
    pub pem: String,
    /// Whose it says that it is. Text of whoever made it.
    pub subject: String,
    /// Until when.
    pub not_after: String,
    /// SHA-256 of it.
    pub fingerprint: [u8; 32],
    /// Whether it says itself for which names it may vouch.
    pub is_constrained: bool,
}

impl ToTrust {
    /// Reads the first certificate of a PEM text; `None` where there is none.
    #[must_use]
    pub fn in_pem(pem: &str) -> Option<Self> {
        let pem = certificate(pem.as_bytes(), 0)?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let (_rest, read) = X509Certificate::from_der(&der).ok()?;
        Some(Self {
            subject: read.subject().to_string(),
            not_after: read.validity().not_after.to_string(),
            is_constrained: read.name_constraints().ok().flatten().is_some(),
            fingerprint: Self::fingerprint_of(&der),
            der: der.to_vec(),
            pem,
        })
    }

    /// SHA-256 of a certificate.
    #[must_use]
    pub fn fingerprint_of(der: &[u8]) -> [u8; 32] {
        let hash = digest::digest(&digest::SHA256, der);
        hash.as_ref().try_into().unwrap_or_default()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use rcgen::{CertificateParams, DnType, GeneralSubtree, KeyPair, NameConstraints};

    use super::*;

    #[test]
    fn a_certificate_is_told_by_its_subject_its_end_and_its_fingerprint() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "House");
        let house = params.self_signed(&key).unwrap();
        let read = ToTrust::in_pem(&house.pem()).unwrap();
        assert!(read.subject.contains("CN=House"), "{}", read.subject);
        assert!(read.not_after.contains("4096"), "{}", read.not_after);
        assert_eq!(read.der, house.der().to_vec());
        let hash = digest::digest(&digest::SHA256, house.der());
        assert_eq!(read.fingerprint, *hash.as_ref());
        assert!(!read.is_constrained);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("example.org".to_owned())],
            excluded_subtrees: Vec::new(),
        });
        let bound = params.self_signed(&key).unwrap();
        assert!(ToTrust::in_pem(&bound.pem()).unwrap().is_constrained);
        assert_eq!(ToTrust::in_pem("no certificate"), None);
    }
}
