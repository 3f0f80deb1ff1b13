//! The first process of a container, to which the kernel gives the orphans of all others.
//!
//! Whoever reaps orphans takes the exit codes of children that others wait for: of the program, of those that are asked for tokens. So the
//! first process does nothing else, and the proxy is a child of it.

use crate::exit::Exit;

/// Whether we are it.
pub(super) fn is_ours() -> bool {
    cfg!(target_os = "linux") && std::process::id() == 1
}

/// Runs this program once more, hands signals on to it, reaps, and ends as it does.
#[cfg(target_os = "linux")]
pub(super) fn run_again() -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = runtime.and_then(|runtime| runtime.block_on(reap()));
    outcome.unwrap_or_else(|error| {
        crate::output::tell(&format!(
            "azdb-proxy exec: cannot run as the first process: {error}"
        ));
        Exit::Failure
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn run_again() -> Exit {
    Exit::Failure
}

#[cfg(target_os = "linux")]
async fn reap() -> std::io::Result<Exit> {
    use rustix::process::{WaitOptions, wait};
    use tokio::signal::unix::{SignalKind, signal};

    use super::forwarded::Forwarded;

    let mut ended = signal(SignalKind::child())?;
    let mut signals = Forwarded::new()?;
    let own = std::env::current_exe()?;
    // Not tokio's: nobody but us waits for it.
    let child = std::process::Command::new(own)
        .args(std::env::args_os().skip(1))
        .spawn()?;
    let proxy = child.id();
    loop {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if u32::try_from(pid.as_raw_nonzero().get()) != Ok(proxy) {
                continue;
            }
            let code = status.exit_status();
            let by_signal = || status.terminating_signal().map(|signal| signal + 128);
            let code = code.or_else(by_signal).unwrap_or(1);
            return Ok(Exit::Of(u8::try_from(code).unwrap_or(u8::MAX)));
        }
        tokio::select! {
            _ = ended.recv() => {}
            signal = signals.next() => signals.hand_on(signal, Some(proxy)),
        }
    }
}
