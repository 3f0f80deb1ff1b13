//! What a token is for, and which of Microsoft's clouds it comes from.
//!
//! Every cloud has its own names for the same services; a token for one is worthless in another.

use std::fmt;
use std::sync::Arc;

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

    /// Whether `aud` of a token means this audience, in any of the spellings that Microsoft Entra gives it: with slashes at
    /// its end or without, with its scope, as `api://` or `spn:`, or as the id of the service's own application.
    ///
    /// The id of an application that we do not know may be that of a resource that somebody made: then the database decides.
    pub(crate) fn is_meant_by(&self, aud: &str) -> bool {
        let (own, said) = (bare(&self.0), bare(aud));
        let ids = |name: &str| {
            SERVICES.iter().find(|(id, hosts)| {
                name.eq_ignore_ascii_case(id)
                    || hosts.iter().any(|host| name.eq_ignore_ascii_case(host))
            })
        };
        if own.eq_ignore_ascii_case(said) {
            return true;
        }
        match (ids(own), ids(said)) {
            // One of the two says it by the service's id, which is the same in all clouds.
            (Some((own_id, _)), Some((said_id, _))) => {
                own_id == said_id && (is_guid(own) || is_guid(said))
            }
            (None, None) => is_guid(said) || is_guid(own),
            _ => false,
        }
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

/// The services whose databases take tokens: the id of each one's application, and the hosts of its audience in each cloud.
const SERVICES: [(&str, [&str; 3]); 2] = [
    (
        "123cd850-d9df-40bd-94d5-c9f07b7fa203",
        [
            "ossrdbms-aad.database.windows.net",
            "ossrdbms-aad.database.usgovcloudapi.net",
            "ossrdbms-aad.database.chinacloudapi.cn",
        ],
    ),
    (
        "022907d3-0f1b-48f7-badc-1ba6abab6d66",
        [
            "database.windows.net",
            "database.usgovcloudapi.net",
            "database.chinacloudapi.cn",
        ],
    ),
];

/// An audience without what its spellings differ in.
fn bare(audience: &str) -> &str {
    let audience = audience.strip_suffix("/.default").unwrap_or(audience);
    let schemes = ["https://", "api://", "spn:"];
    let name = schemes
        .iter()
        .find_map(|scheme| audience.strip_prefix(scheme));
    name.unwrap_or(audience).trim_end_matches('/')
}

/// Whether it has the form of an id that Microsoft Entra gives: 8, 4, 4, 4 and 12 hexadecimal digits.
pub(crate) fn is_guid(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut hexadecimal = |length: usize| {
        let part = parts.next().unwrap_or_default();
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    [8, 4, 4, 4, 12].into_iter().all(&mut hexadecimal) && parts.next().is_none()
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One of Microsoft's clouds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// `azure.com`, `windows.net`.
    Public,
    /// `usgovcloudapi.net`.
    UsGovernment,
    /// `chinacloudapi.cn`, operated by 21Vianet.
    China,
    /// One whose names somebody has written out.
    Own(Arc<OwnCloud>),
}

/// What must be known of a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnCloud {
    /// Where tokens are asked for: an https URL without a slash at its end.
    pub authority: String,
    /// What a token for Azure SQL is for.
    pub sql_audience: Audience,
    /// What a token for Azure Database for PostgreSQL and for MySQL is for.
    pub oss_audience: Audience,
    /// Its servers' names end in these, in lower case and whole labels.
    pub suffixes: Vec<String>,
}

/// Suffixes of server names, whole labels.
static SUFFIXES: [(&str, Cloud); 11] = [
    ("postgres.database.azure.com", Cloud::Public),
    ("mysql.database.azure.com", Cloud::Public),
    ("database.windows.net", Cloud::Public),
    ("fabric.microsoft.com", Cloud::Public),
    ("pbidedicated.windows.net", Cloud::Public),
    ("pbidedicated.microsoft.com", Cloud::Public),
    ("sql.azuresynapse.net", Cloud::Public),
    ("sql.azuresynapse.usgovcloudapi.net", Cloud::UsGovernment),
    ("sql.azuresynapse.azure.cn", Cloud::China),
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
            .map(|(_, cloud)| cloud.clone())
    }

    /// What a token for Azure Database for PostgreSQL and for MySQL is for.
    #[must_use]
    pub fn oss_rdbms_audience(&self) -> Audience {
        Audience::new(match self {
            Self::Own(own) => return own.oss_audience.clone(),
            Self::Public => "https://ossrdbms-aad.database.windows.net",
            Self::UsGovernment => "https://ossrdbms-aad.database.usgovcloudapi.net",
            Self::China => "https://ossrdbms-aad.database.chinacloudapi.cn",
        })
    }

    /// What a token for Azure SQL is for.
    #[must_use]
    pub fn sql_audience(&self) -> Audience {
        Audience::new(match self {
            Self::Own(own) => return own.sql_audience.clone(),
            Self::Public => "https://database.windows.net",
            Self::UsGovernment => "https://database.usgovcloudapi.net",
            Self::China => "https://database.chinacloudapi.cn",
        })
    }

    /// Where tokens are asked for: an https URL without a slash at its end.
    #[must_use]
    pub fn authority(&self) -> &str {
        match self {
            Self::Own(own) => &own.authority,
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
    fn an_audience_is_meant_by_each_of_its_spellings_and_by_no_other() {
        let (oss, sql) = (
            "https://ossrdbms-aad.database.windows.net",
            "https://database.windows.net",
        );
        let (oss_id, sql_id) = (SERVICES[0].0, SERVICES[1].0);
        let means = |wanted: &str, aud: &str| Audience::new(wanted).is_meant_by(aud);
        for (name, id, other, other_id) in [(oss, oss_id, sql, sql_id), (sql, sql_id, oss, oss_id)]
        {
            let slash = format!("{name}/");
            for wanted in [name, &slash, id] {
                for aud in [name, &slash, &format!("{name}//"), id, &id.to_uppercase()] {
                    assert!(means(wanted, aud), "{wanted} {aud}");
                }
                assert!(means(wanted, &format!("{name}/.default")), "{wanted}");
                assert!(means(wanted, &format!("spn:{id}")), "{wanted}");
                for aud in [
                    other,
                    &format!("{other}/"),
                    other_id,
                    "",
                    "https://management.azure.com/",
                    "https://database.windows.net.evil.example",
                    "00000003-0000-0000-c000-000000000000",
                ] {
                    assert!(!means(wanted, aud), "{wanted} {aud}");
                }
            }
        }
        assert!(
            !means(sql, "https://database.chinacloudapi.cn/"),
            "another cloud"
        );
        assert!(means(Cloud::China.sql_audience().as_str(), sql_id));
        // A resource of somebody's own: its id is not known here.
        let own = "api://orders-database";
        assert!(means(own, "0f3b2c1d-0000-4000-8000-000000000001"));
        assert!(means(own, "orders-database"));
        assert!(!means(own, oss_id) && !means(own, sql) && !means(own, "api://other"));
    }

    #[test]
    fn a_guid_is_known_by_its_form() {
        assert!(is_guid("123cd850-d9df-40bd-94d5-c9f07b7fa203"));
        for other in [
            "",
            "x",
            "123cd850d9df40bd94d5c9f07b7fa203",
            "{123cd850-d9df-40bd-94d5-c9f07b7fa203}",
            "123cd850-d9df-40bd-94d5-c9f07b7fa203-1",
            "g23cd850-d9df-40bd-94d5-c9f07b7fa203",
        ] {
            assert!(!is_guid(other), "{other}");
        }
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
                let of = Cloud::from_host(audience.host().unwrap());
                assert_eq!(of.as_ref(), Some(&cloud));
                assert!(audience.is_plain());
            }
        }
    }
}
