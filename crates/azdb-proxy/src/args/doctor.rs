//! Flags of `doctor`: which way, and how it is told.

use std::path::PathBuf;

use clap::Args as ClapArgs;

/// What `doctor --help` says besides its flags.
pub(super) const AFTER: &str = "\
Examples:
  azdb-proxy doctor
  azdb-proxy doctor 'postgres://orders-app@orders.postgres.database.azure.com/orders'
  kubectl exec POD -c azdb-proxy -- azdb-proxy doctor --live

Exit codes, of the first step that fails:
  0    an app can come by every route
  20   identity: the source of tokens cannot work as it is configured
  21   token: the source has none, or not the right one
  22   name: the upstream's name is not known
  23   connection: nobody takes it
  24   tls: the protocol's hello, the certificate
  25   login: the database, or with --live the proxy, has said no
  26   query: the first one failed
  27   door: with --live, nobody listens there
  64   wrong arguments
  78   bad configuration";

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct DoctorArgs {
    /// Routes, by name or as URLs; all of the configuration when none is given
    #[arg(value_name = "ROUTE")]
    pub(crate) routes: Vec<String>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Come as an app to the proxy that runs, instead of taking its way here
    #[arg(long)]
    pub(crate) live: bool,
    /// The database to ask for, in place of the route's default_database
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// The user that an app names; of a route with a user_map every one when none is given
    #[arg(long, value_name = "NAME")]
    pub(crate) app_user: Option<String>,
    /// With --live, a file with the password that the route asks apps for (app_password_file)
    #[arg(long, value_name = "FILE", requires = "live")]
    pub(crate) app_password_file: Option<PathBuf>,
    /// With --live, the --state-dir of the proxy that runs
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}
