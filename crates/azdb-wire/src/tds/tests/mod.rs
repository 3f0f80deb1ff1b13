//! One file for each file of the room, and a LOGIN7 written by hand for several of them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod auth;
mod driver;
mod feature;
mod frame;
mod hello;
mod likeness;
mod login;
mod notice;
mod old_login;
mod relogin;
mod reset;
mod text;
mod token;
mod translate;
mod version;
mod watch;
mod watch_model;

use alloc::vec::Vec;

use super::push_utf16;

fn utf16(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    push_utf16(text, &mut out);
    out
}

/// Bytes written as pairs of hexadecimal digits.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A LOGIN7 written by hand: the fixed part with its places, then the variable part.
struct Written {
    version: u32,
    fixed: u16,
    program: [u8; 4],
    flags: [u8; 4],
    lcid: u32,
    /// Host, user, password, app, server, (extension), library, language, database.
    texts: [&'static str; 8],
    sspi: &'static [u8],
    features: &'static [u8],
}

const PLAIN: Written = Written {
    version: 0x7400_0004,
    fixed: 94,
    program: [0, 0, 0, 7],
    flags: [0xe0, 0x83, 0, 0],
    lcid: 0x409,
    texts: [
        "app01",
        "sa",
        "secret",
        "demo",
        "localhost",
        "ODBC",
        "",
        "mydb",
    ],
    sspi: b"NTLMSSP\0",
    features: &[],
};

impl Written {
    fn bytes(&self) -> Vec<u8> {
        let mut fixed = Vec::new();
        let mut variable = Vec::new();
        let place = |count: usize, variable: &Vec<u8>, fixed: &mut Vec<u8>| {
            let offset = self.fixed + u16::try_from(variable.len()).unwrap();
            fixed.extend_from_slice(&offset.to_le_bytes());
            fixed.extend_from_slice(&u16::try_from(count).unwrap().to_le_bytes());
        };
        fixed.extend_from_slice(&self.version.to_le_bytes());
        fixed.extend_from_slice(&4096u32.to_le_bytes());
        fixed.extend_from_slice(&self.program);
        fixed.extend_from_slice(&[0; 8]);
        fixed.extend_from_slice(&self.flags);
        fixed.extend_from_slice(&0u32.to_le_bytes());
        fixed.extend_from_slice(&self.lcid.to_le_bytes());
        let mut pointer = None;
        for (index, text) in self.texts.iter().enumerate() {
            if index == 5 {
                let count = if self.features.is_empty() { 0 } else { 4 };
                place(count, &variable, &mut fixed);
                pointer = Some(variable.len());
                variable.extend_from_slice(&[0; 4]);
            }
            place(text.encode_utf16().count(), &variable, &mut fixed);
            push_utf16(text, &mut variable);
        }
        fixed.extend_from_slice(&[1, 2, 3, 4, 5, 6]);
        place(self.sspi.len(), &variable, &mut fixed);
        variable.extend_from_slice(self.sspi);
        place(0, &variable, &mut fixed);
        if self.fixed == 94 {
            place(0, &variable, &mut fixed);
            fixed.extend_from_slice(&[0; 4]);
        }
        if let (Some(pointer), false) = (pointer, self.features.is_empty()) {
            let at = u32::from(self.fixed) + u32::try_from(variable.len()).unwrap();
            variable
                .get_mut(pointer..pointer + 4)
                .unwrap()
                .copy_from_slice(&at.to_le_bytes());
            variable.extend_from_slice(self.features);
        }
        let total = u32::try_from(4 + fixed.len() + variable.len()).unwrap();
        [&total.to_le_bytes()[..], &fixed, &variable].concat()
    }
}
