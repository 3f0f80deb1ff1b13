//! What programs print around their tokens, and what they leave behind.

use std::time::Duration;

#[cfg(unix)]
use super::refused;
use super::stand_in::StandIn;
use super::{Scratch, around, epoch, fetch, of};
use crate::{IdentityConfig, SourceKind, TokenError};

const PROGRAMS: [(&str, SourceKind); 4] = [
    ("az", SourceKind::AzureCli),
    ("azd", SourceKind::AzureDeveloperCli),
    ("pwsh", SourceKind::AzurePowershell),
    ("token", SourceKind::Command),
];

/// What each of the programs gives when it is this stand-in.
async fn each_of(
    does: impl Fn() -> StandIn<'static>,
) -> Vec<(SourceKind, Result<String, TokenError>)> {
    each_made(|scratch, name| scratch.stand_in(name, does())).await
}

/// The same of a shell script.
#[cfg(unix)]
async fn each(script: &str) -> Vec<(SourceKind, Result<String, TokenError>)> {
    each_made(|scratch, name| scratch.program(name, script)).await
}

async fn each_made(
    make: impl Fn(&Scratch, &str) -> String,
) -> Vec<(SourceKind, Result<String, TokenError>)> {
    let scratch = Scratch::new("printed");
    let mut given = Vec::new();
    for (name, source) in PROGRAMS {
        let command = vec![make(&scratch, name)];
        let path = scratch.as_path();
        let identity = IdentityConfig {
            command,
            ..of(source)
        };
        let outcome = fetch(&identity, &around([("PATH", path.as_str())])).await;
        given.push((source, outcome.map(|grant| grant.token.expose().to_owned())));
    }
    given
}

fn json() -> String {
    let ends = epoch(Duration::from_secs(3600));
    format!(r#"{{"accessToken": "t", "expires_on": {ends}}}"#)
}

#[tokio::test]
async fn colours_marks_and_warnings_around_the_json_do_not_matter() {
    let json = json();
    for printed in [
        format!("\u{1b}[0m\u{1b}[94m{json}\u{1b}[0m\n"),
        format!("\u{feff}{json}\r\n"),
        format!("\u{1b}[33mWARNING: You have 2 updates {{}}\u{1b}[0m\n{json}\n"),
        format!("WARNING: old\n\n{json}\nA new version is there.\n"),
        format!("{{\"type\":\"consoleMessage\",\"data\":{{\"message\":\"m\"}}}}\n{json}\n"),
    ] {
        let prints: &'static [u8] = printed.clone().into_bytes().leak();
        let does = || StandIn {
            prints,
            ..StandIn::default()
        };
        for (source, given) in each_of(does).await {
            let given = given.map_err(|error| error.cause());
            assert_eq!(given, Ok("t".to_owned()), "{source}: {printed:?}");
        }
    }
}

#[tokio::test]
async fn a_complaint_is_found_and_quoted_without_colours() {
    let does = || StandIn {
        complains: b"\x1b[33mWARNING: old\x1b[0m\n\x1b[91mERROR: sign in\x1b[0m\n",
        code: 1,
        ..StandIn::default()
    };
    for (source, given) in each_of(does).await {
        let cause = given.unwrap_err().cause();
        let said = match source {
            SourceKind::Command => "ended with code 1: WARNING: old",
            _ => "ended with code 1: ERROR: sign in",
        };
        assert!(cause.ends_with(said), "{cause}");
    }
}

/// The child lives on, and keeps both outlets open: what counts is the program itself.
#[cfg(unix)]
#[tokio::test]
async fn a_child_that_holds_the_outlets_does_not_hold_the_token() {
    let noted = Scratch::new("left-behind");
    let pids = noted.file("pids", "");
    let leave = format!("sleep 600 & echo $! >> '{}'", pids.display());
    let good = format!("{leave}\nprintf '%s' '{}'", json());
    let bad = format!("{leave}\necho 'ERROR: no' >&2; exit 7");
    for (source, given) in each(&good).await {
        let given = given.map_err(|error| error.cause());
        assert_eq!(given, Ok("t".to_owned()), "{source}");
    }
    for (_, given) in each(&bad).await {
        let cause = given.unwrap_err().cause();
        assert!(cause.ends_with("ended with code 7: ERROR: no"), "{cause}");
    }
    for pid in std::fs::read_to_string(&pids).unwrap().lines() {
        let ended = std::process::Command::new("kill").arg(pid).status();
        assert!(ended.unwrap().success(), "it was there all the time");
    }
}

/// The pipe is full several times over when the program ends, and all of it counts.
#[cfg(unix)]
#[tokio::test]
async fn nothing_of_what_a_program_printed_before_its_end_is_lost() {
    let script = format!(
        "sleep 600 >&- 2>&- & child=$!\nprintf '{{\"pad\": \"'; head -c 200000 /dev/zero | tr '\\0' x; printf '\"}}\\n%s' '{}'; kill $child",
        json()
    );
    for (source, given) in each(&script).await {
        let given = given.map_err(|error| error.cause());
        assert_eq!(given, Ok("t".to_owned()), "{source}");
    }
}

/// A child that goes on printing is cut off with its parent.
#[cfg(unix)]
#[tokio::test]
async fn a_child_that_prints_on_is_not_waited_for() {
    let scratch = Scratch::new("prints-on");
    let pid = scratch.path().join("pid");
    let child = "while sleep 0.05; do printf x || exit; done";
    let script = format!(
        "printf '%s\\n' '{}'\n({child}) & echo $! > '{}'",
        json(),
        pid.display()
    );
    let identity = IdentityConfig {
        command: vec![scratch.program("token", &script)],
        ..of(SourceKind::Command)
    };
    let grant = fetch(&identity, &around([("PATH", "/usr/bin:/bin")])).await;
    assert_eq!(grant.ok().unwrap().token.expose(), "t");
    let child = std::fs::read_to_string(&pid).unwrap();
    std::process::Command::new("kill")
        .arg(child.trim())
        .status()
        .unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_that_is_being_replaced_is_tried_again() {
    let scratch = Scratch::new("busy");
    let program = scratch.program("token", "echo t");
    let identity = IdentityConfig {
        command: vec![program.clone()],
        ..of(SourceKind::Command)
    };
    let writing = std::fs::OpenOptions::new()
        .append(true)
        .open(&program)
        .unwrap();
    let error = refused(fetch(&identity, &around([])).await);
    assert!(
        error.cause().contains("could not be started"),
        "{}",
        error.cause()
    );
    assert!(error.is_transient());
    drop(writing);
}
