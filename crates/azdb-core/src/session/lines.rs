//! What the log says of a session.

use std::time::Duration;

use azdb_quote::{Chain, Quoted};
use tokio::time::Instant;
use tracing::field::display;

use super::Whose;
use crate::fault::Explained;
use crate::ledger::End;
use crate::lobby::{Entrant, Number};
use crate::phases::{Phase, Phases};
use crate::relay::{Ended, Why};

/// An app has been let in.
pub(super) fn begins(whose: &Whose<'_>, entrant: &Entrant, phases: &Phases) {
    let (mut backend_pid, mut thread_id, mut spid) = (None, None, None);
    match entrant.number {
        Some(Number::Process(id)) => backend_pid = Some(id),
        Some(Number::Thread(id)) => thread_id = Some(id),
        Some(Number::Session(id)) => spid = Some(id),
        None => {}
    }
    let database = entrant.database.as_deref().map(Quoted).map(display);
    // An SQL Server knows by the token alone who comes.
    let principal = Some(&entrant.principal).filter(|name| !name.is_empty());
    let ms = |phase| phases.spent(phase).map(milliseconds);
    let Whose {
        route,
        number,
        peer,
    } = whose;
    tracing::info!(
        parent: None,
        %route,
        number,
        %peer,
        uid = peer.uid(),
        user = %Quoted(&entrant.user),
        principal = principal.map(display),
        database,
        backend_pid,
        thread_id,
        spid,
        app_tls = entrant.app_tls,
        way = %entrant.beginning.name(),
        login_ms = milliseconds(phases.whole()),
        app_ms = ms(Phase::App),
        app_tls_ms = ms(Phase::AppTls),
        token_ms = ms(Phase::Token),
        dns_ms = ms(Phase::Dns),
        tcp_ms = ms(Phase::Tcp),
        tls_ms = ms(Phase::Tls),
        database_ms = ms(Phase::Database),
        queue_ms = ms(Phase::Queue),
        "session begins"
    );
}

/// A session has ended.
pub(super) fn ended(whose: &Whose<'_>, end: End, ended: &Ended, since: Instant) {
    let Whose {
        route,
        number,
        peer,
    } = whose;
    let (bytes_from_app, bytes_from_upstream) = (ended.from_app, ended.from_upstream);
    let (error, at_rest) = match &ended.why {
        Why::Broken(_, error) => (Some(display(Chain(error))), None),
        Why::Goodbye { at_rest } => (None, Some(*at_rest)),
        Why::Closed(_) | Why::Left { .. } | Why::Retired | Why::Idle(_) | Why::Refused => {
            (None, None)
        }
    };
    tracing::info!(
        parent: None,
        %route,
        number,
        %peer,
        closed_by = %end.by(),
        why = %end.why(),
        error,
        at_rest,
        bytes_from_app,
        bytes_from_upstream,
        duration_s = thousandths(since.elapsed().as_millis()),
        "session ended"
    );
}

/// A login was refused, or came to nothing.
pub(super) fn refused(what: &'static str, fault: &impl Explained) {
    let (cause, kind, remedy) = (fault.label(), fault.kind(), fault.remedy());
    tracing::warn!(error = %Chain(fault), %cause, %kind, remedy = &*remedy, "{what}");
}

fn milliseconds(time: Duration) -> f64 {
    thousandths(time.as_micros())
}

/// With three places behind the point.
fn thousandths(count: u128) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / 1000.0
}
