//! SQLite's errors in the words of SQL Server.

use rusqlite::{Error, ErrorCode};

use super::super::token::Refusal;

/// What stops a statement.
pub(super) enum Stop {
    /// The client is told and the batch goes on.
    Statement(Refusal),
    /// The client is told and the batch ends.
    Batch(Refusal),
    /// Nobody is told: an attention came, or the client has gone.
    Silent,
    /// `RETURN`.
    Return,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Batch(refusal)
    }
}

impl From<super::sink::Gone> for Stop {
    fn from(_: super::sink::Gone) -> Self {
        Self::Silent
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match &error {
            Error::SqliteFailure(failure, _) if failure.code == ErrorCode::OperationInterrupted => {
                Self::Silent
            }
            Error::SqliteFailure(failure, _) if failure.code == ErrorCode::ConstraintViolation => {
                Self::Statement(constraint(&text))
            }
            _ => Self::Batch(other(&text)),
        }
    }
}

fn constraint(text: &str) -> Refusal {
    let (kind, what) = text.split_once(": ").unwrap_or((text, ""));
    let (table, column) = what.split_once('.').unwrap_or((what, what));
    if kind.starts_with("UNIQUE") {
        let message = format!(
            "Violation of UNIQUE KEY constraint '{column}'. Cannot insert duplicate key in object \
             'dbo.{table}'."
        );
        return Refusal::new(2627, message);
    }
    if kind.starts_with("NOT NULL") {
        let message = format!(
            "Cannot insert the value NULL into column '{column}', table 'dbo.{table}'; column does \
             not allow nulls."
        );
        return Refusal::new(515, message).class(16).state(2);
    }
    let message = format!("The statement conflicted with a constraint: {text}.");
    Refusal::new(547, message).class(16).state(0)
}

fn other(text: &str) -> Refusal {
    let after = |start: &str| {
        let (_, rest) = text.split_once(start)?;
        Some(rest.split(" in ").next().unwrap_or(rest).trim().to_owned())
    };
    if let Some(table) = after("no such table: ") {
        let table = table.trim_start_matches("main.");
        return Refusal::new(208, format!("Invalid object name '{table}'.")).class(16);
    }
    if let Some(column) = after("no such column: ") {
        return Refusal::new(207, format!("Invalid column name '{column}'.")).class(16);
    }
    if let Some(function) = after("no such function: ") {
        let message = format!("'{function}' is not a recognized built-in function name.");
        return Refusal::new(195, message).class(15);
    }
    if let Some((before, _)) = text.split_once(": syntax error") {
        let word = before.trim_start_matches("near ").trim_matches('"');
        return Refusal::new(102, format!("Incorrect syntax near '{word}'.")).class(15);
    }
    Refusal::new(50000, text).class(16)
}
