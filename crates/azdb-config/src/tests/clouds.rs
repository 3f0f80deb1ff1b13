//! `cloud = { … }`: a cloud whose names are written out.

use azdb_identity::Cloud;

use super::{audience, load};

const OWN: [&str; 4] = [
    "authority = \"https://login.azure.test/\"",
    "sql_audience = \"https://database.azure.test\"",
    "oss_audience = \"https://ossrdbms-aad.database.azure.test/.default\"",
    "suffixes = [\"database.azure.test\", \"sql.azure.test\"]",
];

fn with(own: &[&str], protocol: &str, upstream: &str) -> String {
    let user = match protocol {
        "tds" => "",
        _ => "upstream_user = \"u\"\n",
    };
    format!(
        "[identity]\ncloud = {{ {} }}\n[[route]]\nname = \"a\"\nprotocol = \"{protocol}\"\nupstream = \"{upstream}\"\n{user}",
        own.join(", ")
    )
}

#[test]
fn names_that_are_written_out_have_its_tokens_and_its_authority() {
    for (protocol, upstream, wanted) in [
        (
            "postgres",
            "orders.postgres.database.azure.test",
            "https://ossrdbms-aad.database.azure.test",
        ),
        (
            "mysql",
            "Shop.Mysql.Database.AZURE.test",
            "https://ossrdbms-aad.database.azure.test",
        ),
        ("tds", "stock.sql.azure.test", "https://database.azure.test"),
    ] {
        let config = load(&with(&OWN, protocol, upstream)).unwrap();
        assert_eq!(audience(&config), wanted, "{upstream}");
        let route = &config.routes[0];
        let cloud = route
            .principals
            .iter()
            .next()
            .unwrap()
            .identity
            .cloud
            .clone();
        assert_eq!(
            cloud.as_ref().map(Cloud::authority),
            Some("https://login.azure.test")
        );
        assert!(matches!(cloud, Some(Cloud::Own(_))));
        if protocol == "tds" {
            assert_eq!(
                route.tds.routing_suffixes,
                ["database.azure.test", "sql.azure.test"]
            );
        }
    }
}

#[test]
fn every_other_name_is_refused() {
    for (upstream, why) in [
        (
            "db.example.org",
            "no token goes to db.example.org, which Azure does not hand out (it is not under .database.azure.test or .sql.azure.test)",
        ),
        // The suffix is no server, and other labels end in the same letters.
        (
            "database.azure.test",
            "no token goes to database.azure.test, ",
        ),
        (
            "ordersdatabase.azure.test",
            "no token goes to ordersdatabase.azure.test, ",
        ),
        (
            "orders.postgres.database.azure.com",
            "its cloud is the one that is written out, the upstream's is public",
        ),
    ] {
        let problems = load(&with(&OWN, "postgres", upstream)).unwrap_err();
        assert!(problems.contains(why), "{problems}");
    }
}

#[test]
fn what_is_missing_or_wrong_is_named_with_its_line() {
    let upstream = "orders.postgres.database.azure.test";
    for (at, key) in ["authority", "sql_audience", "oss_audience", "suffixes"]
        .iter()
        .enumerate()
    {
        let mut own = OWN.to_vec();
        own.remove(at);
        let problems = load(&with(&own, "postgres", upstream)).unwrap_err();
        assert!(
            problems.contains(&format!("{key}: is missing")),
            "{problems}"
        );
    }
    for (at, wrong, why) in [
        (
            0,
            "authority = \"http://login.azure.test\"",
            "is not an https URL of a name alone",
        ),
        (
            0,
            "authority = \"https://login.azure.test/tenant\"",
            "is not an https URL of a name alone",
        ),
        (
            0,
            "authority = \"https://10.0.0.4\"",
            "is not an https URL of a name alone",
        ),
        (
            1,
            "sql_audience = \"database.azure.test\"",
            "is not an https URL of a name alone",
        ),
        (
            3,
            "suffixes = [\".azure.test\"]",
            "is not the end of a name",
        ),
        (3, "suffixes = [\"test\"]", "is not the end of a name"),
        (3, "suffixes = [\"10.0.0.4\"]", "is not the end of a name"),
        (
            3,
            "suffixes = [\"*.azure.test\"]",
            "is not the end of a name",
        ),
    ] {
        let mut own = OWN.to_vec();
        own[at] = wrong;
        let problems = load(&with(&own, "postgres", upstream)).unwrap_err();
        assert!(
            problems.contains(why) && problems.contains("proxy.toml:2:"),
            "{problems}"
        );
    }
    let mut own = OWN.to_vec();
    own.push("autority = \"x\"");
    let problems = load(&with(&own, "postgres", upstream)).unwrap_err();
    assert!(
        problems.contains("did you mean \"authority\"?"),
        "{problems}"
    );
    for (word, why) in [
        ("\"germany\"", "is not one of public, us-government, china"),
        ("7", "must be"),
    ] {
        let text = with(&OWN, "postgres", upstream);
        let own = format!("{{ {} }}", OWN.join(", "));
        let problems = load(&text.replace(&own, word)).unwrap_err();
        assert!(problems.contains(why), "{problems}");
    }
}
