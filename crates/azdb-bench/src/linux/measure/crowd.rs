//! What a session costs, and what a connect does, where many others are open.

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::idle::settled;
use super::load::{all, prepared};
use super::{Bench, CLIENTS, Taken};
use crate::linux::app::App;
use crate::linux::figure::Figure;
use crate::linux::peer::{Kind, Peer, Running};

impl Bench {
    /// In a new process: connects while nobody, some and many others are there, and the memory of the many.
    ///
    /// stunnel has a thread for each session and is left out.
    pub(super) async fn crowd(&self, peer: &Peer) -> anyhow::Result<Taken> {
        if peer.program.is_none() || peer.kind == Kind::Stunnel {
            return Ok(Taken::new());
        }
        let running = peer.start(&self.bed, self.bed.upstream.address).await?;
        let taken = self
            .crowded(&running)
            .await
            .with_context(|| running.last_words());
        running.end().await?;
        taken
    }

    async fn crowded(&self, running: &Running) -> anyhow::Result<Taken> {
        let mut taken = Taken::new();
        // The first connects meet cold code.
        self.connect(running).await?;
        let rest = settled(running).await?;
        let (mut open, many) = (Vec::new(), self.sizes.crowd);
        for (others, figure) in [
            (0, Figure::ConnectCpuAlone),
            (many / 10, Figure::ConnectCpuAmidSome),
            (many, Figure::ConnectCpuAmidMany),
        ] {
            open.extend(self.opened(running, others - open.len()).await?);
            if others == many {
                taken.extend(self.grown(running, rest, Figure::CrowdFresh).await?);
            }
            let connects = self.connect(running).await?;
            let cost = connects
                .into_iter()
                .find(|(figure, _)| *figure == Figure::ConnectCpu);
            taken.extend(cost.map(|(_, cost)| (figure, cost)));
        }
        let _open = self.used(open).await?;
        taken.extend(self.grown(running, rest, Figure::CrowdUsed).await?);
        Ok(taken)
    }

    /// Memory per session beyond `rest`, where it may be looked at.
    async fn grown(
        &self,
        running: &Running,
        rest: Option<u64>,
        figure: Figure,
    ) -> anyhow::Result<Option<(Figure, f64)>> {
        let now = settled(running).await?;
        let grown = now.zip(rest).map(|(now, rest)| now as f64 - rest as f64);
        Ok(grown.map(|grown| (figure, grown / 1024.0 / self.sizes.crowd as f64)))
    }

    /// Sessions that have done one select.
    async fn opened(&self, running: &Running, count: usize) -> anyhow::Result<Vec<App>> {
        let mut opening = JoinSet::new();
        for client in 0..CLIENTS {
            let way = running.way.clone();
            let share = count / CLIENTS + usize::from(client < count % CLIENTS);
            opening.spawn(async move {
                let mut apps = Vec::with_capacity(share);
                for _ in 0..share {
                    let mut app = prepared(&way).await?;
                    app.select().await?;
                    apps.push(app);
                }
                Ok(apps)
            });
        }
        Ok(all(opening).await?.into_iter().flatten().collect())
    }

    /// The same sessions, after some COPY in each.
    async fn used(&self, mut apps: Vec<App>) -> anyhow::Result<Vec<App>> {
        let mut working = JoinSet::new();
        let share = apps.len().div_ceil(CLIENTS).max(1);
        while !apps.is_empty() {
            let mut some = apps.split_off(apps.len().saturating_sub(share));
            let block = self.block.clone();
            working.spawn(async move {
                for app in &mut some {
                    app.move_some(&block).await?;
                }
                Ok(some)
            });
        }
        Ok(all(working).await?.into_iter().flatten().collect())
    }
}
