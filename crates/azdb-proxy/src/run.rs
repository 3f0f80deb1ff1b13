//! `azdb-proxy run`: from a checked configuration to the last session.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use azdb_config::{Config, Process};
use azdb_core::{Drain, Drained, LocalAuthority, LocalTlsError, Server, platform_client};
use azdb_identity::{Environment, Tokens};

use crate::exit::Exit;
use crate::logging::{self, LogError};
use crate::output::tell;
use crate::signals::{Signal, Signals};
use crate::system;

/// Serves until a signal comes.
pub(crate) fn run(config: Config, env: Environment) -> Exit {
    let _log = match logging::start(&config.process) {
        Ok(log) => log,
        Err(error) => {
            tell(&format!("azdb-proxy: {error}"));
            return match error {
                LogError::Level(_) => Exit::BadConfiguration,
                LogError::Thread(_) => Exit::Failure,
            };
        }
    };
    system::hide_memory();
    system::raise_file_limit();
    ended(block_on(start_and_serve(config, env)))
}

/// How long whatever is under way may take to be let go: programs that were asked for a token end with us, look-ups of names do not.
const LETTING_GO: Duration = Duration::from_millis(500);

/// Runs a future on a new runtime, and drops the runtime without waiting for threads that wait for something else.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start worker threads")?;
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

async fn start_and_serve(config: Config, env: Environment) -> anyhow::Result<Exit> {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        configuration = %config.origin,
        "azdb-proxy starts"
    );
    config
        .warnings
        .iter()
        .for_each(|warning| tracing::warn!("{warning}"));
    let mut signals = Signals::new().context("cannot listen for signals")?;
    // With `require_ready` the start waits for tokens, perhaps for long; a signal ends that, too.
    let server = tokio::select! {
        server = bind(&config, env) => server?,
        signal = signals.next() => {
            tracing::info!(%signal, "coming to an end before the start was through");
            return Ok(Exit::Success);
        }
    };
    serve(server, &config.process, signals).await
}

/// Reads or makes the certificate for apps that is kept there, once, and only where a route asks for it.
fn authority_in(
    state_dir: Option<PathBuf>,
) -> impl Fn() -> Result<Arc<LocalAuthority>, LocalTlsError> + Send {
    let made = OnceLock::new();
    move || {
        if let Some(authority) = made.get() {
            return Ok(Arc::clone(authority));
        }
        let authority = Arc::new(LocalAuthority::load_or_make(state_dir.as_deref())?);
        Ok(Arc::clone(made.get_or_init(|| authority)))
    }
}

/// Opens every door, and logs where.
pub(crate) async fn bind(config: &Config, env: Environment) -> anyhow::Result<Server> {
    let tokens = Tokens::new(env, platform_client()?);
    let authority = authority_in(config.process.state_dir.clone());
    let server = Server::bind(&config.routes, tokens, authority).await?;
    let server = server.with_log(logging::dropped_lines);
    for (route, listen) in server.addresses().await {
        let upstream: Vec<_> = route.upstream.iter().map(ToString::to_string).collect();
        tracing::info!(route = %route.name, %listen, upstream = upstream.join(","), "listening");
    }
    server
        .open_endpoints(config.health.as_ref(), &config.admin)
        .await?;
    server.open_beside().await;
    if config.process.require_ready {
        server.require_tokens().await?;
    } else {
        server.prefetch();
    }
    Ok(server)
}

/// Serves until a signal and through the drain; a second signal ends it at once.
pub(crate) async fn serve(
    server: Server,
    process: &Process,
    mut signals: Signals,
) -> anyhow::Result<Exit> {
    tokio::spawn(logging::tell_repetitions());
    let (first, received) = tokio::sync::oneshot::channel();
    let mut serving = pin!(server.run(
        async {
            let _ = received.await;
        },
        Drain {
            patience: process.max_sigterm_delay,
            idle: process.drain_idle,
        },
    ));
    let signal = tokio::select! {
        signal = signals.next() => signal,
        _ = &mut serving => return Ok(Exit::Success),
    };
    tracing::info!(%signal, "coming to an end; the same again ends at once");
    let delayed = async {
        tokio::time::sleep(process.min_sigterm_delay).await;
        let _ = first.send(());
        std::future::pending::<()>().await
    };
    tokio::select! {
        Drained { cut } = &mut serving => Ok(verdict(signal, cut, process)),
        signal = signals.next() => {
            tracing::warn!(%signal, "ending at once");
            Ok(verdict(signal, usize::MAX, process))
        }
        () = delayed => Ok(Exit::Failure),
    }
}

fn verdict(signal: Signal, cut: usize, process: &Process) -> Exit {
    if cut == 0 || process.exit_zero_on_sigterm {
        Exit::Success
    } else {
        Exit::Cut(signal)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_sessions_that_were_cut_make_a_signal_a_failure() {
        let process = |exit_zero_on_sigterm| Process {
            log_format: azdb_config::LogFormat::Text,
            log_level: "info".to_owned(),
            min_sigterm_delay: Duration::ZERO,
            max_sigterm_delay: Duration::ZERO,
            drain_idle: azdb_config::DrainIdle::Wait,
            exit_zero_on_sigterm,
            require_ready: false,
            state_dir: None,
        };
        for signal in [Signal::Interrupt, Signal::Terminate] {
            for (cut, exit_zero, exit) in [
                (0, false, Exit::Success),
                (1, false, Exit::Cut(signal)),
                (usize::MAX, false, Exit::Cut(signal)),
                (1, true, Exit::Success),
            ] {
                assert_eq!(verdict(signal, cut, &process(exit_zero)), exit);
            }
        }
    }
}
