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

/// Where a protocol's servers live on Azure.
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
            (Cloud::Public, "sql.azuresynapse.net"),
            (Cloud::Public, "database.fabric.microsoft.com"),
            (Cloud::Public, "datawarehouse.fabric.microsoft.com"),
            (Cloud::Public, "pbidedicated.windows.net"),
            (Cloud::Public, "pbidedicated.microsoft.com"),
            (Cloud::UsGovernment, "database.usgovcloudapi.net"),
            (Cloud::UsGovernment, "sql.azuresynapse.usgovcloudapi.net"),
            (Cloud::China, "database.chinacloudapi.cn"),
            (Cloud::China, "sql.azuresynapse.azure.cn"),
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
        .map(|(cloud, _)| cloud.clone())
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

/// PostgreSQL-compatible, on Azure, and in its preview without managed identities.
const HORIZON_DB: &str = "horizondb.azure.com";

/// The label that private link puts between a server and its service, in a zone that only DNS has.
const PRIVATE_LINK: &str = "privatelink";

/// Why no certificate of the platform's roots can stand up for `name`, and what to write in its place.
///
/// # Errors
///
/// The message for the user.
pub(super) fn has_certificate(protocol: ProtocolName, name: &str) -> Result<(), String> {
    let is_link = |label: &str| label.eq_ignore_ascii_case(PRIVATE_LINK);
    if service_of(protocol, name).is_none() || !name.split('.').any(is_link) {
        return Ok(());
    }
    let labels: Vec<&str> = name.split('.').filter(|label| !is_link(label)).collect();
    Err(format!(
        "no certificate covers {name}: write the public name, {}, which DNS leads to the private address; \
         where DNS does not, connect_to does",
        labels.join(".")
    ))
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
    cloud: &Cloud,
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
        Some(service) if service == *cloud => Ok(()),
        None if is_in(name, cloud) => Ok(()),
        Some(_) => Err(format!(
            "{name} belongs to another cloud than the identity: leave cloud and audience out, or make them fit the upstream"
        )),
        None => Err(stranger(protocol, name, cloud)),
    }
}

/// What to say of a name that the service of this protocol does not hand out.
fn stranger(protocol: ProtocolName, name: &str, cloud: &Cloud) -> String {
    if protocol == ProtocolName::Postgres && is_under(name, HORIZON_DB) {
        return format!(
            "no token goes to {name}: Azure HorizonDB takes none of managed identities yet. Use upstream_auth = \"password\" \
             with upstream_password_file; on the day that Microsoft adds them, token_host = \"{name}\""
        );
    }
    let other = ProtocolName::ALL
        .into_iter()
        .find(|of| service_of(*of, name).is_some());
    if let Some(other) = other {
        return format!(
            "no token goes to {name}, which speaks another protocol: protocol = \"{other}\""
        );
    }
    let own = match protocol {
        ProtocolName::Tds => {
            "a server of your own (SQL Server 2022 or later on a virtual machine, Arc or Linux)"
        }
        ProtocolName::Postgres | ProtocolName::Mysql => "a server of your own",
    };
    format!(
        "no token goes to {name}, which Azure does not hand out (it is not under {}): for {own} write \
         token_host = \"{name}\", or upstream_ca_file where a private authority has signed its certificate",
        suffixes(protocol, cloud).join(" or ")
    )
}

/// Under which names a token may go, each with the dot in front.
pub(super) fn suffixes(protocol: ProtocolName, cloud: &Cloud) -> Vec<String> {
    let known = suffixes_of(protocol).iter();
    let known = known.filter(|(of, _)| of == cloud);
    let known = known.map(|(_, suffix)| format!(".{suffix}"));
    let own = own_suffixes(cloud).iter();
    known
        .chain(own.map(|suffix| format!(".{suffix}")))
        .collect()
}

/// Whether somebody has written out that `name` is one of this cloud's.
pub(super) fn is_in(name: &str, cloud: &Cloud) -> bool {
    own_suffixes(cloud)
        .iter()
        .any(|suffix| is_under(name, suffix))
}

fn own_suffixes(cloud: &Cloud) -> &[String] {
    match cloud {
        Cloud::Own(own) => &own.suffixes,
        Cloud::Public | Cloud::UsGovernment | Cloud::China => &[],
    }
}

/// The private DNS zone in which the name of an Azure server leads to its private endpoint; `None` for any other name.
pub fn private_zone_of(name: &str) -> Option<String> {
    let mut suffixes = ProtocolName::ALL.into_iter().flat_map(suffixes_of);
    let (_, suffix) = suffixes.find(|(_, suffix)| is_under(name, suffix))?;
    Some(format!("privatelink.{suffix}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests;
