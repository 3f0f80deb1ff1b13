//! Which authority of Microsoft Entra to ask, and how to ask it with an assertion.
//!
//! The variable beats the database's cloud, because it may name an authority that no cloud of ours has; the configuration beats
//! the variable. Secrets are sent there, so it is https or nothing.

use std::fmt;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::http::{ClientMethodOptions, ClientOptions, Url};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions,
};
use zeroize::Zeroizing;

use super::Plan;
use crate::fault::SourceFault;
use crate::http::{Answer, Line};
use crate::sdk::Amend;
use crate::{Audience, Cloud, Environment, IdentityConfig, sdk};

/// The configuration's cloud, else `AZURE_AUTHORITY_HOST`, else the cloud of the database, else the public one.
pub(super) fn of(
    identity: &IdentityConfig,
    audience: &Audience,
    environment: &Environment,
) -> Result<String, SourceFault> {
    const VARIABLE: &str = "AZURE_AUTHORITY_HOST";
    if let Some(cloud) = &identity.cloud {
        return Ok(cloud.authority().to_owned());
    }
    let Some(host) = environment.get(VARIABLE) else {
        let cloud = audience.host().and_then(Cloud::from_host);
        return Ok(cloud.unwrap_or(Cloud::Public).authority().to_owned());
    };
    let url = match host.contains("://") {
        true => host.to_owned(),
        false => format!("https://{host}"),
    };
    let https =
        Url::parse(&url).is_ok_and(|url| url.scheme() == "https" && url.host_str().is_some());
    if !https {
        return Err(SourceFault::Setup {
            cause: format!("{VARIABLE} is not an https URL"),
            remedy: "correct the variable, or set `cloud`: secrets are sent there, and only encrypted",
        });
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// Directs a credential to an authority.
pub(super) fn at_authority(options: ClientOptions, authority: &str) -> ClientOptions {
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host = authority.to_owned();
    ClientOptions {
        cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
        ..options
    }
}

/// Asks with a statement of who we are: one that we signed with a certificate, or a federated token.
pub(super) async fn ask_with_assertion(
    assertion: Zeroizing<String>,
    plan: &Plan,
    audience: &Audience,
    (line, amend): (&Line, Amend),
) -> Result<Answer, SourceFault> {
    let (client_options, reply) = sdk::line_out(line, amend);
    let client_options = at_authority(client_options, &plan.authority);
    let options = ClientAssertionCredentialOptions { client_options };
    let credential = ClientAssertionCredential::new(
        plan.tenant().to_owned(),
        plan.client_id().to_owned(),
        Assertion(assertion),
        Some(options),
    );
    let credential = credential.map_err(|error| sdk::refused(&error))?;
    sdk::ask(&*credential, audience, reply).await
}

/// An assertion that is ready.
struct Assertion(Zeroizing<String>);

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertion")
    }
}

#[async_trait::async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.to_string())
    }
}
