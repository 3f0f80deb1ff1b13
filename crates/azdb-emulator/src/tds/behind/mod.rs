//! A real server behind the door: an app that has been let in is logged in there with a password,
//! and from then on packets are handed on both ways.
//!
//! ```text
//!   app                     azdb-emulator                     SQL Server
//!    | LOGIN7 with FEDAUTH ----> | PRELOGIN, encryption on ------> |
//!    |                           | <- its wish: TLS 1.2, or none - |
//!    |                           | LOGIN7 as a database role ----> |
//!    | <- + FEDAUTH ------------ | <- ENVCHANGE.., LOGINACK ------ |
//!    | <======== each packet as it is, one in a TLS record ======> |
//! ```
//!
//! Not tried against SQL Server, which no registry has: the tests put this crate's own sample behind.
//!
//! # Invariants
//!
//! * The app's token is not sent behind, nor is the password of the server behind sent to the app.
//! * Both sides have agreed on one packet size, one TDS version and MARS or none.

mod response;

use std::io;
use std::sync::Arc;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::login7::{Login7, TDS_7_4, TDS_8_0, feature};
use super::packet::{Packet, SMP, SMP_HEADER, kind};
use super::prelogin::{self, Prelogin, encryption};
use super::record::Violation;
use super::session::Opened;
use super::token::Refusal;
use super::version::Version;
use super::wire::{Incoming, Outgoing, split};
use crate::behind::{Behind, BehindError};
use crate::principal::Principal;
use crate::unverified::client_config;
use response::Response;

/// A session at the server behind.
pub(super) struct Joined {
    pub(super) incoming: Incoming,
    pub(super) outgoing: Arc<Outgoing>,
    /// What the app reads as its login's response.
    pub(super) response: Vec<u8>,
    pub(super) spid: u16,
    /// What ENVCHANGE said.
    pub(super) packet_size: usize,
    pub(super) version: Version,
}

/// Logs in at the server behind; what the app reads when that does not work.
pub(super) async fn join(
    behind: &Behind,
    principal: &Principal,
    opened: &Opened,
    login: &Login7,
) -> Result<Joined, Refusal> {
    let not_available = |error: BehindError| Refusal::new(40613, error.to_string()).class(17);
    let failed = |error: io::Error| not_available(behind.misunderstood(error.to_string()));
    let stream = behind.connect_tcp().await.map_err(not_available)?;
    let host = behind.host().unwrap_or_default();
    let (mut incoming, outgoing) = split(stream, false);

    let mars = encrypt(host, opened.mars, &mut incoming, &outgoing);
    if mars.await.map_err(failed)? != opened.mars {
        let text = "it has no MARS, which the app wants";
        return Err(not_available(behind.misunderstood(text)));
    }
    let user = behind.user_of(principal);
    let own = as_user(behind, user, opened, login).encode();
    let sent = outgoing.send_message(kind::LOGIN7, 0, &own).await;
    sent.map_err(failed)?;
    let message = incoming.message(kind::RESPONSE).await.map_err(failed)?;
    let response = Response::parse(&message.data, login, opened.version);
    match response.map_err(|violation| failed(violation.into()))? {
        Response::Admitted {
            tokens,
            packet_size,
        } => Ok(Joined {
            incoming,
            outgoing,
            response: tokens,
            spid: message.spid,
            packet_size,
            version: opened.version,
        }),
        Response::Refused { number, text } => {
            Err(Refusal::new(number, behind.refused(user, text).to_string()))
        }
    }
}

/// PRELOGIN, and TLS where the server behind has it. Gives whether it has MARS.
async fn encrypt(
    host: &str,
    mars: bool,
    incoming: &mut Incoming,
    outgoing: &Outgoing,
) -> io::Result<bool> {
    let question = prelogin::message(encryption::ON, &[0; 4], mars, None);
    outgoing.send_message(kind::PRELOGIN, 0, &question).await?;
    let answer = incoming.message(kind::RESPONSE).await?;
    let answer = Prelogin::parse(&answer.data)?;
    if encryption::is_on(answer.encryption) {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let config = client_config(&[&rustls::version::TLS12]).map_err(io::Error::other)?;
        let tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        incoming.wrapped(tls.into()).await?;
    }
    Ok(answer.mars)
}

/// The app's login, with a user and a password where it had a token.
fn as_user(behind: &Behind, user: &str, opened: &Opened, login: &Login7) -> Login7 {
    let features = login.features.iter();
    let features = features.filter(|(id, _)| *id != feature::FEDAUTH).cloned();
    let wished = Some(login.database.as_str());
    Login7 {
        // TDS 8.0 is 7.4 in another envelope.
        tds_version: match login.tds_version {
            TDS_8_0 => TDS_7_4,
            version => version,
        },
        packet_size: u32::from(opened.packet_size),
        user: user.to_owned(),
        password: behind.password().unwrap_or_default().to_owned(),
        server: behind.host().unwrap_or_default().to_owned(),
        database: behind.database(wished).unwrap_or_default().to_owned(),
        has_sspi: false,
        features: features.collect(),
        ..login.clone()
    }
}

/// Hands on packets until one side has gone. What the app does wrong ends both, as in Azure.
pub(super) async fn relay(mut app: Incoming, to_app: &Outgoing, joined: Joined) -> io::Result<()> {
    let Joined {
        incoming: mut behind,
        outgoing: to_behind,
        packet_size,
        version,
        ..
    } = joined;
    let asking = async {
        while let Some(unit) = app.unit().await? {
            check(&unit, packet_size, version)?;
            to_behind.send(&unit).await?;
        }
        to_behind.close().await
    };
    let answering = async {
        // No violation of the app's.
        while let Some(unit) = behind.unit().await.map_err(io::Error::other)? {
            to_app.send(&unit).await?;
        }
        to_app.close().await
    };
    tokio::pin!(asking, answering);
    tokio::select! {
        asked = &mut asking => {
            asked?;
            answering.await
        }
        answered = &mut answering => answered,
    }
}

fn check(unit: &[u8], packet_size: usize, version: Version) -> Result<(), Violation> {
    let packet = match unit.split_at_checked(SMP_HEADER) {
        Some(([SMP, ..], [])) => return Ok(()),
        Some(([SMP, ..], packet)) => packet,
        _ => unit,
    };
    Packet::of(packet.to_vec())?.check_size(packet_size, version)
}
