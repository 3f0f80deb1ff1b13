//! Every door open, on sockets of this machine.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod doors;
mod drain;
mod reload;

use std::net::SocketAddr;

use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::rig::{self, House, Spoken, sockets};

const AT_ONCE: Drain = Drain {
    delay: Duration::ZERO,
    patience: Duration::ZERO,
    idle: DrainIdle::Wait,
};

/// A port that the kernel chooses.
fn any_port() -> ListenAddr {
    ListenAddr::Tcp(([127, 0, 0, 1], 0).into())
}

fn bind(routes: Vec<Route>, authority: &Arc<LocalAuthority>) -> Result<Server, StartError> {
    bind_with(routes, authority, Workers::default())
}

fn bind_with(
    routes: Vec<Route>,
    authority: &Arc<LocalAuthority>,
    workers: Workers,
) -> Result<Server, StartError> {
    let routes: Vec<Arc<Route>> = routes.into_iter().map(Arc::new).collect();
    let authority = || Ok(Arc::clone(authority));
    let none = PassedSockets::default();
    Server::bind(&routes, rig::tokens(), authority, none, workers)
}

async fn open(
    routes: Vec<Route>,
    authority: &Arc<LocalAuthority>,
) -> Result<OpenServer, StartError> {
    bind(routes, authority)?.open().await
}

/// The TCP addresses at which a server answers.
fn addresses(server: &OpenServer) -> Vec<SocketAddr> {
    let listening = server.addresses().into_iter();
    let addresses = listening.filter_map(|(_, listen)| match listen {
        ListenAddr::Tcp(addr) => Some(addr),
        ListenAddr::Unix(_) | ListenAddr::Pipe(_) => None,
    });
    addresses.collect()
}

/// An app that has come through a door of the server. What it says and hears goes through a pipe.
async fn app(addr: SocketAddr) -> DuplexStream {
    let mut socket = TcpStream::connect(addr).await.unwrap();
    let (app, mut near) = duplex(64 * 1024);
    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut socket, &mut near).await });
    app
}
