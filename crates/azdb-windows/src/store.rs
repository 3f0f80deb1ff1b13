//! Certificates that people and machines trust.

use std::io;
use std::ptr;

use schannel::RawPointer as _;
use schannel::cert_store::CertStore;
use windows_sys::Win32::Security::Cryptography::{
    CERT_STORE_CTRL_COMMIT, CertControlStore, HCERTSTORE,
};

/// Has what was changed in a store written to where it is kept: closing it does so, too, but says nothing where it cannot, and where somebody still
/// holds a certificate of the store it has yet to come.
///
/// # Errors
///
/// Whatever Windows reports.
#[allow(unsafe_code)]
pub fn commit(store: &CertStore) -> io::Result<()> {
    // SAFETY: the pointer is used below alone, while the store is borrowed.
    let handle: HCERTSTORE = unsafe { store.as_ptr() };
    // SAFETY: the handle is that of an open store, and this request takes no data.
    let done = unsafe { CertControlStore(handle, 0, CERT_STORE_CTRL_COMMIT, ptr::null()) };
    match done {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
