//! Packets that something turns round: our own connection comes in at our own door, wherever it was to go.

use super::*;
use crate::reception::Resources;
use crate::rig::{Spoken, in_every_protocol, sockets, tokens};
use crate::socket::Door;
use crate::tls::PlatformRoots;

in_every_protocol!(
    #[tokio::test]
    a_connection_of_ours_that_comes_back_is_told_as_a_loop_after_one_hop,
);

async fn a_connection_of_ours_that_comes_back_is_told_as_a_loop_after_one_hop<P: Spoken>() {
    let house = House::<P>::spoken(|_| {});
    let listen = azdb_config::route::ListenAddr::Tcp(([127, 0, 0, 1], 0).into());
    let mut route = sockets::route_of(&house);
    let door = Door::open(&listen, &route.rights).await.unwrap();
    let addr = door.local_addr().unwrap();
    (route.upstream, route.hold_logins) = (vec![sockets::endpoint(addr)], true);
    // It knows of no door, as it does where the address is another one than the door's.
    let home = Home::with([]);
    let resources = Resources {
        tokens: &tokens(),
        names: azdb_names::Names::of_the_system(),
        home: Arc::clone(&home),
        roots: PlatformRoots::default(),
        authority: &|| Ok(Arc::clone(&house.authority)),
    };
    let reception = Reception::new(&Arc::new(route), &resources).unwrap();
    let behind = watch::Sender::new(reception.clone());
    let listener = Listener::new(door, behind.subscribe(), home);
    let serving = tokio::spawn(async move { listener.serve().await });
    let text = P::refused(&mut reception.connect()).await;
    let expected = format!("azdb-proxy: upstream `{addr}` is a listener of this proxy");
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(reception.ledger().accepted.read(), 1, "no second session");
    serving.abort();
}
