//! Signals as Unix has them.
//!
//! | signal | what it does |
//! |---|---|
//! | SIGINT, SIGTERM, SIGQUIT | ends the program |
//! | SIGHUP | has the configuration read again; ends the program where its terminal has gone |
//! | SIGUSR1, SIGUSR2 | nothing |
//!
//! A terminal that goes sends SIGHUP to whoever was started at it, and is none any more when the signal comes: a program that went on would
//! hold its ports with nobody to see it. From a terminal that is still there, and to whoever has none (a service, a container, `nohup`),
//! SIGHUP is somebody's word.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

/// What has the configuration read again.
pub(crate) const RELOAD: &str = "SIGHUP";

/// What the manual says of them.
pub(crate) const HELP: &str = "\
Signals:
  SIGTERM, SIGINT and SIGQUIT end the proxy: no new sessions, time for those
  that run (--max-sigterm-delay), a goodbye to the rest, or with
  --drain-idle=now to idle ones at the beginning. A second signal ends it at
  once; the same one within a second is no second one. 
  SIGHUP has the configuration read again; it ends a proxy whose terminal
  has gone.

Exit codes:
  0    ended as asked, no session was cut
  1    failed while running
  64   wrong arguments
  78   bad configuration
  130  SIGINT cut sessions, 143 SIGTERM or shutdown, 131 SIGQUIT, 129 SIGHUP";

/// What somebody sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The terminal has gone.
    Hangup,
    /// Ctrl-C.
    Interrupt,
    /// What service managers and container platforms send.
    Terminate,
    /// Ctrl-\\, and what some images are stopped with.
    Quit,
}

impl Signal {
    /// What an end is that somebody has asked for in another way.
    pub(crate) const ASKED: Self = Self::Terminate;

    /// The exit code of a program whose sessions it has cut: 128 and its number.
    pub(crate) const fn exit_code(self) -> u8 {
        128 + match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Quit => 3,
            Self::Terminate => 15,
        }
    }

    /// How soon after it the system ends the program: by itself it does not.
    pub(crate) const fn leaves(self) -> Option<Duration> {
        None
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::Quit => "SIGQUIT",
        })
    }
}

/// The signals that have arrived since it was made.
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    user: [tokio::signal::unix::Signal; 2],
    /// Whether the program was started at a terminal, which can go.
    at_terminal: bool,
    /// Somebody wants the configuration to be read again.
    hangup_came: Arc<Notify>,
}

impl Signals {
    /// Takes over the signals.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(crate) fn new() -> io::Result<Self> {
        use std::io::IsTerminal as _;
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            user: [
                signal(SignalKind::user_defined1())?,
                signal(SignalKind::user_defined2())?,
            ],
            at_terminal: io::stdin().is_terminal(),
            hangup_came: Arc::default(),
        })
    }

    /// A terminal that has gone is none any more.
    fn has_lost_terminal(&self) -> bool {
        use std::io::IsTerminal as _;
        self.at_terminal && !io::stdin().is_terminal()
    }

    /// The next signal that ends the program.
    pub(crate) async fn next(&mut self) -> Signal {
        loop {
            let [one, two] = &mut self.user;
            let ignored = tokio::select! {
                _ = self.interrupt.recv() => return Signal::Interrupt,
                _ = self.terminate.recv() => return Signal::Terminate,
                _ = self.quit.recv() => return Signal::Quit,
                _ = self.hangup.recv() => match self.has_lost_terminal() {
                    true => return Signal::Hangup,
                    false => {
                        self.hangup_came.notify_one();
                        continue;
                    }
                },
                _ = one.recv() => "SIGUSR1",
                _ = two.recv() => "SIGUSR2",
            };
            tracing::info!(
                signal = ignored,
                "ignored: SIGHUP has the configuration read again, and SIGTERM ends the program"
            );
        }
    }
}

impl Signals {
    /// Told when somebody wants the configuration to be read again, while [`Signals::next`] is waited for.
    pub(crate) fn hangup_came(&self) -> Arc<Notify> {
        Arc::clone(&self.hangup_came)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_a_shell() {
        for (signal, code) in [
            (Signal::Hangup, 129),
            (Signal::Interrupt, 130),
            (Signal::Quit, 131),
            (Signal::Terminate, 143),
        ] {
            assert_eq!(signal.exit_code(), code, "{signal}");
        }
    }
}
