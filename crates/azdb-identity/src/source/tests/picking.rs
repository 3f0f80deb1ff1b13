//! What `auto` makes of its surroundings.

use super::stand_in::StandIn;
use super::{CLIENT_ID, around, audience, fetch, of, refused};
use crate::source::{Plan, Surroundings, build, plan};
use crate::{Audience, Cloud, IdentityConfig, Selector, SourceKind, TokenError};

const WORKLOAD: [(&str, &str); 3] = [
    ("AZURE_FEDERATED_TOKEN_FILE", "/f"),
    ("AZURE_TENANT_ID", "t"),
    ("AZURE_CLIENT_ID", "c"),
];
const APP_SERVICE: [(&str, &str); 2] =
    [("IDENTITY_ENDPOINT", "http://e"), ("IDENTITY_HEADER", "h")];

fn on_terminal(mut around: Surroundings) -> Surroundings {
    around.on_terminal = true;
    around
}

fn picked(source: SourceKind, around: &Surroundings) -> Result<Plan, TokenError> {
    plan(&of(source), &audience(), around).map(|(plan, _)| plan)
}

fn kind(around: &Surroundings) -> SourceKind {
    picked(SourceKind::Auto, around).unwrap().kind
}

fn all(groups: &[&[(&'static str, &'static str)]]) -> Surroundings {
    around(groups.concat())
}

#[test]
fn the_first_that_applies_is_picked() {
    let fabric = [("IDENTITY_SERVER_THUMBPRINT", "ab")];
    let arc = [
        ("IDENTITY_ENDPOINT", "http://e"),
        ("IMDS_ENDPOINT", "http://i"),
    ];
    let secret = [
        ("AZURE_CLIENT_SECRET", "s"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
    ];
    let certificate = [
        ("AZURE_CLIENT_CERTIFICATE_PATH", "/c"),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
    ];
    assert_eq!(
        kind(&all(&[&WORKLOAD, &APP_SERVICE, &fabric, &secret])),
        SourceKind::WorkloadIdentity
    );
    assert_eq!(
        kind(&all(&[&APP_SERVICE, &fabric, &secret])),
        SourceKind::ServiceFabric
    );
    assert_eq!(
        kind(&all(&[&APP_SERVICE, &arc, &secret])),
        SourceKind::AppService
    );
    assert_eq!(
        kind(&all(&[
            &APP_SERVICE,
            &[("MSI_ENDPOINT", "m"), ("MSI_SECRET", "s")]
        ])),
        SourceKind::AppService
    );
    assert_eq!(kind(&all(&[&arc, &secret])), SourceKind::AzureArc);
    assert_eq!(kind(&all(&[&secret])), SourceKind::ServicePrincipal);
    assert_eq!(kind(&all(&[&certificate])), SourceKind::ServicePrincipal);
    assert_eq!(kind(&all(&[])), SourceKind::Imds);
    // Half of a set speaks for nothing.
    assert_eq!(kind(&all(&[&WORKLOAD[..2]])), SourceKind::Imds);
    assert_eq!(kind(&all(&[&secret[..2]])), SourceKind::Imds);
    assert_eq!(kind(&all(&[&APP_SERVICE[1..], &fabric])), SourceKind::Imds);
}

#[test]
fn an_installed_arc_agent_speaks_for_arc() {
    let mut around = around([]);
    around.arc_agent = std::env::current_exe().unwrap();
    assert_eq!(kind(&around), SourceKind::AzureArc);
    assert_eq!(
        picked(SourceKind::ManagedIdentity, &around).unwrap().kind,
        SourceKind::AzureArc
    );
}

#[test]
fn empty_variables_speak_for_nothing() {
    let around = around([
        ("IDENTITY_ENDPOINT", ""),
        ("IDENTITY_HEADER", ""),
        ("MSI_ENDPOINT", ""),
    ]);
    assert_eq!(kind(&around), SourceKind::Imds);
}

#[test]
fn cloud_shell_and_azure_ml_are_recognised_and_name_command() {
    for (variables, name) in [
        (vec![("MSI_ENDPOINT", "http://m")], "Cloud Shell"),
        (
            vec![("MSI_ENDPOINT", "http://m"), ("MSI_SECRET", "s")],
            "Azure Machine Learning",
        ),
    ] {
        let error = picked(SourceKind::Auto, &around(variables)).unwrap_err();
        assert!(error.cause().contains(name), "{}", error.cause());
        assert!(
            error.remedy().contains("`source = \"command\"`"),
            "{}",
            error.remedy()
        );
    }
}

#[test]
fn a_pod_without_workload_identity_never_asks_imds() {
    let pod = || {
        around([
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
            ("AZURE_CLIENT_ID", "c"),
        ])
    };
    let error = picked(SourceKind::Auto, &pod()).unwrap_err();
    assert!(
        error
            .remedy()
            .contains("azure.workload.identity/use: \"true\""),
        "{}",
        error.remedy()
    );
    assert!(
        error.remedy().contains("azure.workload.identity/client-id"),
        "{}",
        error.remedy()
    );
    assert_eq!(
        picked(SourceKind::Imds, &pod()).unwrap().kind,
        SourceKind::Imds
    );
    assert_eq!(kind(&on_terminal(pod())), SourceKind::AzureCli);
}

#[test]
fn developer_sign_ins_need_a_terminal_or_a_name() {
    let tools = [
        SourceKind::AzureCli,
        SourceKind::AzureDeveloperCli,
        SourceKind::AzurePowershell,
    ];
    let plan = picked(SourceKind::Auto, &around([])).unwrap();
    assert!(plan.otherwise.is_empty() && plan.guessed);
    let plan = picked(SourceKind::Auto, &on_terminal(around([]))).unwrap();
    assert_eq!(
        (plan.kind, plan.otherwise.as_slice()),
        (SourceKind::Imds, &tools[..])
    );
    assert!(
        picked(SourceKind::ManagedIdentity, &on_terminal(around([])))
            .unwrap()
            .otherwise
            .is_empty()
    );
    for tool in tools {
        assert_eq!(picked(tool, &around([])).unwrap().kind, tool);
    }
}

#[test]
fn azure_token_credentials_narrows_the_choice() {
    let with = |value| on_terminal(around([("AZURE_TOKEN_CREDENTIALS", value)]));
    assert!(
        picked(SourceKind::Auto, &with("prod"))
            .unwrap()
            .otherwise
            .is_empty()
    );
    let dev = picked(SourceKind::Auto, &with("dev")).unwrap();
    assert_eq!((dev.kind, dev.otherwise.len()), (SourceKind::AzureCli, 2));
    for (name, expected) in [
        ("ManagedIdentityCredential", SourceKind::Imds),
        ("AzureCliCredential", SourceKind::AzureCli),
        ("azuredeveloperclicredential", SourceKind::AzureDeveloperCli),
        ("AzurePowerShellCredential", SourceKind::AzurePowershell),
    ] {
        let plan = picked(SourceKind::Auto, &with(name)).unwrap();
        assert_eq!((plan.kind, plan.guessed), (expected, false), "{name}");
    }
    for name in [
        "VisualStudioCredential",
        "VisualStudioCodeCredential",
        "nonsense",
    ] {
        let error = picked(SourceKind::Auto, &with(name)).unwrap_err();
        assert!(
            error.remedy().contains("az login --allow-no-subscriptions"),
            "{}",
            error.remedy()
        );
        assert!(
            error.remedy().contains("Connect-AzAccount"),
            "{}",
            error.remedy()
        );
    }
    // A source that the configuration names is not narrowed.
    assert_eq!(
        picked(SourceKind::Imds, &with("dev")).unwrap().kind,
        SourceKind::Imds
    );
}

#[test]
fn the_identity_is_chosen_by_configuration_connector_and_azure_client_id_in_this_order() {
    let select = |identity: &IdentityConfig, audience: &Audience, around: &Surroundings| {
        let (plan, why) = plan(identity, audience, around).unwrap();
        (
            plan.identity.map(|chosen| chosen.selector.id().to_owned()),
            why,
        )
    };
    let (oss, sql) = (
        Cloud::Public.oss_rdbms_audience(),
        Cloud::Public.sql_audience(),
    );
    let variables = || {
        around([
            ("AZURE_POSTGRESQL_CLIENTID", "connected"),
            ("AZURE_SQL_CLIENTID", "connected-sql"),
            ("AZURE_CLIENT_ID", "of-azure"),
        ])
    };
    let configured = IdentityConfig {
        selector: Some(Selector::ClientId("configured".to_owned())),
        ..of(SourceKind::Imds)
    };
    let id = |id: &str| Some(id.to_owned());
    assert_eq!(select(&configured, &oss, &variables()).0, id("configured"));
    let (selected, why) = select(&of(SourceKind::Imds), &oss, &variables());
    assert_eq!(selected, id("connected"));
    assert!(why.contains("AZURE_POSTGRESQL_CLIENTID"), "{why}");
    assert_eq!(
        select(&of(SourceKind::Imds), &sql, &variables()).0,
        id("connected-sql")
    );
    let other = Audience::new("https://vault.azure.net");
    assert_eq!(
        select(&of(SourceKind::Imds), &other, &variables()).0,
        id("of-azure")
    );
    assert_eq!(select(&of(SourceKind::Imds), &oss, &around([])).0, None);
    assert_eq!(
        select(&of(SourceKind::AzureCli), &oss, &variables()).0,
        None
    );
    // Two connections that want different identities speak for neither.
    let two = around([
        ("AZURE_POSTGRESQL_CLIENTID", "a"),
        ("AZURE_MYSQL_CLIENTID", "b"),
    ]);
    assert_eq!(select(&of(SourceKind::Imds), &oss, &two).0, None);
}

#[test]
fn the_same_question_is_one_plan() {
    let around = around(APP_SERVICE);
    let named = picked(SourceKind::AppService, &around).unwrap();
    assert_eq!(picked(SourceKind::Auto, &around).unwrap(), named);
    assert_eq!(picked(SourceKind::ManagedIdentity, &around).unwrap(), named);
    let cloud = Some(Cloud::Public);
    let clouded = IdentityConfig {
        cloud,
        lazy: true,
        ..of(SourceKind::Auto)
    };
    assert_eq!(plan(&clouded, &audience(), &around).unwrap().0, named);
    let selector = Some(Selector::ClientId(CLIENT_ID.to_owned()));
    let other = IdentityConfig {
        selector,
        ..of(SourceKind::Auto)
    };
    assert_ne!(plan(&other, &audience(), &around).unwrap().0, named);
}

/// The first place of `auto` when nothing listens at IMDS, for as long as the socket has the port.
fn nobody() -> (tokio::net::TcpSocket, String) {
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    (taken, url)
}

#[tokio::test]
async fn on_a_terminal_the_first_sign_in_that_works_is_kept() {
    let (scratch, (_taken, nobody)) = (super::Scratch::new("in-turn"), nobody());
    let printed = br#"{"accessToken":"of-az","expires_on":4102444800}"#;
    let works = || StandIn {
        prints: printed,
        ..StandIn::default()
    };
    let path = scratch.tool("az", works());
    let around = on_terminal(around([
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", nobody.as_str()),
        ("PATH", path.as_str()),
    ]));
    let source = build(&picked(SourceKind::Auto, &around).unwrap(), &around);
    assert_eq!(source.kind(), SourceKind::Auto);
    for _ in 0..2 {
        let grant = source.fetch(&audience()).await.ok().unwrap();
        assert_eq!(grant.token.expose(), "of-az");
        assert_eq!(source.kind(), SourceKind::AzureCli);
        // It was asked, each time.
        assert_eq!(scratch.arguments()[0], "account");
        std::fs::remove_file(scratch.path().join("arguments")).unwrap();
    }
    // What was kept is not left for another when it fails.
    scratch.tool(
        "az",
        StandIn {
            code: 1,
            ..StandIn::default()
        },
    );
    let error = refused(source.fetch(&audience()).await);
    assert_eq!(error.source_kind(), SourceKind::AzureCli);
}

#[tokio::test]
async fn on_a_terminal_every_place_is_tried_and_named() {
    let (_taken, nobody) = nobody();
    let none = on_terminal(around([
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", nobody.as_str()),
        ("PATH", "/nonexistent"),
    ]));
    let error = refused(fetch(&of(SourceKind::Auto), &none).await);
    let cause = error.cause();
    assert!(
        cause.starts_with("no identity found: nothing gives this process an identity"),
        "{cause}"
    );
    assert!(
        cause.contains("`az` was not found") && cause.contains("`pwsh` was not found"),
        "{cause}"
    );
    assert!(error.remedy().contains("az login"), "{}", error.remedy());
    assert!(!error.is_transient());
}
