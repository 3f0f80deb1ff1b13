//! The schema says of a file what the readers say of it, as far as it can: `boon` judges.

use boon::{Compiler, Schemas};
use serde_json::Value;

use super::{load, route};
use crate::keys::{Form, TABLES, Table};

/// What does not fit the schema in a file.
pub(super) fn misfits(text: &str) -> Option<String> {
    let schema: Value = serde_json::from_str(&crate::schema()).unwrap();
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("proxy.schema.json", schema).unwrap();
    let schema = compiler.compile("proxy.schema.json", &mut schemas).unwrap();
    let file: Value = toml::from_str(text).unwrap();
    schemas
        .validate(&file, schema)
        .err()
        .map(|error| error.to_string())
}

#[cfg(unix)]
#[test]
fn what_the_readers_accept_fits() {
    for more in [
        "",
        "listen = \"127.0.0.1:1\"",
        "listen = [\"127.0.0.1:1\", \"unix:/no/such/socket\"]\nunix_mode = 0o660\nallow_uids = [0, 1000]",
        "listen = \"unix:/no/such/socket\"\nunix_mode = \"0660\"\nallow_uids = 0",
        "identity = { source = \"imds\" }",
        "local_tls = \"off\"\nlogin_timeout = \"1500ms\"",
        "upstream_tls_first = true",
        "[identities.a]\nlazy = true\n[process]\nlog_level = \"info,azdb_core=debug\"",
    ] {
        let text = route(more);
        load(&text).unwrap_or_else(|problems| panic!("{text}: {problems}"));
        assert_eq!(misfits(&text), None, "{text}");
    }
}

#[test]
fn what_a_key_cannot_hold_does_not_fit() {
    let text = |table: &Table, name: &str, value: &str| match table.name {
        "route" => route(&format!("{name} = {value}")),
        "identity" => format!("[identity]\n{name} = {value}\n{}", route("")),
        other => format!("[{other}]\n{name} = {value}\n{}", route("")),
    };
    for (table, row) in TABLES
        .into_iter()
        .flat_map(|table| table.rows().map(move |row| (table, row)))
    {
        let name = row.about().name;
        if table.name == "route" && ["protocol", "upstream", "upstream_user"].contains(&name) {
            continue;
        }
        for value in ["1.5", "-1", "{ x = [{}] }", "[[]]", "\"\""] {
            let text = text(table, name, value);
            assert!(load(&text).is_err(), "{text}");
            assert!(misfits(&text).is_some(), "{text}");
        }
        if !matches!(
            row.form(),
            Form::Text(_) | Form::List(_) | Form::Either(_) | Form::Map(_)
        ) {
            let text = text(table, name, "\"a word\"");
            assert!(load(&text).is_err() && misfits(&text).is_some(), "{text}");
        }
    }
}

#[test]
fn unknown_and_foreign_and_missing_keys_do_not_fit() {
    for text in [
        route("lissen = 1"),
        route("client_id = \"1\""),
        route("local_infile = \"deny\""),
        route("sql_browser = true"),
        "[[route]]\nname = \"a\"\n".to_owned(),
        "[health]\n".to_owned() + &route(""),
        "[route]\n".to_owned(),
        "[proces]\n".to_owned() + &route(""),
        route("identity = { sauce = 1 }"),
        route("local_tls = { cert_file = \"a\" }"),
    ] {
        assert!(load(&text).is_err() && misfits(&text).is_some(), "{text}");
    }
}
