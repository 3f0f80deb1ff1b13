//! What a user reads when a statement fails.

use crate::support::{emulator, session, told};

/// Statements, their SQLSTATE and their message.
const TOLD: [(&str, &str, &str); 19] = [
    (
        "select * from nowhere",
        "42P01",
        "relation \"nowhere\" does not exist",
    ),
    (
        "select unknown from orders",
        "42703",
        "column \"unknown\" does not exist",
    ),
    ("selct 1", "42601", "syntax error at or near \"selct\""),
    ("select 'open", "42601", "syntax error at or near \"'open\""),
    ("select (1", "42601", "syntax error at end of input"),
    (
        "select nothing(1)",
        "42883",
        "function nothing() does not exist",
    ),
    (
        "select id from orders, products",
        "42702",
        "column reference \"id\" is ambiguous",
    ),
    ("select 1/0", "22012", "division by zero"),
    (
        "select 'x'::int",
        "22P02",
        "invalid input syntax for type integer: \"x\"",
    ),
    (
        "select 99999999999::int",
        "22003",
        "value \"99999999999\" is out of range for type integer",
    ),
    (
        "select 1::nonsense",
        "42704",
        "type \"nonsense\" does not exist",
    ),
    (
        "create table orders (id int)",
        "42P07",
        "relation \"orders\" already exists",
    ),
    (
        "insert into products (id, name, category, price) values (1, 'a', 'b', 1)",
        "23505",
        "duplicate key value violates unique constraint \"products_pkey\"",
    ),
    (
        "insert into products (name, category, price) values ('Aged pecorino', 'b', 1)",
        "23505",
        "duplicate key value violates unique constraint \"products_name_key\"",
    ),
    (
        "insert into products (name, category, price) values (null, 'b', 1)",
        "23502",
        "null value in column \"name\" of relation \"products\" violates not-null constraint",
    ),
    (
        "insert into products (name, category, price) values ('a', 'b', -1)",
        "23514",
        "new row for relation \"products\" violates check constraint \"products_price_check\"",
    ),
    (
        "insert into orders (customer_id, product_id, total) values (99, 1, 1)",
        "23503",
        "insert, update or delete violates a foreign key constraint",
    ),
    (
        "listen news",
        "0A000",
        "LISTEN is not supported by azdb-emulator",
    ),
    (
        "set server_version = '9'",
        "55P02",
        "parameter \"server_version\" cannot be changed",
    ),
];

#[tokio::test]
async fn errors_have_their_sqlstate_and_words() {
    let azure = emulator().await;
    let client = session(&azure).await;
    for (sql, sqlstate, message) in TOLD {
        let error = client.simple_query(sql).await.unwrap_err();
        let expected = (sqlstate.to_owned(), message.to_owned());
        assert_eq!(told(&error), expected, "{sql}");
    }
}
