//! The server behind the door, where we are the client: PostgreSQL, and a password.
//!
//! ```text
//!   app                     the door                        server behind
//!    | -- token ------------> |                                   |
//!    |                        | -- startup, as the app's role --> |
//!    |                        | <- a challenge; an answer ------> |
//!    | <- Ok, its settings,   | <- Ok, settings, key, Ready ----- |
//!    |    its key, Ready ---- |                                   |
//!    | <========================= bytes ========================> |
//! ```
//!
//! `postgres-protocol` reads and writes the login.
//!
//! # Invariants
//!
//! * Nobody is logged in behind before the app's token has been found good.
//! * From Ok on, the app reads what the server behind has said, byte for byte.

use std::io;

use bytes::{BufMut, BytesMut};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::opening::{CANCEL_REQUEST, CancelKey, Startup};
use crate::behind::{Behind, BehindError, BehindStream};
use crate::principal::Principal;

/// The longest message that a login may have.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// A session behind, and what its server said to greet it: Ok, its settings, its key.
pub(super) struct ServerBehind {
    pub(super) stream: BehindStream,
    pub(super) greeting: Vec<u8>,
}

/// Why there is no session behind.
pub(super) enum NotLoggedIn {
    /// The app is told in our words.
    Ours(BehindError),
    /// The app reads the server's own ErrorResponse, with all that it has said before: it is about what the app has asked for.
    Its(Vec<u8>),
}

impl From<BehindError> for NotLoggedIn {
    fn from(error: BehindError) -> Self {
        Self::Ours(error)
    }
}

/// Logs `principal` in with what the app has said of its session.
pub(super) async fn log_in(
    behind: &Behind,
    principal: &Principal,
    startup: &Startup,
    minor: u16,
) -> Result<ServerBehind, NotLoggedIn> {
    let stream = behind.connect().await?;
    let user = behind.user_of(principal);
    let mut login = Login {
        behind,
        user,
        stream,
        scram: None,
    };
    login.start(startup, minor).await?;
    login.authenticate().await?;
    login.settle().await
}

/// Asks the server behind to end what the session with this key is doing, and waits until it has
/// heard.
pub(super) async fn cancel(behind: &Behind, key: &CancelKey) -> Result<(), BehindError> {
    let mut stream = behind.connect().await?;
    let length = 12_u32.saturating_add(u32::try_from(key.secret.len()).unwrap_or_default());
    let mut request = length.to_be_bytes().to_vec();
    request.extend(CANCEL_REQUEST.to_be_bytes());
    request.extend(key.process.to_be_bytes());
    request.extend(&key.secret);
    let asked = async {
        stream.write_all(&request).await?;
        // It hangs up when it has looked for the session.
        stream.read_to_end(&mut Vec::new()).await
    };
    match asked.await {
        Ok(_) => Ok(()),
        Err(source) => Err(behind.unreachable(source)),
    }
}

struct Login<'a> {
    behind: &'a Behind,
    user: &'a str,
    stream: BehindStream,
    scram: Option<ScramSha256>,
}

impl Login<'_> {
    async fn start(&mut self, startup: &Startup, minor: u16) -> Result<(), BehindError> {
        let app = startup.parameter("user");
        // PostgreSQL's database is named as the user, if nobody names one.
        let database = self.behind.database(startup.parameter("database").or(app));
        let passed = startup.parameters.iter().filter(|(name, _)| {
            !matches!(name.as_str(), "user" | "database") && !name.starts_with("_pq_.")
        });
        let passed = passed.map(|(name, value)| (name.as_str(), value.as_str()));
        let own = [("user", Some(self.user)), ("database", database)];
        let own = own
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let mut packet = BytesMut::new();
        let written = frontend::startup_message(own.chain(passed), &mut packet);
        written.map_err(|error| self.behind.misunderstood(error.to_string()))?;
        // The crate speaks 3.0; the session behind has the version that the app was promised.
        if let Some(version) = packet.get_mut(4..8) {
            version.copy_from_slice(&((3 << 16) | u32::from(minor)).to_be_bytes());
        }
        self.send(&packet).await
    }

    /// Answers challenges until it is in.
    async fn authenticate(&mut self) -> Result<(), NotLoggedIn> {
        loop {
            let (kind, packet) = self.read().await?;
            match kind {
                b'R' => {
                    let message = self.parsed(&packet)?;
                    if matches!(message, Message::AuthenticationOk) {
                        return Ok(());
                    }
                    self.answer(message, &packet).await?;
                }
                b'E' => return Err(self.refused(packet)),
                b'N' => {}
                b'v' => {
                    let text = "it speaks an older protocol than the door; lower `newest_minor`";
                    return Err(self.behind.misunderstood(text).into());
                }
                other => return Err(self.strange(other).into()),
            }
        }
    }

    async fn answer(&mut self, challenge: Message, packet: &[u8]) -> Result<(), BehindError> {
        let behind = self.behind;
        let password = behind.password();
        let password = password.ok_or_else(|| {
            behind.refused(self.user, "it wants a password, and its URL has none")
        })?;
        let strange = |error: io::Error| behind.misunderstood(error.to_string());
        let mut answer = BytesMut::new();
        match challenge {
            Message::AuthenticationCleartextPassword => {
                frontend::password_message(password.as_bytes(), &mut answer).map_err(strange)?;
            }
            Message::AuthenticationMd5Password(body) => {
                let hash = md5_hash(self.user.as_bytes(), password.as_bytes(), body.salt());
                frontend::password_message(hash.as_bytes(), &mut answer).map_err(strange)?;
            }
            Message::AuthenticationSasl(_) => {
                let mut words = packet.get(9..).unwrap_or_default().split(|byte| *byte == 0);
                if !words.any(|word| word == SCRAM_SHA_256.as_bytes()) {
                    return Err(behind.misunderstood("it knows no SCRAM-SHA-256"));
                }
                let scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
                let first = scram.message();
                frontend::sasl_initial_response(SCRAM_SHA_256, first, &mut answer)
                    .map_err(strange)?;
                self.scram = Some(scram);
            }
            Message::AuthenticationSaslContinue(body) => {
                let scram = self.scram.as_mut();
                let scram = scram.ok_or_else(|| behind.misunderstood("SCRAM in its middle"))?;
                scram.update(body.data()).map_err(strange)?;
                frontend::sasl_response(scram.message(), &mut answer).map_err(strange)?;
            }
            Message::AuthenticationSaslFinal(body) => {
                let scram = self.scram.as_mut();
                let scram = scram.ok_or_else(|| behind.misunderstood("SCRAM at its end"))?;
                return scram.finish(body.data()).map_err(strange);
            }
            _ => {
                let text = "it wants neither a password nor SCRAM";
                return Err(behind.misunderstood(text));
            }
        }
        self.send(&answer).await
    }

    /// Reads what stands between Ok and the first ReadyForQuery, where the server may still refuse.
    async fn settle(mut self) -> Result<ServerBehind, NotLoggedIn> {
        let mut greeting = Vec::from(*b"R\0\0\0\x08\0\0\0\0");
        loop {
            let (kind, packet) = self.read().await?;
            if kind == b'E' {
                // The app has Ok in front of it, as one that logs in there has: libpq tries nothing else then.
                return Err(match self.refused(packet) {
                    NotLoggedIn::Its(error) => NotLoggedIn::Its([greeting, error].concat()),
                    ours => ours,
                });
            }
            greeting.extend_from_slice(&packet);
            if kind == b'Z' {
                let stream = self.stream;
                return Ok(ServerBehind { stream, greeting });
            }
        }
    }

    /// An error of class 28 is about the role behind, of which the app knows nothing; others are
    /// about the app's own wishes, such as a database that is not there.
    fn refused(&self, packet: BytesMut) -> NotLoggedIn {
        let code = field(&packet, b'C').unwrap_or_default();
        if code.starts_with("28") {
            let text = field(&packet, b'M').unwrap_or_default();
            return self.behind.refused(self.user, text).into();
        }
        NotLoggedIn::Its(packet.to_vec())
    }

    fn parsed(&self, packet: &BytesMut) -> Result<Message, BehindError> {
        match Message::parse(&mut packet.clone()) {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(self.behind.misunderstood("half a message")),
            Err(error) => Err(self.behind.misunderstood(error.to_string())),
        }
    }

    fn strange(&self, kind: u8) -> BehindError {
        let kind = char::from(kind).escape_default();
        let text = format!("a message of type `{kind}` in the login");
        self.behind.misunderstood(text)
    }

    /// Reads a message: its type, and all of it.
    async fn read(&mut self) -> Result<(u8, BytesMut), BehindError> {
        let failed = |source| self.behind.unreachable(source);
        let kind = self.stream.read_u8().await.map_err(failed)?;
        let length = self.stream.read_u32().await.map_err(failed)?;
        let size = (length as usize).checked_sub(4);
        let size = size.filter(|size| *size <= MESSAGE_LIMIT);
        let size = size.ok_or_else(|| self.behind.misunderstood("a message of no sane length"))?;
        let mut body = vec![0; size];
        self.stream.read_exact(&mut body).await.map_err(failed)?;
        let mut packet = BytesMut::with_capacity(size + 5);
        packet.put_u8(kind);
        packet.put_u32(length);
        packet.extend_from_slice(&body);
        Ok((kind, packet))
    }

    async fn send(&mut self, packet: &[u8]) -> Result<(), BehindError> {
        let sent = self.stream.write_all(packet).await;
        sent.map_err(|source| self.behind.unreachable(source))
    }
}

/// A field of a whole ErrorResponse.
fn field(packet: &[u8], kind: u8) -> Option<String> {
    let mut fields = packet.get(5..)?.split(|byte| *byte == 0);
    let text = fields.find_map(|field| match field {
        [own, text @ ..] if *own == kind => Some(text),
        _ => None,
    });
    text.map(|text| String::from_utf8_lossy(text).into_owned())
}
