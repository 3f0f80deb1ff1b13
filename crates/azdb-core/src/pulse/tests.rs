//! On sockets of this machine and the real clock: what is tested is the kernel. Far ends that vanish are in `tests/it/silence`.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::os::fd::AsFd as _;

use socket2::Socket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::kernel::{Sent, look};
use super::*;

/// The shortest that may be configured.
const LIMIT: Duration = Duration::from_secs(2);

async fn pair(addr: &str) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(addr).await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap());
    let (near, far) = tokio::join!(near, listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// Sends until the kernel takes no more.
fn fill(stream: &TcpStream) -> usize {
    let mut sent = 0;
    while let Ok(count) = stream.try_write(&[7; 64 * 1024]) {
        sent += count;
    }
    sent
}

async fn until(stream: &TcpStream, wanted: Sent) {
    while look(stream).unwrap() != wanted {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn the_kernel_tells_what_arrived_from_what_is_not_taken() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(_) = TcpListener::bind(addr).await else {
            // This machine has no IPv6.
            continue;
        };
        let (near, mut far) = pair(addr).await;
        near.writable().await.unwrap();
        assert_eq!(look(&near).unwrap(), Sent::Arrived);
        let mut sent = fill(&near);
        until(&near, Sent::NotTaken).await;
        let mut bytes = vec![0; 64 * 1024];
        while sent > 0 {
            sent -= far.read(&mut bytes).await.unwrap();
        }
        until(&near, Sent::Arrived).await;
    }
}

/// A far end that is there and takes nothing gets more time, again and again, and every byte in the end.
#[tokio::test]
async fn a_far_end_that_answers_is_never_gone_however_long_it_takes_nothing() {
    let (near, mut far) = pair("127.0.0.1:0").await;
    let socket = Socket::from(near.as_fd().try_clone_to_owned().unwrap());
    let mut pulse = Pulse::of(near);
    pulse.must_answer_within(LIMIT);
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(LIMIT));

    let all = vec![7; 8 * 1024 * 1024];
    let writing = pulse.write_all(&all);
    let patient = async {
        // Without a Pulse the kernel would have broken it off after the first limit.
        while socket.tcp_user_timeout().unwrap() < Some(3 * LIMIT) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut heard = vec![0; all.len()];
        far.read_exact(&mut heard).await.unwrap();
        heard
    };
    let (written, heard) = tokio::join!(writing, patient);
    written.unwrap();
    assert!(heard == all);

    // At the next look the kernel's clock is what it was.
    while socket.tcp_user_timeout().unwrap() != Some(LIMIT) {
        pulse.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    while pulse.vigil.as_ref().unwrap().is_awake() {
        pulse.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_idle_far_end_is_asked_within_the_limit() {
    let (near, _far) = pair("127.0.0.1:0").await;
    let socket = Socket::from(near.as_fd().try_clone_to_owned().unwrap());
    let mut pulse = Pulse::of(near);
    for (limit, rest, interval) in [(30, 15, 5), (2, 1, 1), (3600, 60, 1180), (8, 4, 1)] {
        pulse.must_answer_within(Duration::from_secs(limit));
        assert!(socket.keepalive().unwrap());
        let seconds = |time: io::Result<Duration>| time.unwrap().as_secs();
        assert_eq!(seconds(socket.tcp_keepalive_time()), rest, "{limit}");
        assert_eq!(
            seconds(socket.tcp_keepalive_interval()),
            interval,
            "{limit}"
        );
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), PROBES);
    }
}

#[tokio::test]
async fn a_flush_says_that_a_connection_has_broken() {
    use std::future::poll_fn;

    let (near, far) = pair("127.0.0.1:0").await;
    let mut near = Pulse::of(near);
    near.flush().await.unwrap();
    // Unread bytes make no difference: a reader would come to the reset behind them.
    far.try_write(b"unread").unwrap();
    SockRef::from(&far)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(far);
    let broken = loop {
        let flushed = poll_fn(|cx| Poll::Ready(Pin::new(&mut near).poll_flush(cx))).await;
        match flushed {
            Poll::Ready(Err(error)) => break error,
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    assert_eq!(broken.kind(), io::ErrorKind::ConnectionReset);
}

/// Also one whose clock runs: bytes of it are on their way.
#[test]
fn one_that_has_settled_needs_nothing_of_the_runtime_of_before() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let (before, now) = (runtime(), runtime());
    let (mut pulse, far) = before.block_on(async {
        let (near, far) = pair("127.0.0.1:0").await;
        let mut pulse = Pulse::of(near);
        pulse.must_answer_within(LIMIT);
        pulse.write_all(b"before").await.unwrap();
        assert!(pulse.vigil.as_ref().unwrap().is_awake());
        (pulse, far.into_std().unwrap())
    });
    let mut far = now.block_on(async {
        pulse.settle().unwrap();
        TcpStream::from_std(far).unwrap()
    });
    drop(before);
    now.block_on(async {
        let mut heard = [0; 6];
        far.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"before");
        far.write_all(b"after").await.unwrap();
        let mut heard = [0; 5];
        pulse.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"after");
        while pulse.vigil.as_ref().unwrap().is_awake() {
            pulse.flush().await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

#[tokio::test]
async fn one_from_which_something_has_come_does_not_settle() {
    for word in [&b"x"[..], b""] {
        let (near, mut far) = pair("127.0.0.1:0").await;
        let mut pulse = Pulse::of(near);
        pulse.settle().unwrap();
        match word {
            b"" => far.shutdown().await.unwrap(),
            word => far.write_all(word).await.unwrap(),
        }
        pulse.stream.readable().await.unwrap();
        let error = pulse.settle().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    }
}
