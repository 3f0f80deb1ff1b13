//! Conditions: comparisons, joined by `and` and `or`.

use sqlparser::ast::{BinaryOperator, Expr, InTarget, UnaryOperator};

use super::expression::{Writer, unified};
use super::fault::Fault;
use super::parse::Dialect;
use super::types::Type;

impl Writer<'_> {
    /// Writes a condition.
    pub(super) fn condition(&mut self, expr: &Expr) -> Result<(), Fault> {
        match expr {
            Expr::Nested(inner) => {
                self.push("(");
                self.condition(inner)?;
                self.push(")");
            }
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => {
                self.push("NOT (");
                self.condition(expr)?;
                self.push(")");
            }
            Expr::BinaryOp { left, op, right } => self.binary_condition(left, op, right)?,
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
                let kind = self.own_type(inner)?;
                self.value(inner, kind)?;
                let is_null = matches!(expr, Expr::IsNull(_));
                self.push(if is_null { " IS NULL" } else { " IS NOT NULL" });
            }
            Expr::In {
                expr,
                target: InTarget::List(list),
                negated,
                global: false,
            } => {
                let mut kind = self.own_type(expr)?;
                for one in list {
                    kind = self.common(expr, kind, one)?;
                }
                self.value(expr, kind)?;
                self.push(self.collation(kind));
                self.push(if *negated { " NOT IN (" } else { " IN (" });
                for (index, one) in list.iter().enumerate() {
                    self.push(if index > 0 { ", " } else { "" });
                    self.value(one, kind)?;
                }
                self.push(")");
            }
            // A column of truth values is a condition in PostgreSQL alone.
            _ if self.dialect == Dialect::Postgres && self.own_type(expr)? == Some(Type::Bool) => {
                self.value(expr, Some(Type::Bool))?;
            }
            other => return Err(self.unknown(&format!("the condition `{other}`"))),
        }
        Ok(())
    }

    fn binary_condition(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Result<(), Fault> {
        let sign = match op {
            BinaryOperator::And | BinaryOperator::Or => {
                let word = if *op == BinaryOperator::And {
                    ") AND ("
                } else {
                    ") OR ("
                };
                self.push("((");
                self.condition(left)?;
                self.push(word);
                self.condition(right)?;
                self.push("))");
                return Ok(());
            }
            BinaryOperator::Eq => " = ",
            BinaryOperator::NotEq => " <> ",
            BinaryOperator::Lt => " < ",
            BinaryOperator::LtEq => " <= ",
            BinaryOperator::Gt => " > ",
            BinaryOperator::GtEq => " >= ",
            other => return Err(self.unknown(&format!("the operator `{other}`"))),
        };
        let own = self.own_type(left)?;
        let kind = self.common(left, own, right)?;
        self.value(left, kind)?;
        self.push(self.collation(kind));
        self.push(sign);
        self.value(right, kind)?;
        Ok(())
    }

    /// The type that two sides of a comparison meet in; `own` is that of the left one.
    fn common(
        &mut self,
        left: &Expr,
        own: Option<Type>,
        right: &Expr,
    ) -> Result<Option<Type>, Fault> {
        let common = match (own, self.own_type(right)?) {
            (Some(left), Some(right)) => unified(left, right).or_else(|| {
                // Bits are compared with 0 and 1 where there is no boolean.
                let bits =
                    self.dialect != Dialect::Postgres && left == Type::Bool && right.is_integer();
                bits.then_some(Type::Bool)
            }),
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) => return Ok(Some(Type::Text(None))),
        };
        match common {
            // A text that no row of the column could have may be compared with it.
            Some(Type::Text(_)) => Ok(Some(Type::Text(None))),
            Some(kind) => Ok(Some(kind)),
            None => Err(self.unknown(&format!("a comparison of `{left}` with `{right}`"))),
        }
    }

    /// Texts that differ in case only are equal everywhere but in PostgreSQL.
    pub(super) fn collation(&self, kind: Option<Type>) -> &'static str {
        match (self.dialect, kind) {
            (Dialect::Mysql | Dialect::Tds, Some(Type::Text(_))) => " COLLATE NOCASE",
            _ => "",
        }
    }
}
