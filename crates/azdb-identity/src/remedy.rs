//! What a person can do about each fault.
//!
//! ```text
//!   SourceFault --> of(source, whereabouts, fault) --> one line --> the app's error, the log, /status
//! ```
//!
//! The cause says what happened; this says what to do, in the imperative, for somebody who has one terminal and does not know
//! this program. Where the same fault of two sources, or at two places, is mended in two ways the match is over both.
//!
//! # Invariants
//!
//! * A remedy names the key, the variable, the file or the command that mends the cause, not the class of the cause.
//! * Nothing that an endpoint or a program said is in it: that is the cause's, and quoted there.

use crate::audience::is_guid;
use crate::fault::{Answered, ProgramFault, SourceFault, UNKNOWN_APPLICATION};
use crate::http::HttpFault;
use crate::identity::{Chosen, ChosenBy};
use crate::proxy::TunnelFault;
use crate::whereabouts::Whereabouts;
use crate::{Selector, SourceKind};

/// The agent's keys are for one group only.
const HIMDS: &str = "add the user of this process to the group `himds` (`usermod -aG himds USER`), on Windows to the group `Hybrid agent \
                     extension applications` (`net localgroup \"Hybrid agent extension applications\" USER /add`), and start it again";

/// One line of advice about `fault`, which `source` met.
pub(crate) fn of(source: SourceKind, whereabouts: Whereabouts, fault: &SourceFault) -> String {
    match fault {
        SourceFault::Setup { remedy, .. } => (*remedy).to_owned(),
        SourceFault::NoIdentity { remedy, .. } => remedy.clone(),
        SourceFault::TaskBroke => "look for a panic in the log and report it".to_owned(),
        SourceFault::Http { source: fault, .. } => http(source, whereabouts, fault).to_owned(),
        SourceFault::Answered(answer) => answered(source, whereabouts, answer),
        SourceFault::UnknownIdentity { asked, .. } => unknown_identity(source, asked),
        SourceFault::Redirected { .. } => redirected(source).to_owned(),
        SourceFault::Unreadable { .. } => unreadable(source).to_owned(),
        SourceFault::Over { .. } => over(source).to_owned(),
        SourceFault::UnderWay { .. } => under_way(source, whereabouts).to_owned(),
        SourceFault::Empty => {
            "have a token written into it: whoever should do so has not, or writes it in two steps instead of renaming a finished file"
                .to_owned()
        }
        SourceFault::AlmostOver { .. } => {
            "check this machine's clock; otherwise wait until the source gives a newer token"
                .to_owned()
        }
        SourceFault::OtherIdentity { asked, .. } => format!(
            "assign the identity to this resource, or correct {}, or remove it to use the identity that answered",
            place(asked)
        ),
        SourceFault::OtherAudience { .. } => other_audience(source).to_owned(),
        SourceFault::Stray { .. } => unreadable(source).to_owned(),
        SourceFault::Program(fault) => program(source, fault).to_owned(),
        SourceFault::File { .. } => file(source).to_owned(),
    }
}

/// What to do about an exchange that did not come about.
fn http(source: SourceKind, whereabouts: Whereabouts, fault: &HttpFault) -> &'static str {
    match fault {
        HttpFault::Tunnel { fault, .. } => match fault {
            TunnelFault::Refused(407) => {
                "write user and password into `authority_proxy` (`http://user:password@host:port`); the proxy must take \
                 Basic authentication"
            }
            TunnelFault::Refused(401..=406 | 451) => {
                "have the proxy allow CONNECT to port 443 of the Microsoft Entra authority"
            }
            TunnelFault::Refused(_) => {
                "look into the proxy's log: it could not reach the Microsoft Entra authority"
            }
            _ => {
                "check `authority_proxy`: it is an HTTP proxy that takes CONNECT, as `http://host:port`"
            }
        },
        HttpFault::TlsThrough { .. } => {
            "have the proxy pass this host through without opening its TLS: secrets and tokens go to nobody but \
             Microsoft Entra"
        }
        HttpFault::TooLong | HttpFault::LongHead => unreadable(source),
        _ => unreachable(source, whereabouts),
    }
}

/// What to do about an endpoint that cannot be asked.
pub(crate) fn unreachable(source: SourceKind, whereabouts: Whereabouts) -> &'static str {
    match source {
        SourceKind::Imds | SourceKind::Auto | SourceKind::ManagedIdentity => {
            without_imds(whereabouts)
        }
        SourceKind::AppService => {
            "check IDENTITY_ENDPOINT and that a managed identity is turned on for this app; restart it after turning one on"
        }
        SourceKind::AzureArc => {
            "check that the agent runs: `azcmagent show`, `systemctl status himdsd`, on Windows `sc query himds`"
        }
        SourceKind::ServiceFabric => {
            "check that the managed identity token service of the cluster runs and that IDENTITY_SERVER_THUMBPRINT is current"
        }
        _ => {
            "check DNS and outbound HTTPS to the Microsoft Entra authority; where only an HTTP proxy leads there, set \
             `authority_proxy`"
        }
    }
}

/// What to do where the instance metadata service cannot be asked.
fn without_imds(whereabouts: Whereabouts) -> &'static str {
    match whereabouts {
        Whereabouts::Pod => POD_WITHOUT_IDENTITY,
        Whereabouts::ContainerApp | Whereabouts::AppService => without_endpoint(whereabouts),
        Whereabouts::AzureMachine => {
            "let 169.254.169.254 through in this machine's firewall and routes; no HTTP proxy may stand between"
        }
        Whereabouts::ContainerOnAzure => {
            "give the container a network that passes link-local addresses (host networking does), and let 169.254.169.254 through in \
             firewalls and routes"
        }
        Whereabouts::Container => {
            "not on Azure, as it seems: choose another identity source, for example `token_file` or a service principal. On Azure the \
             container's network must pass link-local addresses (host networking does)"
        }
        Whereabouts::Elsewhere => {
            "not on Azure: choose another identity source, for example `azure-cli`. On a virtual machine: let \
             169.254.169.254 through in firewalls and routes. In a container: its network must pass link-local \
             addresses (host networking does). In a pod: a network policy or the node pool may close IMDS to pods, use \
             workload identity"
        }
    }
}

/// A pod that nothing gives an identity.
pub(crate) const POD_WITHOUT_IDENTITY: &str = "label the pod `azure.workload.identity/use: \"true\"` and annotate its service account \
    with `azure.workload.identity/client-id`; network policies and node pools close IMDS to pods, so the node's identity takes \
    `source = \"imds\"` and a way there";

/// What to do where the platform has given no endpoint.
pub(crate) fn without_endpoint(whereabouts: Whereabouts) -> &'static str {
    match whereabouts {
        Whereabouts::ContainerApp => {
            "turn on a managed identity for the container app, which makes a new revision; the identity's lifecycle (identitySettings) must \
             be All, or Main for the app's containers and Init for init containers"
        }
        Whereabouts::Pod => {
            "this is a pod: use workload identity (`source = \"workload-identity\"`)"
        }
        Whereabouts::AppService
        | Whereabouts::AzureMachine
        | Whereabouts::Container
        | Whereabouts::ContainerOnAzure
        | Whereabouts::Elsewhere => {
            "turn on a managed identity for the app and restart it; init containers of Container Apps get none unless their lifecycle \
             says so"
        }
    }
}

/// What to do about a token that was over when it came.
fn over(source: SourceKind) -> &'static str {
    match source {
        SourceKind::File => {
            "have a newer token written into the file: whoever renews it has stopped; or check this machine's clock"
        }
        SourceKind::Command => {
            "have the program fetch a newer token: it prints one that it has kept; or check this machine's clock"
        }
        _ => "check this machine's clock; otherwise wait until the source gives a newer token",
    }
}

/// What to do about a source that has not answered.
fn under_way(source: SourceKind, whereabouts: Whereabouts) -> &'static str {
    match source {
        SourceKind::AzureCli
        | SourceKind::AzureDeveloperCli
        | SourceKind::AzurePowershell
        | SourceKind::Command => {
            "run it by hand as the user of this process: it must end, and must not ask questions"
        }
        SourceKind::File => "check that it lies on a file system that answers",
        _ => unreachable(source, whereabouts),
    }
}

/// Whoever sends us elsewhere is not the endpoint.
fn redirected(source: SourceKind) -> &'static str {
    match source {
        SourceKind::WorkloadIdentity | SourceKind::ServicePrincipal => {
            "check the authority (`cloud`, AZURE_AUTHORITY_HOST); a captive portal or a proxy on the way may have \
             answered in its place"
        }
        _ => {
            "something on the way answered in its place, a captive portal or a transparent proxy: identity endpoints \
             never redirect; let this machine reach the endpoint directly, or choose another identity source"
        }
    }
}

/// Where to correct the id of an identity.
fn place(asked: &Chosen) -> String {
    match &asked.by {
        ChosenBy::Configuration => format!("`{}` in the configuration", asked.selector.key()),
        ChosenBy::Variable(name) => {
            format!("{name}, or overrule it by `{}`", asked.selector.key())
        }
    }
}

/// An id that the endpoint does not know. The usual mistakes: quotes or a line break around it, the object id in place of the
/// client id, an identity that is assigned to another resource.
fn unknown_identity(source: SourceKind, asked: &Chosen) -> String {
    let place = place(asked);
    if let Selector::ClientId(id) | Selector::ObjectId(id) = &asked.selector
        && !is_guid(id)
    {
        return format!(
            "correct {place}: it is no id, which has 8-4-4-4-12 hexadecimal digits and nothing around them"
        );
    }
    match source {
        SourceKind::WorkloadIdentity | SourceKind::ServicePrincipal => format!(
            "correct {place}, or `tenant_id`: the right one is the Application (client) ID of the app registration or the \
             identity (`az ad app list`, `az identity list`), not its object id"
        ),
        SourceKind::AppService => format!(
            "assign the identity to this app, or correct {place}: the right ones are on the app's Identity page and in \
             `az identity list`; in Container Apps look at the identity's lifecycle setting, too"
        ),
        _ => format!(
            "assign the identity to this resource, or correct {place}: the right ones are on the resource's Identity page \
             and in `az identity list`"
        ),
    }
}

/// A token that another service would take.
fn other_audience(source: SourceKind) -> &'static str {
    match source {
        SourceKind::Command => {
            "have the program ask for the database's audience, or set the route's `audience`; routes with other \
             audiences need identities of their own"
        }
        SourceKind::File => {
            "have a token for the database's audience written into the file, or set the route's `audience`; routes with \
             other audiences need files of their own"
        }
        _ => {
            "check the route's `audience` and `cloud`; otherwise something other than the identity endpoint may have answered"
        }
    }
}

/// What to do about an endpoint's "no". The same status means other things to other endpoints: 401 is a group to Arc and a
/// stale header to App Service, 404 a tenant to the authority and patience to IMDS.
fn answered(source: SourceKind, whereabouts: Whereabouts, answer: &Answered) -> String {
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
        (SourceKind::AppService, 400 | 403 | 404) if whereabouts == Whereabouts::ContainerApp => {
            "assign the identity to the container app, or check `client_id`; its lifecycle (identitySettings) must be All, or Main for the \
             app's containers and Init for init containers"
        }
        (SourceKind::Imds, 403) if whereabouts.is_azures_own_machine() => {
            "this virtual machine enforces the Metadata Security Protocol: allow this program (its path, its user) in the access control \
             profile of IMDS; without it assign an identity to the machine, and keep HTTP proxies away from 169.254.169.254"
        }
        (SourceKind::Imds, 403) => {
            "this machine, or this process, may not use the endpoint (Docker Desktop and HTTP proxies answer so, too): on \
             Azure assign an identity, and where the Metadata Security Protocol is enforced allow this program in its \
             access control profile; elsewhere choose another source, for example `azure-cli`"
        }
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
        UNKNOWN_APPLICATION => {
            "the client id is not known in this tenant: check `client_id` and `tenant_id`"
        }
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

/// What to do about an answer, a file or a print that is no token.
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

/// What to do about a file that cannot be read.
fn file(source: SourceKind) -> &'static str {
    match source {
        SourceKind::AzureArc => HIMDS,
        _ => "check that it is a regular file and that the user of this process may read it",
    }
}

/// What to do about a program. Sign-in tools that fail want a sign-in; a program of the user's own is the user's.
fn program(source: SourceKind, fault: &ProgramFault) -> &'static str {
    match (source, fault) {
        (SourceKind::AzureCli, ProgramFault::NotFound { .. }) => {
            "install the Azure CLI and run `az login`, or choose another identity source"
        }
        (SourceKind::AzureDeveloperCli, ProgramFault::NotFound { .. }) => {
            "install the Azure Developer CLI and run `azd auth login`, or choose another identity source"
        }
        (SourceKind::AzurePowershell, ProgramFault::NotFound { .. }) => {
            "install PowerShell 7 and its module Az.Accounts, or choose another identity source"
        }
        (SourceKind::AzureCli, ProgramFault::Failed { .. }) => {
            "run `az login --allow-no-subscriptions` as the user of this process; \
             under sudo, systemd or Windows' service manager set AZURE_CONFIG_DIR"
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
