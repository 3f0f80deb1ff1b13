//! Azure Service Connector's variables, as its pages print them: which routes they are, and what cannot be one.

mod forms;
mod imported;
mod routes;
mod secrets;

use azdb_identity::SourceKind;
use secrecy::ExposeSecret;

use super::load_urls;
use crate::Config;
use crate::route::{Route, UpstreamAuth};

const PG: &str = "srv.postgres.database.azure.com";
const MY: &str = "srv.mysql.database.azure.com";
const SQL: &str = "srv.database.windows.net";

/// `NAME=value` in lines; `PG`, `MY` and `SQL` stand for hosts.
fn variables(text: &str) -> Vec<(String, String)> {
    let line = |line: &str| {
        let (name, value) = line.trim().split_once('=').unwrap();
        let value = value
            .replace("$PG", PG)
            .replace("$MY", MY)
            .replace("$SQL", SQL);
        (name.to_owned(), value)
    };
    text.lines()
        .filter(|text| !text.trim().is_empty())
        .map(line)
        .collect()
}

fn load(text: &str) -> Result<Config, String> {
    let variables = variables(text);
    let pairs: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    load_urls(&[], &pairs)
}

fn loaded(text: &str) -> Config {
    load(text).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

/// `postgres 5432 host:port/database as user by login`.
fn shown(route: &Route) -> String {
    let principal = route.principals.iter().next().unwrap();
    let identity = &principal.identity;
    let id = identity
        .selector
        .as_ref()
        .map(|selector| format!("{selector:?}"));
    let by = match &route.auth {
        UpstreamAuth::Password(password) => format!("password {}", password.expose_secret()),
        UpstreamAuth::Token(_) if identity.source == SourceKind::ServicePrincipal => {
            assert!(identity.client_secret.is_some());
            format!(
                "{} in {}",
                id.unwrap(),
                identity.tenant_id.as_deref().unwrap_or("?")
            )
        }
        UpstreamAuth::Token(_) => id.unwrap_or_else(|| "system".to_owned()),
    };
    let listen = route.listen[0].to_string();
    format!(
        "{} {} {}/{} as {} by {by}",
        route.protocol,
        listen.rsplit(':').next().unwrap(),
        route.upstream[0],
        route.default_database.as_deref().unwrap_or("-"),
        match principal.user.as_str() {
            "" => "-",
            user => user,
        }
    )
}

/// Each form, and what comes of it with the variables of other logins beside it.
const POSTGRES: [&str; 12] = [
    // .NET, PHP, Python, Go, Ruby
    "AZURE_POSTGRESQL_CONNECTIONSTRING=Server=$PG;Database=D;Port=5432;Ssl Mode=Require;User Id=U;",
    "AZURE_POSTGRESQL_CONNECTIONSTRING=host=$PG port=5432 dbname=D sslmode=require user=U",
    "AZURE_POSTGRESQL_CONNECTIONSTRING=dbname=D host=$PG port=5432 sslmode=require user=U",
    "AZURE_POSTGRESQL_CONNECTIONSTRING=host=$PG dbname=D sslmode=require user=U",
    "AZURE_POSTGRESQL_CONNECTIONSTRING=host=$PG port=5432 dbname=D sslmode=require user=U",
    // Java, Spring Boot
    "AZURE_POSTGRESQL_CONNECTIONSTRING=jdbc:postgresql://$PG:5432/D?sslmode=require&user=U",
    "spring.datasource.url=jdbc:postgresql://$PG:5432/D?sslmode=require\nspring.datasource.username=U",
    "SPRING_DATASOURCE_URL=jdbc:postgresql://$PG:5432/D?sslmode=require\nSPRING_DATASOURCE_USERNAME=U",
    // Node.js, Django
    "AZURE_POSTGRESQL_HOST=$PG\nAZURE_POSTGRESQL_USER=U\nAZURE_POSTGRESQL_DATABASE=D\nAZURE_POSTGRESQL_PORT=5432\nAZURE_POSTGRESQL_SSL=true",
    "AZURE_POSTGRESQL_NAME=D\nAZURE_POSTGRESQL_HOST=$PG\nAZURE_POSTGRESQL_USER=U",
    // Spellings of old
    "Azure_POSTGRESQL_CONNECTIONSTRING=host=$PG port=5432 dbname=D user=U@srv",
    "POSTGRESQLCONNSTR_AZURE_POSTGRESQL_CONNECTIONSTRING=jdbc:postgresql://$PG:5432/D?user=U%40srv",
];

const MYSQL: [&str; 10] = [
    "AZURE_MYSQL_CONNECTIONSTRING=Server=$MY;Database=D;Port=3306;User Id=U;SSL Mode=Required;",
    "AZURE_MYSQL_CONNECTIONSTRING=jdbc:mysql://$MY:3306/D?sslmode=required&user=U",
    "spring.datasource.url=jdbc:mysql://$MY:3306/D?sslmode=required\nspring.datasource.username=U",
    "AZURE_MYSQL_NAME=D\nAZURE_MYSQL_HOST=$MY\nAZURE_MYSQL_USER=U@D",
    "AZURE_MYSQL_CONNECTIONSTRING=U@tcp($MY:3306)/D?tls=true",
    "AZURE_MYSQL_CONNECTIONSTRING=U@srv@tcp($MY:3306)/D?tls=true",
    "AZURE_MYSQL_HOST=$MY\nAZURE_MYSQL_USER=U\nAZURE_MYSQL_DATABASE=D\nAZURE_MYSQL_PORT=3306\nAZURE_MYSQL_SSL=true",
    "AZURE_MYSQL_DBNAME=D\nAZURE_MYSQL_HOST=$MY\nAZURE_MYSQL_PORT=3306\nAZURE_MYSQL_FLAG=MySQL_CLIENT_SSL\nAZURE_MYSQL_USERNAME=U",
    "AZURE_MYSQL_DATABASE=D\nAZURE_MYSQL_HOST=$MY\nAZURE_MYSQL_USERNAME=U@srv\nAZURE_MYSQL_SSLMODE=required",
    "AZURE_MYSQL_CONNECTIONSTRING=mysql://U@$MY:3306/D",
];

/// What the login is beside a set whose prefix is `kind`, and how it is shown.
fn logins(kind: &str, form: &str) -> Vec<(String, &'static str)> {
    if form.to_lowercase().contains("spring") {
        let own = "spring.cloud.azure.credential";
        return vec![
            (String::new(), "system"),
            (format!("{own}.client-id=C"), r#"ClientId("C")"#),
            (
                format!(
                    "{own}.client-id=C\n{own}.client-secret=Hush\nspring.cloud.azure.profile.tenant-id=T"
                ),
                r#"ClientId("C") in T"#,
            ),
            (
                "spring.datasource.password=p w;d'=@".to_owned(),
                "password p w;d'=@",
            ),
        ];
    }
    vec![
        (String::new(), "system"),
        (format!("{kind}_CLIENTID=C"), r#"ClientId("C")"#),
        (
            format!("{kind}_CLIENTID=C\n{kind}_CLIENTSECRET=Hush\n{kind}_TENANTID=T"),
            r#"ClientId("C") in T"#,
        ),
        (format!("{kind}_PASSWORD=p w;d'=@"), "password p w;d'=@"),
    ]
}

/// Every form of SQL Server, and how it logs in.
const SQL_SERVER: [(&str, &str); 27] = [
    (
        "AZURE_SQL_CONNECTIONSTRING=Data Source=$SQL,1433;Initial Catalog=D;Authentication=ActiveDirectoryManagedIdentity",
        "system",
    ),
    (
        "AZURE_SQL_CONNECTIONSTRING=Data Source=$SQL,1433;Initial Catalog=D;User ID=C;Authentication=ActiveDirectoryManagedIdentity",
        r#"ClientId("C")"#,
    ),
    (
        "AZURE_SQL_CONNECTIONSTRING=Data Source=$SQL,1433;Initial Catalog=D;User ID=C;Password=Hush;Authentication=ActiveDirectoryServicePrincipal\nAZURE_SQL_TENANTID=T",
        r#"ClientId("C") in T"#,
    ),
    (
        "AZURE_SQL_CONNECTIONSTRING=Data Source=$SQL,1433;Initial Catalog=D;User ID=u;Password=\"p;w\"",
        "password p;w",
    ),
    (
        "AZURE_SQL_CONNECTIONSTRING=Server=tcp:$SQL;Database=D;Authentication=Active Directory Default;TrustServerCertificate=True",
        "system",
    ),
    (
        "SQLAZURECONNSTR_AZURE_SQL_CONNECTIONSTRING=Server=tcp:$SQL;Database=D;Authentication=\"Active Directory Default\";User Id=C",
        r#"ClientId("C")"#,
    ),
    (
        "AZURE_SQL_CONNECTIONSTRING=jdbc:sqlserver://$SQL:1433;databaseName=D;authentication=ActiveDirectoryMSI;",
        "system",
    ),
    (
        "AZURE_SQL_CONNECTIONSTRING=jdbc:sqlserver://$SQL:1433;databaseName=D;msiClientId=C;authentication=ActiveDirectoryMSI;",
        r#"ClientId("C")"#,
    ),
    (
        "AZURE_SQL_CONNECTIONSTRING=jdbc:sqlserver://$SQL:1433;databaseName=D;user=C;password={Hush};authentication=ActiveDirectoryServicePrincipal;\nAZURE_SQL_TENANTID=T",
        r#"ClientId("C") in T"#,
    ),
    (
        "AZURE_SQL_CONNECTIONSTRING=jdbc:sqlserver://$SQL:1433;databaseName=D;user=u;password={p;w}",
        "password p;w",
    ),
    (
        "spring.datasource.url=jdbc:sqlserver://$SQL:1433;databaseName=D;authentication=ActiveDirectoryMSI;",
        "system",
    ),
    (
        "spring.datasource.url=jdbc:sqlserver://$SQL:1433;databaseName=D;msiClientId=C;authentication=ActiveDirectoryMSI;",
        r#"ClientId("C")"#,
    ),
    (
        "spring.datasource.url=jdbc:sqlserver://$SQL:1433;databaseName=D;authentication=ActiveDirectoryServicePrincipal;\nspring.datasource.username=C\nspring.datasource.password=Hush\nspring.cloud.azure.profile.tenant-id=T",
        r#"ClientId("C") in T"#,
    ),
    (
        "spring.datasource.url=jdbc:sqlserver://$SQL:1433;databaseName=D\nspring.datasource.username=u\nspring.datasource.password=p",
        "password p",
    ),
    (
        "AZURE_SQL_SERVER=$SQL\nAZURE_SQL_PORT=1433\nAZURE_SQL_DATABASE=D\nAZURE_SQL_AUTHENTICATION=ActiveDirectoryMsi",
        "system",
    ),
    (
        "AZURE_SQL_SERVER=$SQL\nAZURE_SQL_PORT=1433\nAZURE_SQL_DATABASE=D\nAZURE_SQL_USER=O\nAZURE_SQL_AUTHENTICATION=ActiveDirectoryMsi",
        r#"ObjectId("O")"#,
    ),
    (
        "AZURE_SQL_SERVER=$SQL\nAZURE_SQL_PORT=1433\nAZURE_SQL_DATABASE=D\nAZURE_SQL_USER=C\nAZURE_SQL_PASSWORD=Hush\nAZURE_SQL_AUTHENTICATION=ActiveDirectoryServerPrincipal\nAZURE_SQL_TENANTID=T",
        r#"ClientId("C") in T"#,
    ),
    (
        "AZURE_SQL_SERVER=$SQL\nAZURE_SQL_PORT=1433\nAZURE_SQL_DATABASE=D\nAZURE_SQL_USER=u\nAZURE_SQL_PASSWORD=p",
        "password p",
    ),
    (
        "AZURE_SQL_SERVER=$SQL\nAZURE_SQL_PORT=1433\nAZURE_SQL_DATABASE=D\nAZURE_SQL_AUTHENTICATIONTYPE=azure-active-directory-default",
        "system",
    ),
    (
        "AZURE_SQL_SERVER=$SQL\nAZURE_SQL_PORT=1433\nAZURE_SQL_DATABASE=D\nAZURE_SQL_AUTHENTICATIONTYPE=azure-active-directory-default\nAZURE_SQL_CLIENTID=C",
        r#"ClientId("C")"#,
    ),
    (
        "AZURE_SQL_SERVER=$SQL\nAZURE_SQL_DATABASE=D\nAZURE_SQL_AUTHENTICATIONTYPE=azure-active-directory-default\nAZURE_SQL_CLIENTID=C\nAZURE_SQL_CLIENTSECRET=Hush\nAZURE_SQL_TENANTID=T",
        r#"ClientId("C") in T"#,
    ),
    (
        "AZURE_SQL_CONNECTIONSTRING=server=$SQL;port=1433;database=D;user id=u;password=p;",
        "password p",
    ),
    (
        "AZURE_SQL_SERVERNAME=$SQL,1433\nAZURE_SQL_DATABASE=D\nAZURE_SQL_UID=u\nAZURE_SQL_PASSWORD=p",
        "password p",
    ),
    (
        "AZURE_SQL_HOST=$SQL\nAZURE_SQL_PORT=1433\nAZURE_SQL_NAME=D\nAZURE_SQL_USER=u\nAZURE_SQL_PASSWORD=p",
        "password p",
    ),
    (
        "AZURE_SQL_HOST=$SQL\nAZURE_SQL_PORT=1433\nAZURE_SQL_DATABASE=D\nAZURE_SQL_USERNAME=u\nAZURE_SQL_PASSWORD=p",
        "password p",
    ),
    (
        "FABRIC_SQL_CONNECTIONSTRING=server=$SQL;port=1433;database=D;fedauth=ActiveDirectoryManagedIdentity;user id=C",
        r#"ClientId("C")"#,
    ),
    (
        "FABRIC_SQL_CONNECTIONSTRING=Driver={ODBC Driver 18 for SQL Server};Server=tcp:$SQL,1433;Database=D;Authentication=ActiveDirectoryMSI",
        "system",
    ),
];
