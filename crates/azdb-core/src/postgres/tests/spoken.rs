//! PostgreSQL, for stories that are told in every protocol.

use azdb_wire::postgres::{FirstError, MessageError, Version};
use rustls::ServerConfig;

use super::super::hint::{OF_ANYBODY, OF_TOKENS};
use super::super::notice::notice;
use super::*;
use crate::fault::{Meaning, ProvedBy};
use crate::gate::ScramError;
use crate::rig::{Refusal, Spoken, heard_out};
use crate::tls::TlsEnd;

impl Spoken for Postgres {
    const NAME: ProtocolName = ProtocolName::Postgres;
    const HOSTS: &'static [&'static str] = &[HOST];
    type Database = Database<TlsStream<DuplexStream>>;

    async fn log_in(
        app: &mut DuplexStream,
        databases: &mut Databases,
        server: &Arc<ServerConfig>,
    ) -> Self::Database {
        app.write_all(&Self::knock()).await.unwrap();
        let mut database = first_to_speak(databases, server).await;
        database.demand(TOKEN).await;
        database.welcome().await;
        let mut heard = vec![0; welcome().len()];
        app.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, welcome());
        database
    }

    fn knock() -> Vec<u8> {
        startup(b"user\0ann\0")
    }

    async fn refused(app: &mut DuplexStream) -> String {
        app.write_all(&Self::knock()).await.unwrap();
        let mut heard = Vec::new();
        app.read_to_end(&mut heard).await.unwrap();
        text(&heard).1
    }

    async fn ask_for_tls(app: &mut DuplexStream, _: &mut Databases) -> Option<DuplexStream> {
        app.write_all(&azdb_wire::postgres::SSL_REQUEST)
            .await
            .unwrap();
        assert_eq!(app.read_u8().await.unwrap(), b'S');
        None
    }

    fn question() -> Vec<u8> {
        message(b'Q', b"select 1\0")
    }

    async fn hear_question(database: &mut Self::Database) {
        assert_eq!(database.message().await, (b'Q', b"select 1\0".to_vec()));
    }

    async fn half_an_answer(database: &mut Self::Database) -> Vec<u8> {
        let mut row = message(b'D', b"half a row");
        row.truncate(10);
        database.say(&row).await;
        row
    }

    async fn rows(database: &mut Self::Database, count: u8) -> Vec<u8> {
        let rows = message(b'D', &[b'r'; 1000]).repeat(count.into());
        database.say(&rows).await;
        rows
    }

    const HEARS_BEHIND_ROWS: bool = true;

    async fn error_in_session(app: &mut DuplexStream, _: &[u8]) -> String {
        let tag = app.read_u8().await.unwrap();
        let length = app.read_u32().await.unwrap();
        let mut error = [&[tag][..], &length.to_be_bytes()].concat();
        error.resize(length as usize + 1, 0);
        app.read_exact(&mut error[5..]).await.unwrap();
        text(&error).1
    }

    async fn answer(app: &mut DuplexStream, database: &mut Self::Database) -> u64 {
        let answer = [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat();
        database.say(&answer).await;
        let mut heard = vec![0; answer.len()];
        app.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, answer);
        answer.len() as u64
    }

    const LEAVE: &'static [u8] = &azdb_wire::postgres::TERMINATE;

    async fn hear_out(database: Self::Database) -> (Vec<u8>, TlsEnd) {
        heard_out(database.0).await
    }

    fn is_farewell(heard: &[u8]) -> bool {
        matches!(error_fields(heard).0.as_str(), "57P01" | "57P05")
    }

    fn own_faults() -> Vec<PostgresFault> {
        let all = vec![
            PostgresFault::AppPacket(FirstError::Malformed("StartupMessage")),
            PostgresFault::AppProof(ScramError::Binding),
            PostgresFault::AppVersion(Version(2 << 16)),
            PostgresFault::NoUser,
            PostgresFault::TlsAnswer {
                host: HOST.into(),
                answer: b"HTTP/1.1 400".to_vec(),
            },
            PostgresFault::Challenge {
                role: "orders".into(),
                asked: "MD5",
            },
            PostgresFault::UpstreamMessage(MessageError::Malformed("AuthenticationRequest")),
            PostgresFault::Refused {
                message: b"no such role".to_vec(),
                body: b"C28000\0Mno such role\0\0".to_vec(),
                meaning: None,
                proved_by: ProvedBy::Token,
                before: Vec::new(),
            },
        ];
        let places: Vec<usize> = all.iter().map(place).collect();
        assert!(places.iter().copied().eq(0..all.len()), "{places:?}");
        all
    }

    fn notice(fault: &Fault<PostgresFault>) -> (u32, String) {
        text(&notice(fault))
    }

    const TITLE: &'static str = "PostgreSQL";

    fn spelled(code: u32) -> String {
        let digit = |place: u32| char::from_digit(code / 36_u32.pow(place) % 36, 36).unwrap();
        let sqlstate: String = (0..5).rev().map(digit).collect();
        sqlstate.to_uppercase()
    }

    fn known_refusals() -> Vec<Refusal> {
        let known = OF_TOKENS
            .iter()
            .chain(&OF_ANYBODY)
            .map(|(pieces, kind, remedy)| Refusal {
                said: format!("`{}`", pieces.join("` … `")),
                meaning: Meaning {
                    kind: *kind,
                    remedy,
                },
            });
        known.collect()
    }
}

/// Where a fault stands in the list. A new one does not compile until it has a place, and fails until it stands there.
fn place(fault: &PostgresFault) -> usize {
    match fault {
        PostgresFault::AppPacket(_) => 0,
        PostgresFault::AppProof(_) => 1,
        PostgresFault::AppVersion(_) => 2,
        PostgresFault::NoUser => 3,
        PostgresFault::TlsAnswer { .. } => 4,
        PostgresFault::Challenge { .. } => 5,
        PostgresFault::UpstreamMessage(_) => 6,
        PostgresFault::Refused { .. } => 7,
    }
}

/// SQLSTATE as a number to the base 36, message and hint.
fn text(error: &[u8]) -> (u32, String) {
    let (code, message, hint) = error_fields(error);
    assert_eq!(code.len(), 5, "an SQLSTATE");
    let code = u32::from_str_radix(&code, 36).unwrap();
    (code, format!("{message} {hint}"))
}
