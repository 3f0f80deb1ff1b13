//! Users and groups: their SIDs and their names, and whose a process is.

use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle, RawHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_NONE_MAPPED, HANDLE};
use windows_sys::Win32::Security::Authorization::{ConvertSidToStringSidW, ConvertStringSidToSidW};
use windows_sys::Win32::Security::{
    GetTokenInformation, LookupAccountNameW, PSID, SID_NAME_USE, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcessId, OpenProcess, OpenProcessToken, PROCESS_QUERY_LIMITED_INFORMATION,
};

use super::{Local, succeeded, wide};
use crate::acl::account_of;

/// Words in which every SID has room.
const SID_WORDS: usize = 17;
/// Characters in which every name of a user, a group or a domain has room.
const NAME: usize = 512;
/// Words in which every user of a token has room.
const USER_WORDS: usize = 32;

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
/// [`io::ErrorKind::NotFound`] where nobody is known to be. It may ask other machines, and take its time.
pub fn name_of(sid: &str) -> io::Result<String> {
    account_of(sid).ok_or_else(|| io::ErrorKind::NotFound.into())
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
pub(super) fn text_of(made: *mut u16) -> io::Result<String> {
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
pub(super) fn own_process() -> u32 {
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_sid_is_found_by_its_name_and_itself() {
        assert_eq!(sid_of("S-1-5-32-545").unwrap(), "S-1-5-32-545");
        assert_eq!(sid_of("Everyone").unwrap(), "S-1-1-0");
        let us = user_of_process(own_process()).unwrap();
        assert_eq!(sid_of(&name_of(&us).unwrap()).unwrap(), us);
    }

    #[test]
    fn nobody_is_found_by_a_name_that_nobody_has() {
        let error = sid_of("nobody here is called so").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
        assert!(sid_of("S-1-what").is_err());
    }
}
