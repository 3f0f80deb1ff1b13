//! The session of an app that has left, made like new.
//!
//! # Invariants
//!
//! * Nothing is said to an upstream while anything of its app's is on the way, in either direction.
//! * Its answer is read to the end of its message, and no byte further: what comes behind it is seen by whoever watches.

use std::io;

use azdb_wire::tds::{Header, MAX_RESET_ANSWER, NotClean, kind, reset_request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Memory;
use super::in_dialect::InDialect;
use crate::ledger::Reset;
use crate::way::Stream;

/// Resets the session behind the login that `memory` is of.
pub(super) async fn reset<S: Stream>(upstream: &mut InDialect<S>, memory: &Memory) -> Reset {
    if !upstream.speak_plainly() {
        return Reset::Dirty;
    }
    let answer = match ask(upstream).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(%error, "no answer to a reset");
            return Reset::Dirty;
        }
    };
    let judged = memory
        .understood()
        .map_err(NotClean::from)
        .and_then(|login| login.judge_reset(&answer));
    match judged {
        Ok(()) => Reset::Clean,
        Err(why) => {
            tracing::debug!(%why, "a session is not like new");
            match why {
                NotClean::Error(_) => Reset::Refused,
                NotClean::Unreadable(_)
                | NotClean::Unsaid
                | NotClean::End(_)
                | NotClean::NoEnd
                | NotClean::Changed(_)
                | NotClean::Unexpected(_) => Reset::Dirty,
            }
        }
    }
}

/// Says the request, and reads the payload of the answer.
async fn ask<S: Stream>(upstream: &mut InDialect<S>) -> io::Result<Vec<u8>> {
    let bad = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
    upstream.write_all(&reset_request()).await?;
    upstream.flush().await?;
    let mut answer = Vec::new();
    loop {
        let mut header = [0; Header::LEN];
        upstream.read_exact(&mut header).await?;
        let header = Header::parse(header).map_err(|_| bad("a packet of no length"))?;
        let start = answer.len();
        let end = start + header.payload();
        // An empty packet that is not the last brings an answer no further.
        if header.kind != kind::RESPONSE || end > MAX_RESET_ANSWER || start == end {
            return Err(bad("something else than an answer to a reset"));
        }
        answer.resize(end, 0);
        let payload = answer.get_mut(start..).unwrap_or_default();
        upstream.read_exact(payload).await?;
        if header.is_last() {
            return Ok(answer);
        }
    }
}
