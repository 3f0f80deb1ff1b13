//! What a story needs that is told in every protocol.

use std::future::Future;
use std::sync::Arc;

use azdb_config::route::{ProtocolName, Route};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::{Databases, House};
use crate::fault::{Fault, Meaning};
use crate::lobby::Protocol;
use crate::tls::TlsEnd;
use crate::way::Stream;

/// A protocol in which a test can speak for both sides.
pub(crate) trait Spoken: Protocol {
    /// Its name in a route.
    const NAME: ProtocolName;
    /// The names of its databases.
    const HOSTS: &'static [&'static str];
    /// An upstream that has let somebody in.
    type Database: Send + 'static;

    /// Plays a login on both sides, until the app is in.
    fn log_in(
        app: &mut DuplexStream,
        databases: &mut Databases,
        server: &Arc<ServerConfig>,
    ) -> impl Future<Output = Self::Database>;

    /// What an app says first that waits for nothing; where the server speaks first, nothing.
    fn knock() -> Vec<u8>;

    /// Asks to be let in and reads what it is told instead, up to the end of the connection.
    fn refused(app: &mut DuplexStream) -> impl Future<Output = String> + Send;

    /// The app asks for TLS, up to where its handshake begins. Returns the upstream that has greeted it, where one does.
    fn ask_for_tls(
        app: &mut DuplexStream,
        databases: &mut Databases,
    ) -> impl Future<Output = Option<DuplexStream>>;

    /// These records of a handshake as they travel.
    fn carried(records: &[u8]) -> Vec<u8> {
        records.to_vec()
    }

    /// What an app may ask for in a session.
    fn question() -> Vec<u8>;

    /// The upstream hears [`Spoken::question`].
    fn hear_question(database: &mut Self::Database) -> impl Future<Output = ()>;

    /// The app asks for something and the upstream hears it: so many bytes.
    fn ask(app: &mut DuplexStream, database: &mut Self::Database) -> impl Future<Output = u64> {
        async {
            let question = Self::question();
            app.write_all(&question).await.unwrap();
            Self::hear_question(database).await;
            question.len() as u64
        }
    }

    /// The upstream begins to answer [`Spoken::question`]: these bytes, behind which an app takes no word of ours.
    fn half_an_answer(database: &mut Self::Database) -> impl Future<Output = Vec<u8>>;

    /// The upstream says the beginning of an answer: this many rows, which are whole.
    fn rows(database: &mut Self::Database, count: u8) -> impl Future<Output = Vec<u8>>;

    /// Whether an app takes a word of ours behind a row.
    const HEARS_BEHIND_ROWS: bool;

    /// The text of the error that the app reads behind `heard`, which is what has come of an answer.
    fn error_in_session(app: &mut DuplexStream, heard: &[u8]) -> impl Future<Output = String>;

    /// The upstream answers and the app hears it: so many bytes. The session is at rest then.
    fn answer(app: &mut DuplexStream, database: &mut Self::Database) -> impl Future<Output = u64>;

    /// What an upstream at rest hears when we end its session.
    const LEAVE: &'static [u8];

    /// Everything that the upstream hears up to the end of its connection, and how TLS ends it: with `close_notify`, or not.
    fn hear_out(database: Self::Database) -> impl Future<Output = (Vec<u8>, TlsEnd)>;

    /// Whether these are the last words that an app at rest hears.
    fn is_farewell(heard: &[u8]) -> bool;

    /// One of every fault that only this protocol has.
    fn own_faults() -> Vec<Self::Fault>;

    /// What an app reads of a fault: the code, and all the text that a person gets to see.
    fn notice(fault: &Fault<Self::Fault>) -> (u32, String);

    /// What its databases are called.
    const TITLE: &'static str;

    /// A code of [`Spoken::notice`] as tools show it.
    fn spelled(code: u32) -> String {
        code.to_string()
    }

    /// Every refusal of a database's that we know the meaning of.
    fn known_refusals() -> Vec<Refusal>;
}

/// A refusal of a database's, and what it means.
pub(crate) struct Refusal {
    /// Its number or its text, in Markdown.
    pub(crate) said: String,
    pub(crate) meaning: Meaning,
}

impl Refusal {
    /// Those of all numbers whose meaning is known, by the meaning.
    pub(crate) fn of_numbers(known: impl Iterator<Item = (u32, Meaning)>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (number, meaning) in known {
            match all.iter_mut().find(|one| one.meaning == meaning) {
                Some(same) => same.said = format!("{}, `{number}`", same.said),
                None => all.push(Self {
                    said: format!("`{number}`"),
                    meaning,
                }),
            }
        }
        all
    }
}

/// Everything up to the end of a connection over TLS, and how that was.
pub(crate) async fn heard_out<S: Stream>(mut stream: S) -> (Vec<u8>, TlsEnd) {
    let mut heard = Vec::new();
    let end = match stream.read_to_end(&mut heard).await {
        Ok(_) => TlsEnd::CloseNotify,
        Err(_) => TlsEnd::Bare,
    };
    (heard, end)
}

impl<P: Spoken> House<P> {
    /// A route in token mode to a database with a certificate of its own.
    pub(crate) fn spoken(change: impl FnOnce(&mut Route)) -> Self {
        Self::with(P::NAME, P::HOSTS, change)
    }
}

/// A test of each protocol for each of these stories. What has sockets in it takes `#[tokio::test]` and the real clock.
macro_rules! in_every_protocol {
    (#[$test:meta] $($story:ident),+ $(,)?) => {$(
        mod $story {
            #[$test]
            async fn postgres() {
                super::$story::<crate::postgres::Postgres>().await;
            }

            #[$test]
            async fn mysql() {
                super::$story::<crate::mysql::Mysql>().await;
            }

            #[$test]
            async fn tds() {
                super::$story::<crate::tds::Tds>().await;
            }
        }
    )+};
    ($($story:ident),+ $(,)?) => {
        crate::rig::in_every_protocol!(#[tokio::test(start_paused = true)] $($story),+);
    };
}
pub(crate) use in_every_protocol;
