//! What somebody reads who is asked whether an authority is to be trusted.

use azdb_core::ToTrust;
use azdb_quote::Quoted;

use super::known::Chosen;
use super::store::{Store, hex};

/// Programs that look elsewhere, wherever this is.
const NOT_READ_BY: &str = "\
not by programs with authorities of their own, which must be told where `azdb-proxy ca > ca.pem` has put it:
  Java       keytool -importcert -cacerts -alias azdb-proxy -file ca.pem
  Node.js    NODE_EXTRA_CA_CERTS=ca.pem; 22.15, 23.8 and later: NODE_OPTIONS=--use-system-ca
  Python     where certifi is used: SSL_CERT_FILE=ca.pem, REQUESTS_CA_BUNDLE=ca.pem
  libpq      sslrootcert=ca.pem; MySQL's and MariaDB's clients: --ssl-ca=ca.pem; FreeTDS: ca file = ca.pem
  Firefox    security.enterprise_roots.enabled";

/// The certificate, where it goes, and what that means.
pub(super) fn proposal(certificate: &ToTrust, authority: &Chosen<'_>, store: &dyn Store) -> String {
    let ToTrust {
        subject,
        not_after,
        fingerprint,
        ..
    } = certificate;
    let lines = [
        ("subject", Quoted(subject.as_bytes()).to_string()),
        ("SHA-256", hex(fingerprint, ":")),
        ("until", not_after.clone()),
        ("goes to", store.place()),
        ("means", meaning(certificate, authority)),
        ("read by", store.readers().to_owned()),
        ("", NOT_READ_BY.to_owned()),
    ];
    let lines =
        lines.map(|(what, text)| format!("  {what:<9}{}", text.replace('\n', "\n           ")));
    lines.join("\n")
}

/// Whom one trusts with it.
fn meaning(certificate: &ToTrust, authority: &Chosen<'_>) -> String {
    let file = authority.file.unwrap_or_default();
    match authority.names {
        Some(names) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!(
                "whoever can read {file} can pose as {} before these programs, and as nobody else: the proxy has forgotten the authority's own \
                 key after it had signed for these names",
                names.join(", ")
            )
        }
        None if certificate.is_constrained => {
            "whoever has the authority's key, which is not the proxy's, can pose before these programs as any server among the names that the \
             certificate allows (it has name constraints)"
                .to_owned()
        }
        None => "whoever has the authority's key, which is not the proxy's, can pose as ANY server before these programs".to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use azdb_core::LocalAuthority;

    use super::*;

    #[test]
    fn whom_one_trusts_is_said_before_one_does() {
        let authority = LocalAuthority::load_or_make(None).unwrap();
        let mut certificate = ToTrust::in_pem(authority.ca_pem()).unwrap();
        let names: Vec<String> = authority.names().into_iter().collect();
        let chosen = |names| Chosen {
            pem: "",
            file: Some("/state/local-tls.pem"),
            names,
        };
        let own = meaning(&certificate, &chosen(Some(&names)));
        for part in [
            "/state/local-tls.pem can pose as 127.0.0.1, ::1, localhost before",
            "as nobody else",
        ] {
            assert!(own.contains(part), "{part}: {own}");
        }
        let anybody = meaning(&certificate, &chosen(None));
        assert!(anybody.contains("as ANY server"), "{anybody}");
        certificate.is_constrained = true;
        let some = meaning(&certificate, &chosen(None));
        assert!(some.contains("among the names"), "{some}");
    }
}
