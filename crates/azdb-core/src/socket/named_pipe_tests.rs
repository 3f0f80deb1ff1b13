//! Named pipes, as far as one process shows them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::sync::atomic::{AtomicUsize, Ordering};

use azdb_config::route::PipeUser;
use azdb_config::route::ProtocolName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient};

use super::*;

/// "All pipe instances are busy."
const BUSY: i32 = 231;

fn ours_alone() -> DoorRights {
    DoorRights {
        mode: 0o600,
        group: None,
        pipe_users: Vec::new(),
    }
}

/// A pipe that no other test has.
fn name() -> PipeName {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    PipeName::parse(&format!("azdb-test/{process}/{next}")).unwrap()
}

fn connect(name: &PipeName) -> io::Result<NamedPipeClient> {
    ClientOptions::new().open(name.to_string())
}

async fn joined() -> (NamedPipe, NamedPipeClient, NamedPipes) {
    let name = name();
    let pipes = NamedPipes::open(&name, &ours_alone()).unwrap();
    let app = connect(&name).unwrap();
    let (pipe, _) = pipes.accept().await.unwrap();
    (pipe, app, pipes)
}

#[tokio::test]
async fn a_pipe_that_another_program_serves_is_not_joined() {
    let name = name();
    let pipes = NamedPipes::open(&name, &ours_alone()).unwrap();
    match NamedPipes::open(&name, &ours_alone()) {
        Err(second) => assert_eq!(second.kind(), io::ErrorKind::AddrInUse, "{second}"),
        // It does not know the flag.
        Ok(_) => assert!(
            std::env::var_os("WINECONFIGDIR").is_some(),
            "Windows joins them"
        ),
    }
    drop(pipes);
}

#[tokio::test]
async fn whoever_comes_is_known_by_its_user() {
    let name = name();
    let pipes = NamedPipes::open(&name, &ours_alone()).unwrap();
    let _app = connect(&name).unwrap();
    let (_pipe, peer) = pipes.accept().await.unwrap();
    let Peer::Pipe {
        process,
        account: Some(account),
    } = peer
    else {
        panic!("{peer}");
    };
    assert_eq!(process, std::process::id());
    assert_eq!(peer.to_string(), format!("pipe user {account}"));
    assert_eq!(peer.caller().unwrap(), format!("account {account}"));
    assert!(peer.is_here());
}

#[tokio::test]
async fn many_can_come_at_once_and_each_leaves_room_for_the_next() {
    let name = name();
    let pipes = NamedPipes::open(&name, &ours_alone()).unwrap();
    let apps: Vec<_> = (0..WAITING).map(|_| connect(&name).unwrap()).collect();
    let full = connect(&name).unwrap_err();
    assert_eq!(full.raw_os_error(), Some(BUSY), "{full}");
    let mut taken = Vec::new();
    for _ in &apps {
        taken.push(pipes.accept().await.unwrap());
    }
    let more: Vec<_> = (0..WAITING).map(|_| connect(&name).unwrap()).collect();
    assert_eq!((taken.len(), more.len()), (WAITING, WAITING));
}

#[tokio::test]
async fn bytes_go_both_ways_however_many() {
    let (mut pipe, mut app, _pipes) = joined().await;
    let bytes: Vec<u8> = (0..3_000_000_u32)
        .map(|index| (index % 251) as u8)
        .collect();
    let sent = bytes.clone();
    let echoing = tokio::spawn(async move {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let count = pipe.read(&mut chunk).await.unwrap();
            if count == 0 {
                return;
            }
            pipe.write_all(&chunk[..count]).await.unwrap();
        }
    });
    let (mut reading, mut writing) = tokio::io::split(&mut app);
    let mut heard = vec![0; sent.len()];
    let (said, read) = tokio::join!(writing.write_all(&sent), reading.read_exact(&mut heard));
    said.unwrap();
    read.unwrap();
    assert_eq!(heard, bytes);
    drop(app);
    echoing.await.unwrap();
}

#[tokio::test]
async fn the_last_bytes_are_there_for_an_app_that_reads_after_the_end() {
    let (mut pipe, mut app, pipes) = joined().await;
    let last = vec![7; 40_000];
    pipe.write_all(&last).await.unwrap();
    pipe.shutdown().await.unwrap();
    drop((pipe, pipes));
    let mut heard = Vec::new();
    let end = app.read_to_end(&mut heard).await;
    assert_eq!(heard.len(), last.len(), "{end:?}");
}

#[tokio::test]
async fn an_end_waits_until_the_pipe_has_taken_what_was_written() {
    let (mut pipe, mut app, _pipes) = joined().await;
    // More than it holds for an app that reads nothing.
    let last = vec![7; 60_000];
    for _ in 0..5 {
        let written = std::future::poll_fn(|cx| {
            let mut pipe = std::pin::pin!(&mut pipe);
            std::task::Poll::Ready(tokio::io::AsyncWrite::poll_write(pipe.as_mut(), cx, &last))
        });
        let _ = written.await;
    }
    let ending = tokio::spawn(async move { pipe.shutdown().await });
    let mut heard = Vec::new();
    let end = app.read_to_end(&mut heard).await;
    ending.await.unwrap().unwrap();
    assert!(
        !heard.is_empty() && heard.len() % last.len() == 0,
        "{} {end:?}",
        heard.len()
    );
}

#[tokio::test]
async fn behind_our_own_end_nothing_is_read_and_nothing_written() {
    let (mut pipe, mut app, _pipes) = joined().await;
    app.write_all(b"too late").await.unwrap();
    pipe.shutdown().await.unwrap();
    assert_eq!(pipe.read(&mut [0; 8]).await.unwrap(), 0);
    let refused = pipe.write(b"more").await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::BrokenPipe);
    assert_eq!(app.read(&mut [0; 8]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn an_app_that_leaves_is_an_end() {
    let (mut pipe, mut app, _pipes) = joined().await;
    app.write_all(b"goodbye").await.unwrap();
    drop(app);
    let mut heard = Vec::new();
    pipe.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"goodbye");
}

#[tokio::test]
async fn an_app_that_leaves_before_it_is_taken_in_keeps_nobody_out() {
    let name = name();
    let pipes = NamedPipes::open(&name, &ours_alone()).unwrap();
    drop(connect(&name).unwrap());
    let mut app = connect(&name).unwrap();
    app.write_all(b"here").await.unwrap();
    loop {
        let (mut pipe, _) = pipes.accept().await.unwrap();
        let mut heard = [0; 4];
        if pipe.read_exact(&mut heard).await.is_ok() {
            assert_eq!(&heard, b"here");
            return;
        }
    }
}

#[tokio::test]
async fn a_packet_of_tds_is_a_message() {
    let (pipe, mut app, _pipes) = joined().await;
    let mut socket = crate::socket::AppSocket::NamedPipe(pipe);
    socket.speaks(ProtocolName::Tds);
    let packet = |data: &[u8]| [&[4, 1, 0, 8 + data.len() as u8, 0, 0, 1, 0], data].concat();
    let both = [packet(b"one"), packet(b"another")].concat();
    let (half, rest) = both.split_at(5);
    socket.write_all(half).await.unwrap();
    socket.flush().await.unwrap();
    assert!(
        app.try_read(&mut [0; 9]).is_err(),
        "half a packet is held back"
    );
    socket.write_all(rest).await.unwrap();
    socket.flush().await.unwrap();
    let mut heard = vec![0; both.len()];
    app.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, both);
}

#[tokio::test]
async fn whom_it_lets_in_is_changed_while_it_is_open() {
    let name = name();
    let pipes = NamedPipes::open(&name, &ours_alone()).unwrap();
    let everyone = PipeUser {
        name: "Everyone".to_owned(),
        sid: "S-1-1-0".to_owned(),
    };
    let rights = DoorRights {
        pipe_users: vec![everyone],
        ..ours_alone()
    };
    pipes.rightful().set_rights(&rights).unwrap();
    let _app = connect(&name).unwrap();
    pipes.accept().await.unwrap();
}
