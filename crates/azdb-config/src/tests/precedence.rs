use std::path::PathBuf;
use std::time::Duration;

use super::{Place, absolute, first_identity, route};
use crate::{DrainIdle, LogFormat, LogTo, Origin, Overrides, Process};

const FILE: &str = "[process]\nlog_format = \"json\"\nlog_level = \"error\"\nlog_file = \"ROOT/file/log\"\nmin_sigterm_delay = \"1s\"\nmax_sigterm_delay = \"1s\"\n\
                    drain_idle = \"now\"\nexit_zero_on_sigterm = true\nrequire_ready = true\nready_timeout = \"1s\"\nreload_on_change = true\nexit_when_idle = \"1s\"\nstate_dir = \"ROOT/file\"\n";

const ENV: [(&str, &str); 12] = [
    ("AZDB_PROXY_LOG_FORMAT", "text"),
    ("AZDB_PROXY_LOG_LEVEL", "warn"),
    ("AZDB_PROXY_LOG_FILE", "/env/log"),
    ("AZDB_PROXY_MIN_SIGTERM_DELAY", "2s"),
    ("AZDB_PROXY_MAX_SIGTERM_DELAY", "2s"),
    ("AZDB_PROXY_DRAIN_IDLE", "wait"),
    ("AZDB_PROXY_EXIT_ZERO_ON_SIGTERM", "false"),
    ("AZDB_PROXY_REQUIRE_READY", "false"),
    ("AZDB_PROXY_READY_TIMEOUT", "2s"),
    ("AZDB_PROXY_RELOAD_ON_CHANGE", "false"),
    ("AZDB_PROXY_EXIT_WHEN_IDLE", "2s"),
    ("AZDB_PROXY_STATE_DIR", "/env"),
];

fn flags() -> Overrides {
    Overrides {
        log_format: Some(LogFormat::Json),
        log_level: Some("debug".to_owned()),
        log_file: Some(PathBuf::from("/flag/log")),
        min_sigterm_delay: Some(Duration::from_secs(3)),
        max_sigterm_delay: Some(Duration::from_secs(3)),
        drain_idle: Some(DrainIdle::Now),
        exit_zero_on_sigterm: Some(true),
        require_ready: Some(true),
        ready_timeout: Some(Duration::from_secs(3)),
        reload_on_change: Some(true),
        exit_when_idle: Some(Duration::from_secs(3)),
        state_dir: Some(PathBuf::from("/flag")),
        ..Overrides::default()
    }
}

fn process(
    log_format: LogFormat,
    log_level: &str,
    delay: u64,
    yes: bool,
    state_dir: &str,
) -> Process {
    Process {
        log_format,
        log_level: log_level.to_owned(),
        log_to: LogTo::Stderr,
        log_file: Some(PathBuf::from(state_dir).join("log")),
        min_sigterm_delay: Duration::from_secs(delay),
        max_sigterm_delay: Duration::from_secs(delay),
        drain_idle: if yes { DrainIdle::Now } else { DrainIdle::Wait },
        exit_zero_on_sigterm: yes,
        require_ready: yes,
        ready_timeout: Duration::from_secs(delay),
        reload_on_change: yes,
        exit_when_idle: Some(Duration::from_secs(delay)),
        state_dir: Some(PathBuf::from(state_dir)),
    }
}

#[test]
fn a_flag_wins_over_the_environment_which_wins_over_the_file() {
    let file = FILE.replace("ROOT", &absolute(""));
    let place = Place::with(&format!("{file}{}", route("")));
    let of_file = place.load().unwrap().process;
    let kept = absolute("/file");
    assert_eq!(of_file, process(LogFormat::Json, "error", 1, true, &kept));
    let of_env = place
        .load_with(&Overrides::default(), &ENV)
        .unwrap()
        .process;
    assert_eq!(of_env, process(LogFormat::Text, "warn", 2, false, "/env"));
    let of_flags = place.load_with(&flags(), &ENV).unwrap().process;
    assert_eq!(
        of_flags,
        process(LogFormat::Json, "debug", 3, true, "/flag")
    );
}

#[test]
fn routes_come_from_the_command_line_else_the_environment_else_the_file() {
    let place = Place::with(&format!(
        "[identity]\nsource = \"imds\"\n{}",
        route("name = \"of-file\"")
    ));
    let env = [(
        "AZDB_PROXY_ROUTE",
        "postgres://u@orders.postgres.database.azure.com?name=of-env",
    )];
    let urls = ["postgres://u@orders.postgres.database.azure.com?name=of-flag".to_owned()];
    let flags = Overrides {
        urls: urls.into(),
        ..Overrides::default()
    };
    let names = |overrides: &Overrides, env: &[(&str, &str)]| {
        let config = place.load_with(overrides, env).unwrap();
        assert_eq!(config.origin, Origin::File(place.path().join("proxy.toml")));
        let names: Vec<String> = config
            .routes
            .iter()
            .map(|route| route.name.clone())
            .collect();
        (names, config.warnings.len())
    };
    assert_eq!(
        names(&Overrides::default(), &[]),
        (vec!["of-file".to_owned()], 0)
    );
    assert_eq!(
        names(&Overrides::default(), &env),
        (vec!["of-env".to_owned()], 1)
    );
    assert_eq!(names(&flags, &[]), (vec!["of-flag".to_owned()], 1));
    assert_eq!(names(&flags, &env), (vec!["of-flag".to_owned()], 2));
    let warnings = place.load_with(&flags, &env).unwrap().warnings;
    assert_eq!(
        warnings.first().map(String::as_str),
        Some(
            "AZDB_PROXY_ROUTE: the routes of the environment are left out, because the command line names the routes"
        )
    );
}

#[test]
fn a_url_takes_the_identity_of_the_file() {
    let place =
        Place::with("[identity]\nsource = \"imds\"\n[identities.b]\nsource = \"azure-cli\"\n");
    let source = |query: &str| {
        let url = format!("postgres://u@orders.postgres.database.azure.com?{query}");
        let config = place
            .load_with(
                &Overrides {
                    urls: vec![url],
                    ..Overrides::default()
                },
                &[],
            )
            .unwrap();
        first_identity(&config).source.as_str()
    };
    assert_eq!(source(""), "imds");
    assert_eq!(source("identity=b"), "azure-cli");
    assert_eq!(source("client_id=1"), "auto");
}

#[test]
fn flags_are_checked_too() {
    let place = Place::with(&route(""));
    let flags = Overrides {
        log_level: Some("loud".to_owned()),
        max_sigterm_delay: Some(Duration::from_secs(25 * 3600)),
        ..Overrides::default()
    };
    assert_eq!(
        place.load_with(&flags, &[]).unwrap_err(),
        "--log-level: \"loud\" is not one of off, error, warn, info, debug, trace, nor like \"info,azdb_core=debug\"\n\
         --max-sigterm-delay: is longer than 24h"
    );
    for level in [
        "trace",
        "info,azdb_core=debug",
        "warn,azdb_core::relay=trace,rustls=off",
    ] {
        let flags = Overrides {
            log_level: Some(level.to_owned()),
            ..Overrides::default()
        };
        assert_eq!(
            place.load_with(&flags, &[]).unwrap().process.log_level,
            level
        );
    }
}

#[test]
fn state_goes_where_the_platform_keeps_it() {
    let place = Place::with(&route(""));
    let state_dir = |env: &[(&str, &str)]| {
        place
            .load_with(&Overrides::default(), env)
            .unwrap()
            .process
            .state_dir
    };
    let (ann, xdg_home) = (absolute("/home/app"), absolute("/xdg"));
    let home = ("HOME", ann.as_str());
    let xdg = ("XDG_STATE_HOME", xdg_home.as_str());
    let of_home = Some(PathBuf::from(&ann).join(".local/state/azdb-proxy"));
    assert_eq!(state_dir(&[]), None);
    assert_eq!(state_dir(&[home]), of_home);
    let of_xdg = Some(PathBuf::from(&xdg_home).join("azdb-proxy"));
    assert_eq!(state_dir(&[home, xdg]), of_xdg);
    assert_eq!(state_dir(&[home, ("XDG_STATE_HOME", "relative")]), of_home);
    let local = absolute("/local");
    assert_eq!(
        state_dir(&[home, ("LOCALAPPDATA", &local)]),
        Some(PathBuf::from(&local).join("azdb-proxy"))
    );
    let between = if cfg!(windows) { ';' } else { ':' };
    let (first, second) = (absolute("/var/lib/a"), absolute("/var/lib/b"));
    let several = format!("{first}{between}{second}");
    assert_eq!(
        state_dir(&[home, xdg, ("STATE_DIRECTORY", &several)]),
        Some(first.into())
    );
    assert_eq!(
        state_dir(&[home, ("AZDB_PROXY_STATE_DIR", "/own")]),
        Some("/own".into())
    );
}

/// systemd's services have their journal.
#[test]
fn a_log_file_is_there_when_somebody_names_one_or_for_a_service_of_windows() {
    let place = Place::with(&route(""));
    let log_file = |env: &[(&str, &str)]| {
        let config = place.load_with(&Overrides::default(), env).unwrap();
        config.process.log_file
    };
    let (data, own) = match cfg!(windows) {
        true => (r"C:\ProgramData\azdb-proxy\logs", r"D:\own.log"),
        false => ("/var/log/azdb-proxy", "/own.log"),
    };
    assert_eq!(log_file(&[]), None);
    let of_service = cfg!(windows).then(|| PathBuf::from(data).join("azdb-proxy.log"));
    assert_eq!(log_file(&[("LOGS_DIRECTORY", data)]), of_service);
    assert_eq!(
        log_file(&[("LOGS_DIRECTORY", data), ("AZDB_PROXY_LOG_FILE", own)]),
        Some(own.into())
    );
}
