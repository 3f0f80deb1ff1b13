//! How the end comes.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::rig::{Databases, in_every_protocol};

/// A server under way, with a database behind it.
struct Running<P: Spoken> {
    house: House<P>,
    databases: Databases,
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    closing: CancellationToken,
    drained: JoinHandle<Drained>,
    workers: Workers,
}

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// Nobody else listens there when this door is shut, as they may where ports alone are different.
fn address_of_its_own() -> ListenAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    ListenAddr::Tcp(([127, 0, 83, NEXT.fetch_add(1, Ordering::Relaxed)], 0).into())
}

impl<P: Spoken> Running<P> {
    async fn with(patience: Duration) -> Self {
        Self::draining(Drain {
            delay: Duration::ZERO,
            patience,
            idle: DrainIdle::Wait,
        })
        .await
    }

    async fn draining(drain: Drain) -> Self {
        let house = House::<P>::spoken(|_| {});
        let (upstream, databases) = sockets::upstream().await;
        let mut route = sockets::route_of(&house);
        route.listen = vec![address_of_its_own()];
        route.upstream = vec![sockets::endpoint(upstream)];
        let workers = Workers::up_to(const { NonZeroUsize::new(2).unwrap() });
        let server = bind_with(vec![route], &house.authority, workers.clone());
        let server = server.unwrap().open().await.unwrap();
        let addr = addresses(&server).first().copied().unwrap();
        let (stop, stopped) = oneshot::channel();
        let closing = server.premises.ending.closing.clone();
        let drained = tokio::spawn(server.run(async move {
            drop(stopped.await);
            drain
        }));
        Self {
            house,
            databases,
            addr,
            stop,
            closing,
            drained,
            workers,
        }
    }

    /// An app that has been let in, and its upstream.
    async fn session(&mut self) -> (DuplexStream, P::Database) {
        let mut app = app(self.addr).await;
        let database = P::log_in(&mut app, &mut self.databases, &self.house.server).await;
        (app, database)
    }
}

in_every_protocol!(
    #[tokio::test]
    without_sessions_the_end_comes_at_once_and_the_door_is_shut,
    a_session_that_ends_in_time_is_not_cut,
    a_session_that_outstays_the_patience_is_cut_with_a_farewell,
    an_app_that_is_not_in_yet_is_no_session_to_cut,
    an_idle_session_ends_at_once_where_it_shall,
    sessions_of_all_workers_are_served_and_hear_a_farewell,
);

async fn without_sessions_the_end_comes_at_once_and_the_door_is_shut<P: Spoken>() {
    let running = Running::<P>::with(FOR_EVER).await;
    running.stop.send(()).unwrap();
    assert_eq!(running.drained.await.unwrap(), Drained { cut: 0 });
    let refused = TcpStream::connect(running.addr).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

async fn a_session_that_ends_in_time_is_not_cut<P: Spoken>() {
    let mut running = Running::<P>::with(FOR_EVER).await;
    let (mut app, mut database) = running.session().await;
    running.stop.send(()).unwrap();
    running.closing.cancelled().await;
    // Whoever comes now hears why, and the session goes on.
    let mut late = self::app(running.addr).await;
    let heard = P::refused(&mut late).await;
    assert!(heard.contains("shutting down"), "{heard}");
    // One that says nothing keeps nobody.
    let _silent = self::app(running.addr).await;
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    let mut drained = pin!(running.drained);
    assert!(!drained.is_finished());
    drop((app, database));
    assert_eq!(drained.as_mut().await.unwrap(), Drained { cut: 0 });
}

async fn a_session_that_outstays_the_patience_is_cut_with_a_farewell<P: Spoken>() {
    let mut running = Running::<P>::with(Duration::ZERO).await;
    let (mut app, mut database) = running.session().await;
    let (idle, _silent) = running.session().await;
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    running.stop.send(()).unwrap();
    let mut heard = Vec::new();
    app.read_to_end(&mut heard).await.unwrap();
    assert!(P::is_farewell(&heard), "{heard:?}");
    drop((app, idle));
    assert_eq!(running.drained.await.unwrap(), Drained { cut: 2 });
}

async fn an_app_that_is_not_in_yet_is_no_session_to_cut<P: Spoken>() {
    let running = Running::<P>::with(Duration::ZERO).await;
    let mut app = app(running.addr).await;
    running.stop.send(()).unwrap();
    let mut heard = Vec::new();
    let _ = app.read_to_end(&mut heard).await;
    assert_eq!(running.drained.await.unwrap(), Drained { cut: 0 });
}

/// And one at work as soon as it is idle.
async fn an_idle_session_ends_at_once_where_it_shall<P: Spoken>() {
    let mut running = Running::<P>::draining(Drain {
        delay: Duration::ZERO,
        patience: FOR_EVER,
        idle: DrainIdle::Now,
    })
    .await;
    let (mut idle, mut database) = running.session().await;
    P::ask(&mut idle, &mut database).await;
    P::answer(&mut idle, &mut database).await;
    let (mut busy, mut its_database) = running.session().await;
    P::ask(&mut busy, &mut its_database).await;
    running.stop.send(()).unwrap();

    let mut heard = Vec::new();
    idle.read_to_end(&mut heard).await.unwrap();
    assert!(P::is_farewell(&heard), "{heard:?}");
    P::answer(&mut busy, &mut its_database).await;
    let mut heard = Vec::new();
    busy.read_to_end(&mut heard).await.unwrap();
    assert!(P::is_farewell(&heard), "{heard:?}");
    drop((idle, busy));
    assert_eq!(running.drained.await.unwrap(), Drained { cut: 0 });
}

async fn sessions_of_all_workers_are_served_and_hear_a_farewell<P: Spoken>() {
    let mut running = Running::<P>::with(Duration::ZERO).await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(running.session().await);
    }
    assert_eq!(running.workers.sessions(), [2, 2]);
    for (app, database) in &mut sessions {
        P::ask(app, database).await;
        P::answer(app, database).await;
    }
    running.stop.send(()).unwrap();
    for (app, _) in &mut sessions {
        let mut heard = Vec::new();
        app.read_to_end(&mut heard).await.unwrap();
        assert!(P::is_farewell(&heard), "{heard:?}");
    }
    drop(sessions);
    assert_eq!(running.drained.await.unwrap(), Drained { cut: 4 });
    running.workers.turn().await;
    assert_eq!(running.workers.sessions(), [0, 0]);
    running.workers.end(FOR_EVER);
}
