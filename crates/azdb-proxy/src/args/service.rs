//! `service`, on Windows.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Check the configuration, and make the service, its directories and its source of events
    ///
    /// Once more changes what is there: the program's place, the configuration's. Nothing is started.
    Install {
        /// Configuration file [default: the one of the service that is there, else %ProgramData%\azdb-proxy\proxy.toml]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Stop the service and remove it and its source of events; configuration, state and logs stay
    Uninstall,
    /// Start the service, and wait until apps can connect
    Start,
    /// Stop the service, and wait until its sessions have ended or were told goodbye
    Stop,
    /// Have the service read its configuration again, as `sc control azdb-proxy paramchange` does
    ///
    /// What comes of it stands in its log; `azdb-proxy reload` waits for it, and says it.
    Reload,
    /// Print its state, process, exit code, configuration and log: exits with 0 when it runs, else with 1
    Status,
    /// What the service manager starts
    #[command(hide = true)]
    Run {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}
