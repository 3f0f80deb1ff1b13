//! A session of the sample: one stream of requests, or several inside SMP.

mod chat;
mod out;
mod smp;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::mpsc;

use super::engine::Engine;
use super::version::Version;
use super::wire::{Incoming, Outgoing};
use crate::door::locked;
use chat::Chat;
pub(super) use out::Out;
use out::To;

/// How often sessions have asked for what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// Bulk loads.
    pub bulk_loads: usize,
    /// Requests that put the session back to its state after login.
    pub resets: usize,
    /// Streams of requests inside SMP.
    pub smp_sessions: usize,
}

/// Counts for all sessions of a server.
#[derive(Default)]
pub(super) struct Tally(Mutex<Asked>);

impl Tally {
    fn locked(&self) -> MutexGuard<'_, Asked> {
        locked(&self.0)
    }

    pub(super) fn asked(&self) -> Asked {
        *self.locked()
    }
}

/// What a login has settled.
pub(super) struct Opened {
    pub(super) spid: u16,
    pub(super) packet_size: u16,
    pub(super) mars: bool,
    pub(super) version: Version,
    pub(super) database: String,
    /// Whether a reset takes the isolation level back: that of Azure SQL does, that of SQL Server does not.
    pub(super) resets_isolation: bool,
    pub(super) tally: Arc<Tally>,
}

/// What all streams of a connection share.
#[derive(Clone)]
struct Served {
    engine: Arc<tokio::sync::Mutex<Engine>>,
    tally: Arc<Tally>,
    spid: u16,
    packet_size: usize,
    version: Version,
}

/// Serves requests until the client leaves.
pub(super) async fn run(
    incoming: Incoming,
    outgoing: &Arc<Outgoing>,
    opened: &Opened,
    engine: Engine,
) -> io::Result<()> {
    let served = Served {
        engine: Arc::new(tokio::sync::Mutex::new(engine)),
        tally: Arc::clone(&opened.tally),
        spid: opened.spid,
        packet_size: usize::from(opened.packet_size),
        version: opened.version,
    };
    if opened.mars {
        return smp::serve(incoming, outgoing, &served).await;
    }
    let (to_chat, packets) = mpsc::channel(1);
    let out = Out::new(To::Direct(Arc::clone(outgoing)), &served);
    let mut chat = Chat::new(packets, out, served, false);
    let (pumping, chatting) = (pump(incoming, to_chat), chat.run());
    tokio::pin!(pumping, chatting);
    tokio::select! {
        pumped = &mut pumping => {
            pumped?;
            chatting.await?;
        }
        ended = &mut chatting => ended?,
    }
    outgoing.close().await
}

/// Hands on packets until the client has gone. Reads on its own, because a half-read packet must not
/// be dropped with its future.
async fn pump(mut incoming: Incoming, to: mpsc::Sender<Vec<u8>>) -> io::Result<()> {
    while let Some(unit) = incoming.unit().await? {
        if to.send(unit).await.is_err() {
            break;
        }
    }
    Ok(())
}
