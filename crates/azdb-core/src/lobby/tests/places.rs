//! Who may be in, and how many.

use std::sync::atomic::Ordering::Relaxed;

use azdb_config::route::Principal;
use azdb_identity::IdentityConfig;

use super::*;

#[tokio::test]
async fn a_route_has_so_many_places_and_each_is_given_back() {
    let lobby = House::<Silence>::with(ProtocolName::Postgres, &["db"], |route| {
        route.max_connections = 2;
    })
    .lobby;
    let first = lobby.permit().unwrap();
    let _second = lobby.permit().unwrap();
    let refused = lobby.permit().unwrap_err();
    assert!(matches!(refused, Cause::TooMany { limit: 2 }), "{refused}");
    drop(first);
    let _third = lobby.permit().unwrap();
    assert!(lobby.permit().is_err());
}

#[tokio::test]
async fn a_lobby_that_closes_lets_nobody_in_and_nobody_out() {
    let lobby = House::<Silence>::with(ProtocolName::Postgres, &["db"], |_| {}).lobby;
    let _inside = lobby.permit().unwrap();
    lobby.closing.cancel();
    let refused = lobby.permit().unwrap_err();
    assert!(matches!(refused, Cause::ShuttingDown), "{refused}");
}

#[tokio::test]
async fn an_app_becomes_the_one_principal_or_the_one_of_its_name() {
    let of = |user: &str| {
        Arc::new(Principal {
            user: user.to_owned(),
            identity: Arc::new(IdentityConfig::default()),
        })
    };
    let lobby = House::<Silence>::with(ProtocolName::Postgres, &["db"], |_| {}).lobby;
    for user in [&b"ann"[..], b"", b"\xff"] {
        assert_eq!(lobby.principal(user).unwrap().user, PRINCIPAL);
    }

    let lobby = House::<Silence>::with(ProtocolName::Postgres, &["db"], |route| {
        let map = [("ann", "reader"), ("bob", "writer")];
        let map = map.map(|(user, role)| (user.to_owned(), of(role)));
        route.principals = Principals::ByAppUser(map.into());
    })
    .lobby;
    assert_eq!(lobby.principal(b"ann").unwrap().user, "reader");
    assert_eq!(lobby.principal(b"bob").unwrap().user, "writer");
    for user in [&b"Ann"[..], b"an", b"anna", b"", b"\xff"] {
        let unknown = lobby.principal(user).unwrap_err();
        assert!(matches!(unknown, Cause::UnknownUser { user: told } if told == user));
    }
}

#[tokio::test]
async fn the_state_of_a_route_outlives_its_settings() {
    let before = House::<Silence>::with(ProtocolName::Postgres, &["db"], |route| {
        route.max_connections = 2;
    })
    .lobby;
    let session = before.permit().unwrap();
    before.state.ledger.accepted.add(7);
    before.state.ledger.refuse(&Cause::NoRandomness);
    before.state.own.store(4711, Relaxed);

    // The configuration is read again: everything is new but the state.
    let after = House::<Silence>::with(ProtocolName::Postgres, &["elsewhere"], |_| {}).lobby;
    let state = Arc::clone(&before.state);
    let after = Lobby { state, ..after };
    drop(before);
    assert_eq!(after.state.ledger.accepted.read(), 7);
    assert_eq!(after.state.ledger.last_refusal().unwrap().kind, Kind::Bug);
    assert_eq!(after.state.own.load(Relaxed), 4711);
    let _other = after.permit().unwrap();
    assert!(
        after.permit().is_err(),
        "the session from before has a place"
    );
    drop(session);
    assert!(after.permit().is_ok());
}
