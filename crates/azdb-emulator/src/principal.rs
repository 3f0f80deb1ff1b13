//! Who may log in: one small list that all three doors read.

use crate::identity::ManagedIdentity;

/// An Entra principal that the databases know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its name as role (PostgreSQL) and user (MySQL, Azure SQL); case-sensitive.
    pub name: String,
    /// Object id, claim `oid`: what PostgreSQL and Azure SQL know it by.
    pub object_id: String,
    /// Client (application) id, claim `appid`: what MySQL knows it by.
    pub client_id: String,
    /// As whom it is logged in at the server behind; `None` for the user of
    /// [`Behind`](crate::Behind).
    pub database_role: Option<String>,
}

impl Principal {
    /// The principal of a managed identity, under the identity's name.
    #[must_use]
    pub fn of(identity: &ManagedIdentity) -> Self {
        Self {
            name: identity.name.clone(),
            object_id: identity.object_id.clone(),
            client_id: identity.client_id.clone(),
            database_role: None,
        }
    }

    /// The same principal, logged in behind as `role`.
    #[must_use]
    pub fn behind_as(self, role: &str) -> Self {
        Self {
            database_role: Some(role.to_owned()),
            ..self
        }
    }
}
