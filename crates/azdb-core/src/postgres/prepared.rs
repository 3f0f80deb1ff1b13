//! A connection that is made ahead of the next app: TCP and verified TLS, and nothing said on it.
//!
//! The server keeps a process for it and no place: a login costs two round trips less and no handshake. It is of no use any more when
//! the search for an upstream would begin elsewhere now.
//!
//! # Invariants
//!
//! * An app notices nothing of one that failed, or that breaks when it is used.
//! * It counts among nobody's sessions.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use azdb_config::route::Route;
use tokio::io::AsyncWriteExt as _;

use super::Postgres;
use super::securing::Securing;
use crate::kept::{Making, Waits, is_quiet, poll_stream_stirs};
use crate::lobby::{Following, Lobby, moved};
use crate::way::{Dial, Opened, Stream, Upstream};

/// How long its end may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// A way upstream on which nothing has been said.
pub(crate) struct Prepared<S> {
    opened: Opened<Upstream<S>>,
    following: Option<Box<Following>>,
    /// Under whose settings it was made.
    route: Arc<Route>,
}

impl<S: Stream> Waits for Prepared<S> {
    fn poll_stirs(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        poll_stream_stirs(&mut self.opened.way, cx)
    }
}

/// The one that waits, if it leads where a search would.
pub(super) async fn take<D: Dial>(
    lobby: &Lobby<Postgres, D>,
) -> Option<Opened<Upstream<D::Stream>>> {
    if !lobby.is_in_force() {
        return None;
    }
    let mut prepared = lobby.state.own.ahead.take()?;
    let is_good = Arc::ptr_eq(&prepared.route, &lobby.route)
        && lobby.begins_at(&prepared.opened.dialled)
        && is_quiet(&mut prepared).await
        && D::settle(prepared.opened.way.connection()).is_ok();
    is_good.then_some(prepared.opened)
}

/// An app has been let in over a connection of its own. Makes one for the next, where that is worth it.
pub(super) fn look_ahead<D: Dial>(lobby: &Lobby<Postgres, D>) {
    if lobby.is_in_force()
        && let Some(making) = lobby.state.own.ahead.app_comes()
    {
        let lobby = lobby.clone();
        // Nothing waits for it: it has nothing to say.
        tokio::spawn(async move { prepare(lobby, making).await });
    }
}

async fn prepare<D: Dial>(lobby: Lobby<Postgres, D>, making: Making) {
    let ahead = &lobby.state.own.ahead;
    let made = {
        let deadline = lobby.deadline();
        let securing = Securing::of(&lobby);
        let opening = async { lobby.search(&[], &deadline).open(&securing).await };
        let opened = lobby.closing.run_until_cancelled(Box::pin(opening)).await;
        opened.and_then(Result::ok).map(|opened| Prepared {
            following: lobby.follow(&opened.dialled),
            opened,
            route: Arc::clone(&lobby.route),
        })
    };
    let following = made.as_ref().and_then(|made| made.following.as_ref());
    let moves = following.map(|following| following.moves());
    let Some(seat) = ahead.made(making, made) else {
        return;
    };
    let end = async {
        tokio::select! {
            () = ahead.stays() => {}
            () = lobby.closing.cancelled() => {}
            () = moved(moves) => {}
        }
    };
    if let Some(mut prepared) = seat.watch(end).await {
        ahead.forget(&seat);
        let _ = tokio::time::timeout(PATIENCE, prepared.opened.way.shutdown()).await;
    }
}
