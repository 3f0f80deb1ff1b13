//! Routes of SQL Server: the token says who the user is, and three keys are theirs alone.

use std::time::Duration;

use azdb_identity::SourceKind;

use super::{Place, certificate, first_identity, load, problems_of};
use crate::route::{Principals, SessionAge, TdsOptions};
use crate::summary;

fn route(more: &str) -> String {
    format!(
        "[[route]]\nname = \"a\"\nprotocol = \"tds\"\nupstream = \"orders.database.windows.net\"\n{more}\n"
    )
}

fn options(more: &str) -> TdsOptions {
    let config = load(&route(more)).unwrap_or_else(|problems| panic!("{more}: {problems}"));
    config.routes[0].tds.clone()
}

fn problem(more: &str) -> String {
    load(&route(more)).unwrap_err()
}

#[test]
fn the_token_says_who_the_user_is() {
    let config = load(&route("")).unwrap();
    assert!(matches!(&config.routes[0].principals, Principals::One(one) if one.user.is_empty()));
    assert!(summary(&config).contains(" as the identity, "));
    assert_eq!(
        problem("upstream_user = \"u\""),
        "proxy.toml:5: route \"a\": upstream_user: the token says who the user is: leave it out, or use \
         upstream_auth = \"password\" for a development server"
    );
}

#[test]
fn a_map_chooses_identities_alone() {
    let identities = "[identities.blue]\nsource = \"imds\"\n";
    let config =
        load(&(identities.to_owned() + &route("user_map = { legacy = { identity = \"blue\" } }")))
            .unwrap();
    assert!(summary(&config).contains("the identity for \"legacy\""));
    let of_route = format!(
        "{identities}{}",
        route("identity = \"blue\"\nuser_map = { legacy = {} }")
    );
    assert_eq!(
        first_identity(&load(&of_route).unwrap()).source,
        SourceKind::Imds
    );
    assert_eq!(
        problem("user_map = { legacy = \"u\" }"),
        "proxy.toml:5: route \"a\": user_map.legacy: must be { identity = \"NAME\" }: the token says who the user is"
    );
    assert!(
        problem("user_map = { legacy = { user = \"u\" } }")
            .contains("user_map.legacy: user: the token says who the user is")
    );
}

#[test]
fn a_development_server_has_a_user_and_a_password() {
    let place = Place::with(&route(
        "upstream_auth = \"password\"\nupstream_user = \"sa\"\nupstream_password_file = \"pw\"\nupstream_tls = \"unverified\"\nupstream_password_in_clear = true",
    ));
    place.file("pw", "secret\n");
    place.file("ca.pem", &certificate());
    let config = place.load().unwrap();
    assert!(summary(&config).contains(" as \"sa\", TLS unverified, password"));
    assert_eq!(config.routes[0].tds.session_age, SessionAge::Unlimited);
    assert_eq!(config.warnings.len(), 2, "{:?}", config.warnings);
}

#[test]
fn sessions_retire_with_their_token_unless_the_configuration_says_otherwise() {
    let age = |more| options(more).session_age;
    assert_eq!(age(""), SessionAge::Token);
    assert_eq!(age("max_session_age = \"token\""), SessionAge::Token);
    assert_eq!(age("max_session_age = \"off\""), SessionAge::Unlimited);
    assert_eq!(
        age("max_session_age = \"90m\""),
        SessionAge::After(Duration::from_secs(90 * 60))
    );
    assert_eq!(
        problem("max_session_age = \"1s\""),
        "proxy.toml:5: route \"a\": max_session_age: \"1s\" is not from 1m to 720h"
    );
    assert_eq!(
        problem("max_session_age = \"never\""),
        "proxy.toml:5: route \"a\": max_session_age: \"never\" is not a number with ms, s, m or h, for example \"9s\""
    );
}

#[test]
fn a_value_may_take_so_much_memory_to_be_translated() {
    assert_eq!(options("").translate_limit, 64 * 1024 * 1024);
    let limit = options("translate_limit = \"1GiB\"").translate_limit;
    assert_eq!(limit, 1024 * 1024 * 1024);
    assert_eq!(
        problem("translate_limit = \"64\""),
        "proxy.toml:5: route \"a\": translate_limit: \"64\" is not a number with KiB, MiB or GiB, from \"64KiB\" to \"1GiB\""
    );
}

#[test]
fn routing_goes_to_names() {
    assert_eq!(options("").routing_suffixes, Vec::<String>::new());
    assert_eq!(
        options("routing_suffixes = [\".SQL.example.org\", \"other.net\"]").routing_suffixes,
        ["sql.example.org", "other.net"]
    );
    assert_eq!(
        problem("routing_suffixes = \"10.0.0.1\""),
        "proxy.toml:5: route \"a\": routing_suffixes: \"10.0.0.1\" is an address: an upstream is followed to names only"
    );
    assert!(options("sql_browser = true").sql_browser);
}

#[test]
fn other_protocols_have_none_of_these_keys() {
    assert_eq!(
        problem("local_infile = \"allow\""),
        "proxy.toml:5: route \"a\": local_infile: is for mysql, and protocol is \"tds\""
    );
    for more in [
        "routing_suffixes = \"a\"",
        "sql_browser = true",
        "max_session_age = \"1h\"",
        "translate_limit = \"1MiB\"",
    ] {
        let key = more.split(' ').next().unwrap();
        assert_eq!(
            problems_of(more),
            format!(
                "proxy.toml:5: route \"orders\": {key}: is for tds, and protocol is \"postgres\""
            )
        );
    }
}
