//! What the process asks of its operating system.

/// What the limit on open files was.
#[cfg(unix)]
static AT_START: std::sync::OnceLock<rustix::process::Rlimit> = std::sync::OnceLock::new();

/// Raises the limit on open files to the hard one: a session needs two.
#[cfg(unix)]
pub(crate) fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    AT_START.get_or_init(|| limit);
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => tracing::debug!(limit = ?limit.current, "open files"),
        Err(error) => tracing::warn!(%error, "cannot raise the limit on open files"),
    }
}

/// Starts a program with the limit on open files that we were started with: programs that use `select` break with a higher one.
#[cfg(unix)]
pub(crate) fn with_the_file_limit_of_the_start<T>(start: impl FnOnce() -> T) -> T {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let ours = getrlimit(Resource::Nofile);
    let lowered = AT_START
        .get()
        .map(|limit| setrlimit(Resource::Nofile, *limit));
    let started = start();
    if lowered.is_some()
        && let Err(error) = setrlimit(Resource::Nofile, ours)
    {
        tracing::warn!(%error, "cannot raise the limit on open files again");
    }
    started
}

#[cfg(not(unix))]
pub(crate) fn with_the_file_limit_of_the_start<T>(start: impl FnOnce() -> T) -> T {
    start()
}

/// Keeps tokens out of core dumps and away from other processes of the same user.
#[cfg(target_os = "linux")]
pub(crate) fn hide_memory() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::debug!(%error, "core dumps stay possible");
    }
}

#[cfg(not(unix))]
pub(crate) fn raise_file_limit() {}

#[cfg(not(target_os = "linux"))]
pub(crate) fn hide_memory() {}
