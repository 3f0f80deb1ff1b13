//! Table variables as drivers have them: declared, filled by one catalog procedure, and read.

use super::super::token::{Refusal, done};
use super::batch::bare;
use super::relation::Relation;
use super::scalar::list;
use super::{Engine, Sink, unknown};

/// A table variable.
pub(super) struct TableVariable {
    pub(super) name: String,
    /// Of its columns, in lower case. Their types are those of what fills them.
    declared: Vec<String>,
    pub(super) content: Relation,
}

/// An insertion as DONE names it.
const INSERT: u16 = 0xc3;

impl Engine {
    /// `DECLARE @name TABLE (column type, …)`.
    pub(super) fn declare_table(&mut self, name: &str, columns: &[&str]) {
        let columns = list(columns).into_iter();
        self.table_variables.push(TableVariable {
            name: name.to_owned(),
            declared: columns
                .filter_map(|words| words.first().map(|name| bare(name)))
                .collect(),
            content: Relation::default(),
        });
    }

    /// `INSERT INTO @name EXEC procedure arguments`.
    pub(super) fn fill(
        &mut self,
        name: &str,
        call: &[&str],
        sink: &mut Sink<'_>,
    ) -> Result<(), Refusal> {
        let Some((procedure, arguments)) = call.split_first() else {
            return Err(unknown("EXEC without a name"));
        };
        let Some(filling) = self.asked(&bare(procedure), arguments)? else {
            return Err(unknown(&format!("EXEC {}", call.concat())));
        };
        let mut known = self.table_variables.iter_mut();
        let Some(variable) = known.find(|variable| variable.name == name) else {
            let text = format!("Must declare the table variable \"{name}\".");
            return Err(Refusal::new(1087, text).class(15));
        };
        let columns = filling.columns.iter();
        if !columns
            .map(|column| column.name.to_ascii_lowercase())
            .eq(variable.declared.iter().cloned())
        {
            return Err(unknown(
                "a table variable with other columns than the procedure's",
            ));
        }
        variable.content = filling.into();
        let count = u64::try_from(variable.content.rows.len()).unwrap_or(u64::MAX);
        if !self.options.nocount {
            sink.done(self.status() | done::COUNT, INSERT, count);
        }
        Ok(())
    }
}
