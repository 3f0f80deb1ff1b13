//! The signals: which of them end the program.
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
//!
//! Whatever the program does not take over would end it without a line in its log, and its sessions without a word.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::sync::Notify;

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
    /// Somebody wants the configuration to be read again.
    hangup_came: Arc<Notify>,
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

#[cfg(not(unix))]
impl Signals {
    /// Nothing to take over before the first wait.
    ///
    /// # Errors
    ///
    /// None on this platform.
    pub(crate) fn new() -> io::Result<Self> {
        let hangup_came = Arc::default();
        Ok(Self { hangup_came })
    }

    /// The next Ctrl-C.
    pub(crate) async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}

impl Signals {
    /// Told when somebody wants the configuration to be read again, while [`Signals::next`] is waited for.
    pub(crate) fn hangup_came(&self) -> Arc<Notify> {
        Arc::clone(&self.hangup_came)
    }
}
