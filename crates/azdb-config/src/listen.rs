//! Where apps connect, and who may.
//!
//! # Invariants
//!
//! * No route serves an address beyond loopback unless the configuration says who may come, and by which password or by none.
//! * No two routes share an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::address::host_and_port;
use super::keys::{Fact, of_route as keys};
use super::pipe;
use super::problems::{Checked, Spot, Written};
use super::section::Section;
use crate::route::{Admission, DoorRights, ListenAddr, ProtocolName};

/// Where a route listens, each address with its line.
pub(super) type Listen = Vec<Written<ListenAddr>>;

/// `listen`; without it the two loopback addresses on the protocol's port.
pub(super) fn read(section: &mut Section<'_>, protocol: ProtocolName) -> Checked<Listen> {
    let port = protocol.default_port();
    let Some(texts) = section.read(&keys::LISTEN)? else {
        let spot = section.spot.clone();
        return Ok(loopback(port)
            .map(|value| Written {
                value,
                spot: spot.clone(),
            })
            .into());
    };
    let texts = texts.value;
    let socket_port = texts
        .iter()
        .find_map(|text| host_and_port(&text.value).ok()?.1)
        .unwrap_or(port);
    let mut listen = Listen::new();
    let mut result = Ok(());
    for Written { value, spot } in texts {
        match addresses(&value, protocol, socket_port) {
            Ok(addresses) => listen.extend(addresses.into_iter().map(|value| Written {
                value,
                spot: spot.clone(),
            })),
            Err(problem) => result = Err(section.refuse(&spot, "listen", problem)),
        }
    }
    result.map(|()| listen)
}

fn loopback(port: u16) -> [ListenAddr; 2] {
    [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ]
    .map(|address| ListenAddr::Tcp(SocketAddr::new(address, port)))
}

/// The addresses that one item of `listen` means.
fn addresses(
    text: &str,
    protocol: ProtocolName,
    socket_port: u16,
) -> Result<Vec<ListenAddr>, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        let name = protocol.socket_name(socket_port);
        return unix_socket(Path::new(path), &name).map(|path| vec![ListenAddr::Unix(path)]);
    }
    if let Some(name) = text.strip_prefix("pipe:") {
        return pipe::door(name).map(|door| vec![door]);
    }
    let wrong = || format!("{text:?} is not address:port, localhost:port, unix:/path or pipe:NAME");
    let (host, given) = host_and_port(text).map_err(|_| wrong())?;
    let port = given.unwrap_or(protocol.default_port());
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(loopback(port).into());
    }
    let address: IpAddr = host.parse().map_err(|_| wrong())?;
    Ok(vec![ListenAddr::Tcp(SocketAddr::new(address, port))])
}

/// The socket file that `path` means: in a directory, the one that the protocol's clients look for.
#[cfg(unix)]
fn unix_socket(path: &Path, name: &str) -> Result<PathBuf, String> {
    let shown = path.display();
    if !path.is_absolute() {
        return Err(format!("\"unix:{shown}\" is not an absolute path"));
    }
    let directory = path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir();
    let socket = if directory {
        path.join(name)
    } else {
        path.to_owned()
    };
    match std::os::unix::net::SocketAddr::from_pathname(&socket) {
        Ok(_) => Ok(socket),
        Err(_) => Err(format!(
            "the path {} is {} bytes long, which is more than a unix socket can have",
            socket.display(),
            socket.as_os_str().len()
        )),
    }
}

#[cfg(not(unix))]
fn unix_socket(_: &Path, _: &str) -> Result<PathBuf, String> {
    Err("unix sockets do not exist on this platform: here it is pipe:NAME".to_owned())
}

/// `allow`, `trust_network`, `allow_uids`, `unix_mode`, `unix_group` and `pipe_users`, judged against where the route listens.
pub(super) fn admission(
    section: &mut Section<'_>,
    listen: &Checked<Listen>,
    has_passwords: bool,
) -> Checked<(Admission, DoorRights)> {
    let through = section.spot_of(&keys::PROXY_PROTOCOL_FROM);
    if let Ok(listen) = listen {
        let any = |what: fn(&ListenAddr) -> bool| listen.iter().any(|at| what(&at.value));
        section.know(&Fact::Listen {
            unix: any(|at| matches!(at, ListenAddr::Unix(_))),
            pipe: any(|at| matches!(at, ListenAddr::Pipe(_))),
            port: any(|at| matches!(at, ListenAddr::Tcp(_))),
            other_machines: through.is_some() || any(is_beyond_loopback),
        });
    }
    let balancers = section.read(&keys::PROXY_PROTOCOL_FROM);
    let through = through.filter(|_| balancers.is_ok()).map(|spot| Reached {
        how: "apps of other machines come through proxy_protocol_from".to_owned(),
        key: keys::PROXY_PROTOCOL_FROM.about.name,
        spot,
    });
    let networks = networks(section, listen, through, has_passwords);
    let uids = section.read(&keys::ALLOW_UIDS);
    let (mode, group) = (
        section.read(&keys::UNIX_MODE),
        section.read(&keys::UNIX_GROUP),
    );
    let pipe_users = pipe::users(section, has_passwords);
    let (mode, group) = (mode?, group?.map(|group| group.value));
    let balancers = balancers?.map(|balancers| balancers.value);
    let admission = Admission {
        networks: networks?,
        balancers: balancers
            .unwrap_or_default()
            .into_iter()
            .map(|network| network.value)
            .collect(),
        uids: uids?.map(|uids| uids.value),
    };
    // To connect is to write.
    if let (Some(Written { value: mode, spot }), None) = (&mode, &admission.uids)
        && mode & 0o002 != 0
        && !has_passwords
    {
        let warning = format!(
            "unix_mode = \"{mode:04o}\": every user of this machine gets the database without a password; say who may come with allow_uids"
        );
        section.warn(spot, warning);
    }
    let usual = if group.is_some() { 0o660 } else { 0o600 };
    let mode = mode.map_or(usual, |mode| mode.value);
    let rights = DoorRights {
        mode,
        group,
        pipe_users: pipe_users?,
    };
    Ok((admission, rights))
}

/// Why nobody can come from `network`, where apps connect to these addresses.
fn never_comes(network: &IpNet, listen: &Checked<Listen>) -> Option<String> {
    if let IpNet::V6(net) = network
        && let Some(address) = net.addr().to_ipv4_mapped()
        && let Some(length) = net.prefix_len().checked_sub(96)
    {
        return Some(format!(
            "no app comes from there, because the address is IPv4's: write \"{address}/{length}\""
        ));
    }
    let address = network.addr();
    if address.is_multicast() || (address.is_unspecified() && network.prefix_len() > 8) {
        return Some("no app comes from there".to_owned());
    }
    let mut reached = listen
        .iter()
        .flatten()
        .filter(|at| is_beyond_loopback(&at.value));
    let is_reached = |at: &Written<ListenAddr>| match &at.value {
        ListenAddr::Tcp(at) => at.ip().to_canonical().is_ipv4() == address.is_ipv4(),
        ListenAddr::Unix(_) | ListenAddr::Pipe(_) => false,
    };
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    (listen.is_ok() && !reached.any(is_reached)).then(|| {
        format!("no app comes from there, because listen has no address of {family} that other machines reach")
    })
}

/// By what apps of other machines get here.
struct Reached {
    how: String,
    key: &'static str,
    spot: Spot,
}

/// The first address that other machines reach.
fn beyond_loopback(listen: &Checked<Listen>) -> Option<Reached> {
    let beyond = |at: &&Written<ListenAddr>| is_beyond_loopback(&at.value);
    let Written { value, spot } = listen.iter().flatten().find(beyond)?;
    Some(Reached {
        how: format!("{value} is reached from other machines"),
        key: keys::LISTEN.about.name,
        spot: spot.clone(),
    })
}

/// Who may come from other machines. By name or by password, and not by chance: one of both must be written.
fn networks(
    section: &mut Section<'_>,
    listen: &Checked<Listen>,
    through: Option<Reached>,
    has_passwords: bool,
) -> Checked<Vec<IpNet>> {
    let allow = section.read(&keys::ALLOW);
    let trust = section.read(&keys::TRUST_NETWORK);
    let (allow, trust) = (allow?, trust?.filter(|trust| trust.value));
    if let (Some(trust), true) = (&trust, has_passwords) {
        let problem =
            "lets apps in without a password, and app_password_file asks for one: leave one out";
        return Err(section.refuse(&trust.spot, "trust_network", problem));
    }
    let any_family = through.is_some();
    match (allow, trust, beyond_loopback(listen).or(through)) {
        (None, None, None) => Ok(Vec::new()),
        (None, None, Some(Reached { how, key, spot })) => {
            let and = match has_passwords {
                true => "",
                false => ", and app_password_file",
            };
            let problem =
                format!("{how}: say who may come, for example allow = [\"10.1.0.0/16\"]{and}");
            Err(section.refuse(&spot, key, problem))
        }
        (Some(_), None, Some(Reached { how, key, spot })) if !has_passwords => {
            let problem = format!(
                "{how}: say with which password apps come in (app_password_file), \
                 or that allow is enough (trust_network = true)"
            );
            Err(section.refuse(&spot, key, problem))
        }
        (Some(networks), ..) => {
            let listen = (!any_family).then_some(listen);
            Ok(judged(section, networks.value, listen, has_passwords))
        }
        (None, Some(trust), _) => {
            section.warn(&trust.spot, everybody("trust_network = true"));
            Ok(vec![
                IpNet::V4(Ipv4Net::default()),
                IpNet::V6(Ipv6Net::default()),
            ])
        }
    }
}

/// The networks of `allow`, with a warning for each that says too much, or nothing, where apps come to `listen` themselves.
fn judged(
    section: &Section<'_>,
    networks: Vec<Written<IpNet>>,
    listen: Option<&Checked<Listen>>,
    has_passwords: bool,
) -> Vec<IpNet> {
    for Written { value, spot } in &networks {
        if value.prefix_len() == 0 && !has_passwords {
            section.warn(spot, everybody(&format!("allow = \"{value}\"")));
        }
        if let Some(why) = listen.and_then(|listen| never_comes(value, listen)) {
            section.warn(spot, format!("allow = \"{value}\": {why}"));
        }
    }
    networks.into_iter().map(|network| network.value).collect()
}

fn everybody(setting: &str) -> String {
    format!("{setting}: everybody who can reach this port gets the database without a password")
}

/// Whether apps of other machines come to these doors.
pub(super) fn is_for_others(listen: &Listen, admission: &Admission) -> bool {
    let mut doors = listen.iter().map(|door| &door.value);
    doors.any(is_beyond_loopback) || !admission.balancers.is_empty()
}

fn is_beyond_loopback(listen: &ListenAddr) -> bool {
    match listen {
        ListenAddr::Tcp(address) => !address.ip().to_canonical().is_loopback(),
        ListenAddr::Unix(_) | ListenAddr::Pipe(_) => false,
    }
}

/// Whether both can't be bound by one machine.
pub(super) fn overlap(a: &ListenAddr, b: &ListenAddr) -> bool {
    match (a, b) {
        (ListenAddr::Unix(a), ListenAddr::Unix(b)) => a == b,
        (ListenAddr::Pipe(a), ListenAddr::Pipe(b)) => a == b,
        (ListenAddr::Tcp(a), ListenAddr::Tcp(b)) => {
            let same_family = a.is_ipv4() == b.is_ipv4();
            // Port 0 is a different port each time.
            a.port() == b.port()
                && a.port() != 0
                && same_family
                && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
        }
        _ => false,
    }
}
