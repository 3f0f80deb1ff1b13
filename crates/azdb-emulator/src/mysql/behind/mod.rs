//! The server behind the door, where we are the client: MySQL or MariaDB, and a password.
//!
//! ```text
//!   app                          the door                        server behind
//!    |                              | ------------- TCP ------------->  |
//!    | <---- greeting, as it came - | <----------- greeting ----------- |
//!    | ---- TLS, response, token -> |                                   |
//!    |                              | -- TLS, if offered; response -->  |   the principal's role, a password
//!    |                              | <- switches of plugin; answers -> |
//!    | <------------- OK ---------- | <-------------- OK -------------- |
//!    | <============================ bytes ===========================> |
//! ```
//!
//! It is dialled when an app connects, because it speaks first: the app reads its version, its thread's id, and its flags as
//! far as the door can do without seeing into what they change.
//!
//! # Invariants
//!
//! * Nobody is logged in to it for an app before the app's token has been found good.
//! * Every flag that changes bytes after the login is the app's.

mod proof;
mod stream;

use std::io;

use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthSwitchRequest, HandshakePacket};

use self::proof::{KEY_PLEASE, KNOWN, Proof, SHOW};
pub(super) use self::stream::Stream;
use super::greeting::{Greeting, flag};
use super::login::{Change, Response};
use super::packet::{Fields, read, write};
use super::record::MysqlRefusal;
use crate::behind::{Behind, BehindError, BehindStream};
use crate::principal::Principal;

const QUIT: [u8; 1] = [1];
/// Errors about the database that an app has named: they are told as they came.
const NO_DATABASE: [u16; 2] = [1044, 1049];

/// A server behind that has said its greeting and heard nothing.
pub(super) struct Greeted {
    stream: BehindStream,
    behind: Behind,
    capabilities: u32,
    greeting: Greeting,
    proof: Proof,
}

/// A server behind that a session is logged in to.
pub(super) struct ServerBehind {
    pub(super) stream: Stream,
    behind: Behind,
    /// Flags of the session.
    capabilities: u32,
    proof: Proof,
}

impl Greeted {
    /// Connects, and reads what the server says first.
    pub(super) async fn dial(behind: &Behind) -> Result<Self, MysqlRefusal> {
        let mut stream = behind.connect().await?;
        let failed = |error| failed(behind, error);
        let payload = read(&mut stream).await.map_err(failed)?.payload;
        if let [0xff, error @ ..] = payload.as_slice() {
            return Err(refused(behind, "anybody", error));
        }
        let server: HandshakePacket<'_> = ParseBuf(&payload).parse(()).map_err(failed)?;
        Ok(Self {
            stream,
            behind: behind.clone(),
            capabilities: server.capabilities().bits(),
            greeting: Greeting::before(&server),
            proof: Proof::of_greeting(server.auth_plugin(), &server.nonce()),
        })
    }

    /// Where it is.
    pub(super) fn behind(&self) -> &Behind {
        &self.behind
    }

    /// What the app shall read.
    pub(super) fn greeting(&self) -> Greeting {
        self.greeting.clone()
    }

    /// Logs in as the role of `principal`, for an app that has sent `response`: returns the payload of the server's OK.
    pub(super) async fn log_in(
        self,
        principal: &Principal,
        response: &Response,
    ) -> Result<(ServerBehind, Vec<u8>), MysqlRefusal> {
        let behind = self.behind.clone();
        let database = database(&behind, &response.attempt.database);
        let flags = self.flags(response, database.is_some());
        let mut head = flags.to_le_bytes().to_vec();
        head.extend(response.max_packet);
        head.push(response.charset);
        head.extend([0; 19]);
        head.extend((response.extended & self.greeting.extended).to_le_bytes());
        let opened = self.open(flags, &head).await;
        let (mut server, number) = opened.map_err(|error| failed(&behind, error))?;

        let user = behind.user_of(principal);
        let password = behind.password().unwrap_or_default();
        let answer = server.proof.answer(password).unwrap_or_default();
        let mut payload = head;
        payload.extend(user.bytes().chain([0]));
        payload.extend(u8::try_from(answer.len()).into_iter().chain(answer));
        payload.extend(
            database
                .into_iter()
                .flat_map(|name| name.bytes().chain([0])),
        );
        payload.extend(server.proof.plugin().iter().chain(&[0]));
        payload.extend(&response.attributes);
        let ok = server.settle(number, &payload, user, password).await?;
        Ok((server, ok))
    }

    /// Ends the connection as a login that does nothing, because no app came in. A server counts connections that end without
    /// a login, and refuses a host that has made a hundred of them.
    pub(super) async fn leave(self, principal: &Principal) {
        if let Ok((mut server, _)) = self.log_in(principal, &Response::of_nobody()).await {
            let _ = write(&mut server.stream, 0, &QUIT).await;
        }
    }

    /// The flags of a session: the app's, in a login of our own.
    fn flags(&self, response: &Response, with_database: bool) -> u32 {
        let ours = flag::SSL | flag::LENENC | flag::CONNECT_WITH_DB;
        let offered = self.greeting.capabilities | flag::MYSQL;
        let mut flags = response.capabilities & offered & !ours | flag::LOGIN;
        if with_database {
            flags |= flag::CONNECT_WITH_DB;
        }
        flags | self.capabilities & flag::SSL
    }

    /// Begins TLS if it is offered. Returns the number of the next packet, too.
    async fn open(mut self, flags: u32, head: &[u8]) -> io::Result<(ServerBehind, u8)> {
        let (stream, number) = if flags & flag::SSL == 0 {
            (Stream::Plain(self.stream), 1)
        } else {
            write(&mut self.stream, 1, head).await?;
            (Stream::seal(self.stream).await?, 2)
        };
        let server = ServerBehind {
            stream,
            behind: self.behind,
            capabilities: flags,
            proof: self.proof,
        };
        Ok((server, number))
    }
}

impl ServerBehind {
    /// Where it is.
    pub(super) fn behind(&self) -> &Behind {
        &self.behind
    }

    /// Changes the session's user to the role of `principal`: returns the payload of the server's OK.
    pub(super) async fn change_user(
        &mut self,
        principal: &Principal,
        change: &Change,
    ) -> Result<Vec<u8>, MysqlRefusal> {
        let behind = self.behind.clone();
        let user = behind.user_of(principal);
        let password = behind.password().unwrap_or_default();
        let answer = self.proof.answer(password).unwrap_or_default();
        let database = database(&behind, &change.attempt.database).unwrap_or_default();
        let mut payload = vec![super::relay::CHANGE_USER];
        payload.extend(user.bytes().chain([0]));
        payload.extend(u8::try_from(answer.len()).into_iter().chain(answer));
        payload.extend(database.bytes().chain([0]));
        payload.extend(change.charset);
        payload.extend(self.proof.plugin().iter().chain(&[0]));
        if self.capabilities & flag::CONNECT_ATTRS != 0 {
            payload.extend(&change.attributes);
        }
        self.settle(0, &payload, user, password).await
    }

    /// Sends a login, and answers what the server asks until it says OK, whose payload is returned.
    async fn settle(
        &mut self,
        number: u8,
        login: &[u8],
        user: &str,
        password: &str,
    ) -> Result<Vec<u8>, MysqlRefusal> {
        let behind = self.behind.clone();
        let failed = |error| failed(&behind, error);
        let (mut number, mut answer) = (number, Some(login.to_vec()));
        loop {
            if let Some(answer) = answer {
                write(&mut self.stream, number, &answer)
                    .await
                    .map_err(failed)?;
            }
            let packet = read(&mut self.stream).await.map_err(failed)?;
            number = packet.number.wrapping_add(1);
            answer = match packet.payload.as_slice() {
                [0, ..] => return Ok(packet.payload),
                [0xff, error @ ..] => return Err(refused(&behind, user, error)),
                payload if payload == KNOWN => None,
                payload if payload == SHOW && self.stream.is_sealed() => {
                    Some(Proof::shown(password))
                }
                payload if payload == SHOW => Some(KEY_PLEASE.to_vec()),
                [1, key @ ..] if key.starts_with(b"-----BEGIN") => {
                    Some(self.proof.encrypted(password, key))
                }
                [0xfe, _, ..] => Some(self.switch(&packet.payload, password)?),
                _ => Err(behind.misunderstood("an answer to a login that is none"))?,
            };
        }
    }

    /// Takes the plugin that the server wants, and answers its challenge.
    fn switch(&mut self, payload: &[u8], password: &str) -> Result<Vec<u8>, MysqlRefusal> {
        let request: AuthSwitchRequest<'_> = ParseBuf(payload)
            .parse(())
            .map_err(|error| failed(&self.behind, error))?;
        self.proof = Proof::new(request.auth_plugin(), request.plugin_data());
        let plugin = String::from_utf8_lossy(self.proof.plugin());
        let unknown = format!(
            "it wants a login by `{plugin}`, and mysql_native_password and caching_sha2_password are known here"
        );
        let answer = self.proof.answer(password);
        Ok(answer.ok_or_else(|| self.behind.misunderstood(unknown))?)
    }
}

/// The database to log in to, if any.
fn database<'a>(behind: &'a Behind, wished: &'a str) -> Option<&'a str> {
    behind.database(Some(wished).filter(|wished| !wished.is_empty()))
}

fn failed(behind: &Behind, error: io::Error) -> MysqlRefusal {
    match error.kind() {
        io::ErrorKind::InvalidData => behind.misunderstood(error.to_string()).into(),
        _ => behind.unreachable(error).into(),
    }
}

/// What the app reads of a server's error, given behind its first byte.
fn refused(behind: &Behind, user: &str, error: &[u8]) -> MysqlRefusal {
    let mut fields = Fields(error);
    let code = fields.take(2).ok().and_then(|code| code.try_into().ok());
    let code = u16::from_le_bytes(code.unwrap_or_default());
    let (sqlstate, text) = match fields.0 {
        [b'#', a, b, c, d, e, text @ ..] => (&[*a, *b, *c, *d, *e][..], text),
        text => (&b"08S01"[..], text),
    };
    let (sqlstate, text) = (
        String::from_utf8_lossy(sqlstate),
        String::from_utf8_lossy(text),
    );
    if NO_DATABASE.contains(&code) {
        return MysqlRefusal::new(code, &sqlstate, text);
    }
    let message = behind.refused(user, text).to_string();
    MysqlRefusal::new(code, &sqlstate, message)
}

impl From<BehindError> for MysqlRefusal {
    fn from(error: BehindError) -> Self {
        Self::new(1105, "08S01", error.to_string())
    }
}
