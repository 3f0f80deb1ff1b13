//! Dialling: how a connection is made, and which address of a name takes it.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use azdb_config::route::Endpoint;
use azdb_names::Names;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

use super::Stream;
use super::home::{Departure, Home};
use crate::fault::{Cause, FarEnd};
use crate::pulse::Pulse;

/// Head start of each address before the next one is tried beside it (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// How connections are made: sockets in production, pipes in tests.
pub(crate) trait Dial: Clone + Send + Sync + 'static {
    /// What a connection is.
    type Stream: Stream;

    /// The addresses of `target`, at least one.
    fn resolve(
        &self,
        target: &Endpoint,
        patience: Duration,
    ) -> impl Future<Output = Result<Vec<SocketAddr>, Cause>> + Send;

    /// Connects to an address of `target`.
    fn connect(
        &self,
        target: &Endpoint,
        addr: SocketAddr,
    ) -> impl Future<Output = Result<Connected<Self::Stream>, Cause>> + Send;

    /// Makes this thread's runtime the one that waits for a connection, which another session has dialled. Until then that one's
    /// thread is woken for it first. A pipe is at home anywhere.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports, and that something has come: it is to be silent.
    fn settle(_: &mut Self::Stream) -> io::Result<()> {
        Ok(())
    }
}

/// A connection about whose far end nothing is known.
pub(crate) struct Connected<S> {
    pub(crate) stream: S,
    pub(crate) departure: Departure,
}

/// Dials over TCP.
#[derive(Clone)]
pub(crate) struct Tcp {
    pub(crate) names: Names,
    pub(crate) home: Arc<Home>,
    /// A far end has vanished when its machine answers nothing for so long.
    pub(crate) upstream_timeout: Duration,
}

impl Dial for Tcp {
    type Stream = Pulse;

    async fn resolve(
        &self,
        target: &Endpoint,
        patience: Duration,
    ) -> Result<Vec<SocketAddr>, Cause> {
        let resolving = self.names.resolve(&target.host, target.port, patience);
        resolving.await.map_err(|source| Cause::Resolve {
            host: target.host.clone(),
            source,
        })
    }

    async fn connect(
        &self,
        target: &Endpoint,
        addr: SocketAddr,
    ) -> Result<Connected<Pulse>, Cause> {
        if self.home.is_at(addr) {
            let upstream = target.clone();
            return Err(Cause::Loop { upstream });
        }
        let connected = connect(addr, &self.home).await;
        let Connected { stream, departure } = connected.map_err(|source| Cause::Connect {
            far_end: FarEnd::at(target, addr),
            source,
        })?;
        let mut stream = Pulse::of(stream);
        stream.must_answer_within(self.upstream_timeout);
        Ok(Connected { stream, departure })
    }

    fn settle(stream: &mut Pulse) -> io::Result<()> {
        stream.settle()
    }
}

/// Connects, and notes where from before anybody can have accepted.
async fn connect(addr: SocketAddr, home: &Arc<Home>) -> io::Result<Connected<TcpStream>> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&addr.into()) {
        Err(error) if !is_in_progress(&error) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let local = socket.local_addr()?.as_socket();
    let departure = local
        .map(|local| home.departs(local, addr))
        .unwrap_or_default();
    let stream = TcpStream::from_std(socket.into())?;
    stream.writable().await?;
    match stream.take_error()? {
        Some(error) => Err(error),
        None => Ok(Connected { stream, departure }),
    }
}

fn is_in_progress(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) {
        return true;
    }
    error.kind() == io::ErrorKind::WouldBlock
}

/// Families take turns, in the resolver's order (RFC 8305, section 4).
pub(super) fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|addr| addr.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut order = VecDeque::new();
    for addr in first {
        order.push_back(addr);
        order.extend(second.next());
    }
    order.extend(second);
    order
}

/// What came of dialling several addresses.
pub(super) struct Dialling<S> {
    /// The first to answer.
    pub(super) answered: Option<(Connected<S>, SocketAddr)>,
    /// Those that said no before.
    pub(super) failed: Vec<(SocketAddr, Cause)>,
}

type Attempt<'a, S> =
    Pin<Box<dyn Future<Output = (SocketAddr, Result<Connected<S>, Cause>)> + Send + 'a>>;

/// Connects to whichever address of `target` answers first; each has a head start on the next. Those that have not said no stay in
/// `waiting`.
///
/// # Errors
///
/// [`Cause::Loop`], after which nothing else is tried.
pub(super) async fn first_to_answer<D: Dial>(
    dialler: &D,
    target: &Endpoint,
    waiting: &mut VecDeque<SocketAddr>,
) -> Result<Dialling<D::Stream>, Cause> {
    let mut attempts: Vec<Attempt<'_, D::Stream>> = Vec::new();
    let (mut begun, mut failed) = (0, Vec::new());
    loop {
        if let Some(addr) = waiting.get(begun).copied() {
            begun += 1;
            attempts.push(Box::pin(async move {
                (addr, dialler.connect(target, addr).await)
            }));
        }
        if attempts.is_empty() {
            let answered = None;
            return Ok(Dialling { answered, failed });
        }
        let is_last = begun == waiting.len();
        let stagger = async {
            match is_last {
                true => std::future::pending().await,
                false => tokio::time::sleep(STAGGER).await,
            }
        };
        let (addr, answer) = tokio::select! {
            () = stagger => continue,
            answer = next(&mut attempts) => answer,
        };
        waiting.retain(|other| *other != addr);
        begun -= 1;
        match answer {
            Ok(connected) => {
                let answered = Some((connected, addr));
                return Ok(Dialling { answered, failed });
            }
            Err(cause @ Cause::Loop { .. }) => return Err(cause),
            Err(cause) => failed.push((addr, cause)),
        }
    }
}

/// The first of the attempts to end, which leaves their list.
async fn next<S>(attempts: &mut Vec<Attempt<'_, S>>) -> (SocketAddr, Result<Connected<S>, Cause>) {
    poll_fn(|cx| {
        for (place, attempt) in attempts.iter_mut().enumerate() {
            if let Poll::Ready(answer) = attempt.as_mut().poll(cx) {
                drop(attempts.swap_remove(place));
                return Poll::Ready(answer);
            }
        }
        Poll::Pending
    })
    .await
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

    #[tokio::test]
    async fn an_address_that_refuses_does_not_hide_one_that_answers() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        // Taken, and not listened at.
        let taken = tokio::net::TcpSocket::new_v4().unwrap();
        taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let bad = taken.local_addr().unwrap();
        let tcp = Tcp {
            names: Names::of_the_system(),
            home: Home::with([]),
            upstream_timeout: Duration::from_secs(30),
        };
        let target = Endpoint {
            host: "localhost".into(),
            port: good.port(),
        };
        let mut waiting = VecDeque::from([bad, good]);
        let dialling = first_to_answer(&tcp, &target, &mut waiting).await.unwrap();
        assert_eq!(dialling.answered.unwrap().1, good);
        let refused = |(addr, cause): &(SocketAddr, Cause)| {
            *addr == bad
                && matches!(cause, Cause::Connect { source, .. }
                    if source.kind() == io::ErrorKind::ConnectionRefused)
        };
        assert!(dialling.failed.iter().all(refused));
        assert_eq!(dialling.failed.len(), 1);
        assert!(waiting.is_empty());
    }
}
