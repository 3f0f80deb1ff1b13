//! Any stream of a server of 7.4 gives apps of every version the same values, however it is cut.

use alloc::string::ToString;
use alloc::vec::Vec;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::any_stream::{Session, any_session};
use super::app::{App, Old};
use super::expected::{Oracle, is_comparable};
use super::server::{Column, Token, packets, write};
use super::through::{
    Checked, NO_LIMIT, Way, cut, messages_of, packets_of, read, read_some, through, translator,
};
use super::types::{Kind, Value};
use crate::tds::{Dialect, Version};

fn any_old() -> impl Strategy<Value = Old> {
    select(&Old::ALL[..])
}

/// What an app of `old` must read of a session.
fn wanted(old: Old, session: &Session) -> Vec<Vec<Token>> {
    let mut oracle = Oracle::new(old);
    let messages = session.messages.iter();
    messages.map(|message| oracle.hears(message)).collect()
}

fn translated<'a>(
    old: Old,
    session: &Session,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Checked<Vec<u8>> {
    let mut translator = translator(old, session.packet_size, NO_LIMIT);
    let mut out = through(&mut translator, Way::Down, pieces)?;
    let before = out.len();
    translator.upstream_ended(&mut out);
    prop_assert_eq!(before, out.len(), "words behind the end of a message");
    Ok(out)
}

/// Whatever was whole in the packets of the upstream has left in packets for the app.
fn nothing_whole_waits(old: Old, session: &Session) -> Checked<()> {
    let mut translator = translator(old, session.packet_size, NO_LIMIT);
    let all: Vec<Token> = session.messages.concat();
    let mut out = Vec::new();
    for (packet, whole) in session.packets() {
        let done = translator.from_upstream(&packet, &mut out);
        done.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let wanted = Oracle::new(old).hears(&all[..whole]);
        let (mut messages, behind) =
            messages_of(&packets_of(&out, session.packet_size)?, session.spid)?;
        messages.push(behind);
        let mut app = App::new(old);
        let mut have = Vec::new();
        for message in messages {
            have.extend(read_some(&mut app, &message)?.0);
        }
        have.retain(|token| is_comparable(old, token));
        prop_assert!(have.len() >= wanted.len(), "{have:?} of {wanted:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn an_app_reads_the_values_that_the_server_wrote(
        old in any_old(), session in any_session(6), sizes in vec(1..5000usize, 1..4),
    ) {
        let bytes = session.bytes();
        let out = translated(old, &session, cut(&bytes, &sizes))?;
        let have = read(old, &out, session.packet_size, session.spid)?;
        prop_assert_eq!(have, wanted(old, &session));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_comes_out_does_not_depend_on_how_reads_cut_what_goes_in(
        old in any_old(), session in any_session(3), sizes in vec(1..300usize, 1..4),
    ) {
        let bytes = session.bytes();
        let whole = translated(old, &session, [&bytes[..]])?;
        prop_assert_eq!(&whole, &translated(old, &session, cut(&bytes, &sizes))?);
        prop_assert_eq!(&whole, &translated(old, &session, bytes.chunks(1))?);
    }

    #[test]
    fn what_is_whole_does_not_wait_for_more(old in any_old(), session in any_session(3)) {
        nothing_whole_waits(old, &session)?;
    }

    #[test]
    fn an_end_anywhere_leaves_whole_packets(old in any_old(), session in any_session(2)) {
        let bytes = session.bytes();
        for end in (0..bytes.len()).step_by(1 + bytes.len() / 50) {
            let mut translator = translator(old, session.packet_size, NO_LIMIT);
            let mut out = through(&mut translator, Way::Down, [&bytes[..end]])?;
            translator.upstream_ended(&mut out);
            packets_of(&out, session.packet_size)?;
        }
    }
}

/// A row of one number, and the answer to an Attention.
fn short_answer() -> Vec<Token> {
    let column = Column {
        user_type: 0,
        flags: 0,
        kind: Kind::Fixed { tag: 0x38, size: 4 },
        name: "n".into(),
    };
    let row = Token::Row {
        cells: [Value::Bytes([1, 2, 3, 4].to_vec())].to_vec(),
        is_compressed: false,
    };
    let end = Token::Done {
        tag: 0xfd,
        status: 0x20,
        command: 0,
        rows: 0,
    };
    [Token::Columns(Some([column].to_vec())), row, end].to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// A server that was told to stop ends its answer wherever it is.
    #[test]
    fn an_answer_that_ends_anywhere_leaves_the_next_one_whole(
        old in any_old(), session in any_session(4), limit in prop_oneof![Just(NO_LIMIT), 0..20usize],
        end in any::<proptest::sample::Index>(), sizes in vec(1..5000usize, 1..4),
    ) {
        let (mut payload, _) = write(&session.messages[0], &mut Vec::new(), &session.manners);
        payload.truncate(end.index(payload.len() + 1));
        let mut bytes = packets(4, session.spid, &payload, &session.shares).concat();
        let (payload, _) = write(&short_answer(), &mut Vec::new(), &session.manners);
        bytes.extend(packets(4, session.spid, &payload, &session.shares).concat());
        let mut translator = translator(old, session.packet_size, limit);
        let out = through(&mut translator, Way::Down, cut(&bytes, &sizes))?;
        let packets = packets_of(&out, session.packet_size)?;
        let (messages, behind) = messages_of(&packets, session.spid)?;
        prop_assert!(behind.is_empty() && messages.len() == 2);
        let (have, read) = read_some(&mut App::new(old), &messages[1])?;
        prop_assert_eq!(read, messages[1].len());
        prop_assert_eq!(have, Oracle::new(old).hears(&short_answer()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(15))]

    #[test]
    fn a_small_stream_may_be_cut_at_any_one_place(old in any_old(), session in any_session(2)) {
        let bytes = session.bytes();
        prop_assume!(bytes.len() < 1500);
        let whole = translated(old, &session, [&bytes[..]])?;
        for at in 0..bytes.len() {
            let (front, back) = bytes.split_at(at);
            prop_assert_eq!(&whole, &translated(old, &session, [front, back])?);
        }
    }
}

#[test]
fn who_reads_what_the_upstream_writes_needs_no_translator() {
    for old in Old::ALL {
        let dialect = Dialect::between(old.version(), Version::V7_4);
        assert!(dialect.is_some(), "{old:?}");
        let same = Dialect::between(old.version(), old.version());
        assert!(same.is_none(), "{old:?} of itself");
    }
    for new in [Version::V7_3B, Version::V7_4, Version::V8_0] {
        assert!(Dialect::between(new, Version::V7_4).is_none(), "{new}");
    }
}

/// Nothing waits for the end of a value whose length was told.
#[test]
fn a_value_of_known_length_is_not_held() {
    let mut translator = translator(Old::V71, 4096, 64);
    let columns = super::hex("81 0100 00000000 0900 a5 ffff 00");
    let total = 300_000u64;
    let mut stream = [&columns[..], &[0xd1], &total.to_le_bytes()].concat();
    stream.extend_from_slice(&u32::try_from(total).unwrap().to_le_bytes());
    stream.resize(stream.len() + 300_000, 0x5a);
    stream.extend_from_slice(&super::hex("00000000 fd 1000 c100 0100000000000000"));
    let (mut given, mut had) = (0, 0);
    for packet in packets(4, 7, &stream, &[4088]) {
        let mut out = Vec::new();
        translator.from_upstream(&packet, &mut out).unwrap();
        given += packet.len();
        had += out.len();
        assert!(given < had + 4096, "{given} in, {had} out");
    }
}

/// Its row has no NULL where the one that was cut off had some.
#[test]
fn an_answer_that_ends_behind_the_nulls_of_a_row_leaves_none_behind() {
    for old in Old::ALL {
        let half = super::hex("81 0200 00000000 0900 2604 00 00000000 0900 2604 00 d2 01");
        let whole = super::hex("81 ffff d1 04 01000000 04 02000000");
        let bytes = [half, whole].map(|payload| packets(4, 7, &payload, &[504]).concat());
        let mut out = Vec::new();
        let mut translator = translator(old, 512, NO_LIMIT);
        translator
            .from_upstream(&bytes[0], &mut Vec::new())
            .unwrap();
        translator.from_upstream(&bytes[1], &mut out).unwrap();
        assert_eq!(
            out[8..],
            super::hex("81 ffff d1 04 01000000 04 02000000"),
            "{old:?}"
        );
    }
}

/// Dates become so long that their row is more than a packet before the one that they came in has ended.
#[test]
fn a_row_that_grows_leaves_at_the_same_place_however_reads_cut_it() {
    let date = super::hex("00000000 0900 2b07 00");
    let columns = [
        &[0x81, 31, 0][..],
        &date.repeat(30),
        &super::hex("00000000 0900 a5ffff 00"),
    ];
    let moment = super::hex("0a 0000000000 5b950a 0000");
    let value = super::hex("feffffffffffffff 02000000 0102 00000000");
    let row = [&[0xd1][..], &moment.repeat(30), &value].concat();
    let bytes = packets(4, 7, &[&columns.concat()[..], &row].concat(), &[625, 20]).concat();
    for old in [Old::V70, Old::V71, Old::V71Revision1] {
        let begin = || translator(old, 512, NO_LIMIT);
        let whole = through(&mut begin(), Way::Down, [&bytes[..]]).unwrap();
        let cut = through(&mut begin(), Way::Down, bytes.chunks(1)).unwrap();
        assert_eq!(whole, cut, "{old:?}");
    }
}

/// What SQL Server 7.0 called a character set, a locale and a style, where later ones have a collation.
#[test]
fn an_app_of_7_0_hears_of_a_collation_as_a_character_set() {
    for (collation, told) in [
        ("0904d00034", ["iso_1", "1033", "196609"]),
        // Japanese_CI_AS_KS, which ignores widths, and Japanese_CI_AS_WS, which ignores kana.
        ("1104500000", ["cp932", "1041", "131073"]),
        ("1104900000", ["cp932", "1041", "65537"]),
        ("0504d00000", ["cp1250", "1029", "196609"]),
        // SQL_Latin1_General_CP437_CI_AS, and so on: the sort order has the code page.
        ("0904d00020", ["cp437", "1033", "196609"]),
        ("0904d0002a", ["cp850", "1033", "196609"]),
        ("0904d00052", ["cp1250", "1033", "196609"]),
        ("0904d0006a", ["cp1251", "1033", "196609"]),
        ("0904d00072", ["cp1253", "1033", "196609"]),
        ("0904d00082", ["cp1254", "1033", "196609"]),
        ("0904d0008a", ["cp1255", "1033", "196609"]),
        ("0904d00092", ["cp1256", "1033", "196609"]),
        ("0904d0009a", ["cp1257", "1033", "196609"]),
    ] {
        let change = super::hex(&["e3 0d00 07 05", collation, "05 09 04 d0 00 34"].concat());
        let bytes = packets(4, 7, &change, &[504]).concat();
        let mut out = Vec::new();
        let mut translator = translator(Old::V70, 512, NO_LIMIT);
        translator.from_upstream(&bytes, &mut out).unwrap();
        let (tokens, _) = App::new(Old::V70).read(&out[8..]).unwrap();
        let said = |(kind, text): (u8, &str)| Token::Change {
            kind,
            values: [
                &[u8::try_from(text.len()).unwrap()],
                &super::super::utf16(text)[..],
                &[0],
            ]
            .concat(),
        };
        let [charset, locale, style] = told;
        let all = [(3, charset), (5, locale), (6, style)].map(said);
        assert_eq!(tokens, all, "{collation}");
    }
}
