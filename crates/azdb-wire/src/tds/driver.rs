//! Drivers that want another answer to PRELOGIN than the rest. Who they are LOGIN7 says, which comes too late; so they are known by
//! what stands in their PRELOGIN.

use crate::reader::Reader;

/// Bytes of the VERSION option.
const VERSION_LEN: u16 = 6;
/// Options that are looked at; there are eight kinds.
const MOST: usize = 8;
/// The end of the table of options.
const END: u8 = 0xff;

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
        let mut table = Reader::new(prelogin);
        let (mut options, mut version) = ([END; MOST], [0xff; 6]);
        for place in &mut options {
            let option = match table.u8() {
                Some(END) => break,
                Some(option) => option,
                None => return Self::Any,
            };
            *place = option;
            let (Some(offset), Some(length)) = (table.u16_be(), table.u16_be()) else {
                return Self::Any;
            };
            if (option, length) == (0, VERSION_LEN) {
                let said = prelogin.get(usize::from(offset)..);
                version = said
                    .and_then(<[u8]>::first_chunk)
                    .copied()
                    .unwrap_or(version);
            }
        }
        match (options, version) {
            ([0, 1, 2, 5, END, ..], [0, 0, 0, 0, 0, 0]) => Self::R2dbc,
            (_, [2, 0, 0, 0, ..]) => Self::Before2008R2,
            (_, [9 | 10, 0, high, low, ..]) if (high, low) != (0, 0) => Self::Before2008R2,
            _ => Self::Any,
        }
    }
}
