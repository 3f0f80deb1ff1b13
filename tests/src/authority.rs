//! Certificates for servers, and who trusts them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::process::Program;
use crate::server::Server;

/// A private certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
}

impl Default for Authority {
    fn default() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(
            DnType::CommonName,
            format!("authority {} of the tests", Server::number()),
        );
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let ca_pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, ca_pem }
    }
}

impl Authority {
    /// The authority's certificate.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Writes the authority's certificate to a file.
    #[must_use]
    pub fn write(&self, directory: &Path) -> PathBuf {
        let file = directory.join("ca.pem");
        std::fs::write(&file, &self.ca_pem).unwrap();
        file
    }

    /// A certificate for `names`, and its key, both PEM.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A certificate for localhost with these dates, and its key, both PEM.
    #[must_use]
    pub fn issue_between(&self, from: i32, until: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A TLS server for `names` that chooses among `alpn`.
    #[must_use]
    pub fn server_config(&self, names: &[&str], alpn: &[&[u8]]) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(names);
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }
}

/// A TLS client that trusts the certificates of a PEM text and offers `alpn`.
#[must_use]
pub fn client_config(ca_pem: &str, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

/// The self-signed certificate for localhost that PostgreSQL's documentation makes (chapter 19.9.5), and its key.
#[must_use]
pub fn documented_certificate(directory: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (directory.join("server.crt"), directory.join("server.key"));
    let made = Program::new("openssl")
        .args("req -new -x509 -days 365 -nodes -text -subj /CN=localhost".split(' '))
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .run();
    let _ = made.succeeded();
    (certificate, key)
}

/// A certificate of X.509 version 1 for localhost that signs itself, as OpenSSL makes it of a request, and its key, both PEM.
#[must_use]
pub fn first_version_certificate(directory: &Path) -> (String, String) {
    let file = |name: &str| directory.join(name).display().to_string();
    let openssl = |arguments: &str| {
        let arguments: Vec<String> = arguments
            .split(' ')
            .map(|word| word.strip_prefix('@').map_or(word.to_owned(), &file))
            .collect();
        let _ = Program::new("openssl").args(arguments).run().succeeded();
    };
    openssl("req -new -nodes -subj /CN=localhost -newkey rsa:2048 -keyout @v1.key -out @v1.csr");
    openssl("x509 -req -in @v1.csr -signkey @v1.key -days 2 -out @v1.crt");
    let read = |name| std::fs::read_to_string(file(name)).unwrap();
    (read("v1.crt"), read("v1.key"))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
