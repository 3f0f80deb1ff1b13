//! What is ours: the doors at which we listen, and the connections that we are making. A way that leads home is a loop.
//!
//! Two signs tell one. An address of this machine with the port of a door is known before it is dialled. Where something between
//! here and there turns our packets round (a REDIRECT rule, a load balancer that points back), the address looks like any other:
//! then our own connection comes in at our own door, from the very address that it left from. An app of this machine may come from
//! that address, too, because the kernel gives one port to connections that go to different places; so where ours was to go counts.
//!
//! A second process, or packets whose sender is rewritten on their way, show neither sign. With TLS such a loop ends at the first
//! hop all the same, because our certificates are not those of a database.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use azdb_config::route::ProtocolName;

/// Doors, and connections that are being made.
#[derive(Debug, Default)]
pub struct Home {
    doors: RwLock<Vec<(ProtocolName, SocketAddr)>>,
    /// Where each connection has left from, and for where, until somebody at its far end has shown who they are.
    departures: Mutex<Departures>,
}

type Departures = BTreeMap<(SocketAddr, SocketAddr), Arc<AtomicBool>>;

/// The first of all addresses.
const FIRST: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

impl Home {
    /// With these doors, each with what is spoken there.
    pub fn with(doors: impl IntoIterator<Item = (ProtocolName, SocketAddr)>) -> Arc<Self> {
        let home = Self::default();
        home.has_now(doors);
        Arc::new(home)
    }

    /// From now on these are the doors.
    pub(crate) fn has_now(&self, doors: impl IntoIterator<Item = (ProtocolName, SocketAddr)>) {
        let doors = doors.into_iter();
        let now = doors.map(|(protocol, addr)| (protocol, canonical(addr)));
        *self.doors.write().unwrap_or_else(PoisonError::into_inner) = now.collect();
    }

    /// The first of the doors where this is spoken.
    pub(crate) fn door_of(&self, protocol: ProtocolName) -> Option<SocketAddr> {
        let doors = self.doors.read().unwrap_or_else(PoisonError::into_inner);
        let mut doors = doors.iter();
        let door = doors.find(|(spoken, _)| *spoken == protocol)?;
        Some(door.1)
    }

    /// Whether whoever dials `addr` comes to one of our doors.
    pub(super) fn is_at(&self, addr: SocketAddr) -> bool {
        let addr = reached(canonical(addr));
        let doors = self.doors.read().unwrap_or_else(PoisonError::into_inner);
        doors.iter().any(|(_, door)| {
            door.port() == addr.port()
                && (door.ip() == addr.ip()
                    || (door.ip().is_unspecified()
                        && door.is_ipv4() == addr.is_ipv4()
                        && is_of_this_machine(addr.ip())))
        })
    }

    /// Notes a connection that leaves from `local` for `remote`.
    pub(super) fn departs(self: &Arc<Self>, local: SocketAddr, remote: SocketAddr) -> Departure {
        let way = (canonical(local), reached(canonical(remote)));
        let came_home = Arc::new(AtomicBool::new(false));
        self.lock().insert(way, Arc::clone(&came_home));
        Departure {
            from: Some((Arc::clone(self), way)),
            came_home,
        }
    }

    /// Whether an app that comes from `peer` is ourselves. Our other end is told. `destinations` are where it has come to, and where it
    /// was to go before packets were redirected here, as far as the kernel knows.
    pub(crate) fn knows<I: IntoIterator<Item = SocketAddr>>(
        &self,
        peer: SocketAddr,
        destinations: impl FnOnce() -> I,
    ) -> bool {
        let (departures, peer) = (self.lock(), canonical(peer));
        let from_there = departures.range((peer, FIRST)..);
        let mut from_there = from_there
            .take_while(|((local, _), _)| *local == peer)
            .peekable();
        if from_there.peek().is_none() {
            return false;
        }
        let destinations: Vec<_> = destinations().into_iter().map(canonical).collect();
        // What another machine has turned round was to go to another machine.
        let known = from_there.find(|((_, remote), _)| {
            destinations.contains(remote) || !is_of_this_machine(remote.ip())
        });
        if let Some((_, came_home)) = known {
            came_home.store(true, Relaxed);
        }
        known.is_some()
    }

    /// A map stays a map when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, Departures> {
        self.departures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of ours that may come back to us.
#[derive(Debug, Default)]
pub(crate) struct Departure {
    from: Option<(Arc<Home>, (SocketAddr, SocketAddr))>,
    came_home: Arc<AtomicBool>,
}

impl Departure {
    /// Whether it has come in at one of our doors.
    pub(crate) fn came_home(&self) -> bool {
        self.came_home.load(Relaxed)
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        if let Some((home, way)) = self.from.take() {
            let mut departures = home.lock();
            // The port may be another connection's by now.
            let is_ours = |there: &Arc<AtomicBool>| Arc::ptr_eq(there, &self.came_home);
            if departures.get(&way).is_some_and(is_ours) {
                departures.remove(&way);
            }
        }
    }
}

/// As the same address is always written.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// Where a connection to `addr` ends: the kernel takes "any address" for loopback.
fn reached(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, addr.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, addr.port()).into(),
        _ => addr,
    }
}

/// Whether this machine has the address: then the kernel would go there from the same one. Sends nothing.
fn is_of_this_machine(ip: IpAddr) -> bool {
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let source = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((ip, 9))?;
        socket.local_addr()
    };
    ip.is_loopback() || source().is_ok_and(|source| source.ip() == ip)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn our_own_doors_are_known_by_whatever_leads_to_them() {
        let home = Home::with(
            ["127.0.0.1:5432", "0.0.0.0:5433", "[::]:5434", "[::1]:5435"]
                .map(|door| (ProtocolName::Postgres, door.parse().unwrap())),
        );
        for (addr, is_ours) in [
            ("127.0.0.1:5432", true),
            ("0.0.0.0:5432", true),
            ("[::ffff:127.0.0.1]:5432", true),
            ("127.0.0.1:5436", false),
            ("127.0.0.2:5432", false),
            ("127.0.0.2:5433", true),
            ("192.0.2.1:5433", false),
            ("[::1]:5433", false),
            ("[::1]:5434", true),
            ("127.0.0.1:5434", false),
            ("[::]:5435", true),
        ] {
            assert_eq!(home.is_at(addr.parse().unwrap()), is_ours, "{addr}");
        }
    }

    #[test]
    fn a_connection_of_ours_is_known_at_our_door_until_it_has_arrived_elsewhere() {
        let home = Home::with([]);
        let [local, remote, door] = ["192.0.2.1:40000", "192.0.2.9:5432", "192.0.2.1:5432"]
            .map(|addr| addr.parse().unwrap());
        let knows = |peer: &str| home.knows(peer.parse().unwrap(), || [door]);
        let departure = home.departs(local, remote);
        assert!(!knows("192.0.2.1:40001"));
        assert!(!departure.came_home());
        assert!(knows("[::ffff:192.0.2.1]:40000"));
        assert!(departure.came_home());
        let next = home.departs(local, remote);
        drop(departure);
        assert!(knows("192.0.2.1:40000"), "another one from the same port");
        drop(next);
        assert!(!knows("192.0.2.1:40000"));
    }

    #[test]
    fn an_app_that_shares_the_port_of_a_connection_of_ours_is_none() {
        let home = Home::with([]);
        let [local, tunnel, door] = ["127.0.0.1:40000", "127.0.0.1:6000", "127.0.0.1:5432"]
            .map(|addr| addr.parse().unwrap());
        let to_tunnel = home.departs(local, tunnel);
        assert!(!home.knows(local, || [door]));
        let to_door = home.departs(local, "0.0.0.0:5432".parse().unwrap());
        assert!(home.knows(local, || [door]));
        assert!(!to_tunnel.came_home() && to_door.came_home());
        drop(to_door);
        assert!(home.knows(local, || [door, tunnel]), "it was redirected");
        assert!(to_tunnel.came_home());
    }
}
