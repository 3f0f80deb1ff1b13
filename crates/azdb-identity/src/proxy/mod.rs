//! The HTTP proxy on the way to Entra's authority, where machines reach the internet in no other way.
//!
//! ```text
//!   us                          proxy                         authority
//!    | -- CONNECT host:443 ----> |                                |
//!    |                           | ------------ TCP ------------> |
//!    | <----- 200 -------------- |                                |
//!    | <================ TLS, verified end to end =============>  |
//! ```
//!
//! # Invariants
//!
//! * Only a source that asks the authority has a proxy, and only if the configuration names one (`authority_proxy`).
//! * The proxy learns the authority's name and port. Secrets and tokens pass through it inside TLS that it cannot open.
//! * User and password of the proxy are never shown.

mod tunnel;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::str::FromStr;

use azure_core::base64;
use azure_core::http::Url;
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

pub(crate) use self::tunnel::TunnelFault;
use crate::Environment;
use crate::fault::SourceFault;

/// The value of `authority_proxy`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AuthorityProxy {
    /// `env`: whatever `HTTPS_PROXY` says, unless `NO_PROXY` excepts the authority.
    Environment,
    /// This one.
    At(ProxyUrl),
}

/// A proxy that is spoken to without TLS: `http://[user:password@]host:port`. It is shown without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    host: String,
    port: u16,
    /// The value of `Proxy-Authorization`.
    credentials: Option<Zeroizing<String>>,
}

/// Why a text is no URL of a proxy; without the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoProxyUrl {
    /// Not a URL, or one of another scheme.
    #[error(
        "is not an URL like http://host:port (the way to the proxy is without TLS, what passes through it is not)"
    )]
    Form,
    /// There is more in it than a proxy has.
    #[error("is more than an URL of a proxy: leave out what follows the port")]
    Rest,
    /// A user that cannot be told to a proxy.
    #[error(
        "has a user or a password that HTTP cannot carry: no colon in the user, no control characters"
    )]
    Credentials,
}

impl FromStr for AuthorityProxy {
    type Err = NoProxyUrl;

    fn from_str(text: &str) -> Result<Self, NoProxyUrl> {
        match text {
            "env" => Ok(Self::Environment),
            url => url.parse().map(Self::At),
        }
    }
}

impl FromStr for ProxyUrl {
    type Err = NoProxyUrl;

    fn from_str(text: &str) -> Result<Self, NoProxyUrl> {
        let url = Url::parse(text).map_err(|_| NoProxyUrl::Form)?;
        let (Some(host), Some(port), "http") =
            (url.host_str(), url.port_or_known_default(), url.scheme())
        else {
            return Err(NoProxyUrl::Form);
        };
        let rest = url.query().or(url.fragment());
        if rest.is_some() || !matches!(url.path(), "" | "/") {
            return Err(NoProxyUrl::Rest);
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            credentials: credentials(&url)?,
        })
    }
}

/// Basic credentials, if the URL has any: no other scheme can be spoken in one message.
fn credentials(url: &Url) -> Result<Option<Zeroizing<String>>, NoProxyUrl> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let decoded = |text| {
        let text = percent_decode_str(text).decode_utf8();
        let text = text.map_err(|_| NoProxyUrl::Credentials)?;
        Ok(Zeroizing::new(text.into_owned()))
    };
    let user = decoded(url.username())?;
    let password = decoded(url.password().unwrap_or_default())?;
    if user.contains(':')
        || [&user, &password]
            .iter()
            .any(|it| it.contains(char::is_control))
    {
        return Err(NoProxyUrl::Credentials);
    }
    let pair = Zeroizing::new(format!("{}:{}", *user, *password));
    let encoded = Zeroizing::new(base64::encode(pair.as_bytes()));
    Ok(Some(Zeroizing::new(format!("Basic {}", *encoded))))
}

impl Hash for ProxyUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.host, self.port).hash(state);
        self.credentials.as_deref().hash(state);
    }
}

/// `host:port`.
impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The proxy that leads to `authority`, an https URL; `None` when the way is direct.
pub(crate) fn on_the_way_to(
    authority: &str,
    configured: Option<&AuthorityProxy>,
    environment: &Environment,
) -> Result<Option<ProxyUrl>, SourceFault> {
    match configured {
        Some(_) if is_link_local(authority) => Ok(None),
        None => Ok(None),
        Some(AuthorityProxy::At(proxy)) => Ok(Some(proxy.clone())),
        Some(AuthorityProxy::Environment) => of_environment(authority, environment),
    }
}

/// The variables that curl reads, and in its order.
fn of_environment(
    authority: &str,
    environment: &Environment,
) -> Result<Option<ProxyUrl>, SourceFault> {
    let first = |names: [&'static str; 2]| {
        let mut found = names.into_iter().map(|name| (name, environment.get(name)));
        found.find_map(|(name, value)| Some((name, value?)))
    };
    let Some((name, url)) = first(["https_proxy", "HTTPS_PROXY"]) else {
        return Ok(None);
    };
    let excepted = first(["no_proxy", "NO_PROXY"]).map_or("", |(_, list)| list);
    // The list alone is asked: whom the proxy would be is our own business.
    let rules = Matcher::builder()
        .https("http://proxy")
        .no(excepted)
        .build();
    let authority = authority.parse().ok();
    if authority.is_none_or(|authority| rules.intercept(&authority).is_none()) {
        return Ok(None);
    }
    let proxy = match url.contains("://") {
        true => url.parse(),
        false => format!("http://{url}").parse(),
    };
    let proxy = proxy.map_err(|error: NoProxyUrl| SourceFault::Setup {
        cause: format!("{name}, which `authority_proxy = \"env\"` asks for, {error}"),
        remedy: "correct the variable, or write the proxy itself: `authority_proxy = \"http://host:port\"`",
    })?;
    Ok(Some(proxy))
}

/// What answers on such an address answers this machine alone.
fn is_link_local(authority: &str) -> bool {
    let url = Url::parse(authority).ok();
    let host = url
        .as_ref()
        .and_then(|url| url.host_str())
        .unwrap_or_default();
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_unicast_link_local(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests;
