//! Which authority of Microsoft Entra to ask.

use azure_core::http::Url;

use crate::fault::SourceFault;
use crate::{Audience, Cloud, Environment, IdentityConfig};

/// The configuration's cloud, else `AZURE_AUTHORITY_HOST`, else the cloud of the database, else the public one.
pub(super) fn of(
    identity: &IdentityConfig,
    audience: &Audience,
    environment: &Environment,
) -> Result<String, SourceFault> {
    const VARIABLE: &str = "AZURE_AUTHORITY_HOST";
    if let Some(cloud) = identity.cloud {
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
