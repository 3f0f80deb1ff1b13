//! The service manager of Windows. A program that a person has started has none.

use std::time::Duration;

use azdb_core::Glance;
use azdb_windows::event_log::Weight;
use azdb_windows::service::manager;

use crate::logging;
use crate::output::tell;

/// How often it hears that whatever takes long goes on.
const LOOK: Duration = Duration::from_secs(2);
/// What it waits in addition to what may take so long.
const MARGIN: Duration = Duration::from_secs(10);

/// Says why there is not even a log: a service has no standard error.
pub(crate) fn complain(text: &str) {
    tell(text);
    logging::report(Weight::Error, text);
}

/// The start may take so long.
pub(crate) async fn starting(patience: Duration) {
    if let Some(manager) = manager() {
        manager.starting(patience.saturating_add(MARGIN));
    }
}

/// Apps can come.
pub(crate) async fn ready() {
    if let Some(manager) = manager()
        && manager.running()
    {
        logging::report(
            Weight::Information,
            concat!("azdb-proxy ", env!("CARGO_PKG_VERSION"), " serves"),
        );
    }
}

/// A service that reads its configuration again goes on running.
pub(crate) async fn reloading() {}

/// The end has come, and may take so long.
pub(crate) async fn stopping(patience: Duration) {
    if let Some(manager) = manager() {
        manager.stopping(patience.saturating_add(MARGIN));
    }
}

/// Tells that the process turns while it is on its way to something, for as long as it does.
pub(crate) fn keep_told(glance: Glance) {
    let Some(manager) = manager() else {
        return;
    };
    tokio::spawn(async move {
        loop {
            glance.turns().await;
            manager.goes_on();
            tokio::time::sleep(LOOK).await;
        }
    });
}
