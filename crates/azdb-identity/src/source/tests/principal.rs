//! Service principals, against an authority of our own.

use std::path::PathBuf;

use azure_core::base64;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use rustls::RootCertStore;
use serde_json::{Value, json};

use super::endpoint::{Endpoint, Reply};
use super::entra::{ASSERTION, authority};
use super::{CLIENT_ID, Scratch, TENANT, around_with, fetch, of, refused, tls};
use crate::{ClientSecret, IdentityConfig, Selector, SourceKind};

fn principal() -> IdentityConfig {
    IdentityConfig {
        tenant_id: Some(TENANT.to_owned()),
        selector: Some(Selector::ClientId(CLIENT_ID.to_owned())),
        ..of(SourceKind::ServicePrincipal)
    }
}

#[tokio::test]
async fn a_client_secret_is_read_from_its_file_each_time() {
    let (scratch, authority) = (Scratch::new("secret"), authority().await);
    let file = scratch.file("secret", "\u{feff}s3cret~one\r\n");
    let around = around_with(
        [("AZURE_AUTHORITY_HOST", authority.url.as_str())],
        tls(authority.roots()),
    );
    let identity = IdentityConfig {
        client_secret_file: Some(file),
        ..principal()
    };
    fetch(&identity, &around).await.ok().unwrap();
    scratch.file("secret", "s3cret~two");
    fetch(&identity, &around).await.ok().unwrap();
    let [first, second] = authority.seen().try_into().unwrap();
    assert_eq!(first.path, format!("/{TENANT}/oauth2/v2.0/token"));
    assert_eq!(first.form("client_id"), Some(CLIENT_ID));
    assert_eq!(first.form("client_secret"), Some("s3cret~one"));
    assert_eq!(second.form("client_secret"), Some("s3cret~two"));
}

#[tokio::test]
async fn a_service_principal_can_stand_in_the_environment() {
    let authority = authority().await;
    let around = around_with(
        [
            ("AZURE_AUTHORITY_HOST", authority.url.as_str()),
            ("AZURE_TENANT_ID", TENANT),
            ("AZURE_CLIENT_ID", CLIENT_ID),
            ("AZURE_CLIENT_SECRET", "from the environment\n"),
        ],
        tls(authority.roots()),
    );
    fetch(&of(SourceKind::Auto), &around).await.ok().unwrap();
    assert_eq!(
        authority.only().form("client_secret"),
        Some("from the environment")
    );
}

#[tokio::test]
async fn a_secret_that_stands_in_no_file_beats_the_environment_and_is_not_shown() {
    let authority = authority().await;
    let around = around_with(
        [
            ("AZURE_AUTHORITY_HOST", authority.url.as_str()),
            ("AZURE_CLIENT_SECRET", "from the environment"),
        ],
        tls(authority.roots()),
    );
    let identity = IdentityConfig {
        client_secret: Some(ClientSecret::new("Hush~1")),
        ..principal()
    };
    fetch(&identity, &around).await.ok().unwrap();
    assert_eq!(authority.only().form("client_secret"), Some("Hush~1"));
    assert!(!format!("{identity:?}").contains("Hush"));
}

/// A certificate file as `openssl pkcs12 -nodes` writes it, and the DER of the certificate.
fn certificate(scratch: &Scratch) -> (PathBuf, Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let params = CertificateParams::new(vec!["orders".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let pem = certificate.pem() + &key.serialize_pem();
    let file = scratch.file("principal.pem", format!("\u{feff}{pem}Bag Attributes\n"));
    (
        file,
        certificate.der().to_vec(),
        key.public_key_pem().into_bytes(),
    )
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_that_the_authority_can_verify() {
    let (scratch, authority) = (Scratch::new("certificate"), authority().await);
    let (file, der, public_key) = certificate(&scratch);
    let around = around_with(
        [
            ("AZURE_AUTHORITY_HOST", authority.url.as_str()),
            ("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "true"),
        ],
        tls(authority.roots()),
    );
    let identity = IdentityConfig {
        certificate_file: Some(file),
        ..principal()
    };
    fetch(&identity, &around).await.ok().unwrap();
    let seen = authority.only();
    assert_eq!(seen.form("client_assertion_type"), Some(ASSERTION));
    assert_eq!(seen.form("client_secret"), None);
    let assertion = seen.form("client_assertion").unwrap();

    let mut validation = Validation::new(Algorithm::PS256);
    let endpoint = format!("{}/{TENANT}/oauth2/v2.0/token", authority.url);
    validation.set_audience(&[&endpoint]);
    validation.set_issuer(&[CLIENT_ID]);
    let key = DecodingKey::from_rsa_pem(&public_key).unwrap();
    let token = jsonwebtoken::decode::<Value>(assertion, &key, &validation).unwrap();
    assert_eq!(token.claims["sub"], CLIENT_ID);
    assert_eq!(
        token.claims["exp"].as_u64().unwrap() - token.claims["nbf"].as_u64().unwrap(),
        600
    );
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    assert_eq!(token.header.x5t_s256, Some(base64::encode_url_safe(hash)));
    assert_eq!(token.header.x5c, Some(vec![base64::encode(&der)]));
}

#[tokio::test]
async fn certificate_files_that_cannot_work_say_why() {
    let scratch = Scratch::new("certificate-wrong");
    let made = rcgen::generate_simple_self_signed(["orders".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (content, says) in [
        (String::new(), "has no certificate in it"),
        ("\u{0}\u{30}not PEM".to_owned(), "has no certificate in it"),
        (certificate.clone(), "has no private key in it"),
        (
            format!("{certificate}{encrypted}"),
            "has an encrypted private key",
        ),
        (format!("{certificate}{key}"), "its key is not an RSA key"),
    ] {
        let file = scratch.file("wrong.pem", content);
        let identity = IdentityConfig {
            certificate_file: Some(file),
            ..principal()
        };
        let around = around_with([], tls(RootCertStore::empty()));
        let error = refused(fetch(&identity, &around).await);
        assert!(error.cause().contains(says), "{}", error.cause());
    }
}

#[tokio::test]
async fn each_code_of_the_authority_has_its_remedy() {
    for (code, advice) in [
        (7_000_215, "use the secret's value"),
        (7_000_222, "has expired"),
        (70_021, "no federated credential matches"),
        (500_011, "check the cloud"),
        (12_345, "look up AADSTS12345"),
    ] {
        let authority = Endpoint::https(move |_| {
            Reply::json(
                400,
                &json!({
                    "error": "invalid_client",
                    "error_description": format!("AADSTS{code}: Something about it.\r\nTrace ID: t\r\nCorrelation ID: c"),
                    "error_codes": [code],
                }),
            )
        });
        let (scratch, authority) = (Scratch::new("codes"), authority.await);
        let around = around_with(
            [("AZURE_AUTHORITY_HOST", authority.url.as_str())],
            tls(authority.roots()),
        );
        let file = Some(scratch.file("secret", "s"));
        let identity = IdentityConfig {
            client_secret_file: file,
            ..principal()
        };
        let error = refused(fetch(&identity, &around).await);
        let said = format!("Microsoft Entra answered 400: AADSTS{code}: Something about it.");
        assert_eq!(error.cause(), said);
        assert!(error.remedy().contains(advice), "{}", error.remedy());
        assert!(!error.is_transient());
        assert_eq!(
            authority.seen().len(),
            1,
            "the SDK must not retry by itself"
        );
    }
}

/// The id that the authority does not know is told, and where to correct it.
#[tokio::test]
async fn a_client_id_that_the_authority_does_not_know_is_told_with_its_place() {
    let said = "AADSTS700016: Application with identifier 'x' was not found in the directory.";
    let body = json!({"error": "unauthorized_client", "error_description": said});
    let authority = Endpoint::https(move |_| Reply::json(400, &body)).await;
    let scratch = Scratch::new("unknown");
    let file = Some(scratch.file("secret", "s"));
    let unknown = |selector, variable| {
        let identity = IdentityConfig {
            selector,
            client_secret_file: file.clone(),
            ..principal()
        };
        let around = around_with(
            [
                ("AZURE_AUTHORITY_HOST", authority.url.as_str()),
                ("AZURE_CLIENT_ID", variable),
            ],
            tls(authority.roots()),
        );
        async move { refused(fetch(&identity, &around).await) }
    };
    let error = unknown(None, CLIENT_ID).await;
    let asked =
        format!("{said} (asked for client_id `{CLIENT_ID}` from the variable AZURE_CLIENT_ID)");
    assert_eq!(
        error.cause(),
        format!("Microsoft Entra answered 400: {asked}")
    );
    let remedy = error.remedy();
    assert!(
        remedy.starts_with("correct AZURE_CLIENT_ID, or overrule it by `client_id`"),
        "{remedy}"
    );
    assert!(remedy.contains("Application (client) ID"), "{remedy}");
    let error = unknown(Some(Selector::ClientId(CLIENT_ID.to_owned())), "").await;
    assert!(
        error.cause().ends_with("from the configuration)"),
        "{}",
        error.cause()
    );
    let error = unknown(None, "\"quoted\"\n").await;
    assert!(
        error.cause().contains(r#"client_id `"quoted"\n` from"#),
        "{}",
        error.cause()
    );
    assert!(
        error.remedy().contains("it is no id, which has 8-4-4-4-12"),
        "{}",
        error.remedy()
    );
}

#[tokio::test]
async fn an_authority_that_cannot_be_trusted_gets_nothing() {
    let (scratch, authority) = (Scratch::new("untrusted"), authority().await);
    let around = around_with(
        [("AZURE_AUTHORITY_HOST", authority.url.as_str())],
        tls(RootCertStore::empty()),
    );
    let file = Some(scratch.file("secret", "s"));
    let identity = IdentityConfig {
        client_secret_file: file,
        ..principal()
    };
    let error = refused(fetch(&identity, &around).await);
    assert!(error.cause().contains("TLS handshake"), "{}", error.cause());
    assert!(authority.seen().is_empty());
}

#[tokio::test]
async fn what_a_principal_lacks_is_named() {
    let secret = Some(PathBuf::from("/secret"));
    for (identity, says) in [
        (
            IdentityConfig {
                selector: None,
                client_secret_file: secret.clone(),
                ..principal()
            },
            "a client id",
        ),
        (
            IdentityConfig {
                selector: Some(Selector::ObjectId("o".to_owned())),
                client_secret_file: secret.clone(),
                ..principal()
            },
            "a client id, no other",
        ),
        (
            IdentityConfig {
                tenant_id: None,
                client_secret_file: secret,
                ..principal()
            },
            "a tenant",
        ),
        (principal(), "a proof of who it is"),
        (of(SourceKind::WorkloadIdentity), "a client id"),
        (of(SourceKind::Command), "`command`"),
        (of(SourceKind::File), "`token_file`"),
    ] {
        let error = refused(fetch(&identity, &super::around([])).await);
        assert!(
            error.cause().contains(&format!("needs {says}")),
            "{}",
            error.cause()
        );
    }
}
