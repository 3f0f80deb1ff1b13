//! The app: connects, asks for one row, leaves.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::linux::app::{App, Way};
use crate::linux::tds;

/// Whoever connects for every request.
pub(super) enum Client {
    /// Our own, of PostgreSQL or MySQL.
    Own { way: Way, password: String },
    /// tiberius, with its own TLS, token and authority or in the clear.
    Tds {
        address: SocketAddr,
        own_tls: Option<(String, PathBuf)>,
    },
}

impl Client {
    /// One app, from connect to its first row. It leaves as it should.
    pub(super) async fn first_row(&self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        match self {
            Self::Own { way, password } => {
                let mut app = App::connect(way, password).await?;
                app.first_row().await?;
                let took = started.elapsed();
                app.leave().await?;
                Ok(took)
            }
            Self::Tds { address, own_tls } => {
                let mut session = tds::app::open(*address, own_tls.as_ref()).await?;
                let answer = session.simple_query("select 1").await?;
                answer.into_row().await?.context("no row")?;
                let took = started.elapsed();
                session.close().await?;
                Ok(took)
            }
        }
    }
}
