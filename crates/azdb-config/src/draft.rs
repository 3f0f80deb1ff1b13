//! One route, read from a `[[route]]` table or a URL.

use azdb_identity::Cloud;

use super::address::host_and_port;
use super::app_passwords;
use super::destination;
use super::identities::Identities;
use super::keeping;
use super::keys::{Fact, of_route as keys};
use super::listen::{self, Listen};
use super::principals::{self, Ways};
use super::problems::{Checked, Spot, Written};
use super::section::Section;
use super::sql_server;
use super::upstream_auth::{self, AroundLogin, CheckedLogin, LoginWith};
use super::upstream_tls::{self, CheckedTls};
use crate::route::{Endpoint, LocalTls, PlainApps, Principals, ProtocolName, Route};

/// What all routes share.
pub(super) struct ForAllRoutes {
    pub(super) identities: Identities,
    /// The cloud of `AZURE_AUTHORITY_HOST`.
    pub(super) authority: Option<Cloud>,
}

/// A route that is right by itself, with what is needed to judge it beside the others.
pub(super) struct Draft {
    pub(super) route: Route,
    /// The name was chosen by us and may be changed to be unique.
    pub(super) name_is_ours: bool,
    pub(super) spot: Spot,
    pub(super) listen: Listen,
    pub(super) upstream: Vec<Written<Endpoint>>,
    pub(super) connect_to: Option<Written<Endpoint>>,
}

/// Reads one route and reports everything that is wrong with it.
pub(super) fn read(section: &mut Section<'_>, shared: &ForAllRoutes) -> Checked<Draft> {
    let ours = own_name(section);
    section.context = format!("route {ours:?}");
    let name = section.read(&keys::NAME);
    let protocol = section.value(&keys::PROTOCOL);
    if let Ok(protocol) = protocol {
        section.know(&Fact::Protocol(protocol));
    }
    // What is written of addresses can be judged by any protocol: it stands in for the usual port, which decides nothing then.
    let [any, ..] = ProtocolName::ALL;
    let spoken = protocol.unwrap_or(any);

    let upstream = destination::upstream(section, spoken.default_port());
    let connect_to = destination::connect_to(section, &upstream, spoken.default_port());
    let listen = listen::read(section, spoken);
    let app_passwords = app_passwords::read(section, protocol);
    let has_passwords = matches!(&app_passwords, Ok(Some(_)) | Err(_));
    let admission = listen::admission(section, &listen, has_passwords);
    let mode = section.value(&keys::UPSTREAM_AUTH);
    let as_whom = as_whom(section, protocol, &mode, &upstream, shared);
    let default_database = section.read(&keys::DEFAULT_DATABASE);
    let label_sessions = section.value(&keys::LABEL_SESSIONS);
    let local_files = section.value(&keys::LOCAL_INFILE);
    let local_tls = section.value(&keys::LOCAL_TLS);
    if let Ok((LocalTls::Off | LocalTls::Files { .. }, _)) = &local_tls {
        section.know(&Fact::NoOwnCertificate);
    }
    let local_tls_names = section.read(&keys::LOCAL_TLS_NAMES);
    let max_connections = section.value(&keys::MAX_CONNECTIONS);
    let login_timeout = section.value(&keys::LOGIN_TIMEOUT);
    let upstream_timeout = section.value(&keys::UPSTREAM_TIMEOUT);
    let idle_timeout = section.read(&keys::IDLE_TIMEOUT);
    let hold_logins = section.value(&keys::HOLD_LOGINS);
    let follow_dns = section.value(&keys::FOLLOW_DNS);
    let keeping = keeping::read(section, &max_connections);
    let tds = sql_server::read(section, &mode);
    section.finish();

    let (upstream, connect_to, listen, as_whom) = (upstream?, connect_to?, listen?, as_whom?);
    let ((admission, rights), name) = (admission?, name?);
    let is_in_the_clear = matches!(local_tls, Ok((_, PlainApps::Welcome))) && has_passwords;
    if is_in_the_clear && listen::is_for_others(&listen, &admission) {
        section.warn(
            &section.spot,
            "apps of other machines may come without TLS, and show their password and data to the network: local_tls = \"require\", or \
             require = true beside cert_file"
                .to_owned(),
        );
    }
    let (keeping, protocol) = (keeping?, protocol?);
    keeping::warn(
        section,
        &keeping,
        protocol,
        &upstream,
        name.as_ref().map_or(&ours, |name| &name.value),
    );
    let tds = sql_server::within(as_whom.login.cloud.as_ref(), tds?);
    let (local_tls, plain_apps) = local_tls?;
    let route = Route {
        name: name.as_ref().map_or(ours, |name| name.value.clone()),
        protocol,
        listen: listen.iter().map(|listen| listen.value.clone()).collect(),
        upstream: upstream
            .iter()
            .map(|endpoint| endpoint.value.clone())
            .collect(),
        connect_to: connect_to.as_ref().map(|endpoint| endpoint.value.clone()),
        principals: principals::in_cloud(as_whom.principals, as_whom.login.cloud),
        default_database: default_database?.map(|database| database.value),
        auth: as_whom.login.auth,
        tls: as_whom.tls.tls,
        tls_first: as_whom.tls.first,
        plain_password: as_whom.tls.plain_password,
        label_sessions: label_sessions?,
        local_files: local_files?,
        local_tls,
        plain_apps,
        local_tls_names: values(local_tls_names?),
        admission,
        app_passwords: app_passwords?,
        rights,
        max_connections: max_connections? as usize,
        login_timeout: login_timeout?,
        upstream_timeout: upstream_timeout?,
        idle_timeout: idle_timeout?.map(|timeout| timeout.value),
        hold_logins: hold_logins?,
        follow_dns: follow_dns?,
        keeping,
        tds,
    };
    Ok(Draft {
        route,
        name_is_ours: name.is_none(),
        spot: section.spot.clone(),
        listen,
        upstream,
        connect_to,
    })
}

/// The items of a list; none where it is absent.
fn values<T>(list: Option<Written<Vec<Written<T>>>>) -> Vec<T> {
    let items = list.map(|list| list.value).unwrap_or_default();
    items.into_iter().map(|item| item.value).collect()
}

/// Who logs in upstream, how, and over what.
struct AsWhom {
    principals: Principals,
    tls: CheckedTls,
    login: CheckedLogin,
}

fn as_whom(
    section: &mut Section<'_>,
    protocol: Checked<ProtocolName>,
    mode: &Checked<LoginWith>,
    upstream: &Checked<Vec<Written<Endpoint>>>,
    shared: &ForAllRoutes,
) -> Checked<AsWhom> {
    let ways = Ways {
        mode,
        user_from_token: protocol.and_then(|protocol| {
            Ok(protocol.takes_user_from_token() && (*mode)? == LoginWith::Token)
        }),
        identities: &shared.identities,
    };
    let principals = principals::read(section, &ways);
    let tls = upstream_tls::read(section, mode, protocol);
    let around = AroundLogin {
        protocol,
        mode,
        upstream,
        tls: &tls,
        principals: &principals,
        authority: shared.authority.clone(),
    };
    let login = upstream_auth::read(section, &around);
    Ok(AsWhom {
        principals: principals?,
        tls: tls?,
        login: login?,
    })
}

/// The name as written, else the first label of the upstream's host, else the protocol.
fn own_name(section: &Section<'_>) -> String {
    if let Some(name) = section.peek_text(&keys::NAME) {
        return name.to_owned();
    }
    section
        .peek_text(&keys::UPSTREAM)
        .and_then(|upstream| host_and_port(upstream).ok())
        .filter(|(host, _)| host.parse::<std::net::IpAddr>().is_err())
        .and_then(|(host, _)| host.split('.').next())
        .filter(|label| is_name(label))
        .or_else(|| {
            section
                .peek_text(&keys::PROTOCOL)
                .filter(|protocol| is_name(protocol))
        })
        .unwrap_or("route")
        .to_owned()
}

/// Accepts the name of a route.
pub(super) fn checked_name(name: &str) -> Result<String, String> {
    if is_name(name) {
        Ok(name.to_owned())
    } else {
        Err("may have up to 64 letters, digits, '.', '_' and '-'".to_owned())
    }
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}
