//! systemd, or whoever else speaks its protocol.

use std::time::Duration;

use azdb_core::Glance;
use sd_notify::NotifyState;

use crate::output::tell as tell_person;

/// How often it is looked whether there is something to tell.
const LOOK: Duration = Duration::from_secs(2);
/// What the manager waits in addition to what may take so long.
const MARGIN: Duration = Duration::from_secs(10);

/// Says why there is not even a log: standard error is the journal.
pub(crate) fn complain(text: &str) {
    tell_person(text);
}

/// The start may take so long.
pub(crate) async fn starting(patience: Duration) {
    tell(vec![extended(patience)]).await;
}

/// Apps can come.
pub(crate) async fn ready() {
    tell(vec![NotifyState::Ready]).await;
}

/// The configuration is being read again; [`ready`] says when that is over.
pub(crate) async fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    states.extend(NotifyState::monotonic_usec_now());
    tell(states).await;
}

/// The end has come, and may take so long.
pub(crate) async fn stopping(patience: Duration) {
    tell(vec![NotifyState::Stopping, extended(patience)]).await;
}

/// Tells how the process is, and that it turns, for as long as it does.
pub(crate) fn keep_told(glance: Glance) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let watchdog = sd_notify::watchdog_enabled();
    let pause = watchdog.map_or(LOOK, |patience| LOOK.min(patience / 2));
    tokio::spawn(async move {
        let mut told = String::new();
        loop {
            glance.turns().await;
            let mut states: Vec<_> = watchdog
                .map(|_| NotifyState::Watchdog)
                .into_iter()
                .collect();
            let line = glance.line();
            let status = format!("STATUS={line}");
            if line != told {
                states.push(NotifyState::Custom(&status));
            }
            if !states.is_empty() {
                send(states.iter().map(ToString::to_string).collect()).await;
            }
            told = line;
            tokio::time::sleep(pause).await;
        }
    });
}

/// Gives the manager patience for what may take so long.
fn extended(patience: Duration) -> NotifyState<'static> {
    let patience = patience.saturating_add(MARGIN).as_micros();
    NotifyState::ExtendTimeoutUsec(u32::try_from(patience).unwrap_or(u32::MAX))
}

async fn tell(states: Vec<NotifyState<'static>>) {
    send(states.iter().map(ToString::to_string).collect()).await;
}

/// On a thread that may wait: the manager's queue may be full.
async fn send(states: Vec<String>) {
    let sent = tokio::task::spawn_blocking(move || {
        let states: Vec<_> = states
            .iter()
            .map(|state| NotifyState::Custom(state))
            .collect();
        sd_notify::notify(&states)
    });
    match sent.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the service manager was not told"),
        Err(error) => tracing::debug!(%error, "the service manager was not told"),
    }
}
