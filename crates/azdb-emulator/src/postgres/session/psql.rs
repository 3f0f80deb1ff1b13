//! psql's `\d`, `\dt`, `\d name` and `\l`: its queries of the system catalog, told by their marks,
//! with the rows that they would have. Of a table they show the columns.

use pgwire::error::PgWireResult;

use super::Session;
use super::answer::Answer;
use super::canned::refused;
use super::fault;
use super::values::name_of;
use crate::sample::{Table, TableColumn};

/// Object id of the first table.
const FIRST_OID: usize = 16_385;

/// What psql asks of a table that none here has anything of.
const ABSENT: [&str; 6] = [
    "pg_catalog.pg_constraint",
    "pg_catalog.pg_policy",
    "pg_catalog.pg_statistic_ext",
    "pg_catalog.pg_publication",
    "pg_catalog.pg_trigger",
    "pg_catalog.pg_inherits",
];

/// The answer to a query of psql's, with single spaces in it.
pub(super) fn answer(text: &str, session: &Session) -> Option<PgWireResult<Answer>> {
    if !text.contains("pg_catalog.") {
        return None;
    }
    let tables = match session.sample.tables() {
        Ok(tables) => tables,
        Err(fault) => return Some(Err(fault::error(fault))),
    };
    let answer = if text.contains("FROM pg_catalog.pg_database d") {
        databases(text, session)
    } else if text.contains("c.relkind IN (") && text.contains(" as \"Owner\" FROM") {
        listing(text, &tables, session)
    } else if text.starts_with("SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c") {
        found(text, &tables)
    } else {
        of_table(text, &tables)
    };
    Some(answer.ok_or_else(|| refused("this query of the system catalog")))
}

/// `\l`.
fn databases(text: &str, session: &Session) -> Option<Answer> {
    let names = [
        "Name",
        "Owner",
        "Encoding",
        "Collate",
        "Ctype",
        "Access privileges",
    ];
    let is_plain = text.contains(" as \"Owner\"") && !text.contains("\"Size\"");
    let row = [
        &session.database,
        &session.user,
        "UTF8",
        "C.UTF-8",
        "C.UTF-8",
    ];
    let mut row: Vec<Option<String>> = row.map(|text| Some(text.to_owned())).into();
    row.push(None);
    is_plain.then(|| Answer::texts(&names, vec![row]))
}

/// `\d` and `\dt`.
fn listing(text: &str, tables: &[Table], session: &Session) -> Option<Answer> {
    let names = ["Schema", "Name", "Type", "Owner"];
    let kinds = text.split("c.relkind IN (").nth(1)?.split(')').next()?;
    let wanted = named(text)?;
    let shown = tables.iter().filter(|table| wanted.is_match(&table.name));
    let rows = shown.map(|table| {
        let row = ["public", &table.name, "table", &session.user];
        row.map(|text| Some(text.to_owned())).into()
    });
    let rows = match kinds.contains("'r'") {
        true => rows.collect(),
        false => Vec::new(),
    };
    Some(Answer::texts(&names, rows))
}

/// `\d name`, at first.
fn found(text: &str, tables: &[Table]) -> Option<Answer> {
    let wanted = named(text)?;
    let found = (FIRST_OID..).zip(tables);
    let found = found.filter(|(_, table)| wanted.is_match(&table.name));
    let rows = found.map(|(oid, table)| {
        let row = [oid.to_string(), "public".to_owned(), table.name.clone()];
        row.map(Some).into()
    });
    Some(Answer::texts(
        &["oid", "nspname", "relname"],
        rows.collect(),
    ))
}

/// The names that a query wants; `None` where it is asked for another schema.
fn named(text: &str) -> Option<regex_lite::Regex> {
    let pattern = |column: &str| {
        let mark = format!("{column} OPERATOR(pg_catalog.~) '");
        let pattern = text.split(&mark).nth(1)?.split('\'').next()?;
        regex_lite::Regex::new(pattern).ok()
    };
    if let Some(schema) = pattern("n.nspname")
        && !schema.is_match("public")
    {
        return regex_lite::Regex::new("$.^").ok();
    }
    pattern("c.relname").or_else(|| regex_lite::Regex::new("").ok())
}

/// What `\d name` asks of a table, which it has found.
fn of_table(text: &str, tables: &[Table]) -> Option<Answer> {
    let mut numbered = (FIRST_OID..).zip(tables);
    let (_, table) = numbered.find(|(oid, _)| text.contains(&format!("'{oid}'")))?;
    if let Some(items) = text.strip_prefix("SELECT c.relchecks, c.relkind, ") {
        return Some(relation(items.split(" FROM pg_catalog.pg_class c").next()?));
    }
    if text.contains("FROM pg_catalog.pg_attribute a WHERE") && !text.contains("a.attstorage") {
        return Some(attributes(table));
    }
    let is_absent = ABSENT.iter().any(|catalog| text.contains(catalog));
    is_absent.then(|| Answer::texts(&["absent"], Vec::new()))
}

/// The row of `pg_class`, of as many columns as this psql asks for.
fn relation(items: &str) -> Answer {
    let fact = |item: &str| match item.trim() {
        "c.relpersistence" => "p",
        "c.relreplident" => "d",
        "c.reltablespace" => "0",
        "am.amname" => "heap",
        item if item.starts_with("CASE") || item == "''" => "",
        _ => "f",
    };
    let mut row = vec![Some("0".to_owned()), Some("r".to_owned())];
    row.extend(items.split(", ").map(|item| Some(fact(item).to_owned())));
    Answer::texts(&vec![""; row.len()], vec![row])
}

fn attributes(table: &Table) -> Answer {
    let names = [
        "attname",
        "format_type",
        "pg_get_expr",
        "attnotnull",
        "attcollation",
        "attidentity",
        "attgenerated",
    ];
    let row = |column: &TableColumn| {
        let preset = match column.generated {
            true => Some(format!(
                "nextval('{}_{}_seq'::regclass)",
                table.name, column.name
            )),
            false => column.preset.clone(),
        };
        let required = if column.required { "t" } else { "f" };
        let text = |text: &str| Some(text.to_owned());
        let kind = Some(name_of(column.kind));
        vec![
            text(&column.name),
            kind,
            preset,
            text(required),
            None,
            text(""),
            text(""),
        ]
    };
    Answer::texts(&names, table.columns.iter().map(row).collect())
}
