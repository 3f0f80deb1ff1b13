//! The PostgreSQL login conversation.
//!
//! ```text
//!   app                       azdb-proxy                      upstream
//!    | -- SSLRequest, GSSENC --> |                                |
//!    | <------- S or N --------- |                                |
//!    | ---- StartupMessage ----> |                                |
//!    |                           | ------------ TCP ------------> |
//!    |                           | -- SSLRequest, TLS, verified -> |
//!    |                           | -- StartupMessage as the role -> |
//!    | <-- NegotiateVersion ---- | <----- NegotiateVersion ------ |
//!    |                           | <---- cleartext password? ---- |
//!    |                           | ------------ token ----------> |
//!    | <- Ok .. ReadyForQuery -- | <---- Ok .. ReadyForQuery ---- |
//! ```
//!
//! The app's version and its `_pq_` options go upstream as they are, so whatever the two negotiate is between them. The
//! upstream's answer reaches the app only when it is whole: a login fails as a login, in the words of whoever refused it.
//!
//! # Invariants
//!
//! * The app is told "Ok" only after the upstream has said it.
//! * A token is written by [`upstream`]'s `send_token` alone, which takes a [`Sealed`](crate::tls::Sealed) leg.
//! * The upstream's own error reaches the app as it came; a hint may be added where it had none.
//! * A CancelRequest costs no token and no session.

mod app;
mod cancel;
mod hint;
mod notice;
mod password;
mod upstream;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use azdb_identity::{Token, Tokens};
use azdb_wire::Quoted;
use azdb_wire::postgres::{Exchange, Startup};
use rustls::ServerConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

pub(crate) use app::{AppLeg, farewell};
pub(crate) use cancel::Cancels;

use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::io::{Leg, MaybeTls, Stream};
use crate::relay::{Paired, Watch};
use crate::route::{Principal, Route, UpstreamAuth};
use crate::tls::UpstreamTlsConfig;
use crate::upstream::Dial;

/// What every login of a route shares.
pub(crate) struct Lobby<D> {
    pub(crate) route: Arc<Route>,
    /// `None` when the route goes upstream without TLS.
    pub(crate) upstream_tls: Option<UpstreamTlsConfig>,
    /// `None` when apps are offered none.
    pub(crate) local_tls: Option<Arc<ServerConfig>>,
    pub(crate) tokens: Tokens,
    pub(crate) cancels: Cancels,
    pub(crate) sessions: Arc<Semaphore>,
    pub(crate) dialler: D,
    /// Set when no new session may begin.
    pub(crate) closing: CancellationToken,
}

/// An app's connection that did not fail.
pub(crate) enum Login<A, U> {
    /// Let in.
    Session(Box<Session<A, U>>),
    /// It came to cancel another session's query, and has.
    Cancelled,
    /// It closed, or spoke something else; nobody is left to tell.
    Nobody,
}

/// A session that may begin.
pub(crate) struct Session<A, U> {
    pub(crate) paired: Paired<AppLeg<A>, Leg<MaybeTls<U>>>,
    pub(crate) watch: Exchange,
    pub(crate) guests: Guest,
}

/// What a session holds of its route, given back when it is dropped.
pub(crate) struct Guest {
    _permit: OwnedSemaphorePermit,
    _cancel: Option<cancel::Registration>,
}

impl Watch for Exchange {
    fn app_sent(&mut self, bytes: &[u8]) {
        Exchange::app_sent(self, bytes);
    }

    fn upstream_sent(&mut self, bytes: &[u8]) {
        Exchange::upstream_sent(self, bytes);
    }

    fn at_rest(&self) -> bool {
        Exchange::at_rest(self)
    }
}

/// Takes an app in. An error has been told to the app already, where there was a way to tell it.
///
/// # Errors
///
/// Why the app was not let in.
pub(crate) async fn login<A: Stream, D: Dial>(
    socket: A,
    lobby: &Lobby<D>,
) -> Result<Login<A, D::Stream>, LoginError> {
    let deadline = Deadline::after(lobby.route.login_timeout);
    let (mut app, packet) = match app::greet(socket, lobby.local_tls.as_ref(), &deadline).await? {
        app::Greeting::Startup(app, packet) => (app, packet),
        app::Greeting::Cancel(app, key) => {
            cancel::forward(lobby, &key).await;
            drop(app);
            return Ok(Login::Cancelled);
        }
        app::Greeting::Nobody => return Ok(Login::Nobody),
    };
    let entered = async {
        let startup = app::parse_startup(&packet)?;
        enter(&startup, lobby, &deadline).await
    };
    match entered.await {
        Ok(Entered { upstream, answer, guests }) => {
            deadline.run("letting the app in", app::admit(&mut app, &answer)).await?;
            let paired = Paired { app, upstream: upstream.into_leg() };
            Ok(Login::Session(Box::new(Session { paired, watch: Exchange::default(), guests })))
        }
        Err(error) => {
            app::refuse(&mut app, &error).await;
            Err(error)
        }
    }
}

/// A login that the upstream has granted.
struct Entered<U> {
    upstream: crate::upstream::Upstream<U>,
    /// What the app is to read: from the version negotiation to ReadyForQuery.
    answer: Vec<u8>,
    guests: Guest,
}

/// Goes upstream as the app's principal.
async fn enter<D: Dial>(
    startup: &Startup<'_>,
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<Entered<D::Stream>, LoginError> {
    if lobby.closing.is_cancelled() {
        return Err(LoginError::ShuttingDown);
    }
    let route = &lobby.route;
    let user = startup.user().ok_or(LoginError::NoUser)?;
    let unknown = || LoginError::UnknownUser { user: user.to_vec() };
    let principal = route.principal(user).ok_or_else(unknown)?;
    let database = match (startup.database(), &route.default_database) {
        (Some(named), _) => named,
        (None, Some(default)) => default.as_bytes(),
        (None, None) => user,
    };
    let permit = Arc::clone(&lobby.sessions)
        .try_acquire_owned()
        .map_err(|_| LoginError::TooMany { limit: route.max_connections })?;
    tracing::debug!(user = %Quoted(user), role = %principal.user, database = %Quoted(database), "startup");
    let packet = startup.encode_as(principal.user.as_bytes(), database)?;

    let granted = match &route.auth {
        UpstreamAuth::Token(audience) => {
            let token = fresh_token(lobby, principal, audience, deadline).await?;
            match upstream::log_in(&packet, principal, Some(&token), lobby, deadline).await {
                Err(error) if hint::says_token_expired(&error) => {
                    let replaced = lobby.tokens.replace(&principal.identity, audience, &token);
                    match deadline.run("replacing a token that expired", async {
                        Ok::<_, LoginError>(replaced.await.ok().flatten())
                    }).await {
                        Ok(Some(token)) => {
                            tracing::info!("the upstream says that the token expired, trying once with a new one");
                            upstream::log_in(&packet, principal, Some(&token), lobby, deadline).await?
                        }
                        _ => return Err(error),
                    }
                }
                outcome => outcome?,
            }
        }
        UpstreamAuth::Password(_) => {
            upstream::log_in(&packet, principal, None, lobby, deadline).await?
        }
    };
    let upstream::Granted { upstream, answer, cancel_key, dialled } = granted;
    let cancel = cancel_key.map(|key| lobby.cancels.register(key, dialled));
    Ok(Entered { upstream, answer, guests: Guest { _permit: permit, _cancel: cancel } })
}

async fn fresh_token<D>(
    lobby: &Lobby<D>,
    principal: &Principal,
    audience: &azdb_identity::Audience,
    deadline: &Deadline,
) -> Result<Token, LoginError> {
    let get = async {
        let token = lobby.tokens.get(&principal.identity, audience).await;
        token.map_err(|source| LoginError::Token { audience: audience.clone(), source })
    };
    deadline.run("waiting for a token", get).await
}
