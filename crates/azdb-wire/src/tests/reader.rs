use crate::reader::Reader;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

/// One read and what it gives, as bytes.
#[derive(Debug, Clone, Copy)]
enum Read {
    U8,
    U16,
    U24,
    U32,
    U64,
    U16Be,
    U32Be,
    Bytes(u8),
    Array,
    Text,
    Raw(u8),
}

fn any_read() -> impl Strategy<Value = Read> {
    prop_oneof![
        Just(Read::U8),
        Just(Read::U16),
        Just(Read::U24),
        Just(Read::U32),
        Just(Read::U64),
        Just(Read::U16Be),
        Just(Read::U32Be),
        (0..9u8).prop_map(Read::Bytes),
        Just(Read::Array),
        Just(Read::Text),
        (0..9u8).prop_map(Read::Raw),
    ]
}

/// The bytes that a read takes, put together again from what it gives.
fn taken(reader: &mut Reader<'_>, read: Read) -> Option<Vec<u8>> {
    Some(match read {
        Read::U8 => [reader.u8()?].to_vec(),
        Read::U16 => reader.u16_le()?.to_le_bytes().to_vec(),
        Read::U24 => reader.u24_le()?.to_le_bytes()[..3].to_vec(),
        Read::U32 => reader.u32_le()?.to_le_bytes().to_vec(),
        Read::U64 => reader.u64_le()?.to_le_bytes().to_vec(),
        Read::U16Be => reader.u16_be()?.to_be_bytes().to_vec(),
        Read::U32Be => reader.u32_be()?.to_be_bytes().to_vec(),
        Read::Bytes(count) => reader.bytes(count)?.to_vec(),
        Read::Array => reader.array::<3>()?.to_vec(),
        Read::Text => [reader.cstring()?, &[0]].concat(),
        Read::Raw(count) => reader
            .raw(|reader| (reader.u8()?, reader.bytes(count)?).into())?
            .to_vec(),
    })
}

#[test]
fn a_text_ends_at_its_nul_or_with_the_message() {
    let mut reader = Reader::new(b"ann\0\0rest");
    assert_eq!(reader.cstring(), Some(&b"ann"[..]));
    assert_eq!(reader.cstring_or_rest(), b"");
    assert_eq!(reader.cstring(), None);
    assert_eq!(reader.rest(), b"rest");
    assert_eq!(reader.cstring_or_rest(), b"rest");
    assert!(reader.is_empty());
}

#[test]
fn a_count_that_no_memory_could_hold_is_too_long() {
    let mut reader = Reader::new(b"x");
    assert_eq!(reader.bytes(u64::MAX), None);
    assert_eq!(reader.bytes(u32::MAX), None);
    assert_eq!(reader.bytes(-1), None);
    assert_eq!(reader.rest(), b"x");
}

proptest! {
    #[test]
    fn reads_give_the_message_piece_by_piece_and_take_nothing_when_they_fail(
        message in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..60),
        reads in proptest::collection::vec(any_read(), 0..20),
    ) {
        let (mut reader, mut seen) = (Reader::new(&message), Vec::new());
        for read in reads {
            let before = reader.rest();
            match taken(&mut reader, read) {
                Some(piece) => seen.extend(piece),
                None => prop_assert_eq!(reader.rest(), before, "{:?}", read),
            }
            prop_assert_eq!(&[&seen[..], reader.rest()].concat(), &message);
        }
    }
}
