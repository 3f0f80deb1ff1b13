//! Packets both ways, as they come.

use std::io;

use super::super::packet::{Packet, SMP, SMP_HEADER};
use super::super::record::Violation;
use super::super::wire::{Incoming, Outgoing};
use super::Joined;

/// Hands on packets until one side has gone. What the app does wrong ends both, as in Azure.
pub(in crate::tds) async fn relay(
    mut app: Incoming,
    to_app: &Outgoing,
    joined: Joined,
) -> io::Result<()> {
    let Joined {
        incoming: mut behind,
        outgoing: to_behind,
        packet_size,
        ..
    } = joined;
    let asking = async {
        while let Some(unit) = app.unit().await? {
            check(&unit, packet_size)?;
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

fn check(unit: &[u8], packet_size: usize) -> Result<(), Violation> {
    let packet = match unit.split_at_checked(SMP_HEADER) {
        Some(([SMP, ..], [])) => return Ok(()),
        Some(([SMP, ..], packet)) => packet,
        _ => unit,
    };
    Packet::of(packet.to_vec())?.check_size(packet_size)
}
