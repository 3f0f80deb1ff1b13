//! By which names apps on other machines know this one.
//!
//! Nobody is asked: a name service may be away at the start, and may say something else at the next one.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use azdb_config::route::{ListenAddr, LocalTls, Route};
use rustls::pki_types::ServerName;

/// The names and addresses that the certificate of `local_tls = "auto"` must have for `routes`, besides those of loopback: what
/// `local_tls_names` says, and for doors that other machines reach this machine's name and the addresses of those doors.
pub fn local_names(routes: &[Arc<Route>]) -> Vec<String> {
    let mut names = BTreeSet::new();
    for route in routes {
        if let LocalTls::Auto | LocalTls::Always = route.local_tls {
            names.extend(route.local_tls_names.iter().cloned());
            names.extend(names_of_doors(&route.listen));
        }
    }
    names.into_iter().collect()
}

fn names_of_doors(listen: &[ListenAddr]) -> Vec<String> {
    let mut names = Vec::new();
    for listen in listen {
        let ListenAddr::Tcp(addr) = listen else {
            continue;
        };
        match addr.ip().to_canonical() {
            ip if ip.is_loopback() => continue,
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => names.extend(shown(own_ipv4(FIB_TRIE))),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => names.extend(shown(own_ipv6(IF_INET6))),
            ip => names.push(ip.to_string()),
        }
        names.extend(host_names());
    }
    names
}

fn shown(addresses: Vec<impl ToString>) -> impl Iterator<Item = String> {
    addresses.into_iter().map(|address| address.to_string())
}

/// The host's name, and the longer ones that `/etc/hosts` has for it.
fn host_names() -> Vec<String> {
    #[cfg(unix)]
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    let host = std::env::var("COMPUTERNAME").unwrap_or_default();
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    let mut names = longer_names(&host, &hosts);
    names.push(host);
    let is_name = |name: &String| {
        matches!(
            ServerName::try_from(name.as_str()),
            Ok(ServerName::DnsName(_))
        )
    };
    names.retain(|name| is_name(name) && name != "localhost");
    names
}

/// Names of a hosts file that begin with `host` and go on with a domain.
fn longer_names(host: &str, hosts: &str) -> Vec<String> {
    let words = hosts.lines().flat_map(|line| {
        let (names, _) = line.split_once('#').unwrap_or((line, ""));
        names.split_whitespace().skip(1)
    });
    words
        .filter(|name| {
            let domain = name.strip_prefix(host);
            domain.is_some_and(|domain| domain.starts_with('.'))
        })
        .map(str::to_ascii_lowercase)
        .collect()
}

/// Where Linux shows the addresses of this network namespace.
const FIB_TRIE: &str = "/proc/net/fib_trie";
const IF_INET6: &str = "/proc/net/if_inet6";

/// This machine's own IPv4 addresses but for loopback: `|-- ADDRESS`, and on the next line `/32 host LOCAL`.
fn own_ipv4(file: &str) -> Vec<Ipv4Addr> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let pairs = lines.iter().zip(lines.iter().skip(1));
    let own = pairs.filter(|(_, kind)| kind.starts_with("/32 host LOCAL"));
    let mut addresses: Vec<Ipv4Addr> = own
        .filter_map(|(line, _)| line.strip_prefix("|-- ")?.parse().ok())
        .filter(|address: &Ipv4Addr| !address.is_loopback())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// The IPv6 ones: 32 digits, four numbers and the interface. Those that hold on one wire alone cannot be named in a certificate.
fn own_ipv6(file: &str) -> Vec<Ipv6Addr> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let addresses = text.lines().filter_map(|line| {
        let digits = line.split_whitespace().next()?;
        u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from)
    });
    addresses
        .filter(|address| !address.is_loopback() && !address.is_unicast_link_local())
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use azdb_config::route::ProtocolName;

    use super::*;
    use crate::rig;

    fn names_of(listen: &[&str], change: impl FnOnce(&mut Route)) -> Vec<String> {
        let mut route = rig::route(ProtocolName::Postgres);
        let addresses = listen
            .iter()
            .map(|addr| ListenAddr::Tcp(addr.parse().unwrap()));
        route.listen = addresses.collect();
        change(&mut route);
        local_names(&[Arc::new(route)])
    }

    #[test]
    fn a_door_of_this_machine_alone_needs_no_name_more() {
        let doors = ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"];
        assert_eq!(names_of(&doors, |_| {}), [""; 0]);
        let more = |route: &mut Route| route.local_tls_names = vec!["jump.example.org".into()];
        assert_eq!(names_of(&doors, more), ["jump.example.org"]);
    }

    #[test]
    fn a_door_to_others_has_the_machines_name_and_its_own_address() {
        let names = names_of(&["10.9.8.7:1", "[2001:db8::7]:1"], |_| {});
        for name in ["10.9.8.7", "2001:db8::7"] {
            assert!(names.contains(&name.to_owned()), "{names:?}");
        }
        let without = |route: &mut Route| route.local_tls = LocalTls::Off;
        assert_eq!(names_of(&["10.9.8.7:1"], without), [""; 0]);
    }

    #[test]
    fn addresses_are_read_as_linux_shows_them() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let trie = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n           |-- 127.0.0.1\n              /32 host LOCAL\n           |-- 192.0.2.0\n              /24 link UNICAST\n           |-- 192.0.2.2\n              /32 host LOCAL\n        |-- 192.0.2.255\n           /32 link BROADCAST\n";
        let both = file("trie", &trie.repeat(2));
        assert_eq!(own_ipv4(&both), [Ipv4Addr::new(192, 0, 2, 2)]);
        let six = file(
            "six",
            "00000000000000000000000000000001 01 80 10 80       lo\nfe8000000000000000fc00fffe000001 04 40 20 80     eth0\n20010db8000000000000000000000002 04 40 00 82     eth0\n",
        );
        assert_eq!(own_ipv6(&six), ["2001:db8::2".parse::<Ipv6Addr>().unwrap()]);
        assert!(own_ipv4("/no/such/file").is_empty());
    }

    #[test]
    fn longer_names_are_those_of_the_same_host() {
        let hosts = "127.0.0.1 localhost\n10.0.0.1 jump.Example.org jump # jump.comment\n10.0.0.2 jumper.example.org other.jump.org\n";
        assert_eq!(longer_names("jump", hosts), ["jump.example.org"]);
    }
}
