//! Starting, stopping and asking the service.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use azdb_identity::Environment;
use azdb_windows::service::params_have_changed;
use windows_service::service::{
    Service, ServiceAccess, ServiceExitCode, ServiceState, ServiceStatus,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::NAME;
use super::failure::{Failure, NOT_RUNNING, RUNS_ALREADY};
use super::places::{Places, config_in, go_to, overrides};
use crate::exit::Exit;
use crate::output::{say, tell};

/// How often it is looked where a service is.
const LOOK: Duration = Duration::from_millis(100);
/// How long a service may stay where it is that has said less.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens the service.
pub(super) fn open(doing: &'static str, access: ServiceAccess) -> Result<Service, Failure> {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT);
    let service = manager
        .and_then(|manager| manager.open_service(NAME, access | ServiceAccess::QUERY_STATUS));
    service.map_err(Failure::of(doing))
}

/// Starts the service, and waits until it serves.
pub(super) fn start(places: &Places, env: &Environment) -> Result<Exit, Failure> {
    const DOING: &str = "start the service";
    let service = open(DOING, ServiceAccess::START | ServiceAccess::QUERY_CONFIG)?;
    // What is wrong with a configuration stands in the log of a service that has not read it.
    let log = Installed::of(&service, places, env)?.log;
    let mut logs = vec![places.log(), log.clone()];
    logs.dedup();
    let before: Vec<_> = logs.iter().map(|log| (length(log), log)).collect();
    match service.start::<&str>(&[]).map_err(Failure::of(DOING)) {
        Err(failure) if failure.code() == Some(RUNS_ALREADY) => {
            say("the service runs already");
            return Ok(Exit::Success);
        }
        outcome => outcome?,
    }
    let status = settled(&service, DOING, ServiceState::StartPending)?;
    if status.current_state == ServiceState::Running {
        say("the service runs");
        return Ok(Exit::Success);
    }
    tell(&format!(
        "azdb-proxy: the service has ended{}",
        why(status.exit_code)
    ));
    for (before, log) in before {
        for error in errors_since(log, before) {
            tell(&error);
        }
    }
    tell(&format!(
        "Its log: {}; Event Viewer > Windows Logs > Application, source {NAME}",
        log.display()
    ));
    Ok(match status.exit_code {
        ServiceExitCode::ServiceSpecific(78) => Exit::BadConfiguration,
        _ => Exit::Failure,
    })
}

/// Stops the service, and waits until it has ended.
pub(super) fn stop() -> Result<Exit, Failure> {
    const DOING: &str = "stop the service";
    let service = open(DOING, ServiceAccess::STOP)?;
    say(match end(&service, DOING)? {
        true => "the service has ended",
        false => "the service does not run",
    });
    Ok(Exit::Success)
}

/// Stops a service. Returns whether there was something to stop.
pub(super) fn end(service: &Service, doing: &'static str) -> Result<bool, Failure> {
    match service.stop().map_err(Failure::of(doing)) {
        Ok(_) => settled(service, doing, ServiceState::StopPending).map(|_| true),
        Err(failure) if failure.code() == Some(NOT_RUNNING) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Has the service read its configuration again.
pub(super) fn reload() -> Result<Exit, Failure> {
    const DOING: &str = "have the service read its configuration again";
    let service = open(DOING, ServiceAccess::PAUSE_CONTINUE)?;
    params_have_changed(&service).map_err(Failure::of_windows(DOING))?;
    say("the service reads its configuration again; its log says what comes of it");
    Ok(Exit::Success)
}

/// Says how the service is.
pub(super) fn status(places: &Places, env: &Environment) -> Result<Exit, Failure> {
    const DOING: &str = "ask for the service";
    let service = open(DOING, ServiceAccess::QUERY_CONFIG)?;
    let status = service.query_status().map_err(Failure::of(DOING))?;
    let Installed {
        account,
        config,
        log,
        refused,
    } = Installed::of(&service, places, env)?;
    let runs = status.current_state == ServiceState::Running;
    say(&format!("state          {}", named(status.current_state)));
    if let Some(pid) = status.process_id {
        say(&format!("process        {pid}"));
    }
    if status.current_state == ServiceState::Stopped {
        let code = match status.exit_code {
            ServiceExitCode::Win32(code) | ServiceExitCode::ServiceSpecific(code) => code,
        };
        say(&format!(
            "exit code      {code}{}",
            meaning(status.exit_code)
        ));
    }
    say(&format!("account        {account}"));
    say(&format!("configuration  {}", config.display()));
    if refused {
        let check = format!("azdb-proxy check --config \"{}\"", config.display());
        say(&format!(
            "               is not right, or not for you to read: {check}"
        ));
    }
    say(&format!("log            {}", log.display()));
    Ok(if runs { Exit::Success } else { Exit::Failure })
}

/// What the service manager knows of a service, and its configuration.
struct Installed {
    account: String,
    config: PathBuf,
    log: PathBuf,
    /// Whether its configuration is not right, as far as this user can read it.
    refused: bool,
}

impl Installed {
    fn of(service: &Service, places: &Places, env: &Environment) -> Result<Self, Failure> {
        let known = service
            .query_config()
            .map_err(Failure::of("ask for the service"))?;
        let line = known.executable_path.to_string_lossy();
        let config = config_in(&line).unwrap_or_else(|| places.config());
        go_to(&config);
        let read = azdb_config::load(&overrides(&config), &places.environment(env));
        let account = known.account_name.unwrap_or_default();
        Ok(Self {
            account: account.to_string_lossy().into_owned(),
            refused: read.is_err(),
            log: read
                .ok()
                .and_then(|read| read.process.log_file)
                .unwrap_or_else(|| places.log()),
            config,
        })
    }
}

/// Waits until a service has come out of a state, for as long as it gets on.
fn settled(
    service: &Service,
    doing: &'static str,
    pending: ServiceState,
) -> Result<ServiceStatus, Failure> {
    let (mut at, mut since) = (0, Instant::now());
    loop {
        let status = service.query_status().map_err(Failure::of(doing))?;
        if status.current_state != pending {
            return Ok(status);
        }
        if status.checkpoint != at {
            (at, since) = (status.checkpoint, Instant::now());
        }
        if since.elapsed() > status.wait_hint.max(PATIENCE) {
            return Err(Failure::stuck(doing, named(pending)));
        }
        std::thread::sleep(LOOK);
    }
}

fn named(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Stopped => "stopped",
        ServiceState::StartPending => "starting",
        ServiceState::StopPending => "stopping",
        ServiceState::Running => "running",
        ServiceState::ContinuePending => "continuing",
        ServiceState::PausePending => "pausing",
        ServiceState::Paused => "paused",
    }
}

/// What a code means that a service has ended with.
fn meaning(code: ServiceExitCode) -> &'static str {
    match code {
        ServiceExitCode::ServiceSpecific(1) => " (failed while running)",
        ServiceExitCode::ServiceSpecific(78) => " (bad configuration)",
        ServiceExitCode::Win32(1067) => " (it ended without a word: killed, or broke)",
        ServiceExitCode::Win32(1077) => " (not started since the machine has)",
        _ => "",
    }
}

fn why(code: ServiceExitCode) -> String {
    match code {
        ServiceExitCode::Win32(0) => String::new(),
        ServiceExitCode::Win32(number) | ServiceExitCode::ServiceSpecific(number) => {
            format!(" with exit code {number}{}", meaning(code))
        }
    }
}

fn length(log: &Path) -> u64 {
    fs::metadata(log).map_or(0, |log| log.len())
}

/// Lines of a log that tell of errors, from some byte on.
fn errors_since(log: &Path, before: u64) -> Vec<String> {
    let text = fs::read(log).unwrap_or_default();
    let before = usize::try_from(before).unwrap_or(usize::MAX);
    // A log that is shorter was named anew.
    let text = text.get(before..).unwrap_or(&text);
    let text = String::from_utf8_lossy(text);
    let is_error = |line: &&str| line.contains(" ERROR ") || line.contains(r#""level":"ERROR""#);
    text.lines().filter(is_error).map(str::to_owned).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn errors_of_this_start_are_shown_and_those_of_before_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        fs::write(&log, "t ERROR old\n").unwrap();
        let before = length(&log);
        fs::write(
            &log,
            "t ERROR old\nt  INFO azdb-proxy starts\nt ERROR port taken\n",
        )
        .unwrap();
        assert_eq!(errors_since(&log, before), ["t ERROR port taken"]);
        fs::write(&log, "t ERROR new\n").unwrap();
        assert_eq!(errors_since(&log, 1000), ["t ERROR new"]);
        assert!(errors_since(&directory.path().join("none"), 0).is_empty());
    }

    #[test]
    fn codes_are_told_in_words() {
        assert_eq!(
            why(ServiceExitCode::ServiceSpecific(78)),
            " with exit code 78 (bad configuration)"
        );
        assert_eq!(why(ServiceExitCode::Win32(0)), "");
        assert!(why(ServiceExitCode::Win32(1067)).contains("killed"));
    }
}
