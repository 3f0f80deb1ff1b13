//! Upstreams that have greeted and wait for an app.
//!
//! ```text
//!   meet --dial--> Lent ----spoken to----> a login
//!                   |  ^
//!           dropped |  | taken over by the next app
//!                   v  |
//!                  shelf ---after FRESH, or when the proxy ends---> dismissal
//! ```
//!
//! A server counts every connection that it has greeted, and that ends without a login, as an error of this machine; after a hundred
//! (`max_connect_errors`) MySQL shuts it out. So an upstream is dialled only for an app that could be let in, and one that was dialled
//! and has been told nothing, for a probe or for an app that was refused, goes to the next app, and in the end says goodbye in
//! order ([`Dismissal`]).
//!
//! # Invariants
//!
//! * An upstream that one app has spoken to is never given to another.
//! * One that nobody has spoken to goes back to the shelf however its login ends: by [`Lent`]'s drop.
//! * One that was dialled by an app on another thread is that thread's no more.
//! * One that was dialled under other settings of the route than those of now is given to nobody.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azdb_wire::mysql::Greeting;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::app::{Opening, opening};
use super::change_user::Way;
use super::customs::Customs;
use super::dismissal::Dismissal;
use super::greeted::{self, Greeted};
use super::keep::Candidate;
use super::leave::{Leave, Leaves};
use super::upstream::bad_packet;
use super::{Mysql, MysqlFault};
use crate::anteroom::Place;
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault};
use crate::lobby::{self, Lobby};
use crate::phases::Phase;
use crate::stranger::Stranger;
use crate::way::{Dial, Leg, Stream};

/// How long a greeted upstream waits for an app. Servers wait ten seconds (`connect_timeout`), and a goodbye takes a while, too.
const FRESH: Duration = Duration::from_secs(5);
/// Upstreams that wait at a time. More of them would only take the server's connections.
const SHELF: usize = 8;
/// What a route keeps between logins.
pub(crate) struct Spares<S> {
    pub(super) leaves: Leaves,
    shelf: Shelf<S>,
    /// How apps get a session like new.
    pub(super) change_user: Way,
    /// What logins do that resets do not.
    pub(super) customs: Customs,
}

type Shelf<S> = Arc<Mutex<Kept<S>>>;

struct Kept<S> {
    waiting: VecDeque<Waiting<S>>,
    last_greeting: Option<Vec<u8>>,
}

/// An upstream on the shelf.
struct Waiting<S> {
    greeted: Greeted<S>,
    since: Instant,
    /// How it is let go: as those settings have it under which it was dialled.
    dismissal: Dismissal,
}

/// Who was met.
pub(super) enum Met<D: Dial> {
    /// Somebody to greet the app.
    Greeter(Greeter<D>, Leave),
    /// The app has gone, or never was one of MySQL.
    NoApp(Stranger),
    /// No upstream greets us, or nobody could be let in.
    NoUpstream(Fault<MysqlFault>),
}

/// Whose greeting an app reads.
pub(super) enum Greeter<D: Dial> {
    /// That of a session, which waits for an app like those before.
    Kept(Box<Candidate<D>>),
    /// That of an upstream, which waits for the app's answer.
    Present(Lent<D::Stream>),
    /// That of one that was met before. The upstream is dialled when the app has answered.
    Remembered(Vec<u8>),
}

impl<D: Dial> Greeter<D> {
    /// What it says.
    pub(super) fn greeting(&self) -> Result<Greeting<'_>, Fault<MysqlFault>> {
        match self {
            Self::Kept(candidate) => candidate.greeting(),
            Self::Present(lent) => lent.greeting(),
            // No session has this number, so that nobody kills another's by it.
            Self::Remembered(payload) => Ok(Greeting {
                thread_id: 0,
                ..Greeting::parse(payload).map_err(bad_packet)?
            }),
        }
    }
}

impl<S: Stream> Default for Spares<S> {
    fn default() -> Self {
        Self {
            leaves: Leaves::default(),
            shelf: Arc::new(Mutex::new(Kept {
                waiting: VecDeque::new(),
                last_greeting: None,
            })),
            change_user: Way::default(),
            customs: Customs::default(),
        }
    }
}

impl<S: Stream> Spares<S> {
    /// Meets the upstream on behalf of an app that has just connected.
    pub(super) async fn meet<A: Stream, D: Dial<Stream = S>>(
        &self,
        app: &mut Leg<A>,
        place: &Place,
        lobby: &Lobby<Mysql, D>,
        deadline: &Deadline,
    ) -> Met<D> {
        if let Some(candidate) = Candidate::pick(place, lobby) {
            return Met::Greeter(Greeter::Kept(candidate), Leave::default());
        }
        // An app must still be told when the upstream does not answer.
        let deadline = deadline.clone().with_time_to_tell();
        let asking = pin!(self.leave_to_dial(place, lobby, &deadline));
        let leave = match unless_gone(app, asking).await {
            Ok(Ok(Some(leave))) => leave,
            Ok(Ok(None)) => {
                let remembered = self.last_greeting().unwrap_or_default();
                return Met::Greeter(Greeter::Remembered(remembered), Leave::default());
            }
            Ok(Err(fault)) => return Met::NoUpstream(fault),
            Err(stranger) => return self.no_app(stranger),
        };
        let gone = CancellationToken::new();
        let meeting = self.greeted(lobby, &deadline, gone.cancelled());
        let mut meeting = pin!(meeting);
        match unless_gone(app, meeting.as_mut()).await {
            Ok(Ok(lent)) => Met::Greeter(Greeter::Present(lent), leave),
            Ok(Err(fault)) => Met::NoUpstream(fault),
            Err(stranger) => {
                // What was begun is finished, and the next app's.
                gone.cancel();
                drop(meeting.await);
                self.no_app(stranger)
            }
        }
    }

    /// An upstream for an app that has answered a greeting which was `shown`, and not by one that waits for it.
    pub(super) async fn lend<D: Dial<Stream = S>>(
        &self,
        shown: &[u8],
        lobby: &Lobby<Mysql, D>,
        deadline: &Deadline,
        left: impl Future<Output = ()> + Send,
    ) -> Result<Lent<S>, Fault<MysqlFault>> {
        lobby::ready(lobby, deadline).await?;
        let lent = self.greeted(lobby, deadline, left).await?;
        let (shown, now) = (
            Greeting::parse(shown).map_err(bad_packet)?,
            lent.greeting()?,
        );
        if (shown.capabilities, shown.extended()) != (now.capabilities, now.extended()) {
            // The app has agreed to what this one does not offer, or not as it does.
            let what = "another greeting than the one before";
            return Err(Cause::UpstreamRules { what }.into());
        }
        Ok(lent)
    }

    /// Whether the app is worth a dial: it could be let in, and it has leave.
    async fn leave_to_dial<D: Dial<Stream = S>>(
        &self,
        place: &Place,
        lobby: &Lobby<Mysql, D>,
        deadline: &Deadline,
    ) -> Result<Option<Leave>, Fault<MysqlFault>> {
        lobby.room()?;
        lobby::ready(lobby, deadline).await?;
        let asking = async {
            let has_met = || self.lock().last_greeting.is_some();
            Ok(self.leaves.ask(place, has_met).await)
        };
        let doing = "waiting behind apps that do not answer the greeting";
        deadline.run(Phase::Queue, doing, asking).await
    }

    /// One that was kept, or a new one.
    async fn greeted<D: Dial<Stream = S>>(
        &self,
        lobby: &Lobby<Mysql, D>,
        deadline: &Deadline,
        left: impl Future<Output = ()> + Send,
    ) -> Result<Lent<S>, Fault<MysqlFault>> {
        let home = Home {
            shelf: Arc::clone(&self.shelf),
            dismissal: Dismissal::of(lobby),
        };
        loop {
            let kept = self.lock().waiting.pop_front();
            let Some(Waiting {
                mut greeted,
                since,
                dismissal,
            }) = kept
            else {
                break;
            };
            if !dismissal.is_of(&lobby.route) {
                dismissal.begin(greeted);
                continue;
            }
            // One that has waited for too long goes home again, and from there on its way.
            if greeted.is_waiting().await && D::settle(greeted.leg().stream_mut()).is_ok() {
                let lent = Lent::new(greeted, since, home.clone());
                if since.elapsed() < FRESH {
                    tracing::debug!("taking over an upstream that has greeted");
                    return Ok(lent);
                }
            }
        }
        let greeted = greeted::meet(lobby, deadline, left).await?;
        self.lock().last_greeting = Some(greeted.payload().to_vec());
        Ok(Lent::new(greeted, Instant::now(), home))
    }

    /// Nobody was there.
    fn no_app<D: Dial<Stream = S>>(&self, stranger: Stranger) -> Met<D> {
        self.leaves.probed();
        Met::NoApp(stranger)
    }

    /// What the upstream said when it was last met.
    pub(super) fn last_greeting(&self) -> Option<Vec<u8>> {
        self.lock().last_greeting.clone()
    }

    /// Forgets what was known of the upstreams before.
    pub(super) fn go_elsewhere(&self) {
        self.lock().last_greeting = None;
        self.change_user.begin_anew();
    }

    fn lock(&self) -> MutexGuard<'_, Kept<S>> {
        lock(&self.shelf)
    }
}

/// Takes a step on an app's behalf, unless it leaves or turns out to be none.
async fn unless_gone<A: Stream, F: Future>(
    app: &mut Leg<A>,
    mut step: Pin<&mut F>,
) -> Result<F::Output, Stranger> {
    tokio::select! {
        biased;
        opening = opening(app) => match opening {
            // Health checks answer the greeting before they have read it.
            Opening::Answer => Ok(step.await),
            Opening::Stranger(stranger) => Err(stranger),
        },
        outcome = &mut step => Ok(outcome),
    }
}

/// An upstream that has greeted and has been told nothing, on loan to an app.
pub(super) struct Lent<S: Stream> {
    /// `None` once somebody has it that speaks to it.
    greeted: Option<Box<Greeted<S>>>,
    since: Instant,
    home: Home<S>,
}

/// Where an upstream goes that nobody has spoken to.
struct Home<S> {
    shelf: Shelf<S>,
    dismissal: Dismissal,
}

impl<S> Clone for Home<S> {
    fn clone(&self) -> Self {
        Self {
            shelf: Arc::clone(&self.shelf),
            dismissal: self.dismissal.clone(),
        }
    }
}

impl<S: Stream> Lent<S> {
    fn new(greeted: Greeted<S>, since: Instant, home: Home<S>) -> Self {
        Self {
            greeted: Some(Box::new(greeted)),
            since,
            home,
        }
    }

    /// Its greeting.
    pub(super) fn greeting(&self) -> Result<Greeting<'_>, Fault<MysqlFault>> {
        let payload = self.greeted.as_deref().map(Greeted::payload);
        Greeting::parse(payload.unwrap_or_default()).map_err(bad_packet)
    }

    /// Where it is, for messages.
    pub(super) fn host(&self) -> &str {
        self.greeted.as_deref().map_or("", Greeted::host)
    }

    /// For whoever speaks to it from here on.
    pub(super) fn take(mut self) -> Option<Greeted<S>> {
        self.greeted.take().map(|greeted| *greeted)
    }
}

impl<S: Stream> Drop for Lent<S> {
    fn drop(&mut self) {
        if let Some(greeted) = self.greeted.take() {
            self.home.take_back(*greeted, self.since);
        }
    }
}

impl<S: Stream> Home<S> {
    fn take_back(&self, greeted: Greeted<S>, since: Instant) {
        let mut kept = lock(&self.shelf);
        let may_stay = since.elapsed() < FRESH && kept.waiting.len() < SHELF;
        if !may_stay || self.dismissal.is_due() {
            drop(kept);
            return self.dismissal.begin(greeted);
        }
        kept.waiting.push_back(Waiting {
            greeted,
            since,
            dismissal: self.dismissal.clone(),
        });
        drop(kept);
        let home = self.clone();
        self.dismissal.after(since + FRESH, move || home.clear());
    }

    /// Lets go of what has waited for too long; of everything, when the proxy ends.
    fn clear(&self) {
        let (mut kept, mut stale) = (lock(&self.shelf), Vec::new());
        for waiting in std::mem::take(&mut kept.waiting) {
            if self.dismissal.is_due() || waiting.since.elapsed() >= FRESH {
                stale.push(waiting);
            } else {
                kept.waiting.push_back(waiting);
            }
        }
        drop(kept);
        for Waiting {
            greeted, dismissal, ..
        } in stale
        {
            dismissal.begin(greeted);
        }
    }
}

fn lock<S>(shelf: &Mutex<Kept<S>>) -> MutexGuard<'_, Kept<S>> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}
