//! Tables and their columns.

use super::super::super::token::Refusal;
use super::super::super::value::{Datum, SqlType};
use super::super::canned::Canned;
use super::super::{Engine, unknown};
use super::arguments::{Arguments, fits};
use super::odbc::described;
use super::{Generation, INT, Member, NAME, OWNER, Object, REMARK, SMALL, int, or_null, result};

const TABLES: [(&str, SqlType); 5] = [
    ("TABLE_QUALIFIER", NAME),
    ("TABLE_OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("TABLE_TYPE", SqlType::VarChar(Some(32))),
    ("REMARKS", REMARK),
];

const COLUMNS: [(&str, SqlType); 18] = [
    ("TABLE_QUALIFIER", NAME),
    ("TABLE_OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("COLUMN_NAME", NAME),
    ("DATA_TYPE", SMALL),
    ("TYPE_NAME", NAME),
    ("PRECISION", INT),
    ("LENGTH", INT),
    ("SCALE", SMALL),
    ("RADIX", SMALL),
    ("NULLABLE", SMALL),
    ("REMARKS", REMARK),
    ("COLUMN_DEF", SqlType::NVarChar(Some(4000))),
    ("SQL_DATA_TYPE", SMALL),
    ("SQL_DATETIME_SUB", SMALL),
    ("CHAR_OCTET_LENGTH", INT),
    ("ORDINAL_POSITION", INT),
    ("IS_NULLABLE", REMARK),
];

/// What `sp_columns_100` has more.
const COLUMNS_OF_2008: [(&str, SqlType); 10] = [
    ("SS_IS_SPARSE", SMALL),
    ("SS_IS_COLUMN_SET", SMALL),
    ("SS_IS_COMPUTED", SMALL),
    ("SS_IS_IDENTITY", SMALL),
    ("SS_UDT_CATALOG_NAME", NAME),
    ("SS_UDT_SCHEMA_NAME", NAME),
    ("SS_UDT_ASSEMBLY_TYPE_NAME", SqlType::NVarChar(None)),
    ("SS_XML_SCHEMACOLLECTION_CATALOG_NAME", NAME),
    ("SS_XML_SCHEMACOLLECTION_SCHEMA_NAME", NAME),
    ("SS_XML_SCHEMACOLLECTION_NAME", NAME),
];

const SPECIAL_COLUMNS: [(&str, SqlType); 8] = [
    ("SCOPE", SMALL),
    ("COLUMN_NAME", NAME),
    ("DATA_TYPE", SMALL),
    ("TYPE_NAME", NAME),
    ("PRECISION", INT),
    ("LENGTH", INT),
    ("SCALE", SMALL),
    ("PSEUDO_COLUMN", SMALL),
];

impl Member {
    /// Its type as the catalog names it.
    fn type_name(&self) -> Datum {
        let identity = if self.generated { " identity" } else { "" };
        Datum::Text(format!("{}{identity}", self.kind.name()))
    }
}

impl Engine {
    pub(super) fn tables(&self, given: &Arguments) -> Result<Canned, Refusal> {
        let name = given.text(0, "@table_name");
        let owner = given.text(1, "@table_owner");
        let database = given.text(2, "@table_qualifier");
        let types = given.text(3, "@table_type");
        let only = |column: usize, names: &[&str]| {
            let row = |name: &&str| {
                let mut row = vec![Datum::Null; TABLES.len()];
                if let Some(cell) = row.get_mut(column) {
                    *cell = Datum::text(name);
                }
                row
            };
            Ok(result(&TABLES, names.iter().map(row).collect()))
        };
        // Lists of what there is, beside tables.
        match (name, owner, database, types) {
            (Some(""), Some(""), Some("%"), _) => return only(0, &[&self.database]),
            (Some(""), Some("%"), Some(""), _) => return only(1, &[OWNER]),
            (Some(""), Some(""), Some(""), Some("%")) => return only(3, &["TABLE", "VIEW"]),
            _ => {}
        }
        let is_here = fits(database, &self.database) && fits(owner, OWNER);
        let is_wanted = |object: &Object, word: &str, is_view: bool| {
            let is_type = types.is_none_or(|types| types.to_uppercase().contains(word));
            is_here && is_type && object.is_view == is_view && fits(name, &object.name)
        };
        let objects = self.objects()?;
        let mut rows = Vec::new();
        for (word, is_view) in [("TABLE", false), ("VIEW", true)] {
            let quoted = format!("'{word}'");
            let wanted = objects
                .iter()
                .filter(|one| is_wanted(one, &quoted, is_view));
            rows.extend(wanted.map(|object| {
                [
                    &self.full(&object.name)[..],
                    &[Datum::text(word), Datum::Null],
                ]
                .concat()
            }));
        }
        Ok(result(&TABLES, rows))
    }

    pub(super) fn columns(
        &self,
        given: &Arguments,
        generation: Generation,
    ) -> Result<Canned, Refusal> {
        let odbc = given.number(4, "@odbcver").unwrap_or(2);
        let is_here = fits(given.text(2, "@table_qualifier"), &self.database)
            && fits(given.text(1, "@table_owner"), OWNER);
        let is_wanted =
            |object: &Object| is_here && fits(given.text(0, "@table_name"), &object.name);
        let mut rows = Vec::new();
        for object in self.objects()?.iter().filter(|object| is_wanted(object)) {
            for (member, ordinal) in object.columns.iter().zip(1_i64..) {
                if fits(given.text(3, "@column_name"), &member.name) {
                    let place = (object.name.as_str(), ordinal);
                    rows.push(self.column_row(place, member, generation, odbc));
                }
            }
        }
        let mut columns = COLUMNS.to_vec();
        if generation == Generation::Of2008 {
            columns.extend(COLUMNS_OF_2008);
        }
        columns.push(("SS_DATA_TYPE", SqlType::TinyInt));
        Ok(result(&columns, rows))
    }

    fn column_row(
        &self,
        (table, ordinal): (&str, i64),
        member: &Member,
        generation: Generation,
        odbc: i64,
    ) -> Vec<Datum> {
        let of = described(member.kind, generation, odbc);
        let preset = member.preset.as_ref().map(|preset| format!("({preset})"));
        let mut row = self.full(table).to_vec();
        row.extend([
            Datum::text(&member.name),
            int(of.code),
            member.type_name(),
            int(of.precision),
            int(of.length),
            or_null(of.scale),
            or_null(of.radix),
            int(!member.required),
            Datum::Null,
            preset.map_or(Datum::Null, Datum::Text),
            int(of.verbose()),
            or_null(of.sub),
            or_null(of.octets),
            int(ordinal),
            Datum::text(if member.required { "NO" } else { "YES" }),
        ]);
        if generation == Generation::Of2008 {
            row.extend([int(0), int(0), int(0), int(member.generated)]);
            let class = match member.kind {
                SqlType::Clr(class) => [
                    Datum::text(&self.database),
                    Datum::text("sys"),
                    Datum::Text(class.assembly()),
                ],
                _ => [Datum::Null, Datum::Null, Datum::Null],
            };
            row.extend(class);
            row.extend([Datum::Null, Datum::Null, Datum::Null]);
        }
        let token = match member.required {
            true => member.kind.fixed_token(),
            false => member.kind.token(),
        };
        row.push(int(token));
        row
    }

    /// The columns that find a row again: its primary key.
    pub(super) fn special_columns(
        &self,
        given: &Arguments,
        generation: Generation,
    ) -> Result<Canned, Refusal> {
        if given
            .text(3, "@col_type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("v"))
        {
            // Columns that change by themselves: there are none.
            return Ok(result(&SPECIAL_COLUMNS, Vec::new()));
        }
        let odbc = given.number(6, "@odbcver").unwrap_or(2);
        let name = given.text(0, "@table_name");
        if name.is_none() {
            return Err(unknown("a call without the name of a table"));
        }
        let object = self.object(name, given.text(1, "@table_owner"))?;
        let members = object.iter().flat_map(|object| &object.columns);
        let rows = members.filter(|member| member.keyed).map(|member| {
            let of = described(member.kind, generation, odbc);
            vec![
                // Within the session, and no pseudo column.
                int(2),
                Datum::text(&member.name),
                int(of.code),
                member.type_name(),
                int(of.precision),
                int(of.length),
                or_null(of.scale),
                int(1),
            ]
        });
        Ok(result(&SPECIAL_COLUMNS, rows.collect()))
    }
}
