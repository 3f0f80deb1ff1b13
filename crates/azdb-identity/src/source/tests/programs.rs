//! Programs that print tokens: the user's own, az, azd and PowerShell.

use std::time::Duration;

#[cfg(unix)]
use tokio::time::Instant;

use super::stand_in::{StandIn, this_program};
use super::{Scratch, TENANT, around, epoch, fetch, of, refused};
use crate::{IdentityConfig, SourceKind};

pub(super) fn command(arguments: &[&str]) -> IdentityConfig {
    let command = arguments
        .iter()
        .map(|&argument| argument.to_owned())
        .collect();
    IdentityConfig {
        command,
        ..of(SourceKind::Command)
    }
}

fn saying(prints: &str) -> StandIn<'_> {
    StandIn {
        prints: prints.as_bytes(),
        ..StandIn::default()
    }
}

fn failing(complains: &str) -> StandIn<'_> {
    StandIn {
        complains: complains.as_bytes(),
        code: 1,
        ..StandIn::default()
    }
}

#[tokio::test]
async fn a_command_gets_its_arguments_without_a_shell() {
    let scratch = Scratch::new("command-plain");
    let program = scratch.stand_in("print", saying("t"));
    let arguments = ["-n", "$HOME;`id`*", "a b & echo c > d"];
    let all = [&[&*program], arguments.as_slice()].concat();
    let grant = fetch(&command(&all), &around([])).await;
    assert_eq!(grant.ok().unwrap().token.expose(), "t");
    assert_eq!(scratch.arguments(), arguments);
}

#[cfg(windows)]
#[tokio::test]
async fn what_a_batch_file_would_read_as_a_command_stays_an_argument() {
    let scratch = Scratch::new("command-batch");
    let program = scratch.stand_in("print", saying("t"));
    let sly = ["%PATH%", "x\" & echo y > z & \"", "a|b"];
    let all = [&[&*program], sly.as_slice()].concat();
    // It is passed on as it is, or refused; nothing of it is done.
    let _ = fetch(&command(&all), &around([])).await;
    assert!(!scratch.path().join("z").exists());
    assert!(!std::path::Path::new("z").exists());
}

#[tokio::test]
async fn a_command_may_print_json() {
    let scratch = Scratch::new("command-json");
    for fields in [
        format!(
            r#""accessToken":"t","expires_on":{}"#,
            epoch(Duration::from_secs(3600))
        ),
        format!(
            r#""access_token":"t","expires_on":"{}""#,
            epoch(Duration::from_secs(3600))
        ),
        r#""token":"t","expiresOn":"2100-01-02T03:04:05Z""#.to_owned(),
        r#""token":"t","expires_in":3600"#.to_owned(),
        r#""access_token":"t","expiresIn":"3600","extra":{"a":[1]}"#.to_owned(),
    ] {
        let program = scratch.stand_in("print", saying(&format!("{{{fields}}}\n")));
        let grant = fetch(&command(&[&program]), &around([])).await;
        assert_eq!(grant.ok().unwrap().token.expose(), "t", "{fields}");
    }
}

#[tokio::test]
async fn a_command_has_no_input_and_its_complaint_is_quoted_without_tokens() {
    let scratch = Scratch::new("command-fails");
    let program = scratch.stand_in(
        "fail",
        StandIn {
            complains: b"bad token eyJhbGciOi.x.y for you\n",
            code: 3,
            ..StandIn::default()
        },
    );
    let error = refused(fetch(&command(&[&program]), &around([])).await);
    let cause = error.cause();
    assert!(
        cause.ends_with("ended with code 3: bad token [token] for you"),
        "{cause}"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_command_that_is_missing_or_not_executable_is_said() {
    let scratch = Scratch::new("command-missing");
    let gone = scratch.path().join("gone");
    let error = refused(fetch(&command(&[gone.to_str().unwrap()]), &around([])).await);
    assert!(
        error.cause().ends_with("was not found"),
        "{}",
        error.cause()
    );
    let plain = scratch.file("plain", "no program");
    let error = refused(fetch(&command(&[plain.to_str().unwrap()]), &around([])).await);
    assert!(
        error.cause().contains("could not be started"),
        "{}",
        error.cause()
    );
}

fn endless(test: &str) -> IdentityConfig {
    let command = this_program(test);
    IdentityConfig {
        command,
        ..of(SourceKind::Command)
    }
}

#[tokio::test]
async fn a_command_that_prints_without_end_is_stopped() {
    let error = refused(fetch(&endless("prints_without_end"), &around([])).await);
    assert!(
        error.cause().contains("printed more than 262144 bytes"),
        "{}",
        error.cause()
    );
}

/// Time is paused while the program sleeps: the clock jumps to the limit. Not where a thread waits for its outlets, and no clock jumps.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_end_is_given_up_after_30_seconds() {
    let begun = Instant::now();
    let error = refused(fetch(&endless("does_not_end"), &around([])).await);
    let cause = error.cause();
    assert!(
        cause.ends_with("did not end within 30 s and was stopped"),
        "{cause}"
    );
    assert!(error.is_transient());
    assert_eq!(begun.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn az_is_asked_for_the_resource() {
    let scratch = Scratch::new("az");
    let printed = format!(
        "{{\n \"accessToken\": \"of-az\",\n \"expiresOn\": \"2020-01-02 03:04:05.000000\",\n \
         \"expires_on\": {},\n \"subscription\": \"s\",\n \"tenant\": \"t\",\n \"tokenType\": \"Bearer\"\n}}\n",
        epoch(Duration::from_secs(3600))
    );
    let path = scratch.tool(
        "az",
        StandIn {
            prints: printed.as_bytes(),
            complains: b"WARNING: be warned\n",
            code: 0,
        },
    );
    let around = around([
        ("PATH", path.as_str()),
        ("AZURE_CLIENT_ID", "not for az"),
        ("AZURE_TENANT_ID", "nor this"),
    ]);
    let identity = IdentityConfig {
        tenant_id: Some(TENANT.to_owned()),
        ..of(SourceKind::AzureCli)
    };
    assert_eq!(
        fetch(&identity, &around).await.ok().unwrap().token.expose(),
        "of-az"
    );
    let resource = "https://ossrdbms-aad.database.windows.net";
    let expected = [
        "account",
        "get-access-token",
        "--output",
        "json",
        "--resource",
        resource,
        "--tenant",
        TENANT,
    ];
    assert_eq!(scratch.arguments(), expected);
    fetch(&of(SourceKind::AzureCli), &around)
        .await
        .ok()
        .unwrap();
    assert_eq!(scratch.arguments(), expected[..6]);
}

#[tokio::test]
async fn az_without_a_sign_in_says_how_to_sign_in() {
    let scratch = Scratch::new("az-out");
    let complaint = "WARNING: old\nERROR: Please run 'az login' to setup account.\n";
    let path = scratch.tool("az", failing(complaint));
    let error = refused(
        fetch(
            &of(SourceKind::AzureCli),
            &around([("PATH", path.as_str())]),
        )
        .await,
    );
    assert_eq!(
        error.cause(),
        "the Azure CLI `az` ended with code 1: ERROR: Please run 'az login' to setup account."
    );
    assert!(
        error.remedy().contains("az login --allow-no-subscriptions"),
        "{}",
        error.remedy()
    );
    let empty = Scratch::new("az-none");
    let path = empty.path().to_str().unwrap();
    let error = refused(fetch(&of(SourceKind::AzureCli), &around([("PATH", path)])).await);
    assert!(
        error.cause().ends_with("`az` was not found"),
        "{}",
        error.cause()
    );
}

#[tokio::test]
async fn azd_is_asked_for_the_scope() {
    let scratch = Scratch::new("azd");
    let printed = r#"{"token":"of-azd","expiresOn":"2100-01-02T03:04:05Z"}"#;
    let path = scratch.tool("azd", saying(printed));
    let around = around([("PATH", path.as_str())]);
    let identity = IdentityConfig {
        tenant_id: Some(TENANT.to_owned()),
        ..of(SourceKind::AzureDeveloperCli)
    };
    assert_eq!(
        fetch(&identity, &around).await.ok().unwrap().token.expose(),
        "of-azd"
    );
    let scope = "https://ossrdbms-aad.database.windows.net/.default";
    let expected = [
        "auth",
        "token",
        "--output",
        "json",
        "--no-prompt",
        "--scope",
        scope,
        "--tenant-id",
        TENANT,
    ];
    assert_eq!(scratch.arguments(), expected);
}

#[tokio::test]
async fn azd_complains_in_json_and_is_quoted_in_text() {
    let scratch = Scratch::new("azd-out");
    let said = r#"{"type":"consoleMessage","timestamp":"t","data":{"message":"\nERROR: not logged in, run `azd auth login` to login\n"}}"#;
    let path = scratch.tool("azd", failing(said));
    let error = refused(
        fetch(
            &of(SourceKind::AzureDeveloperCli),
            &around([("PATH", path.as_str())]),
        )
        .await,
    );
    assert!(
        error
            .cause()
            .contains("ERROR: not logged in, run `azd auth login`"),
        "{}",
        error.cause()
    );
    assert!(
        !error.cause().contains("consoleMessage"),
        "{}",
        error.cause()
    );
}

#[tokio::test]
async fn powershell_runs_one_script_without_profile() {
    let scratch = Scratch::new("pwsh");
    let printed = format!(
        "{{\"expires_on\":{},\"access_token\":\"of-pwsh\"}}",
        epoch(Duration::from_secs(3600))
    );
    let path = scratch.tool("pwsh", saying(&printed));
    let around = around([("PATH", path.as_str())]);
    let identity = IdentityConfig {
        tenant_id: Some(TENANT.to_owned()),
        ..of(SourceKind::AzurePowershell)
    };
    assert_eq!(
        fetch(&identity, &around).await.ok().unwrap().token.expose(),
        "of-pwsh"
    );
    let seen = scratch.arguments();
    assert_eq!(seen[..3], ["-NoProfile", "-NonInteractive", "-Command"]);
    let wanted = format!(
        "Get-AzAccessToken -ResourceUrl 'https://ossrdbms-aad.database.windows.net' -TenantId '{TENANT}'"
    );
    assert!(seen[3].contains(&wanted), "{seen:?}");
}

#[tokio::test]
async fn nothing_that_a_script_could_run_is_passed_on() {
    for tenant in ["'; rm -rf /; '", "a b", "$(id)", "--output"] {
        for source in [
            SourceKind::AzureCli,
            SourceKind::AzureDeveloperCli,
            SourceKind::AzurePowershell,
        ] {
            let identity = IdentityConfig {
                tenant_id: Some(tenant.to_owned()),
                ..of(source)
            };
            let error = refused(fetch(&identity, &around([("PATH", "/nonexistent")])).await);
            assert!(
                error.cause().contains("not passed to programs"),
                "{tenant}: {}",
                error.cause()
            );
        }
    }
}

/// Every Windows has one, and not every Windows the other.
#[cfg(windows)]
#[tokio::test]
async fn windows_powershell_is_run_where_there_is_no_other() {
    let scratch = Scratch::new("powershell");
    let printed = r#"{"expires_on":4102444800,"access_token":"of-windows"}"#;
    let path = scratch.tool("powershell", saying(printed));
    let around = around([("Path", path.as_str())]);
    let grant = fetch(&of(SourceKind::AzurePowershell), &around).await;
    assert_eq!(grant.ok().unwrap().token.expose(), "of-windows");
    assert_eq!(scratch.arguments()[0], "-NoProfile");
}
