//! What a console says, or the service manager.
//!
//! | who | says | what it does |
//! |---|---|---|
//! | a console | Ctrl-C, Ctrl-Break | ends the program |
//! | | it is closed; its user logs off; the machine goes down | ends the program, which has [`OF_CONSOLE`] for it |
//! | the service manager | stop; the machine goes down | ends the program |
//! | | other parameters (`sc control azdb-proxy paramchange`) | has the configuration read again |
//!
//! Windows ends a program as soon as its handler has returned from one of the three that mean its end, and after five seconds at the latest.
//! Tokio's handler does not return from them, so there are five seconds.
//!
//! A service does not listen to its console: Windows tells the console of a service of everybody who logs off.

use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use azdb_windows::service::{Control, manager};
use tokio::signal::windows as console;
use tokio::sync::{Notify, mpsc};

/// How soon Windows ends a program whose console, user or machine goes.
const OF_CONSOLE: Duration = Duration::from_secs(5);

/// What has the configuration read again.
pub(crate) const RELOAD: &str = "SERVICE_CONTROL_PARAMCHANGE";

/// What the manual says of them.
pub(crate) const HELP: &str = "\
Signals:
  Ctrl-C, Ctrl-Break, and a stop of the service end the proxy: no new
  sessions, time for those that run (--max-sigterm-delay), a goodbye to the
  rest, or with --drain-idle=now to idle ones at the beginning. A second one
  ends it at once; the same one within a second is no second one. When its
  window is closed, its user logs off or the machine goes down, Windows gives
  it five seconds for the same.
  'sc control azdb-proxy paramchange' has the service read its configuration
  again.

Exit codes:
  0    ended as asked, no session was cut
  1    failed while running
  64   wrong arguments
  78   bad configuration
  130  Ctrl-C or Ctrl-Break cut sessions, 143 anything else did";

/// What somebody said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Break.
    Break,
    /// The console is closed.
    Close,
    /// The user logs off.
    Logoff,
    /// The machine goes down.
    Shutdown,
    /// Somebody stops the service.
    Stop,
    /// The machine goes down, and waits for its services.
    Preshutdown,
}

impl Signal {
    /// What an end is that somebody has asked for in another way.
    pub(crate) const ASKED: Self = Self::Stop;

    /// The exit code of a program whose sessions it has cut: as elsewhere.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt | Self::Break => 130,
            Self::Close | Self::Logoff | Self::Shutdown | Self::Stop | Self::Preshutdown => 143,
        }
    }

    /// How soon after it Windows ends the program.
    pub(crate) const fn leaves(self) -> Option<Duration> {
        match self {
            Self::Close | Self::Logoff | Self::Shutdown => Some(OF_CONSOLE),
            Self::Interrupt | Self::Break | Self::Stop | Self::Preshutdown => None,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "CTRL_C_EVENT",
            Self::Break => "CTRL_BREAK_EVENT",
            Self::Close => "CTRL_CLOSE_EVENT",
            Self::Logoff => "CTRL_LOGOFF_EVENT",
            Self::Shutdown => "CTRL_SHUTDOWN_EVENT",
            Self::Stop => "SERVICE_CONTROL_STOP",
            Self::Preshutdown => "SERVICE_CONTROL_PRESHUTDOWN",
        })
    }
}

/// What the service manager has said, which may be before anybody listens.
static CONTROLS: LazyLock<Controls> = LazyLock::new(|| {
    let (said, heard) = mpsc::unbounded_channel();
    Controls {
        said,
        heard: Mutex::new(Some(heard)),
    }
});

struct Controls {
    said: mpsc::UnboundedSender<Control>,
    heard: Mutex<Option<mpsc::UnboundedReceiver<Control>>>,
}

/// The service manager has said something.
pub(crate) fn control_came(control: Control) {
    let _ = CONTROLS.said.send(control);
}

/// What has been said since it was made.
pub(crate) struct Signals {
    speaker: Speaker,
    /// Somebody wants the configuration to be read again.
    hangup_came: Arc<Notify>,
}

/// Who says something.
enum Speaker {
    Console(Box<Console>),
    Manager(mpsc::UnboundedReceiver<Control>),
}

struct Console {
    interrupt: console::CtrlC,
    ctrl_break: console::CtrlBreak,
    close: console::CtrlClose,
    logoff: console::CtrlLogoff,
    shutdown: console::CtrlShutdown,
}

impl Signals {
    /// Listens to whoever has started the program.
    ///
    /// # Errors
    ///
    /// Whatever Windows reports.
    pub(crate) fn new() -> io::Result<Self> {
        let speaker = if manager().is_some() {
            let heard = &CONTROLS.heard;
            let heard = heard.lock().unwrap_or_else(PoisonError::into_inner).take();
            let taken = || io::Error::other("somebody listens to the service manager already");
            Speaker::Manager(heard.ok_or_else(taken)?)
        } else {
            Speaker::Console(Box::new(Console {
                interrupt: console::ctrl_c()?,
                ctrl_break: console::ctrl_break()?,
                close: console::ctrl_close()?,
                logoff: console::ctrl_logoff()?,
                shutdown: console::ctrl_shutdown()?,
            }))
        };
        let hangup_came = Arc::default();
        Ok(Self {
            speaker,
            hangup_came,
        })
    }

    /// The next that ends the program.
    pub(crate) async fn next(&mut self) -> Signal {
        match &mut self.speaker {
            Speaker::Console(console) => tokio::select! {
                _ = console.interrupt.recv() => Signal::Interrupt,
                _ = console.ctrl_break.recv() => Signal::Break,
                _ = console.close.recv() => Signal::Close,
                _ = console.logoff.recv() => Signal::Logoff,
                _ = console.shutdown.recv() => Signal::Shutdown,
            },
            Speaker::Manager(heard) => loop {
                match heard.recv().await {
                    Some(Control::Stop) => return Signal::Stop,
                    Some(Control::Preshutdown) => return Signal::Preshutdown,
                    Some(Control::ParamChange) => self.hangup_came.notify_one(),
                    None => std::future::pending().await,
                }
            },
        }
    }

    /// Told when somebody wants the configuration to be read again, while [`Signals::next`] is waited for.
    pub(crate) fn hangup_came(&self) -> Arc<Notify> {
        Arc::clone(&self.hangup_came)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use azdb_core::LAST_WORDS;

    use super::*;
    use crate::end::{End, Why};

    #[test]
    fn a_drain_fits_into_what_a_console_that_goes_leaves() {
        let overrides = azdb_config::Overrides {
            urls: vec!["postgres://u@orders.postgres.database.azure.com".to_owned()],
            min_sigterm_delay: Some(Duration::from_secs(60)),
            max_sigterm_delay: Some(Duration::from_secs(60)),
            ..azdb_config::Overrides::default()
        };
        let env = azdb_identity::Environment::default();
        let config = azdb_config::load_without_search(&overrides, &env).unwrap();
        for signal in [Signal::Close, Signal::Logoff, Signal::Shutdown] {
            let drain = End::because(Why::Signal(signal)).drain(&config.process);
            assert!(drain.patience > Duration::ZERO, "{signal}");
            assert!(
                drain.delay + drain.patience + LAST_WORDS < OF_CONSOLE,
                "{signal}"
            );
        }
        for signal in [Signal::Interrupt, Signal::Stop, Signal::Preshutdown] {
            let drain = End::because(Why::Signal(signal)).drain(&config.process);
            let minutes = drain.delay + drain.patience;
            assert_eq!(minutes, Duration::from_secs(120), "{signal}");
        }
    }

    #[test]
    fn names_are_those_of_windows_and_only_a_console_that_goes_leaves_little_time() {
        for (signal, name, code, hurries) in [
            (Signal::Interrupt, "CTRL_C_EVENT", 130, false),
            (Signal::Break, "CTRL_BREAK_EVENT", 130, false),
            (Signal::Close, "CTRL_CLOSE_EVENT", 143, true),
            (Signal::Logoff, "CTRL_LOGOFF_EVENT", 143, true),
            (Signal::Shutdown, "CTRL_SHUTDOWN_EVENT", 143, true),
            (Signal::Stop, "SERVICE_CONTROL_STOP", 143, false),
            (
                Signal::Preshutdown,
                "SERVICE_CONTROL_PRESHUTDOWN",
                143,
                false,
            ),
        ] {
            assert_eq!(signal.to_string(), name);
            assert_eq!(signal.exit_code(), code, "{signal}");
            assert_eq!(signal.leaves().is_some(), hurries, "{signal}");
        }
    }
}
