//! TLS for apps.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use azdb_config::route::LocalTls;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::authority::LocalAuthority;
use super::resolver::BySignature;
use super::{IN_PACKETS, TlsEnd, TlsUse, owned, pem_file, provider};

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
pub(super) type Leaf = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

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
