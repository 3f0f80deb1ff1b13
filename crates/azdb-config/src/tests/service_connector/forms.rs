//! Every form, by every login.

use super::*;
use crate::Origin;

#[test]
fn every_form_of_postgresql_and_mysql_is_a_route_by_every_login() {
    let forms = POSTGRES.iter().map(|form| {
        (
            "AZURE_POSTGRESQL",
            form,
            format!("postgres 5432 {PG}:5432/D as U by "),
        )
    });
    let forms = forms.chain(MYSQL.iter().map(|form| {
        (
            "AZURE_MYSQL",
            form,
            format!("mysql 3306 {MY}:3306/D as U by "),
        )
    }));
    for (kind, form, expected) in forms {
        for (beside, by) in logins(kind, form) {
            let config = loaded(&format!("{form}\n{beside}"));
            assert_eq!(
                shown(&config.routes[0]),
                format!("{expected}{by}"),
                "{form}\n{beside}"
            );
            assert_eq!(config.routes.len(), 1, "{form}");
            assert_eq!(config.origin, Origin::ServiceConnector);
        }
    }
}

#[test]
fn every_form_of_sql_server_is_a_route() {
    for (form, by) in SQL_SERVER {
        let config = loaded(form);
        let user = if by.starts_with("password") { "u" } else { "-" };
        let expected = format!("tds 1433 {SQL}:1433/D as {user} by {by}");
        assert_eq!(shown(&config.routes[0]), expected, "{form}");
    }
    let fabric = "FABRIC_SQL_CONNECTIONSTRING=Data Source=tcp:x.datawarehouse.fabric.microsoft.com,1433;Initial Catalog=D;Authentication=ActiveDirectoryManagedIdentity";
    assert_eq!(
        shown(&loaded(fabric).routes[0]),
        "tds 1433 x.datawarehouse.fabric.microsoft.com:1433/D as - by system"
    );
}

#[test]
fn a_secret_in_a_connection_string_is_password_mode() {
    for (form, host) in [
        (
            "AZURE_POSTGRESQL_CONNECTIONSTRING=Server=$PG;Database=D;Port=5432;Ssl Mode=Require;User Id=U;Password=\"p'w\";",
            PG,
        ),
        (
            "AZURE_POSTGRESQL_CONNECTIONSTRING=host=$PG dbname=D user=U password='p\\'w'",
            PG,
        ),
        (
            "AZURE_POSTGRESQL_CONNECTIONSTRING=jdbc:postgresql://$PG:5432/D?user=U&password=p%27w",
            PG,
        ),
        (
            "AZURE_MYSQL_CONNECTIONSTRING=U:p'w@tcp($MY:3306)/D?tls=true",
            MY,
        ),
        ("AZURE_MYSQL_CONNECTIONSTRING=mysql://U:p%27w@$MY/D", MY),
    ] {
        let config = loaded(form);
        let route = shown(&config.routes[0]);
        assert!(
            route.contains(host) && route.ends_with("/D as U by password p'w"),
            "{form}: {route}"
        );
    }
}
