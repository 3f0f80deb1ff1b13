//! What the kernel says when it hands out no connection.

use super::*;

/// EMFILE: too many open files.
fn no_more_files() -> io::Error {
    io::Error::from_raw_os_error(24)
}

#[tokio::test(start_paused = true)]
async fn each_pause_is_twice_the_last_up_to_a_second() {
    let street = Street::new(|_| {});
    for _ in 0..11 {
        street.fail(no_more_files());
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let expected = [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000];
    assert_eq!(street.pauses(), expected);
}

#[tokio::test(start_paused = true)]
async fn after_a_connection_the_pauses_begin_anew() {
    let street = Street::new(|_| {});
    for _ in 0..3 {
        street.fail(no_more_files());
    }
    let _app = street.come(Peer::Tcp(HERE));
    street.fail(no_more_files());
    street.fail(no_more_files());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(street.pauses(), [5, 10, 20, 0, 5, 10]);
    assert_eq!(street.accepted(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_gone_before_it_was_taken_pauses_nobody() {
    let street = Street::new(|_| {});
    for kind in [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::Interrupted,
    ] {
        street.fail(kind.into());
    }
    let _app = street.come(Peer::Tcp(HERE));
    street.settle().await;
    assert_eq!(street.pauses(), [0, 0, 0, 0, 0]);
    assert_eq!(street.accepted(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_taken_in_after_the_pause() {
    let street = Street::new(|_| {});
    street.fail(no_more_files());
    let _app = street.come(Peer::Tcp(HERE));
    street.settle().await;
    assert_eq!(street.accepted(), 0, "the loop stands still");
    tokio::time::sleep(BACKOFF.0).await;
    assert_eq!(street.accepted(), 1);
}
