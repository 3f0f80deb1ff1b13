//! Sockets of this machine in the place of pipes, for what dials by itself.

use std::net::SocketAddr;

use azdb_config::route::{Endpoint, Principals, Roots, Route, UpstreamTls};
use tokio::io::{copy_bidirectional, duplex};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{Databases, House, Spoken, route};

/// A server of this machine that hands its connections to a test.
pub(crate) async fn upstream() -> (SocketAddr, Databases) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (sender, databases) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (mut near, far) = duplex(64 * 1024);
            if sender.send((far, endpoint(addr))).is_err() {
                return;
            }
            tokio::spawn(async move { copy_bidirectional(&mut socket, &mut near).await });
        }
    });
    (addr, databases)
}

pub(crate) fn endpoint(addr: SocketAddr) -> Endpoint {
    Endpoint {
        host: addr.ip().to_string(),
        port: addr.port(),
    }
}

/// A route as the one of `house`, whose upstream may have any address and proves to be the house's.
pub(crate) fn route_of<P: Spoken>(house: &House<P>) -> Route {
    let before = &house.lobby.route;
    let UpstreamTls::Verified {
        roots: roots @ Roots::File { .. },
        ..
    } = &before.tls
    else {
        unreachable!("the house has a certificate of its own")
    };
    let name = P::HOSTS.first().copied().unwrap();
    Route {
        name: "orders".into(),
        tls: UpstreamTls::Verified {
            roots: roots.clone(),
            name: Some(name.try_into().unwrap()),
        },
        principals: Principals::clone(&before.principals),
        ..route(P::NAME)
    }
}
