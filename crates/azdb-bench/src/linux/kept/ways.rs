//! The ways to a session, and what of a route's keys each takes.

use super::Spoken;

/// How an app comes to its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By its own TLS and token.
    Direct,
    /// The proxy connects and logs in when the app comes.
    Dialled,
    /// The proxy has connected before the app comes.
    Prepared,
    /// The proxy has logged in before the app comes.
    Ready,
    /// The proxy has the session of an app that left.
    Reused,
    /// PgBouncer has, pooling sessions.
    Pgbouncer,
}

/// How apps come.
pub(super) enum Manner {
    /// One after the other.
    Alone,
    /// Two at once, of which the later one is meant: it finds nothing prepared.
    LaterOfTwo,
}

impl Way {
    pub(super) const ALL: [Self; 6] = [
        Self::Direct,
        Self::Dialled,
        Self::Prepared,
        Self::Ready,
        Self::Reused,
        Self::Pgbouncer,
    ];

    /// A silent connection is a session to a server of MySQL already, and TDS may be sent elsewhere by the first server.
    pub(super) fn is_for(self, spoken: Spoken) -> bool {
        match self {
            Self::Direct | Self::Dialled | Self::Ready | Self::Reused => true,
            Self::Prepared | Self::Pgbouncer => spoken == Spoken::Postgres,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Dialled => "azdb-proxy, dialled",
            Self::Prepared => "azdb-proxy, prepared",
            Self::Ready => "azdb-proxy, `ready_sessions = 10`",
            Self::Reused => "azdb-proxy, `session_reuse = \"reset\"`",
            Self::Pgbouncer => "PgBouncer, session pooling",
        }
    }

    /// Lines of the route.
    pub(super) fn keys(self) -> &'static str {
        match self {
            Self::Ready => "ready_sessions = 10\n",
            Self::Reused => "session_reuse = \"reset\"\n",
            Self::Direct | Self::Dialled | Self::Prepared | Self::Pgbouncer => "",
        }
    }

    /// The kind of sessions that must be waiting when the apps come that count.
    pub(super) fn waits_for(self) -> Option<&'static str> {
        match self {
            Self::Ready => Some("ready"),
            Self::Reused => Some("reused"),
            Self::Direct | Self::Dialled | Self::Prepared | Self::Pgbouncer => None,
        }
    }

    pub(super) fn manner(self) -> Manner {
        match self {
            Self::Dialled => Manner::LaterOfTwo,
            _ => Manner::Alone,
        }
    }
}
