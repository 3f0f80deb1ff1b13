//! What apps of older versions read: a reader of 7.0, 7.1, 7.1 revision 1, 7.2 and 7.3A, as the tables of MS-TDS and the sources
//! of jTDS and FreeTDS have it. It refuses what its version does not know.

use alloc::format;
use alloc::vec::Vec;

use super::cursor::{Cursor, Read, Stop, bad};
use super::server::{Column, Token};
use super::types::{Collation, Kind, Place};
use super::value::value;
use crate::tds::Version;

/// What an app reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Old {
    V70,
    V71,
    V71Revision1,
    V72,
    V73A,
}

impl Old {
    pub(super) const ALL: [Self; 5] = [
        Self::V70,
        Self::V71,
        Self::V71Revision1,
        Self::V72,
        Self::V73A,
    ];

    pub(super) fn version(self) -> Version {
        match self {
            Self::V70 => Version::V7_0,
            Self::V71 => Version::from_login(0x7100_0000),
            Self::V71Revision1 => Version::V7_1,
            Self::V72 => Version::V7_2,
            Self::V73A => Version::V7_3A,
        }
    }

    /// Before SQL Server 2005.
    pub(super) fn is_narrow(self) -> bool {
        self < Self::V72
    }

    /// How it reads what procedures return: with tables and pointers, as old drivers do.
    pub(super) fn returned(self) -> Place {
        match self.is_narrow() {
            true => Place::Row,
            false => Place::ReturnValue,
        }
    }

    /// Flags of a column that it knows.
    pub(super) fn flags(self) -> u16 {
        if self.is_narrow() { 0x00df } else { 0xf3ff }
    }
}

/// An app in the middle of an answer.
#[derive(Debug)]
pub(super) struct App {
    old: Old,
    columns: Vec<Column>,
}

impl App {
    pub(super) fn new(old: Old) -> Self {
        let columns = Vec::new();
        Self { old, columns }
    }

    /// Reads the whole tokens that a message begins with.
    pub(super) fn read(&mut self, payload: &[u8]) -> Result<(Vec<Token>, usize), Stop> {
        let mut cursor = Cursor::new(payload);
        let mut tokens = Vec::new();
        while !cursor.rest.is_empty() {
            let mut ahead = cursor;
            match self.token(&mut ahead) {
                Ok(token) => tokens.push(token),
                Err(Stop::Short) => break,
                Err(stop) => return Err(Stop::Bad(format!("{stop:?} behind {tokens:?}"))),
            }
            cursor = ahead;
        }
        Ok((tokens, payload.len() - cursor.rest.len()))
    }

    fn token(&mut self, cursor: &mut Cursor<'_>) -> Read<Token> {
        match cursor.u8()? {
            0x81 => self.columns(cursor),
            0xd1 => self.row(cursor),
            tag @ (0xa5 | 0xa9 | 0xed) => {
                let length = cursor.u16()?;
                let body = cursor.take(length.into())?.to_vec();
                Ok(Token::Counted { tag, body })
            }
            tag @ (0x78 | 0x79) => Ok(Token::Four {
                tag,
                body: cursor.array()?,
            }),
            0xa4 => self.tables(cursor),
            0xac => self.returned(cursor),
            tag @ (0xaa | 0xab) => self.report(tag, cursor),
            0xe3 => self.change(cursor),
            tag @ 0xfd..=0xff => Ok(Token::Done {
                tag,
                status: cursor.u16()?,
                command: cursor.u16()?,
                rows: if self.old.is_narrow() {
                    cursor.u32()?.into()
                } else {
                    cursor.u64()?
                },
            }),
            tag => bad(format!("token {tag:02x}")),
        }
    }

    fn user_type(&self, cursor: &mut Cursor<'_>) -> Read<u32> {
        if self.old.is_narrow() {
            cursor.u16().map(u32::from)
        } else {
            cursor.u32()
        }
    }

    fn columns(&mut self, cursor: &mut Cursor<'_>) -> Read<Token> {
        let count = cursor.u16()?;
        if count == 0xffff {
            return Ok(Token::Columns(None));
        }
        let mut columns = Vec::new();
        for _ in 0..count {
            let user_type = self.user_type(cursor)?;
            let flags = cursor.u16()?;
            if flags & !self.old.flags() != 0 {
                return bad(format!("flags {flags:04x} of a column"));
            }
            columns.push(Column {
                user_type,
                flags,
                kind: self.kind(cursor, Place::Row)?,
                name: cursor.b_varchar()?,
            });
        }
        self.columns.clone_from(&columns);
        Ok(Token::Columns(Some(columns)))
    }

    fn row(&self, cursor: &mut Cursor<'_>) -> Read<Token> {
        let cells = self.columns.iter();
        let cells = cells.map(|column| value(&column.kind, cursor, Place::Row));
        Ok(Token::Row {
            cells: cells.collect::<Read<_>>()?,
            is_compressed: false,
        })
    }

    fn tables(&self, cursor: &mut Cursor<'_>) -> Read<Token> {
        let length = cursor.u16()?;
        let mut body = Cursor::new(cursor.take(length.into())?);
        let mut tables = Vec::new();
        while !body.rest.is_empty() {
            tables.push(if self.old < Old::V71Revision1 {
                [body.us_varchar()?].to_vec()
            } else {
                body.parts()?
            });
        }
        Ok(Token::Tables(tables))
    }

    fn returned(&self, cursor: &mut Cursor<'_>) -> Read<Token> {
        let ordinal = cursor.u16()?;
        let name = cursor.b_varchar()?;
        let status = cursor.u8()?;
        let user_type = self.user_type(cursor)?;
        let flags = cursor.u16()? & self.old.flags();
        let kind = self.kind(cursor, self.old.returned())?;
        let value = value(&kind, cursor, self.old.returned())?;
        Ok(Token::Returned {
            ordinal,
            status,
            column: Column {
                user_type,
                flags,
                kind,
                name,
            },
            value,
        })
    }

    /// As FreeTDS does, by its fields; jTDS skips by its length. Both must come to the same end.
    fn report(&self, tag: u8, cursor: &mut Cursor<'_>) -> Read<Token> {
        let length = cursor.u16()?;
        let mut body = Cursor::new(cursor.take(length.into())?);
        let body = &mut body;
        let report = Token::Report {
            tag,
            number: body.u32()?,
            state: body.u8()?,
            class: body.u8()?,
            text: body.us_varchar()?,
            names: [body.b_varchar()?, body.b_varchar()?],
            line: if self.old.is_narrow() {
                body.u16()?.into()
            } else {
                body.u32()?
            },
        };
        match body.rest {
            [] => Ok(report),
            rest => bad(format!("{} bytes behind {report:?}", rest.len())),
        }
    }

    fn change(&self, cursor: &mut Cursor<'_>) -> Read<Token> {
        let length = cursor.u16()?;
        let mut body = Cursor::new(cursor.take(length.into())?);
        let kind = body.u8()?;
        if self.old.is_narrow() && kind > 7 || matches!(kind, 13 | 20..) {
            return bad(format!("ENVCHANGE {kind}"));
        }
        let mut values = body.rest.to_vec();
        if kind == 15 {
            let token = cursor.array::<4>()?;
            let behind = usize::try_from(u32::from_le_bytes(token)).unwrap() + 1;
            values = [&token[..], cursor.take(behind)?].concat();
        }
        Ok(Token::Change { kind, values })
    }

    fn collation(&self, cursor: &mut Cursor<'_>) -> Read<Collation> {
        if self.old == Old::V70 {
            return Ok(None);
        }
        cursor.array().map(Some)
    }

    fn kind(&self, cursor: &mut Cursor<'_>, place: Place) -> Read<Kind> {
        let tag = cursor.u8()?;
        Ok(match tag {
            0x1f => Kind::Fixed { tag, size: 0 },
            0x30 | 0x32 => Kind::Fixed { tag, size: 1 },
            0x34 => Kind::Fixed { tag, size: 2 },
            0x38 | 0x3a | 0x3b | 0x7a => Kind::Fixed { tag, size: 4 },
            0x3c | 0x3d | 0x3e | 0x7f => Kind::Fixed { tag, size: 8 },
            0x24 | 0x26 | 0x68 | 0x6d | 0x6e | 0x6f => Kind::Len8 {
                tag,
                max: cursor.u8()?,
            },
            0x6a | 0x6c => Kind::Decimal {
                tag,
                max: cursor.u8()?,
                precision: cursor.u8()?,
                scale: cursor.u8()?,
            },
            0xa5 | 0xad | 0xa7 | 0xaf | 0xe7 | 0xef => self.len16(tag, cursor)?,
            0x22 | 0x23 | 0x63 => self.long(tag, cursor, place)?,
            0x62 => Kind::Variant { max: cursor.u32()? },
            0xf0 | 0xf1 if !self.old.is_narrow() => self.wide(tag, cursor, place)?,
            0x28 if self.old == Old::V73A => Kind::Moment { tag, scale: 0 },
            0x29..=0x2b if self.old == Old::V73A => Kind::Moment {
                tag,
                scale: cursor.u8()?,
            },
            tag => return bad(format!("type {tag:02x} at {place:?}")),
        })
    }

    fn len16(&self, tag: u8, cursor: &mut Cursor<'_>) -> Read<Kind> {
        let max = cursor.u16()?;
        let collation = match tag {
            0xa5 | 0xad => None,
            _ => self.collation(cursor)?,
        };
        match max {
            0..=8000 => Ok(Kind::Len16 {
                tag,
                max,
                collation,
            }),
            0xffff if !self.old.is_narrow() => Ok(Kind::Max { tag, collation }),
            _ => bad(format!("type {tag:02x} of {max} bytes")),
        }
    }

    fn long(&self, tag: u8, cursor: &mut Cursor<'_>, place: Place) -> Read<Kind> {
        Ok(Kind::Long {
            tag,
            max: cursor.u32()?,
            collation: match tag {
                0x22 => None,
                _ => self.collation(cursor)?,
            },
            table: match place {
                Place::ReturnValue => Vec::new(),
                Place::Row if self.old.is_narrow() => [cursor.us_varchar()?].to_vec(),
                Place::Row => cursor.parts()?,
            },
        })
    }

    /// xml and UDT, from 7.2 on. A UDT of more than 8,000 bytes is for 7.3.
    fn wide(&self, tag: u8, cursor: &mut Cursor<'_>, place: Place) -> Read<Kind> {
        let is_row = place == Place::Row;
        if tag == 0xf1 {
            let schema = match cursor.u8()? {
                0 => None,
                _ => Some([
                    cursor.b_varchar()?,
                    cursor.b_varchar()?,
                    cursor.us_varchar()?,
                ]),
            };
            return Ok(Kind::Xml { schema });
        }
        let max = if is_row { cursor.u16()? } else { 0 };
        if max > 8000 && self.old == Old::V72 {
            return bad("a large UDT");
        }
        Ok(Kind::Udt {
            max,
            names: [
                cursor.b_varchar()?,
                cursor.b_varchar()?,
                cursor.b_varchar()?,
            ],
            assembly: match place {
                Place::Row => cursor.us_varchar()?,
                Place::ReturnValue => Default::default(),
            },
        })
    }
}
