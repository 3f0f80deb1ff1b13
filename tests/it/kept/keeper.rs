//! A proxy that has sessions wait, before a database of any protocol.

use std::net::SocketAddr;
use std::time::Instant;

use azdb_tests::{Metrics, PATIENCE, Proxy, Start};

use super::houses::House;
use super::{KEPT, OPENED, count};

/// How sessions wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Nobody has used them.
    Ready,
    /// Apps have left them.
    Reused,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Reused => "reused",
        }
    }

    /// How many wait when the app has come often enough.
    pub(crate) fn waiting(self) -> usize {
        match self {
            Self::Ready => 2,
            Self::Reused => 1,
        }
    }

    /// What a route says for them, which wait for as long as a test lasts.
    pub(crate) fn lines(self) -> &'static str {
        match self {
            Self::Ready => "ready_sessions = 2\nkept_for = \"10m\"\n",
            Self::Reused => "session_reuse = \"reset\"\nkept_for = \"10m\"\n",
        }
    }
}

/// A proxy before a database, and how many sessions have begun in which way.
pub(crate) struct Keeper<'a> {
    pub(crate) house: &'a House,
    pub(crate) proxy: Proxy,
    health: SocketAddr,
}

impl<'a> Keeper<'a> {
    /// With this configuration.
    pub(crate) fn start(house: &'a House, configuration: &str) -> Self {
        Self::started(house, Start::run_with(configuration))
    }

    /// As this one is started.
    pub(crate) fn started(house: &'a House, start: Start) -> Self {
        let start = start.arg("--health-listen=127.0.0.1:0");
        let proxy = start.envs(house.environment()).start();
        let health = proxy.endpoint("Health");
        Self {
            house,
            proxy,
            health,
        }
    }

    /// What an app is answered.
    #[track_caller]
    pub(crate) fn ask(&self, question: &str) -> String {
        let ran = self.house.visit(&self.proxy, "any password", question);
        let answer = ran.succeeded().trim();
        // The program on pymssql prints rows.
        let value = answer.strip_prefix("[[[");
        let value = value.and_then(|value| value.strip_suffix("]]]"));
        value.unwrap_or(answer).to_owned()
    }

    /// The number of an app's session.
    #[track_caller]
    pub(crate) fn number(&self) -> String {
        self.ask(self.house.number())
    }

    /// Has apps come until sessions wait for the next.
    #[track_caller]
    pub(crate) fn teach(&self, level: Level) {
        for _ in 0..level.waiting() {
            let _ = self.number();
        }
        self.until_kept(level, level.waiting());
    }

    /// Has apps come until one finds a session that waits, and returns what that one is answered: of MySQL, the session of an app that
    /// has just left is nobody's for a moment.
    #[track_caller]
    pub(crate) fn ask_kept(&self, level: Level, question: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let before = self.opened(level);
        loop {
            let answer = self.ask(question);
            if self.opened(level) > before {
                return answer;
            }
            let may_be_dialled = matches!((self.house, level), (House::Mysql(_), Level::Reused));
            assert!(may_be_dialled && Instant::now() < until, "{level:?}");
        }
    }

    /// Waits until so many of this kind wait, or more.
    #[track_caller]
    fn until_kept(&self, level: Level, sessions: usize) {
        Metrics::until(self.health, |page| {
            count(page, KEPT, &[("kind", level.name())]) >= sessions
        });
    }

    /// How many wait now.
    pub(crate) fn kept(&self, level: Level) -> usize {
        let page = Metrics::scrape(self.health);
        count(&page, KEPT, &[("kind", level.name())])
    }

    /// How many sessions began in this way.
    pub(crate) fn opened(&self, level: Level) -> usize {
        count(
            &Metrics::scrape(self.health),
            OPENED,
            &[("way", level.name())],
        )
    }

    /// How many logins there were.
    pub(crate) fn sessions_begun(&self) -> usize {
        count(&Metrics::scrape(self.health), OPENED, &[])
    }
}
