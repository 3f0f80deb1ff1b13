//! Dialling: which address of which upstream takes the connection.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use azdb_config::route::{Endpoint, Route};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Stream;
use crate::fault::Cause;

/// Head start of each address before the next one is tried beside it (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// Where a way leads: the names that TLS and the protocols speak of, and the address that answered.
#[derive(Debug, Clone)]
pub(crate) struct Dialled {
    /// The upstream as configured. `connect_to` does not change it.
    pub(crate) upstream: Endpoint,
    /// The address behind it that took the connection.
    pub(crate) addr: SocketAddr,
}

/// How connections are made: sockets in production, pipes in tests.
pub(crate) trait Dial: Send + Sync + 'static {
    /// What a connection is.
    type Stream: Stream;

    /// Connects to `target`.
    fn dial(
        &self,
        target: &Endpoint,
    ) -> impl Future<Output = Result<(Self::Stream, SocketAddr), Cause>> + Send;
}

/// Tries a route's upstreams in their order.
///
/// # Errors
///
/// What the last one said.
pub(crate) async fn dial<D: Dial>(
    dialler: &D,
    route: &Route,
) -> Result<(D::Stream, Dialled), Cause> {
    let mut outcome = Err(Cause::NoUpstream);
    for upstream in &route.upstream {
        let target = route.connect_to.as_ref().unwrap_or(upstream);
        outcome = dialler.dial(target).await.map(|(stream, addr)| {
            tracing::debug!(%upstream, %addr, "dialled");
            (
                stream,
                Dialled {
                    upstream: upstream.clone(),
                    addr,
                },
            )
        });
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Dials over TCP, every address of a name in turn and overlapping.
#[derive(Debug, Clone)]
pub(crate) struct Tcp {
    /// Our own listeners, never an upstream.
    pub(crate) own: Arc<[SocketAddr]>,
}

impl Dial for Tcp {
    type Stream = TcpStream;

    async fn dial(&self, target: &Endpoint) -> Result<(TcpStream, SocketAddr), Cause> {
        let resolve = |source| Cause::Resolve {
            host: target.host.clone(),
            source,
        };
        let addresses: Vec<SocketAddr> =
            tokio::net::lookup_host((target.host.as_str(), target.port))
                .await
                .map_err(resolve)?
                .collect();
        if addresses.is_empty() {
            return Err(resolve(io::Error::other("the name has no address")));
        }
        if addresses.iter().any(|addr| is_own(&self.own, *addr)) {
            return Err(Cause::Loop {
                upstream: target.clone(),
            });
        }
        let (stream, addr) = first_to_answer(interleave(addresses))
            .await
            .map_err(|source| Cause::Connect {
                upstream: target.clone(),
                source,
            })?;
        crate::socket::tune(&stream);
        Ok((stream, addr))
    }
}

/// Whether dialling `addr` would reach one of our own listeners.
fn is_own(own: &[SocketAddr], addr: SocketAddr) -> bool {
    own.iter().any(|listener| {
        listener.port() == addr.port()
            && (listener.ip() == addr.ip()
                || (listener.ip().is_unspecified() && addr.ip().is_loopback()))
    })
}

/// Families take turns, in the resolver's order (RFC 8305, section 4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|addr| addr.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut order = Vec::new();
    for addr in first {
        order.push(addr);
        order.extend(second.next());
    }
    order.extend(second);
    order
}

/// Connects to whichever address answers first; each has a head start on the next.
async fn first_to_answer(addresses: Vec<SocketAddr>) -> io::Result<(TcpStream, SocketAddr)> {
    let mut waiting = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut last = io::Error::other("no address answered");
    loop {
        if let Some(addr) = waiting.next() {
            attempts.spawn(async move { (TcpStream::connect(addr).await, addr) });
        }
        let stagger = async {
            match waiting.len() {
                0 => std::future::pending().await,
                _ => tokio::time::sleep(STAGGER).await,
            }
        };
        tokio::select! {
            () = stagger => {}
            answer = attempts.join_next() => match answer {
                Some(Ok((Ok(stream), addr))) => return Ok((stream, addr)),
                Some(Ok((Err(error), _))) => last = error,
                Some(Err(error)) => last = io::Error::other(error),
                None => return Err(last),
            },
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn addrs(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|addr| addr.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        let resolved = addrs(&["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1"]);
        let order = addrs(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(interleave(resolved), order);
    }

    #[test]
    fn our_own_listeners_are_never_an_upstream() {
        let own = addrs(&["127.0.0.1:5432", "0.0.0.0:5433"]);
        for (addr, is_ours) in [
            ("127.0.0.1:5432", true),
            ("127.0.0.1:5434", false),
            ("127.0.0.2:5433", true),
            ("10.0.0.1:5433", false),
        ] {
            assert_eq!(is_own(&own, addr.parse().unwrap()), is_ours, "{addr}");
        }
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_hide_one_that_answers() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let refusing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bad = refusing.local_addr().unwrap();
        drop(refusing);
        let (_, addr) = first_to_answer(vec![bad, good]).await.unwrap();
        assert_eq!(addr, good);
        assert_eq!(
            first_to_answer(vec![bad]).await.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
    }
}
