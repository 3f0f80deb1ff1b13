//! The store of trusted roots: who an upstream may be is what Windows says, and `ca --install` is how an authority comes into it.
//!
//! Wine makes the machine's store anew from this machine's files for each program that opens it, and asks nobody before it changes a user's: what of these
//! is right, a real Windows shows.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use azdb_emulator::{DEFAULT_ROLE, EmulatorOptions, ServerCertificate};
use azdb_tests::{Emulated, Ran, Start};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::wine::wine;

/// A name that a token goes to by the platform's roots.
const NAME: &str = "orders.postgres.database.azure.com";

/// An authority that says which of its certificates it has revoked, which is none: Wine trusts no other.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    /// Where it says so.
    list: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        let name = "authority of the tests of Windows' store";
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2099, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&issuer).unwrap().der().to_vec();
        Self {
            pem,
            issuer,
            list: served(list),
        }
    }

    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.crl_distribution_points = vec![CrlDistributionPoint {
            uris: vec![self.list.clone()],
        }];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Answers every request of HTTP with these bytes, as long as the tests run.
fn served(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/list.crl", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                bytes.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &bytes].concat());
        }
    });
    url
}

/// An emulated Azure by that name, with a certificate of that authority, whose own it shows, too: without it Wine says of one that it does not know that its
/// revocation could not be checked.
fn azure(authority: &Authority) -> Emulated {
    let (certificate, key) = authority.issue(NAME);
    let certificate = ServerCertificate {
        ca_pem: authority.pem.clone(),
        chain: [&certificate, &authority.pem]
            .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
            .to_vec(),
        key: PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
    };
    Emulated::with(EmulatorOptions {
        certificate: Some(Arc::new(certificate)),
        ..EmulatorOptions::default()
    })
}

/// The route to it, by the platform's roots. Its apps are shown a certificate of the same authority, whose own is in the chain.
fn route(azure: &Emulated, authority: &Authority, directory: &Path) -> String {
    let (certificate, key) = authority.issue("localhost");
    let (chain, key_file) = (directory.join("chain.pem"), directory.join("key.pem"));
    std::fs::write(&chain, certificate + &authority.pem).unwrap();
    std::fs::write(&key_file, key).unwrap();
    let only_ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&key_file, only_ours).unwrap();
    format!(
        "[[route]]\nname = \"orders\"\nprotocol = \"postgres\"\nlisten = \"127.0.0.1:0\"\nupstream = \"{NAME}\"\n\
         connect_to = \"127.0.0.1:{}\"\nupstream_user = {DEFAULT_ROLE:?}\nlocal_tls = {{ cert_file = 'Z:{}', key_file = 'Z:{}' }}\n",
        azure.azure.postgres().address().port(),
        chain.display(),
        key_file.display()
    )
}

fn ca(config: &Path, words: &[&str]) -> Ran {
    let config = format!("--config=Z:{}", config.display());
    Start::new(&["ca"]).args(words).arg(&config).run()
}

/// The keys of the certificates in a user's store.
fn in_registry() -> String {
    let key = r"HKCU\Software\Microsoft\SystemCertificates\Root\Certificates";
    wine("reg").args(["query", key]).run().stdout
}

#[test]
fn an_upstream_is_who_windows_says_that_it_is_and_an_installed_authority_counts() {
    let directory = tempfile::TempDir::new().unwrap();
    let authority = Authority::new();
    let azure = azure(&authority);
    let route = route(&azure, &authority, directory.path());
    let config = directory.path().join("proxy.toml");
    std::fs::write(&config, &route).unwrap();

    let unknown = || {
        let proxy = azure.start(&route).start();
        let refused = proxy.app().sql("select 1");
        for part in [
            "its certificate is of an authority that is not trusted here",
            "certutil -addstore Root FILE",
        ] {
            assert!(refused.failed().contains(part), "{part}: {refused:#?}");
        }
    };
    unknown();

    let before = in_registry();
    let unasked = ca(&config, &["--install"]);
    assert_eq!(unasked.code, Some(64), "{unasked:#?}");
    let installed = ca(&config, &["--install", "--yes"]);
    let _ = installed.succeeded();
    for part in [
        "the store Trusted Root Certification Authorities (certmgr.msc), for this user",
        "can pose as ANY server before these programs",
        "is trusted now",
    ] {
        assert!(installed.stderr.contains(part), "{part}: {installed:#?}");
    }
    assert_ne!(in_registry(), before);
    let again = ca(&config, &["--install", "--yes"]);
    assert!(again.stderr.contains("is trusted already"), "{again:#?}");

    let proxy = azure.start(&route).start();
    assert_eq!(proxy.app().query("select current_user"), DEFAULT_ROLE);

    let removed = ca(&config, &["--uninstall"]);
    let _ = removed.succeeded();
    assert!(removed.stderr.contains("is no longer in"), "{removed:#?}");
    assert_eq!(in_registry().trim(), before.trim());
    unknown();
}
