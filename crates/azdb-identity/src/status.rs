//! What operators see of a token: never the token.

use std::time::{Duration, SystemTime};

use crate::keeper::Known;
use crate::source::Plan;
use crate::{Audience, Selector, SourceKind, TokenError};

/// One token as `/status` and the metrics show it.
#[derive(Debug, Clone)]
pub struct TokenStatus {
    /// Where it comes from; what `auto` picked, when that was asked.
    pub source: SourceKind,
    /// The user-assigned identity that is asked for.
    pub selector: Option<Selector>,
    /// What it is for.
    pub audience: Audience,
    /// How long it lasts; `None` while there is no token, zero when it is over.
    pub expires_in: Option<Duration>,
    /// How long it is here.
    pub age: Option<Duration>,
    /// When the next fetch is planned, as long as nothing goes wrong.
    pub refresh_in: Option<Duration>,
    /// Fetches that gave a token.
    pub fetched: u64,
    /// Fetches that met a fault which may go away by itself.
    pub failed_transient: u64,
    /// Fetches that met a fault which somebody has to mend.
    pub failed_permanent: u64,
    /// How long the last fetch took.
    pub last_fetch_took: Duration,
    /// Whether the last fetch went wrong: with `expires_in` this is the degraded state.
    pub failing: bool,
    /// The last error ever and its time.
    pub last_error: Option<(TokenError, SystemTime)>,
}

/// Whether logins have a token, and a next one to come.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// There is one that is good for a login.
    pub has_token: bool,
    /// What the last fetch met, if it went wrong.
    pub failure: Option<TokenError>,
}

impl TokenStatus {
    pub(crate) fn of(plan: &Plan, audience: &Audience, known: &Known, now: SystemTime) -> Self {
        let until = |moment: SystemTime| moment.duration_since(now).unwrap_or_default();
        let token = known.token.as_ref();
        Self {
            source: known.source.unwrap_or(plan.kind),
            selector: plan.identity.as_ref().map(|chosen| chosen.selector.clone()),
            audience: audience.clone(),
            expires_in: token.map(|kept| until(kept.token.expires_at())),
            age: token.map(|kept| now.duration_since(kept.fetched_at).unwrap_or_default()),
            refresh_in: token.map(|kept| until(kept.refresh_at)),
            fetched: known.tally.good,
            failed_transient: known.tally.transient,
            failed_permanent: known.tally.permanent,
            last_fetch_took: known.tally.last_took,
            failing: known.failure.is_some(),
            last_error: known.last_error.clone(),
        }
    }
}
