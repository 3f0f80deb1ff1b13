//! One app's connection, from the door to its last log line.

mod arrival;
mod lines;

use std::io;
use std::pin::pin;

use azdb_config::route::Endpoint;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use crate::anteroom::{Arriving, Place};
use crate::ending::{Admitted, Ending};
use crate::fault::Cause;
use crate::ledger::{End, Ledger};
use crate::lobby::{Following, Left, Lobby, Login, Protocol, Session};
use crate::parting::{NotIn, leave, see_off};
use crate::relay::{Ended, Ends, Linger, Paired, Side, Stopped, Watch as _, Why, relay};
use crate::socket::Peer;
use crate::stranger::Stranger;
use crate::way::{BreakOff as _, Dial, Stream};
use arrival::Arrival;

/// Whose lines these are.
struct Whose<'a> {
    route: &'a str,
    number: u64,
    peer: Peer,
}

impl Whose<'_> {
    /// Of the highest level, so that whatever a log shows says whose it is. A span is half a KiB, and a session that moves bytes has
    /// nothing to say: it is made where something may be said. The lines that each session has say it themselves, which takes less.
    fn span(&self) -> Span {
        let Self {
            route,
            number,
            peer,
        } = self;
        tracing::error_span!("session", %route, number, %peer)
    }
}

/// An app that has just come.
pub(crate) struct Guest<A> {
    pub(crate) socket: A,
    pub(crate) peer: Peer,
    pub(crate) place: Place,
}

impl<A> Guest<A> {
    pub(crate) fn new(socket: A, peer: Peer, place: Place) -> Box<Self> {
        Box::new(Self {
            socket,
            peer,
            place,
        })
    }
}

/// Serves one app.
pub(crate) async fn serve<P: Protocol, A: Stream, D: Dial>(
    guest: Box<Guest<A>>,
    lobby: &Lobby<P, D>,
    ending: &Ending,
) {
    lobby.state.ledger.accepted.add(1);
    let (route, number) = (&*lobby.route.name, ending.number());
    let whose = Whose {
        route,
        number,
        peer: guest.peer,
    };
    // Boxed: a login's state is many times that of a relay, and would stay with the session for its life.
    let arriving = Box::pin(arrive(guest, lobby, &whose));
    if let Some(session) = arriving.await {
        run(session, &whose, lobby, ending).await;
    }
}

/// Takes an app in, and writes down what came of it.
async fn arrive<P: Protocol, A: Stream, D: Dial>(
    guest: Box<Guest<A>>,
    lobby: &Lobby<P, D>,
    whose: &Whose<'_>,
) -> Option<Box<Session<P, Arriving<A>, D::Stream>>> {
    let (ledger, span) = (&lobby.state.ledger, whose.span());
    let Guest { socket, place, .. } = *guest;
    let deadline = lobby.deadline_of(&place);
    let outcome = {
        let login = P::login(place.around(socket), &place, lobby, &deadline);
        let mut login = pin!(login.instrument(span.clone()));
        place.hold(login.as_mut()).await
    };
    let arrival = Arrival::of(&place);
    drop(place);
    let _entered = span.entered();
    match outcome {
        Ok(Login::Session(session, entrant)) => {
            ledger.granted(deadline.phases(), entrant.beginning);
            if entrant.app_tls {
                ledger.sessions_in_tls.add(1);
            }
            lines::begins(whose, &entrant, deadline.phases());
            return Some(session);
        }
        Ok(Login::Errand(what)) => tracing::debug!("{what}"),
        Ok(Login::Nobody(Stranger::AppOf(spoken))) if spoken != lobby.route.protocol => {
            arrival::note_wrong_door(spoken, lobby.route.protocol, lobby.home.door_of(spoken));
        }
        Ok(Login::Nobody(who)) => arrival::note_stranger(who, &lobby.state.has_met_headers),
        Err(NotIn::Left(left)) => arrival.note(left, ledger),
        Err(not_in) => {
            ledger.refused_after(deadline.phases());
            arrival::note("login refused", &not_in, ledger);
        }
    }
    None
}

async fn run<P: Protocol, A: Stream, D: Dial>(
    mut session: Box<Session<P, A, D::Stream>>,
    whose: &Whose<'_>,
    lobby: &Lobby<P, D>,
    ending: &Ending,
) {
    let ledger = &lobby.state.ledger;
    let (mut counted, since) = (Counted::new(ending, ledger), Instant::now());
    let ended = converse(&mut session, whose, lobby, ending).await;
    let end = end(&ended.why, session.following.as_deref(), ending);
    counted.end = end;
    if let Why::Left { said } = ended.why {
        drop(counted);
        lines::ended(whose, end, &ended, since);
        return Box::pin(leave_behind(session, said, lobby)).await;
    }
    let Ended { unsent, .. } = &ended;
    if let Some(unsent) = unsent {
        session.permit = None;
        drop(counted);
        lines::ended(whose, end, &ended, since);
        return Box::pin(see_off(&mut session.legs.upstream, unsent)).await;
    }
    Box::pin(part(session, &ended, lobby, ending)).await;
    lines::ended(whose, end, &ended, since);
}

/// Ends the leg of an app that has left its upstream behind.
async fn leave_behind<P: Protocol, A: Stream, D: Dial>(
    session: Box<Session<P, A, D::Stream>>,
    said_goodbye: bool,
    lobby: &Lobby<P, D>,
) {
    let Session {
        legs: Paired { mut app, upstream },
        watch,
        following,
        permit,
        keepsake,
    } = *session;
    if let (Some(keepsake), Some(permit)) = (keepsake, permit) {
        lobby.give_back(Left {
            upstream,
            watch,
            following,
            permit,
            keepsake,
            said_goodbye,
        });
    }
    app.part_with(&[]).await;
}

/// Ends both legs: the app's with words of ours where there is room for them, and the upstream's as a client leaves where it is us who
/// end.
async fn part<P: Protocol, A: Stream, D: Dial>(
    session: Box<Session<P, A, D::Stream>>,
    ended: &Ended,
    lobby: &Lobby<P, D>,
    ending: &Ending,
) {
    let Session {
        legs: Paired { app, mut upstream },
        watch,
        following,
        permit: _permit,
        keepsake: _,
    } = *session;
    let (is_ours, is_at_rest) = match ended.why {
        Why::Goodbye { at_rest } => (true, at_rest),
        Why::Refused => (true, false),
        Why::Retired | Why::Idle(_) => (true, true),
        Why::Closed(_) | Why::Broken(..) | Why::Left { .. } => (false, false),
    };
    let cause = cause(&ended.why, following.as_deref(), lobby, ending);
    let last_words = cause.map(|cause| {
        let words = P::last_words(&watch, cause, &lobby.route);
        words.filter(|_| ended.is_heard)
    });
    let leaving = P::leave(&watch).filter(|_| is_ours && ended.is_up_to_date);
    drop(watch);
    let from_app = async {
        let mut app = app;
        match last_words {
            Some(Some(words)) => app.part_with(&words).await,
            Some(None) => app.break_off(),
            None => {}
        }
    };
    let from_upstream = async {
        if let Some(words) = leaving {
            leave(&mut upstream, words, is_at_rest).await;
        }
    };
    tokio::join!(from_app, from_upstream);
}

/// Why a session ends that neither side has ended, if its app may be told.
fn cause<P: Protocol, D: Dial>(
    why: &Why,
    following: Option<&Following>,
    lobby: &Lobby<P, D>,
    ending: &Ending,
) -> Option<Cause> {
    match why {
        Why::Goodbye { at_rest: true } => {
            let moved = moved(following, ending).cloned();
            Some(moved.map_or(Cause::ShuttingDown, |name| Cause::Moved { name }))
        }
        Why::Idle(limit) => Some(Cause::Idle { limit: *limit }),
        Why::Broken(Side::Upstream, error) => {
            // The log has the error itself.
            let source = io::Error::new(error.kind(), error.to_string());
            Some(Cause::in_session(source, lobby.route.upstream_timeout))
        }
        Why::Broken(Side::App, _)
        | Why::Closed(_)
        | Why::Left { .. }
        | Why::Goodbye { at_rest: false }
        | Why::Refused
        | Why::Retired => None,
    }
}

/// Who ended a session, and why.
fn end(why: &Why, following: Option<&Following>, ending: &Ending) -> End {
    match why {
        Why::Closed(Side::App) | Why::Left { .. } => End::AppClosed,
        Why::Closed(Side::Upstream) => End::UpstreamClosed,
        Why::Broken(Side::App, _) => End::AppBroke,
        Why::Broken(Side::Upstream, _) => End::UpstreamBroke,
        Why::Goodbye { .. } => moved(following, ending).map_or(End::ShuttingDown, |_| End::Moved),
        Why::Refused => End::Refused,
        Why::Retired => End::Retired,
        Why::Idle(_) => End::Idle,
    }
}

/// The name that has moved, if it is for it that a session was told goodbye.
fn moved<'a>(following: Option<&'a Following>, ending: &Ending) -> Option<&'a Endpoint> {
    let is_ours = ending.goodbye.is_cancelled() || ending.rest.is_cancelled();
    following
        .filter(|_| !is_ours)
        .and_then(Following::moved_from)
}

/// Relays, and does what the relay pauses for, until the session is over.
async fn converse<P: Protocol, A: Stream, D: Dial>(
    session: &mut Session<P, A, D::Stream>,
    whose: &Whose<'_>,
    lobby: &Lobby<P, D>,
    ending: &Ending,
) -> Ended {
    // Used where it lies: a session that is moved stands in the task's memory once more for each move.
    let Session {
        legs,
        watch,
        following,
        ..
    } = session;
    let (mut from_app, mut from_upstream) = (0, 0);
    let ended = loop {
        let rest = async {
            match following {
                None => ending.rest.cancelled().await,
                Some(following) => tokio::select! {
                    () = ending.rest.cancelled() => {}
                    () = following.moved() => {}
                },
            }
        };
        let ends = Ends {
            goodbye: pin!(ending.goodbye.cancelled()),
            rest: pin!(rest),
            idle: lobby.route.idle_timeout,
        };
        match relay(legs, watch, Linger::default(), ends, &lobby.state.ledger).await {
            Stopped::Ended(ended) => break ended,
            Stopped::Paused(moved) => {
                from_app += moved.from_app;
                from_upstream += moved.from_upstream;
            }
        }
        if watch.app_left() {
            break Ended::left();
        }
        let ledger = &lobby.state.ledger;
        let intermission = P::intermission(legs, watch, lobby).instrument(whose.span());
        match Box::pin(intermission).await {
            Ok(()) => ledger.changes_of_user.granted.add(1),
            Err(not_in) => {
                ledger.changes_of_user.refused.add(1);
                let what = "login within the session refused";
                let span = whose.span();
                span.in_scope(|| arrival::note(what, &not_in, ledger));
                break Ended::refused();
            }
        }
    };
    Ended {
        from_app: ended.from_app + from_app,
        from_upstream: ended.from_upstream + from_upstream,
        ..ended
    }
}

/// One in the counts of sessions for as long as it lives, however it ends.
struct Counted<'a> {
    _admitted: Admitted<'a>,
    ledger: &'a Ledger,
    /// How, unless nobody has come to say so.
    end: End,
}

impl<'a> Counted<'a> {
    fn new(ending: &'a Ending, ledger: &'a Ledger) -> Self {
        ledger.sessions.add(1);
        Self {
            _admitted: ending.admit(),
            ledger,
            end: End::Bug,
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.ledger.end(self.end);
    }
}

#[cfg(test)]
mod tests;
