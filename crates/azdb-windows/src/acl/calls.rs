//! What Windows is asked: the descriptor of a file, the accounts of this process, the name of an account.

use std::fs::File;
use std::io;
use std::iter::once;
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::Path;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, FALSE, GENERIC_READ, GENERIC_WRITE, HANDLE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetKernelObjectSecurity, GetTokenInformation, LookupAccountSidW,
    OWNER_SECURITY_INFORMATION, SECURITY_ATTRIBUTES, TOKEN_INFORMATION_CLASS, TOKEN_QUERY,
    TokenGroups, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_SHARE_DELETE, FILE_SHARE_READ,
    FILE_SHARE_WRITE,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::sid::Sid;

/// The longest descriptor or list of groups, in bytes: a list has at most 64 KiB.
const LONGEST: u32 = 256 * 1024;

/// The owner of a file and its list, self-relative.
#[allow(unsafe_code)]
pub(super) fn descriptor(file: &File) -> io::Result<Vec<u8>> {
    filled(|room, length, needed| {
        // SAFETY: the file is open as long as it is borrowed; `room` has `length` bytes, to which Windows keeps.
        unsafe {
            GetKernelObjectSecurity(
                file.as_raw_handle(),
                OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                room.cast(),
                length,
                needed,
            )
        }
    })
    .map(|room| bytes(&room))
}

/// What a call writes into room of the length that it asks for.
fn filled(call: impl Fn(*mut u64, u32, *mut u32) -> i32) -> io::Result<Vec<u64>> {
    let mut room: Vec<u64> = vec![0; 64];
    loop {
        let length = u32::try_from(room.len() * 8).unwrap_or(LONGEST);
        let mut needed = 0;
        if call(room.as_mut_ptr(), length, &mut needed) != FALSE {
            return Ok(room);
        }
        let error = io::Error::last_os_error();
        let is_short = error.raw_os_error() == i32::try_from(ERROR_INSUFFICIENT_BUFFER).ok();
        if !is_short || needed <= length || needed > LONGEST {
            return Err(error);
        }
        room = vec![0; usize::try_from(needed).unwrap_or_default().div_ceil(8)];
    }
}

fn bytes(room: &[u64]) -> Vec<u8> {
    room.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// The user of this process, and the services that run in it.
pub(super) fn accounts_of_process() -> io::Result<Vec<Sid>> {
    let token = own_token()?;
    let mut accounts = listed(&token, TokenUser)?;
    for group in listed(&token, TokenGroups)? {
        if group.is_a_service() && !accounts.contains(&group) {
            accounts.push(group);
        }
    }
    Ok(accounts)
}

#[allow(unsafe_code)]
fn own_token() -> io::Result<OwnedHandle> {
    // SAFETY: it takes nothing, and what it gives need not be closed.
    let process = unsafe { GetCurrentProcess() };
    let mut token: HANDLE = null_mut();
    // SAFETY: the process is this one, and `token` has room for a handle.
    if unsafe { OpenProcessToken(process, TOKEN_QUERY, &mut token) } == FALSE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle has just been given to us, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(token) })
}

/// The accounts of a list in a token: pairs of a pointer to a SID, which lies behind them, and of attributes.
#[allow(unsafe_code)]
fn listed(token: &OwnedHandle, class: TOKEN_INFORMATION_CLASS) -> io::Result<Vec<Sid>> {
    let room = filled(|room, length, needed| {
        // SAFETY: the token is open as long as it is borrowed; `room` has `length` bytes, to which Windows keeps.
        unsafe { GetTokenInformation(token.as_raw_handle(), class, room.cast(), length, needed) }
    })?;
    let begin = room.as_ptr().addr();
    let bytes = bytes(&room);
    let word = size_of::<usize>();
    // In front of groups stands how many there are.
    let count = bytes.first_chunk().map(|count| u32::from_ne_bytes(*count));
    let (first, count) = match class == TokenGroups {
        true => (word, count.unwrap_or_default()),
        false => (0, 1),
    };
    let sids = (0..usize::try_from(count).unwrap_or_default()).map(|index| {
        let at = first + index * 2 * word;
        let (pointer, _) = bytes.get(at..)?.split_first_chunk()?;
        let offset = usize::from_ne_bytes(*pointer).checked_sub(begin)?;
        Sid::read(bytes.get(offset..)?)
    });
    let sids: Option<Vec<Sid>> = sids.collect();
    sids.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "the accounts of this process are not understood",
        )
    })
}

/// `DOMAIN\name`, where somebody knows it.
#[allow(unsafe_code)]
pub(super) fn account(sid: &Sid) -> Option<String> {
    // In words, so that it is aligned.
    let sid: Vec<u32> = sid
        .bytes()
        .chunks_exact(4)
        .filter_map(|four| four.try_into().ok())
        .map(u32::from_ne_bytes)
        .collect();
    let (mut name, mut domain) = ([0_u16; 257], [0_u16; 257]);
    let (mut name_length, mut domain_length, mut kind) = (257, 257, 0);
    // SAFETY: the SID is whole, and both buffers have as many units as is said.
    let known = unsafe {
        LookupAccountSidW(
            null(),
            sid.as_ptr().cast_mut().cast(),
            name.as_mut_ptr(),
            &mut name_length,
            domain.as_mut_ptr(),
            &mut domain_length,
            &mut kind,
        )
    };
    if known == FALSE {
        return None;
    }
    let text = |units: &[u16]| {
        let units = units.iter().copied().take_while(|unit| *unit != 0);
        char::decode_utf16(units)
            .map(|char| char.unwrap_or('\u{fffd}'))
            .collect::<String>()
    };
    match (text(&domain), text(&name)) {
        (_, name) if name.is_empty() => None,
        (domain, name) if domain.is_empty() => Some(name),
        (domain, name) => Some(format!("{domain}\\{name}")),
    }
}

/// Makes a file with a descriptor, where none is.
#[allow(unsafe_code)]
pub(super) fn create(path: &Path, descriptor: &[u8]) -> io::Result<File> {
    let path: Vec<u16> = path.as_os_str().encode_wide().chain(once(0)).collect();
    if path.iter().position(|unit| *unit == 0) != Some(path.len() - 1) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a NUL in a path",
        ));
    }
    // In words, so that it is aligned.
    let mut descriptor: Vec<u32> = descriptor
        .chunks_exact(4)
        .filter_map(|four| four.try_into().ok())
        .map(u32::from_ne_bytes)
        .collect();
    let attributes = SECURITY_ATTRIBUTES {
        nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or_default(),
        lpSecurityDescriptor: descriptor.as_mut_ptr().cast(),
        bInheritHandle: FALSE,
    };
    // SAFETY: the path ends with its only NUL; the descriptor is one, and lives as long as the call.
    let handle = unsafe {
        CreateFileW(
            path.as_ptr(),
            GENERIC_READ | GENERIC_WRITE,
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            &attributes,
            CREATE_NEW,
            FILE_ATTRIBUTE_NORMAL,
            null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle has just been given to us, and nobody else has it.
    Ok(unsafe { File::from_raw_handle(handle) })
}
