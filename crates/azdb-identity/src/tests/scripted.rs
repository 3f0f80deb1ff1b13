//! A source that plays a script, for tests on a paused clock.

#![expect(clippy::panic, reason = "a script may ask for one")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::answer::Grant;
use crate::clock::Clock;
use crate::fault::{Answered, SourceFault};
use crate::http::{EXCHANGE, HttpFault};
use crate::keeper::Keeper;
use crate::schedule::Jitter;
use crate::source::TokenSource;
use crate::token::{Token, wiped};
use crate::{Audience, SourceKind, TokenError};

/// The wall clock at the start of every simulation.
pub(crate) fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// What one fetch comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A new token with this life.
    Token(Duration),
    /// The same token text every time.
    Same(Duration),
    /// An HTTP answer, with `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// No answer, for as long as the transport waits for one.
    Silence,
    /// Nobody listens.
    Refused,
    /// A bug in a source.
    Panic,
    /// Nothing until somebody calls [`Script::release`], then a token with this life.
    Held(Duration),
}

type Play = Box<dyn Fn(u64) -> Step + Send + Sync>;

/// The script and what happened.
pub(crate) struct Script {
    play: Play,
    /// How long each fetch takes.
    takes: Duration,
    clock: Clock,
    calls: AtomicU64,
    running: AtomicU64,
    pub(crate) most_at_once: AtomicU64,
    pub(crate) times: Mutex<Vec<Instant>>,
    released: Semaphore,
}

impl Script {
    pub(crate) fn new(
        clock: &Clock,
        takes: Duration,
        play: impl Fn(u64) -> Step + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            play: Box::new(play),
            takes,
            clock: clock.clone(),
            calls: AtomicU64::new(0),
            running: AtomicU64::new(0),
            most_at_once: AtomicU64::new(0),
            times: Mutex::default(),
            released: Semaphore::new(0),
        })
    }

    pub(crate) fn keeper(self: &Arc<Self>) -> Keeper {
        let source = Box::new(Scripted(Arc::clone(self)));
        let audience = Audience::new("https://ossrdbms-aad.database.windows.net");
        Keeper::start(source, audience, self.clock.clone(), Jitter::seeded(7))
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn release(&self) {
        self.released.add_permits(1);
    }

    async fn fetch(&self) -> Result<Grant, SourceFault> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(running, Ordering::Relaxed);
        if let Ok(mut times) = self.times.lock() {
            times.push(Instant::now());
        }
        tokio::time::sleep(self.takes).await;
        let step = (self.play)(call);
        let outcome = match step {
            Step::Token(life) => Ok(self.grant(&format!("token-{call}"), life)),
            Step::Same(life) => Ok(self.grant("token-same", life)),
            Step::Status(status, after) => {
                let after = after.map(Duration::from_secs);
                Err(SourceFault::Answered(Answered::read(status, after, b"{}")))
            }
            Step::Silence => {
                tokio::time::sleep(EXCHANGE).await;
                let (endpoint, source) = (
                    "http://169.254.169.254".to_owned(),
                    HttpFault::Silent(EXCHANGE),
                );
                Err(SourceFault::Http { endpoint, source })
            }
            Step::Refused => {
                let refused = std::io::ErrorKind::ConnectionRefused.into();
                let (endpoint, source) = (
                    "http://169.254.169.254".to_owned(),
                    HttpFault::Connect(refused),
                );
                Err(SourceFault::Http { endpoint, source })
            }
            Step::Panic => panic!("on purpose"),
            Step::Held(life) => {
                if let Ok(permit) = self.released.acquire().await {
                    permit.forget();
                }
                Ok(self.grant(&format!("token-{call}"), life))
            }
        };
        self.running.fetch_sub(1, Ordering::Relaxed);
        outcome
    }

    fn grant(&self, text: &str, life: Duration) -> Grant {
        Grant {
            token: Token::new(wiped(text), self.clock.now() + life, self.clock.clone()),
            refresh_in: None,
            confirmed: false,
        }
    }
}

struct Scripted(Arc<Script>);

#[async_trait::async_trait]
impl TokenSource for Scripted {
    fn kind(&self) -> SourceKind {
        SourceKind::Imds
    }

    async fn fetch(&self, _audience: &Audience) -> Result<Grant, TokenError> {
        let granted = self.0.fetch().await;
        granted.map_err(|fault| TokenError::new(self.kind(), fault))
    }
}
