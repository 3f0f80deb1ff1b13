//! Opening doors, and whether it can be done.

use std::io;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use super::*;
use crate::postgres::Postgres;
use crate::rig::in_every_protocol;
use crate::tls::LocalTlsError;

in_every_protocol!(
    #[tokio::test]
    an_address_that_is_taken_refuses_until_the_door_is_open,
    a_route_opens_all_its_doors_and_says_where,
    a_listener_of_ours_is_never_an_upstream,
    a_port_that_is_taken_is_an_error_with_the_routes_name,
);

async fn a_route_opens_all_its_doors_and_says_where<P: Spoken>() {
    let house = House::<P>::spoken(|_| {});
    let mut first = sockets::route_of(&house);
    first.listen = vec![any_port(), any_port()];
    let mut second = sockets::route_of(&house);
    (second.name, second.listen) = ("stock".into(), vec![any_port()]);
    let server = open(vec![first, second], &house.authority).await.unwrap();

    let open = server.addresses();
    let names: Vec<&str> = open.iter().map(|(route, _)| route.name.as_str()).collect();
    assert_eq!(names, ["orders", "orders", "stock"]);
    let mut addresses = addresses(&server);
    assert!(
        addresses
            .iter()
            .all(|addr| addr.ip().is_loopback() && addr.port() != 0)
    );
    for addr in &addresses {
        TcpStream::connect(addr).await.unwrap();
    }
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 3);
}

/// An app that comes too early hears so at once.
async fn an_address_that_is_taken_refuses_until_the_door_is_open<P: Spoken>() {
    let house = House::<P>::spoken(|_| {});
    let addr = free_port();
    let mut route = sockets::route_of(&house);
    route.listen = vec![ListenAddr::Tcp(addr)];
    let server = bind(vec![route], &house.authority).unwrap();
    let refused = TcpStream::connect(addr).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    let _open = server.open().await.unwrap();
    TcpStream::connect(addr).await.unwrap();
}

async fn a_listener_of_ours_is_never_an_upstream<P: Spoken>() {
    let house = House::<P>::spoken(|_| {});
    let addr = free_port();
    let mut route = sockets::route_of(&house);
    route.listen = vec![ListenAddr::Tcp(addr)];
    route.upstream = vec![sockets::endpoint(addr)];
    let server = open(vec![route], &house.authority).await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        drop(stopped.await);
        AT_ONCE
    }));
    let mut app = app(addr).await;
    let text = P::refused(&mut app).await;
    let expected = format!("azdb-proxy: upstream `{addr}` is a listener of this proxy");
    assert!(text.starts_with(&expected), "{text}");
    drop((app, stop));
    assert_eq!(running.await.unwrap(), Drained { cut: 0 });
}

/// A port that nobody has now, below those that systems hand out for port 0: nobody is given it by chance before it is listened at.
pub(super) fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run side by side begin at different places.
    let begin = u16::try_from(std::process::id() % 997 * 8).unwrap();
    let ports = || 12_000 + (begin + NEXT.fetch_add(1, Relaxed) % 8000) % 8000;
    let mut addrs = std::iter::repeat_with(|| SocketAddr::from(([127, 0, 0, 1], ports())));
    let is_free = |addr: &SocketAddr| std::net::TcpListener::bind(addr).is_ok();
    addrs.find(is_free).unwrap()
}

async fn a_port_that_is_taken_is_an_error_with_the_routes_name<P: Spoken>() {
    let house = House::<P>::spoken(|_| {});
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let other = free_port();
    let mut first = sockets::route_of(&house);
    first.listen = vec![ListenAddr::Tcp(other)];
    let mut second = sockets::route_of(&house);
    (second.name, second.listen) = ("stock".into(), vec![any_port(), ListenAddr::Tcp(addr)]);
    let Err(error) = open(vec![first, second], &house.authority).await else {
        unreachable!("two at one port")
    };
    let text = format!("route \"stock\": cannot listen on {addr} (");
    assert!(error.to_string().starts_with(&text), "{error}");
    let StartError::Listen { source, .. } = error else {
        unreachable!("{error}")
    };
    assert_eq!(source.kind(), io::ErrorKind::AddrInUse);
    let refused = TcpStream::connect(other).await.unwrap_err();
    assert_eq!(
        refused.kind(),
        io::ErrorKind::ConnectionRefused,
        "closed again"
    );
}

#[tokio::test]
async fn a_route_that_can_take_nobody_in_is_an_error_with_its_name() {
    let house = House::<Postgres>::spoken(|_| {});
    let mut route = sockets::route_of(&house);
    route.listen = vec![any_port()];
    let broken = || Err(LocalTlsError::Make(rcgen::Error::CouldNotParseCertificate));
    let none = PassedSockets::default();
    let made = Server::bind(
        &[Arc::new(route)],
        rig::tokens(),
        broken,
        none,
        Workers::default(),
    );
    let Err(error) = made else {
        unreachable!("no certificate")
    };
    assert_eq!(error.to_string(), "route \"orders\"");
    assert!(matches!(error, StartError::Reception { .. }));
}

#[test]
fn a_machine_without_ipv6_has_no_default_address_of_it_and_nothing_else_may_be_missing() {
    let refused = |kind: io::ErrorKind| io::Error::from(kind);
    let no_family = || io::Error::from_raw_os_error(super::super::doors::EAFNOSUPPORT);
    let listen = |addr: &str| ListenAddr::Tcp(addr.parse().unwrap());
    let unix = ListenAddr::Unix("/run/azdb-proxy/[::1]".into());
    for (listen, error, left_out) in [
        (
            listen("[::1]:5432"),
            refused(io::ErrorKind::AddrNotAvailable),
            true,
        ),
        (listen("[::1]:5432"), no_family(), true),
        (
            listen("[::1]:5432"),
            refused(io::ErrorKind::AddrInUse),
            false,
        ),
        (
            listen("[::1]:5432"),
            refused(io::ErrorKind::PermissionDenied),
            false,
        ),
        (listen("[::]:5432"), no_family(), false),
        (
            listen("127.0.0.1:5432"),
            refused(io::ErrorKind::AddrNotAvailable),
            false,
        ),
        (unix, refused(io::ErrorKind::AddrNotAvailable), false),
    ] {
        assert_eq!(
            super::super::doors::is_missing_ipv6(&listen, &error),
            left_out,
            "{listen}: {error}"
        );
    }
}

#[tokio::test]
async fn an_address_that_this_machine_does_not_have_is_an_error() {
    let house = House::<Postgres>::spoken(|_| {});
    let mut route = sockets::route_of(&house);
    // Of no machine (RFC 5737).
    let nobodys: SocketAddr = ([203, 0, 113, 9], 0).into();
    route.listen = vec![any_port(), ListenAddr::Tcp(nobodys)];
    let Err(StartError::Listen { listen, source, .. }) = open(vec![route], &house.authority).await
    else {
        unreachable!("nobody's address")
    };
    assert_eq!(listen, ListenAddr::Tcp(nobodys));
    assert_eq!(source.kind(), io::ErrorKind::AddrNotAvailable);
}
