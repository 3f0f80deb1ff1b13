//! The views of `INFORMATION_SCHEMA` that apps read.

use super::super::super::token::Refusal;
use super::super::super::value::{Datum, SqlType};
use super::super::Engine;
use super::super::batch::bare;
use super::super::canned::Canned;
use super::super::relation::{Relation, Select};
use super::arguments::Arguments;
use super::odbc::described;
use super::{Generation, INT, Member, NAME, Object, SMALL, int, or_null, result};

const TABLES: [(&str, SqlType); 4] = [
    ("TABLE_CATALOG", NAME),
    ("TABLE_SCHEMA", NAME),
    ("TABLE_NAME", NAME),
    ("TABLE_TYPE", SqlType::VarChar(Some(10))),
];

const COLUMNS: [(&str, SqlType); 18] = [
    ("TABLE_CATALOG", NAME),
    ("TABLE_SCHEMA", NAME),
    ("TABLE_NAME", NAME),
    ("COLUMN_NAME", NAME),
    ("ORDINAL_POSITION", INT),
    ("COLUMN_DEFAULT", SqlType::NVarChar(Some(4000))),
    ("IS_NULLABLE", SqlType::VarChar(Some(3))),
    ("DATA_TYPE", NAME),
    ("CHARACTER_MAXIMUM_LENGTH", INT),
    ("CHARACTER_OCTET_LENGTH", INT),
    ("NUMERIC_PRECISION", SqlType::TinyInt),
    ("NUMERIC_PRECISION_RADIX", SMALL),
    ("NUMERIC_SCALE", INT),
    ("DATETIME_PRECISION", SMALL),
    ("CHARACTER_SET_CATALOG", NAME),
    ("CHARACTER_SET_SCHEMA", NAME),
    ("CHARACTER_SET_NAME", NAME),
    ("COLLATION_CATALOG", NAME),
];

/// What `sp_columns_managed` has more.
const COLUMNS_MANAGED: [(&str, SqlType); 3] = [
    ("IS_SPARSE", SqlType::Bit),
    ("IS_COLUMN_SET", SqlType::Bit),
    ("IS_FILESTREAM", SqlType::Bit),
];

impl Engine {
    /// What a `select` reads of a table variable or of one of these views.
    pub(in super::super) fn read(
        &mut self,
        text: &str,
        words: &[&str],
    ) -> Result<Option<Canned>, Refusal> {
        let Some(select) = Select::read(text, words) else {
            return Ok(None);
        };
        let relation = match select.source {
            [name] if name.starts_with('@') => return self.read_variable(name, &select),
            [schema, ".", view] if is(schema, "information_schema") => match view {
                view if is(view, "tables") => self.tables_view()?,
                view if is(view, "columns") => self.columns_view()?,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.select(&relation.into(), &select).map(Some)
    }

    fn read_variable(
        &mut self,
        name: &str,
        select: &Select<'_, '_>,
    ) -> Result<Option<Canned>, Refusal> {
        let mut known = self.table_variables.iter();
        let Some(at) = known.position(|variable| variable.name == name) else {
            return Ok(None);
        };
        let variable = self.table_variables.swap_remove(at);
        let read = self.select(&variable.content, select);
        self.table_variables.push(variable);
        read.map(Some)
    }

    fn tables_view(&self) -> Result<Canned, Refusal> {
        let rows = self.objects()?.into_iter().map(|object| {
            let kind = if object.is_view { "VIEW" } else { "BASE TABLE" };
            [&self.full(&object.name)[..], &[Datum::text(kind)]].concat()
        });
        Ok(result(&TABLES, rows.collect()))
    }

    fn columns_view(&self) -> Result<Canned, Refusal> {
        let objects = self.objects()?;
        let rows = objects.iter().flat_map(|object| self.column_rows(object));
        Ok(result(&COLUMNS, rows.collect()))
    }

    fn column_rows(&self, object: &Object) -> Vec<Vec<Datum>> {
        let members = object.columns.iter().zip(1_i64..);
        let rows = members.map(|(member, ordinal)| {
            let mut row = self.full(&object.name).to_vec();
            row.extend([Datum::text(&member.name), int(ordinal)]);
            row.extend(member.told());
            row
        });
        rows.collect()
    }

    /// `sp_columns_managed`: names, none of them a pattern.
    pub(super) fn columns_managed(&self, given: &Arguments) -> Result<Canned, Refusal> {
        let names = [
            given.text(0, "@catalog"),
            given.text(1, "@owner"),
            given.text(2, "@table"),
            given.text(3, "@column"),
        ];
        let mut content = Relation::from(self.columns_view()?);
        content.rows.retain(|row| {
            let mut cells = row.iter().zip(names);
            cells.all(|(cell, name)| match (cell, name) {
                (Datum::Text(cell), Some(name)) => cell.eq_ignore_ascii_case(name),
                _ => true,
            })
        });
        for row in &mut content.rows {
            row.extend([Datum::Bit(false), Datum::Bit(false), Datum::Bit(false)]);
        }
        Ok(result(
            &[&COLUMNS[..], &COLUMNS_MANAGED].concat(),
            content.rows,
        ))
    }
}

impl Member {
    /// From `COLUMN_DEFAULT` on.
    fn told(&self) -> Vec<Datum> {
        let of = described(self.kind, Generation::Of2008, 3);
        let is_number = of.radix.is_some();
        // The longest types have no length here.
        let length = of.octets.map(|octets| match self.kind.is_chunked() {
            true => (-1, -1),
            false => (of.precision, octets),
        });
        let preset = self.preset.as_ref().map(|preset| format!("({preset})"));
        vec![
            preset.map_or(Datum::Null, Datum::Text),
            Datum::text(if self.required { "NO" } else { "YES" }),
            Datum::text(self.kind.name()),
            or_null(length.map(|(characters, _)| characters)),
            or_null(length.map(|(_, octets)| octets)),
            or_null(is_number.then_some(of.precision)),
            or_null(of.radix),
            or_null(of.scale.filter(|_| is_number)),
            or_null(of.scale.filter(|_| self.kind.is_moment())),
            Datum::Null,
            Datum::Null,
            Datum::Null,
            Datum::Null,
        ]
    }
}

/// Whether a name, in brackets or not, is this one.
fn is(name: &str, wanted: &str) -> bool {
    bare(name).eq_ignore_ascii_case(wanted)
}
