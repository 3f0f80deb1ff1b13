//! From a configuration and its surroundings to one definite question.
//!
//! ```text
//!   source ----------- pick ------> kind, and what to try after it
//!   client_id, … ----- chosen ----> identity, and who chose it
//!   cloud, audience -- authority -> authority, and the proxy on the way
//!                      require ---> what is missing is told before anybody is asked
//! ```
//!
//! Two configurations that come to the same plan share one token, so what makes no difference must not be in one: an authority
//! where nobody asks it, or the place where an id was written (see [`Chosen`]).

use std::path::PathBuf;

use tracing::warn;

use super::{Surroundings, authority, pick};
use crate::identity::{Chosen, ChosenBy};
use crate::proxy::{self, ProxyUrl};
use crate::{
    Audience, ClientSecret, Environment, IdentityConfig, Selector, SourceKind, TokenError,
};

/// What a configuration came to, in these surroundings: the key under which a token is shared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Plan {
    pub(crate) kind: SourceKind,
    /// True when nothing but the lack of anything else speaks for this source.
    pub(crate) guessed: bool,
    /// The sources to try after this one.
    pub(crate) otherwise: Vec<SourceKind>,
    /// The identity that is asked for; `None` asks for the only one, or the system-assigned one.
    pub(crate) identity: Option<Chosen>,
    /// The tenant, for the authority or a developer's tool.
    pub(crate) tenant: Option<String>,
    /// An https URL without a slash at its end; empty where no authority is asked.
    pub(crate) authority: String,
    /// What leads to the authority, if the way there is not direct.
    pub(crate) proxy: Option<ProxyUrl>,
    pub(crate) client_secret_file: Option<PathBuf>,
    pub(crate) client_secret: Option<ClientSecret>,
    pub(crate) certificate_file: Option<PathBuf>,
    pub(crate) command: Vec<String>,
    pub(crate) token_file: Option<PathBuf>,
}

impl Plan {
    /// The tenant, where one is required.
    pub(super) fn tenant(&self) -> &str {
        self.tenant.as_deref().unwrap_or_default()
    }

    /// The id of the identity, where one is required.
    pub(super) fn client_id(&self) -> &str {
        let chosen = self.identity.as_ref();
        chosen
            .map(|chosen| chosen.selector.id())
            .unwrap_or_default()
    }

    /// The same question to another source.
    pub(crate) fn of_kind(&self, kind: SourceKind, guessed: bool) -> Self {
        let otherwise = Vec::new();
        Self {
            kind,
            guessed,
            otherwise,
            ..self.clone()
        }
    }
}

/// Decides which source serves `identity`, and why: the second half is for the log.
pub(crate) fn plan(
    identity: &IdentityConfig,
    audience: &Audience,
    surroundings: &Surroundings,
) -> Result<(Plan, String), TokenError> {
    let environment = &surroundings.environment;
    let picked = pick::pick(identity, surroundings)?;
    let kind = picked.kind;
    let chosen = chosen(identity, audience, environment, kind);
    // A developer's tool knows its own tenant: only the configuration overrides that.
    let tenant = identity.tenant_id.clone().or_else(|| match kind {
        SourceKind::WorkloadIdentity | SourceKind::ServicePrincipal => {
            environment.get("AZURE_TENANT_ID").map(str::to_owned)
        }
        _ => None,
    });
    // Where nobody asks an authority it must not part what is the same.
    let (authority, proxy) = match kind {
        SourceKind::WorkloadIdentity | SourceKind::ServicePrincipal => {
            authority::of(identity, audience, environment)
                .and_then(|authority| {
                    let configured = identity.authority_proxy.as_ref();
                    let proxy = proxy::on_the_way_to(&authority, configured, environment)?;
                    Ok((authority, proxy))
                })
                .map_err(|fault| TokenError::new(kind, fault))?
        }
        _ => (String::new(), None),
    };
    let plan = Plan {
        kind,
        guessed: picked.guessed,
        otherwise: picked.otherwise,
        identity: chosen,
        tenant,
        authority,
        proxy,
        client_secret_file: identity.client_secret_file.clone(),
        client_secret: identity.client_secret.clone(),
        certificate_file: identity.certificate_file.clone(),
        command: identity.command.clone(),
        token_file: identity.token_file.clone(),
    };
    require(&plan, environment)?;
    let why = match &plan.identity {
        Some(chosen) => format!("{}; identity chosen by {}", picked.why, chosen.by),
        None => picked.why,
    };
    Ok((plan, why))
}

/// The identity to ask for, and who chose it: configuration, Service Connector, `AZURE_CLIENT_ID`, or nobody.
fn chosen(
    identity: &IdentityConfig,
    audience: &Audience,
    environment: &Environment,
    kind: SourceKind,
) -> Option<Chosen> {
    let takes_one = match kind {
        SourceKind::Auto
        | SourceKind::ManagedIdentity
        | SourceKind::Imds
        | SourceKind::AppService
        | SourceKind::AzureArc
        | SourceKind::WorkloadIdentity
        | SourceKind::ServicePrincipal => true,
        // It can be refused only if it is known.
        SourceKind::ServiceFabric => identity.selector.is_some(),
        _ => false,
    };
    if !takes_one {
        return None;
    }
    if let Some(selector) = identity.selector.clone() {
        let by = ChosenBy::Configuration;
        return Some(Chosen { selector, by });
    }
    let common = ("AZURE_CLIENT_ID", environment.get("AZURE_CLIENT_ID"));
    let (name, id) = connected(audience, environment).or_else(|| Some((common.0, common.1?)))?;
    Some(Chosen {
        selector: Selector::ClientId(id.to_owned()),
        by: ChosenBy::Variable(name.to_owned()),
    })
}

/// The client id that Service Connector gave for this kind of database, and its variable.
fn connected<'a>(audience: &Audience, environment: &'a Environment) -> Option<(&'a str, &'a str)> {
    let host = audience.host().unwrap_or_default();
    let types: &[&str] = match host.split('.').next() {
        Some("ossrdbms-aad") => &["POSTGRESQL", "MYSQL"],
        Some("database") => &["SQL"],
        _ => return None,
    };
    match environment.service_connector_client_ids(types).as_slice() {
        [] => None,
        [one] => Some(*one),
        several => {
            let found = several.len();
            warn!(%audience, found, "several CLIENTID variables of Service Connector: set `client_id`");
            None
        }
    }
}

/// Reports what the source cannot do without, before it is asked.
fn require(plan: &Plan, environment: &Environment) -> Result<(), TokenError> {
    let missing = |what: &str, remedy| {
        let cause = format!("source `{}` needs {what}", plan.kind);
        Err(TokenError::setup(plan.kind, cause, remedy))
    };
    let in_config = "add the key to the identity in the configuration";
    match plan.kind {
        SourceKind::Command if plan.command.is_empty() => missing("`command`", in_config),
        SourceKind::File if plan.token_file.is_none() => missing("`token_file`", in_config),
        SourceKind::ServiceFabric if plan.identity.is_some() => Err(TokenError::setup(
            plan.kind,
            "Service Fabric gives an application exactly one identity".to_owned(),
            "remove `client_id`, `object_id` or `resource_id`, and name the identity in the application manifest",
        )),
        SourceKind::WorkloadIdentity | SourceKind::ServicePrincipal => {
            match plan.identity.as_ref().map(|chosen| &chosen.selector) {
                None => {
                    return missing("a client id", "set `client_id` (or AZURE_CLIENT_ID)");
                }
                Some(Selector::ClientId(_)) => {}
                Some(_) => return missing("a client id, no other id", "set `client_id` instead"),
            }
            if plan.tenant.is_none() {
                return missing("a tenant", "set `tenant_id` (or AZURE_TENANT_ID)");
            }
            let (file, variables, remedy): (_, &[&str], _) = match plan.kind {
                SourceKind::WorkloadIdentity => (
                    plan.token_file.is_some(),
                    &["AZURE_FEDERATED_TOKEN_FILE"],
                    "label the pod `azure.workload.identity/use: \"true\"` and give it the annotated service account, \
                     or set `token_file`",
                ),
                _ => (
                    plan.client_secret_file.is_some()
                        || plan.client_secret.is_some()
                        || plan.certificate_file.is_some(),
                    &["AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"],
                    "set `client_secret_file` or `certificate_file`",
                ),
            };
            let found = variables.iter().any(|name| environment.get(name).is_some());
            if file || found {
                Ok(())
            } else {
                missing("a proof of who it is", remedy)
            }
        }
        _ => Ok(()),
    }
}
