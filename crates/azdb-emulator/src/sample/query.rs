//! Queries: columns, literals and a few aggregates of one table or none.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, LimitClause, OrderBy,
    OrderByExpr, OrderByKind, OrderBySort, Query, SelectItem, SetExpr, Statement, TableFactor,
    TableWithJoins, TopQuantity,
};

use super::catalog::{Table, find, folded, quoted};
use super::expression::{PLAIN_LETTERS, Place, Writer};
use super::fault::Fault;
use super::parse::{Dialect, plain};
use super::types::Type;

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Type,
    /// The table that it comes from, if it is just a column of one under its own name.
    pub(crate) table: Option<String>,
}

impl Column {
    /// A column of no table.
    pub(crate) fn computed(name: &str, kind: Type) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            table: None,
        }
    }

    /// A column of text and of no table.
    pub(crate) fn text(name: &str) -> Self {
        Self::computed(name, Type::Text(None))
    }
}

impl Writer<'_> {
    /// Writes a query and gives the columns of its result.
    pub(super) fn query(&mut self, mut query: Query) -> Result<Vec<Column>, Fault> {
        let (order, limit) = (query.order_by.take(), query.limit_clause.take());
        let SetExpr::Select(select) = &mut *query.body else {
            return Err(self.unknown("such a query"));
        };
        let items = std::mem::take(&mut select.projection);
        let from = std::mem::take(&mut select.from);
        let condition = select.selection.take();
        let top = match select.top.take() {
            Some(top) if top.with_ties || top.percent => {
                return Err(self.unknown("`top` with more than a number"));
            }
            top => top.and_then(|top| top.quantity),
        };
        if !is_plain(&query) {
            return Err(self.unknown(&format!("the clauses of `select …{query}`")));
        }
        match from.as_slice() {
            [] => {}
            [from] => self.from(from)?,
            _ => return Err(self.unknown("queries of several tables")),
        }
        self.push("SELECT ");
        let items = self.items(&items)?;
        if let Some(table) = &self.table {
            let from = format!(" FROM {}", table.quoted());
            self.push(&from);
        }
        self.filter(condition.as_ref())?;
        self.order(order.as_ref(), &items)?;
        self.limit(limit.as_ref(), top)?;
        Ok(items)
    }

    /// The one table of a statement becomes the one whose columns are meant.
    pub(super) fn from(&mut self, from: &TableWithJoins) -> Result<(), Fault> {
        match &from.relation {
            TableFactor::Table { name, .. } if from.to_string() == name.to_string() => {
                self.table = Some(find(self.connection, name, self.dialect)?);
                Ok(())
            }
            _ => Err(self.unknown(&format!("`from {from}`"))),
        }
    }

    /// Writes `where`.
    pub(super) fn filter(&mut self, condition: Option<&Expr>) -> Result<(), Fault> {
        let Some(condition) = condition else {
            return Ok(());
        };
        self.push(" WHERE ");
        self.condition(condition)
    }

    fn items(&mut self, items: &[SelectItem]) -> Result<Vec<Column>, Fault> {
        let is_aggregate = |item: &&SelectItem| {
            matches!(
                item,
                SelectItem::UnnamedExpr(Expr::Function(_))
                    | SelectItem::ExprWithAlias {
                        expr: Expr::Function(_),
                        ..
                    }
            )
        };
        if !matches!(items.iter().filter(is_aggregate).count(), n if n == 0 || n == items.len()) {
            return Err(self.unknown("functions beside other columns"));
        }
        let mut written = Vec::new();
        for item in items {
            self.push(if written.is_empty() { "" } else { ", " });
            match item {
                SelectItem::UnnamedExpr(expr) => written.push(self.item(expr)?),
                SelectItem::ExprWithAlias { expr, alias } => {
                    let mut item = self.item(expr)?;
                    let name = folded(alias, self.dialect);
                    item.table = item.table.filter(|_| item.name == name);
                    item.name = name;
                    written.push(item);
                }
                SelectItem::Wildcard(options) if options.to_string().is_empty() => {
                    self.all_columns(&mut written)?;
                }
                other => return Err(self.unknown(&format!("`{other}`"))),
            }
        }
        match written.is_empty() {
            true => Err(self.unknown("a query of no columns")),
            false => Ok(written),
        }
    }

    fn all_columns(&mut self, written: &mut Vec<Column>) -> Result<(), Fault> {
        let Some(Table { name, columns, .. }) = &self.table else {
            return Err(self.unknown("`*` without a table"));
        };
        let names: Vec<String> = columns.iter().map(|one| quoted(&one.name)).collect();
        written.extend(columns.iter().map(|one| Column {
            name: one.name.clone(),
            kind: one.kind,
            table: Some(name.clone()),
        }));
        self.push(&names.join(", "));
        Ok(())
    }

    fn item(&mut self, expr: &Expr) -> Result<Column, Fault> {
        let kind = match expr {
            Expr::Function(function) => self.aggregate(function)?,
            _ => self.value(expr, None, Place::Alone)?,
        };
        let name = match (expr, self.dialect) {
            (Expr::Identifier(name), dialect) if !name.value.starts_with('@') => {
                folded(name, dialect)
            }
            (Expr::CompoundIdentifier(names), dialect) => names
                .last()
                .map_or(String::new(), |name| folded(name, dialect)),
            (_, Dialect::Mysql) => expr.to_string(),
            (_, Dialect::Tds) => String::new(),
            (Expr::Function(function), _) => function.name.to_string().to_lowercase(),
            (_, Dialect::Postgres) => "?column?".to_owned(),
        };
        let is_column = self.column(expr)?.is_some();
        let table = self.table.as_ref().filter(|_| is_column);
        let table = table.map(|table| table.name.clone());
        Ok(Column { name, kind, table })
    }

    /// Writes `count`, `min` or `max`.
    fn aggregate(&mut self, function: &Function) -> Result<Type, Fault> {
        let unknown = self.unknown(&format!("the function `{function}`"));
        let name = function.name.to_string().to_lowercase();
        let FunctionArguments::List(list) = &function.args else {
            return Err(unknown);
        };
        let [FunctionArg::Unnamed(argument)] = list.args.as_slice() else {
            return Err(unknown);
        };
        let is_all = function.to_string() == format!("{}({argument})", function.name);
        let (name, count) = match (self.dialect, name.as_str()) {
            (Dialect::Tds, "count_big") => ("count", Type::BigInt),
            (Dialect::Tds, name) => (name, Type::Int),
            (Dialect::Postgres | Dialect::Mysql, name) => (name, Type::BigInt),
        };
        match (name, argument) {
            ("count", FunctionArgExpr::Wildcard) if is_all => {
                self.push("count(*)");
                Ok(count)
            }
            ("count" | "min" | "max", FunctionArgExpr::Expr(expr)) if is_all => {
                let Some(column) = self.column(expr)? else {
                    return Err(unknown);
                };
                let is_count = name == "count";
                if !is_count && column.kind == Type::Bool {
                    return Err(unknown);
                }
                self.push(&format!("{name}("));
                match is_count {
                    true => self.push(&quoted(&column.name)),
                    false => self.ordered(&quoted(&column.name), column.kind),
                }
                self.push(")");
                Ok(if is_count { count } else { column.kind })
            }
            _ => Err(unknown),
        }
    }

    /// Writes a value that is put into an order.
    fn ordered(&mut self, value: &str, kind: Type) {
        match self.collation(kind) {
            "" => self.push(value),
            collation => self.push(&format!("{PLAIN_LETTERS}({value}){collation}")),
        }
    }

    /// Writes `order by`.
    fn order(&mut self, order: Option<&OrderBy>, items: &[Column]) -> Result<(), Fault> {
        let Some(order) = order else { return Ok(()) };
        let OrderByKind::Expressions(terms) = &order.kind else {
            return Err(self.unknown("such an order"));
        };
        self.push(" ORDER BY ");
        for (index, term) in terms.iter().enumerate() {
            self.push(if index > 0 { ", " } else { "" });
            self.order_term(term, items)?;
        }
        Ok(())
    }

    /// Orders by a column of the table, unless one of the result has its name and other values.
    fn order_term(&mut self, term: &OrderByExpr, items: &[Column]) -> Result<(), Fault> {
        let unknown = self.unknown(&format!("an order by `{term}`"));
        let plain = match term.options.sort {
            None => format!("{}", term.expr),
            Some(OrderBySort::Asc) => format!("{} ASC", term.expr),
            Some(_) => format!("{} DESC", term.expr),
        };
        if plain != term.to_string() {
            return Err(unknown);
        }
        let Some(column) = self.column(&term.expr)? else {
            return Err(unknown);
        };
        let is_other =
            |one: &Column| one.table.is_none() && one.name.eq_ignore_ascii_case(&column.name);
        if items.iter().any(is_other) {
            return Err(unknown);
        }
        self.ordered(&quoted(&column.name), column.kind);
        let descending = matches!(term.options.sort, Some(OrderBySort::Desc));
        let nulls_first = (self.dialect == Dialect::Postgres) == descending;
        self.push(if descending { " DESC" } else { " ASC" });
        self.push(if nulls_first {
            " NULLS FIRST"
        } else {
            " NULLS LAST"
        });
        Ok(())
    }

    /// Writes how many rows there are at most, and how many are left out before them.
    fn limit(
        &mut self,
        limit: Option<&LimitClause>,
        top: Option<TopQuantity>,
    ) -> Result<(), Fault> {
        let (rows, skipped) = match (limit, top) {
            (None, None) => return Ok(()),
            (None, Some(TopQuantity::Constant(rows))) => {
                self.push(&format!(
                    " LIMIT {}",
                    i64::try_from(rows).unwrap_or(i64::MAX)
                ));
                return Ok(());
            }
            (
                Some(LimitClause::LimitOffset {
                    limit: Some(rows),
                    offset,
                    limit_by,
                }),
                None,
            ) if limit_by.is_empty() => (rows, offset.as_ref().map(|offset| &offset.value)),
            _ => return Err(self.unknown("such a limit")),
        };
        self.push(" LIMIT ");
        self.value(rows, Some(Type::BigInt), Place::Rows)?;
        if let Some(skipped) = skipped {
            self.push(" OFFSET ");
            self.value(skipped, Some(Type::BigInt), Place::Rows)?;
        }
        Ok(())
    }
}

/// Whether nothing is left in a query whose known parts were taken out.
fn is_plain(query: &Query) -> bool {
    let Some(Statement::Query(mut plain)) = plain("SELECT 1") else {
        return false;
    };
    if let SetExpr::Select(select) = &mut *plain.body {
        select.projection.clear();
    }
    *plain == *query
}
