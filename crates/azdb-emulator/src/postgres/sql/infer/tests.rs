//! Expressions and the types and names that PostgreSQL gives them.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::{Scope, aliases, result_list, type_of};
use crate::postgres::sql::lexer::tokens;
use crate::postgres::sql::parameters::parameter_types;
use crate::postgres::sql::significant;
use crate::postgres::types::ColumnType;

/// The columns `n int, big bigint, price numeric(10,2), name varchar(40), at timestamp, ok boolean`.
fn scope() -> Scope {
    let columns = [
        ("n", "int"),
        ("big", "bigint"),
        ("price", "numeric(10,2)"),
        ("name", "varchar(40)"),
        ("at", "timestamp"),
        ("ok", "boolean"),
    ];
    let columns = columns.map(|(name, ty)| (name.to_owned(), ColumnType::parse(ty).unwrap()));
    Scope::from(columns)
}

fn type_name(expression: &str) -> String {
    let found = type_of(&significant(&tokens(expression)), &scope());
    found.map_or_else(|| "-".to_owned(), |ty| ty.unmodified().title())
}

#[test]
fn expressions_have_types() {
    for (expression, expected) in [
        ("1", "integer"),
        ("10000000000", "bigint"),
        ("1.5", "numeric"),
        ("'a'", "text"),
        ("true", "boolean"),
        ("n", "integer"),
        ("t.n + 1", "integer"),
        ("n + big", "bigint"),
        ("n * price", "numeric"),
        ("-n", "integer"),
        ("(n)", "integer"),
        ("n = 1 or ok", "boolean"),
        ("name || 'x'", "text"),
        ("name like 'x%'", "boolean"),
        ("n between 1 and 2", "boolean"),
        ("n::text", "text"),
        ("(n + 1)::float8", "double precision"),
        ("cast(n as bigint)", "bigint"),
        ("date '2026-01-01'", "date"),
        ("count(*)", "bigint"),
        ("count(*) filter (where ok)", "bigint"),
        ("sum(n)", "bigint"),
        ("sum(big)", "numeric"),
        ("sum(price)", "numeric"),
        ("avg(n)", "numeric"),
        ("max(at)", "timestamp without time zone"),
        ("coalesce(null, n)", "integer"),
        ("lower(name)", "text"),
        ("now()", "timestamp with time zone"),
        ("case when ok then n else 0 end", "integer"),
        ("case n when 1 then 'a' end", "text"),
        ("(select price from t where n = 1)", "numeric"),
        ("exists (select 1)", "boolean"),
        ("array[1, 2]", "integer[]"),
        ("row_number() over (order by n)", "bigint"),
        ("unknown_column", "-"),
    ] {
        assert_eq!(type_name(expression), expected, "{expression}");
    }
}

#[test]
fn sums_and_products_keep_the_digits_behind_the_point() {
    for (expression, scale) in [
        ("price * 2", Some(2)),
        ("price + 1", Some(2)),
        ("price * price", Some(4)),
        ("sum(price)", Some(2)),
        ("round(price, 1)", Some(1)),
        ("price / 3", None),
    ] {
        let found = type_of(&significant(&tokens(expression)), &scope()).unwrap();
        assert_eq!(found.scale(), scale, "{expression}");
    }
}

#[test]
fn results_have_the_names_that_postgresql_gives() {
    let sql =
        "select n, t.name, n as \"No\", price cost, count(*), 1, 'x'::text, n::int8, ok and ok,
               case when ok then 1 end, (select n from t), *, now() from t where n = 1";
    let tokens = tokens(sql);
    let words = significant(&tokens);
    let labels: Vec<Option<String>> = result_list(&words)
        .unwrap()
        .into_iter()
        .map(|(label, _)| label)
        .collect();
    let labels: Vec<Option<&str>> = labels.iter().map(Option::as_deref).collect();
    assert_eq!(
        labels,
        [
            Some("n"),
            Some("name"),
            Some("No"),
            Some("cost"),
            Some("count"),
            Some("?column?"),
            Some("text"),
            Some("n"),
            Some("?column?"),
            Some("case"),
            Some("n"),
            None,
            Some("now"),
        ]
    );
}

#[test]
fn aliases_of_subqueries_are_known_outside() {
    let tokens = tokens("with a as (select count(*) as c from t) select c + 1 as d from a");
    let mut scope = scope();
    aliases(&significant(&tokens), &mut scope);
    assert_eq!(scope.get("c").unwrap().title(), "bigint");
    assert_eq!(scope.get("d").unwrap().title(), "bigint");
}

#[test]
fn parameters_have_the_types_of_their_neighbours() {
    for (sql, expected) in [
        ("select $1", "text"),
        ("select $1::int", "integer"),
        ("select cast($1 as date)", "date"),
        (
            "select * from t where n = $1 and $2 < price",
            "integer numeric",
        ),
        (
            "select * from t where t.at >= $1 limit $2 offset $3",
            "timestamp without time zone bigint bigint",
        ),
        ("select * from t where n in ($1, $2)", "integer integer"),
        ("select * from t where n not in (1, $1)", "integer"),
        (
            "select * from t where price between $1 and $2",
            "numeric numeric",
        ),
        ("select * from t where n = any($1)", "integer[]"),
        ("select * from t where name like $1", "text"),
        (
            "insert into t (ok, n) values ($1, $2), ($3, $4)",
            "boolean integer boolean integer",
        ),
        (
            "update t set price = $1, ok = $2 where n = $3",
            "numeric boolean integer",
        ),
        ("select n + $1, $2 * price from t", "integer numeric"),
        ("select pg_sleep($1)", "double precision"),
        ("select coalesce(n, $1)", "integer"),
    ] {
        let found = tokens(sql);
        let types = parameter_types(&significant(&found), &scope(), &[]);
        let types: Vec<String> = types.into_iter().map(ColumnType::title).collect();
        assert_eq!(types.join(" "), expected, "{sql}");
    }
}

#[test]
fn types_that_the_client_gives_are_taken() {
    let found = tokens("select $1, $2 + n");
    let types = parameter_types(&significant(&found), &scope(), &[20, 0]);
    let types: Vec<String> = types.into_iter().map(ColumnType::title).collect();
    assert_eq!(types, ["bigint", "integer"]);
}
