//! Who may come, and whose time is short.

use std::net::SocketAddr;

use super::*;
use crate::rig::LOGIN_TIMEOUT;

fn peer(addr: &str) -> Peer {
    Peer::Tcp(SocketAddr::new(addr.parse().unwrap(), 1))
}

fn local(addr: &str, uid: u32) -> Peer {
    Peer::Local(SocketAddr::new(addr.parse().unwrap(), 1), uid)
}

#[tokio::test(start_paused = true)]
async fn loopback_and_the_allowed_networks_are_admitted_and_users_by_their_ids() {
    let anybody = House::with(ProtocolName::Postgres, &["db.example.org"], |_| {}).lobby;
    let some = House::with(ProtocolName::Postgres, &["db.example.org"], |route| {
        route.admission.networks = vec!["10.1.0.0/16".parse().unwrap()];
        route.admission.uids = Some(vec![1000]);
    });
    let (anybody, some): (Lobby<Silence, _>, Lobby<Silence, _>) = (anybody, some.lobby);
    for (who, by_default, with_a_list) in [
        (peer("127.0.0.1"), true, false),
        (peer("::1"), true, false),
        (peer("::ffff:127.0.0.1"), true, false),
        (local("127.0.0.1", 1000), true, true),
        (local("127.0.0.1", 0), true, false),
        (local("10.1.2.3", 1000), false, true),
        (local("10.1.2.3", 1001), false, false),
        (peer("10.1.2.3"), false, true),
        (peer("::ffff:10.1.2.3"), false, true),
        (peer("10.2.0.1"), false, false),
        (Peer::Unix(1000), true, true),
        (Peer::Unix(0), true, false),
        (Peer::InProcess, true, true),
    ] {
        let place = Place::outside_of(who);
        assert_eq!(anybody.admit(&place).is_ok(), by_default, "{who}");
        assert_eq!(some.admit(&place).is_ok(), with_a_list, "{who}");
        let left = some.deadline_of(&place).left();
        assert_eq!(left == LOGIN_TIMEOUT, with_a_list, "{who}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_tls_come_those_whom_no_network_hears() {
    let house = House::<Silence>::with(ProtocolName::Postgres, &["db.example.org"], |route| {
        route.plain_apps = PlainApps::Refused;
    });
    for (who, without_tls) in [
        (peer("127.0.0.1"), false),
        (local("127.0.0.1", 1000), false),
        (peer("10.1.2.3"), false),
        (Peer::Unix(1000), true),
        (Peer::InProcess, true),
    ] {
        let place = Place::outside_of(who);
        let admitted = house.lobby.admit_without_tls(&place, false);
        assert_eq!(admitted.is_ok(), without_tls, "{who}");
        assert!(house.lobby.admit_without_tls(&place, true).is_ok());
    }
}
