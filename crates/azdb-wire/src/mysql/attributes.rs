//! Connection attributes: what a client says of itself, for whoever looks at the server's sessions.
//!
//! ```text
//!   length of the rest, counted | name, counted | value, counted | …
//! ```
//!
//! Source: "Protocol::HandshakeResponse41" of the MySQL 9 source documentation.

use alloc::vec::Vec;

use super::frame::read_counted;
use crate::reader::Reader;

/// The attribute that names the program.
const PROGRAM_NAME: &[u8] = b"program_name";

/// The same attributes, and this program's name where they have none. `None` where they have one, and where they cannot be read.
pub fn with_program_name(attributes: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(attributes);
    let all = match attributes {
        [] => &[],
        _ => read_counted(&mut reader)?,
    };
    let mut rest = Reader::new(all);
    while !rest.is_empty() {
        let (known, value) = (read_counted(&mut rest)?, read_counted(&mut rest)?);
        if known == PROGRAM_NAME && !value.is_empty() {
            return None;
        }
    }
    let mut more = Vec::new();
    push_counted(PROGRAM_NAME, &mut more)?;
    push_counted(name, &mut more)?;
    let length = all.len().checked_add(more.len())?;
    let mut out = Vec::new();
    push_count(length, &mut out)?;
    out.extend_from_slice(all);
    out.extend_from_slice(&more);
    Some(out)
}

fn push_counted(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    push_count(text.len(), out)?;
    out.extend_from_slice(text);
    Some(())
}

/// Appends a number in MySQL's length-encoded form, up to two bytes of it.
fn push_count(count: usize, out: &mut Vec<u8>) -> Option<()> {
    match u8::try_from(count) {
        Ok(small @ ..=0xfa) => out.push(small),
        _ => {
            out.push(0xfc);
            out.extend_from_slice(&u16::try_from(count).ok()?.to_le_bytes());
        }
    }
    Some(())
}
