//! `auto`: which source the surroundings speak for.
//!
//! The first that applies:
//!
//! 1. workload identity, when AKS's webhook gave a federated token file;
//! 2. Service Fabric, App Service and Container Apps, by `IDENTITY_ENDPOINT` and its companions;
//! 3. Azure ML and Cloud Shell, which are only recognised: the error names `command`;
//! 4. Azure Arc, by its variables or by its agent on disk;
//! 5. a service principal that stands in the environment;
//! 6. IMDS, a guess that fails within seconds when nobody is there;
//! 7. on a terminal, the sign-ins of `az`, `azd` and Azure PowerShell.
//!
//! # Invariants
//!
//! * A pod that the workload-identity webhook missed never gets its node's identity by accident.
//! * A service started without a terminal never runs as whoever signed in on the machine.

use azdb_quote::Quoted;
use tracing::warn;

use super::Surroundings;
use crate::whereabouts::Whereabouts;
use crate::{IdentityConfig, SourceKind, TokenError, remedy};

/// The outcome of picking.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) kind: SourceKind,
    pub(super) guessed: bool,
    pub(super) otherwise: Vec<SourceKind>,
    /// For the log.
    pub(super) why: String,
}

/// The sign-ins of a person, in the order in which they are tried.
const DEVELOPER: [SourceKind; 3] = [
    SourceKind::AzureCli,
    SourceKind::AzureDeveloperCli,
    SourceKind::AzurePowershell,
];

pub(super) fn pick(identity: &IdentityConfig, around: &Surroundings) -> Result<Picked, TokenError> {
    match identity.source {
        SourceKind::Auto => auto(identity, around),
        SourceKind::ManagedIdentity => match managed(around)? {
            Some(picked) => Ok(picked),
            None => Ok(sure(
                SourceKind::Imds,
                "no variables of another managed identity",
            )),
        },
        kind => Ok(sure(kind, "the configuration names it")),
    }
}

fn auto(identity: &IdentityConfig, around: &Surroundings) -> Result<Picked, TokenError> {
    let mut developer = around.on_terminal;
    if let Some(wanted) = around.environment.get("AZURE_TOKEN_CREDENTIALS") {
        match wanted.to_ascii_lowercase().as_str() {
            "prod" => developer = false,
            "dev" => return Ok(first_of(&DEVELOPER, "AZURE_TOKEN_CREDENTIALS is dev")),
            name => return named(name, around),
        }
    }
    if let Some(picked) = deployed(identity, around)? {
        return Ok(picked);
    }
    // Container Apps run in a cluster, too, and IMDS has been seen to answer there.
    if Whereabouts::told(&around.environment) == Some(Whereabouts::Pod) {
        return match developer {
            true => Ok(first_of(
                &DEVELOPER,
                "a terminal in a pod without workload identity",
            )),
            false => Err(pod_without_identity()),
        };
    }
    let why = "nothing speaks for another source";
    let otherwise = if developer {
        DEVELOPER.to_vec()
    } else {
        Vec::new()
    };
    let (kind, why) = (SourceKind::Imds, why.to_owned());
    Ok(Picked {
        kind,
        guessed: true,
        otherwise,
        why,
    })
}

/// What the platform says for sure.
fn deployed(
    identity: &IdentityConfig,
    around: &Surroundings,
) -> Result<Option<Picked>, TokenError> {
    let set = |name| around.environment.get(name).is_some();
    let client = set("AZURE_CLIENT_ID") || identity.selector.is_some();
    let tenant = set("AZURE_TENANT_ID") || identity.tenant_id.is_some();
    if set("AZURE_FEDERATED_TOKEN_FILE") && client && tenant {
        let why = "AZURE_FEDERATED_TOKEN_FILE, a tenant and a client id are set";
        return Ok(Some(sure(SourceKind::WorkloadIdentity, why)));
    }
    if let Some(picked) = managed(around)? {
        return Ok(Some(picked));
    }
    let proof = ["AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"];
    let proof = proof.into_iter().find(|name| set(name));
    Ok(match proof {
        Some(name) if client && tenant => {
            let why = format!("{name}, a tenant and a client id are set");
            Some(sure(SourceKind::ServicePrincipal, &why))
        }
        _ => None,
    })
}

/// A managed identity that leaves traces.
fn managed(around: &Surroundings) -> Result<Option<Picked>, TokenError> {
    let set = |name| around.environment.get(name).is_some();
    let endpoint = set("IDENTITY_ENDPOINT");
    let header = set("IDENTITY_HEADER");
    let picked = if endpoint && header && set("IDENTITY_SERVER_THUMBPRINT") {
        let why = "IDENTITY_ENDPOINT, IDENTITY_HEADER and IDENTITY_SERVER_THUMBPRINT are set";
        sure(SourceKind::ServiceFabric, why)
    } else if endpoint && header {
        sure(
            SourceKind::AppService,
            "IDENTITY_ENDPOINT and IDENTITY_HEADER are set",
        )
    } else if set("MSI_ENDPOINT") {
        return Err(only_recognised(set("MSI_SECRET")));
    } else if endpoint && set("IMDS_ENDPOINT") {
        sure(
            SourceKind::AzureArc,
            "IDENTITY_ENDPOINT and IMDS_ENDPOINT are set",
        )
    } else if around.arc_agent.exists() {
        sure(SourceKind::AzureArc, "the Azure Arc agent is installed")
    } else {
        if header || set("IDENTITY_SERVER_THUMBPRINT") {
            warn!(
                "IDENTITY_HEADER or IDENTITY_SERVER_THUMBPRINT without IDENTITY_ENDPOINT: ignored"
            );
        }
        return Ok(None);
    };
    Ok(Some(picked))
}

/// The names that other languages' DefaultAzureCredential takes.
fn named(name: &str, around: &Surroundings) -> Result<Picked, TokenError> {
    let why = "AZURE_TOKEN_CREDENTIALS names it";
    let kind = match name {
        "environmentcredential" => SourceKind::ServicePrincipal,
        "workloadidentitycredential" => SourceKind::WorkloadIdentity,
        "managedidentitycredential" => {
            return Ok(managed(around)?.unwrap_or_else(|| sure(SourceKind::Imds, why)));
        }
        "azureclicredential" => SourceKind::AzureCli,
        "azuredeveloperclicredential" => SourceKind::AzureDeveloperCli,
        "azurepowershellcredential" => SourceKind::AzurePowershell,
        _ => {
            return Err(TokenError::setup(
                SourceKind::Auto,
                format!(
                    "AZURE_TOKEN_CREDENTIALS has a value that is not served here: {}",
                    Quoted(name.as_bytes())
                ),
                "set it to prod, dev or a credential of a program; sign-ins of Visual Studio and VS Code are not read: \
                 run `az login --allow-no-subscriptions` or `Connect-AzAccount`",
            ));
        }
    };
    Ok(sure(kind, why))
}

fn sure(kind: SourceKind, why: &str) -> Picked {
    let (otherwise, why) = (Vec::new(), why.to_owned());
    Picked {
        kind,
        guessed: false,
        otherwise,
        why,
    }
}

fn first_of(kinds: &[SourceKind; 3], why: &str) -> Picked {
    let [kind, otherwise @ ..] = kinds;
    Picked {
        otherwise: otherwise.to_vec(),
        ..sure(*kind, why)
    }
}

fn pod_without_identity() -> TokenError {
    TokenError::setup(
        SourceKind::Auto,
        "this pod has no workload identity: AZURE_FEDERATED_TOKEN_FILE is not set".to_owned(),
        remedy::POD_WITHOUT_IDENTITY,
    )
}

fn only_recognised(with_secret: bool) -> TokenError {
    let (cause, remedy) = match with_secret {
        true => (
            "this looks like Azure Machine Learning (MSI_ENDPOINT and MSI_SECRET), which is not a source of its own",
            "use `source = \"command\"` with a program that asks MSI_ENDPOINT, or unset the variables if they are stale",
        ),
        false => (
            "this looks like Cloud Shell (MSI_ENDPOINT), which is not a source of its own",
            "use `source = \"azure-cli\"`, or `source = \"command\"` with a program that prints a token",
        ),
    };
    TokenError::setup(SourceKind::Auto, cause.to_owned(), remedy)
}
