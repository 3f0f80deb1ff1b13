//! Two machines with a wire between them, as network namespaces, and the moment at which the wire swallows everything.
//!
//! ```text
//!   this machine           near 10.9.0.1 ======wire====== far 10.9.0.2
//!   identity, databases <- bridge --- azdb-proxy            bridge -> databases of this machine
//!   apps ----------------- bridge --> azdb-proxy
//! ```
//!
//! A bridge listens in one of them and connects in another; bytes cross it, packets do not. Only root can make namespaces.

use std::fs::File;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::process::Program;

/// Nobody's hardware address.
const NOBODY: &str = "02:00:00:00:00:99";
const NEAR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

/// Where a bridge may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where the tests run.
    Here,
    /// Where the proxy runs.
    Near,
    /// At the other end of the wire.
    Far,
}

/// Two machines and the wire. They go with this.
pub struct Network {
    number: u32,
}

impl Network {
    /// Makes both.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let network = Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
        };
        let (near, far) = (network.near(), network.name("far"));
        for name in [&near, &far] {
            ip(&["netns", "add", name]);
            ip(&["-n", name, "link", "set", "lo", "up"]);
        }
        ip(&[
            "-n", &near, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns",
            &far,
        ]);
        for (name, own) in [(&near, NEAR), (&far, FAR)] {
            let own = format!("{own}/24");
            ip(&["-n", name, "addr", "add", &own, "dev", "wire"]);
            ip(&["-n", name, "link", "set", "wire", "up"]);
        }
        network
    }

    /// The name of the namespace in which the proxy runs.
    #[must_use]
    pub fn near(&self) -> String {
        self.name("near")
    }

    /// The name of the namespace at the other end of the wire.
    #[must_use]
    pub fn far(&self) -> String {
        self.name("far")
    }

    /// A variable of a proxy's environment: an endpoint of this machine is reached over a bridge.
    #[must_use]
    pub fn bridged(&self, value: &str) -> String {
        let rest = value.strip_prefix("http://");
        let Some(authority) = rest.and_then(|rest| rest.split('/').next()) else {
            return value.to_owned();
        };
        let endpoint: SocketAddr = authority.parse().unwrap();
        let bridge = self.bridge(Place::Near, Place::Here, endpoint);
        value.replace(authority, &bridge.to_string())
    }

    fn name(&self, end: &str) -> String {
        format!("azdb-{}-{}-{end}", std::process::id(), self.number)
    }

    /// From now on every packet on the wire goes to nobody, and nobody says so.
    pub fn swallow(&self) {
        for (name, other) in [(self.near(), FAR), (self.name("far"), NEAR)] {
            let other = other.to_string();
            ip(&[
                "-n",
                &name,
                "neigh",
                "replace",
                &other,
                "lladdr",
                NOBODY,
                "dev",
                "wire",
                "nud",
                "permanent",
            ]);
        }
    }

    /// Listens at `from`, and passes each connection on to `target` as one that comes from `to`. Its threads end with the test
    /// process.
    #[must_use]
    pub fn bridge(&self, from: Place, to: Place, target: SocketAddr) -> SocketAddr {
        let own = match from {
            Place::Far => FAR,
            Place::Here | Place::Near => Ipv4Addr::LOCALHOST,
        };
        let namespace = self.namespace(from);
        let listener = within(namespace.as_deref(), || {
            TcpListener::bind((own, 0)).unwrap()
        });
        let address = listener.local_addr().unwrap();
        let to = self.namespace(to);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // A target that has gone ends the connection, as it would without a bridge.
                let Ok(far) = within(to.as_deref(), || TcpStream::connect(target)) else {
                    continue;
                };
                let (back, ahead) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || pass(near, far));
                std::thread::spawn(move || pass(ahead, back));
            }
        });
        address
    }

    /// Connects from there.
    #[must_use]
    pub fn connect(&self, from: Place, target: SocketAddr) -> TcpStream {
        let namespace = self.namespace(from);
        within(namespace.as_deref(), || TcpStream::connect(target).unwrap())
    }

    fn namespace(&self, place: Place) -> Option<String> {
        match place {
            Place::Here => None,
            Place::Near => Some(self.near()),
            Place::Far => Some(self.name("far")),
        }
    }
}

/// Does something on a thread of a namespace; sockets that it makes stay there.
fn within<T: Send>(namespace: Option<&str>, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let there = scope.spawn(|| {
            if let Some(name) = namespace {
                let namespace = File::open(format!("/run/netns/{name}")).unwrap();
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), network).unwrap();
            }
            work()
        });
        there.join().unwrap()
    })
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in [self.near(), self.name("far")] {
            let _ = Program::new("ip").args(["netns", "del", &name]).run();
        }
    }
}

#[track_caller]
fn ip(words: &[&str]) {
    let _ = Program::new("ip").args(words).run().succeeded();
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
