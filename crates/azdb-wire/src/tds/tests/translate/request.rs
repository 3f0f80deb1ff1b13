//! What apps up to 7.1 ask: requests, and how such apps write them.

use alloc::string::String;
use alloc::vec::Vec;

use super::app::Old;
use super::server::Column;
use super::types::{Kind, Pen, Place, Value};
use crate::tds::tests::utf16;

/// A procedure by its name, or by one of the numbers that the system's own have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Procedure {
    Named(String),
    Numbered(u16),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) status: u8,
    pub(super) kind: Kind,
    pub(super) value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) procedure: Procedure,
    pub(super) options: u16,
    pub(super) parameters: Vec<Parameter>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Batch(String),
    /// Calls with a separator between them, and maybe one behind the last.
    Calls {
        calls: Vec<Call>,
        is_trailing: bool,
    },
    /// A request to the transaction manager.
    Manager {
        number: u16,
        body: Vec<u8>,
    },
    Bulk {
        columns: Vec<Column>,
        rows: Vec<Vec<Value>>,
        status: u16,
        command: u16,
        count: u64,
    },
    Sspi(Vec<u8>),
}

/// A request on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) request: Request,
    /// RESETCONNECTION (08) or RESETCONNECTIONSKIPTRAN (10), on the first packet.
    pub(super) reset: u8,
    pub(super) end: End,
}

/// How a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    /// With so many bytes of it, and the word that it is to be ignored (02) on its last packet.
    Ignored(usize),
    /// With so many packets of it at most, and an Attention behind them.
    Stopped(usize),
}

impl Request {
    /// The type in the header of its packets.
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::Batch(_) => 0x01,
            Self::Calls { .. } => 0x03,
            Self::Bulk { .. } => 0x07,
            Self::Manager { .. } => 0x0e,
            Self::Sspi(_) => 0x11,
        }
    }

    /// Says of no call that its app knows the columns already.
    pub(super) fn forget_columns(&mut self) {
        if let Self::Calls { calls, .. } = self {
            calls.iter_mut().for_each(|call| call.options &= !2);
        }
    }

    /// The payload as an app of `old` writes it.
    pub(super) fn write(&self, old: Old) -> Vec<u8> {
        let mut pen = Pen::new(&[]);
        match self {
            Self::Batch(text) => return utf16(text),
            Self::Sspi(blob) => return blob.clone(),
            Self::Manager { number, body } => {
                pen.u16(*number);
                pen.bytes(body);
            }
            Self::Calls { calls, is_trailing } => {
                for (index, call) in calls.iter().enumerate() {
                    if index > 0 {
                        pen.byte(0x80);
                    }
                    pen.call(old, call);
                }
                if *is_trailing {
                    pen.byte(0x80);
                }
            }
            Self::Bulk {
                columns,
                rows,
                status,
                command,
                count,
            } => {
                pen.bulk(old, columns, rows);
                pen.byte(0xfd);
                pen.u16(*status);
                pen.u16(*command);
                pen.u32(u32::try_from(*count).unwrap());
            }
        }
        pen.out
    }
}

/// 7.0 has no collations.
fn as_written(old: Old, kind: &Kind) -> Kind {
    match kind.clone() {
        Kind::Len16 { tag, max, .. } if old == Old::V70 => Kind::Len16 {
            tag,
            max,
            collation: None,
        },
        Kind::Long {
            tag, max, table, ..
        } if old == Old::V70 => Kind::Long {
            tag,
            max,
            collation: None,
            table,
        },
        same => same,
    }
}

impl Pen<'_> {
    fn call(&mut self, old: Old, call: &Call) {
        match &call.procedure {
            Procedure::Named(name) => self.us_varchar(name),
            Procedure::Numbered(number) => {
                self.u16(0xffff);
                self.u16(*number);
            }
        }
        self.u16(call.options);
        for parameter in &call.parameters {
            self.b_varchar(&parameter.name);
            self.byte(parameter.status);
            self.kind(&as_written(old, &parameter.kind), Place::ReturnValue);
            self.value(&parameter.kind, &parameter.value, Place::ReturnValue);
        }
    }

    fn bulk(&mut self, old: Old, columns: &[Column], rows: &[Vec<Value>]) {
        self.byte(0x81);
        self.u16(u16::try_from(columns.len()).unwrap());
        for column in columns {
            self.u16(u16::try_from(column.user_type).unwrap());
            self.u16(column.flags);
            self.kind(&as_written(old, &column.kind), Place::ReturnValue);
            if let Kind::Long { table, .. } = &column.kind {
                self.us_varchar(&table[0]);
            }
            self.b_varchar(&column.name);
        }
        for row in rows {
            self.byte(0xd1);
            for (column, cell) in columns.iter().zip(row) {
                self.value(&column.kind, cell, Place::Row);
            }
        }
    }
}

impl Sent {
    /// Packets of it as an app of `old` sends them, each with at most so many bytes of payload.
    pub(super) fn packets(&self, old: Old, shares: &[usize]) -> Vec<Vec<u8>> {
        let kind = self.request.kind();
        let mut payload = self.request.write(old);
        if let End::Ignored(count) = self.end {
            payload.truncate(count);
        }
        let mut packets = super::server::packets(kind, 0, &payload, shares);
        packets[0][1] |= self.reset;
        match self.end {
            End::Whole => {}
            End::Ignored(_) => packets.last_mut().unwrap()[1] |= 0x02,
            End::Stopped(count) => {
                packets.truncate(count.min(packets.len() - 1));
                packets.push([6, 1, 0, 8, 0, 0, 1, 0].to_vec());
            }
        }
        packets
    }
}
