//! What an app reads when it is not let in: number and class of each cause, decided one by one.
//!
//! 18456 is "login failed", which nobody tries again, nor at a failover partner; 40613 is "database not available now", which drivers
//! do try again.

use azdb_wire::tds::{LoginAnswer, Manner, Notice, Width, kind, push_message};

use super::TdsFault;
use crate::fault::{Cause, Explained as _, Fault, ProvedBy, Root, TlsFlaw};

/// Number and class.
type Class = (u32, u8);

/// Login failed.
const FAILED: Class = (18456, 14);
/// Not available now.
const UNAVAILABLE: Class = (40613, 17);

/// Whose words an app reads.
enum Words<'a> {
    /// Ours, with this number and class.
    Ours(Class),
    /// The upstream's own answer to this.
    Upstreams(LoginAnswer<'a>, ProvedBy),
}

/// From here on a class ends the connection: drivers take it for broken.
const FATAL: u8 = 20;

/// The answer to an app whose session ends because of `cause`, in the widths that it reads.
pub(super) fn in_session(cause: Cause, route: &str, width: Width) -> Vec<u8> {
    let (number, _) = of_cause(&cause);
    let (mut payload, mut message) = (Vec::new(), Vec::new());
    let fault = Fault::Shared(cause);
    encode((number, FATAL), &fault, route, width, &mut payload);
    push_message(kind::RESPONSE, 0, &payload, &mut message);
    message
}

/// The payload of the answer that tells an app.
pub(super) fn notice(fault: &Fault<TdsFault>, manner: &Manner, route: &str) -> Vec<u8> {
    let (words, meaning) = match fault.root() {
        Root::Shared(cause) => (Words::Ours(of_cause(cause)), None),
        Root::Own(own) => (of_own(own), own.meaning()),
    };
    let mut payload = Vec::new();
    match words {
        Words::Upstreams(answer, proved_by) => {
            let remark = fault.beside(meaning, proved_by);
            answer.rewrite(manner, remark.as_deref(), &mut payload);
        }
        Words::Ours(class) => encode(class, fault, route, manner.width(), &mut payload),
    }
    payload
}

/// The same for an app of before TDS 7. No upstream has said a word of it.
pub(super) fn in_old_form(fault: &Fault<TdsFault>, route: &str) -> Vec<u8> {
    let (number, class) = match fault.root() {
        Root::Shared(cause) => of_cause(cause),
        Root::Own(_) => FAILED,
    };
    let mut payload = Vec::new();
    let notice = Notice {
        number,
        class,
        message: &message(fault),
        server: route,
    };
    notice.encode_old(&mut payload);
    payload
}

fn encode(
    (number, class): Class,
    fault: &Fault<TdsFault>,
    route: &str,
    width: Width,
    payload: &mut Vec<u8>,
) {
    let notice = Notice {
        number,
        class,
        message: &message(fault),
        server: route,
    };
    notice.encode(width, payload);
}

fn message(fault: &Fault<TdsFault>) -> String {
    let (told, remedy) = (fault.told(), fault.remedy());
    format!("azdb-proxy: {told}. What to do: {remedy}")
}

fn of_cause(cause: &Cause) -> Class {
    match cause {
        Cause::Token { source, .. } if source.is_transient() => UNAVAILABLE,
        Cause::TooMany { .. }
        | Cause::TooManyWrong { .. }
        | Cause::ShuttingDown
        | Cause::Moved { .. }
        | Cause::Idle { .. }
        | Cause::Resolve { .. }
        | Cause::Connect { .. }
        | Cause::NoAnswer { .. }
        | Cause::Unheard { .. }
        | Cause::UpstreamLost { .. }
        | Cause::UpstreamSilent { .. }
        | Cause::Tls {
            flaw: TlsFlaw::BrokenOff(_),
            ..
        }
        | Cause::Overdue(_) => UNAVAILABLE,
        Cause::UnknownUser { .. }
        | Cause::NotAdmitted { .. }
        | Cause::NotAnnounced { .. }
        | Cause::WrongPassword { .. }
        | Cause::AppWithoutTls
        | Cause::Token { .. }
        | Cause::SecretTooLong { .. }
        | Cause::Password(_)
        | Cause::PasswordInClear { .. }
        | Cause::NoRandomness
        | Cause::NoUpstream
        | Cause::Loop { .. }
        | Cause::NoTls { .. }
        | Cause::StuffedBytes { .. }
        | Cause::Tls { .. }
        | Cause::NotSealed { .. }
        | Cause::UpstreamRules { .. } => FAILED,
    }
}

fn of_own(own: &TdsFault) -> Words<'_> {
    match own {
        TdsFault::AppPacket(_)
        | TdsFault::AppLogin(_)
        | TdsFault::AppVersion(_)
        | TdsFault::OldLogin(_)
        | TdsFault::AppWants(_)
        | TdsFault::NoUser
        | TdsFault::AppHasNoPassword(_)
        | TdsFault::AppPasswordInClear
        | TdsFault::LoginTooLong(_)
        | TdsFault::UpstreamPrelogin(_)
        | TdsFault::UpstreamPacket(_)
        | TdsFault::UpstreamAnswer(_)
        | TdsFault::TokenNotTaken
        | TdsFault::MarsInDialect(_)
        | TdsFault::PacketSize { .. }
        | TdsFault::Route { .. }
        | TdsFault::Hops(_) => Words::Ours(FAILED),
        TdsFault::NoMars => Words::Ours(UNAVAILABLE),
        // It has been read once, so it can be read again.
        TdsFault::Refused {
            body,
            asked,
            proved_by,
            ..
        } => {
            let upstreams = |answer| Words::Upstreams(answer, *proved_by);
            LoginAnswer::parse(body, *asked).map_or(Words::Ours(FAILED), upstreams)
        }
    }
}
