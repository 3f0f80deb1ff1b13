//! What columns a select list gives, as far as its text says it.

use rusqlite::Statement;
use rusqlite::types::{Value, ValueRef};

use super::super::value::{Type, int_fits};
use super::call;
use super::joining::TEXT_FUNCTIONS;
use super::lexer::{Kind, Token};
use super::rewrite::{Context, closing};
use super::statement::split_commas;

/// An item of a select list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// `*` or `t.*`: any number of columns.
    pub(super) is_star: bool,
    /// It has an alias or is a column.
    pub(super) is_named: bool,
    /// Its type, where the text says it.
    pub(super) kind: Option<Type>,
}

const AFTER_LIST: [&str; 12] = [
    "from",
    "where",
    "into",
    "order",
    "group",
    "having",
    "union",
    "except",
    "intersect",
    "for",
    "option",
    "offset",
];

/// Reads the select list of a query; turns `alias = expression` into `expression as alias` and
/// takes `@variable =` out, whose names it gives.
pub(super) fn items(tokens: &mut Vec<Token>, context: &Context<'_>) -> (Vec<Item>, Vec<String>) {
    let mut depth = 0;
    let select = tokens.iter().position(|token| {
        depth += i32::from(token.is("(")) - i32::from(token.is(")"));
        depth == 0 && token.is("select")
    });
    let is_query = tokens
        .first()
        .is_some_and(|first| first.is_any(&["select", "with"]));
    let Some(mut start) = select.map(|at| at + 1).filter(|_| is_query) else {
        return (Vec::new(), Vec::new());
    };
    if tokens
        .get(start)
        .is_some_and(|token| token.is_any(&["distinct", "all"]))
    {
        start += 1;
    }
    if tokens.get(start).is_some_and(|token| token.is("top")) {
        let has_group = tokens.get(start + 1).is_some_and(|token| token.is("("));
        start = if has_group {
            closing(tokens, start + 1)
        } else {
            start + 2
        };
    }
    let mut depth = 0;
    let length = tokens
        .get(start..)
        .unwrap_or_default()
        .iter()
        .position(|token| {
            depth += i32::from(token.is("(")) - i32::from(token.is(")"));
            depth == 0 && token.is_any(&AFTER_LIST)
        });
    let end = length.map_or(tokens.len(), |length| start + length);
    let list = split_commas(tokens.get(start..end).unwrap_or_default());
    let (mut items, mut assigns, mut sql) = (Vec::new(), Vec::new(), Vec::new());
    for item in list {
        let (mut item, variable) = assignment(item);
        items.push(describe(&item, context));
        assigns.extend(variable);
        if !sql.is_empty() {
            sql.push(symbol(","));
        }
        sql.append(&mut item);
    }
    if !sql.is_empty() {
        tokens.splice(start..end, sql);
    }
    (items, assigns)
}

fn symbol(text: &str) -> Token {
    Token {
        kind: Kind::Symbol,
        text: text.to_owned(),
    }
}

/// Takes `@x =` off an item, or moves `alias =` behind it.
fn assignment(mut item: Vec<Token>) -> (Vec<Token>, Option<String>) {
    if !item.get(1).is_some_and(|token| token.is("=")) {
        return (item, None);
    }
    let first = item.remove(0);
    item.remove(0);
    if first.kind == Kind::Variable {
        return (item, Some(first.text));
    }
    item.push(Token {
        kind: Kind::Word,
        text: "as".to_owned(),
    });
    item.push(Token {
        kind: Kind::Quoted,
        text: first.text,
    });
    (item, None)
}

fn describe(item: &[Token], context: &Context<'_>) -> Item {
    let as_at = item
        .len()
        .checked_sub(2)
        .filter(|at| item.get(*at).is_some_and(|t| t.is("as")));
    let is_chain = |tokens: &[Token]| {
        let odd = tokens.iter().step_by(2).all(Token::is_name);
        odd && tokens.iter().skip(1).step_by(2).all(|token| token.is("."))
    };
    let is_star = item.last().is_some_and(|last| last.is("*"))
        && (item.len() == 1 || item.get(item.len() - 2).is_some_and(|dot| dot.is(".")));
    let expression = match as_at {
        Some(at) => &item[..at],
        // `expression alias`
        None if item.len() > 1 && !is_chain(item) => match item {
            [rest @ .., before, last]
                if last.is_name()
                    && !before.is_any(&["."])
                    && (before.is(")") || before.is("end") || before.kind != Kind::Symbol)
                    && !last.is("end") =>
            {
                &item[..=rest.len()]
            }
            item => item,
        },
        None => item,
    };
    let has_alias = expression.len() < item.len();
    let is_null = matches!(expression, [one] if one.is("null"));
    Item {
        is_star,
        is_named: is_star || has_alias || (is_chain(item) && !is_null),
        kind: kind(expression, context),
    }
}

/// The type of an expression whose text says it.
fn kind(expression: &[Token], context: &Context<'_>) -> Option<Type> {
    match expression {
        [one] => match one.kind {
            Kind::Variable => context
                .variables
                .get(&one.text.to_ascii_lowercase())
                .copied(),
            Kind::Text => Some(text_of(one.text.encode_utf16().count())),
            Kind::Number => number(&one.text),
            Kind::Hex => Some(Type::Binary(Some(
                u16::try_from(one.text.len() / 2).ok()?.max(1),
            ))),
            Kind::Global => Some(match one.text.to_ascii_lowercase().as_str() {
                "@@version" | "@@servername" | "@@language" => Type::Text(Some(300)),
                "@@spid" => Type::Int(2),
                _ => Type::Int(4),
            }),
            _ => None,
        },
        [sign, one] if sign.is("-") && one.kind == Kind::Number => number(&one.text),
        [word, open, inner @ .., _]
            if open.is("(") && closing(expression, 1) == expression.len() =>
        {
            let word = word.text.to_ascii_lowercase();
            match word.as_str() {
                "cast" | "convert" | "try_cast" | "try_convert" => call::target(&word, inner),
                "count" | "len" | "datalength" | "charindex" | "datediff" | "datepart" | "year"
                | "month" | "day" | "object_id" | "db_id" => Some(Type::Int(4)),
                "count_big" => Some(Type::Int(8)),
                "getdate" | "getutcdate" | "dateadd" => Some(Type::DateTime(8)),
                "sysdatetime" | "sysutcdatetime" => Some(Type::DateTime2(7)),
                "newid" => Some(Type::Guid),
                "scope_identity" => Some(Type::Decimal(38, 0)),
                "isnull" => kind(split_commas(inner).first()?, context),
                word if TEXT_FUNCTIONS.contains(&word) => Some(Type::Text(Some(4000))),
                _ => None,
            }
        }
        expression if context.is_text(expression) && expression.iter().any(|one| one.is("+")) => {
            Some(Type::Text(Some(4000)))
        }
        _ => None,
    }
}

fn text_of(chars: usize) -> Type {
    Type::Text(
        u16::try_from(chars.max(1))
            .ok()
            .filter(|chars| *chars <= 4000),
    )
}

fn number(text: &str) -> Option<Type> {
    if text.contains(['e', 'E']) {
        return Some(Type::Float(8));
    }
    let Some((whole, fraction)) = text.split_once('.') else {
        let number = text.parse::<i64>().ok()?;
        return Some(if int_fits(number, 4) {
            Type::Int(4)
        } else {
            Type::Decimal(19, 0)
        });
    };
    let scale = u8::try_from(fraction.len()).ok()?;
    let precision = u8::try_from(whole.len())
        .ok()?
        .checked_add(scale)?
        .clamp(1, 38);
    Some(Type::Decimal(precision, scale))
}

/// Names and types of a statement's columns: by the tables' declarations, by the select list, and
/// then by the first rows.
pub(super) fn columns(
    statement: &Statement<'_>,
    items: &[Item],
    rows: &[Vec<Value>],
    are_all: bool,
) -> Vec<(String, Type)> {
    let count = statement.column_count();
    let item = |at: usize| match items.iter().position(|item| item.is_star) {
        None if items.len() == count => items.get(at),
        None => None,
        Some(star) if at < star => items.get(at),
        Some(_) => {
            let from_end = count - at;
            let last_star = items.iter().rev().position(|item| item.is_star)?;
            items
                .get(items.len().checked_sub(from_end)?)
                .filter(|_| from_end <= last_star)
        }
    };
    let described = statement.columns().enumerate().map(|(at, column)| {
        let item = item(at);
        let name = if item.is_none_or(|item| item.is_named) {
            column.name()
        } else {
            ""
        };
        let declared = column.decl_type().and_then(Type::declared);
        let kind = declared.or_else(|| item.and_then(|item| item.kind));
        let seen = || of_values(rows.iter().filter_map(|row| row.get(at)), are_all);
        (name.to_owned(), kind.unwrap_or_else(seen))
    });
    described.collect()
}

/// The narrowest type that holds these values.
fn of_values<'a>(values: impl Iterator<Item = &'a Value>, are_all: bool) -> Type {
    let mut kind = None;
    let mut longest = 0;
    for value in values {
        let (this, length) = match ValueRef::from(value) {
            ValueRef::Null => continue,
            ValueRef::Integer(value) if int_fits(value, 4) => (Type::Int(4), 0),
            ValueRef::Integer(_) => (Type::Int(8), 0),
            ValueRef::Real(_) => (Type::Float(8), 0),
            ValueRef::Text(value) => (Type::Text(None), value.len()),
            ValueRef::Blob(value) => (Type::Binary(None), value.len()),
        };
        longest = longest.max(length);
        kind = Some(match (kind, this) {
            (None, this) => this,
            (Some(kind), this) if kind == this => kind,
            (Some(Type::Text(_)), _) | (_, Type::Text(_)) => Type::Text(None),
            (Some(Type::Float(_)), Type::Int(_)) | (Some(Type::Int(_)), Type::Float(_)) => {
                Type::Float(8)
            }
            (Some(Type::Int(_)), Type::Int(_)) => Type::Int(8),
            (Some(kind), _) => kind,
        });
    }
    let is_short = longest <= 4000 && (are_all || longest <= 1000);
    match kind {
        Some(Type::Text(_)) if is_short => Type::Text(Some(4000)),
        Some(Type::Binary(_)) if is_short => Type::Binary(Some(8000)),
        Some(kind) => kind,
        None => Type::Int(4),
    }
}
