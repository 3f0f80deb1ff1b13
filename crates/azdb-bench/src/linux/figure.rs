//! What is measured, and in which unit. COPY is a result and LOAD DATA LOCAL where MySQL is spoken.

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
    CrowdFresh,
    CrowdUsed,
    ConnectCpuAlone,
    ConnectCpuAmidSome,
    ConnectCpuAmidMany,
    FirstRowNear,
    FirstRowFar,
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
}

impl Figure {
    /// All of them, in the order of the tables.
    pub(super) const ALL: [Self; 23] = [
        Self::CopyOutCpu,
        Self::CopyInCpu,
        Self::SelectCpu,
        Self::PgbenchCpu,
        Self::ConnectCpu,
        Self::IdleFresh,
        Self::IdleUsed,
        Self::CrowdFresh,
        Self::CrowdUsed,
        Self::ConnectCpuAlone,
        Self::ConnectCpuAmidSome,
        Self::ConnectCpuAmidMany,
        Self::FirstRowNear,
        Self::FirstRowFar,
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
        let (name, unit) = match self {
            Self::CopyOutCpu => ("CPU, COPY to the app", "s/GB"),
            Self::CopyInCpu => ("CPU, COPY from the app", "s/GB"),
            Self::SelectCpu => ("CPU, prepared selects, 8 clients", "s/100k"),
            Self::PgbenchCpu => ("CPU, pgbench -M prepared, 8 clients", "s/100k"),
            Self::ConnectCpu => ("CPU, connect, log in, leave", "ms"),
            Self::IdleFresh => ("memory per idle session, one select done", "KiB"),
            Self::IdleUsed => ("memory per idle session, COPY both ways done", "KiB"),
            Self::CrowdFresh => ("memory per session of a crowd, one select done", "KiB"),
            Self::CrowdUsed => ("memory per session of a crowd, COPY both ways done", "KiB"),
            Self::ConnectCpuAlone => ("CPU, connect with no other session open", "ms"),
            Self::ConnectCpuAmidSome => ("CPU, connect with a tenth of a crowd open", "ms"),
            Self::ConnectCpuAmidMany => ("CPU, connect with a crowd open", "ms"),
            Self::FirstRowNear => ("connect to the first row, upstream 1 ms away", "ms"),
            Self::FirstRowFar => ("connect to the first row, upstream 20 ms away", "ms"),
            Self::CopyOutRate => ("COPY to the app", "MB/s"),
            Self::CopyInRate => ("COPY from the app", "MB/s"),
            Self::SelectRate => ("prepared selects, 8 clients", "1/s"),
            Self::PgbenchRate => ("pgbench -M prepared, 8 clients", "1/s"),
            Self::Latency => ("median latency of a select, 1 client", "µs"),
            Self::ConnectRate => ("connects, 8 at a time", "1/s"),
            Self::Start => ("from start to the first session", "ms"),
            Self::Binary => ("binary, stripped", "MB"),
            Self::Mapped => ("binary and libraries it loads", "MB"),
        };
        Shown { name, unit }
    }
}
