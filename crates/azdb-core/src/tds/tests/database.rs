//! The far side of the proxy: a server that takes one packet from one record, as Azure does.

use std::io::{Read as _, Write as _};

use azdb_wire::tds::{
    Done, Encryption, Header, LOGIN_PACKET, LoginSecret, Prelogin, Relogin, Report, Version, Width,
    kind, push_message, rebuild, tag,
};
use rustls::ServerConnection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;
use crate::way::Framing as _;

/// A connection on which TLS has been agreed.
pub(crate) struct Database {
    pub(super) stream: DuplexStream,
    pub(super) session: ServerConnection,
}

/// Reads a PRELOGIN in the clear.
pub(super) async fn read_prelogin(stream: &mut DuplexStream) -> Prelogin {
    let mut header = [0; Header::LEN];
    in_time(stream.read_exact(&mut header)).await.unwrap();
    let header = Header::parse(header).unwrap();
    assert_eq!((header.kind, header.is_last()), (kind::PRELOGIN, true));
    let mut payload = vec![0; header.payload()];
    in_time(stream.read_exact(&mut payload)).await.unwrap();
    Prelogin::parse(&payload).unwrap()
}

/// The answer that Azure SQL gives.
pub(super) fn prelogin_answer(encryption: Encryption, mars: bool) -> Vec<u8> {
    let answer = Prelogin {
        encryption: Some(encryption),
        mars: Some(mars),
        trace_id: None,
        fed_auth_required: Some(true),
    };
    let (mut payload, mut message) = (Vec::new(), Vec::new());
    answer.encode_answer(&mut payload);
    push_message(kind::RESPONSE, 0, &payload, &mut message);
    message
}

impl Database {
    /// Answers PRELOGIN with "encryption on" and shakes hands inside packets.
    pub(super) async fn greet(mut stream: DuplexStream, server: &Arc<ServerConfig>) -> Self {
        let asked = read_prelogin(&mut stream).await;
        assert_eq!(asked.encryption, Some(Encryption::On));
        let answer = prelogin_answer(Encryption::On, asked.mars == Some(true));
        stream.write_all(&answer).await.unwrap();
        Self::shake(stream, server).await
    }

    pub(super) async fn shake(stream: DuplexStream, server: &Arc<ServerConfig>) -> Self {
        let mut session = ServerConnection::new(Arc::clone(server)).unwrap();
        let mut leg = Leg::new(stream);
        while session.is_handshaking() {
            let share = in_time(InPrelogin::unwrap(&mut leg)).await;
            let payload = share.expect("TLS with the proxy").payload;
            let mut rest = &payload[..];
            while !rest.is_empty() {
                session.read_tls(&mut rest).unwrap();
                session.process_new_packets().unwrap();
            }
            let (mut flight, mut message) = (Vec::new(), Vec::new());
            while session.wants_write() {
                session.write_tls(&mut flight).unwrap();
            }
            InPrelogin::wrap(&flight, &mut message);
            if !flight.is_empty() {
                leg.say(&message).await.unwrap();
            }
        }
        let stream = leg.into_stream().unwrap();
        Self { stream, session }
    }

    /// The plaintext of the next record; `None` at the end of the connection.
    pub(super) async fn record(&mut self) -> Option<Vec<u8>> {
        // A handshake may have read it along with its own last flight.
        let early = self.plain();
        if !early.is_empty() {
            return Some(early);
        }
        let mut record = vec![0; 5];
        in_time(self.stream.read_exact(&mut record)).await.ok()?;
        let length = u16::from_be_bytes(*record.last_chunk().unwrap());
        record.resize(5 + usize::from(length), 0);
        let body = record.get_mut(5..).unwrap();
        in_time(self.stream.read_exact(body)).await.ok()?;
        let mut rest = &record[..];
        while !rest.is_empty() {
            self.session.read_tls(&mut rest).unwrap();
            self.session.process_new_packets().unwrap();
        }
        Some(self.plain())
    }

    /// What lies decrypted.
    fn plain(&mut self) -> Vec<u8> {
        let mut plain = Vec::new();
        // The error is "no more for now".
        let _ = self.session.reader().read_to_end(&mut plain);
        plain
    }

    /// The next packet, which fills its record.
    pub(super) async fn packet(&mut self) -> (Header, Vec<u8>) {
        let plain = self.record().await.expect("a packet");
        let (header, payload) = plain.split_first_chunk().unwrap();
        let header = Header::parse(*header).unwrap();
        assert_eq!(
            header.payload(),
            payload.len(),
            "a record is not one packet"
        );
        (header, payload.to_vec())
    }

    /// The payload of a LOGIN7, whose packets are not longer than before the login.
    pub(super) async fn login(&mut self) -> Vec<u8> {
        let mut login = Vec::new();
        loop {
            let (header, payload) = self.packet().await;
            assert_eq!(header.kind, kind::LOGIN7);
            assert!(usize::from(header.length) <= LOGIN_PACKET);
            login.extend_from_slice(&payload);
            if header.is_last() {
                return login;
            }
        }
    }

    /// Reads the login and checks that it carries `token`.
    pub(super) async fn expect_token(&mut self, token: &str) -> Vec<u8> {
        let login = self.login().await;
        let parsed = Login7::parse(&login).unwrap();
        let data = parsed.features.get(0x02).expect("FEDAUTH");
        assert_eq!(data.first(), Some(&0x03), "SecurityToken, echo");
        assert_eq!(data.get(5..), Some(&utf16(token)[..]));
        login
    }

    /// Says this payload as an answer.
    pub(super) async fn say(&mut self, payload: &[u8]) {
        let mut message = Vec::new();
        push_message(kind::RESPONSE, 51, payload, &mut message);
        self.say_bytes(&message).await;
    }

    pub(super) async fn say_bytes(&mut self, bytes: &[u8]) {
        self.session.writer().write_all(bytes).unwrap();
        let mut records = Vec::new();
        while self.session.wants_write() {
            self.session.write_tls(&mut records).unwrap();
        }
        self.stream.write_all(&records).await.unwrap();
    }

    /// Whether the proxy has closed without another packet.
    pub(super) async fn heard_nothing_more(mut self) -> bool {
        while let Some(plain) = self.record().await {
            // A close_notify decrypts to nothing.
            if !plain.is_empty() {
                return false;
            }
        }
        true
    }
}

/// INFO, LOGINACK, features, DONE.
pub(super) fn welcome() -> Vec<u8> {
    with_features(b"\xae\x02\0\0\0\0\x0a\x01\0\0\0\x01\xff")
}

pub(super) fn with_features(features: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Report {
        is_error: false,
        number: 5701,
        state: 2,
        class: 0,
        message: &utf16("Changed database context to 'orders'."),
        server: &utf16("orders"),
        procedure: &[],
        line: 1,
    }
    .encode(Width::Wide, &mut out);
    let program = utf16("Microsoft SQL Server");
    let length = u16::try_from(program.len() + 10).unwrap();
    out.push(tag::LOGIN_ACK);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[1, 0x74, 0, 0, 4, 20]);
    out.extend_from_slice(&program);
    out.extend_from_slice(&[12, 0, 0x07, 0xd0]);
    out.extend_from_slice(features);
    done(0, &mut out);
    out
}

pub(super) fn done(status: u16, out: &mut Vec<u8>) {
    Done {
        status,
        ..Done::ERROR
    }
    .encode(Width::Wide, out);
}

pub(super) fn refusal(number: u32, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Report {
        is_error: true,
        number,
        state: 1,
        class: 14,
        message: &utf16(text),
        server: &utf16("orders"),
        procedure: &[],
        line: 1,
    }
    .encode(Width::Wide, &mut out);
    done(2, &mut out);
    out
}

/// "Log in over there."
pub(super) fn routing(host: &str, port: u16) -> Vec<u8> {
    let name = utf16(host);
    let mut block = vec![0];
    block.extend_from_slice(&port.to_le_bytes());
    block.extend_from_slice(&u16::try_from(host.len()).unwrap().to_le_bytes());
    block.extend_from_slice(&name);
    let mut out = vec![tag::ENV_CHANGE];
    out.extend_from_slice(&u16::try_from(block.len() + 5).unwrap().to_le_bytes());
    out.push(20);
    out.extend_from_slice(&u16::try_from(block.len()).unwrap().to_le_bytes());
    out.extend_from_slice(&block);
    out.extend_from_slice(&[0, 0]);
    done(0, &mut out);
    out
}

/// ENVCHANGE of the packet size.
pub(super) fn packet_size(size: &str) -> Vec<u8> {
    let mut out = vec![tag::ENV_CHANGE];
    let values = [&[5], &utf16(size)[..], &[4], &utf16("4096")].concat();
    out.extend_from_slice(&u16::try_from(values.len() + 1).unwrap().to_le_bytes());
    out.push(4);
    out.extend_from_slice(&values);
    out
}

/// The payload of an app's LOGIN7 of 7.4 for this user and database.
pub(super) fn app_login(user: &str, database: &str) -> Vec<u8> {
    let skeleton = [
        &94u32.to_le_bytes()[..],
        &0x7400_0004u32.to_le_bytes(),
        &[0; 86],
    ]
    .concat();
    let (user, database) = (utf16(user), utf16(database));
    let mut login = Login7::parse(&skeleton).unwrap();
    (login.user, login.database) = (&user, &database);
    login_again(&login)
}

/// The payload of an app's LOGIN7 with a password.
pub(super) fn login_again(login: &Login7<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let relogin = Relogin {
        server: "localhost",
        database: login.database,
        secret: LoginSecret::Password {
            user: &from_utf16(login.user),
            password: "the app's own",
        },
    };
    rebuild(login, &relogin, &mut out).unwrap();
    out
}

/// Whether an answer of 7.4 lets the app in.
pub(super) fn says_yes(answer: &[u8]) -> bool {
    let answer = LoginAnswer::parse(answer, Version::V7_4).unwrap();
    answer.version.is_some()
}
