//! Any type of 7.4, and any value of it, from the type table.

use alloc::string::String;
use alloc::vec::Vec;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::calendar::{DATE, DATETIMEOFFSET, Moment, TIME, days_of};
use super::types::{Kind, Place, Plp, Value};

/// Text as names have it, beyond the basic plane, too.
pub(super) fn any_name() -> impl Strategy<Value = String> {
    vec(
        prop_oneof![4 => proptest::char::range('a', 'z'), 1 => any::<char>()],
        0..5,
    )
    .prop_map(|chars| chars.into_iter().collect())
}

fn any_table() -> impl Strategy<Value = Vec<String>> {
    vec(any_name(), 0..4)
}

fn any_collation() -> impl Strategy<Value = [u8; 5]> {
    any::<[u8; 5]>()
}

/// Fixed types, and those with a byte of length: what a value of them has.
const FIXED: [(u8, usize); 12] = [
    (0x1f, 0),
    (0x30, 1),
    (0x32, 1),
    (0x34, 2),
    (0x38, 4),
    (0x3a, 4),
    (0x3b, 4),
    (0x3c, 8),
    (0x3d, 8),
    (0x3e, 8),
    (0x7a, 4),
    (0x7f, 8),
];
const LEN8: [(u8, u8); 12] = [
    (0x24, 16),
    (0x26, 1),
    (0x26, 2),
    (0x26, 4),
    (0x26, 8),
    (0x68, 1),
    (0x6d, 4),
    (0x6d, 8),
    (0x6e, 4),
    (0x6e, 8),
    (0x6f, 4),
    (0x6f, 8),
];

/// Types that apps of every version read and write.
pub(super) fn any_old_kind() -> impl Strategy<Value = Kind> {
    let fixed = select(&FIXED[..]).prop_map(|(tag, size)| Kind::Fixed { tag, size });
    let len8 = select(&LEN8[..]).prop_map(|(tag, max)| Kind::Len8 { tag, max });
    let decimal = (select(&[0x6au8, 0x6c][..]), 0..4u8, 1..=38u8, 0..=38u8);
    let decimal = decimal.prop_map(|(tag, size, precision, scale)| Kind::Decimal {
        tag,
        max: 5 + 4 * size,
        precision,
        scale: scale.min(precision),
    });
    let len16 = select(&[0xa5u8, 0xad, 0xa7, 0xaf, 0xe7, 0xef][..]);
    let len16 = (len16, 1..=4000u16, any_collation()).prop_map(|(tag, half, collation)| {
        let collation = (tag != 0xa5 && tag != 0xad).then_some(collation);
        Kind::Len16 {
            tag,
            max: 2 * half,
            collation,
        }
    });
    let long = select(&[0x22u8, 0x23, 0x63][..]);
    let long = (long, any_collation(), any_table()).prop_map(|(tag, collation, table)| {
        let collation = (tag != 0x22).then_some(collation);
        Kind::Long {
            tag,
            max: 0x7fff_fffe,
            collation,
            table,
        }
    });
    let variant = Just(Kind::Variant { max: 8009 });
    prop_oneof![2 => fixed, 2 => len8, 1 => decimal, 3 => len16, 2 => long, 1 => variant]
}

/// Types that came with 7.2 and 7.3.
fn any_new_kind() -> impl Strategy<Value = Kind> {
    let max = (select(&[0xa5u8, 0xa7, 0xe7][..]), any_collation());
    let max = max.prop_map(|(tag, collation)| Kind::Max {
        tag,
        collation: (tag != 0xa5).then_some(collation),
    });
    let schema = proptest::option::of([any_name(), any_name(), any_name()]);
    let xml = schema.prop_map(|schema| Kind::Xml { schema });
    let udt = (
        prop_oneof![Just(0xffff), 1..=8000u16],
        [any_name(), any_name(), any_name()],
        any_name(),
    );
    let udt = udt.prop_map(|(max, names, assembly)| Kind::Udt {
        max,
        names,
        assembly,
    });
    let moment = (0x28..=0x2bu8, 0..=7u8).prop_map(|(tag, scale)| Kind::Moment {
        tag,
        scale: if tag == DATE { 0 } else { scale },
    });
    prop_oneof![3 => max, 2 => xml, 1 => udt, 3 => moment]
}

/// Any type of 7.4.
pub(super) fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![any_old_kind(), any_new_kind()]
}

/// What a value is made of, whatever its type turns out to be.
#[derive(Debug, Clone)]
pub(super) struct Seed {
    is_null: bool,
    number: u64,
    bytes: Vec<u8>,
    times: usize,
}

pub(super) fn any_seed() -> impl Strategy<Value = Seed> {
    let times = prop_oneof![6 => Just(1usize), 1 => 1..100usize];
    (
        proptest::bool::weighted(0.3),
        any::<u64>(),
        vec(any::<u8>(), 0..24),
        times,
    )
        .prop_map(|(is_null, number, bytes, times)| Seed {
            is_null,
            number,
            bytes,
            times,
        })
}

pub(super) fn any_plp() -> impl Strategy<Value = Plp> {
    (any::<bool>(), prop_oneof![1..8usize, 1..5000usize]).prop_map(|(is_total_known, chunk)| Plp {
        is_total_known,
        chunk,
    })
}

impl Seed {
    fn exactly(&self, size: usize) -> Vec<u8> {
        let bytes = self.bytes.iter().copied();
        bytes
            .chain(self.number.to_le_bytes())
            .cycle()
            .take(size)
            .collect()
    }

    fn at_most(&self, max: usize, is_utf16: bool) -> Vec<u8> {
        let mut bytes = self.bytes.repeat(self.times);
        bytes.truncate(max);
        if is_utf16 && bytes.len() % 2 == 1 {
            bytes.pop();
        }
        bytes
    }

    /// The value of a type that this is.
    pub(super) fn value(&self, kind: &Kind, place: Place) -> Value {
        match kind {
            Kind::Fixed { size, .. } => Value::Bytes(self.exactly(*size)),
            _ if self.is_null => Value::Null,
            Kind::Len8 { max, .. } | Kind::Decimal { max, .. } => {
                Value::Bytes(self.exactly(usize::from(*max)))
            }
            Kind::Len16 { tag, max, .. } => {
                Value::Bytes(self.at_most((*max).into(), matches!(tag, 0xe7 | 0xef)))
            }
            Kind::Max { tag, .. } => Value::Bytes(self.at_most(usize::MAX, *tag == 0xe7)),
            Kind::Udt { .. } => Value::Bytes(self.at_most(usize::MAX, false)),
            Kind::Xml { .. } => {
                let mark: &[u8] = if self.number.is_multiple_of(2) {
                    &[0xff, 0xfe]
                } else {
                    &[]
                };
                Value::Bytes([mark, &self.at_most(usize::MAX, true)].concat())
            }
            Kind::Long { tag, .. } => {
                let data = self.at_most(usize::MAX, *tag == 0x63);
                match place {
                    Place::Row => Value::Text {
                        // Sixteen bytes from every server that was seen.
                        pointer: self.exactly(if self.number.is_multiple_of(5) {
                            self.times
                        } else {
                            16
                        }),
                        stamp: self.number.to_le_bytes(),
                        data,
                    },
                    Place::ReturnValue => Value::Bytes(data),
                }
            }
            Kind::Moment { tag, scale } => Value::Moment(self.moment(*tag, *scale)),
            Kind::Variant { .. } => self.variant(),
        }
    }

    fn moment(&self, tag: u8, scale: u8) -> Moment {
        let mut number = self.number;
        let mut below = |end: u32| {
            let rest = number % u64::from(end);
            number = (number / u64::from(end)) ^ self.number.rotate_left(17);
            u32::try_from(rest).unwrap()
        };
        let mut date = match below(8) {
            0 => (1, 1, 1),
            1 => (9999, 12, 31),
            2 => (2000, 2, 29),
            _ => (1 + below(9999), 1 + below(12), 0),
        };
        if date.2 == 0 {
            date.2 = 1 + below(days_of(date.0, date.1));
        }
        let time = (below(24), below(60), below(60));
        let fraction = u64::from(below(10u32.pow(u32::from(scale))));
        let mut offset = i16::try_from(below(1681)).unwrap() - 840;
        // UTC has the same years.
        offset = match date {
            (1, 1, 1) => offset.min(0),
            (9999, 12, 31) => offset.max(0),
            _ => offset,
        };
        Moment {
            tag,
            scale,
            date: if tag == TIME { (1, 1, 1) } else { date },
            time: if tag == DATE { (0, 0, 0) } else { time },
            fraction: if tag == DATE { 0 } else { fraction },
            offset: if tag == DATETIMEOFFSET { offset } else { 0 },
        }
    }

    /// A variant of one of the types that may be in one.
    fn variant(&self) -> Value {
        let choice = usize::try_from(self.number % 26).unwrap();
        let (collation, number) = (self.exactly(5), self.number.to_le_bytes());
        let (base, properties, data) = match choice {
            0..12 => (FIXED[choice].0, Vec::new(), self.exactly(FIXED[choice].1)),
            12 => (0x24, Vec::new(), self.exactly(16)),
            13 | 14 => {
                let base = if choice == 13 { 0x6a } else { 0x6c };
                (base, [38, number[1] % 39].to_vec(), self.exactly(17))
            }
            15 | 16 => {
                let base = if choice == 15 { 0xa5 } else { 0xad };
                (
                    base,
                    8000u16.to_le_bytes().to_vec(),
                    self.at_most(8000, false),
                )
            }
            17..=20 => {
                let base = [0xa7, 0xaf, 0xe7, 0xef][choice - 17];
                let properties = [&collation[..], &8000u16.to_le_bytes()].concat();
                (base, properties, self.at_most(8000, base >= 0xe7))
            }
            21 => (0x32, Vec::new(), [1].to_vec()),
            _ => {
                let tag = 0x28 + u8::try_from(choice - 22).unwrap();
                let scale = if tag == DATE { 0 } else { number[3] % 8 };
                return Value::VariantMoment(self.moment(tag, scale));
            }
        };
        Value::Variant {
            base,
            properties,
            data,
        }
    }
}
