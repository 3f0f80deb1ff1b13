//! The MySQL login conversation, and the login within a session.
//!
//! ```text
//!   app                       azdb-proxy                      upstream
//!    |                           | ------------ TCP ------------> |
//!    |                           | <--------- greeting ---------- |
//!    | <--- greeting, masked --- |                                |
//!    | --- TLS if it asks -----> |                                |
//!    | ------- response -------> |                                |
//!    |                           | -- SSLRequest, TLS, verified -> |
//!    |                           | ---- response as the user ----> |
//!    |                           | <- switch: clear password ---- |
//!    |                           | ------------ token ----------> |
//!    | <- switch if it must ---- | <------------ OK ------------- |
//!    | <---------- OK ---------- |                                |
//!    |           ...             |              ...               |
//!    | ---- COM_CHANGE_USER ---> | ------ COM_CHANGE_USER ------> |   the relay pauses for it
//! ```
//!
//! The server speaks first, and drivers use what it says: version, thread id, flags, collation. So the upstream is dialled
//! before the app has said a word, and its greeting is the app's, with other random numbers and with the flags masked that
//! cannot be kept. An upstream that has only greeted goes to the next app when its own leaves without a byte ([`spares`]).
//!
//! # Invariants
//!
//! * The app's own password is never sent upstream.
//! * A flag that changes the byte format after login is equal on both legs.
//! * A token is written by [`upstream`]'s `send_token` alone, which takes a [`Sealed`](crate::tls::Sealed) leg.
//! * The first packet that an app reads is a greeting, also when there is no upstream.
//! * No error of ours has a code from 2000 to 2999, which apps take for errors of their own library.

mod app;
mod change_user;
mod channel;
mod notice;
mod password;
mod spares;
mod upstream;
mod watch;

#[cfg(test)]
mod tests;

use azdb_quote::Quoted;
use azdb_wire::mysql::{Capabilities, Greeting, Offer, PacketError, Response, SCRAMBLE, plugin};
use zeroize::Zeroizing;

pub(crate) use spares::Spares;
pub(crate) use watch::Talk;

use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::io::{Leg, Stream};
use crate::lobby::{Guest, Lobby};
use crate::session::{Legs, Login, Session};
use crate::upstream::{Dial, Upstream};
use app::{Arrival, Arrived};
use azdb_config::route::{LocalFiles, Principal, UpstreamAuth};
use channel::Channel;
use spares::Met;
use upstream::{Greeted, Secret};

/// What an app is told of an upstream that has never been met.
const NEVER_MET: Greeting<'static> = Greeting {
    version: b"8.0.0-azdb-proxy",
    thread_id: 1,
    scramble: [0; SCRAMBLE],
    capabilities: Capabilities(0x0000_a28d),
    charset: 45,
    status: 2,
    reserved: [0; 10],
    plugin: plugin::NATIVE,
};

/// What a login has agreed, and a login within the session must know.
#[derive(Debug, Clone)]
struct Terms {
    /// The app's flags.
    app: Capabilities,
    /// The flags sent upstream.
    upstream: Capabilities,
    charset: u8,
    /// Drawn for this app.
    scramble: [u8; SCRAMBLE],
    /// Who the session is upstream.
    user: String,
    /// Where the session is, for messages.
    host: String,
    /// The plugin that the account turned out to use.
    plugin: Vec<u8>,
}

/// Takes an app in. An error has been told to the app already, where there was a way to tell it.
///
/// # Errors
///
/// Why the app was not let in.
pub(crate) async fn login<A: Stream, D: Dial>(
    socket: A,
    lobby: &Lobby<D>,
) -> Result<Login<A, D::Stream, Talk>, LoginError> {
    let deadline = Deadline::after(lobby.route.login_timeout);
    let mut socket = Leg::new(socket);
    let (greeted, mut seat) = match lobby.spares.meet(&mut socket, lobby).await {
        Met::Upstream(greeted, seat) => (greeted, seat),
        Met::NoApp => return Ok(Login::Nobody),
        Met::NoUpstream(error) => return turn_away(socket, lobby, error).await,
    };
    let scramble = draw()?;
    let greeting = masked(&greeted.greeting()?, lobby, scramble).encode();
    let tls = lobby.local_tls.as_ref();
    let arrived = app::introduce(socket, &greeting, tls, &mut seat, &deadline);
    let Arrived {
        mut leg,
        next,
        packet,
    } = match arrived.await? {
        Arrival::App(arrived) => arrived,
        Arrival::Nobody => {
            lobby.spares.keep(greeted, seat);
            return Ok(Login::Nobody);
        }
    };
    drop(seat);
    let mut app = Channel::at(&mut leg, next);
    let entered = async {
        let response = app::parse_response(&packet)?;
        let entered = enter(&response, greeted, scramble, lobby, &deadline).await?;
        Ok((response, entered))
    };
    let (response, entered) = match entered.await {
        Ok(entered) => entered,
        Err(error) => {
            app::refuse(&mut app, &error).await;
            return Err(error);
        }
    };
    let admitting = app::admit(&mut app, response.plugin, &scramble, &entered.ok);
    deadline.run("letting the app in", admitting).await?;
    Ok(Login::Session(Box::new(Session {
        paired: Legs {
            app: leg,
            upstream: entered.upstream,
        },
        watch: Talk::new(entered.terms),
        _guest: entered.guest,
    })))
}

/// Tells an app why there is no upstream: after a greeting and its response, because before them most drivers understand no
/// error.
async fn turn_away<A: Stream, D: Dial, O>(
    socket: Leg<A>,
    lobby: &Lobby<D>,
    error: LoginError,
) -> Result<O, LoginError> {
    /// The login's own time may be used up.
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
    let seen = lobby.spares.last_greeting();
    let greeting = seen.as_deref().map(Greeting::parse);
    let greeting = greeting.and_then(Result::ok).unwrap_or(NEVER_MET);
    let greeting = masked(&greeting, lobby, draw()?).encode();
    let tls = lobby.local_tls.as_ref();
    let deadline = Deadline::after(PATIENCE);
    if let Ok(Arrival::App(Arrived { mut leg, next, .. })) =
        app::introduce(socket, &greeting, tls, &mut None, &deadline).await
    {
        app::refuse(&mut Channel::at(&mut leg, next), &error).await;
    }
    Err(error)
}

/// The upstream's greeting as the app may read it.
fn masked<'a, D: Dial>(
    greeting: &Greeting<'a>,
    lobby: &Lobby<D>,
    scramble: [u8; SCRAMBLE],
) -> Greeting<'a> {
    let offer = Offer {
        tls: lobby.local_tls.is_some(),
        local_files: lobby.route.local_files == LocalFiles::Allow,
    };
    Greeting {
        scramble,
        capabilities: greeting.capabilities.offered(offer),
        plugin: plugin::NATIVE,
        ..*greeting
    }
}

/// Random bytes as a scramble has them: none is NUL, none has the highest bit.
fn draw() -> Result<[u8; SCRAMBLE], LoginError> {
    let mut scramble = [0; SCRAMBLE];
    aws_lc_rs::rand::fill(&mut scramble).map_err(|_| LoginError::NoRandomness)?;
    Ok(scramble.map(|byte| byte % 127 + 1))
}

/// A login that the upstream has granted.
struct Entered<U> {
    upstream: Upstream<U>,
    /// The upstream's OK.
    ok: Vec<u8>,
    terms: Terms,
    guest: Guest,
}

/// Goes upstream as the app's principal.
async fn enter<D: Dial>(
    response: &Response<'_>,
    greeted: Greeted<D::Stream>,
    scramble: [u8; SCRAMBLE],
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<Entered<D::Stream>, LoginError> {
    let principal = lobby.principal(response.user)?;
    let default = lobby.route.default_database.as_deref().map(str::as_bytes);
    let database = response.database.or(default);
    let guest = Guest {
        _permit: lobby.permit()?,
        _cancel: None,
    };
    tracing::debug!(
        user = %Quoted(response.user), principal = %principal.user,
        database = %Quoted(database.unwrap_or_default()), flags = ?response.capabilities, "response"
    );
    let greeting = greeted.greeting()?;
    let offered = masked(&greeting, lobby, scramble).capabilities;
    let ours = Response {
        capabilities: response.capabilities.towards_upstream(offered),
        extended: response.extended & greeting.extended(),
        user: principal.user.as_bytes(),
        auth: b"",
        database,
        plugin: plugin::NATIVE,
        ..*response
    };
    let mut terms = Terms {
        app: response.capabilities,
        upstream: ours.agreed(),
        charset: response.charset,
        scramble,
        user: principal.user.clone(),
        host: greeted.host().to_owned(),
        plugin: Vec::new(),
    };
    let granted = log_in(&ours, greeted, principal, lobby, deadline).await?;
    terms.plugin = granted.plugin;
    Ok(Entered {
        upstream: granted.upstream,
        ok: granted.ok,
        terms,
        guest,
    })
}

/// Logs in with what the route logs in with. A token that the upstream calls expired is replaced once.
async fn log_in<D: Dial>(
    response: &Response<'_>,
    greeted: Greeted<D::Stream>,
    principal: &Principal,
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<upstream::Granted<D::Stream>, LoginError> {
    let audience = match &lobby.route.auth {
        UpstreamAuth::Token(audience) => audience,
        UpstreamAuth::Password(password) => {
            let secret = Secret::Password(password);
            return upstream::log_in(response, greeted, &secret, lobby, deadline).await;
        }
    };
    let token = lobby.token(principal, audience, deadline).await?;
    let secret = Secret::Token(&token);
    let error = match upstream::log_in(response, greeted, &secret, lobby, deadline).await {
        Err(error) if notice::says_token_expired(&error) => error,
        outcome => return outcome,
    };
    let replaced = lobby.replace_token(principal, audience, &token, deadline);
    let Some(token) = replaced.await else {
        return Err(error);
    };
    let meeting = upstream::meet(lobby);
    let greeted = deadline.run("connecting to the upstream", meeting).await?;
    let secret = Secret::Token(&token);
    upstream::log_in(response, greeted, &secret, lobby, deadline).await
}

/// Bytes that may hold a password.
type Secretive = Zeroizing<Vec<u8>>;

/// Something of the upstream's that is no packet of a login.
fn bad_packet(error: PacketError) -> LoginError {
    LoginError::UpstreamMysqlPacket(error)
}
