//! Text behind WRITETEXT and UPDATETEXT, which is a bulk load without columns (FreeTDS' `dbwritetext`).

use alloc::vec::Vec;

use super::app::Old;
use super::server::packets;
use super::through::{NO_LIMIT, Way, packets_of, through, translator};
use crate::tds::{kind, push_utf16};

/// A batch, and what comes behind it as a bulk load: the latter as it goes up.
fn goes_up(old: Old, batch: &str, load: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    push_utf16(batch, &mut text);
    let mut sent = packets(kind::SQL_BATCH, 1, &text, &[500]).concat();
    sent.extend(packets(kind::BULK_LOAD, 1, load, &[500]).concat());
    for cut in [1, 7, 5000] {
        let mut translator = translator(old, 5000, NO_LIMIT);
        let out = through(&mut translator, Way::Up, sent.chunks(cut)).unwrap();
        let packets = packets_of(&out, 5000).unwrap();
        let load = packets.last().unwrap();
        assert_eq!(load.kind, kind::BULK_LOAD);
        if cut == 5000 {
            return load.payload.to_vec();
        }
    }
    Vec::new()
}

#[test]
fn text_goes_up_as_it_is_though_it_may_look_like_columns() {
    // A length of 385 bytes, and the text: read as COLMETADATA, it is one column, of tinyint.
    let mut load = b"\x81\x01\0\0abc\x30\0".to_vec();
    load.resize(4 + 385, b'x');
    for old in [Old::V70, Old::V71, Old::V71Revision1] {
        for batch in [
            "writetext bulk notes.body 0x64756d6d792074657874707472000000 timestamp = 0x0 with log",
            " \r\n WRITETEXT BULK notes.body 0x64756d6d792074657874707472000000",
            "UpdateText BULK notes.body 0x64756d6d792074657874707472000000 0 NULL",
        ] {
            assert_eq!(goes_up(old, batch, &load), load, "{batch}");
        }
        let rows = goes_up(old, "insert bulk notes (id tinyint)", &load);
        assert_eq!(rows.get(..7), Some(&b"\x81\x01\0\0a\0\0"[..]));
    }
}
