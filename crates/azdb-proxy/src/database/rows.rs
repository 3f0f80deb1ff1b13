//! What a query gives, as text.

/// Rows of text; `None` stands for null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Names, as the database has them.
    pub(crate) columns: Vec<String>,
    /// As many cells in each as there are columns.
    pub(crate) rows: Vec<Vec<Option<String>>>,
}
