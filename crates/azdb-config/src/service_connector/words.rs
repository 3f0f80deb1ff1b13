//! The words of Service Connector, and of connection strings: tables, so that another spelling is another line.

use crate::route::ProtocolName::{self, Mysql, Postgres, Tds};

/// What one variable, or one key of a connection string, says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part {
    /// A connection string.
    Whole,
    Host,
    Port,
    Database,
    User,
    Password,
    /// How to log in to SQL Server.
    Authentication,
    ClientId,
    ClientSecret,
    TenantId,
    /// What protects the way to the database, or finds it: of no use on loopback.
    Tls,
}

impl Part {
    /// Whether it says who logs in, and not where.
    pub(super) fn is_of_login(self) -> bool {
        match self {
            Self::User
            | Self::Password
            | Self::Authentication
            | Self::ClientId
            | Self::ClientSecret
            | Self::TenantId => true,
            Self::Whole | Self::Host | Self::Port | Self::Database | Self::Tls => false,
        }
    }

    /// For messages.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Whole => "the connection",
            Self::Host => "the host",
            Self::Port => "the port",
            Self::Database => "the database",
            Self::User => "the user",
            Self::Password => "the password",
            Self::Authentication => "how to log in",
            Self::ClientId => "the client id",
            Self::ClientSecret => "the client secret",
            Self::TenantId => "the tenant",
            Self::Tls => "TLS",
        }
    }
}

/// How the variables of a kind of database begin.
pub(super) const PREFIXES: [(&str, ProtocolName); 4] = [
    ("AZURE_POSTGRESQL", Postgres),
    ("AZURE_MYSQL", Mysql),
    ("AZURE_SQL", Tds),
    ("FABRIC_SQL", Tds),
];

/// What App Service and .NET put in front of the name of a connection string.
const IN_FRONT: [&str; 6] = [
    "SQLAZURECONNSTR_",
    "SQLCONNSTR_",
    "MYSQLCONNSTR_",
    "POSTGRESQLCONNSTR_",
    "CUSTOMCONNSTR_",
    "CONNECTIONSTRINGS__",
];

/// A variable's own name, in capitals: old documentation prints `Azure_POSTGRESQL_…`.
pub(super) fn own(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    let own = IN_FRONT.iter().find_map(|front| upper.strip_prefix(front));
    own.map(str::to_owned).unwrap_or(upper)
}

/// The protocol of a URL; SQLAlchemy and others name their driver behind a plus.
pub(super) fn protocol_of_scheme(scheme: &str) -> Option<ProtocolName> {
    let scheme = scheme.to_ascii_lowercase();
    let name = scheme.split('+').next()?;
    let mut all = ProtocolName::ALL.into_iter();
    all.find(|of| crate::url::schemes(*of).contains(&name))
}

/// The last word of a variable's name.
const ENDS: [(&str, Part); 23] = [
    ("CONNECTIONSTRING", Part::Whole),
    ("URL", Part::Whole),
    ("URI", Part::Whole),
    ("DSN", Part::Whole),
    ("HOST", Part::Host),
    ("SERVER", Part::Host),
    ("SERVERNAME", Part::Host),
    ("PORT", Part::Port),
    ("DATABASE", Part::Database),
    ("DBNAME", Part::Database),
    ("NAME", Part::Database),
    ("USER", Part::User),
    ("USERNAME", Part::User),
    ("UID", Part::User),
    ("PASSWORD", Part::Password),
    ("AUTHENTICATION", Part::Authentication),
    ("AUTHENTICATIONTYPE", Part::Authentication),
    ("CLIENTID", Part::ClientId),
    ("CLIENTSECRET", Part::ClientSecret),
    ("TENANTID", Part::TenantId),
    ("SSL", Part::Tls),
    ("SSLMODE", Part::Tls),
    ("FLAG", Part::Tls),
];

/// What a variable whose name ends so says.
pub(super) fn end(word: &str) -> Option<Part> {
    let known = ENDS.iter().find(|(end, _)| *end == word);
    known.map(|(_, part)| *part)
}

/// Spring's properties, without dots, dashes and case.
const SPRING: [(&str, Part); 7] = [
    ("SPRINGDATASOURCEURL", Part::Whole),
    ("SPRINGDATASOURCEUSERNAME", Part::User),
    ("SPRINGDATASOURCEPASSWORD", Part::Password),
    ("SPRINGCLOUDAZURECREDENTIALCLIENTID", Part::ClientId),
    ("SPRINGCLOUDAZURECREDENTIALCLIENTSECRET", Part::ClientSecret),
    ("SPRINGCLOUDAZUREPROFILETENANTID", Part::TenantId),
    ("SPRINGCLOUDAZURECREDENTIALTENANTID", Part::TenantId),
];

/// What a property of Spring says, by its own name or by that of its variable.
pub(super) fn spring(name: &str) -> Option<Part> {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.collect::<String>().to_ascii_uppercase();
    let known = SPRING.iter().find(|(property, _)| *property == plain);
    known.map(|(_, part)| *part)
}

/// Keys of connection strings, without case and what stands between words.
const KEYS: [(&str, Part); 43] = [
    ("host", Part::Host),
    ("server", Part::Host),
    ("servername", Part::Host),
    ("datasource", Part::Host),
    ("address", Part::Host),
    ("addr", Part::Host),
    ("networkaddress", Part::Host),
    ("port", Part::Port),
    ("portnumber", Part::Port),
    ("dbname", Part::Database),
    ("database", Part::Database),
    ("databasename", Part::Database),
    ("initialcatalog", Part::Database),
    ("user", Part::User),
    ("userid", Part::User),
    ("username", Part::User),
    ("uid", Part::User),
    ("password", Part::Password),
    ("pwd", Part::Password),
    ("authentication", Part::Authentication),
    ("fedauth", Part::Authentication),
    ("msiclientid", Part::ClientId),
    ("aadsecureprincipalid", Part::ClientId),
    ("aadsecureprincipalsecret", Part::Password),
    ("sslmode", Part::Tls),
    ("ssl", Part::Tls),
    ("usessl", Part::Tls),
    ("tls", Part::Tls),
    ("encrypt", Part::Tls),
    ("trustservercertificate", Part::Tls),
    ("sslrootcert", Part::Tls),
    ("sslcert", Part::Tls),
    ("sslkey", Part::Tls),
    ("sslpassword", Part::Tls),
    ("truststorepassword", Part::Tls),
    ("keystorepassword", Part::Tls),
    ("hostaddr", Part::Tls),
    ("channelbinding", Part::Tls),
    ("authenticationpluginclassname", Part::Authentication),
    ("defaultauthenticationplugin", Part::Authentication),
    ("authenticationplugins", Part::Authentication),
    ("allowcleartextpasswords", Part::Authentication),
    ("hostnameincertificate", Part::Tls),
];

/// What a key of a connection string says.
pub(super) fn key(name: &str) -> Option<Part> {
    let plain = plain(name);
    let known = KEYS.iter().find(|(key, _)| *key == plain);
    known.map(|(_, part)| *part)
}

/// A key without case and what stands between words.
pub(super) fn plain(name: &str) -> String {
    let letters = name
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '_' | '-'));
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// How the app that puts these together calls the user.
pub(super) fn split_user(ends: &[&str]) -> &'static str {
    if ends.contains(&"AUTHENTICATIONTYPE") {
        "USERNAME"
    } else if ends.contains(&"SERVERNAME") {
        "UID"
    } else {
        "USER"
    }
}

/// What an app was told of how to log in to SQL Server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// As an identity of the platform.
    Identity,
    /// As an app registration, whose secret is given.
    Principal,
    /// With a password of the database, or whatever else is given.
    Open,
    /// As a person.
    Person,
}

const AUTHENTICATIONS: [(&str, Means); 21] = [
    ("activedirectorymanagedidentity", Means::Identity),
    ("activedirectorymsi", Means::Identity),
    ("activedirectorydefault", Means::Identity),
    ("activedirectoryazcli", Means::Identity),
    ("activedirectoryworkloadidentity", Means::Identity),
    ("activedirectoryenvironment", Means::Identity),
    ("azureactivedirectorydefault", Means::Identity),
    ("azureactivedirectorymsiappservice", Means::Identity),
    ("azureactivedirectorymsivm", Means::Identity),
    ("activedirectoryserviceprincipal", Means::Principal),
    ("activedirectoryserverprincipal", Means::Principal),
    ("activedirectoryapplication", Means::Principal),
    (
        "azureactivedirectoryserviceprincipalsecret",
        Means::Principal,
    ),
    ("sqlpassword", Means::Open),
    ("notspecified", Means::Open),
    ("default", Means::Open),
    ("activedirectorypassword", Means::Person),
    ("activedirectoryinteractive", Means::Person),
    ("activedirectoryintegrated", Means::Person),
    ("activedirectorydevicecodeflow", Means::Person),
    ("azureactivedirectorypassword", Means::Person),
];

/// What `Authentication=` means, with and without spaces, dashes and case; `None` for what nobody knows.
pub(super) fn authentication(value: &str) -> Option<Means> {
    let letters = value.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.collect::<String>().to_ascii_lowercase();
    if plain.is_empty() {
        return Some(Means::Open);
    }
    let known = AUTHENTICATIONS.iter().find(|(word, _)| *word == plain);
    known.map(|(_, means)| *means)
}

/// The variables of an app that was told in parts, and the language that reads them so. The first line that fits counts.
const SPLIT: [(ProtocolName, &[&str], &str); 13] = [
    (Postgres, &["HOST", "DATABASE"], "Node.js"),
    (Postgres, &["HOST", "NAME"], "Django"),
    (Mysql, &["HOST", "DBNAME"], "PHP"),
    (Mysql, &["HOST", "DATABASE", "USERNAME"], "Ruby"),
    (Mysql, &["HOST", "DATABASE"], "Node.js"),
    (Mysql, &["HOST", "NAME"], "Python or Django"),
    (Tds, &["SERVERNAME"], "PHP"),
    (Tds, &["SERVER", "AUTHENTICATIONTYPE"], "Node.js"),
    (Tds, &["SERVER", "USERNAME"], "Node.js"),
    (Tds, &["SERVER", "AUTHENTICATION"], "Python"),
    (Tds, &["SERVER"], "Python"),
    (Tds, &["HOST", "NAME"], "Django"),
    (Tds, &["HOST"], "Ruby"),
];

/// Whose variables these are, by the ends of their names.
pub(super) fn split_client(protocol: ProtocolName, ends: &[&str]) -> &'static str {
    let fits = |words: &[&str]| words.iter().all(|word| ends.contains(word));
    let known = SPLIT
        .iter()
        .find(|(of, words, _)| *of == protocol && fits(words));
    known.map_or("an app", |(_, _, client)| client)
}
