//! SMP: several streams of requests over one connection, each with its own window.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Buf as _;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;

use super::super::packet::{SMP, SMP_HEADER};
use super::super::record::Violation;
use super::super::wire::{Incoming, Outgoing};
use super::chat::Chat;
use super::out::{Out, To};
use super::{Served, pump};

mod flag {
    pub(super) const SYN: u8 = 1;
    pub(super) const ACK: u8 = 2;
    pub(super) const FIN: u8 = 4;
    pub(super) const DATA: u8 = 8;
}

/// Packets that each side may send before it must wait for an ACK.
const WINDOW: u32 = 4;

/// The sending side of one stream.
pub(super) struct Stream {
    id: u16,
    outgoing: Arc<Outgoing>,
    /// Number of the last DATA packet that was sent, locked while anything is: clients check that it is what they have seen.
    sent: Mutex<u32>,
    /// Number of the last DATA packet that has come.
    received: AtomicU32,
    /// Number of the last DATA packet that may be sent.
    window: watch::Receiver<u32>,
}

impl Stream {
    /// Sends one TDS packet when the client's window allows it.
    pub(super) async fn send(&self, packet: &[u8]) -> io::Result<()> {
        // Nobody else sends DATA of this stream.
        let number = *self.sent.lock().await + 1;
        let mut window = self.window.clone();
        let open = window.wait_for(|window| *window >= number).await;
        open.map_err(|_| io::ErrorKind::BrokenPipe)?;
        let mut sent = self.sent.lock().await;
        *sent = number;
        self.write(flag::DATA, number, packet).await
    }

    /// Sends ACK or FIN.
    async fn say(&self, flags: u8) -> io::Result<()> {
        let sent = self.sent.lock().await;
        self.write(flags, *sent, &[]).await
    }

    async fn write(&self, flags: u8, number: u32, data: &[u8]) -> io::Result<()> {
        let length = u32::try_from(data.len() + SMP_HEADER).unwrap_or(u32::MAX);
        let window = self.received.load(Ordering::Relaxed) + WINDOW;
        let mut bytes = vec![SMP, flags];
        bytes.extend(self.id.to_le_bytes());
        for value in [length, number, window] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend_from_slice(data);
        self.outgoing.send(&bytes).await
    }
}

/// A stream as the reading side knows it.
struct Known {
    stream: Arc<Stream>,
    packets: mpsc::UnboundedSender<Vec<u8>>,
    window: watch::Sender<u32>,
}

/// Serves all streams until the client has gone.
pub(super) async fn serve(
    incoming: Incoming,
    outgoing: &Arc<Outgoing>,
    served: &Served,
) -> io::Result<()> {
    let (to_streams, units) = mpsc::channel(1);
    let reading = pump(incoming, to_streams);
    tokio::try_join!(reading, distribute(units, outgoing, served))?;
    Ok(())
}

async fn distribute(
    mut units: mpsc::Receiver<Vec<u8>>,
    outgoing: &Arc<Outgoing>,
    served: &Served,
) -> io::Result<()> {
    let mut streams: HashMap<u16, Known> = HashMap::new();
    let mut chats: JoinSet<io::Result<()>> = JoinSet::new();
    loop {
        let unit = tokio::select! {
            unit = units.recv() => unit,
            Some(ended) = chats.join_next() => {
                ended.map_err(io::Error::other)??;
                continue;
            }
        };
        let Some(unit) = unit else { break };
        let (flags, id, number, window, data) = header(&unit)?;
        match flags {
            flag::SYN if !streams.contains_key(&id) => {
                served.tally.locked().smp_sessions += 1;
                streams.insert(id, open(id, outgoing, window, served, &mut chats));
            }
            flag::ACK | flag::DATA | flag::FIN => {
                let known = streams
                    .get(&id)
                    .ok_or(Violation::Malformed("an SMP stream's id"))?;
                known.window.send_replace(window);
                match flags {
                    flag::DATA => take_in(known, number, data).await?,
                    flag::FIN => {
                        known.stream.say(flag::FIN).await?;
                        streams.remove(&id);
                    }
                    _ => {}
                }
            }
            _ => return Err(Violation::Malformed("SMP flags").into()),
        }
    }
    drop(streams);
    while let Some(ended) = chats.join_next().await {
        // Streams that still had something to say fail now: nobody listens.
        if let Ok(Err(error)) = ended {
            tracing::debug!(%error, "SMP stream ended");
        }
    }
    Ok(())
}

/// Flags, stream, number, window and the packet inside.
fn header(unit: &[u8]) -> Result<(u8, u16, u32, u32, &[u8]), Violation> {
    let mut rest = unit;
    if rest.try_get_u8()? != SMP {
        return Err(Violation::Malformed("a packet outside SMP"));
    }
    let (flags, id, _length) = (
        rest.try_get_u8()?,
        rest.try_get_u16_le()?,
        rest.try_get_u32_le()?,
    );
    Ok((
        flags,
        id,
        rest.try_get_u32_le()?,
        rest.try_get_u32_le()?,
        rest,
    ))
}

fn open(
    id: u16,
    outgoing: &Arc<Outgoing>,
    window: u32,
    served: &Served,
    chats: &mut JoinSet<io::Result<()>>,
) -> Known {
    let (to_chat, mut from_wire) = mpsc::unbounded_channel();
    let (window, allowed) = watch::channel(window);
    let stream = Arc::new(Stream {
        id,
        outgoing: Arc::clone(outgoing),
        sent: Mutex::new(0),
        received: AtomicU32::new(0),
        window: allowed,
    });
    let (hand_on, packets) = mpsc::channel(1);
    let out = Out::new(To::Smp(Arc::clone(&stream)), served);
    let mut chat = Chat::new(packets, out, served.clone(), true);
    chats.spawn(async move {
        let handing = async move {
            while let Some(packet) = from_wire.recv().await {
                if hand_on.send(packet).await.is_err() {
                    break;
                }
            }
        };
        let (chatted, ()) = tokio::join!(chat.run(), handing);
        chatted
    });
    Known {
        stream,
        packets: to_chat,
        window,
    }
}

/// Takes in one TDS packet and widens the client's window.
async fn take_in(known: &Known, number: u32, bytes: &[u8]) -> io::Result<()> {
    if number != known.stream.received.fetch_add(1, Ordering::Relaxed) + 1 {
        return Err(Violation::Malformed("an SMP packet out of order").into());
    }
    // A stream whose chat has ended takes nothing in any more.
    let _ = known.packets.send(bytes.to_vec());
    known.stream.say(flag::ACK).await
}
