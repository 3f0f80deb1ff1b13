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

mod app;
mod app_password;
mod browser;
mod fault;
mod in_dialect;
mod mars;
mod notice;
mod numbers;
mod old_login;
mod one_packet_per_record;
mod packets;
mod principal;
mod routing;
mod upstream;
mod vacant;
mod verdict;
mod watch;

#[cfg(test)]
mod tests;

use std::convert::Infallible;

use azdb_config::route::Route;
use azdb_quote::Quoted;
use azdb_wire::tds::{FedAuth, Login7, Manner, TlsWish, from_utf16, push_utf16};

pub(crate) use browser::Browser;

use app::{Caller, Settled};
use app_password::Seen;
use fault::TdsFault;
use in_dialect::InDialect;
use mars::{MarsFor, MarsUpstream};
use vacant::{Fitted, Newcomer, Vacant};
use watch::TdsWatch;

use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::ledger::{Beginning, Reset};
use crate::lobby::{
    self, Entrant, Following, Labels, Lobby, Login, Made, Number, Permit, Protocol, Session, Tracks,
};
use crate::parting::NotIn;
use crate::phases::Phase;
use crate::relay::Paired;
use crate::tls::{TlsEnd, TlsUse};
use crate::way::{AppLeg, Dial, Leg, MaybeTls, Stream};

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
    type App<A: Stream> = MaybeTls<Leg<A>>;
    type Upstream<S: Stream> = InDialect<S>;
    type Watch = TdsWatch;
    type Fault = TdsFault;
    type Pattern = Infallible;
    type Memory = Infallible;

    const GOODBYE: &'static [u8] = b"";

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
            let left = app.left();
            enter(&login, settled, &manner, place, lobby, deadline, left).await
        };
        let entered = match entered.await {
            Ok(entered) => entered,
            Err(fault) => {
                let refusing = app::refuse(&mut app, fault, &manner, &route.name);
                return Err(refusing.await.into());
            }
        };
        let fitted = &entered.fitted;
        let admitting = app::admit(&mut app, &fitted.answer, fitted.grant.spid);
        deadline
            .run(Phase::App, "letting the app in", admitting)
            .await?;
        Ok(entered.with(app))
    }

    async fn log_in_again<D: Dial>(
        pattern: &Infallible,
        _: &Lobby<Self, D>,
        _: &Deadline,
    ) -> Result<Made<Self, D::Stream>, Fault<TdsFault>> {
        match *pattern {}
    }

    async fn reset<D: Dial>(
        _: &mut InDialect<D::Stream>,
        memory: &Infallible,
        _: TdsWatch,
        _: &Lobby<Self, D>,
    ) -> Reset {
        match *memory {}
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

/// A login that the upstream has granted.
struct Entered<S> {
    fitted: Fitted<S>,
    following: Option<Box<Following>>,
    permit: Permit,
    entrant: Entrant,
}

impl<S: Stream> Entered<S> {
    /// The session with this app.
    fn with<A: Stream>(self, app: AppLeg<A>) -> Login<Tds, A, S> {
        let mut entrant = self.entrant;
        entrant.app_tls = app.is_tls();
        let Fitted {
            upstream, watch, ..
        } = self.fitted;
        let session = Session {
            legs: Paired { app, upstream },
            watch,
            following: self.following,
            permit: Some(self.permit),
            keepsake: None,
        };
        Login::Session(Box::new(session), entrant)
    }
}

/// Goes upstream as the app's principal.
async fn enter<D: Dial>(
    login: &Login7<'_>,
    settled: Settled,
    manner: &Manner,
    place: &Place,
    lobby: &Lobby<Tds, D>,
    deadline: &Deadline,
    left: impl Future<Output = ()> + Send,
) -> Result<Entered<D::Stream>, Fault<TdsFault>> {
    possible(login)?;
    mars::check(login, manner, settled, lobby)?;
    let user = from_utf16(login.user);
    let principal = principal::of(&user, lobby)?;
    let database = database(login, &lobby.route);
    let permit = lobby.enter(place)?;
    log_login(login, &user, &database);
    let label = label(&user, lobby.labels(place));
    let most_packet = verdict::most_to_wish(settled, lobby.upstream_tls.is_some());
    let login = &adapted(login, &label, most_packet);
    let mut attempt = upstream::Entry {
        wish: upstream::Wish {
            login,
            database: &database,
            settled,
            principal,
        },
        lobby,
        deadline,
        tracks: Tracks::default(),
    };
    let (granted, token) = lobby::log_in(&mut attempt, principal, lobby, deadline, left).await?;
    let retires_at = watch::retirement(lobby.route.tds.session_age, token.as_ref());
    let app = Newcomer {
        manner,
        version: login.version,
        mars: settled.mars,
    };
    let fitted = Vacant::behind(granted, retires_at).fit(&app, &lobby.route)?;
    Ok(Entered {
        following: lobby.follow(&fitted.grant.dialled),
        permit,
        entrant: Entrant {
            user: user.into_bytes(),
            principal: principal.user.clone(),
            database: (!database.is_empty()).then(|| from_utf16(&database).into_bytes()),
            number: Some(Number::Session(fitted.grant.spid)),
            app_tls: false,
            beginning: Beginning::default(),
        },
        fitted,
    })
}

/// The database that a login is for, if for any.
fn database(login: &Login7<'_>, route: &Route) -> Vec<u8> {
    let mut database = login.database.to_vec();
    if let (true, Some(default)) = (database.is_empty(), &route.default_database) {
        push_utf16(default, &mut database);
    }
    database
}

/// The name of an app that says none, in UTF-16LE; empty where the route names nobody.
fn label(user: &str, labels: Option<Labels>) -> Vec<u8> {
    let mut label = Vec::new();
    if let Some(labels) = labels {
        push_utf16(&labels.of(user.as_bytes()), &mut label);
    }
    label
}

/// The same login of an app that has this name, where it says none, and that wishes for no larger packets.
fn adapted<'a>(login: &Login7<'a>, label: &'a [u8], most_packet: u32) -> Login7<'a> {
    let app = match login.app {
        [] => label,
        app => app,
    };
    Login7 {
        app,
        packet_size: login.packet_size.min(most_packet),
        ..login.clone()
    }
}

fn log_login(login: &Login7<'_>, user: &str, database: &[u8]) {
    tracing::debug!(
        user = %Quoted(user.as_bytes()),
        app = %Quoted(from_utf16(login.app).as_bytes()),
        library = %Quoted(from_utf16(login.library).as_bytes()),
        database = %Quoted(from_utf16(database).as_bytes()),
        version = %login.version,
        "login"
    );
}

/// Whether the app asks for nothing that would have to be left undone in silence.
fn possible(login: &Login7<'_>) -> Result<(), TdsFault> {
    if !login.version.is_known() {
        return Err(TdsFault::AppVersion(login.version));
    }
    match impossible(login) {
        Some(what) => Err(TdsFault::AppWants(what)),
        None => Ok(()),
    }
}

/// What nobody could do for this app.
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

/// Ids for an app that has none: connection, activity, sequence.
fn new_trace_id() -> Option<[u8; 36]> {
    let mut id = [0; 36];
    let ids = id.first_chunk_mut::<32>()?;
    crate::tls::provider().secure_random.fill(ids).ok()?;
    Some(id)
}
