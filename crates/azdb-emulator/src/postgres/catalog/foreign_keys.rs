//! Foreign keys, which SQLite tells column by column.

use rusqlite::Connection;

use super::read::{Read, query};
use super::texts::{quoted, quoted_list};

/// The foreign keys of a table, in the order of their declaration.
pub(super) fn foreign_keys(connection: &Connection, table: &str) -> Read<Vec<ForeignKey>> {
    let listed: Vec<(i64, String, String, Option<String>, String, String)> = query(
        connection,
        "select id, \"table\", \"from\", \"to\", on_update, on_delete
         from pragma_foreign_key_list(?1) order by id desc, seq",
        table,
        |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
            ))
        },
    )?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    for (id, target, from, to, on_update, on_delete) in listed {
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let key = ForeignKey {
                target,
                on_update,
                on_delete,
                ..ForeignKey::default()
            };
            keys.push((id, key));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.from.push(from);
            key.to.extend(to);
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// A foreign key.
#[derive(Default)]
pub(super) struct ForeignKey {
    pub(super) target: String,
    pub(super) from: Vec<String>,
    to: Vec<String>,
    on_update: String,
    on_delete: String,
}

impl ForeignKey {
    /// What `pg_get_constraintdef` says.
    pub(super) fn definition(&self) -> String {
        let to = match self.to.as_slice() {
            [] => String::new(),
            to => format!("({})", quoted_list(to)),
        };
        let target = quoted(&self.target);
        let mut text = format!(
            "FOREIGN KEY ({}) REFERENCES {target}{to}",
            quoted_list(&self.from)
        );
        for (event, action) in [("UPDATE", &self.on_update), ("DELETE", &self.on_delete)] {
            if action != "NO ACTION" {
                text.push_str(&format!(" ON {event} {action}"));
            }
        }
        text
    }
}
