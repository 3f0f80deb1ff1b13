//! Whoever logs in as before TDS 7: with DB-Library, as BDE and `isql` do, or with a FreeTDS that was told to.
//!
//! ```text
//!   app                       azdb-proxy
//!    | ------ old LOGIN ------> |
//!    | <---- ERROR, DONE ------ |   in its own form: characters of one byte
//! ```
//!
//! # Invariants
//!
//! * Nobody is dialled, and nothing of the login but its version is looked at.

use std::io;

use azdb_wire::tds::{MAX_OLD_LOGIN, OldVersion, kind, push_message};
use zeroize::Zeroizing;

use super::TdsFault;
use super::notice::in_old_form;
use super::packets::{NoMessage, Packet, Reading, read_message};
use crate::deadline::Deadline;
use crate::fault::{Cause, Fault, Left};
use crate::parting::NotIn;
use crate::phases::Phase;
use crate::stranger::Stranger;
use crate::way::{AppLeg, Stream};

/// Reads such a login and tells whoever sent it that it is not let in, and why. What is none was no app's.
pub(super) async fn refuse<A: Stream>(
    app: &mut AppLeg<A>,
    may_come: Result<(), Cause>,
    route: &str,
    deadline: &Deadline,
) -> Result<Stranger, NotIn<TdsFault>> {
    let reading = deadline.run(Phase::App, "reading the app's login", read(app));
    let version = match reading.await? {
        Ok(version) => version,
        Err(stranger) => return Ok(stranger),
    };
    let fault: Fault<TdsFault> = match may_come {
        Ok(()) => TdsFault::OldLogin(version).into(),
        Err(cause) => cause.into(),
    };
    let (payload, mut message) = (in_old_form(&fault, route), Vec::new());
    push_message(kind::RESPONSE, 0, &payload, &mut message);
    Err(app.refuse(fault, &message).await.into())
}

async fn read<A: Stream>(app: &mut AppLeg<A>) -> Result<Result<OldVersion, Stranger>, Left> {
    match read_message(app, Reading::Ahead, kind::OLD_LOGIN, MAX_OLD_LOGIN).await {
        Ok(Packet { payload, .. }) => {
            // A password stands in it.
            let payload = Zeroizing::new(payload);
            Ok(OldVersion::of(&payload).ok_or(Stranger::Unknown))
        }
        Err(NoMessage::Lost(error)) => match error.kind() {
            io::ErrorKind::UnexpectedEof => Ok(Err(Stranger::Half)),
            _ => Err(error.into()),
        },
        Err(
            NoMessage::Bad(_) | NoMessage::Kind | NoMessage::TooLong | NoMessage::TooManyPackets,
        ) => Ok(Err(Stranger::Unknown)),
    }
}
