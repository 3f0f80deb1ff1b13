//! What an app may begin with.

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio_rustls::TlsConnector;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_app_may_speak_tls() {
    let mut door = Door::new();
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    let response = app_response_with_tls();
    app.say(&response.encode_tls_request()).await;

    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(door.ca_pem.as_bytes()).unwrap())
        .unwrap();
    let config = rustls::ClientConfig::builder_with_provider(crate::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let (pipe, next) = (std::mem::replace(&mut app.stream, duplex(1).0), app.next);
    let stream = connector.connect(name, pipe).await.unwrap();
    let mut app = Peer { stream, next };
    app.say(&response.encode().unwrap()).await;
    let mut database = door.seal(database).await;
    database.hear().await;
    database.take_token(TOKEN).await;
    assert_eq!(app.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn bytes_stuffed_behind_a_request_for_tls_end_the_connection() {
    let mut door = Door::new();
    let mut app = door.app();
    let database = door.greeting().await;
    app.hear().await;
    let mut bytes = Vec::new();
    push_packet(&mut bytes, 1, &app_response_with_tls().encode_tls_request());
    push_packet(&mut bytes, 2, &response());
    app.say_bytes(&bytes).await;
    assert_eq!(app.hear_out().await, b"");
    is_the_next_apps(&mut door, database).await;
}

#[tokio::test(start_paused = true)]
async fn an_app_from_before_4_1_reads_1251_without_a_state() {
    let mut door = Door::new();
    let mut app = door.app();
    let _database = door.greeting().await;
    app.hear().await;
    app.say(b"\x05\x04\0\0\x01ann\0").await;
    let payload = app.hear().await;
    let error = ErrorPacket::parse(&payload).unwrap();
    assert_eq!((error.code, error.sqlstate), (1251, None));
}

#[tokio::test(start_paused = true)]
async fn a_malformed_response_is_told_so() {
    let mut door = Door::new();
    let mut app = door.app();
    let _database = door.greeting().await;
    app.hear().await;
    app.say(b"\x00\x02\x00\x00\x01").await;
    let (code, _) = app.refused().await;
    assert_eq!(code, 1043);
}
