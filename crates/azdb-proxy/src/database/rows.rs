//! What a query gives, as text.

use super::Refusal;

/// Most bytes of text in the rows of an answer: what is asked here is short, and a server may answer without end.
const MOST: usize = 1024 * 1024;

/// Rows of text; `None` stands for null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Names, as the database has them.
    pub(crate) columns: Vec<String>,
    /// As many cells in each as there are columns.
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

/// Rows that are coming.
#[derive(Debug, Default)]
pub(super) struct Coming {
    pub(super) rows: Rows,
    bytes: usize,
}

impl Coming {
    /// An answer that begins.
    pub(super) fn of(columns: Vec<String>) -> Self {
        let rows = Vec::new();
        Self {
            rows: Rows { columns, rows },
            bytes: 0,
        }
    }

    /// One row more.
    ///
    /// # Errors
    ///
    /// When it is too much.
    pub(super) fn push(&mut self, row: Vec<Option<String>>) -> Result<(), Refusal> {
        // A cell of nothing takes room, too.
        let cells = row
            .iter()
            .map(|cell| 32 + cell.as_ref().map_or(0, String::len));
        self.bytes = self.bytes.saturating_add(cells.sum());
        if self.bytes > MOST {
            return Err(Refusal::because("the answer is longer than 1 MiB"));
        }
        self.rows.rows.push(row);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_end_is_given_up() {
        for cell in [None, Some(String::new()), Some("x".repeat(4096))] {
            let mut rows = Coming::of(vec!["a".to_owned()]);
            let taken = (0..1_000_000).take_while(|_| rows.push(vec![cell.clone()]).is_ok());
            assert!(taken.count() < 40_000, "{cell:?}");
        }
    }
}
