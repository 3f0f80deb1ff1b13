//! `insert`, `update` and `delete`.

use sqlparser::ast::{
    AssignmentTarget, Delete, Expr, FromTable, Insert, ObjectName, ObjectNamePart, Query, SetExpr,
    Statement, TableObject, Update,
};

use super::catalog::{Table, TableColumn, find, quoted};
use super::expression::{Place, Writer};
use super::fault::Fault;
use super::parse::{Dialect, plain};

impl Writer<'_> {
    pub(super) fn insert(&mut self, mut insert: Insert) -> Result<(), Fault> {
        let names = std::mem::take(&mut insert.columns);
        let rows = insert.source.take().and_then(|source| rows(*source));
        insert.into = true;
        let is_plain = match plain("INSERT INTO t VALUES (1)") {
            Some(Statement::Insert(mut plain)) => {
                plain.source = None;
                plain.table = insert.table.clone();
                plain == insert
            }
            _ => false,
        };
        let (TableObject::TableName(table), true, Some(rows)) = (&insert.table, is_plain, rows)
        else {
            return Err(self.unknown("an `insert` with more than rows of values"));
        };
        let table = find(self.connection, table, self.dialect)?;
        let mut columns = match names.as_slice() {
            [] => {
                // T-SQL's rows leave out what numbers itself.
                let all = table.columns.iter();
                let meant = all.filter(|one| self.dialect != Dialect::Tds || !one.generated);
                meant.cloned().collect()
            }
            names => {
                let columns = names.iter().map(|name| self.named(&table, name));
                columns.collect::<Result<Vec<_>, _>>()?
            }
        };
        if let (Dialect::Postgres, [], Some(first)) = (self.dialect, &*names, rows.first()) {
            // There, columns that no value stands for take their defaults.
            columns.truncate(first.len());
        }
        let names: Vec<String> = columns.iter().map(|one| quoted(&one.name)).collect();
        let names = names.join(", ");
        self.push(&format!("INSERT INTO {} ({names}) VALUES ", table.quoted()));
        for (index, row) in rows.iter().enumerate() {
            self.push(if index > 0 { ", (" } else { "(" });
            self.row(row, &columns)?;
            self.push(")");
        }
        self.table = Some(table);
        Ok(())
    }

    fn named(&self, table: &Table, name: &ObjectName) -> Result<TableColumn, Fault> {
        let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else {
            return Err(self.unknown(&format!("the name `{name}`")));
        };
        let column = table.column(name, self.dialect)?;
        if column.generated && self.dialect == Dialect::Tds {
            return Err(self.unknown("a value for an identity column"));
        }
        Ok(column.clone())
    }

    /// A row of values, in which no column is meant.
    fn row(&mut self, row: &[Expr], columns: &[TableColumn]) -> Result<(), Fault> {
        if row.len() != columns.len() {
            return Err(Fault::RowWidth);
        }
        for (index, (expr, column)) in row.iter().zip(columns).enumerate() {
            self.push(if index > 0 { ", " } else { "" });
            // A value may be megabytes long.
            let is_value = matches!(expr, Expr::Value(_));
            if !is_value && expr.to_string().eq_ignore_ascii_case("default") {
                return Err(self.unknown("`default` as a value"));
            }
            let place = if column.generated {
                Place::Numbered
            } else {
                Place::Alone
            };
            self.value(expr, Some(column.kind), place)?;
        }
        Ok(())
    }

    pub(super) fn update(&mut self, mut update: Update) -> Result<(), Fault> {
        let assignments = std::mem::take(&mut update.assignments);
        let condition = update.selection.take();
        self.from(&update.table)?;
        let is_plain = match plain("UPDATE t SET a = 1") {
            Some(Statement::Update(mut plain)) => {
                plain.assignments.clear();
                plain.table = update.table.clone();
                plain == update
            }
            _ => false,
        };
        let (Some(table), true) = (&self.table, is_plain) else {
            return Err(self.unknown("an `update` with more than `set` and `where`"));
        };
        let text = format!("UPDATE {} SET ", table.quoted());
        self.push(&text);
        for (index, assignment) in assignments.iter().enumerate() {
            self.push(if index > 0 { ", " } else { "" });
            let column = match &assignment.target {
                AssignmentTarget::ColumnName(ObjectName(parts)) => match parts.as_slice() {
                    [ObjectNamePart::Identifier(name)] => {
                        self.column(&Expr::Identifier(name.clone()))?
                    }
                    _ => None,
                },
                AssignmentTarget::Tuple(_) => None,
            };
            let Some(column) = column else {
                return Err(self.unknown(&format!("`set {assignment}`")));
            };
            let place = if column.generated {
                Place::Numbered
            } else {
                Place::Alone
            };
            self.push(&format!("{} = ", quoted(&column.name)));
            self.value(&assignment.value, Some(column.kind), place)?;
        }
        self.filter(condition.as_ref())
    }

    pub(super) fn delete(&mut self, mut delete: Delete) -> Result<(), Fault> {
        let condition = delete.selection.take();
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let [from] = from.as_slice() else {
            return Err(self.unknown("a `delete` from several tables"));
        };
        self.from(from)?;
        let is_plain = match plain("DELETE FROM t") {
            Some(Statement::Delete(mut plain)) => {
                plain.from = delete.from.clone();
                plain == delete
            }
            _ => false,
        };
        let (Some(table), true) = (&self.table, is_plain) else {
            return Err(self.unknown("a `delete` with more than `where`"));
        };
        let text = format!("DELETE FROM {}", table.quoted());
        self.push(&text);
        self.filter(condition.as_ref())
    }
}

/// The rows of `values`, if that is all that an `insert` has behind its columns.
fn rows(mut source: Query) -> Option<Vec<Vec<Expr>>> {
    let Some(Statement::Query(mut wanted)) = plain("VALUES (1)") else {
        return None;
    };
    let (SetExpr::Values(values), SetExpr::Values(plain)) = (&mut *source.body, &mut *wanted.body)
    else {
        return None;
    };
    let rows = std::mem::take(&mut values.rows);
    plain.rows.clear();
    plain.value_keyword = values.value_keyword;
    let is_plain = source == *wanted;
    is_plain.then(|| rows.into_iter().map(|row| row.content).collect())
}
