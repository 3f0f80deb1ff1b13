//! Expressions: what is listed here becomes SQLite's, everything else is refused.
//!
//! Values never become text: literals are bound as parameters are.

use sqlparser::ast::{BinaryOperator, CastKind, Expr, Ident, UnaryOperator, Value as Literal};

use super::catalog::{Table, TableColumn, quoted};
use super::ddl::type_of;
use super::fault::{Fault, unknown};
use super::parse::Dialect;
use super::types::{MAX_PRECISION, Type, Value, number};

/// A parameter that the client has told something of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Declared {
    /// Its name with `@`; empty for those that only have a number.
    pub(crate) name: String,
    /// Its type, if it was told.
    pub(crate) kind: Option<Type>,
}

/// What SQLite's `n`th value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bind {
    Literal(Value),
    /// Parameter of this index, as this type.
    Parameter(usize, Type),
    /// The same; NULL is this fault.
    Required(usize, Type, Fault),
    /// Parameter of this index, as a number of rows.
    Rows(usize),
}

/// A table, and its other name in the statement.
pub(super) type Meant = (Table, Option<String>);

/// Writes a statement for SQLite while it reads one of a client.
pub(super) struct Writer<'a> {
    pub(super) dialect: Dialect,
    pub(super) declared: &'a [Declared],
    /// The table whose columns are meant, and its other name.
    pub(super) table: Option<Meant>,
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

    fn bind(&mut self, bind: Bind) {
        self.binds.push(bind);
        let mark = format!("?{}", self.binds.len());
        self.push(&mark);
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
        let Some((own, alias)) = &self.table else {
            return Err(Fault::NoColumn(name.value.clone()));
        };
        let known_as = alias.as_ref().unwrap_or(&own.name);
        if table.is_some_and(|table| !table.value.eq_ignore_ascii_case(known_as)) {
            return Err(Fault::NoColumn(expr.to_string()));
        }
        own.column(name, self.dialect).cloned().map(Some)
    }

    /// The index of a parameter, if the expression is one.
    fn parameter(&mut self, expr: &Expr) -> Result<Option<usize>, Fault> {
        let index = match expr {
            Expr::Identifier(Ident { value, .. }) if value.starts_with('@') => {
                let known = self.declared.iter();
                let found = known
                    .map(|one| &one.name)
                    .position(|name| name.eq_ignore_ascii_case(value));
                found.ok_or_else(|| self.unknown(&format!("`{value}`")))?
            }
            Expr::Value(value) => match &value.value {
                Literal::Placeholder(mark) => {
                    let number = mark.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
                    let index = number.filter(|n| (1..=65_535).contains(n)).map(|n| n - 1);
                    index.ok_or_else(|| self.unknown(&format!("the parameter `{mark}`")))?
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        if self.parameters.len() <= index {
            self.parameters.resize(index + 1, None);
        }
        Ok(Some(index))
    }

    /// Writes a number of rows: a literal or a parameter.
    pub(super) fn rows(&mut self, expr: &Expr) -> Result<(), Fault> {
        if let Some(index) = self.parameter(expr)? {
            if let Some(place) = self.parameters.get_mut(index) {
                place.get_or_insert(Type::BigInt);
            }
            self.bind(Bind::Rows(index));
            return Ok(());
        }
        match self.literal(expr)? {
            Some(Value::Int(rows @ 0..)) => self.push(&rows.to_string()),
            _ => return Err(self.unknown(&format!("`{expr}` as a number of rows"))),
        }
        Ok(())
    }

    /// A literal's value.
    fn literal(&self, expr: &Expr) -> Result<Option<Value>, Fault> {
        let value = match expr {
            Expr::Value(value) => match &value.value {
                Literal::Null => Value::Null,
                Literal::Boolean(bit) if self.dialect == Dialect::Mysql => {
                    Value::Int((*bit).into())
                }
                Literal::Boolean(bit) => Value::Bool(*bit),
                Literal::Number(digits, _) => {
                    number(digits).ok_or_else(|| self.unknown(&format!("the number `{digits}`")))?
                }
                Literal::SingleQuotedString(text)
                | Literal::NationalStringLiteral(text)
                | Literal::EscapedStringLiteral(text) => Value::Text(text.clone()),
                Literal::DoubleQuotedString(text) if self.dialect == Dialect::Mysql => {
                    Value::Text(text.clone())
                }
                Literal::HexStringLiteral(digits) if self.dialect != Dialect::Postgres => {
                    let bytes = bytes_of(digits);
                    Value::Bytes(bytes.ok_or_else(|| self.unknown("this hexadecimal text"))?)
                }
                Literal::Placeholder(_) => return Ok(None),
                other => return Err(self.unknown(&format!("the literal `{other}`"))),
            },
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => match self.literal(expr)? {
                Some(number @ (Value::Int(_) | Value::Numeric { .. })) => {
                    let negative = format!("-{}", number.shown());
                    super::types::number(&negative).ok_or_else(|| self.unknown("this number"))?
                }
                _ => return Err(self.unknown("a minus in front of anything but a number")),
            },
            _ => return Ok(None),
        };
        Ok(Some(value))
    }

    /// The type that an expression has by itself; `None` for one that takes its neighbour's.
    pub(super) fn own_type(&mut self, expr: &Expr) -> Result<Option<Type>, Fault> {
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
                Value::Numeric { scale, .. } => Some(Type::Numeric(MAX_PRECISION, scale)),
                Value::Bool(_) => Some(Type::Bool),
                Value::Bytes(_) => Some(Type::Bytes(None)),
                Value::Null | Value::Text(_) | Value::Float(_) => None,
            });
        }
        match expr {
            Expr::Nested(inner) => self.own_type(inner),
            Expr::Cast { data_type, .. } => type_of(data_type, self.dialect).map(Some),
            Expr::BinaryOp { left, op, right } => self.operation_type(left, op, right).map(Some),
            other => Err(self.unknown(&format!("`{other}`"))),
        }
    }

    /// The type of `a + b` and its like.
    fn operation_type(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Result<Type, Fault> {
        let no_such = |this: &Self| this.unknown(&format!("`{left} {op} {right}`"));
        let joins = match op {
            BinaryOperator::StringConcat => self.dialect == Dialect::Postgres,
            BinaryOperator::Plus => self.dialect == Dialect::Tds,
            _ => false,
        };
        let sides = (self.own_type(left)?, self.own_type(right)?);
        let text = |side: Option<Type>| side.is_none_or(Type::is_text);
        let both_literal = matches!(
            (self.literal(left)?, self.literal(right)?),
            (Some(Value::Text(_)), Some(Value::Text(_)))
        );
        if joins && text(sides.0) && text(sides.1) && (sides != (None, None) || both_literal) {
            return Ok(Type::Text(None));
        }
        let both = match sides {
            (Some(left), Some(right)) => unified(left, right),
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) => None,
        };
        match (op, both) {
            (BinaryOperator::Plus | BinaryOperator::Minus, Some(kind @ Type::Numeric(..))) => {
                Ok(kind)
            }
            (
                BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply,
                Some(kind),
            ) if kind.is_integer() => Ok(match self.dialect {
                // Integers grow there.
                Dialect::Mysql => Type::BigInt,
                Dialect::Postgres | Dialect::Tds => kind,
            }),
            _ => Err(no_such(self)),
        }
    }

    /// Writes an expression, as a value of `wanted` if that is said. Gives its type.
    pub(super) fn value(&mut self, expr: &Expr, wanted: Option<Type>) -> Result<Type, Fault> {
        if let Some(column) = self.column(expr)? {
            return self.column_as(&column, wanted);
        }
        if let Some(index) = self.parameter(expr)? {
            let told = self.declared.get(index).and_then(|one| one.kind);
            let before = self.parameters.get(index).copied().flatten();
            let kind = wanted.or(told).or(before).unwrap_or(Type::Text(None));
            if let Some(place) = self.parameters.get_mut(index) {
                *place = told.or(before).or(Some(kind));
            }
            self.bind(Bind::Parameter(index, kind));
            return Ok(kind);
        }
        if let Some(literal) = self.literal(expr)? {
            let kind = match wanted {
                Some(kind) => kind,
                None => self.own_type(expr)?.unwrap_or(Type::Text(None)),
            };
            self.bind(Bind::Literal(kind.fit(&literal)?));
            return Ok(kind);
        }
        match expr {
            Expr::Nested(inner) => self.value(inner, wanted),
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr: inner,
                data_type,
                format: None,
            } => {
                let kind = type_of(data_type, self.dialect)?;
                if wanted.is_some_and(|wanted| wanted != kind) {
                    return Err(self.unknown(&format!("`{expr}` in this place")));
                }
                self.value(inner, Some(kind))
            }
            Expr::BinaryOp { left, op, right } => self.operation(left, op, right, wanted),
            other => Err(self.unknown(&format!("`{other}`"))),
        }
    }

    fn operation(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        wanted: Option<Type>,
    ) -> Result<Type, Fault> {
        let kind = self.operation_type(left, op, right)?;
        let fits = wanted.is_none_or(|wanted| {
            let same_scale = matches!((wanted, kind), (Type::Numeric(_, one), Type::Numeric(_, other)) if one == other);
            wanted == kind || same_scale || wanted.is_integer() && kind.is_integer() || wanted.is_text() && kind.is_text()
        });
        if !fits {
            return Err(self.unknown(&format!("`{left} {op} {right}` in this place")));
        }
        self.push("(");
        self.value(left, Some(kind))?;
        self.push(match op {
            BinaryOperator::Plus if !kind.is_text() => " + ",
            BinaryOperator::Minus => " - ",
            BinaryOperator::Multiply => " * ",
            _ => " || ",
        });
        self.value(right, Some(kind))?;
        self.push(")");
        Ok(wanted.unwrap_or(kind))
    }

    fn column_as(&mut self, column: &TableColumn, wanted: Option<Type>) -> Result<Type, Fault> {
        let name = quoted(&column.name);
        let (own, wanted) = (column.kind, wanted.unwrap_or(column.kind));
        let own_scale = match own {
            Type::Numeric(_, scale) => Some(scale),
            _ => own.is_integer().then_some(0),
        };
        match (own_scale, wanted) {
            _ if own == wanted || own.is_text() && wanted.is_text() => self.push(&name),
            (Some(_), _) if own.is_integer() && wanted.is_integer() => self.push(&name),
            (Some(own), Type::Numeric(_, scale)) if own <= scale => {
                let factor = 10_i64.pow((scale - own).into());
                self.push(&format!("({name} * {factor})"));
            }
            _ => return Err(self.unknown(&format!("`{}` in this place", column.name))),
        }
        Ok(wanted)
    }
}

/// The type in which values of both can meet, if there is one that changes neither.
pub(super) fn unified(left: Type, right: Type) -> Option<Type> {
    match (left, right) {
        (Type::Text(_), Type::Text(_)) => Some(Type::Text(None)),
        (Type::Numeric(_, one), Type::Numeric(_, other)) => {
            Some(Type::Numeric(MAX_PRECISION, one.max(other)))
        }
        (Type::Numeric(_, scale), integer) | (integer, Type::Numeric(_, scale))
            if integer.is_integer() =>
        {
            Some(Type::Numeric(MAX_PRECISION, scale))
        }
        (Type::BigInt, other) | (other, Type::BigInt) if other.is_integer() => Some(Type::BigInt),
        (Type::Int, other) | (other, Type::Int) if other.is_integer() => Some(Type::Int),
        _ => (left == right).then_some(left),
    }
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
