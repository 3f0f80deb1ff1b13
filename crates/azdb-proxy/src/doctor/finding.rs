//! What was found, step by step.

use std::time::Duration;

use azdb_core::Phase;

/// What is looked at, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Where a token comes from, and of which identity.
    Identity,
    /// Whether there is one.
    Token,
    /// Whose it says that it is.
    Claims,
    /// A door of a proxy that runs.
    Door,
    /// The upstream's name.
    Name,
    /// A connection to it.
    Connection,
    /// The protocol's hello, and TLS.
    Tls,
    /// The login at the database.
    Login,
    /// A first query.
    Query,
    /// Who one is there, and what one may do.
    Rights,
    /// What a login takes an app.
    Price,
}

impl Step {
    /// What the proxy's own way upstream is looked at for.
    pub(super) const WAY: [Self; 4] = [Self::Name, Self::Connection, Self::Tls, Self::Login];

    #[cfg(test)]
    pub(super) const ALL: [Self; 11] = [
        Self::Identity,
        Self::Token,
        Self::Claims,
        Self::Door,
        Self::Name,
        Self::Connection,
        Self::Tls,
        Self::Login,
        Self::Query,
        Self::Rights,
        Self::Price,
    ];

    /// In one word, as it is shown.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Token => "token",
            Self::Claims => "claims",
            Self::Door => "door",
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Login => "login",
            Self::Query => "query",
            Self::Rights => "rights",
            Self::Price => "price",
        }
    }

    /// The exit code when it is the first that fails.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Identity => 20,
            // A token whose claims are wrong is none.
            Self::Token | Self::Claims => 21,
            Self::Name => 22,
            Self::Connection => 23,
            Self::Tls => 24,
            Self::Login => 25,
            Self::Query | Self::Rights | Self::Price => 26,
            Self::Door => 27,
        }
    }

    /// The step that is this phase of a login.
    pub(super) fn of(phase: Phase) -> Self {
        match phase {
            Phase::Token => Self::Token,
            Phase::Dns => Self::Name,
            Phase::Tcp => Self::Connection,
            Phase::Tls => Self::Tls,
            Phase::App | Phase::AppTls | Phase::Queue | Phase::Database => Self::Login,
        }
    }

    /// The phase of a login that this step is.
    pub(super) fn phase(self) -> Option<Phase> {
        match self {
            Self::Name => Some(Phase::Dns),
            Self::Connection => Some(Phase::Tcp),
            Self::Tls => Some(Phase::Tls),
            Self::Login => Some(Phase::Database),
            Self::Identity
            | Self::Token
            | Self::Claims
            | Self::Door
            | Self::Query
            | Self::Rights
            | Self::Price => None,
        }
    }
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should.
    Good,
    /// It cannot be told, or it is worth a look.
    Doubtful,
    /// This is what keeps an app from its database.
    Bad,
    /// It was not its turn: something before it failed.
    Untried,
}

/// One step.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) step: Step,
    pub(super) verdict: Verdict,
    /// What was seen.
    pub(super) said: String,
    /// What to do.
    pub(super) remedy: Option<String>,
    pub(super) took: Option<Duration>,
}

/// What was found on one way: a route, and whom it logs in as.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) route: String,
    /// The way, in words.
    pub(super) title: String,
    pub(super) list: Vec<Finding>,
}

impl Findings {
    pub(super) fn of(route: &str, title: String) -> Self {
        Self {
            route: route.to_owned(),
            title,
            list: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.list.push(finding);
    }

    /// These steps had no turn.
    pub(super) fn untried(&mut self, steps: &[Step]) {
        for step in steps {
            self.add(Finding::new(*step, Verdict::Untried, "not tried"));
        }
    }

    /// The step that keeps an app from its database.
    pub(super) fn cross(&self) -> Option<Step> {
        let mut bad = self
            .list
            .iter()
            .filter(|finding| finding.verdict == Verdict::Bad);
        bad.next().map(|finding| finding.step)
    }
}

impl Finding {
    pub(super) fn new(step: Step, verdict: Verdict, said: impl Into<String>) -> Self {
        Self {
            step,
            verdict,
            said: said.into(),
            remedy: None,
            took: None,
        }
    }

    pub(super) fn good(step: Step, said: impl Into<String>) -> Self {
        Self::new(step, Verdict::Good, said)
    }

    pub(super) fn bad(step: Step, said: impl Into<String>) -> Self {
        Self::new(step, Verdict::Bad, said)
    }

    pub(super) fn doubtful(step: Step, said: impl Into<String>) -> Self {
        Self::new(step, Verdict::Doubtful, said)
    }

    /// What to do about it, where that is known.
    pub(super) fn remedy(mut self, remedy: Option<String>) -> Self {
        self.remedy = remedy.filter(|remedy| !remedy.is_empty());
        self
    }

    pub(super) fn took(mut self, took: Option<Duration>) -> Self {
        self.took = took;
        self
    }
}
