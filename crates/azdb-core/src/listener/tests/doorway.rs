//! Who comes in, and how many at a time.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_panic_gives_its_place_back_and_the_loop_goes_on() {
    let mut street = Street::new(|route| route.max_connections = 1);
    let mut bystander = street.come(Peer::Tcp(HERE));
    let Neighbours {
        databases, server, ..
    } = &mut street.house;
    let mut database = Postgres::log_in(&mut bystander, databases, server).await;
    street.house.fuse.set(true);
    // One more than there are places, those on their way out included.
    for _ in 0..=2 * ARRIVALS {
        let mut app = street.come(Peer::Tcp(HERE));
        app.write_all(&Postgres::knock()).await.unwrap();
        hear_out(app).await;
    }
    Postgres::ask(&mut bystander, &mut database).await;
    Postgres::answer(&mut bystander, &mut database).await;
    assert_eq!(street.accepted(), 2 + 2 * ARRIVALS as u64);
}

#[tokio::test(start_paused = true)]
async fn whoever_has_come_before_the_door_closes_is_taken_in() {
    let (entrance, coming) = mpsc::unbounded_channel();
    let entrance_of = |coming| Scripted {
        coming: tokio::sync::Mutex::new(coming),
        asked: Arc::default(),
    };
    let street = Street::new(|_| {});
    let behind = watch::Sender::new(street.reception.clone());
    let listener = Listener::new(entrance_of(coming), behind.subscribe(), Home::with([]));
    let apps = [(); 3].map(|()| {
        let (app, socket) = duplex(1024);
        let arrival = Ok((AppSocket::Pipe(socket), Peer::Tcp(HERE)));
        assert!(entrance.send(arrival).is_ok(), "the entrance is there");
        app
    });
    let closed = CancellationToken::new();
    closed.cancel();
    listener.serve_until(closed).await;
    street.settle().await;
    assert_eq!(street.accepted(), 3);
    assert!(entrance.is_closed(), "and nobody else");
    drop(apps);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_admitted_is_dropped_without_a_place_or_a_word() {
    let far: SocketAddr = ([203, 0, 113, 9], 1).into();
    let street = Street::new(|route| {
        route.max_connections = 1;
        route.admission.uids = Some(vec![1000]);
    });
    let strangers = [
        Peer::Tcp(far),
        Peer::Unix(1001),
        Peer::Local(HERE, 1001),
        // Nobody knows whose it is.
        Peer::Tcp(HERE),
    ];
    for stranger in strangers {
        for _ in 0..10 {
            let app = street.come(stranger);
            assert_eq!(hear_out(app).await, b"");
        }
    }
    assert_eq!(street.accepted(), 0);
    let friends = [Peer::Local(HERE, 1000), Peer::Unix(1000)];
    let _apps: Vec<_> = friends.map(|peer| street.come(peer)).into();
    street.settle().await;
    assert_eq!(street.accepted(), 2);
}

#[test]
fn loopback_and_the_allowed_networks_are_admitted_and_users_by_their_ids() {
    let peer = |addr: &str| Peer::Tcp(SocketAddr::new(addr.parse().unwrap(), 1));
    let local = |addr: &str, uid| Peer::Local(SocketAddr::new(addr.parse().unwrap(), 1), uid);
    let anybody = Admission::default();
    let some = Admission {
        networks: vec!["10.1.0.0/16".parse().unwrap()],
        uids: Some(vec![1000]),
    };
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
        assert_eq!(admits(&anybody, who), by_default, "{who}");
        assert_eq!(admits(&some, who), with_a_list, "{who}");
    }
}
