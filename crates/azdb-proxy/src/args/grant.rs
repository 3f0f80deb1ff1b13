//! Flags of `grant`: whom, what, and where it goes.

use std::path::PathBuf;

#[cfg(feature = "doctor")]
use azdb_identity::{IdentityConfig, SourceKind};
use clap::{ArgGroup, Args as ClapArgs};

use crate::grant::{EntraId, Kind, Known, Level};

/// What `grant --help` says besides its flags.
pub(super) const AFTER: &str = "\
With --apply it is run here, by the sign-in of the Azure CLI, over the way that
the route takes (in builds with the feature `doctor`):
  azdb-proxy grant orders --apply

Without, it goes to the client of the engine, which an administrator of the
server signs in (of Microsoft Entra: others may not make such principals):
  export PGPASSWORD=$(az account get-access-token --resource-type oss-rdbms \\
    --query accessToken --output tsv)
  azdb-proxy grant orders | psql \"host=orders.postgres.database.azure.com \\
    user=admin@contoso.com dbname=postgres sslmode=verify-full \\
    sslrootcert=/etc/ssl/certs/ca-certificates.crt\"
  azdb-proxy grant shop | MYSQL_PWD=$PGPASSWORD mysql \\
    --enable-cleartext-plugin --ssl-mode=VERIFY_IDENTITY \\
    --ssl-ca=/etc/ssl/certs/ca-certificates.crt \\
    --host=shop.mysql.database.azure.com --user=admin@contoso.com
  azdb-proxy grant stock | sqlcmd -b -x -f 65001 -d stock \\
    -S stock.database.windows.net \\
    --authentication-method ActiveDirectoryDefault

Where the app's identity is not to be had, as on your own machine, say what its
token would say; az identity show and az ad sp show tell it:
  azdb-proxy grant orders --object-id 00000000-0000-0000-0000-000000000000
  azdb-proxy grant shop --client-id 00000000-0000-0000-0000-000000000000
  azdb-proxy grant stock --name orders-identity

Exit codes:
  0    printed, or applied
  1    no token, or a route that logs in with a password; refused by the server
  64   wrong arguments, or something that only an argument can say is missing
  78   bad configuration";

#[derive(Debug, Default, ClapArgs)]
#[command(group(ArgGroup::new("level").args(["read_only", "read_write", "owner"])))]
pub(crate) struct GrantArgs {
    /// Which route, by its name or as a URL, where the configuration has several
    #[arg(value_name = "ROUTE")]
    pub(crate) route: Option<String>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Let it read rows
    #[arg(long)]
    read_only: bool,
    /// Let it read and write rows (the default)
    #[arg(long)]
    read_write: bool,
    /// Let it do everything in the database, and make tables, for apps that run their own migrations
    #[arg(long)]
    owner: bool,
    /// The app's database, where the route has no default_database or another one is meant
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// A schema in it; may be repeated. Without: public in PostgreSQL, the whole database in SQL Server
    #[arg(long = "schema", value_name = "NAME")]
    pub(crate) schemas: Vec<String>,
    /// A role of PostgreSQL that makes tables: those of its future count, too, besides those of whoever runs the SQL; may be repeated
    #[arg(long = "creator", value_name = "ROLE")]
    pub(crate) creators: Vec<String>,
    /// Of a route with a user_map, only the principal of this user of apps
    #[arg(long, value_name = "NAME")]
    pub(crate) app_user: Option<String>,
    /// The object (principal) id of the identity, in place of what its token says
    #[arg(long, value_name = "ID")]
    object_id: Option<EntraId>,
    /// The client (application) id of the identity
    #[arg(long, value_name = "ID")]
    client_id: Option<EntraId>,
    /// The name of the identity in Microsoft Entra
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What the identity is
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Grant to this group of Microsoft Entra, which the identity is in, instead
    #[arg(long, value_name = "NAME", requires = "group_id", conflicts_with_all = ["object_id", "client_id", "name", "kind", "app_user"])]
    group: Option<String>,
    /// The object id of that group
    #[arg(long, value_name = "ID", requires = "group")]
    group_id: Option<EntraId>,
    /// The role of PostgreSQL is there already: give it to the identity, whosever it was
    #[arg(long)]
    pub(crate) existing_role: bool,
    /// SQL Server: make the user by the identity's id, where the server may not look its name up. Nobody checks the id
    #[arg(long)]
    pub(crate) by_id: bool,
    /// Print how to take it back, or with --apply take it back
    #[arg(long)]
    pub(crate) undo: bool,
    #[cfg(feature = "doctor")]
    #[command(flatten)]
    pub(crate) apply: ApplyArgs,
    /// What has been typed, for lines to copy.
    #[arg(skip)]
    pub(crate) command: String,
}

/// Flags of whoever runs it.
#[cfg(feature = "doctor")]
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct ApplyArgs {
    /// Run it, by an administrator's sign-in, and say what came of each statement
    #[arg(long)]
    pub(crate) apply: bool,
    /// Run it without asking first
    #[arg(long, requires = "apply")]
    pub(crate) yes: bool,
    /// What the database calls the administrator. Without: the name in the sign-in's token
    #[arg(long = "as", value_name = "ADMIN", requires = "apply")]
    pub(crate) admin: Option<String>,
    /// Where the administrator has signed in: azure-cli (the default), azure-developer-cli, azure-powershell, or for a pipeline
    /// managed-identity and workload-identity
    #[arg(long, value_name = "SOURCE", requires = "apply", value_parser = sign_in)]
    sign_in: Option<SourceKind>,
    /// A file with a token of the administrator's
    #[arg(
        long,
        value_name = "FILE",
        requires = "apply",
        conflicts_with = "sign_in"
    )]
    token_file: Option<PathBuf>,
    /// A program, and its arguments between spaces, that prints a token of the administrator's
    #[arg(long, value_name = "COMMAND", requires = "apply", conflicts_with_all = ["sign_in", "token_file"])]
    token_command: Option<String>,
}

/// Sources that need no more than their name.
#[cfg(feature = "doctor")]
fn sign_in(text: &str) -> Result<SourceKind, String> {
    use SourceKind::{
        AzureCli, AzureDeveloperCli, AzurePowershell, ManagedIdentity, WorkloadIdentity,
    };
    let known = [
        AzureCli,
        AzureDeveloperCli,
        AzurePowershell,
        ManagedIdentity,
        WorkloadIdentity,
    ];
    let found = known.into_iter().find(|source| source.as_str() == text);
    found.ok_or_else(|| {
        format!(
            "must be one of {}",
            known.map(SourceKind::as_str).join(", ")
        )
    })
}

#[cfg(feature = "doctor")]
impl ApplyArgs {
    /// Where the administrator's tokens come from.
    pub(crate) fn sign_in(&self) -> IdentityConfig {
        let command = self.token_command.as_deref().unwrap_or_default();
        let source = match (&self.token_file, &self.token_command) {
            (Some(_), _) => SourceKind::File,
            (_, Some(_)) => SourceKind::Command,
            _ => self.sign_in.unwrap_or(SourceKind::AzureCli),
        };
        IdentityConfig {
            name: Some("administrator".to_owned()),
            source,
            token_file: self.token_file.clone(),
            command: command.split_whitespace().map(str::to_owned).collect(),
            ..IdentityConfig::default()
        }
    }
}

impl GrantArgs {
    /// The route, where it is spelled out.
    pub(crate) fn url(&self) -> Option<&str> {
        self.route.as_deref().filter(|route| route.contains("://"))
    }

    /// Whether it is run here, and not only printed.
    pub(crate) fn is_applied(&self) -> bool {
        #[cfg(feature = "doctor")]
        return self.apply.apply;
        #[cfg(not(feature = "doctor"))]
        false
    }

    pub(crate) fn level(&self) -> Level {
        match (self.read_only, self.owner) {
            (true, _) => Level::ReadOnly,
            (_, true) => Level::Owner,
            _ => Level::ReadWrite,
        }
    }

    /// The group, where one is meant.
    pub(crate) fn of_group(&self) -> Option<Known> {
        Some(Known {
            kind: Some(Kind::Group),
            name: Some(self.group.clone()?),
            object_id: self.group_id.clone(),
            ..Known::default()
        })
    }

    /// What is said of the identity.
    pub(crate) fn given(&self) -> Known {
        Known {
            kind: self.kind,
            name: self.name.clone(),
            object_id: self.object_id.clone(),
            client_id: self.client_id.clone(),
            tenant: None,
        }
    }
}
