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
    /// What the route has written down, where it has refused the login or has handed the database's word on.
    pub(crate) route: Option<Box<RoutesWord>>,
}

/// What a route says of a refusal, whatever protocol it was told in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoutesWord {
    pub(crate) cause: String,
    pub(crate) remedy: String,
}

impl Refusal {
    /// Of whoever answers.
    pub(super) fn answered(code: impl fmt::Display, message: &str, hint: Option<&str>) -> Self {
        Self {
            code: Some(OneLine(code).to_string()),
            message: OneLine(message).to_string(),
            hint: hint.map(|hint| OneLine(hint).to_string()),
            route: None,
        }
    }

    /// Of the driver itself.
    pub(super) fn of_driver(error: &dyn std::error::Error) -> Self {
        Self::because(azdb_quote::Chain(error))
    }

    /// Of this house.
    pub(crate) fn because(why: impl fmt::Display) -> Self {
        Self {
            code: None,
            message: OneLine(why).to_string(),
            hint: None,
            route: None,
        }
    }

    /// With the route's own words for a login of it. The app hears a refusal a moment before the route has written it down.
    pub(super) async fn explained_by(self, reception: &Reception) -> Self {
        const LOOKS: u32 = 100;
        const PAUSE: Duration = Duration::from_millis(5);
        for _ in 0..LOOKS {
            if let Some(refusal) = reception.last_refusal() {
                let word = RoutesWord {
                    cause: OneLine(refusal.cause).to_string(),
                    remedy: OneLine(refusal.remedy).to_string(),
                };
                let route = Some(Box::new(word));
                return Self { route, ..self };
            }
            tokio::time::sleep(PAUSE).await;
        }
        self
    }
}

impl Refusal {
    /// What is to be done, by the route or else by the database.
    pub(crate) fn remedy(&self) -> Option<String> {
        let by_route = self.route.as_ref().map(|word| word.remedy.clone());
        by_route.or_else(|| self.hint.clone())
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
