//! TLS for apps: the certificate that the proxy makes for this machine and keeps.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use azdb_config::route::LocalTls;
use azdb_quote::Chain;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, SupportedProtocolVersion};
use zeroize::Zeroizing;

use super::app_trust::certificate;
use super::kept::{keep, kept};
use super::resolver::BySignature;
use super::{IN_PACKETS, TlsEnd, TlsUse, owned, pem_file, provider};

/// The file in the state directory: ECDSA leaf, authority, the leaf's key, RSA leaf and its key, one file so that they always
/// fit together. One that was made before there was an RSA leaf goes on without.
const FILE: &str = "local-tls.pem";
/// Names that apps use for this machine. "127.0.0.1" stands among the DNS names too: some drivers compare text only.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The certificate for `local_tls = "auto"`.
pub struct LocalAuthority {
    /// Each with its key: leaf, then the authority that signed it. The preferred one stands first.
    leaves: Vec<Leaf>,
    ca_pem: String,
    /// Where it is kept.
    file: Option<PathBuf>,
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
        if let Some(authority) = Self::kept(state_dir)? {
            return Ok(authority);
        }
        let (path, pem) = (state_dir.join(FILE), make()?);
        match keep(&pem, &path) {
            Ok(()) => Ok(Self::from_pem(pem.as_bytes(), &path)?.kept_at(path)),
            // Another process of ours was faster; both must show the same certificate.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let gone = || LocalTlsError::File {
                    path,
                    source: io::ErrorKind::NotFound.into(),
                };
                Self::kept(state_dir)?.ok_or_else(gone)
            }
            Err(error) => {
                tracing::warn!(
                    path = %path.display(), error = %Chain(&error),
                    "cannot keep the certificate for apps, it lives as long as this process"
                );
                Self::from_pem(pem.as_bytes(), &path)
            }
        }
    }

    /// The certificate kept in `state_dir`, if there is one.
    ///
    /// # Errors
    ///
    /// [`LocalTlsError`] when it cannot be used.
    pub fn kept(state_dir: &Path) -> Result<Option<Self>, LocalTlsError> {
        let path = state_dir.join(FILE);
        match kept(&path) {
            Ok(pem) => Ok(Some(Self::from_pem(&pem, &path)?.kept_at(path))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LocalTlsError::File { path, source }),
        }
    }

    fn kept_at(self, path: PathBuf) -> Self {
        let file = Some(path);
        Self { file, ..self }
    }

    /// Where it is kept; `None` for one that lives as long as this process.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
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
        let certificates = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(bad("certificate"))?;
        let keys = PrivateKeyDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(bad("key"))?;
        let ca_pem = certificate(pem, 1).ok_or(pem::Error::NoItemsFound);
        let ca_pem = ca_pem.map_err(bad("authority"))?;
        let [first, authority, others @ ..] = certificates.as_slice() else {
            return Err(bad("authority")(pem::Error::NoItemsFound));
        };
        let leaves: Vec<_> = std::iter::once(first)
            .chain(others)
            .map(|leaf| vec![leaf.clone(), authority.clone()])
            .zip(keys)
            .collect();
        if leaves.is_empty() {
            return Err(bad("key")(pem::Error::NoItemsFound));
        }
        Ok(Self {
            leaves,
            ca_pem,
            file: None,
        })
    }
}

/// A route's TLS towards its apps, ready to use.
#[derive(Debug, Clone)]
pub(crate) struct AppTlsConfig {
    /// Around everything.
    pub(crate) around: Arc<ServerConfig>,
    /// For handshakes that go inside packets, where the protocol has such.
    pub(crate) in_packets: Option<Arc<ServerConfig>>,
    /// How such a connection ends.
    pub(crate) end: TlsEnd,
    /// By which an app may bind its proof of a password to what it has been shown: hashes of our certificates
    /// (`tls-server-end-point` of RFC 5929, whose hash is that of the certificate's signature).
    pub(crate) bindings: Arc<[Vec<u8>]>,
}

impl AppTlsConfig {
    /// `None` for a route that offers its apps none.
    ///
    /// # Errors
    ///
    /// [`LocalTlsError`].
    pub(crate) fn of(
        local_tls: &LocalTls,
        usage: &TlsUse,
        authority: &dyn Fn() -> Result<Arc<LocalAuthority>, LocalTlsError>,
    ) -> Result<Option<Self>, LocalTlsError> {
        let Some(leaves) = certificates(local_tls, authority)? else {
            return Ok(None);
        };
        let bindings = leaves
            .iter()
            .flat_map(|(chain, _)| bindings(chain))
            .collect();
        let shown = Arc::new(BySignature::new(leaves)?);
        let mut around = config_with(rustls::ALL_VERSIONS, &shown)?;
        around.alpn_protocols = owned(usage.alpn);
        let in_packets = if usage.in_packets {
            Some(config_in_packets(&shown)?)
        } else {
            None
        };
        Ok(Some(Self {
            around: Arc::new(around),
            in_packets,
            end: usage.app_end,
            bindings,
        }))
    }
}

/// Without ALPN, and never resumed: drivers read one answer for each message of theirs, and an abridged handshake has none for
/// the last.
fn config_in_packets(shown: &Arc<BySignature>) -> Result<Arc<ServerConfig>, LocalTlsError> {
    let mut config = config_with(IN_PACKETS, shown)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

fn config_with(
    versions: &[&'static SupportedProtocolVersion],
    shown: &Arc<BySignature>,
) -> Result<ServerConfig, LocalTlsError> {
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::<BySignature>::clone(shown));
    Ok(config)
}

/// The hashes of a leaf: whichever of them an app's library takes for its signature's, nobody else has a key to it.
fn bindings(chain: &[CertificateDer<'static>]) -> Vec<Vec<u8>> {
    let hashes = [&digest::SHA256, &digest::SHA384, &digest::SHA512];
    let leaf = chain.first().map(AsRef::as_ref).unwrap_or_default();
    hashes
        .map(|hash| digest::digest(hash, leaf).as_ref().to_vec())
        .into()
}

/// A certificate with what vouches for it, and its key.
type Leaf = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What apps are shown; `None` for a route that offers them no TLS.
fn certificates(
    local_tls: &LocalTls,
    authority: &dyn Fn() -> Result<Arc<LocalAuthority>, LocalTlsError>,
) -> Result<Option<Vec<Leaf>>, LocalTlsError> {
    Ok(Some(match local_tls {
        LocalTls::Off => return Ok(None),
        LocalTls::Auto | LocalTls::Always => {
            let clone = |(chain, key): &Leaf| (chain.clone(), key.clone_key());
            authority()?.leaves.iter().map(clone).collect()
        }
        LocalTls::Files {
            cert_file,
            key_file,
        } => {
            let bad = |path: &Path, what| {
                let path = path.to_owned();
                move |source| LocalTlsError::Pem { path, what, source }
            };
            let read = |path: &Path| {
                pem_file::read(path).map_err(|source| LocalTlsError::File {
                    path: path.to_owned(),
                    source,
                })
            };
            let chain = CertificateDer::pem_slice_iter(&read(cert_file)?)
                .collect::<Result<_, _>>()
                .map_err(bad(cert_file, "certificate"))?;
            let key = PrivateKeyDer::from_pem_slice(&read(key_file)?);
            let key = key.map_err(bad(key_file, "key"))?;
            vec![(chain, key)]
        }
    }))
}

/// The content of [`FILE`]. The authority's own key is never written: it has signed and is forgotten, so that trusting the
/// authority means trusting these two certificates. Name constraints would say the same, but rustls cannot check
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

    let issuer = Issuer::from_params(&ca_params, &ca_key);
    let key = KeyPair::generate()?;
    let leaf = leaf_params()?.signed_by(&key, &issuer)?;
    let rsa_key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let rsa_leaf = leaf_params()?.signed_by(&rsa_key, &issuer)?;

    let (key, rsa_key) = (
        Zeroizing::new(key.serialize_pem()),
        Zeroizing::new(rsa_key.serialize_pem()),
    );
    let (leaf, ca, rsa_leaf) = (leaf.pem(), ca.pem(), rsa_leaf.pem());
    let parts = [&leaf, &ca, key.as_str(), &rsa_leaf, rsa_key.as_str()];
    Ok(Zeroizing::new(parts.concat()))
}

/// A certificate for this machine by each of its names.
fn leaf_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(NAMES.map(String::from))?;
    params
        .subject_alt_names
        .push(rcgen::SanType::DnsName("127.0.0.1".try_into()?));
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::fs;

    use super::*;
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::{ServerName, UnixTime};

    fn chains(of: &LocalAuthority) -> Vec<Vec<CertificateDer<'static>>> {
        of.leaves.iter().map(|(chain, _)| chain.clone()).collect()
    }

    #[test]
    fn the_certificate_is_made_once_and_kept_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let first = LocalAuthority::load_or_make(Some(&state)).unwrap();
        let second = LocalAuthority::load_or_make(Some(&state)).unwrap();
        assert_eq!(first.ca_pem(), second.ca_pem());
        assert_eq!(chains(&first), chains(&second));
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
        let chains = chains(&authority);
        assert_eq!(chains.len(), 2);
        for chain in &chains {
            let (leaf, rest) = chain.split_first().unwrap();
            for name in NAMES {
                let name = ServerName::try_from(name).unwrap();
                verifier
                    .verify_server_cert(leaf, rest, &name, &[], UnixTime::now())
                    .unwrap();
            }
        }
    }

    #[test]
    fn a_file_with_one_certificate_is_still_good() {
        const KEY_END: &str = "-----END PRIVATE KEY-----";
        let pem = make().unwrap();
        let (old, _) = pem.split_once(KEY_END).unwrap();
        let old = [old, KEY_END, "\n"].concat();
        let authority = LocalAuthority::from_pem(old.as_bytes(), Path::new("old")).unwrap();
        assert_eq!(chains(&authority).len(), 1);
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
