//! What Windows says of connections in codes for which the standard library has no word.

use std::io;

/// Keep-alive has found nobody any more.
const WSAENETRESET: i32 = 10_052;
/// Nobody on the last wire knows the machine.
const WSAEHOSTDOWN: i32 = 10_064;

/// Whether the system says so that a far end answers nothing.
pub(super) fn says_silence(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(WSAENETRESET | WSAEHOSTDOWN))
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_a_connection_that_did_not_come_about_or_broke_is_known() {
        use io::ErrorKind as Kind;
        for (code, kind) in [
            (10_013, Kind::PermissionDenied),
            (10_048, Kind::AddrInUse),
            (10_049, Kind::AddrNotAvailable),
            (10_050, Kind::NetworkDown),
            (10_051, Kind::NetworkUnreachable),
            (10_053, Kind::ConnectionAborted),
            (10_054, Kind::ConnectionReset),
            (10_057, Kind::NotConnected),
            (10_060, Kind::TimedOut),
            (10_061, Kind::ConnectionRefused),
            (10_065, Kind::HostUnreachable),
        ] {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(error.kind(), kind, "{code}");
            assert!(!says_silence(&error));
        }
        for code in [WSAENETRESET, WSAEHOSTDOWN] {
            assert!(says_silence(&io::Error::from_raw_os_error(code)), "{code}");
        }
    }
}
