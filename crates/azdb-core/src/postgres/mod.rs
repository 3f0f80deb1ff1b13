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
pub(crate) mod tests;

use azdb_quote::Quoted;
use azdb_wire::postgres::{Exchange, Startup};

pub(crate) use cancel::{Cancels, Registration};

use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::io::{AppLeg, Stream};
use crate::lobby::{Guest, Lobby};
use crate::relay::{Cut, Paired, Watch};
use crate::session::{Conversation, Legs, Login, Session};
use crate::upstream::{Dial, Upstream};
use azdb_config::route::{Principal, UpstreamAuth};

impl Watch for Exchange {
    fn app_sent(&mut self, bytes: &[u8]) -> Cut {
        Exchange::app_sent(self, bytes);
        Cut::Through
    }

    fn upstream_sent(&mut self, bytes: &[u8]) {
        Exchange::upstream_sent(self, bytes);
    }

    fn at_rest(&self) -> bool {
        Exchange::at_rest(self)
    }

    fn app_left(&self) -> bool {
        Exchange::app_left(self)
    }
}

impl Conversation for Exchange {
    /// This watch asks for no pause.
    async fn intermission<A: Stream, D: Dial>(
        &mut self,
        _: &mut Legs<A, D::Stream>,
        _: &Lobby<D>,
    ) -> Result<(), LoginError> {
        Ok(())
    }

    async fn farewell<A: Stream>(&self, app: &mut AppLeg<A>) {
        app::farewell(app).await;
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
) -> Result<Login<A, D::Stream, Exchange>, LoginError> {
    let deadline = Deadline::after(lobby.route.login_timeout);
    let (mut app, packet) = match app::greet(socket, lobby.local_tls.as_ref(), &deadline).await? {
        app::Greeting::Startup(app, packet) => (app, packet),
        app::Greeting::Cancel(app, key) => {
            cancel::forward(lobby, &key).await;
            drop(app);
            return Ok(Login::Errand("cancel request"));
        }
        app::Greeting::Nobody => return Ok(Login::Nobody),
    };
    let entered = async {
        let startup = app::parse_startup(&packet)?;
        enter(&startup, lobby, &deadline).await
    };
    match entered.await {
        Ok(Entered {
            upstream,
            answer,
            guest,
        }) => {
            deadline
                .run("letting the app in", app::admit(&mut app, &answer))
                .await?;
            let paired = Paired { app, upstream };
            Ok(Login::Session(Box::new(Session {
                paired,
                watch: Exchange::default(),
                _guest: guest,
            })))
        }
        Err(error) => {
            app::refuse(&mut app, &error).await;
            Err(error)
        }
    }
}

/// A login that the upstream has granted.
struct Entered<U> {
    upstream: Upstream<U>,
    /// What the app is to read: from the version negotiation to ReadyForQuery.
    answer: Vec<u8>,
    guest: Guest,
}

/// Goes upstream as the app's principal.
async fn enter<D: Dial>(
    startup: &Startup<'_>,
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<Entered<D::Stream>, LoginError> {
    let user = startup.user().ok_or(LoginError::NoUser)?;
    let principal = lobby.principal(user)?;
    let database = match (startup.database(), &lobby.route.default_database) {
        (Some(named), _) => named,
        (None, Some(default)) => default.as_bytes(),
        (None, None) => user,
    };
    let permit = lobby.permit()?;
    tracing::debug!(
        user = %Quoted(user), role = %principal.user, database = %Quoted(database), "startup"
    );
    let packet = startup.encode_as(principal.user.as_bytes(), database)?;
    let granted = log_in(&packet, principal, lobby, deadline).await?;
    let cancel = granted
        .cancel_key
        .map(|key| lobby.cancels.register(key, granted.dialled));
    let guest = Guest {
        _permit: permit,
        _cancel: cancel,
    };
    Ok(Entered {
        upstream: granted.upstream,
        answer: granted.answer,
        guest,
    })
}

/// Logs in with what the route logs in with. A token that the upstream calls expired is replaced once.
async fn log_in<D: Dial>(
    packet: &[u8],
    principal: &Principal,
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<upstream::Granted<D::Stream>, LoginError> {
    let UpstreamAuth::Token(audience) = &lobby.route.auth else {
        return upstream::log_in(packet, principal, None, lobby, deadline).await;
    };
    let token = lobby.token(principal, audience, deadline).await?;
    let error = match upstream::log_in(packet, principal, Some(&token), lobby, deadline).await {
        Err(error) if hint::says_token_expired(&error) => error,
        outcome => return outcome,
    };
    match lobby
        .replace_token(principal, audience, &token, deadline)
        .await
    {
        Some(token) => upstream::log_in(packet, principal, Some(&token), lobby, deadline).await,
        None => Err(error),
    }
}
