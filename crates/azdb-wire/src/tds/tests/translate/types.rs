//! What a column is and what stands in it, and how a server of 7.4 writes both.

use alloc::string::String;
use alloc::vec::Vec;

use super::calendar::{DATE, Moment};
use crate::tds::push_utf16;

/// A collation, whole or left out.
pub(super) type Collation = Option<[u8; 5]>;

/// A type, with everything that TYPE_INFO says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// No length anywhere.
    Fixed { tag: u8, size: usize },
    /// One byte of length; 0 is NULL.
    Len8 { tag: u8, max: u8 },
    /// The same, with precision and scale.
    Decimal {
        tag: u8,
        max: u8,
        precision: u8,
        scale: u8,
    },
    /// Two bytes of length; FFFF is NULL.
    Len16 {
        tag: u8,
        max: u16,
        collation: Collation,
    },
    /// varchar(max) and its like: a maximum of FFFF.
    Max { tag: u8, collation: Collation },
    /// text, ntext and image.
    Long {
        tag: u8,
        max: u32,
        collation: Collation,
        table: Vec<String>,
    },
    /// xml, with a schema or without.
    Xml { schema: Option<[String; 3]> },
    /// A type of the user's; a parameter has neither `max` nor `assembly`.
    Udt {
        max: u16,
        names: [String; 3],
        assembly: String,
    },
    /// The four types of dates.
    Moment { tag: u8, scale: u8 },
    /// sql_variant.
    Variant { max: u32 },
}

impl Kind {
    /// What is said of it where it is no column's.
    pub(super) fn of_parameter(mut self) -> Self {
        match &mut self {
            Self::Long { table, .. } => table.clear(),
            Self::Udt { max, assembly, .. } => {
                *max = 0;
                assembly.clear();
            }
            _ => {}
        }
        self
    }
}

/// What stands in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bytes(Vec<u8>),
    /// text, ntext or image in a row.
    Text {
        pointer: Vec<u8>,
        stamp: [u8; 8],
        data: Vec<u8>,
    },
    /// A variant: the type in it, that type's properties, its bytes.
    Variant {
        base: u8,
        properties: Vec<u8>,
        data: Vec<u8>,
    },
    /// What only a server of 7.4 says.
    Moment(Moment),
    /// The same inside a variant.
    VariantMoment(Moment),
}

/// How a server says a value whose length it may not know yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plp {
    pub(super) is_total_known: bool,
    pub(super) chunk: usize,
}

/// Where TYPE_INFO and values stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Row,
    ReturnValue,
}

/// What a server of 7.4 has written.
#[derive(Debug)]
pub(super) struct Pen<'a> {
    pub(super) out: Vec<u8>,
    manners: &'a [Plp],
    turn: usize,
}

impl<'a> Pen<'a> {
    /// Values of unknown length are written in these manners, one after the other and over again.
    pub(super) fn new(manners: &'a [Plp]) -> Self {
        Self {
            out: Vec::new(),
            manners,
            turn: 0,
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    pub(super) fn u16(&mut self, number: u16) {
        self.bytes(&number.to_le_bytes());
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    pub(super) fn len32(&mut self, length: usize) {
        self.u32(u32::try_from(length).unwrap());
    }

    pub(super) fn b_varchar(&mut self, text: &str) {
        self.byte(u8::try_from(units(text)).unwrap());
        push_utf16(text, &mut self.out);
    }

    pub(super) fn us_varchar(&mut self, text: &str) {
        self.u16(u16::try_from(units(text)).unwrap());
        push_utf16(text, &mut self.out);
    }

    pub(super) fn parts(&mut self, parts: &[String]) {
        self.byte(u8::try_from(parts.len()).unwrap());
        for part in parts {
            self.us_varchar(part);
        }
    }

    pub(super) fn kind(&mut self, kind: &Kind, place: Place) {
        match kind {
            Kind::Fixed { tag, .. } => self.byte(*tag),
            Kind::Len8 { tag, max } => self.bytes(&[*tag, *max]),
            Kind::Decimal {
                tag,
                max,
                precision,
                scale,
            } => self.bytes(&[*tag, *max, *precision, *scale]),
            Kind::Len16 {
                tag,
                max,
                collation,
            } => {
                self.byte(*tag);
                self.u16(*max);
                self.collation(*collation);
            }
            Kind::Max { tag, collation } => {
                self.bytes(&[*tag, 0xff, 0xff]);
                self.collation(*collation);
            }
            Kind::Long {
                tag,
                max,
                collation,
                table,
            } => {
                self.byte(*tag);
                self.u32(*max);
                self.collation(*collation);
                if place == Place::Row {
                    self.parts(table);
                }
            }
            Kind::Xml { schema: None } => self.bytes(&[0xf1, 0]),
            Kind::Xml {
                schema: Some([database, owner, collection]),
            } => {
                self.bytes(&[0xf1, 1]);
                self.b_varchar(database);
                self.b_varchar(owner);
                self.us_varchar(collection);
            }
            Kind::Udt {
                max,
                names,
                assembly,
            } => self.udt(*max, names, assembly, place),
            Kind::Moment { tag: DATE, .. } => self.byte(DATE),
            Kind::Moment { tag, scale } => self.bytes(&[*tag, *scale]),
            Kind::Variant { max } => {
                self.byte(0x62);
                self.u32(*max);
            }
        }
    }

    fn collation(&mut self, collation: Collation) {
        if let Some(collation) = collation {
            self.bytes(&collation);
        }
    }

    fn udt(&mut self, max: u16, names: &[String; 3], assembly: &str, place: Place) {
        self.byte(0xf0);
        if place == Place::Row {
            self.u16(max);
        }
        for name in names {
            self.b_varchar(name);
        }
        if place == Place::Row {
            self.us_varchar(assembly);
        }
    }

    pub(super) fn value(&mut self, kind: &Kind, value: &Value, place: Place) {
        match (kind, value) {
            (Kind::Fixed { .. }, Value::Bytes(bytes)) => self.bytes(bytes),
            (Kind::Fixed { .. }, _) => unreachable!("no NULL there"),
            (Kind::Len8 { .. } | Kind::Decimal { .. } | Kind::Moment { .. }, value) => {
                let bytes = match value {
                    Value::Bytes(bytes) => bytes.clone(),
                    Value::Moment(moment) => moment.wire(),
                    _ => Vec::new(),
                };
                self.byte(u8::try_from(bytes.len()).unwrap());
                self.bytes(&bytes);
            }
            (Kind::Len16 { .. }, Value::Bytes(bytes)) => {
                self.u16(u16::try_from(bytes.len()).unwrap());
                self.bytes(bytes);
            }
            (Kind::Len16 { .. }, _) => self.u16(0xffff),
            (Kind::Long { .. }, value) => self.long(value, place),
            (Kind::Max { .. } | Kind::Xml { .. } | Kind::Udt { .. }, Value::Bytes(bytes)) => {
                self.plp(bytes);
            }
            (Kind::Max { .. } | Kind::Xml { .. } | Kind::Udt { .. }, _) => self.bytes(&[0xff; 8]),
            (Kind::Variant { .. }, value) => self.variant(value),
        }
    }

    fn long(&mut self, value: &Value, place: Place) {
        match (value, place) {
            (
                Value::Text {
                    pointer,
                    stamp,
                    data,
                },
                Place::Row,
            ) => {
                self.byte(u8::try_from(pointer.len()).unwrap());
                self.bytes(pointer);
                self.bytes(stamp);
                self.len32(data.len());
                self.bytes(data);
            }
            (Value::Text { data, .. } | Value::Bytes(data), _) => {
                self.len32(data.len());
                self.bytes(data);
            }
            (_, Place::Row) => self.byte(0),
            (_, Place::ReturnValue) => self.u32(0xffff_ffff),
        }
    }

    fn plp(&mut self, bytes: &[u8]) {
        let manner = self.manners[self.turn % self.manners.len()];
        self.turn += 1;
        let total = if manner.is_total_known {
            u64::try_from(bytes.len()).unwrap()
        } else {
            0xffff_ffff_ffff_fffe
        };
        self.bytes(&total.to_le_bytes());
        for chunk in bytes.chunks(manner.chunk) {
            self.len32(chunk.len());
            self.bytes(chunk);
        }
        self.u32(0);
    }

    fn variant(&mut self, value: &Value) {
        let (base, properties, data) = match value {
            Value::Variant {
                base,
                properties,
                data,
            } => (*base, properties.clone(), data.clone()),
            Value::VariantMoment(moment) if moment.tag == DATE => (DATE, Vec::new(), moment.wire()),
            Value::VariantMoment(moment) => (moment.tag, [moment.scale].to_vec(), moment.wire()),
            _ => return self.u32(0),
        };
        self.len32(2 + properties.len() + data.len());
        self.byte(base);
        self.byte(u8::try_from(properties.len()).unwrap());
        self.bytes(&properties);
        self.bytes(&data);
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}
