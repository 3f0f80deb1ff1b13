//! A program and all that it starts, to be ended together: elsewhere that is a process group.
//!
//! ```text
//!   started with [`SUSPENDED`] --> Job::around(its number): in the job before its first instruction --> it runs, and what it starts is in
//!                                                                                                       the job, too
//! ```
//!
//! # Invariants
//!
//! * Nothing that the program starts is outside of its job, however fast it is.
//! * A job that is dropped ends nobody.

use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::ptr::null;

use windows_sys::Win32::Foundation::{FALSE, HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NO_WINDOW, CREATE_SUSPENDED, OpenProcess, OpenThread, PROCESS_SET_QUOTA,
    PROCESS_TERMINATE, ResumeThread, THREAD_SUSPEND_RESUME,
};

/// How a program is to be created that [`Job::around`] gets: it waits for that, and shows no window of a console.
pub const SUSPENDED: u32 = CREATE_SUSPENDED | CREATE_NO_WINDOW;

/// A program that runs, and what it has started.
#[derive(Debug)]
pub struct Job(OwnedHandle);

impl Job {
    /// Makes one around a program that was created [`SUSPENDED`], and lets it run. Its number is its own as long as whoever started it has
    /// not dropped it.
    ///
    /// # Errors
    ///
    /// Whatever Windows reports. The program may wait for ever then: end it.
    pub fn around(program: u32) -> io::Result<Self> {
        let job = Self::empty()?;
        let process = process(program)?;
        job.take(&process)?;
        resume(program)?;
        Ok(job)
    }

    #[allow(unsafe_code)]
    fn empty() -> io::Result<Self> {
        // SAFETY: without attributes and a name there is nothing to point to.
        let job = unsafe { CreateJobObjectW(null(), null()) };
        owned(job).map(Self)
    }

    #[allow(unsafe_code)]
    fn take(&self, process: &OwnedHandle) -> io::Result<()> {
        // SAFETY: both are open as long as they are borrowed.
        let taken =
            unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), process.as_raw_handle()) };
        said(taken)
    }

    /// Ends all that is in it.
    ///
    /// # Errors
    ///
    /// Whatever Windows reports.
    #[allow(unsafe_code)]
    pub fn end(&self) -> io::Result<()> {
        // SAFETY: the job is open as long as it is borrowed.
        said(unsafe { TerminateJobObject(self.0.as_raw_handle(), 1) })
    }
}

fn said(outcome: i32) -> io::Result<()> {
    match outcome {
        FALSE => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// A handle that was just given to us.
#[allow(unsafe_code)]
fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() || handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and nobody else has it: callers pass on what they got.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

#[allow(unsafe_code)]
fn process(number: u32) -> io::Result<OwnedHandle> {
    // SAFETY: it takes numbers alone.
    owned(unsafe { OpenProcess(PROCESS_SET_QUOTA | PROCESS_TERMINATE, FALSE, number) })
}

/// Lets every thread of a program run: one that has not begun has one.
fn resume(program: u32) -> io::Result<()> {
    let mut resumed = 0;
    for thread in threads_of(program)? {
        resume_thread(&thread_of(thread)?)?;
        resumed += 1;
    }
    match resumed {
        0 => Err(io::ErrorKind::NotFound.into()),
        _ => Ok(()),
    }
}

#[allow(unsafe_code)]
fn thread_of(number: u32) -> io::Result<OwnedHandle> {
    // SAFETY: it takes numbers alone.
    owned(unsafe { OpenThread(THREAD_SUSPEND_RESUME, FALSE, number) })
}

#[allow(unsafe_code)]
fn resume_thread(thread: &OwnedHandle) -> io::Result<()> {
    // SAFETY: the thread is open as long as it is borrowed.
    match unsafe { ResumeThread(thread.as_raw_handle()) } {
        u32::MAX => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[allow(unsafe_code)]
fn threads_of(program: u32) -> io::Result<Vec<u32>> {
    // SAFETY: it takes numbers alone.
    let all = owned(unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) })?;
    let mut entry = THREADENTRY32 {
        dwSize: u32::try_from(size_of::<THREADENTRY32>()).unwrap_or_default(),
        ..THREADENTRY32::default()
    };
    let mut threads = Vec::new();
    // SAFETY: the snapshot is open, and the entry says its own size.
    let mut more = unsafe { Thread32First(all.as_raw_handle(), &mut entry) };
    while more != FALSE {
        if entry.th32OwnerProcessID == program {
            threads.push(entry.th32ThreadID);
        }
        // SAFETY: as above.
        more = unsafe { Thread32Next(all.as_raw_handle(), &mut entry) };
    }
    Ok(threads)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::io::Read as _;
    use std::os::windows::process::CommandExt as _;
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn cmd(line: &str) -> Child {
        let mut command = Command::new("cmd");
        command.creation_flags(SUSPENDED).stdin(Stdio::piped());
        command.stdout(Stdio::piped());
        command.args(["/d", "/c"]).raw_arg(line).spawn().unwrap()
    }

    #[test]
    fn a_program_runs_when_it_is_in_its_job_and_what_it_starts_ends_with_it() {
        // The inner one waits for a key, which nobody presses.
        let mut child = cmd("cmd /d /c \"echo begun & pause\"");
        let _input = child.stdin.take();
        let job = Job::around(child.id()).unwrap();
        let mut outlet = child.stdout.take().unwrap();
        let mut begun = [0; 5];
        outlet.read_exact(&mut begun).unwrap();
        assert_eq!(&begun, b"begun");
        job.end().unwrap();
        // Both have the outlet, and it ends with the last of them.
        outlet.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }

    #[test]
    fn a_job_that_is_dropped_ends_nobody() {
        let mut child = cmd("exit 7");
        drop(Job::around(child.id()).unwrap());
        assert_eq!(child.wait().unwrap().code(), Some(7));
    }

    #[test]
    fn a_program_that_is_gone_has_no_job() {
        let mut child = cmd("exit 7");
        drop(Job::around(child.id()).unwrap());
        child.wait().unwrap();
        Job::around(child.id()).unwrap_err();
    }
}
