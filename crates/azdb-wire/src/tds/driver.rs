//! Drivers that want another answer to PRELOGIN than the rest. Who they are LOGIN7 says, which comes too late; so they are known by
//! what stands in their PRELOGIN.

use alloc::vec::Vec;

use super::hello::{ENCRYPTION, INSTANCE, TRACE_ID, VERSION, options};

/// A driver, as far as its PRELOGIN shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// One that takes what a server says.
    Any,
    /// r2dbc-mssql without `ssl`: it breaks off where a server has no TLS for its login. It says no version, and neither a thread nor
    /// whether it wants MARS.
    R2dbc,
    /// One that will ask for TDS 7.2 or 7.3A: System.Data of .NET 2.0 to 3.5, which says the version of its assembly, and SQL Server
    /// Native Client 9 and 10.0, which have a build. FreeTDS, which may ask for any version, says 9.0 without one.
    Before2008R2,
}

impl Driver {
    /// Looks at the payload of a PRELOGIN.
    pub fn of(prelogin: &[u8]) -> Self {
        let Ok(options) = options(prelogin).collect::<Result<Vec<_>, _>>() else {
            return Self::Any;
        };
        let version = options.iter().find(|(option, _)| *option == VERSION);
        let version = version.map_or(&[][..], |(_, data)| data);
        let asks_as_r2dbc = || {
            let asked = options.iter().map(|(option, _)| *option);
            asked.eq([VERSION, ENCRYPTION, INSTANCE, TRACE_ID])
        };
        match *version {
            [0, 0, 0, 0, 0, 0] if asks_as_r2dbc() => Self::R2dbc,
            [2, 0, 0, 0, _, _] => Self::Before2008R2,
            [9 | 10, 0, high, low, _, _] if (high, low) != (0, 0) => Self::Before2008R2,
            _ => Self::Any,
        }
    }
}
