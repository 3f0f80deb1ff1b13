//! Workers, whose threads tests hold still.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeSet;
use std::thread::{self, ThreadId};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

use super::*;

/// No worker needs so long to end; whoever waits for it has met a bug.
const HANG: Duration = Duration::from_secs(60);

fn workers(most: usize) -> Workers {
    Workers::up_to(NonZeroUsize::new(most).unwrap())
}

/// A session that lives until it is told to end.
struct Living {
    end: oneshot::Sender<()>,
    at: oneshot::Receiver<ThreadId>,
    over: oneshot::Receiver<()>,
}

fn session(workers: &Workers, tasks: &TaskTracker) -> Living {
    let (end, ends) = oneshot::channel::<()>();
    let (tell, at) = oneshot::channel();
    let (tell_over, over) = oneshot::channel();
    workers.seat().spawn(tasks, |seat| async move {
        let _ = tell.send(thread::current().id());
        let _ = ends.await;
        drop(seat);
        let _ = tell_over.send(());
    });
    Living { end, at, over }
}

#[tokio::test]
async fn a_session_goes_to_the_worker_with_the_fewest() {
    let (workers, tasks) = (workers(3), TaskTracker::new());
    let mut threads = Vec::new();
    let mut living = Vec::new();
    for _ in 0..6 {
        let mut session = session(&workers, &tasks);
        threads.push((&mut session.at).await.unwrap());
        living.push(session);
    }
    assert_eq!(workers.sessions(), [2, 2, 2]);
    let distinct = |ids: &[ThreadId]| {
        ids.iter()
            .map(|id| format!("{id:?}"))
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        distinct(&threads[..3]).len(),
        3,
        "each at a worker of its own"
    );
    // The two of one worker end: the next two are its.
    let leaving = threads[1];
    let at = |index: &usize| threads[*index] == leaving;
    for index in (0..6).filter(at).collect::<Vec<_>>().into_iter().rev() {
        let Living { end, over, .. } = living.remove(index);
        end.send(()).unwrap();
        over.await.unwrap();
    }
    for _ in 0..2 {
        let mut session = session(&workers, &tasks);
        assert_eq!((&mut session.at).await.unwrap(), leaving);
        living.push(session);
    }
    assert_eq!(workers.sessions(), [2, 2, 2]);
    workers.end(HANG);
}

#[tokio::test]
async fn a_worker_begins_when_there_is_no_idle_one() {
    let (workers, tasks) = (workers(8), TaskTracker::new());
    assert_eq!(workers.sessions().len(), 0);
    for _ in 0..3 {
        let Living { end, over, .. } = session(&workers, &tasks);
        end.send(()).unwrap();
        over.await.unwrap();
    }
    assert_eq!(workers.sessions().len(), 1);
    let _two = (session(&workers, &tasks), session(&workers, &tasks));
    assert_eq!(workers.sessions().len(), 2);
    workers.end(HANG);
}

#[tokio::test]
async fn a_session_stays_on_its_thread_with_its_sockets_and_clocks() {
    let (workers, tasks) = (workers(2), TaskTracker::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut app = tokio::net::TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    let socket = socket.into_std().unwrap();
    let (tell, was_on) = oneshot::channel();
    workers.seat().spawn(&tasks, |seat| async move {
        let mut threads = vec![thread::current().id()];
        let mut socket = tokio::net::TcpStream::from_std(socket).unwrap();
        let mut byte = [0];
        while socket.read_exact(&mut byte).await.is_ok() {
            threads.push(thread::current().id());
            tokio::time::sleep(Duration::from_millis(1)).await;
            threads.push(thread::current().id());
            socket.write_all(&byte).await.unwrap();
        }
        tell.send(threads).unwrap();
        drop(seat);
    });
    for byte in 0..20 {
        app.write_u8(byte).await.unwrap();
        assert_eq!(app.read_u8().await.unwrap(), byte);
    }
    drop(app);
    let threads = was_on.await.unwrap();
    assert_eq!(threads.len(), 41);
    assert!(threads.iter().all(|id| *id == threads[0]));
    assert_ne!(threads[0], thread::current().id());
    workers.end(HANG);
}

#[tokio::test]
async fn a_session_that_panics_ends_alone_and_gives_its_seat_back() {
    let (workers, tasks) = (workers(1), TaskTracker::new());
    let mut other = session(&workers, &tasks);
    let thread = (&mut other.at).await.unwrap();
    let (tell, told) = oneshot::channel::<()>();
    workers.seat().spawn(&tasks, |seat| async move {
        let _dropped = (tell, seat);
        std::panic::resume_unwind(Box::new("a bug"));
    });
    assert!(told.await.is_err());
    // A task is dropped in the turn in which it has panicked.
    workers.turn().await;
    assert_eq!(workers.sessions(), [1]);
    let mut next = session(&workers, &tasks);
    assert_eq!((&mut next.at).await.unwrap(), thread);
    other.end.send(()).unwrap();
    other.over.await.unwrap();
    workers.end(HANG);
}

#[tokio::test]
async fn whoever_waits_for_all_sessions_waits_for_those_of_all_workers() {
    let (workers, tasks) = (workers(3), TaskTracker::new());
    let living: Vec<_> = (0..3).map(|_| session(&workers, &tasks)).collect();
    tasks.close();
    let waiting = tasks.wait();
    tokio::pin!(waiting);
    for Living { end, over, .. } in living {
        let is_over = tokio::select! {
            biased;
            () = &mut waiting => true,
            () = std::future::ready(()) => false,
        };
        assert!(!is_over, "one still lives");
        end.send(()).unwrap();
        over.await.unwrap();
    }
    waiting.await;
    assert_eq!(workers.sessions(), [0, 0, 0]);
    workers.end(HANG);
}

#[tokio::test]
async fn at_the_end_idle_workers_end_and_so_do_sessions() {
    let (workers, tasks) = (workers(2), TaskTracker::new());
    let (idle, mut busy) = (session(&workers, &tasks), session(&workers, &tasks));
    idle.end.send(()).unwrap();
    idle.over.await.unwrap();
    (&mut busy.at).await.unwrap();
    let since = std::time::Instant::now();
    workers.end(HANG);
    assert!(since.elapsed() < HANG, "all threads have ended");
    assert!(busy.over.await.is_err(), "it was dropped");
    assert!(workers.seat().0.is_none(), "nobody works any more");
}

#[tokio::test]
async fn whoever_forgets_to_end_them_lets_them_go() {
    let (workers, tasks) = (workers(1), TaskTracker::new());
    let living = session(&workers, &tasks);
    drop(workers);
    assert!(living.over.await.is_err());
}

#[tokio::test]
async fn without_workers_a_session_runs_where_it_is_taken_in() {
    let tasks = TaskTracker::new();
    let mut here = session(&Workers::default(), &tasks);
    assert_eq!((&mut here.at).await.unwrap(), thread::current().id());
    Workers::default().turn().await;
    Workers::default().end(HANG);
}
