//! How far an app came that is not in, and what is written down of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use azdb_config::route::ProtocolName;
use azdb_quote::Chain;

use crate::anteroom::Place;
use crate::fault::{AppTlsFlaw, Explained as _, Left, OwnFault};
use crate::ledger::Ledger;
use crate::parting::NotIn;
use crate::stranger::{PROXY_HEADER, Stranger};

use super::lines;

/// How far an app came before its connection ended.
pub(super) enum Arrival {
    /// Its place was given to somebody else.
    SentAway,
    /// It had said nothing.
    Silent,
    /// It had not said what it wants, nor seen a certificate.
    Halfway,
    /// It had seen a certificate.
    Shown,
    /// It had.
    Heard,
}

impl Arrival {
    pub(super) fn of(place: &Place) -> Self {
        match place {
            _ if !place.is_held() => Self::Heard,
            _ if place.is_lost() => Self::SentAway,
            _ if place.is_silent() => Self::Silent,
            _ if place.has_seen_certificate() => Self::Shown,
            _ => Self::Halfway,
        }
    }

    /// Writes down that it left.
    pub(super) fn note(&self, left: Left, ledger: &Ledger) {
        const WHAT: &str = "left without a login";
        let loss = self.loss(&left);
        let left = match self {
            Self::Shown => left.at_the_certificate(),
            Self::SentAway | Self::Silent | Self::Halfway | Self::Heard => left,
        };
        match loss {
            Loss::None => tracing::debug!(error = %Chain(&left), "{WHAT}"),
            Loss::Doubtful => {
                let (kind, remedy) = (left.kind(), left.remedy());
                tracing::info!(error = %Chain(&left), %kind, remedy = &*remedy, "{WHAT}");
            }
            Loss::Login => note_left("login refused", &left, ledger),
        }
    }

    /// What is lost with it. Probes and browsers reset, close half or wholly, or wait for ever before they have said what they want;
    /// an operator hears of many of them at once from their anteroom.
    fn loss(&self, left: &Left) -> Loss {
        match (self, left) {
            (Self::SentAway | Self::Silent, _)
            | (Self::Halfway, Left::Gone(_) | Left::Tls(AppTlsFlaw::BrokenOff(_))) => Loss::None,
            (Self::Shown, Left::Gone(_)) => Loss::Doubtful,
            (Self::Halfway | Self::Shown, Left::WithoutPassword(_)) => Loss::Doubtful,
            (
                Self::Halfway | Self::Shown,
                Left::Tls(_) | Left::Silent(_) | Left::ShuttingDown | Left::StuffedBytes(_),
            )
            | (Self::Heard, _) => Loss::Login,
        }
    }
}

/// What is lost with an app that left.
enum Loss {
    /// Nothing that anybody needs to know of.
    None,
    /// A login, or nothing: it went through a whole handshake and said nothing in it. So does an app that compares names afterwards, as
    /// libpq does, and so does a watch over certificates.
    Doubtful,
    /// A login.
    Login,
}

/// Writes down why an app is not in.
pub(super) fn note<F: OwnFault>(what: &'static str, not_in: &NotIn<F>, ledger: &Ledger) {
    match not_in {
        NotIn::Told(told) => {
            ledger.refuse(told.fault());
            lines::refused(what, told.fault());
        }
        NotIn::Untold(fault) => {
            ledger.refuse(fault);
            lines::refused(what, fault);
        }
        NotIn::Left(left) => note_left(what, left, ledger),
    }
}

/// Writes down who came that is no app. That a load balancer says more than it should is told once: from outside it cannot be seen why no
/// app comes in.
pub(super) fn note_stranger(who: Stranger, has_met_headers: &AtomicBool) {
    match who {
        Stranger::ProxyHeader if !has_met_headers.swap(true, Ordering::Relaxed) => {
            tracing::warn!(remedy = PROXY_HEADER.1, "no login: {who}");
        }
        _ => tracing::debug!("no login: {who}"),
    }
}

/// Writes down that an app has taken a door for another one. Both ends would wait for each other, or break off without a word that the
/// app's driver understands.
pub(super) fn note_wrong_door(spoken: ProtocolName, here: ProtocolName, right: Option<SocketAddr>) {
    let (app, door) = (called(spoken), called(here));
    let remedy = match right {
        Some(right) => {
            format!(
                "connect it to {right}, where {app} is spoken, or set the protocol of this route"
            )
        }
        None => {
            format!("no route here has protocol = \"{spoken}\": add one, or set that of this route")
        }
    };
    tracing::warn!(remedy, "no login: an app of {app}, at a door of {door}");
}

/// What whoever writes an app calls a protocol.
fn called(protocol: ProtocolName) -> &'static str {
    match protocol {
        ProtocolName::Postgres => "PostgreSQL",
        ProtocolName::Mysql => "MySQL",
        ProtocolName::Tds => "SQL Server",
    }
}

/// What went wrong at the app's end is not what an operator looks for on `/status`.
fn note_left(what: &'static str, left: &Left, ledger: &Ledger) {
    ledger.count_refusal(left);
    lines::refused(what, left);
}
