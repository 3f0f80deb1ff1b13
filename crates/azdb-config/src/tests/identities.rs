use azdb_identity::{AuthorityProxy, Cloud, IdentityConfig, Selector, SourceKind};

use super::{Place, absolute, accepted, load, no_such_file, route};
use crate::Config;

/// The identities of the first route, in the order of its user map.
fn identities(config: &Config) -> Vec<IdentityConfig> {
    config.routes[0]
        .principals
        .iter()
        .map(|principal| principal.identity.as_ref().clone())
        .collect()
}

fn identity_of(table: &str) -> IdentityConfig {
    let text = format!("[identity]\n{table}\n{}", route(""));
    identities(&load(&text).unwrap_or_else(|problems| panic!("{table}: {problems}"))).remove(0)
}

fn problems_of(table: &str) -> String {
    load(&format!("[identity]\n{table}\n{}", route(""))).unwrap_err()
}

#[test]
fn every_source_is_known_by_its_name() {
    for kind in SourceKind::ALL {
        let needed = match kind {
            SourceKind::Command => "command = [\"token\"]",
            SourceKind::File => "token_file = \"token\"",
            _ => "",
        };
        assert_eq!(
            identity_of(&format!("source = \"{kind}\"\n{needed}")).source,
            kind
        );
    }
}

#[test]
fn a_key_that_belongs_to_one_source_means_that_source() {
    assert_eq!(identity_of("").source, SourceKind::Auto);
    let command = identity_of("command = [\"/usr/bin/token\", \"--for\", \"me\"]");
    assert_eq!(
        (command.source, command.command.as_slice()),
        (
            SourceKind::Command,
            ["/usr/bin/token", "--for", "me"]
                .map(str::to_owned)
                .as_slice()
        )
    );
    let path = absolute("/run/token");
    let file = identity_of(&format!("token_file = \"{path}\""));
    assert_eq!(
        (file.source, file.token_file),
        (SourceKind::File, Some(path.into()))
    );
    let federated = identity_of("source = \"workload-identity\"\ntoken_file = \"/run/token\"");
    assert_eq!(federated.source, SourceKind::WorkloadIdentity);
}

#[test]
fn the_upstream_tells_the_cloud_unless_the_identity_does() {
    let identity = identity_of("client_id = \"1\"\ntenant_id = \"2\"\nlazy = true");
    assert_eq!(
        identity,
        IdentityConfig {
            selector: Some(Selector::ClientId("1".to_owned())),
            tenant_id: Some("2".to_owned()),
            cloud: Some(Cloud::Public),
            lazy: true,
            ..IdentityConfig::default()
        }
    );
    assert_eq!(
        identity_of("object_id = \"1\"").selector,
        Some(Selector::ObjectId("1".to_owned()))
    );
    assert_eq!(
        identity_of("resource_id = \"/s/1\"").selector,
        Some(Selector::ResourceId("/s/1".to_owned()))
    );
}

#[test]
fn a_key_that_the_source_would_not_look_at_is_refused() {
    for (table, problem) in [
        (
            "source = \"azure-cli\"\nclient_id = \"1\"",
            "client_id: means nothing to source azure-cli, only to auto, managed-identity, imds, app-service, azure-arc, workload-identity, service-principal",
        ),
        (
            "source = \"service-principal\"\nobject_id = \"1\"",
            "object_id: means nothing to source service-principal, only to auto, managed-identity, imds, app-service, azure-arc",
        ),
        (
            "source = \"imds\"\ntenant_id = \"1\"",
            "tenant_id: means nothing to source imds, only to auto, workload-identity, service-principal, azure-cli, azure-developer-cli, azure-powershell",
        ),
        (
            "source = \"imds\"\ncommand = [\"x\"]",
            "command: means nothing to source imds, only to command",
        ),
        (
            "source = \"imds\"\ntoken_file = \"x\"",
            "token_file: means nothing to source imds, only to workload-identity, file",
        ),
        (
            "command = [\"x\"]\ntoken_file = \"x\"",
            "token_file: means nothing to source command, only to workload-identity, file",
        ),
    ] {
        assert_eq!(
            problems_of(table),
            format!("proxy.toml:3: [identity]: {problem}")
        );
    }
}

#[test]
fn a_source_without_what_it_needs_is_refused() {
    assert_eq!(
        problems_of("source = \"command\""),
        "proxy.toml:2: [identity]: source: command needs command"
    );
    assert_eq!(
        problems_of("source = \"file\""),
        "proxy.toml:2: [identity]: source: file needs token_file"
    );
    assert_eq!(
        problems_of("command = []"),
        "proxy.toml:2: [identity]: command: is an empty list"
    );
    assert_eq!(
        problems_of("cloud = \"mooncake\""),
        "proxy.toml:2: [identity]: cloud: \"mooncake\" is not one of public, us-government, china"
    );
    assert_eq!(
        problems_of("sauce = \"imds\""),
        "proxy.toml:2: [identity]: sauce: unknown key (did you mean \"source\"?)"
    );
}

#[test]
fn a_proxy_to_the_authority_is_written_out_or_taken_from_the_environment() {
    let proxy = |value: &str| {
        let table = format!("client_id = \"1\"\nauthority_proxy = \"{value}\"");
        identity_of(&table).authority_proxy
    };
    assert_eq!(identity_of("").authority_proxy, None);
    assert_eq!(proxy("env"), Some(AuthorityProxy::Environment));
    let with_password = proxy("http://me:s3cret@proxy:3128").unwrap();
    assert_eq!(format!("{with_password:?}"), "At(proxy:3128)");
    for wrong in [
        "https://me:s3cret@proxy",
        "proxy:3128",
        "http://me:s3cret@proxy/x",
    ] {
        let said = problems_of(&format!("authority_proxy = \"{wrong}\""));
        assert!(
            said.starts_with("proxy.toml:2: [identity]: authority_proxy: is "),
            "{said}"
        );
        assert!(!said.contains("s3cret"), "{said}");
    }
    for source in ["imds", "azure-arc", "azure-cli"] {
        let said = problems_of(&format!("source = \"{source}\"\nauthority_proxy = \"env\""));
        assert_eq!(
            said,
            format!(
                "proxy.toml:3: [identity]: authority_proxy: means nothing to source {source}, only to auto, workload-identity, service-principal"
            )
        );
    }
}

#[test]
fn a_service_principal_has_one_secret_and_it_can_be_read() {
    let place = Place::with(&format!(
        "[identity]\nclient_secret_file = \"secret\"\n{}",
        route("")
    ));
    assert_eq!(
        place.load().unwrap_err(),
        format!(
            "proxy.toml:2: [identity]: client_secret_file: cannot read secret: {}",
            no_such_file()
        )
    );
    place.file("secret", "s3cret\n");
    let identity = identities(&place.load().unwrap()).remove(0);
    assert_eq!(identity.source, SourceKind::ServicePrincipal);
    assert_eq!(
        identity.client_secret_file,
        Some(place.path().join("secret"))
    );
    place.file(
        "proxy.toml",
        &format!(
            "[identity]\nclient_secret_file = \"secret\"\ncertificate_file = \"secret\"\n{}",
            route("")
        ),
    );
    assert_eq!(
        place.load().unwrap_err(),
        "proxy.toml:3: [identity]: certificate_file: client_secret_file is given too: leave one out"
    );
}

#[test]
fn identities_go_by_name_and_by_app_user() {
    let text = r#"
[identity]
source = "imds"
[identities.reports]
source = "app-service"
[[route]]
protocol = "postgres"
upstream = "orders.postgres.database.azure.com"
[route.user_map]
legacy = "principal one"
other = { user = "p2", identity = "reports" }
own = { user = "p3", identity = { source = "azure-cli" } }
"#;
    let sources = |config: &Config| {
        let sources = identities(config).into_iter();
        sources.map(|identity| identity.source).collect::<Vec<_>>()
    };
    let config = load(text).unwrap();
    let (own, named) = (SourceKind::AzureCli, SourceKind::AppService);
    assert_eq!(sources(&config), [SourceKind::Imds, named, own]);
    let route = &config.routes[0];
    let other = route.principal(b"other").unwrap();
    assert_eq!(other.user, "p2");
    assert!(route.principal(b"nobody").is_none());

    let of_route = "identity = \"reports\"\n[route.user_map]";
    let config = load(&text.replace("[route.user_map]", of_route)).unwrap();
    assert_eq!(sources(&config), [named, named, own]);
}

#[test]
fn a_user_map_is_checked_entry_by_entry() {
    let text = r#"
[[route]]
name = "a"
protocol = "postgres"
upstream = "orders.postgres.database.azure.com"
[route.user_map]
one = 1
two = { identity = "nope" }
"sp ace" = { user = "u", usr = "v" }
"#;
    assert_eq!(
        load(text).unwrap_err(),
        "proxy.toml:7: route \"a\": user_map.one: must be a string, not a number\n\
         proxy.toml:8: route \"a\": user_map.two: identity: there is no [identities.nope]\n\
         proxy.toml:8: route \"a\": user_map.two: user: is missing; it is the database principal to log in as\n\
         proxy.toml:9: route \"a\": user_map.\"sp ace\": usr: unknown key (did you mean \"user\"?)"
    );
    assert_eq!(
        load(&text.replace("[route.user_map]", "user_map = {}\n[x]"))
            .unwrap_err()
            .lines()
            .next(),
        Some("proxy.toml:6: route \"a\": user_map: lists nobody")
    );
}

#[test]
fn an_unused_identity_is_checked_too() {
    let text = format!(
        "[identities.spare]\nsource = \"x\"\n[identities]\nbad = 1\n{}",
        route("")
    );
    let problems = load(&text).unwrap_err();
    assert!(
        problems.contains("[identities.spare]: source: \"x\" is not one of"),
        "{problems}"
    );
    assert!(
        accepted("identity = { source = \"imds\" }")
            .warnings
            .is_empty()
    );
}
