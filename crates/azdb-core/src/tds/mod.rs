//! The login conversation of SQL Server's protocol.
//!
//! ```text
//!   app                       azdb-proxy                      upstream
//!    | ------- PRELOGIN -------> |                                |
//!    | <------ PRELOGIN -------- |                                |
//!    | <-- TLS in packets, --->  |   (only if the app asks;       |
//!    |     or around it all      |    TDS 8.0 begins with it)     |
//!    | -------- LOGIN7 --------> |                                |
//!    |                           | ------------ TCP ------------> |
//!    |                           | ---------- PRELOGIN ---------> |
//!    |                           | <--------- PRELOGIN ---------- |
//!    |                           | <-- TLS in packets, verified -> |
//!    |                           | --- LOGIN7 with the token ---> |
//!    |                           | <-- "log in over there" ------ |   (again from TCP on)
//!    | <-- .. LOGINACK .. DONE - | <---- .. LOGINACK .. DONE ---- |
//! ```
//!
//! The upstream is dialled when the app has said who it is, because before that there is no way to tell it why it was not let
//! in. PRELOGIN is answered as Azure SQL would.
//!
//! # Invariants
//!
//! * The app is told "yes" only after the upstream has said it, and has said that it took the token.
//! * A token is written by [`upstream`]'s `send_token` alone, which takes a [`Sealed`](crate::tls::Sealed) leg.
//! * Nothing of the app's password or of its integrated authentication goes upstream.
//! * The app never hears of routing, mirrors or features that it did not ask for.
//! * The upstream's own error reaches the app as it came, in the widths of the app's version.

mod app;
mod bare_end;
mod browser;
mod error;
mod notice;
mod one_packet_per_record;
mod routing;
mod upstream;
pub(crate) mod wrapped_tls;

#[cfg(test)]
mod tests;

use std::time::Duration;

use azdb_identity::Token;
use azdb_quote::Quoted;
use azdb_wire::tds::{Exchange, FedAuth, Login7, LoginAnswer, Manner, from_utf16, push_utf16};
use tokio::time::Instant;

pub(crate) use bare_end::BareEnd;
pub(crate) use browser::open_browser;
pub use error::TdsError;
pub(crate) use one_packet_per_record::OnePacketPerRecord;

use self::app::{Caller, LocalTls, Settled};
use self::upstream::{Granted, Wish};
use crate::deadline::Deadline;
use crate::error::LoginError;
use crate::io::{AppLeg, MaybeTls, Stream};
use crate::lobby::{Guest, Lobby};
use crate::relay::{Cut, Paired, Watch};
use crate::session::{Conversation, Legs, Login, Session};
use crate::upstream::{Dial, Upstream};
use azdb_config::route::{SessionAge, UpstreamAuth};

/// A session ends this long before its token does.
const BEFORE_EXPIRY: Duration = Duration::from_secs(5 * 60);
/// But not earlier than this after its login: a pool that got a tired token would never come to rest.
const LEAST_AGE: Duration = Duration::from_secs(10 * 60);

/// What the relay must know of a session.
#[derive(Debug)]
pub(crate) struct Traffic {
    exchange: Exchange,
    retires_at: Option<Instant>,
}

impl Watch for Traffic {
    fn app_sent(&mut self, bytes: &[u8]) -> Cut {
        self.exchange.app_sent(bytes);
        Cut::Through
    }

    fn upstream_sent(&mut self, bytes: &[u8]) {
        self.exchange.upstream_sent(bytes);
    }

    fn at_rest(&self) -> bool {
        self.exchange.at_rest()
    }

    fn retires_at(&self) -> Option<Instant> {
        self.retires_at
    }
}

impl Conversation for Traffic {
    /// This watch asks for no pause.
    async fn intermission<A: Stream, D: Dial>(
        &mut self,
        _: &mut Legs<A, D::Stream>,
        _: &Lobby<D>,
    ) -> Result<(), LoginError> {
        Ok(())
    }

    /// Says nothing. An idle client of TDS reads nothing before it asks again, and a pool looks whether a connection is still
    /// good by whether it has ended *and* has nothing to read (SqlClient's `CheckConnection`): a bare end is what it understands.
    async fn farewell<A: Stream>(&self, _app: &mut AppLeg<A>) {}
}

/// Takes an app in. An error has been told to the app already, where there was a way to tell it.
///
/// # Errors
///
/// Why the app was not let in.
pub(crate) async fn login<A: Stream, D: Dial>(
    socket: A,
    lobby: &Lobby<D>,
) -> Result<Login<A, D::Stream, Traffic>, LoginError> {
    let deadline = Deadline::after(lobby.route.login_timeout);
    let offered = LocalTls {
        strict: lobby.local_tls.as_ref(),
        wrapped: lobby.wrapped_tls.as_ref(),
    };
    let Some(caller) = app::greet(socket, &offered, &deadline).await? else {
        return Ok(Login::Nobody);
    };
    let Caller {
        mut app,
        login,
        mut settled,
    } = caller;
    settled.trace_id = settled.trace_id.or_else(new_trace_id);
    let mut manner = Manner::UNKNOWN;
    let entered = async {
        let login = Login7::parse(&login).map_err(TdsError::from)?;
        manner = Manner::of(&login);
        enter(&login, settled, &manner, lobby, &deadline).await
    };
    match entered.await {
        Ok(entered) => {
            let admitting = app::admit(&mut app, &entered.answer, entered.spid);
            deadline.run("letting the app in", admitting).await?;
            let paired = Paired {
                app: app.map(MaybeTls::with_bare_end),
                upstream: entered.upstream.one_packet_per_record(),
            };
            Ok(Login::Session(Box::new(Session {
                paired,
                watch: Traffic {
                    exchange: Exchange::default(),
                    retires_at: entered.retires_at,
                },
                _guest: entered.guest,
            })))
        }
        Err(error) => {
            app::refuse(&mut app, &error, &manner, &lobby.route.name).await;
            Err(error)
        }
    }
}

/// A login that the upstream has granted.
struct Entered<U> {
    upstream: Upstream<U>,
    /// What the app is to read.
    answer: Vec<u8>,
    spid: u16,
    retires_at: Option<Instant>,
    guest: Guest,
}

/// Goes upstream as the app's principal.
async fn enter<D: Dial>(
    login: &Login7<'_>,
    settled: Settled,
    manner: &Manner,
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<Entered<D::Stream>, LoginError> {
    if manner.granted().is_none() {
        return Err(TdsError::AppVersion(login.version).into());
    }
    if let Some(what) = impossible(login) {
        return Err(TdsError::AppWants(what).into());
    }
    let user = from_utf16(login.user);
    let principal = lobby.principal(user.as_bytes())?;
    let mut database = login.database.to_vec();
    if let (true, Some(default)) = (database.is_empty(), &lobby.route.default_database) {
        push_utf16(default, &mut database);
    }
    let permit = lobby.permit()?;
    tracing::debug!(
        user = %Quoted(user.as_bytes()),
        app = %Quoted(from_utf16(login.app).as_bytes()),
        library = %Quoted(from_utf16(login.library).as_bytes()),
        database = %Quoted(from_utf16(&database).as_bytes()),
        version = %login.version,
        "login"
    );
    let wish = Wish {
        login,
        database: &database,
        settled,
        principal,
    };
    let (granted, token) = log_in(&wish, lobby, deadline).await?;
    let mut answer = Vec::new();
    LoginAnswer::parse(&granted.answer)
        .map_err(TdsError::from)?
        .rewrite(manner, &mut answer);
    Ok(Entered {
        upstream: granted.upstream,
        answer,
        spid: granted.spid,
        retires_at: retirement(lobby.route.tds.session_age, token.as_ref()),
        guest: Guest {
            _permit: permit,
            _cancel: None,
        },
    })
}

/// What nobody could do for this app: better said than left undone in silence.
fn impossible(login: &Login7<'_>) -> Option<&'static str> {
    if login.changes_password {
        return Some("a new password");
    }
    if !login.attach_file.is_empty() {
        return Some("a database file to attach (AttachDbFilename)");
    }
    match login.fed_auth() {
        Some(FedAuth::Negotiated | FedAuth::Unknown(_)) => {
            Some("a sign-in of its own (Authentication=ActiveDirectory...)")
        }
        Some(FedAuth::SecurityToken) | None => None,
    }
}

/// Logs in with what the route logs in with. A token that the upstream calls expired is replaced once.
async fn log_in<D: Dial>(
    wish: &Wish<'_>,
    lobby: &Lobby<D>,
    deadline: &Deadline,
) -> Result<(Granted<D::Stream>, Option<Token>), LoginError> {
    let UpstreamAuth::Token(audience) = &lobby.route.auth else {
        let granted = upstream::log_in(wish, None, lobby, deadline).await?;
        return Ok((granted, None));
    };
    let token = lobby
        .lasting_token(wish.principal, audience, deadline)
        .await?;
    let error = match upstream::log_in(wish, Some(&token), lobby, deadline).await {
        Ok(granted) => return Ok((granted, Some(token))),
        Err(error) if says_token_expired(&error) => error,
        Err(error) => return Err(error),
    };
    let replacing = lobby.replace_token(wish.principal, audience, &token, deadline);
    match replacing.await {
        Some(token) => {
            let granted = upstream::log_in(wish, Some(&token), lobby, deadline).await?;
            Ok((granted, Some(token)))
        }
        None => Err(error),
    }
}

/// Whether the upstream refused because the token was too old.
fn says_token_expired(error: &LoginError) -> bool {
    match error {
        LoginError::Refused { message, .. } => String::from_utf8_lossy(message)
            .to_ascii_lowercase()
            .contains("token is expired"),
        _ => false,
    }
}

/// Ids for an app that has none: connection, activity, sequence.
fn new_trace_id() -> Option<[u8; 36]> {
    let mut id = [0; 36];
    let ids = id.first_chunk_mut::<32>()?;
    crate::tls::provider().secure_random.fill(ids).ok()?;
    Some(id)
}

/// When a session that begins now has to end. Azure SQL looks at the token again during a session, and fails whatever query
/// comes then (error 37396).
fn retirement(age: SessionAge, token: Option<&Token>) -> Option<Instant> {
    let after = match (age, token) {
        (SessionAge::Unlimited, _) | (SessionAge::Token, None) => return None,
        (SessionAge::After(after), _) => after,
        (SessionAge::Token, Some(token)) => {
            token.left().saturating_sub(BEFORE_EXPIRY).max(LEAST_AGE)
        }
    };
    Instant::now().checked_add(after)
}
