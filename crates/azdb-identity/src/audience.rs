//! What a token is for, and which of Microsoft's clouds it comes from.
//!
//! Every cloud has its own names for the same services; a token for one is worthless in another.

use std::fmt;

/// The resource that a token is for, as identity endpoints take it (no `/.default` at its end).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Audience(String);

impl Audience {
    /// Takes a resource or a scope: one trailing `/.default` is dropped, nothing else is touched.
    ///
    /// A trailing slash stays, because services compare the audience of a token byte for byte.
    #[must_use]
    pub fn new(resource_or_scope: &str) -> Self {
        let resource = resource_or_scope
            .strip_suffix("/.default")
            .unwrap_or(resource_or_scope);
        Self(resource.to_owned())
    }

    /// The resource, for example `https://ossrdbms-aad.database.windows.net`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same as a scope of the v2.0 endpoint.
    pub(crate) fn scope(&self) -> String {
        format!("{}/.default", self.0)
    }

    /// The host in it, when it is a URL.
    pub(crate) fn host(&self) -> Option<&str> {
        let rest = self.0.strip_prefix("https://")?;
        rest.split(['/', ':'])
            .next()
            .filter(|host| !host.is_empty())
    }

    /// True when it may stand unquoted in the arguments of a program: letters, digits, `. - _ : /`, and
    /// no option of the program.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/');
        self.0.starts_with(|c: char| c.is_ascii_alphanumeric()) && self.0.chars().all(plain)
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One of Microsoft's clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// `azure.com`, `windows.net`.
    Public,
    /// `usgovcloudapi.net`.
    UsGovernment,
    /// `chinacloudapi.cn`, operated by 21Vianet.
    China,
}

/// Suffixes of server names, whole labels.
const SUFFIXES: [(&str, Cloud); 7] = [
    ("postgres.database.azure.com", Cloud::Public),
    ("mysql.database.azure.com", Cloud::Public),
    ("database.windows.net", Cloud::Public),
    ("fabric.microsoft.com", Cloud::Public),
    ("pbidedicated.windows.net", Cloud::Public),
    ("database.usgovcloudapi.net", Cloud::UsGovernment),
    ("database.chinacloudapi.cn", Cloud::China),
];

impl Cloud {
    /// The cloud of a database server, by the end of its name in whole labels; `None` for any other name.
    #[must_use]
    pub fn from_host(host: &str) -> Option<Self> {
        let host = host.strip_suffix('.').unwrap_or(host);
        SUFFIXES
            .iter()
            .find(|(suffix, _)| ends_in_labels(host, suffix))
            .map(|&(_, cloud)| cloud)
    }

    /// What a token for Azure Database for PostgreSQL and for MySQL is for.
    #[must_use]
    pub fn oss_rdbms_audience(self) -> Audience {
        Audience::new(match self {
            Self::Public => "https://ossrdbms-aad.database.windows.net",
            Self::UsGovernment => "https://ossrdbms-aad.database.usgovcloudapi.net",
            Self::China => "https://ossrdbms-aad.database.chinacloudapi.cn",
        })
    }

    /// What a token for Azure SQL is for.
    #[must_use]
    pub fn sql_audience(self) -> Audience {
        Audience::new(match self {
            Self::Public => "https://database.windows.net",
            Self::UsGovernment => "https://database.usgovcloudapi.net",
            Self::China => "https://database.chinacloudapi.cn",
        })
    }

    /// Where tokens are asked for: an https URL without a slash at its end.
    #[must_use]
    pub fn authority(self) -> &'static str {
        match self {
            Self::Public => "https://login.microsoftonline.com",
            Self::UsGovernment => "https://login.microsoftonline.us",
            Self::China => "https://login.partner.microsoftonline.cn",
        }
    }
}

/// `a.b.c` ends in `b.c`, `ab.c` does not; the suffix alone does, too.
fn ends_in_labels(host: &str, suffix: &str) -> bool {
    let Some(at) = host.len().checked_sub(suffix.len()) else {
        return false;
    };
    let (Some(head), Some(tail)) = (host.get(..at), host.get(at..)) else {
        return false;
    };
    tail.eq_ignore_ascii_case(suffix) && (head.is_empty() || head.ends_with('.'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn only_one_trailing_default_is_dropped() {
        assert_eq!(Audience::new("https://x/.default").as_str(), "https://x");
        assert_eq!(Audience::new("https://x//.default").as_str(), "https://x/");
        assert_eq!(
            Audience::new("https://x/.default/.default").as_str(),
            "https://x/.default"
        );
        assert_eq!(Audience::new("https://x/").as_str(), "https://x/");
    }

    #[test]
    fn the_cloud_comes_from_whole_labels() {
        let cloud = Cloud::from_host;
        assert_eq!(cloud("o.postgres.database.azure.com"), Some(Cloud::Public));
        assert_eq!(cloud("O.MySQL.Database.Azure.COM."), Some(Cloud::Public));
        assert_eq!(
            cloud("o.privatelink.mysql.database.azure.com"),
            Some(Cloud::Public)
        );
        assert_eq!(cloud("o.database.windows.net"), Some(Cloud::Public));
        assert_eq!(
            cloud("o.mysql.database.usgovcloudapi.net"),
            Some(Cloud::UsGovernment)
        );
        assert_eq!(
            cloud("o.postgres.database.chinacloudapi.cn"),
            Some(Cloud::China)
        );
        assert_eq!(cloud("evildatabase.windows.net"), None);
        assert_eq!(cloud("database.windows.net.evil.example"), None);
        assert_eq!(cloud("localhost"), None);
        assert_eq!(cloud("ünïcode.example"), None);
    }

    #[test]
    fn an_audience_names_its_own_cloud() {
        for cloud in [Cloud::Public, Cloud::UsGovernment, Cloud::China] {
            for audience in [cloud.oss_rdbms_audience(), cloud.sql_audience()] {
                assert_eq!(Cloud::from_host(audience.host().unwrap()), Some(cloud));
                assert!(audience.is_plain());
            }
        }
    }
}
