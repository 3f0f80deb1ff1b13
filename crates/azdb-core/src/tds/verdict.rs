//! What an upstream's answer to a login means, and which terms the relay can keep.

use azdb_wire::tds::{FedAuthAck, LoginAnswer, from_utf16};

use super::TdsFault;
use super::app::Settled;
use super::one_packet_per_record::{MOST_PACKET, MOST_PACKET_IN_SMP};
use crate::fault::{Cause, Fault, ProvedBy};
use crate::lobby::Credential;
use crate::way::Upstream;

/// The largest packet that may be wished for: over TLS, what a record takes. The app is told by the upstream what was granted.
pub(super) fn most_to_wish(settled: Settled, has_tls: bool) -> u32 {
    match has_tls {
        true => most_packet(settled),
        false => u32::MAX,
    }
}

fn most_packet(settled: Settled) -> u32 {
    let most = if settled.mars {
        MOST_PACKET_IN_SMP
    } else {
        MOST_PACKET
    };
    u32::try_from(most).unwrap_or(u32::MAX)
}

/// Whether the answer lets us in, as whom we said we are, on terms that the relay can keep.
pub(super) fn check<S>(
    answer: &LoginAnswer<'_>,
    credential: Credential<'_>,
    settled: Settled,
    upstream: &mut Upstream<S>,
) -> Result<(), Fault<TdsFault>> {
    if answer.version.is_none() {
        let what = "an answer that says neither yes nor no";
        return Err(match answer.error {
            Some(_) => refused(answer, credential.proved_by()).into(),
            None => Cause::UpstreamRules { what }.into(),
        });
    }
    if credential.is_token() && answer.fed_auth != FedAuthAck::Taken {
        return Err(match answer.error {
            // It had begun to let us in, and then says why it does not.
            Some(_) => refused(answer, credential.proved_by()),
            None => TdsFault::TokenNotTaken,
        }
        .into());
    }
    let most = most_packet(settled);
    match answer.packet_size {
        Some(size) if size > most && upstream.tls_mut().is_some() => {
            Err(TdsFault::PacketSize { size, most }.into())
        }
        _ => Ok(()),
    }
}

/// All of the upstream's errors as one text for the log, and its answer for the app.
fn refused(answer: &LoginAnswer<'_>, proved_by: ProvedBy) -> TdsFault {
    let texts: Vec<String> = answer
        .reports()
        .filter(|report| report.is_error)
        .map(|report| {
            let message = from_utf16(report.message);
            format!(
                "{} (error {}, state {})",
                message, report.number, report.state
            )
        })
        .collect();
    TdsFault::Refused {
        message: texts.join(" ").into_bytes(),
        body: answer.payload().to_vec(),
        asked: answer.asked(),
        proved_by,
    }
}
