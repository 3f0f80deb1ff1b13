//! A server of 7.4: tokens, messages of them, and packets.

use alloc::string::String;
use alloc::vec::Vec;

use super::types::{Kind, Pen, Place, Plp, Value};

/// A column of a result, or what a parameter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) user_type: u32,
    pub(super) flags: u16,
    pub(super) kind: Kind,
    pub(super) name: String,
}

/// One token, as a server says it or as an app has read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// COLMETADATA; `None` is the count FFFF, "as before".
    Columns(Option<Vec<Column>>),
    /// ROW, or NBCROW.
    Row {
        cells: Vec<Value>,
        is_compressed: bool,
    },
    /// ORDER, COLINFO, SSPI: two bytes of length.
    Counted { tag: u8, body: Vec<u8> },
    /// RETURNSTATUS and OFFSET: four bytes.
    Four { tag: u8, body: [u8; 4] },
    /// TABNAME: tables with the parts of their names.
    Tables(Vec<Vec<String>>),
    /// RETURNVALUE.
    Returned {
        ordinal: u16,
        status: u8,
        column: Column,
        value: Value,
    },
    /// INFO and ERROR.
    Report {
        tag: u8,
        number: u32,
        state: u8,
        class: u8,
        text: String,
        names: [String; 2],
        line: u32,
    },
    /// ENVCHANGE, with everything behind its type.
    Change { kind: u8, values: Vec<u8> },
    /// DONE, DONEPROC, DONEINPROC.
    Done {
        tag: u8,
        status: u16,
        command: u16,
        rows: u64,
    },
    /// A token that only an app which asked for it reads: its bytes.
    Unasked(Vec<u8>),
}

/// The answer to a request.
pub(super) type Message = Vec<Token>;

/// One message as bytes, and where each token of it ends.
pub(super) fn write(
    message: &[Token],
    columns: &mut Vec<Column>,
    manners: &[Plp],
) -> (Vec<u8>, Vec<usize>) {
    let mut pen = Pen::new(manners);
    let mut ends = Vec::new();
    for token in message {
        pen.token(token, columns);
        ends.push(pen.out.len());
    }
    (pen.out, ends)
}

/// Packets of one message, each with at most so many bytes of payload, over and over.
pub(super) fn packets(kind: u8, spid: u16, payload: &[u8], shares: &[usize]) -> Vec<Vec<u8>> {
    let mut rest = payload;
    let mut out = Vec::new();
    for (id, share) in shares.iter().cycle().enumerate() {
        let (now, behind) = rest.split_at((*share).min(rest.len()));
        rest = behind;
        let is_last = rest.is_empty();
        let mut packet = [kind, u8::from(is_last)].to_vec();
        packet.extend_from_slice(&u16::try_from(8 + now.len()).unwrap().to_be_bytes());
        packet.extend_from_slice(&spid.to_be_bytes());
        packet.extend_from_slice(&[u8::try_from((id + 1) & 0xff).unwrap(), 0]);
        packet.extend_from_slice(now);
        out.push(packet);
        if is_last {
            return out;
        }
    }
    out
}

impl Pen<'_> {
    fn token(&mut self, token: &Token, columns: &mut Vec<Column>) {
        match token {
            Token::Columns(None) => self.bytes(&[0x81, 0xff, 0xff]),
            Token::Columns(Some(list)) => {
                self.byte(0x81);
                self.u16(u16::try_from(list.len()).unwrap());
                list.iter().for_each(|column| self.column(column));
                columns.clone_from(list);
            }
            Token::Row {
                cells,
                is_compressed,
            } => self.row(cells, *is_compressed, columns),
            Token::Counted { tag, body } => self.counted(*tag, body),
            Token::Four { tag, body } => {
                self.byte(*tag);
                self.bytes(body);
            }
            Token::Tables(tables) => {
                let mut body = Pen::new(&[]);
                tables.iter().for_each(|table| body.parts(table));
                self.counted(0xa4, &body.out);
            }
            Token::Returned {
                ordinal,
                status,
                column,
                value,
            } => {
                self.byte(0xac);
                self.u16(*ordinal);
                self.b_varchar(&column.name);
                self.byte(*status);
                self.u32(column.user_type);
                self.u16(column.flags);
                self.kind(&column.kind, Place::ReturnValue);
                self.value(&column.kind, value, Place::ReturnValue);
            }
            Token::Report { .. } => self.report(token),
            Token::Change { kind, values } => self.change(*kind, values),
            Token::Done {
                tag,
                status,
                command,
                rows,
            } => {
                self.byte(*tag);
                self.u16(*status);
                self.u16(*command);
                self.bytes(&rows.to_le_bytes());
            }
            Token::Unasked(bytes) => self.bytes(bytes),
        }
    }

    fn counted(&mut self, tag: u8, body: &[u8]) {
        self.byte(tag);
        self.u16(u16::try_from(body.len()).unwrap());
        self.bytes(body);
    }

    fn column(&mut self, column: &Column) {
        self.u32(column.user_type);
        self.u16(column.flags);
        self.kind(&column.kind, Place::Row);
        self.b_varchar(&column.name);
    }

    fn row(&mut self, cells: &[Value], is_compressed: bool, columns: &[Column]) {
        assert_eq!(cells.len(), columns.len());
        self.byte(if is_compressed { 0xd2 } else { 0xd1 });
        if is_compressed {
            for eight in cells.chunks(8) {
                let bits = eight.iter().enumerate();
                let bits = bits.map(|(bit, cell)| u8::from(*cell == Value::Null) << bit);
                self.byte(bits.sum());
            }
        }
        for (cell, column) in cells.iter().zip(columns) {
            if !is_compressed || *cell != Value::Null {
                self.value(&column.kind, cell, Place::Row);
            }
        }
    }

    fn report(&mut self, token: &Token) {
        let Token::Report {
            tag,
            number,
            state,
            class,
            text,
            names,
            line,
        } = token
        else {
            return;
        };
        let mut body = Pen::new(&[]);
        body.u32(*number);
        body.bytes(&[*state, *class]);
        body.us_varchar(text);
        names.iter().for_each(|name| body.b_varchar(name));
        body.u32(*line);
        self.counted(*tag, &body.out);
    }

    /// The length of type 15 counts the type alone (MS-TDS 2.2.7.9, notes).
    fn change(&mut self, kind: u8, values: &[u8]) {
        if kind == 15 {
            self.bytes(&[0xe3, 1, 0, 15]);
            self.bytes(values);
        } else {
            self.counted(0xe3, &[&[kind], values].concat());
        }
    }
}
