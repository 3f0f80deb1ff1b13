//! The signals: which of them end the program.
//!
//! | signal | what it does |
//! |---|---|
//! | SIGINT, SIGTERM, SIGQUIT | ends the program |
//! | SIGHUP | ends it where its terminal has gone; a service goes on |
//! | SIGUSR1, SIGUSR2 | nothing |
//!
//! Whatever the program does not take over would end it without a line in its log, and its sessions without a word.

use std::fmt;
use std::io;

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
    /// As the kernel counts them.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Quit => 3,
            Self::Terminate => 15,
        }
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
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    quit: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    #[cfg(unix)]
    user: [tokio::signal::unix::Signal; 2],
    /// Whether the program was started at a terminal, which can go.
    #[cfg(unix)]
    at_terminal: bool,
}

#[cfg(unix)]
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
        })
    }

    /// The next signal that ends the program.
    pub(crate) async fn next(&mut self) -> Signal {
        loop {
            let [one, two] = &mut self.user;
            let ignored = tokio::select! {
                _ = self.interrupt.recv() => return Signal::Interrupt,
                _ = self.terminate.recv() => return Signal::Terminate,
                _ = self.quit.recv() => return Signal::Quit,
                _ = self.hangup.recv() => match self.at_terminal {
                    true => return Signal::Hangup,
                    false => "SIGHUP",
                },
                _ = one.recv() => "SIGUSR1",
                _ = two.recv() => "SIGUSR2",
            };
            tracing::info!(
                signal = ignored,
                "ignored: the configuration is read at the start only, and SIGTERM ends the program"
            );
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Nothing to take over before the first wait.
    ///
    /// # Errors
    ///
    /// None on this platform.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// The next Ctrl-C.
    pub(crate) async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}
