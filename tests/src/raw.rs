//! An app that says what the test says, byte by byte.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::PATIENCE;

/// First packets, as PostgreSQL's documentation lays them out (chapter 55.7).
pub mod packets {
    /// SSLRequest.
    pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    /// GSSENCRequest.
    pub const GSSENC_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

    /// StartupMessage of protocol 3.`minor`.
    #[must_use]
    pub fn startup(minor: u16, parameters: &[(&str, &str)]) -> Vec<u8> {
        let mut body = vec![0, 3];
        body.extend(minor.to_be_bytes());
        for (name, value) in parameters {
            body.extend(name.bytes().chain([0]).chain(value.bytes()).chain([0]));
        }
        body.push(0);
        with_length(body)
    }

    /// CancelRequest for the payload of BackendKeyData.
    #[must_use]
    pub fn cancel(key: &[u8]) -> Vec<u8> {
        with_length([&[0x04, 0xd2, 0x16, 0x2e], key].concat())
    }

    /// A simple query.
    #[must_use]
    pub fn query(sql: &str) -> Vec<u8> {
        let packet = with_length([sql.as_bytes(), &[0]].concat());
        [&b"Q"[..], &packet].concat()
    }

    /// PasswordMessage.
    #[must_use]
    pub fn password(secret: &str) -> Vec<u8> {
        let packet = with_length([secret.as_bytes(), &[0]].concat());
        [&b"p"[..], &packet].concat()
    }

    /// Terminate.
    pub const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

    fn with_length(body: Vec<u8>) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
        [&length.to_be_bytes()[..], &body].concat()
    }
}

/// What a server says after the first packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What kind it is.
    pub tag: u8,
    /// What follows the length.
    pub body: Vec<u8>,
}

impl Message {
    /// A field of an ErrorResponse: `C` is the SQLSTATE, `M` the text, `H` the hint.
    #[must_use]
    pub fn field(&self, field: char) -> Option<String> {
        let fields = self.body.split(|byte| *byte == 0);
        let mut texts = fields.filter_map(|text| std::str::from_utf8(text).ok());
        texts.find_map(|text| Some(text.strip_prefix(field)?.to_owned()))
    }
}

/// How a peer's connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With TLS's `close_notify`; without TLS, by a FIN.
    Announced,
    /// By a FIN, within TLS.
    Bare,
    /// By a reset.
    Reset,
}

trait Duplex: Read + Write + Send {}
impl<S: Read + Write + Send> Duplex for S {}

/// A connection of a test to a proxy or server.
pub struct RawApp {
    stream: Box<dyn Duplex>,
    socket: TcpStream,
}

impl RawApp {
    /// Connects.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// On a connection that has been made.
    #[must_use]
    pub fn over(socket: TcpStream) -> Self {
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let stream = Box::new(socket.try_clone().unwrap());
        Self { stream, socket }
    }

    /// The same connection, for another thread.
    #[must_use]
    pub fn another_hand(&self) -> Self {
        Self::over(self.socket.try_clone().unwrap())
    }

    /// Its own port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    /// Sends bytes. That the peer has gone shows when the answer is read.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
        let _ = self.stream.flush();
    }

    /// Sends bytes one by one, each in a packet of its own.
    pub fn send_slowly(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(&[*byte]);
        }
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// Speaks TLS from here on, as a client of `localhost`.
    ///
    /// # Errors
    ///
    /// When the handshake fails.
    pub fn tls(self, config: Arc<ClientConfig>) -> io::Result<Self> {
        let name = ServerName::try_from("localhost").unwrap();
        let mut session = ClientConnection::new(config, name).unwrap();
        let mut socket = self.socket;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        let clone = socket.try_clone()?;
        let stream = Box::new(StreamOwned::new(session, clone));
        Ok(Self { stream, socket })
    }

    /// Reads one byte; `None` at the end.
    #[must_use]
    pub fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(1) => byte.first().copied(),
            Ok(_) => None,
            Err(error) if is_end(&error) => None,
            Err(error) => panic!("no byte: {error}"),
        }
    }

    /// Reads one message.
    #[must_use]
    #[track_caller]
    pub fn message(&mut self) -> Message {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).expect("a message");
        let [tag, length @ ..] = head;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        self.stream.read_exact(&mut body).expect("a whole message");
        Message { tag, body }
    }

    /// The first error, if anything has come; messages before it are left out.
    #[must_use]
    pub fn waiting(&mut self) -> Option<Message> {
        self.socket.set_nonblocking(true).unwrap();
        let something = self.socket.peek(&mut [0]).is_ok();
        self.socket.set_nonblocking(false).unwrap();
        something.then(|| self.error())
    }

    /// Reads messages up to the first error, which it returns.
    #[must_use]
    #[track_caller]
    pub fn error(&mut self) -> Message {
        loop {
            let message = self.message();
            if message.tag == b'E' {
                return message;
            }
        }
    }

    /// Reads messages up to one with this tag, which it returns. An error on the way is a failure.
    #[track_caller]
    pub fn until(&mut self, tag: u8) -> Message {
        loop {
            let message = self.message();
            if message.tag == tag {
                return message;
            }
            assert_ne!(message.tag, b'E', "{:?}", message.field('M'));
        }
    }

    /// Reads to the end.
    #[must_use]
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if is_end(&error) => {}
            Err(error) => panic!("no end: {error}"),
        }
        rest
    }

    /// Reads to the end, and says how that came.
    #[must_use]
    #[track_caller]
    pub fn end(&mut self) -> End {
        match self.stream.read_to_end(&mut Vec::new()) {
            Ok(_) => End::Announced,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => End::Bare,
            Err(error) if is_end(&error) => End::Reset,
            Err(error) => panic!("no end: {error}"),
        }
    }

    /// Reads so many bytes.
    #[must_use]
    #[track_caller]
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).expect("so many bytes");
        bytes
    }

    /// Says goodbye as drivers do, and closes. Whatever else comes is a failure.
    #[track_caller]
    pub fn leave(mut self) {
        self.send(&packets::TERMINATE);
        assert_eq!(self.rest(), b"");
    }

    /// Logs in with protocol 3.0, up to the server's "ready". Returns the payload of BackendKeyData.
    #[track_caller]
    pub fn log_in(&mut self, user: &str) -> Vec<u8> {
        self.send(&packets::startup(0, &[("user", user)]));
        let key = self.until(b'K').body;
        self.until(b'Z');
        key
    }
}

/// A peer that hangs up with our bytes unread resets the connection; without close_notify the TLS library complains.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe
    )
}
