//! The log: one line per event on standard error, for people or for machines.

use std::io::IsTerminal as _;

use azdb_config::{LogFormat, Process};
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt};

/// Libraries that tell of every token request; what matters of it, our own lines say. At debug they may speak.
const QUIET: &str = "azure_core=warn,azure_identity=warn,typespec_client_core=warn,";

/// Turns the log on, and sends panics to it.
///
/// # Errors
///
/// When the level is none.
pub(crate) fn start(process: &Process) -> Result<(), ParseError> {
    let filter: EnvFilter = match process.log_level.as_str() {
        level @ ("debug" | "trace") => level.parse()?,
        level => format!("{QUIET}{level}").parse()?,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(false);
    // A log that has been turned on stays as it is; only the program's own start gets here.
    let _ = match process.log_format {
        LogFormat::Text => registry.with(layer.with_ansi(colours)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let payload = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(
            place,
            payload,
            "a bug in azdb-proxy: this session ends, others go on"
        );
    }));
    Ok(())
}
