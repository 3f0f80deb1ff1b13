//! Which names may see a token.
//!
//! Verified TLS says that a name is the name it claims to be, not that it is a database: with the platform's roots anybody
//! can have a certificate for a name of their own. And a token's audience is service-wide: whoever reads one can log in to
//! every server where the identity has a role. So the name must be one that only the service hands out.
//!
//! # Invariants
//!
//! * A name that merely contains or ends in the letters of a suffix is not under it.
//! * A suffix by itself is not a server.
//! * A name of one cloud gets no token of another.

use azdb_identity::Cloud;

use crate::route::ProtocolName;

/// Where a protocol's servers live on Azure. Private link adds a label in front, which changes nothing here.
fn suffixes_of(protocol: ProtocolName) -> &'static [(Cloud, &'static str)] {
    match protocol {
        ProtocolName::Postgres => &[
            (Cloud::Public, "postgres.database.azure.com"),
            (Cloud::Public, "postgres.cosmos.azure.com"),
            (Cloud::UsGovernment, "postgres.database.usgovcloudapi.net"),
            (Cloud::China, "postgres.database.chinacloudapi.cn"),
        ],
        ProtocolName::Tds => &[
            (Cloud::Public, "database.windows.net"),
            (Cloud::Public, "fabric.microsoft.com"),
            (Cloud::Public, "pbidedicated.windows.net"),
            (Cloud::UsGovernment, "database.usgovcloudapi.net"),
            (Cloud::China, "database.chinacloudapi.cn"),
        ],
        ProtocolName::Mysql => &[
            (Cloud::Public, "mysql.database.azure.com"),
            (Cloud::UsGovernment, "mysql.database.usgovcloudapi.net"),
            (Cloud::China, "mysql.database.chinacloudapi.cn"),
        ],
    }
}

/// The cloud whose service hands out `name`; `None` for any other name.
pub(super) fn service_of(protocol: ProtocolName, name: &str) -> Option<Cloud> {
    suffixes_of(protocol)
        .iter()
        .find(|(_, suffix)| is_under(name, suffix))
        .map(|(cloud, _)| *cloud)
}

/// Whether `name` is at least one label below `suffix`, without regard to case.
pub fn is_under(name: &str, suffix: &str) -> bool {
    let Some(at) = name.len().checked_sub(suffix.len()) else {
        return false;
    };
    let Some((server, tail)) = name.split_at_checked(at) else {
        return false;
    };
    tail.eq_ignore_ascii_case(suffix)
        && server
            .strip_suffix('.')
            .is_some_and(|server| server.split('.').all(|label| !label.is_empty()))
}

/// Why a token must not go to `name`, verified against the platform's roots, and what to do.
///
/// `token_hosts` are the names that the configuration writes out.
///
/// # Errors
///
/// The message for the user.
pub(super) fn may_have_token(
    protocol: ProtocolName,
    name: &str,
    cloud: Cloud,
    token_hosts: &[&str],
) -> Result<(), String> {
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Err(format!(
            "no token goes to the address {name}, which no public authority vouches for: \
             give upstream_ca_file, or the server's name in upstream_tls_name"
        ));
    }
    if token_hosts
        .iter()
        .any(|host| host.eq_ignore_ascii_case(name))
    {
        return Ok(());
    }
    match service_of(protocol, name) {
        Some(service) if service == cloud => Ok(()),
        Some(_) => Err(format!(
            "{name} belongs to another cloud than the identity: leave cloud and audience out, or make them fit the upstream"
        )),
        None => Err(format!(
            "no token goes to {name}, which is not under {}: give upstream_ca_file, \
             or token_host = \"{name}\" if you are sure that it is your server",
            suffixes(protocol, cloud).join(" or ")
        )),
    }
}

/// Under which names a token may go, each with the dot in front.
pub(super) fn suffixes(protocol: ProtocolName, cloud: Cloud) -> Vec<String> {
    suffixes_of(protocol)
        .iter()
        .filter(|(of, _)| *of == cloud)
        .map(|(_, suffix)| format!(".{suffix}"))
        .collect()
}

/// The private DNS zone in which the name of an Azure server leads to its private endpoint; `None` for any other name.
pub fn private_zone_of(name: &str) -> Option<String> {
    let mut suffixes = ProtocolName::ALL.into_iter().flat_map(suffixes_of);
    let (_, suffix) = suffixes.find(|(_, suffix)| is_under(name, suffix))?;
    Some(format!("privatelink.{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identities::CLOUDS;
    use ProtocolName::{Mysql, Postgres, Tds};

    fn allowed(protocol: ProtocolName, name: &str, cloud: Cloud) -> bool {
        may_have_token(protocol, name, cloud, &[]).is_ok()
    }

    #[test]
    fn names_under_a_suffix_of_the_own_cloud_are_allowed() {
        for (own, name, cloud) in [
            (
                Postgres,
                "orders.postgres.database.azure.com",
                Cloud::Public,
            ),
            (
                Postgres,
                "Orders.Postgres.Database.AZURE.com",
                Cloud::Public,
            ),
            (
                Postgres,
                "orders.privatelink.postgres.database.azure.com",
                Cloud::Public,
            ),
            (
                Postgres,
                "c-orders.x1y2.postgres.cosmos.azure.com",
                Cloud::Public,
            ),
            (
                Postgres,
                "orders.postgres.database.usgovcloudapi.net",
                Cloud::UsGovernment,
            ),
            (
                Postgres,
                "orders.privatelink.postgres.database.usgovcloudapi.net",
                Cloud::UsGovernment,
            ),
            (
                Postgres,
                "orders.postgres.database.chinacloudapi.cn",
                Cloud::China,
            ),
            (Mysql, "orders.mysql.database.azure.com", Cloud::Public),
            (
                Mysql,
                "orders.privatelink.mysql.database.azure.com",
                Cloud::Public,
            ),
            (
                Mysql,
                "orders.mysql.database.usgovcloudapi.net",
                Cloud::UsGovernment,
            ),
            (
                Mysql,
                "orders.mysql.database.chinacloudapi.cn",
                Cloud::China,
            ),
            (Tds, "orders.database.windows.net", Cloud::Public),
            (
                Tds,
                "orders.privatelink.database.windows.net",
                Cloud::Public,
            ),
            (Tds, "mi.a1b2c3.database.windows.net", Cloud::Public),
            (Tds, "x.datawarehouse.fabric.microsoft.com", Cloud::Public),
            (
                Tds,
                "orders.database.usgovcloudapi.net",
                Cloud::UsGovernment,
            ),
            (Tds, "orders.database.chinacloudapi.cn", Cloud::China),
        ] {
            for of in CLOUDS {
                assert_eq!(allowed(own, name, of), of == cloud, "{own} {name} {of:?}");
            }
        }
    }

    #[test]
    fn each_protocol_has_its_own_service() {
        let names = [
            (Postgres, "orders.postgres.database.azure.com"),
            (Mysql, "orders.mysql.database.azure.com"),
            (Tds, "orders.database.windows.net"),
        ];
        for protocol in ProtocolName::ALL {
            for (own, name) in names {
                let fits = protocol == own;
                assert_eq!(
                    allowed(protocol, name, Cloud::Public),
                    fits,
                    "{protocol} {name}"
                );
            }
        }
    }

    #[test]
    fn a_name_that_only_looks_like_azure_is_refused() {
        for name in [
            "xpostgres.database.azure.com",
            "evilpostgres.database.azure.com",
            "postgres.database.azure.com",
            ".postgres.database.azure.com",
            "a..postgres.database.azure.com",
            "postgres.database.azure.com.evil.com",
            "orders.postgres.database.azure.com.evil.com",
            "orders.postgres.database.azure.com.",
            "orders.postgres.database.azure.co",
            "evilmysql.database.azure.com",
            "mysql.database.azure.com",
            "evil.windows.net",
            "xdatabase.windows.net",
            "database.windows.net",
            "database.windows.net.evil.com",
            "localhost",
            "é.postgres.database.azure.com.é",
        ] {
            for protocol in ProtocolName::ALL {
                assert!(!allowed(protocol, name, Cloud::Public), "{protocol} {name}");
            }
        }
    }

    #[test]
    fn a_name_of_another_cloud_is_told_apart() {
        let name = "orders.postgres.database.azure.com";
        let refused = may_have_token(Postgres, name, Cloud::China, &[]);
        let told = |text: String| text.starts_with(&format!("{name} belongs to another cloud"));
        assert!(refused.is_err_and(told));
    }

    #[test]
    fn a_name_written_out_is_allowed_and_only_that_name() {
        let with = |name| may_have_token(Postgres, name, Cloud::Public, &["db.example.org"]);
        for name in ["db.example.org", "DB.example.org"] {
            assert_eq!(with(name), Ok(()));
        }
        for name in ["x.db.example.org", "example.org"] {
            assert!(with(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_address_gets_no_token_on_the_word_of_public_authorities() {
        for name in ["10.0.0.4", "::1"] {
            let refused = may_have_token(Postgres, name, Cloud::Public, &[name]);
            assert!(refused.is_err(), "{name}");
        }
    }
}
