//! The command line as people write it.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeSet;

use azdb_config::{DrainIdle, LogFormat, Overrides};

use super::*;

fn parsed(words: &[&str]) -> Args {
    Args::try_parse_from(["azdb-proxy"].iter().chain(words)).unwrap()
}

fn overrides(words: &[&str]) -> Overrides {
    match parsed(words) {
        Args {
            command: Some(Command::Run(run)),
            ..
        } => run.into(),
        args => args.run.into(),
    }
}

#[test]
fn the_definition_holds_together() {
    Args::command().debug_assert();
}

#[test]
fn run_is_the_command_that_need_not_be_written() {
    let url = "postgres://u@orders.postgres.database.azure.com";
    assert_eq!(overrides(&[url]).urls, [url]);
    assert_eq!(overrides(&["run", url]).urls, [url]);
    assert!(parsed(&[]).command.is_none());
    assert!(matches!(
        parsed(&["check", url]).command,
        Some(Command::Check(_))
    ));
}

#[test]
fn every_flag_reaches_the_configuration() {
    let flags = overrides(&[
        "--config=a.toml",
        "--log-format=json",
        "--log-level=debug",
        "--min-sigterm-delay=1s",
        "--max-sigterm-delay=2m",
        "--drain-idle=now",
        "--exit-zero-on-sigterm",
        "--require-ready",
        "--ready-timeout=2s",
        "--reload-on-change=false",
        "--exit-when-idle",
        "--health-listen=127.0.0.1,[::1]:1",
        "--state-dir=/state",
    ]);
    assert_eq!(flags.config, Some("a.toml".into()));
    assert_eq!(flags.log_format, Some(LogFormat::Json));
    assert_eq!(flags.log_level.as_deref(), Some("debug"));
    assert_eq!(flags.min_sigterm_delay, Some(Duration::from_secs(1)));
    assert_eq!(flags.max_sigterm_delay, Some(Duration::from_secs(120)));
    assert_eq!(flags.drain_idle, Some(DrainIdle::Now));
    assert_eq!(flags.exit_zero_on_sigterm, Some(true));
    assert_eq!(flags.require_ready, Some(true));
    assert_eq!(flags.ready_timeout, Some(Duration::from_secs(2)));
    assert_eq!(flags.reload_on_change, Some(false));
    assert_eq!(flags.exit_when_idle, Some(Duration::from_secs(5)));
    let health = ["127.0.0.1:9090", "[::1]:1"];
    let health = health.map(|addr| azdb_config::route::ListenAddr::Tcp(addr.parse().unwrap()));
    assert_eq!(flags.health_listen, Some(health.to_vec()));
    assert_eq!(flags.state_dir, Some("/state".into()));
    let silent = overrides(&[]);
    assert_eq!(
        (silent.exit_zero_on_sigterm, silent.require_ready),
        (None, None)
    );
}

/// The reference's table of flags is that of the keys of `[process]`.
#[test]
fn every_key_of_the_process_is_a_flag() {
    let reference = include_str!("../../../../docs/configuration.md");
    let rows = reference
        .lines()
        .filter_map(|line| line.split_once("| `--"));
    let mut documented: BTreeSet<&str> =
        rows.filter_map(|(_, row)| row.split('`').next()).collect();
    documented.insert("config");
    let command = Args::command();
    let known: BTreeSet<&str> = command
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .collect();
    assert_eq!(known, documented);
}

#[test]
fn word_that_is_no_command_is_quoted_with_those_that_there_are() {
    for (word, near) in [
        ("chek", "Did you mean `check`?"),
        ("gront", "Did you mean `grant`?"),
        ("helthcheck", "Did you mean `healthcheck`?"),
        ("start", "There are: run, check, "),
        ("orders.postgres.database.azure.com", "routes as URLs"),
    ] {
        let error = Args::read(["azdb-proxy", word]).unwrap_err().to_string();
        assert!(
            error.contains(&format!("`{word}` is no command.")),
            "{error}"
        );
        assert!(error.contains(near), "{error}");
    }
    let url = "postgres://u@orders.postgres.database.azure.com";
    assert!(Args::read(["azdb-proxy", url]).is_ok());
    assert!(Args::read(["azdb-proxy"]).is_ok());
}

#[test]
fn help_of_check_has_what_it_uses_and_check_takes_what_run_takes() {
    let command = Args::command();
    let check = command.find_subcommand("check").unwrap();
    let shown = check.get_arguments().filter(|flag| !flag.is_hide_set());
    let shown: BTreeSet<&str> = shown.map(|flag| flag.get_id().as_str()).collect();
    let used = ["urls", "config", "help"];
    let with_connect = used
        .into_iter()
        .chain(cfg!(feature = "doctor").then_some("connect"));
    let shown: BTreeSet<&str> = shown.into_iter().chain(["help"]).collect();
    assert_eq!(shown, with_connect.collect());
    assert!(matches!(
        parsed(&["check", "--drain-idle=now", "--require-ready"]).command,
        Some(Command::Check(_))
    ));
}
