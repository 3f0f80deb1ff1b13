//! Whether an app may ask several things at a time (MARS). PRELOGIN answers that, before it is known who asks, and before there is
//! an upstream to ask: an app falls back to one thing at a time where it hears "no" there, and nowhere else.
//!
//! # Invariants
//!
//! * MARS is both legs' or nobody's.
//! * There is none where packets are translated: SMP counts the bytes of each session.
//! * An app is let down once by an upstream without it: the next one hears "no" in time.

use std::sync::atomic::{AtomicBool, Ordering};

use azdb_config::route::UpstreamAuth;
use azdb_wire::tds::{Dialect, Driver, Login7, Manner, Prelogin, Version};

use super::app::Settled;
use super::{Tds, TdsFault};
use crate::lobby::Lobby;
use crate::way::Dial;

/// What is known of a route's upstream.
#[derive(Debug, Default)]
pub(crate) struct MarsUpstream {
    is_missing: AtomicBool,
}

impl MarsUpstream {
    /// It has said that it has none.
    pub(super) fn note_missing(&self) {
        self.is_missing.store(true, Ordering::Relaxed);
    }

    /// It is another one from now on.
    pub(super) fn forget(&self) {
        self.is_missing.store(false, Ordering::Relaxed);
    }
}

/// Who is granted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MarsFor {
    /// Everybody.
    All,
    /// Who speaks what a login with a token speaks, as far as PRELOGIN shows.
    Untranslated,
    /// Nobody: the upstream has none.
    Nobody,
}

impl MarsFor {
    /// Of a route, as far as it is known now. With a password a server speaks each app's own version.
    pub(super) fn apps_of<D: Dial>(lobby: &Lobby<Tds, D>) -> Self {
        match &lobby.route.auth {
            _ if lobby.state.own.is_missing.load(Ordering::Relaxed) => Self::Nobody,
            UpstreamAuth::Token(_) => Self::Untranslated,
            UpstreamAuth::Password(_) => Self::All,
        }
    }

    /// What an app hears that asks with this.
    pub(super) fn grants(self, asked: &Prelogin, driver: Driver) -> bool {
        let may = match (self, driver) {
            (Self::Nobody, _) | (Self::Untranslated, Driver::Before2008R2) => false,
            (Self::All | Self::Untranslated, _) => true,
        };
        may && asked.mars == Some(true)
    }
}

/// Whether this app could go on as PRELOGIN has settled it, before anybody is dialled for it.
pub(super) fn check<D: Dial>(
    login: &Login7<'_>,
    manner: &Manner,
    settled: Settled,
    lobby: &Lobby<Tds, D>,
) -> Result<(), TdsFault> {
    let with_token = matches!(lobby.route.auth, UpstreamAuth::Token(_));
    let spoken = login.version.upstream(with_token);
    check_dialect(login.version, manner.dialect(spoken), settled.mars)
}

/// The same when it is known what the upstream speaks.
pub(super) fn check_dialect(
    version: Version,
    dialect: Option<Dialect>,
    mars: bool,
) -> Result<(), TdsFault> {
    match dialect {
        Some(_) if mars => Err(TdsFault::MarsInDialect(version)),
        _ => Ok(()),
    }
}
