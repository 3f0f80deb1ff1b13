//! What is remembered of a login that was granted, and what its session is to an app that comes into it.
//!
//! ```text
//!   Granted --> session, Memory --fit for an app--> Fitted { in its dialect, its answer, its watch }
//! ```
//!
//! It is the upstream's own answer, as it came. What of it an app reads is written anew for each, and so is what stands between its version and
//! the upstream's.

use std::time::Duration;

use azdb_config::route::Route;
use azdb_wire::tds::{
    Dialect, LOGIN_PACKET, LoginAnswer, Manner, StreamTokenError, Terms, Translator, Version,
};
use tokio::time::Instant;

use super::TdsFault;
use super::in_dialect::InDialect;
use super::mars;
use super::watch::TdsWatch;
use crate::way::Stream;

/// SQL_Latin1_General_CP1_CI_AS, which a database of SQL Server has where nobody chose another.
const LATIN: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];

/// A session is given to nobody any more so long before it has to end: an app that has just come has nothing to say for a moment, which is
/// when it would be ended.
const BEFORE_THE_END: Duration = Duration::from_secs(5 * 60);

/// What a login was granted.
#[derive(Debug)]
pub(crate) struct Memory {
    /// The payload of the upstream's answer.
    answer: Vec<u8>,
    /// The version that it was asked for.
    asked: Version,
    /// Its number for the session.
    pub(super) spid: u16,
    /// When the session has to end because of what it was opened with.
    retires_at: Option<Instant>,
    lent_until: Option<Instant>,
}

/// How the app is to be spoken to that comes into a session.
pub(super) struct Newcomer<'a> {
    pub(super) manner: &'a Manner,
    /// The version that its login asks for.
    pub(super) version: Version,
    pub(super) mars: bool,
}

/// A session as an app meets it.
pub(super) struct Fitted<S> {
    pub(super) upstream: InDialect<S>,
    /// What the app is to read.
    pub(super) answer: Vec<u8>,
    pub(super) watch: TdsWatch,
}

impl Memory {
    /// Of this answer to a login that has asked for a version. The session may last for so long.
    pub(super) fn of(answer: Vec<u8>, asked: Version, spid: u16, lasts: Option<Duration>) -> Self {
        let now = Instant::now();
        let lent = lasts.map(|lasts| lasts.saturating_sub(BEFORE_THE_END.min(lasts / 2)));
        let then = |duration| now.checked_add(duration);
        Self {
            answer,
            asked,
            spid,
            retires_at: lasts.and_then(then),
            lent_until: lent.and_then(then),
        }
    }

    /// The answer, understood.
    pub(super) fn understood(&self) -> Result<LoginAnswer<'_>, StreamTokenError> {
        LoginAnswer::parse(&self.answer, self.asked)
    }

    /// Until when the session may be given to another app.
    pub(super) fn lent_until(&self) -> Option<Instant> {
        self.lent_until
    }

    /// Whether the session can be made like new when its app leaves it.
    pub(super) fn allows_reset(&self) -> bool {
        let Ok(understood) = self.understood() else {
            return false;
        };
        match understood.allows_reset() {
            Ok(()) => true,
            Err(why) => {
                tracing::debug!(%why, "the session ends with its app");
                false
            }
        }
    }

    /// Makes of a session what `app` can speak with.
    ///
    /// # Errors
    ///
    /// [`TdsFault`], where it can't be that.
    pub(super) fn fit<S: Stream>(
        &self,
        upstream: InDialect<S>,
        app: &Newcomer<'_>,
        route: &Route,
    ) -> Result<Fitted<S>, TdsFault> {
        let understood = self.understood()?;
        let spoken = understood.version.unwrap_or(self.asked);
        let dialect = app.manner.dialect(spoken);
        mars::check_dialect(app.version, dialect, app.mars)?;
        let translator = translator(&understood, dialect, route);
        let mut answer = Vec::new();
        understood.rewrite(app.manner, None, &mut answer);
        let width = app.manner.granted(spoken).width();
        Ok(Fitted {
            upstream: upstream.with(translator),
            answer,
            watch: TdsWatch::new(app.mars, width, self.retires_at),
        })
    }
}

/// What stands between an app and an upstream of two versions.
fn translator(
    answer: &LoginAnswer<'_>,
    dialect: Option<Dialect>,
    route: &Route,
) -> Option<Translator> {
    let packet_size = answer
        .packet_size
        .and_then(|size| usize::try_from(size).ok());
    Some(Translator::new(&Terms {
        dialect: dialect?,
        packet_size: packet_size.unwrap_or(LOGIN_PACKET),
        collation: answer.collation.unwrap_or(LATIN),
        value_limit: route.tds.translate_limit,
    }))
}
