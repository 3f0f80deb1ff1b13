//! What an app must read of what a server says: the tables once more, as one function from values to values.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::app::Old;
use super::calendar::{DATE, Moment, literal_units};
use super::server::{Column, Token};
use super::types::{Kind, Place, Value};
use crate::tds::tests::utf16;

/// The collation of the login, for values that had none.
pub(super) const COLLATION: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];

/// What SQL Server sends where there is no pointer.
const POINTER: &[u8; 16] = b"dummy textptr\0\0\0";
const STAMP: [u8; 8] = *b"dummyTS\0";

/// What an app of `old` reads, message by message.
#[derive(Debug, Clone)]
pub(super) struct Oracle {
    old: Old,
    columns: Vec<Column>,
    collation: [u8; 5],
}

impl Oracle {
    pub(super) fn new(old: Old) -> Self {
        Self {
            old,
            columns: Vec::new(),
            collation: COLLATION,
        }
    }

    /// What the app reads of a message.
    pub(super) fn hears(&mut self, message: &[Token]) -> Vec<Token> {
        let seen = message.iter().filter_map(|token| {
            match token {
                Token::Columns(Some(list)) => self.columns.clone_from(list),
                Token::Change { kind: 7, values } => {
                    self.collation = values[1..6].try_into().unwrap();
                }
                _ => {}
            }
            self.seen(token)
        });
        let mut seen: Vec<_> = seen.collect();
        seen.retain(|token| is_comparable(self.old, token));
        seen
    }

    fn seen(&self, token: &Token) -> Option<Token> {
        let old = self.old;
        let is_narrow = old.is_narrow();
        Some(match token.clone() {
            Token::Columns(list) => Token::Columns(list.map(|list| {
                let list = list.into_iter();
                list.map(|it| self.column(it, Place::Row)).collect()
            })),
            Token::Row { cells, .. } => Token::Row {
                cells: cells
                    .into_iter()
                    .zip(&self.columns)
                    .map(|(cell, column)| self.value(&column.kind, cell, Place::Row))
                    .collect(),
                is_compressed: false,
            },
            Token::Tables(tables) if old < Old::V71Revision1 => {
                let joined = |table: Vec<String>| [table.join(".")].to_vec();
                Token::Tables(tables.into_iter().map(joined).collect())
            }
            Token::Returned {
                ordinal,
                status,
                column: it,
                value: cell,
            } => Token::Returned {
                ordinal,
                status,
                value: self.value(&it.kind, cell, old.returned()),
                column: self.column(it, old.returned()),
            },
            Token::Report {
                tag,
                number,
                state,
                class,
                text,
                names,
                line,
            } => Token::Report {
                tag,
                number,
                state,
                class,
                text,
                names,
                line: if is_narrow { line.min(0xffff) } else { line },
            },
            Token::Change { kind, .. } if is_narrow && kind > 7 => return None,
            Token::Change {
                kind: 13 | 20 | 21, ..
            }
            | Token::Unasked(_) => return None,
            Token::Done {
                tag,
                status,
                command,
                rows,
            } => Token::Done {
                tag,
                status,
                command,
                rows: if is_narrow {
                    rows.min(u32::MAX.into())
                } else {
                    rows
                },
            },
            same => same,
        })
    }

    fn column(&self, column: Column, place: Place) -> Column {
        let old = self.old;
        let is_narrow = old.is_narrow();
        Column {
            user_type: if is_narrow {
                column.user_type & 0xffff
            } else {
                column.user_type
            },
            flags: column.flags & old.flags(),
            kind: self.kind(column.kind, place),
            name: column.name,
        }
    }

    /// The type that an app reads in place of a type of 7.4.
    fn kind(&self, kind: Kind, place: Place) -> Kind {
        let old = self.old;
        let with = |collation| {
            if old == Old::V70 { None } else { collation }
        };
        let long = |tag, max, collation| Kind::Long {
            tag,
            max,
            collation: with(collation),
            table: match place {
                Place::Row => [String::new()].to_vec(),
                Place::ReturnValue => Vec::new(),
            },
        };
        match kind {
            Kind::Len16 {
                tag,
                max,
                collation,
            } => Kind::Len16 {
                tag,
                max,
                collation: with(collation),
            },
            Kind::Long {
                tag,
                max,
                collation,
                table,
            } if old.is_narrow() => Kind::Long {
                tag,
                max,
                collation: with(collation),
                table: match place {
                    Place::Row => [table.join(".")].to_vec(),
                    Place::ReturnValue => Vec::new(),
                },
            },
            Kind::Max { tag, collation } if old.is_narrow() => match tag {
                0xa7 => long(0x23, 0x7fff_ffff, collation),
                0xe7 => long(0x63, 0x7fff_fffe, collation),
                _ => long(0x22, 0x7fff_ffff, None),
            },
            Kind::Xml { .. } if old.is_narrow() => long(0x63, 0x7fff_fffe, Some(self.collation)),
            Kind::Udt { .. } if old.is_narrow() => long(0x22, 0x7fff_ffff, None),
            Kind::Udt { max: 0xffff, .. } if old == Old::V72 && place == Place::Row => Kind::Max {
                tag: 0xa5,
                collation: None,
            },
            bigint if old == Old::V70 && is_bigint(&bigint) => Kind::Decimal {
                tag: 0x6a,
                max: 9,
                precision: 19,
                scale: 0,
            },
            Kind::Moment { tag, scale } if old < Old::V73A => Kind::Len16 {
                tag: 0xe7,
                max: 2 * literal_units(tag, scale),
                collation: with(Some(self.collation)),
            },
            same => same,
        }
    }

    fn value(&self, kind: &Kind, value: Value, place: Place) -> Value {
        let old = self.old;
        match value {
            Value::Bytes(bytes) if old == Old::V70 && is_bigint(kind) => {
                let number = i64::from_le_bytes(bytes.try_into().unwrap());
                let sign = [u8::from(number >= 0)];
                Value::Bytes([&sign[..], &number.unsigned_abs().to_le_bytes()].concat())
            }
            Value::Bytes(bytes) if old.is_narrow() => {
                let data = match kind {
                    Kind::Xml { .. } => {
                        bytes.strip_prefix(&[0xff, 0xfe]).unwrap_or(&bytes).to_vec()
                    }
                    _ => bytes,
                };
                match kind {
                    Kind::Max { .. } | Kind::Xml { .. } | Kind::Udt { .. } | Kind::Long { .. }
                        if place == Place::Row =>
                    {
                        Value::Text {
                            pointer: POINTER.to_vec(),
                            stamp: STAMP,
                            data,
                        }
                    }
                    _ => Value::Bytes(data),
                }
            }
            Value::Moment(moment) if old < Old::V73A => Value::Bytes(utf16(&moment.literal())),
            Value::Moment(moment) => Value::Bytes(moment.wire()),
            Value::VariantMoment(moment) => self.variant(moment),
            same => same,
        }
    }

    fn variant(&self, moment: Moment) -> Value {
        if self.old == Old::V73A {
            return Value::Variant {
                base: moment.tag,
                properties: match moment.tag {
                    DATE => Vec::new(),
                    _ => [moment.scale].to_vec(),
                },
                data: moment.wire(),
            };
        }
        let max = 2 * literal_units(moment.tag, moment.scale);
        Value::Variant {
            base: 0xe7,
            properties: [&self.collation[..], &max.to_le_bytes()].concat(),
            data: utf16(&moment.literal().to_string()),
        }
    }
}

/// Integers of eight bytes, which 7.0 has not.
fn is_bigint(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Fixed { tag: 0x7f, .. } | Kind::Len8 { tag: 0x26, max: 8 }
    )
}

/// ENVCHANGE 3, 5, 6 and 7 tell of the same thing; which of them an app of 7.0 reads after its login is nowhere written.
pub(super) fn is_comparable(old: Old, token: &Token) -> bool {
    !matches!(token, Token::Change { kind: 3 | 5 | 6 | 7, .. } if old == Old::V70)
}
