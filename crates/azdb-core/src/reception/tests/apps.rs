//! What an app of this process meets, in every protocol. The clock is the real one: sockets are.

use std::cell::Cell;

use azdb_config::route::{Endpoint, LocalTls};

use super::*;
use crate::postgres::Postgres;
use crate::rig::in_every_protocol;

in_every_protocol!(
    #[tokio::test]
    an_app_logs_in,
    an_app_reads_that_a_name_is_none,
    our_own_door_is_never_an_upstream,
    an_app_reads_that_nobody_listens,
);

async fn an_app_logs_in<P: Spoken>() {
    let mut house = House::<P>::spoken(|_| {});
    let (addr, mut databases) = upstream().await;
    let server = Arc::clone(&house.server);
    let to_it = |route: &mut Route| route.upstream = vec![endpoint(addr)];
    let reception = reception(&house, to_it, &[]);
    let mut app = reception.connect();
    let mut database = P::log_in(&mut app, &mut databases, &server).await;
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    let ledger = reception.ledger();
    assert_eq!((ledger.accepted.read(), ledger.sessions.read()), (1, 1));
    assert_eq!(reception.route().name, "orders");
    assert!(house.databases.try_recv().is_err(), "no pipe was dialled");
}

async fn an_app_reads_that_a_name_is_none<P: Spoken>() {
    let house = House::<P>::spoken(|_| {});
    let nowhere = Endpoint {
        host: "not a name".into(),
        port: 1,
    };
    let to_nowhere = |route: &mut Route| route.upstream = vec![nowhere];
    let reception = reception(&house, to_nowhere, &[]);
    let mut app = reception.connect();
    let text = P::refused(&mut app).await;
    assert!(
        text.starts_with("azdb-proxy: cannot resolve `not a name`: "),
        "{text}"
    );
    assert!(
        text.contains("check the upstream's name and this machine's DNS"),
        "{text}"
    );
    drop(app);
    while reception.ledger().refused() == 0 {
        tokio::task::yield_now().await;
    }
}

async fn our_own_door_is_never_an_upstream<P: Spoken>() {
    let house = House::<P>::spoken(|_| {});
    let (addr, mut databases) = upstream().await;
    let to_us = |route: &mut Route| route.upstream = vec![endpoint(addr)];
    let reception = reception(&house, to_us, &[addr]);
    let text = P::refused(&mut reception.connect()).await;
    let expected = format!("azdb-proxy: upstream `{addr}` is a listener of this proxy");
    assert!(text.starts_with(&expected), "{text}");
    assert!(text.contains("name the database as upstream"), "{text}");
    assert!(databases.try_recv().is_err(), "nobody dialled");
}

async fn an_app_reads_that_nobody_listens<P: Spoken>() {
    let house = House::<P>::spoken(|_| {});
    // Taken, and not listened at.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let addr = taken.local_addr().unwrap();
    let to_nobody = |route: &mut Route| route.upstream = vec![endpoint(addr)];
    let reception = reception(&house, to_nobody, &[]);
    let text = P::refused(&mut reception.connect()).await;
    let expected = format!("azdb-proxy: cannot connect to `{addr}`");
    assert!(text.starts_with(&expected), "{text}");
}

#[tokio::test]
async fn the_authority_is_asked_where_apps_are_offered_its_certificate_and_nowhere_else() {
    for (local_tls, is_asked) in [(LocalTls::Auto, true), (LocalTls::Off, false)] {
        let house = House::<Postgres>::spoken(|_| {});
        let asked = Cell::new(false);
        let resources = Resources {
            tokens: &house.lobby.tokens,
            names: Names::of_the_system(),
            home: Home::with([]),
            roots: PlatformRoots::default(),
            authority: &|| {
                asked.set(true);
                Ok(Arc::clone(&house.authority))
            },
        };
        let route = Route {
            local_tls,
            tls: UpstreamTls::Off,
            ..crate::rig::route(ProtocolName::Postgres)
        };
        assert!(Reception::new(&Arc::new(route), &resources).is_ok());
        assert_eq!(asked.get(), is_asked);
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_an_error_and_no_reception() {
    let house = House::<Postgres>::spoken(|_| {});
    let resources = Resources {
        tokens: &house.lobby.tokens,
        names: Names::of_the_system(),
        home: Home::with([]),
        roots: PlatformRoots::default(),
        authority: &|| Ok(Arc::clone(&house.authority)),
    };
    let missing = house.token_file.path().with_extension("missing");
    let route = Route {
        local_tls: LocalTls::Files {
            cert_file: missing.clone(),
            key_file: missing,
        },
        tls: UpstreamTls::Off,
        ..crate::rig::route(ProtocolName::Postgres)
    };
    let made = Reception::new(&Arc::new(route), &resources);
    assert!(matches!(made, Err(ReceptionError::AppTls(_))));
}
