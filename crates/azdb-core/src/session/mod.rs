//! One app's connection, from the door to its last log line.

use std::io;

use azdb_quote::Chain;
use tracing::{Instrument as _, Span};

use crate::anteroom::Place;
use crate::ending::{Admitted, Ending};
use crate::fault::{AppTlsFlaw, Cause, Explained, Left, OwnFault};
use crate::ledger::Ledger;
use crate::lobby::{Following, Lobby, Login, Protocol, Session};
use crate::parting::{NotIn, leave, see_off};
use crate::relay::{Ended, Ends, Linger, Paired, Side, Stopped, Why, relay};
use crate::socket::Peer;
use crate::way::{BreakOff as _, Dial, Stream};

/// Serves one app.
pub(crate) async fn serve<P: Protocol, A: Stream, D: Dial>(
    socket: A,
    peer: Peer,
    place: Place,
    lobby: &Lobby<P, D>,
    ending: &Ending,
) {
    let ledger = &lobby.state.ledger;
    ledger.accepted.add(1);
    let number = ending.number();
    // A span is half a KiB, and a session that moves bytes has nothing to say: it is made where something is said.
    let span = || tracing::info_span!("session", route = %lobby.route.name, number, %peer);
    // Boxed: a login's state is many times that of a relay, and would stay with the session for its life.
    let login = P::login(place.around(socket), &place, lobby);
    let mut login = Box::pin(login.instrument(span()));
    let outcome = place.hold(login.as_mut()).await;
    drop(login);
    let arrival = Arrival::of(&place);
    drop(place);
    match outcome {
        Ok(Login::Session(session)) => run(session, &span, lobby, ending).await,
        Ok(Login::Errand(what)) => span().in_scope(|| tracing::debug!("{what}")),
        Ok(Login::Nobody(who)) => span().in_scope(|| tracing::debug!("no login: {who}")),
        Err(NotIn::Left(left)) => span().in_scope(|| arrival.note(left, ledger)),
        Err(not_in) => span().in_scope(|| note("login refused", &not_in, ledger)),
    }
}

/// How far an app came before its connection ended.
enum Arrival {
    /// Its place was given to somebody else.
    SentAway,
    /// It had said nothing.
    Silent,
    /// It had not said what it wants, nor seen a certificate.
    Halfway,
    /// It had seen a certificate.
    Shown,
    /// It had.
    Heard,
}

impl Arrival {
    fn of(place: &Place) -> Self {
        match place {
            _ if !place.is_held() => Self::Heard,
            _ if place.is_lost() => Self::SentAway,
            _ if place.is_silent() => Self::Silent,
            _ if place.has_seen_certificate() => Self::Shown,
            _ => Self::Halfway,
        }
    }

    /// Writes down that it left.
    fn note(&self, left: Left, ledger: &Ledger) {
        const WHAT: &str = "left without a login";
        let loss = self.loss(&left);
        let left = match self {
            Self::Shown => left.at_the_certificate(),
            Self::SentAway | Self::Silent | Self::Halfway | Self::Heard => left,
        };
        match loss {
            Loss::None => tracing::debug!(error = %Chain(&left), "{WHAT}"),
            Loss::Doubtful => {
                let (kind, remedy) = (left.kind(), left.remedy());
                tracing::info!(error = %Chain(&left), %kind, remedy = &*remedy, "{WHAT}");
            }
            Loss::Login => note_left("login refused", &left, ledger),
        }
    }

    /// What is lost with it. Probes and browsers reset, close half or wholly, or wait for ever before they have said what they want;
    /// an operator hears of many of them at once from their anteroom.
    fn loss(&self, left: &Left) -> Loss {
        match (self, left) {
            (Self::SentAway | Self::Silent, _)
            | (Self::Halfway, Left::Gone(_) | Left::Tls(AppTlsFlaw::BrokenOff(_))) => Loss::None,
            (Self::Shown, Left::Gone(_)) => Loss::Doubtful,
            (Self::Halfway | Self::Shown, Left::WithoutPassword(_)) => Loss::Doubtful,
            (
                Self::Halfway | Self::Shown,
                Left::Tls(_) | Left::Silent(_) | Left::ShuttingDown | Left::StuffedBytes(_),
            )
            | (Self::Heard, _) => Loss::Login,
        }
    }
}

/// What is lost with an app that left.
enum Loss {
    /// Nothing that anybody needs to know of.
    None,
    /// A login, or nothing: it went through a whole handshake and said nothing in it. So does an app that compares names afterwards, as
    /// libpq does, and so does a watch over certificates.
    Doubtful,
    /// A login.
    Login,
}

/// Writes down why an app is not in.
fn note<F: OwnFault>(what: &'static str, not_in: &NotIn<F>, ledger: &Ledger) {
    match not_in {
        NotIn::Told(told) => {
            ledger.refuse(told.fault());
            write(what, told.fault());
        }
        NotIn::Untold(fault) => {
            ledger.refuse(fault);
            write(what, fault);
        }
        NotIn::Left(left) => note_left(what, left, ledger),
    }
}

/// What went wrong at the app's end is not what an operator looks for on `/status`.
fn note_left(what: &'static str, left: &Left, ledger: &Ledger) {
    ledger.refused.add(1);
    write(what, left);
}

fn write(what: &'static str, fault: &impl Explained) {
    let (kind, remedy) = (fault.kind(), fault.remedy());
    tracing::warn!(error = %Chain(fault), %kind, remedy = &*remedy, "{what}");
}

async fn run<P: Protocol, A: Stream, D: Dial>(
    mut session: Box<Session<P, A, D::Stream>>,
    span: &impl Fn() -> Span,
    lobby: &Lobby<P, D>,
    ending: &Ending,
) {
    let ledger = &lobby.state.ledger;
    let counted = Counted::new(ending, ledger);
    span().in_scope(|| tracing::debug!("session begins"));
    let ended = converse(&mut session, span, lobby, ending).await;
    ledger.from_app.add(ended.from_app);
    ledger.from_upstream.add(ended.from_upstream);
    let Ended { unsent, .. } = &ended;
    if let Some(unsent) = unsent {
        session.permit = None;
        drop(counted);
        span().in_scope(|| log_end(&ended));
        return Box::pin(see_off(&mut session.legs.upstream, unsent)).await;
    }
    Box::pin(part(session, &ended, lobby, ending)).await;
    span().in_scope(|| log_end(&ended));
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
    } = *session;
    let (is_ours, is_at_rest) = match ended.why {
        Why::Goodbye { at_rest } => (true, at_rest),
        Why::Retired => (true, true),
        Why::Closed(_) | Why::Broken(..) => (false, false),
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
            let is_ours = ending.goodbye.is_cancelled() || ending.rest.is_cancelled();
            let moved = following.and_then(Following::moved_from);
            Some(match moved {
                Some(name) if !is_ours => Cause::Moved { name: name.clone() },
                _ => Cause::ShuttingDown,
            })
        }
        Why::Broken(Side::Upstream, error) => {
            // The log has the error itself.
            let source = io::Error::new(error.kind(), error.to_string());
            Some(Cause::in_session(source, lobby.route.upstream_timeout))
        }
        Why::Broken(Side::App, _)
        | Why::Closed(_)
        | Why::Goodbye { at_rest: false }
        | Why::Retired => None,
    }
}

/// Relays, and does what the relay pauses for, until the session is over.
async fn converse<P: Protocol, A: Stream, D: Dial>(
    session: &mut Session<P, A, D::Stream>,
    span: &impl Fn() -> Span,
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
        let ends = Ends {
            goodbye: ending.goodbye.cancelled(),
            rest: async {
                match following {
                    None => ending.rest.cancelled().await,
                    Some(following) => tokio::select! {
                        () = ending.rest.cancelled() => {}
                        () = following.moved() => {}
                    },
                }
            },
        };
        match relay(legs, watch, Linger::default(), ends).await {
            Stopped::Ended(ended) => break ended,
            Stopped::Paused(moved) => {
                from_app += moved.from_app;
                from_upstream += moved.from_upstream;
            }
        }
        let intermission = P::intermission(legs, watch, lobby).instrument(span());
        if let Err(not_in) = Box::pin(intermission).await {
            let what = "login within the session refused";
            span().in_scope(|| note(what, &not_in, &lobby.state.ledger));
            break Ended::by_us();
        }
    };
    Ended {
        from_app: ended.from_app + from_app,
        from_upstream: ended.from_upstream + from_upstream,
        ..ended
    }
}

fn log_end(ended: &Ended) {
    let (from_app, from_upstream) = (ended.from_app, ended.from_upstream);
    match &ended.why {
        Why::Closed(side) => {
            tracing::info!(closed_by = %side, from_app, from_upstream, "session ended");
        }
        Why::Broken(side, error) => {
            tracing::info!(closed_by = %side, error = %Chain(&error), from_app, from_upstream, "session broke");
        }
        Why::Retired => {
            tracing::info!(
                closed_by = "proxy",
                from_app,
                from_upstream,
                "session retired, see max_session_age"
            );
        }
        Why::Goodbye { at_rest } => {
            tracing::info!(
                closed_by = "proxy",
                at_rest,
                from_app,
                from_upstream,
                "session ended"
            );
        }
    }
}

/// One in the counts of sessions for as long as it lives, however it ends.
struct Counted<'a> {
    _admitted: Admitted<'a>,
    ledger: &'a Ledger,
}

impl<'a> Counted<'a> {
    fn new(ending: &'a Ending, ledger: &'a Ledger) -> Self {
        ledger.sessions.add(1);
        Self {
            _admitted: ending.admit(),
            ledger,
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.ledger.ended.add(1);
    }
}

#[cfg(test)]
mod tests;
