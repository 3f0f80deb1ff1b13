//! Clients that share no code with the emulator.

use std::io;
use std::sync::Arc;

use azdb_emulator::{DEFAULT_ROLE, Emulator, EmulatorOptions, ManagedIdentity, OSSRDBMS_AUDIENCE};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, NoTls};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// SSLRequest, the whole packet.
pub(crate) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// GSSENCRequest, the whole packet.
pub(crate) const GSSENC_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

pub(crate) async fn emulator() -> Emulator {
    Emulator::start(EmulatorOptions::default()).await.unwrap()
}

pub(crate) fn identity(azure: &Emulator) -> &ManagedIdentity {
    azure.identity().identities().first().unwrap()
}

/// A token for the default role.
pub(crate) fn token(azure: &Emulator) -> String {
    let issuer = azure.issuer();
    let token = issuer.issue(identity(azure), OSSRDBMS_AUDIENCE).unwrap();
    token.access_token
}

/// A TCP connection to the PostgreSQL server.
pub(crate) async fn tcp(azure: &Emulator) -> TcpStream {
    TcpStream::connect(azure.postgres().address())
        .await
        .unwrap()
}

/// Verified TLS over a stream, with or without ALPN.
pub(crate) async fn handshake(
    azure: &Emulator,
    stream: TcpStream,
    alpn: Option<&[u8]>,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(azure.ca_pem().as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.map(<[u8]>::to_vec).into_iter().collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// SSLRequest and TLS.
pub(crate) async fn tls(azure: &Emulator) -> TlsStream<TcpStream> {
    let mut stream = tcp(azure).await;
    stream.write_all(&SSL_REQUEST).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'S');
    handshake(azure, stream, None).await.unwrap()
}

/// Logs in with tokio-postgres.
pub(crate) async fn log_in(
    azure: &Emulator,
    user: &str,
    password: &str,
) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::Config::new()
        .user(user)
        .password(password)
        .dbname("shop")
        .ssl_mode(SslMode::Disable)
        .connect_raw(tls(azure).await, NoTls)
        .await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A session of the default role with a good token.
pub(crate) async fn session(azure: &Emulator) -> Client {
    log_in(azure, DEFAULT_ROLE, &token(azure)).await.unwrap()
}

/// SQLSTATE and message of an error that came from the server.
pub(crate) fn told(error: &tokio_postgres::Error) -> (String, String) {
    let told = error.as_db_error().unwrap_or_else(|| panic!("{error:?}"));
    (told.code().code().to_owned(), told.message().to_owned())
}
