//! Cancel requests.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::anteroom::Anteroom;
use crate::socket::Peer;

/// What the server has drawn.
const OWN: &[u8] = b"pid.own.";

#[tokio::test(start_paused = true)]
async fn a_cancel_request_finds_the_sessions_own_server() {
    let House {
        lobby,
        mut databases,
        server,
        token_file: _file,
        ..
    } = House::new();
    let (lobby, acceptor) = (Arc::new(lobby), TlsAcceptor::from(server));
    let upstream = Endpoint {
        host: HOST.into(),
        port: 5432,
    };
    let dialled = |port| crate::way::Dialled {
        upstream: upstream.clone(),
        addr: ([127, 0, 0, 1], port).into(),
    };
    let _session = Cancels::register(KEY.to_vec(), OWN.to_vec(), dialled(7777), &lobby);

    let request = |key: &[u8]| [&16u32.to_be_bytes(), &80_877_102u32.to_be_bytes(), key].concat();
    let cancel = |key: &[u8]| {
        let (mut app, socket) = duplex(1024);
        let (lobby, request) = (Arc::clone(&lobby), request(key));
        tokio::spawn(async move {
            app.write_all(&request).await.unwrap();
            Postgres::login(socket, &Place::outside(), &lobby, &lobby.deadline())
                .await
                .map(|login| matches!(login, Login::Errand(_)))
        })
    };
    let known = cancel(KEY);
    let (mut stream, _) = databases.recv().await.unwrap();
    expect_ssl_request(&mut stream).await;
    stream.write_all(b"S").await.unwrap();
    let mut stream = acceptor.accept(stream).await.unwrap();
    let mut heard = [0; 16];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard[..], request(OWN)[..], "by its server's own key");
    assert!(!known.is_finished(), "the app waits for the server's end");
    drop(stream);
    assert!(known.await.unwrap().unwrap());

    assert!(cancel(b"unknown!").await.unwrap().unwrap());
    assert!(databases.try_recv().is_err(), "an unknown key goes nowhere");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_request_under_way_takes_nobodys_place_in_the_anteroom() {
    let House {
        lobby,
        mut databases,
        ..
    } = House::new();
    let dialled = crate::way::Dialled {
        upstream: Endpoint {
            host: HOST.into(),
            port: 5432,
        },
        addr: ([127, 0, 0, 1], 5432).into(),
    };
    let _session = Cancels::register(KEY.to_vec(), KEY.to_vec(), dialled, &lobby);
    let room = Anteroom::new("orders", 1);
    let place = room.take_in(Peer::InProcess, room.threshold().await);
    let (mut app, socket) = duplex(1024);
    let request = [&16u32.to_be_bytes(), &80_877_102u32.to_be_bytes(), &KEY[..]].concat();
    app.write_all(&request).await.unwrap();
    let _cancel = tokio::spawn(async move {
        Postgres::login(socket, &place, &lobby, &lobby.deadline())
            .await
            .map(drop)
    });
    let _silent = databases.recv().await.unwrap();
    let began = Instant::now();
    let _threshold = room.threshold().await;
    assert_eq!(began.elapsed(), Duration::ZERO, "the place is free at once");
}
