//! What stands in a certificate that a server has shown, for people.

use std::time::{Duration, SystemTime};

use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// What people look at in a certificate. Text of whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCertificate {
    /// Names that it is for: those of its extension, without one its subject.
    pub names: Vec<String>,
    /// Who has signed it.
    pub issuer: String,
    /// When it ends.
    pub not_after: SystemTime,
}

impl ShownCertificate {
    /// Reads DER; `None` where it is none.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_rest, certificate) = X509Certificate::from_der(der).ok()?;
        let extension = certificate.subject_alternative_name().ok().flatten();
        let mut names: Vec<String> = extension
            .iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                _ => None,
            })
            .collect();
        if names.is_empty() {
            names.push(certificate.subject().to_string());
        }
        let seconds = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
        Some(Self {
            names,
            issuer: certificate.issuer().to_string(),
            not_after: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        })
    }
}
