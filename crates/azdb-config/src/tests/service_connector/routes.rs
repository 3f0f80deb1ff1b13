//! Several connections, what is ambiguous, what is left out, and `from_env`.

use super::super::{Place, load_urls, route};
use super::*;
use crate::{Origin, Overrides};

#[test]
fn several_connections_have_ports_one_after_the_other() {
    let config = loaded(
        "AZURE_POSTGRESQL_HOST=$PG\nAZURE_POSTGRESQL_USER=one\nAZURE_POSTGRESQL_DATABASE=D
         AZURE_POSTGRESQL_STOCK_CONNECTIONSTRING=host=$PG dbname=S user=three
         AZURE_POSTGRESQL_BIG_SHOP_NAME=B\nAZURE_POSTGRESQL_BIG_SHOP_HOST=$PG\nAZURE_POSTGRESQL_BIG_SHOP_USER=two\nAZURE_POSTGRESQL_BIG_SHOP_CLIENTID=C
         AZURE_MYSQL_STOCK_CONNECTIONSTRING=U@tcp($MY)/D",
    );
    let routes: Vec<_> = config
        .routes
        .iter()
        .map(|route| (route.name.clone(), shown(route)))
        .collect();
    let expected = [
        ("srv", format!("postgres 5432 {PG}:5432/D as one by system")),
        (
            "big_shop",
            format!("postgres 5433 {PG}:5432/B as two by ClientId(\"C\")"),
        ),
        (
            "stock",
            format!("postgres 5434 {PG}:5432/S as three by system"),
        ),
        ("srv-2", format!("mysql 3306 {MY}:3306/D as U by system")),
    ];
    assert_eq!(
        routes,
        expected.map(|(name, route)| (name.to_owned(), route))
    );
}

#[test]
fn apps_in_two_languages_that_were_told_the_same_share_a_route() {
    let same = "AZURE_POSTGRESQL_HOST=$PG\nAZURE_POSTGRESQL_USER=U\nAZURE_POSTGRESQL_DATABASE=D
        AZURE_POSTGRESQL_CONNECTIONSTRING=host=$PG dbname=D user=U@srv\nspring.datasource.url=jdbc:postgresql://$PG:5432/D
        spring.datasource.username=U";
    assert_eq!(loaded(same).routes.len(), 1);
}

#[test]
fn what_can_be_meant_in_two_ways_is_refused_with_the_candidates() {
    let pg = "AZURE_POSTGRESQL_HOST=$PG\nAZURE_POSTGRESQL_USER=U\nAZURE_POSTGRESQL_DATABASE=D";
    for (text, problem) in [
        (
            format!("{pg}\nAZURE_POSTGRESQL_CONNECTIONSTRING=host=$PG dbname=D user=V"),
            "AZURE_POSTGRESQL_CONNECTIONSTRING and AZURE_POSTGRESQL_USER say different things of the user",
        ),
        (
            format!("{pg}\nAZURE_POSTGRESQL_NAME=E"),
            "AZURE_POSTGRESQL_DATABASE and AZURE_POSTGRESQL_NAME say different things of the database",
        ),
        (
            format!("{pg}\nAZURE_POSTGRESQL_CLIENTID=C\nAZURE_POSTGRESQL_PASSWORD=Hush"),
            "AZURE_POSTGRESQL_PASSWORD has a password and AZURE_POSTGRESQL_CLIENTID names an identity",
        ),
        (
            format!("{pg}\nAZURE_POSTGRESQL_CLIENTSECRET=Hush"),
            "AZURE_POSTGRESQL has a secret in AZURE_POSTGRESQL_CLIENTSECRET and no CLIENTID",
        ),
        (
            format!("{pg}\nAZURE_POSTGRESQL_PASSWORD=@Microsoft.KeyVault(SecretUri=Hush)"),
            "AZURE_POSTGRESQL_PASSWORD is a reference that the platform has not resolved",
        ),
        (
            "AZURE_POSTGRESQL_HOST=$PG".to_owned(),
            "AZURE_POSTGRESQL names no user",
        ),
        (
            "AZURE_SQL_CONNECTIONSTRING=jdbc:postgresql://$PG/D?user=U".to_owned(),
            "AZURE_SQL_CONNECTIONSTRING is of tds by its name and of postgres by what it holds",
        ),
        (
            "AZURE_SQL_CONNECTIONSTRING=Server=$SQL;Database=D;User ID=u".to_owned(),
            "AZURE_SQL_CONNECTIONSTRING names a user and no password",
        ),
        (
            "AZURE_SQL_CONNECTIONSTRING=Server=$SQL;Authentication=Active Directory Interactive"
                .to_owned(),
            "AZURE_SQL_CONNECTIONSTRING wants the sign-in of a person",
        ),
        (
            "AZURE_SQL_CONNECTIONSTRING=Server=$SQL;Authentication=Hush".to_owned(),
            "AZURE_SQL_CONNECTIONSTRING has an unknown way to log in",
        ),
        (
            "AZURE_POSTGRESQL_CONNECTIONSTRING=postgres://U:Hu/sh@$PG/D".to_owned(),
            "AZURE_POSTGRESQL_CONNECTIONSTRING has",
        ),
        (
            "AZURE_POSTGRESQL_CONNECTIONSTRING=host=a,b user=U password=Hush".to_owned(),
            "AZURE_POSTGRESQL_CONNECTIONSTRING has several hosts",
        ),
        (
            "AZURE_MYSQL_CONNECTIONSTRING=Hush".to_owned(),
            "AZURE_MYSQL_CONNECTIONSTRING is no connection string",
        ),
    ] {
        let problems = load(&text).unwrap_err();
        assert!(problems.contains(problem), "{text}\n{problems}");
        assert!(!problems.contains("Hu"), "{problems}");
    }
}

#[test]
fn what_leads_to_this_machine_is_left_out_and_said() {
    for host in ["127.0.0.1", "localhost", "::1", "LOCALHOST"] {
        let text = format!(
            "AZURE_POSTGRESQL_HOST={host}\nAZURE_POSTGRESQL_USER=any\nAZURE_POSTGRESQL_PASSWORD=any\nAZURE_MYSQL_CONNECTIONSTRING=U@tcp($MY)/D"
        );
        let config = loaded(&text);
        assert_eq!(config.routes.len(), 1, "{host}");
        assert!(
            config.warnings[0].starts_with("AZURE_POSTGRESQL: leads to this machine, "),
            "{:?}",
            config.warnings
        );
    }
    let problems = load("AZURE_POSTGRESQL_HOST=127.0.0.1\nAZURE_POSTGRESQL_USER=any").unwrap_err();
    assert!(
        problems.contains(
            "of those that are set none counts (AZURE_POSTGRESQL: leads to this machine, 127.0.0.1,"
        ),
        "{problems}"
    );
    let springs = loaded(
        "spring.datasource.url=jdbc:postgresql://db.internal/D\nAZURE_MYSQL_CONNECTIONSTRING=U@tcp($MY)/D",
    );
    assert_eq!(springs.routes.len(), 1);
}

#[test]
fn what_only_looks_like_a_connection_is_none() {
    let problems = load("AZURE_POSTGRESQL_CLIENTID=C\nAZURE_SQL_SERVER_NAME=x\nAZURE_SQL_CONNECTION_STRING_KEY=x\nAZURE_MYSQL_=x\nAZURE_POSTGRESQL=x").unwrap_err();
    assert!(
        problems.starts_with(
            "no route. There are three ways to say one: on the command line or in AZDB_PROXY_ROUTE"
        ),
        "{problems}"
    );
    for way in [
        "azdb-proxy run \"postgres://",
        "[[route]]",
        "AZURE_POSTGRESQL_HOST",
    ] {
        assert!(problems.contains(way), "{problems}");
    }
}

#[test]
fn a_secret_of_a_variable_is_in_nothing_that_is_printed() {
    let text = "AZURE_POSTGRESQL_CONNECTIONSTRING=host=$PG user=U password=Hush
        AZURE_MYSQL_CONNECTIONSTRING=U:Hush@tcp($MY)/D
        AZURE_SQL_SERVER=$SQL\nAZURE_SQL_CLIENTID=C\nAZURE_SQL_CLIENTSECRET=Hush\nAZURE_SQL_TENANTID=T";
    let config = loaded(text);
    assert_eq!(config.routes.len(), 3);
    assert!(!format!("{config:?}{}", crate::summary(&config)).contains("Hush"));
}

#[test]
fn whose_token_a_connection_without_an_identity_gets_is_said() {
    let config = loaded(
        "AZURE_POSTGRESQL_HOST=$PG\nAZURE_POSTGRESQL_USER=U
        AZURE_MYSQL_HOST=$MY\nAZURE_MYSQL_USER=U\nAZURE_MYSQL_CLIENTID=C",
    );
    let doubt = "AZURE_POSTGRESQL: names no identity, and gets the token of the one that AZURE_MYSQL_CLIENTID names: ";
    assert_eq!(config.warnings.len(), 1);
    assert!(
        config.warnings[0].starts_with(doubt),
        "{:?}",
        config.warnings
    );
}

#[test]
fn a_command_line_and_a_file_win() {
    let variables = variables("AZURE_MYSQL_CONNECTIONSTRING=U@tcp($MY)/D");
    let pairs: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let config = load_urls(&[&format!("postgres://u@{PG}/d")], &pairs).unwrap();
    assert_eq!(
        (config.routes.len(), config.origin),
        (1, Origin::ZeroConfiguration)
    );
    let place = Place::with(&route(""));
    assert_eq!(
        place
            .load_with(&Overrides::default(), &pairs)
            .unwrap()
            .routes
            .len(),
        1
    );
}

/// A file with this route, beside these variables.
fn filled(route: &str, variables_: &str) -> Result<Config, String> {
    let variables = variables(variables_);
    let pairs: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Place::with(&format!("[[route]]\n{route}")).load_with(&Overrides::default(), &pairs)
}

#[test]
fn from_env_reads_variables_of_any_name_and_what_is_written_wins() {
    for (route, variables, expected) in [
        (
            "from_env = \"SHOP\"",
            "SHOP_HOST=$PG\nSHOP_USER=U\nSHOP_NAME=D\nSHOP_PASSWORD=p",
            format!("postgres 5432 {PG}:5432/D as U by password p"),
        ),
        (
            "from_env = \"SHOP_HOST\"",
            "SHOP_HOST=$MY\nSHOP_USER=U",
            format!("mysql 3306 {MY}:3306/- as U by system"),
        ),
        (
            "from_env = \"DATABASE_URL\"",
            "DATABASE_URL=postgres://U:p@$PG/D\nDATABASE_HOST=other",
            format!("postgres 5432 {PG}:5432/D as U by password p"),
        ),
        (
            "from_env = \"my_database\"",
            "My_Database=Server=$SQL;Database=D\nMY_DATABASE_CLIENTID=C",
            format!("tds 1433 {SQL}:1433/D as - by ClientId(\"C\")"),
        ),
        (
            "from_env = \"ConnectionStrings__Shop\"",
            "SQLAZURECONNSTR_SHOP=Server=$SQL;Database=E\nConnectionStrings__Shop=Server=$SQL;Database=E",
            format!("tds 1433 {SQL}:1433/E as - by system"),
        ),
        (
            "from_env = \"spring.datasource.url\"",
            "spring.datasource.url=jdbc:mysql://$MY/D\nspring.datasource.username=U",
            format!("mysql 3306 {MY}:3306/D as U by system"),
        ),
        (
            "from_env = \"SHOP\"\nupstream_user = \"V\"\nlisten = \"127.0.0.1:7000\"\nidentity = { client_id = \"X\" }",
            "SHOP_HOST=$PG\nSHOP_USER=U\nSHOP_PASSWORD=p",
            format!("postgres 7000 {PG}:5432/- as V by ClientId(\"X\")"),
        ),
    ] {
        let config =
            filled(route, variables).unwrap_or_else(|problems| panic!("{route}: {problems}"));
        assert_eq!(shown(&config.routes[0]), expected, "{route}");
    }
    for (route, variables, problem) in [
        (
            "from_env = \"NONE\"",
            "OTHER=1",
            "proxy.toml:2: from_env: there is no variable NONE here",
        ),
        (
            "from_env = \"SHOP\"",
            "SHOP_HOST=db.internal\nSHOP_USER=U",
            "from_env: SHOP: write protocol beside it",
        ),
        (
            "from_env = \"SHOP\"\nprotocol = \"postgres\"",
            "SHOP_HOST=db.internal\nSHOP_USER=U",
            "no token goes to db.internal",
        ),
    ] {
        let problems = filled(route, variables).unwrap_err();
        assert!(problems.contains(problem), "{problems}");
    }
}
