//! What the kernel knows of one TCP connection: what `ss` shows, asked for over netlink (`sock_diag(7)`). No privilege is needed for
//! a connection of one's own network namespace.
//!
//! ```text
//!   nlmsghdr 16 | inet_diag_req_v2 56                  asks for the connection between two addresses
//!   nlmsghdr 16 | inet_diag_msg 72 | attributes        or nlmsghdr 16 | errno 4
//! ```

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};

use socket2::{Socket, Type};

/// `AF_NETLINK`, and `NETLINK_SOCK_DIAG` in it.
const NETLINK: (i32, i32) = (16, 4);
/// Length of a `nlmsghdr`.
const HEADER: usize = 16;
/// Length of a `nlmsghdr` with an `inet_diag_req_v2` behind it.
const REQUEST: u32 = 72;
/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`.
const IS_REQUEST: u16 = 1;
/// `AF_INET`, `AF_INET6` and `IPPROTO_TCP`.
const FAMILIES: (u8, u8) = (2, 10);
const TCP: u8 = 6;
/// `TCP_ESTABLISHED` and `TCP_CLOSE_WAIT`: states in which a process has the connection.
const HELD: [u8; 2] = [1, 8];

/// What the kernel says of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    state: u8,
    /// `idiag_timer`: what comes next.
    pub(crate) timer: u8,
    /// Probes without an answer.
    pub(crate) probes: u8,
    /// Bytes without an answer.
    pub(crate) unanswered: u32,
    uid: u32,
    inode: u32,
}

impl Found {
    /// The user who has it. Once it has been closed the kernel says 0, which is root's number and nobody's then.
    pub(crate) fn user(&self) -> Option<u32> {
        (HELD.contains(&self.state) && self.inode != 0).then_some(self.uid)
    }

    /// Reads the answer.
    fn read(answer: &[u8]) -> Option<Self> {
        let kind: &[u8; 2] = answer.get(4..)?.first_chunk()?;
        if u16::from_ne_bytes(*kind) != BY_FAMILY {
            return None;
        }
        let found = answer.get(HEADER..)?;
        let [_, state, timer, probes] = *found.first_chunk()?;
        let word = |at: usize| {
            found
                .get(at..)?
                .first_chunk()
                .copied()
                .map(u32::from_ne_bytes)
        };
        Some(Self {
            state,
            timer,
            probes,
            unanswered: word(60)?,
            uid: word(64)?,
            inode: word(68)?,
        })
    }
}

/// Asks for the connection from `local` to `peer`.
///
/// # Errors
///
/// Whatever the kernel reports: [`io::ErrorKind::InvalidData`] when there is none, or when it has not been built with `inet_diag`.
pub(crate) fn find(local: SocketAddr, peer: SocketAddr) -> io::Result<Found> {
    let (domain, protocol) = NETLINK;
    let mut netlink = Socket::new(domain.into(), Type::DGRAM, Some(protocol.into()))?;
    netlink.set_nonblocking(true)?;
    netlink.send(&request(local, peer))?;
    let mut answer = [0; 1024];
    let length = netlink.read(&mut answer)?;
    let answer = answer.get(..length).unwrap_or_default();
    Found::read(answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Asks for the connection between two addresses.
fn request(local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
    let (v4, v6) = FAMILIES;
    let family = if local.is_ipv4() { v4 } else { v6 };
    let mut request = Vec::with_capacity(REQUEST as usize);
    // Length, type, flags, sequence number, port.
    request.extend(REQUEST.to_ne_bytes());
    request.extend(BY_FAMILY.to_ne_bytes());
    request.extend(IS_REQUEST.to_ne_bytes());
    request.extend([0; 8]);
    // No attributes, any state.
    request.extend([family, TCP, 0, 0]);
    request.extend(u32::MAX.to_ne_bytes());
    request.extend(local.port().to_be_bytes());
    request.extend(peer.port().to_be_bytes());
    for addr in [local.ip(), peer.ip()] {
        let mut octets = [0; 16];
        match addr {
            IpAddr::V4(addr) => {
                let (first, _) = octets.split_at_mut(4);
                first.copy_from_slice(&addr.octets());
            }
            IpAddr::V6(addr) => octets = addr.octets(),
        }
        request.extend(octets);
    }
    // Any interface, no cookie.
    request.extend(0u32.to_ne_bytes());
    request.extend([0xff; 8]);
    request
}
