//! `azdb-proxy run`: from a checked configuration to the last session.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use azdb_config::{Config, Overrides, Process};
use azdb_core::{
    Drained, LAST_WORDS, LocalAuthority, LocalTlsError, OpenServer, PassedSockets, Server, Workers,
    local_names, platform_client,
};
use azdb_identity::{Environment, Tokens};
use tokio::sync::watch;

use crate::end::{End, Heard, Why};
use crate::exit::Exit;
use crate::logging::{self, LogError};
use crate::neighbours::warn_of_neighbours;
use crate::reload;
use crate::signals::Signals;
use crate::{supervisor, system};

/// Serves until a signal comes.
pub(crate) fn run(config: Config, overrides: Overrides, env: Environment) -> Exit {
    let process = config.process.clone();
    with_log(&process, |means| {
        start_and_serve(config, overrides, env, means)
    })
}

/// What a process has to serve with.
#[derive(Default)]
pub(crate) struct Means {
    /// Doors that were open before it.
    pub(crate) passed: PassedSockets,
    /// Threads for sessions.
    pub(crate) workers: Workers,
}

/// Does the work of the process with its log turned on.
pub(crate) fn with_log<F: Future<Output = anyhow::Result<Exit>>>(
    process: &Process,
    work: impl FnOnce(Means) -> F,
) -> Exit {
    let passed = match supervisor::passed() {
        Ok(passed) => passed,
        Err(error) => {
            supervisor::complain(&format!("azdb-proxy: {error}"));
            return Exit::BadConfiguration;
        }
    };
    let _log = match logging::start(process) {
        Ok(log) => log,
        Err(error) => {
            supervisor::complain(&format!("azdb-proxy: {error}"));
            return match error {
                LogError::Level(_) => Exit::BadConfiguration,
                LogError::Thread(_) | LogError::File { .. } => Exit::Failure,
            };
        }
    };
    system::hide_memory();
    system::raise_file_limit();
    let workers = Workers::of_this_machine();
    let means = Means {
        passed,
        workers: workers.clone(),
    };
    let outcome = block_on(work(means));
    workers.end(LETTING_GO);
    ended(outcome)
}

/// How long whatever is under way may take to be let go: programs that were asked for a token end with us, look-ups of names do not.
pub(crate) const LETTING_GO: Duration = Duration::from_millis(500);

/// Runs a future on a new runtime of this thread, and drops the runtime without waiting for threads that wait for something else.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot wait for anything")?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LETTING_GO);
    outcome
}

/// Logs a failure.
pub(crate) fn ended(outcome: anyhow::Result<Exit>) -> Exit {
    outcome.unwrap_or_else(|error| {
        tracing::error!("{error:#}");
        Exit::Failure
    })
}

async fn start_and_serve(
    config: Config,
    overrides: Overrides,
    env: Environment,
    means: Means,
) -> anyhow::Result<Exit> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    // With `require_ready` the start waits for tokens, perhaps for long; a signal ends that, too.
    let server = tokio::select! {
        server = open(&config, env.clone(), means) => server?,
        signal = signals.next() => {
            tracing::info!(%signal, "coming to an end before the start was through");
            return Ok(Exit::Success);
        }
    };
    #[cfg(feature = "otlp")]
    let exporting = crate::otlp::begin(&env, &server)?;
    let load = move || Ok(azdb_config::load(&overrides, &env)?);
    let hangup_came = signals.hangup_came();
    let in_force = reload::begin(server.clone(), config, Arc::new(load), hangup_came);
    let exit = serve(server, in_force, signals).await;
    #[cfg(feature = "otlp")]
    crate::otlp::end(exporting).await;
    exit
}

/// Reads or makes the certificate for apps that is kept there, once, and only where a route asks for it.
pub(crate) fn authority_in(
    state_dir: Option<PathBuf>,
    names: Vec<String>,
) -> impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError> + Send {
    let made = OnceLock::new();
    move || {
        if let Some(authority) = made.get() {
            return Ok(Arc::clone(authority));
        }
        let authority = Arc::new(LocalAuthority::naming(state_dir.as_deref(), &names)?);
        Ok(Arc::clone(made.get_or_init(|| authority)))
    }
}

/// Opens every door when it can serve, and logs where. Whoever probes the process is answered before.
pub(crate) async fn open(
    config: &Config,
    env: Environment,
    means: Means,
) -> anyhow::Result<OpenServer> {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        configuration = %config.origin,
        "azdb-proxy starts"
    );
    config
        .warnings
        .iter()
        .for_each(|warning| tracing::warn!("{warning}"));
    warn_of_neighbours(&config.routes);
    let tokens = Tokens::new(env, platform_client());
    let names = local_names(&config.routes);
    let authority = authority_in(config.process.state_dir.clone(), names);
    let Means { passed, workers } = means;
    let server = Server::bind(&config.routes, tokens, authority, passed, workers)?;
    let server = server.with_log(logging::dropped_lines);
    server.open_endpoints(&config.health, &config.admin).await?;
    supervisor::keep_told(server.glance());
    if config.process.require_ready {
        supervisor::starting(config.process.ready_timeout).await;
        server.require_tokens(config.process.ready_timeout).await?;
    } else {
        server.prefetch();
    }
    let server = server.open().await?;
    for (route, listen) in server.addresses() {
        let upstream: Vec<_> = route.upstream.iter().map(ToString::to_string).collect();
        tracing::info!(route = %route.name, %listen, upstream = upstream.join(","), "listening");
    }
    supervisor::ready().await;
    Ok(server)
}

/// Serves until a signal, or another word that it is over, and through the drain; a second signal ends it at once.
pub(crate) async fn serve(
    server: OpenServer,
    process: watch::Receiver<Process>,
    mut signals: Signals,
) -> anyhow::Result<Exit> {
    tokio::spawn(logging::tell_repetitions());
    let (word, said) = tokio::sync::oneshot::channel();
    let mut asked = pin!(server.asked_to_end());
    let idle = process.borrow().exit_when_idle;
    let idle = idle.map(|limit| server.idle(limit));
    let mut idle = pin!(async {
        match idle {
            Some(idle) => idle.await,
            None => std::future::pending().await,
        }
    });
    let mut serving = pin!(server.run(async {
        match said.await {
            Ok(drain) => drain,
            Err(_) => std::future::pending().await,
        }
    }));
    let why = tokio::select! {
        _ = &mut serving => return Ok(Exit::Failure),
        signal = signals.next() => Why::Signal(signal),
        () = &mut asked => Why::Asked,
        () = &mut idle => Why::Idle,
    };
    let mut end = End::because(why);
    tracing::info!(%why, "coming to an end; a second signal ends at once");
    let process = &process.borrow().clone();
    let drain = end.drain(process);
    supervisor::stopping(drain.delay + drain.patience + LAST_WORDS).await;
    let _ = word.send(drain);
    loop {
        tokio::select! {
            Drained { cut } = &mut serving => return Ok(end.exit(cut, process)),
            signal = signals.next() => match end.hears(signal) {
                Heard::TheSame => tracing::debug!(%signal, "the same once more"),
                Heard::First => tracing::info!(%signal, "coming to an end already; a second signal ends at once"),
                Heard::Second => {
                    tracing::warn!(%signal, "ending at once");
                    return Ok(End::because(Why::Signal(signal)).exit(usize::MAX, process));
                }
            },
        }
    }
}
