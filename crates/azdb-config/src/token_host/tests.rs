//! Which names are whose.

use super::*;
use crate::clouds::CLOUDS;
use ProtocolName::{Mysql, Postgres, Tds};

fn allowed(protocol: ProtocolName, name: &str, cloud: Cloud) -> bool {
    may_have_token(protocol, name, &cloud, &[]).is_ok()
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
            "orders.postgres.database.chinacloudapi.cn",
            Cloud::China,
        ),
        (Mysql, "orders.mysql.database.azure.com", Cloud::Public),
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
        (Tds, "mi.a1b2c3.database.windows.net", Cloud::Public),
        (Tds, "x.datawarehouse.fabric.microsoft.com", Cloud::Public),
        (Tds, "x.database.fabric.microsoft.com", Cloud::Public),
        (Tds, "x.pbidedicated.windows.net", Cloud::Public),
        (Tds, "x.pbidedicated.microsoft.com", Cloud::Public),
        (
            Tds,
            "x.datawarehouse.pbidedicated.microsoft.com",
            Cloud::Public,
        ),
        (Tds, "x.sql.azuresynapse.net", Cloud::Public),
        (Tds, "x-ondemand.sql.azuresynapse.net", Cloud::Public),
        (
            Tds,
            "x.sql.azuresynapse.usgovcloudapi.net",
            Cloud::UsGovernment,
        ),
        (Tds, "x.sql.azuresynapse.azure.cn", Cloud::China),
        (
            Tds,
            "orders.database.usgovcloudapi.net",
            Cloud::UsGovernment,
        ),
        (Tds, "orders.database.chinacloudapi.cn", Cloud::China),
    ] {
        for of in CLOUDS {
            assert_eq!(
                allowed(own, name, of.clone()),
                of == cloud,
                "{own} {name} {of:?}"
            );
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
        "sql.azuresynapse.net",
        "x.azuresynapse.net",
        "x-sql.azuresynapse.net",
        "x.sql.azuresynapse.com",
        "x.fabric.microsoft.com",
        "xpbidedicated.microsoft.com",
        "x.horizondb.azure.com",
        "localhost",
        "é.postgres.database.azure.com.é",
    ] {
        for protocol in ProtocolName::ALL {
            assert!(!allowed(protocol, name, Cloud::Public), "{protocol} {name}");
        }
    }
}

#[test]
fn a_name_of_private_links_own_zone_has_no_certificate() {
    for (protocol, name, public) in [
        (
            Postgres,
            "orders.privatelink.postgres.database.azure.com",
            "orders.postgres.database.azure.com",
        ),
        (
            Mysql,
            "orders.PrivateLink.mysql.database.azure.com",
            "orders.mysql.database.azure.com",
        ),
        (
            Tds,
            "orders.privatelink.database.windows.net",
            "orders.database.windows.net",
        ),
        // A managed instance.
        (
            Tds,
            "mi.privatelink.a1b2c3.database.windows.net",
            "mi.a1b2c3.database.windows.net",
        ),
        (
            Tds,
            "x.privatelink.sql.azuresynapse.azure.cn",
            "x.sql.azuresynapse.azure.cn",
        ),
    ] {
        let problem = has_certificate(protocol, name).unwrap_err();
        let says = format!("no certificate covers {name}: write the public name, {public}, ");
        assert!(problem.starts_with(&says), "{problem}");
        assert_eq!(has_certificate(protocol, public), Ok(()));
    }
    // A name of somebody's own is their own business.
    assert_eq!(has_certificate(Tds, "x.privatelink.example.org"), Ok(()));
}

#[test]
fn what_is_known_of_a_stranger_is_said() {
    let horizon = may_have_token(
        Postgres,
        "c.a1.westeurope.horizondb.azure.com",
        &Cloud::Public,
        &[],
    )
    .unwrap_err();
    assert!(
        horizon.contains("HorizonDB takes none of managed identities yet")
            && horizon.contains("upstream_auth = \"password\""),
        "{horizon}"
    );
    let other =
        may_have_token(Postgres, "orders.database.windows.net", &Cloud::Public, &[]).unwrap_err();
    assert!(other.ends_with("protocol = \"tds\""), "{other}");
    let own = may_have_token(Tds, "sql1.contoso.com", &Cloud::Public, &[]).unwrap_err();
    assert!(
        own.contains("on a virtual machine, Arc or Linux) write token_host = \"sql1.contoso.com\""),
        "{own}"
    );
}

#[test]
fn a_name_of_another_cloud_is_told_apart() {
    let name = "orders.postgres.database.azure.com";
    let refused = may_have_token(Postgres, name, &Cloud::China, &[]);
    let told = |text: String| text.starts_with(&format!("{name} belongs to another cloud"));
    assert!(refused.is_err_and(told));
}

#[test]
fn a_name_written_out_is_allowed_and_only_that_name() {
    let with = |name| may_have_token(Postgres, name, &Cloud::Public, &["db.example.org"]);
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
        let refused = may_have_token(Postgres, name, &Cloud::Public, &[name]);
        assert!(refused.is_err(), "{name}");
    }
}
