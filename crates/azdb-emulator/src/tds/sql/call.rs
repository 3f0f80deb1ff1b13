//! Function calls that SQLite spells differently.

use super::super::token::Refusal;
use super::super::value::Type;
use super::lexer::{Kind, Token};
use super::rewrite::{Context, literal};
use super::statement::split_commas;

/// Words that may stand before a parenthesis and are no functions.
pub(super) fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 40] = [
        "in",
        "and",
        "or",
        "not",
        "values",
        "from",
        "where",
        "on",
        "as",
        "select",
        "exists",
        "when",
        "then",
        "else",
        "any",
        "all",
        "some",
        "over",
        "union",
        "except",
        "intersect",
        "by",
        "set",
        "join",
        "top",
        "between",
        "like",
        "is",
        "key",
        "unique",
        "check",
        "references",
        "into",
        "having",
        "returning",
        "using",
        "limit",
        "distinct",
        "default",
        "case",
    ];
    KEYWORDS.contains(&word)
}

/// Rewrites a call.
pub(super) fn function(
    word: &str,
    inner: &[Token],
    context: &Context<'_>,
) -> Result<String, Refusal> {
    let arguments = split_commas(inner);
    let plain = |name: &str| -> Result<String, Refusal> {
        Ok(format!("{name}({})", context.level(inner)?))
    };
    match word {
        "cast" | "try_cast" => {
            let split = inner
                .iter()
                .rposition(|token| token.is("as"))
                .unwrap_or(inner.len());
            let value = context.level(&inner[..split])?;
            Ok(cast(&value, target(word, inner)))
        }
        "convert" | "try_convert" => {
            let value = arguments.get(1).map(Vec::as_slice).unwrap_or_default();
            Ok(cast(&context.level(value)?, target(word, inner)))
        }
        "isnull" => plain("ifnull"),
        "count_big" => plain("count"),
        "left" | "right" => plain(&format!("tsql_{word}")),
        "substring" => plain("tsql_substring"),
        "ceiling" => plain("ceil"),
        "nchar" => plain("char"),
        "dateadd" | "datediff" | "datepart" | "datename" => {
            let mut given = arguments.iter();
            let part = given.next().and_then(|part| part.first());
            let mut sql = vec![literal(part.map_or("", |part| part.text.as_str()))];
            for argument in given {
                sql.push(context.level(argument)?);
            }
            Ok(format!("tsql_{word}({})", sql.join(", ")))
        }
        "object_id" => {
            let name = match inner.first() {
                Some(token) if token.kind == Kind::Text => {
                    let bare = token.text.rsplit('.').next().unwrap_or_default();
                    literal(bare.trim_matches(['[', ']']))
                }
                _ => context.level(arguments.first().map(Vec::as_slice).unwrap_or_default())?,
            };
            Ok(format!(
                "(select object_id from \"sys.objects\" where name = {name} collate nocase)"
            ))
        }
        word => plain(word),
    }
}

/// The type that `cast` or `convert` turns into.
pub(super) fn target(word: &str, inner: &[Token]) -> Option<Type> {
    let tokens = if word.ends_with("cast") {
        let split = inner.iter().rposition(|token| token.is("as"))?;
        inner.get(split + 1..)?.to_vec()
    } else {
        split_commas(inner).into_iter().next()?
    };
    declared(&tokens)
}

/// A type as its tokens say it. Without a length, text and bytes have 30 of them in a cast.
pub(super) fn declared(tokens: &[Token]) -> Option<Type> {
    let text: String = tokens.iter().map(|token| token.text.as_str()).collect();
    let kind = Type::declared(&text)?;
    let has_length = text.contains('(') || text.eq_ignore_ascii_case("sysname");
    Some(match kind {
        Type::Text(Some(_)) if !has_length => Type::Text(Some(30)),
        Type::Binary(Some(_)) if !has_length => Type::Binary(Some(30)),
        kind => kind,
    })
}

fn cast(value: &str, target: Option<Type>) -> String {
    match target {
        Some(Type::Bit) => format!("(cast({value} as numeric) <> 0)"),
        Some(Type::Int(_)) => format!("cast({value} as integer)"),
        Some(Type::Float(_)) => format!("cast({value} as real)"),
        Some(Type::Decimal(_, scale)) => format!("tsql_decimal({value}, {scale})"),
        Some(Type::Money(_)) => format!("tsql_decimal({value}, 4)"),
        Some(Type::Text(Some(chars))) => format!("substr(cast({value} as text), 1, {chars})"),
        Some(Type::Binary(_)) => format!("cast({value} as blob)"),
        Some(Type::Date) => format!("tsql_date({value})"),
        Some(Type::Time(_)) => format!("tsql_time({value})"),
        Some(Type::DateTime(_) | Type::DateTime2(_)) => format!("tsql_datetime({value})"),
        _ => format!("cast({value} as text)"),
    }
}
