//! One stream of requests and their responses.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::engine::{Reset, Sink};
use super::super::packet::{Packet, kind, status};
use super::super::record::Violation;
use super::super::request::Request;
use super::super::token::{Done, Tokens, change, done};
use super::Served;
use super::out::Out;

/// Largest request: a bulk load or a long parameter.
const LARGEST_REQUEST: usize = 256 * 1024 * 1024;

pub(super) struct Chat {
    packets: mpsc::Receiver<Vec<u8>>,
    /// A packet that came while a request ran.
    early: Option<Packet>,
    out: Out,
    served: Served,
    /// Responses wait in memory, so that another stream can run a statement meanwhile.
    buffers_all: bool,
}

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Normally,
    ByAttention,
    ClientGone,
}

impl Chat {
    pub(super) fn new(
        packets: mpsc::Receiver<Vec<u8>>,
        out: Out,
        served: Served,
        buffers_all: bool,
    ) -> Self {
        Self {
            packets,
            early: None,
            out,
            served,
            buffers_all,
        }
    }

    /// Serves requests until the client leaves.
    pub(super) async fn run(&mut self) -> io::Result<()> {
        while let Some(message) = self.message().await? {
            if message.kind == kind::ATTENTION {
                self.say(Done::Statement, done::ATTENTION).await?;
                continue;
            }
            // An error without text, and no acknowledgement: nothing ran.
            if message.status & status::IGNORE != 0 {
                self.say(Done::Statement, done::ERROR).await?;
                continue;
            }
            match self.serve(message).await? {
                Ended::Normally => self.out.finish().await?,
                // An error without text. The attention's own answer is a message of its own, which
                // JDBC and tedious rely on.
                Ended::ByAttention => {
                    self.say(Done::Statement, done::ERROR).await?;
                    self.say(Done::Statement, done::ATTENTION).await?;
                }
                Ended::ClientGone => return Ok(()),
            }
        }
        Ok(())
    }

    /// Ends a response with a DONE.
    async fn say(&mut self, kind: Done, status: u16) -> io::Result<()> {
        let mut tokens = Tokens::new(self.served.version);
        tokens.done(kind, status, 0, 0);
        self.out.push(&tokens.bytes).await?;
        self.out.finish().await
    }

    /// The next message, as one packet; `None` when the client has gone.
    async fn message(&mut self) -> io::Result<Option<Packet>> {
        let mut message: Option<Packet> = None;
        loop {
            let packet = match self.early.take() {
                Some(packet) => packet,
                None => match self.packets.recv().await {
                    Some(unit) => Packet::of(unit)?,
                    None => return Ok(None),
                },
            };
            packet.check_size(self.served.packet_size, self.served.version)?;
            let is_last = packet.is_last();
            let whole = match message.take() {
                None => packet,
                // An attention in the middle of a request takes the request back.
                Some(_) if packet.kind == kind::ATTENTION => packet,
                Some(so_far) if so_far.kind != packet.kind => {
                    return Err(Violation::UnexpectedMessage(packet.kind).into());
                }
                Some(mut so_far) => {
                    so_far.status |= packet.status & status::IGNORE;
                    so_far.data.extend_from_slice(&packet.data);
                    so_far
                }
            };
            if is_last {
                return Ok(Some(whole));
            }
            if whole.data.len() > LARGEST_REQUEST {
                return Err(Violation::Malformed("a request of more than 256 MiB").into());
            }
            message = Some(whole);
        }
    }

    /// Runs one request, all but the end of its response.
    async fn serve(&mut self, message: Packet) -> io::Result<Ended> {
        let version = self.served.version;
        let request = Request::parse(message.kind, &message.data, version)?;
        let reset = match message.status {
            bits if bits & status::RESET_KEEP_TRANSACTION != 0 => Some(Reset::KeepTransaction),
            bits if bits & status::RESET != 0 => Some(Reset::All),
            _ => None,
        };
        {
            let mut asked = self.served.tally.locked();
            asked.bulk_loads += usize::from(message.kind == kind::BULK);
            asked.resets += usize::from(reset.is_some());
        }
        if reset.is_some() && version.is_wide() {
            let mut tokens = Tokens::new(version);
            tokens.changed_bytes(change::RESET, &[], &[]);
            self.out.push(&tokens.bytes).await?;
        }
        let cancel = CancellationToken::new();
        let (buffers_all, engine) = (self.buffers_all, Arc::clone(&self.served.engine));
        let out = &mut self.out;
        let work = async {
            let Some(mut engine) = cancel.run_until_cancelled(engine.lock()).await else {
                return Ok(());
            };
            let sink = Sink::new((!buffers_all).then_some(&mut *out), version, &cancel);
            let rest = engine.run(request, reset, sink).await;
            drop(engine);
            // What a client has taken back ends with the last whole token.
            if cancel.is_cancelled() {
                return Ok(());
            }
            out.push(&rest).await
        };
        tokio::pin!(work);
        let mut ended = Ended::Normally;
        loop {
            let is_wanted = self.early.is_none() && ended == Ended::Normally;
            let packet = tokio::select! {
                worked = &mut work => return worked.map(|()| ended),
                packet = self.packets.recv(), if is_wanted => packet,
            };
            match packet.map(Packet::of).transpose()? {
                Some(packet) if packet.kind != kind::ATTENTION => self.early = Some(packet),
                gone_or_attention => {
                    cancel.cancel();
                    ended = match gone_or_attention {
                        Some(_) => Ended::ByAttention,
                        None => Ended::ClientGone,
                    };
                }
            }
        }
    }
}
