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
//! * The password is shown to it inside TLS alone.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    AuthPlugin, AuthSwitchRequest, ComChangeUser, ComChangeUserMoreData, HandshakePacket,
};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::aaduser;
use super::asked::{Asked, Proof};
use super::greeting::{self, LOGIN, MYSQL, ONLY_LOGIN};
use super::packet::{payload, read, write};
use super::record::MysqlRefusal;
use crate::behind::{Behind, BehindError, BehindStream};
use crate::principal::Principal;
use crate::unverified;

/// AuthMoreData of caching_sha2_password: the server knows the password, OK follows.
const KNOWN: [u8; 2] = [1, 3];
/// The same: the server wants to see the password itself.
const SHOW: [u8; 2] = [1, 4];
const QUIT: [u8; 1] = [1];
/// Errors about the database that an app has named: they are told as they came.
const NO_DATABASE: [u16; 2] = [1044, 1049];

/// With TLS or without.
type Stream = Either<BehindStream, Box<TlsStream<BehindStream>>>;

/// A server behind that has said its greeting and heard nothing.
pub(super) struct Greeted {
    stream: BehindStream,
    behind: Behind,
    server: HandshakePacket<'static>,
}

/// A server behind that a session is logged in to.
pub(super) struct ServerBehind {
    pub(super) stream: Stream,
    behind: Behind,
    is_mariadb: bool,
    /// One that is known here.
    plugin: AuthPlugin<'static>,
    nonce: Vec<u8>,
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
            server: server.into_owned(),
        })
    }

    /// What the app shall read.
    pub(super) fn greeting(&self) -> HandshakePacket<'_> {
        greeting::before(&self.server)
    }

    /// Logs in as the role of `principal`, for an app that has asked so: returns the payload of the server's OK.
    pub(super) async fn log_in(
        self,
        principal: &Principal,
        asked: &Asked,
    ) -> Result<(ServerBehind, Vec<u8>), MysqlRefusal> {
        let greeting = self.greeting();
        let tls = self.server.capabilities() & CapabilityFlags::CLIENT_SSL;
        let shared = asked.capabilities & (greeting.capabilities() | MYSQL);
        let flags = (shared - ONLY_LOGIN) | LOGIN | tls;
        let extended = asked.extended & greeting.mariadb_ext_capabilities();
        // For a plugin that is not known here it is one that is: if the user has that one, good; if not, the server says what it
        // wants.
        let plugin = match self.server.auth_plugin() {
            Some(AuthPlugin::CachingSha2Password) => AuthPlugin::CachingSha2Password,
            _ => AuthPlugin::MysqlNativePassword,
        };
        let is_mariadb =
            String::from_utf8_lossy(self.server.server_version_ref()).contains("MariaDB");
        let (behind, nonce) = (self.behind, self.server.nonce());
        let user = behind.user_of(principal);
        let proof = Proof {
            user,
            plugin: plugin.clone(),
            answer: answer(&behind, &plugin, &nonce),
        };
        let database = database(&behind, &asked.database);
        let (request, response) = asked.repeated(proof, database, flags, extended);
        let (number, stream) = if tls.is_empty() {
            (1, Either::Left(self.stream))
        } else {
            let sealed = sealed(self.stream, &request).await;
            (2, sealed.map_err(|error| failed(&behind, error))?)
        };
        let mut server = ServerBehind {
            stream,
            behind: behind.clone(),
            is_mariadb,
            plugin,
            nonce,
        };
        let ok = server.settle(number, response, user).await?;
        Ok((server, ok))
    }

    /// Ends the connection as a login that does nothing, because no app came in. A server counts connections that end without
    /// a login, and refuses a host that has made a hundred of them.
    pub(super) async fn leave(self, principal: &Principal) {
        if let Ok((mut server, _)) = self.log_in(principal, &Asked::nothing()).await {
            let _ = write(&mut server.stream, 0, &QUIT).await;
        }
    }
}

impl ServerBehind {
    /// Changes the session's user to the role of `principal`: returns the payload of the server's OK.
    pub(super) async fn change_user(
        &mut self,
        principal: &Principal,
        asked: &Asked,
    ) -> Result<Vec<u8>, MysqlRefusal> {
        let behind = self.behind.clone();
        let user = behind.user_of(principal);
        let more = ComChangeUserMoreData::new(asked.charset);
        let change = ComChangeUser::new()
            .with_user(Some(user.as_bytes()))
            .with_auth_plugin_data(Some(self.answer()))
            .with_database(database(&behind, &asked.database).map(str::as_bytes))
            .with_more_data(Some(more.with_auth_plugin(Some(self.plugin.clone()))));
        self.settle(0, payload(&change), user).await
    }

    /// Sends a statement of Azure's in the server's own words, where it is one; the answer comes as to any other.
    pub(super) async fn translate(&mut self, command: &[u8]) -> io::Result<bool> {
        let password = self.behind.password().unwrap_or_default();
        let Some(command) = aaduser::translated(command, password, self.is_mariadb) else {
            return Ok(false);
        };
        write(&mut self.stream, 0, &command).await?;
        Ok(true)
    }

    /// Sends a login, and answers what the server asks until it says OK, whose payload is returned.
    async fn settle(
        &mut self,
        mut number: u8,
        login: Vec<u8>,
        user: &str,
    ) -> Result<Vec<u8>, MysqlRefusal> {
        let behind = self.behind.clone();
        let failed = |error| failed(&behind, error);
        let mut answer = Some(login);
        loop {
            if let Some(answer) = answer {
                let written = write(&mut self.stream, number, &answer).await;
                written.map_err(failed)?;
            }
            let packet = read(&mut self.stream).await.map_err(failed)?;
            number = packet.number.wrapping_add(1);
            answer = match packet.payload.as_slice() {
                [0, ..] => return Ok(packet.payload),
                [0xff, error @ ..] => return Err(refused(&behind, user, error)),
                payload if payload == KNOWN => None,
                payload if payload == SHOW => Some(self.shown()?),
                [0xfe, _, ..] => Some(self.switch(&packet.payload)?),
                _ => Err(behind.misunderstood("an answer to a login that is none"))?,
            };
        }
    }

    fn answer(&self) -> Vec<u8> {
        answer(&self.behind, &self.plugin, &self.nonce)
    }

    /// The password itself.
    fn shown(&self) -> Result<Vec<u8>, BehindError> {
        let password = self.behind.password().unwrap_or_default();
        match self.stream {
            Either::Right(_) => Ok([password.as_bytes(), &[0]].concat()),
            Either::Left(_) => {
                let text = "it wants to see the password, and offers no TLS for that";
                Err(self.behind.misunderstood(text))
            }
        }
    }

    /// Takes the plugin that the server wants, and answers its challenge.
    fn switch(&mut self, payload: &[u8]) -> Result<Vec<u8>, MysqlRefusal> {
        let request: AuthSwitchRequest<'_> = ParseBuf(payload)
            .parse(())
            .map_err(|error| failed(&self.behind, error))?;
        let plugin = request.auth_plugin().into_owned();
        let known = [
            AuthPlugin::MysqlNativePassword,
            AuthPlugin::CachingSha2Password,
        ];
        if !known.contains(&plugin) {
            let text = format!(
                "it wants a login by `{}`, and mysql_native_password and caching_sha2_password are known here",
                String::from_utf8_lossy(plugin.as_bytes())
            );
            return Err(self.behind.misunderstood(text).into());
        }
        self.plugin = plugin;
        self.nonce = request.plugin_data().to_vec();
        Ok(self.answer())
    }
}

/// TLS with whoever is there.
async fn sealed(mut stream: BehindStream, request: &[u8]) -> io::Result<Stream> {
    write(&mut stream, 1, request).await?;
    let config = unverified::client_config(rustls::DEFAULT_VERSIONS);
    let connector = TlsConnector::from(config.map_err(io::Error::other)?);
    // Nobody compares it, and an address is not sent.
    let name = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
    let stream = connector.connect(name, stream).await?;
    Ok(Either::Right(Box::new(stream)))
}

/// The answer to a challenge, which is empty for no password.
fn answer(behind: &Behind, plugin: &AuthPlugin<'_>, nonce: &[u8]) -> Vec<u8> {
    let answer = plugin.gen_data(behind.password(), nonce);
    answer.map(|answer| answer.to_vec()).unwrap_or_default()
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
    let (code, sqlstate, text) = match error {
        [a, b, b'#', rest @ ..] if rest.len() >= 5 => {
            let (sqlstate, text) = rest.split_at(5);
            ([*a, *b], sqlstate, text)
        }
        [a, b, text @ ..] => ([*a, *b], &b"08S01"[..], text),
        text => ([0; 2], &b"08S01"[..], text),
    };
    let code = u16::from_le_bytes(code);
    let text = String::from_utf8_lossy(text);
    let message = match NO_DATABASE.contains(&code) {
        true => text.into_owned(),
        false => behind.refused(user, text).to_string(),
    };
    MysqlRefusal::new(code, &String::from_utf8_lossy(sqlstate), message)
}

impl From<BehindError> for MysqlRefusal {
    fn from(error: BehindError) -> Self {
        Self::new(1105, "08S01", error.to_string())
    }
}
