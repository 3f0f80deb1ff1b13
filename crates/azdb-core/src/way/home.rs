//! What is ours: the doors at which we listen, and the connections that we are making. A way that leads home is a loop.
//!
//! Two signs tell one. An address of this machine with the port of a door is known before it is dialled. Where something between
//! here and there turns our packets round (a REDIRECT rule, a load balancer that points back), the address looks like any other:
//! then our own connection comes in at our own door, from the very address that it left from.
//!
//! A second process, or packets whose sender is rewritten on their way, show neither sign. With TLS such a loop ends at the first
//! hop all the same, because our certificates are not those of a database.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Doors, and connections that are being made.
#[derive(Debug, Default)]
pub struct Home {
    doors: Vec<SocketAddr>,
    /// Where each connection has left from, until somebody at its far end has shown who they are.
    departures: Mutex<HashMap<SocketAddr, Arc<AtomicBool>>>,
}

impl Home {
    /// With these doors.
    pub fn with(doors: impl IntoIterator<Item = SocketAddr>) -> Arc<Self> {
        let doors = doors.into_iter().map(canonical).collect();
        Arc::new(Self {
            doors,
            ..Self::default()
        })
    }

    /// Whether whoever dials `addr` comes to one of our doors.
    pub(super) fn is_at(&self, addr: SocketAddr) -> bool {
        let addr = reached(canonical(addr));
        let mut doors = self.doors.iter();
        doors.any(|door| {
            door.port() == addr.port()
                && (door.ip() == addr.ip()
                    || (door.ip().is_unspecified()
                        && door.is_ipv4() == addr.is_ipv4()
                        && is_of_this_machine(addr.ip())))
        })
    }

    /// Notes a connection that leaves from `local`.
    pub(super) fn departs(self: &Arc<Self>, local: SocketAddr) -> Departure {
        let (local, came_home) = (canonical(local), Arc::new(AtomicBool::new(false)));
        self.lock().insert(local, Arc::clone(&came_home));
        Departure {
            from: Some((Arc::clone(self), local)),
            came_home,
        }
    }

    /// Whether an app that comes from `peer` is ourselves. Our other end is told.
    pub(crate) fn knows(&self, peer: SocketAddr) -> bool {
        let departures = self.lock();
        let known = departures.get(&canonical(peer));
        if let Some(came_home) = known {
            came_home.store(true, Relaxed);
        }
        known.is_some()
    }

    /// A map stays a map when a thread panics beside it.
    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Arc<AtomicBool>>> {
        self.departures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of ours that may come back to us.
#[derive(Debug, Default)]
pub(crate) struct Departure {
    from: Option<(Arc<Home>, SocketAddr)>,
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
        if let Some((home, local)) = self.from.take() {
            let mut departures = home.lock();
            // The port may be another connection's by now.
            let is_ours = |there: &Arc<AtomicBool>| Arc::ptr_eq(there, &self.came_home);
            if departures.get(&local).is_some_and(is_ours) {
                departures.remove(&local);
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
                .map(|door| door.parse().unwrap()),
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
        let local = "192.0.2.1:40000".parse().unwrap();
        let departure = home.departs(local);
        assert!(!home.knows("192.0.2.1:40001".parse().unwrap()));
        assert!(!departure.came_home());
        assert!(home.knows("[::ffff:192.0.2.1]:40000".parse().unwrap()));
        assert!(departure.came_home());
        let next = home.departs(local);
        drop(departure);
        assert!(home.knows(local), "another one from the same port");
        drop(next);
        assert!(!home.knows(local));
    }
}
