//! The far side of the proxy, and what both sides have in common: packets that are counted.

use azdb_wire::mysql::{ErrorPacket, Header, ResponsePacket, encode_switch, push_packet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;

/// What MariaDB offers, TLS and compression among it.
pub(super) const CAPABILITIES: Capabilities = Capabilities(0x81ff_fffe);
pub(super) const SALT: [u8; SCRAMBLE] = *b"01234567890123456789";
pub(super) const OK: &[u8] = b"\0\0\0\x02\0\0\0 Welcome";

pub(super) fn greeting() -> Greeting<'static> {
    Greeting {
        version: b"5.5.5-10.11.6-MariaDB",
        thread_id: 4711,
        scramble: SALT,
        capabilities: CAPABILITIES,
        charset: 45,
        status: 2,
        reserved: [0, 0, 0, 0, 0, 0, 0x1d, 0, 0, 0],
        plugin: plugin::NATIVE,
    }
}

/// One end of a connection, counting packets as MySQL does.
pub(crate) struct Peer<S> {
    pub(super) stream: S,
    pub(super) next: u8,
}

impl<S: Stream> Peer<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, next: 0 }
    }

    /// Reads a packet, which must have the number that is due.
    pub(super) async fn hear(&mut self) -> Vec<u8> {
        let mut header = [0; Header::LEN];
        in_time(self.stream.read_exact(&mut header)).await.unwrap();
        let Header { length, number } = Header::parse(header);
        assert_eq!(number, self.next, "the packet's number");
        let mut payload = vec![0; length];
        in_time(self.stream.read_exact(&mut payload)).await.unwrap();
        self.next = number.wrapping_add(1);
        payload
    }

    pub(super) async fn hear_out(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = in_time(self.stream.read_to_end(&mut rest)).await;
        rest
    }

    pub(super) async fn say(&mut self, payload: &[u8]) {
        let mut packet = Vec::new();
        push_packet(&mut packet, self.next, payload);
        self.next = self.next.wrapping_add(1);
        self.say_bytes(&packet).await;
    }

    pub(super) async fn say_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Begins a command.
    pub(super) async fn command(&mut self, payload: &[u8]) {
        self.next = 0;
        self.say(payload).await;
    }

    /// Reads a command.
    pub(super) async fn hear_command(&mut self) -> Vec<u8> {
        self.next = 0;
        self.hear().await
    }

    /// Asks for the token, takes it and lets the proxy in.
    pub(super) async fn take_token(&mut self, token: &str) {
        self.say(&encode_switch(plugin::CLEAR, &SALT)).await;
        assert_eq!(self.hear().await, [token.as_bytes(), b"\0"].concat());
        self.say(OK).await;
    }

    pub(super) async fn refuse(&mut self, code: u16, text: &str) {
        self.say(&refusal(code, text)).await;
    }
}

/// Agrees to TLS as an upstream that has greeted.
pub(super) async fn sealed(
    mut database: Peer<DuplexStream>,
    acceptor: &TlsAcceptor,
) -> Peer<TlsStream<DuplexStream>> {
    let request = database.hear().await;
    assert_eq!(
        ResponsePacket::parse(&request).unwrap(),
        ResponsePacket::Tls
    );
    let stream = in_time(acceptor.accept(database.stream)).await;
    Peer {
        stream: stream.expect("TLS with the proxy"),
        next: database.next,
    }
}

pub(super) fn refusal(code: u16, text: &str) -> Vec<u8> {
    ErrorPacket {
        code,
        sqlstate: Some(*b"28000"),
        message: text.as_bytes(),
    }
    .encode()
}

/// That an ERR packet is this one of the upstream's, with a remark of ours behind its words.
#[track_caller]
pub(super) fn assert_remarked(heard: &[u8], code: u16, text: &str) {
    let error = ErrorPacket::parse(heard).unwrap();
    assert_eq!((error.code, error.sqlstate), (code, Some(*b"28000")));
    let message = String::from_utf8(error.message.to_vec()).unwrap();
    let remark = message.strip_prefix(text).expect("its words");
    assert!(remark.starts_with("; azdb-proxy: "), "{message}");
    assert!(message.is_ascii() && message.len() <= 511, "{message}");
}
