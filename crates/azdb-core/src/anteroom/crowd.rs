//! Who waits in an anteroom, counted, and what an operator is told when they are too many.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Anteroom, Inside};
use crate::socket::{Account, Peer};

/// When nobody has been sent away for so long, a crowd is over.
const QUIET: Duration = Duration::from_secs(5);

/// Where arrivals come from, as far as one of them can have many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// An address; of IPv6 the network, in which a machine has as many addresses as it likes.
    Machine(IpAddr),
    /// A user of this machine.
    User(u32),
    /// The same of Windows, where it is known.
    Account(Option<Account>),
    /// This process.
    Here,
}

impl Origin {
    pub(crate) fn of(peer: Peer) -> Self {
        match peer {
            Peer::Tcp(addr)
            | Peer::Local(addr, _)
            | Peer::Announced(addr)
            | Peer::Unannounced(addr) => Self::Machine(match addr.ip().to_canonical() {
                IpAddr::V6(ip) if !ip.is_loopback() => {
                    let [a, b, c, d, ..] = ip.segments();
                    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
                }
                ip => ip,
            }),
            Peer::Unix(uid) => Self::User(uid),
            Peer::Pipe { account, .. } => Self::Account(account),
            Peer::InProcess => Self::Here,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(ip) => ip.fmt(f),
            Self::User(uid) => write!(f, "unix uid {uid}"),
            Self::Account(Some(account)) => write!(f, "pipe user {account}"),
            Self::Account(None) => f.write_str("pipe"),
            Self::Here => f.write_str("this process"),
        }
    }
}

/// The arrivals of a room by origin, and whether they are too many.
#[derive(Default)]
pub(super) struct Crowd {
    by_origin: HashMap<Origin, usize>,
    /// How many have been sent away in all.
    sent_away: u64,
    /// Set while they are too many: since when, and how many had been sent away before.
    since: Option<(Instant, u64)>,
}

impl Crowd {
    pub(super) fn comes(&mut self, origin: Origin) {
        let count = self.by_origin.entry(origin).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn goes(&mut self, origin: Origin) {
        if let Some(count) = self.by_origin.get_mut(&origin) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_origin.remove(&origin);
            }
        }
    }

    /// Counts one that is sent away. Says whether it is the first of a crowd.
    pub(super) fn sends_away(&mut self) -> bool {
        let before = self.sent_away;
        self.sent_away = before.saturating_add(1);
        let begins = self.since.is_none();
        self.since.get_or_insert_with(|| (Instant::now(), before));
        begins
    }

    /// One that was sent away has not gone.
    pub(super) fn takes_back(&mut self) {
        self.sent_away = self.sent_away.saturating_sub(1);
    }

    /// Whether it is there: it has begun, and is not over.
    pub(super) fn is_there(&self) -> bool {
        self.since.is_some()
    }

    /// Whether it is there, and so many have been sent away for it.
    pub(super) fn has_lost(&self, count: usize) -> bool {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.since
            .is_some_and(|(_, before)| self.sent_away.saturating_sub(before) >= count)
    }

    /// The origin of most of those who are inside, and how many that are.
    pub(super) fn most(&self) -> Option<(Origin, usize)> {
        let counts = self
            .by_origin
            .iter()
            .map(|(origin, count)| (*origin, *count));
        counts.max_by_key(|(_, count)| *count)
    }
}

/// Tells of a crowd, and sees to it that its end is told, too.
pub(super) fn begins(room: &Arc<Anteroom>, inside: &Inside) {
    let (from, count) = inside.crowd.most().unzip();
    tracing::warn!(
        door = %room.of,
        places = room.places,
        most_from = from.map(tracing::field::display),
        from_there = count,
        remedy = "see who opens connections and says nothing; on a shared machine use a unix socket with allow_uids",
        "more connections wait without a login than there are places: those that have said least are closed for new ones"
    );
    tokio::spawn(see_it_end(Arc::clone(room)));
}

/// Waits for the end of a crowd, and tells of it.
async fn see_it_end(room: Arc<Anteroom>) {
    let mut seen = room.lock().crowd.sent_away;
    loop {
        tokio::time::sleep(QUIET).await;
        let mut inside = room.lock();
        let now = inside.crowd.sent_away;
        if now != std::mem::replace(&mut seen, now) {
            continue;
        }
        if let Some((since, before)) = inside.crowd.since.take() {
            tracing::warn!(
                door = %room.of,
                closed = now.saturating_sub(before),
                lasted_s = since.elapsed().saturating_sub(QUIET).as_secs(),
                waiting = inside.arrivals.len(),
                "the crowd of connections without a login is over"
            );
        }
        return;
    }
}
