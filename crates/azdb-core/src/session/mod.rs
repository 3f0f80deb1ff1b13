//! One app's connection, from the door to its last log line.

use azdb_quote::Chain;
use tracing::{Instrument as _, Span};

use crate::ending::{Admitted, Ending};
use crate::fault::{Cause, Explained, OwnFault};
use crate::ledger::Ledger;
use crate::lobby::{Following, Lobby, Login, Protocol, Session};
use crate::parting::NotIn;
use crate::relay::{Ended, Ends, Linger, Stopped, Why, relay};
use crate::socket::Peer;
use crate::way::{Dial, Stream};

/// Serves one app.
pub(crate) async fn serve<P: Protocol, A: Stream, D: Dial>(
    socket: A,
    peer: Peer,
    lobby: &Lobby<P, D>,
    ending: &Ending,
) {
    let ledger = &lobby.state.ledger;
    ledger.accepted.add(1);
    let number = ending.number();
    // A span is half a KiB, and a session that moves bytes has nothing to say: it is made where something is said.
    let span = || tracing::info_span!("session", route = %lobby.route.name, number, %peer);
    // Boxed: a login's state is many times that of a relay, and would stay with the session for its life.
    let login = Box::pin(P::login(socket, lobby).instrument(span()));
    match ending.goodbye.run_until_cancelled(login).await {
        Some(Ok(Login::Session(session))) => run(session, &span, lobby, ending).await,
        Some(Ok(Login::Errand(what))) => span().in_scope(|| tracing::debug!("{what}")),
        Some(Ok(Login::Nobody(who))) => span().in_scope(|| tracing::debug!("no login: {who}")),
        Some(Err(not_in)) => span().in_scope(|| note("login refused", &not_in, ledger)),
        None => span().in_scope(|| tracing::warn!("login cut short by the end of the proxy")),
    }
}

/// Writes down why an app is not in.
fn note<F: OwnFault>(what: &'static str, not_in: &NotIn<F>, ledger: &Ledger) {
    fn write(what: &'static str, fault: &impl Explained) {
        let (error, kind, remedy) = (Chain(fault), fault.kind(), fault.remedy());
        tracing::warn!(%error, %kind, remedy = &*remedy, "{what}");
    }
    match not_in {
        NotIn::Told(told) => {
            ledger.refuse(told.fault());
            write(what, told.fault());
        }
        NotIn::Untold(fault) => {
            ledger.refuse(fault);
            write(what, fault);
        }
        // What went wrong at the app's end is not what an operator looks for on `/status`.
        NotIn::Left(left) => {
            ledger.refused.add(1);
            write(what, left);
        }
    }
}

async fn run<P: Protocol, A: Stream, D: Dial>(
    mut session: Box<Session<P, A, D::Stream>>,
    span: &impl Fn() -> Span,
    lobby: &Lobby<P, D>,
    ending: &Ending,
) {
    let ledger = &lobby.state.ledger;
    let _counted = Counted::new(ending, ledger);
    span().in_scope(|| tracing::debug!("session begins"));
    let ended = converse(&mut session, span, lobby, ending).await;
    if let Why::Goodbye { at_rest: true } = ended.why {
        let following = session.following.as_deref();
        let cause = match following.and_then(Following::moved_from) {
            Some(name) if !ending.goodbye.is_cancelled() => Cause::Moved { name: name.clone() },
            _ => Cause::ShuttingDown,
        };
        Box::pin(P::farewell(&mut session.legs.app, &cause)).await;
    }
    drop(session);
    ledger.from_app.add(ended.from_app);
    ledger.from_upstream.add(ended.from_upstream);
    span().in_scope(|| log_end(ended));
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
                    Some(following) => following.moved().await,
                    None => std::future::pending().await,
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
        match ending
            .goodbye
            .run_until_cancelled(Box::pin(intermission))
            .await
        {
            Some(Ok(())) => {}
            Some(Err(not_in)) => {
                let what = "login within the session refused";
                span().in_scope(|| note(what, &not_in, &lobby.state.ledger));
                break Ended::by_us();
            }
            None => break Ended::by_us(),
        }
    };
    Ended {
        from_app: ended.from_app + from_app,
        from_upstream: ended.from_upstream + from_upstream,
        why: ended.why,
    }
}
fn log_end(
    Ended {
        from_app,
        from_upstream,
        why,
    }: Ended,
) {
    match why {
        Why::Closed(side) => {
            tracing::info!(closed_by = %side, from_app, from_upstream, "session ended");
        }
        Why::Broken(side, error) => {
            tracing::info!(closed_by = %side, %error, from_app, from_upstream, "session broke");
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
