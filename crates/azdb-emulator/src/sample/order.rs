//! `order by`, `limit` and `top`.

use sqlparser::ast::{
    Expr, LimitClause, OrderBy, OrderByExpr, OrderByKind, OrderBySort, TopQuantity,
};

use super::catalog::{folded, quoted};
use super::expression::Writer;
use super::fault::Fault;
use super::parse::Dialect;
use super::select::Column;

impl Writer<'_> {
    /// Writes `order by`.
    pub(super) fn order(
        &mut self,
        order: Option<&OrderBy>,
        columns: &[Column],
    ) -> Result<(), Fault> {
        let Some(order) = order else { return Ok(()) };
        let OrderByKind::Expressions(terms) = &order.kind else {
            return Err(self.unknown("such an order"));
        };
        if order.interpolate.is_some() {
            return Err(self.unknown("such an order"));
        }
        self.push(" ORDER BY ");
        for (index, term) in terms.iter().enumerate() {
            self.push(if index > 0 { ", " } else { "" });
            self.order_term(term, columns)?;
        }
        Ok(())
    }

    fn order_term(&mut self, term: &OrderByExpr, columns: &[Column]) -> Result<(), Fault> {
        let descending = match &term.options.sort {
            None | Some(OrderBySort::Asc) => false,
            Some(OrderBySort::Desc) => true,
            Some(OrderBySort::Using(_)) => return Err(self.unknown("such an order")),
        };
        if term.with_fill.is_some() {
            return Err(self.unknown("such an order"));
        }
        let named = match &term.expr {
            Expr::Identifier(name) => {
                let name = folded(name, self.dialect);
                columns.iter().position(|column| column.name == name)
            }
            Expr::Value(number) => {
                let number: Option<usize> = number.to_string().parse().ok();
                number
                    .and_then(|number| number.checked_sub(1))
                    .filter(|n| *n < columns.len())
            }
            _ => None,
        };
        let kind = match named.and_then(|index| Some((index, columns.get(index)?.kind))) {
            Some((index, kind)) => {
                self.push(&(index + 1).to_string());
                kind
            }
            None => match self.column(&term.expr)? {
                Some(column) => {
                    self.push(&quoted(&column.name));
                    column.kind
                }
                None => return Err(self.unknown(&format!("an order by `{}`", term.expr))),
            },
        };
        let last_by_default = self.dialect == Dialect::Postgres && !descending;
        let nulls_first = match (self.dialect, term.options.nulls_first) {
            (_, Some(first)) => first,
            (Dialect::Postgres, None) => !last_by_default,
            (Dialect::Mysql | Dialect::Tds, None) => !descending,
        };
        self.push(self.collation(Some(kind)));
        self.push(if descending { " DESC" } else { " ASC" });
        self.push(if nulls_first {
            " NULLS FIRST"
        } else {
            " NULLS LAST"
        });
        Ok(())
    }

    /// Writes how many rows there are at most, and how many are left out before them.
    pub(super) fn limit(
        &mut self,
        limit: Option<&LimitClause>,
        top: Option<&TopQuantity>,
    ) -> Result<(), Fault> {
        let (rows, skipped) = match (limit, top) {
            (None, None) => return Ok(()),
            (None, Some(TopQuantity::Constant(rows))) => {
                self.push(&format!(
                    " LIMIT {}",
                    i64::try_from(*rows).unwrap_or(i64::MAX)
                ));
                return Ok(());
            }
            (None, Some(TopQuantity::Expr(rows))) => (Some(rows), None),
            (Some(LimitClause::OffsetCommaLimit { offset, limit }), None) => {
                (Some(limit), Some(offset))
            }
            (
                Some(LimitClause::LimitOffset {
                    limit,
                    offset,
                    limit_by,
                }),
                None,
            ) if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            _ => return Err(self.unknown("such a limit")),
        };
        self.push(" LIMIT ");
        match rows {
            Some(rows) => self.rows(rows)?,
            None => self.push("-1"),
        }
        if let Some(skipped) = skipped {
            self.push(" OFFSET ");
            self.rows(skipped)?;
        }
        Ok(())
    }
}
