//! Where a connection was to lead, and what to look at when it does not come about: addresses of a private network stay silent for other
//! reasons than public ones.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use azdb_config::private_zone_of;
use azdb_config::route::Endpoint;

/// Where Azure SQL's gateways and workers listen.
const PORTS_OF_AZURE_SQL: [std::ops::RangeInclusive<u16>; 2] = [1433..=1433, 11_000..=11_999];

/// An upstream, and those of its addresses that were dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarEnd {
    /// As it is written.
    pub upstream: Endpoint,
    /// None where nothing was dialled.
    pub addrs: Vec<SocketAddr>,
}

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This machine.
    Here,
    /// A network of somebody's own, as a virtual network is.
    Private,
    /// Anywhere.
    Public,
}

impl Reach {
    /// That of an address.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            ip if ip.is_loopback() => Self::Here,
            IpAddr::V4(ip) if ip.is_private() || ip.is_link_local() || is_shared(ip.octets()) => {
                Self::Private
            }
            IpAddr::V6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() => Self::Private,
            _ => Self::Public,
        }
    }
}

/// 100.64.0.0/10, which clusters use for themselves (RFC 6598).
fn is_shared(octets: [u8; 4]) -> bool {
    matches!(octets, [100, second, ..] if second & 0xc0 == 64)
}

impl FarEnd {
    /// One address of an upstream.
    pub(crate) fn at(upstream: &Endpoint, addr: SocketAddr) -> Self {
        Self {
            upstream: upstream.clone(),
            addrs: vec![addr],
        }
    }

    fn port(&self) -> u16 {
        let dialled = self.addrs.first().map(SocketAddr::port);
        dialled.unwrap_or(self.upstream.port)
    }

    fn reach(&self) -> Reach {
        let reaches = || self.addrs.iter().map(|addr| Reach::of(addr.ip()));
        let all = |wanted| !self.addrs.is_empty() && reaches().all(|reach| reach == wanted);
        if all(Reach::Here) {
            Reach::Here
        } else if all(Reach::Private) {
            Reach::Private
        } else {
            Reach::Public
        }
    }

    /// What to do where nothing answers: packets are dropped on the way.
    pub(super) fn remedy_of_silence(&self) -> String {
        let port = self.port();
        let mut remedy = match self.reach() {
            Reach::Here => {
                format!("check that the server runs, and what lets nothing through to port {port}")
            }
            Reach::Private => format!(
                "the address is a private one: run in its virtual network or in one peered with it (App Service: VNet integration), and let \
                 the network security groups (NSG), firewalls and routes between pass TCP {port}"
            ),
            Reach::Public => {
                let zone = self.zone();
                format!(
                    "add this machine's outgoing address to the server's firewall rules, and let network security groups (NSG) here pass \
                     TCP {port}; where its public access is off: virtual network (VNet integration or peering), private endpoint and \
                     private DNS zone{zone}"
                )
            }
        };
        if self.is_azure_sqls() {
            remedy.push_str("; Azure SQL sends clients on to ports 11000 to 11999");
        }
        remedy
    }

    /// What to do where somebody answers that there is no connection.
    pub(super) fn remedy_of_refusal(&self) -> &'static str {
        if self.is_azure_sqls() {
            "check that the server runs and that its firewall and this network let this machine through; Azure SQL sends \
             clients on to ports 11000 to 11999"
        } else {
            "check that the server runs and that its firewall and this network let this machine through"
        }
    }

    fn zone(&self) -> String {
        let zone = private_zone_of(&self.upstream.host);
        zone.map_or_else(String::new, |zone| format!(" {zone}"))
    }

    fn is_azure_sqls(&self) -> bool {
        let port = self.port();
        PORTS_OF_AZURE_SQL.iter().any(|ports| ports.contains(&port))
    }
}

/// What to do where nobody knows the name.
pub(super) fn remedy_of_names(host: &str) -> String {
    match private_zone_of(host) {
        Some(zone) => format!(
            "check the name and this machine's DNS; a server that has a private address alone is known where its private DNS zone ({zone}, \
             or the one that it was made with) is linked to this network (App Service: VNet integration), or set connect_to"
        ),
        None => "check the upstream's name and this machine's DNS; a private endpoint needs its private DNS zone, or connect_to"
            .to_owned(),
    }
}

/// The upstream, and where that is where its name does not say so.
impl fmt::Display for FarEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upstream = &self.upstream;
        write!(f, "`{upstream}`")?;
        let written: Option<IpAddr> = upstream.host.parse().ok();
        let mut before = " at ";
        for addr in &self.addrs {
            let ip = addr.ip().to_canonical();
            let is_port_known = addr.port() == upstream.port;
            if written == Some(ip) && is_port_known {
                continue;
            }
            f.write_str(before)?;
            match is_port_known {
                true => write!(f, "{ip}")?,
                false => write!(f, "{}", SocketAddr::new(ip, addr.port()))?,
            }
            before = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn far_end(host: &str, port: u16, addrs: &[&str]) -> FarEnd {
        FarEnd {
            upstream: Endpoint {
                host: host.into(),
                port,
            },
            addrs: addrs.iter().map(|addr| addr.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn addresses_are_said_where_the_name_does_not_say_them() {
        for (host, addrs, text) in [
            ("db", &["10.0.0.4:5432"][..], "`db:5432` at 10.0.0.4"),
            ("db", &["10.0.0.4:6432"], "`db:5432` at 10.0.0.4:6432"),
            ("10.0.0.4", &["10.0.0.4:5432"], "`10.0.0.4:5432`"),
            ("::1", &["[::1]:5432"], "`[::1]:5432`"),
            (
                "db",
                &["[2001:db8::1]:5432", "192.0.2.1:5432"],
                "`db:5432` at 2001:db8::1, 192.0.2.1",
            ),
            ("db", &[], "`db:5432`"),
        ] {
            assert_eq!(far_end(host, 5432, addrs).to_string(), text);
        }
    }

    #[test]
    fn private_addresses_have_another_remedy_than_public_ones() {
        let azure = "orders.postgres.database.azure.com";
        for (addr, begins, has) in [
            ("127.0.0.1:5432", "check that the server runs", "port 5432"),
            ("10.0.0.4:5432", "the address is a private one", "peered"),
            ("172.16.0.4:5432", "the address is a private one", "(NSG)"),
            (
                "192.168.0.4:5432",
                "the address is a private one",
                "TCP 5432",
            ),
            ("100.64.0.4:5432", "the address is a private one", "routes"),
            ("[fd00::4]:5432", "the address is a private one", "VNet"),
            (
                "[::ffff:10.0.0.4]:5432",
                "the address is a private one",
                "VNet",
            ),
            (
                "100.128.0.4:5432",
                "add this machine's outgoing address to the server's firewall rules",
                "(NSG)",
            ),
            (
                "20.1.2.3:5432",
                "add this machine's outgoing address",
                "private DNS zone privatelink.postgres.database.azure.com",
            ),
        ] {
            let remedy = far_end(azure, 5432, &[addr]).remedy_of_silence();
            assert!(remedy.starts_with(begins), "{addr}: {remedy}");
            assert!(remedy.contains(has), "{addr}: {remedy}");
        }
        let elsewhere = far_end("db.example.org", 5432, &["192.0.2.1:5432"]).remedy_of_silence();
        assert!(elsewhere.ends_with("private DNS zone"), "{elsewhere}");
    }

    #[test]
    fn names_that_nobody_knows_may_stand_in_a_private_zone() {
        let remedy = remedy_of_names("orders.mysql.database.azure.com");
        assert!(
            remedy.contains("privatelink.mysql.database.azure.com"),
            "{remedy}"
        );
        assert!(remedy.contains("VNet integration"), "{remedy}");
        let remedy = remedy_of_names("db.example.org");
        assert!(
            remedy.starts_with("check the upstream's name and this machine's DNS"),
            "{remedy}"
        );
    }

    #[test]
    fn azure_sql_alone_sends_clients_on_to_other_ports() {
        for (port, sends_on) in [
            (1433, true),
            (11_000, true),
            (11_999, true),
            (12_000, false),
            (5432, false),
            (3306, false),
        ] {
            let far_end = far_end("db", port, &[]);
            for remedy in [
                far_end.remedy_of_silence(),
                far_end.remedy_of_refusal().to_owned(),
            ] {
                assert_eq!(remedy.contains("11000 to 11999"), sends_on, "{port}");
            }
        }
    }
}
