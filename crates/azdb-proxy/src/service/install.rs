//! Making the service, and removing it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use azdb_config::Process;
use azdb_core::LAST_WORDS;
use azdb_identity::Environment;
use azdb_windows::acl::{self, Guarded};
use azdb_windows::service::SID;
use azdb_windows::{event_log, sddl};
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::NAME;
use super::asked::{end, open};
use super::failure::{Failure, NOT_THERE, UNKNOWN_LEVEL};
use super::places::{Places, config_in, go_to, overrides};
use crate::exit::Exit;
use crate::output::{say, tell};

const DISPLAY_NAME: &str = "azdb-proxy: Azure databases without secrets";
const DESCRIPTION: &str = "Lets apps of this machine use Azure's PostgreSQL, MySQL and SQL databases with a managed identity: they connect to it by local trust, it connects by verified TLS with a token.";
/// Its own account, which Windows makes with the service: no password, and no other service has it.
const ACCOUNT: &str = r"NT SERVICE\azdb-proxy";

/// Who may do what with configuration and secrets: Windows and administrators everything, the service reads. Nobody else, and nothing is
/// inherited from `%ProgramData%`, where every user may make files.
const READS: &str = "0x1200a9";
/// With what it writes: the service everything, but for giving rights away.
const WRITES: &str = "0x1301bf";

/// Owner and rights of a directory of the service, in Windows' short writing.
fn rights(of_service: &str) -> String {
    format!("O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;{of_service};;;{SID})")
}

/// How long after a failure the service is started again: the first time, the second, and from then on.
const AGAIN: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(60),
];
/// After so long without a failure the next one is the first.
const FORGIVEN: Duration = Duration::from_secs(3600);

/// Makes directories, checks the configuration and makes the service, or makes it as it should be.
pub(super) fn install(
    config: Option<&Path>,
    places: &Places,
    env: &Environment,
) -> Result<Exit, Failure> {
    const DOING: &str = "install the service";
    let config = config.map(Path::to_owned).or_else(installed_config);
    let config = config.unwrap_or_else(|| places.config());
    let config = std::path::absolute(config).map_err(Failure::of_windows(DOING))?;
    let program = std::env::current_exe().map_err(Failure::of_windows(DOING))?;
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let manager = ServiceManager::local_computer(None::<&str>, access);
    let manager = manager.map_err(Failure::of(DOING))?;
    // First of all: whoever writes a configuration there, and secrets, writes them where nobody else reads.
    directories(places).map_err(Failure::of_windows("make the directories of the service"))?;
    let Some(process) = checked(&config, places, env) else {
        return Ok(Exit::BadConfiguration);
    };
    let info = described(&program, &config);
    let (service, is_new) = made(&manager, info).map_err(Failure::of(DOING))?;
    set_up(&service, &process)?;
    event_log::register(NAME).map_err(Failure::of_windows("register a source of events"))?;
    tell_of(&program, &config, places, is_new);
    Ok(Exit::Success)
}

/// The configuration of the service that is there: to install a newer program is no reason to have another.
fn installed_config() -> Option<PathBuf> {
    let service = open("ask for the service", ServiceAccess::QUERY_CONFIG).ok()?;
    let known = service.query_config().ok()?;
    config_in(&known.executable_path.to_string_lossy())
}

/// Reads the configuration as the service will. None when it is not right, which has been said.
fn checked(config: &Path, places: &Places, env: &Environment) -> Option<Process> {
    const NOT_DONE: &str = "azdb-proxy: the service was not installed";
    go_to(config);
    let read = match azdb_config::load(&overrides(config), &places.environment(env)) {
        Ok(read) => read,
        Err(problems) => {
            tell(&problems.to_string());
            tell(NOT_DONE);
            return None;
        }
    };
    if let Some(why) = why_not_ours(config) {
        let config = config.display();
        tell(&format!(
            "azdb-proxy: {config} says where this machine's tokens go: {why}"
        ));
        tell(NOT_DONE);
        return None;
    }
    let warnings = read.warnings.iter();
    warnings.for_each(|warning| tell(&format!("warning: {warning}")));
    Some(read.process)
}

/// Why the service must not have a configuration: everybody may make files in `%ProgramData%`, and who has made this one may write it.
fn why_not_ours(config: &Path) -> Option<String> {
    let strangers = fs::File::open(config).and_then(|file| acl::strangers(&file, Guarded::Writing));
    match strangers {
        Ok(strangers) => strangers
            .first()
            .map(|first| format!("{first}: {}", acl::remedy(config, &strangers))),
        Err(error) => Some(format!("who may write it is not known: {error}")),
    }
}

fn described(program: &Path, config: &Path) -> ServiceInfo {
    let words = ["service", "run", "--config"].map(OsString::from);
    let words = words.into_iter().chain([config.into()]);
    ServiceInfo {
        name: NAME.into(),
        display_name: DISPLAY_NAME.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: program.to_owned(),
        launch_arguments: words.collect(),
        dependencies: Vec::new(),
        account_name: Some(ACCOUNT.into()),
        account_password: None,
    }
}

/// The service as described, and whether it is new. One that is there keeps its account, and whether it starts with the machine: its
/// administrator may have said others.
fn made(
    manager: &ServiceManager,
    mut info: ServiceInfo,
) -> windows_service::Result<(Service, bool)> {
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::QUERY_CONFIG | ServiceAccess::START;
    match manager.open_service(NAME, access) {
        Ok(service) => {
            info.account_name = None;
            info.start_type = service.query_config()?.start_type;
            service.change_config(&info)?;
            Ok((service, false))
        }
        Err(windows_service::Error::Winapi(error)) if error.raw_os_error() == Some(NOT_THERE) => {
            Ok((manager.create_service(&info, access)?, true))
        }
        Err(error) => Err(error),
    }
}

/// What the service manager does with it. What it does not know how to do is told and left out.
fn set_up(service: &Service, process: &Process) -> Result<(), Failure> {
    let again = AGAIN.map(|delay| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay,
    });
    let again = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(FORGIVEN),
        reboot_msg: None,
        command: None,
        actions: Some(again.to_vec()),
    };
    // When the machine goes down, Windows waits so long for a drain.
    let drain = process.min_sigterm_delay + process.max_sigterm_delay + LAST_WORDS;
    for (what, done) in [
        ("describe it", service.set_description(DESCRIPTION)),
        // Networks and identity endpoints are up by then.
        ("start it after the others", delayed(service)),
        (
            "start it again when it has failed",
            service.update_failure_actions(again),
        ),
        // One that ends with a code has failed, too: an identity that is not there yet, a port that is taken.
        (
            "start it again when it has ended with an error",
            service.set_failure_actions_on_non_crash_failures(true),
        ),
        (
            "wait for its drain when the machine goes down",
            service.set_preshutdown_timeout(drain + Duration::from_secs(10)),
        ),
    ] {
        match done.map_err(Failure::of("set the service up")) {
            Err(failure) if failure.code() == Some(UNKNOWN_LEVEL) => {
                tell(&format!("warning: this Windows cannot {what}"));
            }
            outcome => outcome?,
        }
    }
    Ok(())
}

/// Starts it later than others, where it starts with the machine.
fn delayed(service: &Service) -> windows_service::Result<()> {
    match service.query_config()?.start_type {
        ServiceStartType::AutoStart => service.set_delayed_auto_start(true),
        _ => Ok(()),
    }
}

/// Makes the service's directories, its own alone.
fn directories(places: &Places) -> std::io::Result<()> {
    for (directory, who) in [
        (places.home.clone(), READS),
        (places.state(), WRITES),
        (places.logs(), WRITES),
    ] {
        fs::create_dir_all(&directory)?;
        sddl::set(&directory, &rights(who))?;
    }
    Ok(())
}

fn tell_of(program: &Path, config: &Path, places: &Places, is_new: bool) {
    let program_shown = program.display();
    say(&match is_new {
        true => format!(
            "The service {NAME} is installed: it runs {program_shown} as {ACCOUNT}, starts with the machine, and again when it has failed."
        ),
        false => format!(
            "The service {NAME} is changed: it runs {program_shown}, as the account and at the times that it had."
        ),
    });
    say(&format!("  configuration  {}", config.display()));
    say(&format!("  state          {}", places.state().display()));
    say(&format!("  log            {}", places.log().display()));
    say(&format!(
        "  events         Event Viewer > Windows Logs > Application, source {NAME}"
    ));
    if !config.starts_with(&places.home) {
        say(&format!(
            "Let it read its configuration: icacls \"{}\" /grant \"{ACCOUNT}:R\"",
            config.display()
        ));
    }
    if let Some(whose) = of_a_person(program) {
        tell(&format!(
            "warning: {} is below {}: whoever may write there is the service. Move it to C:\\Program Files\\{NAME}, and install it again from there",
            program.display(),
            whose.display()
        ));
    }
    say(match is_new {
        true => "Next: azdb-proxy service start",
        false => "Next, where it runs: azdb-proxy service stop, azdb-proxy service start",
    });
}

/// The directory of a person's in which a program is.
fn of_a_person(program: &Path) -> Option<PathBuf> {
    ["USERPROFILE", "PUBLIC", "TEMP"]
        .into_iter()
        .filter_map(std::env::var_os)
        .map(PathBuf::from)
        .find(|place| program.starts_with(place))
}

/// Stops the service and removes it.
pub(super) fn uninstall(places: &Places) -> Result<Exit, Failure> {
    const DOING: &str = "uninstall the service";
    let service = open(DOING, ServiceAccess::STOP | ServiceAccess::DELETE);
    // Whatever there is of it goes.
    let source = event_log::unregister(NAME).map_err(Failure::of_windows(DOING));
    let service = service?;
    end(&service, DOING)?;
    service.delete().map_err(Failure::of(DOING))?;
    source?;
    say(&format!(
        "The service {NAME} and its source of events are gone."
    ));
    say(&format!(
        "Configuration, state and logs are still there: {}",
        places.home.display()
    ));
    Ok(Exit::Success)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    /// What Wine makes of it are a file's modes: that nobody else is let in shows on a real Windows.
    #[test]
    fn windows_takes_the_rights_of_the_directories_which_name_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        for of_service in [READS, WRITES] {
            let rights = rights(of_service);
            sddl::set(directory.path(), &rights).unwrap();
            let given: Vec<_> = rights.split(";;;").skip(1).collect();
            assert_eq!(given.len(), 3, "{rights}");
            for (given, who) in given.iter().zip(["SY)", "BA)", SID]) {
                assert!(given.starts_with(who), "{rights}");
            }
        }
    }

    #[test]
    fn the_command_line_of_the_service_names_its_configuration() {
        let info = described(
            Path::new(r"C:\Program Files\azdb-proxy\azdb-proxy.exe"),
            Path::new(r"C:\My Data\proxy.toml"),
        );
        assert_eq!(
            info.launch_arguments,
            ["service", "run", "--config", r"C:\My Data\proxy.toml"].map(OsString::from)
        );
        assert_eq!(info.account_name, Some(ACCOUNT.into()));
    }
}
