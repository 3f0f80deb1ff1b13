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
//! The server speaks first, and drivers use what it says: version, thread id (for `KILL QUERY`), flags, collation. So the upstream is
//! dialled before the app has said a word, and its greeting is the app's, with other random numbers and with the flags masked that
//! cannot be kept. It is dialled only when an app could be let in: with a place and a token. An upstream that has only greeted when its
//! app leaves, or is refused, goes to the next one ([`spares`]), or says goodbye in order ([`dismissal`]).
//!
//! # Invariants
//!
//! * The app's own password is never sent upstream.
//! * An app that has not proved that it knows its password costs no token and no login.
//! * A flag that changes the byte format after login is equal on both legs, but for compression, which ends here ([`compression`]).
//! * A token is written by [`upstream`]'s `send_token` alone, which takes a [`Sealed`](crate::way::Sealed) way.
//! * The first packet that an app reads is a greeting, also when there is no upstream.
//! * No error of ours has a code from 2000 to 2999, which apps take for errors of their own library.

mod app;
mod app_password;
mod change_user;
mod channel;
mod compression;
mod dismissal;
mod fault;
mod greeted;
mod greeting;
mod leave;
mod notice;
mod numbers;
mod password;
mod securing;
mod spares;
mod upstream;
mod watch;

#[cfg(test)]
mod tests;

use std::convert::Infallible;

use azdb_config::route::Route;
use azdb_quote::Quoted;
use azdb_wire::mysql::{
    Capabilities, QUIT, Response, SCRAMBLE, plugin, push_packet, with_program_name,
};
use zeroize::Zeroizing;

use app::{Arrival, Arrived};
use app_password::{Over, prove};
use channel::Channel;
use compression::{AppWay, Method};
use fault::MysqlFault;
use greeting::{NEVER_MET, draw, greeting_for_app, masked, remembered};
use leave::Leave;
use spares::{Lent, Met, Spares};
use watch::MysqlWatch;

use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::ledger::{Beginning, Reset};
use crate::lobby::{
    self, Entrant, Following, Labels, Legs, Lobby, Login, Made, Number, Permit, Protocol, Session,
    Tracks,
};
use crate::parting::NotIn;
use crate::relay::{Paired, Watch as _};
use crate::socket::Peer;
use crate::stranger::Stranger;
use crate::tls::{TlsEnd, TlsUse};
use crate::way::{Dial, Leg, Stream, Upstream};

/// MySQL and MariaDB, protocol 4.1.
pub(crate) struct Mysql;

/// What a login has agreed, and a login within the session must know.
#[derive(Debug, Clone)]
struct Terms {
    /// The app's flags.
    app: Capabilities,
    /// The flags sent upstream.
    upstream: Capabilities,
    /// Those of MariaDB's above bit 31.
    extended: u32,
    charset: u8,
    /// Drawn for this app.
    scramble: [u8; SCRAMBLE],
    /// Who the session is upstream.
    user: String,
    /// Where the session is, for messages.
    host: String,
    /// The plugin that the account turned out to use.
    plugin: Vec<u8>,
    /// Where the app is.
    peer: Peer,
    /// Who else hears what it says.
    over: Over,
    labels: Option<Labels>,
}

impl Protocol for Mysql {
    const TLS: TlsUse = TlsUse {
        alpn: &[],
        in_packets: false,
        app_end: TlsEnd::Bare,
        // A server that sleeps in a query takes bytes to read for a sign of life, and the query of a killed app goes on to its end.
        upstream_end: TlsEnd::Bare,
    };

    type State<S: Stream> = Spares<S>;
    type App<A: Stream> = AppWay<A>;
    type Upstream<S: Stream> = Upstream<S>;
    type Watch = MysqlWatch;
    type Fault = MysqlFault;
    type Pattern = Infallible;
    type Memory = Infallible;

    const GOODBYE: &'static [u8] = &QUIT;

    async fn login<A: Stream, D: Dial>(
        socket: A,
        place: &Place,
        lobby: &Lobby<Self, D>,
        deadline: &Deadline,
    ) -> Result<Login<Self, A, D::Stream>, NotIn<MysqlFault>> {
        let mut socket = Leg::new(socket);
        if let Err(cause) = lobby.admit(place) {
            return Err(turn_away(socket, None, lobby, cause.into()).await);
        }
        let peer = place.peer();
        let spares = &lobby.state.own;
        let (greeter, mut leave) = match spares.meet(&mut socket, place, lobby, deadline).await {
            Met::Greeter(greeter, leave) => (greeter, leave),
            Met::NoApp(Stranger::ProxyHeader) => {
                let greeting = remembered(lobby, NEVER_MET.scramble);
                app::refuse_proxy_header(&mut socket, &greeting).await;
                return Ok(Login::Nobody(Stranger::ProxyHeader));
            }
            Met::NoApp(stranger) => return Ok(Login::Nobody(stranger)),
            Met::NoUpstream(fault) => {
                return Err(turn_away(socket, Some(peer), lobby, fault).await);
            }
        };
        let (scramble, greeting) = match greeting_for_app(&greeter, lobby) {
            Ok(drawn) => drawn,
            Err(fault) => return Err(turn_away(socket, Some(peer), lobby, fault).await),
        };
        let tls = lobby.app_tls.as_ref();
        let introducing = app::introduce(socket, &greeting, tls, &mut leave, deadline);
        let Arrived {
            mut leg,
            next,
            packet,
        } = match introducing.await? {
            Arrival::App(arrived) => arrived,
            Arrival::Nobody(stranger) => {
                spares.leaves.probed();
                return Ok(Login::Nobody(stranger));
            }
        };
        drop(leave);
        let over = Over::of(&leg);
        let mut app = Channel::at(&mut leg, next);
        if let Err(cause) = lobby.admit_without_tls(place, over == Over::Tls) {
            return Err(app::refuse(&mut app, cause.into()).await.into());
        }
        let asking = prove(&mut app, &packet, &scramble, (peer, over), lobby, deadline);
        let proven = Box::pin(asking).await?;
        let left = app.leg().left();
        let entering = async {
            let mut left = std::pin::pin!(left);
            let lending = spares.lend(greeter, lobby, deadline, left.as_mut());
            let lent = lending.await?;
            let seen = Seen {
                packet: &packet,
                scramble,
                over,
            };
            enter(&seen, lent, place, lobby, deadline, left).await
        };
        let entered = match entering.await {
            Ok(entered) => entered,
            Err(fault) => return Err(app::refuse(&mut app, fault).await.into()),
        };
        let (named, ok) = (&entered.named, &entered.ok);
        match proven {
            Some(proven) => app_password::admit(&mut app, proven, ok, deadline).await?,
            None => app::admit(&mut app, named, &scramble, ok, deadline).await?,
        }
        let (upstream, mut entrant) = (entered.upstream, entered.entrant);
        entrant.app_tls = leg.is_tls();
        let app = compression::begin(leg, entered.compression);
        let session = Session {
            legs: Paired { app, upstream },
            watch: MysqlWatch::new(entered.terms),
            following: entered.following,
            permit: Some(entered.permit),
            keepsake: None,
        };
        Ok(Login::Session(Box::new(session), entrant))
    }

    async fn intermission<A: Stream, D: Dial>(
        legs: &mut Legs<Self, A, D::Stream>,
        watch: &mut MysqlWatch,
        lobby: &Lobby<Self, D>,
    ) -> Result<(), NotIn<MysqlFault>> {
        change_user::change_user(legs, &mut watch.terms, lobby).await?;
        watch.begin_anew();
        Ok(())
    }

    async fn log_in_again<D: Dial>(
        pattern: &Infallible,
        _: &Lobby<Self, D>,
        _: &Deadline,
    ) -> Result<Made<Self, D::Stream>, Fault<MysqlFault>> {
        match *pattern {}
    }

    async fn reset<D: Dial>(
        _: &mut Upstream<D::Stream>,
        memory: &Infallible,
        _: MysqlWatch,
        _: &Lobby<Self, D>,
    ) -> Reset {
        match *memory {}
    }

    fn goes_elsewhere<S: Stream>(state: &Spares<S>) {
        state.go_elsewhere();
    }

    /// An error is an answer, or stands between two rows of one. One that answers nothing is taken for the answer to what comes next,
    /// or for a packet out of order: at rest MariaDB itself says nothing when it leaves.
    fn last_words(watch: &MysqlWatch, cause: Cause, _: &Route) -> Option<Vec<u8>> {
        let (number, mut packet) = (watch.error_number()?, Vec::new());
        push_packet(&mut packet, number, &notice::in_session(cause));
        Some(packet)
    }

    /// Anywhere but at rest it would be read as something else, a part of a file for example.
    fn leave(watch: &MysqlWatch) -> Option<&'static [u8]> {
        watch.at_rest().then_some(&QUIT)
    }
}

/// Tells an app why there is no upstream: after a greeting and its response, because before them most drivers understand no
/// error.
///
/// One that must have a password hears it only when it has said it, and whoever may not come at all (`None`) is asked for none.
async fn turn_away<A: Stream, D: Dial>(
    socket: Leg<A>,
    peer: Option<Peer>,
    lobby: &Lobby<Mysql, D>,
    fault: Fault<MysqlFault>,
) -> NotIn<MysqlFault> {
    /// The login's own time may be used up.
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
    let scramble = draw().unwrap_or(NEVER_MET.scramble);
    let greeting = remembered(lobby, scramble);
    let tls = lobby.app_tls.as_ref();
    let deadline = Deadline::after(PATIENCE);
    // Whatever becomes of the app, the reason is the upstream.
    match app::introduce(socket, &greeting, tls, &mut Leave::default(), &deadline).await {
        Ok(Arrival::App(Arrived {
            mut leg,
            next,
            packet,
        })) => {
            // Whoever may not come in at all is told that: it stays true when the rest has been mended.
            let user = app::parse_response(&packet).map(|response| response.user);
            let user = user.ok().filter(|_| peer.is_some());
            let unknown = user.and_then(|user| lobby.principal(user).err());
            let fault = unknown.map_or(fault, Fault::Shared);
            let over = Over::of(&leg);
            let mut app = Channel::at(&mut leg, next);
            if let Some(peer) = peer {
                let deadline = lobby.deadline();
                let proving = prove(&mut app, &packet, &scramble, (peer, over), lobby, &deadline);
                if let Err(not_in) = Box::pin(proving).await {
                    return not_in;
                }
            }
            app::refuse(&mut app, fault).await.into()
        }
        Ok(Arrival::Nobody(_)) | Err(_) => NotIn::Untold(fault),
    }
}

/// A login that the upstream has granted.
struct Entered<S> {
    upstream: Upstream<S>,
    /// The upstream's OK.
    ok: Vec<u8>,
    /// The plugin that the app has begun with.
    named: Vec<u8>,
    terms: Terms,
    following: Option<Box<Following>>,
    /// How the app wants to be spoken to from here on.
    compression: Option<Method>,
    permit: Permit,
    entrant: Entrant,
}

/// What has been seen of an app.
struct Seen<'a> {
    /// Its answer to the greeting.
    packet: &'a [u8],
    /// Drawn for it.
    scramble: [u8; SCRAMBLE],
    over: Over,
}

/// Goes upstream as the app's principal.
async fn enter<D: Dial>(
    seen: &Seen<'_>,
    lent: Lent<D::Stream>,
    place: &Place,
    lobby: &Lobby<Mysql, D>,
    deadline: &Deadline,
    left: impl Future<Output = ()> + Send,
) -> Result<Entered<D::Stream>, Fault<MysqlFault>> {
    let (response, scramble) = (app::parse_response(seen.packet)?, seen.scramble);
    let principal = lobby.principal(response.user)?;
    let default = lobby.route.default_database.as_deref().map(str::as_bytes);
    let database = response.database.or(default);
    let permit = lobby.enter(place)?;
    tracing::debug!(
        user = %Quoted(response.user), principal = %principal.user,
        database = %Quoted(database.unwrap_or_default()), flags = ?response.capabilities, "response"
    );
    let greeting = lent.greeting()?;
    let offered = masked(&greeting, lobby, scramble).capabilities;
    let labels = lobby.labels(place);
    let labels = labels.filter(|_| offered.has(Capabilities::CONNECT_ATTRS));
    let named = named(labels.as_ref(), response.user, response.attributes);
    let ours = Response {
        capabilities: response.capabilities.towards_upstream(offered),
        extended: response.extended & greeting.extended(),
        user: principal.user.as_bytes(),
        auth: b"",
        database,
        plugin: plugin::NATIVE,
        attributes: named.as_deref().unwrap_or(response.attributes),
        ..response
    };
    let mut terms = Terms {
        app: response.capabilities,
        upstream: ours.agreed(),
        extended: ours.extended,
        charset: response.charset,
        scramble,
        user: principal.user.clone(),
        host: lent.host().to_owned(),
        plugin: Vec::new(),
        peer: place.peer(),
        over: seen.over,
        labels,
    };
    let mut attempt = upstream::Entry {
        response: ours,
        lent: Some(lent),
        lobby,
        deadline,
        tracks: Tracks::default(),
    };
    let (granted, _) = lobby::log_in(&mut attempt, principal, lobby, deadline, left).await?;
    terms.plugin = granted.plugin;
    Ok(Entered {
        upstream: granted.upstream,
        ok: granted.ok,
        named: response.plugin.to_vec(),
        terms,
        following: lobby.follow(&granted.dialled),
        compression: Method::of(&response),
        permit,
        entrant: Entrant {
            user: response.user.to_vec(),
            principal: principal.user.clone(),
            database: database.map(<[u8]>::to_vec),
            number: Some(Number::Thread(granted.thread_id)),
            app_tls: false,
            beginning: Beginning::default(),
        },
    })
}

/// The connection attributes of an app that says it is `user`, with a name, where they have none and it is given one.
fn named(labels: Option<&Labels>, user: &[u8], attributes: &[u8]) -> Option<Vec<u8>> {
    let label = labels?.of(user);
    with_program_name(attributes, label.as_bytes())
}

/// Bytes that may hold a password.
type Secretive = Zeroizing<Vec<u8>>;
