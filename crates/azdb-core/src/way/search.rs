//! The search for an upstream that answers: every upstream of a route, and every address of each.
//!
//! ```text
//!   upstream 1 --> its name --> its addresses --> TCP --> hello, TLS --> the way
//!       |             |             |              |          |
//!       +-------------+-- silent, refused or lost: the next --+
//! ```
//!
//! # Invariants
//!
//! * Who is silent uses up its share of the time, and the next has as much.
//! * Nothing secret has been said where the search goes on.
//! * Who answers and does not stand up (its certificate, its protocol, a door of our own) ends the search: that is for people.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;

use azdb_config::route::Endpoint;

use super::Stream;
use super::dial::{Connected, Dial, Dialling, first_to_answer, interleave};
use super::home::Departure;
use super::refuge::Refuge;
use crate::deadline::Deadline;
use crate::fault::{Cause, Explained as _, FarEnd, Fault, Overdue, OwnFault};
use crate::phases::Phase;

/// Where a way leads: the names that TLS and the protocols speak of, and the address that answered.
#[derive(Debug, Clone)]
pub(crate) struct Dialled {
    /// The upstream as configured. `connect_to` does not change it.
    pub(crate) upstream: Endpoint,
    /// The address behind it that took the connection.
    pub(crate) addr: SocketAddr,
}

/// What a protocol says on a new connection before anything secret: its hello, and TLS.
pub(crate) trait Opening<S: Stream>: Sync {
    /// What comes of it.
    type Way: Send;
    /// What can go wrong in its protocol alone.
    type Fault: OwnFault;

    /// Opens a way, in steps that `deadline` runs: who is silent is told by the step.
    ///
    /// # Errors
    ///
    /// Why not.
    fn open(
        &self,
        stream: S,
        dialled: &Dialled,
        deadline: &Deadline,
    ) -> impl Future<Output = Result<Self::Way, Fault<Self::Fault>>> + Send;
}

/// A way that is open.
pub(crate) struct Opened<W> {
    pub(crate) way: W,
    pub(crate) dialled: Dialled,
    /// Upstreams and addresses that have not been tried.
    pub(crate) others: usize,
    pub(crate) departure: Departure,
}

impl<W> Opened<W> {
    /// The same with what has come of it.
    pub(crate) fn with<T>(self, way: T) -> Opened<T> {
        Opened {
            way,
            dialled: self.dialled,
            others: self.others,
            departure: self.departure,
        }
    }
}

/// Where to search, and how long.
pub(crate) struct Search<'a, D> {
    pub(crate) dialler: &'a D,
    pub(crate) upstreams: &'a [Endpoint],
    /// Dialled in place of every upstream.
    pub(crate) connect_to: Option<&'a Endpoint>,
    pub(crate) refuge: Option<&'a Refuge>,
    /// Addresses that have been tried already.
    pub(crate) passed_over: &'a [SocketAddr],
    pub(crate) deadline: &'a Deadline,
}

const CONNECTING: &str = "connecting to the upstream";

impl<D: Dial> Search<'_, D> {
    /// Opens a way to the first upstream that answers.
    ///
    /// # Errors
    ///
    /// What the last one said, with what became of those before it.
    pub(crate) async fn open<O: Opening<D::Stream>>(
        &self,
        opening: &O,
    ) -> Result<Opened<O::Way>, Fault<O::Fault>> {
        let refuge = self.refuge.and_then(Refuge::now);
        let is_refuge =
            |upstream: &&Endpoint| refuge.as_ref().is_some_and(|(known, _)| known == *upstream);
        let mut order: Vec<&Endpoint> = self.upstreams.iter().collect();
        order.sort_by_key(|upstream| !is_refuge(upstream));
        let mut tried = Tried(Vec::new());
        let mut others = order.len();
        for upstream in order {
            let share = self.deadline.share(others);
            others -= 1;
            let ask = Ask {
                search: self,
                upstream,
                first: refuge.as_ref().map(|(_, addr)| *addr),
                share,
                others,
            };
            match ask.open(opening, &mut tried).await {
                Ok(Some(opened)) => {
                    if let Some(refuge) = self.refuge {
                        refuge.found(&opened.dialled, tried.0.is_empty());
                    }
                    return Ok(opened);
                }
                Ok(None) => {}
                Err(fault) => {
                    tried.add(upstream.to_string(), fault);
                    break;
                }
            }
        }
        Err(tried.into_fault())
    }
}

/// One upstream's part of a search.
struct Ask<'a, D> {
    search: &'a Search<'a, D>,
    upstream: &'a Endpoint,
    /// The address to begin with.
    first: Option<SocketAddr>,
    share: Deadline,
    /// Upstreams that come after this one.
    others: usize,
}

impl<D: Dial> Ask<'_, D> {
    /// `None` when the next upstream is to be tried.
    async fn open<O: Opening<D::Stream>>(
        &self,
        opening: &O,
        tried: &mut Tried<O::Fault>,
    ) -> Result<Option<Opened<O::Way>>, Fault<O::Fault>> {
        let Self {
            search,
            upstream,
            share,
            ..
        } = self;
        let target = search.connect_to.unwrap_or(upstream);
        let resolving = search.dialler.resolve(target, share.left());
        let lap = share.phases().lap(Phase::Dns);
        let resolved = resolving.await;
        drop(lap);
        let mut waiting = match resolved {
            Ok(addresses) => {
                let phases = share.phases();
                phases.note(|sights| sights.names.push((target.clone(), addresses.clone())));
                self.order(addresses)
            }
            Err(cause) => {
                tried.add(upstream.to_string(), cause.into());
                return Ok(None);
            }
        };
        while !waiting.is_empty() {
            let dialling = first_to_answer(search.dialler, target, &mut waiting);
            let dialling = async { Ok::<_, Fault<O::Fault>>(dialling.await?) };
            let Dialling { answered, failed } =
                match share.run(Phase::Tcp, CONNECTING, dialling).await {
                    Ok(dialling) => dialling,
                    Err(Fault::Shared(Cause::Overdue(Overdue { waited, .. }))) => {
                        let far_end = FarEnd {
                            upstream: (*upstream).clone(),
                            addrs: waiting.into(),
                        };
                        let silent = Cause::NoAnswer { far_end, waited };
                        tried.add(upstream.to_string(), silent.into());
                        return Ok(None);
                    }
                    Err(fault) => return Err(fault),
                };
            for (addr, cause) in failed {
                tried.add(self.place(addr), self.named(addr, cause).into());
            }
            let Some((connected, addr)) = answered else {
                return Ok(None);
            };
            let untried = waiting.len();
            match self.knock(opening, connected, addr, untried).await {
                Ok(opened) => return Ok(Some(opened)),
                Err(fault) if fault.is_silence() || fault.is_away() => {
                    tried.add(self.place(addr), fault)
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(None)
    }

    /// Says the protocol's hello at an address that took the connection.
    async fn knock<O: Opening<D::Stream>>(
        &self,
        opening: &O,
        Connected { stream, departure }: Connected<D::Stream>,
        addr: SocketAddr,
        untried: usize,
    ) -> Result<Opened<O::Way>, Fault<O::Fault>> {
        let dialled = Dialled {
            upstream: self.upstream.clone(),
            addr,
        };
        tracing::debug!(upstream = %self.upstream, %addr, "dialled");
        let phases = self.share.phases();
        phases.note(|sights| sights.connected.push((self.upstream.clone(), addr)));
        let share = self.share.share(untried + 1);
        match opening.open(stream, &dialled, &share).await {
            Ok(way) => Ok(Opened {
                way,
                dialled,
                others: untried + self.others,
                departure,
            }),
            Err(fault) => Err(departure.judge(fault, &dialled)),
        }
    }

    fn order(&self, mut addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
        addresses.retain(|addr| !self.search.passed_over.contains(addr));
        let mut order = interleave(addresses);
        let first = order.iter().position(|addr| Some(*addr) == self.first);
        if let Some(addr) = first.and_then(|place| order.remove(place)) {
            order.push_front(addr);
        }
        order
    }

    /// A cause in which the upstream has its name, wherever that was dialled.
    fn named(&self, addr: SocketAddr, cause: Cause) -> Cause {
        match cause {
            Cause::Connect { source, .. } => Cause::Connect {
                far_end: FarEnd::at(self.upstream, addr),
                source,
            },
            other => other,
        }
    }

    /// Whom a failure is told of.
    fn place(&self, addr: SocketAddr) -> String {
        let upstream = self.upstream.to_string();
        match addr.to_string() {
            addr if addr == upstream => upstream,
            addr => format!("{upstream} at {addr}"),
        }
    }
}

impl Dialled {
    /// For people.
    pub(crate) fn far_end(&self) -> FarEnd {
        FarEnd::at(&self.upstream, self.addr)
    }
}

impl Departure {
    /// What went wrong on a connection that was dialled: it may have ended at our own door.
    pub(crate) fn judge<F: OwnFault>(&self, fault: Fault<F>, dialled: &Dialled) -> Fault<F> {
        if self.came_home() {
            let upstream = dialled.upstream.clone();
            return Cause::Loop { upstream }.into();
        }
        fault.with(dialled.far_end())
    }
}

/// Who was tried, and why it did not do.
struct Tried<F>(Vec<(String, Fault<F>)>);

impl<F: OwnFault> Tried<F> {
    fn add(&mut self, place: String, fault: Fault<F>) {
        tracing::debug!(upstream = place, error = fault.told(), kind = %fault.kind(), "no way upstream here");
        self.0.push((place, fault));
    }

    /// The last, with the others in its words.
    fn into_fault(mut self) -> Fault<F> {
        let Some((place, fault)) = self.0.pop() else {
            return Cause::NoUpstream.into();
        };
        if self.0.is_empty() {
            return fault;
        }
        let mut notes = Vec::new();
        if !names(&fault.told(), &place) {
            notes.push(format!("that was {place}"));
        }
        let before: Vec<String> = self
            .0
            .iter()
            .map(|(place, fault)| {
                let told = fault.told();
                match names(&told, place) {
                    true => told,
                    false => format!("{place}: {told}"),
                }
            })
            .collect();
        notes.push(format!("before it {}", before.join(", ")));
        fault.with_note(notes.join("; "))
    }
}

/// Whether this text says itself whom it is about.
fn names(told: &str, place: &str) -> bool {
    let upstream = place.split(' ').next().unwrap_or_default();
    told.contains(&format!("`{upstream}`"))
}
