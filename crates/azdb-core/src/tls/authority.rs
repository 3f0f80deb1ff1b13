//! The certificate that the proxy makes for this machine and keeps: `local_tls = "auto"`.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use azdb_quote::Chain;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, SanType,
};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};
use zeroize::Zeroizing;

use super::app_trust::certificate;
use super::kept::{keep, keep_instead, kept};
use super::local::{Leaf, LocalTlsError};

/// The file in the state directory: ECDSA leaf, authority, the leaf's key, RSA leaf and its key, one file so that they always
/// fit together. One that was made before there was an RSA leaf goes on without.
const FILE: &str = "local-tls.pem";
/// Names that apps on this machine use for it.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Names of a certificate before that one in its place keeps.
const MOST_OLD_NAMES: usize = 64;

/// The certificate for `local_tls = "auto"`.
pub struct LocalAuthority {
    /// Each with its key: leaf, then the authority that signed it. The preferred one stands first.
    pub(super) leaves: Vec<Leaf>,
    ca_pem: String,
    /// Where it is kept.
    file: Option<PathBuf>,
}

/// What to do where nothing can be kept.
const STATE_DIR: &str = "let the user of this process write to the directory, or name another as state_dir (AZDB_PROXY_STATE_DIR); until then \
                         apps that verify TLS need another `azdb-proxy ca` after each start";

impl LocalAuthority {
    /// The certificate kept in `state_dir`, made at first use, whatever names it has besides those of loopback.
    ///
    /// Without a directory, or with one that cannot be written (which costs a warning), the certificate lives as long as the
    /// process.
    ///
    /// # Errors
    ///
    /// [`LocalTlsError`] when a kept certificate cannot be used, or none can be made.
    pub fn load_or_make(state_dir: Option<&Path>) -> Result<Self, LocalTlsError> {
        Self::naming(state_dir, &[])
    }

    /// The same with all of `names`. One that was kept without them is made anew, with those that it had: another process that
    /// keeps its certificate there may need them.
    ///
    /// # Errors
    ///
    /// As those of [`LocalAuthority::load_or_make`].
    pub fn naming(state_dir: Option<&Path>, names: &[String]) -> Result<Self, LocalTlsError> {
        let Some(state_dir) = state_dir else {
            return Self::from_pem(make(names)?.as_bytes(), Path::new("memory"));
        };
        let path = state_dir.join(FILE);
        let Some(kept) = Self::kept(state_dir)? else {
            return Self::make_at(state_dir, names);
        };
        let had = kept.names();
        let missing: Vec<&String> = names.iter().filter(|name| !had.contains(*name)).collect();
        if missing.is_empty() {
            return Ok(kept);
        }
        let old = had.into_iter().take(MOST_OLD_NAMES);
        let all: BTreeSet<String> = old.chain(names.iter().cloned()).collect();
        let pem = make(&Vec::from_iter(all))?;
        match keep_instead(&pem, &path) {
            Ok(()) => {
                tracing::warn!(
                    path = %path.display(), missing = ?missing,
                    "the certificate for apps did not have all names: it and its authority were made anew, and apps that trust the one before must \
                     trust this one, see azdb-proxy ca"
                );
                Ok(Self::from_pem(pem.as_bytes(), &path)?.kept_at(path))
            }
            // Apps that trust it would not trust one that nobody can be told of.
            Err(error) => {
                tracing::warn!(
                    path = %path.display(), missing = ?missing, error = %Chain(&error), remedy = STATE_DIR,
                    "the certificate for apps does not have all names, and cannot be made anew there"
                );
                Ok(kept)
            }
        }
    }

    /// Makes one, and keeps it where none is.
    fn make_at(state_dir: &Path, names: &[String]) -> Result<Self, LocalTlsError> {
        let (path, pem) = (state_dir.join(FILE), make(names)?);
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
                    path = %path.display(), error = %Chain(&error), remedy = STATE_DIR,
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

    /// What the certificates say that they are for, each of them: a name that only one of them has is none.
    pub fn names(&self) -> BTreeSet<String> {
        let mut leaves = self.leaves.iter().map(|(chain, _)| names_in(chain));
        let first = leaves.next().unwrap_or_default();
        leaves.fold(first, |all, names| &all & &names)
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

/// The names and addresses of a leaf.
fn names_in(chain: &[CertificateDer<'static>]) -> BTreeSet<String> {
    let leaf = chain.first().map(AsRef::as_ref).unwrap_or_default();
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else {
        return BTreeSet::new();
    };
    let Ok(Some(names)) = leaf.subject_alternative_name() else {
        return BTreeSet::new();
    };
    let names = names.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(octets) => address(octets).map(|ip| ip.to_string()),
            _ => None,
        })
        .collect()
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
    }
}

/// The content of [`FILE`]. The authority's own key is never written: it has signed and is forgotten, so that trusting the
/// authority means trusting these two certificates. Name constraints would say the same, but rustls cannot check
/// them against a DNS name that reads "127.0.0.1".
fn make(names: &[String]) -> Result<Zeroizing<String>, rcgen::Error> {
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
    let leaf = leaf_params(names)?.signed_by(&key, &issuer)?;
    let rsa_key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let rsa_leaf = leaf_params(names)?.signed_by(&rsa_key, &issuer)?;

    let (key, rsa_key) = (
        Zeroizing::new(key.serialize_pem()),
        Zeroizing::new(rsa_key.serialize_pem()),
    );
    let (leaf, ca, rsa_leaf) = (leaf.pem(), ca.pem(), rsa_leaf.pem());
    let parts = [&leaf, &ca, key.as_str(), &rsa_leaf, rsa_key.as_str()];
    Ok(Zeroizing::new(parts.concat()))
}

/// A certificate for this machine by each of its names. Addresses of IPv4 stand among the DNS names, too: some drivers compare text only.
fn leaf_params(names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let all: BTreeSet<String> = NAMES
        .map(String::from)
        .into_iter()
        .chain(names.iter().cloned())
        .collect();
    let as_text: Vec<_> = all
        .iter()
        .filter(|name| name.parse::<Ipv4Addr>().is_ok())
        .map(|name| Ok(SanType::DnsName(name.as_str().try_into()?)))
        .collect::<Result<_, rcgen::Error>>()?;
    let mut params = CertificateParams::new(Vec::from_iter(all))?;
    params.subject_alt_names.extend(as_text);
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
    use crate::tls::provider;
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
    fn one_without_a_name_is_made_anew_with_all_and_kept_for_all_who_share_it() {
        let dir = tempfile::tempdir().unwrap();
        let names = |names: &[&str]| Vec::from_iter(names.iter().map(ToString::to_string));
        let with = |list: &[&str]| LocalAuthority::naming(Some(dir.path()), &names(list)).unwrap();
        let first = with(&[]);
        let jump = with(&["jump.example.org", "10.9.0.1", "2001:db8::1"]);
        assert_ne!(first.ca_pem(), jump.ca_pem());
        for name in [
            "jump.example.org",
            "10.9.0.1",
            "2001:db8::1",
            "localhost",
            "::1",
        ] {
            assert!(jump.names().contains(name), "{name}");
        }
        // Fewer are fine, and so are none.
        for fewer in [&["10.9.0.1"][..], &[]] {
            assert_eq!(with(fewer).ca_pem(), jump.ca_pem());
        }
        // Another process's name does not take ours.
        let other = with(&["other.example.org"]);
        assert_eq!(with(&["jump.example.org"]).ca_pem(), other.ca_pem());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(dir.path().join(FILE))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_with_one_certificate_is_still_good() {
        const KEY_END: &str = "-----END PRIVATE KEY-----";
        let pem = make(&[]).unwrap();
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
