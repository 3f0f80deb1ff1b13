//! What a driver reads when a database, or the proxy, says no.

use std::fmt;
use std::time::Duration;

use azdb_core::Reception;
use azdb_quote::OneLine;

/// A no, as the driver read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// SQLSTATE of PostgreSQL, number of MySQL or of SQL Server; `None` where the driver itself gives up.
    pub(crate) code: Option<String>,
    /// On one line, without what could move a terminal's cursor.
    pub(crate) message: String,
    /// Of PostgreSQL alone.
    pub(crate) hint: Option<String>,
    /// What the route says is to be done, where it has refused the login or has handed the database's word on.
    pub(crate) remedy: Option<String>,
}

impl Refusal {
    /// Of whoever answers.
    pub(super) fn answered(code: impl fmt::Display, message: &str, hint: Option<&str>) -> Self {
        Self {
            code: Some(OneLine(code).to_string()),
            message: OneLine(message).to_string(),
            hint: hint.map(|hint| OneLine(hint).to_string()),
            remedy: None,
        }
    }

    /// Of the driver itself.
    pub(super) fn of_driver(error: &dyn std::error::Error) -> Self {
        Self::because(azdb_quote::Chain(error))
    }

    /// Of this house.
    pub(super) fn because(why: impl fmt::Display) -> Self {
        Self {
            code: None,
            message: OneLine(why).to_string(),
            hint: None,
            remedy: None,
        }
    }

    /// With the route's own remedy for a login of it. The app hears a refusal a moment before the route has written it down.
    pub(super) async fn explained_by(self, reception: &Reception) -> Self {
        const LOOKS: u32 = 100;
        const PAUSE: Duration = Duration::from_millis(5);
        for _ in 0..LOOKS {
            if let Some(refusal) = reception.last_refusal() {
                let remedy = Some(OneLine(refusal.remedy).to_string());
                return Self { remedy, ..self };
            }
            tokio::time::sleep(PAUSE).await;
        }
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} ({code})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Refusal {}
