//! What a query gives, as text.

/// Rows of text; `None` stands for null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Names, as the database has them.
    pub(crate) columns: Vec<String>,
    /// As many cells in each as there are columns.
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

impl Rows {
    /// The first cell of the first row, where there is one with something in it.
    pub(crate) fn first(&self) -> Option<&str> {
        self.rows.first()?.first()?.as_deref()
    }

    /// What stands in a column, row by row, where there is something in it.
    pub(crate) fn column(&self, name: &str) -> impl Iterator<Item = &str> {
        let at = self.columns.iter().position(|column| column == name);
        let cells = self.rows.iter().map(move |row| row.get(at?)?.as_deref());
        cells.flatten()
    }
}
