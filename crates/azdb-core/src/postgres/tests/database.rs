//! The far side of the proxy: a server that asks for a password in the clear, as Azure does.

use azdb_wire::postgres::{First, SSL_REQUEST, first_length};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use rustls::ServerConfig;

use super::*;

pub(super) const KEY: &[u8; 8] = b"pid.key.";

/// A connection on which TLS has been agreed, or that has none.
pub(crate) struct Database<S>(pub(super) S);

impl<S: Stream> Database<S> {
    /// Reads the StartupMessage, its parameters as text.
    pub(super) async fn startup(&mut self) -> Vec<(String, String)> {
        let mut packet = vec![0; 4];
        in_time(self.0.read_exact(&mut packet)).await.unwrap();
        let length = first_length(*packet.first_chunk().unwrap()).unwrap();
        packet.resize(length, 0);
        let rest = packet.get_mut(4..).unwrap();
        in_time(self.0.read_exact(rest)).await.unwrap();
        let Ok(First::Startup(startup)) = First::parse(&packet) else {
            unreachable!("not a StartupMessage")
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        startup
            .parameters
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    pub(super) async fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Reads the next message's tag and body.
    pub(super) async fn message(&mut self) -> (u8, Vec<u8>) {
        let tag = in_time(self.0.read_u8()).await.unwrap();
        let length = self.0.read_u32().await.unwrap();
        let mut body = vec![0; length as usize - 4];
        in_time(self.0.read_exact(&mut body)).await.unwrap();
        (tag, body)
    }

    /// Asks for the password in the clear and checks that it is `token`.
    pub(super) async fn demand(&mut self, token: &str) {
        self.say(&ask(3)).await;
        assert_eq!(
            self.message().await,
            (b'p', [token.as_bytes(), b"\0"].concat())
        );
    }

    /// Says that the login is through.
    pub(super) async fn welcome(&mut self) {
        self.say(&welcome()).await;
    }

    /// Whether the proxy has closed without another byte.
    pub(super) async fn heard_nothing_more(mut self) -> bool {
        let mut rest = Vec::new();
        let _ = in_time(self.0.read_to_end(&mut rest)).await;
        rest.is_empty()
    }
}

/// Whoever of those who connect says first whom it wants to be. A connection that was made ahead says nothing, and is closed with this.
pub(super) async fn first_to_speak(
    databases: &mut Databases,
    server: &Arc<ServerConfig>,
) -> Database<TlsStream<DuplexStream>> {
    let mut connected = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            dialled = databases.recv() => {
                let (mut stream, _) = dialled.expect("a dial");
                let acceptor = TlsAcceptor::from(Arc::clone(server));
                connected.spawn(async move {
                    let mut request = [0; SSL_REQUEST.len()];
                    stream.read_exact(&mut request).await?;
                    stream.write_all(b"S").await?;
                    let mut stream = acceptor.accept(stream).await?;
                    let mut length = [0; 4];
                    stream.read_exact(&mut length).await?;
                    let mut rest = vec![0; first_length(length).unwrap() - length.len()];
                    stream.read_exact(&mut rest).await?;
                    std::io::Result::Ok(stream)
                });
            }
            Some(spoken) = connected.join_next() => {
                if let Ok(stream) = spoken.unwrap() {
                    return Database(stream);
                }
            }
        }
    }
}

pub(super) async fn expect_ssl_request(stream: &mut DuplexStream) {
    let mut request = [0; 8];
    in_time(stream.read_exact(&mut request)).await.unwrap();
    assert_eq!(request, SSL_REQUEST);
}

pub(super) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

/// An authentication request without data.
pub(super) fn ask(kind: u32) -> Vec<u8> {
    message(b'R', &kind.to_be_bytes())
}

/// From "Ok" to ReadyForQuery.
pub(super) fn welcome() -> Vec<u8> {
    let status = message(b'S', b"server_version\x0018\0");
    [ask(0), status, message(b'K', KEY), message(b'Z', b"I")].concat()
}
