//! What a session costs that does nothing.

use std::io;
use std::time::Duration;

use anyhow::Context as _;

use super::load::prepared;
use super::{Bench, Taken};
use crate::linux::app::App;
use crate::linux::figure::Figure;
use crate::linux::kernel;
use crate::linux::peer::{Peer, Running};

/// Sessions that come first, so that code and tables which all sessions share are there before the first one counts.
const WARM_UP: usize = 2;
/// Memory is at rest when it is the same twice, so far apart.
const APART: Duration = Duration::from_millis(20);
/// Looks after which memory is taken as it is.
const LOOKS: usize = 50;

impl Bench {
    /// Fresh memory, in a new process, of as many sessions as the sizes say; then of the same after some work.
    pub(super) async fn idle(&self, peer: &Peer) -> anyhow::Result<Taken> {
        let running = peer.start(&self.bed, self.bed.upstream.address).await?;
        for _ in 0..WARM_UP {
            let mut app = self.open(&running).await?;
            app.move_some(&self.block).await?;
            app.leave().await?;
        }
        let Some(rest) = settled(&running).await? else {
            running.end().await?;
            return Ok(Taken::new());
        };
        let mut held = Vec::new();
        for _ in 0..self.sizes.held {
            held.push(self.open(&running).await?);
        }
        let fresh = settled(&running).await?.unwrap_or(rest);
        for app in &mut held {
            app.move_some(&self.block).await?;
        }
        let used = settled(&running).await?.unwrap_or(rest);
        running.end().await?;
        let each = |memory: u64| (memory as f64 - rest as f64) / 1024.0 / self.sizes.held as f64;
        Ok(vec![
            (Figure::IdleFresh, each(fresh)),
            (Figure::IdleUsed, each(used)),
        ])
    }

    async fn open(&self, running: &Running) -> anyhow::Result<App> {
        let mut app = prepared(&running.way).await?;
        app.select().await?;
        Ok(app)
    }
}

/// Resident bytes once they stay as they are; `None` where there is no peer, or it may not be looked at.
pub(super) async fn settled(running: &Running) -> anyhow::Result<Option<u64>> {
    let Some(process) = running.process() else {
        return Ok(None);
    };
    let mut before = None;
    for _ in 0..LOOKS {
        let now = match kernel::resident(process) {
            Ok(now) => Some(now),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
            Err(error) => return Err(error).context("cannot read the peer's memory"),
        };
        if now == before {
            break;
        }
        before = now;
        tokio::time::sleep(APART).await;
    }
    Ok(before)
}
