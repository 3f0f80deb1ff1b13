//! Named pipes: who may open one, and who has.
//!
//! # Invariants
//!
//! * Whoever may come through a pipe cannot make another instance of it, and so be taken for us.
//! * Without a list nobody comes but the user of this process.

use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle, RawHandle};
use std::ptr::{self, NonNull};

use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};
use windows_sys::Win32::Foundation::{ERROR_NONE_MAPPED, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW,
    ConvertStringSidToSidW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetTokenInformation, LookupAccountNameW, LookupAccountSidW, PSID,
    SECURITY_ATTRIBUTES, SID_NAME_USE, SetKernelObjectSecurity, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Pipes::GetNamedPipeClientProcessId;
use windows_sys::Win32::System::Threading::{
    GetCurrentProcessId, OpenProcess, OpenProcessToken, PROCESS_QUERY_LIMITED_INFORMATION,
};

/// To read, write and ask, without `FILE_CREATE_PIPE_INSTANCE` (4), which the generic right to write has in it. Windows does not ask for
/// that of whoever opens a pipe.
const COME_IN: &str = "0x12019b";

/// Administrators of this machine.
pub const ADMINISTRATORS: &str = "S-1-5-32-544";
/// The operating system.
pub const SYSTEM: &str = "S-1-5-18";

/// Words in which every SID has room.
const SID_WORDS: usize = 17;
/// Characters in which every name of a user, a group or a domain has room.
const NAME: usize = 512;
/// Words in which every user of a token has room.
const USER_WORDS: usize = 32;

/// Who may open a pipe.
#[derive(Debug)]
pub struct Rights(Local);

// SAFETY: a security descriptor is plain memory that nobody writes once it is made.
#[allow(unsafe_code)]
unsafe impl Send for Rights {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Rights {}

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
        Self::written(&format!("O:{us}D:P(A;;FA;;;{us}){others}"))
    }

    #[allow(unsafe_code)]
    fn written(text: &str) -> io::Result<Self> {
        let text = wide(text);
        let mut made = ptr::null_mut();
        // SAFETY: the text ends in a zero, and `made` is where a pointer goes.
        let outcome = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut made,
                ptr::null_mut(),
            )
        };
        succeeded(outcome)?;
        Local::of(made).map(Self)
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
        lpSecurityDescriptor: rights.0.0.as_ptr(),
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
        unsafe { SetKernelObjectSecurity(handle, DACL_SECURITY_INFORMATION, rights.0.0.as_ptr()) };
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

/// The SID of the user whose a process is.
///
/// # Errors
///
/// Whatever Windows reports: that this user may not know it, for example.
pub fn user_of_process(process: u32) -> io::Result<String> {
    let process = process_of(process)?;
    let token = token_of(&process)?;
    user_of_token(&token)
}

/// The SID of what is called so, or is that SID.
///
/// # Errors
///
/// [`io::ErrorKind::NotFound`] where nobody is called so, else whatever Windows reports.
pub fn sid_of(name: &str) -> io::Result<String> {
    if name
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case("S-"))
    {
        return Ok(sid_in_words(parsed(name)?.0.as_ptr())?.to_uppercase());
    }
    named(name)
}

/// What is called by this SID: `DOMAIN\name`.
///
/// # Errors
///
/// [`io::ErrorKind::NotFound`] where nobody is, else whatever Windows reports. It may ask other machines, and take its time.
#[allow(unsafe_code)]
pub fn name_of(sid: &str) -> io::Result<String> {
    let sid = parsed(sid)?;
    let (mut name, mut domain) = ([0_u16; NAME], [0_u16; NAME]);
    let (mut name_length, mut domain_length) = (NAME as u32, NAME as u32);
    let mut kind: SID_NAME_USE = 0;
    // SAFETY: the SID is one of Windows' own making, and each buffer has the length that is given.
    let outcome = unsafe {
        LookupAccountSidW(
            ptr::null(),
            sid.0.as_ptr(),
            name.as_mut_ptr(),
            &raw mut name_length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    };
    succeeded(outcome).map_err(not_found)?;
    let (name, domain) = (until_zero(&name), until_zero(&domain));
    Ok(match domain.is_empty() {
        true => name,
        false => format!("{domain}\\{name}"),
    })
}

#[allow(unsafe_code)]
fn named(name: &str) -> io::Result<String> {
    let name = wide(name);
    let (mut sid, mut domain) = ([0_u32; SID_WORDS], [0_u16; NAME]);
    let (mut sid_length, mut domain_length) = (size_of_val(&sid) as u32, NAME as u32);
    let mut kind: SID_NAME_USE = 0;
    // SAFETY: the name ends in a zero, and each buffer has the length that is given.
    let outcome = unsafe {
        LookupAccountNameW(
            ptr::null(),
            name.as_ptr(),
            sid.as_mut_ptr().cast(),
            &raw mut sid_length,
            domain.as_mut_ptr(),
            &raw mut domain_length,
            &raw mut kind,
        )
    };
    succeeded(outcome).map_err(not_found)?;
    sid_in_words(sid.as_mut_ptr().cast())
}

fn not_found(error: io::Error) -> io::Error {
    match error.raw_os_error().map(i32::cast_unsigned) {
        Some(ERROR_NONE_MAPPED) => io::Error::new(io::ErrorKind::NotFound, error),
        _ => error,
    }
}

#[allow(unsafe_code)]
fn parsed(sid: &str) -> io::Result<Local> {
    let sid = wide(sid);
    let mut made = ptr::null_mut();
    // SAFETY: the text ends in a zero, and `made` is where a pointer goes.
    let outcome = unsafe { ConvertStringSidToSidW(sid.as_ptr(), &raw mut made) };
    succeeded(outcome)?;
    Local::of(made)
}

/// `sid` points to one.
#[allow(unsafe_code)]
fn sid_in_words(sid: PSID) -> io::Result<String> {
    let mut made = ptr::null_mut();
    // SAFETY: both callers have just had Windows make that SID, and `made` is where a pointer goes.
    let outcome = unsafe { ConvertSidToStringSidW(sid, &raw mut made) };
    succeeded(outcome)?;
    text_of(made)
}

/// `made` is a text that Windows has made for us.
#[allow(unsafe_code)]
fn text_of(made: *mut u16) -> io::Result<String> {
    let made = Local::of(made.cast())?;
    let mut words = Vec::new();
    let mut next = made.0.as_ptr().cast::<u16>().cast_const();
    loop {
        // SAFETY: Windows' text ends in a zero, and nothing is read behind that.
        let word = unsafe { next.read() };
        if word == 0 {
            return Ok(String::from_utf16_lossy(&words));
        }
        words.push(word);
        next = next.wrapping_add(1);
    }
}

#[allow(unsafe_code)]
fn own_process() -> u32 {
    // SAFETY: it has no conditions.
    unsafe { GetCurrentProcessId() }
}

#[allow(unsafe_code)]
fn process_of(process: u32) -> io::Result<OwnedHandle> {
    // SAFETY: it takes no pointers.
    let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, process) };
    owned(handle)
}

#[allow(unsafe_code)]
fn token_of(process: &OwnedHandle) -> io::Result<OwnedHandle> {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: the handle is open as long as it is borrowed, and `token` is where a handle goes.
    let outcome = unsafe { OpenProcessToken(process.as_raw_handle(), TOKEN_QUERY, &raw mut token) };
    succeeded(outcome)?;
    owned(token)
}

#[allow(unsafe_code)]
fn user_of_token(token: &OwnedHandle) -> io::Result<String> {
    let mut user = [0_u64; USER_WORDS];
    let mut length = 0;
    // SAFETY: the handle is open as long as it is borrowed, and the buffer has the length that is given.
    let outcome = unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            user.as_mut_ptr().cast(),
            size_of_val(&user) as u32,
            &raw mut length,
        )
    };
    succeeded(outcome)?;
    // SAFETY: Windows has written such a structure there, for which the buffer is aligned; its SID lies in the same buffer.
    let sid = unsafe { (*user.as_ptr().cast::<TOKEN_USER>()).User.Sid };
    sid_in_words(sid)
}

#[allow(unsafe_code)]
fn owned(handle: RawHandle) -> io::Result<OwnedHandle> {
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: Windows has just given it to us, and nobody else closes it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
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

fn until_zero(words: &[u16]) -> String {
    let end = words.iter().position(|word| *word == 0);
    String::from_utf16_lossy(words.get(..end.unwrap_or(words.len())).unwrap_or_default())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use windows_sys::Win32::Security::Authorization::ConvertSecurityDescriptorToStringSecurityDescriptorW;
    use windows_sys::Win32::Security::GetKernelObjectSecurity;

    use super::*;

    #[test]
    fn a_sid_is_found_by_its_name_and_itself() {
        assert_eq!(sid_of("S-1-5-32-545").unwrap(), "S-1-5-32-545");
        assert_eq!(sid_of("Everyone").unwrap(), "S-1-1-0");
        let us = user_of_process(own_process()).unwrap();
        assert_eq!(sid_of(&name_of(&us).unwrap()).unwrap(), us);
    }

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

    #[test]
    fn nobody_is_found_by_a_name_that_nobody_has() {
        let error = sid_of("nobody here is called so").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
        assert!(sid_of("S-1-what").is_err());
    }
}
