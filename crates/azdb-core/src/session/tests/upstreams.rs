//! Several upstreams, and upstreams that are away for a moment.

use std::sync::Mutex;

use azdb_config::route::Endpoint;
use tokio::sync::mpsc;

use super::*;
use crate::rig::{LOGIN_TIMEOUT, in_every_protocol};

/// What becomes of a connection that is made to an upstream.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// It is taken, and nothing is ever said.
    Silent,
    /// It is taken, and ends.
    HungUp,
    /// A test speaks for the database.
    Spoken,
}

/// A route to a first upstream with this fate, and to one that a test speaks for.
struct Pair<P: Spoken> {
    route: Served<P>,
    dialled: Arc<Mutex<Vec<String>>>,
}

const FIRST: &str = "first.example.org";

impl<P: Spoken> Pair<P> {
    fn new(fates: impl Fn(usize, &Endpoint) -> Fate + Send + 'static) -> Self {
        Self::of(fates, |route| {
            let (host, port) = (FIRST.to_owned(), 1);
            route.upstream.insert(0, Endpoint { host, port });
        })
    }

    /// `fates` decides by the number of the connection and where it goes.
    fn of(
        fates: impl Fn(usize, &Endpoint) -> Fate + Send + 'static,
        change: impl FnOnce(&mut Route),
    ) -> Self {
        let mut route = Served::<P>::of(change);
        let dialled = Arc::new(Mutex::new(Vec::new()));
        let (spoken, databases) = mpsc::unbounded_channel();
        let mut made = std::mem::replace(&mut route.databases, databases);
        let seen = Arc::clone(&dialled);
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Some((far, endpoint)) = made.recv().await {
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(endpoint.host.clone());
                    seen.len() - 1
                };
                match fates(number, &endpoint) {
                    Fate::Silent => silent.push(far),
                    Fate::HungUp => drop(far),
                    Fate::Spoken => drop(spoken.send((far, endpoint))),
                }
            }
        });
        Self { route, dialled }
    }

    fn dialled(&self) -> Vec<String> {
        self.dialled.lock().unwrap().drain(..).collect()
    }
}

in_every_protocol!(
    a_silent_upstream_leaves_time_for_the_next,
    an_upstream_that_hangs_up_is_passed_over,
    who_answered_after_another_had_not_is_tried_first_for_a_while,
    when_nobody_answers_the_app_hears_of_everybody,
    a_login_is_held_until_the_upstream_is_back,
    a_login_that_is_held_ends_with_its_cause_and_how_long_it_was,
    a_login_is_not_held_where_the_route_says_no,
    held_logins_do_not_storm_the_upstream,
    a_drain_ends_the_hold_at_once,
    an_app_that_leaves_ends_the_hold_at_once,
);

fn is_first(endpoint: &Endpoint) -> bool {
    endpoint.host == FIRST
}

async fn a_silent_upstream_leaves_time_for_the_next<P: Spoken>() {
    let mut pair = Pair::<P>::new(|_, to| match is_first(to) {
        true => Fate::Silent,
        false => Fate::Spoken,
    });
    let started = tokio::time::Instant::now();
    let (mut app, mut database) = pair.route.session().await;
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    // MySQL keeps a part of the time for words.
    let half = LOGIN_TIMEOUT.mul_f32(0.44)..=LOGIN_TIMEOUT / 2;
    assert!(half.contains(&started.elapsed()), "by the test's clock");
}

async fn an_upstream_that_hangs_up_is_passed_over<P: Spoken>() {
    let mut pair = Pair::<P>::new(|_, to| match is_first(to) {
        true => Fate::HungUp,
        false => Fate::Spoken,
    });
    let started = tokio::time::Instant::now();
    let (mut app, mut database) = pair.route.session().await;
    P::ask(&mut app, &mut database).await;
    assert!(started.elapsed().is_zero(), "at once");
}

async fn who_answered_after_another_had_not_is_tried_first_for_a_while<P: Spoken>() {
    let mut pair = Pair::<P>::new(|number, to| match is_first(to) && number < 10 {
        true => Fate::HungUp,
        false => Fate::Spoken,
    });
    let second = P::HOSTS.first().copied().unwrap();
    let _first = pair.route.session().await;
    assert_eq!(pair.dialled(), [FIRST, second]);
    for _ in 0..3 {
        let _next = pair.route.session().await;
        assert_eq!(pair.dialled(), [second]);
    }
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let _asks = pair.route.session().await;
    assert_eq!(pair.dialled(), [FIRST, second], "one asks for the first");
    let _next = pair.route.session().await;
    assert_eq!(pair.dialled(), [second]);
}

async fn when_nobody_answers_the_app_hears_of_everybody<P: Spoken>() {
    let pair = Pair::<P>::new(|_, to| match is_first(to) {
        true => Fate::Silent,
        false => Fate::HungUp,
    });
    let text = P::refused(&mut pair.route.app()).await;
    for piece in [
        "azdb-proxy: lost `",
        "` at 127.0.0.1 while ",
        "; before it `first.example.org:1` at 127.0.0.1 took the connection and has not answered in 4",
    ] {
        assert!(text.contains(piece), "{piece} is not in: {text}");
    }
}

fn held(route: &mut Route) {
    route.hold_logins = true;
}

async fn a_login_is_held_until_the_upstream_is_back<P: Spoken>() {
    let mut pair = Pair::<P>::of(
        |number, _| match number < 5 {
            true => Fate::HungUp,
            false => Fate::Spoken,
        },
        held,
    );
    let (mut app, mut database) = pair.route.session().await;
    P::ask(&mut app, &mut database).await;
    P::answer(&mut app, &mut database).await;
    assert_eq!(pair.dialled().len(), 6);
}

async fn a_login_that_is_held_ends_with_its_cause_and_how_long_it_was<P: Spoken>() {
    let pair = Pair::<P>::of(|_, _| Fate::HungUp, held);
    let text = P::refused(&mut pair.route.app()).await;
    assert!(text.starts_with("azdb-proxy: lost `"), "{text}");
    let is_rounded =
        ["9s", "8100ms"].map(|held| text.contains(&format!("; held for {held} and tried ")));
    assert!(is_rounded.contains(&true), "{text}");
    let tries = pair.dialled().len();
    assert!((8..20).contains(&tries), "{tries} in nine seconds");
}

async fn a_login_is_not_held_where_the_route_says_no<P: Spoken>() {
    let pair = Pair::<P>::of(|_, _| Fate::HungUp, |route| route.hold_logins = false);
    let text = P::refused(&mut pair.route.app()).await;
    assert!(!text.contains("held"), "{text}");
    assert_eq!(pair.dialled().len(), 1);
}

async fn held_logins_do_not_storm_the_upstream<P: Spoken>() {
    const APPS: usize = 8;
    let pair = Pair::<P>::of(|_, _| Fate::HungUp, held);
    let apps = (0..APPS).map(|_| {
        let mut app = pair.route.app();
        tokio::spawn(async move { P::refused(&mut app).await })
    });
    let mut texts = Vec::new();
    for app in apps.collect::<Vec<_>>() {
        texts.push(app.await.unwrap());
    }
    assert!(
        texts.iter().any(|text| text.contains("held for ")),
        "{texts:?}"
    );
    let tries = pair.dialled().len();
    assert!(
        tries < APPS + 20,
        "{tries}: each once, and then one at a time"
    );
}

async fn a_drain_ends_the_hold_at_once<P: Spoken>() {
    let pair = Pair::<P>::of(|_, _| Fate::HungUp, held);
    let mut app = pair.route.app();
    let refused = tokio::spawn(async move { P::refused(&mut app).await });
    while pair.dialled.lock().unwrap().len() < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let started = tokio::time::Instant::now();
    pair.route.lobby.closing.cancel();
    let text = refused.await.unwrap();
    assert!(text.contains("the proxy is shutting down"), "{text}");
    assert!(started.elapsed() < LOGIN_TIMEOUT / 2);
}

async fn an_app_that_leaves_ends_the_hold_at_once<P: Spoken>() {
    let pair = Pair::<P>::of(|_, _| Fate::HungUp, held);
    let mut app = pair.route.app();
    let refused = tokio::spawn(async move {
        let _ = tokio::time::timeout(LOGIN_TIMEOUT / 9, P::refused(&mut app)).await;
    });
    refused.await.unwrap();
    let started = tokio::time::Instant::now();
    pair.route.empty().await;
    assert!(
        started.elapsed() < LOGIN_TIMEOUT / 3,
        "{:?}",
        started.elapsed()
    );
}
