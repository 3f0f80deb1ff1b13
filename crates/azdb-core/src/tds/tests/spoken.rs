//! SQL Server's protocol, for stories that are told in every one.

use azdb_wire::tds::{
    Encryption, Header, Login7Error, LoginTooLong, PacketError, Prelogin, PreloginError,
    StreamTokenError, Version, kind, push_message,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::notice::notice;
use super::super::numbers::of_number;
use super::database::{Database, app_login, done, refusal, says_yes, welcome};
use super::old_logins::old_version;
use super::visit::{error_in, hear};
use super::*;
use crate::fault::ProvedBy;
use crate::rig::{Refusal, Spoken};
use crate::tls::TlsEnd;

fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    push_message(kind, 0, payload, &mut message);
    message
}

fn login() -> Vec<u8> {
    message(kind::LOGIN7, &app_login("sa", "orders"))
}

impl Spoken for Tds {
    const NAME: ProtocolName = ProtocolName::Tds;
    const HOSTS: &'static [&'static str] = &[HOST, WORKER];
    type Database = Database;

    async fn log_in(
        app: &mut DuplexStream,
        databases: &mut Databases,
        server: &Arc<ServerConfig>,
    ) -> Database {
        app.write_all(&Self::knock()).await.unwrap();
        let (stream, _) = databases.recv().await.expect("a dial");
        let mut database = Database::greet(stream, server).await;
        database.expect_token(TOKEN).await;
        database.say(&welcome()).await;
        assert!(says_yes(&hear(app).await));
        database
    }

    fn knock() -> Vec<u8> {
        login()
    }

    async fn refused(app: &mut DuplexStream) -> String {
        app.write_all(&Self::knock()).await.unwrap();
        let payload = hear(app).await;
        let mut after = Vec::new();
        app.read_to_end(&mut after).await.unwrap();
        assert!(after.is_empty(), "nothing behind the error");
        error_in(&payload).1
    }

    async fn ask_for_tls(app: &mut DuplexStream, _: &mut Databases) -> Option<DuplexStream> {
        let asked = Prelogin {
            encryption: Some(Encryption::On),
            mars: None,
            trace_id: None,
            fed_auth_required: None,
        };
        let mut payload = Vec::new();
        asked.encode_request(&mut payload);
        app.write_all(&message(kind::PRELOGIN, &payload))
            .await
            .unwrap();
        hear(app).await;
        None
    }

    fn carried(records: &[u8]) -> Vec<u8> {
        message(kind::PRELOGIN, records)
    }

    fn question() -> Vec<u8> {
        message(kind::SQL_BATCH, b"select 1")
    }

    async fn half_an_answer(database: &mut Database) -> Vec<u8> {
        let mut packet = message(kind::RESPONSE, b"some rows");
        packet[1] = 0;
        database.say_bytes(&packet).await;
        packet
    }

    async fn rows(database: &mut Database, count: u8) -> Vec<u8> {
        let mut packet = message(kind::RESPONSE, &[b'r'; 1000]);
        packet[1] = 0;
        for _ in 0..count {
            database.say_bytes(&packet).await;
        }
        packet.repeat(count.into())
    }

    /// A row has no end that its packets show: one may begin in a packet and end in the next.
    const HEARS_BEHIND_ROWS: bool = false;

    async fn error_in_session(app: &mut DuplexStream, _: &[u8]) -> String {
        error_in(&hear(app).await).1
    }

    async fn hear_question(database: &mut Database) {
        let (header, payload) = database.packet().await;
        assert_eq!(
            (header.kind, &payload[..]),
            (kind::SQL_BATCH, &b"select 1"[..])
        );
    }

    async fn answer(app: &mut DuplexStream, database: &mut Database) -> u64 {
        let mut payload = Vec::new();
        done(0, &mut payload);
        database.say(&payload).await;
        assert_eq!(hear(app).await, payload);
        (Header::LEN + payload.len()) as u64
    }

    const LEAVE: &'static [u8] = b"";

    async fn hear_out(mut database: Self::Database) -> (Vec<u8>, TlsEnd) {
        let (mut heard, mut end) = (Vec::new(), TlsEnd::Bare);
        while let Some(plain) = database.record().await {
            // What decrypts to nothing is a close_notify.
            end = if plain.is_empty() {
                TlsEnd::CloseNotify
            } else {
                end
            };
            heard.extend(plain);
        }
        (heard, end)
    }

    /// An idle client reads nothing before it asks again.
    fn is_farewell(heard: &[u8]) -> bool {
        heard.is_empty()
    }

    fn own_faults() -> Vec<TdsFault> {
        let all = vec![
            TdsFault::AppPacket("a login that is too long"),
            TdsFault::AppLogin(Login7Error::Truncated),
            TdsFault::AppVersion(Version::from_login(0x0402_0000)),
            TdsFault::AppWants("a new password"),
            TdsFault::AppHasNoPassword("integrated security"),
            TdsFault::AppPasswordInClear,
            TdsFault::LoginTooLong(LoginTooLong::Name("database")),
            TdsFault::UpstreamPrelogin(PreloginError::Table),
            TdsFault::UpstreamPacket(PacketError::Length(7)),
            TdsFault::UpstreamAnswer(StreamTokenError::Truncated(0xad)),
            TdsFault::TokenNotTaken,
            TdsFault::NoMars,
            TdsFault::PacketSize {
                size: 32_767,
                most: 16_383,
            },
            TdsFault::Route {
                to: "evil.example.org:1433".into(),
                why: "which is another service",
                remedy: "if the name is your server's, add its domain to routing_suffixes",
            },
            TdsFault::Hops(10),
            TdsFault::Refused {
                asked: Version::V7_4,
                message: b"Cannot open server".to_vec(),
                body: refusal(40_615, "Cannot open server"),
                proved_by: ProvedBy::Token,
            },
            TdsFault::OldLogin(old_version()),
            TdsFault::MarsInDialect(Version::V7_2),
            TdsFault::NoUser,
        ];
        let places: Vec<usize> = all.iter().map(place).collect();
        assert!(places.iter().copied().eq(0..all.len()), "{places:?}");
        all
    }

    fn notice(fault: &Fault<TdsFault>) -> (u32, String) {
        let login = app_login("sa", "orders");
        let manner = Manner::of(&Login7::parse(&login).unwrap());
        error_in(&notice(fault, &manner, "orders"))
    }

    const TITLE: &'static str = "SQL Server";

    fn known_refusals() -> Vec<Refusal> {
        // 18456 by its text.
        let texts = [
            "token is expired",
            "not currently configured to accept this token",
            "<token-identified principal>",
        ];
        let by_text = texts.map(|text| Refusal {
            said: format!("`18456` with `{text}`"),
            meaning: of_number(18456, text, ProvedBy::Token).unwrap(),
        });
        let known = (0..100_000)
            .filter_map(|number| Some((number, of_number(number, "", ProvedBy::Token)?)));
        let mut all = Refusal::of_numbers(known);
        all.extend(by_text);
        all
    }
}

/// Where a fault stands in the list. A new one does not compile until it has a place, and fails until it stands there.
fn place(fault: &TdsFault) -> usize {
    match fault {
        TdsFault::AppPacket(_) => 0,
        TdsFault::AppLogin(_) => 1,
        TdsFault::AppVersion(_) => 2,
        TdsFault::AppWants(_) => 3,
        TdsFault::AppHasNoPassword(_) => 4,
        TdsFault::AppPasswordInClear => 5,
        TdsFault::LoginTooLong(_) => 6,
        TdsFault::UpstreamPrelogin(_) => 7,
        TdsFault::UpstreamPacket(_) => 8,
        TdsFault::UpstreamAnswer(_) => 9,
        TdsFault::TokenNotTaken => 10,
        TdsFault::NoMars => 11,
        TdsFault::PacketSize { .. } => 12,
        TdsFault::Route { .. } => 13,
        TdsFault::Hops(_) => 14,
        TdsFault::Refused { .. } => 15,
        TdsFault::OldLogin(_) => 16,
        TdsFault::MarsInDialect(_) => 17,
        TdsFault::NoUser => 18,
    }
}
