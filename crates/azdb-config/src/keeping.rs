//! Sessions that wait for an app.

use std::time::Duration;

use super::keys::{Fact, of_route as keys};
use super::problems::{Checked, Written};
use super::section::Section;
use crate::route::{Endpoint, ProtocolName};

/// Sessions that a route keeps for apps to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// Logged-in sessions that nobody has used.
    pub ready: usize,
    /// Whether a session that an app has left is given to another.
    pub reuse: Reuse,
    /// How many such sessions may wait.
    pub most: usize,
    /// How long a session of either kind waits.
    pub patience: Duration,
    /// How old a session may be that is given to another app.
    pub age: Duration,
}

/// What becomes of the upstream's session when its app leaves. `session_reuse` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// It ends with its app.
    Off,
    /// It is reset, and given to the next app with the same login.
    Reset,
}

/// Reads the keys of sessions that wait.
pub(super) fn read(section: &mut Section<'_>, max_connections: &Checked<u32>) -> Checked<Keeping> {
    let ready_spot = section.spot_of(&keys::READY_SESSIONS);
    let reuse_spot = section.spot_of(&keys::SESSION_REUSE);
    let ready = section.value(&keys::READY_SESSIONS);
    let reuse = section.value(&keys::SESSION_REUSE);
    if reuse == Ok(Reuse::Off) {
        section.know(&Fact::NoReuse);
        if ready == Ok(0) {
            section.know(&Fact::NothingKept);
        }
    }
    let most = section.value(&keys::KEPT_SESSIONS);
    let patience = section.value(&keys::KEPT_FOR);
    let age = section.value(&keys::KEPT_AGE);
    let (ready, reuse, most) = (ready?, reuse?, most?);
    let kept = match reuse {
        Reuse::Off => 0,
        Reuse::Reset => most,
    };
    let limit = (*max_connections)?;
    if ready + kept > limit {
        let spot = ready_spot.or(reuse_spot);
        let spot = spot.as_ref().unwrap_or(&section.spot);
        let problem = match kept {
            0 => format!("{ready} sessions that wait are more than max_connections = {limit}"),
            kept => format!(
                "{ready} with kept_sessions = {kept} are more than max_connections = {limit}"
            ),
        };
        return Err(section.refuse(spot, keys::READY_SESSIONS.about.name, problem));
    }
    Ok(Keeping {
        ready: ready as usize,
        reuse,
        most: most as usize,
        patience: patience?,
        age: age?,
    })
}

/// Warns of sessions that wait where that does harm, or is of no use.
pub(super) fn warn(
    section: &Section<'_>,
    keeping: &Keeping,
    protocol: ProtocolName,
    upstreams: &[Written<Endpoint>],
    name: &str,
) {
    const SERVERLESS: &str = ".database.windows.net";
    let is_serverless = |upstream: &Written<Endpoint>| upstream.value.host.ends_with(SERVERLESS);
    let keeps = keeping.ready > 0 || keeping.reuse == Reuse::Reset;
    if keeps && protocol == ProtocolName::Tds && upstreams.iter().any(is_serverless) {
        let patience = azdb_quote::Spelled(keeping.patience);
        section.warn(
            &section.spot,
            format!(
                "sessions that wait keep a serverless database awake for up to {patience} after the last app"
            ),
        );
    }
    if keeping.reuse == Reuse::Reset && name.to_ascii_lowercase().contains("repl") {
        section.warn(
            &section.spot,
            "session_reuse: replication's sessions are never given to another app, and this route is named after it",
        );
    }
}
