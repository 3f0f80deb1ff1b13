//! What an app may begin with, however its bytes are cut.

use azdb_wire::postgres::GSSENC_REQUEST;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio_rustls::TlsConnector;

use super::*;
use crate::stranger::Stranger;

#[tokio::test(start_paused = true)]
async fn requests_are_answered_in_any_order_and_in_pieces_of_one_byte() {
    for requests in [
        vec![],
        vec![SSL_REQUEST],
        vec![GSSENC_REQUEST],
        vec![SSL_REQUEST, GSSENC_REQUEST],
        vec![GSSENC_REQUEST, SSL_REQUEST],
    ] {
        let mut visit = House::of(|route| route.local_tls = LocalTls::Off).app();
        for request in &requests {
            for byte in request {
                visit.say(&[*byte]).await;
                tokio::task::yield_now().await;
            }
            assert_eq!(&visit.hear::<1>().await, b"N");
        }
        for byte in startup(b"user\0ann\0") {
            visit.say(&[byte]).await;
            tokio::task::yield_now().await;
        }
        grant(&mut visit).await;
        assert_eq!(&visit.hear::<1>().await, b"R");
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_may_come_once() {
    for request in [SSL_REQUEST, GSSENC_REQUEST] {
        let mut visit = House::of(|route| route.local_tls = LocalTls::Off).app();
        visit.say(&request).await;
        visit.hear::<1>().await;
        visit.say(&request).await;
        assert_eq!(visit.hear_out().await, b"");
        assert!(visit.nobody_dialled());
    }
}

/// TLS as an app speaks it that trusts the proxy's authority.
async fn app_tls(
    ca_pem: &str,
    stream: DuplexStream,
    alpn: &[&[u8]],
) -> std::io::Result<tokio_rustls::client::TlsStream<DuplexStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap())
        .unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[tokio::test(start_paused = true)]
async fn an_app_may_speak_tls_after_asking_and_without() {
    for direct in [false, true] {
        let house = House::new();
        let ca_pem = house.authority.ca_pem().to_owned();
        let mut visit = house.app();
        if !direct {
            visit.say(&SSL_REQUEST).await;
            assert_eq!(&visit.hear::<1>().await, b"S");
        }
        let app = std::mem::replace(&mut visit.app, duplex(1).0);
        let mut app = app_tls(&ca_pem, app, &[b"postgresql"]).await.unwrap();
        app.write_all(&startup(b"user\0ann\0")).await.unwrap();
        grant(&mut visit).await;
        let mut heard = vec![0; welcome().len()];
        app.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, welcome());
    }
}

#[tokio::test(start_paused = true)]
async fn direct_tls_without_our_alpn_is_refused() {
    for alpn in [&[][..], &[&b"http/1.1"[..], b"h2"]] {
        let house = House::new();
        let ca_pem = house.authority.ca_pem().to_owned();
        let mut visit = house.app();
        let app = std::mem::replace(&mut visit.app, duplex(1).0);
        // Without ALPN the handshake itself succeeds, and then the door is shut.
        if let Ok(mut app) = app_tls(&ca_pem, app, alpn).await {
            let mut heard = Vec::new();
            let _ = app.read_to_end(&mut heard).await;
            assert_eq!(heard, b"");
        }
        assert!(visit.nobody_dialled());
        let outcome = visit.outcome().await;
        assert!(matches!(outcome, Ok(Login::Nobody(Stranger::OtherTls))));
    }
}

#[tokio::test(start_paused = true)]
async fn direct_tls_is_closed_at_once_where_apps_are_offered_none() {
    let mut visit = House::of(|route| route.local_tls = LocalTls::Off).app();
    visit.say(&[0x16, 3, 1]).await;
    assert_eq!(visit.hear_out().await, b"");
    assert!(matches!(visit.outcome().await, Ok(Login::Nobody(_))));
}

#[tokio::test(start_paused = true)]
async fn bytes_stuffed_behind_an_ssl_request_end_the_connection() {
    let mut visit = House::new().app();
    visit
        .say(&[&SSL_REQUEST[..], &startup(b"user\0postgres\0")].concat())
        .await;
    assert_eq!(visit.hear_out().await, b"");
    assert!(visit.nobody_dialled());
    assert!(matches!(
        visit.outcome().await,
        Err(NotIn::Left(Left::StuffedBytes(_)))
    ));
}

#[tokio::test(start_paused = true)]
async fn an_http_request_and_a_probe_are_dropped_without_a_dial() {
    for bytes in [
        &b""[..],
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &[0, 0, 0, 1],
    ] {
        let mut visit = House::new().app();
        visit.say(bytes).await;
        visit.app.shutdown().await.unwrap();
        assert_eq!(visit.hear_out().await, b"");
        assert!(visit.nobody_dialled());
        assert!(matches!(visit.outcome().await, Ok(Login::Nobody(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn another_major_version_is_told_what_is_spoken() {
    let mut visit = House::new().app();
    visit.say(&versioned_startup(2 << 16, b"user\0ann\0")).await;
    let (code, message, _) = error_fields(&visit.hear_out().await);
    assert_eq!(code, "0A000");
    assert_eq!(
        message,
        "azdb-proxy: unsupported frontend protocol 2.0: server supports 3.0 to 3.x"
    );
}
