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
mod customs;
mod dismissal;
mod enter;
mod fault;
mod greeted;
mod greeting;
mod keep;
mod leave;
mod memory;
mod notice;
mod numbers;
mod password;
mod reset;
mod securing;
mod spares;
mod take_over;
mod upstream;
mod watch;

#[cfg(test)]
mod tests;

use std::time::Duration;

use azdb_config::route::Route;
use azdb_wire::mysql::{Capabilities, QUIT, SCRAMBLE, push_packet};
use zeroize::Zeroizing;

use app::{Arrival, Arrived};
use app_password::{Over, prove};
use channel::Channel;
use compression::AppWay;
use enter::Seen;
use fault::MysqlFault;
use greeting::{NEVER_MET, draw, greeting_for_app, remembered};
use leave::Leave;
use memory::{Memory, Pattern};
use spares::{Met, Spares};
use watch::MysqlWatch;

use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::ledger::Reset;
use crate::lobby::{Labels, Legs, Lobby, Login, Made, Protocol, Session};
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
    /// What the app has called itself at its login.
    app_user: Box<[u8]>,
    /// It has become another principal than its login's, or somebody else where apps are told from each other by what they call
    /// themselves.
    is_another: bool,
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
    type Pattern = Pattern;
    type Memory = Memory;

    const GOODBYE: &'static [u8] = &QUIT;
    /// An app's own clock may run out when it has left: its driver comes over another connection to end the query (`KILL QUERY`).
    const QUARANTINE: Duration = Duration::from_millis(250);

    fn connection<S: Stream>(upstream: &mut Upstream<S>) -> &mut S {
        upstream.connection()
    }

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
        let seen = Seen {
            packet: &packet,
            scramble,
            over,
            place,
        };
        let left = app.leg().left();
        let entering = enter::go_on(seen, greeter, lobby, deadline, left);
        let entered = match Box::pin(entering).await {
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
            watch: MysqlWatch::new(entered.terms, entered.keepsake.is_some()),
            following: entered.following,
            permit: Some(entered.permit),
            keepsake: entered.keepsake,
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
        pattern: &Pattern,
        lobby: &Lobby<Self, D>,
        deadline: &Deadline,
    ) -> Result<Made<Self, D::Stream>, Fault<MysqlFault>> {
        keep::log_in_again(pattern, lobby, deadline).await
    }

    async fn reset<D: Dial>(
        upstream: &mut Upstream<D::Stream>,
        _: &Memory,
        watch: MysqlWatch,
        lobby: &Lobby<Self, D>,
    ) -> Reset {
        keep::reset(upstream, &watch, lobby).await
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

/// Bytes that may hold a password.
type Secretive = Zeroizing<Vec<u8>>;
