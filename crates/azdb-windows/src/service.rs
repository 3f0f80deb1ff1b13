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
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{
    ServiceControlHandlerResult, ServiceStatusHandle, register,
};
use windows_service::{define_windows_service, service_dispatcher};

/// What the service manager waits before somebody has said how long it may take.
const FOR_NOW: Duration = Duration::from_secs(30);

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

impl Manager {
    /// It is on its way to serve, which may take so long.
    pub fn starting(&self, patience: Duration) {
        self.tell(ServiceState::StartPending, patience);
    }

    /// It serves. Returns whether that is news.
    pub fn running(&self) -> bool {
        let news = {
            let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.state == ServiceState::StartPending
        };
        if news {
            self.tell(ServiceState::Running, Duration::ZERO);
        }
        news
    }

    /// It is on its way to its end, which may take so long.
    pub fn stopping(&self, patience: Duration) {
        self.tell(ServiceState::StopPending, patience);
    }

    /// What it is on its way to goes on.
    pub fn goes_on(&self) {
        let (state, patience) = {
            let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            (told.state, told.patience)
        };
        if matches!(
            state,
            ServiceState::StartPending | ServiceState::StopPending
        ) {
            self.tell(state, patience);
        }
    }

    /// It has ended: well, or with a code of its own. To be said last: the process may be gone soon after.
    pub fn stopped(&self, code: u32) {
        let exit_code = match code {
            0 => ServiceExitCode::NO_ERROR,
            code => ServiceExitCode::ServiceSpecific(code),
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.state = ServiceState::Stopped;
        self.report(&told, exit_code);
    }

    /// The end is never taken back, neither is what leads to it.
    fn tell(&self, state: ServiceState, patience: Duration) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = |state| matches!(state, ServiceState::StopPending | ServiceState::Stopped);
        if told.state == ServiceState::Stopped || (ends(told.state) && !ends(state)) {
            return;
        }
        told.checkpoint = match state {
            ServiceState::Running => 0,
            state if state == told.state => told.checkpoint.saturating_add(1),
            _ => 1,
        };
        told.state = state;
        // A day and more is what no number of milliseconds holds.
        told.patience = patience.min(Duration::from_secs(24 * 3600 * 2));
        self.report(&told, ServiceExitCode::NO_ERROR);
    }

    fn report(&self, told: &Told, exit_code: ServiceExitCode) {
        let is_pending = matches!(
            told.state,
            ServiceState::StartPending | ServiceState::StopPending
        );
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
            checkpoint: if is_pending { told.checkpoint } else { 0 },
            wait_hint: if is_pending {
                told.patience
            } else {
                Duration::ZERO
            },
            process_id: None,
        });
    }
}

/// What Windows said, with its number.
pub fn error_of(error: windows_service::Error) -> io::Error {
    match error {
        windows_service::Error::Winapi(error) => error,
        other => io::Error::other(other),
    }
}
