//! What a person can do about each fault.

use crate::SourceKind;
use crate::fault::{Answered, ProgramFault, SourceFault};

/// The agent's keys are for one group only.
const HIMDS: &str = "add the user of this process to the group `himds` (`usermod -aG himds USER`) and start it again";

/// One line of advice.
pub(crate) fn of(source: SourceKind, fault: &SourceFault) -> String {
    match fault {
        SourceFault::Setup { remedy, .. } => (*remedy).to_owned(),
        SourceFault::NoIdentity { remedy, .. } => remedy.clone(),
        SourceFault::TaskBroke => "look for a panic in the log and report it".to_owned(),
        SourceFault::Http { .. } => unreachable(source).to_owned(),
        SourceFault::Answered(answer) => answered(source, answer),
        SourceFault::Unreadable { .. } => unreadable(source).to_owned(),
        SourceFault::AlmostOver { .. } => {
            "check this machine's clock; otherwise wait until the source gives a newer token"
                .to_owned()
        }
        SourceFault::OtherIdentity { asked, .. } => format!(
            "assign the identity to this resource and check {} (it may come from AZURE_CLIENT_ID or Service Connector), \
             or remove it to use the identity that answered",
            asked.key()
        ),
        SourceFault::Program(fault) => program(source, fault).to_owned(),
        SourceFault::File { .. } => file(source).to_owned(),
    }
}

/// What to do about an endpoint that cannot be asked.
pub(crate) fn unreachable(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Imds | SourceKind::Auto | SourceKind::ManagedIdentity => {
            "is this an Azure virtual machine? If not, choose another identity source, for example `azure-cli`; \
             if it is, allow 169.254.169.254 in firewalls and network policies (no HTTP proxy is used)"
        }
        SourceKind::AppService => {
            "check IDENTITY_ENDPOINT and that a managed identity is turned on for this app; restart it after turning one on"
        }
        SourceKind::AzureArc => {
            "check that the agent runs: `azcmagent show`, `systemctl status himdsd`"
        }
        SourceKind::ServiceFabric => {
            "check that the managed identity token service of the cluster runs and that IDENTITY_SERVER_THUMBPRINT is current"
        }
        _ => {
            "check DNS and outbound HTTPS to the Microsoft Entra authority (no HTTP proxy is used)"
        }
    }
}

fn answered(source: SourceKind, answer: &Answered) -> String {
    if let Some(code) = answer.aadsts {
        return aadsts(code);
    }
    let advice = match (source, answer.status) {
        (_, 429) => {
            "wait: the endpoint throttles this machine; look for other programs on it that fetch tokens in a loop"
        }
        (SourceKind::WorkloadIdentity | SourceKind::ServicePrincipal, 404) => {
            "check the tenant id and the authority host"
        }
        (SourceKind::Imds | SourceKind::AzureArc, 404 | 410) => {
            "wait: the endpoint is being updated and is back within about a minute"
        }
        (_, 408 | 500..=599) => {
            "wait; if it lasts, see the status of the platform, and look for an HTTP proxy between here and the endpoint"
        }
        (SourceKind::AzureArc, 401 | 403) => HIMDS,
        (_, 403) => {
            "this machine may not use the endpoint (Docker Desktop and HTTP proxies answer so, too): \
             on Azure assign an identity, elsewhere choose another source, for example `azure-cli`"
        }
        (SourceKind::AppService, 401) => {
            "restart the app: IDENTITY_HEADER is not the one of this instance"
        }
        (_, 400) if answer.says("multiple") => {
            "several identities are assigned: set `client_id` to the one that the database knows"
        }
        (
            SourceKind::Imds
            | SourceKind::AppService
            | SourceKind::ServiceFabric
            | SourceKind::AzureArc,
            _,
        ) => {
            "assign a managed identity to this resource, or check `client_id`; with only user-assigned identities \
             `client_id` is required"
        }
        _ => "check the identity's configuration",
    };
    advice.to_owned()
}

/// The codes that configuration mistakes cause.
fn aadsts(code: u32) -> String {
    let advice = match code {
        700_016 => "the client id is not known in this tenant: check `client_id` and `tenant_id`",
        7_000_215 => "the client secret is wrong: use the secret's value, not its id",
        7_000_222 => "the client secret has expired: make a new one",
        700_027 | 7_000_227 => {
            "the certificate does not match the app registration, or has expired: upload the current one"
        }
        70_021 | 700_211 | 700_212 | 700_213 => {
            "no federated credential matches: compare issuer, subject and audience with the service account"
        }
        700_024 => {
            "the federated token is out of its time: check this machine's clock and the projected token"
        }
        500_011 | 50_001 => {
            "the database service is not known in this tenant: check the cloud, the tenant and `audience`"
        }
        90_002 | 900_021 | 900_023 => {
            "the tenant does not exist in this cloud: check `tenant_id` and `cloud`"
        }
        50_034 | 50_057 | 50_173 | 70_043 | 700_082 => "sign in again",
        _ => {
            return format!(
                "look up AADSTS{code} at https://login.microsoftonline.com/error?code={code}"
            );
        }
    };
    advice.to_owned()
}

fn unreadable(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Command => {
            "print a bare token, or JSON with `access_token` and `expires_on` (or `expires_in`), and nothing else"
        }
        SourceKind::File => {
            "put a bare token into the file, or JSON with `access_token` and `expires_on`"
        }
        SourceKind::AzureCli => "update the Azure CLI to 2.54 or newer",
        _ => {
            "something other than the identity endpoint may have answered: look for a proxy or a captive portal"
        }
    }
}

fn file(source: SourceKind) -> &'static str {
    match source {
        SourceKind::AzureArc => HIMDS,
        _ => "check that the file exists and that the user of this process may read it",
    }
}

fn program(source: SourceKind, fault: &ProgramFault) -> &'static str {
    match (source, fault) {
        (SourceKind::AzureCli, ProgramFault::NotFound { .. }) => {
            "install the Azure CLI and run `az login`, or choose another identity source"
        }
        (SourceKind::AzureDeveloperCli, ProgramFault::NotFound { .. }) => {
            "install the Azure Developer CLI and run `azd auth login`, or choose another identity source"
        }
        (SourceKind::AzurePowershell, ProgramFault::NotFound { .. }) => {
            "install PowerShell 7 and the module Az.Accounts, or choose another identity source"
        }
        (SourceKind::AzureCli, ProgramFault::Failed { .. }) => {
            "run `az login --allow-no-subscriptions` as the user of this process; \
             under sudo or systemd set AZURE_CONFIG_DIR"
        }
        (SourceKind::AzureDeveloperCli, ProgramFault::Failed { .. }) => {
            "run `azd auth login` as the user of this process"
        }
        (SourceKind::AzurePowershell, ProgramFault::Failed { .. }) => {
            "run `Connect-AzAccount` as the user of this process"
        }
        (_, ProgramFault::NotFound { .. } | ProgramFault::Start { .. }) => {
            "give the full path of the program and make it executable for the user of this process"
        }
        (_, ProgramFault::TooSlow { .. }) => "run it by hand: it must not ask questions",
        _ => "run it by hand as the user of this process",
    }
}
