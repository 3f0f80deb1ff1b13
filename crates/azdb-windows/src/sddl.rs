//! Who owns a directory and who may do what with it, in Windows' own short writing for it.
//!
//! <https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format>

use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_SUCCESS, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1, SE_FILE_OBJECT,
    SetNamedSecurityInfoW,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, GetSecurityDescriptorOwner,
    OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
};

/// Gives a directory, and what is in it, an owner and rights. Nothing is inherited from above any more.
///
/// # Errors
///
/// When `sddl` is none, or has no owner or no list, and whatever Windows reports.
#[allow(unsafe_code)]
pub fn set(directory: &Path, sddl: &str) -> io::Result<()> {
    let wanted = Descriptor::of(sddl)?;
    let (owner, list) = (wanted.owner()?, wanted.list()?);
    let path: Vec<u16> = directory.as_os_str().encode_wide().chain([0]).collect();
    // SAFETY: the path ends with a NUL; owner and list point into `wanted`, which outlives the call; nothing else is announced.
    let code = unsafe {
        SetNamedSecurityInfoW(
            path.as_ptr(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION
                | DACL_SECURITY_INFORMATION
                | PROTECTED_DACL_SECURITY_INFORMATION,
            owner,
            ptr::null_mut(),
            list,
            ptr::null(),
        )
    };
    match code {
        ERROR_SUCCESS => Ok(()),
        code => Err(io::Error::from_raw_os_error(code.cast_signed())),
    }
}

/// A descriptor that Windows has made.
#[derive(Debug)]
pub(crate) struct Descriptor(PSECURITY_DESCRIPTOR);

// SAFETY: a security descriptor is plain memory that nobody writes once it is made.
#[allow(unsafe_code)]
unsafe impl Send for Descriptor {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Descriptor {}

impl Descriptor {
    /// # Errors
    ///
    /// When `sddl` is none.
    #[allow(unsafe_code)]
    pub(crate) fn of(sddl: &str) -> io::Result<Self> {
        let text: Vec<u16> = sddl.encode_utf16().chain([0]).collect();
        let mut made = ptr::null_mut();
        // SAFETY: the text ends with a NUL, and `made` is where a pointer may be put; its length is not asked for.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut made,
                ptr::null_mut(),
            )
        };
        match done {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(Self(made)),
        }
    }

    /// For as long as this lives.
    pub(crate) fn as_ptr(&self) -> PSECURITY_DESCRIPTOR {
        self.0
    }

    #[allow(unsafe_code)]
    fn owner(&self) -> io::Result<PSID> {
        let (mut owner, mut is_default) = (ptr::null_mut(), 0);
        // SAFETY: the descriptor is one, and the others are places for a pointer and a number.
        let done =
            unsafe { GetSecurityDescriptorOwner(self.0, &raw mut owner, &raw mut is_default) };
        found(done, owner)
    }

    #[allow(unsafe_code)]
    fn list(&self) -> io::Result<*const ACL> {
        let (mut is_there, mut list, mut is_default) = (0, ptr::null_mut(), 0);
        // SAFETY: the descriptor is one, and the others are places for a pointer and two numbers.
        let done = unsafe {
            GetSecurityDescriptorDacl(
                self.0,
                &raw mut is_there,
                &raw mut list,
                &raw mut is_default,
            )
        };
        found(done, list).map(<*mut ACL>::cast_const)
    }
}

/// A list that is not there lets everybody do everything.
fn found<T>(done: i32, part: *mut T) -> io::Result<*mut T> {
    match done {
        0 => Err(io::Error::last_os_error()),
        _ if part.is_null() => Err(io::Error::other("no owner or no list of rights")),
        _ => Ok(part),
    }
}

impl Drop for Descriptor {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: Windows has made it with LocalAlloc, and nobody has it any more.
        unsafe { LocalFree(self.0) };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_descriptor_or_lets_everybody_in_is_refused() {
        let directory = std::env::temp_dir();
        for sddl in ["", "O:BA", "D:(A;;FA;;;BA)", "O:BAD:(A;;nonsense;;;BA)"] {
            assert!(set(&directory, sddl).is_err(), "{sddl}");
        }
    }
}
