//! Keys and indexes.

use super::super::super::token::Refusal;
use super::super::super::value::{Datum, SqlType};
use super::super::Engine;
use super::super::canned::Canned;
use super::super::rows::refusal;
use super::arguments::{Arguments, fits};
use super::{NAME, OWNER, SMALL, int, result};

const PRIMARY_KEYS: [(&str, SqlType); 6] = [
    ("TABLE_QUALIFIER", NAME),
    ("TABLE_OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("COLUMN_NAME", NAME),
    ("KEY_SEQ", SMALL),
    ("PK_NAME", NAME),
];

const FOREIGN_KEYS: [(&str, SqlType); 14] = [
    ("PKTABLE_QUALIFIER", NAME),
    ("PKTABLE_OWNER", NAME),
    ("PKTABLE_NAME", NAME),
    ("PKCOLUMN_NAME", NAME),
    ("FKTABLE_QUALIFIER", NAME),
    ("FKTABLE_OWNER", NAME),
    ("FKTABLE_NAME", NAME),
    ("FKCOLUMN_NAME", NAME),
    ("KEY_SEQ", SMALL),
    ("UPDATE_RULE", SMALL),
    ("DELETE_RULE", SMALL),
    ("FK_NAME", NAME),
    ("PK_NAME", NAME),
    ("DEFERRABILITY", SMALL),
];

const STATISTICS: [(&str, SqlType); 13] = [
    ("TABLE_QUALIFIER", NAME),
    ("TABLE_OWNER", NAME),
    ("TABLE_NAME", NAME),
    ("NON_UNIQUE", SMALL),
    ("INDEX_QUALIFIER", NAME),
    ("INDEX_NAME", NAME),
    ("TYPE", SMALL),
    ("SEQ_IN_INDEX", SMALL),
    ("COLUMN_NAME", NAME),
    ("COLLATION", SqlType::Char(1)),
    ("CARDINALITY", SqlType::Int),
    ("PAGES", SqlType::Int),
    ("FILTER_CONDITION", SqlType::VarChar(Some(128))),
];

/// The name that a table's primary key has.
fn primary(table: &str) -> Datum {
    Datum::Text(format!("PK_{table}"))
}

impl Engine {
    pub(super) fn primary_keys(&self, given: &Arguments) -> Result<Canned, Refusal> {
        let object = self.object(given.text(0, "@table_name"), given.text(1, "@table_owner"))?;
        let mut rows = Vec::new();
        for object in object.iter() {
            for (member, place) in object.columns.iter().filter(|one| one.keyed).zip(1_i64..) {
                let mut row = self.full(&object.name).to_vec();
                row.extend([Datum::text(&member.name), int(place), primary(&object.name)]);
                rows.push(row);
            }
        }
        Ok(result(&PRIMARY_KEYS, rows))
    }

    pub(super) fn foreign_keys(&self, given: &Arguments) -> Result<Canned, Refusal> {
        let (keys, owner) = (
            given.text(0, "@pktable_name"),
            given.text(1, "@pktable_owner"),
        );
        let (wanted, other) = (
            given.text(3, "@fktable_name"),
            given.text(4, "@fktable_owner"),
        );
        let is_ours = fits(owner, OWNER) && fits(other, OWNER);
        let is_named = |name: Option<&str>, table: &str| {
            name.is_none_or(|name| name.eq_ignore_ascii_case(table))
        };
        let mut rows = Vec::new();
        for table in self.session.tables().map_err(refusal)? {
            if !is_ours || !is_named(wanted, &table.name) {
                continue;
            }
            let relations = self.session.relations(&table.name).map_err(refusal)?;
            for key in relations.foreign {
                if !is_named(keys, &key.table) {
                    continue;
                }
                let mut row = self.full(&key.table).to_vec();
                row.push(Datum::text(&key.key));
                row.extend(self.full(&table.name));
                row.extend([
                    Datum::text(&key.column),
                    int(1),
                    // No action, and not deferrable.
                    int(1),
                    int(1),
                    Datum::Text(format!("FK_{}_{}", table.name, key.column)),
                    primary(&key.table),
                    int(7),
                ]);
                rows.push(row);
            }
        }
        Ok(result(&FOREIGN_KEYS, rows))
    }

    /// One row for the table, and one for each of its indexes, which are all unique.
    pub(super) fn statistics(&self, given: &Arguments) -> Result<Canned, Refusal> {
        let object = self.object(given.text(0, "@table_name"), given.text(1, "@table_owner"))?;
        let mut rows = Vec::new();
        for object in object.iter().filter(|object| !object.is_view) {
            let head = self.full(&object.name);
            let relations = self.session.relations(&object.name).map_err(refusal)?;
            let keyed = object.columns.iter().filter(|member| member.keyed);
            let keyed = keyed.map(|member| (primary(&object.name), member.name.clone(), 1));
            let unique = relations.unique.into_iter().map(|column| {
                let name = Datum::Text(format!("UQ_{}_{column}", object.name));
                (name, column, 3)
            });
            let mut table = head.to_vec();
            table.extend(vec![Datum::Null; 3]);
            table.push(int(0));
            table.extend(vec![Datum::Null; 6]);
            rows.push(table);
            for (name, column, kind) in keyed.chain(unique) {
                if !fits(given.text(3, "@index_name"), &text(&name)) {
                    continue;
                }
                let mut row = head.to_vec();
                row.extend([int(0), Datum::text(&object.name), name]);
                row.extend([int(kind), int(1), Datum::Text(column), Datum::text("A")]);
                row.extend(vec![Datum::Null; 3]);
                rows.push(row);
            }
        }
        Ok(result(&STATISTICS, rows))
    }
}

fn text(datum: &Datum) -> String {
    match datum {
        Datum::Text(text) => text.clone(),
        _ => String::new(),
    }
}
