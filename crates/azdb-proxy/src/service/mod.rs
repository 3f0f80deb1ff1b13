//! `azdb-proxy service`: the Windows service, for its administrator and for the service manager.
//!
//! ```text
//!   service install --> check --> service manager, directories, source of events
//!   service start ----> service manager --> azdb-proxy service run --config FILE --> run
//!   service status ---> service manager
//! ```
//!
//! # Invariants
//!
//! * There is no service whose configuration was not right when it was installed.
//! * A service that fails says why in the Event Log and in its log file, and with `start` to whoever has started it.

mod asked;
mod entry;
mod failure;
mod install;
mod places;

use azdb_identity::Environment;

use crate::args::ServiceCommand;
use crate::exit::Exit;
use crate::output::tell;
use failure::Failure;
use places::Places;

/// As the service manager and the Event Log know it.
const NAME: &str = "azdb-proxy";

/// Does what somebody wants of the service, or is it.
pub(crate) fn service(command: ServiceCommand, env: Environment) -> Exit {
    let places = Places::of(&env);
    let outcome = match command {
        ServiceCommand::Install { config } => install::install(config.as_deref(), &places, &env),
        ServiceCommand::Uninstall => install::uninstall(&places),
        ServiceCommand::Start => asked::start(&places, &env),
        ServiceCommand::Stop => asked::stop(),
        ServiceCommand::Reload => asked::reload(),
        ServiceCommand::Status => asked::status(&places, &env),
        ServiceCommand::Run { config } => entry::enter(config, &places, env),
    };
    outcome.unwrap_or_else(|failure: Failure| {
        tell(&format!("azdb-proxy: {failure}"));
        Exit::Failure
    })
}
