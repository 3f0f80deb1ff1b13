//! What apps must trust, to trust what they are shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use azdb_config::route::LocalTls;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::authority::LocalAuthority;
use super::local::LocalTlsError;
use super::pem_file;

/// The authority behind the certificate of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppTrust {
    /// This one.
    Authority {
        /// Its certificate.
        pem: String,
        /// Where it is kept; `None` for one that lives as long as the process.
        file: Option<PathBuf>,
        /// All that it has vouched for, and ever will: those names of one that the proxy has made, which has no key any more.
        names: Option<Vec<String>>,
    },
    /// One whose certificate the proxy does not have.
    Elsewhere {
        /// Its name.
        issuer: String,
        /// Where the route's certificate is.
        file: PathBuf,
    },
    /// The route offers no TLS.
    NoTls,
}

impl AppTrust {
    /// That of a route with this key. `authority` is asked for where it takes the one that the proxy makes.
    ///
    /// # Errors
    ///
    /// [`LocalTlsError`].
    pub fn of(
        local_tls: &LocalTls,
        authority: &dyn Fn() -> Result<Arc<LocalAuthority>, LocalTlsError>,
    ) -> Result<Self, LocalTlsError> {
        match local_tls {
            LocalTls::Off => Ok(Self::NoTls),
            LocalTls::Files { cert_file, .. } => Self::in_file(cert_file),
            _ => {
                let authority = authority()?;
                Ok(Self::Authority {
                    pem: authority.ca_pem().to_owned(),
                    file: authority.file().map(Path::to_owned),
                    names: Some(authority.names().into_iter().collect()),
                })
            }
        }
    }

    /// The last certificate of a chain, if it has signed itself.
    fn in_file(path: &Path) -> Result<Self, LocalTlsError> {
        let read = pem_file::read(path).map_err(|source| LocalTlsError::File {
            path: path.to_owned(),
            source,
        })?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&read)
            .map_while(Result::ok)
            .collect();
        let parsed = chain.last().and_then(|last| {
            let (_, last) = X509Certificate::from_der(last).ok()?;
            let is_root = last.issuer().as_raw() == last.subject().as_raw();
            Some((is_root, last.issuer().to_string()))
        });
        let file = path.to_owned();
        let text = chain
            .len()
            .checked_sub(1)
            .and_then(|last| certificate(&read, last));
        Ok(match (parsed, text) {
            (Some((true, _)), Some(pem)) => Self::Authority {
                pem,
                file: Some(file),
                names: None,
            },
            (parsed, _) => Self::Elsewhere {
                issuer: parsed.map(|(_, issuer)| issuer).unwrap_or_default(),
                file,
            },
        })
    }
}

/// The text of a file's certificate of this number, from 0.
pub(super) fn certificate(pem: &[u8], number: usize) -> Option<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let text = std::str::from_utf8(pem).ok()?;
    let (start, _) = text.match_indices(BEGIN).nth(number)?;
    let (block, _) = text.get(start..)?.split_once(END)?;
    Some([block, END, "\n"].concat())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use rcgen::{CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;

    fn of_file(pem: &str) -> AppTrust {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        let local_tls = LocalTls::Files {
            cert_file: file.path().to_owned(),
            key_file: file.path().to_owned(),
        };
        let nobody = || unreachable!("the route has a certificate of its own");
        match AppTrust::of(&local_tls, &nobody).unwrap() {
            AppTrust::Authority { pem, .. } => AppTrust::Authority {
                pem,
                file: None,
                names: None,
            },
            AppTrust::Elsewhere { issuer, .. } => AppTrust::Elsewhere {
                issuer,
                file: PathBuf::new(),
            },
            AppTrust::NoTls => AppTrust::NoTls,
        }
    }

    #[test]
    fn an_authority_is_the_end_of_the_chain_and_never_made_up() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "House CA");
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::from_params(&params, &key);
        let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &issuer);
        let leaf = leaf.unwrap().pem();
        let found = of_file(&format!("{leaf}{root}"));
        let AppTrust::Authority { pem, .. } = found else {
            unreachable!("{found:?}")
        };
        assert_eq!(pem.replace('\r', "").trim(), root.replace('\r', "").trim());
        let found = of_file(&leaf);
        assert!(
            matches!(&found, AppTrust::Elsewhere { issuer, .. } if issuer.contains("House CA")),
            "{found:?}"
        );
        // Its own authority.
        assert!(matches!(of_file(&root), AppTrust::Authority { .. }));
        let off = AppTrust::of(&LocalTls::Off, &|| unreachable!("no TLS"));
        assert_eq!(off.unwrap(), AppTrust::NoTls);
    }
}
