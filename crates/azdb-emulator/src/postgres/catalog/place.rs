//! Roles and the database, by name and oid.

use super::{ADMINISTRATOR, ADMINISTRATOR_NAME, FIRST_ROLE};

/// Who and where a session is, for the rows that depend on it.
#[derive(Debug, Clone)]
pub(in crate::postgres) struct Place {
    pub(in crate::postgres) database: String,
    /// All roles that can log in.
    pub(in crate::postgres) roles: Vec<String>,
}

impl Place {
    /// The oid of a role.
    pub(in crate::postgres) fn role_oid(&self, name: &str) -> Option<i64> {
        if name == ADMINISTRATOR_NAME {
            return Some(ADMINISTRATOR);
        }
        let at = self.roles.iter().position(|role| role == name)?;
        Some(FIRST_ROLE + i64::try_from(at).ok()?)
    }

    /// The role that owns the tables.
    pub(in crate::postgres) fn owner(&self) -> i64 {
        if self.roles.is_empty() {
            ADMINISTRATOR
        } else {
            FIRST_ROLE
        }
    }

    /// The name of a role.
    pub(in crate::postgres) fn role_name(&self, oid: i64) -> Option<&str> {
        if oid == ADMINISTRATOR {
            return Some(ADMINISTRATOR_NAME);
        }
        let at = usize::try_from(oid - FIRST_ROLE).ok()?;
        self.roles.get(at).map(String::as_str)
    }
}
