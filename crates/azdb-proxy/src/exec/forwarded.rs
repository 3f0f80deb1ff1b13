//! Signals that are the program's.
//!
//! What a terminal sends (Ctrl-C, Ctrl-\\, its own end) goes to its whole foreground group, and so to the program by itself.

use std::io;

use crate::signals::Signal;

/// The signals that are handed on.
#[cfg(unix)]
pub(super) struct Forwarded {
    caught: Vec<(Sent, tokio::signal::unix::Signal)>,
    at_terminal: bool,
}

/// One of them.
#[cfg(unix)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    signal: rustix::process::Signal,
    /// Whether it means the end.
    meaning: Option<Signal>,
    /// Whether terminals send it to everybody.
    of_terminals: bool,
}

#[cfg(unix)]
impl Forwarded {
    /// Takes them over.
    ///
    /// # Errors
    ///
    /// Whatever the kernel reports.
    pub(super) fn new() -> io::Result<Self> {
        use rustix::process::Signal as Kernel;
        use std::io::IsTerminal as _;
        use tokio::signal::unix::{SignalKind, signal};
        let all = [
            (Kernel::INT, Some(Signal::Interrupt), true),
            (Kernel::TERM, Some(Signal::Terminate), false),
            (Kernel::QUIT, Some(Signal::Quit), true),
            (Kernel::HUP, None, true),
            (Kernel::USR1, None, false),
            (Kernel::USR2, None, false),
        ];
        let mut caught = Vec::new();
        for (kernel, meaning, of_terminals) in all {
            let sent = Sent {
                signal: kernel,
                meaning,
                of_terminals,
            };
            caught.push((sent, signal(SignalKind::from_raw(kernel.as_raw()))?));
        }
        Ok(Self {
            caught,
            at_terminal: io::stdin().is_terminal(),
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Sent {
        std::future::poll_fn(|cx| {
            for (sent, caught) in &mut self.caught {
                if caught.poll_recv(cx).is_ready() {
                    return std::task::Poll::Ready(*sent);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// The next one that means the end.
    pub(super) async fn ending(&mut self) -> Signal {
        loop {
            if let Some(signal) = self.next().await.meaning {
                return signal;
            }
        }
    }

    /// Sends one to the program, unless it has it already.
    pub(super) fn hand_on(&self, sent: Sent, program: Option<u32>) {
        if !(sent.of_terminals && self.at_terminal) {
            send(sent.signal, program);
        }
    }

    /// Asks the program to end.
    pub(super) fn terminate(&self, program: Option<u32>) {
        send(rustix::process::Signal::TERM, program);
    }
}

/// Sends a signal to a child that has not been waited for.
#[cfg(unix)]
fn send(signal: rustix::process::Signal, program: Option<u32>) {
    let pid = program.and_then(|pid| i32::try_from(pid).ok());
    let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) else {
        return;
    };
    if let Err(error) = rustix::process::kill_process(pid, signal) {
        tracing::debug!(%error, ?signal, "the program was not sent a signal");
    }
}

/// What a console says goes to all of its programs by itself.
#[cfg(windows)]
pub(super) struct Forwarded(crate::signals::Signals);

#[cfg(windows)]
impl Forwarded {
    pub(super) fn new() -> io::Result<Self> {
        crate::signals::Signals::new().map(Self)
    }

    pub(super) async fn next(&mut self) {
        self.ending().await;
    }

    pub(super) async fn ending(&mut self) -> Signal {
        self.0.next().await
    }

    pub(super) fn hand_on(&self, (): (), _: Option<u32>) {}

    pub(super) fn terminate(&self, _: Option<u32>) {}
}
