//! Where tokens may go.

use azdb_identity::Cloud;

use super::{accepted, audience, first_identity, load, place, problems_of};
use crate::Overrides;
use crate::route::{Roots, UpstreamTls};

#[test]
fn the_name_of_the_upstream_tells_cloud_and_audience() {
    for (protocol, upstream, cloud) in [
        (
            "postgres",
            "orders.postgres.database.azure.com",
            Cloud::Public,
        ),
        (
            "postgres",
            "orders.postgres.database.usgovcloudapi.net",
            Cloud::UsGovernment,
        ),
        (
            "mysql",
            "shop.mysql.database.chinacloudapi.cn",
            Cloud::China,
        ),
        ("tds", "stock.database.windows.net", Cloud::Public),
        (
            "tds",
            "stock.database.usgovcloudapi.net",
            Cloud::UsGovernment,
        ),
        ("tds", "stock.database.chinacloudapi.cn", Cloud::China),
    ] {
        let (user, own) = match protocol {
            "tds" => ("", cloud.sql_audience()),
            _ => ("upstream_user = \"u\"", cloud.oss_rdbms_audience()),
        };
        let config = load(&format!(
            "[[route]]\nprotocol = \"{protocol}\"\nupstream = \"{upstream}\"\n{user}\n"
        ))
        .unwrap();
        assert_eq!(audience(&config), own.as_str(), "{upstream}");
        assert_eq!(first_identity(&config).cloud, Some(cloud), "{upstream}");
    }
}

#[test]
fn a_token_goes_to_no_other_name_on_the_word_of_public_authorities() {
    for (upstream, why) in [
        (
            "orders.mysql.database.azure.com",
            "which speaks another protocol: protocol = \"mysql\"",
        ),
        (
            "db.example.org",
            "which Azure does not hand out (it is not under .postgres.database.azure.com or .postgres.cosmos.azure.com): for a \
             server of your own write token_host = \"db.example.org\", or upstream_ca_file where a private authority has signed \
             its certificate",
        ),
    ] {
        let with = |more: &str| place(&format!("\"{upstream}:6432\""), more).load();
        assert_eq!(
            with("").unwrap_err(),
            format!("proxy.toml:4: route \"a\": upstream: no token goes to {upstream}, {why}")
        );
        with("upstream_ca_file = \"ca.pem\"").unwrap();
        with(&format!("token_host = \"{upstream}\"")).unwrap();
    }
}

/// Private link's own zone is for DNS: what TLS verifies, and what SQL Server's gateway goes by, is the public name.
#[test]
fn a_name_of_private_links_zone_is_refused_with_the_public_one() {
    let link = "orders.privatelink.postgres.database.azure.com";
    let public = "orders.postgres.database.azure.com";
    let refused = format!(
        "upstream: no certificate covers {link}: write the public name, {public}, which DNS leads to the private address; where DNS \
         does not, connect_to does"
    );
    let quoted = format!("\"{link}\"");
    for more in ["", &format!("token_host = \"{link}\"")] {
        let problems = place(&quoted, more).load().unwrap_err();
        assert_eq!(problems, format!("proxy.toml:4: route \"a\": {refused}"));
    }
    place(&quoted, "upstream_ca_file = \"ca.pem\"")
        .load()
        .unwrap();
    place(&quoted, &format!("upstream_tls_name = \"{public}\""))
        .load()
        .unwrap();
    place(
        &format!("\"{public}\""),
        &format!("connect_to = \"{link}\""),
    )
    .load()
    .unwrap();
}

#[test]
fn an_address_needs_roots_of_its_own_or_a_name() {
    let refused = "proxy.toml:4: route \"a\": upstream: no token goes to the address 10.0.0.4, which no public authority \
                   vouches for: give upstream_ca_file, or the server's name in upstream_tls_name";
    let at = |more: &str| place("\"10.0.0.4\"", more).load();
    assert_eq!(at("").unwrap_err(), refused);
    assert_eq!(at("token_host = \"10.0.0.4\"").unwrap_err(), refused);
    at("upstream_ca_file = \"ca.pem\"").unwrap();
    at("upstream_tls_name = \"orders.postgres.database.azure.com\"").unwrap();
    let problems = place("\"[::1]:6000\"", "").load().unwrap_err();
    assert!(problems.contains("the address ::1"), "{problems}");
}

#[test]
fn the_name_that_tls_verifies_is_the_one_that_counts() {
    let problems = place(
        "\"orders.postgres.database.azure.com\"",
        "upstream_tls_name = \"db.example.org\"",
    )
    .load()
    .unwrap_err();
    assert!(
        problems.starts_with(
            "proxy.toml:6: route \"a\": upstream_tls_name: no token goes to db.example.org, "
        ),
        "{problems}"
    );
    let problems = place(
        "[\"orders.postgres.database.azure.com\", \"db.example.org\"]",
        "",
    )
    .load()
    .unwrap_err();
    assert!(
        problems
            .starts_with("proxy.toml:4: route \"a\": upstream: no token goes to db.example.org, "),
        "{problems}"
    );
}

#[test]
fn a_token_host_is_exactly_a_name_of_the_route() {
    for host in [
        "example.org",
        "*.example.org",
        "orders.postgres.database.azure.com",
    ] {
        let problems = place("\"db.example.org\"", &format!("token_host = \"{host}\""))
            .load()
            .unwrap_err();
        let expected = format!(
            "proxy.toml:6: route \"a\": token_host: {host:?} is not exactly a name that this route verifies"
        );
        assert!(problems.contains(&expected), "{problems}");
        assert_eq!(problems.lines().count(), 2, "{problems}");
    }
}

#[test]
fn one_route_is_of_one_cloud() {
    let gov = "\"orders.postgres.database.usgovcloudapi.net\"";
    assert_eq!(
        place(gov, "identity = { cloud = \"china\" }")
            .load()
            .unwrap_err(),
        "proxy.toml:1: route \"a\": identity: its cloud is china, the upstream's is us-government"
    );
    assert_eq!(
        place(
            gov,
            "audience = \"https://ossrdbms-aad.database.windows.net/.default\""
        )
        .load()
        .unwrap_err(),
        "proxy.toml:6: route \"a\": audience: its cloud is public, the upstream's is us-government"
    );
    let problems = place(
        &format!("[{gov}, \"orders.postgres.database.azure.com\"]"),
        "",
    )
    .load()
    .unwrap_err();
    assert_eq!(
        problems,
        "proxy.toml:4: route \"a\": upstream: orders.postgres.database.azure.com belongs to another cloud than the \
         identity: leave cloud and audience out, or make them fit the upstream"
    );
}

#[test]
fn the_cloud_comes_from_the_name_then_the_identity_then_the_environment() {
    let own = |more: &str, env: &[(&str, &str)]| {
        let more = format!("upstream_ca_file = \"ca.pem\"\n{more}");
        let place = place("\"db.example.org\"", &more);
        let config = place.load_with(&Overrides::default(), env).unwrap();
        audience(&config).to_owned()
    };
    let public = Cloud::Public.oss_rdbms_audience().to_string();
    let gov = Cloud::UsGovernment.oss_rdbms_audience().to_string();
    let china = Cloud::China.oss_rdbms_audience().to_string();
    assert_eq!(own("", &[]), public);
    let env = [("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/")];
    assert_eq!(own("", &env), gov);
    assert_eq!(
        own("", &[("AZURE_AUTHORITY_HOST", "login.microsoftonline.us")]),
        gov
    );
    assert_eq!(own("identity = { cloud = \"china\" }", &env), china);
    assert_eq!(own("audience = \"api://mine\"", &env), "api://mine");
    let named = place("\"orders.postgres.database.azure.com\"", "")
        .load_with(&Overrides::default(), &env)
        .unwrap();
    assert_eq!(audience(&named), public);
}

#[test]
fn a_token_goes_over_verified_tls_only() {
    for tls in ["off", "unverified"] {
        assert_eq!(
            problems_of(&format!("upstream_tls = \"{tls}\"")),
            "proxy.toml:5: route \"orders\": upstream_tls: a token goes over verified TLS only: leave it out, \
             or use upstream_auth = \"password\" for a development server"
        );
    }
    assert!(accepted("upstream_tls = \"verify\"").warnings.is_empty());
}

#[test]
fn roots_come_from_a_file_with_certificates() {
    let place = place("\"db.example.org\"", "upstream_ca_file = \"ca.pem\"");
    let config = place.load().unwrap();
    let UpstreamTls::Verified {
        roots: Roots::File {
            certificates: roots,
            ..
        },
        ..
    } = &config.routes[0].tls
    else {
        panic!("{config:?}")
    };
    assert_eq!(roots.len(), 1);
    for (content, problem) in [
        ("", "ca.pem has no certificate in PEM form"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate 1 of ca.pem: ",
        ),
        ("-----BEGIN CERTIFICATE-----\n", "certificate 1 of ca.pem: "),
    ] {
        place.file("ca.pem", content);
        let problems = place.load().unwrap_err();
        let expected = format!("proxy.toml:6: route \"a\": upstream_ca_file: {problem}");
        assert!(
            problems.starts_with(&expected) && problems.lines().count() == 1,
            "{problems}"
        );
    }
}

#[test]
fn an_audience_that_is_no_databases_is_a_warning() {
    let warnings = |audience: &str| accepted(&format!("audience = \"{audience}\"")).warnings;
    for fine in [
        "https://ossrdbms-aad.database.windows.net",
        "https://ossrdbms-aad.database.windows.net/.default",
        "https://ossrdbms-aad.database.windows.net/",
        "123cd850-d9df-40bd-94d5-c9f07b7fa203",
    ] {
        assert_eq!(warnings(fine), [""; 0], "{fine}");
    }
    for other in [
        "https://management.azure.com",
        "https://database.windows.net",
        "https://ossrdbms-aad.database.windows.net.evil.example",
    ] {
        let warnings = warnings(other);
        let [only] = warnings.as_slice() else {
            panic!("{other}: {warnings:?}")
        };
        let expected = format!(
            "audience = \"{other}\": a server of postgres takes no token for that, but one for \"https://ossrdbms-aad.database.windows.net\""
        );
        assert!(only.contains(&expected), "{only}");
    }
}
