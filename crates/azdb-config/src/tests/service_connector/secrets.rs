//! What `azdb-proxy import-env` prints has no secret in it, wherever a driver's reader or a person's slip has put one.

use azdb_identity::Environment;
use proptest::prelude::*;

use super::*;
use crate::import;

/// Whatever driver's key it is in, or where a password ends that nobody has quoted.
#[test]
fn no_secret_is_in_what_an_app_is_told() {
    for text in [
        "SPRING_DATASOURCE_URL=jdbc:mysql://$MY:3306/D?user=u&password=Hush",
        "SPRING_DATASOURCE_URL=jdbc:sqlserver://$SQL:1433;databaseName=D;user=u;password=Hush",
        "SPRING_DATASOURCE_URL=jdbc:postgresql://u:Hush@$PG:5432/D",
        "SPRING_DATASOURCE_URL=jdbc:postgresql://$PG:5432/D?user=u&password=Hush",
        "AZURE_SQL_CONNECTIONSTRING=jdbc:sqlserver://$SQL:1433;databaseName=D;user=u;password=p;accessToken=Hush",
        "AZURE_SQL_CONNECTIONSTRING=jdbc:sqlserver://$SQL:1433;databaseName=D;user=u;password=p;keyStoreSecret=Hush",
        "AZURE_SQL_CONNECTIONSTRING=jdbc:sqlserver://$SQL:1433;databaseName=D;user=u;password=p;clientKeyPassword=Hush",
        "AZURE_MYSQL_CONNECTIONSTRING=Server=$MY;Database=D;User Id=U;Password=p;Certificate Password=Hush",
        "AZURE_POSTGRESQL_CONNECTIONSTRING=host=$PG dbname=D user=U password=p oauth_client_secret=Hush",
        "AZURE_SQL_CONNECTIONSTRING=Server=$SQL;Database=D;User Id=U;Password=ab;Hush=Hush",
        "AZURE_MYSQL_CONNECTIONSTRING=Server=$MY;Database=D;User Id=U;Application Name=shop;Password=ab;cd=Hush",
        "AZURE_MYSQL_CONNECTIONSTRING=Server=$MY;Database=D;User Id=U;Password=ab;timeout=Hush",
        "AZURE_MYSQL_CONNECTIONSTRING=Server=$MY;Database=D;User Id=U;Password=ab;app=Hush",
        "AZURE_MYSQL_CONNECTIONSTRING=Server=$MY;Database=D;User Id=U;Password=ab;port=Hush",
        "AZURE_MYSQL_CONNECTIONSTRING=Server=$MY;Database=D;User Id=U;Password=Hush@tcp(x)/D",
        "AZURE_MYSQL_URL=mysql://U:1?user=Hush@$MY:3306/D",
        "AZURE_MYSQL_URL=mysql://U:1/x?user=U&app=Hush@$MY/D",
        "AZURE_MYSQL_URL=mysql://U:1/x?user=Hush@$MY/D",
    ] {
        let imported = import(&Environment::from_iter(variables(text)));
        assert!(!imported.document.contains("Hush"), "{}", imported.document);
        assert!(
            !imported.warnings.join(" ").contains("Hush"),
            "{:?}",
            imported.warnings
        );
        if text.contains("Application Name") {
            let kept = imported.document.contains("Application Name=shop");
            let told = imported
                .document
                .contains("(without 1 more, which may be secret");
            assert!(kept && told, "{}", imported.document);
        }
    }
}

/// Connection strings of every syntax, and variables without any; `$SECRET` stands for one, as a person writes it down who knows of no
/// quotes.
const FORMS: [&str; 20] = [
    "AZURE_POSTGRESQL_CONNECTIONSTRING=Server=$PG;Database=D;Timeout=15;User Id=U;Password=$SECRET;Application Name=shop",
    "AZURE_MYSQL_CONNECTIONSTRING=Server=$MY;Database=D;User Id=U;Password=$SECRET;Pooling=true;Connection Timeout=5",
    "AZURE_MYSQL_CONNECTIONSTRING=Password=$SECRET;Server=$MY;Database=D;User Id=U",
    "AZURE_SQL_CONNECTIONSTRING=Server=tcp:$SQL,1433;Initial Catalog=D;User ID=u;Password=$SECRET;Encrypt=True;Connection Timeout=30",
    "AZURE_SQL_CONNECTIONSTRING=Data Source=$SQL,1433;Initial Catalog=D;User ID=C;Password=$SECRET;Authentication=ActiveDirectoryServicePrincipal\nAZURE_SQL_TENANTID=T",
    "AZURE_SQL_CONNECTIONSTRING=server=$SQL;port=1433;database=D;user id=u;password=$SECRET",
    "FABRIC_SQL_CONNECTIONSTRING=Driver={ODBC Driver 18 for SQL Server};Server=tcp:$SQL,1433;Database=D;UID=u;PWD=$SECRET;MARS=yes",
    "AZURE_SQL_CONNECTIONSTRING=jdbc:sqlserver://$SQL:1433;databaseName=D;user=u;password=$SECRET;loginTimeout=30",
    "AZURE_SQL_CONNECTIONSTRING=jdbc:sqlserver://$SQL:1433;databaseName=D;user=u;password=p;accessToken=$SECRET",
    "AZURE_POSTGRESQL_CONNECTIONSTRING=host=$PG dbname=D user=U password=$SECRET connect_timeout=5",
    "AZURE_POSTGRESQL_CONNECTIONSTRING=password=$SECRET host=$PG dbname=D user=U",
    "AZURE_POSTGRESQL_CONNECTIONSTRING=jdbc:postgresql://$PG:5432/D?user=U&password=$SECRET&ApplicationName=shop",
    "AZURE_MYSQL_CONNECTIONSTRING=jdbc:mysql://U:$SECRET@$MY:3306/D?connectTimeout=5",
    "AZURE_POSTGRESQL_URL=postgresql://U:$SECRET@$PG/D?application_name=shop",
    "AZURE_MYSQL_URL=mysql://U:$SECRET@$MY:3306/D",
    "AZURE_MYSQL_CONNECTIONSTRING=U:$SECRET@tcp($MY:3306)/D?tls=true&timeout=5s",
    "AZURE_POSTGRESQL_HOST=$PG\nAZURE_POSTGRESQL_USER=U\nAZURE_POSTGRESQL_DATABASE=D\nAZURE_POSTGRESQL_PASSWORD=$SECRET",
    "AZURE_MYSQL_HOST=$MY\nAZURE_MYSQL_USER=U\nAZURE_MYSQL_DATABASE=D\nAZURE_MYSQL_CLIENTID=C\nAZURE_MYSQL_CLIENTSECRET=$SECRET",
    "spring.datasource.url=jdbc:postgresql://$PG:5432/D\nspring.datasource.username=U\nspring.datasource.password=$SECRET",
    "SPRING_DATASOURCE_URL=jdbc:mysql://$MY:3306/D?user=U&password=$SECRET",
];

/// A secret with four letters that are nowhere else, and with what could be taken for its end. Were it at its end where it begins, there
/// would be none, and the text behind it would be what it says.
fn secrets() -> impl Strategy<Value = String> {
    let between = prop::sample::select(vec![
        ";",
        "=",
        "\"",
        "'",
        "{",
        "}",
        "@",
        "/",
        "?",
        "&",
        ":",
        "#",
        "%",
        "%3B",
        "\\",
        " ",
        ",",
        "1",
        "://",
        "@tcp(",
        ")/",
        "]",
        ";timeout=",
        ";app=",
        ";database=",
        ";user id=",
        ";server=",
        ";port=",
        ";driver=",
        ";encrypt=",
        ";pooling=",
        ";charset=",
        ";msi client id=",
        ";authentication=",
        ";search path=",
        " application_name=",
        " dbname=",
        " user=",
        " host=",
        "&ApplicationName=",
        "&user=",
        "&currentSchema=",
        "&password=",
        "?user=",
        "?app=",
        "?database=",
        "/D?",
    ]);
    let piece = prop_oneof![Just("Hush"), between];
    let pieces = prop::collection::vec(piece, 1..8);
    let secrets = pieces.prop_map(|pieces| pieces.concat());
    secrets.prop_filter("no secret", |secret| !secret.starts_with([';', ' ']))
}

/// The same as each syntax has it that has quotes.
fn quoted(secret: &str) -> [String; 5] {
    let percent = secret.bytes().map(|byte| format!("%{byte:02x}"));
    [
        format!("\"{}\"", secret.replace('"', "\"\"")),
        format!("'{}'", secret.replace('\'', "''")),
        format!("{{{}}}", secret.replace('}', "}}")),
        format!("'{}'", secret.replace('\\', "\\\\").replace('\'', "\\'")),
        percent.collect(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn no_secret_is_repeated_however_it_is_written_down(
        form in prop::sample::select(&FORMS[..]),
        secret in secrets(),
        way in 0..6_usize,
    ) {
        let written = quoted(&secret).into_iter().nth(way).unwrap_or(secret);
        let text = form.replace("$SECRET", &written);
        let imported = import(&Environment::from_iter(variables(&text)));
        let said = format!("{}\n{}", imported.document, imported.warnings.join("\n"));
        prop_assert!(!said.to_lowercase().contains("hush"), "{text}\n{said}");
        if let Err(problems) = load(&text) {
            prop_assert!(!problems.to_lowercase().contains("hush"), "{text}\n{problems}");
        }
    }
}

/// What stands behind a secret may be its end, and may be what an app needs: a number and a word of a few are no secret.
#[test]
fn no_text_is_repeated_behind_a_secret() {
    for (form, kept, left_out) in [
        (FORMS[0], &["Timeout=15"][..], 1),
        (FORMS[1], &["Pooling=true", "Connection Timeout=5"], 0),
        (FORMS[6], &["Driver={ODBC", "MARS=yes"], 0),
        (FORMS[9], &["connect_timeout=5"], 0),
        (FORMS[11], &[], 1),
    ] {
        let text = form.replace("$SECRET", "Hush");
        let document = import(&Environment::from_iter(variables(&text))).document;
        for kept in kept {
            assert!(document.contains(kept), "{kept}: {document}");
        }
        let note = format!("(without {left_out} more, which may be secret");
        assert_eq!(document.contains(&note), left_out > 0, "{document}");
        assert!(!document.contains("shop"), "{document}");
    }
}
