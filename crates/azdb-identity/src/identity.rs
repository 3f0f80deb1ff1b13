//! Which identity is wanted and where its tokens come from, as the configuration says it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use azdb_quote::Quoted;
use zeroize::Zeroizing;

use crate::Cloud;
use crate::proxy::AuthorityProxy;

/// Where tokens come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum SourceKind {
    /// Picked from what the platform gave to the process.
    #[default]
    Auto,
    /// As `Auto`, but only among the managed-identity endpoints.
    ManagedIdentity,
    /// The instance metadata service of a virtual machine.
    Imds,
    /// The endpoint of App Service, Functions and Container Apps.
    AppService,
    /// The agent of an Azure Arc machine.
    AzureArc,
    /// The endpoint of a Service Fabric node.
    ServiceFabric,
    /// A federated token file, as AKS gives it to a pod.
    WorkloadIdentity,
    /// An app registration with a client secret or a certificate.
    ServicePrincipal,
    /// `az account get-access-token`.
    AzureCli,
    /// `azd auth token`.
    AzureDeveloperCli,
    /// `Get-AzAccessToken`.
    AzurePowershell,
    /// A program that prints a token.
    Command,
    /// A file that holds a token.
    File,
}

impl SourceKind {
    /// Every kind, in the order in which documentation lists them.
    pub const ALL: [Self; 13] = [
        Self::Auto,
        Self::ManagedIdentity,
        Self::Imds,
        Self::AppService,
        Self::AzureArc,
        Self::ServiceFabric,
        Self::WorkloadIdentity,
        Self::ServicePrincipal,
        Self::AzureCli,
        Self::AzureDeveloperCli,
        Self::AzurePowershell,
        Self::Command,
        Self::File,
    ];

    /// The name in configuration, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::ManagedIdentity => "managed-identity",
            Self::Imds => "imds",
            Self::AppService => "app-service",
            Self::AzureArc => "azure-arc",
            Self::ServiceFabric => "service-fabric",
            Self::WorkloadIdentity => "workload-identity",
            Self::ServicePrincipal => "service-principal",
            Self::AzureCli => "azure-cli",
            Self::AzureDeveloperCli => "azure-developer-cli",
            Self::AzurePowershell => "azure-powershell",
            Self::Command => "command",
            Self::File => "file",
        }
    }

    /// Who answers, as the subject of a sentence for a person.
    pub(crate) fn speaker(self) -> &'static str {
        match self {
            Self::Auto | Self::ManagedIdentity => "this machine",
            Self::Imds => "IMDS",
            Self::AppService => "the App Service identity endpoint",
            Self::AzureArc => "the Azure Arc agent",
            Self::ServiceFabric => "the Service Fabric identity endpoint",
            Self::WorkloadIdentity | Self::ServicePrincipal => "Microsoft Entra",
            Self::AzureCli => "the Azure CLI",
            Self::AzureDeveloperCli => "the Azure Developer CLI",
            Self::AzurePowershell => "Azure PowerShell",
            Self::Command => "the token command",
            Self::File => "the token file",
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a source was not one of [`SourceKind::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown identity source `{0}`")]
pub struct UnknownSource(String);

impl FromStr for SourceKind {
    type Err = UnknownSource;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| UnknownSource(name.to_owned()))
    }
}

/// Which user-assigned identity is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selector {
    /// Its client (application) id.
    ClientId(String),
    /// Its object (principal) id.
    ObjectId(String),
    /// Its Azure resource id, `/subscriptions/…`.
    ResourceId(String),
}

impl Selector {
    /// The id itself.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::ClientId(id) | Self::ObjectId(id) | Self::ResourceId(id) => id,
        }
    }

    /// The configuration key that holds such an id.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::ClientId(_) => "client_id",
            Self::ObjectId(_) => "object_id",
            Self::ResourceId(_) => "resource_id",
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may come from a variable, with whatever somebody put there.
        write!(f, "{} {}", self.key(), Quoted(self.id().as_bytes()))
    }
}

/// The identity that is asked for, and who chose it.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) selector: Selector,
    pub(crate) by: ChosenBy,
}

/// Where the id of an identity was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChosenBy {
    Configuration,
    /// A variable of the process, by its name.
    Variable(String),
}

/// Whoever chose it, it is the same identity, and has one token.
impl PartialEq for Chosen {
    fn eq(&self, other: &Self) -> bool {
        self.selector == other.selector
    }
}

impl Eq for Chosen {}

impl Hash for Chosen {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.selector.hash(state);
    }
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.selector, self.by)
    }
}

impl fmt::Display for ChosenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration => f.write_str("the configuration"),
            Self::Variable(name) => write!(f, "the variable {name}"),
        }
    }
}

/// The secret of a service principal, where it stands in no file. It is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(Arc<Zeroizing<String>>);

impl ClientSecret {
    /// This one.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(Arc::new(Zeroizing::new(secret.to_owned())))
    }

    /// For the one request that it is meant for.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl Hash for ClientSecret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(not shown)")
    }
}

/// One `[identity]` table of the configuration. It names files that hold secrets; the only secrets in it can be the password
/// of a proxy and what a variable held, which are not shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct IdentityConfig {
    /// What people call it, if they do: for log lines.
    pub name: Option<String>,
    /// Where tokens come from.
    pub source: SourceKind,
    /// The user-assigned identity; `None` asks for the system-assigned one, unless the platform's variables name another.
    pub selector: Option<Selector>,
    /// The tenant, for the sources that need one; `None` takes `AZURE_TENANT_ID`.
    pub tenant_id: Option<String>,
    /// The file with the client secret of a service principal.
    pub client_secret_file: Option<PathBuf>,
    /// The client secret itself, where a variable holds it.
    pub client_secret: Option<ClientSecret>,
    /// The PEM file with certificate and private key of a service principal.
    pub certificate_file: Option<PathBuf>,
    /// The program and its arguments, for [`SourceKind::Command`].
    pub command: Vec<String>,
    /// The file, for [`SourceKind::File`]; for [`SourceKind::WorkloadIdentity`] it overrides `AZURE_FEDERATED_TOKEN_FILE`.
    pub token_file: Option<PathBuf>,
    /// The HTTP proxy on the way to the authority; `None` goes there directly.
    pub authority_proxy: Option<AuthorityProxy>,
    /// The cloud whose authority is asked; `None` infers it.
    pub cloud: Option<Cloud>,
    /// Whether the first token waits for the first app.
    pub lazy: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for kind in SourceKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!(
            "IMDS".parse::<SourceKind>(),
            Err(UnknownSource("IMDS".to_owned()))
        );
    }
}
