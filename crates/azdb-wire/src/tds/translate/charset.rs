//! What 7.0 is told in place of a collation: the character set of text, and how Unicode is sorted.
//!
//! Source: ENVCHANGE types 3, 5 and 6 (MS-TDS 2.2.7.9) and COLLATION (2.2.5.1.2); code pages of locales from MS-LCID, of sort
//! orders from SQL Server's `sys.fn_helpcollations`.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::kind::Collation;
use crate::tds::text::push_utf16;
use crate::tds::token::{push_counted, tag};

/// Appends the three changes.
pub(super) fn push_changes(collation: Collation, out: &mut Vec<u8>) {
    let [a, b, c, flags, sort] = collation;
    let locale = u32::from_le_bytes([a, b, c & 0x0f, 0]);
    let ignored = u16::from_le_bytes([c, flags]) >> 4;
    // Of case, accents, widths and kana, in the order of a collation.
    let styles = [0x1, 0x2, 0x2_0000, 0x1_0000];
    let style: u32 = styles
        .iter()
        .enumerate()
        .filter(|(bit, _)| ignored >> bit & 1 != 0)
        .map(|(_, style)| style)
        .fold(0, |all, style| all | style);
    for (kind, new) in [
        (3, name(locale, sort)),
        (5, locale.to_string()),
        (6, style.to_string()),
    ] {
        let mut body = Vec::from([kind, u8::try_from(new.len()).unwrap_or_default()]);
        push_utf16(&new, &mut body);
        body.push(0);
        push_counted(tag::ENV_CHANGE, &body, out);
    }
}

/// What SQL Server 7.0 calls a code page.
fn name(locale: u32, sort: u8) -> String {
    match code_page(locale, sort) {
        1252 => "iso_1".to_string(),
        page => format!("cp{page}"),
    }
}

/// The code page of text that is not Unicode.
fn code_page(locale: u32, sort: u8) -> u16 {
    match sort {
        30..=35 => return 437,
        40..=49 | 55..=61 => return 850,
        80..=96 => return 1250,
        104..=108 => return 1251,
        112..=124 => return 1253,
        128..=130 => return 1254,
        136..=138 => return 1255,
        144..=146 => return 1256,
        152..=160 => return 1257,
        _ => {}
    }
    let (language, region) = (locale & 0x3ff, locale >> 10 & 0x3f);
    match (language, region) {
        // Serbian, in its two alphabets.
        (0x1a, 3 | 7) => 1251,
        (0x05 | 0x0e | 0x15 | 0x18 | 0x1a | 0x1b | 0x1c | 0x24, _) => 1250,
        (0x02 | 0x19 | 0x22 | 0x23 | 0x2f | 0x3f | 0x44, _) => 1251,
        (0x08, _) => 1253,
        (0x1f | 0x2c, _) => 1254,
        (0x0d, _) => 1255,
        (0x01 | 0x20 | 0x29, _) => 1256,
        (0x25..=0x27, _) => 1257,
        (0x2a, _) => 1258,
        (0x1e, _) => 874,
        (0x11, _) => 932,
        (0x04, 2 | 4) => 936,
        (0x12, _) => 949,
        (0x04, _) => 950,
        _ => 1252,
    }
}
