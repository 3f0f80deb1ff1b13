//! Cursors. There are none: a client that would take the rows at once instead (`ALLOW_DIRECT`), and only reads on, gets them.

use super::super::token::Refusal;
use super::super::value::{Datum, Parameter, SqlType};
use super::procedure::{Kept, give_back, handle, text};
use super::{Engine, Sink, unknown};

/// Of what a client wants of a cursor: that it only goes on, by either name.
const FORWARD: [i64; 2] = [0x04, 0x10];
/// That it has parameters.
const PARAMETERIZED: i64 = 0x1000;
/// Of how it may be told: that it only reads, and that there need not be one.
const READ_ONLY_OR_DIRECT: i64 = 0x2001;

/// The cursor that there is not.
const NO_CURSOR: Datum = Datum::Int(0);

impl Engine {
    /// A procedure that opens a cursor, by its name.
    pub(super) async fn open_cursor(
        &mut self,
        name: &str,
        parameters: Vec<Parameter>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let mut given = parameters.into_iter();
        let prepared = if name == "sp_cursoropen" {
            None
        } else {
            given.next()
        };
        let cursor = given.next();
        let kept = match name {
            "sp_cursorexecute" => self.kept(handle(prepared.clone()))?,
            "sp_cursorprepexec" => Kept {
                declarations: text(given.next()),
                text: text(given.next()),
            },
            _ => Kept {
                declarations: String::new(),
                text: text(given.next()),
            },
        };
        let scrolls = i64::from(handle(given.next())) & !PARAMETERIZED;
        let told = i64::from(handle(given.next()));
        if !FORWARD.contains(&scrolls) || told != READ_ONLY_OR_DIRECT {
            return Err(unknown("the procedure of a cursor"));
        }
        // How many rows there are, which nobody is told.
        given.next();
        self.run_kept(&kept, given.collect(), sink).await?;
        sink.tokens().return_status(0);
        let mut ordinal = 0;
        if let Some(prepared) = prepared {
            if prepared.is_output {
                let handle = Datum::Int(self.keep(kept).into());
                give_back((0, &prepared.name), SqlType::Int, &handle, sink)?;
            }
            ordinal = 1;
        }
        let name = cursor.map_or_else(String::new, |cursor| cursor.name);
        give_back((ordinal, &name), SqlType::Int, &NO_CURSOR, sink)
    }
}
