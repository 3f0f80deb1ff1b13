//! With a resolver that a test holds back.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;

use tokio::task::JoinSet;

use super::*;

const ADDRESS: [u8; 4] = [192, 0, 2, 7];

/// Names of which `silent` ones have no answer before the sender is dropped, and how often the resolver was asked.
fn scripted() -> (Names, mpsc::Sender<()>, Arc<AtomicUsize>) {
    let (release, held) = mpsc::channel();
    let (held, asked) = (Mutex::new(held), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    let names = Names::by(move |name| {
        count.fetch_add(1, SeqCst);
        match name {
            "none" => Ok(Vec::new()),
            "unknown" => Err(io::Error::other("no such name")),
            "broken" => panic!("as the test wants it"),
            "silent" => {
                let _ = held.lock().unwrap().recv();
                Ok(vec![(ADDRESS, 0).into()])
            }
            _ => Ok(vec![(ADDRESS, 0).into()]),
        }
    });
    (names, release, asked)
}

async fn text(names: &Names, host: &str) -> String {
    let error = names.resolve(host, 1, PATIENCE).await.unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn however_many_ask_one_look_up_is_in_flight() {
    let (names, release, asked) = scripted();
    let mut logins = JoinSet::new();
    let waiting = Arc::new(AtomicUsize::new(0));
    for port in 1..=200 {
        let (names, waiting) = (names.clone(), Arc::clone(&waiting));
        logins.spawn(async move {
            let answer = names.resolve("silent", port, PATIENCE);
            waiting.fetch_add(1, SeqCst);
            answer.await
        });
    }
    // On one thread a login that has been counted has also asked, before anybody else runs.
    while waiting.load(SeqCst) < 200 {
        tokio::task::yield_now().await;
    }
    drop(release);
    let mut ports: Vec<u16> = logins
        .join_all()
        .await
        .into_iter()
        .map(|answer| answer.unwrap().first().unwrap().port())
        .collect();
    ports.sort_unstable();
    assert!(ports.into_iter().eq(1..=200), "each with its own port");
    assert_eq!(asked.load(SeqCst), 1);
    names.resolve("silent", 1, PATIENCE).await.unwrap();
    assert_eq!(asked.load(SeqCst), 2, "an answer is not kept");
}

#[tokio::test]
async fn a_silent_name_holds_back_nobody_who_asks_for_another_one() {
    let (names, _release, _) = scripted();
    let waiting = names.clone();
    let waiting = tokio::spawn(async move { waiting.resolve("silent", 1, PATIENCE).await });
    let answer = names.resolve("good", 5432, PATIENCE).await.unwrap();
    assert_eq!(answer, [(ADDRESS, 5432).into()]);
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_they_like() {
    let (names, _release, asked) = scripted();
    for (patience, most) in [(2, 2), (60, 5)] {
        let patience = Duration::from_secs(patience);
        let error = names.resolve("silent", 1, patience).await.unwrap_err();
        assert_eq!(error.to_string(), format!("no answer within {most}s"));
    }
    while asked.load(SeqCst) == 0 {
        std::thread::yield_now();
    }
    assert_eq!(asked.load(SeqCst), 1, "those who left are not asked for");
}

#[tokio::test]
async fn silent_names_take_a_thread_each_up_to_a_bound() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let names = Names::by(move |_| {
        let _ = held.lock().unwrap().recv();
        Ok(Vec::new())
    });
    for number in 0..MOST {
        names.look_up(&number.to_string()).unwrap();
        names.look_up(&number.to_string()).unwrap();
    }
    assert!(matches!(names.look_up("one more"), Err(NameError::TooMany)));
    assert!(names.resolve("127.0.0.1", 1, PATIENCE).await.is_ok());
    drop(release);
    while names.look_up("one more").is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_the_resolver_says_is_what_is_told() {
    let (names, ..) = scripted();
    assert_eq!(text(&names, "unknown").await, "no such name");
    assert_eq!(text(&names, "none").await, "the name has no address");
    for _ in 0..2 {
        let told = text(&names, "broken").await;
        assert_eq!(told, "the resolver has broken down");
    }
}

#[tokio::test]
async fn an_address_is_its_own() {
    let (names, _, asked) = scripted();
    for host in ["192.0.2.1", "::1", "2001:db8::1"] {
        let answer = names.resolve(host, 7, PATIENCE).await.unwrap();
        assert_eq!(answer, [(host.parse::<IpAddr>().unwrap(), 7).into()]);
    }
    assert_eq!(asked.load(SeqCst), 0);
}

#[tokio::test]
async fn the_system_knows_this_machine() {
    let names = Names::of_the_system();
    let answer = names.resolve("localhost", 7, PATIENCE).await.unwrap();
    assert!(answer.iter().all(|addr| addr.ip().is_loopback()));
}
