//! What becomes of sessions that apps have left.

/// What came of a session's reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reset {
    /// It is like new.
    Clean,
    /// The upstream would not, or does more for whoever logs in than a reset does.
    Refused,
    /// It took too long.
    Late,
    /// The answer was another one than that of a session like new, or none.
    Dirty,
}

impl Reset {
    pub(crate) const ALL: [Self; 4] = [Self::Clean, Self::Refused, Self::Late, Self::Dirty];

    /// In one word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Refused => "refused",
            Self::Late => "late",
            Self::Dirty => "dirty",
        }
    }
}
