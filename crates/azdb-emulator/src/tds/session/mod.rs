//! A session that is logged in: one stream of requests, or several inside SMP.

mod chat;
mod out;
mod smp;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::login7::Login7;
use super::packet::Packet;
use super::record::Violation;
use super::sql::{Engine, Who};
use super::token::Refusal;
use super::welcome;
use super::wire::{Incoming, Outgoing};
use crate::sqlite::Database;
use chat::Chat;
use out::Out;

/// How often sessions have asked for what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// Batches of SQL text.
    pub batches: usize,
    /// Procedure calls.
    pub calls: usize,
    /// Transaction manager requests.
    pub transactions: usize,
    /// Bulk loads.
    pub bulk_loads: usize,
    /// Attentions: cancelled requests.
    pub attentions: usize,
    /// Requests that put the session back to its state after login.
    pub resets: usize,
    /// Streams of requests inside SMP.
    pub smp_sessions: usize,
}

/// All sessions of a server.
#[derive(Default)]
pub(super) struct Sessions {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    running: HashMap<u64, Running>,
    asked: Asked,
}

struct Running {
    expired: Arc<Mutex<Option<Refusal>>>,
    drop: CancellationToken,
}

/// A session's entry among all; it leaves when this is dropped.
pub(super) struct Entry {
    id: u64,
    sessions: Arc<Sessions>,
    expired: Arc<Mutex<Option<Refusal>>>,
    drop: CancellationToken,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.state().running.remove(&self.id);
    }
}

impl Entry {
    /// The error that the next request gets instead of an answer.
    fn expired(&self) -> Option<Refusal> {
        let expired = self.expired.lock();
        expired.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, add: impl FnOnce(&mut Asked)) {
        add(&mut self.sessions.state().asked);
    }
}

impl Sessions {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(self: &Arc<Self>) -> Entry {
        let (expired, drop) = (Arc::default(), CancellationToken::new());
        let mut state = self.state();
        state.next += 1;
        let id = state.next;
        let running = Running {
            expired: Arc::clone(&expired),
            drop: drop.clone(),
        };
        state.running.insert(id, running);
        Entry {
            id,
            sessions: Arc::clone(self),
            expired,
            drop,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.state().running.len()
    }

    pub(super) fn asked(&self) -> Asked {
        self.state().asked
    }

    pub(super) fn expire(&self, refusal: &Refusal) {
        for running in self.state().running.values() {
            let mut expired = running
                .expired
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *expired = Some(refusal.clone());
        }
    }

    pub(super) fn drop_all(&self) {
        for running in self.state().running.values() {
            running.drop.cancel();
        }
    }
}

/// A connection whose login is through.
pub(super) struct Opened {
    pub(super) incoming: Incoming,
    pub(super) outgoing: Arc<Outgoing>,
    pub(super) spid: u16,
    pub(super) packet_size: u16,
    pub(super) mars: bool,
    pub(super) login: Login7,
    pub(super) entry: Entry,
}

/// Serves requests until the client leaves or the session is ended.
pub(super) async fn run(opened: Opened, database: &Database) -> io::Result<()> {
    let who = Who {
        user: match opened.login.user.as_str() {
            "" => "<token-identified principal>".to_owned(),
            user => user.to_owned(),
        },
        host: opened.login.host.clone(),
        app: opened.login.app.clone(),
        database: welcome::database(&opened.login).to_owned(),
        spid: opened.spid,
    };
    let engine = Engine::open(database, who).map_err(io::Error::other)?;
    let served = Served {
        interrupt: engine.interrupt(),
        engine: Arc::new(Mutex::new(engine)),
        entry: Arc::new(opened.entry),
        spid: opened.spid,
        packet_size: usize::from(opened.packet_size),
    };
    let drop = served.entry.drop.clone();
    let serving = async {
        if opened.mars {
            smp::serve(opened.incoming, opened.outgoing, &served).await
        } else {
            one_stream(opened.incoming, opened.outgoing, &served).await
        }
    };
    let ended = drop.run_until_cancelled(serving).await;
    served.interrupt.close();
    ended.unwrap_or(Ok(()))
}

/// What all streams of a connection share.
#[derive(Clone)]
struct Served {
    engine: Arc<Mutex<Engine>>,
    interrupt: Arc<crate::sqlite::Interrupt>,
    entry: Arc<Entry>,
    spid: u16,
    packet_size: usize,
}

async fn one_stream(
    incoming: Incoming,
    outgoing: Arc<Outgoing>,
    served: &Served,
) -> io::Result<()> {
    let (to_chat, packets) = mpsc::channel(1);
    let out = Out::direct(Arc::clone(&outgoing), served);
    let mut chat = Chat::new(packets, out, served.clone());
    let pumping = pump(incoming, to_chat);
    let chatting = chat.run();
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

/// Hands on packets until the client has gone.
async fn pump(mut incoming: Incoming, to_chat: mpsc::Sender<Packet>) -> io::Result<()> {
    while let Some(unit) = incoming.unit().await? {
        let packet = Packet::of(unit).ok_or(Violation::Malformed("a packet's length"))?;
        if to_chat.send(packet).await.is_err() {
            break;
        }
    }
    Ok(())
}
