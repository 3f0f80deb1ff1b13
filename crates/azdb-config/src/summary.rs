//! A configuration in a few lines, for people.

use std::fmt::Write as _;

use super::Config;
use crate::route::{Principals, Roots, Route, UpstreamAuth, UpstreamTls};

/// A line per route: name, protocol, where from, where to, as whom, how protected, how logged in.
pub fn summary(config: &Config) -> String {
    config
        .routes
        .iter()
        .map(|route| line(route))
        .collect::<Vec<_>>()
        .join("\n")
}

fn line(route: &Route) -> String {
    let mut upstream = joined(&route.upstream);
    if let Some(endpoint) = &route.connect_to {
        let _ = write!(upstream, " (at {endpoint})");
    }
    format!(
        "{}: {}, {} -> {upstream} as {}, {}, {}",
        route.name,
        route.protocol,
        joined(&route.listen),
        users(&route.principals),
        tls(&route.tls),
        match &route.auth {
            UpstreamAuth::Token(audience) => format!("token for {audience}"),
            UpstreamAuth::Password(_) => "password".to_owned(),
        },
    )
}

fn joined(items: &[impl ToString]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// SQL Server takes the user from the token.
fn user(name: &str) -> String {
    match name {
        "" => "the identity".to_owned(),
        name => format!("{name:?}"),
    }
}

fn users(principals: &Principals) -> String {
    match principals {
        Principals::One(principal) => user(&principal.user),
        Principals::ByAppUser(map) => {
            let pairs: Vec<String> = map
                .iter()
                .map(|(app_user, principal)| format!("{} for {app_user:?}", user(&principal.user)))
                .collect();
            pairs.join(", ")
        }
    }
}

fn tls(tls: &UpstreamTls) -> String {
    match tls {
        UpstreamTls::Verified { roots, name } => {
            let roots = match roots {
                Roots::Platform => "the platform's roots",
                Roots::File(_) => "upstream_ca_file",
            };
            match name {
                Some(name) => format!("TLS verified for {} by {roots}", name.to_str()),
                None => format!("TLS verified by {roots}"),
            }
        }
        UpstreamTls::Unverified => "TLS unverified".to_owned(),
        UpstreamTls::Off => "no TLS".to_owned(),
    }
}
