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
/// Those that name the process, which is another one each time where an app connects for every request.
const OF_PROCESS: [&[u8]; 2] = [b"_pid", b"_thread"];

/// The same attributes, and this program's name where they have none. `None` where they have one, and where they cannot be read.
pub fn with_program_name(attributes: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let all = read_all(attributes)?;
    if !program_name(attributes)?.is_empty() {
        return None;
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

/// What names the program in them; empty where nothing does. `None` where they cannot be read.
pub(super) fn program_name(attributes: &[u8]) -> Option<&[u8]> {
    Some(find(attributes, PROGRAM_NAME)?.unwrap_or_default())
}

/// The same attributes without those that name the process. `None` where they cannot be read.
pub fn without_process(attributes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = Reader::new(read_all(attributes)?);
    let mut kept = Vec::new();
    while !rest.is_empty() {
        let mut name: &[u8] = &[];
        let pair = rest.raw(|reader| {
            name = read_counted(reader)?;
            read_counted(reader)
        })?;
        if !OF_PROCESS.contains(&name) {
            kept.extend_from_slice(pair);
        }
    }
    let mut out = Vec::new();
    if !attributes.is_empty() {
        push_counted(&kept, &mut out)?;
    }
    Some(out)
}

/// What is behind the length of the rest.
fn read_all(attributes: &[u8]) -> Option<&[u8]> {
    match attributes {
        [] => Some(&[]),
        _ => read_counted(&mut Reader::new(attributes)),
    }
}

/// The last value of this name, if there is one. `None` where they cannot be read.
fn find<'a>(attributes: &'a [u8], name: &[u8]) -> Option<Option<&'a [u8]>> {
    let mut rest = Reader::new(read_all(attributes)?);
    let mut found = None;
    while !rest.is_empty() {
        let (known, value) = (read_counted(&mut rest)?, read_counted(&mut rest)?);
        if known == name && !value.is_empty() {
            found = Some(value);
        }
    }
    Some(found)
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
