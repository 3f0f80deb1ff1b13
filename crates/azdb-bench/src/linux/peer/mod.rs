//! The peers: who they are, how they are set up, and how they come to serve.

mod haproxy;
pub(super) mod pgbouncer;
pub(super) mod proxy;
mod stunnel;
mod watching;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::ValueEnum;
use tokio::process::Command;

use super::app::{App, Dialect, Login, Way};
use super::bed::Bed;
use super::kernel;
use super::program::{self, Program};
use super::upstream::PASSWORD;
use watching::Watching;

/// How long a peer has from its start to its first session.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two knocks at the door of a peer that does not serve yet.
const KNOCK: Duration = Duration::from_millis(1);

/// Who carries the app's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Kind {
    /// Nobody: the app speaks TLS itself.
    Direct,
    #[value(name = "azdb-proxy")]
    Proxy,
    /// HAProxy 2.x.
    #[value(name = "haproxy2")]
    Haproxy2,
    /// HAProxy 3.x.
    #[value(name = "haproxy3")]
    Haproxy3,
    Pgbouncer,
    Stunnel,
    /// azdb-proxy with its log at info in a file, and its metrics scraped each second.
    #[value(skip)]
    Watched,
    /// azdb-proxy without a log, and without anybody who scrapes.
    #[value(skip)]
    Unwatched,
}

impl Kind {
    /// All of them, in the order of the tables.
    pub(super) const ALL: [Self; 6] = [
        Self::Direct,
        Self::Proxy,
        Self::Haproxy2,
        Self::Haproxy3,
        Self::Pgbouncer,
        Self::Stunnel,
    ];

    /// The proxy beside itself.
    pub(super) const PAIR: [Self; 2] = [Self::Watched, Self::Unwatched];

    /// Whether it can ask an upstream for TLS in this protocol.
    pub(super) fn speaks(self, dialect: Dialect) -> bool {
        dialect == Dialect::Postgres || self.is_ours() || self == Self::Direct
    }

    fn is_ours(self) -> bool {
        matches!(self, Self::Proxy | Self::Watched | Self::Unwatched)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Proxy => "azdb-proxy",
            Self::Haproxy2 => "HAProxy 2",
            Self::Haproxy3 => "HAProxy 3",
            Self::Pgbouncer => "PgBouncer",
            Self::Stunnel => "stunnel",
            Self::Watched => "azdb-proxy, watched",
            Self::Unwatched => "azdb-proxy, unwatched",
        }
    }
}

/// Files of programs that are not looked for by one name.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) proxy: PathBuf,
    /// Instead of those in the path, if there are any.
    pub(super) haproxy: Vec<PathBuf>,
}

/// A peer that is installed.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) kind: Kind,
    /// `None` for nobody.
    pub(super) program: Option<PathBuf>,
    /// What it says of itself.
    pub(super) version: String,
}

impl Peer {
    /// Looks for a peer; `None` when it is not installed.
    pub(super) async fn find(kind: Kind, files: &Files) -> anyhow::Result<Option<Self>> {
        let program = match kind {
            Kind::Direct => {
                let version = "the app's own TLS (rustls)".to_owned();
                return Ok(Some(Self {
                    kind,
                    program: None,
                    version,
                }));
            }
            Kind::Proxy | Kind::Watched | Kind::Unwatched => Some(files.proxy.clone()),
            Kind::Haproxy2 => haproxy::of_version(2, &files.haproxy).await?,
            Kind::Haproxy3 => haproxy::of_version(3, &files.haproxy).await?,
            Kind::Pgbouncer => program::find("pgbouncer"),
            Kind::Stunnel => program::find("stunnel4"),
        };
        let Some(program) = program else {
            return Ok(None);
        };
        let version = match kind {
            Kind::Stunnel => stunnel::version(&program).await?,
            Kind::Haproxy2 | Kind::Haproxy3 => haproxy::version(&program).await?,
            _ => program::first_line(&program, "--version").await?,
        };
        Ok(Some(Self {
            kind,
            program: Some(program),
            version,
        }))
    }

    /// Starts it before the upstream at this address and waits for its first session.
    pub(super) async fn start(&self, bed: &Bed, upstream: SocketAddr) -> anyhow::Result<Running> {
        let what = || format!("{} does not serve", self.kind.name());
        let Some(program) = &self.program else {
            let way = Way {
                dialect: bed.dialect,
                address: upstream,
                tls: Some(bed.client.clone()),
                login: Login::BENCH,
            };
            return Ok(Running {
                way,
                program: None,
                took: None,
                health: None,
            });
        };
        let address = bed.free_address()?;
        let health = match self.kind {
            Kind::Watched => Some(bed.free_address()?),
            _ => None,
        };
        let places = Places {
            // A process that is running reads its own files anew when they change.
            dir: bed.file(&address.port().to_string()),
            listen: address,
            upstream,
            health,
        };
        std::fs::create_dir_all(&places.dir)?;
        let command = self.command(program, bed, &places).with_context(what)?;
        let way = Way {
            dialect: bed.dialect,
            address,
            tls: None,
            login: Login::BENCH,
        };
        let log = places.file("log");
        let started = Instant::now();
        let mut program = Program::start(command, &log)?;
        knock(&way, &mut program).await.with_context(what)?;
        let took = Some(started.elapsed());
        Ok(Running {
            way,
            program: Some(program),
            took,
            health,
        })
    }

    fn command(&self, program: &Path, bed: &Bed, places: &Places) -> anyhow::Result<Command> {
        let mut command = match &bed.apart {
            Some(apart) => apart.command(program),
            None => Command::new(program),
        };
        // What the caller's environment holds must not set anything up.
        command.env_clear().current_dir("/");
        match self.kind {
            Kind::Direct => {}
            Kind::Proxy | Kind::Watched | Kind::Unwatched => {
                proxy::set_up(&mut command, bed, self.kind, places)?;
            }
            Kind::Haproxy2 | Kind::Haproxy3 => haproxy::set_up(&mut command, bed, places)?,
            Kind::Pgbouncer => pgbouncer::set_up(&mut command, bed, places)?,
            Kind::Stunnel => stunnel::set_up(&mut command, bed, places)?,
        }
        Ok(command)
    }
}

async fn knock(way: &Way, program: &mut Program) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let error = match App::connect(way, PASSWORD).await {
            Ok(app) => return app.leave().await.context("cannot leave"),
            Err(error) => error,
        };
        program.must_run()?;
        if Instant::now() > deadline {
            return Err(anyhow::Error::from(error).context(program.last_words()));
        }
        tokio::time::sleep(KNOCK).await;
    }
}

/// Where a peer listens, and what for.
struct Places {
    /// Its own files.
    dir: PathBuf,
    listen: SocketAddr,
    upstream: SocketAddr,
    /// Where it is scraped.
    health: Option<SocketAddr>,
}

impl Places {
    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// A peer that serves.
pub(super) struct Running {
    pub(super) way: Way,
    /// `None` for nobody.
    program: Option<Program>,
    /// From its start to its first session.
    pub(super) took: Option<Duration>,
    /// Where it is scraped.
    health: Option<SocketAddr>,
}

impl Running {
    pub(super) async fn connect(&self) -> anyhow::Result<App> {
        App::connect(&self.way, PASSWORD)
            .await
            .context("cannot connect")
    }

    /// Scrapes it each second, if it is one that is scraped, until what is returned is dropped.
    pub(super) fn watch(&self) -> Option<Watching> {
        self.health.map(Watching::begin)
    }

    /// Its process, if it has one.
    pub(super) fn process(&self) -> Option<u32> {
        self.program.as_ref().map(|program| program.id)
    }

    /// Its processor time so far.
    pub(super) fn cpu(&self) -> anyhow::Result<Option<Duration>> {
        self.process().map(kernel::cpu).transpose()
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        self.program
            .as_ref()
            .map(Program::last_words)
            .unwrap_or_default()
    }

    pub(super) async fn end(self) -> anyhow::Result<()> {
        match self.program {
            Some(program) => program.end().await,
            None => Ok(()),
        }
    }
}
