//! Socket files of this machine.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use azdb_config::route::{DoorRights, ListenAddr};
use socket2::{Domain, Socket, Type};

use super::unix::node;
use super::*;

const OURS_ALONE: &DoorRights = &DoorRights {
    mode: 0o600,
    group: None,
    pipe_users: Vec::new(),
};

#[tokio::test]
async fn a_socket_file_has_its_mode_replaces_a_stale_one_and_goes_when_the_door_closes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(".s.PGSQL.5432");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());

    let door = Door::open(&ListenAddr::Unix(path.clone()), OURS_ALONE)
        .await
        .unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );

    let second = Door::open(&ListenAddr::Unix(path.clone()), OURS_ALONE)
        .await
        .unwrap_err();
    assert_eq!(second.kind(), io::ErrorKind::AddrInUse);

    drop(door);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_whose_queue_is_full_is_somebodys() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("busy");
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket
        .bind(&socket2::SockAddr::unix(&path).unwrap())
        .unwrap();
    socket.listen(0).unwrap();
    let mut queue = Vec::new();
    let full = loop {
        let app = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        app.set_nonblocking(true).unwrap();
        match app.connect(&socket2::SockAddr::unix(&path).unwrap()) {
            Ok(()) => queue.push(app),
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    let before = node(&path).unwrap();
    let refused = Door::open(&ListenAddr::Unix(path.clone()), OURS_ALONE).await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    assert_eq!(node(&path).unwrap(), before, "it is still the same file");
}

#[tokio::test]
async fn a_socket_file_that_has_become_another_ones_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("moved");
    let door = Door::open(&ListenAddr::Unix(path.clone()), OURS_ALONE)
        .await
        .unwrap();
    std::fs::rename(&path, dir.path().join("elsewhere")).unwrap();
    let other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    drop(door);
    assert!(path.exists());
    drop(other);
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_never_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("precious");
    std::fs::write(&path, "data").unwrap();
    assert!(
        Door::open(&ListenAddr::Unix(path.clone()), OURS_ALONE)
            .await
            .is_err()
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
}

#[tokio::test]
async fn a_directory_is_made_where_its_parent_is_ours() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made/.s.PGSQL.5432");
    let door = Door::open(&ListenAddr::Unix(path.clone()), OURS_ALONE).await;
    assert!(door.is_ok() && path.exists());

    let path = dir.path().join("nobody/knows/.s.PGSQL.5432");
    let refused = Door::open(&ListenAddr::Unix(path), OURS_ALONE).await;
    let why = refused.unwrap_err().to_string();
    assert!(
        why.contains("nobody/knows is not there, and is not ours to make")
            && why.contains("RuntimeDirectory=knows"),
        "{why}"
    );
}

#[tokio::test]
async fn a_socket_file_is_given_to_its_group() {
    let dir = tempfile::tempdir().unwrap();
    let ours = rustix::process::getegid().as_raw();
    let is_root = rustix::process::geteuid().is_root();
    for (name, group, is_given) in [("ours", ours, true), ("theirs", ours + 1, is_root)] {
        let path = dir.path().join(name);
        let rights = DoorRights {
            pipe_users: Vec::new(),
            mode: 0o660,
            group: Some(group),
        };
        match Door::open(&ListenAddr::Unix(path.clone()), &rights).await {
            Ok(_door) => {
                let found = std::fs::metadata(&path).unwrap();
                assert_eq!((found.gid(), found.mode() & 0o777), (group, 0o660));
                assert!(is_given);
            }
            Err(error) => {
                assert!(
                    !is_given && error.to_string().contains("unix_group"),
                    "{error}"
                );
                assert!(!path.exists(), "nobody is let in by another group");
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_kernel_tells_whose_connection_over_tcp_it_is() {
    let us = rustix::process::geteuid().as_raw();
    for (listen, from) in [
        ("127.0.0.1:0", Domain::IPV4),
        ("[::1]:0", Domain::IPV6),
        // As Java and Go connect: a socket of IPv6, an address of IPv4.
        ("127.0.0.1:0", Domain::IPV6),
    ] {
        let listen = ListenAddr::Tcp(listen.parse().unwrap());
        let Ok(door) = Door::open(&listen, OURS_ALONE).await else {
            // This machine has no IPv6.
            continue;
        };
        let mut addr = door.local_addr().unwrap();
        if let (Domain::IPV6, SocketAddr::V4(v4)) = (from, addr) {
            addr = (v4.ip().to_ipv6_mapped(), v4.port()).into();
        }
        let connect = || {
            let app = Socket::new(from, Type::STREAM, None).unwrap();
            app.connect(&addr.into()).unwrap();
            app
        };
        let app = connect();
        let (socket, peer) = door.accept().await.unwrap();
        assert!(matches!(peer, Peer::Local(_, uid) if uid == us), "{peer}");
        let unknown = Peer::Tcp(peer.addr().unwrap());
        assert_eq!(unknown.examined(socket.destinations()), peer);
        drop((app, socket));

        drop(connect());
        let (_, gone) = door.accept().await.unwrap();
        assert!(
            matches!(gone, Peer::Tcp(_)),
            "{gone}: it is nobody's any more"
        );
    }
}
