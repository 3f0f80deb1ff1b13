//! What is printed, and that names in it are whole whatever is in them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod page;

use azdb_config::route::ProtocolName;
use proptest::prelude::*;

use super::engine::{self, Level, Wanted};
use super::grantee::{Kind, Known};
use super::text;
use super::unfit::Unfit;

const OID: &str = "c0ffee00-5a0e-4b1d-9f5c-2b7e8d4a6f02";
const APP: &str = "7d1c1b3c-2f65-4a52-8e37-3f1f0d6c9b01";

pub(super) fn wanted(principal: &str, database: &str, level: Level) -> Wanted {
    Wanted {
        command: "azdb-proxy grant orders".to_owned(),
        route: "orders".to_owned(),
        host: "orders.example.org".to_owned(),
        port: 5432,
        ca_file: None,
        principal: principal.to_owned(),
        identity: Known {
            kind: Some(Kind::Service),
            name: Some(principal.to_owned()),
            object_id: Some(OID.parse().unwrap()),
            client_id: Some(APP.parse().unwrap()),
            tenant: None,
        },
        database: database.to_owned(),
        schemas: Vec::new(),
        creators: Vec::new(),
        level,
        exists: false,
        by_id: false,
        is_proved: false,
    }
}

fn printed(protocol: ProtocolName, wanted: &Wanted, undo: bool) -> String {
    text(engine::of(protocol), wanted, undo).unwrap()
}

/// The SQL without what is for its reader.
fn statements(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.filter(|line| !line.starts_with("--")).collect()
}

#[test]
fn postgres_maps_a_role_by_object_id_and_grants_in_the_apps_database() {
    let wanted = Wanted {
        creators: vec!["migrations".to_owned()],
        ..wanted("orders-app", "orders", Level::ReadWrite)
    };
    let text = printed(ProtocolName::Postgres, &wanted, false);
    assert_eq!(
        statements(&text),
        [
            "\\set ON_ERROR_STOP on",
            "\\connect \"postgres\"",
            "set client_encoding = 'UTF8';",
            "select * from pgaadauth_create_principal_with_oid('orders-app', 'c0ffee00-5a0e-4b1d-9f5c-2b7e8d4a6f02', 'service', false, false)",
            " where not exists (select from pg_catalog.pg_roles where rolname = 'orders-app');",
            "select * from pgaadauth_list_principals(false);",
            "\\connect \"orders\"",
            "set client_encoding = 'UTF8';",
            "grant connect on database \"orders\" to \"orders-app\";",
            "grant usage on schema \"public\" to \"orders-app\";",
            "grant select, insert, update, delete on all tables in schema \"public\" to \"orders-app\";",
            "grant usage, select on all sequences in schema \"public\" to \"orders-app\";",
            "alter default privileges in schema \"public\" grant select, insert, update, delete on tables to \"orders-app\";",
            "alter default privileges in schema \"public\" grant usage, select on sequences to \"orders-app\";",
            "alter default privileges for role \"migrations\" in schema \"public\" grant select, insert, update, delete on tables to \"orders-app\";",
            "alter default privileges for role \"migrations\" in schema \"public\" grant usage, select on sequences to \"orders-app\";",
        ]
    );
    assert!(text.contains("--   security label for \"pgaadauth\" on role \"orders-app\" is 'aadauth,oid=c0ffee00-5a0e-4b1d-9f5c-2b7e8d4a6f02,type=service';\n"));
    assert!(
        text.contains("-- drop role if exists \"orders-app\";\n"),
        "no way back: {text}"
    );
}

#[test]
fn a_role_that_is_there_is_given_to_the_identity_only_when_that_is_said() {
    let wanted = Wanted {
        exists: true,
        ..wanted("orders", "orders", Level::ReadOnly)
    };
    let text = printed(ProtocolName::Postgres, &wanted, false);
    let label = format!(
        "security label for \"pgaadauth\" on role \"orders\" is 'aadauth,oid={OID},type=service';"
    );
    assert!(statements(&text).contains(&label.as_str()), "{text}");
    assert!(!text.contains("create_principal"), "{text}");
    for other in [ProtocolName::Mysql, ProtocolName::Tds] {
        let refused = engine::of(other).grant(&wanted).unwrap_err();
        assert!(
            matches!(refused, Unfit::Flag("--existing-role", _)),
            "{refused}"
        );
    }
}

#[test]
fn mysql_makes_a_user_by_client_id_and_looks_nobody_up() {
    let wanted = wanted("orders-app", "my_shop", Level::ReadWrite);
    let text = printed(ProtocolName::Mysql, &wanted, false);
    assert_eq!(
        statements(&text),
        [
            "set names utf8mb4;",
            "set aad_auth_validate_oids_in_tenant = OFF;",
            "create aaduser 'orders-app' identified by '7d1c1b3c-2f65-4a52-8e37-3f1f0d6c9b01';",
            "select * from mysql.user where plugin = 'aad_auth';",
            "grant select, insert, update, delete, show view, create temporary tables, lock tables on `my\\_shop`.* to 'orders-app'@'%';",
            "show grants for 'orders-app'@'%';",
        ]
    );
    for permission in [
        "User.Read.All",
        "GroupMember.Read.All",
        "Application.Read.All",
    ] {
        assert!(text.contains(permission), "{permission}: {text}");
    }
    let group = Wanted {
        identity: Known {
            kind: Some(Kind::Group),
            ..wanted.identity.clone()
        },
        ..wanted
    };
    let text = printed(ProtocolName::Mysql, &group, false);
    assert!(text.contains(&format!("identified by '{OID}';")), "{text}");
    let undo = printed(ProtocolName::Mysql, &group, true);
    assert_eq!(
        statements(&undo),
        [
            "set names utf8mb4;",
            "drop user if exists 'orders-app'@'%';"
        ]
    );
}

#[test]
fn sql_server_makes_a_user_by_name_in_the_apps_database() {
    let wanted = wanted("orders-app", "orders", Level::ReadWrite);
    let text = printed(ProtocolName::Tds, &wanted, false);
    assert_eq!(
        statements(&text)[..7],
        [
            "if not exists (select 1 from sys.database_principals where name = N'orders-app')",
            "    create user [orders-app] from external provider;",
            "go",
            "alter role db_datareader add member [orders-app];",
            "go",
            "alter role db_datawriter add member [orders-app];",
            "go",
        ]
    );
    assert!(text.contains(&format!(
        "--   create user [orders-app] from external provider with object_id = '{OID}';\n-- go\n"
    )));
    let by_id = Wanted {
        by_id: true,
        ..wanted.clone()
    };
    let text = printed(ProtocolName::Tds, &by_id, false);
    let create =
        "    create user [orders-app] with sid = 0x3C1B1C7D652F524A8E373F1F0D6C9B01, type = E;";
    assert!(statements(&text).contains(&create), "{text}");
    assert!(!text.contains("external provider"), "{text}");
    let in_schema = Wanted {
        schemas: vec!["sales".to_owned()],
        level: Level::ReadOnly,
        ..wanted
    };
    let text = printed(ProtocolName::Tds, &in_schema, false);
    let grant = "grant select on schema::[sales] to [orders-app];";
    assert!(statements(&text).contains(&grant), "{text}");
    assert!(!text.contains("db_data"), "{text}");
}

#[test]
fn what_an_engine_has_no_word_for_is_refused() {
    let fine = wanted("orders-app", "orders", Level::ReadOnly);
    let with = |schemas: &[&str], creators: &[&str]| Wanted {
        schemas: schemas.iter().map(ToString::to_string).collect(),
        creators: creators.iter().map(ToString::to_string).collect(),
        ..fine.clone()
    };
    for (protocol, wanted, flag) in [
        (ProtocolName::Mysql, with(&["s"], &[]), "--schema"),
        (ProtocolName::Mysql, with(&[], &["r"]), "--creator"),
        (ProtocolName::Tds, with(&[], &["r"]), "--creator"),
    ] {
        let refused = engine::of(protocol).grant(&wanted).unwrap_err();
        assert!(refused.to_string().starts_with(flag), "{refused}");
    }
    let unknown = Wanted {
        identity: Known::default(),
        ..fine
    };
    for (protocol, flag) in [
        (ProtocolName::Postgres, "--object-id"),
        (ProtocolName::Mysql, "--client-id"),
    ] {
        let refused = engine::of(protocol).grant(&unknown).unwrap_err();
        assert!(
            matches!(refused, Unfit::Missing(named) if named == flag),
            "{refused}"
        );
    }
}

/// A name that a server would cut off is another name.
#[test]
fn a_name_that_does_not_fit_is_refused() {
    for (protocol, limit) in [
        (ProtocolName::Postgres, 63),
        (ProtocolName::Mysql, 32),
        (ProtocolName::Tds, 128),
    ] {
        let engine = engine::of(protocol);
        let long = wanted(&"n".repeat(limit), "d", Level::Owner);
        engine.grant(&long).unwrap();
        for name in [
            "n".repeat(limit + 1),
            String::new(),
            "two\ngo\nlines".to_owned(),
            "nothing\0behind".to_owned(),
        ] {
            let refused = engine.grant(&wanted(&name, "d", Level::Owner));
            assert!(matches!(refused, Err(Unfit::Name { .. })), "{name:?}");
        }
    }
}

/// Reads a quoted name or text from where it begins, as a server does: returns it, and what is behind.
fn unquoted(sql: &str, close: char, backslash_escapes: bool) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut letters = sql.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' && backslash_escapes {
            text.push(letters.next()?.1);
        } else if letter != close {
            text.push(letter);
        } else if sql[at + letter.len_utf8()..].starts_with(close) {
            letters.next();
            text.push(close);
        } else {
            return Some((text, &sql[at + letter.len_utf8()..]));
        }
    }
    None
}

/// What stands between these words in SQL, and begins with `open`.
fn after<'t>(text: &'t str, words: &str, open: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(words)?;
    rest.strip_prefix(open)
}

fn names() -> impl Strategy<Value = String> {
    let hostile = r#"['"`\\\[\]%_$(){}:;@=/-]"#;
    proptest::string::string_regex(&format!("({hostile}|[a-z]|[àßж国😀 ]){{1,15}}")).unwrap()
}

proptest! {
    #[test]
    fn postgres_reads_every_name_whole(role in names(), database in names()) {
        let text = printed(ProtocolName::Postgres, &wanted(&role, &database, Level::Owner), false);
        let create = "pgaadauth_create_principal_with_oid(";
        let (name, rest) = match after(&text, create, "E'") {
            Some(rest) => unquoted(rest, '\'', true).unwrap(),
            None => unquoted(after(&text, create, "'").unwrap(), '\'', false).unwrap(),
        };
        prop_assert_eq!(&name, &role);
        // What a backslash is within plain quotes is a setting.
        prop_assert!(!name.contains('\\') || text.contains("create_principal_with_oid(E'"));
        prop_assert!(rest.starts_with(", 'c0ffee00"));
        let grant = after(&text, "grant all privileges on database ", "\"").unwrap();
        let (name, rest) = unquoted(grant, '"', false).unwrap();
        prop_assert_eq!(&name, &database);
        let (name, rest) = unquoted(rest.strip_prefix(" to \"").unwrap(), '"', false).unwrap();
        prop_assert_eq!(&name, &role);
        prop_assert!(rest.starts_with(";\n"));
        let connects: Vec<&str> = text.split("\\connect ").skip(2).collect();
        let (argument, connection) = match connects[0].strip_prefix("-reuse-previous=on \"") {
            Some(string) => (string, true),
            None => (connects[0].strip_prefix('"').unwrap(), false),
        };
        let (argument, _) = unquoted(argument, '"', false).unwrap();
        let name = match connection {
            true => unquoted(argument.strip_prefix("dbname='").unwrap(), '\'', true).unwrap().0,
            false => argument,
        };
        prop_assert_eq!(name, database);
    }

    #[test]
    fn mysql_reads_every_name_whole(user in names(), database in names()) {
        let text = printed(ProtocolName::Mysql, &wanted(&user, &database, Level::Owner), false);
        prop_assert_eq!(user.contains('\\'), text.contains("\nset session sql_mode = '';\n"));
        let (name, rest) = unquoted(after(&text, "create aaduser ", "'").unwrap(), '\'', true).unwrap();
        prop_assert_eq!(&name, &user);
        prop_assert!(rest.starts_with(" identified by '7d1c1b3c"));
        let grant = after(&text, "grant all privileges on ", "`").unwrap();
        let (pattern, rest) = unquoted(grant, '`', false).unwrap();
        // A letter that stands for others stands for itself behind a backslash.
        let mut letters = pattern.chars();
        let mut name = String::new();
        while let Some(letter) = letters.next() {
            prop_assert!(!"_%".contains(letter), "{pattern:?}");
            name.push(if letter == '\\' { letters.next().unwrap() } else { letter });
        }
        prop_assert_eq!(name, database);
        let (name, rest) = unquoted(rest.strip_prefix(".* to '").unwrap(), '\'', true).unwrap();
        prop_assert_eq!(&name, &user);
        prop_assert!(rest.starts_with("@'%';\n"));
    }

    #[test]
    fn sql_server_reads_every_name_whole(user in names(), database in names()) {
        let text = printed(ProtocolName::Tds, &wanted(&user, &database, Level::Owner), false);
        let (name, rest) = unquoted(after(&text, "where name = N", "'").unwrap(), '\'', false).unwrap();
        prop_assert_eq!(&name, &user);
        prop_assert!(rest.starts_with(")\n    create user ["), "{}", rest);
        for words in ["    create user ", "alter role db_owner add member "] {
            let (name, _) = unquoted(after(&text, words, "[").unwrap(), ']', false).unwrap();
            prop_assert_eq!(&name, &user);
        }
    }
}

/// Clients without roots of their own verify by the route's, whatever the file is called.
#[test]
fn the_lines_to_copy_have_the_routes_authority() {
    let printed_with = |file: Option<&str>, protocol| {
        let wanted = Wanted {
            ca_file: file.map(Into::into),
            ..wanted("app", "shop", Level::ReadOnly)
        };
        printed(protocol, &wanted, false)
    };
    for (protocol, usual, ours) in [
        (
            ProtocolName::Postgres,
            "sslrootcert=/etc/ssl/certs/ca-certificates.crt'",
            r"sslrootcert='\''/some where/ca.pem'\'''",
        ),
        (
            ProtocolName::Mysql,
            " --ssl-ca=/etc/ssl/certs/ca-certificates.crt\n",
            " '--ssl-ca=/some where/ca.pem'\n",
        ),
        (
            ProtocolName::Tds,
            "sqlcmd",
            "what is in /some where/ca.pem must be among them",
        ),
    ] {
        let text = printed_with(None, protocol);
        assert!(text.contains(usual) && !text.contains("/ca.pem"), "{text}");
        let text = printed_with(Some("/some where/ca.pem"), protocol);
        assert!(text.contains(ours), "{text}");
        assert!(!text.contains("ca-certificates"), "{text}");
    }
}
