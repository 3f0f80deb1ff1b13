//! What an app reads when it is not let in: code and class of each cause, decided one by one.
//!
//! Source of the codes: the server error reference of MySQL 9. Pools take class 08 for a connection that failed, and Connector/J goes
//! on to its next host after it. Codes from 2000 to 2999 belong to the apps' own libraries; MariaDB's takes a packet with one for a
//! malformed packet.

use azdb_wire::mysql::ErrorPacket;

use super::MysqlFault;
use super::fault::Refused;
use crate::fault::{Cause, Explained as _, Fault, Root};
use crate::stranger::{PROXY_HEADER, Stranger};

/// Bytes of an error's text that MySQL's own library keeps, its final NUL included.
const MAX_TEXT: usize = 511;

/// Code and SQLSTATE.
type Class = (u16, &'static [u8; 5]);

const ACCESS_DENIED: Class = (1045, b"28000");
/// "Host is not allowed to connect to this server".
const NOT_ADMITTED: Class = (1130, b"HY000");
/// "Connections using insecure transport are prohibited".
const WITHOUT_TLS: Class = (3159, b"HY000");
const TOO_MANY: Class = (1040, b"08004");
const BAD_PACKET: Class = (1043, b"08S01");
const SHUTDOWN: Class = (1053, b"08S01");
const NO_WAY_UPSTREAM: Class = (1105, b"08S01");

/// In the server's own words, and without the state that such apps do not know.
const TOO_OLD: ErrorPacket<'static> = ErrorPacket {
    code: 1251,
    sqlstate: None,
    message: b"Client does not support authentication protocol requested by server; consider upgrading MySQL client",
};

/// What a stranger reads, where it may understand something.
pub(super) fn to_stranger(stranger: Stranger) -> Option<Vec<u8>> {
    match stranger {
        Stranger::OldMysql => Some(TOO_OLD.encode()),
        Stranger::ProxyHeader => {
            let (code, sqlstate) = BAD_PACKET;
            let (text, remedy) = PROXY_HEADER;
            let packet = ErrorPacket {
                code,
                sqlstate: Some(*sqlstate),
                message: &[text, "; ", remedy].concat().into_bytes(),
            };
            Some(packet.encode())
        }
        Stranger::Probe
        | Stranger::Silent
        | Stranger::Half
        | Stranger::Http
        | Stranger::Tls
        | Stranger::OtherTls
        | Stranger::AppOf(_)
        | Stranger::Unknown => None,
    }
}

/// Whose words an app reads.
enum Words<'a> {
    /// Ours, with this code and state.
    Ours(Class),
    /// The upstream's own ERR packet.
    Upstreams(&'a Refused),
}

/// The payload of the ERR packet for an app whose session ends because of `cause`: pools know the code for the end of theirs.
pub(super) fn in_session(cause: Cause) -> Vec<u8> {
    ours(SHUTDOWN, &Fault::Shared(cause))
}

/// The payload of the ERR packet that tells an app.
pub(super) fn notice(fault: &Fault<MysqlFault>) -> Vec<u8> {
    let words = match fault.root() {
        Root::Shared(cause) => Words::Ours(of_cause(cause)),
        Root::Own(own) => of_own(own),
    };
    match words {
        Words::Upstreams(refused) => {
            beside(refused, fault.beside(refused.meaning(), refused.proved_by))
        }
        Words::Ours(class) => ours(class, fault),
    }
}

/// The payload of the upstream's own ERR packet with what we know of it behind its words, for there is no other place.
fn beside(refused: &Refused, remark: Option<String>) -> Vec<u8> {
    let mut payload = refused.body.clone();
    let room = MAX_TEXT.saturating_sub(refused.message.len());
    if let Some(remark) = remark {
        let remark = format!("; {remark}");
        let end = remark.floor_char_boundary(room);
        payload.extend_from_slice(remark.get(..end).unwrap_or_default().as_bytes());
    }
    payload
}

fn ours((code, sqlstate): Class, fault: &Fault<MysqlFault>) -> Vec<u8> {
    let text = format!("azdb-proxy: {}; {}", fault.told(), fault.remedy());
    let end = text.floor_char_boundary(MAX_TEXT);
    ErrorPacket {
        code,
        sqlstate: Some(*sqlstate),
        message: text.get(..end).unwrap_or(&text).as_bytes(),
    }
    .encode()
}

fn of_cause(cause: &Cause) -> Class {
    match cause {
        Cause::Token { source, .. } if source.is_transient() => NO_WAY_UPSTREAM,
        Cause::UnknownUser { .. }
        | Cause::WrongPassword { .. }
        | Cause::Token { .. }
        | Cause::SecretTooLong { .. }
        | Cause::Password(_)
        | Cause::PasswordInClear { .. } => ACCESS_DENIED,
        Cause::NotAdmitted { .. } | Cause::NotAnnounced { .. } => NOT_ADMITTED,
        Cause::AppWithoutTls => WITHOUT_TLS,
        Cause::TooMany { .. } | Cause::TooManyWrong { .. } => TOO_MANY,
        Cause::ShuttingDown | Cause::Moved { .. } | Cause::Idle { .. } => SHUTDOWN,
        Cause::NoRandomness
        | Cause::NoUpstream
        | Cause::Resolve { .. }
        | Cause::Connect { .. }
        | Cause::NoAnswer { .. }
        | Cause::Unheard { .. }
        | Cause::Loop { .. }
        | Cause::NoTls { .. }
        | Cause::StuffedBytes { .. }
        | Cause::Tls { .. }
        | Cause::NotSealed { .. }
        | Cause::UpstreamRules { .. }
        | Cause::UpstreamLost { .. }
        | Cause::UpstreamSilent { .. }
        | Cause::Overdue(_) => NO_WAY_UPSTREAM,
    }
}

fn of_own(own: &MysqlFault) -> Words<'_> {
    Words::Ours(match own {
        MysqlFault::AppPacket(_) | MysqlFault::AppWantsTls => BAD_PACKET,
        MysqlFault::AppProofInClear => WITHOUT_TLS,
        MysqlFault::Challenge { .. } | MysqlFault::NotEntra { .. } => ACCESS_DENIED,
        MysqlFault::RefusedAtOnce {
            code: 1040 | 1203, ..
        } => TOO_MANY,
        MysqlFault::UpstreamPacket(_) | MysqlFault::RefusedAtOnce { .. } => NO_WAY_UPSTREAM,
        MysqlFault::Refused(refused) => return Words::Upstreams(refused),
    })
}
