//! MySQL, for stories that are told in every protocol.

use azdb_wire::mysql::PacketError;
use rustls::ServerConfig;

use super::super::fault::Refused;
use super::super::notice::notice;
use super::super::numbers::meaning_of;
use super::*;
use crate::fault::ProvedBy;
use crate::rig::{Refusal, Spoken, heard_out};
use crate::tls::TlsEnd;

/// The app's end of a connection, whose next packet has this number.
fn at(app: &mut DuplexStream, next: u8) -> Peer<DuplexStream> {
    Peer {
        stream: std::mem::replace(app, duplex(1).0),
        next,
    }
}

impl Spoken for Mysql {
    const NAME: ProtocolName = ProtocolName::Mysql;
    const HOSTS: &'static [&'static str] = &["db.example.org"];
    type Database = Peer<TlsStream<DuplexStream>>;

    async fn log_in(
        app: &mut DuplexStream,
        databases: &mut Databases,
        server: &Arc<ServerConfig>,
    ) -> Self::Database {
        let mut database = Peer::new(databases.recv().await.expect("a dial").0);
        database.say(&greeting().encode()).await;
        let mut peer = at(app, 0);
        peer.hear().await;
        peer.say(&response()).await;
        let mut database = sealed(database, &TlsAcceptor::from(Arc::clone(server))).await;
        database.hear().await;
        database.take_token(TOKEN).await;
        assert_eq!(peer.hear().await, OK);
        *app = peer.stream;
        database
    }

    fn knock() -> Vec<u8> {
        Vec::new()
    }

    async fn refused(app: &mut DuplexStream) -> String {
        let mut peer = at(app, 0);
        peer.hear().await;
        peer.say(&response()).await;
        let error = peer.hear().await;
        assert_eq!(peer.hear_out().await, b"");
        *app = peer.stream;
        text(&error).1
    }

    async fn ask_for_tls(
        app: &mut DuplexStream,
        databases: &mut Databases,
    ) -> Option<DuplexStream> {
        let mut database = Peer::new(databases.recv().await.expect("a dial").0);
        database.say(&greeting().encode()).await;
        let mut peer = at(app, 0);
        peer.hear().await;
        peer.say(&app_response_with_tls().encode_tls_request())
            .await;
        *app = peer.stream;
        Some(database.stream)
    }

    fn question() -> Vec<u8> {
        let mut packet = Vec::new();
        push_packet(&mut packet, 0, b"\x03select 1");
        packet
    }

    async fn hear_question(database: &mut Self::Database) {
        assert_eq!(database.hear_command().await, b"\x03select 1");
    }

    /// A column count.
    async fn half_an_answer(database: &mut Self::Database) -> Vec<u8> {
        let packet = b"\x01\0\0\x01\x02".to_vec();
        database.say_bytes(&packet).await;
        packet
    }

    async fn rows(database: &mut Self::Database, count: u8) -> Vec<u8> {
        // Ends are OKs here.
        let head = [&b"\x01"[..], b"\x03def"].into_iter();
        let rows = std::iter::repeat_n(&[b'r'; 1000][..], count.into());
        let mut bytes = Vec::new();
        for (number, payload) in (1..).zip(head.chain(rows)) {
            push_packet(&mut bytes, number, payload);
        }
        database.say_bytes(&bytes).await;
        bytes
    }

    const HEARS_BEHIND_ROWS: bool = true;

    async fn error_in_session(app: &mut DuplexStream, mut heard: &[u8]) -> String {
        let mut next = 1;
        while let Some((header, behind)) = heard.split_first_chunk() {
            let Header { length, number } = Header::parse(*header);
            (heard, next) = (&behind[length..], number + 1);
        }
        let mut peer = at(app, next);
        let error = peer.hear().await;
        *app = peer.stream;
        text(&error).1
    }

    async fn answer(app: &mut DuplexStream, database: &mut Self::Database) -> u64 {
        let mut peer = at(app, 1);
        database.say(OK).await;
        assert_eq!(peer.hear().await, OK);
        *app = peer.stream;
        (Header::LEN + OK.len()) as u64
    }

    const LEAVE: &'static [u8] = &azdb_wire::mysql::QUIT;

    async fn hear_out(database: Self::Database) -> (Vec<u8>, TlsEnd) {
        heard_out(database.stream).await
    }

    /// A closed connection is all that an app understands.
    fn is_farewell(heard: &[u8]) -> bool {
        heard.is_empty()
    }

    fn own_faults() -> Vec<MysqlFault> {
        let (user, message) = (|| PRINCIPAL.to_owned(), || b"Access denied".to_vec());
        let all = vec![
            MysqlFault::AppPacket(PacketError::Malformed("response")),
            MysqlFault::AppWantsTls,
            MysqlFault::AppProofInClear,
            MysqlFault::Challenge {
                user: user(),
                asked: "dialog",
            },
            MysqlFault::UpstreamPacket(PacketError::Length(1 << 24)),
            MysqlFault::RefusedAtOnce {
                code: 2003,
                message: message(),
            },
            MysqlFault::NotEntra {
                user: user(),
                message: message(),
                code: 1045,
            },
            MysqlFault::Refused(Refused {
                message: message(),
                code: 1045,
                body: refusal(1045, "Access denied"),
                proved_by: ProvedBy::Token,
            }),
        ];
        let places: Vec<usize> = all.iter().map(place).collect();
        assert!(places.iter().copied().eq(0..all.len()), "{places:?}");
        all
    }

    fn notice(fault: &Fault<MysqlFault>) -> (u32, String) {
        text(&notice(fault))
    }

    const TITLE: &'static str = "MySQL";

    fn known_refusals() -> Vec<Refusal> {
        let known = (0..=u16::MAX)
            .filter_map(|code| Some((code.into(), meaning_of(code, b"", ProvedBy::Token)?)));
        Refusal::of_numbers(known)
    }
}

/// Where a fault stands in the list. A new one does not compile until it has a place, and fails until it stands there.
fn place(fault: &MysqlFault) -> usize {
    match fault {
        MysqlFault::AppPacket(_) => 0,
        MysqlFault::AppWantsTls => 1,
        MysqlFault::AppProofInClear => 2,
        MysqlFault::Challenge { .. } => 3,
        MysqlFault::UpstreamPacket(_) => 4,
        MysqlFault::RefusedAtOnce { .. } => 5,
        MysqlFault::NotEntra { .. } => 6,
        MysqlFault::Refused(_) => 7,
    }
}

fn text(error: &[u8]) -> (u32, String) {
    let error = ErrorPacket::parse(error).unwrap();
    let message = String::from_utf8(error.message.to_vec()).unwrap();
    (error.code.into(), message)
}
