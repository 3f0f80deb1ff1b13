//! TLS for apps: the certificate that the proxy makes for this machine and keeps.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::provider;
use super::upstream::alpn;
use crate::route::{LocalTls, Protocol};

/// The file in the state directory: leaf, authority and the leaf's key, one file so that they always fit together.
const FILE: &str = "local-tls.pem";
/// Names that apps use for this machine. "127.0.0.1" stands among the DNS names too: some drivers compare text only.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The certificate for `local_tls = "auto"`.
pub struct LocalAuthority {
    /// Leaf, then the authority that signed it.
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    ca_pem: String,
}

/// Why there is no certificate for apps.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalTlsError {
    /// A file could not be read or written.
    #[error("`{}`", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file does not hold the PEM that it should.
    #[error("`{}` holds no usable {what}", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// What the parser says.
        #[source]
        source: pem::Error,
    },
    /// rustls does not take the certificate or the key.
    #[error("the certificate for apps")]
    Rustls(#[from] rustls::Error),
    /// The certificate could not be made.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
}

impl LocalAuthority {
    /// The certificate kept in `state_dir`, made at first use.
    ///
    /// Without a directory, or with one that cannot be written (which costs a warning), the certificate lives as long as the
    /// process.
    ///
    /// # Errors
    ///
    /// [`LocalTlsError`] when a kept certificate cannot be used, or none can be made.
    pub fn load_or_make(state_dir: Option<&Path>) -> Result<Self, LocalTlsError> {
        let Some(state_dir) = state_dir else {
            return Self::from_pem(make()?.as_bytes(), Path::new("memory"));
        };
        let path = state_dir.join(FILE);
        match fs::read(&path) {
            Ok(pem) => return Self::from_pem(&Zeroizing::new(pem), &path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(LocalTlsError::File { path, source }),
        }
        let pem = make()?;
        match keep(&pem, &path) {
            Ok(()) => {}
            // Another process of ours was faster; both must show the same certificate.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let read = fs::read(&path).map(Zeroizing::new);
                let pem = read.map_err(|source| LocalTlsError::File {
                    path: path.clone(),
                    source,
                })?;
                return Self::from_pem(&pem, &path);
            }
            Err(error) => tracing::warn!(
                path = %path.display(), %error,
                "cannot keep the certificate for apps, it lives as long as this process"
            ),
        }
        Self::from_pem(pem.as_bytes(), &path)
    }

    /// The authority's certificate, for apps that verify.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    fn from_pem(pem: &[u8], path: &Path) -> Result<Self, LocalTlsError> {
        let bad = |what| {
            move |source| LocalTlsError::Pem {
                path: path.to_owned(),
                what,
                source,
            }
        };
        let chain = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(bad("certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(bad("key"))?;
        let ca_pem = second_certificate(pem).ok_or(pem::Error::NoItemsFound);
        Ok(Self {
            ca_pem: ca_pem.map_err(bad("authority"))?,
            chain,
            key,
        })
    }
}

/// A route's TLS for apps; `None` when it offers none.
pub(crate) fn server_config(
    protocol: Protocol,
    local_tls: &LocalTls,
    authority: impl FnOnce() -> Result<Arc<LocalAuthority>, LocalTlsError>,
) -> Result<Option<Arc<ServerConfig>>, LocalTlsError> {
    let (chain, key) = match local_tls {
        LocalTls::Off => return Ok(None),
        LocalTls::Auto => {
            let authority = authority()?;
            (authority.chain.clone(), authority.key.clone_key())
        }
        LocalTls::Files {
            cert_file,
            key_file,
        } => {
            let bad = |path: &Path, what| {
                let path = path.to_owned();
                move |source| LocalTlsError::Pem { path, what, source }
            };
            let chain = CertificateDer::pem_file_iter(cert_file)
                .and_then(Iterator::collect)
                .map_err(bad(cert_file, "certificate"))?;
            let key = PrivateKeyDer::from_pem_file(key_file).map_err(bad(key_file, "key"))?;
            (chain, key)
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![alpn(protocol).to_vec()];
    Ok(Some(Arc::new(config)))
}

/// Leaf, authority and key as PEM. The authority's own key is never written: it has signed once and is forgotten, so that
/// trusting the authority means trusting this one certificate. Name constraints would say the same, but rustls cannot check
/// them against a DNS name that reads "127.0.0.1".
fn make() -> Result<Zeroizing<String>, rcgen::Error> {
    let ca_key = KeyPair::generate()?;
    let mut ca_params = CertificateParams::default();
    ca_params
        .distinguished_name
        .push(DnType::CommonName, "azdb-proxy on this machine");
    ca_params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca_params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca = ca_params.self_signed(&ca_key)?;

    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(NAMES.map(String::from))?;
    params
        .subject_alt_names
        .push(rcgen::SanType::DnsName("127.0.0.1".try_into()?));
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let leaf = params.signed_by(&key, &Issuer::from_params(&ca_params, &ca_key))?;

    let key = Zeroizing::new(key.serialize_pem());
    Ok(Zeroizing::new(
        [leaf.pem().as_str(), ca.pem().as_str(), key.as_str()].concat(),
    ))
}

/// Writes the file whole or not at all, for its owner's eyes only, and never over another one.
fn keep(pem: &str, path: &Path) -> io::Result<()> {
    let dir = path.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(dir)?;
    let mut file = tempfile::Builder::new()
        .prefix(".local-tls")
        .tempfile_in(dir)?;
    file.write_all(pem.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}

/// The text of the second certificate of a file, which is the authority's.
fn second_certificate(pem: &[u8]) -> Option<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let text = std::str::from_utf8(pem).ok()?;
    let (start, _) = text.match_indices(BEGIN).nth(1)?;
    let (block, _) = text.get(start..)?.split_once(END)?;
    Some([block, END, "\n"].concat())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::{ServerName, UnixTime};

    #[test]
    fn the_certificate_is_made_once_and_kept_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let first = LocalAuthority::load_or_make(Some(&state)).unwrap();
        let second = LocalAuthority::load_or_make(Some(&state)).unwrap();
        assert_eq!(first.ca_pem(), second.ca_pem());
        assert_eq!(first.chain, second.chain);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(state.join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn who_trusts_the_authority_trusts_this_machine_by_each_of_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let authority = LocalAuthority::load_or_make(Some(dir.path())).unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(authority.ca_pem().as_bytes()).unwrap())
            .unwrap();
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider())
            .build()
            .unwrap();
        let (leaf, rest) = authority.chain.split_first().unwrap();
        for name in NAMES {
            let name = ServerName::try_from(name).unwrap();
            verifier
                .verify_server_cert(leaf, rest, &name, &[], UnixTime::now())
                .unwrap();
        }
    }

    #[test]
    fn a_state_directory_that_cannot_be_written_still_gives_a_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a file");
        fs::write(&file, "").unwrap();
        let error = LocalAuthority::load_or_make(Some(&file.join("state"))).err();
        // ENOTDIR is not "not found": it is told, not papered over.
        assert!(matches!(error, Some(LocalTlsError::File { .. })));
        assert!(LocalAuthority::load_or_make(Some(Path::new("/proc/azdb-proxy-state"))).is_ok());
    }
}
