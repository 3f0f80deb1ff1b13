//! Drivers that want another answer to PRELOGIN than the rest. Who they are LOGIN7 says, which comes too late; so they are known by
//! what stands in their PRELOGIN.

use crate::reader::Reader;

/// Bytes of the VERSION option.
const VERSION_LEN: u16 = 6;
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
}

impl Driver {
    /// Looks at the payload of a PRELOGIN.
    pub fn of(prelogin: &[u8]) -> Self {
        let mut table = Reader::new(prelogin);
        let (mut options, mut version) = ([END; 4], [0xff; 6]);
        let mut rest = options.iter_mut();
        loop {
            let option = match (table.u8(), rest.next()) {
                (Some(END), _) => break,
                (Some(option), Some(place)) => {
                    *place = option;
                    option
                }
                _ => return Self::Any,
            };
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
            ([0, 1, 2, 5], [0, 0, 0, 0, 0, 0]) => Self::R2dbc,
            _ => Self::Any,
        }
    }
}
