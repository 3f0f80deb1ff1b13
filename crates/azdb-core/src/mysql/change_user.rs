//! COM_CHANGE_USER: a login within a session.
//!
//! ```text
//!   app                       azdb-proxy                      upstream
//!    | ---- COM_CHANGE_USER ---> | -- COM_CHANGE_USER as the user -> |
//!    |                           | <- switch: clear password ---- |
//!    |                           | ------------ token ----------> |
//!    | <- switch if it must ---- | <------------ OK ------------- |
//!    | <---------- OK ---------- |                                |
//! ```
//!
//! Azure has been seen to refuse the command for Entra users. The user is the same upstream as before, so what an app wants is
//! a session like new: COM_RESET_CONNECTION, COM_INIT_DB and the collation give it that. A route that has been refused once
//! goes this [`Way`] from then on.

use std::sync::atomic::{AtomicBool, Ordering};

use azdb_quote::Quoted;
use azdb_wire::mysql::{Answer, Capabilities, ChangeUser, Command, ErrorPacket, plugin};

use super::channel::Channel;
use super::upstream::{ACCESS_DENIED, Account, Secret, authenticate, read, say};
use super::{Terms, app, bad_packet};
use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::io::{MaybeTls, Stream};
use crate::lobby::Lobby;
use crate::session::Legs;
use crate::upstream::{Dial, Upstream};
use azdb_config::route::{Principal, UpstreamAuth};
use azdb_quote::Chain;

/// Error "Unknown command".
const UNKNOWN_COMMAND: u16 = 1047;
/// Error "Access denied trying to change to user".
const CHANGE_DENIED: u16 = 1873;

/// How a route gives an app a session like new.
#[derive(Debug, Default)]
pub(crate) struct Way {
    /// Set once the upstream has refused to change the user to the one that it is.
    resets: AtomicBool,
}

/// Does what the app wants of its COM_CHANGE_USER, which is the next to be read from its leg.
pub(super) async fn change_user<A: Stream, D: Dial>(
    legs: &mut Legs<A, D::Stream>,
    terms: &mut Terms,
    lobby: &Lobby<D>,
) -> Result<(), LoginError> {
    let deadline = Deadline::after(lobby.route.login_timeout);
    let mut app = Channel::at(&mut legs.app, 0);
    let reading = app::read(&mut app);
    let packet = deadline
        .run("reading the app's COM_CHANGE_USER", reading)
        .await?;
    let changing = async {
        let command = ChangeUser::parse(&packet, terms.app).map_err(LoginError::AppMysqlPacket)?;
        let ok = log_in_anew(&command, &mut legs.upstream, terms, lobby, &deadline).await?;
        Ok((command.plugin, ok))
    };
    match changing.await {
        Ok((named, ok)) => {
            let admitting = app::admit(&mut app, named, &terms.scramble, &ok);
            deadline.run("letting the app in", admitting).await
        }
        Err(error) => {
            app::refuse(&mut app, &error).await;
            Err(error)
        }
    }
}

async fn log_in_anew<D: Dial>(
    command: &ChangeUser<'_>,
    upstream: &mut Upstream<D::Stream>,
    terms: &mut Terms,
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<Vec<u8>, LoginError> {
    let principal = lobby.principal(command.user)?;
    let default = lobby.route.default_database.as_deref().map(str::as_bytes);
    let database = command.database.or(default);
    let charset = command.charset.unwrap_or(u16::from(terms.charset));
    tracing::debug!(
        user = %Quoted(command.user), principal = %principal.user,
        database = %Quoted(database.unwrap_or_default()), "change of user"
    );
    let way = &lobby.spares.change_user;
    let is_same = principal.user == terms.user;
    let refused = if is_same && way.resets.load(Ordering::Relaxed) {
        None
    } else {
        let ours = ChangeUser {
            user: principal.user.as_bytes(),
            auth: b"",
            database,
            charset: Some(charset),
            plugin: announced(terms, &lobby.route.auth),
            attributes: command.attributes,
        };
        match change(&ours, upstream, principal, terms, lobby, deadline).await {
            Ok((ok, plugin)) => {
                terms.user = principal.user.clone();
                terms.plugin = plugin;
                return Ok(ok);
            }
            Err(error) if is_same && denies(&error) => Some(error),
            Err(error) => return Err(error),
        }
    };
    if let Some(error) = &refused {
        tracing::warn!(
            error = %Chain(error),
            "the upstream takes no COM_CHANGE_USER from us, this route resets its sessions from now on"
        );
        way.resets.store(true, Ordering::Relaxed);
    }
    let resetting = reset(upstream.leg(), database, charset, terms.upstream);
    let reset = deadline.run("resetting the session", resetting).await;
    // A server that hangs up after its refusal has said why in that.
    match (reset, refused) {
        (Err(LoginError::UpstreamLost { .. }), Some(refused)) => Err(refused),
        (outcome, _) => outcome,
    }
}

/// Another plugin than the account's, so that the server asks for the secret instead of taking an empty answer for it.
fn announced(terms: &Terms, auth: &UpstreamAuth) -> &'static [u8] {
    match auth {
        UpstreamAuth::Password(_) if terms.plugin == plugin::NATIVE => plugin::CACHING_SHA2,
        _ => plugin::NATIVE,
    }
}

async fn change<D: Dial>(
    command: &ChangeUser<'_>,
    upstream: &mut Upstream<D::Stream>,
    principal: &Principal,
    terms: &Terms,
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<(Vec<u8>, Vec<u8>), LoginError> {
    let payload = command
        .encode(terms.upstream)
        .map_err(LoginError::AppMysqlPacket)?;
    let token;
    let secret = match &lobby.route.auth {
        UpstreamAuth::Token(audience) => {
            token = lobby.token(principal, audience, deadline).await?;
            Secret::Token(&token)
        }
        UpstreamAuth::Password(password) => Secret::Password(password),
    };
    let account = Account {
        user: command.user,
        host: &terms.host,
        announced: command.plugin,
    };
    let conversation = async {
        let mut channel = Channel::at(upstream.leg(), 0);
        say(&mut channel, &payload, "sending COM_CHANGE_USER").await?;
        let next = channel.next();
        authenticate(upstream, next, &account, &secret).await
    };
    deadline
        .run("logging in to the upstream anew", conversation)
        .await
}

/// Whether the upstream has refused in a way that a session of the same user cannot deserve.
fn denies(error: &LoginError) -> bool {
    let (LoginError::Refused { body, .. } | LoginError::NotEntra { body, .. }) = error else {
        return false;
    };
    let code = ErrorPacket::parse(body).map(|error| error.code);
    matches!(code, Ok(ACCESS_DENIED | UNKNOWN_COMMAND | CHANGE_DENIED))
}

/// Makes the session like new without a login. Returns the payload of the last OK.
async fn reset<S: Stream>(
    leg: &mut crate::io::Leg<MaybeTls<S>>,
    database: Option<&[u8]>,
    charset: u16,
    capabilities: Capabilities,
) -> Result<Vec<u8>, LoginError> {
    let mut ok = ask(leg, &[Command::RESET_CONNECTION.0]).await?;
    // A reset brings the server's default collation; numbers are taken where names are. Servers that do not know the app's
    // collation take their default at a login too.
    let names = format!(
        "SET character_set_client = {charset}, character_set_results = {charset}, collation_connection = {charset}"
    );
    let mut query = vec![Command::QUERY.0];
    if capabilities.has(Capabilities::QUERY_ATTRIBUTES) {
        // No parameters, in one set.
        query.extend_from_slice(&[0, 1]);
    }
    query.extend_from_slice(names.as_bytes());
    match ask(leg, &query).await {
        Ok(_) => {}
        Err(error @ LoginError::Refused { .. }) => {
            tracing::debug!(error = %Chain(&error), charset, "collation after a reset");
        }
        Err(error) => return Err(error),
    }
    if let Some(database) = database {
        ok = ask(leg, &[&[Command::INIT_DB.0], database].concat()).await?;
    }
    Ok(ok)
}

/// One command that is answered by OK or ERR.
async fn ask<S: Stream>(
    leg: &mut crate::io::Leg<MaybeTls<S>>,
    command: &[u8],
) -> Result<Vec<u8>, LoginError> {
    const DOING: &str = "resetting the session";
    let mut channel = Channel::at(leg, 0);
    say(&mut channel, command, DOING).await?;
    let payload = read(&mut channel, DOING).await?;
    match Answer::parse(&payload).map_err(bad_packet)? {
        Answer::Ok => Ok(payload.to_vec()),
        Answer::Error(error) => Err(LoginError::Refused {
            message: error.message.to_vec(),
            body: payload.to_vec(),
        }),
        _ => Err(LoginError::UpstreamPacket {
            what: "an unexpected answer to a reset",
        }),
    }
}
