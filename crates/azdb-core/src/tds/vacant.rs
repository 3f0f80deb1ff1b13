//! A session upstream that no app is in: what its login was granted, and what it is to an app that comes into it.
//!
//! ```text
//!   Granted --> Vacant { upstream, grant } --fit for an app--> Fitted { InDialect, its answer, its watch }
//!                  ^                                               |
//!                  +------------------ reset ----------------------+
//! ```
//!
//! The grant is the upstream's own answer to the login, as it came. What of it an app reads is written anew for each, and so is what stands
//! between its version and the upstream's.

use azdb_config::route::Route;
use azdb_wire::tds::{
    Dialect, LOGIN_PACKET, LoginAnswer, Manner, StreamTokenError, Terms, Translator, Version,
};
use tokio::time::Instant;

use super::TdsFault;
use super::in_dialect::InDialect;
use super::mars;
use super::one_packet_per_record::OnePacketPerRecord;
use super::upstream::Granted;
use super::watch::TdsWatch;
use crate::way::{Dialled, Stream};

/// SQL_Latin1_General_CP1_CI_AS, which a database of SQL Server has where nobody chose another.
const LATIN: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];

/// What a login was granted.
#[derive(Debug)]
pub(crate) struct Grant {
    /// The payload of the upstream's answer.
    answer: Vec<u8>,
    /// The version that it was asked for.
    asked: Version,
    /// Its number for the session.
    pub(super) spid: u16,
    pub(super) dialled: Dialled,
    /// When the session has to end because of what it was opened with.
    pub(super) retires_at: Option<Instant>,
}

impl Grant {
    /// The answer, understood.
    pub(super) fn understood(&self) -> Result<LoginAnswer<'_>, StreamTokenError> {
        LoginAnswer::parse(&self.answer, self.asked)
    }
}

/// A session that no app is in.
#[derive(Debug)]
pub(crate) struct Vacant<S> {
    pub(super) upstream: OnePacketPerRecord<S>,
    pub(super) grant: Box<Grant>,
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
    pub(super) grant: Box<Grant>,
}

impl<S: Stream> Vacant<S> {
    /// Behind a login.
    pub(super) fn behind(granted: Granted<S>, retires_at: Option<Instant>) -> Self {
        Self {
            upstream: OnePacketPerRecord::new(granted.upstream),
            grant: Box::new(Grant {
                answer: granted.answer,
                asked: granted.asked,
                spid: granted.spid,
                dialled: granted.dialled,
                retires_at,
            }),
        }
    }

    /// Makes it what `app` can speak with.
    ///
    /// # Errors
    ///
    /// [`TdsFault`], where it can't be that.
    pub(super) fn fit(self, app: &Newcomer<'_>, route: &Route) -> Result<Fitted<S>, TdsFault> {
        let Self { upstream, grant } = self;
        let understood = grant.understood()?;
        let spoken = understood.version.unwrap_or(grant.asked);
        let dialect = app.manner.dialect(spoken);
        mars::check_dialect(app.version, dialect, app.mars)?;
        let translator = translator(&understood, dialect, route);
        let mut answer = Vec::new();
        understood.rewrite(app.manner, None, &mut answer);
        let width = app.manner.granted(spoken).width();
        Ok(Fitted {
            upstream: InDialect::new(upstream, translator),
            answer,
            watch: TdsWatch::new(app.mars, width, grant.retires_at),
            grant,
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
