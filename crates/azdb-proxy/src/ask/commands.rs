//! `wait`, `healthcheck`, `shutdown` and `reload`.

use std::time::Duration;

use azdb_identity::Environment;
use azdb_quote::Spelled;
use hyper::{Method, StatusCode};
use tokio::time::Instant;

use super::{Answer, Desk, Running, Unanswered};
use crate::args::AskArgs;
use crate::exit::Exit;
use crate::output::{say, tell};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// Does something with the proxy that the arguments mean, on a runtime of its own.
pub(crate) fn with_running<F: Future<Output = Exit>>(
    ask: AskArgs,
    env: &Environment,
    act: impl FnOnce(Running) -> F,
) -> Exit {
    let running = match ask.at {
        Some(place) => Running::at(place),
        None => match azdb_config::load_endpoints(&ask.overrides(), env) {
            Ok(endpoints) => Running::of(&endpoints),
            Err(problems) => {
                tell(&problems.to_string());
                return Exit::BadConfiguration;
            }
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(act(running)),
        Err(error) => {
            tell(&format!("azdb-proxy: cannot ask: {error}"));
            Exit::Failure
        }
    }
}

/// Waits until the proxy has started.
pub(crate) fn wait(ask: AskArgs, max: Duration, env: &Environment) -> Exit {
    with_running(ask, env, async |running| {
        let until = Instant::now() + max;
        let mut last = None;
        let started = tokio::time::timeout_at(until, async {
            loop {
                let asked = running.ask(Desk::Any, Method::GET, "/startup").await;
                if matches!(&asked, Ok(answer) if answer.status == StatusCode::OK) {
                    return;
                }
                last = Some(asked);
                tokio::time::sleep(PAUSE).await;
            }
        });
        if started.await.is_ok() {
            return Exit::Success;
        }
        let why = match last {
            Some(Ok(answer)) => answer.line(),
            Some(Err(unanswered)) => unanswered.to_string(),
            None => "no answer in time".to_owned(),
        };
        tell(&format!(
            "azdb-proxy wait: not started within {}: {why}",
            Spelled(max)
        ));
        Exit::Failure
    })
}

/// Says in one line whether the proxy should get apps. Docker knows 0 and 1, and nothing else.
pub(crate) fn healthcheck(ask: AskArgs, env: &Environment) -> Exit {
    let exit = with_running(ask, env, async |running| {
        let asked = running.ask(Desk::Any, Method::GET, "/readiness").await;
        told("healthcheck", asked)
    });
    match exit {
        Exit::Success => Exit::Success,
        _ => Exit::Failure,
    }
}

/// Prints what it is about.
pub(crate) fn status(ask: AskArgs, env: &Environment) -> Exit {
    with_running(ask, env, async |running| {
        let asked = running.ask(Desk::Admin, Method::GET, "/status").await;
        match asked {
            Ok(answer) if answer.status == StatusCode::OK => {
                say(answer.body.trim_end());
                Exit::Success
            }
            asked => told("status", asked),
        }
    })
}

/// Ends the proxy.
pub(crate) fn shutdown(ask: AskArgs, env: &Environment) -> Exit {
    with_running(ask, env, async |running| {
        let asked = running
            .ask(Desk::Admin, Method::POST, "/quitquitquit")
            .await;
        told("shutdown", asked)
    })
}

/// Has it read its configuration again.
pub(crate) fn reload(ask: AskArgs, env: &Environment) -> Exit {
    with_running(ask, env, async |running| {
        let asked = running.ask(Desk::Admin, Method::POST, "/reload").await;
        match asked {
            Ok(answer) if answer.status == StatusCode::UNPROCESSABLE_ENTITY => {
                tell(answer.body.trim_end());
                Exit::BadConfiguration
            }
            asked => told("reload", asked),
        }
    })
}

/// Prints what was said, and whether it was a yes.
pub(crate) fn told(command: &str, asked: Result<Answer, Unanswered>) -> Exit {
    match asked {
        Ok(answer) if answer.status == StatusCode::OK => {
            say(&answer.line());
            Exit::Success
        }
        Ok(answer) => {
            tell(&format!("azdb-proxy {command}: {}", answer.line()));
            Exit::Failure
        }
        Err(unanswered) => {
            tell(&format!("azdb-proxy {command}: {unanswered}"));
            Exit::Failure
        }
    }
}
