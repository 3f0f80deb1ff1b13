//! What the kernel knows of a process: time on a processor, and memory.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// Processor time of a process and its descendants, in user and kernel mode, to the nanosecond. Threads that have ended
/// count; descendants that have ended don't.
pub(super) fn cpu(process: u32) -> anyhow::Result<Duration> {
    let mut sum = Duration::ZERO;
    for member in family(process)? {
        let pid = Pid::from_raw(i32::try_from(member)?);
        let clock = clock_getcpuclockid(pid).and_then(clock_gettime);
        let clock = unless_ended(process, member, clock.map_err(io::Error::from));
        let time = clock.with_context(|| format!("no CPU clock of process {member}"))?;
        sum += time.map(Duration::from).unwrap_or_default();
    }
    Ok(sum)
}

/// Resident memory of a process and its descendants in bytes, pages that several share counted in part.
///
/// # Errors
///
/// [`io::ErrorKind::PermissionDenied`] for a process that has hidden its memory, as azdb-proxy does, unless root asks.
pub(super) fn resident(process: u32) -> io::Result<u64> {
    let mut sum = 0;
    for member in family(process)? {
        let rollup = fs::read_to_string(format!("/proc/{member}/smaps_rollup"));
        if let Some(rollup) = unless_ended(process, member, rollup)? {
            sum += kibibytes(&rollup, "Pss:").ok_or(io::ErrorKind::InvalidData)? * 1024;
        }
    }
    Ok(sum)
}

/// Bytes of the files that a process has mapped to execute, without the C library, which every process has.
pub(super) fn mapped(process: u32) -> io::Result<u64> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
    let sizes = executable_files(&maps)
        .into_iter()
        .map(|path| Ok(fs::metadata(path)?.len()));
    sizes.sum()
}

/// The process and all that descend from it.
fn family(process: u32) -> io::Result<Vec<u32>> {
    let mut members = vec![process];
    let mut next = 0;
    while let Some(member) = members.get(next) {
        let tasks = fs::read_dir(format!("/proc/{member}/task"));
        for task in unless_ended(process, *member, tasks)?.into_iter().flatten() {
            // A thread may end while we look.
            let children = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
            members.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
        next += 1;
    }
    Ok(members)
}

/// What the kernel says of a member of a process's family; `None` for a descendant that ended while we looked.
fn unless_ended<T>(process: u32, member: u32, said: io::Result<T>) -> io::Result<Option<T>> {
    match said {
        Ok(said) => Ok(Some(said)),
        Err(error) if member != process && has_ended(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(nix::errno::Errno::ESRCH as i32)
}

fn kibibytes(rollup: &str, key: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

fn executable_files(maps: &str) -> BTreeSet<PathBuf> {
    maps.lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let mode = fields.nth(1)?;
            let path = fields.nth(3)?;
            let name = path.rsplit('/').next()?;
            let is_c_library = ["ld-", "libc.", "libm.", "libpthread.", "libdl."]
                .iter()
                .any(|prefix| name.starts_with(prefix));
            (mode.contains('x') && path.starts_with('/') && !is_c_library).then(|| path.into())
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn work_of_this_process_shows_in_its_clock() {
        let process = std::process::id();
        let before = cpu(process).unwrap();
        // Until the clock moves: it would not, were it another one's.
        while cpu(process).unwrap() == before {}
    }

    #[test]
    fn a_child_belongs_to_its_parents_family() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let members = family(std::process::id()).unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(members.contains(&child.id()));
    }

    #[test]
    fn a_descendant_that_has_ended_counts_for_nothing() {
        let gone = || Err::<u64, _>(io::Error::from(nix::errno::Errno::ESRCH));
        assert_eq!(unless_ended(1, 2, gone()).unwrap(), None);
        assert!(unless_ended(1, 1, gone()).is_err());
        // A child that nobody has waited for has no memory any more.
        let process = std::process::id();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let rollup = format!("/proc/{}/smaps_rollup", child.id());
        while fs::read_to_string(&rollup).is_ok() {}
        assert!(resident(process).unwrap() > 0);
        child.wait().unwrap();
    }

    #[test]
    fn this_process_is_resident_and_has_a_binary() {
        let process = std::process::id();
        assert!(resident(process).unwrap() > 4096);
        let own = fs::metadata(std::env::current_exe().unwrap())
            .unwrap()
            .len();
        assert!(mapped(process).unwrap() >= own);
    }

    #[test]
    fn only_executable_files_count_and_the_c_library_does_not() {
        let maps = "\
            7f00-7f01 r-xp 00000000 fe:00 12 /usr/lib/libssl.so.3\n\
            7f01-7f02 r--p 00000000 fe:00 12 /usr/share/locale.bin\n\
            7f02-7f03 r-xp 00000000 fe:00 12 /usr/lib/libc.so.6\n\
            7f03-7f04 r-xp 00000000 00:00 0 [vdso]\n\
            7f04-7f05 r-xp 00000000 fe:00 12 /usr/sbin/peer\n";
        let files: Vec<_> = executable_files(maps).into_iter().collect();
        assert_eq!(
            files,
            [
                PathBuf::from("/usr/lib/libssl.so.3"),
                PathBuf::from("/usr/sbin/peer")
            ]
        );
    }
}
