//! How sessions begin.

/// How a session came to its upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// It was dialled for it.
    #[default]
    Dialled,
    /// Over a connection that had been made before and had said nothing.
    Prepared,
    /// It found a session that nobody had used.
    Ready,
    /// It found one that another app had left, and that was reset.
    Reused,
}

impl Beginning {
    pub(crate) const ALL: [Self; 4] = [Self::Dialled, Self::Prepared, Self::Ready, Self::Reused];

    /// In one word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dialled => "dialled",
            Self::Prepared => "prepared",
            Self::Ready => "ready",
            Self::Reused => "reused",
        }
    }
}
