//! Messages for the Event Log, and its source in the registry.
//!
//! Event Viewer shows a message by a text of its source's, into which it puts what the program has said. Without one it says that "the
//! description for Event ID ... cannot be found" in front of it. `EventCreate.exe`, which every Windows has, holds texts of the form `%1`
//! for the ids 1 to 1000. With them no tool is needed that compiles messages into our program, and an old event can be read
//! when the program has been moved or removed.

use std::io;
use std::ptr;

use windows_registry::LOCAL_MACHINE;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE,
    RegisterEventSourceW, ReportEventW,
};

/// Where sources of the log `Application` are registered.
const SOURCES: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application";
/// Whose texts are shown.
const TEXTS: &str = r"%SystemRoot%\System32\EventCreate.exe";
/// Errors, warnings and information.
const TYPES: u32 = 7;
/// Bytes of a message that the Event Log takes: 31,839 characters.
const MOST: usize = 31_000;

/// How much a message matters. Its number is the id of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Something that should be known.
    Information = 1,
    /// Something that somebody should look at.
    Warning = 2,
    /// Something that does not work.
    Error = 3,
}

/// Registers a source of the log `Application`, once more if it is there.
///
/// # Errors
///
/// Whatever Windows reports: 5 to who is no administrator.
pub fn register(name: &str) -> io::Result<()> {
    let key = LOCAL_MACHINE
        .create(format!(r"{SOURCES}\{name}"))
        .map_err(of_registry)?;
    key.set_expand_string("EventMessageFile", TEXTS)
        .and_then(|()| key.set_u32("TypesSupported", TYPES))
        .map_err(of_registry)
}

/// Takes a source away. None is none to take away.
///
/// # Errors
///
/// Whatever Windows reports: 5 to who is no administrator.
pub fn unregister(name: &str) -> io::Result<()> {
    let path = format!(r"{SOURCES}\{name}");
    match LOCAL_MACHINE.remove_tree(path).map_err(of_registry) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// The registry's errors have the numbers that Windows has everywhere else in their lower half.
fn of_registry(error: impl Into<io::Error>) -> io::Error {
    const OF_WINDOWS: i32 = 0x8007_0000_u32.cast_signed();
    let error = error.into();
    match error.raw_os_error().map(|code| code ^ OF_WINDOWS) {
        Some(code @ 0..=0xffff) => io::Error::from_raw_os_error(code),
        _ => error,
    }
}

/// A source, open for messages.
#[derive(Debug)]
pub struct Source(HANDLE);

// SAFETY: the handle is a number that Windows knows, for any thread of the process.
#[allow(unsafe_code)]
unsafe impl Send for Source {}
// SAFETY: ReportEventW may be called from several threads at once.
#[allow(unsafe_code)]
unsafe impl Sync for Source {}

impl Source {
    /// Opens a source. One that is not registered works, too, but Event Viewer has no text for it.
    ///
    /// # Errors
    ///
    /// Whatever Windows reports.
    #[allow(unsafe_code)]
    pub fn open(name: &str) -> io::Result<Self> {
        let name = wide(name);
        // SAFETY: the name ends with a NUL, and lives until the call has returned; no server is this machine.
        let handle = unsafe { RegisterEventSourceW(ptr::null(), name.as_ptr()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(handle))
    }

    /// Writes a message.
    ///
    /// # Errors
    ///
    /// Whatever Windows reports: the log may be full.
    #[allow(unsafe_code)]
    pub fn report(&self, weight: Weight, message: &str) -> io::Result<()> {
        let kind = match weight {
            Weight::Information => EVENTLOG_INFORMATION_TYPE,
            Weight::Warning => EVENTLOG_WARNING_TYPE,
            Weight::Error => EVENTLOG_ERROR_TYPE,
        };
        let message = wide(
            message
                .get(..message.floor_char_boundary(MOST))
                .unwrap_or_default(),
        );
        let strings = [message.as_ptr()];
        // SAFETY: the handle is open as long as `self`; one string is announced, it ends with a NUL, and lives until the call has returned;
        // neither a user nor data is given.
        let reported = unsafe {
            ReportEventW(
                self.0,
                kind,
                0,
                weight as u32,
                ptr::null_mut(),
                1,
                0,
                strings.as_ptr(),
                ptr::null(),
            )
        };
        match reported {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

impl Drop for Source {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: the handle is open, and nobody has it any more.
        unsafe { DeregisterEventSource(self.0) };
    }
}

/// As Windows reads text. What stands behind a NUL would be lost, so there is none.
fn wide(text: &str) -> Vec<u16> {
    let text = text.chars().filter(|char| *char != '\0');
    let text: String = text.collect();
    text.encode_utf16().chain([0]).collect()
}
