//! What the service manager did not do, why, and what to do about it.

use std::fmt;
use std::io;

use azdb_windows::service::error_of;

use super::NAME;

/// Something that was not done.
#[derive(Debug)]
pub(super) struct Failure {
    doing: &'static str,
    why: Why,
}

#[derive(Debug)]
enum Why {
    /// Windows said no.
    Windows(io::Error),
    /// Nothing has moved for longer than the service had said.
    Stuck(String),
}

impl Failure {
    /// For what Windows says to the program.
    pub(super) fn of_windows(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self {
            doing,
            why: Why::Windows(error),
        }
    }

    /// For what the service manager says.
    pub(super) fn of(doing: &'static str) -> impl FnOnce(windows_service::Error) -> Self {
        move |error| Self::of_windows(doing)(error_of(error))
    }

    /// For a service that does not come to where it should.
    pub(super) fn stuck(doing: &'static str, state: &str) -> Self {
        Self {
            doing,
            why: Why::Stuck(state.to_owned()),
        }
    }

    /// The number of what Windows said.
    pub(super) fn code(&self) -> Option<i32> {
        match &self.why {
            Why::Windows(error) => error.raw_os_error(),
            Why::Stuck(_) => None,
        }
    }
}

/// `ERROR_INVALID_LEVEL`.
pub(super) const UNKNOWN_LEVEL: i32 = 124;
/// `ERROR_SERVICE_ALREADY_RUNNING`.
pub(super) const RUNS_ALREADY: i32 = 1056;
/// `ERROR_SERVICE_DOES_NOT_EXIST`.
pub(super) const NOT_THERE: i32 = 1060;
/// `ERROR_SERVICE_NOT_ACTIVE`.
pub(super) const NOT_RUNNING: i32 = 1062;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: ", self.doing)?;
        match &self.why {
            Why::Stuck(state) => write!(
                f,
                "it has been {state} for longer than it said it would; its log says what it waits for (azdb-proxy service status)"
            ),
            Why::Windows(error) => match error.raw_os_error().and_then(remedy) {
                Some(remedy) => f.write_str(&remedy),
                None => error.fmt(f),
            },
        }
    }
}

/// Cause and remedy of what Windows says of services.
fn remedy(code: i32) -> Option<String> {
    Some(match code {
        2 | 3 => "the program that the service starts, or a directory of it, is not there: install it again with azdb-proxy service install".to_owned(),
        5 => "access is denied: run it in an elevated prompt (right-click, \"Run as administrator\")".to_owned(),
        1053 => format!("the service did not answer in time: see its log, and Event Viewer > Windows Logs > System, source Service Control Manager (start it with sc start {NAME} once more)"),
        1057 => format!(r"Windows does not take the account NT SERVICE\{NAME}: virtual accounts need Windows 7 or Windows Server 2008 R2, or later"),
        1058 => format!("the service is disabled: sc config {NAME} start= delayed-auto"),
        1061 => "the service is on its way to another state: wait until azdb-proxy service status shows it there".to_owned(),
        NOT_RUNNING => "the service does not run: azdb-proxy service start".to_owned(),
        1063 => "no service manager has started this process: start the service with azdb-proxy service start, or the proxy here with azdb-proxy run".to_owned(),
        1069 => format!(r#"its account may not log on as a service: give NT SERVICE\{NAME} the right "Log on as a service" (secpol.msc > Local Policies > User Rights Assignment, or the domain's group policy)"#),
        1072 => "the service is marked for deletion, and is there until nobody looks at it any more: close services.msc, Task Manager and whatever else shows services, or restart the machine, then try again".to_owned(),
        NOT_THERE => format!("there is no service {NAME} on this machine: run azdb-proxy service install first"),
        1078 => "another service has this display name: remove that one, or give it another name in services.msc".to_owned(),
        1115 => "the machine is going down".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: i32) -> String {
        Failure::of_windows("start the service")(io::Error::from_raw_os_error(code)).to_string()
    }

    #[test]
    fn what_windows_says_is_told_with_its_remedy() {
        for (code, remedy) in [
            (2, "install it again with azdb-proxy service install"),
            (5, "run it in an elevated prompt"),
            (1053, "source Service Control Manager"),
            (1057, "virtual accounts need Windows 7"),
            (1058, "sc config azdb-proxy start= delayed-auto"),
            (1061, "wait until azdb-proxy service status shows it there"),
            (
                1063,
                "azdb-proxy service start, or the proxy here with azdb-proxy run",
            ),
            (1062, "azdb-proxy service start"),
            (1069, "\"Log on as a service\""),
            (1072, "close services.msc"),
            (1060, "run azdb-proxy service install first"),
            (1078, "remove that one"),
            (1115, "the machine is going down"),
        ] {
            let said = said(code);
            assert!(
                said.starts_with("cannot start the service: ") && said.contains(remedy),
                "{code}: {said}"
            );
        }
    }

    #[test]
    fn what_nobody_has_met_yet_keeps_its_number() {
        let said = said(1066);
        assert!(said.contains("(os error 1066)"), "{said}");
    }

    #[test]
    fn a_service_that_does_not_get_on_is_named_by_where_it_is() {
        let failure = Failure::stuck("stop the service", "stopping");
        assert!(
            failure
                .to_string()
                .starts_with("cannot stop the service: it has been stopping for longer"),
            "{failure}"
        );
    }
}
