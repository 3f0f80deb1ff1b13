//! The entry that the service manager calls.
//!
//! ```text
//!   enter --> service manager --> body, on a thread of its own --> Manager::{starting, running, stopping, stopped}
//!                   '-- stop, the machine's end, other parameters --> heard
//! ```
//!
//! # Invariants
//!
//! * A process is one service, and is it once.
//! * A control that ends the service is answered with "on its way" before anything else is done about it.

use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{
    ServiceControlHandlerResult, ServiceStatusHandle, register,
};
use windows_service::{define_windows_service, service_dispatcher};
use windows_sys::Win32::System::Services::{
    ControlService, SERVICE_CONTROL_PARAMCHANGE, SERVICE_STATUS,
};

/// Who the service `azdb-proxy` is to Windows, which makes this of the name: `sc showsid azdb-proxy`.
pub const SID: &str = "S-1-5-80-180653376-187916373-1982204061-2920419056-3555974717";

/// What the service manager waits before somebody has said how long it may take.
const FOR_NOW: Duration = Duration::from_secs(30);

/// Two delays of a day each and more; no number of milliseconds holds two months.
const LONGEST: Duration = Duration::from_secs(3 * 24 * 3600);

/// What the service manager says to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Somebody stops it.
    Stop,
    /// The machine goes down.
    Preshutdown,
    /// Its parameters are others now.
    ParamChange,
}

/// A service: its name, what it does, and who hears what it is told.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// As the service manager knows it.
    pub name: &'static str,
    /// Its work. It ends with [`Manager::stopped`].
    pub body: fn(&Manager),
    /// Called on a thread of the service manager's, and waited for.
    pub heard: fn(Control),
}

/// The service that this process is.
static SERVICE: OnceLock<Service> = OnceLock::new();
/// Its manager.
static MANAGER: OnceLock<Manager> = OnceLock::new();

define_windows_service!(main_of_service, body);

/// Becomes a service, until it has stopped.
///
/// # Errors
///
/// When no service manager has started this process (code 1063), or it is a service already.
pub fn enter(service: Service) -> io::Result<()> {
    if SERVICE.set(service).is_err() {
        return Err(io::Error::other("this process is a service already"));
    }
    service_dispatcher::start(service.name, main_of_service).map_err(error_of)
}

/// The service manager of this process, where it is a service.
pub fn manager() -> Option<&'static Manager> {
    MANAGER.get()
}

fn body(_: Vec<std::ffi::OsString>) {
    let Some(service) = SERVICE.get() else {
        return;
    };
    // The library frees what a closure holds at the first control that ends the service, and Windows may call once more: to interrogate.
    // This one holds nothing.
    let Ok(handle) = register(service.name, hear) else {
        return;
    };
    let manager = MANAGER.get_or_init(|| Manager {
        handle,
        told: Mutex::new(Told {
            state: ServiceState::StartPending,
            checkpoint: 0,
            patience: FOR_NOW,
        }),
    });
    manager.starting(FOR_NOW);
    (service.body)(manager);
}

fn hear(control: ServiceControl) -> ServiceControlHandlerResult {
    let control = match control {
        ServiceControl::Interrogate => return ServiceControlHandlerResult::NoError,
        ServiceControl::Stop => Control::Stop,
        ServiceControl::Preshutdown => Control::Preshutdown,
        ServiceControl::ParamChange => Control::ParamChange,
        _ => return ServiceControlHandlerResult::NotImplemented,
    };
    if let Some(manager) = manager()
        && control != Control::ParamChange
    {
        manager.stopping(FOR_NOW);
    }
    if let Some(service) = SERVICE.get() {
        (service.heard)(control);
    }
    ServiceControlHandlerResult::NoError
}

/// Who has started this process as a service, and is told how it is.
#[derive(Debug)]
pub struct Manager {
    handle: ServiceStatusHandle,
    told: Mutex<Told>,
}

#[derive(Debug)]
struct Told {
    state: ServiceState,
    checkpoint: u32,
    patience: Duration,
}

impl Told {
    /// It is on its way to something, or there. Returns whether there is something to tell: the end is never taken back, neither is what
    /// leads to it.
    fn goes_to(&mut self, state: ServiceState, patience: Duration) -> bool {
        let ends = |state| matches!(state, ServiceState::StopPending | ServiceState::Stopped);
        if self.state == ServiceState::Stopped || (ends(self.state) && !ends(state)) {
            return false;
        }
        self.checkpoint = match state {
            state if !is_pending(state) => 0,
            state if state == self.state => self.checkpoint.saturating_add(1),
            _ => 1,
        };
        self.state = state;
        self.patience = match is_pending(state) {
            true => patience.min(LONGEST),
            false => Duration::ZERO,
        };
        true
    }
}

fn is_pending(state: ServiceState) -> bool {
    matches!(
        state,
        ServiceState::StartPending | ServiceState::StopPending
    )
}

impl Manager {
    /// It is on its way to serve, which may take so long.
    pub fn starting(&self, patience: Duration) {
        self.tell(ServiceState::StartPending, patience);
    }

    /// It serves. Returns whether that is news.
    pub fn running(&self) -> bool {
        let mut told = self.told();
        let is_news = told.state == ServiceState::StartPending
            && told.goes_to(ServiceState::Running, Duration::ZERO);
        if is_news {
            self.report(&told, ServiceExitCode::NO_ERROR);
        }
        is_news
    }

    /// It is on its way to its end, which may take so long.
    pub fn stopping(&self, patience: Duration) {
        self.tell(ServiceState::StopPending, patience);
    }

    /// What it is on its way to goes on.
    pub fn goes_on(&self) {
        let mut told = self.told();
        let (state, patience) = (told.state, told.patience);
        if is_pending(state) && told.goes_to(state, patience) {
            self.report(&told, ServiceExitCode::NO_ERROR);
        }
    }

    /// It has ended: well, or with a code of its own. To be said last: the process may be gone soon after.
    pub fn stopped(&self, code: u32) {
        let exit_code = match code {
            0 => ServiceExitCode::NO_ERROR,
            code => ServiceExitCode::ServiceSpecific(code),
        };
        let mut told = self.told();
        if told.goes_to(ServiceState::Stopped, Duration::ZERO) {
            self.report(&told, exit_code);
        }
    }

    fn tell(&self, state: ServiceState, patience: Duration) {
        let mut told = self.told();
        if told.goes_to(state, patience) {
            self.report(&told, ServiceExitCode::NO_ERROR);
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, told: &Told, exit_code: ServiceExitCode) {
        let controls_accepted = match told.state {
            ServiceState::StartPending | ServiceState::Running => {
                ServiceControlAccept::STOP
                    | ServiceControlAccept::PRESHUTDOWN
                    | ServiceControlAccept::PARAM_CHANGE
            }
            _ => ServiceControlAccept::empty(),
        };
        // A manager that does not listen keeps nobody from serving.
        let _ = self.handle.set_service_status(ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state: told.state,
            controls_accepted,
            exit_code,
            checkpoint: told.checkpoint,
            wait_hint: told.patience,
            process_id: None,
        });
    }
}

/// Tells a service that its parameters are others now, which was opened with the right to pause it.
///
/// # Errors
///
/// Whatever Windows reports.
#[allow(unsafe_code)]
pub fn params_have_changed(service: &windows_service::service::Service) -> io::Result<()> {
    let mut status = SERVICE_STATUS::default();
    // SAFETY: the handle is open as long as the service is borrowed, and `status` is where its status may be put.
    let done = unsafe {
        ControlService(
            service.raw_handle(),
            SERVICE_CONTROL_PARAMCHANGE,
            &raw mut status,
        )
    };
    match done {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// What Windows said, with its number.
pub fn error_of(error: windows_service::Error) -> io::Error {
    match error {
        windows_service::Error::Winapi(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Told {
        Told {
            state: ServiceState::StartPending,
            checkpoint: 1,
            patience: FOR_NOW,
        }
    }

    #[test]
    fn checkpoints_grow_while_a_service_is_on_its_way_and_there_are_none_where_it_is() {
        let mut told = started();
        assert!(told.goes_to(ServiceState::StartPending, FOR_NOW));
        assert!(told.goes_to(ServiceState::StartPending, Duration::MAX));
        assert_eq!((told.checkpoint, told.patience), (3, LONGEST));
        assert!(told.goes_to(ServiceState::Running, FOR_NOW));
        assert_eq!((told.checkpoint, told.patience), (0, Duration::ZERO));
        assert!(told.goes_to(ServiceState::StopPending, FOR_NOW));
        assert!(told.goes_to(ServiceState::StopPending, FOR_NOW));
        assert_eq!((told.checkpoint, told.patience), (2, FOR_NOW));
    }

    #[test]
    fn an_end_is_never_taken_back() {
        let mut told = started();
        assert!(told.goes_to(ServiceState::StopPending, FOR_NOW));
        for state in [ServiceState::StartPending, ServiceState::Running] {
            assert!(!told.goes_to(state, FOR_NOW));
        }
        assert!(told.goes_to(ServiceState::Stopped, FOR_NOW));
        for state in [ServiceState::StopPending, ServiceState::Stopped] {
            assert!(!told.goes_to(state, FOR_NOW));
        }
        assert_eq!(told.state, ServiceState::Stopped);
    }
}
