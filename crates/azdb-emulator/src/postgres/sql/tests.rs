//! What holds for any text that a client sends.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use proptest::prelude::*;

use super::infer::{Scope, aliases, result_list, type_of};
use super::lexer::tokens;
use super::parameters::parameter_types;
use super::rewrite::rewrite;
use super::{command, copy, significant, statements};
use crate::postgres::types::INT4;

/// Pieces that the translation looks at, in any order.
const PIECES: [&str; 64] = [
    "select",
    "insert into",
    "update",
    "delete from",
    "values",
    "from",
    "where",
    "with",
    "as",
    "create table",
    "alter table",
    "copy",
    "returning",
    "set",
    "default",
    "generated",
    "identity",
    "case",
    "when",
    "then",
    "else",
    "end",
    "cast (",
    "array",
    "any",
    "in",
    "between",
    "and",
    "not",
    "extract (",
    "position (",
    "substring (",
    "trim (",
    "for",
    "update",
    "fetch",
    "only",
    "limit",
    "all",
    "generate_series (",
    "pg_partition_ancestors (",
    "operator (",
    "collate",
    "public",
    "pg_catalog",
    "interval",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    ".",
    "::",
    "=",
    "/",
    "0",
    "$1",
    "'a'",
    "\"b\"",
    "n",
    "int",
    "e'\\'",
    "$x$",
];

fn sql() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let separator = prop_oneof![Just(" "), Just(""), Just("\n")];
    proptest::collection::vec((piece, separator), 0..24).prop_map(|parts| {
        parts
            .iter()
            .flat_map(|(piece, space)| [piece.as_str(), space])
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn tokens_are_the_text(sql in sql()) {
        let joined: String = tokens(&sql).iter().map(|token| token.text).collect();
        prop_assert_eq!(joined, sql);
    }

    #[test]
    fn no_text_makes_the_translation_panic(sql in sql()) {
        let mut scope = Scope::from([("n".to_owned(), INT4)]);
        for statement in statements(&tokens(&sql)) {
            let words = significant(&statement);
            command::command(&words);
            aliases(&words, &mut scope);
            parameter_types(&words, &scope, &[]);
            for (_, item) in result_list(&words).unwrap_or_default() {
                type_of(item, &scope);
            }
            // An error is an answer too.
            let _ = rewrite(&statement, &scope);
            let _ = copy::parse(&statement);
        }
    }
}

#[test]
fn deep_and_long_statements_leave_the_stack_alone() {
    let many = 20_000;
    for sql in [
        format!("select {}1{}", "(".repeat(many), ")".repeat(many)),
        format!("select 1{}", "+1".repeat(many)),
        format!("select 1{} = $1", "::int".repeat(many)),
        format!("select {}1{}", "array[".repeat(many), "]".repeat(many)),
        format!("select {}", "case when 1 then ".repeat(many)),
    ] {
        let statement = statements(&tokens(&sql)).into_iter().next().unwrap();
        let words = significant(&statement);
        let scope = Scope::new();
        parameter_types(&words, &scope, &[]);
        for (_, item) in result_list(&words).unwrap_or_default() {
            type_of(item, &scope);
        }
        let _ = rewrite(&statement, &scope);
    }
}
