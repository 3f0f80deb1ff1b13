//! Named pipes: who may open one, and who has.
//!
//! # Invariants
//!
//! * Whoever may come through a pipe cannot make another instance of it, and so be taken for us.
//! * Without a list nobody comes but the user of this process.

mod account;

use std::ffi::c_void;
use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::ptr::NonNull;

use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};
use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, SECURITY_ATTRIBUTES, SetKernelObjectSecurity,
};
use windows_sys::Win32::System::Pipes::GetNamedPipeClientProcessId;

use crate::sddl::Descriptor;
use account::own_process;
pub use account::{name_of, sid_of, user_of_process};

/// To read, write and ask, without `FILE_CREATE_PIPE_INSTANCE` (4), which the generic right to write has in it. Windows does not ask for
/// that of whoever opens a pipe.
const COME_IN: &str = "0x12019b";

/// Administrators of this machine.
pub const ADMINISTRATORS: &str = "S-1-5-32-544";
/// The operating system.
pub const SYSTEM: &str = "S-1-5-18";

/// Who may open a pipe.
#[derive(Debug)]
pub struct Rights(Descriptor);

impl Rights {
    /// The user of this process, and whoever has one of these SIDs.
    ///
    /// # Errors
    ///
    /// Whatever Windows reports: of a text that is no SID, for example.
    pub fn for_us_and<'a>(sids: impl IntoIterator<Item = &'a str>) -> io::Result<Self> {
        let us = user_of_process(own_process())?;
        let others = sids
            .into_iter()
            .map(|sid| format!("(A;;{COME_IN};;;{sid})"))
            .collect::<String>();
        // Whoever owns it may change these rights: in an elevated process that would be each administrator.
        Descriptor::of(&format!("O:{us}D:P(A;;FA;;;{us}){others}")).map(Self)
    }
}

/// Makes an instance of a pipe. The rights are those of all its instances, and the first one's count.
///
/// # Errors
///
/// Whatever Windows reports.
#[allow(unsafe_code)]
pub fn create(options: &ServerOptions, name: &str, rights: &Rights) -> io::Result<NamedPipeServer> {
    let mut attributes = SECURITY_ATTRIBUTES {
        nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or_default(),
        lpSecurityDescriptor: rights.0.as_ptr(),
        bInheritHandle: 0,
    };
    let attributes: *mut SECURITY_ATTRIBUTES = &raw mut attributes;
    // SAFETY: the attributes and the descriptor that they point to live until this has returned.
    unsafe { options.create_with_security_attributes_raw(name, attributes.cast()) }
}

/// Has other rights on a pipe from now on. It must have been made with `write_dac`.
///
/// # Errors
///
/// Whatever Windows reports.
#[allow(unsafe_code)]
pub fn set_rights(instance: &NamedPipeServer, rights: &Rights) -> io::Result<()> {
    let handle = instance.as_raw_handle();
    // SAFETY: the handle is open as long as it is borrowed, and the descriptor is one of Windows' own making.
    let outcome =
        unsafe { SetKernelObjectSecurity(handle, DACL_SECURITY_INFORMATION, rights.0.as_ptr()) };
    succeeded(outcome)
}

/// The process that has opened this instance.
///
/// # Errors
///
/// Whatever Windows reports: that nobody has, for example.
#[allow(unsafe_code)]
pub fn client_of(instance: &NamedPipeServer) -> io::Result<u32> {
    let mut process = 0;
    let handle = instance.as_raw_handle();
    // SAFETY: the handle is open as long as it is borrowed, and `process` is where a number goes.
    let outcome = unsafe { GetNamedPipeClientProcessId(handle, &raw mut process) };
    succeeded(outcome).map(|()| process)
}

/// Memory that Windows has made for us.
#[derive(Debug)]
struct Local(NonNull<c_void>);

impl Local {
    fn of(made: *mut c_void) -> io::Result<Self> {
        NonNull::new(made)
            .map(Self)
            .ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }
}

impl Drop for Local {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: whatever makes one of these says that it is to be freed so, and this is done once.
        let _ = unsafe { LocalFree(self.0.as_ptr()) };
    }
}

fn succeeded(outcome: i32) -> io::Result<()> {
    match outcome {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::ptr;

    use windows_sys::Win32::Security::Authorization::{
        ConvertSecurityDescriptorToStringSecurityDescriptorW, SDDL_REVISION_1,
    };
    use windows_sys::Win32::Security::GetKernelObjectSecurity;

    use super::account::text_of;
    use super::*;

    #[tokio::test]
    async fn a_pipe_is_for_us_and_those_who_are_listed_and_they_make_no_instance() {
        let name = format!(r"\\.\pipe\azdb-windows\{}", std::process::id());
        let us = user_of_process(own_process()).unwrap();
        let ours = Rights::for_us_and([]).unwrap();
        let mut options = ServerOptions::new();
        options.write_dac(true);
        let instance = create(&options, &name, &ours).unwrap();
        assert_eq!(read(&instance), format!("D:P(A;;FA;;;{us})"));
        set_rights(&instance, &Rights::for_us_and([SYSTEM]).unwrap()).unwrap();
        let both = format!("D:P(A;;FA;;;{us})(A;;0x12019b;;;SY)");
        assert_eq!(read(&instance), both);
        let other = create(&options, &name, &ours).unwrap();
        assert_eq!(read(&other), both, "the rights are all instances'");
    }

    /// Who may open it, in words.
    #[allow(unsafe_code)]
    fn read(instance: &NamedPipeServer) -> String {
        let mut descriptor = [0_u64; 128];
        let mut length = 0;
        // SAFETY: the handle is open as long as it is borrowed, and the buffer has the length that is given.
        let outcome = unsafe {
            GetKernelObjectSecurity(
                instance.as_raw_handle(),
                DACL_SECURITY_INFORMATION,
                descriptor.as_mut_ptr().cast(),
                size_of_val(&descriptor) as u32,
                &raw mut length,
            )
        };
        succeeded(outcome).unwrap();
        let mut made = ptr::null_mut();
        // SAFETY: the descriptor is one of Windows' own making, and `made` is where a pointer goes.
        let outcome = unsafe {
            ConvertSecurityDescriptorToStringSecurityDescriptorW(
                descriptor.as_mut_ptr().cast(),
                SDDL_REVISION_1,
                DACL_SECURITY_INFORMATION,
                &raw mut made,
                ptr::null_mut(),
            )
        };
        succeeded(outcome).unwrap();
        text_of(made).unwrap()
    }
}
