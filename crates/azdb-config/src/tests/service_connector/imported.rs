//! `azdb-proxy import-env`.

use azdb_identity::Environment;

use super::super::Place;
use super::*;
use crate::{Overrides, import};

/// All that is right, together and one by one.
fn everything() -> Vec<String> {
    let mut all: Vec<String> = SQL_SERVER
        .iter()
        .map(|(form, _)| (*form).to_owned())
        .collect();
    for (kind, forms) in [
        ("AZURE_POSTGRESQL", &POSTGRES[..]),
        ("AZURE_MYSQL", &MYSQL[..]),
    ] {
        for form in forms {
            all.extend(
                logins(kind, form)
                    .into_iter()
                    .map(|(beside, _)| format!("{form}\n{beside}")),
            );
        }
    }
    all.push("AZURE_POSTGRESQL_HOST=$PG\nAZURE_POSTGRESQL_USER=U \"\\x\nAZURE_POSTGRESQL_SHOP_CONNECTIONSTRING=host=$PG user=V".to_owned());
    all
}

#[test]
fn an_imported_file_is_right_and_has_the_same_routes_and_no_secret() {
    for text in everything() {
        let variables = variables(&text);
        let pairs: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let direct = loaded(&text);
        let imported = import(&Environment::from_iter(pairs.iter().copied()));
        assert_eq!(
            (imported.routes, imported.warnings),
            (direct.routes.len(), Vec::new())
        );
        let document = imported.document;
        let config = Place::with(&document).load_with(&Overrides::default(), &pairs);
        let config = config.unwrap_or_else(|problems| panic!("{document}\n{problems}"));
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        let shown = |config: &Config| {
            config
                .routes
                .iter()
                .map(|route| (route.name.clone(), route.listen.clone(), shown(route)))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&config), shown(&direct), "{document}");
        for secret in ["p w", "p;w", "Hush", "=p\n", "=p;"] {
            assert!(!document.contains(secret), "{document}");
        }
    }
}

#[test]
fn an_app_is_told_of_this_machine_in_its_own_format() {
    for (text, client, lines) in [
        (
            POSTGRES[0],
            ".NET",
            "AZURE_POSTGRESQL_CONNECTIONSTRING=Server=127.0.0.1;Database=D;Port=5432;User Id=any;Ssl Mode=Disable;Password=any;",
        ),
        (
            POSTGRES[2],
            "Python, PHP, Go or Ruby",
            "AZURE_POSTGRESQL_CONNECTIONSTRING=dbname=D host=127.0.0.1 port=5432 user=any sslmode=disable password=any",
        ),
        (
            POSTGRES[5],
            "Java",
            "AZURE_POSTGRESQL_CONNECTIONSTRING=jdbc:postgresql://127.0.0.1:5432/D?user=any&sslmode=disable&password=any",
        ),
        (
            POSTGRES[6],
            "Java, Spring Boot",
            "spring.datasource.url=jdbc:postgresql://127.0.0.1:5432/D?sslmode=disable\nspring.datasource.username=any\nspring.datasource.password=any\nspring.datasource.azure.passwordless-enabled=false",
        ),
        (
            POSTGRES[8],
            "Node.js",
            "AZURE_POSTGRESQL_HOST=127.0.0.1\nAZURE_POSTGRESQL_PORT=5432\nAZURE_POSTGRESQL_DATABASE=D\nAZURE_POSTGRESQL_USER=any\n(without AZURE_POSTGRESQL_SSL)\nAZURE_POSTGRESQL_PASSWORD=any",
        ),
        (
            MYSQL[0],
            ".NET",
            "AZURE_MYSQL_CONNECTIONSTRING=Server=127.0.0.1;Database=D;Port=3306;User Id=any;SSL Mode=None;Password=any;",
        ),
        (
            MYSQL[4],
            "Go",
            "AZURE_MYSQL_CONNECTIONSTRING=any:any@tcp(127.0.0.1:3306)/D?tls=false",
        ),
        (
            MYSQL[1],
            "Java",
            "AZURE_MYSQL_CONNECTIONSTRING=jdbc:mysql://127.0.0.1:3306/D?user=any&sslMode=DISABLED&password=any",
        ),
        (
            MYSQL[8],
            "Ruby",
            "AZURE_MYSQL_HOST=127.0.0.1\nAZURE_MYSQL_DATABASE=D\nAZURE_MYSQL_USERNAME=any\nAZURE_MYSQL_SSLMODE=disabled\nAZURE_MYSQL_PASSWORD=any",
        ),
        (
            SQL_SERVER[1].0,
            ".NET",
            "AZURE_SQL_CONNECTIONSTRING=Data Source=tcp:127.0.0.1,1433;Initial Catalog=D;User ID=any;Encrypt=False;Password=any;",
        ),
        (
            SQL_SERVER[7].0,
            "Java",
            "AZURE_SQL_CONNECTIONSTRING=jdbc:sqlserver://127.0.0.1:1433;databaseName=D;encrypt=false;user=any;password=any;",
        ),
        (
            SQL_SERVER[21].0,
            "Go",
            "AZURE_SQL_CONNECTIONSTRING=server=127.0.0.1;port=1433;database=D;user id=any;password=any;encrypt=disable;",
        ),
        (
            SQL_SERVER[22].0,
            "PHP",
            "AZURE_SQL_SERVERNAME=127.0.0.1,1433\nAZURE_SQL_DATABASE=D\nAZURE_SQL_UID=any\nAZURE_SQL_PASSWORD=any",
        ),
        (
            SQL_SERVER[26].0,
            "ODBC",
            "FABRIC_SQL_CONNECTIONSTRING=Driver={ODBC Driver 18 for SQL Server};Server=tcp:127.0.0.1,1433;Database=D;Encrypt=no;UID=any;PWD=any;",
        ),
    ] {
        let imported = import(&Environment::from_iter(variables(text)));
        let lines: String = lines.lines().map(|line| format!("#   {line}\n")).collect();
        let expected = format!("#\n# {client}:\n{lines}");
        assert!(
            imported.document.ends_with(&expected),
            "{}\n{expected}",
            imported.document
        );
    }
}

#[test]
fn what_cannot_be_imported_is_a_warning() {
    let imported = import(&Environment::from_iter(variables(
        "AZURE_POSTGRESQL_HOST=$PG\nAZURE_MYSQL_HOST=localhost\nAZURE_MYSQL_USER=U\nAZURE_SQL_SERVER=$SQL",
    )));
    assert_eq!(imported.routes, 1);
    let warnings = imported.warnings.join("\n");
    assert!(
        warnings.contains("AZURE_POSTGRESQL names no user")
            && warnings.contains("AZURE_MYSQL: leads to this machine"),
        "{warnings}"
    );
}
