//! Queries: columns, literals and a few aggregates of one table or none.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement, TableFactor, TableWithJoins, TopQuantity,
};

use rusqlite::Connection;

use super::catalog::{self, Table, folded, quoted};
use super::expression::Writer;
use super::fault::Fault;
use super::parse::{Dialect, plain};
use super::types::Type;

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Type,
    /// The table that it comes from, if it is just a column of one.
    pub(crate) table: Option<String>,
}

impl Writer<'_> {
    /// Writes a query and gives the columns of its result.
    pub(super) fn query(
        &mut self,
        connection: &Connection,
        mut query: Query,
    ) -> Result<Vec<Column>, Fault> {
        let order = query.order_by.take();
        let limit = query.limit_clause.take();
        let SetExpr::Select(select) = &mut *query.body else {
            return Err(self.unknown("such a query"));
        };
        let mut taken = Taken {
            items: std::mem::take(&mut select.projection),
            from: std::mem::take(&mut select.from),
            condition: select.selection.take(),
            top: None,
        };
        if let Some(mut top) = select.top.take() {
            taken.top = top.quantity.take();
            if top.with_ties || top.percent {
                return Err(self.unknown("`top` with more than a number"));
            }
        }
        if !is_plain(&query) {
            return Err(self.unknown(&format!("the clauses of `select …{query}`")));
        }
        if let [from] = taken.from.as_slice() {
            self.from(connection, from)?;
        } else if !taken.from.is_empty() {
            return Err(self.unknown("queries of several tables"));
        }
        self.push("SELECT ");
        let columns = self.items(&taken.items)?;
        if let Some((table, _)) = &self.table {
            let from = format!(" FROM {}", table.quoted());
            self.push(&from);
        }
        self.filter(taken.condition.as_ref())?;
        self.order(order.as_ref(), &columns)?;
        self.limit(limit.as_ref(), taken.top.as_ref())?;
        Ok(columns)
    }

    /// The one table of a statement becomes the one whose columns are meant.
    pub(super) fn from(
        &mut self,
        connection: &Connection,
        from: &TableWithJoins,
    ) -> Result<(), Fault> {
        let mut plain = from.clone();
        let TableFactor::Table { name, alias, .. } = &mut plain.relation else {
            return Err(self.unknown("anything but a table in `from`"));
        };
        let table = catalog::find(connection, name, self.dialect)?;
        let alias = alias.take();
        if alias
            .as_ref()
            .is_some_and(|alias| !alias.columns.is_empty())
            || plain.to_string() != name_of(from)
        {
            return Err(self.unknown(&format!("`from {from}`")));
        }
        let alias = alias.map(|alias| folded(&alias.name, self.dialect));
        self.table = Some((table, alias));
        Ok(())
    }

    /// Writes `where`.
    pub(super) fn filter(&mut self, condition: Option<&Expr>) -> Result<(), Fault> {
        if let Some(condition) = condition {
            self.push(" WHERE ");
            self.condition(condition)?;
        }
        Ok(())
    }

    /// Writes what a query, or `returning`, gives.
    pub(super) fn items(&mut self, items: &[SelectItem]) -> Result<Vec<Column>, Fault> {
        let mut columns = Vec::new();
        let aggregates = items.iter().filter(|item| aggregate_of(item).is_some());
        if !matches!(aggregates.count(), n if n == 0 || n == items.len()) {
            return Err(self.unknown("aggregates beside other columns"));
        }
        for item in items {
            let separator = if columns.is_empty() { "" } else { ", " };
            self.push(separator);
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let column = self.item(expr)?;
                    columns.push(column);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let name = folded(alias, self.dialect);
                    columns.push(Column {
                        name,
                        ..self.item(expr)?
                    });
                }
                SelectItem::Wildcard(options) if options.to_string().is_empty() => {
                    columns.extend(self.all_columns()?);
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) if options.to_string().is_empty() && self.is_known_as(&name.to_string()) => {
                    columns.extend(self.all_columns()?);
                }
                other => return Err(self.unknown(&format!("`{other}`"))),
            }
        }
        if columns.is_empty() {
            return Err(self.unknown("a query of no columns"));
        }
        Ok(columns)
    }

    fn is_known_as(&self, name: &str) -> bool {
        self.table.as_ref().is_some_and(|(table, alias)| {
            name.eq_ignore_ascii_case(alias.as_ref().unwrap_or(&table.name))
        })
    }

    fn all_columns(&mut self) -> Result<Vec<Column>, Fault> {
        let Some((Table { name, columns, .. }, _)) = &self.table else {
            return Err(self.unknown("`*` without a table"));
        };
        let names: Vec<String> = columns.iter().map(|one| quoted(&one.name)).collect();
        let all = columns.iter().map(|one| Column {
            name: one.name.clone(),
            kind: one.kind,
            table: Some(name.clone()),
        });
        let all = all.collect();
        self.push(&names.join(", "));
        Ok(all)
    }

    fn item(&mut self, expr: &Expr) -> Result<Column, Fault> {
        let (kind, table) = match (self.column(expr)?, expr) {
            (Some(column), _) => {
                self.push(&quoted(&column.name));
                let table = self.table.as_ref().map(|(table, _)| table.name.clone());
                (column.kind, table)
            }
            (None, Expr::Function(function)) => (self.aggregate(function)?, None),
            (None, _) => (self.value(expr, None)?, None),
        };
        Ok(Column {
            name: self.name_of(expr, kind),
            kind,
            table,
        })
    }

    /// The name that a column has without `as`.
    fn name_of(&self, expr: &Expr, kind: Type) -> String {
        match (self.dialect, expr) {
            (_, Expr::Identifier(name)) if !name.value.starts_with('@') => {
                folded(name, self.dialect)
            }
            (_, Expr::CompoundIdentifier(names)) => names
                .last()
                .map_or(String::new(), |name| folded(name, self.dialect)),
            (Dialect::Mysql, _) => expr.to_string(),
            (Dialect::Tds, _) => String::new(),
            (Dialect::Postgres, Expr::Function(function)) => {
                function.name.to_string().to_lowercase()
            }
            (Dialect::Postgres, Expr::Cast { .. }) => postgres_name(kind).to_owned(),
            (Dialect::Postgres, _) => "?column?".to_owned(),
        }
    }

    /// Writes `count`, `min` or `max`.
    fn aggregate(&mut self, function: &Function) -> Result<Type, Fault> {
        let unknown = self.unknown(&format!("the function `{function}`"));
        let Some((name, argument)) = called(function) else {
            return Err(unknown);
        };
        let count = match self.dialect {
            Dialect::Postgres | Dialect::Mysql => Type::BigInt,
            Dialect::Tds => Type::Int,
        };
        match (name.as_str(), argument) {
            ("count", FunctionArgExpr::Wildcard) => {
                self.push("count(*)");
                Ok(count)
            }
            ("count" | "min" | "max", FunctionArgExpr::Expr(expr)) => {
                let Some(column) = self.column(expr)? else {
                    return Err(unknown);
                };
                let is_count = name == "count";
                if !is_count && matches!(column.kind, Type::Bool | Type::Uuid | Type::Bytes(_)) {
                    return Err(unknown);
                }
                let collation = self.collation(Some(column.kind));
                self.push(&format!("{name}({}{collation})", quoted(&column.name)));
                Ok(if is_count { count } else { column.kind })
            }
            _ => Err(unknown),
        }
    }
}

/// What a query is made of, once it is taken apart.
struct Taken {
    items: Vec<SelectItem>,
    from: Vec<TableWithJoins>,
    condition: Option<Expr>,
    top: Option<TopQuantity>,
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

/// A table's name as it stands in `from`, without its alias.
fn name_of(from: &TableWithJoins) -> String {
    match &from.relation {
        TableFactor::Table { name, .. } => name.to_string(),
        _ => String::new(),
    }
}

fn aggregate_of(item: &SelectItem) -> Option<&Function> {
    match item {
        SelectItem::UnnamedExpr(Expr::Function(function))
        | SelectItem::ExprWithAlias {
            expr: Expr::Function(function),
            ..
        } => Some(function),
        _ => None,
    }
}

/// The name of a function, in lower case, and its one argument, if that is all there is to it.
fn called(function: &Function) -> Option<(String, &FunctionArgExpr)> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let [FunctionArg::Unnamed(argument)] = list.args.as_slice() else {
        return None;
    };
    let is_all = function.to_string() == format!("{}({argument})", function.name);
    is_all.then(|| (function.name.to_string().to_lowercase(), argument))
}

/// PostgreSQL's own name of a type, which a cast gives to its column.
fn postgres_name(kind: Type) -> &'static str {
    match kind {
        Type::Bool => "bool",
        Type::SmallInt => "int2",
        Type::Int => "int4",
        Type::BigInt => "int8",
        Type::Float => "float8",
        Type::Numeric(..) => "numeric",
        Type::Text(None) => "text",
        Type::Text(Some(_)) => "varchar",
        Type::Bytes(_) => "bytea",
        Type::Date => "date",
        Type::Timestamp => "timestamp",
        Type::Uuid => "uuid",
    }
}
