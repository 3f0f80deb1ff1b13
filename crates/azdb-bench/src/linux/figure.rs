//! What is measured, in which unit, and which of it has a goal. COPY is a result and LOAD DATA LOCAL where MySQL is spoken.

/// One line of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Figure {
    CopyOutCpu,
    CopyInCpu,
    SelectCpu,
    PgbenchCpu,
    ConnectCpu,
    IdleFresh,
    IdleUsed,
    CopyOutRate,
    CopyInRate,
    SelectRate,
    PgbenchRate,
    Latency,
    ConnectRate,
    Start,
    Binary,
    Mapped,
}

/// How a figure is shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// What it is.
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// The most that it may be, as a part of HAProxy's.
    pub(super) goal: Option<f64>,
}

impl Figure {
    /// All of them, in the order of the tables.
    pub(super) const ALL: [Self; 16] = [
        Self::CopyOutCpu,
        Self::CopyInCpu,
        Self::SelectCpu,
        Self::PgbenchCpu,
        Self::ConnectCpu,
        Self::IdleFresh,
        Self::IdleUsed,
        Self::CopyOutRate,
        Self::CopyInRate,
        Self::SelectRate,
        Self::PgbenchRate,
        Self::Latency,
        Self::ConnectRate,
        Self::Start,
        Self::Binary,
        Self::Mapped,
    ];

    pub(super) fn shown(self) -> Shown {
        let (name, unit, goal) = match self {
            Self::CopyOutCpu => ("CPU, COPY to the app", "s/GB", Some(0.8)),
            Self::CopyInCpu => ("CPU, COPY from the app", "s/GB", Some(0.8)),
            Self::SelectCpu => ("CPU, prepared selects, 8 clients", "s/100k", Some(0.8)),
            Self::PgbenchCpu => ("CPU, pgbench -M prepared, 8 clients", "s/100k", Some(0.8)),
            Self::ConnectCpu => ("CPU, connect, log in, leave", "ms", None),
            Self::IdleFresh => ("memory per idle session, one select done", "KiB", Some(0.3)),
            Self::IdleUsed => (
                "memory per idle session, COPY both ways done",
                "KiB",
                Some(0.3),
            ),
            Self::CopyOutRate => ("COPY to the app", "MB/s", None),
            Self::CopyInRate => ("COPY from the app", "MB/s", None),
            Self::SelectRate => ("prepared selects, 8 clients", "1/s", None),
            Self::PgbenchRate => ("pgbench -M prepared, 8 clients", "1/s", None),
            Self::Latency => ("median latency of a select, 1 client", "µs", None),
            Self::ConnectRate => ("connects, 8 at a time", "1/s", None),
            Self::Start => ("from start to the first session", "ms", None),
            Self::Binary => ("binary, stripped", "MB", None),
            Self::Mapped => ("binary and libraries it loads", "MB", None),
        };
        Shown { name, unit, goal }
    }
}
