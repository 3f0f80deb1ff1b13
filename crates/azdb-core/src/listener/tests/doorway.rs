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
        let arrival = Ok((AppSocket::InProcess(socket), Peer::Tcp(HERE)));
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

/// Whoever may not come hears so in its protocol, and costs nobody anything.
async fn whoever_is_not_admitted_is_told_so_and_nobody_is_dialled<P: Spoken>() {
    let far: SocketAddr = ([203, 0, 113, 9], 1).into();
    let mut street = Street::of::<P>(|route| {
        route.max_connections = 1;
        route.admission.uids = Some(vec![1000]);
    });
    for (stranger, name) in [
        (Peer::Tcp(far), "203.0.113.9"),
        (Peer::Unix(1001), "unix uid 1001"),
    ] {
        let mut apps: Vec<_> = (0..10).map(|_| street.come(stranger)).collect();
        for app in &mut apps {
            let told = P::refused(app).await;
            assert!(
                told.contains(&format!("no app may come from {name}")),
                "{told}"
            );
            assert!(told.contains("allow"), "{told}");
        }
    }
    // One that says nothing is not waited for as long as an app is.
    let began = Instant::now();
    let silent = street.come(Peer::Tcp(far));
    hear_out(silent).await;
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    assert!(
        street.house.databases.try_recv().is_err(),
        "nobody was dialled"
    );
    // The only place is free.
    let mut friend = street.come(Peer::Unix(1000));
    let Neighbours {
        databases, server, ..
    } = &mut street.house;
    P::log_in(&mut friend, databases, server).await;
}

crate::rig::in_every_protocol!(whoever_is_not_admitted_is_told_so_and_nobody_is_dialled);
