//! What the service manager starts: `azdb-proxy service run --config FILE`.

use std::path::PathBuf;
use std::sync::OnceLock;

use azdb_config::{LogFormat, LogTo, Problems};
use azdb_identity::Environment;
use azdb_windows::event_log::Weight;
use azdb_windows::service::{Manager, Service, enter as enter_service};

use super::NAME;
use super::failure::Failure;
use super::places::{Places, go_to, overrides};
use crate::exit::Exit;
use crate::logging::{self, Settings};
use crate::run;
use crate::signals::control_came;

/// What the service is to do.
struct Plan {
    config: PathBuf,
    log: PathBuf,
    env: Environment,
}

static PLAN: OnceLock<Plan> = OnceLock::new();
static ENDED: OnceLock<Exit> = OnceLock::new();

/// Becomes the service, until it has ended.
pub(super) fn enter(config: PathBuf, places: &Places, env: Environment) -> Result<Exit, Failure> {
    let _ = PLAN.set(Plan {
        config,
        log: places.log(),
        env: places.environment(&env),
    });
    let service = Service {
        name: NAME,
        body,
        heard: control_came,
    };
    enter_service(service).map_err(Failure::of_windows("be the service"))?;
    Ok(ENDED.get().copied().unwrap_or(Exit::Failure))
}

fn body(manager: &Manager) {
    // Without an Event Log there is still the file.
    let _ = logging::open_event_log(NAME);
    let exit = PLAN.get().map_or(Exit::Failure, serve);
    let _ = ENDED.set(exit);
    let code = told(exit);
    match code {
        0 => logging::report(Weight::Information, "azdb-proxy has ended"),
        code => logging::report(
            Weight::Error,
            &format!("azdb-proxy has ended with exit code {code}"),
        ),
    }
    manager.stopped(code);
}

/// The exit code for the service manager: one that is not 0 has it start the service again. A service that was stopped ends as it
/// should, also where sessions had to be cut.
fn told(exit: Exit) -> u32 {
    match exit {
        Exit::Cut(_) => 0,
        exit => exit.code().into(),
    }
}

fn serve(plan: &Plan) -> Exit {
    go_to(&plan.config);
    let overrides = overrides(&plan.config);
    match azdb_config::load(&overrides, &plan.env) {
        Ok(config) => run::run(config, overrides, plan.env.clone()),
        Err(problems) => refused(plan, &problems),
    }
}

/// Says what is wrong with the configuration in both logs: which file it wants for its log, it could not say.
fn refused(plan: &Plan, problems: &Problems) -> Exit {
    let settings = Settings {
        level: "info",
        format: LogFormat::Text,
        to: LogTo::Stderr,
        file: Some(&plan.log),
    };
    let log = logging::start(settings);
    if log.is_err() {
        logging::report(Weight::Error, &problems.to_string());
    }
    for problem in problems.iter() {
        tracing::error!("{problem}");
    }
    tracing::error!(
        problems = problems.iter().count(),
        configuration = %plan.config.display(),
        "the configuration was refused"
    );
    Exit::BadConfiguration
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::Signal;

    #[test]
    fn a_service_that_was_stopped_is_not_started_again_and_one_that_has_failed_is() {
        for (exit, code) in [
            (Exit::Success, 0),
            (Exit::Cut(Signal::Stop), 0),
            (Exit::Cut(Signal::Preshutdown), 0),
            (Exit::Failure, 1),
            (Exit::BadConfiguration, 78),
        ] {
            assert_eq!(told(exit), code, "{exit:?}");
        }
    }
}
