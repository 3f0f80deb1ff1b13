//! Unix: process groups.

use std::io;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// The kernel and the C library look for it.
pub(super) fn found<'a>(program: &'a str, _: Option<&str>, _: Option<&str>) -> io::Result<&'a str> {
    Ok(program)
}

/// A program, and whatever it starts that makes no group of its own.
pub(super) struct Family(Child);

impl Family {
    pub(super) fn of(mut command: Command) -> io::Result<Self> {
        command.process_group(0).spawn().map(Self)
    }

    pub(super) fn leader(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Family {
    /// It is given up, unless it has ended. Until it has been waited for, its number is the group's and nobody else's.
    fn drop(&mut self) {
        let leader = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = leader.and_then(Pid::from_raw) {
            // All of it may have gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
