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
//! * A token is written by [`upstream`]'s `send_token` alone, which takes a [`Sealed`](crate::way::Sealed) way.
//! * An app that has not proved that it knows its password costs no token and no connection.
//! * Nothing of the app's password or of its integrated authentication goes upstream.
//! * The app never hears of routing, mirrors or features that it did not ask for.
//! * The upstream's own error reaches the app as it came, in the widths of the app's version.
//! * An app is granted the version that it asked for, or what its upstream speaks where that is less.
//! * What an app has left behind is nobody's before the upstream has said that it was reset, and nothing else.

mod app;
mod app_password;
mod browser;
mod enter;
mod fault;
mod in_dialect;
mod keep;
mod mars;
mod memory;
mod notice;
mod numbers;
mod old_login;
mod one_packet_per_record;
mod packets;
mod principal;
mod reset;
mod routing;
mod upstream;
mod verdict;
mod watch;

#[cfg(test)]
mod tests;

use azdb_config::route::Route;
use azdb_wire::tds::{Login7, Manner, TlsWish, from_utf16};
use tokio::time::Instant;

pub(crate) use browser::Browser;

use app::Caller;
use app_password::Seen;
use enter::{Arrival, enter};
use fault::TdsFault;
use in_dialect::InDialect;
use keep::Pattern;
use mars::{MarsFor, MarsUpstream};
use memory::Memory;
use one_packet_per_record::OnePacketPerRecord;
use watch::TdsWatch;

use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::ledger::Reset;
use crate::lobby::{Lobby, Login, Made, Protocol};
use crate::parting::NotIn;
use crate::phases::Phase;
use crate::tls::{TlsEnd, TlsUse};
use crate::way::{Dial, Leg, MaybeTls, Stream};

/// SQL Server, TDS 7.0 to 7.4 and 8.0.
pub(crate) struct Tds;

impl Protocol for Tds {
    const TLS: TlsUse = TlsUse {
        alpn: &[b"tds/8.0"],
        in_packets: true,
        // To see whether an idle connection is still good, pools look for an end with nothing to read before it (SqlClient's
        // `CheckConnection`). With an alert in front, an app is handed a dead connection where it would have been given a new one.
        app_end: TlsEnd::Bare,
        upstream_end: TlsEnd::Bare,
    };

    type State<S: Stream> = MarsUpstream;
    type App<A: Stream> = OnePacketPerRecord<MaybeTls<Leg<A>>>;
    type Upstream<S: Stream> = InDialect<S>;
    type Watch = TdsWatch;
    type Fault = TdsFault;
    type Pattern = Pattern;
    type Memory = Memory;

    /// A client of TDS ends its connection, and that is all.
    const GOODBYE: &'static [u8] = &[];

    fn connection<S: Stream>(upstream: &mut InDialect<S>) -> &mut S {
        upstream.connection()
    }

    async fn login<A: Stream, D: Dial>(
        socket: A,
        place: &Place,
        lobby: &Lobby<Self, D>,
        deadline: &Deadline,
    ) -> Result<Login<Self, A, D::Stream>, NotIn<TdsFault>> {
        let route = &lobby.route;
        let terms = app::Terms {
            tls: lobby.app_tls.as_ref().map(|tls| (tls, wish(place, lobby))),
            mars: MarsFor::apps_of(lobby),
        };
        let may_come = || lobby.admit(place);
        let greeting = app::greet(socket, terms, &route.name, may_come, deadline);
        let caller = match greeting.await? {
            Ok(caller) => caller,
            Err(stranger) => return Ok(Login::Nobody(stranger)),
        };
        let Caller {
            mut app,
            login,
            mut settled,
        } = caller;
        settled.trace_id = settled.trace_id.or_else(new_trace_id);
        let mut manner = Manner::UNKNOWN;
        let entered = async {
            let seen = Seen {
                payload: &login,
                is_tls: app.is_tls(),
                peer: place.peer(),
            };
            let login = Login7::parse(&login).map_err(TdsFault::from)?;
            manner = Manner::of(&login);
            lobby.admit(place)?;
            lobby.admit_without_tls(place, seen.is_tls)?;
            let user = from_utf16(login.user);
            let checking = app_password::check(&seen, &login, user.as_bytes(), lobby, deadline);
            Box::pin(checking).await?;
            let arrival = Arrival {
                login: &login,
                settled,
                manner: &manner,
                is_tls: seen.is_tls,
                place,
            };
            enter(arrival, lobby, deadline, app.left()).await
        };
        let entered = match entered.await {
            Ok(entered) => entered,
            Err(fault) => {
                let refusing = app::refuse(&mut app, fault, &manner, &route.name);
                return Err(refusing.await.into());
            }
        };
        let admitting = app::admit(&mut app, &entered.fitted.answer, entered.spid);
        deadline
            .run(Phase::App, "letting the app in", admitting)
            .await?;
        Ok(entered.with(app))
    }

    async fn log_in_again<D: Dial>(
        pattern: &Pattern,
        lobby: &Lobby<Self, D>,
        deadline: &Deadline,
    ) -> Result<Made<Self, D::Stream>, Fault<TdsFault>> {
        keep::log_in(pattern, lobby, deadline).await
    }

    async fn reset<D: Dial>(
        upstream: &mut InDialect<D::Stream>,
        memory: &Memory,
        _watch: TdsWatch,
        _lobby: &Lobby<Self, D>,
    ) -> Reset {
        reset::reset(upstream, memory).await
    }

    fn lent_until(memory: &Memory) -> Option<Instant> {
        memory.lent_until()
    }

    fn goes_elsewhere<S: Stream>(state: &MarsUpstream) {
        state.forget();
    }

    fn last_words(watch: &TdsWatch, cause: Cause, route: &Route) -> Option<Vec<u8>> {
        let awaits_answer = watch.awaits_answer();
        awaits_answer.then(|| notice::in_session(cause, &route.name, watch.width()))
    }

    // And none at rest. An idle client of TDS reads nothing before it asks again, and a pool looks whether a connection is still good
    // by whether it has ended *and* has nothing to read (SqlClient's `CheckConnection`): a bare end is what it understands.
}

/// Whether an app at `place` may do without TLS: not where it must not, and not where its password would be heard by others.
fn wish<D: Dial>(place: &Place, lobby: &Lobby<Tds, D>) -> TlsWish {
    let peer = place.peer();
    let is_heard = lobby.asks(peer).is_some() && !peer.is_here();
    match lobby.admit_without_tls(place, false) {
        Ok(()) if !is_heard => TlsWish::AsTheAppLikes,
        _ => TlsWish::Always,
    }
}

/// Ids for an app that has none: connection, activity, sequence.
fn new_trace_id() -> Option<[u8; 36]> {
    let mut id = [0; 36];
    let ids = id.first_chunk_mut::<32>()?;
    crate::tls::provider().secure_random.fill(ids).ok()?;
    Some(id)
}
