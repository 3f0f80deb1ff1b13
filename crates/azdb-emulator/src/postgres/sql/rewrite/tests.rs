//! Statements of PostgreSQL and what SQLite gets.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::rewrite;
use crate::postgres::sql::infer::Scope;
use crate::postgres::sql::lexer::tokens;
use crate::postgres::types::{BOOL, INT4};

fn sqlite(sql: &str) -> String {
    let scope = Scope::from([("flag".to_owned(), BOOL), ("n".to_owned(), INT4)]);
    let text = rewrite(&tokens(sql), &scope).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Statements of PostgreSQL and of SQLite.
const STATEMENTS: [(&str, &str); 29] = [
    ("SELECT A, \"B\" FROM t", "select a, \"B\" from t"),
    ("select $2, $1", "select ?2, ?1"),
    ("select E'a\\'b', $$c$$", "select 'a''b', 'c'"),
    ("select '5'::int", "select pg_cast('5','integer','text')"),
    ("select n::text", "select pg_cast(n,'text','integer')"),
    ("select 'x'::text", "select 'x'"),
    (
        "select (flag)::text::varchar(3)",
        "select pg_cast(pg_cast((flag),'text','boolean'),'character varying(3)','text')",
    ),
    (
        "select cast(n as double precision)",
        "select pg_cast(n,'double precision','integer')",
    ),
    (
        "select date '2026-01-02'",
        "select pg_cast('2026-01-02','date','text')",
    ),
    (
        "select * from public.t where public.f(a) = 1",
        "select * from main.t where f(a) = 1",
    ),
    (
        "select pg_catalog.now() from pg_catalog.pg_class",
        "select now() from pg_catalog.pg_class",
    ),
    (
        "select a ~ 'b', a !~* 'c'",
        "select a REGEXP 'b', a NOT GLOB 'c'",
    ),
    ("select a not ilike 'b'", "select a not MATCH 'b'"),
    (
        "select a OPERATOR(pg_catalog.~) 'b' COLLATE pg_catalog.default",
        "select a REGEXP 'b'",
    ),
    (
        "select n = any($1)",
        "select n IN (select value from json_each(pg_array_json(?1)))",
    ),
    ("select n <> all(select 1)", "select n NOT IN (select 1)"),
    ("select array[1,n]", "select pg_array(1,n)"),
    ("select a[1]", "select pg_subscript(a,1)"),
    (
        "select current_user, 1/0",
        "select current_user(), 1/ pg_zero()",
    ),
    ("select extract(year from a)", "select date_part('year', a)"),
    ("select position('a' in b)", "select instr( b,'a' )"),
    (
        "select substring(a from 2 for 3)",
        "select substr(a , 2 , 3)",
    ),
    ("select trim(trailing ';' from a)", "select rtrim( a,';')"),
    ("select greatest(1, 2)", "select max(1, 2)"),
    (
        "select * from generate_series(1, 3) as s(i)",
        "select * from (select value as \"i\" from generate_series(1, 3)) as \"s\"",
    ),
    (
        "select generate_series(1, 3)",
        "select value as \"generate_series\" from generate_series(1, 3)",
    ),
    ("select 1 limit all", "select 1"),
    ("select 1 fetch first 2 rows only", "select 1 limit 2"),
    (
        "select 1 from t for update of t skip locked",
        "select 1 from t",
    ),
];

#[test]
fn statements_are_translated() {
    for (postgres, expected) in STATEMENTS {
        assert_eq!(sqlite(postgres), expected, "{postgres}");
    }
}

#[test]
fn tables_get_columns_that_number_themselves() {
    for (postgres, expected) in [
        (
            "create table t (id bigserial primary key, a text default 'x'::text)",
            "create table t (id integer primary key, a text default 'x' )",
        ),
        (
            "create table t (id bigint generated always as identity (start 5) primary key)",
            "create table t (id integer primary key)",
        ),
        (
            "create table t (at timestamptz default now() not null, b int default (1 + 2))",
            "create table t (at timestamptz default current_timestamp not null, b int default ( (1 + 2)) )",
        ),
        (
            "alter table t add column d date default null",
            "alter table t add column d date default null",
        ),
    ] {
        assert_eq!(sqlite(postgres), expected, "{postgres}");
    }
}

#[test]
fn unknown_types_are_named() {
    let error = rewrite(&tokens("select 1::nonsense"), &Scope::new()).unwrap_err();
    assert_eq!(error.code, "42704");
    assert_eq!(error.message, "type \"nonsense\" does not exist");
}
