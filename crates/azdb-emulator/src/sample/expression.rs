//! Expressions and conditions: what is listed here becomes SQLite's, everything else is refused.
//!
//! Values never become text: literals are bound as parameters are.

use rusqlite::Connection;
use sqlparser::ast::{BinaryOperator, Expr, Ident, UnaryOperator, Value as Literal};

use super::catalog::{Table, TableColumn, quoted};
use super::fault::{Fault, unknown};
use super::parse::Dialect;
use super::types::{MAX_PRECISION, Type, Value, bytes, number};

/// A parameter that the client has told something of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Declared {
    /// Its name with `@`; empty for those that only have a number.
    pub(crate) name: String,
    /// Its type, if it was told.
    pub(crate) kind: Option<Type>,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// By itself, or as a column's new value.
    Alone,
    /// As the new value of a column that numbers its rows.
    Numbered,
    /// Beside another one, in an operation or comparison.
    Beside,
    /// As a number of rows.
    Rows,
}

/// What SQLite's `n`th value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bind {
    source: Source,
    kind: Type,
    place: Place,
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    Literal(Value),
    /// The parameter of this index.
    Parameter(usize),
}

impl Bind {
    /// The value for SQLite, of these parameters.
    pub(super) fn settled(&self, values: &[Value], dialect: Dialect) -> Result<Value, Fault> {
        let value = match &self.source {
            Source::Literal(value) => value,
            Source::Parameter(index) => values.get(*index).unwrap_or(&Value::Null),
        };
        let refused = |what: &str| Err(unknown(&format!("`{}` {what}", value.shown()), dialect));
        match (self.place, value, self.kind) {
            // MySQL numbers such a row; and there is no such value in T-SQL.
            (Place::Numbered, Value::Null, _) if dialect == Dialect::Postgres => {
                return refused("in a numbered column");
            }
            (Place::Numbered, Value::Int(0), _) if dialect == Dialect::Mysql => {
                return refused("in a numbered column");
            }
            (_, Value::Int(_), Type::Bool) if dialect == Dialect::Postgres => {
                return refused("as a boolean");
            }
            (Place::Beside, Value::Int(_) | Value::Decimal(_) | Value::Bool(_), kind)
                if kind.is_text() =>
            {
                return refused("beside a text");
            }
            (Place::Rows, Value::Null | Value::Int(..0), _) => {
                return refused("as a number of rows");
            }
            _ => {}
        }
        // What does not fit into a column's type may still be greater than all that it holds; and in
        // MySQL, every text is some number.
        let is_error = value.is_text() && dialect != Dialect::Mysql;
        match self.kind.fit(value) {
            Err(_) if self.place == Place::Beside && !is_error => refused("in this place"),
            settled => settled,
        }
    }
}

/// Writes a statement for SQLite while it reads one of a client.
pub(super) struct Writer<'a> {
    pub(super) connection: &'a Connection,
    pub(super) dialect: Dialect,
    pub(super) declared: &'a [Declared],
    /// The table whose columns are meant.
    pub(super) table: Option<Table>,
    pub(super) sql: String,
    pub(super) binds: Vec<Bind>,
    /// Types of the parameters so far.
    pub(super) parameters: Vec<Option<Type>>,
}

impl Writer<'_> {
    pub(super) fn unknown(&self, what: &str) -> Fault {
        unknown(what, self.dialect)
    }

    pub(super) fn push(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    fn bind(&mut self, source: Source, kind: Type, place: Place) {
        self.binds.push(Bind {
            source,
            kind,
            place,
        });
        self.push(&format!("?{}", self.binds.len()));
    }

    /// The column that a name means.
    pub(super) fn column(&self, expr: &Expr) -> Result<Option<TableColumn>, Fault> {
        let (table, name) = match expr {
            Expr::Identifier(name) => (None, name),
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [table, name] => (Some(table), name),
                _ => return Err(self.unknown(&format!("the name `{expr}`"))),
            },
            _ => return Ok(None),
        };
        if name.quote_style.is_none() && name.value.starts_with('@') {
            return Ok(None);
        }
        let Some(own) = &self.table else {
            return Err(Fault::NoColumn(name.value.clone()));
        };
        if table.is_some_and(|table| !table.value.eq_ignore_ascii_case(&own.name)) {
            return Err(Fault::NoColumn(expr.to_string()));
        }
        own.column(name, self.dialect).cloned().map(Some)
    }

    /// The index of a parameter, if the expression is one.
    fn parameter(&mut self, expr: &Expr) -> Result<Option<usize>, Fault> {
        let index = match expr {
            Expr::Identifier(Ident { value, .. }) if value.starts_with('@') => {
                let mut known = self.declared.iter();
                known.position(|one| one.name.eq_ignore_ascii_case(value))
            }
            Expr::Value(value) => match &value.value {
                Literal::Placeholder(mark) => {
                    let number = mark.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
                    number.filter(|n| (1..=65_535).contains(n)).map(|n| n - 1)
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let index = index.ok_or_else(|| self.unknown(&format!("the parameter `{expr}`")))?;
        if self.parameters.len() <= index {
            self.parameters.resize(index + 1, None);
        }
        Ok(Some(index))
    }

    /// A literal's value.
    pub(super) fn literal(&self, expr: &Expr) -> Result<Option<Value>, Fault> {
        let no_such = || self.unknown(&format!("the literal `{expr}`"));
        let literal = match expr {
            Expr::Value(literal) => &literal.value,
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr: positive,
            } => {
                return match self.literal(positive)? {
                    Some(Value::Int(number)) => Ok(Some(Value::Int(-number))),
                    Some(Value::Decimal(number)) => Ok(Some(Value::Decimal(-number))),
                    _ => Err(no_such()),
                };
            }
            _ => return Ok(None),
        };
        Ok(Some(match (literal, self.dialect) {
            (Literal::Placeholder(_), _) => return Ok(None),
            (Literal::Null, _) => Value::Null,
            (Literal::Boolean(bit), Dialect::Mysql) => Value::Int((*bit).into()),
            (Literal::Boolean(bit), _) => Value::Bool(*bit),
            (Literal::Number(digits, _), _) => number(digits).ok_or_else(no_such)?,
            (Literal::SingleQuotedString(text) | Literal::NationalStringLiteral(text), _)
            | (Literal::DoubleQuotedString(text), Dialect::Mysql) => Value::Text(text.clone()),
            (Literal::HexStringLiteral(digits), Dialect::Tds) => {
                Value::Bytes(bytes(digits).ok_or_else(no_such)?)
            }
            _ => return Err(no_such()),
        }))
    }

    /// The type that an expression has by itself; `None` for one that takes its neighbour's.
    fn own_type(&mut self, expr: &Expr) -> Result<Option<Type>, Fault> {
        if let Some(column) = self.column(expr)? {
            return Ok(Some(column.kind));
        }
        if let Some(index) = self.parameter(expr)? {
            let told = self.declared.get(index).and_then(|one| one.kind);
            return Ok(told.or_else(|| self.parameters.get(index).copied().flatten()));
        }
        if let Some(literal) = self.literal(expr)? {
            return Ok(match literal {
                Value::Int(number) if i32::try_from(number).is_ok() => Some(Type::Int),
                Value::Int(_) => Some(Type::BigInt),
                Value::Decimal(number) => u8::try_from(number.scale())
                    .ok()
                    .map(|scale| Type::Numeric(MAX_PRECISION, scale)),
                Value::Bool(_) => Some(Type::Bool),
                Value::Bytes(_) => Some(Type::Bytes(None)),
                _ => None,
            });
        }
        match expr {
            Expr::Nested(inner) => self.own_type(inner),
            Expr::BinaryOp { left, op, right } => self.operation_type(left, op, right).map(Some),
            other => Err(self.unknown(&format!("`{other}`"))),
        }
    }

    /// The type in which two expressions meet; texts have any length there.
    fn common(&mut self, left: &Expr, right: &Expr) -> Result<Type, Fault> {
        let common = match (self.own_type(left)?, self.own_type(right)?) {
            (None, None) => Some(Type::Text(None)),
            (Some(one), None) | (None, Some(one)) => one.wider(one),
            (Some(one), Some(other)) => one.wider(other),
        };
        common.ok_or_else(|| self.unknown(&format!("`{left}` beside `{right}`")))
    }

    /// The type of `a + b` and its like.
    fn operation_type(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Result<Type, Fault> {
        use BinaryOperator::{Minus, Plus, StringConcat};
        let kind = self.common(left, right)?;
        match (op, kind, self.dialect) {
            (Plus, Type::Text(_), Dialect::Tds) => Ok(kind),
            (StringConcat, Type::Text(_), Dialect::Postgres) => Ok(kind),
            // Integers grow there.
            (Plus | Minus, _, Dialect::Mysql) if kind.is_integer() => Ok(Type::BigInt),
            (Plus | Minus, _, _) if kind.is_integer() => Ok(kind),
            _ => Err(self.unknown(&format!("`{left} {op} {right}`"))),
        }
    }

    /// Writes an expression, as a value of `wanted` if that is said. Gives its type.
    pub(super) fn value(
        &mut self,
        expr: &Expr,
        wanted: Option<Type>,
        place: Place,
    ) -> Result<Type, Fault> {
        if let Some(column) = self.column(expr)? {
            self.allow(expr, column.kind, wanted)?;
            self.push(&quoted(&column.name));
            return Ok(wanted.unwrap_or(column.kind));
        }
        if let Some(index) = self.parameter(expr)? {
            let kind = wanted.or(self.own_type(expr)?).unwrap_or(Type::Text(None));
            if let Some(found) = self.parameters.get_mut(index) {
                found.get_or_insert(kind);
            }
            self.bind(Source::Parameter(index), kind, place);
            return Ok(kind);
        }
        if let Some(literal) = self.literal(expr)? {
            let kind = wanted.or(self.own_type(expr)?).unwrap_or(Type::Text(None));
            self.bind(Source::Literal(literal), kind, place);
            return Ok(kind);
        }
        match expr {
            Expr::Nested(inner) => self.value(inner, wanted, place),
            Expr::BinaryOp { left, op, right } => {
                let kind = self.operation_type(left, op, right)?;
                self.allow(expr, kind, wanted)?;
                let sign = if kind.is_text() {
                    "||".to_owned()
                } else {
                    op.to_string()
                };
                self.push("(");
                self.value(left, Some(kind), Place::Beside)?;
                self.push(&format!(" {sign} "));
                self.value(right, Some(kind), Place::Beside)?;
                self.push(")");
                Ok(wanted.unwrap_or(kind))
            }
            other => Err(self.unknown(&format!("`{other}`"))),
        }
    }

    /// Refuses an expression whose values SQLite holds in another way than those of `wanted`.
    fn allow(&self, expr: &Expr, own: Type, wanted: Option<Type>) -> Result<(), Fault> {
        match wanted {
            Some(wanted) if !own.is_held_as(wanted) => {
                Err(self.unknown(&format!("`{expr}` in this place")))
            }
            _ => Ok(()),
        }
    }

    /// Writes a condition.
    pub(super) fn condition(&mut self, expr: &Expr) -> Result<(), Fault> {
        match expr {
            Expr::Nested(inner) => self.condition(inner),
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => {
                self.push("NOT (");
                self.condition(expr)?;
                self.push(")");
                Ok(())
            }
            Expr::BinaryOp {
                left,
                op: op @ (BinaryOperator::And | BinaryOperator::Or),
                right,
            } => {
                self.push("((");
                self.condition(left)?;
                self.push(&format!(") {op} ("));
                self.condition(right)?;
                self.push("))");
                Ok(())
            }
            Expr::BinaryOp { left, op, right } => self.comparison(left, op, right),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
                self.value(inner, None, Place::Alone)?;
                let is_null = matches!(expr, Expr::IsNull(_));
                self.push(if is_null { " IS NULL" } else { " IS NOT NULL" });
                Ok(())
            }
            // A column of truth values is a condition in PostgreSQL alone.
            _ if self.dialect == Dialect::Postgres && self.own_type(expr)? == Some(Type::Bool) => {
                self.value(expr, None, Place::Alone).map(drop)
            }
            other => Err(self.unknown(&format!("the condition `{other}`"))),
        }
    }

    fn comparison(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<(), Fault> {
        use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
        let kind = match (self.own_type(left)?, self.own_type(right)?) {
            // There are no other truth values.
            (Some(Type::Bool), Some(Type::Int)) if self.dialect != Dialect::Postgres => Type::Bool,
            _ => self.common(left, right)?,
        };
        if !matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq) {
            return Err(self.unknown(&format!("the operator `{op}`")));
        }
        let orders = !matches!(op, Eq | NotEq);
        self.side(left, kind, orders)?;
        self.push(&format!("{} {op} ", self.collation(kind)));
        self.side(right, kind, orders)
    }

    /// One side of a comparison. Where letters are compared without their case, a column may hold all
    /// letters as long as what it is compared with is plain.
    fn side(&mut self, expr: &Expr, kind: Type, orders: bool) -> Result<(), Fault> {
        let is_plain = !orders && self.column(expr)?.is_some();
        let check = match (self.collation(kind), is_plain) {
            ("", _) | (_, true) => "",
            _ => PLAIN_LETTERS,
        };
        self.push(&format!("{check}("));
        self.value(expr, Some(kind), Place::Beside)?;
        self.push(")");
        Ok(())
    }

    /// Texts that differ in case only are equal everywhere but in PostgreSQL.
    pub(super) fn collation(&self, kind: Type) -> &'static str {
        match self.dialect {
            Dialect::Mysql | Dialect::Tds if kind.is_text() => " COLLATE NOCASE",
            _ => "",
        }
    }
}

/// SQLite's name of a function that passes texts on and refuses those whose order, and whose equals,
/// SQLite does not know.
pub(super) const PLAIN_LETTERS: &str = "azdb_plain_letters";
