//! One stream of requests and their responses.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::super::packet::{Packet, kind, status};
use super::super::record::Violation;
use super::super::request::{Asks, Request};
use super::super::sql::Sink;
use super::super::token::{Done, Tokens, change, done};
use super::Served;
use super::out::Out;
use crate::sqlite::{Interrupt, Reason};

/// Largest request: a bulk load or a long parameter.
const LARGEST_REQUEST: usize = 256 * 1024 * 1024;

/// Chunks of tokens between the thread that runs a statement and the one that sends.
const CHUNKS: usize = 4;

/// A whole message of a client.
struct Message {
    kind: u8,
    status: u8,
    data: Vec<u8>,
}

pub(super) struct Chat {
    packets: mpsc::Receiver<Packet>,
    /// A packet that came while a request ran.
    early: Option<Packet>,
    out: Out,
    served: Served,
    /// Responses wait in memory, so that another stream can run a statement meanwhile.
    buffers_all: bool,
}

/// How far a request is, so that its cancellation hits no other one: a request of another stream
/// may hold the engine while this one waits for it.
#[derive(Default)]
struct Stage(Mutex<Progress>);

#[derive(Default)]
struct Progress {
    has_engine: bool,
    is_cancelled: bool,
}

impl Stage {
    fn locked(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request has the engine. False when it was cancelled before.
    fn begin(&self) -> bool {
        let mut stage = self.locked();
        stage.has_engine = true;
        !stage.is_cancelled
    }

    fn cancel(&self, interrupt: &Interrupt) {
        let mut stage = self.locked();
        stage.is_cancelled = true;
        if stage.has_engine {
            interrupt.fire(Reason::Request);
        }
    }
}

/// How a request ended.
#[derive(PartialEq, Eq)]
enum Ended {
    Normally,
    ByAttention,
    ClientGone,
}

impl Chat {
    pub(super) fn new(packets: mpsc::Receiver<Packet>, out: Out, served: Served) -> Self {
        Self {
            packets,
            early: None,
            out,
            served,
            buffers_all: false,
        }
    }

    pub(super) fn buffering(self) -> Self {
        Self {
            buffers_all: true,
            ..self
        }
    }

    /// Serves requests until the client leaves.
    pub(super) async fn run(&mut self) -> io::Result<()> {
        while let Some(message) = self.message().await? {
            if message.kind == kind::ATTENTION {
                self.served.entry.count(|asked| asked.attentions += 1);
                self.acknowledge_attention().await?;
                continue;
            }
            if message.status & status::IGNORE != 0 {
                continue;
            }
            if let Some(refusal) = self.served.entry.expired() {
                let tokens = super::super::welcome::refusal(&refusal);
                self.out.push(&tokens.bytes).await?;
                return self.out.finish().await;
            }
            match self.serve(message).await? {
                Ended::Normally => self.out.finish().await?,
                Ended::ByAttention => {
                    self.break_off().await?;
                    self.acknowledge_attention().await?;
                }
                Ended::ClientGone => return Ok(()),
            }
        }
        Ok(())
    }

    /// Ends the response of a request that was interrupted: an error without text. The attention's
    /// own answer is a message of its own, which JDBC and tedious rely on.
    async fn break_off(&mut self) -> io::Result<()> {
        let mut tokens = Tokens::new();
        tokens.done(Done::Statement, done::ERROR, 0, 0);
        self.out.push(&tokens.bytes).await?;
        self.out.finish().await
    }

    /// Sends the DONE that an attention waits for.
    async fn acknowledge_attention(&mut self) -> io::Result<()> {
        let mut tokens = Tokens::new();
        tokens.done(Done::Statement, done::ATTENTION, 0, 0);
        self.out.push(&tokens.bytes).await?;
        self.out.finish().await
    }

    /// The next message; `None` when the client has gone.
    async fn message(&mut self) -> io::Result<Option<Message>> {
        let mut message: Option<Message> = None;
        loop {
            let packet = match self.early.take() {
                Some(packet) => Some(packet),
                None => self.packets.recv().await,
            };
            let Some(packet) = packet else {
                return Ok(None);
            };
            let is_last = packet.is_last() || packet.kind == kind::ATTENTION;
            let (size, limit) = (packet.wire_len(), self.served.packet_size);
            // From TDS 7.3 on the server insists on full packets.
            if size > limit || (!is_last && size < limit) {
                return Err(Violation::PacketSize.into());
            }
            let whole = match message.take() {
                None => Message {
                    kind: packet.kind,
                    status: packet.status,
                    data: packet.data,
                },
                // An attention in the middle of a request takes the request back.
                Some(_) if packet.kind == kind::ATTENTION => Message {
                    kind: packet.kind,
                    status: packet.status,
                    data: Vec::new(),
                },
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
    async fn serve(&mut self, message: Message) -> io::Result<Ended> {
        let request = Request::parse(message.kind, &message.data)?;
        self.count(&request, message.status);
        let reset = match message.status {
            bits if bits & status::RESET_KEEP_TRANSACTION != 0 => Some(true),
            bits if bits & status::RESET != 0 => Some(false),
            _ => None,
        };
        if reset.is_some() {
            let mut tokens = Tokens::new();
            tokens.changed_bytes(change::RESET, &[], &[]);
            self.out.push(&tokens.bytes).await?;
        }
        let (mut sink, mut chunks) = Sink::new((!self.buffers_all).then_some(CHUNKS));
        let engine = self.served.engine.clone();
        let stage = Arc::new(Stage::default());
        let own_stage = Arc::clone(&stage);
        let running = tokio::task::spawn_blocking(move || {
            let mut engine = engine.lock().unwrap_or_else(PoisonError::into_inner);
            engine.arm();
            if !own_stage.begin() {
                return;
            }
            if let Some(keep_transaction) = reset {
                engine.reset(keep_transaction);
            }
            engine.run(request, &mut sink);
        });
        let mut ended = Ended::Normally;
        loop {
            let packet = tokio::select! {
                chunk = chunks.recv() => match chunk {
                    Some(_) if ended != Ended::Normally => continue,
                    Some(chunk) => {
                        self.out.push(&chunk).await?;
                        continue;
                    }
                    None => break,
                },
                packet = self.packets.recv(), if self.early.is_none() && ended == Ended::Normally => packet,
            };
            match packet {
                Some(packet) if packet.kind == kind::ATTENTION => {
                    self.served.entry.count(|asked| asked.attentions += 1);
                    stage.cancel(&self.served.interrupt);
                    ended = Ended::ByAttention;
                }
                Some(packet) => self.early = Some(packet),
                None => {
                    stage.cancel(&self.served.interrupt);
                    ended = Ended::ClientGone;
                }
            }
        }
        running.await.map_err(io::Error::other)?;
        Ok(ended)
    }

    fn count(&self, request: &Request, bits: u8) {
        self.served.entry.count(|asked| {
            match &request.asks {
                Asks::Batch(_) => asked.batches += 1,
                Asks::Call(_) => asked.calls += 1,
                Asks::Transaction(_) => asked.transactions += 1,
                Asks::Bulk(_) => asked.bulk_loads += 1,
            }
            if bits & (status::RESET | status::RESET_KEEP_TRANSACTION) != 0 {
                asked.resets += 1;
            }
        });
    }
}
