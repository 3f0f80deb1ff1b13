//! A processor for the peers alone, and the others for whoever measures them.
//!
//! A peer that answers one client at a time takes half as long where the scheduler has put it beside that client as where it has to wake
//! another processor, and which of the two it is changes from run to run. Apart, it is always the other one.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use tokio::process::Command;

use super::program;

/// The peers' processor.
#[derive(Debug)]
pub(super) struct Apart {
    processor: usize,
    taskset: PathBuf,
}

impl Apart {
    /// Leaves the last of this thread's processors to the peers. Threads and programs that it starts later are off it, too.
    ///
    /// # Errors
    ///
    /// When there is one processor only, or no `taskset`.
    pub(super) fn leave() -> anyhow::Result<Self> {
        let (this, all) = (Pid::from_raw(0), 0..CpuSet::count());
        let mut ours = sched_getaffinity(this)?;
        let last = all
            .rev()
            .find(|processor| ours.is_set(*processor) == Ok(true));
        let processor = last.context("no processors")?;
        ours.unset(processor)?;
        let others = "a processor for the peers alone takes two at least";
        sched_setaffinity(this, &ours).context(others)?;
        let taskset = program::find("taskset").context("no `taskset` (util-linux)")?;
        Ok(Self { processor, taskset })
    }

    /// The peer on its processor.
    pub(super) fn command(&self, peer: &Path) -> Command {
        let mut command = Command::new(&self.taskset);
        let processor = self.processor.to_string();
        command.args(["--cpu-list", &processor]).arg(peer);
        command
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_the_processor_that_nobody_else_has() {
        let before = sched_getaffinity(Pid::from_raw(0)).unwrap();
        let Ok(apart) = Apart::leave() else {
            return; // A machine with one processor.
        };
        let now = sched_getaffinity(Pid::from_raw(0)).unwrap();
        assert!(before.is_set(apart.processor).unwrap() && !now.is_set(apart.processor).unwrap());
        let command = apart.command(Path::new("/bin/grep"));
        let mut command = command.into_std();
        command.args(["Cpus_allowed_list", "/proc/self/status"]);
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let list = said.split_whitespace().last().unwrap();
        assert_eq!(list, apart.processor.to_string());
    }
}
