//! How legs with TLS around them end, in every protocol.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail loudly"
)]

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::deadline::Deadline;
use crate::rig::{House, LOGIN_TIMEOUT, Spoken, in_every_protocol};
use crate::tls::{self, TlsEnd};

const WORDS: &[u8] = b"the last words";

in_every_protocol!(
    an_app_hears_the_end_of_a_server_of_its_protocol,
    an_app_hears_no_end_of_an_upstream_that_was_cut_off,
    an_upstream_hears_the_end_of_a_client_of_its_protocol,
    an_upstream_hears_no_end_of_an_app_that_was_killed,
);

/// What stands behind the last words: `close_notify`, or nothing of TLS.
async fn end_of(stream: &mut impl Stream) -> TlsEnd {
    let mut heard = vec![0; WORDS.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, WORDS);
    match stream.read(&mut [0]).await {
        Ok(0) => TlsEnd::CloseNotify,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => TlsEnd::Bare,
        other => unreachable!("{other:?}"),
    }
}

/// An app over TLS, and our leg to it.
async fn app<P: Spoken>(
    house: &House<P>,
) -> (
    tokio_rustls::client::TlsStream<DuplexStream>,
    AppLeg<DuplexStream>,
) {
    let ca = house.authority.ca_pem();
    let mut roots = RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let client = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (near, far) = duplex(64 * 1024);
    let name = ServerName::try_from("localhost").unwrap();
    let tls = house.lobby.app_tls.as_ref().unwrap();
    let (app, leg) = tokio::join!(
        TlsConnector::from(Arc::new(client)).connect(name, near),
        accept(Leg::new(far), tls, Alpn::Optional)
    );
    (app.unwrap(), leg.unwrap())
}

/// An upstream over TLS, and our way to it.
async fn upstream<P: Spoken>(
    house: &House<P>,
) -> (
    tokio_rustls::server::TlsStream<DuplexStream>,
    Upstream<DuplexStream>,
) {
    let (near, far) = duplex(64 * 1024);
    let host = P::HOSTS.first().unwrap();
    let tls = house.lobby.upstream_tls.as_deref().unwrap();
    let deadline = Deadline::after(LOGIN_TIMEOUT);
    let (database, way) = tokio::join!(
        TlsAcceptor::from(Arc::clone(&house.server)).accept(far),
        seal(near, tls, host, Alpn::Optional, &deadline)
    );
    (database.unwrap(), way.expect("a trusted certificate"))
}

async fn an_app_hears_the_end_of_a_server_of_its_protocol<P: Spoken>() {
    let (mut app, mut leg) = app(&House::<P>::spoken(|_| {})).await;
    let hearing = async {
        let end = end_of(&mut app).await;
        app.shutdown().await.unwrap();
        drop(app);
        end
    };
    let ((), end) = tokio::join!(leg.part_with(WORDS), hearing);
    assert_eq!(end, P::TLS.app_end);
}

async fn an_app_hears_no_end_of_an_upstream_that_was_cut_off<P: Spoken>() {
    let (mut app, mut leg) = app(&House::<P>::spoken(|_| {})).await;
    leg.write_all(WORDS).await.unwrap();
    leg.break_off();
    leg.shutdown().await.unwrap();
    assert_eq!(end_of(&mut app).await, TlsEnd::Bare);
}

async fn an_upstream_hears_the_end_of_a_client_of_its_protocol<P: Spoken>() {
    let (mut database, mut way) = upstream(&House::<P>::spoken(|_| {})).await;
    way.write_all(WORDS).await.unwrap();
    way.shutdown().await.unwrap();
    assert_eq!(end_of(&mut database).await, P::TLS.upstream_end);
}

async fn an_upstream_hears_no_end_of_an_app_that_was_killed<P: Spoken>() {
    let (mut database, mut way) = upstream(&House::<P>::spoken(|_| {})).await;
    way.write_all(WORDS).await.unwrap();
    way.break_off();
    way.shutdown().await.unwrap();
    assert_eq!(end_of(&mut database).await, TlsEnd::Bare);
}
