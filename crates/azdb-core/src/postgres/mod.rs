//! The PostgreSQL login conversation.
//!
//! ```text
//!   app                       azdb-proxy                      upstream
//!    | -- SSLRequest, GSSENC --> |                                |
//!    | <------- S or N --------- |                                |
//!    | ---- StartupMessage ----> |                                |
//!    | <----- its password? ---- |   where the route has such     |
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
//! * A token is written by [`upstream`]'s `send_token` alone, which takes a [`Sealed`](crate::way::Sealed) way.
//! * The upstream's own error reaches the app as it came, behind what it had said before; a hint may be added where it had none.
//! * An error of ours stands before the upstream's "Ok".
//! * An app that has not proved that it knows its password costs no token and no connection.
//! * A CancelRequest costs no token and no session.

mod app;
mod app_password;
mod cancel;
mod fault;
mod hint;
mod keep;
mod notice;
mod password;
mod prepared;
mod securing;
mod upstream;
mod watch;

#[cfg(test)]
mod tests;

use azdb_config::route::Route;
use azdb_quote::Quoted;
use azdb_wire::postgres::{Startup, TERMINATE};

use cancel::Cancels;
use fault::PostgresFault;
use keep::{Memory, Pattern};
use prepared::Prepared;
use watch::PostgresWatch;

use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::kept::Ahead;
use crate::ledger::{Beginning, Reset};
use crate::lobby::{
    self, Entrant, Following, Keepsake, Lobby, Login, Made, Permit, Protocol, Session, Tracks,
};
use crate::parting::NotIn;
use crate::phases::Phase;
use crate::relay::Paired;
use crate::tls::{TlsEnd, TlsUse};
use crate::way::{Dial, Leg, MaybeTls, Stream, Upstream};

/// PostgreSQL, protocol 3.
pub(crate) struct Postgres;

/// What a route keeps between logins.
pub(crate) struct State<S> {
    cancels: Cancels,
    ahead: Ahead<Prepared<S>>,
}

impl<S> Default for State<S> {
    fn default() -> Self {
        Self {
            cancels: Cancels::default(),
            ahead: Ahead::default(),
        }
    }
}

impl Protocol for Postgres {
    const TLS: TlsUse = TlsUse {
        alpn: &[b"postgresql"],
        in_packets: false,
        app_end: TlsEnd::CloseNotify,
        upstream_end: TlsEnd::CloseNotify,
    };

    type State<S: Stream> = State<S>;
    type App<A: Stream> = MaybeTls<Leg<A>>;
    type Upstream<S: Stream> = Upstream<S>;
    type Watch = PostgresWatch;
    type Fault = PostgresFault;
    type Pattern = Pattern;
    type Memory = Memory;

    const GOODBYE: &'static [u8] = &TERMINATE;

    fn connection<S: Stream>(upstream: &mut Upstream<S>) -> &mut S {
        upstream.connection()
    }

    async fn login<A: Stream, D: Dial>(
        socket: A,
        place: &Place,
        lobby: &Lobby<Self, D>,
        deadline: &Deadline,
    ) -> Result<Login<Self, A, D::Stream>, NotIn<PostgresFault>> {
        let greeting = app::greet(socket, lobby.app_tls.as_ref(), deadline);
        let (mut app, packet) = match greeting.await? {
            app::Arrival::Startup(app, packet) => (app, packet),
            app::Arrival::Cancel(mut app, key) => {
                if lobby.admit(place).is_ok() {
                    cancel::forward(lobby, place, &key).await;
                }
                // An end that TLS does not announce is a failure to libpq, whatever became of the query.
                app.part_with(&[]).await;
                return Ok(Login::Errand("cancel request"));
            }
            app::Arrival::Nobody(stranger) => return Ok(Login::Nobody(stranger)),
        };
        let is_tls = app.is_tls();
        let admitted = lobby
            .admit(place)
            .and_then(|()| lobby.admit_without_tls(place, is_tls));
        if let Err(cause) = admitted {
            return Err(app::refuse(&mut app, cause.into()).await.into());
        }
        let asking = app_password::ask(&mut app, &packet, place.peer(), lobby, deadline);
        Box::pin(asking).await?;
        let entered = match enter(&packet, place, lobby, deadline, app.left()).await {
            Ok(entered) => entered,
            Err(fault) => return Err(app::refuse(&mut app, fault).await.into()),
        };
        let admitting = app::admit(&mut app, &entered.answer);
        deadline
            .run(Phase::App, "letting the app in", admitting)
            .await?;
        let (upstream, mut entrant) = (entered.upstream, entered.entrant);
        entrant.app_tls = app.is_tls();
        let session = Session {
            legs: Paired { app, upstream },
            watch: entered.watch,
            following: entered.following,
            permit: Some(entered.permit),
            keepsake: entered.keepsake,
        };
        Ok(Login::Session(Box::new(session), entrant))
    }

    async fn log_in_again<D: Dial>(
        pattern: &Pattern,
        lobby: &Lobby<Self, D>,
        deadline: &Deadline,
    ) -> Result<Made<Self, D::Stream>, Fault<PostgresFault>> {
        keep::log_in_again(pattern, lobby, deadline).await
    }

    async fn reset<D: Dial>(
        upstream: &mut Upstream<D::Stream>,
        memory: &Memory,
        watch: PostgresWatch,
        _: &Lobby<Self, D>,
    ) -> Reset {
        keep::reset(upstream, memory, watch).await
    }

    fn begins_anew<S: Stream>(state: &State<S>) {
        state.ahead.clear();
    }

    fn last_words(watch: &PostgresWatch, cause: Cause, _: &Route) -> Option<Vec<u8>> {
        watch.hears_errors().then(|| notice::in_session(cause))
    }

    /// In an answer, too, as libpq does: whatever the app has begun and not ended comes to nothing.
    fn leave(watch: &PostgresWatch) -> Option<&'static [u8]> {
        watch.takes_message().then_some(&TERMINATE)
    }
}

/// A login that the upstream has granted.
struct Entered<S> {
    upstream: Upstream<S>,
    /// What the app is to read: from the version negotiation to ReadyForQuery.
    answer: Vec<u8>,
    watch: PostgresWatch,
    following: Option<Box<Following>>,
    permit: Permit,
    keepsake: Option<Box<Keepsake<Postgres>>>,
    entrant: Entrant,
}

/// Goes upstream as the app's principal, or finds a session that waits for it.
async fn enter<D: Dial>(
    packet: &[u8],
    place: &Place,
    lobby: &Lobby<Postgres, D>,
    deadline: &Deadline,
    left: impl Future<Output = ()> + Send,
) -> Result<Entered<D::Stream>, Fault<PostgresFault>> {
    let startup = app::parse_startup(packet)?;
    let user = startup.user().ok_or(PostgresFault::NoUser)?;
    let principal = lobby.principal(user)?;
    let database = database(&startup, user, lobby.route.default_database.as_deref());
    let label = lobby.labels(place).map(|labels| labels.of(user));
    let startup = match &label {
        Some(label) => startup.named(label.as_bytes()),
        None => startup,
    };
    let entrant = Entrant {
        user: user.to_vec(),
        principal: principal.user.clone(),
        database: Some(database.to_vec()),
        number: None,
        app_tls: false,
        beginning: Beginning::default(),
    };
    let key = keep::key(&startup, database, place, principal, lobby);
    if let Some(key) = &key
        && let Some(taken) = lobby.take_kept(key).await
    {
        place.leave();
        return keep::let_in(taken, entrant, lobby);
    }
    let permit = lobby.enter(place)?;
    tracing::debug!(
        user = %Quoted(user), role = %principal.user, database = %Quoted(database), "startup"
    );
    let packet = startup
        .encode_as(principal.user.as_bytes(), database)
        .map_err(PostgresFault::from)?;
    let mut attempt = upstream::Entry {
        packet: &packet,
        role: &principal.user,
        lobby,
        deadline,
        tracks: Tracks::default(),
        persists: true,
        takes_prepared: lobby.looks_ahead_for(place),
    };
    let logging_in = lobby::log_in(&mut attempt, principal, lobby, deadline, left);
    let (granted, token) = logging_in.await?;
    if lobby.looks_ahead_for(place) {
        prepared::look_ahead(lobby);
    }
    let asked = keep::Asked {
        packet,
        key,
        token,
        permit,
    };
    keep::remember(granted, asked, entrant, lobby)
}

/// The database that the app asks for. libpq names the user when it is told no database, and so does the server.
fn database<'a>(startup: &Startup<'a>, user: &'a [u8], default: Option<&'a str>) -> &'a [u8] {
    let default = default.map_or(user, str::as_bytes);
    startup.database().unwrap_or(default)
}
