//! Where an upstream may send us: it steers where the token goes.
//!
//! # Invariants
//!
//! * The target is a name under the upstream's own service, in whole labels, or under what the configuration lists.
//! * It is never an address.

use std::net::IpAddr;

use azdb_config::is_under;
use azdb_config::route::{Endpoint, UpstreamTls};
use azdb_wire::tds::{Routing, from_utf16};
use rustls::pki_types::ServerName;

use super::TdsFault;

/// Times that an upstream may send us on before it is taken for lost. Drivers allow 10.
pub(super) const MAX_HOPS: usize = 10;

/// Where each service keeps its servers: those of one line send to each other.
///
/// The dedicated pools of a Synapse workspace are databases of Azure SQL.
const SERVICES: [&[&str]; 4] = [
    &["database.windows.net", "sql.azuresynapse.net"],
    &[
        "database.usgovcloudapi.net",
        "sql.azuresynapse.usgovcloudapi.net",
    ],
    &["database.chinacloudapi.cn", "sql.azuresynapse.azure.cn"],
    &[
        "fabric.microsoft.com",
        "pbidedicated.windows.net",
        "pbidedicated.microsoft.com",
    ],
];

/// What to do about a name.
const LIST_IT: &str = "if the name is your server's, add its domain to routing_suffixes";
/// What to do about what is none: no setting has a token go there.
const SEND_TO_NAMES: &str = "have the server send on to a full name, which a certificate can vouch for (of an availability group: the \
                             READ_ONLY_ROUTING_URL of its replicas)";

/// A place to log in instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) endpoint: Endpoint,
    /// What LOGIN7 calls the server there.
    pub(super) server: String,
}

/// Judges where the upstream that has proved to be `own` sends us. `suffixes` are those of the configuration, if it has any.
pub(super) fn target(
    routing: &Routing<'_>,
    own: &str,
    suffixes: &[String],
) -> Result<Target, TdsFault> {
    let server = from_utf16(routing.server);
    let port = routing.port;
    let route = |why, remedy| TdsFault::Route {
        to: format!("{server}:{port}").into_bytes(),
        why,
        remedy,
    };
    let no_name = |why| route(why, SEND_TO_NAMES);
    let refuse = |why| route(why, LIST_IT);
    // Fabric writes host\instance: the instance is for LOGIN7 alone.
    let (host, instance) = match server.split_once('\\') {
        Some((host, instance)) => (host, Some(instance)),
        None => (server.as_str(), None),
    };
    if host.parse::<IpAddr>().is_ok() {
        return Err(no_name("which is an address and not a name"));
    }
    if !is_name(host) {
        return Err(no_name("which is not a name"));
    }
    if !suffixes.is_empty() {
        let listed = |suffix: &String| is_at_or_under(host, suffix);
        if !suffixes.iter().any(listed) {
            return Err(refuse("which is not under routing_suffixes"));
        }
    } else if !is_of_the_same_service(host, own) {
        return Err(refuse(
            "which is not of its own service, see routing_suffixes",
        ));
    } else if !matches!(port, 1433 | 11_000..=11_999) {
        return Err(refuse(
            "a port that Azure does not use, see routing_suffixes",
        ));
    }
    let endpoint = Endpoint {
        host: host.to_ascii_lowercase(),
        port,
    };
    let server = match instance {
        Some(_) => format!("{server},{port}"),
        None => server,
    };
    Ok(Target { endpoint, server })
}

fn is_of_the_same_service(host: &str, own: &str) -> bool {
    let of = |name: &str, service: &&&[&str]| service.iter().any(|suffix| is_under(name, suffix));
    match SERVICES.iter().find(|service| of(own, service)) {
        Some(service) => of(host, &service),
        None => is_at_or_under(host, own),
    }
}

fn is_at_or_under(host: &str, suffix: &str) -> bool {
    host.eq_ignore_ascii_case(suffix) || is_under(host, suffix)
}

fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    host.len() <= 253 && host.split('.').all(label)
}

/// The name that the route's upstream proves to be.
pub(super) fn own_name(tls: &UpstreamTls, host: &str) -> String {
    match tls {
        UpstreamTls::Verified {
            name: Some(ServerName::DnsName(name)),
            ..
        } => name.as_ref().to_owned(),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    const OWN: &str = "orders.database.windows.net";

    fn judged(to: &str, port: u16, own: &str, suffixes: &[&str]) -> Result<Target, TdsFault> {
        let mut server = Vec::new();
        azdb_wire::tds::push_utf16(to, &mut server);
        let suffixes: Vec<String> = suffixes.iter().map(ToString::to_string).collect();
        let routing = Routing {
            server: &server,
            port,
        };
        target(&routing, own, &suffixes)
    }

    #[test]
    fn azures_own_workers_are_followed() {
        let worker = "dd1a2b3c4d5e6.tr19.westeurope1-a.worker.database.windows.net";
        let target = judged(worker, 11_042, OWN, &[]).unwrap();
        assert_eq!(target.endpoint.host, worker);
        assert_eq!(target.endpoint.port, 11_042);
        assert_eq!(target.server, worker);
        assert!(judged(worker, 1433, OWN, &[]).is_ok());
    }

    #[test]
    fn fabrics_instance_stays_in_the_login_and_out_of_the_name() {
        let own = "x6eps.datawarehouse.fabric.microsoft.com";
        let target = judged("pbi.pbidedicated.windows.net\\x6eps-lake", 1433, own, &[]).unwrap();
        assert_eq!(target.endpoint.host, "pbi.pbidedicated.windows.net");
        assert_eq!(
            target.server,
            "pbi.pbidedicated.windows.net\\x6eps-lake,1433"
        );
    }

    #[test]
    fn synapse_and_fabric_are_followed_within_their_own_service() {
        for (own, to, good) in [
            (
                "x.sql.azuresynapse.net",
                "w.tr1.worker.database.windows.net",
                true,
            ),
            (
                "x-ondemand.sql.azuresynapse.net",
                "y.sql.azuresynapse.net",
                true,
            ),
            (
                "x.sql.azuresynapse.net",
                "y.database.chinacloudapi.cn",
                false,
            ),
            (
                "x.sql.azuresynapse.azure.cn",
                "y.database.chinacloudapi.cn",
                true,
            ),
            (
                "x.sql.azuresynapse.usgovcloudapi.net",
                "y.database.usgovcloudapi.net",
                true,
            ),
            ("x.sql.azuresynapse.net", "y.azuresynapse.net", false),
            (
                "x.datawarehouse.fabric.microsoft.com",
                "y.pbidedicated.microsoft.com",
                true,
            ),
            (
                "x.database.fabric.microsoft.com",
                "y.database.windows.net.evil.com",
                false,
            ),
            (
                "x.pbidedicated.microsoft.com",
                "xpbidedicated.microsoft.com",
                false,
            ),
        ] {
            assert_eq!(judged(to, 1433, own, &[]).is_ok(), good, "{own} {to}");
        }
    }

    #[test]
    fn names_of_others_are_not_followed() {
        for evil in [
            "evil.windows.net",
            "database.windows.net.evil.com",
            "xdatabase.windows.net",
            "evil.com",
            "database.windows.net",
            ".database.windows.net",
            "a..database.windows.net",
            "orders.database.windows.net.",
            "orders.database.chinacloudapi.cn",
            "evil.com\\orders.database.windows.net",
            "evil.com/.database.windows.net",
            "evil.com\0.database.windows.net",
            "",
        ] {
            assert!(judged(evil, 1433, OWN, &[]).is_err(), "{evil:?}");
        }
    }

    #[test]
    fn addresses_are_never_followed() {
        for address in ["10.0.0.4", "::1", "[::1]", "169.254.169.254"] {
            assert!(judged(address, 1433, OWN, &[]).is_err(), "{address}");
            assert!(judged(address, 1433, OWN, &[address]).is_err(), "{address}");
        }
    }

    #[test]
    fn ports_are_azures_unless_the_configuration_lists_names() {
        for (port, good) in [
            (1433, true),
            (11_000, true),
            (11_999, true),
            (12_000, false),
            (22, false),
        ] {
            assert_eq!(judged(OWN, port, OWN, &[]).is_ok(), good, "{port}");
        }
        assert!(judged(OWN, 22, OWN, &["database.windows.net"]).is_ok());
    }

    #[test]
    fn what_the_configuration_lists_counts_alone() {
        let listed = ["sql.example.org"];
        assert!(judged("a.sql.example.org", 5000, OWN, &listed).is_ok());
        assert!(judged("SQL.example.org", 5000, OWN, &listed).is_ok());
        assert!(judged("asql.example.org", 5000, OWN, &listed).is_err());
        assert!(judged(OWN, 1433, OWN, &listed).is_err());
    }

    #[test]
    fn a_server_outside_of_azure_sends_to_itself_only() {
        let own = "sql.example.org";
        assert!(judged("sql.example.org", 1433, own, &[]).is_ok());
        assert!(judged("node1.sql.example.org", 1433, own, &[]).is_ok());
        assert!(judged("example.org", 1433, own, &[]).is_err());
    }
}
