//! The variables that a platform gives to a process, read once.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

/// A snapshot of environment variables. Debug prints names, never values: some are secrets.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, Zeroizing<String>>);

impl Environment {
    /// The variables of this process. Names and values that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of a variable. An empty one counts as unset, as it does for Azure's own SDKs. On Windows names have no case: what is
    /// `PATH` to programs is `Path` there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let exactly = self.0.get(name);
        let found = exactly.or_else(|| match cfg!(windows) {
            true => self.in_any_case(name),
            false => None,
        });
        found
            .map(|value| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn in_any_case(&self, name: &str) -> Option<&Zeroizing<String>> {
        let mut all = self.0.iter();
        let found = all.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    /// The different values of `AZURE_<TYPE>_CLIENTID` and `AZURE_<TYPE>_<CONNECTION>_CLIENTID`, which Service Connector
    /// sets, each with a name that it stands under. `types` are `POSTGRESQL`, `MYSQL` or `SQL`. A connection that has a `CLIENTSECRET`, too, is left out: it
    /// belongs to a service principal.
    #[must_use]
    pub fn service_connector_client_ids(&self, types: &[&str]) -> Vec<(&str, &str)> {
        let mut found: Vec<(&str, &str)> = Vec::new();
        for (name, value) in &self.0 {
            // Old documentation prints `Azure_POSTGRESQL_…`.
            let upper = name.to_ascii_uppercase();
            let connection = types.iter().find_map(|kind| {
                let rest = upper.strip_prefix("AZURE_")?.strip_prefix(kind)?;
                rest.starts_with('_').then_some(())?;
                upper.strip_suffix("_CLIENTID")
            });
            let Some(connection) = connection else {
                continue;
            };
            let secret = format!("{connection}_CLIENTSECRET");
            let is_principal = self.0.keys().any(|name| name.eq_ignore_ascii_case(&secret));
            let is_known = found.iter().any(|(_, known)| *known == value.as_str());
            if !value.is_empty() && !is_principal && !is_known {
                found.push((name, value));
            }
        }
        found
    }

    /// Names and values of the variables that are set, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(_, value)| !value.is_empty())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        Self(
            pairs
                .map(|(name, value)| (name.into(), Zeroizing::new(value.into())))
                .collect(),
        )
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_unset() {
        let environment = Environment::from_iter([("A", ""), ("B", "b")]);
        assert_eq!(environment.get("A"), None);
        assert_eq!(environment.get("B"), Some("b"));
        assert_eq!(environment.get("C"), None);
        assert_eq!(environment.iter().collect::<Vec<_>>(), [("B", "b")]);
    }

    #[test]
    fn names_have_no_case_on_windows() {
        let environment = Environment::from_iter([("Path", "p"), ("PROGRAMDATA", "d")]);
        for (name, value) in [("PATH", "p"), ("ProgramData", "d")] {
            assert_eq!(environment.get(name), cfg!(windows).then_some(value));
        }
        assert_eq!(environment.get("Path"), Some("p"));
    }

    #[test]
    fn client_ids_of_service_connector_are_found_by_type() {
        let environment = Environment::from_iter([
            ("AZURE_POSTGRESQL_CLIENTID", "p"),
            ("Azure_MySQL_ORDERS_ClientId", "m"),
            ("AZURE_MYSQL_STOCK_CLIENTID", "m"),
            ("AZURE_SQL_CLIENTID", "s"),
            ("AZURE_SQL_OTHER_CLIENTID", "principal"),
            ("AZURE_SQL_OTHER_CLIENTSECRET", "x"),
            ("AZURE_POSTGRESQL_EMPTY_CLIENTID", ""),
            ("AZURE_CLIENT_ID", "other"),
        ]);
        let ids = |types: &[&str]| environment.service_connector_client_ids(types);
        let postgres = ("AZURE_POSTGRESQL_CLIENTID", "p");
        assert_eq!(ids(&["POSTGRESQL"]), [postgres]);
        let mysql = ("AZURE_MYSQL_STOCK_CLIENTID", "m");
        assert_eq!(ids(&["MYSQL"]), [mysql]);
        assert_eq!(ids(&["POSTGRESQL", "MYSQL"]), [mysql, postgres]);
        assert_eq!(ids(&["SQL"]), [("AZURE_SQL_CLIENTID", "s")]);
    }

    #[test]
    fn debug_shows_no_value() {
        let environment = Environment::from_iter([("IDENTITY_HEADER", "s3cret")]);
        let shown = format!("{environment:?}");
        assert!(
            shown.contains("IDENTITY_HEADER") && !shown.contains("s3cret"),
            "{shown}"
        );
    }
}
