//! A configuration in a few lines, for people.

use std::fmt::Write as _;

use azdb_identity::{IdentityConfig, SourceKind};

use super::Config;
use crate::route::{
    Admission, ListenAddr, PlainApps, Principals, Roots, Route, UpstreamAuth, UpstreamTls,
};

/// Where the configuration is from, and for each route a line (name, protocol, where from, where to, as whom, how protected, how logged
/// in), whose tokens it takes, and who may come.
pub fn summary(config: &Config) -> String {
    let mut lines = vec![format!("configuration: {}", config.origin)];
    for route in &config.routes {
        lines.push(line(route));
        lines.extend(identities(route).map(|identity| format!("  identity: {identity}")));
        lines.push(format!("  who may come: {}", guests(route)));
    }
    lines.join("\n")
}

/// Whose tokens a route takes, each once.
fn identities(route: &Route) -> impl Iterator<Item = String> {
    let mut all: Vec<String> = Vec::new();
    if let UpstreamAuth::Token(_) = route.auth {
        for principal in route.principals.iter() {
            let identity = identity(&principal.identity);
            if !all.contains(&identity) {
                all.push(identity);
            }
        }
    }
    all.into_iter()
}

fn identity(identity: &IdentityConfig) -> String {
    let name = identity.name.as_ref();
    let mut said = name.map_or_else(String::new, |name| format!("{name}, "));
    let _ = match (identity.source, &identity.selector) {
        (SourceKind::Auto, None) => write!(
            said,
            "what the platform gives this process (auto), else on a terminal a sign-in"
        ),
        (source, Some(selector)) => write!(said, "{source}, {selector}"),
        (source, None) => write!(said, "{source}"),
    };
    if let Some(file) = &identity.token_file {
        let _ = write!(said, ", {}", file.display());
    }
    if let Some(program) = identity.command.first() {
        let _ = write!(said, ", {program}");
    }
    said
}

/// Who may come, and by what.
fn guests(route: &Route) -> String {
    let Admission { networks, uids, .. } = &route.admission;
    let is_tcp = |listen: &ListenAddr| matches!(listen, ListenAddr::Tcp(_));
    let is_pipe = |listen: &ListenAddr| matches!(listen, ListenAddr::Pipe(_));
    let mut who = Vec::new();
    if !route.listen.iter().all(is_pipe) {
        who.push(match uids {
            None => "this machine".to_owned(),
            Some(uids) => format!("uids {} of this machine", joined(uids)),
        });
    }
    if route.listen.iter().any(is_pipe) {
        let users = route.rights.pipe_users.iter();
        let users = users.map(|user| format!(" and {}", user.name));
        who.push(format!(
            "by pipe the user of the proxy{}",
            users.collect::<String>()
        ));
    }
    if route.listen.iter().any(is_tcp) && !networks.is_empty() {
        who.push(joined(networks));
    }
    let by = match (&route.app_passwords, &route.plain_apps) {
        (None, PlainApps::Welcome) => "without a password",
        (None, PlainApps::Refused) => "without a password, TLS required over TCP",
        (Some(_), PlainApps::Welcome) => "with a password of app_password_file",
        (Some(_), PlainApps::Refused) => {
            "with a password of app_password_file, TLS required over TCP"
        }
    };
    format!("{}, {by}", who.join(", "))
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
                Roots::File { .. } => "upstream_ca_file",
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
