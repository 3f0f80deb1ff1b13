//! One route, read from a `[[route]]` table or a URL.

use std::time::Duration;

use azdb_identity::Cloud;

use super::address::host_and_port;
use super::files;
use super::identity::{self, Identities};
use super::listen::{self, Listen};
use super::login::{self, Rest};
use super::principal;
use super::problems::{Checked, Reported, Spot, Written};
use super::section::Section;
use super::value::Value;
use super::{tds, tls, upstream};
use crate::route::{Endpoint, LocalFiles, LocalTls, ProtocolName, Route};

/// Sessions at a time, when the configuration does not say.
const MAX_CONNECTIONS: u32 = 1000;
/// Drivers give up after 10 to 15 s; ours must come first, because it says why.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(9);
/// Less is no time for a TLS handshake.
const SHORTEST_LOGIN: Duration = Duration::from_millis(100);
/// More is longer than any app waits.
const LONGEST_LOGIN: Duration = Duration::from_secs(600);
/// Keys of the contract that later versions will know.
const NOT_YET: [&str; 3] = ["app_password_file", "unix_group", "idle_timeout"];

/// What all routes share.
pub(super) struct Shared {
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
pub(super) fn read(section: &mut Section<'_>, shared: &Shared) -> Checked<Draft> {
    let name_is_ours = !section.has("name");
    section.context = format!("route {:?}", own_name(section));
    let name = name(section);
    let protocol = protocol(section)?;
    let spoken = protocol.unwrap_or(ProtocolName::Postgres);
    let port = spoken.default_port();

    let upstream = upstream::read(section, port);
    let connect_to = upstream::connect_to(section, &upstream, port);
    let listen = listen::read(section, spoken);
    let admission = listen::admission(section, &listen);
    let mode = login::mode(section);
    let tls = tls::read(section, &mode, protocol);
    let principals = principal::read(section, spoken, &mode, &shared.identities);
    let tds = tds::read(section, protocol, &mode);
    let rest = Rest {
        protocol: spoken,
        mode: &mode,
        upstream: &upstream,
        tls: &tls,
        principals: &principals,
        authority: shared.authority,
    };
    let login = login::read(section, &rest);
    let default_database = section.text("default_database");
    let local_files = local_files(section, protocol);
    let local_tls = local_tls(section);
    let limits = limits(section);
    strays(section);
    section.finish();

    let (upstream, connect_to, listen, tls, login) =
        (upstream?, connect_to?, listen?, tls?, login?);
    let ((admission, unix_mode), (max_connections, login_timeout)) = (admission?, limits?);
    let route = Route {
        name: name?,
        protocol: protocol.ok_or(Reported)?,
        listen: listen.iter().map(|listen| listen.value.clone()).collect(),
        upstream: upstream
            .iter()
            .map(|endpoint| endpoint.value.clone())
            .collect(),
        connect_to: connect_to.as_ref().map(|endpoint| endpoint.value.clone()),
        principals: principal::in_cloud(principals?, login.cloud),
        default_database: default_database?.map(|database| database.value),
        auth: login.auth,
        tls: tls.tls,
        tls_first: tls.first,
        local_files: local_files?,
        local_tls: local_tls?,
        admission,
        unix_mode,
        max_connections,
        login_timeout,
        tds: tds?,
    };
    Ok(Draft {
        route,
        name_is_ours,
        spot: section.spot.clone(),
        listen,
        upstream,
        connect_to,
    })
}

/// Keys that are right, but later, or in another table.
fn strays(section: &mut Section<'_>) {
    section.not_yet(&NOT_YET);
    for key in identity::KEYS {
        if section.has(key)
            && let Some(stray) = section.take(key)
        {
            section.refuse(
                &stray.spot,
                key,
                "belongs into [identity] or [identities.NAME]",
            );
        }
    }
}

/// `max_connections` and `login_timeout`.
fn limits(section: &mut Section<'_>) -> Checked<(usize, Duration)> {
    let sessions = section.number("max_connections", 1..=100_000);
    let timeout = section.duration("login_timeout", SHORTEST_LOGIN..=LONGEST_LOGIN);
    let (sessions, timeout) = (sessions?, timeout?);
    Ok((
        sessions.unwrap_or(MAX_CONNECTIONS) as usize,
        timeout.unwrap_or(LOGIN_TIMEOUT),
    ))
}

/// The name as written, else the first label of the upstream's host, else the protocol.
fn own_name(section: &Section<'_>) -> String {
    if let Some(name) = section.peek_text("name") {
        return name.to_owned();
    }
    section
        .peek_text("upstream")
        .and_then(|upstream| host_and_port(upstream).ok())
        .filter(|(host, _)| host.parse::<std::net::IpAddr>().is_err())
        .and_then(|(host, _)| host.split('.').next())
        .filter(|label| is_name(label))
        .or_else(|| {
            section
                .peek_text("protocol")
                .filter(|protocol| is_name(protocol))
        })
        .unwrap_or("route")
        .to_owned()
}

fn name(section: &mut Section<'_>) -> Checked<String> {
    let ours = own_name(section);
    let Some(Written { value, spot }) = section.text("name")? else {
        return Ok(ours);
    };
    if is_name(&value) {
        return Ok(value);
    }
    Err(section.refuse(
        &spot,
        "name",
        "may have up to 64 letters, digits, '.', '_' and '-'",
    ))
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

/// `Ok(None)` for a word that nobody knows: the other keys can be judged all the same. A protocol that this version does
/// not speak ends the route, because its keys may mean something else there.
fn protocol(section: &mut Section<'_>) -> Checked<Option<ProtocolName>> {
    let Some(written) = section.take("protocol") else {
        section.refuse_all("protocol: is missing; it is one of postgres, mysql, tds");
        return Ok(None);
    };
    let Ok(Written { value, spot }) = section.as_text("protocol", written) else {
        return Ok(None);
    };
    match value.as_str() {
        "postgres" => Ok(Some(ProtocolName::Postgres)),
        "mysql" => Ok(Some(ProtocolName::Mysql)),
        "tds" => Ok(Some(ProtocolName::Tds)),
        _ => {
            section.refuse(
                &spot,
                "protocol",
                format!("{value:?} is not one of postgres, mysql, tds"),
            );
            Ok(None)
        }
    }
}

/// `local_infile`, of MySQL alone.
fn local_files(section: &mut Section<'_>, protocol: Option<ProtocolName>) -> Checked<LocalFiles> {
    let known = [("allow", LocalFiles::Allow), ("deny", LocalFiles::Deny)];
    match (section.one_of("local_infile", &known)?, protocol) {
        (Some(given), Some(ProtocolName::Postgres)) => Err(section.refuse(
            &given.spot,
            "local_infile",
            "is for mysql, and protocol is \"postgres\"",
        )),
        (given, _) => Ok(given.map_or(LocalFiles::Allow, |given| given.value)),
    }
}

/// `"auto"`, `"off"` or `{ cert_file, key_file }`.
fn local_tls(section: &mut Section<'_>) -> Checked<LocalTls> {
    let Some(written) = section.take("local_tls") else {
        return Ok(LocalTls::Auto);
    };
    let Value::Table(entries) = written.value else {
        let text = section.as_text("local_tls", written)?;
        return match text.value.as_str() {
            "auto" => Ok(LocalTls::Auto),
            "off" => Ok(LocalTls::Off),
            other => {
                let problem =
                    format!("{other:?} is not one of auto, off, {{ cert_file, key_file }}");
                Err(section.refuse(&text.spot, "local_tls", problem))
            }
        };
    };
    let mut files = section.inner(
        &format!("{}: local_tls", section.context),
        &written.spot,
        entries,
    );
    let cert_file = files.path("cert_file");
    let key_file = files.secret_path("key_file");
    files.finish();
    let (cert_file, key_file) = (cert_file?, key_file?);
    let mut result = Ok(());
    for (key, file) in [("cert_file", &cert_file), ("key_file", &key_file)] {
        match file {
            None => result = Err(files.refuse_all(format!("{key}: is missing"))),
            Some(file) => {
                if let Err(problem) = files::readable(&file.value) {
                    result = Err(files.refuse(&file.spot, key, problem));
                }
            }
        }
    }
    result?;
    match (cert_file, key_file) {
        (Some(cert_file), Some(key_file)) => Ok(LocalTls::Files {
            cert_file: cert_file.value,
            key_file: key_file.value,
        }),
        _ => Err(Reported),
    }
}
