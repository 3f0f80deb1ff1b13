//! COM_CHANGE_USER: a login within a session.
//!
//! ```text
//!   app                       azdb-proxy                      upstream
//!    | ---- COM_CHANGE_USER ---> |                                |
//!    | <----- its password? ---- |   where the route has such     |
//!    |                           | -- COM_CHANGE_USER as the user -> |
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

use azdb_config::route::{Principal, UpstreamAuth};
use azdb_quote::{Chain, Quoted};
use azdb_wire::mysql::{Answer, Capabilities, ChangeUser, Command, encode_query, plugin};

use super::app_password::Claim;
use super::channel::Channel;
use super::enter::named;
use super::fault::Refused;
use super::upstream::{ACCESS_DENIED, Account, authenticate, bad_packet, broken, read, say};
use super::{Mysql, MysqlFault, Terms, app, app_password};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault, OwnFault as _, ProvedBy, Root};
use crate::lobby::{self, Attempt, Credential, Legs, Lobby, Tracks};
use crate::parting::NotIn;
use crate::phases::Phase;
use crate::way::{Dial, Leg, MaybeTls, Stream, Upstream};

/// Error "Unknown command".
const UNKNOWN_COMMAND: u16 = 1047;
/// Error "Access denied trying to change to user".
const CHANGE_DENIED: u16 = 1873;

/// How a route gives an app a session like new.
#[derive(Debug, Default)]
pub(crate) struct Way {
    /// Set once the upstream has refused to change the user to the one that it is.
    pub(super) resets: AtomicBool,
}

/// Does what the app wants of its COM_CHANGE_USER, which is the next to be read from its leg.
pub(super) async fn change_user<A: Stream, D: Dial>(
    legs: &mut Legs<Mysql, A, D::Stream>,
    terms: &mut Terms,
    lobby: &Lobby<Mysql, D>,
) -> Result<(), NotIn<MysqlFault>> {
    let deadline = lobby.deadline();
    let mut app = Channel::at(&mut legs.app, 0);
    let doing = "reading the app's COM_CHANGE_USER";
    let packet = app::read(&mut app, doing, &deadline).await?;
    let claimed = ChangeUser::parse(&packet, terms.app).map_err(MysqlFault::AppPacket);
    let command = match claimed {
        Ok(command) => command,
        Err(fault) => return Err(app::refuse(&mut app, fault.into()).await.into()),
    };
    let claim = Claim {
        user: command.user,
        named: command.plugin,
        answer: command.auth,
        peer: terms.peer,
        over: terms.over,
    };
    let proven = app_password::ask(&mut app, claim, &terms.scramble, lobby, &deadline).await?;
    let changing = async {
        let ok = log_in_anew(&command, &mut legs.upstream, terms, lobby, &deadline).await?;
        Ok((command.plugin, ok))
    };
    match changing.await {
        Ok((named, ok)) => match proven {
            Some(proven) => app_password::admit(&mut app, proven, &ok, &deadline).await,
            None => app::admit(&mut app, named, &terms.scramble, &ok, &deadline).await,
        },
        Err(fault) => Err(app::refuse(&mut app, fault).await.into()),
    }
}

async fn log_in_anew<D: Dial>(
    command: &ChangeUser<'_>,
    upstream: &mut Upstream<D::Stream>,
    terms: &mut Terms,
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
) -> Result<Vec<u8>, Fault<MysqlFault>> {
    let principal = lobby.principal(command.user)?;
    let default = lobby.route.default_database.as_deref().map(str::as_bytes);
    let database = command.database.or(default);
    let charset = command.charset.unwrap_or(u16::from(terms.charset));
    tracing::debug!(
        user = %Quoted(command.user), principal = %principal.user,
        database = %Quoted(database.unwrap_or_default()), "change of user"
    );
    let way = &lobby.state.own.change_user;
    let is_same = principal.user == terms.user;
    // What leaks between apps that share a principal stays with one of them: the key of the session has the name of its login.
    terms.is_another |= terms.peer.caller().is_none() && *command.user != *terms.app_user;
    let refused = if is_same && way.resets.load(Ordering::Relaxed) {
        None
    } else {
        let attributes = named(terms.labels.as_ref(), command.user, command.attributes);
        let ours = ChangeUser {
            user: principal.user.as_bytes(),
            auth: b"",
            database,
            charset: Some(charset),
            plugin: announced(terms, &lobby.route.auth),
            attributes: attributes.as_deref().unwrap_or(command.attributes),
        };
        match change(&ours, upstream, principal, terms, lobby, deadline).await {
            Ok((ok, plugin)) => {
                terms.is_another |= !is_same;
                terms.user = principal.user.clone();
                terms.plugin = plugin;
                return Ok(ok);
            }
            Err(Fault::Own(refusal)) if is_same && denies(&refusal) => {
                way.reset_from_now_on(&refusal);
                Some(refusal)
            }
            Err(fault) => return Err(fault),
        }
    };
    let resetting = reset(upstream.leg(), database, charset, terms.upstream);
    let reset = deadline
        .run(Phase::Database, "resetting the session", resetting)
        .await;
    or_what_it_said(reset, refused)
}

/// A server that hangs up after its refusal has said why in that.
fn or_what_it_said<T>(
    outcome: Result<T, Fault<MysqlFault>>,
    said: Option<MysqlFault>,
) -> Result<T, Fault<MysqlFault>> {
    match (outcome, said) {
        (Err(Fault::Shared(Cause::UpstreamLost { .. })), Some(said)) => Err(said.into()),
        (outcome, _) => outcome,
    }
}

impl Way {
    /// Other upstreams may take it.
    pub(super) fn begin_anew(&self) {
        self.resets.store(false, Ordering::Relaxed);
    }

    /// A session was refused a change to the user that a login was granted to right after it.
    pub(super) fn was_refused_to(&self, refusal: &Fault<MysqlFault>) {
        if let Root::Own(refusal) = refusal.root()
            && denies(refusal)
        {
            self.reset_from_now_on(refusal);
        }
    }

    fn reset_from_now_on(&self, refusal: &MysqlFault) {
        tracing::warn!(
            error = %Chain(refusal),
            "the upstream takes no COM_CHANGE_USER from us, this route resets its sessions from now on"
        );
        self.resets.store(true, Ordering::Relaxed);
    }
}

/// Another plugin than the account's, so that the server asks for the secret instead of taking an empty answer for it.
pub(super) fn announced(terms: &Terms, auth: &UpstreamAuth) -> &'static [u8] {
    match auth {
        UpstreamAuth::Password(_) if terms.plugin == plugin::NATIVE => plugin::CACHING_SHA2,
        _ => plugin::NATIVE,
    }
}

pub(super) async fn change<D: Dial>(
    command: &ChangeUser<'_>,
    upstream: &mut Upstream<D::Stream>,
    principal: &Principal,
    terms: &Terms,
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
) -> Result<(Vec<u8>, Vec<u8>), Fault<MysqlFault>> {
    let payload = command
        .encode(terms.upstream)
        .map_err(MysqlFault::AppPacket)?;
    let mut attempt = Anew {
        payload: &payload,
        upstream,
        account: Account {
            user: command.user,
            host: &terms.host,
            announced: command.plugin,
        },
        said: None,
        deadline,
    };
    let (changed, _) = lobby::log_in(
        &mut attempt,
        principal,
        lobby,
        deadline,
        std::future::pending(),
    )
    .await?;
    Ok(changed)
}

/// A login within a session.
struct Anew<'a, S> {
    payload: &'a [u8],
    upstream: &'a mut Upstream<S>,
    account: Account<'a>,
    /// What the upstream said to the first try.
    said: Option<Refused>,
    deadline: &'a Deadline,
}

impl<S: Stream> Attempt for Anew<'_, S> {
    type Granted = (Vec<u8>, Vec<u8>);
    type Fault = MysqlFault;

    fn upstreams_words((ok, _): &mut Self::Granted) -> Vec<&mut [u8]> {
        vec![ok]
    }

    async fn log_in(
        &mut self,
        credential: Credential<'_>,
    ) -> Result<Self::Granted, Fault<MysqlFault>> {
        let (payload, upstream, account) = (self.payload, &mut *self.upstream, &self.account);
        let conversation = async {
            let mut channel = Channel::at(upstream.leg(), 0);
            say(&mut channel, payload, "sending COM_CHANGE_USER").await?;
            let next = channel.next();
            authenticate(upstream, next, account, credential).await
        };
        let doing = "logging in to the upstream anew";
        let outcome = self
            .deadline
            .run(Phase::Database, doing, conversation)
            .await;
        let said = self.said.take().map(MysqlFault::Refused);
        if let Err(Fault::Own(MysqlFault::Refused(refused))) = &outcome {
            self.said = Some(refused.clone());
        }
        or_what_it_said(outcome, said)
    }

    fn tracks(&mut self) -> Option<&mut Tracks> {
        None
    }
}

/// Whether the upstream has refused in a way that a session of the same user cannot deserve. An old token deserves it.
fn denies(refusal: &MysqlFault) -> bool {
    let code = refusal.refusal();
    matches!(code, Some(ACCESS_DENIED | UNKNOWN_COMMAND | CHANGE_DENIED))
        && !refusal.says_token_expired()
}

/// Makes the session like new without a login. Returns the payload of the last OK.
async fn reset<S: Stream>(
    leg: &mut Leg<MaybeTls<S>>,
    database: Option<&[u8]>,
    charset: u16,
    capabilities: Capabilities,
) -> Result<Vec<u8>, Fault<MysqlFault>> {
    let mut ok = ask(leg, &[Command::RESET_CONNECTION.0]).await?;
    // Servers that do not know the app's collation take their default at a login too.
    let names = set_charset(charset);
    match ask(leg, &encode_query(names.as_bytes(), capabilities)).await {
        Ok(_) => {}
        Err(Fault::Own(refusal @ MysqlFault::Refused(_))) => {
            tracing::debug!(error = %Chain(&refusal), charset, "collation after a reset");
        }
        Err(fault) => return Err(fault),
    }
    if let Some(database) = database {
        ok = ask(leg, &[&[Command::INIT_DB.0], database].concat()).await?;
    }
    Ok(ok)
}

/// A reset brings the server's default collation, and this one that of a login; numbers are taken where names are.
pub(super) fn set_charset(charset: u16) -> String {
    format!(
        "SET character_set_client = {charset}, character_set_results = {charset}, collation_connection = {charset}"
    )
}

/// One command that is answered by OK or ERR.
async fn ask<S: Stream>(
    leg: &mut Leg<MaybeTls<S>>,
    command: &[u8],
) -> Result<Vec<u8>, Fault<MysqlFault>> {
    let mut channel = Channel::at(leg, 0);
    say(&mut channel, command, "resetting the session").await?;
    answer(leg).await
}

/// The payload of an OK.
pub(super) async fn answer<S: Stream>(
    leg: &mut Leg<MaybeTls<S>>,
) -> Result<Vec<u8>, Fault<MysqlFault>> {
    let mut channel = Channel::at(leg, 1);
    let payload = read(&mut channel, "resetting the session").await?;
    match Answer::parse(&payload).map_err(bad_packet)? {
        Answer::Ok => Ok(payload.to_vec()),
        Answer::Error(error) => {
            Err(MysqlFault::Refused(Refused::of(&error, &payload, ProvedBy::Password)).into())
        }
        _ => Err(broken("an unexpected answer to a reset")),
    }
}
