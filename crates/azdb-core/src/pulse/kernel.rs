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
use tokio::net::TcpStream;

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
/// `idiag_timer`: a probe into a closed window comes next.
const TIMER_OF_PROBES: u8 = 4;

/// What has become of the bytes that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The far end has all of them.
    Arrived,
    /// Some are on their way, or were lost: the kernel sends them until they are answered.
    OnItsWay,
    /// The far end's window is closed, and it answers when it is asked for it.
    NotTaken,
    /// The far end's window was closed, and it does not answer any more.
    Unanswered,
}

/// Asks what has become of the bytes that were sent.
///
/// # Errors
///
/// Whatever the kernel reports; also a kernel that has not been built with `inet_diag`.
pub(super) fn look(stream: &TcpStream) -> io::Result<Sent> {
    let (domain, protocol) = NETLINK;
    let mut netlink = Socket::new(domain.into(), Type::DGRAM, Some(protocol.into()))?;
    netlink.set_nonblocking(true)?;
    netlink.send(&request(stream.local_addr()?, stream.peer_addr()?))?;
    let mut answer = [0; 1024];
    let length = netlink.read(&mut answer)?;
    let answer = answer.get(..length).unwrap_or_default();
    understand(answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
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

/// Reads the answer: timer and count of probes at 2 and 3 behind the header, bytes without an answer at 60.
fn understand(answer: &[u8]) -> Option<Sent> {
    let kind: &[u8; 2] = answer.get(4..)?.first_chunk()?;
    if u16::from_ne_bytes(*kind) != BY_FAMILY {
        return None;
    }
    let found = answer.get(HEADER..)?;
    let waiting: &[u8; 4] = found.get(60..)?.first_chunk()?;
    Some(match (u32::from_ne_bytes(*waiting), found.get(2..4)?) {
        (0, _) => Sent::Arrived,
        // One may be under way; and Linux answers such a probe only once in half a second.
        (_, [TIMER_OF_PROBES, 0 | 1]) => Sent::NotTaken,
        (_, [TIMER_OF_PROBES, _]) => Sent::Unanswered,
        _ => Sent::OnItsWay,
    })
}
