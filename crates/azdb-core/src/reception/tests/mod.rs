//! Apps of this process, taken in without any door.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod apps;
mod catalogue;
mod words;

use std::net::SocketAddr;

use azdb_config::route::UpstreamTls;
use tokio::net::TcpSocket;

use super::*;
use crate::rig::sockets::{self, endpoint, upstream};
use crate::rig::{House, Spoken};

/// A reception for the route of `house` as `change` has it, whose own doors are these.
fn reception<P: Spoken>(
    house: &House<P>,
    change: impl FnOnce(&mut Route),
    own: &[SocketAddr],
) -> Reception {
    let mut route = sockets::route_of(house);
    change(&mut route);
    let resources = Resources {
        tokens: &house.lobby.tokens,
        names: Names::of_the_system(),
        home: Home::with(own.iter().map(|addr| (P::NAME, *addr))),
        roots: PlatformRoots::default(),
        authority: &|| Ok(Arc::clone(&house.authority)),
    };
    let reception = Reception::new(&Arc::new(route), &resources);
    reception.unwrap_or_else(|error| unreachable!("{error}"))
}
