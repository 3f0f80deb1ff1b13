//! How sessions end.

/// Who ended a session, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The app said that it was done.
    AppClosed,
    /// The app's connection broke.
    AppBroke,
    /// The upstream said that it was done.
    UpstreamClosed,
    /// The upstream's connection broke.
    UpstreamBroke,
    /// The proxy comes to its end.
    ShuttingDown,
    /// The upstream's name has moved, see `follow_dns`.
    Moved,
    /// It was as old as a session may become, see `max_session_age`.
    Retired,
    /// Nothing was said in it for so long as the route allows, see `idle_timeout`.
    Idle,
    /// A login within it was refused.
    Refused,
    /// A panic.
    Bug,
}

impl End {
    pub(crate) const ALL: [Self; 10] = [
        Self::AppClosed,
        Self::AppBroke,
        Self::UpstreamClosed,
        Self::UpstreamBroke,
        Self::ShuttingDown,
        Self::Moved,
        Self::Retired,
        Self::Idle,
        Self::Refused,
        Self::Bug,
    ];

    /// Who ended it.
    pub(crate) fn by(self) -> &'static str {
        match self {
            Self::AppClosed | Self::AppBroke => "app",
            Self::UpstreamClosed | Self::UpstreamBroke => "upstream",
            Self::ShuttingDown
            | Self::Moved
            | Self::Retired
            | Self::Idle
            | Self::Refused
            | Self::Bug => "proxy",
        }
    }

    /// In one word.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::AppClosed | Self::UpstreamClosed => "closed",
            Self::AppBroke | Self::UpstreamBroke => "broke",
            Self::ShuttingDown => "shutting_down",
            Self::Moved => "upstream_moved",
            Self::Retired => "max_session_age",
            Self::Idle => "idle_timeout",
            Self::Refused => "login_refused",
            Self::Bug => "bug",
        }
    }
}
