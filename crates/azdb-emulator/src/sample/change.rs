//! `insert`, `update` and `delete`.

use rusqlite::Connection;
use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, Ident, Insert, ObjectName,
    ObjectNamePart, Query, SelectItem, SetExpr, Statement, TableObject, Update,
};

use super::catalog::{TableColumn, quoted};
use super::expression::{Bind, Meant, Writer};
use super::fault::Fault;
use super::parse::{Dialect, plain};
use super::select::Column;
use super::types::Value;

impl Writer<'_> {
    pub(super) fn insert(
        &mut self,
        connection: &Connection,
        mut insert: Insert,
    ) -> Result<Vec<Column>, Fault> {
        let names = std::mem::take(&mut insert.columns);
        let rows = insert.source.take().and_then(|source| rows(*source));
        let returning = insert.returning.take();
        insert.into = true;
        let TableObject::TableName(table) = &insert.table else {
            return Err(self.unknown("such an `insert`"));
        };
        self.table_of(connection, table)?;
        let is_plain = match plain("INSERT INTO t VALUES (1)") {
            Some(Statement::Insert(mut plain)) => {
                plain.source = None;
                plain.table = insert.table.clone();
                plain == insert
            }
            _ => false,
        };
        let (true, Some(rows)) = (is_plain, rows) else {
            return Err(self.unknown("an `insert` with more than rows of values"));
        };
        let mut columns = self.columns_of(&names)?;
        if let (Dialect::Postgres, [], Some(first)) = (self.dialect, names.as_slice(), rows.first())
        {
            // There, columns that no value stands for take their defaults.
            columns.truncate(first.len());
        }
        self.write_into(&columns);
        for (index, row) in rows.iter().enumerate() {
            self.push(if index > 0 { ", (" } else { "(" });
            self.row(row, &columns)?;
            self.push(")");
        }
        self.returning(returning)
    }

    /// The columns that are named, or all of them.
    fn columns_of(&self, names: &[ObjectName]) -> Result<Vec<TableColumn>, Fault> {
        let Some((table, _)) = &self.table else {
            return Ok(Vec::new());
        };
        if names.is_empty() {
            return Ok(table.columns.clone());
        }
        let mut columns = Vec::new();
        for name in names {
            let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else {
                return Err(self.unknown(&format!("the name `{name}`")));
            };
            let column = table.column(name, self.dialect)?;
            if columns.contains(column) {
                return Err(self.unknown(&format!("`{name}` twice")));
            }
            if column.generated && self.dialect == Dialect::Tds {
                return Err(self.unknown("a value for an identity column"));
            }
            columns.push(column.clone());
        }
        Ok(columns)
    }

    fn write_into(&mut self, columns: &[TableColumn]) {
        let names: Vec<String> = columns.iter().map(|one| quoted(&one.name)).collect();
        if let Some((table, _)) = &self.table {
            let text = format!(
                "INSERT INTO {} ({}) VALUES ",
                table.quoted(),
                names.join(", ")
            );
            self.push(&text);
        }
    }

    fn row(&mut self, row: &[Expr], columns: &[TableColumn]) -> Result<(), Fault> {
        if row.len() != columns.len() {
            return Err(Fault::RowWidth);
        }
        // No column is meant in a row of values.
        let table = self.table.take();
        for (index, (expr, column)) in row.iter().zip(columns).enumerate() {
            self.push(if index > 0 { ", " } else { "" });
            if matches!(expr, Expr::Identifier(Ident { value, quote_style: None, .. }) if value.eq_ignore_ascii_case("default"))
            {
                return Err(self.unknown("`default` as a value"));
            }
            self.value(expr, Some(column.kind))?;
            if column.generated && self.dialect == Dialect::Postgres {
                self.refuse_null(table.as_ref(), column)?;
            }
        }
        self.table = table;
        Ok(())
    }

    /// A NULL for a numbered column asks SQLite and MySQL for the next number; in PostgreSQL it is an
    /// error.
    fn refuse_null(&mut self, table: Option<&Meant>, column: &TableColumn) -> Result<(), Fault> {
        let fault = Fault::NotNull {
            table: table.map_or(String::new(), |(table, _)| table.name.clone()),
            column: column.name.clone(),
        };
        match self.binds.last_mut() {
            Some(Bind::Literal(Value::Null)) => Err(fault),
            Some(last @ Bind::Parameter(..)) => {
                if let Bind::Parameter(index, kind) = *last {
                    *last = Bind::Required(index, kind, fault);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn update(
        &mut self,
        connection: &Connection,
        mut update: Update,
    ) -> Result<Vec<Column>, Fault> {
        let assignments = std::mem::take(&mut update.assignments);
        let (condition, returning) = (update.selection.take(), update.returning.take());
        self.from(connection, &update.table)?;
        let is_plain = match plain("UPDATE t SET a = 1") {
            Some(Statement::Update(mut plain)) => {
                plain.assignments.clear();
                plain.table = update.table.clone();
                plain == update
            }
            _ => false,
        };
        if !is_plain {
            return Err(self.unknown("an `update` with more than `set` and `where`"));
        }
        if let Some((table, _)) = &self.table {
            let text = format!("UPDATE {} SET ", table.quoted());
            self.push(&text);
        }
        for (index, assignment) in assignments.iter().enumerate() {
            self.push(if index > 0 { ", " } else { "" });
            self.assignment(assignment)?;
        }
        self.filter(condition.as_ref())?;
        self.returning(returning)
    }

    fn assignment(&mut self, assignment: &Assignment) -> Result<(), Fault> {
        let name = match &assignment.target {
            AssignmentTarget::ColumnName(name) => match name.0.as_slice() {
                [ObjectNamePart::Identifier(name)] => Some(name),
                _ => None,
            },
            AssignmentTarget::Tuple(_) => None,
        };
        let column = name.map(|name| self.column(&Expr::Identifier(name.clone())));
        let Some(Some(column)) = column.transpose()? else {
            return Err(self.unknown(&format!("`set {assignment}`")));
        };
        let name = format!("{} = ", quoted(&column.name));
        self.push(&name);
        self.value(&assignment.value, Some(column.kind))?;
        Ok(())
    }

    pub(super) fn delete(
        &mut self,
        connection: &Connection,
        mut delete: Delete,
    ) -> Result<Vec<Column>, Fault> {
        let (condition, returning) = (delete.selection.take(), delete.returning.take());
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let [from] = from.as_slice() else {
            return Err(self.unknown("a `delete` from several tables"));
        };
        self.from(connection, from)?;
        let is_plain = match plain("DELETE FROM t") {
            Some(Statement::Delete(mut plain)) => {
                plain.from = delete.from.clone();
                plain == delete
            }
            _ => false,
        };
        if !is_plain {
            return Err(self.unknown("a `delete` with more than `where`"));
        }
        if let Some((table, _)) = &self.table {
            let text = format!("DELETE FROM {}", table.quoted());
            self.push(&text);
        }
        self.filter(condition.as_ref())?;
        self.returning(returning)
    }

    fn returning(&mut self, items: Option<Vec<SelectItem>>) -> Result<Vec<Column>, Fault> {
        match items {
            None => Ok(Vec::new()),
            Some(_) if self.dialect != Dialect::Postgres => Err(self.unknown("`returning`")),
            Some(items) => {
                self.push(" RETURNING ");
                self.items(&items)
            }
        }
    }

    fn table_of(&mut self, connection: &Connection, name: &ObjectName) -> Result<(), Fault> {
        let table = super::catalog::find(connection, name, self.dialect)?;
        self.table = Some((table, None));
        Ok(())
    }
}

/// The rows of `values`, if that is all that an `insert` has behind its columns.
fn rows(mut source: Query) -> Option<Vec<Vec<Expr>>> {
    let SetExpr::Values(values) = &mut *source.body else {
        return None;
    };
    let rows = std::mem::take(&mut values.rows);
    (values.explicit_row, values.value_keyword) = (false, false);
    let Some(Statement::Insert(Insert {
        source: Some(mut plain),
        ..
    })) = plain("INSERT INTO t VALUES (1)")
    else {
        return None;
    };
    if let SetExpr::Values(values) = &mut *plain.body {
        values.rows.clear();
    }
    (*plain == source).then(|| rows.into_iter().map(|row| row.content).collect())
}
