//! The store of trusted roots: who an upstream may be is what Windows says, and `ca --install` is how an authority comes into it.
//!
//! Wine makes the machine's store anew from this machine's files for each program that opens it, and asks nobody before it changes a user's: what of these
//! is right, a real Windows shows.

use std::path::Path;
use std::sync::Arc;

use azdb_emulator::{DEFAULT_ROLE, EmulatorOptions, ServerCertificate};
use azdb_tests::{Authority, Emulated, Ran, Start};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::wine::wine;

/// A name that a token goes to by the platform's roots.
const NAME: &str = "orders.postgres.database.azure.com";

/// An emulated Azure by that name, with a certificate of that authority.
fn azure(authority: &Authority) -> Emulated {
    let (certificate, key) = authority.issue(&[NAME]);
    let certificate = ServerCertificate {
        ca_pem: authority.ca_pem().to_owned(),
        chain: vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
        key: PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
    };
    Emulated::with(EmulatorOptions {
        certificate: Some(Arc::new(certificate)),
        ..EmulatorOptions::default()
    })
}

/// The route to it, by the platform's roots. Its apps are shown a certificate of the same authority, whose own is in the chain.
fn route(azure: &Emulated, authority: &Authority, directory: &Path) -> String {
    let (certificate, key) = authority.issue(&["localhost"]);
    let (chain, key_file) = (directory.join("chain.pem"), directory.join("key.pem"));
    std::fs::write(&chain, certificate + authority.ca_pem()).unwrap();
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
    let authority = Authority::default();
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
