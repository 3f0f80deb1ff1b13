//! How a route logs in upstream: `upstream_auth`, the password or the audience, and where a token may go.
//!
//! # Invariants
//!
//! * With the platform's roots a token goes only to a name that [`token_host`](super::token_host) allows.

use azdb_identity::{Audience, Cloud};

use super::clouds::{CLOUDS, cloud_name};
use super::files;
use super::keys::{Secret, Word, of_route as keys};
use super::problems::{Checked, Reported, Written};
use super::section::Section;
use super::token_host::{has_certificate, is_in, may_have_token, service_of};
use super::upstream_tls::CheckedTls;
use crate::route::{Endpoint, Principals, ProtocolName, Roots, UpstreamAuth, UpstreamTls};

/// `upstream_auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginWith {
    Token,
    Password,
}

impl LoginWith {
    pub(crate) const WORDS: Word<Self> = Word(&[Self::Token, Self::Password], |with| match with {
        Self::Token => "token",
        Self::Password => "password",
    });
}

/// What the rest of a route says that the login depends on.
pub(super) struct AroundLogin<'a> {
    pub(super) protocol: Checked<ProtocolName>,
    pub(super) mode: &'a Checked<LoginWith>,
    pub(super) upstream: &'a Checked<Vec<Written<Endpoint>>>,
    pub(super) tls: &'a Checked<CheckedTls>,
    pub(super) principals: &'a Checked<Principals>,
    /// The cloud of `AZURE_AUTHORITY_HOST`.
    pub(super) authority: Option<Cloud>,
}

/// The checked login.
pub(super) struct CheckedLogin {
    pub(super) auth: UpstreamAuth,
    /// The cloud that the upstream's name tells, if it tells one.
    pub(super) cloud: Option<Cloud>,
}

pub(super) fn read(section: &mut Section<'_>, around: &AroundLogin<'_>) -> Checked<CheckedLogin> {
    let password_file = section.read(&keys::UPSTREAM_PASSWORD_FILE);
    let audience = section.read(&keys::AUDIENCE);
    let token_hosts = section.read(&keys::TOKEN_HOST);
    let certified = certified(section, around);
    let (password_file, audience, token_hosts) = (password_file?, audience?, token_hosts?);
    certified?;
    match (*around.mode)? {
        LoginWith::Token => {
            let token_hosts = token_hosts.map(|hosts| hosts.value);
            token(section, around, audience, &token_hosts.unwrap_or_default())
        }
        LoginWith::Password => {
            let Some(file) = password_file else {
                return Err(section.refuse_all(
                    "upstream_password_file: is missing; upstream_auth = \"password\" needs it",
                ));
            };
            let password =
                section.understood("upstream_password_file", file, |file| match file {
                    Secret::File(file) => files::secret(file, section.files()),
                    Secret::Given(secret) => Ok(secret.clone()),
                })?;
            Ok(CheckedLogin {
                auth: UpstreamAuth::Password(password.value),
                cloud: None,
            })
        }
    }
}

/// The names of the upstream, with the key that wrote each.
type Names = Vec<(&'static str, Written<String>)>;

/// The names that TLS verifies.
fn verified(upstream: &[Written<Endpoint>], tls: &CheckedTls) -> Names {
    match &tls.name {
        Some(name) => vec![("upstream_tls_name", name.clone())],
        None => hosts(upstream).collect(),
    }
}

fn hosts(upstream: &[Written<Endpoint>]) -> impl Iterator<Item = (&'static str, Written<String>)> {
    upstream.iter().map(|at| {
        let (value, spot) = (at.value.host.clone(), at.spot.clone());
        ("upstream", Written { value, spot })
    })
}

/// Refuses names for which the platform's roots cannot have signed a certificate. What is wrong with the rest is told elsewhere.
fn certified(section: &Section<'_>, around: &AroundLogin<'_>) -> Checked<()> {
    let (Ok(protocol), Ok(upstream), Ok(tls)) = (around.protocol, around.upstream, around.tls)
    else {
        return Ok(());
    };
    let UpstreamTls::Verified {
        roots: Roots::Platform,
        ..
    } = tls.tls
    else {
        return Ok(());
    };
    let mut result = Ok(());
    for (key, name) in verified(upstream, tls) {
        if let Err(problem) = has_certificate(protocol, &name.value) {
            result = Err(section.refuse(&name.spot, key, problem));
        }
    }
    result
}

fn token(
    section: &Section<'_>,
    around: &AroundLogin<'_>,
    audience: Option<Written<String>>,
    token_hosts: &[Written<String>],
) -> Checked<CheckedLogin> {
    let protocol = around.protocol?;
    let upstream = around.upstream.as_ref().map_err(|reported| *reported)?;
    let tls = around.tls.as_ref().map_err(|reported| *reported)?;
    let verified = verified(upstream, tls);
    let named = verified
        .iter()
        .cloned()
        .chain(hosts(upstream))
        .find_map(|(_, name)| cloud_of(around, protocol, &name.value));
    let cloud = cloud(around, named.as_ref());
    let audience = audience_for(section, protocol, &cloud, audience);
    let allowed = token_hosts_fit(section, protocol, &cloud, &verified, token_hosts);
    if let UpstreamTls::Verified {
        roots: Roots::Platform,
        ..
    } = tls.tls
    {
        let written: Vec<&str> = token_hosts.iter().map(|host| host.value.as_str()).collect();
        let mut result = Ok(());
        for (key, name) in &verified {
            if let Err(problem) = may_have_token(protocol, &name.value, &cloud, &written) {
                result = Err(section.refuse(&name.spot, key, problem));
            }
        }
        result?;
    }
    allowed?;
    agree(section, around, &cloud)?;
    Ok(CheckedLogin {
        auth: UpstreamAuth::Token(audience?),
        cloud: named,
    })
}

/// By what is known of names, or by what an identity has written out of them.
fn cloud_of(around: &AroundLogin<'_>, protocol: ProtocolName, host: &str) -> Option<Cloud> {
    let known = service_of(protocol, host).or_else(|| Cloud::from_host(host));
    let mut own = identities_clouds(around).filter(|cloud| is_in(host, cloud));
    known.or_else(|| own.next().cloned())
}

/// What the identities of a route say of their cloud.
fn identities_clouds<'a>(around: &AroundLogin<'a>) -> impl Iterator<Item = &'a Cloud> {
    let principals = around.principals.as_ref().into_iter();
    let principals = principals.flat_map(Principals::iter);
    principals.filter_map(|principal| principal.identity.cloud.as_ref())
}

/// The upstream's name decides, then the identities, then `AZURE_AUTHORITY_HOST`.
fn cloud(around: &AroundLogin<'_>, named: Option<&Cloud>) -> Cloud {
    let of_identity = || identities_clouds(around).next();
    let cloud = named.or_else(of_identity).or(around.authority.as_ref());
    cloud.cloned().unwrap_or(Cloud::Public)
}

/// One route is of one cloud.
fn agree(section: &Section<'_>, around: &AroundLogin<'_>, cloud: &Cloud) -> Checked<()> {
    if around.principals.is_err() {
        return Err(Reported);
    }
    match identities_clouds(around).find(|of| *of != cloud) {
        None => Ok(()),
        Some(stranger) => Err(section.refuse_all(format!(
            "identity: its cloud is {}, the upstream's is {}",
            cloud_name(stranger),
            cloud_name(cloud)
        ))),
    }
}

/// What a token for a protocol's servers is for, unless the configuration says otherwise.
fn usual_audience(protocol: ProtocolName, cloud: &Cloud) -> Audience {
    match protocol {
        ProtocolName::Tds => cloud.sql_audience(),
        ProtocolName::Postgres | ProtocolName::Mysql => cloud.oss_rdbms_audience(),
    }
}

/// Whether `audience` names the databases' own service: as a URL, or by the id of its application.
fn is_of_service(protocol: ProtocolName, audience: &str, usual: &Audience) -> bool {
    let application = match protocol {
        ProtocolName::Tds => "022907d3-0f1b-48f7-badc-1ba6abab6d66",
        ProtocolName::Postgres | ProtocolName::Mysql => "123cd850-d9df-40bd-94d5-c9f07b7fa203",
    };
    let resource = Audience::new(audience);
    let resource = resource.as_str().trim_end_matches('/');
    resource == usual.as_str() || resource.eq_ignore_ascii_case(application)
}

fn audience_for(
    section: &Section<'_>,
    protocol: ProtocolName,
    cloud: &Cloud,
    audience: Option<Written<String>>,
) -> Checked<Audience> {
    let Some(Written { value, spot }) = audience else {
        return Ok(usual_audience(protocol, cloud));
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:/".contains(&byte);
    if !value.bytes().all(plain) {
        let problem = format!(
            "{value:?} is not a resource, for example \"{}\"",
            usual_audience(protocol, cloud)
        );
        return Err(section.refuse(&spot, "audience", problem));
    }
    let audience = Audience::new(&value);
    match CLOUDS
        .into_iter()
        .find(|of| of != cloud && usual_audience(protocol, of) == audience)
    {
        None => {
            let usual = usual_audience(protocol, cloud);
            if !is_of_service(protocol, &value, &usual) {
                section.warn(
                    &spot,
                    format!("audience = {value:?}: a server of {protocol} takes no token for that, but one for \"{usual}\""),
                );
            }
            Ok(audience)
        }
        Some(other) => {
            let (other, own) = (cloud_name(&other), cloud_name(cloud));
            Err(section.refuse(
                &spot,
                "audience",
                format!("its cloud is {other}, the upstream's is {own}"),
            ))
        }
    }
}

/// A name that is written out for nothing was meant for something.
fn token_hosts_fit(
    section: &Section<'_>,
    protocol: ProtocolName,
    cloud: &Cloud,
    verified: &Names,
    token_hosts: &[Written<String>],
) -> Checked<()> {
    let mut result = Ok(());
    for Written { value: host, spot } in token_hosts {
        let is_verified = verified
            .iter()
            .any(|(_, name)| name.value.eq_ignore_ascii_case(host));
        let problem = if !is_verified {
            format!("{host:?} is not exactly a name that this route verifies")
        } else if service_of(protocol, host).as_ref() == Some(cloud) || is_in(host, cloud) {
            format!(
                "{host:?} is a name that Azure hands out, which may see a token without this: leave it out"
            )
        } else {
            continue;
        };
        result = Err(section.refuse(spot, "token_host", problem));
    }
    result
}
